"""Verifies a recording, from its files to its failures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from math import sqrt
from pathlib import Path
from typing import Final

import numpy as np

from mediasim.audio.products import dot
from mediasim.truth.documents import truth_path
from mediasim.truth.measure import FLOOR_DB, Leak, Reader, Samples, leak, reader
from mediasim.truth.verify.channel import MeasuredChannel, measure_channel
from mediasim.truth.verify.colour import some_of
from mediasim.truth.verify.expected import Expected, ExpectedChannel, read_expected
from mediasim.truth.verify.findings import ChannelMeasures, Verification
from mediasim.truth.verify.hops import Ideal
from mediasim.truth.verify.judge import CROSSTALK_DB, judge
from mediasim.truth.verify.media import MediaUnderTest, read_media
from mediasim.truth.verify.tracking import Window, share_found, sounding, windows

__all__ = ["Verified", "verify", "verify_in_full"]


_IDENTICAL: Final = 0.98
"""Least correlation of identical channels."""
_ECHO_SAMPLES: Final = 240
"""Lag from which on a copy of another channel is an echo of the far side: 30 ms."""
_AS_IN_TRUTH_DB: Final = 3.0
"""Decibels by which a leak must exceed the one that the truth itself has."""


@dataclass(slots=True)
class Verified:
    """A verification, with the samples that its picture shows."""

    found: Verification
    media: MediaUnderTest
    channels: list[MeasuredChannel] = field(default_factory=list)


def verify(
    recording: Path | Sequence[Path], truth: Path | None = None, *, any_start: bool = False
) -> Verification:
    """Verify a recording against its truth.

    ``recording`` is a file of any format, or one for each channel; ``truth`` is the sidecar, by
    default the one beside the (first) file. With ``any_start`` the recording may begin and end at
    other times than the truth; only offsets between channels are then failures. Raises
    TruthDocumentError if the sidecar is not valid.
    """
    return verify_in_full(recording, truth, any_start=any_start).found


def verify_in_full(
    recording: Path | Sequence[Path], truth: Path | None = None, *, any_start: bool = False
) -> Verified:
    """Verify like :func:`verify`, and return the samples for a picture too."""
    paths = [recording] if isinstance(recording, Path) else list(recording)
    beside = truth_path(paths[0])
    given = truth if truth is not None else beside if beside.is_file() else None
    # The truth is read first, so that its reference audio is freed before the recording is read.
    expected = read_expected(given) if given is not None else None
    media = read_media(paths)
    found = Verification(
        recording=tuple(str(path) for path in paths),
        truth=None if given is None else str(given),
        rate=media.rate,
    )
    found.failures += media.problems
    if expected is not None:
        found.broken_on_purpose = expected.faults
        found.cannot_tell += expected.doubts
        if expected.partial:
            known = tuple(channel[: expected.samples] for channel in media.channels)
            media = replace(media, channels=known)
    else:
        found.cannot_tell.append(
            f"there is no truth to hold it against: expected {beside} or --truth FILE"
        )
    found.across.lengths = tuple(len(channel) for channel in media.channels)
    result = Verified(found, media)
    if media.channels and expected is not None and expected.channels:
        _measure(result, media, expected)
    elif media.channels:
        _compare_channels(found, media, None)
    samples = expected.samples if expected is not None else 0
    mixed = expected is not None and len(media.channels) == 1 < len(expected.channels)
    judge(found, samples, any_start=any_start, levels=not mixed)
    return result


def _measure(result: Verified, media: MediaUnderTest, expected: Expected) -> None:
    found = result.found
    wanted = expected.channels
    if len(media.channels) == 1 < len(wanted):
        wanted = (expected.mixed(),)
        found.cannot_tell.append(
            f"the file has one channel, the truth {len(expected.channels)}: it is held against "
            "their mix; whether they were swapped or leak into each other cannot be told"
        )
    spans = [sounding(channel.samples) for channel in wanted]
    pieces = [windows(channel.samples, heard) for channel, heard in zip(wanted, spans, strict=True)]
    order, sure = _assignment(media.channels, wanted, pieces)
    found.across.order = tuple(None if it is None else it + 1 for it in order)
    if len(wanted) > 1 and len(media.channels) > 1:
        if sure:
            found.across.swapped = order != tuple(range(len(order)))
        else:
            found.cannot_tell.append(
                "which channel is which: too little of what was said is found in any of them"
            )
    for number, (place, each, some) in enumerate(zip(order, wanted, pieces, strict=True)):
        said = (it.party for it in each.said if it.party)
        measures = ChannelMeasures(
            channel=number + 1,
            found_in=None if place is None else place + 1,
            parties=tuple(dict.fromkeys((*said, *each.unscripted))),
            unscripted=each.unscripted,
        )
        found.channels.append(measures)
        if place is not None:
            result.channels.append(measure_channel(measures, media.channels[place], each, some))
        found.cannot_tell += [
            f"channel {number + 1}: {why}" for why in _unknowns(measures, each, some)
        ]
    if not any(it.pieces_found for it in found.channels) and _could_be_found(result):
        found.cannot_tell.append(
            "whether the truth is this recording's: nothing of what it says was said is found in"
            " the file, so it may be another's"
        )
    _extra(found, media)
    _compare_channels(found, media, expected)
    _crosstalk(result, media, wanted, spans)
    offsets = [channel.offset for channel in found.channels]
    if len(offsets) > 1 and offsets[0] is not None and offsets[1] is not None:
        found.across.offset_between = offsets[1] - offsets[0]
    _drop_leaked_findings(found)


def _could_be_found(result: Verified) -> bool:
    """Return whether something was said, and the file is not silent."""
    said = any(channel.pieces for channel in result.found.channels)
    return said and any(sounding(channel) for channel in result.media.channels)


def _unknowns(
    measures: ChannelMeasures, expected: ExpectedChannel, pieces: Sequence[Window]
) -> Iterator[str]:
    """Yield what cannot be measured in a channel, with the reason."""
    if expected.unscripted:
        who = " and ".join(expected.unscripted)
        yield (
            f"what {who} said, not being simulated: whether anything of it is missing, "
            "was put in, leaks in or was clipped"
        )
    if measures.found_in is None:
        yield "the file has no such channel"
    elif expected.unscripted and not expected.samples.any():
        yield "nothing else is heard in it, so it has no place in time"
    elif not expected.samples.any():
        yield "nobody says anything in it, so it has no place in time"
    elif not any(piece.telling for piece in pieces):
        yield "it holds nothing that can stand in one place only (tones, or too short)"
    elif measures.offset is None:
        yield "nothing of what was said is found, so it has no offset"
    elif measures.drift_ppm is None:
        yield "too little is said to tell a drift"
    if expected.noisy:
        yield "with its background noise, what else was never said"


def _compare_channels(
    found: Verification, media: MediaUnderTest, expected: Expected | None
) -> None:
    """Measure whether the first two channels hold the same, and should not."""
    if len(media.channels) < 2:
        return
    found.across.likeness = _likeness(media.channels[0], media.channels[1])
    if found.across.likeness is None:
        found.cannot_tell.append("whether the channels hold the same: one of them is silent")
        return
    same = abs(found.across.likeness) >= _IDENTICAL
    if expected is not None and len(expected.channels) > 1:
        truly = _likeness(expected.channels[0].samples, expected.channels[1].samples)
        same = same and (truly is None or abs(truly) < _IDENTICAL)
    found.across.identical = same


def _crosstalk(
    result: Verified,
    media: MediaUnderTest,
    wanted: Sequence[ExpectedChannel],
    spans: Sequence[Sequence[tuple[int, int]]],
) -> None:
    measured = {it.measures.channel - 1: it for it in result.channels if it.map is not None}
    for source, victim in permutations(range(len(wanted)), 2):
        into = result.found.channels[victim].found_in
        if source not in measured or into is None or wanted[victim].unscripted:
            continue  # a real telephone's own echo is not the recording's failure
        known = measured[source]
        assert known.map is not None
        heard = [
            (low, high)
            for start, end in spans[source]
            if (low := known.map.to_file(start)) is not None
            and (high := known.map.to_file(end - 1)) is not None
        ]
        if not heard:
            continue
        copy = _leak(
            reader(media.channels[into - 1]),
            _reader_of(known.ideal),
            heard,
        )
        if copy is not None and copy.db > CROSSTALK_DB:
            own = _leak(
                reader(wanted[victim].samples), reader(wanted[source].samples), spans[source]
            )
            if own is not None and own.db > max(copy.db - _AS_IN_TRUTH_DB, FLOOR_DB):
                copy = None
        if copy is not None and copy.lag >= _ECHO_SAMPLES:
            result.found.across.echoes.append((source + 1, victim + 1, copy.lag, copy.db))
            copy = None
        level = FLOOR_DB if copy is None else copy.db
        result.found.across.crosstalk.append((source + 1, victim + 1, level))


def _reader_of(ideal: Ideal) -> Reader:
    return lambda low, high: ideal(low, high) / 32768.0


def _extra(found: Verification, media: MediaUnderTest) -> None:
    """Find channels of the file with sound that belong to none of the truth's."""
    known = set(found.across.order)
    for number, channel in enumerate(media.channels, 1):
        if number not in known and sounding(channel):
            found.across.extra.append(number)


