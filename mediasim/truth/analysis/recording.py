"""What is analysed: a recording's sound, whose voice each channel holds, and its truth.

All three are files that lie side by side: ``RE….wav`` (or any other audio file), ``RE….json`` with
the channel map, ``RE….truth.json``. The last two may be missing, as for a recording of some other
system: then its speakers have no names, and nothing is compared.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.wav import AudioFileError
from mediasim.truth.documents import check_channel_map, check_truth, recordings_in

__all__ = [
    "AnalysedRecording",
    "AnalysisError",
    "SpeakerChannel",
    "find_recording",
    "find_recordings",
    "read_recording",
]

_TRUTH: Final = ".truth.json"


class AnalysisError(ValueError):
    """A recording cannot be analysed: says what is wrong, and what would be right."""


@dataclass(frozen=True, slots=True)
class SpeakerChannel:
    """One side of the conversation."""

    name: str
    channel: int
    """Where it is heard, counted from 1."""


@dataclass(frozen=True, slots=True)
class AnalysedRecording:
    """A recording and what is known of it."""

    name: str
    path: Path
    pcm: NDArray[np.int16]
    """(channels, samples) at 8 kHz."""
    voices: tuple[SpeakerChannel, ...] | None
    """One for each channel; None where a channel mixes several, so that they cannot be told."""
    truth: Mapping[str, Any] | None
    """The truth sidecar."""
    notes: tuple[str, ...]
    """What could not be known, for a person."""

    @property
    def samples(self) -> int:
        """Of each channel."""
        return int(self.pcm.shape[1])

    @property
    def complete(self) -> bool:
        """Whether everybody of the call may be in it: not if its one channel is one side's."""
        return self.voices is None or len(self.voices) > 1

    @property
    def seconds(self) -> float:
        return self.samples / SAMPLE_RATE


def find_recording(given: Path) -> Path:
    """The audio file that is meant: itself, by its JSON, by its SID's path, or alone in a folder.

    Raises AnalysisError when there is none, or more than one.
    """
    found = find_recordings(given)
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise AnalysisError(f"{given} holds {len(found)} recordings; name one of: {names}")
    return found[0]


def find_recordings(given: Path) -> list[Path]:
    """The audio files that are meant, at least one: as :func:`find_recording`, or all of a folder.

    Raises AnalysisError when there is none.
    """
    if given.is_dir():
        found = recordings_in(given)
        if not found:
            raise AnalysisError(f"{given} holds no recordings: expected RE….wav in it")
        return found
    audio = given
    if given.name.endswith(_TRUTH):
        audio = given.with_name(given.name.removesuffix(_TRUTH) + ".wav")
    elif given.suffix in (".json", ""):
        audio = given.with_suffix(".wav")
    if not audio.is_file():
        raise AnalysisError(f"there is no recording {given}")
    return [audio]


def read_recording(path: Path, truth: Path | None = None) -> AnalysedRecording:
    """Read a recording with what lies beside it, and the truth from elsewhere if that is named.

    Raises AnalysisError for a file that is not what it should be.
    """
    pcm, defects = _sound(path)
    document = _document(path.with_suffix(".json"), "channel_map", check_channel_map)
    beside = path.with_name(path.stem + _TRUTH)
    if truth is not None and not truth.is_file():
        raise AnalysisError(f"there is no truth {truth}")
    said = _document(truth or beside, "channels", check_truth)
    if said is not None:
        told = len(said["channels"])
        if told != len(pcm):
            raise AnalysisError(
                f"{truth or beside} tells of {told} channels, the recording {path.name} has "
                f"{len(pcm)}: it is another's"
            )
    voices, notes = _voices(pcm, document)
    if said is not None:
        notes = (*notes, *_server_notes(said))
    unscripted = sorted(_unscripted(said)) if said is not None else []
    if said is None:
        notes = (*notes, f"no truth lies beside it ({beside.name}): nothing to compare with")
    notes = (*notes, *defects)
    if unscripted:
        who = ", ".join(unscripted)
        notes = (*notes, f"nothing to compare with: not simulated, so unknown, is {who}")
        said = None
    return AnalysedRecording(path.stem, path, pcm, voices, said, notes)


def _sound(path: Path) -> tuple[NDArray[np.int16], list[str]]:
    """The samples at 8 kHz, and what is wrong with the file."""
    from mediasim.audio.files import read_audio
    from mediasim.truth.verify.media import header_defects

    try:
        rate, pcm, damaged = read_audio(path)
    except AudioFileError as error:
        raise AnalysisError(f"{path}: {error.problem}") from None
    if rate != SAMPLE_RATE:
        import soxr

        pcm = soxr.resample(pcm.T, rate, SAMPLE_RATE).T
    defects = [it.words for it in header_defects(path, path.read_bytes())]
    if damaged:
        defects.append(f"damaged packets of the file were passed over: {damaged}")
    return np.ascontiguousarray(pcm), defects


def _document(path: Path, key: str, check: Callable[[object], None]) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AnalysisError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise AnalysisError(f"{path} is not JSON") from None
    if not isinstance(found, dict) or key not in found:
        raise AnalysisError(f"{path} is not what mediasim writes beside a recording: no {key!r}")
    try:
        check(found)
    except ValueError as error:
        words = f"{path} is not what mediasim writes beside a recording: {error}"
        raise AnalysisError(words) from None
    return found


def _unscripted(truth: Mapping[str, Any]) -> set[str]:
    return {party for channel in truth["channels"] for party in channel.get("unscripted", ())}


def _server_notes(truth: Mapping[str, Any]) -> Iterator[str]:
    for channel in truth["channels"]:
        served = [each for each in channel["intervals"] if each["party"] is None]
        if served:
            seconds = sum(each["end"] - each["start"] for each in served) / SAMPLE_RATE
            labels = ", ".join(sorted({each["text"] for each in served}))
            yield (
                f"the server itself plays {seconds:.1f} s in channel {channel['channel']} "
                f"({labels}): a detector takes it for speech, the truth does not"
            )


def _voices(
    pcm: NDArray[np.int16], document: Mapping[str, Any] | None
) -> tuple[tuple[SpeakerChannel, ...] | None, tuple[str, ...]]:
    entries = [] if document is None else document["channel_map"]["channels"]
    if len(entries) != len(pcm):
        entries = [{}] * len(pcm)
    if len(pcm) == 1:
        name = entries[0].get("party")
        if name is None:
            return None, ("one channel holds everybody: who speaks when cannot be told",)
        return (SpeakerChannel(name, 1),), (
            f"it holds one side alone, {name}: nothing of how they take turns",
        )
    if pcm[0].any() and all(np.array_equal(pcm[0], other) for other in pcm[1:]):
        return None, ("all channels hold the same: who speaks when cannot be told",)
    notes = () if entries[0] else ("no channel map lies beside it: the speakers have no names",)
    voices = [
        SpeakerChannel(_name(entry, number), number)
        for number, entry in enumerate(entries, start=1)
    ]
    return tuple(voices), notes


def _name(entry: Mapping[str, Any], number: int) -> str:
    if entry.get("party"):
        return str(entry["party"])
    return "everyone else" if entry.get("role") == "everyone-else" else f"channel {number}"
