"""What an app says over a relay, from its messages to the pieces that are played.

Words are spoken sentence by sentence as they come; what is unfinished half a second after its last
word is spoken too (our choice). An app's turn ends with its token that is the last.
"""

from __future__ import annotations

import asyncio
import re
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.dtmf import dtmf_digits
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.waiting import first_of
from mediasim.parties.voices.clip import Utterance
from mediasim.parties.voices.speech import UnspeakableText
from mediasim.twilio.relay.attributes import InterruptedBy, RelayRequest
from mediasim.twilio.relay.messages import (
    AppDigits,
    AppEnd,
    AppLanguage,
    AppMessage,
    AppPlay,
    AppText,
)
from mediasim.twilio.relay.records import PlayFailed
from mediasim.twilio.relay.speech import Piece, RelaySpeech
from mediasim.twilio.streams.playback import MOST_SAMPLES

__all__ = ["AppVoice", "VoiceHost"]

_UNFINISHED_NS: Final = 500_000_000
"""Time in nanoseconds after which an unfinished sentence is spoken."""
_SENTENCE: Final = re.compile(r"[.!?…][\"'”’)\]]*\s+|\n+")
"""The end of a sentence, where the next word has begun."""
_MOST_CHARACTERS: Final = 100_000
"""Characters of the app's words that may wait to be spoken."""
_SILENCE: Final = np.zeros(0, np.int16)


class VoiceHost(Protocol):
    """The relay whose app speaks."""

    call: LiveCall
    request: RelayRequest

    async def utter(self, text: str, voice: str, language: str) -> Utterance:
        """Return speech. Raises UnspeakableText, and ValueError for a language without a voice."""

    async def fetch(self, url: str) -> NDArray[np.int16]:
        """Return the samples (n,) of a file. Raises PlayFailed."""

    def agent_speaks(self, *, on: bool) -> None:
        """Report that the app begins to be heard, or ends."""

    def note(self, kind: str, text: str) -> None:
        """Log what the app does."""

    def cannot(self, words: str) -> None:
        """Tell the app and the developer what is not carried out."""

    def listen_in(self, language: str) -> None:
        """Recognise what the caller says in another language."""

    def end(self, handoff_data: str | None) -> None:
        """End the relay, because the app says so."""


