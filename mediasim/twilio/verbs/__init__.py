"""The verbs of TwiML, carried out on a call.

Each is a coroutine ``(session, verb)``; it returns what to go on with instead of the next verb.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from mediasim.twilio.asks import Script
from mediasim.twilio.session import CallSession, FollowUp
from mediasim.twilio.twiml import Verb
from mediasim.twilio.verbs.dial import dial
from mediasim.twilio.verbs.enqueue import enqueue, leave
from mediasim.twilio.verbs.flow import hangup, redirect, reject
from mediasim.twilio.verbs.gather import gather
from mediasim.twilio.verbs.record import record
from mediasim.twilio.verbs.sound import pause, play, say
from mediasim.twilio.verbs.start import start, stop
from mediasim.twilio.verbs.stream import connect

__all__ = ["VERBS", "answers"]

Execute = Callable[[CallSession, Verb], Awaitable[Script | FollowUp | None]]

VERBS: Final[dict[str, Execute]] = {
    "Connect": connect,
    "Dial": dial,
    "Enqueue": enqueue,
    "Gather": gather,
    "Hangup": hangup,
    "Leave": leave,
    "Pause": pause,
    "Play": play,
    "Record": record,
    "Redirect": redirect,
    "Reject": reject,
    "Say": say,
    "Start": start,
    "Stop": stop,
}


def answers(verbs: Sequence[Verb]) -> bool:
    """Whether carrying out the first of these verbs answers a ringing call.

    Reject does not, nor a Pause before it, nor Redirect, nor a Dial that waits for the other side.
    """
    first = verbs[0]
    if first.name in ("Reject", "Redirect"):
        return False
    if first.name == "Pause" and len(verbs) > 1:
        return answers(verbs[1:])
    if first.name == "Dial" and first.flag("answerOnBridge", False):
        return any(child.name in ("Conference", "Queue") for child in first.children)
    return True
