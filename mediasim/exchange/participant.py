"""A participant (a call in a conference, or on its way there), and a conference's events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mediasim.exchange.call_control import CallControl
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.waiting import never
from mediasim.media.player import Player

__all__ = [
    "Beep",
    "ConferenceEventName",
    "ConferenceListener",
    "LeaveReason",
    "Music",
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
"""Why a participant left (ReasonParticipantLeft of Twilio's conference callbacks)."""
Beep = Literal["true", "false", "onEnter", "onExit"]
Music = Callable[[CallControl], Awaitable[None]]
"""Plays wait or hold music to a call until cancelled. Raises Unavailable if it cannot be had."""


class Unavailable(Exception):
    """Audio that was to be played cannot be had; the message says why."""


async def hold_music(control: CallControl) -> None:
    """Play the exchange's hold music to a call until cancelled."""
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
    """How a call takes part in a conference; the defaults are those of the Conference noun."""

    label: str | None = None
    muted: bool = False
    beep: Beep = "true"
    start_on_enter: bool = True
    end_on_exit: bool = False
    coaches: str | None = None
    """The SID of the only call that hears this participant; None: all hear it."""
    wait: Music = hold_music
    """The music played to it until the conference starts."""
    record: Callable[[], object] | None = None
    """Starts the recording of the whole conference that this participant requests."""


@dataclass(eq=False, slots=True)
class Participant:
    """One call's part in a conference."""

    control: CallControl
    options: ParticipantOptions
    created_ns: int
    updated_ns: int = field(init=False)
    muted: bool = field(init=False)
    held: bool = False
    """Whether the app has put it on hold."""
    coaching: bool = field(init=False)
    coaches: str | None = field(init=False)
    """The SID of the call that it coaches while ``coaching``."""
    end_on_exit: bool = field(init=False)
    beep_on_exit: bool = field(init=False)
    wait: Music = field(init=False)
    hold_music: Music = hold_music
    """The music played to it on hold."""
    inside: bool = False
    """Whether it has joined and not left."""
    held_locally: bool = False
    """Whether its party's own telephone has put the conference on hold."""
    done: bool = False
    """Whether its party had a script, which has ended."""
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it was removed, or the conference has ended."""
    refused: bool = False
    """Whether it was not let in, as its wait music cannot be had."""
    music_task: asyncio.Task[None] | None = None
    """Plays music to it while it waits or is on hold."""
    speech_task: asyncio.Task[None] | None = None
    """Reports when it starts and stops to speak, if the listener wants that."""
    played: list[Player] = field(default_factory=list)
    """The sounds that the conference has played to it."""

    def __post_init__(self) -> None:
        options = self.options
        self.updated_ns = self.created_ns
        self.muted, self.coaches = options.muted, options.coaches
        self.coaching = options.coaches is not None
        self.end_on_exit, self.wait = options.end_on_exit, options.wait
        self.beep_on_exit = options.beep in ("true", "onExit")

    @property
    def beeps_on_enter(self) -> bool:
        """Whether a beep is played to the others when it joins."""
        return self.options.beep in ("true", "onEnter")

    @property
    def call(self) -> LiveCall:
        return self.control.call

    @property
    def not_mixed(self) -> bool:
        """Whether the conference does not hear it, as it is muted or coaching."""
        return self.muted or self.coaching

    @property
    def label(self) -> str | None:
        return self.options.label

    def play(self, pcm: NDArray[np.int16], label: str) -> None:
        """Play 8 kHz samples to it on behalf of the conference."""
        if self.call.active:
            self.played.append(self.call.room.play(self.call.leg, pcm, label=label))

    def stop_dialling(self) -> None:
        """Cancel its call, if that was not answered."""
        if not self.call.active:
            self.control.end("canceled")


# -- events --------------------------------------------------------------------------------


ConferenceEventName = Literal[
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


class ConferenceListener:
    """A listener for the events of one conference as they happen, which ignores them all."""

    def wants(self, event: ConferenceEventName) -> bool:
        """Return whether it listens for this event; speech events are costly to detect."""
        return False

    def notify(
        self,
        event: ConferenceEventName,
        participant: Participant | None,
        *,
        why: str = "",
        announced: str = "",
    ) -> None:
        """Handle an event; ``why`` is the reason for a ``leave``, or for a failure.

        ``announced`` is the name of the announcement that has ended or failed.
        """

    def over(self) -> None:
        """Handle the end of the conference, after its recordings were published."""
