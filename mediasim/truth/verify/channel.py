"""One channel of a recording held against what it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.truth.measure import match_at
from mediasim.truth.verify.colour import band, echo, response
from mediasim.truth.verify.expected import ExpectedChannel
from mediasim.truth.verify.findings import ChannelMeasures, SpotFound
from mediasim.truth.verify.hops import QUIET, Hops, Ideal, compare, dbfs
from mediasim.truth.verify.packets import displaced, silenced
from mediasim.truth.verify.spots import Spot, clicks, clipped_samples, invented
from mediasim.truth.verify.time_map import LagPath, MappedPiece, TimeMap, lag_path, time_map
from mediasim.truth.verify.tracking import (
    FINE,
    Sighting,
    Window,
    sounding,
    track,
    track_closely,
    windows,
)

__all__ = ["MeasuredChannel", "measure_channel"]

_Samples = NDArray[np.int16]
_Spans = list[tuple[int, int]]

_SURE: Final = 0.8
"""Correlation from which on a piece tells the level."""
_TURNED: Final = 0.85
"""Correlation from which on a piece is taken to stand upside down."""
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
    ideal: Ideal
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
        return _not_found(measures, channel, expected)
    if len(path.stretches) > 1:
        # Where something jumps, smaller pieces tell more exactly where, and how often.
        small = windows(expected.samples, sounding(expected.samples), FINE)
        path = lag_path(track_closely(channel, expected.samples, small, sightings)) or path
    inverted = sum(it.correlation for it in sightings) < 0
    sign = -1 if inverted else 1
    gain = _gain(sightings)
    placed = time_map(path, channel, expected.samples, sign * gain)
    ideal = Ideal(expected.samples, placed, sign, channel)
    hops = compare(channel, ideal, gain)
    if path.slope == 0.0:  # no hop of a drifting file is quite what it should be
        hops.rescale()
        gain = hops.gain
    _timing(measures, path, placed, len(expected.samples), len(channel))
    measures.gain_db = float(20 * np.log10(gain))
    measures.inverted = inverted
    measures.flipped = _flipped(sightings, sign, hops)
    measures.correlation, measures.exact = hops.correlation, hops.exact
    ignore = _around(placed) + _spans(measures.flipped)
    known = ignore + _spans(silenced(channel, ideal, hops, ignore))
    passed = band(channel, ideal, hops, known)
    if passed is not None:
        measures.band = (passed.low, passed.high)
        measures.band_gain_db = 20 * float(np.log10(max(passed.gain * gain, 1e-9)))
    if not hops.mostly_exact:
        ideal.taps = response(channel, ideal, hops, known)
        hops = compare(channel, ideal, gain)
    if not expected.unscripted:
        jumps = [jump.moved for jump in placed.jumps]
        _packets(measures, channel, ideal, hops, ignore + _unknown(expected, placed), jumps)
        # The quiet parts of a packet in a wrong place are no holes.
        displaced_there = _spans(measures.repeated) + _spans(measures.reordered)
        ignore += [(start - 2 * _STEP, end + 2 * _STEP) for start, end in displaced_there]
    gone = silenced(channel, ideal, hops, ignore, drifts=path.slope != 0.0)
    measures.missing += [SpotFound(it.start, it.end, "silent", it.samples) for it in gone]
    if expected.unscripted:  # whoever else speaks in it may say anything at any time
        return MeasuredChannel(measures, placed, ideal, expected)
    ignore += _spans(gone) + _unknown(expected, placed)
    _sounds(measures, channel, expected, hops, ignore)
    _colour(measures, channel, ideal, hops, ignore, noisy=expected.noisy)
    seen = {it.window for it in sightings}
    _unlike(measures, channel, expected, [it for it in telling if it not in seen], placed)
    _blame_what_was_put_in(measures)
    return MeasuredChannel(measures, placed, ideal, expected)


def _not_found(
    measures: ChannelMeasures, channel: _Samples, expected: ExpectedChannel
) -> MeasuredChannel:
    """Nothing tells where anything stands: it is held against its due place."""
    placed = TimeMap((MappedPiece(0, len(expected.samples), 0, 0.0),), ())
    ideal = Ideal(expected.samples, placed, 1, channel)
    hops = compare(channel, ideal, 1.0)
    gone = silenced(channel, ideal, hops, [])
    measures.missing = [SpotFound(it.start, it.end, "silent", it.samples) for it in gone]
    measures.exact = None if expected.unscripted else hops.exact
    return MeasuredChannel(measures, None, ideal, expected)


def _gain(sightings: Sequence[Sighting]) -> float:
    """Linear: the median of those pieces that nobody talks over."""
    sure = [it.gain_db for it in sightings if abs(it.correlation) >= _SURE]
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


def _flipped(sightings: Sequence[Sighting], sign: int, hops: Hops) -> list[SpotFound]:
    """Where a channel's polarity is not that of its most part."""
    found: list[SpotFound] = []
    turned = False
    for it in sightings:
        start, end = it.window.start + it.lag, it.window.end + it.lag
        # A vowel half a period away is upside down too; this must be so in its own place.
        if it.correlation * sign >= 0 or hops.likeness(start, end) > -_TURNED:
            turned = False
            continue
        if turned:
            start = found.pop().start
        found.append(SpotFound(start, end, "inverted", end - start))
        turned = True
    return found


