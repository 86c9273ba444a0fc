"""Truth sidecars: the documents that state what each channel of a recording should hold.

A recording's truth lists for each channel who said what, at which sample of the file, and which
audio never arrived. :mod:`mediasim.truth.sidecar` builds it; this module defines its shape, writes
and reads it, and validates documents that are read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.levels import rms_dbfs
from mediasim.documents.diagnostics import clock, counted
from mediasim.parties.timeline import UNRECORDED, Recorded, is_speech
from mediasim.parties.voices.word_times import WordTime
from mediasim.rtp.oddities import Oddity

__all__ = [
    "ChannelTruth",
    "Concealed",
    "Gap",
    "Interval",
    "RecordingTruth",
    "TruthDocumentError",
    "read_document",
    "recordings_in",
    "truth_path",
]


@dataclass(frozen=True, slots=True)
class Gap:
    """A span of samples for which the server had no audio."""

    start: int
    end: int
    why: str
    """The reason: ``lost``, ``late``, ``stalled``, ``key`` (a DTMF key sent in place of speech),
    ``secret`` (the tones of a payment's keys, taken out), ``put in`` (by the jitter buffer, to
    follow a sender's clock) or ``not written`` (full disk)"""
    party: str | None
    """Name of the party whose audio is missing; None if all audio of the channel is."""

    def to_json(self) -> dict[str, Any]:
        whose = {} if self.party is None else {"party": self.party}
        return {"start": self.start, "end": self.end, "why": self.why, **whose}


@dataclass(frozen=True, slots=True)
class Concealed:
    """A span of samples that the server made up because no packet of a party arrived."""

    start: int
    end: int
    how: str
    """``repeat`` (the last 20 ms, fading) or ``comfort-noise`` (at the announced level)."""
    party: str
    """Name of the party whose audio they replace."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A span of one channel in which a party says something or the server plays something."""

    start: int
    """First sample, in the file."""
    end: int
    """Sample after the last one, in the file."""
    party: str | None
    """Name of the party who speaks; None for audio that the server plays."""
    kind: str
    text: str
    digest: str
    pcm: NDArray[np.int16]
    """Samples (n,) as they were said, before any codec; as long as the interval."""
    codec: str
    due: int
    """Sample of the file at which a path without impairments would have put its first sample."""
    reference: int | None = None
    """Sample of the recording's reference audio at which ``pcm`` begins."""
    offset: int = 0
    """Sample of the whole clip, or of the played audio, at which ``pcm`` begins."""
    words: tuple[WordTime, ...] = ()
    """The words said in the interval, with their times in samples of the file."""
    recorded: Recorded = UNRECORDED
    """What is known of a file that is played."""

    def __repr__(self) -> str:
        span = f"{self.start / SAMPLE_RATE:.3f}-{self.end / SAMPLE_RATE:.3f} s"
        return f"<{self.party or 'the server'} {self.kind} {self.text!r}, {span}>"

    @property
    def is_speech(self) -> bool:
        """Whether the text is what is said."""
        return is_speech(self.kind, self.recorded.file)

    def to_json(self) -> dict[str, Any]:
        return {
            "start": self.start,
            "end": self.end,
            "due": self.due,
            "party": self.party,
            "kind": self.kind,
            "text": self.text,
            **self.recorded.to_json(),
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
        """Read an interval from JSON; ``reference`` (n,) is the recording's reference audio."""
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
            recorded=Recorded.of_json(document),
        )


@dataclass(frozen=True, slots=True)
class ChannelTruth:
    """The truth of one channel."""

    channel: int
    """Number of the channel, counted from 1."""
    intervals: tuple[Interval, ...]
    missing: tuple[Gap, ...]
    adjustments: tuple[tuple[int, int], ...]
    """(sample of the file, samples that the jitter buffer put in or, if negative, left out)."""
    concealed: tuple[Concealed, ...] = ()
    """Spans that the server made up, whether their packets were lost or never sent."""
    background_dbfs: float | None = None
    """Level of the loudest background noise of its parties, in dBFS; None for digital silence."""
    lines: tuple[Mapping[str, Any], ...] = ()
    """Telephone lines of its parties that are not clean, each with its party."""
    odd: tuple[tuple[str, Oddity], ...] = ()
    """(party, oddity of its RTP stream) (:mod:`mediasim.rtp.oddities`)."""
    unscripted: tuple[str, ...] = ()
    """Parties that are not simulated, so that what they said is unknown."""

    def to_json(self) -> dict[str, Any]:
        odd = [{"party": party, **oddity.to_json()} for party, oddity in self.odd]
        return {
            "channel": self.channel,
            "background_dbfs": self.background_dbfs,
            "unscripted": list(self.unscripted),
            "intervals": [interval.to_json() for interval in self.intervals],
            "missing": [gap.to_json() for gap in self.missing],
            "concealed": [asdict(made_up) for made_up in self.concealed],
            "adjustments": [
                {"start": start, "samples": moved} for start, moved in self.adjustments
            ],
            **({"lines": list(self.lines)} if self.lines else {}),
            **({"odd": odd} if odd else {}),
        }

    @classmethod
    def of_json(cls, document: Mapping[str, Any], reference: NDArray[np.int16]) -> Self:
        """Read a channel from JSON; oddities of senders are not read."""
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
    """The truth of a recording: its channels, and how the file's time maps to the call's."""

    sid: str
    samples: int
    channels: tuple[ChannelTruth, ...]
    pauses: tuple[tuple[int, int, str], ...]
    """(sample of the file, samples of the call, ``silence`` or ``skip``) of each pause."""
    segments: tuple[tuple[int, int, int, str], ...]
    """(sample of the frame clock, sample of the file, samples of the call, kind) of each part."""
    seed: int | None
    """Seed of the run; None if a recording was recovered without any truth."""
    conceal: bool
    """Whether lost audio was concealed instead of left silent."""
    reference: NDArray[np.int16] = field(
        default_factory=lambda: np.zeros(0, np.int16), repr=False, compare=False
    )
    """Samples (n,) of everything said and played, each piece once, before any codec."""
    faults: tuple[dict[str, Any], ...] = ()
    """Faults that were applied to the recording (:mod:`mediasim.truth.faults`), in order."""

    def __repr__(self) -> str:
        said = sum(len(channel.intervals) for channel in self.channels)
        return (
            f"<truth of {self.sid}: {counted(len(self.channels), 'channel')}, "
            f"{clock(self.samples / SAMPLE_RATE)}, {counted(said, 'interval')}>"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the sidecar document."""
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
        """Read a truth from JSON; ``reference`` (n,) is the audio that its intervals point into."""
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
    """Raised when a file is not a readable truth sidecar; the message says why."""


def truth_path(recording: Path) -> Path:
    """Return the path of a recording's truth: ``RE….truth.json`` beside ``RE….wav``."""
    return recording.with_suffix(".truth.json")


def read_document(path: Path) -> dict[str, Any]:
    """Read a truth sidecar and validate it.

    Raises TruthDocumentError if it cannot be read, is not JSON or is not of the documented shape.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise TruthDocumentError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise TruthDocumentError(f"{path} is not JSON: expected a recording's truth") from None
    if not isinstance(found, dict) or "samples" not in found:
        raise TruthDocumentError(f"{path} is not the truth of a recording as mediasim writes it")
    from mediasim.truth.document_shapes import check_truth

    try:
        check_truth(found)
    except ValueError as error:
        raise TruthDocumentError(
            f"{path} is not the truth of a recording as mediasim writes it: {error}"
        ) from None
    return found


def recordings_in(folder: Path, suffix: str = ".wav") -> list[Path]:
    """Return the recordings' files of a suffix in a folder, sorted by name.

    ``folder`` is a run's folder, its ``recordings``, or the folder of all runs, of which the
    latest is taken.
    """
    for run in (folder, folder / "latest"):
        named = (*run.glob("RE*"), *run.glob("recordings/RE*"))
        found = sorted(path for path in named if path.name == f"{path.name.split('.')[0]}{suffix}")
        if found:
            return found
    return []
