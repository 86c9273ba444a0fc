"""Detection of answering machines and fax machines, from what a party that has answered says.

Everything is decided from the audio of the call's inbound track, frame by frame. Speech that is
shorter than a threshold is a human's; a longer one is a machine's greeting, whose end is a beep or
a silence. The parameters and their defaults are Twilio's (docs, "Answering Machine Detection"); how
a tone is told from a voice is our choice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.activity import LiveActivity, frame_measures
from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, SAMPLE_RATE
from mediasim.audio.products import rows_times
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.waiting import NOTICE_FRAMES, notice
from mediasim.media.recorder import Track

__all__ = ["AnsweredBy", "MachineDetector", "MachineSettings", "detect_machine"]

AnsweredBy = Literal[
    "human",
    "machine_start",
    "machine_end_beep",
    "machine_end_silence",
    "machine_end_other",
    "fax",
    "unknown",
]
"""Who has answered: Twilio's AnsweredBy."""

_FRAME_MS: Final = FRAME_NS // 1_000_000
_FAX_HZ: Final = (1100, 2100)
"""Tones of fax machines that call and that answer (T.30)."""
_FAX_FRAMES: Final = 20
_BEEP_FRAMES: Final = 5
"""Frames of a steady tone that are a beep at least: 100 ms."""
_BIN_HZ: Final = SAMPLE_RATE // FRAME_SAMPLES
_LOWEST_BEEP: Final = 350 // _BIN_HZ
_HIGHEST_BEEP: Final = 2600 // _BIN_HZ
_PURE: Final = 0.85
"""Share of a frame's power within three bins that makes it a tone."""


@dataclass(frozen=True, slots=True)
class MachineSettings:
    """How a call's answerer is detected; times are in milliseconds."""

    message_end: bool = False
    """Whether a machine's greeting is waited for until its end (DetectMessageEnd)."""
    timeout_ms: int = 30_000
    """Longest time until a verdict."""
    speech_threshold_ms: int = 2400
    """Speech that is shorter is a human's."""
    speech_end_ms: int = 1200
    """Silence that ends speech."""
    silence_timeout_ms: int = 5000
    """Silence from the beginning, after which the answerer is unknown."""


