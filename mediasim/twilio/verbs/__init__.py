"""The verbs of TwiML, executed on a call.

Each is a coroutine ``(session, verb)``; it returns the document that replaces the current one.
Dial, Enqueue and Leave need the whole account: :class:`mediasim.twilio.account.Account` adds them.
"""

from __future__ import annotations

from typing import Final

from mediasim.twilio.session import Execute
from mediasim.twilio.verbs.basic import hangup, pause, play, redirect, reject, say
from mediasim.twilio.verbs.gather import gather
from mediasim.twilio.verbs.record import record
from mediasim.twilio.verbs.start import connect, start, stop

__all__ = ["VERBS", "basic", "dial", "record"]

VERBS: Final[dict[str, Execute]] = {
    "Connect": connect,
    "Gather": gather,
    "Hangup": hangup,
    "Pause": pause,
    "Play": play,
    "Record": record,
    "Redirect": redirect,
    "Reject": reject,
    "Say": say,
    "Start": start,
    "Stop": stop,
}
