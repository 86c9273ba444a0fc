"""Which measures are failures, how grave each is, and the exit code it gives.

Of several failures the gravest decides the code: a file that cannot be read before channels that
are swapped, those before audio that is missing, that before a click.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.truth.verify.findings import ChannelMeasures, Failure, SpotFound, Verification

__all__ = ["CROSSTALK_DB", "EXIT_CODES", "NOT_TOLD", "OFFSET_SAMPLES", "judge"]

EXIT_CODES: Final = {
    "unreadable": 10,
    "empty": 11,
    "header": 12,
    "swapped": 13,
    "identical": 14,
    "channels": 25,
    "crosstalk": 15,
    "missing": 16,
    "inserted": 17,
    "repeated": 26,
    "reordered": 27,
    "misaligned": 18,
    "drift": 19,
    "truncated": 20,
    "unequal": 21,
    "polarity": 28,
    "echo": 29,
    "level": 22,
    "clipping": 23,
    "bandwidth": 30,
    "noise": 31,
    "dc": 32,
    "click": 24,
}
"""By kind of failure, gravest first."""
_GRAVITY: Final = tuple(EXIT_CODES)
NOT_TOLD: Final = 1
"""The exit code if nothing is wrong that could be seen, but nothing could be measured either."""

OFFSET_SAMPLES: Final = 8
"""A channel may stand a millisecond from its place."""
CROSSTALK_DB: Final = -45.0
"""Leaks softer than this are let pass."""
_DRIFT_PPM: Final = 10.0
_DRIFT_ERRORS: Final = 4.0
_DRIFT_SAMPLES: Final = 4.0
_LEVEL_DB: Final = 1.0
_BAND_HZ: Final = (200.0, 3300.0)
"""A band that begins above the one or ends below the other has been cut."""
_NOISE_DBFS: Final = -60.0
"""What should be silent may be so loud: lossy formats are, and A-law is at -72."""
_ALIKE: Final = 0.95
_DC: Final = 32.0
"""The mean may be off by a thousandth of full scale."""
_TAIL_SAMPLES: Final = 80
_NAMED: Final = 3
"""Places that are told in words; the rest are counted."""


def judge(found: Verification, samples: int, *, any_start: bool, levels: bool) -> None:
    """Put the failures in, gravest first, and the exit code.

    ``samples`` is the truth's length. With ``any_start`` a recording may begin and end at other
    moments than the truth's; without ``levels`` its level is its own affair.
    """
    for kind in _judgements(found, samples, any_start, levels):
        found.failures.append(kind)
    found.failures.sort(key=lambda it: _GRAVITY.index(it.kind))
    measured = any(it.offset is not None or it.exact == 1.0 for it in found.channels)
    if found.failures:
        found.exit_code = EXIT_CODES[found.failures[0].kind]
    elif not measured:
        found.exit_code = NOT_TOLD


def _judgements(
    found: Verification, samples: int, any_start: bool, levels: bool
) -> Iterator[Failure]:
    across = found.across
    if across.swapped:
        order = ", ".join("none" if it is None else str(it) for it in across.order)
        yield Failure("swapped", f"the truth's channels are the file's channels {order}")
    if across.identical:
        yield Failure(
            "identical", f"the channels hold the same (correlation {across.likeness or 0:.4f})"
        )
    lengths = across.lengths
    if lengths and max(lengths) != min(lengths):
        told = ", ".join(f"{length / SAMPLE_RATE:.3f} s" for length in lengths)
        yield Failure("unequal", f"the channels are not equally long: {told}")
    for source, victim, level in across.crosstalk:
        if level > CROSSTALK_DB:
            yield Failure(
                "crosstalk", f"channel {source} is heard in channel {victim} at {level:.1f} dB"
            )
    for source, victim, lag, level in across.echoes:
        if level > CROSSTALK_DB:
            yield Failure(
                "echo",
                f"channel {source} comes back in channel {victim} {lag / 8:g} ms later "
                f"at {level:.1f} dB",
                next((it.found_in for it in found.channels if it.channel == victim), None),
            )
    if across.extra:
        numbers = " and ".join(str(number) for number in across.extra)
        words = f"the file has {len(lengths)} channels, the truth {len(found.channels)}: "
        yield Failure("channels", f"{words}sound is in channel {numbers} too")
    head = 0 if any_start else _head_cut(found, samples)
    if not any_start:
        yield from _ends(found, samples, head)
    if not head:
        yield from _offsets(found, any_start)
    for channel in found.channels:
        yield from _of_channel(channel, samples, levels)


def _ends(found: Verification, samples: int, head: int) -> Iterator[Failure]:
    told = [it for it in found.channels if it.tail_cut is not None]
    tail = min((it.tail_cut or 0 for it in told), default=0)
    slip = max((abs(it.drift_ppm or 0.0) * 1e-6 * samples for it in told), default=0.0)
    length = min(found.across.lengths, default=0)
    if tail > _TAIL_SAMPLES + slip:
        words = f"the last {tail / SAMPLE_RATE:.3f} s are not in the file"
        yield Failure("truncated", words, None, max(0, length - tail), length)
    if head:
        words = f"the first {head / SAMPLE_RATE:.3f} s are not in the file"
        yield Failure("truncated", words, None, 0, 0)


def _head_cut(found: Verification, samples: int) -> int:
    """Samples cut off the front: all channels early by the same, and the file shorter by that."""
    offsets = [it.offset for it in found.channels if it.offset is not None]
    if not offsets or max(offsets) >= -OFFSET_SAMPLES:
        return 0
    same = max(offsets) - min(offsets) <= OFFSET_SAMPLES
    shorter = samples - min(found.across.lengths, default=samples)
    return -max(offsets) if same and shorter >= -max(offsets) - OFFSET_SAMPLES else 0


def _offsets(found: Verification, any_start: bool) -> Iterator[Failure]:
    told = [it for it in found.channels if it.offset is not None]
    if not any_start:
        for channel in told:
            offset = channel.offset or 0
            if abs(offset) > OFFSET_SAMPLES and not _explained(channel, told):
                yield Failure("misaligned", _off(channel, offset), channel.found_in)
        return
    between = found.across.offset_between
    if between is not None and abs(between) > OFFSET_SAMPLES and len(told) > 1:
        words = f"{_off(told[1], between)} beside channel {told[0].channel}"
        yield Failure("misaligned", words, told[1].found_in)


def _explained(channel: ChannelMeasures, others: list[ChannelMeasures]) -> bool:
    """Whether what another channel lacks or has too much had moved this one by as much before."""
    begins = channel.first_heard or 0
    for other in others:
        low = high = other.offset or 0
        if other is channel or abs(low) >= abs(channel.offset or 0):
            continue
        for spot in other.missing + other.inserted:
            if spot.why in ("left out", "put in") and spot.start <= begins:
                moved = spot.samples if spot.why == "put in" else -spot.samples
                # Of what happened in silence, only a part may have happened before.
                sure = spot.start + spot.slack <= begins
                low += moved if sure else min(moved, 0)
                high += moved if sure else max(moved, 0)
        if low - OFFSET_SAMPLES <= (channel.offset or 0) <= high + OFFSET_SAMPLES:
            return True
    return False


def _off(channel: ChannelMeasures, offset: int) -> str:
    side = "late" if offset > 0 else "early"
    return f"channel {channel.channel} is {abs(offset)} samples ({abs(offset) / 8:g} ms) {side}"


def _of_channel(channel: ChannelMeasures, samples: int, levels: bool) -> Iterator[Failure]:
    place, number = channel.found_in, channel.channel
    if channel.missing:
        yield _told("missing", channel.missing, f"channel {number} lacks", place)
    elif channel.pieces and not channel.pieces_found and place is not None:
        words = f"nothing of what should be in channel {number} is found in it"
        yield Failure("missing", words, place)
    if channel.inserted:
        yield _told("inserted", channel.inserted, f"channel {number} has too much:", place)
    for kind, spots, begin in (
        ("repeated", channel.repeated, f"channel {number} repeats what came before:"),
        ("reordered", channel.reordered, f"channel {number} is in the wrong order:"),
    ):
        if spots:
            yield _told(kind, spots, begin, place)
    if channel.clicks:
        yield _told("click", channel.clicks, f"channel {number} clicks:", place)
    drift, error = channel.drift_ppm, channel.drift_error_ppm or 0.0
    if (
        drift is not None
        and abs(drift) > max(_DRIFT_PPM, _DRIFT_ERRORS * error)
        and abs(drift) * 1e-6 * samples > _DRIFT_SAMPLES
    ):
        side = "slow: it comes ever later" if drift > 0 else "fast: it comes ever earlier"
        yield Failure("drift", f"channel {number} is {abs(drift):.1f} ppm {side}", place)
    yield from _polarity(channel)
    yield from _colour(channel, levels)


def _polarity(channel: ChannelMeasures) -> Iterator[Failure]:
    if channel.inverted:
        words = f"channel {channel.channel} is upside down: its polarity is inverted"
        yield Failure("polarity", words, channel.found_in)
    elif channel.flipped:
        begin = f"channel {channel.channel} is upside down for"
        yield _told("polarity", channel.flipped, begin, channel.found_in)


def _colour(channel: ChannelMeasures, levels: bool) -> Iterator[Failure]:
    """What it sounds like beside what was said."""
    place, name = channel.found_in, f"channel {channel.channel}"
    gain = channel.gain_db
    if channel.band is not None and not (
        channel.band[0] <= _BAND_HZ[0] and channel.band[1] >= _BAND_HZ[1]
    ):
        low, high = channel.band
        yield Failure("bandwidth", f"{name} holds only {low:.0f} to {high:.0f} Hz", place)
    smeared = channel.drift_ppm or abs(channel.correlation or 1.0) < _ALIKE
    if channel.band_gain_db is not None and smeared:
        # What a drift, a filter or a codec turned about projects to less than there is.
        gain = channel.band_gain_db
    if channel.echo is not None and channel.echo[1] > CROSSTALK_DB:
        lag, level = channel.echo
        words = f"{name} comes back in itself {lag / 8:g} ms later at {level:.1f} dB"
        yield Failure("echo", words, place)
    if channel.noise_dbfs is not None and channel.noise_dbfs > _NOISE_DBFS:
        words = f"{name} has noise of {channel.noise_dbfs:.1f} dBFS where it should be silent"
        yield Failure("noise", words, place)
    louder = max(1.0, 10 ** ((channel.gain_db or 0.0) / 20))  # A-law's silence, amplified
    if channel.dc is not None and abs(channel.dc) > _DC * louder:
        words = f"{name} has an offset of {channel.dc:.0f} steps ({channel.dc / 327.68:.2f} %)"
        yield Failure("dc", words, place)
    if channel.clipped:
        words = f"{name} has {channel.clipped} samples in tops that are cut off"
        yield Failure("clipping", words, place)
    elif levels and gain is not None and abs(gain) > _LEVEL_DB:
        side = "louder" if gain > 0 else "softer"
        yield Failure("level", f"{name} is {abs(gain):.1f} dB {side} than it should be", place)


def _told(kind: str, spots: list[SpotFound], begin: str, place: int | None) -> Failure:
    said = [
        f"{it.samples / SAMPLE_RATE:.3f} s at {it.start / SAMPLE_RATE:.3f} s ({it.why})"
        for it in spots[:_NAMED]
    ]
    more = len(spots) - len(said)
    if more:
        total = sum(it.samples for it in spots) / SAMPLE_RATE
        said.append(f"and {more} more, {total:.3f} s in all")
    return Failure(
        kind, f"{begin} {', '.join(said)}", place, spots[0].start, max(it.end for it in spots)
    )
