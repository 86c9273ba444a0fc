"""Gather: keys, or words, while prompts are played.

What was said is known, for the parties are simulated: SpeechResult is the text of what the party
said in its turn, a perfect recogniser's answer (our choice); a real party's speech gives none. Such
a recogniser needs no hints, model or language, which are taken without effect. Partial results
come once a second while new words are heard (our choice).
"""

from __future__ import annotations

import asyncio
from typing import Final

from mediasim.audio.frames import FRAME_NS, NS_PER_SECOND
from mediasim.exchange.waiting import NOTICE_FRAMES, Keys, first_of, listen_for_keys, never, notice
from mediasim.media.recorder import Track
from mediasim.parties.hearing import SpeechTracker, frame_of
from mediasim.parties.timeline import words_between
from mediasim.twilio.requests import Callback, TwimlSource
from mediasim.twilio.session import CallSession, FollowUp
from mediasim.twilio.status import Params, call_params
from mediasim.twilio.twiml import Verb
from mediasim.twilio.verbs.basic import Interrupted, pause, play, say
from mediasim.twilio.verbs.record import callback_of
from mediasim.twilio.webhooks import AppRequest

__all__ = ["gather"]

_PROMPTS: Final = {"Say": say, "Play": play, "Pause": pause}
_AUTO_SPEECH_NS: Final = 1_000_000_000
"""Quiet after which ``speechTimeout=auto`` takes the party to have finished (our choice)."""
_PARTIAL_NS: Final = NS_PER_SECOND


async def gather(session: CallSession, verb: Verb) -> FollowUp | None:
    """Ask the party for input, and the app what to do with it; without input the next verb runs."""
    inputs = verb.words("input", "dtmf")
    asking = _Asking(session, verb)
    with listen_for_keys(session.call) as keys:
        listening = session.spawn(asking.take(keys))
        tracker = SpeechTracker(NOTICE_FRAMES)
        hearing = None
        if "speech" in inputs:
            session.call.room.listen(session.call.leg, Track.INBOUND, tracker)
            hearing = session.spawn(asking.hear(tracker))
        try:
            await _prompt(session, verb, asking)
            await session.until(_deadline(session, verb, asking))
        finally:
            listening.cancel()
            if hearing is not None:
                hearing.cancel()
            if session.call.active and hearing is not None:
                session.call.room.stop_listening(session.call.leg, tracker)
    params = asking.params()
    if params is None and not verb.flag("actionOnEmptyResult", False):
        return None
    action = verb.attribute("action") or session.base
    script = TwimlSource(session.absolute(action), verb.attribute("method", "POST"))
    return FollowUp(script, params or [("Digits", "")])


async def _prompt(session: CallSession, verb: Verb, asking: _Asking) -> None:
    """Prompts are cut short by the first key or word."""
    try:
        for child in verb.children:
            prompt = _PROMPTS.get(child.name)
            if prompt is not None and not asking.begun.is_set():
                await prompt(session, child, asking.begun.wait)
    except Interrupted:
        return


async def _deadline(session: CallSession, verb: Verb, asking: _Asking) -> None:
    """Until input is complete, or has not come for ``timeout`` seconds."""
    patience = verb.seconds("timeout", 5) * NS_PER_SECOND
    while not asking.complete.is_set():
        asking.touched.clear()
        came = (asking.complete.wait(), asking.touched.wait())
        if await first_of(*came, session.exchange.sleep(patience)) == 2 and not asking.speaking:
            return


class _Asking:
    """The input so far."""

    def __init__(self, session: CallSession, verb: Verb) -> None:
        self._session = session
        self._finish = verb.attribute("finishOnKey", "#")
        self._most = verb.number("numDigits", 0)
        self._dtmf = "dtmf" in verb.words("input", "dtmf")
        after = verb.attribute("speechTimeout", "auto")
        self._quiet_ns = int(after) * NS_PER_SECOND if after.isdigit() else _AUTO_SPEECH_NS
        self._longest_ns = verb.seconds("maxSpeechTime", 0) * NS_PER_SECOND
        self._barge_in = verb.flag("bargeIn", True)
        self._partial = callback_of(verb, session, "partialResultCallback")
        self._language = verb.attribute("language", "en-US")
        self.digits = ""
        self.speech: str | None = None
        self.speaking = False
        self.begun = asyncio.Event()
        """The first key or word: prompts stop."""
        self.touched = asyncio.Event()
        """Something more came."""
        self.complete = asyncio.Event()

    async def take(self, keys: Keys) -> None:
        """Keys, until there are enough."""
        while self._dtmf:
            frame, digit = await keys.get()
            await notice(self._session.call, frame)
            self.begun.set()
            self.touched.set()
            if digit in self._finish:
                break
            self.digits += digit
            if len(self.digits) == self._most:
                break
        if self._dtmf:
            self.complete.set()

    async def hear(self, tracker: SpeechTracker) -> None:
        """Words, until the party has been quiet for long enough."""
        since_ns = self._session.exchange.now_ns
        await notice(self._session.call, await frame_of(tracker.wait_speech))
        self.speaking = True
        if self._barge_in:
            self.begun.set()
        self.touched.set()
        telling = (
            self._session.spawn(self._tell(self._partial, since_ns)) if self._partial else None
        )
        try:
            await self._until_said(tracker)
        finally:
            if telling is not None:
                telling.cancel()
        self.speaking = False
        self.speech = self._words(since_ns)
        self.complete.set()

    async def _until_said(self, tracker: SpeechTracker) -> None:
        """Quiet for long enough, or the longest that is listened to."""
        exchange, frames = self._session.exchange, -(-self._quiet_ns // FRAME_NS)

        async def quiet() -> None:
            silent = await frame_of(lambda found: tracker.wait_silence(frames, found))
            await notice(self._session.call, silent)

        longest = exchange.sleep(self._longest_ns) if self._longest_ns else never()
        await first_of(quiet(), longest)

    async def _tell(self, callback: Callback, since_ns: int) -> None:
        """What has been understood so far, for as long as more of it comes."""
        session, told, number = self._session, "", 0
        while True:
            words = self._words(since_ns)
            if words != told:
                params = [
                    *call_params(session.call.record),
                    ("StableSpeechResult", told),
                    ("UnstableSpeechResult", words),
                    ("Language", self._language),
                    ("SequenceNumber", str(number)),
                ]
                told, number = words, number + 1
                sid = session.call.sid
                request = AppRequest(
                    callback.url, callback.method, tuple(params), "partial-result", sid
                )
                session.service.webhooks.notify(request, lane=sid)
            await session.exchange.sleep(_PARTIAL_NS)

    def _words(self, since_ns: int) -> str:
        """What the party has said in its turn, up to now."""
        line, now_ns = self._session.call.line, self._session.exchange.now_ns
        if line is None:
            return ""  # not simulated: what it says is not known
        first, last = line.clock.sample_at(since_ns), line.clock.sample_at(now_ns)
        starts = [
            segment.start
            for segment in line.timeline.segments
            if segment.kind == "say" and segment.end > first and segment.start < last
        ]
        return words_between(line.timeline, min(starts), last) if starts else ""

    def params(self) -> Params | None:
        """What to tell the app; None without input."""
        if self.speech:
            return [("SpeechResult", self.speech), ("Confidence", "1.0")]
        if self.digits or (self.complete.is_set() and self._dtmf and self.speech is None):
            return [("Digits", self.digits)] if self.digits else None
        return None