def _drop_leaked_findings(found: Verification) -> None:
    """Drop findings that crosstalk or an echo explains."""
    across = found.across
    leaking = {victim for _, victim, level in across.crosstalk if level > CROSSTALK_DB}
    leaking |= {victim for _, victim, _, level in across.echoes if level > CROSSTALK_DB}
    for channel in found.channels:
        echoing = channel.echo is not None and channel.echo[1] > CROSSTALK_DB
        if channel.channel in leaking or across.identical or echoing:
            channel.inserted = [it for it in channel.inserted if it.why != "never said"]
            channel.clicks = [it for it in channel.clicks if it.why != "burst"]
            channel.missing = [it for it in channel.missing if it.why != "something else"]
            channel.noise_dbfs = None  # the sound in its pauses is the leak


# -- comparisons between channels -----------------------------------------------------------

_REACHES: Final = (4000, 160_000)
"""Samples around a piece's place that are searched: half a second; if in vain, 20 s."""
_SURE: Final = 0.5
"""Share of the pieces that must be found to identify a channel."""
_MOST: Final = 6
"""Most channels of which every order is tried."""
_LAGS: Final = (-800, 4400)
"""Samples by which crosstalk may come late: -100 ms to 550 ms."""
_AT_ONCE: Final = 1 << 14


