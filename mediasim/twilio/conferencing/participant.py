"""A participant: a call in a conference, or on its way there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.states import CallStatus
from mediasim.media.player import Player
from mediasim.twilio.asks import ParticipantRequest, Script
from mediasim.twilio.resources import ParticipantRecord, ParticipantStatus
from mediasim.twilio.session import CallSession
from mediasim.twilio.status import Params

__all__ = ["LeaveReason", "Participant"]

LeaveReason = Literal[
    "conference_ended_via_api",
    "moderator_ended_conference",
    "participant_updated_via_api",
    "participant_hung_up",
    "participant_add_failed",
]
"""Twilio's, as the page of the Conference noun lists them."""

_STATUS: Final[dict[CallStatus, ParticipantStatus]] = {
    "queued": "queued",
    "initiated": "connecting",
    "ringing": "ringing",
    "in-progress": "connected",
    "completed": "complete",
}


@dataclass(eq=False, slots=True)
class Participant:
    """One call, as its conference sees it."""

    session: CallSession
    record: ParticipantRecord
    ask: ParticipantRequest
    inside: bool = False
    """It has joined, and has not left."""
    aside: bool = False
    """Its party's own telephone has put the conference on hold."""
    done: bool = False
    """Its party had something to do and has done it."""
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """It has to go: kicked, or the conference is over."""
    refused: bool = False
    """It could not be let in."""
    beep_on_enter: bool = field(init=False)
    beep_on_exit: bool = field(init=False)
    wait: Script | None = field(init=False)
    """What it hears before the conference starts."""
    hold_script: Script | None = None
    entertainment: asyncio.Task[None] | None = None
    """What it hears while it waits or is on hold."""
    listening: asyncio.Task[None] | None = None
    """Follows when it speaks, where that is told."""
    played: list[Player] = field(default_factory=list)
    """What the conference has had played to it."""

    def __post_init__(self) -> None:
        self.beep_on_enter = self.ask.beep in ("true", "onEnter")
        self.beep_on_exit = self.ask.beep in ("true", "onExit")
        self.wait = self.ask.wait

    @property
    def sid(self) -> str:
        """Of its call."""
        return self.record.call_sid

    @property
    def call(self) -> LiveCall:
        return self.session.call

    @property
    def unheard(self) -> bool:
        """Whether the conference does not hear it: muted, or coaching somebody."""
        return self.record.muted or self.record.coaching

    def hear(self, pcm: NDArray[np.int16], label: str) -> None:
        """Have something played to it by the conference."""
        if self.call.active:
            self.played.append(self.call.room.play(self.call.leg, pcm, label=label))

    def stop_dialling(self) -> None:
        """End its call, if that has not been answered."""
        if not self.call.active and not self.call.ended.is_set():
            self.call.fail("canceled")

    def brought_up_to_date(self) -> ParticipantRecord:
        """Its record, with its call's status."""
        self.record.status = _STATUS.get(self.call.record.status, "failed")
        return self.record

    def params(self) -> Params:
        """What a conference's callbacks say of it."""
        record = self.record
        flags = {
            "Muted": record.muted,
            "Hold": record.hold,
            "Coaching": record.coaching,
            "EndConferenceOnExit": record.end_conference_on_exit,
            "StartConferenceOnEnter": record.start_conference_on_enter,
        }
        params = [("CallSid", self.sid)]
        params += [(name, "true" if flag else "false") for name, flag in flags.items()]
        if record.call_sid_to_coach is not None:
            params.append(("CallSidToCoach", record.call_sid_to_coach))
        if record.label is not None:
            params.append(("ParticipantLabel", record.label))
        return params
