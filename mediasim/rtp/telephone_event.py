"""DTMF as telephone events (RFC 4733).

While a key is down, a packet goes out every packet time and says how long it has been down so far.
All of them bear the RTP timestamp at which the key went down, so the timestamp names the press
(with the key: some senders give several keys one timestamp), and any one of its packets is enough
to know of it. The last one has the end bit and is sent three times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mediasim.audio.frames import FRAME_SAMPLES

__all__ = ["EVENTS", "EventReceiver", "TelephoneEvent", "event_payloads", "parse_event"]

EVENTS: Final[Mapping[str, int]] = MappingProxyType(
    {digit: code for code, digit in enumerate("0123456789*#ABCD")}
)
"""Event code of each key (RFC 4733 section 3.2)."""

_DIGITS: Final = tuple(EVENTS)
_LONGEST: Final = 0xFFFF
"""The longest duration in a packet; a longer press goes on in a new segment."""
_NEARLY_LONGEST: Final = 0xF000
"""Duration from which on a sender may close a segment, at a packet time that still fits."""
_END_COPIES: Final = 3
_END: Final = 0x80
_VOLUME: Final = 0x3F
_REMEMBERED: Final = 64
"""Presses remembered by a receiver: more than can overtake each other."""


@dataclass(frozen=True, slots=True)
class TelephoneEvent:
    """The contents of one telephone-event packet."""

    digit: str
    end: bool
    """Whether the key was released."""
    volume: int
    """Power of the tone it stands for, in -dBm0."""
    duration: int
    """Time since the packet's timestamp for which the key has been down, in timestamp units."""


def event_payloads(
    digit: str, duration_samples: int, ptime: int = FRAME_SAMPLES, volume: int = 10
) -> list[tuple[bytes, bool, int]]:
    """Build the packets of one press, one for each packet time from its start.

    ``duration_samples`` and ``ptime`` are in timestamp units, ``volume`` in -dBm0 (0 to 63).
    Returns (payload, marker, timestamp offset) of each; the offset, counted from the start of the
    press, is 0 unless a press is longer than 0xFFFF. Raises ValueError for what cannot be sent.
    """
    code = EVENTS.get(digit)
    if code is None:
        raise ValueError(f"there is no key {digit!r}: expected one of {''.join(EVENTS)}")
    if duration_samples < 1:
        raise ValueError(f"a press of {duration_samples} samples: expected at least 1")
    if not 0 < ptime <= _LONGEST:
        raise ValueError(f"a packet time of {ptime} samples: expected 1 to {_LONGEST}")
    if not 0 <= volume <= _VOLUME:
        raise ValueError(f"a volume of {volume}: expected 0 to {_VOLUME} (-dBm0)")

    def payload(duration: int, flags: int = 0) -> bytes:
        return bytes((code, flags | volume)) + duration.to_bytes(2, "big")

    packets: list[tuple[bytes, bool, int]] = []
    elapsed = segment = 0
    while elapsed < duration_samples or elapsed - segment > _LONGEST:
        elapsed = min(elapsed + ptime, duration_samples)
        if elapsed - segment > _LONGEST:
            # Section 2.5.1.3: a full segment ends without the end bit, another takes over.
            packets.append((payload(_LONGEST), not packets, segment))
            segment += _LONGEST
        elif elapsed < duration_samples:
            packets.append((payload(elapsed - segment), not packets, segment))
    last = payload(elapsed - segment, _END)
    for _ in range(_END_COPIES):
        packets.append((last, not packets, segment))
    return packets


def parse_event(payload: bytes) -> TelephoneEvent | None:
    """Parse a payload; None if it is cut short or names no key.

    Of several events in one packet only the first is read: contiguous events are not DTMF.
    """
    if len(payload) < 4 or payload[0] >= len(_DIGITS):
        return None
    return TelephoneEvent(
        digit=_DIGITS[payload[0]],
        end=bool(payload[1] & _END),
        volume=payload[1] & _VOLUME,
        duration=int.from_bytes(payload[2:4], "big"),
    )


@dataclass(slots=True)
class _Press:
    """A press, or one segment of a long one."""

    duration: int
    """Longest duration received, in timestamp units."""
    ended: bool


class EventReceiver:
    """Converts one stream's packets to presses, each reported once.

    A press is reported at the first of its packets to arrive, whichever that is. Copies, packets
    that overtook each other, and the later segments of a long press report nothing new.
    """

    def __init__(self) -> None:
        self._presses: dict[tuple[int, str], _Press] = {}
        """Presses by timestamp and key, the one known longest first."""

    def receive(self, timestamp: int, payload: bytes) -> TelephoneEvent | None:
        """Take a packet with its RTP timestamp (32 bits); return the event if it is a new press."""
        event = parse_event(payload)
        if event is None:
            return None
        known = self._presses.get((timestamp, event.digit))
        if known is not None:
            known.duration = max(known.duration, event.duration)
            known.ended |= event.end
            return None
        goes_on = self._goes_on(timestamp, event.digit)
        self._presses[timestamp, event.digit] = _Press(event.duration, event.end)
        if len(self._presses) > _REMEMBERED:
            del self._presses[next(iter(self._presses))]
        return None if goes_on else event

    def _goes_on(self, timestamp: int, digit: str) -> bool:
        """Return whether a segment with this timestamp continues a press that has not ended."""
        for (start, key), press in self._presses.items():
            length = (timestamp - start) & 0xFFFFFFFF
            full = length == press.duration or _NEARLY_LONGEST <= length <= _LONGEST
            if full and key == digit and not press.ended:
                return True
        return False
