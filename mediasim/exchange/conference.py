"""A conference: who is in it, who hears whom, and how it starts and ends.

It waits until two calls are inside of which one starts it (Twilio docs, TwiML Conference, event
``start``); until then each hears its wait music. It ends when the last call has left, when one
leaves that ends it, or when the app says so. Recordings hold what the members hear, beeps and
announcements included, and not what a muted or coaching member says.

A simulated party that has nothing more to do stays until that is true of all of them, and of
what else is under way: calls on their way here, announcements.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.tones import beep
from mediasim.exchange import lifecycle
from mediasim.exchange.announcements import Announcements
from mediasim.exchange.call_control import CallControl
from mediasim.exchange.events import ConferenceEvent
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.participant import (
    ConferenceHappening,
    ConferenceListener,
    LeaveReason,
    NoListener,
    Participant,
    ParticipantOptions,
    Unavailable,
)
from mediasim.exchange.recording import RecordedConference
from mediasim.exchange.recording_control import Source, SourcedChannel
from mediasim.exchange.records import ConferenceRecord, EndReason
from mediasim.exchange.waiting import CallEnded, follow_speech
from mediasim.media.leg import Leg
from mediasim.media.recorder import Track
from mediasim.media.room import Room

__all__ = ["Conference"]

_TEXTS: Final = {"muted": "is muted", "unmuted": "is heard again"}


@dataclass(frozen=True, slots=True)
class _Seat:
    """A participant's place; a :class:`mediasim.exchange.call_control.ConferenceMembership`."""

    conference: Conference
    participant: Participant

    def peers(self) -> list[LiveCall]:
        own = self.participant.call
        if not own.active or own.leg.conference is None:
            return []
        return [
            other.call
            for other in self.conference.inside
            if other.call is not own
            and other.call.active
            and other.call.leg.conference == own.leg.conference
        ]

    def stand_aside(self, aside: bool) -> None:
        self.conference.stand_aside(self.participant, aside)


