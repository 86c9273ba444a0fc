"""Session descriptions of one audio stream: parsed, offered, answered (RFC 8866, RFC 3264).

It covers the agreement on a codec and on where RTP goes, and nothing else. Other streams of an
offer are refused in the answer, as RFC 3264 section 6 demands. Static payload types need no rtpmap
line (RFC 3551 table 4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, get_args

from mediasim.audio.codecs import CODECS, EVENT_TYPE, NO_TYPE, NOISE_TYPE
from mediasim.media.far_end import FarEndFormat
from mediasim.rtp.stream import StreamFormat

__all__ = [
    "Direction",
    "PayloadFormat",
    "SdpError",
    "SessionDescription",
    "agreed",
    "answer",
    "offer",
    "parse_sdp",
]

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]

_MIRRORED: Final[dict[Direction, Direction]] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}
_MOST_CHARACTERS: Final = 65_536


class SdpError(ValueError):
    """Raised for a description that cannot be used; says what is wrong and what would be right."""


@dataclass(frozen=True, slots=True)
class PayloadFormat:
    """One payload type of an audio stream."""

    payload_type: int
    encoding: str
    """Encoding, clock rate and channels as in an rtpmap line: PCMU/8000."""

    @property
    def codec(self) -> str:
        """The codec's name here, or for an unknown one its encoding in capitals."""
        return self.encoding.partition("/")[0].upper()

    @property
    def clock(self) -> int:
        """Timestamp units per second; 0 if not given."""
        rate = self.encoding.split("/")[1:2]
        return int(rate[0]) if rate and rate[0].isdigit() else 0


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """The audio of a session, as one side describes it."""

    host: str
    """Address that its RTP is to be sent to."""
    port: int
    """Port that its RTP is to be sent to."""
    streams: tuple[PayloadFormat, ...]
    """Formats in the order of preference."""
    direction: Direction = "sendrecv"
    ptime: int = 20
    """Milliseconds of audio in a packet."""
    rtcp_mux: bool = False
    """Whether RTCP shares the port of RTP (RFC 5761)."""
    rtcp: tuple[str, int] | None = None
    """Address that RTCP is to be sent to; None: by the default rule."""
    session_id: int = 0
    version: int = 0
    protocol: str = "RTP/AVP"
    sections: tuple[str, ...] = field(default=("audio",))
    """The m= lines, this stream's as ``audio``."""

    def find(self, codec: str, clock: int | None = None) -> int | None:
        """Return the payload type of a codec; None if it is not offered."""
        for stream in self.streams:
            if stream.codec == codec and clock in (None, stream.clock):
                return stream.payload_type
        return None

    @property
    def rtcp_address(self) -> tuple[str, int]:
        """Address that RTCP is to be sent to."""
        if self.rtcp is not None:
            return self.rtcp
        return self.host, self.port if self.rtcp_mux else self.port + 1

    @property
    def holds(self) -> bool:
        """Whether this side wants nothing sent to it (RFC 3264 section 8.4)."""
        return self.direction in ("sendonly", "inactive") or self.host in ("0.0.0.0", "::")

    def text(self) -> str:
        """Return the description as it is sent."""
        return "\r\n".join(self._lines()) + "\r\n"

    def _lines(self) -> Iterator[str]:
        kind = "IP6" if ":" in self.host else "IP4"
        yield "v=0"
        yield f"o=mediasim {self.session_id} {self.version} IN {kind} {self.host}"
        yield "s=mediasim"
        yield f"c=IN {kind} {self.host}"
        yield "t=0 0"
        for section in self.sections:
            if section != "audio":
                yield f"m={section}"
                continue
            numbers = " ".join(str(stream.payload_type) for stream in self.streams)
            yield f"m=audio {self.port} {self.protocol} {numbers}"
            for stream in self.streams:
                yield f"a=rtpmap:{stream.payload_type} {stream.encoding}"
                if stream.codec == "TELEPHONE-EVENT":
                    yield f"a=fmtp:{stream.payload_type} 0-16"
            yield f"a=ptime:{self.ptime}"
            if self.rtcp_mux:
                yield "a=rtcp-mux"
            elif self.rtcp is not None:
                yield f"a=rtcp:{self.rtcp[1]} IN {kind} {self.rtcp[0]}"
            yield f"a={self.direction}"


