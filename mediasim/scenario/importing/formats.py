"""The codecs of a captured direction, by its payload types.

Static ones are RFC 3551's. Nothing in RTP says what a dynamic one is: the capture's session
descriptions may, or the user has to. A dynamic type whose payloads all have four bytes is taken for
telephone events (RFC 4733): no audio is that short.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from mediasim.audio.codecs import CODECS, NO_TYPE, NOISE_TYPE, STATIC_TYPES, codec_named
from mediasim.captures.rtp_streams import CapturedDirection
from mediasim.rtp.packets import PacketBlock, Parsed, parse
from mediasim.rtp.stream import StreamFormat
from mediasim.scenario.importing.captured_call import ImportRefused

__all__ = ["EVENTS", "NOISE", "DirectionFormat", "block_of", "format_of", "parse_codec"]

EVENTS: Final = "TELEPHONE-EVENT"
"""Name of telephone events among the codecs."""
NOISE: Final = "CN"
"""Name of comfort noise among the codecs."""
_EVENT_BYTES: Final = 4
"""Bytes of a telephone event's payload (RFC 4733, section 2.3)."""


@dataclass(frozen=True, slots=True)
class DirectionFormat:
    """The format in which a captured direction is read."""

    receives: StreamFormat
    ptime_ms: int
    """Milliseconds of audio in most of its packets."""
    others: Mapping[int, int]
    """Number of packets by payload type, of the types that are not read."""

    @property
    def untimed(self) -> frozenset[int]:
        """Payload types whose timestamps do not say when a packet was sent."""
        return frozenset((self.receives.event_payload_type,))


def parse_codec(argument: str) -> tuple[int, str]:
    """Return the payload type and the codec of an argument such as ``96=opus``. Raises
    ImportRefused."""
    number, _, text = argument.partition("=")
    codec = codec_named(text.lower()) or codec_named(text.upper())
    name = text.upper() if codec is None else codec.name
    if not number.isdecimal() or int(number) >= NO_TYPE or name not in _read():
        names = ", ".join(each.lower() for each in _read())
        raise ImportRefused(
            f"expected --codec NUMBER=NAME with a payload type below 128 and one of {names}; "
            f"found {argument!r}"
        )
    return int(number), name


def _read() -> tuple[str, ...]:
    """Return the names of the codecs that are read."""
    return (*CODECS, EVENTS, NOISE)


def _known(names: Mapping[int, str]) -> dict[int, str]:
    """Return the codecs of payload types: the static ones, and over them those that have
    ``names``."""
    static = {codec.payload_type: name for name, codec in CODECS.items() if codec.is_static}
    read = {kind: name for kind, name in names.items() if name in _read()}
    return static | {NOISE_TYPE: NOISE} | read


def block_of(direction: CapturedDirection, zero_ns: int = 0) -> PacketBlock:
    """Return the packets of a direction, their arrival in nanoseconds after ``zero_ns``."""
    packets = direction.packets
    length = np.array([len(packet.payload) for packet in packets], np.int64)
    data = np.zeros((len(packets), int(length.max(initial=0))), np.uint8)
    for row, packet in zip(data, packets, strict=True):
        row[: len(packet.payload)] = np.frombuffer(packet.payload, np.uint8)
    return PacketBlock(
        data, length, np.array([packet.at_ns - zero_ns for packet in packets], np.int64)
    )


def format_of(
    direction: CapturedDirection, names: Mapping[int, str], depth: int
) -> DirectionFormat:
    """Return the format of a direction; ``names`` are codecs of payload types, over the static
    ones.

    All types that are known are heard. Raises ImportRefused if the type that most of its packets
    have is not known.
    """
    if direction.silent:
        return DirectionFormat(StreamFormat(depth=depth), 20, {})
    block = block_of(direction)
    parsed = parse(block.data, block.length)
    kinds, counts = np.unique(parsed.payload_type[parsed.ok], return_counts=True)
    by_count = dict(zip(kinds.tolist(), counts.tolist(), strict=True))
    known = _known(names)
    for kind in by_count:
        if kind not in STATIC_TYPES and kind not in known and _are_events(parsed, kind):
            known[kind] = EVENTS
    audio = [kind for kind in by_count if known.get(kind) not in (EVENTS, NOISE)]
    if not audio:
        raise ImportRefused(f"{_place(direction)} holds no audio, only events or comfort noise")
    kind = min(audio, key=lambda each: (-by_count[each], each))
    if kind not in known and kind in names:
        raise ImportRefused(f"{_place(direction)} is {names[kind]!r}, which is not read here")
    if kind not in known:
        what = "is none that is read here" if kind in STATIC_TYPES else "is not static"
        raise ImportRefused(
            f"{_place(direction)} has payload type {kind}, which {what}: say what it is, as in "
            f"--codec {kind}=opus"
        )
    read = {name: each for each in by_count if (name := known.get(each)) in (EVENTS, NOISE)}
    codec = known[kind]
    heard = [each for each in audio if each != kind and each in known]
    received = StreamFormat(
        codec=codec,
        payload_type=kind,
        others=tuple((each, known[each]) for each in heard),
        event_payload_type=read.get(EVENTS, NO_TYPE),
        noise_payload_type=read.get(NOISE, NO_TYPE),
        depth=depth,
    )
    others = {
        each: by_count[each] for each in by_count if each not in (kind, *heard, *read.values())
    }
    return DirectionFormat(received, _ptime_ms(parsed, kind, CODECS[codec].clock_rate), others)


def _are_events(parsed: Parsed, kind: int) -> bool:
    """Return whether all packets of a payload type have the size of a telephone event."""
    sizes = parsed.size[parsed.ok & (parsed.payload_type == kind)]
    return bool((sizes == _EVENT_BYTES).all())


def _ptime_ms(parsed: Parsed, kind: int, clock_rate: int) -> int:
    """Return the milliseconds of audio in most packets, by the steps of their timestamps; 20 if
    there are none."""
    stamps = parsed.timestamp[parsed.ok & (parsed.payload_type == kind)].astype(np.int64)
    # Timestamps wrap at 32 bits; steps of more than 200 ms are pauses.
    steps = np.diff(stamps) & 0xFFFFFFFF
    usual, counts = np.unique(steps[(steps > 0) & (steps <= clock_rate // 5)], return_counts=True)
    if not len(usual):
        return 20
    return max(1, int(usual[np.argmax(counts)]) * 1000 // clock_rate)


def _place(direction: CapturedDirection) -> str:
    host, port = direction.source
    return f"the stream from {host}:{port} (SSRC 0x{direction.streams[0].ssrc:08x})"
