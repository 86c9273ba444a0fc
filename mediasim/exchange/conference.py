"""A conference: its participants, which of them hear which, and how it starts and ends.

It starts when two participants are inside of which one has ``startConferenceOnEnter`` (Twilio docs,
TwiML Conference, event ``start``); until then each hears its wait music. It ends when the last
participant has left, when one with ``endConferenceOnExit`` leaves, or when the app ends it.
Recordings hold what the participants hear, beeps and announcements included, and not what a muted
or coaching participant says.

A simulated party whose script has ended stays until all scripts of the conference have ended, all
expected calls have joined, and no announcement is playing; then all hang up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.tones import beep
from mediasim.exchange import lifecycle
from mediasim.exchange.announcements import Announcements
from mediasim.exchange.call_control import CallControl, ConferenceMembership
from mediasim.exchange.events import ConferenceEvent
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.participant import (
    ConferenceEventName,
    ConferenceListener,
    LeaveReason,
    Participant,
    ParticipantOptions,
    Unavailable,
)
from mediasim.exchange.recording import RecordedTracks
from mediasim.exchange.recording_control import Source, SourcedChannel
from mediasim.exchange.records import ConferenceRecord, EndReason
from mediasim.exchange.waiting import CallEnded, follow_speech
from mediasim.media.leg import Leg
from mediasim.media.recorder import Track
from mediasim.media.room import Room

__all__ = ["Conference"]

_TEXTS: Final = {"muted": "is muted", "unmuted": "is heard again"}


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
        """Create a conference whose own tasks, which outlive any one call, are run by ``spawn``."""
        self.record = record
        self.participants: list[Participant] = []
        """The participants inside or on their way, in the order in which they were expected."""
        self.listener = listener or ConferenceListener()
        self._exchange = exchange
        self._room = room
        self._spawn = spawn
        self.joined: list[Participant] = []
        """All participants that ever joined, in order."""
        self.expecting: int | None = None
        """Number of calls still to be expected; None if unknown."""
        self._announcements = Announcements(exchange, room, record.sid, self._hearers)
        self._recorded = False
        """Whether the recording that a participant requests has started."""
        self._hanging_up: asyncio.Task[None] | None = None

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
        """The participants that have joined and not left."""
        return [each for each in self.participants if each.inside]

    # -- joining and leaving ----------------------------------------------------------------

    def expect(self, control: CallControl, options: ParticipantOptions) -> Participant:
        """Add a participant whose call is on its way."""
        participant = Participant(control, options, self._exchange.now_ns)
        self.participants.append(participant)
        return participant

    def join(self, participant: Participant) -> None:
        """Let an expected participant join."""
        participant.inside = True
        participant.control.membership = ConferenceMembership(
            partial(self._peers, participant), partial(self.hold_locally, participant)
        )
        self.joined.append(participant)
        self._notify("join", participant, "joined")
        inside = self.inside
        begins = len(inside) > 1 and any(each.options.start_on_enter for each in inside)
        if not self.started and begins:
            emit = partial(self._notify, "start", None)
            lifecycle.move(self.record, "in-progress", self._exchange.now_ns, emit)
        self._route_legs()
        if self.started:
            self._start_requested_recording()
            if participant.beeps_on_enter:
                self._announcements.play(beep(), "beep", but=participant)
        control = participant.control
        control.behave()
        if control.scripted:
            control.spawn(self._when_done(participant))
        if self.listener.wants("speech-start"):
            report = partial(self.listener.notify, participant=participant)
            participant.speech_task = control.spawn(follow_speech(participant.call, report))

    def leave(self, participant: Participant, reason: LeaveReason, *, kicked: bool = False) -> None:
        """Remove a participant, which may end the conference; does nothing if it has left."""
        if participant not in self.participants:
            return
        was_inside = participant.inside
        self._remove(participant, reason)
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
            self._route_legs()
            if self.started and was_inside and participant.beep_on_exit:
                self._announcements.play(beep(), "beep")
            self._hang_up_if_done()

    def _remove(self, participant: Participant, reason: LeaveReason) -> None:
        self.participants.remove(participant)
        participant.released.set()
        self._stop_music(participant)
        if participant.speech_task is not None:
            participant.speech_task.cancel()
        call = participant.call
        if participant.inside and call.active:
            for player in participant.played:
                self._room.stop_player(player)
            self._room.confer(call.leg, None)
            self._room.hear(call.leg)
        participant.control.membership = None
        was_inside, participant.inside = participant.inside, False
        self._notify("leave", participant, "left" if was_inside else "", reason)

    def end(self, reason: EndReason, by: Participant | None = None) -> None:
        """End the conference, and publish its recordings once all participants are removed."""
        if self.over:
            return
        # Halted first: the recordings end with the conference, not participant by participant.
        halted = self._exchange.active_recordings(conference=self.sid)
        for recording in halted:
            recording.halt()
        left: LeaveReason = (
            "conference_ended_via_api"
            if reason == "conference-ended-via-api"
            else "moderator_ended_conference"
        )
        for participant in list(self.participants):
            self._remove(participant, left)
            participant.stop_dialling()
        self.record.reason_ended = reason
        self.record.call_sid_ending = by.call.sid if by is not None else None
        emit = partial(self._notify, "end", by)
        lifecycle.move(self.record, "completed", self._exchange.now_ns, emit)
        self._announcements.close()
        for recording in halted:
            recording.publish()
        self.listener.over()

    # -- recording --------------------------------------------------------------------------

    def tracks(self) -> RecordedTracks:
        """Return the tracks of the first participant, and of all else that participants hear."""
        others = self._inbound(first=False) + self._announcements.recorded
        return RecordedTracks(self._inbound(first=True), others, others)

    def _inbound(self, *, first: bool) -> SourcedChannel:
        return tuple(
            Source(each.call, Track.INBOUND)
            for each in self._hearers()
            if each.call.active and not each.not_mixed and (each is self.joined[0]) == first
        )

    def _start_requested_recording(self) -> None:
        """Start the recording that a participant requests, once."""
        for each in self._hearers():
            if each.options.record is not None and not self._recorded:
                self._recorded = True
                each.options.record()

    # -- audio -----------------------------------------------------------------------------

    def _hears_conference(self, participant: Participant) -> bool:
        """Return whether a participant hears the conference: started, joined, and not on hold."""
        away = participant.held or participant.held_locally
        return self.started and participant.inside and not away

    def _hearers(self) -> list[Participant]:
        return [each for each in self.inside if self._hears_conference(each)]

    def _peers(self, participant: Participant) -> list[LiveCall]:
        own = participant.call
        if not own.active or own.leg.conference is None:
            return []
        return [
            each.call
            for each in self.inside
            if each is not participant
            and each.call.active
            and each.call.leg.conference == own.leg.conference
        ]

    def _route_legs(self) -> None:
        """Route the audio of each participant by its state: the mix, its coaches, or music."""
        coaches: dict[str | None, list[Leg]] = {}
        for each in self._hearers():
            if each.call.active and each.coaching and not each.muted:
                coaches.setdefault(each.coaches, []).append(each.call.leg)
        for participant in self.inside:
            if participant.call.active:
                self._route_leg(participant, coaches.get(participant.call.sid, ()))
        self._exchange.follow_recordings(self._room)

    def _route_leg(self, participant: Participant, coaches: Sequence[Leg]) -> None:
        leg, muted = participant.call.leg, participant.not_mixed
        hears_it = self._hears_conference(participant)
        key = self.sid if hears_it else None
        if (leg.conference, leg.muted) != (key, muted):
            self._room.confer(leg, key, muted=muted)
        hears = tuple(coaches) if hears_it else ()
        if leg.hears != hears:
            self._room.hear(leg, *hears)
        if hears_it or (participant.held_locally and not participant.held):
            self._stop_music(participant)
        elif participant.music_task is None:
            participant.music_task = participant.control.spawn(self._play_music(participant))

    async def _play_music(self, participant: Participant) -> None:
        music = participant.hold_music if participant.held else participant.wait
        try:
            await music(participant.control)
        except CallEnded:
            return
        except Unavailable:
            # Twilio: a call whose waitUrl fails is not let into the conference.
            if not participant.held:
                participant.refused = True
                participant.released.set()

    def _stop_music(self, participant: Participant) -> None:
        if participant.music_task is not None:
            participant.music_task.cancel()
            participant.music_task = None

    # -- changes ----------------------------------------------------------------------------

    def mute(self, participant: Participant, muted: bool) -> None:
        """Mute or unmute a participant."""
        if muted == participant.muted:
            return
        participant.muted = muted
        self._route_legs()
        event: ConferenceEventName = "mute" if muted else "unmute"
        self._notify(event, participant, f"{event}d")

    def hold(
        self, participant: Participant, held: bool, music: Callable[..., Any] | None = None
    ) -> None:
        """Put a participant on hold, with music of its own if given, or take it off hold."""
        changed = held != participant.held
        participant.held = held
        if music is not None:
            participant.hold_music = music
        self._stop_music(participant)
        self._route_legs()
        if changed:
            name = participant.call.party.name
            word, words = ("held", "on hold") if held else ("resumed", "off hold")
            participant.call.emit(word, f"{name} is {words}")
            self._notify("hold" if held else "unhold", participant)

    def hold_locally(self, participant: Participant, held: bool) -> None:
        """Put the conference on hold for a participant by its own telephone, or take it off."""
        if held == participant.held_locally:
            return
        participant.held_locally = held
        self._route_legs()
        name = participant.call.party.name
        if held:
            participant.call.emit("held", f"{name} holds the conference")
        else:
            participant.call.emit("resumed", f"{name} is back in the conference")

    def modified(self, participant: Participant) -> None:
        """Apply a change of a participant's other options (coaching, wait music, beep)."""
        if not self.started:
            self._stop_music(participant)
        self._route_legs()
        self._notify("modify", participant)

    # -- announcements ----------------------------------------------------------------------

    def announce(
        self, pieces: AsyncIterator[NDArray[np.int16]], name: str, to: Participant | None = None
    ) -> None:
        """Play sounds one after the other to all participants, or to one; returns at once.

        The listener is notified of the end of the announcement ``name``. ``pieces`` may raise
        Unavailable, and CallEnded if the call that fetches them ends.
        """
        self._spawn(self._announce(pieces, name, to))

    async def _announce(
        self, pieces: AsyncIterator[NDArray[np.int16]], name: str, to: Participant | None
    ) -> None:
        failed = await self._announcements.announce(pieces, to, lambda: self.over)
        about = to if to is not None and to.inside else None
        event: ConferenceEventName = "announcement-fail" if failed else "announcement-end"
        self.listener.notify(event, about, why=failed, announced=name)
        self._hang_up_if_done()

    # -- the end of all scripts -------------------------------------------------------------

    async def _when_done(self, participant: Participant) -> None:
        await participant.control.behaved()
        participant.done = True
        self._hang_up_if_done()

    def _all_scripts_done(self) -> bool:
        begun = self.started or self.expecting == 0
        on_their_way = self.expecting or len(self.inside) < len(self.participants)
        if not begun or on_their_way or self._announcements.active:
            return False
        scripted = [each for each in self.inside if each.control.scripted]
        return bool(scripted) and all(each.done for each in scripted)

    def _hang_up_if_done(self) -> None:
        if self._hanging_up is None and self._all_scripts_done():
            self._hanging_up = self._spawn(self._hang_up())

    async def _hang_up(self) -> None:
        """Let the simulated parties hang up, a moment after the last script has ended."""
        scripted = [each.control for each in self.inside if each.control.scripted]
        await asyncio.gather(*(control.linger() for control in scripted))
        # Checked again: in that moment a call may have been expected, or an announcement begun.
        self._hanging_up = None
        if self._all_scripts_done():
            await asyncio.gather(*(control.call.hang_up() for control in scripted))

    # -- events -----------------------------------------------------------------------------

    def _notify(
        self,
        event: ConferenceEventName,
        participant: Participant | None,
        word: str = "",
        why: str = "",
    ) -> None:
        """Emit the event ``conference.<word>``, if a word is given, and notify the listener."""
        about = None if event == "end" else participant
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
        self.listener.notify(event, participant, why=why)
