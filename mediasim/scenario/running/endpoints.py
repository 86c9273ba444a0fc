"""The endpoints of a scenario: opened for a run, and described as SDP for the programs they are."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from mediasim.audio.codecs import CODECS
from mediasim.documents.diagnostics import Diagnostic, ScenarioError
from mediasim.exchange.live_call import LiveCall
from mediasim.media.far_end import FarEnd, FarEndFormat
from mediasim.net.rtp_endpoint import EndpointError, RtpEndpoint
from mediasim.net.sdp import SdpError, SessionDescription, answer, offer, parse_sdp
from mediasim.parties.party import Party as Answering
from mediasim.rtp.stream import StreamFormat
from mediasim.scenario.model.party import PartySpec, address_of
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.running.failures import RunFailed

__all__ = [
    "EndpointError",
    "Endpoints",
    "RemoteEndpoint",
    "described",
]


class RemoteEndpoint:
    """A party that is an endpoint elsewhere, opened for each of its calls."""

    def __init__(self, party: PartySpec, name: str, base: Path) -> None:
        """Take a party, and the folder ``base`` of its files.

        Raises ScenarioError for a session description that cannot be used.
        """
        assert party.endpoint is not None
        self.endpoint = party.endpoint
        self._remote = _remote(party, name, base)

    def open(self, answering: Answering) -> RtpEndpoint:
        """Open the endpoint on the running event loop, with the jitter buffer of the party that
        answers.

        Raises EndpointError.
        """
        remote, rtcp, format = self._remote
        received = replace(format.receives, depth=answering.depth, conceal=answering.conceal)
        made = RtpEndpoint(
            asyncio.get_running_loop(),
            format=replace(format, receives=received),
            local=address_of(self.endpoint.local),
            remote=remote,
            rtcp_mux=self.endpoint.rtcp_mux,
        )
        made.rtcp_remote = rtcp
        return made


class Endpoints:
    """The endpoints of one run by the parties' names. A port that was named serves one call at a
    time."""

    def __init__(self, scenario: Scenario) -> None:
        """Take the endpoints of a scenario.

        Raises ScenarioError for a session description that cannot be used.
        """
        self._elsewhere = {
            name: RemoteEndpoint(party, name, scenario.base)
            for name, party in scenario.parties.items()
            if party.endpoint is not None
        }
        self.opened: dict[str, RtpEndpoint] = {}
        """The latest endpoint of each party."""

    def far_end(self, call: LiveCall) -> FarEnd | None:
        """Return the far end of a call that is answered; None for a simulated party.

        Raises RunFailed if it cannot be opened.
        """
        elsewhere = self._elsewhere.get(call.party.name)
        if elsewhere is None:
            return None
        try:
            made = self.opened[call.party.name] = elsewhere.open(call.party)
        except EndpointError as error:
            raise RunFailed(str(error)) from None
        return made


_Remote = tuple[tuple[str, int] | None, tuple[str, int] | None, FarEndFormat]


def _remote(party: PartySpec, name: str, base: Path) -> _Remote:
    """Return the addresses at which a party receives RTP and RTCP, and its format.

    Raises ScenarioError for a session description that cannot be used.
    """
    endpoint = party.endpoint
    assert endpoint is not None
    if endpoint.sdp is None:
        remote = None if endpoint.remote is None else address_of(endpoint.remote)
        return remote, None, _format(party)
    file = base / endpoint.sdp
    try:
        found = parse_sdp(file.read_text("utf-8", errors="replace"))
        _, format = answer(found, "", 0, [party.codec])
    except SdpError as error:
        raise ScenarioError(
            [Diagnostic(str(error), f"parties.{name}.endpoint.sdp", file)]
        ) from None
    return (found.host, found.port), found.rtcp_address, format


def _format(party: PartySpec) -> FarEndFormat:
    """Return the format of an endpoint without a session description."""
    endpoint = party.endpoint
    assert endpoint is not None
    number = endpoint.payload_type
    if number is None:
        number = CODECS[party.codec].payload_type
    received = StreamFormat(
        codec=party.codec, payload_type=number, event_payload_type=endpoint.dtmf
    )
    return FarEndFormat(received, codec=party.codec, payload_type=number)


def described(scenario: Scenario, name: str, *, of_peer: bool) -> SessionDescription:
    """Return the session description of a party's address at the server, or (``of_peer``) of what
    the party itself receives.

    Raises ScenarioError if no port is known.
    """
    party = scenario.parties[name]
    endpoint = party.endpoint
    if endpoint is None:
        raise ScenarioError([Diagnostic("is simulated; expected a party with endpoint", name)])
    remote, _, format = _remote(party, name, scenario.base)
    address = remote if of_peer else address_of(endpoint.local)
    if address is None or not address[1]:
        which = "remote, where it receives" if of_peer else "local with a port"
        raise ScenarioError([Diagnostic(f"expected {which}", f"parties.{name}.endpoint")])
    made = offer(
        *address,
        [party.codec],
        event_payload_type=format.receives.event_payload_type,
        ptime=party.ptime,
        rtcp_mux=endpoint.rtcp_mux,
    )
    codec, *events = made.streams
    number = format.payload_type if of_peer else format.receives.payload_type
    return replace(made, streams=(replace(codec, payload_type=number), *events))
