"""One channel of a recording held against what it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.truth.measure import match_at
from mediasim.truth.verify.expected import ExpectedChannel
from mediasim.truth.verify.findings import ChannelMeasures, SpotFound
from mediasim.truth.verify.lag_path import LagPath, lag_path
from mediasim.truth.verify.spots import Spot, clicks, clipped_samples, invented, silenced
from mediasim.truth.verify.time_map import TimeMap, time_map
from mediasim.truth.verify.tracking import Sighting, track, track_closely
from mediasim.truth.verify.windows import FINE, Window, sounding, windows

__all__ = ["MeasuredChannel", "measure_channel"]

_Samples = NDArray[np.int16]

_SURE: Final = 0.8
"""Correlation from which on a piece tells the level."""
_AGAIN_AND_AGAIN: Final = 3
_STEP: Final = 160
"""Samples over which no drift moves audio by so much as a sample."""
_GIVE: Final = 4
"""Samples by which a place may be off in a file that drifts."""
_UNLIKE: Final = 0.3
"""A piece that is less like what should be there is something else."""
_BURST: Final = 480
"""Sounds no longer than this, 60 ms, that were never said are no speech."""
_AROUND_JUMP: Final = 1600
"""Samples beside a jump in which nothing more is said against a channel."""


@dataclass(frozen=True, slots=True)
class MeasuredChannel:
    """The measures, and what they rest on."""

    measures: ChannelMeasures
    map: TimeMap | None
    """None if nothing of the channel was found."""
    ideal: _Samples
    """What the file's channel should be, in the file's own timing."""
    expected: ExpectedChannel


def measure_channel(
    measures: ChannelMeasures,
    channel: _Samples,
    expected: ExpectedChannel,
    pieces: Sequence[Window],
) -> MeasuredChannel:
    """Fill in the measures of a channel of the truth, found in a channel of the file."""
    telling = [piece for piece in pieces if piece.telling]
    sightings = track(channel, expected.samples, pieces)
    measures.pieces, measures.pieces_found = len(telling), len(sightings)
    path = lag_path(sightings)
    if path is None:
        ideal = _fitted(expected.samples, len(channel))
        gone = silenced(channel, ideal, 1.0, [])
        measures.missing = [SpotFound(it.start, it.end, "silent", it.samples) for it in gone]
        measures.exact = None if expected.unscripted else _exact(channel, ideal)
        return MeasuredChannel(measures, None, ideal, expected)
    if len(path.stretches) > 1:
        # Where something jumps, smaller pieces tell more exactly where, and how often.
        small = windows(expected.samples, sounding(expected.samples), FINE)
        path = lag_path(track_closely(channel, expected.samples, small, sightings)) or path
    gain = _gain(sightings)
    placed = time_map(path, channel, expected.samples, gain)
    ideal = placed.laid_out(expected.samples, len(channel))
    _timing(measures, path, placed, len(expected.samples), len(channel))
    measures.gain_db = float(20 * np.log10(gain))
    if expected.unscripted:  # whoever else speaks in it may say anything at any time
        gone = silenced(channel, ideal, gain, _around(placed))
        measures.missing += [SpotFound(it.start, it.end, "silent", it.samples) for it in gone]
        return MeasuredChannel(measures, placed, ideal, expected)
    measures.correlation = _correlation(channel, ideal)
    measures.exact = _exact(channel, ideal)
    _spots(measures, channel, expected, ideal, placed, gain)
    seen = {it.window for it in sightings}
    _unlike(measures, channel, expected, [it for it in telling if it not in seen], placed)
    _blame_what_was_put_in(measures)
    return MeasuredChannel(measures, placed, ideal, expected)


def _fitted(samples: _Samples, length: int) -> _Samples:
    out = np.zeros(length, np.int16)
    shared = min(length, len(samples))
    out[:shared] = samples[:shared]
    return out


def _gain(sightings: Sequence[Sighting]) -> float:
    """Linear: the median of those pieces that nobody talks over."""
    sure = [it.gain_db for it in sightings if it.correlation >= _SURE]
    return float(10 ** (np.median(sure or [it.gain_db for it in sightings]) / 20))


def _timing(
    measures: ChannelMeasures, path: LagPath, placed: TimeMap, samples: int, length: int
) -> None:
    measures.offset = path.stretches[0].offset
    first = path.stretches[0].sightings[0]
    measures.first_heard = first.window.start + first.lag
    measures.drift_ppm, measures.drift_error_ppm = path.drift_ppm, path.error_ppm
    last = placed.pieces[-1]
    measures.head_cut = max(0, -placed.pieces[0].to_file(0))
    measures.tail_cut = max(0, samples + last.offset + round(last.slope * samples) - length)
    for jump in placed.jumps:
        if jump.moved < 0:
            measures.missing.append(
                SpotFound(jump.file, jump.file, "left out", -jump.moved, jump.slack)
            )
        else:
            end = jump.file + jump.moved
            measures.inserted.append(SpotFound(jump.file, end, "put in", jump.moved, jump.slack))


def _exact(channel: _Samples, ideal: _Samples) -> float | None:
    return float(np.mean(channel == ideal)) if len(channel) else None


def _correlation(channel: _Samples, ideal: _Samples) -> float | None:
    """Where something should be heard."""
    heard = ideal != 0
    one, other = channel[heard].astype(np.float64), ideal[heard].astype(np.float64)
    whole = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / whole if whole > 0 else None


def _spots(
    measures: ChannelMeasures,
    channel: _Samples,
    expected: ExpectedChannel,
    ideal: _Samples,
    placed: TimeMap,
    gain: float,
) -> None:
    cuts = _around(placed)
    gone = silenced(channel, ideal, gain, cuts)
    measures.missing += [SpotFound(it.start, it.end, "silent", it.samples) for it in gone]
    unknown = [
        Spot(low, high)
        for start, end in expected.unknown
        if (low := placed.to_file(start)) is not None and (high := placed.to_file(end)) is not None
    ]
    sounds = [] if expected.noisy else invented(channel, ideal, cuts + unknown)
    measures.clipped = clipped_samples(channel, ideal)
    # The edges of tops that are cut off are no clicks.
    sharp = [] if measures.clipped else clicks(channel, ideal, gain)
    for it in sounds:
        within = [click for click in sharp if click.start < it.end and click.end > it.start]
        short = it.samples <= _BURST
        if short and within:
            sharp = [click for click in sharp if click not in within] + [it]
        elif short:
            measures.clicks.append(SpotFound(it.start, it.end, "burst", it.samples))
        else:
            measures.inserted.append(SpotFound(it.start, it.end, "never said", it.samples))
    measures.clicks += [SpotFound(it.start, it.end, "click", it.samples) for it in sharp]
    measures.clicks.sort(key=lambda it: it.start)
    measures.missing.sort(key=lambda it: it.start)

    measures.inserted.sort(key=lambda it: it.start)


def _around(placed: TimeMap) -> list[Spot]:
    """Where something jumps, and a little before and after."""
    return [
        Spot(jump.file - _AROUND_JUMP, jump.file + abs(jump.moved) + _AROUND_JUMP)
        for jump in placed.jumps
    ]


def _blame_what_was_put_in(measures: ChannelMeasures) -> None:
    """Where silence is put in again and again, another short silence is more of it."""
    longest = max((it.samples for it in measures.inserted if it.why == "put in"), default=0)
    if sum(it.why == "put in" for it in measures.inserted) < _AGAIN_AND_AGAIN:
        return
    more = [it for it in measures.missing if it.why == "silent" and it.samples <= longest]
    measures.missing = [it for it in measures.missing if it not in more]
    measures.inserted = sorted([*measures.inserted, *more], key=lambda it: it.start)
    measures.clicks = [
        it
        for it in measures.clicks
        if it.why != "burst" or all(abs(it.start - spot.end) > _AROUND_JUMP for spot in more)
    ]


def _likeness(channel: _Samples, clip: _Samples, start: int, placed: TimeMap) -> float:
    """How like a clip is what stands where its parts should, wherever a drift has moved them."""
    found = np.zeros(len(clip), channel.dtype)
    for at in range(0, len(clip), _STEP):
        part = clip[at : at + _STEP]
        around = placed.to_file(start + at)
        if around is None or around < _GIVE:
            continue
        there = channel[around - _GIVE : around + len(part) + _GIVE]
        if len(there) == len(part) + 2 * _GIVE:
            likely = int(np.argmax(np.correlate(there.astype(float), part.astype(float))))
            found[at : at + len(part)] = there[likely : likely + len(part)]
    return match_at(found, clip, 0) or 0.0


def _unlike(
    measures: ChannelMeasures,
    channel: _Samples,
    expected: ExpectedChannel,
    lost: Sequence[Window],
    placed: TimeMap,
) -> None:
    """Pieces in whose place something else is heard."""
    for piece in lost:
        start, end = placed.to_file(piece.start), placed.to_file(piece.end - 1)
        if start is None or end is None or end - start > piece.end - piece.start:
            continue
        if start < 0 or end >= len(channel):
            continue
        silent = any(it.start < end and it.end > start for it in measures.missing)
        clip = expected.samples[piece.start : piece.end]
        if not silent and _likeness(channel, clip, piece.start, placed) < _UNLIKE:
            measures.missing.append(SpotFound(start, end, "something else", end - start))
    measures.missing.sort(key=lambda it: it.start)
