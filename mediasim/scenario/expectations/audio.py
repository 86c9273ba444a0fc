"""Expectations about the audio of a recording.

Audio is measured in the published file, not believed from the truth: the truth says what to look
for and where.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_MS, FRAME_SAMPLES, NS_PER_SECOND, SAMPLE_RATE
from mediasim.audio.levels import rms_dbfs
from mediasim.documents.diagnostics import counted, is_clip, says
from mediasim.documents.durations import Duration
from mediasim.parties.hearing import HEARD_DBFS
from mediasim.scenario.expectations.verdicts import Failed, PublishedMedia, place
from mediasim.scenario.model.expect import (
    ExpectAfterBeep,
    ExpectAligned,
    ExpectHeard,
    ExpectNoCrosstalk,
    ExpectSilent,
)
from mediasim.truth.documents import ChannelTruth, Interval
from mediasim.truth.measure import FLOOR_DB, crosstalk_db, find_offset, loudest_frame, match_at
from mediasim.truth.reference import reference_of

__all__ = ["after_beep", "aligned", "heard", "no_crosstalk", "silent"]

_REACH: Final = 4000
"""Samples around its place in which a clip is looked for: half a second."""
_HEARD: Final = 0.5
"""Correlation from which on a clip counts as heard."""
_SHORTEST: Final = 800
"""Samples of a clip below which it is too like others to be found: 100 ms."""
_SOFTEST_DBFS: Final = -60.0
"""Level in dBFS of a clip below which it need not be found."""
_MOST_LOST: Final = 0.3
"""Share of a clip that may be lost, or talked over, before it need not be found."""


# -- heard ----------------------------------------------------------------------------------


def heard(media: PublishedMedia, wanted: ExpectHeard) -> str:
    """Judge whether a party, or what it says or plays, is in the channel at some time of the
    span."""
    low, high = _span(wanted.between, media.samples)
    if wanted.text is None and wanted.clip is None:
        for channel in media.truth.channels:
            if wanted.party in channel.unscripted and wanted.channel in (None, channel.channel):
                return _unscripted_sound(media, wanted.party, channel.channel, low, high)
    said = [
        (channel.channel, interval)
        for channel in media.truth.channels
        for interval in channel.intervals
        if interval.start < high and interval.end > low and _is_meant(interval, wanted)
    ]
    in_place = [each for each in said if wanted.channel in (None, each[0])]
    for number, interval in in_place:
        match = find_offset(media.pcm[number - 1], _reference(interval), interval.start, _REACH)
        # Whatever the sign: a recording of the wrong polarity is heard as well.
        if match is not None and abs(match.correlation) >= _HEARD:
            return (
                f"{wanted.party} says {interval.text!r} in channel {number} at "
                f"{match.offset / SAMPLE_RATE:.3f} s, correlation {match.correlation:.3f}"
            )
    if in_place:
        number, interval = in_place[0]
        raise Failed(_missing(media, number, interval), place(media.record, number, interval.start))
    if said:
        number, interval = said[0]
        raise Failed(
            f"{wanted.party} is heard in channel {number} instead",
            place(media.record, number, interval.start),
        )
    raise Failed(
        f"nothing of the kind was recorded of {wanted.party}",
        place(media.record, wanted.channel or 1, low),
    )


def _unscripted_sound(media: PublishedMedia, party: str, number: int, low: int, high: int) -> str:
    """Judge whether a party that is not simulated makes a sound: nothing more is known of it."""
    frames = media.pcm[number - 1, low : low + (high - low) // FRAME_SAMPLES * FRAME_SAMPLES]
    levels = [rms_dbfs(frame) for frame in frames.reshape(-1, FRAME_SAMPLES)]
    loud = [index for index, level in enumerate(levels) if level >= HEARD_DBFS]
    if len(loud) * FRAME_SAMPLES < _SHORTEST:
        raise Failed(
            f"{party} is not heard: {counted(len(loud), 'frame')} of {len(levels)} sound",
            place(media.record, number, low),
        )
    at = (low + loud[0] * FRAME_SAMPLES) / SAMPLE_RATE
    return f"{party} is heard in channel {number} from {at:.3f} s, {len(loud) * FRAME_MS} ms in all"


def _is_meant(interval: Interval, wanted: ExpectHeard) -> bool:
    """Return whether an interval is what an expectation means."""
    if interval.party != wanted.party:
        return False
    if wanted.text is not None and not (interval.is_speech and says(interval.text, wanted.text)):
        return False
    return wanted.clip is None or (
        interval.kind == "play" and is_clip(interval.recorded.file or interval.text, wanted.clip)
    )


def _missing(media: PublishedMedia, number: int, interval: Interval) -> str:
    """Return what is said of a clip that is not where it should be."""
    what = f"{interval.party}'s {interval.text!r}"
    for other, channel in enumerate(media.pcm, 1):
        if other == number:
            continue
        match = find_offset(channel, _reference(interval), interval.start, _REACH)
        if match is not None and match.correlation >= _HEARD:
            return f"{what} is in channel {other} instead of channel {number}"
    likeness = match_at(media.pcm[number - 1], _reference(interval), interval.start)
    return (
        f"{what} should be in channel {number}, but nothing there is like it "
        f"(correlation {likeness or 0.0:.3f})"
    )


def _reference(interval: Interval) -> NDArray[np.int16]:
    """Return the samples of a clip as its codec leaves them."""
    return reference_of(interval.pcm, interval.codec)


def _span(between: tuple[Duration, Duration] | None, samples: int) -> tuple[int, int]:
    """Return the first sample of a span and the one after its last."""
    if between is None:
        return 0, samples
    return _samples(between[0]), _samples(between[1])


def _samples(duration: Duration) -> int:
    return round(duration * SAMPLE_RATE / NS_PER_SECOND)


# -- silent ---------------------------------------------------------------------------------


def silent(media: PublishedMedia, wanted: ExpectSilent) -> str:
    """Judge whether no frame of the span is as loud as the limit."""
    low, high = _span(wanted.between, media.samples)
    worst, channel, at = FLOOR_DB, 0, low
    for number, pcm in enumerate(media.pcm, 1):
        if wanted.channel not in (None, number):
            continue
        loudest = loudest_frame(pcm, low, high)
        if loudest is None:
            raise Failed(
                f"the recording ends at {media.samples / SAMPLE_RATE:.3f} s, before that",
                place(media.record, number, media.samples),
            )
        if loudest.dbfs > worst or not channel:
            worst, channel, at = loudest.dbfs, number, loudest.at
    found = f"{worst:.1f} dBFS at its loudest"
    if worst >= wanted.below:
        raise Failed(f"{found}, in channel {channel}", place(media.record, channel, at))
    return found


# -- beeps ----------------------------------------------------------------------------------


def after_beep(media: PublishedMedia, wanted: ExpectAfterBeep) -> str:
    """Judge whether everything that others say begins when a machine's last tone is over."""
    said = [
        (interval, channel.channel)
        for channel in media.truth.channels
        for interval in channel.intervals
    ]
    tones = [
        interval.end
        for interval, _ in said
        if (interval.party, interval.kind) == (wanted.party, "tone")
    ]
    if not tones:
        raise Failed(f"{wanted.party} has sounded no tone in the recording")
    others = [(it.start, channel, it) for it, channel in said if it.party != wanted.party]
    if not others:
        raise Failed(f"nothing is said to {wanted.party}")
    start, channel, first = min(others, key=lambda each: each[0])
    late = (start - tones[-1]) / SAMPLE_RATE
    if late < 0:
        words = f"{first.text!r} begins {-late:.3f} s before the end of the beep"
        raise Failed(words, place(media.record, channel, start))
    return f"the first words come {late:.3f} s after the beep"


