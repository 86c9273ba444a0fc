"""A recogniser on a track of a call in progress: partial and final results, as time passes.

An utterance begins with sound and ends with silence, as it is heard on the track; its words are
those of the transcript, with the errors and the delays that the settings ask for. The words of a
real party are recognised from its sound, if the settings say so, and otherwise not known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, NS_PER_SECOND
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.waiting import NOTICE_FRAMES, notice
from mediasim.media.leg import TrackListener
from mediasim.media.recorder import Track
from mediasim.parties.hearing import SpeechTracker, frame_of
from mediasim.recogniser.model import attributed, recognise
from mediasim.recogniser.settings import RecogniserSettings
from mediasim.recogniser.tracks import knows_words, track_words
from mediasim.recogniser.transcript import TranscriptWord, Utterance

__all__ = [
    "END_OF_UTTERANCE_NS",
    "HeardSound",
    "LiveRecogniser",
    "LiveResult",
    "RealEar",
    "hears_real_audio",
    "real_ear",
]

END_OF_UTTERANCE_NS: Final = 700_000_000
"""Silence that ends an utterance unless the settings say otherwise (our choice)."""
_PARTIAL_NS: Final = NS_PER_SECOND // 2
"""Time between partial results unless the settings say otherwise (our choice)."""
_MARGIN_FRAMES: Final = 15
"""Frames before the beginning of speech that a real recogniser hears too."""
_CHANNELS: Final = {Track.INBOUND: 1, Track.OUTBOUND: 2}


@dataclass(frozen=True, slots=True)
class LiveResult:
    """A partial or final result."""

    utterance: Utterance
    """The words so far, with samples of the frame clock; channel 1 is inbound, 2 outbound."""
    final: bool
    """Whether the utterance has ended, so that no other result of it follows."""
    began: int
    """The frame in which its sound began."""
    stability: float
    """For a partial result: how sure it is that its words will stay, from 0 to 1; 1 for a final
    one."""

    @property
    def text(self) -> str:
        """The words, as they were recognised."""
        return self.utterance.text

    @property
    def track(self) -> Track:
        """The track that the recogniser attributes it to."""
        return Track.INBOUND if self.utterance.channel == 1 else Track.OUTBOUND


Apart = Callable[[Callable[[], list[TranscriptWord]]], Awaitable[list[TranscriptWord]]]
RealEar = Callable[[NDArray[np.int16], str], Awaitable[list[TranscriptWord]]]
"""Recognises the words in samples (n,) at 8 kHz of a real party, whose name is given."""


def real_ear(apart: Apart) -> RealEar:
    """Return what recognises real audio with the extra ``transcribe``; ``apart`` runs it beside the
    loop."""

    async def hear(pcm: NDArray[np.int16], party: str) -> list[TranscriptWord]:
        from mediasim.recogniser.real_audio import heard_words

        return await apart(lambda: heard_words(pcm, party))

    return hear


def hears_real_audio(call: LiveCall, settings: RecogniserSettings) -> bool:
    """Return whether what a call's party says is recognised from its sound."""
    return settings.real_audio == "transcribe" and not knows_words(call)


