"""What a conference itself makes its members hear: beeps and announcements."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import NS_PER_SECOND, SAMPLE_RATE
from mediasim.audio.tones import beep
from mediasim.exchange.exchange import Exchange
from mediasim.twilio.asks import Script
from mediasim.twilio.conferencing.participant import Participant
from mediasim.twilio.conferencing.playback import sounds
from mediasim.twilio.conferencing.voice import ConferenceVoice
from mediasim.twilio.session import CallSession
from mediasim.twilio.status import Params

__all__ = ["Announcer"]


class Announcer:
    """One conference's."""

    def __init__(
        self,
        exchange: Exchange,
        voice: ConferenceVoice,
        hearers: Callable[[], list[Participant]],
    ) -> None:
        """``hearers`` are those who hear the conference now."""
        self._exchange = exchange
        self._voice = voice
        self._hearers = hearers
        self.busy = 0
        """Announcements under way."""

    def beep(self, but: Participant | None = None) -> None:
        """To everybody, except whom it announces."""
        self._to_all(beep(), "beep", but)

    def _to_all(self, pcm: NDArray[np.int16], label: str, but: Participant | None = None) -> None:
        for hearer in self._hearers():
            if hearer is not but:
                hearer.hear(pcm, label)
        self._voice.say(pcm, label)

    async def announce(
        self, session: CallSession, script: Script, params: Params, to: Participant | None
    ) -> None:
        """Play a document's sounds to everybody, or to one alone, until all has been heard.

        Raises Unavailable, and CallEnded where the call that the session is of has ended.
        """
        self.busy += 1
        try:
            async with aclosing(sounds(session, script, params)) as pieces:
                async for pcm in pieces:
                    if not self._voice.active or (to is not None and not to.inside):
                        return
                    if not len(pcm):
                        continue
                    if to is None:
                        self._to_all(pcm, "announcement")
                    else:
                        to.hear(pcm, "announcement")
                    await self._exchange.sleep(len(pcm) * NS_PER_SECOND // SAMPLE_RATE)
        finally:
            self.busy -= 1