# -- crosstalk ------------------------------------------------------------------------------


def no_crosstalk(media: PublishedMedia, wanted: ExpectNoCrosstalk) -> str:
    """Judge whether nothing that is said in one channel is heard in the other above the limit."""
    worst, into, at = None, 0, 0
    # Clip by clip, for a leak that comes and goes is drowned by all that did not leak.
    for own, other, interval in _leakable(media):
        victim, source = media.pcm[other - 1], media.pcm[own - 1]
        level = crosstalk_db(victim, source, [(interval.start, interval.end)])
        if level is not None and (worst is None or level > worst):
            worst, into, at = level, other, interval.start
    if worst is None:
        raise Failed("there is nothing to measure: nobody says anything", place(media.record))
    found = "none is found" if worst == FLOOR_DB else f"{worst:.1f} dB at most"
    if worst > wanted.above:
        raise Failed(f"{worst:.1f} dB, into channel {into}", place(media.record, into, at))
    return found


def _leakable(media: PublishedMedia) -> Iterator[tuple[int, int, Interval]]:
    """Yield each clip with its channel and the other one, except clips that sound in both channels
    at once."""
    channels = media.truth.channels
    for own, other in ((0, 1), (1, 0)):
        for interval in channels[own].intervals:
            alike = any(
                (each.digest or each.text) == (interval.digest or interval.text)
                and each.start < interval.end
                and each.end > interval.start
                for each in channels[other].intervals
            )
            if interval.party is not None and not alike:
                yield own + 1, other + 1, interval


