"""The account's conferences: who may join which, and what the app may do to them.

A conference is known by its SID for ever, and by its name until it ends; then the name is free
for another. Error codes are those of Twilio's error dictionary.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, cast

from mediasim.exchange.call_control import CallControl
from mediasim.exchange.conference import Conference
from mediasim.exchange.dial import ConnectedCalls, attend
from mediasim.exchange.participant import (
    Beep,
    Music,
    Participant,
    ParticipantOptions,
    hold_music,
)
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.records import (
    CallRecord,
    ConferenceRecord,
    RecordingRecord,
    RecordingSource,
    UnknownSid,
)
from mediasim.twilio.conferencing.callbacks import ConferenceCallbacks
from mediasim.twilio.conferencing.participants import (
    check_participant,
    participant_asked_by,
    participant_record,
)
from mediasim.twilio.conferencing.playback import beside, entertain, sounds
from mediasim.twilio.errors import TwilioError, bad_parameter, not_found
from mediasim.twilio.requests import (
    CallRequest,
    ConferenceUpdate,
    ParticipantRequest,
    ParticipantUpdate,
    RecordingRequest,
    TwimlSource,
)
from mediasim.twilio.resources import ParticipantRecord
from mediasim.twilio.session import CallDocuments, CallSession
from mediasim.twilio.twiml import Verb
from mediasim.twilio.verbs.dial import Outcome, talk_options

__all__ = ["ConferenceManager"]

_BAD_ATTRIBUTES: Final = 16002
_NOBODY_TO_COACH: Final = 16028
_WRONG_STATUS: Final = 16099
_NOBODY_TO_WHISPER_TO: Final = 13240
_DEFAULT_EVENTS: Final = ("start", "end")
"""What is told of a conference that a participant is dialled into, unless more is asked for."""


@dataclass(frozen=True, slots=True)
class _Live:
    """A conference that has not ended, and who is told of it."""

    conference: Conference
    callbacks: ConferenceCallbacks


class ConferenceManager:
    """Every conference of the account."""

    def __init__(
        self, service: CallDocuments, create_call: Callable[[CallRequest], CallRecord]
    ) -> None:
        """``create_call`` calls somebody who is to take part."""
        self._service = service
        self._create_call = create_call
        self._live: dict[str, _Live] = {}
        """By SID, until it ends."""
        self._expected: dict[str, tuple[Conference, Participant]] = {}
        """Calls made to take part, by SID, until they are answered."""

    # -- Dial -------------------------------------------------------------------------------

    async def dial(self, session: CallSession, verb: Verb, noun: Verb, outcome: Outcome) -> None:
        """Take part as a noun asks. Raises CallEnded when the party hangs up."""
        session.answer()
        found = self._admit(session, noun)
        if found is None:
            return
        talk = ConnectedCalls(session, **talk_options(verb))
        try:
            await attend(talk, *found)
        finally:
            outcome.bridged, outcome.status = talk.bridged, talk.status

    async def take_part(self, session: CallSession) -> None:
        """Take part as REST asked when it made this call. Raises CallEnded likewise."""
        found = self._expected.pop(session.call.sid, None)
        if found is not None:
            await attend(ConnectedCalls(session), *found)

    def _admit(self, session: CallSession, noun: Verb) -> tuple[Conference, Participant] | None:
        """The participant that a noun asks for; None, and a note, where that cannot be."""
        ask = participant_asked_by(session, noun)
        name = noun.text.strip()
        live = self._named(name)
        try:
            if not name:
                raise bad_parameter("A conference needs a name", _BAD_ATTRIBUTES)
            check_participant(ask, _here(live), _NOBODY_TO_WHISPER_TO)
        except TwilioError as error:
            self._service.notify(session.call.sid, error.code, error.message, session.base)
            return None
        if live is None:
            live = self._open(name)
        url = noun.attribute("eventCallbackUrl")
        if url and not live.conference.participants:
            live.callbacks.event_callback_url = session.absolute(url)
        return live.conference, self._expect(live, session, ask)

    def _expect(self, live: _Live, session: CallSession, ask: ParticipantRequest) -> Participant:
        """The first to come decides who is told of the conference."""
        conference, callbacks = live.conference, live.callbacks
        if not conference.participants and not conference.joined:
            callbacks.send_to(ask.conference_callback)
        return conference.expect(session, self._options(live, ask))

    def _options(self, live: _Live, ask: ParticipantRequest) -> ParticipantOptions:
        recording = ask.conference_recording
        return ParticipantOptions(
            label=ask.label,
            muted=ask.muted,
            beep=cast(Beep, ask.beep),
            start_on_enter=ask.start_conference_on_enter,
            end_on_exit=ask.end_conference_on_exit,
            coaches=ask.coaching,
            wait=self._entertainment(live, ask.wait),
            record=None if recording is None else partial(self._record_as_asked, live, recording),
        )

    def _entertainment(self, live: _Live, script: TwimlSource | None) -> Music:
        """Music, nothing, or a document of the app's."""
        if script is None:
            return hold_music
        about = live.callbacks.about

        async def play(control: CallControl) -> None:
            assert isinstance(control, CallSession)
            await entertain(beside(control), script, about)

        return play

    def _record_as_asked(self, live: _Live, ask: RecordingRequest) -> LiveRecording:
        recording = self._record(live.conference, ask, "Conference")
        if ask.callback is None and live.callbacks.event_callback_url:
            live.callbacks.recorded_for_it = recording
        return recording

    def _record(
        self, conference: Conference, ask: RecordingRequest, source: RecordingSource
    ) -> LiveRecording:
        return self._service.recordings.start(
            conference.tracks,
            "conference",
            ask,
            source,
            call_sid=conference.joined[0].call.sid,
            conference_sid=conference.sid,
            friendly_name=conference.record.friendly_name,
        )

    def _open(self, name: str) -> _Live:
        exchange = self._service.exchange
        record = ConferenceRecord(
            sid=exchange.sids.new("CF"),
            account_sid=self._service.account.sid,
            friendly_name=name,
            created_ns=exchange.now_ns,
        )
        exchange.catalogue.add_conference(record)
        callbacks = ConferenceCallbacks(self._service, record, self._close)
        conference = Conference(
            exchange, self._service.room, record, listener=callbacks, spawn=self._service.spawn
        )
        self._live[record.sid] = live = _Live(conference, callbacks)
        return live

    def _close(self, sid: str) -> None:
        del self._live[sid]

    # -- finding ----------------------------------------------------------------------------

    def _named(self, name: str) -> _Live | None:
        live = self._live.values()
        return next((each for each in live if each.conference.record.friendly_name == name), None)

    def record(self, sid: str) -> ConferenceRecord:
        """The resource. Raises TwilioError (404) for a conference there is not."""
        try:
            return self._service.catalogue.conference(sid)
        except UnknownSid:
            raise not_found(f"{self._service.account_path}/Conferences/{sid}.json") from None

    def _active(self, sid: str) -> _Live:
        """Raises TwilioError for a conference there is not, or no more."""
        live = self._live.get(sid)
        if live is None:
            status = self.record(sid).status
            raise bad_parameter(f"Unexpected conference status: {sid} is {status}", _WRONG_STATUS)
        return live

    def _in_progress(self, sid: str) -> _Live:
        live = self._active(sid)
        if not live.conference.started:
            raise bad_parameter(
                f"Unexpected conference status: {sid} has not started", _WRONG_STATUS
            )
        return live

    def _found(self, sid: str, who: str) -> tuple[_Live, Participant]:
        """A participant by its call's SID or its label. Raises TwilioError (404)."""
        self.record(sid)
        live = self._live.get(sid)
        for participant in _here(live):
            if who in (participant.call.sid, participant.label):
                assert live is not None
                return live, participant
        path = f"{self._service.account_path}/Conferences/{sid}/Participants/{who}.json"
        raise not_found(path)

    def _announce(self, live: _Live, script: TwimlSource, to: Participant | None = None) -> None:
        session = (to or live.conference.participants[0]).control
        assert isinstance(session, CallSession)
        pieces = sounds(beside(session), script, live.callbacks.about())
        live.conference.announce(pieces, script.url or "", to)

    # -- REST: conferences ------------------------------------------------------------------

    def update_conference(self, sid: str, ask: ConferenceUpdate) -> ConferenceRecord:
        """POST /Conferences/{sid}: end it, or announce something to everybody."""
        record = self.record(sid)
        if ask.status not in (None, "", "completed"):
            raise bad_parameter(f"Invalid Status {ask.status}: completed")
        if ask.announce is not None:
            self._announce(self._in_progress(sid), ask.announce)
        if ask.status == "completed" and sid in self._live:
            self._live[sid].conference.end("conference-ended-via-api")
        record.updated_ns = self._service.now_ns
        return record

    def start_recording(self, sid: str, ask: RecordingRequest) -> RecordingRecord:
        """Record a conference in progress; it may be recorded more than once at a time."""
        conference = self._in_progress(sid).conference
        return self._record(conference, ask, "StartConferenceRecordingAPI").record

    def recordings(self, sid: str) -> list[RecordingRecord]:
        """Of a conference, oldest first."""
        return self._service.catalogue.recordings(conference=self.record(sid).sid)

    def current_recording(self, sid: str) -> RecordingRecord:
        """``Twilio.CURRENT`` of a conference: the only one under way."""
        self.record(sid)
        found = self._service.exchange.active_recordings(conference=sid)
        if len(found) > 1:
            raise bad_parameter(f"Conference {sid} has {len(found)} recordings in progress")
        if not found:
            path = f"{self._service.account_path}/Conferences/{sid}/Recordings"
            raise not_found(f"{path}/Twilio.CURRENT.json")
        return found[0].record

    # -- REST: participants -----------------------------------------------------------------

    def participants(self, sid: str) -> list[ParticipantRecord]:
        """Those there are now, on their way included, oldest first."""
        record = self.record(sid)
        return [participant_record(record, each) for each in _here(self._live.get(sid))]

    def participant(self, sid: str, who: str) -> ParticipantRecord:
        """By its call's SID or its label."""
        return participant_record(self.record(sid), self._found(sid, who)[1])

    async def create_participant(self, key: str, ask: ParticipantRequest) -> ParticipantRecord:
        """Dial somebody into a conference, given by SID, or by name, which may begin one.

        Returns at once; the call is queued.
        """
        live = self._live.get(key) or self._named(key)
        if live is None and re.fullmatch(r"CF[0-9a-f]{32}", key):
            live = self._active(key)
        check_participant(ask, _here(live), _NOBODY_TO_COACH)
        callback = ask.conference_callback
        if callback is not None and not callback.events:
            ask = replace(ask, conference_callback=replace(callback, events=_DEFAULT_EVENTS))
        service = self._service
        call = self._create_call(
            CallRequest(
                to=ask.to,
                from_=ask.from_,
                status_callback=ask.status_callback,
                timeout_seconds=ask.timeout_seconds,
                time_limit_seconds=ask.time_limit_seconds,
                recording=ask.recording,
                participant=ask,
            )
        )
        live = live or self._open(key)
        participant = self._expect(live, service.sessions[call.sid], ask)
        self._expected[call.sid] = (live.conference, participant)
        service.spawn(self._when_over(live.conference, participant))
        return participant_record(live.conference.record, participant)

    async def _when_over(self, conference: Conference, participant: Participant) -> None:
        """Somebody dialled who never came has left too."""
        await participant.call.ended.wait()
        if self._expected.pop(participant.call.sid, None) is not None:
            conference.leave(participant, "participant_add_failed")

    def update_participant(self, sid: str, who: str, ask: ParticipantUpdate) -> ParticipantRecord:
        """POST /Conferences/{sid}/Participants/{who}."""
        live, participant = self._found(sid, who)
        conference = live.conference
        coach = ask.call_sid_to_coach or participant.coaches
        coaching = ask.coaching if ask.coaching is not None else bool(ask.call_sid_to_coach)
        if coaching and not any(each.call.sid == coach for each in conference.inside):
            raise bad_parameter(
                f"The call to be coached, {coach}, is not in the conference", _NOBODY_TO_COACH
            )
        if ask.muted is not None:
            conference.mute(participant, ask.muted)
        if ask.hold is not None:
            music = self._entertainment(live, ask.hold_script)
            conference.hold(participant, ask.hold, music)
        if ask.announce is not None:
            self._announce(self._in_progress(sid), ask.announce, participant)
        if self._modify(live, participant, ask, coach):
            conference.modified(participant)
        participant.updated_ns = self._service.now_ns
        return participant_record(conference.record, participant)

    def _modify(
        self, live: _Live, participant: Participant, ask: ParticipantUpdate, coach: str | None
    ) -> bool:
        """Change what is no event of its own; returns whether anything was."""
        if ask.coaching is not None or ask.call_sid_to_coach is not None:
            participant.coaching = ask.coaching is not False
            participant.coaches = coach if participant.coaching else None
        if ask.beep_on_exit is not None:
            participant.beep_on_exit = ask.beep_on_exit
        if ask.end_conference_on_exit is not None:
            participant.end_on_exit = ask.end_conference_on_exit
        if ask.wait is not None:
            participant.wait = self._entertainment(live, ask.wait)
        asked = (ask.coaching, ask.call_sid_to_coach, ask.beep_on_exit, ask.end_conference_on_exit)
        return ask.wait is not None or any(each is not None for each in asked)

    def remove_participant(self, sid: str, who: str) -> None:
        """Kick: its call goes on with its document, one still ringing ends."""
        live, participant = self._found(sid, who)
        live.conference.leave(participant, "participant_updated_via_api", kicked=True)
        if self._expected.pop(participant.call.sid, None) is not None:
            participant.stop_dialling()


def _here(live: _Live | None) -> list[Participant]:
    """Those in a conference or on their way into it."""
    return live.conference.participants if live is not None else []
