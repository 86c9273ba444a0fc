"""Figures of how well an app converses with a caller, in milliseconds, from sound alone.

Sound is a frame of 20 ms at least as loud as speech is heard (-45 dBFS), on the server's side of
the call; utterances, responses and interruptions are defined in :mod:`mediasim.conversation.turns`.
A figure of something that did not happen is None.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.activity import HEARD_DBFS
from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from mediasim.audio.levels import frame_energies
from mediasim.conversation.spans import Span, at_least, complement, total
from mediasim.conversation.turns import (
    DEAD_AIR,
    interruptions,
    responses,
    turns_of,
    utterances,
)
from mediasim.media.recorder import Track

__all__ = [
    "DEAD_AIR_MS",
    "BargeIn",
    "Figures",
    "Meter",
    "ResponseTime",
    "TimeSpan",
    "conversation_figures",
    "recording_figures",
]

DEAD_AIR_MS: Final = DEAD_AIR * 1000 // SAMPLE_RATE
"""Milliseconds of silence of both sides from which on it is dead air, if not given."""
_CALLER: Final = 0
_APP: Final = 1
_REACTION: Final = 1
"""Samples of reaction time: an app can fall silent in the very next frame."""
_MEASURED_AT_ONCE: Final = 2 * SAMPLE_RATE
"""Bytes of a track that are measured at once."""
_ENERGY: Final = FRAME_SAMPLES * (32768 * 10 ** (HEARD_DBFS / 20)) ** 2
"""Least energy of a frame that sounds."""


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """A stretch of time, in milliseconds since the beginning."""

    start_ms: int
    end_ms: int

    @property
    def ms(self) -> int:
        """Its length in milliseconds."""
        return self.end_ms - self.start_ms

    def to_json(self) -> dict[str, int]:
        return {"start_ms": self.start_ms, "end_ms": self.end_ms}


@dataclass(frozen=True, slots=True)
class ResponseTime:
    """The app's response to an utterance of the caller."""

    after: TimeSpan
    """The utterance."""
    latency_ms: int | None
    """Milliseconds from its end to the app's first sound; below 0 if it began before that end.

    None if the app said nothing before the caller spoke again, or at all."""


@dataclass(frozen=True, slots=True)
class BargeIn:
    """An interruption of the app by the caller."""

    at_ms: int
    """When the caller began to speak."""
    reaction_ms: int | None
    """Milliseconds until the app fell silent; None if it still spoke when the caller had ended."""


@dataclass(frozen=True, slots=True)
class Figures:
    """A conversation in numbers."""

    length_ms: int
    caller: tuple[TimeSpan, ...]
    """Utterances of the caller."""
    app: tuple[TimeSpan, ...]
    """Utterances of the app."""
    greeting_ms: int | None
    """Milliseconds from the beginning to the app's first sound; None if there was none."""
    responses: tuple[ResponseTime, ...]
    barge_ins: tuple[BargeIn, ...]
    talk_over_ms: int
    """Milliseconds for which both spoke."""
    dead_air: tuple[TimeSpan, ...]
    """Silences of both sides, of two seconds or longer."""

    @property
    def worst_latency_ms(self) -> int | None:
        """Longest latency of the responses; None if there was none."""
        return max(
            (each.latency_ms for each in self.responses if each.latency_ms is not None),
            default=None,
        )

    @property
    def worst_reaction_ms(self) -> int | None:
        """Longest reaction to a barge-in; None if there was none."""
        return max(
            (each.reaction_ms for each in self.barge_ins if each.reaction_ms is not None),
            default=None,
        )

    @property
    def unanswered(self) -> int:
        """Number of utterances without a response."""
        return sum(each.latency_ms is None for each in self.responses)

    def to_json(self) -> dict[str, Any]:
        return {
            "length_ms": self.length_ms,
            "greeting_ms": self.greeting_ms,
            "responses": [
                {**each.after.to_json(), "latency_ms": each.latency_ms} for each in self.responses
            ],
            "worst_latency_ms": self.worst_latency_ms,
            "unanswered": self.unanswered,
            "barge_ins": [
                {"at_ms": each.at_ms, "reaction_ms": each.reaction_ms} for each in self.barge_ins
            ],
            "worst_reaction_ms": self.worst_reaction_ms,
            "talk_over_ms": self.talk_over_ms,
            "dead_air": [each.to_json() for each in self.dead_air],
            "caller": [each.to_json() for each in self.caller],
            "app": [each.to_json() for each in self.app],
        }


