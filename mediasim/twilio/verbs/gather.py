"""Gather: keys or speech, while prompts are played.

SpeechResult is what the call's recogniser makes of what the party said in its turn
(:mod:`mediasim.recogniser`). Partial results come once a second while new words are heard (our
choice), unless the recogniser has another time.
"""

from __future__ import annotations

import asyncio
from typing import Final

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, NS_PER_SECOND
from mediasim.exchange.waiting import NOTICE_FRAMES, Keys, first_of, listen_for_keys, never, notice
from mediasim.media.recorder import Track
from mediasim.parties.hearing import SpeechTracker, frame_of
from mediasim.recogniser.live import HeardSound, hears_real_audio, real_ear
from mediasim.recogniser.model import recognise
from mediasim.recogniser.tracks import track_words
from mediasim.recogniser.transcript import TranscriptWord
from mediasim.twilio.requests import Callback, Params
from mediasim.twilio.session import CallSession, FollowUp, executes
from mediasim.twilio.status import call_params
from mediasim.twilio.twiml import Verb
from mediasim.twilio.verbs.basic import Interrupted, pause, play, say
from mediasim.twilio.verbs.record import callback_of

__all__ = ["gather"]

_PROMPTS: Final = {"Say": say, "Play": play, "Pause": pause}
_AUTO_SPEECH_NS: Final = 1_000_000_000
"""Silence in nanoseconds after which ``speechTimeout=auto`` ends the speech (our choice)."""
_LONGEST_SPEECH: Final = 60
"""Seconds after which speech ends by itself."""
_PARTIAL_NS: Final = NS_PER_SECOND


@executes("Gather")
async def gather(session: CallSession, verb: Verb) -> FollowUp | None:
    """Collect input and send it to the action; without input the next verb runs."""
    inputs = verb.words("input", "dtmf")
    collected = _Input(session, verb)
    with listen_for_keys(session.call) as keys:
        listening = session.spawn(collected.collect_keys(keys))
        tracker = SpeechTracker(NOTICE_FRAMES)
        hearing = None
        ears = [tracker, *collected.sound]
        if "speech" in inputs:
            for ear in ears:
                session.call.room.listen(session.call.leg, Track.INBOUND, ear)
            hearing = session.spawn(collected.collect_speech(tracker))
        try:
            await _prompt(session, verb, collected)
            await session.until(_deadline(session, verb, collected))
        finally:
            listening.cancel()
            if hearing is not None:
                hearing.cancel()
            if session.call.active and hearing is not None:
                for ear in ears:
                    session.call.room.stop_listening(session.call.leg, ear)
    params = collected.params()
    if params is None and not verb.flag("actionOnEmptyResult", False):
        return None
    source = session.source(verb.attribute("action") or session.base, verb)
    return FollowUp(source, params or [("Digits", "")])


async def _prompt(session: CallSession, verb: Verb, collected: _Input) -> None:
    """Play the prompts until the first key or word."""
    try:
        for child in verb.children:
            prompt = _PROMPTS.get(child.name)
            if prompt is not None and not collected.started.is_set():
                await prompt(session, child, collected.started.wait)
    except Interrupted:
        return


async def _deadline(session: CallSession, verb: Verb, collected: _Input) -> None:
    """Wait until input is complete, or none has come for ``timeout`` seconds."""
    timeout_ns = verb.seconds("timeout", 5) * NS_PER_SECOND
    while not collected.complete.is_set():
        collected.activity.clear()
        events = (collected.complete.wait(), collected.activity.wait())
        # Speech that has begun suspends the time-out: speechTimeout ends it.
        if (
            await first_of(*events, session.exchange.sleep(timeout_ns)) == 2
            and not collected.speaking
        ):
            return