class Conference:
    """One conference, from its first participant to its last."""

    def __init__(
        self,
        exchange: Exchange,
        room: Room,
        record: ConferenceRecord,
        *,
        listener: ConferenceListener | None = None,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[Any]] = asyncio.ensure_future,
    ) -> None:
        """``spawn`` runs what outlives any one call."""
        self.record = record
        self.participants: list[Participant] = []
        """Inside or on their way, in order of coming."""
        self.listener = listener or NoListener()
        self._exchange = exchange
        self._room = room
        self._spawn = spawn
        self.joined: list[Participant] = []
        """Everybody who ever joined, in order."""
        self.expecting: int | None = None
        """How many calls are still to come, where that is known."""
        self._announcements = Announcements(exchange, room, record.sid, self._hearers)
        self._recorded = False
        """The recording that a participant asked for has begun."""
        self._parting: asyncio.Task[None] | None = None

    @property
    def sid(self) -> str:
        return self.record.sid

    @property
    def started(self) -> bool:
        return self.record.status == "in-progress"

    @property
    def over(self) -> bool:
        return self.record.status == "completed"

    @property
    def inside(self) -> list[Participant]:
        return [each for each in self.participants if each.inside]

    # -- coming and going -------------------------------------------------------------------

    def expect(self, control: CallControl, options: ParticipantOptions) -> Participant:
        """A call is on its way."""
        participant = Participant(control, options, self._exchange.now_ns)
        self.participants.append(participant)
        return participant

    def join(self, participant: Participant) -> None:
        """Its call is here."""
        participant.inside = True
        participant.control.seat = _Seat(self, participant)
        self.joined.append(participant)
        self._tell("join", participant, "joined")
        inside = self.inside
        begins = len(inside) > 1 and any(each.options.start_on_enter for each in inside)
        if not self.started and begins:
            tell = partial(self._tell, "start", None)
            lifecycle.move(self.record, "in-progress", self._exchange.now_ns, tell)
        self._arrange()
        if self.started:
            self._record_as_asked()
            if participant.beeps_on_enter:
                self._announcements.play(beep(), "beep", but=participant)
        control = participant.control
        control.behave()
        if control.scripted:
            control.spawn(self._when_done(participant))
        if self.listener.wants("speech-start"):
            participant.listening = control.spawn(
                follow_speech(
                    participant.call,
                    lambda word: self.listener.happened(word, participant),
                )
            )

    def leave(self, participant: Participant, reason: LeaveReason, *, kicked: bool = False) -> None:
        """It is no longer here; nothing happens if it had left before."""
        if participant not in self.participants:
            return
        was_inside = participant.inside
        self._take_out(participant, reason)
        if was_inside and participant.end_on_exit:
            self.end(
                "participant-with-end-conference-on-exit-kicked"
                if kicked
                else "participant-with-end-conference-on-exit-left",
                participant,
            )
        elif not self.participants:
            self.end("last-participant-kicked" if kicked else "last-participant-left", participant)
        else:
            self._arrange()
            if self.started and was_inside and participant.beep_on_exit:
                self._announcements.play(beep(), "beep")
            self._settle()

    def _take_out(self, participant: Participant, reason: LeaveReason) -> None:
        self.participants.remove(participant)
        participant.released.set()
        self._stop_entertaining(participant)
        if participant.listening is not None:
            participant.listening.cancel()
        call = participant.call
        if participant.inside and call.active:
            for player in participant.played:
                self._room.stop_player(player)
            self._room.confer(call.leg, None)
            self._room.hear(call.leg)
        participant.control.seat = None
        was_inside, participant.inside = participant.inside, False
        self._tell("leave", participant, "left" if was_inside else "", reason)

    def end(self, reason: EndReason, by: Participant | None = None) -> None:
        """Everybody goes; what was recorded is published once all have left."""
        if self.over:
            return
        halted = self._exchange.active_recordings(conference=self.sid)
        for recording in halted:
            recording.halt()
        left: LeaveReason = (
            "conference_ended_via_api"
            if reason == "conference-ended-via-api"
            else "moderator_ended_conference"
        )
        for participant in list(self.participants):
            self._take_out(participant, left)
            participant.stop_dialling()
        self.record.reason_ended = reason
        self.record.call_sid_ending = by.call.sid if by is not None else None
        tell = partial(self._tell, "end", by)
        lifecycle.move(self.record, "completed", self._exchange.now_ns, tell)
        self._announcements.close()
        for recording in halted:
            recording.publish()
        self.listener.over()

    # -- recording --------------------------------------------------------------------------

    @property
    def recorded(self) -> RecordedConference:
        """Itself, as it is recorded."""
        return RecordedConference(
            lambda: _said(self._heard(first=True)),
            lambda: _said(self._heard(first=False)) + self._announcements.recorded,
        )

    def _heard(self, *, first: bool) -> list[Participant]:
        return [
            each
            for each in self._hearers()
            if each.call.active and not each.unheard and (each is self.joined[0]) == first
        ]

    def _record_as_asked(self) -> None:
        """Begin the recording that a participant asks for, once."""
        asked = (each.options.record for each in self._hearers())
        record = next((each for each in asked if each is not None), None)
        if record is not None and not self._recorded:
            self._recorded = True
            record()

    # -- who hears whom ---------------------------------------------------------------------

    def _joins_in(self, participant: Participant) -> bool:
        """Whether it hears the conference: inside, not on hold, once that has started."""
        away = participant.held or participant.aside
        return self.started and participant.inside and not away

    def _hearers(self) -> list[Participant]:
        return [each for each in self.inside if self._joins_in(each)]

    def _arrange(self) -> None:
        """Put everybody where it belongs."""
        coaches: dict[str | None, list[Leg]] = {}
        for each in self._hearers():
            if each.call.active and each.coaching and not each.muted:
                coaches.setdefault(each.coaches, []).append(each.call.leg)
        for participant in self.inside:
            if participant.call.active:
                self._place(participant, coaches.get(participant.call.sid, ()))
        self._exchange.follow_recordings(self._room)

    def _place(self, participant: Participant, coaches: Sequence[Leg]) -> None:
        leg, muted = participant.call.leg, participant.unheard
        joins_in = self._joins_in(participant)
        key = self.sid if joins_in else None
        if (leg.conference, leg.muted) != (key, muted):
            self._room.confer(leg, key, muted=muted)
        hears = tuple(coaches) if joins_in else ()
        if leg.hears != hears:
            self._room.hear(leg, *hears)
        if joins_in or (participant.aside and not participant.held):
            self._stop_entertaining(participant)
        elif participant.entertaining is None:
            participant.entertaining = participant.control.spawn(self._entertain(participant))

    async def _entertain(self, participant: Participant) -> None:
        entertainment = participant.hold_music if participant.held else participant.wait
        try:
            await entertainment(participant.control)
        except CallEnded:
            return
        except Unavailable:
            if not participant.held:  # Twilio: it is then not let in
                participant.refused = True
                participant.released.set()

    def _stop_entertaining(self, participant: Participant) -> None:
        if participant.entertaining is not None:
            participant.entertaining.cancel()
            participant.entertaining = None

    # -- what is changed from outside -------------------------------------------------------

    def mute(self, participant: Participant, muted: bool) -> None:
        """Let the conference not hear it, or hear it again."""
        if muted == participant.muted:
            return
        participant.muted = muted
        self._arrange()
        if muted:
            self._tell("mute", participant, "muted")
        else:
            self._tell("unmute", participant, "unmuted")

    def hold(
        self, participant: Participant, held: bool, music: Callable[..., Any] | None = None
    ) -> None:
        """Put it on hold, with music of its own, or take it off."""
        changed = held != participant.held
        participant.held = held
        if music is not None:
            participant.hold_music = music
        self._stop_entertaining(participant)
        self._arrange()
        if changed:
            name = participant.call.party.name
            word, words = ("held", "on hold") if held else ("resumed", "off hold")
            participant.call.tell(word, f"{name} is {words}")
            self._tell("hold" if held else "unhold", participant)

    def stand_aside(self, participant: Participant, aside: bool) -> None:
        """Its party holds the conference, hearing and saying nothing, or is back."""
        if aside == participant.aside:
            return
        participant.aside = aside
        self._arrange()
        name = participant.call.party.name
        if aside:
            participant.call.tell("held", f"{name} holds the conference")
        else:
            participant.call.tell("resumed", f"{name} is back in the conference")

    def modified(self, participant: Participant) -> None:
        """Something else of it is different now."""
        if not self.started:
            self._stop_entertaining(participant)
        self._arrange()
        self._tell("modify", participant)

    # -- announcements ----------------------------------------------------------------------

    def announce(
        self,
        pieces: AsyncIterator[NDArray[np.int16]],
        name: str,
        to: Participant | None = None,
    ) -> None:
        """Play sounds one after the other to everybody, or to one alone; returns at once.

        The listener is told of the end by ``name``. ``pieces`` may raise Unavailable, and CallEnded
        where the call that they are asked for by has ended.
        """
        self._spawn(self._announce(pieces, name, to))

    async def _announce(
        self, pieces: AsyncIterator[NDArray[np.int16]], name: str, to: Participant | None
    ) -> None:
        failed = await self._announcements.announce(pieces, to, lambda: self.over)
        about = to if to is not None and to.inside else None
        self.listener.happened(
            "announcement-fail" if failed else "announcement-end",
            about,
            why=failed,
            announced=name,
        )
        self._settle()

    # -- when all has been said -------------------------------------------------------------

    async def _when_done(self, participant: Participant) -> None:
        await participant.control.behaved()
        participant.done = True
        self._settle()

    def _all_done(self) -> bool:
        begun = self.started or self.expecting == 0
        on_their_way = self.expecting or len(self.inside) < len(self.participants)
        if not begun or on_their_way or self._announcements.active:
            return False
        scripted = [each for each in self.inside if each.control.scripted]
        return bool(scripted) and all(each.done for each in scripted)

    def _settle(self) -> None:
        if self._parting is None and self._all_done():
            self._parting = self._spawn(self._part())

    async def _part(self) -> None:
        """Parties hang up a moment after the last of them has finished."""
        scripted = [each.control for each in self.inside if each.control.scripted]
        await asyncio.gather(*(control.linger() for control in scripted))
        self._parting = None
        if self._all_done():
            await asyncio.gather(*(control.call.hang_up() for control in scripted))

    # -- telling ----------------------------------------------------------------------------

    def _tell(
        self,
        happening: ConferenceHappening,
        participant: Participant | None,
        word: str = "",
        why: str = "",
    ) -> None:
        """Emit the event that is called ``word``, if any, and tell the listener."""
        about = None if happening == "end" else participant
        if word:
            name = about.call.party.name if about is not None else "the conference"
            self._exchange.events.emit(
                ConferenceEvent(
                    at_ns=self._exchange.now_ns,
                    kind=f"conference.{word}",
                    text=f"{name} {_TEXTS.get(word, word)}",
                    conference_sid=self.sid,
                    call_sid=about.call.sid if about is not None else None,
                )
            )
        self.listener.happened(happening, participant, why=why)


def _said(participants: Sequence[Participant]) -> SourcedChannel:
    return tuple(Source(each.call, Track.INBOUND) for each in participants)
