"""A participant (a call in a conference, or on its way there), and what can happen to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from mediasim.exchange.call_control import CallControl
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.waiting import never
from mediasim.media.player import Player

__all__ = [
    "Beep",
    "ConferenceHappening",
    "ConferenceListener",
    "Entertainment",
    "LeaveReason",
    "NoListener",
    "Participant",
    "ParticipantOptions",
    "Unavailable",
    "hold_music",
]


LeaveReason = Literal[
    "conference_ended_via_api",
    "moderator_ended_conference",
    "participant_updated_via_api",
    "participant_hung_up",
    "participant_add_failed",
]
"""Why a participant left, as Twilio's page of the Conference noun lists it."""
Beep = Literal["true", "false", "onEnter", "onExit"]
Entertainment = Callable[[CallControl], Awaitable[None]]
"""Plays to a call until it is cancelled. Raises Unavailable where there is nothing to be played."""


class Unavailable(Exception):
    """What was to be played cannot be had; says why in words."""


async def hold_music(control: CallControl) -> None:
    """Play the exchange's music to a call until cancelled."""
    call = control.call
    player = call.room.play(
        call.leg, call.exchange.hold_music, loop=True, label="hold music", speech=False
    )
    try:
        await never()
    finally:
        if call.active:
            call.room.stop_player(player)


@dataclass(frozen=True, slots=True)
class ParticipantOptions:
    """How a call takes part; the defaults are the Conference noun's."""

    label: str | None = None
    muted: bool = False
    beep: Beep = "true"
    start_on_enter: bool = True
    end_on_exit: bool = False
    coaches: str | None = None
    """The SID of the only call that hears this one."""
    wait: Entertainment = hold_music
    """What it hears until the conference starts."""
    record: Callable[[], object] | None = None
    """Begins the recording of the whole conference that it asks for."""


@dataclass(eq=False, slots=True)
class Participant:
    """One call, as its conference sees it."""

    control: CallControl
    options: ParticipantOptions
    created_ns: int
    updated_ns: int = field(init=False)
    muted: bool = field(init=False)
    held: bool = False
    coaching: bool = field(init=False)
    coaches: str | None = field(init=False)
    """The SID of the call that it coaches, or would."""
    end_on_exit: bool = field(init=False)
    beep_on_exit: bool = field(init=False)
    wait: Entertainment = field(init=False)
    hold_music: Entertainment = hold_music
    """What it hears on hold."""
    inside: bool = False
    """It has joined, and has not left."""
    aside: bool = False
    """Its party's own telephone has put the conference on hold."""
    done: bool = False
    """Its party had something to do and has done it."""
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """It has to go: it was removed, or the conference is over."""
    refused: bool = False
    """It could not be let in."""
    entertaining: asyncio.Task[None] | None = None
    """What it hears while it waits or is on hold."""
    listening: asyncio.Task[None] | None = None
    """Follows when it speaks, where that is wanted."""
    played: list[Player] = field(default_factory=list)
    """What the conference has had played to it."""

    def __post_init__(self) -> None:
        options = self.options
        self.updated_ns = self.created_ns
        self.muted, self.coaches = options.muted, options.coaches
        self.coaching = options.coaches is not None
        self.end_on_exit, self.wait = options.end_on_exit, options.wait
        self.beep_on_exit = options.beep in ("true", "onExit")

    @property
    def beeps_on_enter(self) -> bool:
        """Whether the others hear a beep when it joins."""
        return self.options.beep in ("true", "onEnter")

    @property
    def call(self) -> LiveCall:
        return self.control.call

    @property
    def unheard(self) -> bool:
        """Whether the conference does not hear it: muted, coaching, or beside the conference."""
        return self.muted or self.coaching

    @property
    def label(self) -> str | None:
        return self.options.label

    def hear(self, pcm: NDArray[np.int16], label: str) -> None:
        """Have something played to it by the conference."""
        if self.call.active:
            self.played.append(self.call.room.play(self.call.leg, pcm, label=label))

    def stop_dialling(self) -> None:
        """End its call, if that has not been answered."""
        if not self.call.active:
            self.control.end("canceled")


# -- what is told ---------------------------------------------------------------------------


ConferenceHappening = Literal[
    "start",
    "end",
    "join",
    "leave",
    "mute",
    "unmute",
    "hold",
    "unhold",
    "modify",
    "speech-start",
    "speech-stop",
    "announcement-end",
    "announcement-fail",
]


class ConferenceListener(Protocol):
    """Hears what happens in a conference, each time before anything else does."""

    def wants(self, happening: ConferenceHappening) -> bool:
        """Whether it needs to know of these, which cost something to find out."""

    def happened(
        self,
        happening: ConferenceHappening,
        participant: Participant | None,
        *,
        why: str = "",
        announced: str = "",
    ) -> None:
        """Something has happened; ``why`` is the reason of a ``leave``, or what has failed.

        ``announced`` is the name of an announcement that has ended.
        """

    def over(self) -> None:
        """It has ended, and its recordings are published."""


class NoListener:
    """A conference of which nothing is told but the exchange's events."""

    def wants(self, happening: ConferenceHappening) -> bool:
        return False

    def happened(
        self, happening: ConferenceHappening, participant: Participant | None, **details: str
    ) -> None:
        """Tell nothing."""

    def over(self) -> None:
        """Tell nothing."""
