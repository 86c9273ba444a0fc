"""Measures one channel of a recording against what it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from mediasim.audio.products import dot
from mediasim.truth.measure import Floats, Samples, Span
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

_Spans = list[tuple[int, int]]

_SURE: Final = 0.8
"""Least correlation of a piece from which the level is taken."""
_TURNED: Final = 0.85
"""Least negative correlation of a piece that counts as inverted."""
_REPEATEDLY: Final = 3
"""Insertions from which on short silences count as insertions too."""
_PACKETS: Final = (80, 160, 240, 320, 480)
"""Samples of a packet: 10 to 60 ms."""
_STEP: Final = 160
"""Samples over which no drift moves audio by a whole sample."""
_TOLERANCE: Final = 4
"""Samples by which a place may be off in a file that drifts."""
_FINENESS: Final = 4
"""Places that are tried for each sample of a drifting file."""
_UNLIKE: Final = 0.3
"""Correlation below which a piece counts as something else."""
_BURST: Final = 480
"""Longest sound in samples, 60 ms, that counts as a burst instead of speech."""
_AROUND_JUMP: Final = 1600
"""Samples on either side of a jump in which no further findings are reported."""


@dataclass(frozen=True, slots=True)
class MeasuredChannel:
    """The measures of a channel with the data that they are based on."""

    measures: ChannelMeasures
    map: TimeMap | None
    """The time map; None if no piece of the channel was found."""
    ideal: Ideal
    """The channel as it should be, in the file's own timing."""
    expected: ExpectedChannel


def measure_channel(
    measures: ChannelMeasures,
    channel: Samples,
    expected: ExpectedChannel,
    pieces: Sequence[Window],
) -> MeasuredChannel:
    """Measure a channel of the file against one of the truth, and fill in ``measures``."""
    telling = [piece for piece in pieces if piece.telling]
    sightings = track(channel, expected.samples, pieces)
    measures.pieces, measures.pieces_found = len(telling), len(sightings)
    path = lag_path(sightings)
    if path is None:
        return _not_found(measures, channel, expected)
    if len(path.stretches) > 1:
        # Smaller pieces locate jumps more exactly, and separate several of them.
        small = windows(expected.samples, sounding(expected.samples), FINE)
        path = lag_path(track_closely(channel, expected.samples, small, sightings)) or path
    inverted = sum(it.correlation for it in sightings) < 0
    sign = -1 if inverted else 1
    gain = _gain(sightings)
    placed = time_map(path, channel, expected.samples, sign * gain)
    ideal = Ideal(expected.samples, placed, sign, channel)
    hops = compare(channel, ideal, gain)
    if path.slope == 0.0:  # no hop of a drifting file is exactly right
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
    sharpest = hops.sharpest
    if passed is not None:
        measures.band = (passed.low, passed.high)
        measures.band_gain_db = 20 * float(np.log10(max(passed.gain * gain, 1e-9)))
    if not hops.mostly_exact:
        ideal.taps = response(channel, ideal, hops, known)
        del hops  # before the next ones: those of an hour are large
        hops = compare(channel, ideal, gain)
        hops.sharpest = max(hops.sharpest, sharpest)  # a codec smooths most sounds, but not all
    unknown = _in_file(expected.unknown, placed)
    recovering = _in_file(expected.recovering, placed)
    if not expected.unscripted:
        jumps = [jump.moved for jump in placed.jumps]
        found = displaced(channel, ideal, hops, ignore + unknown + recovering, jumps)
        measures.repeated = _findings(found.repeated, "repeated")
        measures.reordered = _findings(found.reordered, "out of order")
        measures.missing += _findings(found.unlike, "something else")
        # The quiet parts of a displaced packet are no holes.
        displaced_there = _spans(measures.repeated) + _spans(measures.reordered)
        ignore += [(start - 2 * _STEP, end + 2 * _STEP) for start, end in displaced_there]
    gone = silenced(channel, ideal, hops, ignore + recovering, drifts=path.slope != 0.0)
    measures.missing += _findings(gone, "silent")
    if len(measures.repeated) >= _REPEATEDLY:
        _count_soft_repeats(measures, channel, ideal)
    if expected.unscripted:  # a party that is not simulated may say anything at any time
        return MeasuredChannel(measures, placed, ideal, expected)
    ignore += _spans(gone) + unknown + recovering
    _sounds(measures, channel, expected, hops, ignore)
    _colour(measures, channel, ideal, hops, ignore, expected)
    seen = {it.window for it in sightings}
    _unlike(measures, channel, expected, [it for it in telling if it not in seen], placed)
    _merge_into_insertions(measures)
    return MeasuredChannel(measures, placed, ideal, expected)


