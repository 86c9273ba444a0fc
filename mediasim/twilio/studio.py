"""Speech for Say and decoded files for Play, made in a thread beside the engine's loop."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext, suppress
from threading import Lock
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.files import AudioClip as FileClip
from mediasim.parties.voices.catalogue import in_language, in_manner, voice_named
from mediasim.parties.voices.clip import SpeechClip, Utterance
from mediasim.parties.voices.speech import Speaker
from mediasim.twilio.voices import twilio_voice

__all__ = ["Studio"]

T = TypeVar("T")
_KEPT: Final = 256
"""Most decoded files kept in memory."""


class _Job:
    """Work in steps; jobs are ordered by the steps that they have had, then by age."""

    def __init__(self, number: int, begin: Callable[[], Generator[None, None, Any]]) -> None:
        self.turn = (0, number)
        self.done: Future[Any] = Future()
        self._begin = begin
        self._steps: Generator[None, None, Any] | None = None

    def __lt__(self, other: _Job) -> bool:
        return self.turn < other.turn

    def step(self) -> bool:
        """Take the next step unless the job was cancelled; return whether another follows."""
        if self.done.cancelled():
            return False
        try:
            self._steps = self._steps or self._begin()
            next(self._steps)
        except StopIteration as end:
            self._settle(end.value, None)
        except BaseException as error:
            # Any exception belongs to the caller that awaits the job, and must not end the thread.
            self._settle(None, error)
        else:
            self.turn = (self.turn[0] + 1, self.turn[1])
            return True
        return False

    def _settle(self, made: Any, error: BaseException | None) -> None:
        if not self.done.set_running_or_notify_cancel():
            return
        if error is None:
            self.done.set_result(made)
        else:
            self.done.set_exception(error)


class Studio:
    """Makes sounds in a thread of its own; a virtual clock holds meanwhile.

    The job that has had the fewest steps comes first, so short texts overtake long ones. The job
    of a call that has ended is given up after its current step.
    """

    def __init__(self, speaker: Speaker | None = None) -> None:
        self._speaker = speaker or Speaker()
        self._thread = ThreadPoolExecutor(1, "mediasim-studio")
        self._jobs: list[_Job] = []
        self._made = 0
        self._lock = Lock()
        self._files: dict[bytes, FileClip] = {}
        self._reported = 0
        """Number of the speaker's warnings that were reported."""
        self.on_warning: Callable[[str], object] = lambda words: None
        """Called on the loop with each warning of the speaker, once."""

    async def say(self, text: str, voice: str = "", language: str = "") -> NDArray[np.int16]:
        """Return speech (samples,) of int16; each of Twilio's voices is always the same one here.

        ``language`` is of BCP 47; "" is that of the voice (Spanish of ``Polly.Lucia`` and of
        ``Google.es-ES-Standard-A``) or English. Raises UnspeakableText for a text of no words or
        in letters that the language does not have, ValueError for a language without a voice.
        """
        return (await self.utter(text, voice, language)).pcm

    async def utter(self, text: str, voice: str = "", language: str = "") -> Utterance:
        """Return speech and the times of its words, as :meth:`say` does without the words."""
        if not text.strip():
            return Utterance(np.zeros(0, np.int16))
        spoken = await self.clip(text, voice, language)
        return Utterance(spoken.pcm, spoken.words)

    async def clip(
        self, text: str, voice: str, language: str, rate: float = 1.0, pitch: float = 1.0
    ) -> SpeechClip:
        """Return the speech of :meth:`say`, which has words, with the times of its words.

        It is ``rate`` times as fast, and its pitch is raised by a factor. Raises UnspeakableText,
        ValueError.
        """
        theirs = twilio_voice(voice)
        person = in_language(voice_named(theirs.name), language or theirs.language)
        person = in_manner(person, rate, pitch)
        return await self.in_steps(lambda: self._speaker.saying(text, person))

    async def decode(self, data: bytes) -> FileClip:
        """Decode a WAV, MP3 or other file. Raises AudioFileError if it cannot be read."""
        found = self._files.get(data)
        if found is None:
            from mediasim.audio.files import decode_clip

            found = await self.apart(lambda: decode_clip(data))
            while len(self._files) >= _KEPT:
                del self._files[next(iter(self._files))]
            self._files[data] = found
        return found

    async def apart(self, work: Callable[[], T]) -> T:
        """Run a function in the thread, as a job of one step, and return its result."""
        return await self.in_steps(lambda: _at_once(work))

    async def in_steps(self, begin: Callable[[], Generator[None, None, T]]) -> T:
        """Run a generator in the thread, step by step, and return its result.

        Other jobs have their turns between its steps.
        """
        loop: Any = asyncio.get_running_loop()
        with self._lock:
            self._made += 1
            job = _Job(self._made, begin)
            heapq.heappush(self._jobs, job)
            self._thread.submit(self._next)
        try:
            with loop.hold() if hasattr(loop, "hold") else nullcontext():
                made: T = await asyncio.wrap_future(job.done)
        finally:
            self._report_warnings()
        return made

    def _report_warnings(self) -> None:
        """Report the speaker's new warnings."""
        new = self._speaker.warnings[self._reported :]
        self._reported += len(new)
        for words in new:
            self.on_warning(words)

    def close(self) -> None:
        """Cancel all jobs and stop the thread."""
        with self._lock:
            jobs, self._jobs = self._jobs, []
        for job in jobs:
            job.done.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _next(self) -> None:
        """Take one step of the first job; each waiting job has submitted one such call."""
        with self._lock:
            job = heapq.heappop(self._jobs) if self._jobs else None
        if job is None or not job.step():
            return
        with self._lock, suppress(RuntimeError):
            self._thread.submit(self._next)
            heapq.heappush(self._jobs, job)
            return
        job.done.cancel()  # the pool was closed meanwhile, so no further step will be taken


def _at_once(work: Callable[[], T]) -> Generator[None, None, T]:
    yield from ()
    return work()