class Meter:
    """Measures a conversation while it goes on: it keeps one byte per frame of either track."""

    def __init__(self) -> None:
        self._loud = {Track.INBOUND: bytearray(), Track.OUTBOUND: bytearray()}
        """Whether each frame sounds, a byte per frame."""
        self._heard = {Track.INBOUND: bytearray(), Track.OUTBOUND: bytearray()}
        """Samples not yet measured: a second costs little more than a frame."""

    def hear(self, track: Track, pcm: NDArray[np.int16]) -> None:
        """Take the next frames of a track, as samples (n * 160,)."""
        heard = self._heard[track]
        heard += pcm.tobytes()
        if len(heard) >= _MEASURED_AT_ONCE:
            self._measure(track)

    def _measure(self, track: Track) -> None:
        pcm = np.frombuffer(bytes(self._heard[track]), np.int16)
        self._heard[track].clear()
        self._loud[track] += _sounding(pcm).tobytes()

    def figures(self, *, dead_air_ms: int = DEAD_AIR_MS) -> Figures:
        """Return the figures so far; silences count as dead air from ``dead_air_ms`` on."""
        for track in (Track.INBOUND, Track.OUTBOUND):
            self._measure(track)
        caller, app = (self._loud[track] for track in (Track.INBOUND, Track.OUTBOUND))
        frames = min(len(caller), len(app))
        return conversation_figures(
            np.frombuffer(bytes(caller[:frames]), np.bool_),
            np.frombuffer(bytes(app[:frames]), np.bool_),
            dead_air_ms=dead_air_ms,
        )


def recording_figures(
    pcm: NDArray[np.int16], *, caller: int = 1, app: int = 2, dead_air_ms: int = DEAD_AIR_MS
) -> Figures:
    """Measure a recording, (channels, samples) at 8 kHz; channels are counted from 1."""
    whole = pcm[:, : pcm.shape[1] // FRAME_SAMPLES * FRAME_SAMPLES]
    return conversation_figures(
        _sounding(np.ascontiguousarray(whole[caller - 1])),
        _sounding(np.ascontiguousarray(whole[app - 1])),
        dead_air_ms=dead_air_ms,
    )


def conversation_figures(
    caller: NDArray[np.bool_], app: NDArray[np.bool_], *, dead_air_ms: int = DEAD_AIR_MS
) -> Figures:
    """Measure frames of both sides that sound or do not: bool (frames,), 20 ms each."""
    voices = [utterances(_runs(caller)), utterances(_runs(app))]
    samples = len(caller) * FRAME_SAMPLES
    silences = complement(at_least(voices, 1), samples)
    return Figures(
        length_ms=_ms(samples),
        caller=_time_spans(voices[_CALLER]),
        app=_time_spans(voices[_APP]),
        greeting_ms=_ms(voices[_APP][0][0]) if voices[_APP] else None,
        responses=tuple(
            ResponseTime(
                _time_span(each.after), None if each.latency is None else _ms(each.latency)
            )
            for each in responses(voices, _CALLER)
        ),
        barge_ins=tuple(
            BargeIn(_ms(each.at), _ms(each.overlap) if each.outcome == "successful" else None)
            for each in interruptions(turns_of(voices), _REACTION)
            if each.by == _CALLER
        ),
        talk_over_ms=_ms(total(at_least(voices, 2))),
        dead_air=tuple(span for span in _time_spans(silences) if span.ms >= dead_air_ms),
    )


def _sounding(pcm: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Return which frames of samples (n * 160,) sound: bool (n,)."""
    return frame_energies(pcm, FRAME_SAMPLES) >= _ENERGY


def _runs(sounding: NDArray[np.bool_]) -> list[Span]:
    """Return the spans of the frames that sound."""
    edges = np.flatnonzero(np.diff(sounding, prepend=False, append=False)).reshape(-1, 2)
    return [(start, end) for start, end in (edges * FRAME_SAMPLES).tolist()]


def _time_spans(spans: Iterable[Span]) -> tuple[TimeSpan, ...]:
    return tuple(_time_span(span) for span in spans)


def _time_span(span: Span) -> TimeSpan:
    return TimeSpan(_ms(span[0]), _ms(span[1]))


def _ms(samples: int) -> int:
    """Convert samples that are whole frames to milliseconds."""
    return samples * 1000 // SAMPLE_RATE
