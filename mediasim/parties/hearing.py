"""Detection of speech and quiet in the audio that a party, or the server, hears.

A tracker is fed every frame in order and finds the exact frame at which a condition became true;
the party acts some frames later (its reaction time), so the media plane may process as many frames
ahead without changing any result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.activity import HEARD_DBFS, JudgedFrames, LiveActivity, frame_measures
from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.media.leg import FOREVER

__all__ = ["HEARD_DBFS", "HeardAhead", "SpeechTracker", "frame_of"]

_ONSET: Final = 3
"""Loud frames in a row that start speech; a click has fewer."""
_MOST_UNJUDGED: Final = 50_000
"""Frames that are kept without having been judged: 17 minutes."""
Fired = Callable[[int], None]
"""Called with the frame at which the awaited condition became true."""


class HeardAhead(NamedTuple):
    """What is known of the frames that a party hears next."""

    loud: NDArray[np.bool_]
    """Which are certainly taken for speech, (n,)."""
    maybe: NDArray[np.bool_]
    """Which may be, (n,)."""
    silent_after: bool
    """Whether only silence follows them."""
    blurred: int = 0
    """Frames by which all that may be off."""


class SpeechTracker:
    """A tracker of one track: speech since the last mark, and the length of quiet."""

    def __init__(self, horizon: int = 10) -> None:
        self.horizon = horizon
        """Frames that may be processed before what was heard is acted on."""
        self.settle: Callable[[], None] = lambda: None
        """Lets the tracker hear what was not told to it yet."""
        self.version = 0
        """Number of changes so far of what is waited for, and of what counts for it."""
        self._activity = LiveActivity()
        self._loud = 0
        self._quiet = 0
        self._spoken = False
        self._ignored_until = 0
        self._waiting: tuple[str, int, Fired] | None = None
        self._waits_from = 0
        self._unjudged: list[tuple[int, NDArray[np.float64]]] = []
        """First frames and measures of blocks that are judged when it matters: now they were only
        heard, for nothing is waited for."""
        self._frames_unjudged = 0

    @property
    def spoken(self) -> bool:
        """Whether there has been speech since the last mark."""
        self._judge()
        return self._spoken

    def wait_speech(self, fired: Fired) -> None:
        """Call ``fired`` when speech starts; at the next frame if it has since the last mark."""
        self._judge()
        self._wait(("speech", 0, fired))

    def wait_quiet(self, frames: int, fired: Fired) -> None:
        """Call ``fired`` when there are ``frames`` of quiet after speech since the last mark."""
        self._judge()
        self._wait(("quiet", frames, fired))

    def wait_silence(self, frames: int, fired: Fired) -> None:
        """Call ``fired`` when there are ``frames`` of quiet from now on, after speech or not."""
        self._judge()
        self._quiet = 0
        self._wait(("silence", frames, fired))

    def _wait(self, what: tuple[str, int, Fired]) -> None:
        self.version += 1
        self._waiting = what

    def wait_from(self, frame: int) -> None:
        """Let no frame before this one fulfil what is waited for, though it may be heard later."""
        self.version += 1
        self._waits_from = frame

    def forget(self) -> None:
        """Stop waiting."""
        self._waiting = None

    def ignore_before(self, frame: int) -> None:
        """Ignore all sound before a frame, and what was heard until now."""
        self.mark()
        self._ignored_until = frame

    def mark(self) -> None:
        """Disregard the speech heard until now."""
        self._judge()
        self.version += 1
        self._spoken = False
        self._loud = 0
        self._activity.mark()

    @property
    def waits(self) -> bool:
        """Whether a condition is awaited."""
        return self._waiting is not None

    @property
    def soonest(self) -> int:
        """Frames, of whatever sound, that must be heard before the condition can be true."""
        if self._waiting is None:
            return FOREVER
        kind, quiet, _ = self._waiting
        onset = 0 if self.spoken else _ONSET - self._loud
        if kind == "silence" or (kind == "quiet" and not onset):
            return max(1, quiet - self._quiet)
        return max(1, onset + (quiet if kind == "quiet" else 0))

    def soonest_of(self, first_frame: int, ahead: HeardAhead) -> int:
        """Return what :attr:`soonest` is, knowing the frames that will be heard next.

        They begin with ``first_frame``.
        """
        if self._waiting is None or self._waiting[0] == "silence":
            return self.soonest
        kind, quiet, _ = self._waiting
        ignored = max(0, self._ignored_until - first_frame)
        if self.spoken:
            if kind == "speech":
                return 1
            last = -1 - self._quiet
        else:
            sounds = np.flatnonzero(ahead.maybe[ignored:])
            if self._loud:
                begins = 0
            elif len(sounds):
                begins = max(0, int(sounds[0]) + ignored - 1)
            else:
                begins = FOREVER if ahead.silent_after else len(ahead.maybe)
            last = begins + _ONSET - self._loud - 1
            if kind == "speech":
                return max(1, last + 1 - ahead.blurred)
        # The quiet that is waited for begins behind a frame that is heard.
        loud = np.flatnonzero(ahead.loud)
        loud = np.concatenate(([last], loud[(loud > last) & (loud >= ignored)]))
        gaps = np.flatnonzero(loud[1:] - loud[:-1] > quiet)
        begins = int(loud[gaps[0] if len(gaps) else -1]) - ahead.blurred
        return max(1, begins + quiet + 1)

    @property
    def reach(self) -> int:
        """Frames that may be processed before a condition that they fulfil is acted on."""
        return self.soonest - 1 + self.horizon

    @property
    def patience(self) -> int:
        """Frames of silence that may be processed before a condition they fulfil is acted on."""
        return self.reach if self._waiting is None or self._silence_fulfils else FOREVER

    @property
    def _silence_fulfils(self) -> bool:
        """Whether silence alone makes the condition true."""
        return self.spoken or (self._waiting is not None and self._waiting[0] == "silence")

    def hear(
        self,
        first_frame: int,
        pcm: NDArray[np.int16],
        non_speech: NDArray[np.bool_] | None = None,
    ) -> None:
        """Process the next frames, int16 (frames * 160,).

        ``non_speech``, bool (frames,), marks those that count as silence.
        """
        if non_speech is not None and non_speech.any():
            pcm = (pcm.reshape(-1, FRAME_SAMPLES) * ~non_speech[:, None]).reshape(-1)
        self._unjudged.append((first_frame, frame_measures(pcm)))
        self._frames_unjudged += len(pcm) // FRAME_SAMPLES
        if self._waiting is not None or self._frames_unjudged > _MOST_UNJUDGED:
            self._judge()

    def _judge(self) -> None:
        """Judge what was heard."""
        self.settle()
        if not self._unjudged:
            return
        unjudged, self._unjudged, self._frames_unjudged = self._unjudged, [], 0
        first_frame = unjudged[0][0]
        measures = [each for _, each in unjudged]
        judged = self._activity.judge(
            measures[0] if len(measures) == 1 else np.concatenate(measures, axis=1)
        )
        at, count = 0, len(judged.speech)
        while at < count:
            at += self._step(first_frame + at, judged.between(at, count))

    def _step(self, first_frame: int, judged: JudgedFrames) -> int:
        """Follow frames up to the one that makes the condition true; return how many those are."""
        count = len(judged.speech)
        heard = judged.speech
        if first_frame < self._ignored_until:
            heard = heard & (np.arange(first_frame, first_frame + count) >= self._ignored_until)
        loud, quiet = _runs(heard, self._loud), _runs(~heard, self._quiet)
        spoken = self._spoken_at(loud >= _ONSET, self._activity.only_noise(judged))
        found, until = None, count
        if self._waiting is not None:
            kind, needed, fired = self._waiting
            met = spoken.copy() if kind == "speech" else quiet >= needed
            if kind == "quiet":
                met &= spoken
            met[: max(0, self._waits_from - first_frame)] = False
            if met.any():
                found = int(met.argmax())
                until = count if kind == "silence" else found + 1
        self._loud, self._quiet = int(loud[until - 1]), int(quiet[until - 1])
        self._spoken = bool(spoken[until - 1])
        if found is not None:
            self._waiting = None
            if kind != "silence":
                self.mark()
            fired(first_frame + found)
        return until

    def _spoken_at(
        self, onset: NDArray[np.bool_], only_noise: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Return at which frames there has been speech since the last mark, bool (n,).

        Noise that has begun is taken for speech until it proves steady.
        """
        if not only_noise.any():
            return np.logical_or.accumulate(onset) | self._spoken
        at = np.arange(len(onset))
        before = -1 if self._spoken else -2
        begun = np.maximum.accumulate(np.where(onset, at, before))
        proved = np.maximum.accumulate(np.where(only_noise, at, -1))
        return begun >= proved


def _runs(flags: NDArray[np.bool_], before: int) -> NDArray[np.int64]:
    """Return how many of the flags (n,) up to each one are set in a row; ``before`` were before."""
    at = np.arange(len(flags))
    found: NDArray[np.int64] = at - np.maximum.accumulate(np.where(flags, -1 - before, at))
    return found


async def frame_of(wait: Callable[[Fired], None]) -> int:
    """Wait for a tracker's condition, set up by ``wait``, and return the frame of it."""
    found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def resolve(frame: int) -> None:
        if not found.done():
            found.set_result(frame)

    wait(resolve)
    return await found
