"""A run's packets as a capture file: RTP and RTCP of every leg, as they were at the server."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path

from mediasim.captures.pcap import capture_pieces
from mediasim.captures.transport import CaptureTransport
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.media.far_end import Ends, FarEnd, FarEndFormat, FarEndListener
from mediasim.media.leg import Leg, Transport
from mediasim.net.rtp_endpoint import RtpEndpoint
from mediasim.net.udp import Address
from mediasim.scenario.model.scenario import Scenario

__all__ = ["RunCapture"]


def _capture_name(scenario: Scenario) -> str:
    """Return the path of a run's capture, below the folder of its recordings."""
    words = [scenario.name, scenario.label]
    stem = "-".join(re.sub(r"[^\w.=,+-]+", "_", word) for word in words if word)
    return f"captures/{stem.strip('.') or 'run'}.pcap"


class RunCapture:
    """Collects the packets that the legs of a run send and receive; its ``transport`` carries
    them."""

    def __init__(self, scenario: Scenario, within: Transport | None) -> None:
        self.name = _capture_name(scenario)
        """Path of the capture, below the folder of the run's recordings."""
        self.transport = CaptureTransport(within)
        self._scenario = scenario
        self._endpoints: dict[LiveCall, RtpEndpoint] = {}

    def far_ends(
        self, far_end_of: Callable[[LiveCall], FarEnd | None]
    ) -> Callable[[LiveCall], FarEnd | None]:
        """Return far ends like those given that also collect the packets of endpoints elsewhere."""

        def kept(call: LiveCall) -> FarEnd | None:
            far_end = far_end_of(call)
            if not isinstance(far_end, RtpEndpoint):
                return far_end
            self._endpoints[call] = far_end
            described = self._scenario.parties[call.party.name].endpoint
            shared = described is not None and bool(described.rtcp_mux)
            return _Captured(far_end, self.transport, shared)

        return kept

    def write(self, exchange: Exchange, path: Path) -> None:
        """Write the capture of a run that is over. Raises OSError."""
        for call in exchange.calls:
            if call.has_leg:
                for at_ns, packet in call.rtcp:
                    self.transport.add_control(call.leg, at_ns, packet)
        for call, endpoint in self._endpoints.items():
            for at_ns, packet in endpoint.reports:
                self.transport.add_control(call.leg, at_ns, packet, outward=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Renamed when it is whole: a run that is killed leaves no half capture.
        unfinished = path.with_name(f".{path.name}.part")
        with unfinished.open("wb") as file:
            file.writelines(capture_pieces(self.transport.datagrams(exchange.dates.unix_ns)))
        unfinished.replace(path)


class _Captured:
    """A far end elsewhere whose packets are collected."""

    def __init__(self, endpoint: RtpEndpoint, transport: CaptureTransport, shared: bool) -> None:
        self._endpoint = endpoint
        self._transport = transport
        self._shared = shared

    @property
    def format(self) -> FarEndFormat:
        return self._endpoint.format

    def connect(self, leg: Leg, listener: FarEndListener) -> Ends:
        local = _numeric(self._endpoint.local)
        self._endpoint.watcher = self._transport.wire(
            leg, local, self._party, shared_port=self._shared
        )
        return self._endpoint.connect(leg, listener)

    def _party(self) -> Address | None:
        """Return the address of the far end; None until it is known."""
        remote = self._endpoint.remote
        return None if remote is None else _numeric(remote)

    def report(self, packet: bytes) -> None:
        self._endpoint.report(packet)

    def close(self) -> None:
        self._endpoint.close()


def _numeric(address: Address) -> Address:
    """Return an address with the numeric host that packets have."""
    host, port = socket.getaddrinfo(*address, type=socket.SOCK_DGRAM)[0][4][:2]
    return str(host), int(port)