def _assignment(
    channels: Sequence[Samples],
    expected: Sequence[ExpectedChannel],
    pieces: Sequence[Sequence[Window]],
) -> tuple[tuple[int | None, ...], bool]:
    """Return the index of the file's channel that holds each of the truth's, and if that is sure.

    Channels keep their own order unless another one fits better.
    """
    straight = tuple(number if number < len(channels) else None for number in range(len(expected)))
    if len(channels) == 1:
        return tuple(0 for _ in expected), True
    if len(channels) > _MOST:
        return straight, False
    for reach in _REACHES:
        shares = [
            [share_found(channel, each.samples, windows, reach) for channel in channels]
            for each, windows in zip(expected, pieces, strict=True)
        ]
        known = [row for row in shares if row[0] is not None]
        if not known:
            return straight, False
        best = max(_orders(len(channels), len(expected), straight), key=lambda it: _fit(it, shares))
        found = max((value or 0.0) for row in known for value in row)
        if found >= _SURE:
            return best, True
    return straight, False


def _orders(
    channels: int, wanted: int, straight: tuple[int | None, ...]
) -> list[tuple[int | None, ...]]:
    places: list[int | None] = [*range(channels), *[None] * max(0, wanted - channels)]
    return [straight, *dict.fromkeys(permutations(places, wanted))]


def _fit(order: tuple[int | None, ...], shares: Sequence[Sequence[float | None]]) -> float:
    """Return the sum of the shares that an order finds in place."""
    return sum(
        (row[place] or 0.0) for place, row in zip(order, shares, strict=True) if place is not None
    )


def _likeness(one: Samples, other: Samples) -> float | None:
    """Return the correlation of two channels without any shift; None if either is silent."""
    length = min(len(one), len(other))
    sums = np.zeros(3)
    for low in range(0, length, _AT_ONCE):
        high = min(low + _AT_ONCE, length)
        first, second = one[low:high].astype(np.float64), other[low:high].astype(np.float64)
        sums += (dot(first, second), dot(first, first), dot(second, second))
    whole = sqrt(sums[1] * sums[2])
    return float(sums[0]) / whole if whole > 0 else None


def _leak(victim: Reader, source: Reader, spans: Sequence[tuple[int, int]]) -> Leak | None:
    """Find the source's speech in the victim's channel; None if it is not there.

    Lags up to 550 ms are searched because telephones return the far end's speech so late.
    """
    return leak(victim, source, some_of(spans), _LAGS)
