"""A call's part in a conference, from when it is let in until it leaves."""

from __future__ import annotations

import asyncio

from mediasim.exchange.conference import Conference
from mediasim.exchange.dial import Talk
from mediasim.exchange.participant import Participant
from mediasim.exchange.waiting import CallEnded

__all__ = ["attend"]


async def attend(talk: Talk, conference: Conference, participant: Participant) -> None:
    """Take part until the party hangs up (CallEnded), is released, or the talk's limits come."""
    control = talk.control
    if participant.released.is_set():
        return
    talk.bridged, talk.status = True, "answered"
    try:
        conference.join(participant)
        await talk.stay(participant.released.wait())
    except CallEnded:
        talk.status = "completed"
        hung_up = control.call.leaving
        conference.leave(
            participant, "participant_hung_up" if hung_up else "participant_updated_via_api"
        )
        raise
    except asyncio.CancelledError:
        conference.leave(participant, "participant_updated_via_api")
        raise
    conference.leave(participant, "participant_hung_up")
    if participant.refused:
        talk.bridged, talk.status = False, "failed"
