"""The conferences of an account: joining them by TwiML, and changing them by REST.

A conference is found by its SID for ever, and by its name until it ends; then the name is free
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
    participant_record,
    participant_request,
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
from mediasim.twilio.verbs.dial import DialVerbRecording, Outcome, talk_options

__all__ = ["ConferenceManager"]

_BAD_NAME: Final = 13237
_LONGEST_NAME: Final = 128
_COACHED_NOT_FOUND: Final = 16028
_WRONG_STATUS: Final = 16099
_COACHED_NOT_FOUND_BY_TWIML: Final = 13240
_DEFAULT_EVENTS: Final = ("start", "end")
"""Events reported of a conference that a participant is dialled into, unless others are given."""


@dataclass(frozen=True, slots=True)
class _Live:
    """An active conference and its callbacks."""

    conference: Conference
    callbacks: ConferenceCallbacks


class ConferenceManager:
    """All conferences of the account."""

    def __init__(
        self, account: CallDocuments, create_call: Callable[[CallRequest], CallRecord]
    ) -> None:
        """Manage the conferences of an account; ``create_call`` calls new participants."""
        self._account = account
        self._create_call = create_call
        self._live: dict[str, _Live] = {}
        """Active conferences by SID."""
        self._expected: dict[str, tuple[Conference, Participant]] = {}
        """Conferences and participants of dialled calls that are not answered yet, by call SID."""

    # -- Dial -------------------------------------------------------------------------------

    async def dial(self, session: CallSession, verb: Verb, noun: Verb, outcome: Outcome) -> None:
        """Take part as a Conference noun requests. Raises CallEnded if the party hangs up."""
        session.answer()
        found = self._admit(session, noun)
        if found is None:
            return
        recording = DialVerbRecording(session, verb)
        talk = ConnectedCalls(session, recording=recording, **talk_options(verb))
        try:
            with talk.recording():
                await attend(talk, *found)
        finally:
            outcome.bridged, outcome.status = talk.bridged, talk.status
            outcome.recording = recording.recording

    async def take_part(self, session: CallSession) -> None:
        """Take part as the REST request for this call said. Raises CallEnded on a hang-up."""
        found = self._expected.pop(session.call.sid, None)
        if found is not None:
            await attend(ConnectedCalls(session), *found)

    def _admit(self, session: CallSession, noun: Verb) -> tuple[Conference, Participant] | None:
        """Create the participant of a noun; return None, after a notification, if it may not."""
        request = participant_request(session, noun)
        name = noun.text.strip()
        live = self._named(name)
        try:
            if not 1 <= len(name) <= _LONGEST_NAME:
                words = (
                    f"Dial->Conference: Invalid Conference Name: 1 to {_LONGEST_NAME} characters"
                )
                raise bad_parameter(words, _BAD_NAME)
            check_participant(request, _participants(live), _COACHED_NOT_FOUND_BY_TWIML)
        except TwilioError as error:
            session.refused(error)
            return None
        if live is None:
            live = self._open(name)
        url = noun.attribute("eventCallbackUrl")
        if url and not live.conference.participants:
            live.callbacks.event_callback_url = session.absolute(url)
        return live.conference, self._expect(live, session, request)

    def _expect(
        self, live: _Live, session: CallSession, request: ParticipantRequest
    ) -> Participant:
        """Add a participant; the first of a conference decides its callback."""
        conference, callbacks = live.conference, live.callbacks
        if not conference.participants and not conference.joined:
            callbacks.send_to(request.conference_callback)
        return conference.expect(session, self._options(live, request))

    def _options(self, live: _Live, request: ParticipantRequest) -> ParticipantOptions:
        recording = request.conference_recording
        return ParticipantOptions(
            label=request.label,
            muted=request.muted,
            beep=cast(Beep, request.beep),
            start_on_enter=request.start_conference_on_enter,
            end_on_exit=request.end_conference_on_exit,
            coaches=request.coaching,
            wait=self._entertainment(live, request.wait),
            record=None if recording is None else partial(self._record_from_start, live, recording),
        )

    def _entertainment(self, live: _Live, source: TwimlSource | None) -> Music:
        """Return what plays hold music, nothing or a document of the app."""
        if source is None:
            return hold_music
        about = live.callbacks.about

        async def play(control: CallControl) -> None:
            assert isinstance(control, CallSession)
            await entertain(beside(control), source, about)

        return play

    def _record_from_start(self, live: _Live, request: RecordingRequest) -> LiveRecording:
        recording = self._record(live.conference, request, "Conference")
        if request.callback is None and live.callbacks.event_callback_url:
            live.callbacks.recorded_for_it = recording
        return recording

    def _record(
        self, conference: Conference, request: RecordingRequest, source: RecordingSource
    ) -> LiveRecording:
        return self._account.recordings.start(
            conference.tracks,
            "conference",
            request,
            source,
            call_sid=conference.joined[0].call.sid,
            conference_sid=conference.sid,
            friendly_name=conference.record.friendly_name,
        )

    def _open(self, name: str) -> _Live:
        exchange = self._account.exchange
        record = ConferenceRecord(
            sid=exchange.sids.new("CF"),
            account_sid=self._account.sid,
            friendly_name=name,
            created_ns=exchange.now_ns,
        )
        exchange.catalogue.add_conference(record)
        callbacks = ConferenceCallbacks(self._account, record, self._close)
        conference = Conference(
            exchange, self._account.room, record, listener=callbacks, spawn=self._account.spawn
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
        """Return the record of a conference. Raises TwilioError (404) if there is none."""
        try:
            return self._account.catalogue.conference(sid)
        except UnknownSid:
            raise not_found(f"{self._account.account_path}/Conferences/{sid}.json") from None

    def _active(self, sid: str) -> _Live:
        """Return an active conference. Raises TwilioError if there is none or it has ended."""
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

    def found(self, sid: str, who: str) -> tuple[_Live, Participant]:
        """Find a participant by its call's SID or its label. Raises TwilioError (404) if none."""
        self.record(sid)
        live = self._live.get(sid)
        for participant in _participants(live):
            if who in (participant.call.sid, participant.label):
                assert live is not None
                return live, participant
        path = f"{self._account.account_path}/Conferences/{sid}/Participants/{who}.json"
        raise not_found(path)

    def _announce(self, live: _Live, source: TwimlSource, to: Participant | None = None) -> None:
        session = (to or live.conference.participants[0]).control
        assert isinstance(session, CallSession)
        pieces = sounds(beside(session), source, live.callbacks.about())
        live.conference.announce(pieces, source.url or "", to)

    # -- REST: conferences ------------------------------------------------------------------

    def update_conference(self, sid: str, request: ConferenceUpdate) -> ConferenceRecord:
        """End a conference, or play an announcement to all: POST /Conferences/{sid}.

        Raises TwilioError if a parameter is wrong, or an announcement is not possible.
        """
        record = self.record(sid)
        if request.status not in (None, "", "completed"):
            raise bad_parameter(f"Invalid Status {request.status}: completed")
        if request.announce is not None:
            self._announce(self._in_progress(sid), request.announce)
        if request.status == "completed" and sid in self._live:
            self._live[sid].conference.end("conference-ended-via-api")
        record.updated_ns = self._account.now_ns
        return record

    def start_recording(self, sid: str, request: RecordingRequest) -> RecordingRecord:
        """Start a recording of a conference in progress; several at a time are allowed."""
        conference = self._in_progress(sid).conference
        return self._record(conference, request, "StartConferenceRecordingAPI").record

    def current_recording(self, sid: str) -> RecordingRecord:
        """Return the only active recording of a conference, ``Twilio.CURRENT``.

        Raises TwilioError if there is none, or more than one.
        """
        self.record(sid)
        found = self._account.exchange.active_recordings(conference=sid)
        return self._account.recordings.only(found, f"Conferences/{sid}")

    # -- REST: participants -----------------------------------------------------------------

    def participants(self, sid: str) -> list[ParticipantRecord]:
        """Return the participants, those that are being dialled included, oldest first."""
        record = self.record(sid)
        return [participant_record(record, each) for each in _participants(self._live.get(sid))]

    def participant(self, sid: str, who: str) -> ParticipantRecord:
        """Return a participant by its call's SID or its label. Raises TwilioError (404) if none."""
        return participant_record(self.record(sid), self.found(sid, who)[1])

    async def create_participant(self, key: str, request: ParticipantRequest) -> ParticipantRecord:
        """Dial a participant into a conference, given by its SID or its name.

        A name that no active conference has begins one. Returns at once; the call is queued. Raises
        TwilioError if the participant may not join, or the call cannot be placed.
        """
        live = self._live.get(key) or self._named(key)
        # A SID without an active conference is an error, and no name for a new one.
        if live is None and re.fullmatch(r"CF[0-9a-f]{32}", key):
            live = self._active(key)
        check_participant(request, _participants(live), _COACHED_NOT_FOUND)
        callback = request.conference_callback
        if callback is not None and not callback.events:
            request = replace(
                request, conference_callback=replace(callback, events=_DEFAULT_EVENTS)
            )
        account = self._account
        call = self._create_call(
            CallRequest(
                to=request.to,
                from_=request.from_,
                sip_user=request.sip_user,
                status_callback=request.status_callback,
                timeout_seconds=request.timeout_seconds,
                time_limit_seconds=request.time_limit_seconds,
                recording=request.recording,
                participant=request,
                machine_detection=request.machine_detection,
            )
        )
        # Only now, so that a call that is refused leaves no conference behind.
        live = live or self._open(key)
        participant = self._expect(live, account.sessions[call.sid], request)
        self._expected[call.sid] = (live.conference, participant)
        account.spawn(self._when_over(live.conference, participant))
        return participant_record(live.conference.record, participant, str(call.queue_ms))

    async def _when_over(self, conference: Conference, participant: Participant) -> None:
        """Remove a dialled participant whose call ends without being answered."""
        await participant.call.ended.wait()
        if self._expected.pop(participant.call.sid, None) is not None:
            conference.leave(participant, "participant_add_failed")

    def update_participant(
        self, sid: str, who: str, request: ParticipantUpdate
    ) -> ParticipantRecord:
        """Change a participant: POST /Conferences/{sid}/Participants/{who}.

        Raises TwilioError if there is none, or the call to be coached is not in the conference.
        """
        live, participant = self.found(sid, who)
        conference = live.conference
        coach = request.call_sid_to_coach or participant.coaches
        coaching = (
            request.coaching if request.coaching is not None else bool(request.call_sid_to_coach)
        )
        if coaching and not any(each.call.sid == coach for each in conference.inside):
            raise bad_parameter(
                f"The call to be coached, {coach}, is not in the conference", _COACHED_NOT_FOUND
            )
        if request.muted is not None:
            conference.mute(participant, request.muted)
        if request.hold is not None:
            music = self._entertainment(live, request.hold_source)
            conference.hold(participant, request.hold, music)
        if request.announce is not None:
            self._announce(self._in_progress(sid), request.announce, participant)
        if self._modify(live, participant, request, coach):
            conference.modified(participant)
        participant.updated_ns = self._account.now_ns
        return participant_record(conference.record, participant)

    def _modify(
        self, live: _Live, participant: Participant, request: ParticipantUpdate, coach: str | None
    ) -> bool:
        """Change the settings that have no event of their own; return whether any was given."""
        if request.coaching is not None or request.call_sid_to_coach is not None:
            participant.coaching = request.coaching is not False
            participant.coaches = coach if participant.coaching else None
        if request.beep_on_exit is not None:
            participant.beep_on_exit = request.beep_on_exit
        if request.end_conference_on_exit is not None:
            participant.end_on_exit = request.end_conference_on_exit
        if request.wait is not None:
            participant.wait = self._entertainment(live, request.wait)
        given = (
            request.coaching,
            request.call_sid_to_coach,
            request.beep_on_exit,
            request.end_conference_on_exit,
        )
        return request.wait is not None or any(each is not None for each in given)

    def remove_participant(self, sid: str, who: str) -> None:
        """Remove a participant; its call goes on with its document, or ends if it still rings."""
        live, participant = self.found(sid, who)
        live.conference.leave(participant, "participant_updated_via_api", kicked=True)
        if self._expected.pop(participant.call.sid, None) is not None:
            participant.stop_dialling()


def _participants(live: _Live | None) -> list[Participant]:
    """Return the participants of a conference, those that are being dialled included."""
    return live.conference.participants if live is not None else []