class AppVoice:
    """Carries out the app's messages of one relay, one after the other."""

    def __init__(self, host: VoiceHost, speech: RelaySpeech) -> None:
        self.speech = speech
        self._host = host
        self._language = host.request.tts_language
        self._waiting: asyncio.Queue[AppMessage] = asyncio.Queue()
        """Messages that have not been carried out."""
        self._characters = 0
        """Characters of the app's words among them."""
        self._buffer = ""
        """The beginning of a sentence."""
        self._open: AppText | None = None
        """The message that began the sentence in the buffer."""
        self._turn = 0
        self._in_turn = False
        """Whether the app's turn goes on with its next words."""
        self._cuts = 0
        """Number of times that the app was cut off."""
        self._over = False

    def put(self, message: AppMessage) -> bool:
        """Carry out a message after those before it; False if too many words wait already."""
        if isinstance(message, AppText):
            if self._characters + len(message.token) > _MOST_CHARACTERS:
                return False
            self._characters += len(message.token)
        self._waiting.put_nowait(message)
        return True

    def cut(self) -> None:
        """Forget the words that are not being played yet: the app has been cut off."""
        self._cuts += 1
        self._buffer, self._open = "", None
        if not self.speech.speaking:
            self._host.agent_speaks(on=False)

    async def run(self) -> None:
        """Carry out messages until the relay ends."""
        while not self._over:
            message = await self._next()
            if message is None:
                await self._flush()
            elif isinstance(message, AppText):
                self._characters -= len(message.token)
                await self._take(message)
            else:
                await self._flush()
                await self._carry_out(message)

    async def _next(self) -> AppMessage | None:
        """Return the next message; None if none comes while a sentence is unfinished."""
        if not self._buffer or not self._waiting.empty():
            return await self._waiting.get()
        found: list[AppMessage] = []

        async def get() -> None:
            found.append(await self._waiting.get())

        await first_of(get(), self._host.call.exchange.sleep(_UNFINISHED_NS))
        return found[0] if found else None

    async def _carry_out(self, message: AppMessage) -> None:
        if isinstance(message, AppPlay):
            await self._play(message)
        elif isinstance(message, AppDigits):
            self._host.note("digits", message.digits)
            self._begin_turn()
            self._say(dtmf_digits(message.digits), Utterance(_SILENCE), message, frozenset())
            self._in_turn = False
        elif isinstance(message, AppLanguage):
            self._change_language(message)
        elif isinstance(message, AppEnd):
            self._host.note("end", message.handoff_data or "")
            self._over = True
            self._host.end(message.handoff_data)

    def _change_language(self, message: AppLanguage) -> None:
        self._host.note("language", f"{message.tts or ''} {message.transcription or ''}".strip())
        self._language = message.tts or self._language
        if message.transcription is not None:
            self._host.listen_in(message.transcription)

    def _begin_turn(self) -> None:
        """Begin a turn of the app, unless one goes on."""
        if self._in_turn:
            return
        self._turn += 1
        self._in_turn = True
        heard = self.speech.preempt(self._turn)
        if heard is not None:
            self._host.note("preempted", heard.words)
            self.cut()

    async def _take(self, text: AppText) -> None:
        """Take a token, and speak what has become a sentence."""
        began = self._open
        if began is not None and (
            began.language != text.language
            or began.interruptible != text.interruptible
            or began.preemptible != text.preemptible
        ):
            await self._flush()
        self._begin_turn()
        if self._open is None:
            self._open = text
        self._buffer += text.token
        while (found := _SENTENCE.search(self._buffer)) is not None:
            sentence, self._buffer = self._buffer[: found.end()], self._buffer[found.end() :]
            await self._speak(sentence, self._open or text)
            if not self._buffer:
                break
        if text.last:
            await self._flush()
            self._in_turn = False
        elif not self._buffer:
            self._open = None

    async def _flush(self) -> None:
        """Speak an unfinished sentence."""
        sentence, began = self._buffer, self._open
        self._buffer, self._open = "", None
        if began is not None and sentence.strip():
            await self._speak(sentence, began)

    async def _speak(self, sentence: str, began: AppText) -> None:
        sentence, cuts = sentence.strip(), self._cuts
        if not any(letter.isalnum() for letter in sentence):
            return
        language = began.language or self._language
        voice = self._host.request.voice_in(language)
        try:
            spoken = await self._utter(sentence, voice.name, language)
        except UnspeakableText as error:
            self._host.cannot(f"text cannot be spoken: {error}")
            return
        if cuts != self._cuts:
            return  # cut off while it was being made
        self._host.note("text", sentence)
        self._say(spoken.pcm, spoken, began, self._host.request.interruptible, sentence)

    async def _utter(self, text: str, voice: str, language: str) -> Utterance:
        for tongue in (language, "en-US"):
            try:
                return await self._host.utter(text, voice, tongue)
            except UnspeakableText:
                raise
            except ValueError as error:
                self._host.cannot(f"language: {error}; it is spoken in English")
        return Utterance(_SILENCE)

    async def _play(self, message: AppPlay) -> None:
        cuts = self._cuts
        self._begin_turn()
        try:
            pcm = await self._host.fetch(message.source)
        except PlayFailed as failed:
            self._host.cannot(f"play: {message.source[:100]} {failed}")
            return
        finally:
            self._in_turn = False
        if not len(pcm) or cuts != self._cuts:
            return
        self._host.note("play", message.source)
        times = max(1, min(message.loop, MOST_SAMPLES // len(pcm)))
        if times < message.loop:
            self._host.cannot(f"play: {times} of {message.loop} loops are played, ten minutes")
        pcm = np.tile(pcm, times)
        self._say(pcm, Utterance(_SILENCE), message, self._host.request.interruptible)

    def _say(
        self,
        pcm: NDArray[np.int16],
        spoken: Utterance,
        message: AppText | AppPlay | AppDigits,
        interruptible: InterruptedBy,
        text: str = "",
    ) -> None:
        """Play a piece, unless far too much waits to be played."""
        speech = self.speech
        if not len(pcm):
            return
        if speech.waiting_samples + len(pcm) > MOST_SAMPLES:
            self._host.cannot("more than ten minutes wait to be played: this is left out")
            return
        preemptible: bool | None = False
        if not isinstance(message, AppDigits):
            preemptible = message.preemptible
            if message.interruptible is not None:
                interruptible = message.interruptible
        if preemptible is None:
            preemptible = self._host.request.preemptible
        if not speech.speaking:
            self._host.agent_speaks(on=True)
        speech.say(Piece(pcm, text, spoken.words, self._turn, interruptible, preemptible))
