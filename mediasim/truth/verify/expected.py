"""Computes what every sample of a recording should be, from its truth.

The truth's intervals, coded by their codecs, are laid on each channel, without the audio that never
arrived. For mediasim's own recording of a clean call the result equals the file, sample for sample.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.levels import downmix
from mediasim.audio.wav import AudioFileError, read_wav
from mediasim.truth.documents import TruthDocumentError, read_document
from mediasim.truth.reference import exact_codecs, reference_of

__all__ = ["Expected", "ExpectedChannel", "Said", "read_expected"]

_NOT_A_TRUTH: Final = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    MemoryError,
)
_RECOVERY: Final = 480
"""Samples, 60 ms, that a decoder may take after a loss to follow its encoder again: G.722's begins
with its smallest step, and lets a syllable in only gradually."""
_AT_ONCE: Final = 1 << 17
"""Samples laid in one block: blocks without audio are never written and take no memory."""


@dataclass(frozen=True, slots=True, order=True)
class Said:
    """Audio that was said or played."""

    start: int
    end: int
    party: str
    """Name of the party; empty for audio that the server played."""
    text: str


@dataclass(frozen=True, slots=True)
class ExpectedChannel:
    """A channel as it should be."""

    samples: NDArray[np.int16]
    """Samples (n,) as they should be; silent where that is unknown."""
    said: tuple[Said, ...]
    unknown: tuple[tuple[int, int], ...]
    """Spans whose content is unknown, because a concealer made it up."""
    recovering: tuple[tuple[int, int], ...]
    """Spans after a loss in which a decoder with memory may still be too soft."""
    noisy: bool
    """Whether it holds background noise of parties too, of which only the level is known."""
    unscripted: tuple[str, ...]
    """Parties that are not simulated, so that their audio is unknown."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A recording as it should be."""

    channels: tuple[ExpectedChannel, ...]
    samples: int
    faults: tuple[Mapping[str, Any], ...]
    """Faults that were applied on purpose, as the truth lists them."""
    doubts: tuple[str, ...]
    """What the truth does not state, in words."""
    partial: bool = False
    """Whether the truth ends before the recording does, after ``samples``."""

    def mixed(self) -> ExpectedChannel:
        """Return the mix of all channels."""
        return ExpectedChannel(
            downmix(np.stack([channel.samples for channel in self.channels])),
            tuple(sorted(it for channel in self.channels for it in channel.said)),
            tuple(sorted(span for channel in self.channels for span in channel.unknown)),
            tuple(sorted(span for channel in self.channels for span in channel.recovering)),
            noisy=any(channel.noisy for channel in self.channels),
            unscripted=tuple(
                dict.fromkeys(name for channel in self.channels for name in channel.unscripted)
            ),
        )


def read_expected(path: Path) -> Expected:
    """Read a truth sidecar and its reference audio.

    Raises TruthDocumentError if it is not a valid truth.
    """
    document = read_document(path)
    try:
        return _expected(path, document)
    except _NOT_A_TRUTH as error:
        if isinstance(error, TruthDocumentError):
            raise
        raise TruthDocumentError(
            f"{path} is not the truth of a recording as mediasim writes it"
        ) from None


def _expected(path: Path, document: Mapping[str, Any]) -> Expected:
    whole = int(document["samples"])
    samples = min(int(document.get("known_until", whole)), whole)
    channels = document.get("channels", ())
    doubts = []
    if samples < whole:
        doubts.append(
            "the recording was recovered after a kill: from sample"
            f" {samples} of {whole} on the truth does not say what it holds"
        )
    tape, why = _reference(path, document)
    if why is not None:
        doubts.append(why)
    if not channels:
        doubts.append("the truth does not say what the channels hold")
    return Expected(
        tuple(_channel(each, samples, tape, document) for each in channels),
        samples,
        tuple(document.get("faults", ())),
        tuple(doubts),
        partial=samples < whole,
    )


def _reference(
    path: Path, document: Mapping[str, Any]
) -> tuple[NDArray[np.int16] | None, str | None]:
    name = document.get("reference")
    if not isinstance(name, str):
        return None, "the truth names no reference audio: what was said can be found nowhere"
    try:
        return read_wav(path.parent / name).pcm[0], None
    except AudioFileError as error:
        return None, f"the reference audio cannot be used: {error}"