class _Input:
    """The keys and the speech of a Gather so far."""

    def __init__(self, session: CallSession, verb: Verb) -> None:
        self._session = session
        self._finish = verb.attribute("finishOnKey", "#")
        self._most = verb.number("numDigits", 0)
        self._dtmf = "dtmf" in verb.words("input", "dtmf")
        self._recogniser = session.account.recognisers.of(session.call)
        self._seeds = session.exchange.seeds.fork("recogniser").fork(session.call.name)
        after = verb.attribute("speechTimeout", verb.attribute("timeout", "5"))
        auto_ns = self._recogniser.end_of_utterance_ns or _AUTO_SPEECH_NS
        self._quiet_ns = int(after) * NS_PER_SECOND if after.isdigit() else auto_ns
        self._longest_ns = verb.seconds("maxSpeechTime", _LONGEST_SPEECH) * NS_PER_SECOND
        self._barge_in = verb.flag("bargeIn", True)
        self._partial = callback_of(verb, session, "partialResultCallback")
        self._language = self._recogniser.language or verb.attribute("language", "en-US")
        real = hears_real_audio(session.call, self._recogniser)
        self.sound = (HeardSound(),) if real else ()
        """What hears a real party whose words a real recogniser tells; empty for others."""
        self.digits = ""
        self.speech: str | None = None
        self.confidence = 1.0
        self.speaking = False
        self.started = asyncio.Event()
        """Set by the first key or word, which stops the prompts."""
        self.activity = asyncio.Event()
        """Set by each key and each beginning of speech, which restarts the timeout."""
        self.complete = asyncio.Event()

    async def collect_keys(self, keys: Keys) -> None:
        """Collect keys until there are ``numDigits`` or one of ``finishOnKey`` is pressed."""
        while self._dtmf:
            frame, digit = await keys.get()
            await notice(self._session.call, frame)
            self.started.set()
            self.activity.set()
            if digit in self._finish:
                break
            self.digits += digit
            if len(self.digits) == self._most:
                break
        if self._dtmf:
            self.complete.set()

    async def collect_speech(self, tracker: SpeechTracker) -> None:
        """Collect speech until the party has been silent for ``speechTimeout``."""
        since_ns = self._session.exchange.now_ns
        began = await frame_of(tracker.wait_speech)
        for sound in self.sound:
            sound.keep_from(began)
        await notice(self._session.call, began)
        self.speaking = True
        if self._barge_in:
            self.started.set()
        self.activity.set()
        partials = (
            self._session.spawn(self._send_partials(self._partial, since_ns))
            if self._partial and not self.sound
            else None
        )
        try:
            await self._until_silent(tracker)
        finally:
            if partials is not None:
                partials.cancel()
        self.speaking = False
        words = self._words(since_ns, self._session.exchange.now_ns)
        for sound in self.sound:
            _, pcm = sound.taken(self._session.call.room.frame)
            ear = real_ear(self._session.account.studio.apart)
            words = await ear(pcm, self._session.call.party.name)
        if self._recogniser.final_delay_ns:
            await self._session.exchange.sleep(self._recogniser.final_delay_ns)
        self.speech = _text(words)
        self.confidence = _confidence(words)
        self.complete.set()

    async def _until_silent(self, tracker: SpeechTracker) -> None:
        """Wait for silence of ``speechTimeout``, or until ``maxSpeechTime`` is over."""
        exchange, frames = self._session.exchange, -(-self._quiet_ns // FRAME_NS)

        async def quiet() -> None:
            silent = await frame_of(lambda found: tracker.wait_silence(frames, found))
            await notice(self._session.call, silent)

        longest = exchange.sleep(self._longest_ns) if self._longest_ns else never()
        await first_of(quiet(), longest)

    async def _send_partials(self, callback: Callback, since_ns: int) -> None:
        """Send a partial result each second in which new words were said."""
        session, sent, number = self._session, "", 0
        delay_ns = self._recogniser.partial_delay_ns
        while True:
            words = _text(self._words(since_ns, session.exchange.now_ns - delay_ns))
            if words != sent:
                params = [
                    *call_params(session.call.record),
                    ("StableSpeechResult", sent),
                    ("UnstableSpeechResult", words),
                    ("Language", self._language),
                    ("SequenceNumber", str(number)),
                ]
                sent, number = words, number + 1
                session.account.send_callback(callback, params, "partial-result", session.call.sid)
            await session.exchange.sleep(self._recogniser.partial_every_ns or _PARTIAL_NS)

    def _words(self, since_ns: int, until_ns: int) -> list[TranscriptWord]:
        """Return what the recogniser makes of the party's turn, up to a time."""
        since, until = (at // FRAME_NS * FRAME_SAMPLES for at in (since_ns, until_ns))
        said = track_words(self._session.call, Track.INBOUND, since, until, whole_clips=True)
        return recognise(said, self._recogniser, self._seeds)

    def params(self) -> Params | None:
        """Return the parameters for the action; None without input."""
        if self.speech:
            return [("SpeechResult", self.speech), ("Confidence", str(self.confidence))]
        if self.digits or (self.complete.is_set() and self._dtmf and self.speech is None):
            return [("Digits", self.digits)] if self.digits else None
        return None


def _text(words: list[TranscriptWord]) -> str:
    return " ".join(word.text for word in words)


def _confidence(words: list[TranscriptWord]) -> float:
    """Return the mean confidence of words; 1 for none."""
    if not words:
        return 1.0
    return round(sum(word.confidence for word in words) / len(words), 4)
