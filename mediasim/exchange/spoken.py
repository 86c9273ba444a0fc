"""The words that a call's party has said, as far as they are known.

Those of a simulated party are in its timeline; what comes over a line of the exchange's own was
sent on another call, by the app or by parties.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.own_line import LineEnd
from mediasim.media.player import Player
from mediasim.parties.timeline import words_between
from mediasim.parties.voices.word_times import WordTime, times_by_letters

__all__ = ["word_times", "words_played", "words_said"]


def words_said(call: LiveCall, since_ns: int, until_ns: int) -> str:
    """Return the words of a call's party, of all it was saying in a span of loop time.

    What it had begun to say before the span is in them; "" for a party whose words are not known.
    """
    if call.line is not None:
        return _of_party(call, since_ns, until_ns)[1]
    if not isinstance(call.far_end, LineEnd) or (other := call.far_end.sent_by) is None:
        return ""
    found = sorted(_sent(other, since_ns, until_ns), key=lambda each: each[0])
    return " ".join(words for _, words in found if words)


def _of_party(call: LiveCall, since_ns: int, until_ns: int) -> tuple[int, str]:
    """Return the first sample of a simulated party's words in a span, and the words."""
    line = call.line
    assert line is not None
    first, last = line.clock.sample_at(since_ns), line.clock.sample_at(until_ns)
    starts = [
        segment.start
        for segment in line.timeline.segments
        if segment.kind == "say" and segment.end > first and segment.start < last
    ]
    if not starts:
        return first, ""
    return min(starts), words_between(line.timeline, min(starts), last)


def _sent(call: LiveCall, since_ns: int, until_ns: int) -> Iterator[tuple[int, str]]:
    """Yield (when, words) of what a call's party was sent in a span."""
    since, until = since_ns // FRAME_NS, until_ns // FRAME_NS
    for player in call.leg.played:
        end = player.end_frame
        if player.text and player.first_frame < until and (end is None or end > since):
            yield player.first_frame * FRAME_NS, words_played(player, until)
    heard = set(call.leg.heard_since(since))
    for other in call.exchange.calls:
        if other.has_leg and other.leg in heard:
            if other.line is not None:
                at, words = _of_party(other, since_ns, until_ns)
                yield other.line.clock.time_of_one(at), words
            else:
                yield since_ns, words_said(other, since_ns, until_ns)


def word_times(player: Player) -> Sequence[WordTime]:
    """Return when a player says each of its words, in samples of its clip."""
    if player.words:
        return tuple(WordTime(*word) for word in player.words)
    return times_by_letters(player.text, player.pcm.astype(np.float64))


def words_played(player: Player, frame: int) -> str:
    """Return the words that a player has spoken before a frame."""
    end = frame if player.end_frame is None else min(player.end_frame, frame)
    samples = (end - player.first_frame) * FRAME_SAMPLES
    if samples >= len(player.pcm):
        return player.text
    words = word_times(player)
    return " ".join(word.text for word in words if (word.start + word.end) // 2 < samples)