class MachineDetector:
    """A track listener that finds who has answered, at the exact frame at which it is known."""

    def __init__(self, settings: MachineSettings) -> None:
        self.horizon = NOTICE_FRAMES
        self.verdict: asyncio.Future[tuple[AnsweredBy, int]] = (
            asyncio.get_running_loop().create_future()
        )
        """Who has answered, and the number of frames heard until it was known."""
        self._settings = settings
        self._activity = LiveActivity()
        self._frames = 0
        self._begun: int | None = None
        """The frame at which speech began; None while there was none."""
        self._quiet = 0
        """Frames of quiet until now."""
        self._machine = False
        self._tone: int | None = None
        """Strongest bin of the tone that sounds; None for no tone."""
        self._tone_frames = 0

    @property
    def reach(self) -> int:
        """Frames of any sound that may be processed before a verdict on them is acted on."""
        return self.horizon

    @property
    def patience(self) -> int:
        """Frames of silence that may be processed before a condition they fulfil is acted on."""
        settings = self._settings
        left = settings.timeout_ms // _FRAME_MS - self._frames
        if self._begun is None:
            left = min(left, settings.silence_timeout_ms // _FRAME_MS - self._quiet)
        else:
            left = min(left, settings.speech_end_ms // _FRAME_MS - self._quiet)
        return max(0, left - 1) + self.horizon

    def hear(self, first_frame: int, pcm: NDArray[np.int16]) -> None:
        """Process the next frames, int16 (frames * 160,)."""
        tones = _tones(pcm)
        heard_frames = self._activity.judge(frame_measures(pcm)).speech.tolist()
        for tone, heard in zip(tones, heard_frames, strict=True):
            if self.verdict.done():
                return
            self._frames += 1
            found = self._step(tone, heard)
            if found is not None:
                self.verdict.set_result((found, self._frames))

    def _step(self, tone: int | None, heard: bool) -> AnsweredBy | None:
        ended = self._follow_tone(tone)
        if self._is_fax():
            return "fax"
        if ended >= _BEEP_FRAMES and self._machine:
            return "machine_end_beep"
        speaks = heard and tone is None
        self._quiet = 0 if speaks or tone is not None else self._quiet + 1
        if speaks and self._begun is None:
            self._begun = self._frames
        return self._judge()

    def _judge(self) -> AnsweredBy | None:
        """Return the verdict that speech, silence and time allow now; None for none yet."""
        settings, time = self._settings, self._frames * _FRAME_MS
        if self._machine:
            if self._quiet * _FRAME_MS >= settings.speech_end_ms:
                return "machine_end_silence"
            return "machine_end_other" if time >= settings.timeout_ms else None
        if self._begun is not None:
            spoken = (self._frames - self._quiet - self._begun + 1) * _FRAME_MS
            if spoken >= settings.speech_threshold_ms:
                self._machine = True
                return None if settings.message_end else "machine_start"
            if self._quiet * _FRAME_MS >= settings.speech_end_ms:
                return "human"
        elif self._quiet * _FRAME_MS >= settings.silence_timeout_ms:
            return "unknown"
        return "unknown" if time >= settings.timeout_ms else None

    def _follow_tone(self, tone: int | None) -> int:
        """Follow the tone that sounds; return the frames of the one that has ended, 0 for none."""
        if tone is not None and self._tone is not None and abs(tone - self._tone) <= 1:
            self._tone_frames += 1
            return 0
        ended, self._tone_frames = self._tone_frames, 0 if tone is None else 1
        self._tone = tone
        return ended

    def _is_fax(self) -> bool:
        if self._tone is None or self._tone_frames < _FAX_FRAMES:
            return False
        return any(abs(self._tone * _BIN_HZ - hz) <= _BIN_HZ for hz in _FAX_HZ)


def _table(wave: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return whole numbers (samples, bins): a wave of each bin's frequency, windowed."""
    time, bins = np.arange(FRAME_SAMPLES), np.arange(_LOWEST_BEEP - 1, _HIGHEST_BEEP + 2)
    waves = wave(2 * np.pi * np.outer(time, bins) / FRAME_SAMPLES)
    return np.rint(waves * _SCALE) * _WINDOW[:, None]


def _tones(pcm: NDArray[np.int16]) -> list[int | None]:
    """Return the strongest bin of each frame of ``pcm`` (n * 160,) that holds a pure tone."""
    frames = pcm.reshape(-1, FRAME_SAMPLES).astype(np.float64)
    windowed = frames * _WINDOW
    whole = np.einsum("ij,ij->i", windowed, windowed)
    found: list[int | None] = [None] * len(frames)
    loud = np.flatnonzero(whole >= _FLOOR)
    # Whole numbers below 2 ** 53, so that the sums are exact and the same on every machine.
    real, imaginary = rows_times(frames[loud], _COSINES), rows_times(frames[loud], _SINES)
    power = real * real + imaginary * imaginary
    for number, row, energy in zip(loud.tolist(), power, whole[loud].tolist(), strict=True):
        best = 1 + int(row[1:-1].argmax())
        around = float(row[best - 1]) + float(row[best]) + float(row[best + 1])
        if around >= _PURE * energy * _SCALE**2 * FRAME_SAMPLES / 2:
            found[number] = best + _LOWEST_BEEP - 1
    return found


_SCALE: Final = 4096
_WINDOW: Final = np.rint(64 * np.hanning(FRAME_SAMPLES))
_FLOOR: Final = FRAME_SAMPLES * 3 / 8 * (64 * 32768 * 10 ** (-45 / 20)) ** 2
"""Energy of a windowed frame that is a tone at least: of -45 dBFS."""
_COSINES, _SINES = _table(np.cos), _table(np.sin)


async def detect_machine(call: LiveCall, settings: MachineSettings) -> tuple[AnsweredBy, int]:
    """Listen to a call until it is known who has answered; return that, and after how many ms."""
    detector = MachineDetector(settings)
    since = call.exchange.plane.now
    call.room.listen(call.leg, Track.INBOUND, detector)
    try:
        verdict, frames = await detector.verdict
        await notice(call, since + frames)
        return verdict, frames * _FRAME_MS
    finally:
        if call.active:
            call.room.stop_listening(call.leg, detector)
