"""Oddities of a sender, in words, found by how its stream was played out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from mediasim.rtp.stream import ReceivedStream, Shift

__all__ = ["Oddity", "oddities_of"]

_PPM: Final = 1000
"""Parts per million up to which a clock is followed within the stated bound."""
_ENOUGH: Final = 4
"""Moves by the clock from which on its rate can be estimated."""


@dataclass(frozen=True, slots=True)
class Oddity:
    """One kind of oddity of a sender."""

    what: str
    """The oddity in words."""
    times: int
    """How many times it occurred."""
    at: tuple[int, ...] = ()
    """Output samples at which it occurred, where they are known."""

    def __str__(self) -> str:
        return f"{self.what} ({self.times} times)" if self.times > 1 else self.what

    def to_json(self) -> dict[str, Any]:
        return {"what": self.what, "times": self.times, "at": list(self.at)}


def oddities_of(stream: ReceivedStream) -> list[Oddity]:
    """Return all oddities of a stream, in a fixed order."""
    found = []
    begun = [shift for shift in stream.shifts if shift.why == "new beginning"]
    if begun:
        found.append(_moved("timestamps began anew with the same SSRC: placed by arrival", begun))
    stopped = [shift for shift in stream.shifts if shift.why == "talk spurt"]
    if stopped:
        seconds = sum(shift.moved for shift in stopped) / SAMPLE_RATE
        what = f"timestamps stood still while the sender stopped, for {seconds:.3f} s in all"
        found.append(_moved(f"{what}: what followed is placed by arrival", stopped))
    if stream.number_breaks:
        what = "sequence numbers fell back or stood while timestamps went on"
        found.append(Oddity(what, stream.number_breaks))
    if stream.switches:
        names = ", ".join(f"{kind} ({stream.codecs[kind]})" for kind in sorted(stream.used))
        found.append(Oddity(f"the payload type changed between {names}", stream.switches))
    if stream.clock_rate is not None:
        named = f"{stream.codec}'s timestamps count {stream.clock_rate} a second"
        found.append(Oddity(f"{named}: the clock is taken from arrival", 1))
    if stream.packet_samples is not None:
        named = f"{stream.codec}'s timestamps do not count samples"
        found.append(Oddity(f"{named}: packets are counted by their sequence numbers", 1))
    return found + _clock(stream)


def _moved(what: str, shifts: list[Shift]) -> Oddity:
    return Oddity(what, len(shifts), tuple(shift.media + shift.offset for shift in shifts))


def _clock(stream: ReceivedStream) -> list[Oddity]:
    """Return the oddity of a clock too far off to be followed, estimated by the moves it took."""
    moves = [shift for shift in stream.shifts if shift.why == "clock"]
    if len(moves) < _ENOUGH:
        return []
    begun = next(shift for shift in stream.shifts if shift.why == "start")
    samples = (moves[-1].frame - begun.frame) * FRAME_SAMPLES
    moved = sum(shift.moved for shift in moves)
    ppm = -moved * 1_000_000 // max(1, samples)
    if abs(ppm) <= _PPM:
        return []
    side, did = ("fast", "left out") if ppm > 0 else ("slow", "put in")
    what = (
        f"the sender's clock is about {abs(ppm)} ppm {side}, beyond the {_PPM} that are followed "
        f"within the bound: {abs(moved)} samples were {did}"
    )
    return [Oddity(what, len(moves), tuple(shift.media + shift.offset for shift in moves))]