def _spans(spots: Sequence[Spot | SpotFound]) -> _Spans:
    return [(it.start, it.end) for it in spots]


def _unknown(expected: ExpectedChannel, placed: TimeMap) -> _Spans:
    """Where the file may hold anything."""
    return [
        (low, high)
        for start, end in expected.unknown
        if (low := placed.to_file(start)) is not None and (high := placed.to_file(end)) is not None
    ]


def _packets(
    measures: ChannelMeasures,
    channel: _Samples,
    ideal: Ideal,
    hops: Hops,
    ignore: _Spans,
    jumps: Sequence[int],
) -> None:
    found = displaced(channel, ideal, hops, ignore, jumps)
    for spots, why, to in (
        (found.repeated, "repeated", measures.repeated),
        (found.reordered, "out of order", measures.reordered),
        (found.unlike, "something else", measures.missing),
    ):
        to += [SpotFound(it.start, it.end, why, it.samples) for it in spots]


def _sounds(
    measures: ChannelMeasures,
    channel: _Samples,
    expected: ExpectedChannel,
    hops: Hops,
    ignore: _Spans,
) -> None:
    """What was never said, clicks and cut-off tops."""
    sounds = [] if expected.noisy else invented(hops, ignore)
    measures.clipped = clipped_samples(channel, expected.samples, hops)
    if measures.clipped:  # beside tops that are cut off all else is too loud, or too soft
        measures.missing = [
            it
            for it in measures.missing
            if it.why != "silent" or np.abs(channel[it.start : it.end]).max(initial=0) <= QUIET
        ]
    # The edges of tops that are cut off are no clicks.
    sharp = [] if measures.clipped else clicks(hops)
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
    for spots in (measures.clicks, measures.missing, measures.inserted):
        spots.sort(key=lambda it: it.start)


def _colour(
    measures: ChannelMeasures,
    channel: _Samples,
    ideal: Ideal,
    hops: Hops,
    ignore: _Spans,
    *,
    noisy: bool,
) -> None:
    """Its mean, its noise and its echo."""
    measures.dc = hops.dc
    measures.noise_dbfs = float(dbfs(hops.noise)) if hops.pauses and not noisy else None
    if measures.exact != 1.0 and not measures.clipped:
        copy = echo(channel, ideal, hops, ignore)
        measures.echo = None if copy is None else (copy.lag, copy.db)


def _around(placed: TimeMap) -> _Spans:
    """Where something jumps, and a little before and after."""
    return [
        (jump.file - _AROUND_JUMP, jump.file + abs(jump.moved) + _AROUND_JUMP)
        for jump in placed.jumps
    ]


def _blame_what_was_put_in(measures: ChannelMeasures) -> None:
    """Where silence is put in again and again, another short silence is more of it."""
    longest = max((it.samples for it in measures.inserted if it.why == "put in"), default=0)
    if sum(it.why == "put in" for it in measures.inserted) < _AGAIN_AND_AGAIN:
        return
    limit = longest + 2 * _STEP
    more = [it for it in measures.missing if it.why == "silent" and it.samples <= limit]
    # Between two of them that are too close to be told apart nothing stands in its place.
    measures.missing = [
        it
        for it in measures.missing
        if it not in more and (it.why != "something else" or it.samples > _AROUND_JUMP)
    ]
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
            likely = int(np.argmax(np.abs(np.correlate(there.astype(float), part.astype(float)))))
            found[at : at + len(part)] = there[likely : likely + len(part)]
    return abs(match_at(found, clip, 0) or 0.0)


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