def _not_found(
    measures: ChannelMeasures, channel: Samples, expected: ExpectedChannel
) -> MeasuredChannel:
    """Measure a channel of which no piece was found, assuming the truth's own timing."""
    placed = TimeMap((MappedPiece(0, len(expected.samples), 0, 0.0),), ())
    ideal = Ideal(expected.samples, placed, 1, channel)
    hops = compare(channel, ideal, 1.0)
    gone = silenced(channel, ideal, hops, [])
    measures.missing = _findings(gone, "silent")
    measures.exact = None if expected.unscripted else hops.exact
    return MeasuredChannel(measures, None, ideal, expected)


def _gain(sightings: Sequence[Sighting]) -> float:
    """Return the linear gain: the median of pieces without other sound over them."""
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
    """Return where a channel's polarity differs from that of most of it."""
    found: list[SpotFound] = []
    turned = False
    for it in sightings:
        start, end = it.window.start + it.lag, it.window.end + it.lag
        # A vowel shifted by half a period looks inverted too, so the piece must also correlate
        # negatively in the place that the time map gives.
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


def _findings(spots: Sequence[Spot], why: str) -> list[SpotFound]:
    return [SpotFound(it.start, it.end, why, it.samples) for it in spots]


def _in_file(spans: Sequence[Span], placed: TimeMap) -> _Spans:
    """Return the truth's spans by the file's time, without those that were left out."""
    return [
        (low, high)
        for start, end in spans
        if (low := placed.to_file(start)) is not None and (high := placed.to_file(end)) is not None
    ]


def _sounds(
    measures: ChannelMeasures,
    channel: Samples,
    expected: ExpectedChannel,
    hops: Hops,
    ignore: _Spans,
) -> None:
    """Find sounds that were never said, clicks and clipping."""
    sounds = [] if expected.noisy else invented(hops, ignore)
    measures.clipped = clipped_samples(channel, expected.samples, hops)
    if (
        measures.clipped
    ):  # the gain is wrong beside clipped tops: only true silence is missing audio
        measures.missing = [
            it
            for it in measures.missing
            if it.why != "silent" or np.abs(channel[it.start : it.end]).max(initial=0) <= QUIET
        ]
    # The edges of clipped tops are no clicks.
    sharp = [] if measures.clipped else clicks(hops)
    for it in sounds:
        within = [click for click in sharp if click.start < it.end and click.end > it.start]
        short = it.samples <= _BURST
        if short and within:
            sharp = [click for click in sharp if click not in within] + [it]
        elif short:
            measures.clicks += _findings([it], "burst")
        else:
            measures.inserted += _findings([it], "never said")
    measures.clicks += _findings(sharp, "click")
    for spots in (measures.clicks, measures.missing, measures.inserted):
        spots.sort(key=lambda it: it.start)


