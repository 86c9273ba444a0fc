"""The engine ``espeak``: many synthetic voices, and quick.

espeak-ng itself runs in `espeak_worker.py`, a program of its own; this module starts it at the
first utterance, keeps it for the next ones, and waits for it with a time limit only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from math import log2
from pathlib import Path
from threading import Event, Lock, Timer
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.parties.voices.catalogue import Voice
from mediasim.parties.voices.engine import EngineError, EngineUnavailable, versions

if TYPE_CHECKING:
    from subprocess import Popen

__all__ = ["EspeakEngine"]

LIMIT_SECONDS: Final = 30.0
"""Longest time to start and speak; the worker needs some 10 ms, 100 for a first start."""


class EspeakEngine:
    """The engine, with one worker process for one utterance at a time. Thread-safe."""

    def __init__(
        self, command: Sequence[str] | None = None, limit_seconds: float = LIMIT_SECONDS
    ) -> None:
        self._command = command
        self._limit_seconds = limit_seconds
        self._lock = Lock()
        self._worker: _Worker | None = None

    def identity(self, voice: Voice) -> str | None:
        installed = versions("espeakng-loader", "soxr")
        return f"{installed}; {voice.recipe('espeak')}"

    def speak(self, voice: Voice, text: str) -> NDArray[np.float32]:
        return self.speak_timed(voice, text)[0]

    def speak_timed(
        self, voice: Voice, text: str
    ) -> tuple[NDArray[np.float32], list[tuple[int, int]]]:
        import soxr

        request = {
            "variant": voice.variant,
            "rate": round(voice.words_per_minute * voice.rate),
            "pitch": _pitch(voice),
            "text": text,
        }
        with self._lock:
            head, samples = self._running().request(request, self._limit_seconds)
        sample_rate = head["sample_rate"]
        sound = np.frombuffer(samples, np.int16).astype(np.float32) / 32768
        spoken: NDArray[np.float32] = soxr.resample(sound, sample_rate, SAMPLE_RATE)
        words = [(at, sample * SAMPLE_RATE // sample_rate) for at, sample in head.get("words", ())]
        return spoken, words

    def _running(self) -> _Worker:
        if self._worker is None or not self._worker.usable():
            self._worker = _Worker(self._command or _worker_command())
        return self._worker


def _pitch(voice: Voice) -> int:
    """Return espeak's number of a pitch: 50 steps are some octave, from 0 to 99."""
    return min(max(round(voice.pitch + 50 * log2(voice.raised)), 0), 99)


def _worker_command() -> list[str]:
    try:
        import espeakng_loader  # names the files, which only the worker loads

        library, data = espeakng_loader.get_library_path(), espeakng_loader.get_data_path()
    except (ImportError, RuntimeError) as failure:
        raise EngineUnavailable(f"it does not load: {failure}") from failure
    # By path, isolated and without site packages: the worker imports the standard library only,
    # whatever lies in the current directory, and starts in a third of the time.
    worker = Path(__file__).with_name("espeak_worker.py")
    return [sys.executable, "-I", "-S", str(worker), library, data]


class _Worker:
    """A running worker process, which ends with the interpreter or with this object."""

    def __init__(self, command: Sequence[str]) -> None:
        import weakref
        from subprocess import DEVNULL, PIPE, Popen

        try:
            self._process = Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
        except OSError as failure:
            raise EngineUnavailable(f"its process does not start: {failure}") from failure
        self._owner = os.getpid()
        weakref.finalize(self, _end, self._process)

    def usable(self) -> bool:
        """Return whether it runs for this process, as a fork must not share the pipe."""
        return self._owner == os.getpid() and self._process.poll() is None

    def request(
        self, request: dict[str, Any], limit_seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        """Return the head of the response and its int16 samples.

        Raises EngineUnavailable, after killing the worker, if it is late, and EngineError if it
        fails.
        """
        late = Event()

        def give_up() -> None:
            late.set()
            self._process.kill()

        limit = Timer(limit_seconds, give_up)
        limit.daemon = True
        limit.start()
        try:
            return self._exchange(request)
        except (OSError, EOFError, ValueError):
            self._process.kill()
            code = self._process.wait()
            if late.is_set():
                reason = f"it did not answer within {limit_seconds:g} seconds"
                raise EngineUnavailable(reason) from None
            raise EngineError(f"its process ended with code {code}") from None
        finally:
            limit.cancel()

    def _exchange(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        import json

        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(request).encode() + b"\n")
        stdin.flush()
        line = stdout.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        head: dict[str, Any] = json.loads(line)
        if "error" in head:
            raise EngineError(head["error"])
        samples = stdout.read(head["bytes"])
        if len(samples) < head["bytes"]:
            raise EOFError
        return head, samples


def _end(process: Popen[bytes]) -> None:
    """Close the worker's input, which ends it; kill it if it has not ended after 2 seconds."""
    from contextlib import suppress
    from subprocess import TimeoutExpired

    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(OSError):  # unsent bytes for a worker that has ended
        process.stdin.close()
    try:
        process.wait(2)
    except TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
