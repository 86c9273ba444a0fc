"""The media of a telephone: its session descriptions, offers and answers (RFC 3264), RTP ports.

Codec, RTP address and hold may change with every offer. RTP is sent only to the host that signals
or to an allowed one, and to no name that would need a DNS lookup.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.message import Message
from email.parser import BytesParser
from typing import Final

from mediasim.audio.codecs import CODECS
from mediasim.media.far_end import FarEndFormat
from mediasim.net.rtp_endpoint import RtpEndpoint
from mediasim.net.sdp import (
    SdpError,
    SessionDescription,
    agreed,
    answer,
    offer,
    parse_sdp,
)
from mediasim.rtp.stream import StreamFormat
from mediasim.sip.messages import Request, Response

__all__ = [
    "SDP",
    "MediaAddress",
    "SipMedia",
    "UnsupportedBody",
    "accepted_bodies",
    "accepts_sdp",
    "description_in",
    "text_of",
]

SDP: Final = "application/sdp"
_MOST_PARTS: Final = 32
_HEADERS: Final = ("Content-Type", "Content-Disposition", "Content-Transfer-Encoding")


# -- message bodies, whole or in several parts (RFC 3261 7.4, RFC 5621) ---------------------------


class UnsupportedBody(ValueError):
    """Raised for a body that is not supported, to be answered 415; the message says why."""


def description_in(message: Request | Response) -> str:
    """Return the session description of a message; empty if it has no body.

    Raises UnsupportedBody.
    """
    return text_of(message, SDP) or ""


def text_of(message: Request | Response, *kinds: str, default: str = SDP) -> str | None:
    """Return the body, or the first part of it, of one of these types; None without a body.

    ``default`` is the type of a body that names none. Raises UnsupportedBody for a body that is
    compressed, has no such part, or has another part whose handling is required.
    """
    if not message.body:
        return None
    encoding = (message.get_header("content-encoding") or "identity").strip().lower()
    if encoding != "identity":
        raise UnsupportedBody(f"expected a body that is not encoded, found {encoding[:40]}")
    parts = list(_parts(message, default))
    found: str | None = None
    for part in parts:
        if found is None and part.get_content_type() in kinds:
            payload = part.get_payload(decode=True)
            found = payload.decode(errors="replace") if isinstance(payload, bytes) else ""
        elif part.get_content_type() not in kinds and _handling(part) == "required":
            raise UnsupportedBody(f"{part.get_content_type()} is not understood")
    if found is None and not all(_handling(part) == "optional" for part in parts):
        raise UnsupportedBody(f"expected {' or '.join(kinds)}, found none")
    return found


def _parts(message: Request | Response, default: str) -> Iterator[Message]:
    """Yield the parts of a body, nested ones too; a single body is one part."""
    head = [f"{name}: {value}" for name in _HEADERS if (value := message.get_header(name))]
    if not message.get_header("content-type"):
        head.append(f"Content-Type: {default}")
    whole = BytesParser().parsebytes("\r\n".join(head).encode() + b"\r\n\r\n" + message.body)
    leaves = (part for part in whole.walk() if not part.is_multipart())
    for _, part in zip(range(_MOST_PARTS), leaves, strict=False):
        yield part


def _handling(part: Message) -> str:
    return str(part.get_param("handling", "", "content-disposition")).lower()


def accepts_sdp(request: Request) -> bool:
    """Return whether the sender accepts a session description (RFC 3261 section 20.1)."""
    ranges = request.headers.get("accept")
    taken = {each.partition(";")[0].strip().lower() for each in ranges}
    return not ranges or bool(taken & {SDP, "application/*", "*/*"})


def accepted_bodies(*kinds: str) -> list[tuple[str, str]]:
    """Return the headers of a 415 that list the accepted types, by default SDP."""
    return [("Accept", ", ".join(kinds or (SDP,))), ("Accept-Encoding", "identity")]


# -- offer and answer -----------------------------------------------------------------------------


class MediaAddress:
    """The addresses that the media of a telephone may have: the local one and its own."""

    def __init__(self, local: str, peer: str, refusal: Callable[[str], str | None]) -> None:
        """``local`` is the local address as the telephone sees it, ``peer`` its own.

        ``refusal`` returns why another host is not allowed, or None.
        """
        self.local = local
        self._peer = peer
        self._refusal = refusal

    def check(self, host: str) -> None:
        """Check that RTP may be sent to a host. Raises SdpError."""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise SdpError(f"the media address {host[:60]} is no IP address") from None
        if host != self._peer and (refusal := self._refusal(host)) is not None:
            raise SdpError(refusal)


class SipMedia:
    """The media session of one telephone. Used on the engine's loop; opens its ports at once."""

    def __init__(self, address: MediaAddress, format: FarEndFormat, *, mux: bool = False) -> None:
        """Raises OSError if no ports are free."""
        self.endpoint = RtpEndpoint(
            asyncio.get_running_loop(), format=format, local=(address.local, 0), rtcp_mux=mux
        )
        self._address = address
        self._mux = mux
        self._settled = False
        """Whether a codec has been agreed on."""
        self._answered = False
        """Whether the last offer has an answer; a later one may change it or be empty."""
        self._local: SessionDescription
        self._offered: SessionDescription | None = None
        """The local offer that awaits its answer."""

    @classmethod
    def offering(cls, address: MediaAddress, *, plainest: bool = False) -> SipMedia:
        """Create a session with a local offer; ``plainest`` offers one codec alone.

        Then the codec is known before the answer. Raises OSError.
        """
        made = cls(address, FarEndFormat(StreamFormat()))
        host, port = made.endpoint.local
        codecs = list(CODECS)[:1] if plainest else None
        made._local = made._offered = offer(host, port, codecs, session_id=port)
        made._settled = plainest
        return made

    @classmethod
    def answering(cls, address: MediaAddress, text: str) -> SipMedia:
        """Create a session that answers an offer. Raises SdpError, OSError."""
        offered = parse_sdp(text)
        _, agreement = answer(offered, address.local, 1)
        made = cls(address, agreement, mux=offered.rtcp_mux)
        try:
            made.change(text)
        except SdpError:
            made.close()
            raise
        return made

    @property
    def format(self) -> FarEndFormat:
        return self.endpoint.format

    @property
    def awaits_answer(self) -> bool:
        return self._offered is not None

    def description(self) -> str:
        """Return the local offer or answer as SDP."""
        return self._local.text()

    def agree(self, text: str, *, early: bool = False) -> None:
        """Apply the answer to the local offer. Raises SdpError.

        ``early`` marks that of a provisional response: another answer, or none, may follow in the
        final one (RFC 3261 section 13.2.1).
        """
        offered = self._offered
        if not early:
            self._offered = None
        if offered is None or (self._answered and not text.strip()):
            return
        answered = parse_sdp(text)
        agreement = agreed(offered, answered)
        self._apply_remote(answered)
        self.endpoint.set_format(agreement)
        self._settled = self._answered = True
        spoken = (agreement.receives.codec, "TELEPHONE-EVENT")
        streams = tuple(each for each in offered.streams if each.codec in spoken)
        self._local = replace(offered, streams=streams)  # later offers keep the agreed codec

    def change(self, text: str) -> str:
        """Apply an offer, the first or a later one, and return the answer.

        Without an offer (``text`` is empty) a local one is returned. Raises SdpError.
        """
        host, port = self.endpoint.local
        # Each new description of a session has a higher version (RFC 3264 section 8).
        version = self._local.version + 1 if self._settled else 0
        if not text.strip():
            self._local = self._offered = replace(
                self._local, version=version, direction="sendrecv", rtcp_mux=False
            )
            self._answered = False
            return self.description()
        offered = parse_sdp(text)
        current = self.format
        # A codec that is offered again is kept, so that no new decoder interrupts the audio.
        kept = self._settled and offered.find(current.codec) == current.payload_type
        codecs = [current.codec] if kept else None
        answered, agreement = answer(offered, host, port, codecs, session_id=port, version=version)
        self._apply_remote(offered)
        self.endpoint.set_format(agreement)
        self._local = replace(answered, rtcp_mux=self._mux)
        self._settled = True
        return self.description()

    def _apply_remote(self, remote: SessionDescription) -> None:
        """Send RTP to the peer's address, or nothing while it holds."""
        if remote.host not in ("0.0.0.0", "::"):  # hold as of RFC 2543: no address to send to
            self._address.check(remote.host)
            self.endpoint.set_remote(
                (remote.host, remote.port), (remote.host, remote.rtcp_address[1])
            )
        self.endpoint.hold(remote.holds)

    def close(self) -> None:
        self.endpoint.close()
