"""Enqueue and Leave: waiting for somebody to take the call."""

from __future__ import annotations

from mediasim.twilio.session import CallSession, FollowUp
from mediasim.twilio.twiml import Verb

__all__ = ["enqueue", "leave"]


async def enqueue(session: CallSession, verb: Verb) -> FollowUp | None:
    """Wait in a queue, hearing the app's waiting document, until dequeued."""
    return await session.service.queues.wait(session, verb)


async def leave(session: CallSession, verb: Verb) -> None:
    """Leave the queue that this document is the waiting document of."""
    session.service.queues.leave(session)
