"""The verbs of TwiML, executed on a call.

Each is a coroutine ``(session, verb)``; it returns the document that replaces the current one.
Dial, Enqueue and Leave need the whole account: :class:`mediasim.twilio.account.Account` adds them.
"""

# Imported for what they add to ``session.VERBS``.
import mediasim.twilio.verbs.basic
import mediasim.twilio.verbs.gather
import mediasim.twilio.verbs.pay
import mediasim.twilio.verbs.record
import mediasim.twilio.verbs.refer
import mediasim.twilio.verbs.sms
import mediasim.twilio.verbs.start  # noqa: F401

__all__ = ["basic", "dial", "record"]