def offer(
    host: str,
    port: int,
    codecs: Sequence[str] | None = None,
    *,
    event_payload_type: int | None = EVENT_TYPE,
    direction: Direction = "sendrecv",
    ptime: int = 20,
    rtcp_mux: bool = False,
    session_id: int = 0,
    version: int = 0,
) -> SessionDescription:
    """Describe what a leg can receive; ``codecs`` in the order of preference, None for all."""
    rows = [CODECS[name] for name in (CODECS if codecs is None else codecs)]
    streams = [PayloadFormat(codec.payload_type, codec.rtpmap) for codec in rows]
    if event_payload_type is not None:
        streams.append(PayloadFormat(event_payload_type, "telephone-event/8000"))
    return SessionDescription(
        host,
        port,
        tuple(streams),
        direction=direction,
        ptime=ptime,
        rtcp_mux=rtcp_mux,
        session_id=session_id,
        version=version,
    )


def answer(
    offered: SessionDescription,
    host: str,
    port: int,
    codecs: Sequence[str] | None = None,
    *,
    session_id: int = 0,
    version: int = 0,
) -> tuple[SessionDescription, FarEndFormat]:
    """Answer an offer with its first codec that is among ``codecs``; also return the formats.

    Without ``codecs`` any known codec is accepted. Raises SdpError if there is none.
    """
    codecs = tuple(CODECS) if codecs is None else codecs
    chosen = next((stream for stream in offered.streams if stream.codec in codecs), None)
    if chosen is None:
        found = ", ".join(stream.encoding for stream in offered.streams) or "none"
        raise SdpError(f"expected one of the codecs {', '.join(codecs)}, found {found}")
    events = _events_of(offered, chosen)
    streams = [chosen] + ([events] if events is not None else [])
    made = SessionDescription(
        host,
        port,
        tuple(streams),
        direction=_MIRRORED[offered.direction],
        ptime=offered.ptime,
        rtcp_mux=offered.rtcp_mux,
        session_id=session_id,
        version=version,
        protocol=offered.protocol,
        sections=offered.sections,
    )
    return made, _format(chosen, chosen, events)


def agreed(offered: SessionDescription, answered: SessionDescription) -> FarEndFormat:
    """Return the formats agreed on by an answer to our offer. Raises SdpError if there is none."""
    both = [
        (ours, theirs)
        for theirs in answered.streams
        for ours in offered.streams
        if ours.codec == theirs.codec and ours.codec in CODECS
    ]
    if both:
        ours, theirs = both[0]
        made = _format(ours, theirs, _events_of(offered, ours))
        # It may send any of what it answered with, and changes as it likes (RFC 3264 section 6.1).
        others = tuple((other.payload_type, other.codec) for other, _ in both[1:])
        return replace(made, receives=replace(made.receives, others=others))
    found = ", ".join(stream.encoding for stream in answered.streams) or "none"
    raise SdpError(f"expected a codec that was offered, found {found}")


def _events_of(described: SessionDescription, chosen: PayloadFormat) -> PayloadFormat | None:
    """Return the telephone events (RFC 4733) for a format: of its clock rate, or else any."""
    events = [each for each in described.streams if each.codec == "TELEPHONE-EVENT"]
    same_clock = [each for each in events if each.clock == chosen.clock]
    return next(iter(same_clock + events), None)


def _format(
    received: PayloadFormat, sent: PayloadFormat, events: PayloadFormat | None
) -> FarEndFormat:
    return FarEndFormat(
        StreamFormat(
            codec=received.codec,
            payload_type=received.payload_type,
            event_payload_type=events.payload_type if events is not None else NO_TYPE,
        ),
        codec=sent.codec,
        payload_type=sent.payload_type,
    )


# -- reading ------------------------------------------------------------------------------------


def parse_sdp(text: str) -> SessionDescription:
    """Parse the first audio stream of a description whose codec is known. Raises SdpError.

    Other lines are ignored, as RFC 8866 section 5 demands.
    """
    if len(text) > _MOST_CHARACTERS:
        raise SdpError(f"expected at most {_MOST_CHARACTERS} characters, found {len(text)}")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or lines[0] != "v=0":
        raise SdpError(f"expected v=0 in the first line, found {(lines or ['nothing'])[0][:40]!r}")
    session: list[str] = []
    sections: list[list[str]] = []
    for line in lines:
        if line.startswith("m="):
            if len(line[2:].split()) < 4:
                raise SdpError(f"expected m=<media> <port> <protocol> <formats>, found {line!r}")
            sections.append([])
        (sections[-1] if sections else session).append(line)
    number, found = _chosen(session, sections)
    refused = [_refused(section[0]) for section in sections]
    return replace(found, sections=(*refused[:number], "audio", *refused[number + 1 :]))


