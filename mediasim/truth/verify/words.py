"""A verification as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.truth.measure import FLOOR_DB
from mediasim.truth.verify.findings import ChannelMeasures, Verification
from mediasim.truth.verify.judge import NOT_TOLD

__all__ = ["verdict_words", "verification_text"]


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