# -- aligned --------------------------------------------------------------------------------


def aligned(media: PublishedMedia, wanted: ExpectAligned) -> str:
    """Judge whether every clip stands where a clean path would have put it."""
    measured, worst = 0, 0
    for channel in media.truth.channels:
        for interval in channel.intervals:
            if interval.party is None or wanted.party not in (None, interval.party):
                continue
            off = _offset(media, channel, interval)
            if off is None:
                continue
            measured += 1
            worst = max(worst, off, key=abs)
            if abs(off) > wanted.within:
                raise Failed(
                    f"{interval.party}'s {interval.text!r} stands "
                    f"{counted(abs(off), 'sample')} {'late' if off > 0 else 'early'} "
                    f"({abs(off) / 8:.1f} ms) in channel {channel.channel}",
                    place(media.record, channel.channel, interval.due + off),
                )
    if not measured:
        raise Failed(
            "there is nothing to measure: nobody says anything that can be told apart",
            place(media.record),
        )
    return f"{counted(measured, 'clip')}, {counted(abs(worst), 'sample')} off at most"


def _offset(media: PublishedMedia, channel: ChannelTruth, interval: Interval) -> int | None:
    """Return the samples between a clip and its due place; None if that cannot be measured.

    Raises Failed if the clip is missing and should be there.
    """
    pcm, reference = media.pcm[channel.channel - 1], _reference(interval)
    match = find_offset(pcm, reference, interval.due, _REACH)
    if match is None or match.correlation < _HEARD:
        if _can_be_told(channel, interval, reference):
            raise Failed(
                _missing(media, channel.channel, interval),
                place(media.record, channel.channel, interval.due),
            )
        return None
    # A periodic sound is like itself at many places: where it is due is the one meant.
    due = match_at(pcm, reference, interval.due)
    if due is not None and due >= match.correlation - 1e-6:
        return 0
    return match.offset - interval.due


def _can_be_told(channel: ChannelTruth, interval: Interval, reference: NDArray[np.int16]) -> bool:
    """Return whether a clip must be found: long and loud enough, alone, and hardly lost."""
    length = interval.end - interval.start
    hiding = [(gap.start, gap.end) for gap in channel.missing]
    hiding += [(each.start, each.end) for each in channel.intervals if each is not interval]
    hidden = sum(
        max(0, min(end, interval.end) - max(start, interval.start)) for start, end in hiding
    )
    return (
        length >= _SHORTEST
        and rms_dbfs(reference) >= _SOFTEST_DBFS
        and hidden <= _MOST_LOST * length
    )