def _channel(
    channel: Mapping[str, Any],
    samples: int,
    tape: NDArray[np.int16] | None,
    document: Mapping[str, Any],
) -> ExpectedChannel:
    intervals = channel["intervals"]
    gaps = _Gaps(channel["missing"])
    laid = _silence(samples)
    if tape is not None:
        for low in range(0, samples, _AT_ONCE):
            _lay(laid, low, min(low + _AT_ONCE, samples), intervals, tape, gaps)
    made_up = channel.get("concealed")
    if made_up is None:  # an old truth, which did not list concealed spans
        made_up = channel["missing"] if document.get("lost_audio") == "concealed" else ()
    return ExpectedChannel(
        laid,
        tuple(
            Said(int(it["start"]), int(it["end"]), it["party"] or "", str(it["text"]))
            for it in intervals
        ),
        tuple((int(it["start"]), int(it["end"])) for it in made_up),
        tuple(_recovering(channel["missing"], intervals)),
        noisy=channel.get("background_dbfs") is not None,
        unscripted=tuple(str(name) for name in channel.get("unscripted", ())),
    )


def _recovering(
    missing: Sequence[Mapping[str, Any]], intervals: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[int, int]]:
    """Yield the spans after gaps of parties whose codec remembers what it decoded before."""
    with_memory = {it["party"] for it in intervals if it["codec"] not in exact_codecs()}
    for gap in missing:
        if with_memory and gap.get("party") in {*with_memory, None}:
            yield int(gap["end"]), int(gap["end"]) + _RECOVERY


class _Gaps:
    """Missing spans by party, sorted for lookup by place."""

    def __init__(self, missing: Sequence[Mapping[str, Any]]) -> None:
        self._spans: dict[str | None, NDArray[np.int64]] = {}
        for party in {gap.get("party") for gap in missing}:
            spans = sorted(
                (int(gap["start"]), int(gap["end"])) for gap in missing if gap.get("party") == party
            )
            self._spans[party] = np.array(spans, np.int64)

    def silence(self, clip: NDArray[np.int16], first: int, party: str | None) -> None:
        """Silence the missing spans of a party's clip that begins at sample ``first``.

        A gap without a party, as old truths have them, applies to all parties.
        """
        for name in {party, None} & self._spans.keys():
            spans = self._spans[name]
            at = np.searchsorted(spans[:, 1], first, "right")
            until = np.searchsorted(spans[:, 0], first + len(clip))
            for start, end in spans[at:until].tolist():
                clip[max(start - first, 0) : end - first] = 0


def _silence(samples: int) -> NDArray[np.int16]:
    """Return silence that takes no memory until something is written to it.

    Pages of 4 KB hold a quarter of a second. The huge pages that numpy's memory may come in hold
    two minutes, so that every pause of a conversation would be stored.
    """
    if not samples or not hasattr(mmap, "MADV_NOHUGEPAGE"):
        return np.zeros(samples, np.int16)
    pages = mmap.mmap(-1, 2 * samples, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    pages.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(pages, np.int16)


def _lay(
    laid: NDArray[np.int16],
    low: int,
    high: int,
    intervals: Sequence[Mapping[str, Any]],
    tape: NDArray[np.int16],
    gaps: _Gaps,
) -> None:
    """Lay the intervals on samples ``low .. high``; silent samples are not written."""
    total = np.zeros(high - low, np.int32)  # wider than a sample: voices add up before clipping
    written = []
    for interval in intervals:
        start, end, at = int(interval["start"]), int(interval["end"]), interval["reference"]
        if at is None or end <= low or start >= high:
            continue
        first, last = max(low, start), min(high, end)
        clip = tape[at + first - start : at + last - start]
        clip = reference_of(clip, interval["codec"]).copy()
        gaps.silence(clip, first, interval["party"])
        total[first - low : first - low + len(clip)] += clip
        written.append((first, first + len(clip)))
    for first, last in written:
        laid[first:last] = np.clip(total[first - low : last - low], -32768, 32767)
