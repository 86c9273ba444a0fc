"""Gather: keys, or words, while prompts are played.

What was said is known, for the parties are simulated: SpeechResult is the text of what the party
said in its turn, a perfect recogniser's answer (our choice); a real party's speech gives none.
"""

from __future__ import annotations

import asyncio
from typing import Final

from mediasim.audio.frames import FRAME_NS, NS_PER_SECOND
from mediasim.exchange.keypad import NOTICE_FRAMES, Keys, listen_for_keys
from mediasim.media.recorder import Track
from mediasim.parties.hearing import SpeechTracker, fired
from mediasim.twilio.asks import Script
from mediasim.twilio.session import CallSession, FollowUp
from mediasim.twilio.status import Params
from mediasim.twilio.twiml import Verb
from mediasim.twilio.verbs.sound import Interrupted, pause, play, say

__all__ = ["gather"]

_PROMPTS: Final = {"Say": say, "Play": play, "Pause": pause}
_NOTICE_NS: Final = NOTICE_FRAMES * FRAME_NS
_AUTO_SPEECH_NS: Final = 1_000_000_000
"""Quiet after which ``speechTimeout=auto`` takes the party to have finished (our choice)."""


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
    script = Script(session.absolute(action), verb.attribute("method", "POST"))
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
        waits = [
            asyncio.ensure_future(asking.complete.wait()),
            asyncio.ensure_future(asking.touched.wait()),
            asyncio.ensure_future(session.exchange.sleep(patience)),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if not (waits[0].done() or waits[1].done()) and not asking.speaking:
                return
        finally:
            for wait in waits:
                wait.cancel()


class _Asking:
    """The input so far."""

    def __init__(self, session: CallSession, verb: Verb) -> None:
        self._session = session
        self._finish = verb.attribute("finishOnKey", "#")
        self._most = verb.number("numDigits", 0)
        self._dtmf = "dtmf" in verb.words("input", "dtmf")
        after = verb.attribute("speechTimeout", "auto")
        self._quiet_ns = int(after) * NS_PER_SECOND if after.isdigit() else _AUTO_SPEECH_NS
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
        exchange = self._session.exchange
        while self._dtmf:
            frame, digit = await keys.get()
            await exchange.sleep_until(frame * FRAME_NS + _NOTICE_NS)
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
        exchange, since_ns = self._session.exchange, self._session.exchange.now_ns
        started = await fired(tracker.wait_speech)
        await exchange.sleep_until(started * FRAME_NS + _NOTICE_NS)
        self.speaking = True
        self.begun.set()
        self.touched.set()
        frames = -(-self._quiet_ns // FRAME_NS)
        quiet = await fired(lambda tell: tracker.wait_silence(frames, tell))
        await exchange.sleep_until(quiet * FRAME_NS + _NOTICE_NS)
        self.speaking = False
        self.speech = self._words(since_ns)
        self.complete.set()

    def _words(self, since_ns: int) -> str:
        """What the party has said since then."""
        line = self._session.call.line
        if line is None:
            return ""  # not simulated: what it says is not known
        first, last = (
            line.clock.sample_at(since_ns),
            line.clock.sample_at(self._session.exchange.now_ns),
        )
        return " ".join(
            segment.text
            for segment in line.timeline.segments
            if segment.kind == "say" and segment.end > first and segment.start < last
        )

    def params(self) -> Params | None:
        """What to tell the app; None without input."""
        if self.speech:
            return [("SpeechResult", self.speech), ("Confidence", "1.0")]
        if self.digits or (self.complete.is_set() and self._dtmf and self.speech is None):
            return [("Digits", self.digits)] if self.digits else None
        return None
