"""How well an app converses: measured on the frame clock, from sound alone.

Both sides are looked at frame by frame: a frame at least as loud as speech is heard sounds. Runs
of such frames make utterances; pauses of up to 300 ms belong to them, and what lasts less than
60 ms is none. Everything is counted in frames of 20 ms, on the server's side of the call; what
did not happen is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE
from mediasim.audio.levels import frame_energies
from mediasim.media.recorder import Track
from mediasim.parties.hearing import HEARD_DBFS

__all__ = [
    "DEAD_AIR_MS",
    "BargeIn",
    "Figures",
    "Meter",
    "Response",
    "Span",
    "conversation_figures",
    "recording_figures",
]

_PAUSE: Final = 300 // FRAME_MS
_SHORTEST: Final = 60 // FRAME_MS
DEAD_AIR_MS: Final = 2000
_LOOKED_AT: Final = 2 * SAMPLE_RATE
"""Octets."""
_ENERGY: Final = FRAME_SAMPLES * (32768 * 10 ** (HEARD_DBFS / 20)) ** 2


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, in ms since the beginning."""

    start_ms: int
    end_ms: int

    @property
    def ms(self) -> int:
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class Response:
    """What followed an utterance of the caller's."""

    after: Span
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
    caller: tuple[Span, ...]
    """Utterances."""
    app: tuple[Span, ...]
    greeting_ms: int | None
    """From the beginning to the app's first sound; None: it never made one."""
    responses: tuple[Response, ...]
    barge_ins: tuple[BargeIn, ...]
    talk_over_ms: int
    """For how long both spoke."""
    dead_air: tuple[Span, ...]
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
                {**_shown(each.after), "latency_ms": each.latency_ms} for each in self.responses
            ],
            "worst_latency_ms": self.worst_latency_ms,
            "unanswered": self.unanswered,
            "barge_ins": [
                {"at_ms": each.at_ms, "reaction_ms": each.reaction_ms} for each in self.barge_ins
            ],
            "worst_reaction_ms": self.worst_reaction_ms,
            "talk_over_ms": self.talk_over_ms,
            "dead_air": [_shown(each) for each in self.dead_air],
            "caller": [_shown(each) for each in self.caller],
            "app": [_shown(each) for each in self.app],
        }


def _shown(span: Span) -> dict[str, int]:
    return {"start_ms": span.start_ms, "end_ms": span.end_ms}


class Meter:
    """Notes of each frame of both tracks whether it sounds: a byte of each."""

    def __init__(self) -> None:
        self._loud = {Track.INBOUND: bytearray(), Track.OUTBOUND: bytearray()}
        self._heard = {Track.INBOUND: bytearray(), Track.OUTBOUND: bytearray()}
        """Samples not yet looked at: a second costs little more than a frame."""

    def hear(self, track: Track, pcm: NDArray[np.int16]) -> None:
        """The next frames of a track."""
        heard = self._heard[track]
        heard += pcm.tobytes()
        if len(heard) >= _LOOKED_AT:
            self._look(track)

    def _look(self, track: Track) -> None:
        pcm = np.frombuffer(bytes(self._heard[track]), np.int16)
        self._heard[track].clear()
        self._loud[track] += _sounding(pcm).tobytes()

    def figures(self, *, dead_air_ms: int = DEAD_AIR_MS) -> Figures:
        """Of all there was so far."""
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
    """Of a recording, (channels, samples) at 8 kHz; channels are counted from 1."""
    whole = pcm[:, : pcm.shape[1] // FRAME_SAMPLES * FRAME_SAMPLES]
    return conversation_figures(
        _sounding(np.ascontiguousarray(whole[caller - 1])),
        _sounding(np.ascontiguousarray(whole[app - 1])),
        dead_air_ms=dead_air_ms,
    )


def conversation_figures(
    caller: NDArray[np.bool_], app: NDArray[np.bool_], *, dead_air_ms: int = DEAD_AIR_MS
) -> Figures:
    """Of frames of both sides that sound or do not, one of each for every 20 ms."""
    asked, said = _utterances(caller), _utterances(app)
    both = _covered(asked, len(caller)) & _covered(said, len(caller))
    neither = ~(_covered(asked, len(caller)) | _covered(said, len(caller)))
    return Figures(
        length_ms=len(caller) * FRAME_MS,
        caller=_spans(asked),
        app=_spans(said),
        greeting_ms=said[0][0] * FRAME_MS if said else None,
        responses=tuple(_responses(asked, said)),
        barge_ins=tuple(_barge_ins(asked, said)),
        talk_over_ms=int(both.sum()) * FRAME_MS,
        dead_air=tuple(span for span in _spans(_runs(neither)) if span.ms >= dead_air_ms),
    )


_Frames = list[tuple[int, int]]
"""Stretches: (first frame, frame after the last)."""


def _responses(asked: _Frames, said: _Frames) -> list[Response]:
    found = []
    for number, (start, end) in enumerate(asked):
        until = asked[number + 1][0] if number + 1 < len(asked) else None
        begins = [at for at, _ in said if at > start and (until is None or at < until)]
        # What it began and ended while the caller went on speaking was no answer.
        ends = dict(said)
        answer = next((at for at in begins if at >= end or ends[at] > end), None)
        latency = None if answer is None else (answer - end) * FRAME_MS
        found.append(Response(_span(start, end), latency))
    return found


def _barge_ins(asked: _Frames, said: _Frames) -> list[BargeIn]:
    return [
        BargeIn(start * FRAME_MS, (stop - start) * FRAME_MS if stop <= end else None)
        for start, end in asked
        for begin, stop in said
        if begin < start < stop
    ]


def _sounding(pcm: NDArray[np.int16]) -> NDArray[np.bool_]:
    return frame_energies(pcm, FRAME_SAMPLES) >= _ENERGY


def _utterances(loud: NDArray[np.bool_]) -> _Frames:
    joined: _Frames = []
    for start, end in _runs(loud):
        if joined and start - joined[-1][1] <= _PAUSE:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return [(start, end) for start, end in joined if end - start >= _SHORTEST]


def _runs(flags: NDArray[np.bool_]) -> _Frames:
    padded = np.concatenate(([False], flags, [False]))
    edges = np.flatnonzero(padded[1:] != padded[:-1]).reshape(-1, 2)
    return [(start, end) for start, end in edges.tolist()]


def _covered(spans: _Frames, frames: int) -> NDArray[np.bool_]:
    flags = np.zeros(frames, np.bool_)
    for start, end in spans:
        flags[start:end] = True
    return flags


def _spans(spans: Sequence[tuple[int, int]]) -> tuple[Span, ...]:
    return tuple(_span(start, end) for start, end in spans)


def _span(start: int, end: int) -> Span:
    return Span(start * FRAME_MS, end * FRAME_MS)
