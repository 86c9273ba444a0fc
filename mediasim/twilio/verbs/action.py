"""The action of a verb: the app gets its request even if the call has ended."""

from __future__ import annotations

from mediasim.exchange.waiting import CallEnded
from mediasim.twilio.session import CallSession, FollowUp

__all__ = ["ended_with"]


async def ended_with(session: CallSession, action: FollowUp | None) -> CallEnded:
    """Make the request for a verb's action, if there is one, and return what is to be raised.

    The document that it gets cannot be executed any more.
    """
    if action is not None:
        await session.document(action.source, action.params)
    return CallEnded()
