"""A conference under way: who is in it, who hears whom, and what the app is told of it.

It waits until two calls are inside of which one starts it (Twilio docs, TwiML Conference, event
``start``); until then each hears its wait music. It ends when the last call has left, when one
leaves that ends it, or when the app says so. Recordings hold what the members hear, beeps and
announcements included, and not what a muted or coaching member says.

A simulated party that has nothing more to do stays until that is true of all of them, and of
what the app has under way: calls on their way here, announcements.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from mediasim.exchange.events import ConferenceEvent
from mediasim.exchange.records import ConferenceRecord, EndReason
from mediasim.twilio.asks import Script
from mediasim.twilio.conferencing.announcer import Announcer
from mediasim.twilio.conferencing.callbacks import ConferenceCallbacks
from mediasim.twilio.conferencing.participant import LeaveReason, Participant
from mediasim.twilio.conferencing.playback import Unavailable, beside, entertain
from mediasim.twilio.conferencing.speaking import follow_speech
from mediasim.twilio.conferencing.taping import Taping
from mediasim.twilio.conferencing.voice import ConferenceVoice
from mediasim.twilio.session import CallEnded
from mediasim.twilio.status import Params

if TYPE_CHECKING:
    from mediasim.twilio.service import Service

__all__ = ["Conference"]


class Conference:
    """One conference, from its first participant to its last."""

    def __init__(
        self,
        service: Service,
        record: ConferenceRecord,
        ended: Callable[[Conference], None],
    ) -> None:
        self.record = record
        self.participants: list[Participant] = []
        """Inside or on their way, in order of coming."""
        self.event_callback_url = ""
        self._service = service
        self._exchange = service.exchange
        self._room = service.room
        self._ended = ended
        self._callbacks = ConferenceCallbacks(service, record)
        self._voice = ConferenceVoice(service.exchange, service.room, record.sid)
        self._announcer = Announcer(service.exchange, self._voice, self._hearers)
        self._joined: list[Participant] = []
        """Everybody who ever joined, in order."""
        self.taping = Taping(service, record, self._voice, self._joined, self._hearers)
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

    def expect(self, participant: Participant) -> None:
        """Its call is on its way. The first to come decides who is told of the conference."""
        if not self.participants and not self._joined:
            self._callbacks.send_to(participant.ask.conference_callback)
        self.participants.append(participant)

    def join(self, participant: Participant) -> None:
        """Its call is here."""
        if participant not in self.participants:
            self.expect(participant)
        participant.inside = True
        self._joined.append(participant)
        self._emit("joined", participant)
        self._tell("participant-join", participant)
        inside = self.inside
        begins = len(inside) > 1 and any(each.record.start_conference_on_enter for each in inside)
        if not self.started and begins:
            self.record.move("in-progress", self._exchange.now_ns)
            self._emit("started")
            self._tell("conference-start")
        self._arrange()
        if self.started:
            self.taping.start_as_asked()
            if participant.beep_on_enter:
                self._announcer.beep(but=participant)
        session = participant.session
        session.behave()
        if session.scripted:
            session.spawn(self._when_done(participant))
        if self._callbacks.wanted("speaker"):
            participant.listening = session.spawn(
                follow_speech(
                    participant.call,
                    lambda word: self._tell(f"participant-speech-{word}", participant),
                )
            )

    def leave(self, participant: Participant, reason: LeaveReason, *, kicked: bool = False) -> None:
        """It is no longer here; nothing happens if it had left before."""
        if participant not in self.participants:
            return
        was_inside = participant.inside
        self._take_out(participant, reason)
        if was_inside and participant.record.end_conference_on_exit:
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
                self._announcer.beep()
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
        if participant.inside:
            participant.inside = False
            self._emit("left", participant)
        more: Params = [
            ("ReasonParticipantLeft", reason),
            ("ParticipantCallStatus", call.record.status),
        ]
        self._tell("participant-leave", participant, more)

    def end(self, reason: EndReason, by: Participant | None = None) -> None:
        """Everybody goes; what was recorded is published once all have been told."""
        if self.over:
            return
        halted = self.taping.halt()
        left: LeaveReason = (
            "conference_ended_via_api"
            if reason == "conference-ended-via-api"
            else "moderator_ended_conference"
        )
        for participant in list(self.participants):
            self._take_out(participant, left)
            participant.stop_dialling()
        self.record.reason_ended = reason
        self.record.call_sid_ending = by.sid if by is not None else None
        self.record.move("completed", self._exchange.now_ns)
        self._emit("ended")
        self._callbacks.ended(by.record.label if by is not None else None)
        self._voice.close()
        self._ended(self)
        for recording in halted:
            recording.publish()
        if self.event_callback_url and self.taping.untold is not None:
            self._callbacks.recorded(self.event_callback_url, self.taping.untold)

    # -- who hears whom ---------------------------------------------------------------------

    def _joins_in(self, participant: Participant) -> bool:
        """Whether it hears the conference: inside, not on hold, once that has started."""
        away = participant.record.hold or participant.aside
        return self.started and participant.inside and not away

    def _hearers(self) -> list[Participant]:
        return [each for each in self.inside if self._joins_in(each)]

    def _arrange(self) -> None:
        """Put everybody where it belongs."""
        for participant in self.inside:
            if participant.call.active:
                self._place(participant)
        self._exchange.follow_recordings(self._room)

    def _place(self, participant: Participant) -> None:
        leg, muted = participant.call.leg, participant.unheard
        joins_in = self._joins_in(participant)
        key = self.sid if joins_in else None
        if (leg.conference, leg.muted) != (key, muted):
            self._room.confer(leg, key, muted=muted)
        coaches = tuple(
            other.call.leg
            for other in (self._hearers() if joins_in else ())
            if other.call.active
            and other.record.coaching
            and not other.record.muted
            and other.record.call_sid_to_coach == participant.sid
        )
        if leg.hears != coaches:
            self._room.hear(leg, *coaches)
        if joins_in or (participant.aside and not participant.record.hold):
            self._stop_entertaining(participant)
        elif participant.entertainment is None:
            held = participant.record.hold
            script = participant.hold_script if held else participant.wait
            participant.entertainment = participant.session.spawn(
                self._entertain(participant, script)
            )

    async def _entertain(self, participant: Participant, script: Script | None) -> None:
        try:
            await entertain(beside(participant.session), script, self._subject)
        except CallEnded:
            return
        except Unavailable:
            if not participant.record.hold:  # Twilio: it is then not let in
                participant.refused = True
                participant.released.set()

    def _stop_entertaining(self, participant: Participant) -> None:
        if participant.entertainment is not None:
            participant.entertainment.cancel()
            participant.entertainment = None

    # -- what the app changes ---------------------------------------------------------------

    def mute(self, participant: Participant, muted: bool) -> None:
        """Let the conference not hear it, or hear it again."""
        if muted == participant.record.muted:
            return
        participant.record.muted = muted
        self._arrange()
        word = "muted" if muted else "unmuted"
        self._emit(word, participant)
        self._tell("participant-mute" if muted else "participant-unmute", participant)

    def hold(self, participant: Participant, held: bool, script: Script | None) -> None:
        """Put it on hold, with music of its own, or take it off."""
        changed = held != participant.record.hold
        participant.record.hold = held
        participant.hold_script = script
        self._stop_entertaining(participant)
        self._arrange()
        if changed:
            name = participant.call.party.name
            if held:
                participant.call.tell("held", f"{name} is on hold")
            else:
                participant.call.tell("resumed", f"{name} is off hold")
            self._tell("participant-hold" if held else "participant-unhold", participant)

    def stand_aside(self, participant: Participant, aside: bool) -> None:
        """Its party holds the conference, hearing and saying nothing, or is back."""
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
        self._tell("participant-modify", participant)

    def announce(self, script: Script, to: Participant | None = None) -> None:
        """Play a document's sounds to everybody, or to one alone; returns at once."""
        self._service.spawn(self._announce(script, to))

    async def _announce(self, script: Script, to: Participant | None) -> None:
        session = beside((to or self.participants[0]).session)
        told: Params = [("AnnounceUrl", script.url or "")]
        event = "announcement-end"
        try:
            await self._announcer.announce(session, script, self._subject(), to)
        except (Unavailable, CallEnded) as error:
            event = "announcement-fail"
            told.append(("ReasonAnnouncementFailed", f"cannot be played: {error}"))
        self._tell(event, to if to is not None and to.inside else None, told)
        self._settle()

    # -- when nobody has anything more to do ------------------------------------------------

    async def _when_done(self, participant: Participant) -> None:
        await participant.session.behaved()
        participant.done = True
        self._settle()

    def _all_done(self) -> bool:
        if not self.started or self._announcer.busy or len(self.inside) < len(self.participants):
            return False
        scripted = [each for each in self.inside if each.session.scripted]
        return bool(scripted) and all(each.done for each in scripted)

    def _settle(self) -> None:
        if self._parting is None and self._all_done():
            self._parting = self._service.spawn(self._part())

    async def _part(self) -> None:
        """Parties hang up a moment after the last of them has finished."""
        scripted = [each.session for each in self.inside if each.session.scripted]
        await asyncio.gather(*(session.linger() for session in scripted))
        self._parting = None
        if self._all_done():
            await asyncio.gather(*(session.call.hang_up() for session in scripted))

    # -- telling ----------------------------------------------------------------------------

    def _subject(self) -> Params:
        return [("ConferenceSid", self.sid), ("FriendlyName", self.record.friendly_name)]

    def _emit(self, word: str, participant: Participant | None = None) -> None:
        name = participant.call.party.name if participant is not None else "the conference"
        self._exchange.events.emit(
            ConferenceEvent(
                at_ns=self._exchange.now_ns,
                kind=f"conference.{word}",
                text=f"{name} {word}",
                conference_sid=self.sid,
                call_sid=participant.sid if participant is not None else None,
            )
        )

    def _tell(
        self, event: str, participant: Participant | None = None, more: Params | None = None
    ) -> None:
        about = participant.params() if participant is not None else []
        self._callbacks.tell(event, about + (more or []))