def _colour(
    measures: ChannelMeasures,
    channel: Samples,
    ideal: Ideal,
    hops: Hops,
    ignore: _Spans,
    expected: ExpectedChannel,
) -> None:
    """Measure the channel's DC offset, noise and echo."""
    noisy, echoing = expected.noisy, expected.echoing
    measures.dc = hops.dc
    measures.noise_dbfs = float(dbfs(hops.noise)) if hops.pauses and not noisy else None
    if measures.exact != 1.0 and not measures.clipped and not echoing:
        copy = echo(channel, ideal, hops, ignore)
        measures.echo = None if copy is None else (copy.lag, copy.db)


def _around(placed: TimeMap) -> _Spans:
    """Return the spans around jumps."""
    return [
        (jump.file - _AROUND_JUMP, jump.file + abs(jump.moved) + _AROUND_JUMP)
        for jump in placed.jumps
    ]


def _count_soft_repeats(measures: ChannelMeasures, channel: Samples, ideal: Ideal) -> None:
    """Count holes as repeats if they are as soft as the packet before, in a channel that repeats.

    A repeated packet that is softer by far than the one it replaces leaves little to recognise.
    """
    more = []
    for it in measures.missing:
        if it.why not in ("silent", "something else") or not 0 < it.samples <= _BURST:
            continue
        there = _power(channel[it.start : it.end])
        before = [_power(ideal(it.start - by, it.end - by)) for by in _PACKETS]
        if any(one <= 4 * there + QUIET**2 and there <= 4 * one + QUIET**2 for one in before):
            more.append(it)
    measures.missing = [it for it in measures.missing if it not in more]
    measures.repeated += [replace(it, why="repeated") for it in more]
    measures.repeated.sort(key=lambda it: it.start)


def _power(samples: Samples | Floats) -> float:
    return float(np.mean(np.square(samples.astype(np.float64))))


def _merge_into_insertions(measures: ChannelMeasures) -> None:
    """Count short missing spans as insertions in a channel with repeated insertions."""
    longest = max((it.samples for it in measures.inserted if it.why == "put in"), default=0)
    if sum(it.why == "put in" for it in measures.inserted) < _REPEATEDLY:
        return
    limit = longest + 2 * _STEP
    more = [it for it in measures.missing if it.why == "silent" and it.samples <= limit]
    # Between two insertions too close to be separated, nothing is in its place.
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


def _likeness(channel: Samples, clip: Samples, start: int, placed: TimeMap) -> float:
    """Return the correlation of a clip with what is in its place, following a drift."""
    found = np.zeros(len(clip))
    for at in range(0, len(clip), _STEP):
        part = clip[at : at + _STEP]
        around = placed.to_file(start + at)
        if around is None or around < _TOLERANCE:
            continue
        there = channel[around - _TOLERANCE : around + len(part) + _TOLERANCE]
        if len(there) == len(part) + 2 * _TOLERANCE:
            found[at : at + len(part)] = _most_alike(there, part)
    said = clip.astype(np.float64)
    whole = np.sqrt(dot(found, found) * dot(said, said))
    return abs(dot(found, said)) / whole if whole > 0 else 0.0


def _most_alike(there: Samples, part: Samples) -> Floats:
    """Return the samples of ``there`` that resemble a shorter part most, at any quarter of a place.

    A drift moves sound by fractions of a sample, and half a sample is a quarter of the period of
    the highest frequencies: at whole samples they resemble nothing.
    """
    fine = np.fft.irfft(np.fft.rfft(there), _FINENESS * len(there)) * _FINENESS
    places = sliding_window_view(fine, _FINENESS * (len(part) - 1) + 1)[:, ::_FINENESS]
    norms = np.sqrt(np.einsum("ij,ij->i", places, places))
    alike = np.abs(places @ part.astype(np.float64)) / np.maximum(norms, 1.0)
    best: Floats = places[int(np.argmax(alike))]
    return best


def _unlike(
    measures: ChannelMeasures,
    channel: Samples,
    expected: ExpectedChannel,
    unseen: Sequence[Window],
    placed: TimeMap,
) -> None:
    """Find pieces in whose place something else is heard."""
    for piece in unseen:
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
