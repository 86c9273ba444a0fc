"""A truth sidecar with its reference audio, read back into what it was written of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediasim.parties.voices.word_times import WordTime
from mediasim.truth.missing import Concealed, Gap
from mediasim.truth.sidecar import ChannelTruth, Interval, RecordingTruth

__all__ = ["truth_of_document"]


def truth_of_document(document: Mapping[str, Any], reference: NDArray[np.int16]) -> RecordingTruth:
    """The truth, with ``reference (n,)``, the audio that its intervals point into."""
    return RecordingTruth(
        sid=document["recording"],
        samples=document["samples"],
        channels=tuple(_channel(each, reference) for each in document["channels"]),
        pauses=tuple((it["start"], it["samples"], it["kind"]) for it in document["pauses"]),
        segments=tuple(
            (it["call"], it["file"], it["samples"], it["kind"]) for it in document["map"]
        ),
        seed=document["seed"],
        conceal=document["lost_audio"] == "concealed",
        reference=reference,
        faults=tuple(document.get("faults", ())),
    )


def _channel(document: Mapping[str, Any], reference: NDArray[np.int16]) -> ChannelTruth:
    return ChannelTruth(
        channel=document["channel"],
        intervals=tuple(_interval(each, reference) for each in document["intervals"]),
        missing=tuple(
            Gap(it["start"], it["end"], it["why"], it["party"]) for it in document["missing"]
        ),
        concealed=tuple(
            Concealed(it["start"], it["end"], it["how"], it["party"])
            for it in document["concealed"]
        ),
        adjustments=tuple((it["start"], it["samples"]) for it in document["adjustments"]),
    )


def _interval(document: Mapping[str, Any], reference: NDArray[np.int16]) -> Interval:
    start, end, at = document["start"], document["end"], document["reference"]
    return Interval(
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
