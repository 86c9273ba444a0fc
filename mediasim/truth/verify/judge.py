"""Decides which measures are failures, their severity, and the exit code; a verification as text.

The most severe failure decides the code: an unreadable file before swapped channels, those before
missing audio, that before a click.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.truth.measure import FLOOR_DB
from mediasim.truth.verify.findings import ChannelMeasures, Failure, SpotFound, Verification

__all__ = [
    "CROSSTALK_DB",
    "EXIT_CODES",
    "NOT_TOLD",
    "OFFSET_SAMPLES",
    "judge",
    "verdict_words",
    "verification_text",
]

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
"""Exit code by kind of failure, most severe first."""
_SEVERITY: Final = tuple(EXIT_CODES)
NOT_TOLD: Final = 1
"""Exit code if no failure was found but nothing could be measured."""

OFFSET_SAMPLES: Final = 8
"""Largest offset of a channel that is not a failure: one millisecond."""
CROSSTALK_DB: Final = -45.0
"""Loudest leak that is not a failure."""
_DRIFT_PPM: Final = 10.0
_DRIFT_ERRORS: Final = 4.0
"""Standard errors that a drift must exceed."""
_DRIFT_SAMPLES: Final = 4.0
"""Samples by which a drift must move the end of the recording."""
_LEVEL_DB: Final = 1.0
_BAND_HZ: Final = (200.0, 3300.0)
"""Highest lower edge and lowest upper edge of a band that is not cut."""
_NOISE_DBFS: Final = -60.0
"""Loudest noise that is not a failure: lossy formats have some, and A-law's is at -72."""
_ALIKE: Final = 0.95
"""Correlation below which the gain is taken from the band."""
_DC: Final = 32.0
"""Largest mean that is not a failure: a thousandth of full scale."""
_TAIL_SAMPLES: Final = 80
_NAMED: Final = 3
"""Most places that a failure's words name; the rest are counted."""


def judge(found: Verification, samples: int, *, any_start: bool, levels: bool) -> None:
    """Add the failures to ``found``, most severe first, and the exit code.

    ``samples`` is the truth's length. With ``any_start`` the recording may begin and end at other
    times than the truth; without ``levels`` its level is not judged.
    """
    found.failures += _judgements(found, samples, any_start, levels)
    found.failures.sort(key=lambda it: _SEVERITY.index(it.kind))
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
        each = ", ".join(f"{length / SAMPLE_RATE:.3f} s" for length in lengths)
        yield Failure("unequal", f"the channels are not equally long: {each}")
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
    measured = [it for it in found.channels if it.tail_cut is not None]
    tail = min((it.tail_cut or 0 for it in measured), default=0)
    slip = max((abs(it.drift_ppm or 0.0) * 1e-6 * samples for it in measured), default=0.0)
    length = min(found.across.lengths, default=0)
    if tail > _TAIL_SAMPLES + slip:
        words = f"the last {tail / SAMPLE_RATE:.3f} s are not in the file"
        yield Failure("truncated", words, None, max(0, length - tail), length)
    if head:
        words = f"the first {head / SAMPLE_RATE:.3f} s are not in the file"
        yield Failure("truncated", words, None, 0, 0)


def _head_cut(found: Verification, samples: int) -> int:
    """Return the samples cut off the front: all channels early and the file shorter by as much."""
    offsets = [it.offset for it in found.channels if it.offset is not None]
    if not offsets or max(offsets) >= -OFFSET_SAMPLES:
        return 0
    same = max(offsets) - min(offsets) <= OFFSET_SAMPLES
    shorter = samples - min(found.across.lengths, default=samples)
    return -max(offsets) if same and shorter >= -max(offsets) - OFFSET_SAMPLES else 0


def _offsets(found: Verification, any_start: bool) -> Iterator[Failure]:
    placed = [it for it in found.channels if it.offset is not None]
    if not any_start:
        for channel in placed:
            offset = channel.offset or 0
            if abs(offset) > OFFSET_SAMPLES and not _explained(channel, placed):
                yield Failure("misaligned", _off(channel, offset), channel.found_in)
        return
    between = found.across.offset_between
    if between is not None and abs(between) > OFFSET_SAMPLES and len(placed) > 1:
        words = f"{_off(placed[1], between)} beside channel {placed[0].channel}"
        yield Failure("misaligned", words, placed[1].found_in)


