"""The result of a verification as plain data: measures, failures, and what cannot be measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mediasim.audio.frames import SAMPLE_RATE

__all__ = ["Across", "ChannelMeasures", "Failure", "SpotFound", "Verification"]


@dataclass(frozen=True, slots=True)
class SpotFound:
    """A finding in a channel: a span that is not as it should be."""

    start: int
    """First sample, in the file."""
    end: int
    """Sample after the last one, in the file."""
    why: str
    """``silent``, ``something else``, ``left out``, ``put in``, ``never said``, ``click``,
    ``burst``, ``repeated``, ``out of order`` or ``inverted``."""
    samples: int
    """Samples that are missing, or in excess."""
    slack: int = 0
    """Samples by which it may be later: within silence the place of a jump is unknown."""

    def to_json(self) -> dict[str, Any]:
        return {
            "start": self.start,
            "end": self.end,
            "seconds": round(self.start / SAMPLE_RATE, 4),
            "why": self.why,
            "samples": self.samples,
            "slack": self.slack,
        }


@dataclass(slots=True)
class ChannelMeasures:
    """The measures of one channel of the truth; None for those that cannot be taken."""

    channel: int
    """Number of the truth's channel, counted from 1."""
    found_in: int | None
    """Number of the file's channel that holds it, counted from 1; None if there is none."""
    parties: tuple[str, ...]
    unscripted: tuple[str, ...] = ()
    """Parties of the channel that are not simulated, and may have said anything."""
    offset: int | None = None
    """Samples by which the channel is later, or if negative earlier, than it should be."""
    first_heard: int | None = None
    """Sample of the file at which the first piece was found."""
    drift_ppm: float | None = None
    """Parts per million by which the channel's clock is slow, or if negative fast."""
    drift_error_ppm: float | None = None
    """Standard error of the drift in parts per million."""
    gain_db: float | None = None
    correlation: float | None = None
    """Correlation (-1 to 1) with what should be heard, in the file's own timing."""
    exact: float | None = None
    """Share of the file's samples that are exactly right, in the file's own timing."""
    pieces: int = 0
    """Number of pieces of half a second that were searched."""
    pieces_found: int = 0
    missing: list[SpotFound] = field(default_factory=list)
    inserted: list[SpotFound] = field(default_factory=list)
    clicks: list[SpotFound] = field(default_factory=list)
    repeated: list[SpotFound] = field(default_factory=list)
    """Packets that are replaced by one that came before."""
    reordered: list[SpotFound] = field(default_factory=list)
    """Packets in the wrong order."""
    clipped: int | None = None
    """Number of samples in clipped tops."""
    inverted: bool | None = None
    """Whether the polarity of most of the channel is inverted."""
    flipped: list[SpotFound] = field(default_factory=list)
    """Spans whose polarity differs from that of most of the channel."""
    dc: float | None = None
    """Mean of what should be silent, in steps of 16 bits."""
    noise_dbfs: float | None = None
    """Level of what should be silent, in dBFS."""
    band: tuple[float, float] | None = None
    """(lowest, highest) frequency that the channel passes, in hertz."""
    band_gain_db: float | None = None
    """Gain within that band, in dB."""
    echo: tuple[int, float] | None = None
    """(lag in samples, level in dB) of the channel's own echo."""
    head_cut: int | None = None
    """Samples of the truth before the file's first."""
    tail_cut: int | None = None
    """Samples of the truth after the file's last."""

    def to_json(self) -> dict[str, Any]:
        known = self.offset is not None and not self.unscripted
        return {
            "channel": self.channel,
            "found_in": self.found_in,
            "parties": list(self.parties),
            "unscripted": list(self.unscripted),
            "offset_samples": self.offset,
            "offset_ms": None if self.offset is None else round(self.offset / 8, 3),
            "drift_ppm": _rounded(self.drift_ppm, 2),
            "drift_error_ppm": _rounded(self.drift_error_ppm, 2),
            "gain_db": _rounded(self.gain_db, 2),
            "correlation": _rounded(self.correlation, 4),
            "exact": _rounded(self.exact, 6),
            "pieces": {"looked_for": self.pieces, "found": self.pieces_found},
            "missing": [it.to_json() for it in self.missing] if known or self.missing else None,
            "inserted": [it.to_json() for it in self.inserted] if known or self.inserted else None,
            "clicks": [it.to_json() for it in self.clicks] if known else None,
            "repeated": [it.to_json() for it in self.repeated] if known else None,
            "reordered": [it.to_json() for it in self.reordered] if known else None,
            "clipped_samples": self.clipped,
            "inverted": self.inverted,
            "flipped": [it.to_json() for it in self.flipped] if known else None,
            "dc": _rounded(self.dc, 1),
            "noise_dbfs": _rounded(self.noise_dbfs, 1),
            "band_hz": None if self.band is None else [round(edge) for edge in self.band],
            "echo": None
            if self.echo is None
            else {"ms": self.echo[0] / 8, "db": round(self.echo[1], 1)},
            "head_cut_samples": self.head_cut,
            "tail_cut_samples": self.tail_cut,
        }


