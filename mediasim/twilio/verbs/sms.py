"""The Sms verb: a text message sent during a call."""

from __future__ import annotations

from mediasim.twilio.errors import TwilioError
from mediasim.twilio.messages import MessageRequest
from mediasim.twilio.requests import Callback
from mediasim.twilio.session import CallSession, FollowUp, executes
from mediasim.twilio.twiml import Verb

__all__ = ["sms"]


@executes("Sms")
async def sms(session: CallSession, verb: Verb) -> FollowUp | None:
    """Send a message, by default from the number called to the caller; the call goes on."""
    account, record = session.account, session.call.record
    ours, theirs = record.to, record.from_
    if record.direction != "inbound":
        ours, theirs = theirs, ours
    callback = verb.attribute("statusCallback")
    request = MessageRequest(
        to=verb.attribute("to") or theirs,
        from_=verb.attribute("from") or ours,
        body=verb.text,
        status_callback=Callback(session.absolute(callback)) if callback else None,
        direction="outbound-call",
    )
    try:
        sent = account.messages.create(account, request)
    except TwilioError as error:
        session.refused(error, verb.line)
        return session.action(verb, [("SmsSid", ""), ("SmsStatus", "failed")])
    return session.action(verb, [("SmsSid", sent.sid), ("SmsStatus", sent.status)])