def _chosen(
    session: Sequence[str], sections: Sequence[Sequence[str]]
) -> tuple[int, SessionDescription]:
    """Return the first audio stream with a known codec, or else the first audio stream."""
    spoken: list[tuple[int, SessionDescription]] = []
    wrong: SdpError | None = None
    for number, section in enumerate(sections):
        kind, port = section[0][2:].split()[:2]
        if kind != "audio" or port.partition("/")[0] == "0":
            continue
        try:
            spoken.append((number, _audio(session, section)))
        except SdpError as error:
            wrong = wrong or error
    if not spoken:
        raise wrong or SdpError("expected an audio stream (m=audio) with a port, found none")
    ours = (one for one in spoken if any(each.codec in CODECS for each in one[1].streams))
    return next(ours, spoken[0])


def _refused(line: str) -> str:
    """Return a stream's m= line as it is refused: with port 0 (RFC 3264 section 6)."""
    kind, _, *rest = line[2:].split()
    return " ".join([kind, "0", *rest])


def _audio(session: Sequence[str], audio: Sequence[str]) -> SessionDescription:
    words = audio[0][2:].split()
    protocol = words[2].upper()
    if protocol not in ("RTP/AVP", "RTP/AVPF"):
        raise SdpError(f"expected plain RTP (RTP/AVP), found {protocol}")
    port = _number(words[1].partition("/")[0], "a port", 1, 65535)
    maps = {codec.payload_type: codec.rtpmap for codec in CODECS.values() if codec.is_static}
    maps[NOISE_TYPE] = "CN/8000"
    for value in _attributes(audio, "rtpmap"):
        number, _, encoding = value.partition(" ")
        maps[_number(number, "a payload type", 0, 127)] = encoding.strip()
    streams = tuple(
        PayloadFormat(number, maps[number])
        for number in (_number(word, "a payload type", 0, 127) for word in words[3:])
        if number in maps
    )
    ptime = next(iter(_attributes(audio, "ptime")), "20")
    rtcp = next(iter(_attributes(audio, "rtcp")), None)
    host = _host(audio) or _host(session)
    if host is None:
        raise SdpError("expected an address (c=IN IP4 ...) of the session or the stream")
    origin = next((line.split() for line in session if line.startswith("o=")), [])
    numbers = [int(word) if word.isdigit() else 0 for word in origin[1:3]] or [0, 0]
    return SessionDescription(
        host,
        port,
        streams,
        protocol=protocol,
        direction=_direction(audio) or _direction(session) or "sendrecv",
        ptime=int(ptime) if ptime.isdigit() and ptime != "0" else 20,
        rtcp_mux="a=rtcp-mux" in audio,
        rtcp=None if rtcp is None else _rtcp(rtcp, host),
        session_id=numbers[0],
        version=numbers[-1],
    )


def _attributes(lines: Sequence[str], name: str) -> Iterator[str]:
    start = f"a={name}:"
    return (line[len(start) :].strip() for line in lines if line.startswith(start))


def _host(lines: Sequence[str]) -> str | None:
    for line in lines:
        if line.startswith("c="):
            words = line[2:].split()
            if len(words) != 3 or words[0] != "IN" or words[1] not in ("IP4", "IP6"):
                raise SdpError(f"expected c=IN IP4 <address> or c=IN IP6 <address>, found {line!r}")
            return words[2].partition("/")[0]
    return None


def _direction(lines: Sequence[str]) -> Direction | None:
    return next((each for each in get_args(Direction) if f"a={each}" in lines), None)


def _rtcp(value: str, host: str) -> tuple[str, int]:
    words = value.split()
    port = _number(words[0] if words else "", "a port of RTCP", 1, 65535)
    return (words[3] if len(words) == 4 else host), port


def _number(word: str, what: str, least: int, most: int) -> int:
    if not (word.isascii() and word.isdigit() and least <= int(word) <= most):
        raise SdpError(f"expected {what} from {least} to {most}, found {word[:20]!r}")
    return int(word)
