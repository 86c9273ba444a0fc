"""Reads what is analysed: a recording's sound, the speaker of each channel, and its truth.

They are files beside each other: ``RE….wav`` (or any other audio file), ``RE….json`` with the
channel map, and ``RE….truth.json``. Without the last two, as for another system's recording,
speakers have no names and nothing is compared.

Speech is what a party says or plays, and babble; keys, tones and what the server plays are not. An
utterance that a jitter buffer moved, or a pause of the recording cut, is in the truth in pieces,
which are joined again. (The same words said twice without a pause, both in pieces, are taken for
one utterance.)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.wav import AudioFileError
from mediasim.conversation.spans import Span
from mediasim.conversation.turns import utterances as joined
from mediasim.parties.timeline import is_speech
from mediasim.truth.document_shapes import check_channel_map, check_truth
from mediasim.truth.documents import recordings_in

__all__ = [
    "AnalysedRecording",
    "AnalysisError",
    "SpeakerChannel",
    "TrueUtterance",
    "TrueWord",
    "find_recording",
    "find_recordings",
    "read_recording",
    "read_utterances",
    "speakers_of",
    "speech_of",
    "word_count",
]

_TRUTH: Final = ".truth.json"


class AnalysisError(ValueError):
    """Raised when a recording cannot be analysed; the message states what was expected."""


@dataclass(frozen=True, slots=True)
class SpeakerChannel:
    """A speaker and the channel that holds its speech."""

    name: str
    channel: int
    """Number of the channel, counted from 1."""


@dataclass(frozen=True, slots=True)
class AnalysedRecording:
    """A recording with its speakers and its truth."""

    name: str
    path: Path
    pcm: NDArray[np.int16]
    """Samples (channels, samples) at 8 kHz."""
    voices: tuple[SpeakerChannel, ...] | None
    """The speaker of each channel; None if speakers are mixed in one."""
    truth: Mapping[str, Any] | None
    """The truth sidecar; None if there is none or it does not know all parties."""
    notes: tuple[str, ...]
    """Restrictions of the analysis, in words."""

    @property
    def samples(self) -> int:
        """Samples of each channel."""
        return int(self.pcm.shape[1])

    @property
    def complete(self) -> bool:
        """Whether all parties may be in the recording: not if its only channel is one party's."""
        return self.voices is None or len(self.voices) > 1

    @property
    def seconds(self) -> float:
        return self.samples / SAMPLE_RATE


def find_recording(given: Path) -> Path:
    """Return the audio file meant by a path: the file, its JSON, its SID, or a folder with one.

    Raises AnalysisError if there is none, or more than one.
    """
    found = find_recordings(given)
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise AnalysisError(f"{given} holds {len(found)} recordings; name one of: {names}")
    return found[0]


def find_recordings(given: Path) -> list[Path]:
    """Return the audio files meant by a path like :func:`find_recording`, or all of a folder.

    Raises AnalysisError if there is none.
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
    """Read a recording with its channel map and its truth, by default the one beside it.

    Raises AnalysisError if a file is not valid.
    """
    pcm, defects = _sound(path)
    document = _document(path.with_suffix(".json"), "channel_map", check_channel_map)
    beside = path.with_name(path.stem + _TRUTH)
    if truth is not None and not truth.is_file():
        raise AnalysisError(f"there is no truth {truth}")
    said = _document(truth or beside, "channels", check_truth)
    if said is not None:
        count = len(said["channels"])
        if count != len(pcm):
            raise AnalysisError(
                f"{truth or beside} tells of {count} channels, the recording {path.name} has "
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
    """Return the samples (channels, samples) at 8 kHz, and what is wrong with the file."""
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


# -- true utterances ------------------------------------------------------------------------

_PIECES_APART: Final = SAMPLE_RATE // 10
"""Largest distance of an utterance's pieces in samples: jitter buffers move in smaller steps."""