@dataclass(slots=True)
class Across:
    """Measures between channels."""

    order: tuple[int | None, ...] = ()
    """For each channel of the truth the number of the file's, counted from 1."""
    swapped: bool | None = None
    identical: bool | None = None
    likeness: float | None = None
    """Correlation (-1 to 1) of the file's first two channels without any shift."""
    offset_between: int | None = None
    """Samples by which the second channel is later than the first, beyond the truth."""
    crosstalk: list[tuple[int, int, float]] = field(default_factory=list)
    """(from channel, into channel, dB), both of the truth; FLOOR_DB where none is found."""
    echoes: list[tuple[int, int, int, float]] = field(default_factory=list)
    """(from channel, into channel, lag in samples, dB) of far sides that return what they hear."""
    extra: list[int] = field(default_factory=list)
    """Numbers of the file's channels with sound that belong to none of the truth's."""
    lengths: tuple[int, ...] = ()
    """Samples of each channel of the file, at 8 kHz."""

    def to_json(self) -> dict[str, Any]:
        between = self.offset_between
        return {
            "order": list(self.order),
            "swapped": self.swapped,
            "identical": self.identical,
            "likeness": _rounded(self.likeness, 4),
            "offset_between_samples": between,
            "offset_between_ms": None if between is None else round(between / 8, 3),
            "crosstalk": [
                {"from": source, "into": victim, "db": round(level, 1)}
                for source, victim, level in self.crosstalk
            ]
            or None,
            "echoes": [
                {"from": source, "into": victim, "ms": lag / 8, "db": round(level, 1)}
                for source, victim, lag, level in self.echoes
            ],
            "extra_channels": self.extra,
            "lengths": list(self.lengths),
            "unequal_samples": max(self.lengths) - min(self.lengths) if self.lengths else None,
        }


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure of a recording: its kind, its description and its place."""

    kind: str
    words: str
    channel: int | None = None
    """Number of the file's channel, counted from 1; None for the whole recording."""
    start: int | None = None
    """First sample, in the file."""
    end: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "words": self.words,
            "channel": self.channel,
            "start": self.start,
            "end": self.end,
            "seconds": None if self.start is None else round(self.start / SAMPLE_RATE, 4),
        }


@dataclass(slots=True)
class Verification:
    """The result of the verification of a recording."""

    recording: tuple[str, ...]
    truth: str | None
    rate: int | None
    exit_code: int = 0
    failures: list[Failure] = field(default_factory=list)
    channels: list[ChannelMeasures] = field(default_factory=list)
    across: Across = field(default_factory=Across)
    broken_on_purpose: tuple[Mapping[str, Any], ...] = ()
    cannot_tell: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether the recording was measured and has no failure."""
        return self.exit_code == 0

    @property
    def kinds(self) -> list[str]:
        """The kinds of failure, most severe first."""
        return list(dict.fromkeys(failure.kind for failure in self.failures))

    def to_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "exit_code": self.exit_code,
            "recording": list(self.recording),
            "truth": self.truth,
            "rate": self.rate,
            "failures": [failure.to_json() for failure in self.failures],
            "channels": [channel.to_json() for channel in self.channels],
            "across": self.across.to_json(),
            "broken_on_purpose": [dict(fault) for fault in self.broken_on_purpose],
            "cannot_tell": self.cannot_tell,
        }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