def _explained(channel: ChannelMeasures, others: list[ChannelMeasures]) -> bool:
    """Return whether findings in another channel before this one began explain its offset."""
    begins = channel.first_heard or 0
    for other in others:
        low = high = other.offset or 0
        if other is channel or abs(low) >= abs(channel.offset or 0):
            continue
        for spot in other.missing + other.inserted:
            if spot.why in ("left out", "put in") and spot.start <= begins:
                moved = spot.samples if spot.why == "put in" else -spot.samples
                # A jump within silence may have happened before or after: the offset may be either.
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
    for kind, spots, begin in (
        ("missing", channel.missing, "lacks"),
        ("inserted", channel.inserted, "has too much:"),
        ("repeated", channel.repeated, "repeats what came before:"),
        ("reordered", channel.reordered, "is in the wrong order:"),
        ("click", channel.clicks, "clicks:"),
    ):
        if spots:
            yield _failure(kind, spots, f"channel {number} {begin}", place)
    if channel.pieces and not channel.pieces_found and not channel.missing and place is not None:
        words = f"nothing of what should be in channel {number} is found in it"
        yield Failure("missing", words, place)
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
        yield _failure("polarity", channel.flipped, begin, channel.found_in)


def _colour(channel: ChannelMeasures, levels: bool) -> Iterator[Failure]:
    """Yield failures of the channel's band, echo, noise, DC offset, clipping and level."""
    place, name = channel.found_in, f"channel {channel.channel}"
    gain = channel.gain_db
    if channel.band is not None and not (
        channel.band[0] <= _BAND_HZ[0] and channel.band[1] >= _BAND_HZ[1]
    ):
        low, high = channel.band
        yield Failure("bandwidth", f"{name} holds only {low:.0f} to {high:.0f} Hz", place)
    smeared = channel.drift_ppm or abs(channel.correlation or 1.0) < _ALIKE
    if channel.band_gain_db is not None and smeared:
        # A drift, a filter or a codec lowers the correlation, and with it the first gain.
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


def _failure(kind: str, spots: list[SpotFound], begin: str, place: int | None) -> Failure:
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


# -- as text --------------------------------------------------------------------------------


def verification_text(found: Verification) -> str:
    """Return the verdict, the failures, the measures, and what cannot be measured, as lines."""
    return "\n".join(_lines(found))


def _lines(found: Verification) -> Iterator[str]:
    yield f"{' '.join(found.recording)}: {verdict_words(found)}"
    for failure in found.failures:
        yield f"  {failure.kind}: {failure.words}"
    for fault in found.broken_on_purpose:
        value = "" if fault.get("value") is None else f" {fault['value']:g} {fault['unit']}"
        yield f"  broken on purpose: {fault['fault']}{value}, {fault['does']}"
    for channel in found.channels:
        yield from _channel(channel)
    yield from _across(found)
    for words in found.cannot_tell:
        yield f"  cannot be told: {words}"


def verdict_words(found: Verification) -> str:
    """Return the verdict alone."""
    if found.ok:
        return "as it should be"
    if found.exit_code == NOT_TOLD:
        return "cannot be told"
    return f"wrong: {', '.join(found.kinds)}"


def _channel(it: ChannelMeasures) -> Iterator[str]:
    who = f" ({', '.join(it.parties)})" if it.parties else ""
    place = f", found in the file's channel {it.found_in}" if it.found_in != it.channel else ""
    yield f"  channel {it.channel}{who}{place}"
    offset = None if it.offset is None else f"{it.offset} samples ({it.offset / 8:g} ms)"
    drift = None if it.drift_ppm is None else f"{it.drift_ppm:.1f} ppm"
    if drift is not None and it.drift_error_ppm is not None:
        drift += f", give or take {it.drift_error_ppm:.1f}"
    yield f"    offset       {_or_unknown(offset)}"
    yield f"    drift        {_or_unknown(drift)}"
    yield f"    gain         {_or_unknown(None if it.gain_db is None else f'{it.gain_db:.2f} dB')}"
    likeness = None if it.correlation is None else f"{it.correlation:.4f}"
    yield f"    correlation  {_or_unknown(likeness)}"
    exact = None if it.exact is None else f"{it.exact:.2%} of the samples"
    yield f"    exact        {_or_unknown(exact)}"
    yield f"    found        {it.pieces_found} of {it.pieces} pieces"


def _across(found: Verification) -> Iterator[str]:
    across = found.across
    if len(across.lengths) > 1:
        between = across.offset_between
        offset = None if between is None else f"{between} samples ({between / 8:g} ms)"
        yield "  between the channels"
        yield f"    offset       {_or_unknown(offset)}"
        for source, victim, level in across.crosstalk:
            words = "none" if level <= FLOOR_DB else f"{level:.1f} dB"
            yield f"    crosstalk    {words}, of {source} in {victim}"
    for number, length in enumerate(across.lengths, 1):
        yield f"  length of channel {number}: {length} samples ({length / SAMPLE_RATE:.3f} s)"


def _or_unknown(value: str | None) -> str:
    return "cannot be told" if value is None else value