class TrueWord(NamedTuple):
    """A word of an utterance that is in the recording, by the truth."""

    text: str
    start: int
    """First sample, in the file."""
    end: int
    """Sample after the last one, in the file."""
    estimated: bool
    """Whether its times were found by aligning the audio; the speech engine told them otherwise."""


@dataclass(frozen=True, slots=True)
class TrueUtterance:
    """Words that a party said in one go, by the truth."""

    start: int
    """First sample, in the file."""
    end: int
    """Sample after the last one, in the file."""
    channel: int
    """Number of the channel, counted from 1."""
    party: str
    text: str | None
    """The words said; None if they are unknown."""
    share: float
    """Share (0 to 1) of the text that is in the recording."""
    words: tuple[TrueWord, ...] = ()
    """The words that are in the recording, in order; empty if their times are unknown."""


def read_utterances(truth: Mapping[str, Any]) -> list[TrueUtterance]:
    """Return all utterances of a truth document, in order."""
    found: list[TrueUtterance] = []
    for channel in truth["channels"]:
        intervals = [each for each in channel["intervals"] if _is_speech(each)]
        whole: dict[tuple[str, str], int] = {}
        for each in intervals:
            length = each["end"] - each["start"]
            whole[_clip(each)] = max(whole.get(_clip(each), 0), length)
        for pieces in _group_pieces(intervals, whole):
            first, last = pieces[0], pieces[-1]
            samples = sum(each["end"] - each["start"] for each in pieces)
            found.append(
                TrueUtterance(
                    first["start"],
                    last["end"],
                    channel["channel"],
                    first["party"],
                    first["text"] if is_speech(first["kind"], first.get("file")) else None,
                    min(1.0, samples / max(1, whole[_clip(first)])),
                    tuple(
                        TrueWord(word["word"], word["start"], word["end"], word["estimated"])
                        for each in pieces
                        for word in each.get("words", ())
                    ),
                )
            )
    return sorted(found, key=lambda utterance: (utterance.start, utterance.channel))


def speakers_of(utterances: Iterable[TrueUtterance]) -> list[SpeakerChannel]:
    """Return the parties in order of appearance, each with the channel of its first utterance."""
    voices: dict[str, SpeakerChannel] = {}
    for utterance in utterances:
        voices.setdefault(utterance.party, SpeakerChannel(utterance.party, utterance.channel))
    return list(voices.values())


def speech_of(utterances: Iterable[TrueUtterance]) -> list[Span]:
    """Return the spans of speech, joined over short pauses."""
    return joined((utterance.start, utterance.end) for utterance in utterances)


def word_count(utterances: Sequence[TrueUtterance]) -> int | None:
    """Count the words; None if those of any utterance are unknown."""
    count = 0.0
    for utterance in utterances:
        if utterance.text is None:
            return None
        count += len(utterance.text.split()) * utterance.share
    return round(count)


def _is_speech(interval: Mapping[str, Any]) -> bool:
    if interval["party"] is None:
        return False
    kind, text = interval["kind"], interval["text"]
    return kind in ("say", "play") or (kind == "noise" and text.startswith("babble"))


def _clip(interval: Mapping[str, Any]) -> tuple[str, str]:
    return interval["clip"], interval["text"]


def _group_pieces(
    intervals: Iterable[Mapping[str, Any]], whole: Mapping[tuple[str, str], int]
) -> list[list[Mapping[str, Any]]]:
    """Group pieces: those of one utterance are close, and at least one of two is incomplete."""
    groups: list[list[Mapping[str, Any]]] = []
    for each in sorted(intervals, key=lambda each: (each["party"], each["start"])):
        before = groups[-1][-1] if groups else None
        if (
            before is not None
            and before["party"] == each["party"]
            and _clip(before) == _clip(each)
            and abs(each["start"] - before["end"]) <= _PIECES_APART
            and any(one["end"] - one["start"] < whole[_clip(one)] for one in (before, each))
        ):
            groups[-1].append(each)
        else:
            groups.append([each])
    return groups
