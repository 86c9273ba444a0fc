"""Stillness: whether anything can still happen in an exchange by itself, in virtual time.

Nothing can where no task sleeps and no timer does anything, no party or player sounds or will, and
no wait is for a silence that grows. What is left then are waits for speech, keys and events that
nothing will bring: a deadlock, unless an app or a test acts from outside.

The answer errs on one side alone. Where it cannot be known what a leg will sound like (noise, a
real far end, a media stream, music that is listened for), something can happen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from mediasim.audio.frames import FRAME_NS, NS_PER_SECOND
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.media.leg import FOREVER, Leg
from mediasim.media.recorder import Track
from mediasim.net.virtual_loop import VirtualLoop
from mediasim.parties.party import Line

__all__ = ["Wait", "is_still", "waits_of"]

_SETTLE_NS: Final = 2 * NS_PER_SECOND
"""Nanoseconds after the last activity in which a detector may still make up its mind."""


@dataclass(frozen=True, slots=True)
class Wait:
    """What one party has waited for, and since when."""

    call: LiveCall
    what: str
    """What is waited for in words, as the script has it; "" for a party that only stays."""
    since_ns: int

    def words(self, zero_ns: int) -> str:
        """Return the wait in words, its time in seconds since loop time ``zero_ns``."""
        since = (self.since_ns - zero_ns) / NS_PER_SECOND
        name = self.call.party.name
        if self.what:
            return f"{name} has waited for {self.what} since {since:.1f}s"
        return f"{name} has nothing left to do since {since:.1f}s and stays on the line"


def waits_of(calls: Iterable[LiveCall]) -> list[Wait]:
    """Return what the simulated parties of active calls wait for; parties that act have none."""
    found = []
    for call in calls:
        if not call.active or call.leaving:
            continue
        found += [Wait(call, what, since_ns) for what, since_ns in call.waits]
        if not call.waits and not call.acting and call.line is not None:
            found.append(Wait(call, "", call.idle_since_ns))
    return found


def is_still(exchange: Exchange, before_ns: int) -> bool:
    """Return whether nothing can happen by itself before a loop time, in nanoseconds.

    False in real time, and as long as that is not certain.
    """
    loop = exchange.loop
    if not isinstance(loop, VirtualLoop) or loop.held or exchange.idle_ns < _SETTLE_NS:
        return False
    lines = [call.line for call in exchange.calls if call.active and call.line is not None]
    if exchange.idle_ns < _SETTLE_NS + max(map(_path_ns, lines), default=0):
        return False
    reports = {call.reporting for call in exchange.calls}
    if any(timer not in reports for timer in loop.timers_before(before_ns)):
        return False
    for room in exchange.plane.rooms:
        exchange.plane.catch_up(room)  # what is heard until now decides, and may set timers
    if any(timer not in reports for timer in loop.timers_before(before_ns)):
        return False
    legs = [leg for room in exchange.plane.rooms for leg in room.legs]
    line_of = {line.leg: line for line in lines}
    return all(_is_still(exchange, leg, line_of.get(leg)) for leg in legs)


def _path_ns(line: Line) -> int:
    """Return the longest time from a sound's being made until a party has acted on it."""
    frames = line.party.path_frames + line.party.reaction_frames
    links = [line.phone.link]
    if line.receiver is not None:
        frames += line.receiver.path_frames
        links.append(line.receiver.link)
    return frames * FRAME_NS + sum(link.longest_ns for link in links)


def _is_still(exchange: Exchange, leg: Leg, line: Line | None) -> bool:
    """Return whether a leg is silent both ways for good, and all that listen to it want sound."""
    frame = leg.room.frame
    if leg.source is not None and (leg.silent is None or not leg.silent(frame)):
        return False
    looped = [player for player in leg.players if player.end_frame is None]
    sounding = [each for each in leg.players if each.end_frame is None or each.end_frame > frame]
    if any(each not in looped or each.speech for each in sounding):
        return False
    if any(track is not Track.INBOUND or it.patience < FOREVER for track, it in leg.listeners):
        return False
    if line is None or line.receiver is None:
        return True
    if line.tracker.patience < FOREVER:
        return False
    if line.everything is not None and line.everything.patience < FOREVER:
        return False
    # Music is sound to a party that listens for any; the exchange's own has no keys in it.
    if line.everything is not None and line.everything.waits and looped:
        return False
    if not looped or not _waits_for_keys(line):
        return True
    own = (exchange.hold_music, exchange.ringback)
    return all(any(player.pcm is each for each in own) for player in looped)


def _waits_for_keys(line: Line) -> bool:
    """Return whether a line's party listens for more than speech."""
    assert line.receiver is not None
    trackers = {line.hear, None if line.everything is None else line.everything.hear}
    return any(listener not in trackers for listener in line.receiver.listeners)
