"""What the server says and plays: speech for Say, files for Play; off the loop, each made once."""

from __future__ import annotations

import asyncio
import heapq
import re
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext, suppress
from threading import Lock
from typing import Any, Final, TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.files import AudioClip as FileClip
from mediasim.parties.voices.catalogue import DEFAULT_VOICES, in_language, voice_named
from mediasim.parties.voices.speech import Speaker

__all__ = ["Studio"]

T = TypeVar("T")
_KEPT: Final = 256
"""Files kept in memory."""


class _Job:
    """Something to be made, step by step; ordered by the steps it has had, then by age."""

    def __init__(self, number: int, begin: Callable[[], Generator[None, None, Any]]) -> None:
        self.turn = (0, number)
        self.done: Future[Any] = Future()
        self._begin = begin
        self._steps: Generator[None, None, Any] | None = None

    def __lt__(self, other: _Job) -> bool:
        return self.turn < other.turn

    def step(self) -> bool:
        """Take the next step, unless it was cancelled; returns whether there is another."""
        if self.done.cancelled():
            return False
        try:
            self._steps = self._steps or self._begin()
            next(self._steps)
        except StopIteration as end:
            self._settle(end.value, None)
        except BaseException as error:
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

    What has had the fewest steps comes first: a long text waits for every short one, and what was
    asked for by a call that has ended is given up after the step it is in.
    """

    def __init__(self, speaker: Speaker | None = None) -> None:
        self._speaker = speaker or Speaker()
        self._thread = ThreadPoolExecutor(1, "mediasim-studio")
        self._jobs: list[_Job] = []
        self._made = 0
        self._lock = Lock()
        self._files: dict[bytes, FileClip] = {}

    async def say(self, text: str, voice: str = "", language: str = "") -> NDArray[np.int16]:
        """Speech (samples,); one of Twilio's voices is always the same one of ours.

        ``language`` is of BCP 47, "" that of the voice's name (``Google.es-ES-Standard-A``) or
        English. Raises UnspeakableText for a text of no words or in letters that the language does
        not have, ValueError for a language that nobody speaks.
        """
        if not text.strip():
            return np.zeros(0, np.int16)
        person = in_language(voice_named(_ours(voice)), language or _language_of(voice))
        spoken = await self.in_steps(lambda: self._speaker.saying(text, person))
        return spoken.pcm

    async def decode(self, data: bytes) -> FileClip:
        """A WAV, MP3 or other file as samples. Raises AudioFileError."""
        found = self._files.get(data)
        if found is None:
            from mediasim.audio.files import decode_clip

            found = await self.apart(lambda: decode_clip(data))
            while len(self._files) >= _KEPT:
                del self._files[next(iter(self._files))]
            self._files[data] = found
        return found

    async def apart(self, work: Callable[[], T]) -> T:
        """Do long work off the loop, in one step."""
        return await self.in_steps(lambda: _at_once(work))

    async def in_steps(self, begin: Callable[[], Generator[None, None, T]]) -> T:
        """Do longer work off the loop; others have their turns between its steps."""
        loop: Any = asyncio.get_running_loop()
        with self._lock:
            self._made += 1
            job = _Job(self._made, begin)
            heapq.heappush(self._jobs, job)
            self._thread.submit(self._next)
        with loop.hold() if hasattr(loop, "hold") else nullcontext():
            made: T = await asyncio.wrap_future(job.done)
        return made

    def close(self) -> None:
        """Give up what is not made yet."""
        with self._lock:
            jobs, self._jobs = self._jobs, []
        for job in jobs:
            job.done.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _next(self) -> None:
        """One step of one job; there is one such call for every job's next step."""
        with self._lock:
            job = heapq.heappop(self._jobs) if self._jobs else None
        if job is None or not job.step():
            return
        with self._lock, suppress(RuntimeError):  # closed meanwhile
            self._thread.submit(self._next)
            heapq.heappush(self._jobs, job)
            return
        job.done.cancel()


def _at_once(work: Callable[[], T]) -> Generator[None, None, T]:
    yield from ()
    return work()


def _ours(voice: str) -> str:
    if voice == "man":
        return DEFAULT_VOICES[1]
    if voice in ("", "alice", "woman"):
        return DEFAULT_VOICES[0]
    return DEFAULT_VOICES[crc32(voice.encode()) % len(DEFAULT_VOICES)]


def _language_of(voice: str) -> str:
    named = re.search(r"\.([a-z]{2,3}-[A-Z]{2})-", voice)
    return named[1] if named else "en"
