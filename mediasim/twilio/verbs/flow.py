"""Redirect, Hangup and Reject: where the call goes on, or that it does not."""

from __future__ import annotations

from mediasim.exchange.waiting import CallEnded
from mediasim.twilio.asks import Script
from mediasim.twilio.session import CallSession, HangUp
from mediasim.twilio.twiml import Verb

__all__ = ["hangup", "redirect", "reject"]


async def redirect(session: CallSession, verb: Verb) -> Script:
    """Go on with another document."""
    return Script(session.absolute(verb.text.strip()), verb.attribute("method", "POST"))


async def hangup(session: CallSession, verb: Verb) -> None:
    """End the call."""
    raise HangUp


async def reject(session: CallSession, verb: Verb) -> None:
    """Do not answer the call; an answered one is ended."""
    if session.call.record.status != "ringing":
        raise HangUp
    session.call.fail("busy" if verb.attribute("reason") == "busy" else "no-answer")
    raise CallEnded
