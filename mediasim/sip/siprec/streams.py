"""The streams of a recording session: their descriptions, and the RTP that goes out.

A stream is one track: an m= line with a label, sent only. Its packets are those of the track's
frames, to the sample, so that all streams of a session are on one clock; sender reports say so to
the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.codecs import CODECS
from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES
from mediasim.media.far_end import FarEndFormat
from mediasim.media.reports import sender_report
from mediasim.net.rtp_endpoint import RtpEndpoint
from mediasim.net.sdp import SdpError, SessionDescription, agreed, offer, parse_sdp
from mediasim.net.udp import UNSENT
from mediasim.rtp.rtcp import Bye, ReceiverReport, SourceDescription, build
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.stream import StreamFormat
from mediasim.sip.siprec.metadata import LABELS

__all__ = ["ForkedStream", "MediaPath", "UdpPath", "described", "sections_of"]

_G711: Final = (0, 8)
_CODECS: Final = tuple(name for name, row in CODECS.items() if row.payload_type in _G711)
_REPORT_FRAMES: Final = 250
"""Frames from one sender report to the next: five seconds."""


class MediaPath(Protocol):
    """The way of one stream's packets to the server."""

    @property
    def local(self) -> tuple[str, int]:
        """The address that they come from."""

    def aim(self, remote: tuple[str, int], rtcp: tuple[str, int]) -> None:
        """Send RTP and RTCP to these addresses from now on."""

    def send(self, packet: bytes) -> None:
        """Send an RTP packet."""

    def report(self, packet: bytes) -> None:
        """Send an RTCP packet."""

    def close(self) -> None:
        """Close its ports."""


class UdpPath:
    """The way over a pair of UDP ports."""

    def __init__(self, host: str) -> None:
        """Raises OSError if no ports are free."""
        form = FarEndFormat(StreamFormat())
        self._endpoint = RtpEndpoint(asyncio.get_running_loop(), format=form, local=(host, 0))

    @property
    def local(self) -> tuple[str, int]:
        return self._endpoint.local

    def aim(self, remote: tuple[str, int], rtcp: tuple[str, int]) -> None:
        self._endpoint.set_remote(remote, rtcp)

    def send(self, packet: bytes) -> None:
        if self._endpoint.remote is None:
            return
        try:
            self._endpoint.socket.sendto(packet, self._endpoint.remote)
        except UNSENT as error:
            self._endpoint.refused(error)

    def report(self, packet: bytes) -> None:
        self._endpoint.report(packet)

    def close(self) -> None:
        self._endpoint.close()


class ForkedStream:
    """One track of a call on its way to a recorder."""

    def __init__(self, track: str, path: MediaPath, key: str) -> None:
        """``key`` decides SSRC, first number and first timestamp."""
        self.track = track
        self.path = path
        host, port = path.local
        self.offered = offer(
            host, port, _CODECS, event_payload_type=None, direction="sendonly", session_id=port
        )
        digest = blake2b(f"{key}/{track}".encode(), digest_size=10).digest()
        self._draws = [int.from_bytes(digest[at : at + 4], "big") for at in (0, 4)]
        self._draws.append(int.from_bytes(digest[8:], "big"))
        self._sender: RtpSender | None = None
        self._paused = False
        self._frames = 0

    @property
    def taken(self) -> bool:
        """Whether the server has accepted the stream."""
        return self._sender is not None

    def agree(self, answered: SessionDescription | None, check: Callable[[str], None]) -> None:
        """Apply the server's answer; None: it does not take the stream.

        ``check`` raises SdpError for a host that nothing may be sent to. Raises SdpError.
        """
        if answered is None:
            self._paused = True
            return
        form = agreed(self.offered, answered)
        if answered.host not in ("0.0.0.0", "::"):
            check(answered.host)
            self.path.aim((answered.host, answered.port), answered.rtcp_address)
        self._paused = answered.holds  # "sendonly" of an answer would be wrong; inactive pauses
        if self._sender is None:
            ssrc, timestamp, sequence = self._draws
            self._sender = RtpSender(
                form.codec,
                ssrc=ssrc,
                payload_type=form.payload_type,
                first_sequence=sequence,
                first_timestamp=timestamp,
            )
        elif (self._sender.codec, self._sender.payload_type) != (form.codec, form.payload_type):
            ssrc = self._sender.ssrc
            self._sender = self._sender.changed_to(form.codec, form.payload_type, ssrc=ssrc)

    def send(self, first_frame: int, pcm: NDArray[np.int16], unix_ns: Callable[[int], int]) -> None:
        """Send frames, (samples,), unless the server has paused the stream."""
        sender = self._sender
        if sender is None or self._paused:
            return
        frames = pcm.reshape(-1, FRAME_SAMPLES)
        for packets in sender.packets(frames, first_frame):
            for packet in packets:
                self.path.send(packet.tobytes())
        before, self._frames = self._frames, self._frames + len(frames)
        if not before or before // _REPORT_FRAMES != self._frames // _REPORT_FRAMES:
            self._report(sender, (first_frame + len(frames)) * FRAME_NS, unix_ns)

    def _report(self, sender: RtpSender, now_ns: int, unix_ns: Callable[[int], int]) -> None:
        named = SourceDescription(((sender.ssrc, "src@mediasim"),))
        self.path.report(build([sender_report(sender, now_ns, unix_ns(now_ns)), named]))

    def close(self) -> None:
        """Send an RTCP BYE and close the ports."""
        if self._sender is not None:
            named = SourceDescription(((self._sender.ssrc, "src@mediasim"),))
            empty = ReceiverReport(self._sender.ssrc, ())  # a compound begins with a report
            self.path.report(build([empty, named, Bye((self._sender.ssrc,))]))
        self.path.close()


def described(streams: Sequence[ForkedStream], version: int) -> str:
    """Return the session description of streams: an m= line with a label for each."""
    session: list[str] = []
    lines: list[str] = []
    for stream in streams:
        whole = replace(stream.offered, version=version).text().splitlines()
        start = next(number for number, line in enumerate(whole) if line.startswith("m="))
        session = session or whole[:start]
        lines += [*whole[start:], f"a=label:{LABELS[stream.track]}"]
    return "\r\n".join([*session, *lines]) + "\r\n"


def sections_of(text: str) -> list[SessionDescription | None]:
    """Parse each m= line of a description by itself; None for one that is refused (port 0).

    Raises SdpError.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    starts = [number for number, line in enumerate(lines) if line.startswith("m=")]
    if not starts:
        raise SdpError("expected an m= line for each stream, found none")
    found: list[SessionDescription | None] = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        port = next(iter(lines[start].split()[1:]), "0")
        section = [*lines[: starts[0]], *lines[start:end]]
        found.append(None if port.partition("/")[0] == "0" else parse_sdp("\r\n".join(section)))
    return found