class LiveRecogniser:
    """A recogniser that listens to one track of a call, from its start to its end."""

    def __init__(
        self,
        call: LiveCall,
        track: Track,
        settings: RecogniserSettings,
        heard: Callable[[LiveResult], object],
        *,
        language: str = "en-US",
        end_of_utterance_ns: int = END_OF_UTTERANCE_NS,
        partials: bool = False,
        began: Callable[[int], object] = lambda frame: None,
        ended: Callable[[int], object] = lambda frame: None,
        ear: RealEar | None = None,
    ) -> None:
        """``heard`` is called with each result, in order; a partial one only with ``partials``.

        ``began`` and ``ended`` are called with the frame in which sound began, or in which the
        silence after it was long enough, once the server notices. ``language`` is what is asked
        for, ``end_of_utterance_ns`` the silence that ends an utterance: the settings may have
        others. ``ear`` recognises what a real party says; None: its words are not known.
        """
        self.language = language
        """The language asked for; it may be changed at any time."""
        self._call = call
        self._track = track
        self._settings = settings
        self._heard = heard
        self._partials = partials
        self._began, self._ended = began, ended
        quiet_ns = settings.end_of_utterance_ns or end_of_utterance_ns
        self._quiet_frames = max(1, -(-quiet_ns // FRAME_NS))
        self._seeds = call.exchange.seeds.fork("recogniser").fork(call.name).fork(track.value)
        self._ear = ear if hears_real_audio(call, settings) else None
        self._pcm = HeardSound() if self._ear is not None else None
        self._since = call.exchange.plane.now * FRAME_SAMPLES
        """The sample of the frame clock up to which words have been in a final result."""
        self._begun = call.exchange.plane.now
        """The frame in which the utterance began."""
        self._told = ""
        """The text of the last partial result of this utterance."""
        self._waiting: set[asyncio.Task[None]] = set()
        """Results that are on their way."""
        self._last: asyncio.Task[None] | None = None
        self.speaking = False
        """Whether there is sound that no silence has ended yet."""

    # -- listening --------------------------------------------------------------------------

    async def run(self) -> None:
        """Listen until cancelled; results that are on their way are then dropped."""
        call, tracker = self._call, SpeechTracker(NOTICE_FRAMES)
        call.exchange.recognising += 1
        try:
            with self._listening(tracker):
                while True:
                    frame = await frame_of(tracker.wait_speech)
                    await notice(call, frame)
                    self._begin(frame)
                    partials = asyncio.ensure_future(self._send_partials())
                    try:
                        wait = partial(tracker.wait_silence, self._quiet_frames)
                        silent = await frame_of(wait)
                        await notice(call, silent)
                    finally:
                        partials.cancel()
                    tracker.mark()  # or what has just ended would begin the next utterance
                    self._end(silent)
        finally:
            call.exchange.recognising -= 1
            for task in self._waiting:
                task.cancel()

    @contextmanager
    def _listening(self, tracker: SpeechTracker) -> Iterator[None]:
        call = self._call
        listeners: list[TrackListener] = [tracker]
        if self._pcm is not None:
            listeners.append(self._pcm)
        for each in listeners:
            call.room.listen(call.leg, self._track, each)
        try:
            yield
        finally:
            if call.up:
                for each in listeners:
                    call.room.stop_listening(call.leg, each)

    def _begin(self, frame: int) -> None:
        self.speaking = True
        self._told = ""
        self._begun = frame
        if self._pcm is not None:
            self._pcm.keep_from(frame - _MARGIN_FRAMES)
        self._began(frame)

    def _end(self, frame: int) -> None:
        self.speaking = False
        self._ended(frame)
        work = self._final((frame + 1) * FRAME_SAMPLES, self._begun)
        self._later(work, self._settings.final_delay_ns)

    async def flush(self) -> None:
        """Tell the final result of what has been said until now, without further delay."""
        waiting = list(self._waiting)
        if waiting:
            await asyncio.gather(*waiting, return_exceptions=True)
        if self._ear is None or self.speaking:  # of silence, a real recogniser makes nothing
            await self._final(self._call.exchange.plane.now * FRAME_SAMPLES, self._begun)

    # -- results ----------------------------------------------------------------------------

    def _later(self, work: Awaitable[None], delay_ns: int) -> None:
        """Do something after a delay, and after what was to be done before."""
        before = self._last

        async def do() -> None:
            if delay_ns:
                await self._call.exchange.sleep(delay_ns)
            if before is not None and not before.done():
                await asyncio.wait([before])
            await work

        self._last = task = asyncio.ensure_future(do())
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _final(self, until: int, began: int) -> None:
        since, self._since = self._since, max(self._since, until)
        words = await self._words(since, until)
        self._tell(words, began, final=True)

    async def _send_partials(self) -> None:
        """Tell a partial result each time in which new words were heard."""
        if not self._partials or self._ear is not None:
            return
        exchange, settings = self._call.exchange, self._settings
        while True:
            until = (exchange.now_ns - settings.partial_delay_ns) // FRAME_NS * FRAME_SAMPLES
            self._tell(await self._words(self._since, until), self._begun, final=False)
            await exchange.sleep(settings.partial_every_ns or _PARTIAL_NS)

    async def _words(self, since: int, until: int) -> list[TranscriptWord]:
        if self._ear is None or self._pcm is None:
            said = track_words(self._call, self._track, since, until)
            return recognise(said, self._settings, self._seeds)
        first, pcm = self._pcm.taken(until // FRAME_SAMPLES)
        heard = await self._ear(pcm, self._call.party.name)
        return [each.moved(first * FRAME_SAMPLES) for each in heard]

    def _tell(self, words: list[TranscriptWord], began: int, *, final: bool) -> None:
        text = " ".join(word.text for word in words)
        if not words or (not final and text == self._told):
            return
        stable = len(self._told.split()) / len(words)
        self._told = text
        settings = self._settings
        parties = dict.fromkeys(word.party for word in words)
        utterance = Utterance(
            channel=_CHANNELS[self._track],
            words=tuple(words),
            party=next(iter(parties)) if len(parties) == 1 else None,
            language=settings.language or self.language,
        )
        utterance = attributed(utterance, len(_CHANNELS), settings, self._seeds)
        stability = 1.0 if final else round(min(0.9, stable), 2)
        self._heard(LiveResult(utterance, final, began, stability))


class HeardSound:
    """A track listener that keeps the sound of a real party's utterance."""

    horizon = reach = patience = NOTICE_FRAMES

    def __init__(self) -> None:
        self._blocks: list[tuple[int, NDArray[np.int16]]] = []
        self._keeps = False

    def hear(self, first_frame: int, pcm: NDArray[np.int16]) -> None:
        """Process the next frames, int16 (frames * 160,)."""
        self._blocks.append((first_frame, pcm.copy()))
        if not self._keeps:
            self._drop(first_frame - 2 * _MARGIN_FRAMES)

    def keep_from(self, frame: int) -> None:
        """Keep what is heard from a frame on."""
        self._keeps = True
        self._drop(frame)

    def taken(self, until: int) -> tuple[int, NDArray[np.int16]]:
        """Return the first frame that was kept and the samples from it to a frame, and drop
        them."""
        self._keeps = False
        if not self._blocks:
            return until, np.zeros(0, np.int16)
        first = self._blocks[0][0]
        whole = np.concatenate([pcm for _, pcm in self._blocks])
        self._drop(until)
        return first, whole[: max(0, until - first) * FRAME_SAMPLES]

    def _drop(self, before: int) -> None:
        self._blocks = [
            (first, pcm)
            for first, pcm in self._blocks
            if first + len(pcm) // FRAME_SAMPLES > before
        ]
