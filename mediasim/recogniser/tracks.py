"""What was said on a track of a call until now: its words, with samples of the frame clock.

They are known from the parties' timelines, and from what the server plays. A word counts once it
has been heard: muted ones are left out, ones that were cut off in their first half too, and so is a
word of which half or more never arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.own_line import LineEnd
from mediasim.exchange.spoken import player_words
from mediasim.media.leg import Leg
from mediasim.media.player import Player
from mediasim.media.recorder import Track
from mediasim.recogniser.transcript import TranscriptWord
from mediasim.truth.pieces import party_pieces
from mediasim.truth.placement import Placement
from mediasim.truth.sources import Origin, track_origins

__all__ = ["knows_words", "track_words"]


def knows_words(call: LiveCall) -> bool:
    """Return whether the words of a call's party can be known: not those of a real one."""
    return call.far_end is None or isinstance(call.far_end, LineEnd)


def track_words(
    call: LiveCall,
    track: Track,
    since: int = 0,
    until: int | None = None,
    *,
    whole_clips: bool = False,
    calls: Sequence[LiveCall] | None = None,
) -> list[TranscriptWord]:
    """Return the words heard on a track from sample ``since`` of the frame clock on, in order.

    ``until`` is the sample before which they end; None: now. With ``whole_clips`` the words of what
    was being said at ``since`` are returned from its beginning. ``calls`` are all calls that it may
    have heard; None: those that the exchange knows, which are not all once some have ended.
    """
    if not call.has_leg:
        return []
    if call.up:
        call.exchange.plane.catch_up(call.room)
    ended = call.leg.ended_frame
    now = (call.room.frame if ended is None else ended) * FRAME_SAMPLES
    end = now if until is None else min(until, now)
    arrived = cache(_Arrived)
    found: list[TranscriptWord] = []
    for it in track_origins(
        call,
        track,
        0 if whole_clips else since,
        end,
        call.exchange.calls if calls is None else calls,
    ):
        clips = _played(it) if isinstance(it.source, Player) else _said(it, arrived)
        for last, words in clips:
            if last > since:
                found += words
    return sorted(found, key=lambda each: (each.start, each.end, each.text))


_Clip = tuple[int, list[TranscriptWord]]
"""The sample after the last of what was heard of a clip, and its words."""


def _played(it: Origin) -> Iterator[_Clip]:
    """Yield what a player has spoken."""
    player = it.source
    assert isinstance(player, Player)
    if not player.text:
        return
    first = player.first_frame * FRAME_SAMPLES
    end = first + len(player.pcm)
    if player.end_frame is not None:
        end = min(end, player.end_frame * FRAME_SAMPLES)
    name = it.by or "server"
    for at, place, samples in it.to_file.pieces(max(it.low, first), min(it.high, end)):
        moved = place - (at - first)
        words = [
            TranscriptWord(
                text=word.text,
                start=max(word.start + moved, place),
                end=min(word.end + moved, place + samples),
                party=it.by,
                said=word.text,
                origin=f"{name}/{first}/{word.start}",
            )
            for word in player_words(player)
            if place <= (word.start + word.end) // 2 + moved < place + samples
        ]
        yield place + samples, words


def _said(it: Origin, arrived: Callable[[Leg], _Arrived]) -> Iterator[_Clip]:
    """Yield what a simulated party has said."""
    call = it.source
    assert isinstance(call, LiveCall)
    if call.line is None:
        return
    name, came = call.party.name, arrived(call.leg)
    placement = Placement(call.line)
    clips: dict[int, tuple[list[int], list[TranscriptWord]]] = {}
    for piece in party_pieces(call.line, placement, it.low, it.high, it.to_file):
        ends, words = clips.setdefault(piece.segment.start, ([], []))
        ends.append(piece.file + piece.samples)
        for word in piece.words():
            to_clock = piece.at - piece.file
            if came.lacks_most(word.start + to_clock, word.end + to_clock):
                continue
            said = word.start - piece.file + piece.said
            words.append(
                TranscriptWord(
                    text=word.text,
                    start=word.start,
                    end=word.end,
                    party=name,
                    said=word.text,
                    origin=f"{name}/{piece.segment.start}/{said}",
                )
            )
    for ends, words in clips.values():
        yield max(ends), words


class _Arrived:
    """What arrived of a leg's inbound track."""

    def __init__(self, leg: Leg) -> None:
        shifts = leg.stream.shifts
        self._first = shifts[0].media + shifts[0].offset - leg.stream.lead if shifts else None
        spans = np.array(leg.missing, np.int64).reshape(-1, 2)
        self._starts, self._ends = spans[:, 0], spans[:, 1]
        self._lengths = np.concatenate(([0], np.cumsum(self._ends - self._starts)))

    def lacks_most(self, start: int, end: int) -> bool:
        """Return whether half or more of a span of the frame clock never arrived."""
        if self._first is None:
            return True
        lacking = self._before(end) - self._before(start)
        lacking += max(0, min(self._first, end) - start)
        return start < end and 2 * lacking >= end - start

    def _before(self, sample: int) -> int:
        """Return the missing samples before a sample."""
        number = int(np.searchsorted(self._starts, sample))
        if not number:
            return 0
        beyond = max(0, int(self._ends[number - 1]) - sample)
        return int(self._lengths[number]) - beyond
