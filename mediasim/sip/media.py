"""The media of a telephone: what messages offer, what is agreed on (RFC 3264), ports for its RTP.

Codec, where its RTP goes and whether it is held may change with every offer. RTP goes to the host
that signals, or to one that may be called: never elsewhere, and to no name that would have to be
looked up.
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
from mediasim.sip.messages import Request, Response, respond

__all__ = [
    "SDP",
    "MediaAddress",
    "NotAcceptable",
    "SipMedia",
    "UnsupportedBody",
    "accepts_sdp",
    "description_in",
    "refuse_body",
    "text_of",
]

SDP: Final = "application/sdp"
_MOST_PARTS: Final = 32
_HEADERS: Final = ("Content-Type", "Content-Disposition", "Content-Transfer-Encoding")


# -- what a message's body holds, whole or as a part of several (RFC 3261 7.4, RFC 5621) ----------


class UnsupportedBody(ValueError):
    """A body without anything in it that is understood, which is answered 415; says why."""


def description_in(message: Request | Response) -> str:
    """The session description of a message; nothing where it has no body.

    Raises UnsupportedBody.
    """
    return text_of(message, SDP) or ""


def text_of(message: Request | Response, *kinds: str, default: str = SDP) -> str | None:
    """The first body, or part of a body, of one of these types; None where there is none at all.

    ``default`` is the type of a body that names none. Raises UnsupportedBody for a body that is
    compressed, or has no such part, or has another one that must be understood.
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
    """The body's parts, those of parts too; a single body is one part."""
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
    """Whether it takes a session description as an answer (RFC 3261 section 20.1)."""
    ranges = request.headers.get("accept")
    taken = {each.partition(";")[0].strip().lower() for each in ranges}
    return not ranges or bool(taken & {SDP, "application/*", "*/*"})


def refuse_body(request: Request, tag: str = "", accepted: str = SDP) -> Response:
    """The answer 415, with what would be understood."""
    headers = [("Accept", accepted), ("Accept-Encoding", "identity")]
    return respond(request, 415, tag=tag, headers=headers)


# -- what is offered and agreed on ----------------------------------------------------------------


class NotAcceptable(Exception):
    """No audio can be agreed on; says why."""


class MediaAddress:
    """Where a telephone's media may be: ours, and its own."""

    def __init__(self, ours: str, theirs: str, refusal: Callable[[str], str | None]) -> None:
        """``ours`` is our address as it sees it, ``theirs`` the one it signals from;
        ``refusal`` says why any other host is not to be sent anything."""
        self.ours = ours
        self._theirs = theirs
        self._refusal = refusal

    def check(self, host: str) -> None:
        """Raises NotAcceptable for a host that RTP is not to be sent to."""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise NotAcceptable(f"the media address {host[:60]} is no IP address") from None
        if host != self._theirs and (refusal := self._refusal(host)) is not None:
            raise NotAcceptable(refusal)


class SipMedia:
    """One telephone's. Used on the engine's loop; opens its ports at once."""

    def __init__(self, place: MediaAddress, format: FarEndFormat, *, mux: bool = False) -> None:
        """Raises OSError where there are no ports."""
        self.endpoint = RtpEndpoint(
            asyncio.get_running_loop(), format=format, local=(place.ours, 0), rtcp_mux=mux
        )
        self._place = place
        self._mux = mux
        self._settled = False
        """The codec has been agreed on once."""
        self._answered = False
        """An answer to what was offered last has come; a later one may change it or say nothing."""
        self._ours: SessionDescription
        self._offered: SessionDescription | None = None
        """What waits for its answer."""

    @classmethod
    def offering(cls, place: MediaAddress, *, plainest: bool = False) -> SipMedia:
        """For whom we make an offer; ``plainest``: of one codec, that is known before the answer.

        Raises OSError.
        """
        made = cls(place, FarEndFormat(StreamFormat()))
        host, port = made.endpoint.local
        codecs = list(CODECS)[:1] if plainest else None
        made._ours = made._offered = offer(host, port, codecs, session_id=port)
        made._settled = plainest
        return made

    @classmethod
    def answering(cls, place: MediaAddress, text: str) -> SipMedia:
        """For whom has made one. Raises NotAcceptable, OSError."""
        offered = _read(text)
        try:
            _, agreement = answer(offered, place.ours, 1)
        except SdpError as error:
            raise NotAcceptable(str(error)) from None
        made = cls(place, agreement, mux=offered.rtcp_mux)
        try:
            made.change(text)
        except NotAcceptable:
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
        """Our offer, or our answer."""
        return self._ours.text()

    def agree(self, text: str, *, early: bool = False) -> None:
        """Take the answer to our offer. Raises NotAcceptable.

        ``early``: of who still rings, so that another may follow, or none (RFC 3261 13.2.1).
        """
        offered = self._offered
        if not early:
            self._offered = None
        if offered is None or (self._answered and not text.strip()):
            return
        answered = _read(text)
        try:
            agreement = agreed(offered, answered)
        except SdpError as error:
            raise NotAcceptable(str(error)) from None
        self._go_to(answered)
        self.endpoint.set_format(agreement)
        self._settled = self._answered = True
        spoken = (agreement.receives.codec, "TELEPHONE-EVENT")
        streams = tuple(each for each in offered.streams if each.codec in spoken)
        self._ours = replace(offered, streams=streams)  # all that is offered from now on

    def change(self, text: str) -> str:
        """Take an offer, the first or a later one; returns the answer.

        Without any it is for us to offer, which is returned then. Raises NotAcceptable.
        """
        host, port = self.endpoint.local
        version = self._ours.version + 1 if self._settled else 0
        if not text.strip():
            self._ours = self._offered = replace(
                self._ours, version=version, direction="sendrecv", rtcp_mux=False
            )
            self._answered = False
            return self.description()
        offered = _read(text)
        current = self.format
        kept = self._settled and offered.find(current.codec) == current.payload_type
        codecs = [current.codec] if kept else None
        try:
            answered, agreement = answer(
                offered, host, port, codecs, session_id=port, version=version
            )
        except SdpError as error:
            raise NotAcceptable(str(error)) from None
        self._go_to(offered)
        self.endpoint.set_format(agreement)
        self._ours = replace(answered, rtcp_mux=self._mux)
        self._settled = True
        return self.description()

    def _go_to(self, theirs: SessionDescription) -> None:
        """Send there from now on, or nothing to who holds."""
        if theirs.host not in ("0.0.0.0", "::"):  # an old way to hold
            self._place.check(theirs.host)
            self.endpoint.set_remote(
                (theirs.host, theirs.port), (theirs.host, theirs.rtcp_address[1])
            )
        self.endpoint.hold(theirs.holds)

    def close(self) -> None:
        self.endpoint.close()


def _read(text: str) -> SessionDescription:
    try:
        return parse_sdp(text)
    except SdpError as error:
        raise NotAcceptable(str(error)) from None
