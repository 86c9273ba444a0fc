"""Trial accounts: the message before each call's own document, and the longest call.

Whoever answers hears the message, and whoever calls in; a key ends it and lets the document begin.
Without a key the call ends (docs: "You can only make or receive calls from verified numbers", error
13805; the words of the message are as heard, and that ten seconds are given is our choice).
"""

from __future__ import annotations

from functools import partial
from typing import Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.waiting import listen_for_keys, notice, over
from mediasim.twilio.error_dictionary import titled
from mediasim.twilio.session import CallSession, HangUp

__all__ = ["MESSAGE", "TEXT_PREFIX", "preamble"]

MESSAGE: Final = (
    "You have a trial account. You can remove this message at any time by upgrading to a full"
    " account. Press any key to execute your code."
)
TEXT_PREFIX: Final = "Sent from your Twilio trial account - "
"""How each text message of a trial account begins."""
_KEY_NS: Final = 10 * NS_PER_SECOND
_LONGEST_NS: Final = 600 * NS_PER_SECOND
_TOO_LONG: Final = 13805


async def preamble(session: CallSession) -> None:
    """Say the message and wait for a key.

    Raises HangUp if none comes, CallEnded if the party hangs up.
    """
    session.answer()
    session.spawn(_limit(session))
    pcm = await session.account.studio.say(MESSAGE)
    with listen_for_keys(session.call) as keys:
        pressed = session.spawn(keys.get())
        key = partial(over, pressed)
        stopped = await session.play(pcm, "trial message", key, text=MESSAGE)
        if not stopped and await session.until(key(), session.exchange.sleep(_KEY_NS)):
            raise HangUp
        frame, _ = pressed.result()
    await notice(session.call, frame)


async def _limit(session: CallSession) -> None:
    """End the call after the ten minutes of a trial account's calls."""
    await session.exchange.sleep(_LONGEST_NS)
    words = titled(_TOO_LONG, "the call is ended")
    session.account.notify(session.call.sid, _TOO_LONG, words, warning=True)
    session.call.take_down()
