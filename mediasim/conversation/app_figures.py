"""How well an app converses with a caller: figures in milliseconds, from sound alone.

Sound is a frame of 20 ms at least as loud as speech is heard (-45 dBFS), on the server's side of
the call; what is made of it is defined in :mod:`mediasim.conversation.turns`. What did not happen
is None.
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
_CALLER: Final = 0
_APP: Final = 1
_REACTION: Final = 1
"""Samples: an app can fall silent in the very next frame."""
_LOOKED_AT: Final = 2 * SAMPLE_RATE
"""Octets."""
_ENERGY: Final = FRAME_SAMPLES * (32768 * 10 ** (HEARD_DBFS / 20)) ** 2


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """A stretch of time, in ms since the beginning."""

    start_ms: int
    end_ms: int

    @property
    def ms(self) -> int:
        return self.end_ms - self.start_ms

    def to_json(self) -> dict[str, int]:
        return {"start_ms": self.start_ms, "end_ms": self.end_ms}


@dataclass(frozen=True, slots=True)
class ResponseTime:
    """What followed an utterance of the caller's."""

    after: TimeSpan
    """The utterance."""
    latency_ms: int | None
    """From its end to the app's first sound; below 0: it began before the caller had ended.

    None: the app said nothing before the caller spoke again, or at all."""


@dataclass(frozen=True, slots=True)
class BargeIn:
    """The caller began to speak while the app was speaking."""

    at_ms: int
    reaction_ms: int | None
    """Until the app fell silent; None: it still spoke when the caller had ended."""


@dataclass(frozen=True, slots=True)
class Figures:
    """A conversation in numbers."""

    length_ms: int
    caller: tuple[TimeSpan, ...]
    """Utterances."""
    app: tuple[TimeSpan, ...]
    greeting_ms: int | None
    """From the beginning to the app's first sound; None: it never made one."""
    responses: tuple[ResponseTime, ...]
    barge_ins: tuple[BargeIn, ...]
    talk_over_ms: int
    """For how long both spoke."""
    dead_air: tuple[TimeSpan, ...]
    """When neither did, for two seconds or longer."""

    @property
    def worst_latency_ms(self) -> int | None:
        """Of the responses that came; None: none did."""
        return max(
            (it for each in self.responses if (it := each.latency_ms) is not None), default=None
        )

    @property
    def worst_reaction_ms(self) -> int | None:
        """Of the barge-ins that the app reacted to."""
        return max(
            (it for each in self.barge_ins if (it := each.reaction_ms) is not None), default=None
        )

    @property
    def unanswered(self) -> int:
        """Utterances that the app said nothing to."""
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
    """Measures a conversation as it goes on: of each frame of both tracks a byte is kept."""

    def __init__(self) -> None:
        self._loud = {Track.INBOUND: bytearray(), Track.OUTBOUND: bytearray()}
        self._heard = {Track.INBOUND: bytearray(), Track.OUTBOUND: bytearray()}
        """Samples not yet looked at: a second costs little more than a frame."""

    def hear(self, track: Track, pcm: NDArray[np.int16]) -> None:
        """Take in the next frames of a track."""
        heard = self._heard[track]
        heard += pcm.tobytes()
        if len(heard) >= _LOOKED_AT:
            self._look(track)

    def _look(self, track: Track) -> None:
        pcm = np.frombuffer(bytes(self._heard[track]), np.int16)
        self._heard[track].clear()
        self._loud[track] += _sounding(pcm).tobytes()

    def figures(self, *, dead_air_ms: int = DEAD_AIR_MS) -> Figures:
        """The figures so far; silences count as dead air from ``dead_air_ms`` on."""
        for track in (Track.INBOUND, Track.OUTBOUND):
            self._look(track)
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
    """The figures of a recording, (channels, samples) at 8 kHz; channels are counted from 1."""
    whole = pcm[:, : pcm.shape[1] // FRAME_SAMPLES * FRAME_SAMPLES]
    return conversation_figures(
        _sounding(np.ascontiguousarray(whole[caller - 1])),
        _sounding(np.ascontiguousarray(whole[app - 1])),
        dead_air_ms=dead_air_ms,
    )


def conversation_figures(
    caller: NDArray[np.bool_], app: NDArray[np.bool_], *, dead_air_ms: int = DEAD_AIR_MS
) -> Figures:
    """The figures of frames of both sides that sound or do not, one of each for every 20 ms."""
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
    return frame_energies(pcm, FRAME_SAMPLES) >= _ENERGY


def _runs(sounding: NDArray[np.bool_]) -> list[Span]:
    """The samples of the frames that sound."""
    edges = np.flatnonzero(np.diff(sounding, prepend=False, append=False)).reshape(-1, 2)
    return [(start, end) for start, end in (edges * FRAME_SAMPLES).tolist()]


def _time_spans(spans: Iterable[Span]) -> tuple[TimeSpan, ...]:
    return tuple(_time_span(span) for span in spans)


def _time_span(span: Span) -> TimeSpan:
    return TimeSpan(_ms(span[0]), _ms(span[1]))


def _ms(samples: int) -> int:
    """Milliseconds of samples that are whole frames."""
    return samples * 1000 // SAMPLE_RATE
