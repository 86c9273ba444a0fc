"""What the server says and plays: speech for Say, files for Play; off the loop, each made once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any, Final, TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.files import Clip as FileClip
from mediasim.parties.voices.catalogue import DEFAULT_VOICES, in_language, voice_named
from mediasim.parties.voices.speech import Speaker

__all__ = ["Studio"]

T = TypeVar("T")
_KEPT: Final = 256
"""Files kept in memory."""


class Studio:
    """Makes sounds in a thread of its own; a virtual clock holds meanwhile."""

    def __init__(self, speaker: Speaker | None = None) -> None:
        self._speaker = speaker or Speaker()
        self._thread = ThreadPoolExecutor(1, "mediasim-studio")
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
        spoken = await self.apart(lambda: self._speaker.say(text, person))
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
        """Do long work off the loop."""
        loop: Any = asyncio.get_running_loop()
        with loop.hold() if hasattr(loop, "hold") else nullcontext():
            return await asyncio.wrap_future(self._thread.submit(work))

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


def _ours(voice: str) -> str:
    if voice == "man":
        return DEFAULT_VOICES[1]
    if voice in ("", "alice", "woman"):
        return DEFAULT_VOICES[0]
    return DEFAULT_VOICES[crc32(voice.encode()) % len(DEFAULT_VOICES)]


def _language_of(voice: str) -> str:
    named = re.search(r"\.([a-z]{2,3}-[A-Z]{2})-", voice)
    return named[1] if named else "en"
