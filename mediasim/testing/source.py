"""Where a recording under test comes from: a simulated run, or a sandbox."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.records import RecordingRecord
from mediasim.truth.sidecar import RecordingTruth
from mediasim.twilio.download import Format

__all__ = ["Downloaded", "RecordingSource", "Utterance", "utterances_of"]


@dataclass(frozen=True)
class Downloaded:
    """The answer to a download."""

    status: int
    content: bytes
    """The file; with another status than 200, what was said instead."""
    format: Format

    @cached_property
    def pcm(self) -> NDArray[np.int16]:
        """(channels, samples), decoded."""
        from mediasim.audio.files import decode_audio

        return decode_audio(self.content)[1]

    @property
    def channels(self) -> int:
        """Counted in the file; 0 where there is none."""
        return int(self.pcm.shape[0]) if self.status == 200 else 0


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something a party said or played in a call, recorded or not."""

    party: str
    kind: str
    """say, play, dtmf ..."""
    text: str
    pcm: NDArray[np.int16]
    codec: str


def utterances_of(calls: Iterable[LiveCall]) -> list[Utterance]:
    """All that the parties of these calls said, and the keys that the server heard of each."""
    found = []
    for call in calls:
        if call.line is None:
            continue
        party = call.party
        found += [
            Utterance(party.name, it.kind, it.text, it.pcm, party.codec)
            for it in call.line.timeline.segments
        ]
        if call.digits:
            keys = "".join(digit for _, digit in call.digits)
            found.append(Utterance(party.name, "dtmf", keys, np.zeros(0, np.int16), party.codec))
    return found


class RecordingSource(Protocol):
    """One recording there."""

    name: str

    @property
    def record(self) -> RecordingRecord: ...
    def path(self) -> Path:
        """Of the WAV. Raises MediaNotFound."""

    def truth(self) -> RecordingTruth:
        """Of a recording that is completed."""

    def download(self, channels: int | None, format: Format) -> Downloaded:
        """As an app would get it."""

    def utterances(self) -> list[Utterance]:
        """All that was said in all calls there."""
