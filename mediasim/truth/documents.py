"""Truth sidecars: their shape, written and read, where they stand, and that they are what they say.

A recording's truth says of each channel who said what, at which sample of the file, and what never
arrived. :mod:`mediasim.truth.sidecar` finds it out; here is what it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.levels import rms_dbfs
from mediasim.parties.voices.word_times import WordTime
from mediasim.rtp.oddities import Oddity

__all__ = [
    "ChannelTruth",
    "Concealed",
    "Gap",
    "Interval",
    "RecordingTruth",
    "TruthDocumentError",
    "check_truth",
    "read_document",
    "recordings_in",
    "truth_path",
]


@dataclass(frozen=True, slots=True)
class Gap:
    """Samples for which there was no audio."""

    start: int
    end: int
    why: str
    """lost, late, stalled, key (sent in place of what was said), put in (by the jitter buffer, to
    follow the sender's clock), or not written (as the disk was full)."""
    party: str | None
    """Whose audio it would have been; None for all that is in the channel."""

    def to_json(self) -> dict[str, Any]:
        whose = {} if self.party is None else {"party": self.party}
        return {"start": self.start, "end": self.end, "why": self.why, **whose}


@dataclass(frozen=True, slots=True)
class Concealed:
    """Samples that the server made up where nothing of a party arrived, lost or never sent."""

    start: int
    end: int
    how: str
    """repeat (the last 20 ms, fading) or comfort-noise (of the level that the sender announced)."""
    party: str
    """In whose place they are heard."""

    def to_json(self) -> dict[str, Any]:
        return {"start": self.start, "end": self.end, "how": self.how, "party": self.party}


@dataclass(frozen=True, slots=True)
class Interval:
    """Something said, or played by the server, in one channel."""

    start: int
    """First sample in the file."""
    end: int
    party: str | None
    """None for what the server played."""
    kind: str
    text: str
    digest: str
    pcm: NDArray[np.int16]
    """What was said, before any codec: as long as the interval."""
    codec: str
    due: int
    """Where a clean path would have put its first sample, in samples of the file."""
    reference: int | None = None
    """Where ``pcm`` begins in the recording's reference audio."""
    offset: int = 0
    """The sample of the whole clip, or of what was played, that ``pcm`` begins with."""
    words: tuple[WordTime, ...] = ()
    """What is said in it in words, and when, in samples of the file."""

    def to_json(self) -> dict[str, Any]:
        return {
            "start": self.start,
            "end": self.end,
            "due": self.due,
            "party": self.party,
            "kind": self.kind,
            "text": self.text,
            "clip": self.digest,
            "offset": self.offset,
            "codec": self.codec,
            "reference": self.reference,
            "level_dbfs": round(rms_dbfs(self.pcm), 2),
            "words": [
                {"word": it.text, "start": it.start, "end": it.end, "estimated": it.estimated}
                for it in self.words
            ],
        }

    @classmethod
    def of_json(cls, document: Mapping[str, Any], reference: NDArray[np.int16]) -> Self:
        """Read it back; ``reference (n,)`` is the recording's reference audio."""
        start, end, at = document["start"], document["end"], document["reference"]
        return cls(
            start=start,
            end=end,
            party=document["party"],
            kind=document["kind"],
            text=document["text"],
            digest=document["clip"],
            pcm=reference[at : at + end - start],
            codec=document["codec"],
            due=document["due"],
            reference=at,
            offset=document["offset"],
            words=tuple(
                WordTime(it["word"], it["start"], it["end"], it["estimated"])
                for it in document["words"]
            ),
        )


@dataclass(frozen=True, slots=True)
class ChannelTruth:
    """One channel."""

    channel: int
    """Counted from 1."""
    intervals: tuple[Interval, ...]
    missing: tuple[Gap, ...]
    adjustments: tuple[tuple[int, int], ...]
    """(sample in the file, samples put in or, if negative, left out) by the jitter buffer."""
    concealed: tuple[Concealed, ...] = ()
    """What the server made up where nothing came, whether it was lost or never sent."""
    background_dbfs: float | None = None
    """The loudest background noise of the parties in it; None for dead silence."""
    lines: tuple[Mapping[str, Any], ...] = ()
    """The telephone lines of the parties in it that are not clean, each with its party."""
    odd: tuple[tuple[str, Oddity], ...] = ()
    """Parties whose RTP was odd, and how (:mod:`mediasim.rtp.scheduler`)."""
    unscripted: tuple[str, ...] = ()
    """Parties in it that are not simulated: nothing is known of what they meant to say."""

    def to_json(self) -> dict[str, Any]:
        odd = [{"party": party, **oddity.to_json()} for party, oddity in self.odd]
        return {
            "channel": self.channel,
            "background_dbfs": self.background_dbfs,
            "unscripted": list(self.unscripted),
            "intervals": [interval.to_json() for interval in self.intervals],
            "missing": [gap.to_json() for gap in self.missing],
            "concealed": [made_up.to_json() for made_up in self.concealed],
            "adjustments": [
                {"start": start, "samples": moved} for start, moved in self.adjustments
            ],
            **({"lines": list(self.lines)} if self.lines else {}),
            **({"odd": odd} if odd else {}),
        }

    @classmethod
    def of_json(cls, document: Mapping[str, Any], reference: NDArray[np.int16]) -> Self:
        """Read it back, but for what was odd about senders."""
        return cls(
            channel=document["channel"],
            intervals=tuple(Interval.of_json(each, reference) for each in document["intervals"]),
            missing=tuple(
                Gap(it["start"], it["end"], it["why"], it.get("party"))
                for it in document["missing"]
            ),
            concealed=tuple(
                Concealed(it["start"], it["end"], it["how"], it["party"])
                for it in document["concealed"]
            ),
            adjustments=tuple((it["start"], it["samples"]) for it in document["adjustments"]),
            background_dbfs=document["background_dbfs"],
            lines=tuple(document.get("lines", ())),
            unscripted=tuple(document["unscripted"]),
        )


@dataclass(frozen=True, slots=True)
class RecordingTruth:
    """All channels, and how the file's time maps to the call's."""

    sid: str
    samples: int
    channels: tuple[ChannelTruth, ...]
    pauses: tuple[tuple[int, int, str], ...]
    """(sample in the file, samples of the call, silence or skip)."""
    segments: tuple[tuple[int, int, int, str], ...]
    """(sample of the frame clock, sample in the file, samples of the call, kind)."""
    seed: int | None
    """None of a recording that was recovered with nothing known of it."""
    conceal: bool
    reference: NDArray[np.int16] = field(
        default_factory=lambda: np.zeros(0, np.int16), repr=False, compare=False
    )
    """(n,) all that was said and played, each piece once, before any codec."""
    faults: tuple[dict[str, Any], ...] = ()
    """What was broken on purpose (:mod:`mediasim.truth.faults`), in order."""

    def to_json(self) -> dict[str, Any]:
        """The sidecar document."""
        return {
            "recording": self.sid,
            "reference": f"../references/{self.sid}.wav",
            "sample_rate": SAMPLE_RATE,
            "samples": self.samples,
            "seed": self.seed,
            "lost_audio": "concealed" if self.conceal else "silence",
            "channels": [channel.to_json() for channel in self.channels],
            "pauses": [
                {"start": start, "samples": samples, "kind": kind}
                for start, samples, kind in self.pauses
            ],
            "map": [
                {"call": call, "file": file, "samples": samples, "kind": kind}
                for call, file, samples, kind in self.segments
            ],
            "faults": list(self.faults),
        }

    @classmethod
    def of_json(cls, document: Mapping[str, Any], reference: NDArray[np.int16]) -> Self:
        """Read it back, with ``reference (n,)``, the audio that its intervals point into."""
        return cls(
            sid=document["recording"],
            samples=document["samples"],
            channels=tuple(ChannelTruth.of_json(it, reference) for it in document["channels"]),
            pauses=tuple((it["start"], it["samples"], it["kind"]) for it in document["pauses"]),
            segments=tuple(
                (it["call"], it["file"], it["samples"], it["kind"]) for it in document["map"]
            ),
            seed=document["seed"],
            conceal=document["lost_audio"] == "concealed",
            reference=reference,
            faults=tuple(document.get("faults", ())),
        )


# -- as files -------------------------------------------------------------------------------


class TruthDocumentError(ValueError):
    """There is no truth to be read there; says why."""


def truth_path(recording: Path) -> Path:
    """Where a recording's truth stands: ``RE….wav`` has ``RE….truth.json`` beside it."""
    return recording.with_suffix(".truth.json")


def read_document(path: Path) -> dict[str, Any]:
    """A sidecar's JSON, with every part of it that is there as it should be.

    Raises TruthDocumentError.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise TruthDocumentError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise TruthDocumentError(f"{path} is not JSON: expected a recording's truth") from None
    if not isinstance(found, dict) or "samples" not in found:
        raise TruthDocumentError(f"{path} is not the truth of a recording as mediasim writes it")
    try:
        check_truth(found)
    except ValueError as error:
        raise TruthDocumentError(
            f"{path} is not the truth of a recording as mediasim writes it: {error}"
        ) from None
    return found


def check_truth(document: object) -> None:
    """Raises ValueError, naming the first part of a truth that is not what it should be."""
    try:
        _TruthShape.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "it"
        raise ValueError(f"{place}: {first['msg'].lower()}") from None


def recordings_in(folder: Path, suffix: str = ".wav") -> list[Path]:
    """The recordings' files of that suffix in a folder, in order of their names.

    The folder is a run's, its ``recordings``, or the one that has a folder for each run: then they
    are those of the latest.
    """
    for run in (folder, folder / "latest"):
        named = (*run.glob("RE*"), *run.glob("recordings/RE*"))
        found = sorted(path for path in named if path.name == f"{path.name.split('.')[0]}{suffix}")
        if found:
            return found
    return []


# -- as it is read again --------------------------------------------------------------------

_LONGEST: Final = 24 * 3600 * 8000
"""Samples of the longest recording there can be."""
_Sample = Annotated[int, Field(ge=-_LONGEST, le=_LONGEST)]
_Count = Annotated[int, Field(ge=0, le=_LONGEST)]


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _SpanShape(_Shape):
    start: _Sample
    end: _Sample


class _IntervalShape(_SpanShape):
    party: str | None
    kind: str
    text: str
    clip: str
    codec: str
    reference: _Count | None = None


class _GapShape(_SpanShape):
    party: str = ""


class _ChannelShape(_Shape):
    channel: Annotated[int, Field(ge=1)]
    intervals: list[_IntervalShape]
    missing: list[_GapShape] = []
    concealed: list[_SpanShape] | None = None
    background_dbfs: float | None = None
    unscripted: list[str] = []


class _TruthShape(_Shape):
    """A truth sidecar, as far as it is read again; of other parts nothing is asked."""

    samples: _Count = 0
    reference: str | None = None
    channels: list[_ChannelShape] = []
    faults: list[dict[str, Any]] = []
    lost_audio: str = ""
