"""The account's conferences: who may join which, and what the app may do to them.

A conference is known by its SID for ever, and by its name until it ends; then the name is free
for another. Error codes are those of Twilio's error dictionary.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mediasim.exchange.catalogue import UnknownSid
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.records import ConferenceRecord, RecordingRecord
from mediasim.twilio.asks import (
    CallRequest,
    ConferenceUpdate,
    ParticipantRequest,
    ParticipantUpdate,
    RecordingRequest,
    Script,
)
from mediasim.twilio.conferencing.conference import Conference
from mediasim.twilio.conferencing.noun import participant_asked_by
from mediasim.twilio.conferencing.participant import Participant
from mediasim.twilio.errors import TwilioError, bad_parameter, not_found
from mediasim.twilio.resources import ParticipantRecord
from mediasim.twilio.session import CallEnded, CallSession
from mediasim.twilio.twiml import Verb
from mediasim.twilio.verbs.bridge import Outcome, stay

if TYPE_CHECKING:
    from mediasim.twilio.service import Service

__all__ = ["ConferenceDesk"]

_BAD_ATTRIBUTES: Final = 16002
_FULL: Final = 16020
_BAD_LABEL: Final = 16023
_LABEL_TAKEN: Final = 16025
_NOBODY_TO_COACH: Final = 16028
_WRONG_STATUS: Final = 16099
_NOBODY_TO_WHISPER_TO: Final = 13240
_LONGEST_LABEL: Final = 128
_DEFAULT_EVENTS: Final = ("start", "end")
"""What is told of a conference that a participant is dialled into, unless more is asked for."""
_JOIN: Final = "<Response><Dial><Conference>as asked</Conference></Dial></Response>"
"""The document of a call made to take part: the desk knows what was asked of it."""


class ConferenceDesk:
    """Every conference of the account."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._live: dict[str, Conference] = {}
        """By SID, until it ends."""
        self._expected: dict[str, tuple[Conference, Participant]] = {}
        """Calls made to take part, by SID, until they are answered."""

    # -- Dial -------------------------------------------------------------------------------

    async def dial(self, session: CallSession, verb: Verb, noun: Verb, outcome: Outcome) -> None:
        """Take part until the party hangs up (CallEnded), is let go, or the conference ends."""
        session.answer()
        found = self._expected.pop(session.call.sid, None)
        if found is None:
            found = self._admit(session, noun)
        if found is None:
            return
        conference, participant = found
        if participant.released.is_set():
            return
        outcome.bridged = True
        outcome.status = "answered"
        try:
            conference.join(participant)
            await stay(session, verb, participant.released.wait())
        except CallEnded:
            outcome.status = "completed"
            hung_up = session.call.leaving
            conference.leave(
                participant, "participant_hung_up" if hung_up else "participant_updated_via_api"
            )
            raise
        except asyncio.CancelledError:
            conference.leave(participant, "participant_updated_via_api")
            raise
        conference.leave(participant, "participant_hung_up")
        if participant.refused:
            outcome.bridged = False
            outcome.status = "failed"

    def _admit(self, session: CallSession, noun: Verb) -> tuple[Conference, Participant] | None:
        """The participant that a noun asks for; None, and a note, where that cannot be."""
        ask = participant_asked_by(session, noun)
        name = noun.text.strip()
        conference = self._named(name)
        try:
            if not name:
                raise bad_parameter("A conference needs a name", _BAD_ATTRIBUTES)
            self._check(conference, ask, _NOBODY_TO_WHISPER_TO)
        except TwilioError as error:
            self._service.notify(session.call.sid, error.code, error.message, session.base)
            return None
        if conference is None:
            conference = self._open(name)
        url = noun.attribute("eventCallbackUrl")
        if url and not conference.participants:
            conference.event_callback_url = session.absolute(url)
        participant = self._participant(conference, session, ask)
        conference.expect(participant)
        return conference, participant

    def _check(
        self, conference: Conference | None, ask: ParticipantRequest, nobody_to_coach: int
    ) -> None:
        """Raises TwilioError for somebody who cannot take part as asked."""
        label = ask.label
        here = conference.participants if conference is not None else []
        if label is not None:
            wrong = re.fullmatch(r"CA[0-9a-f]{32}", label) or "/" in label or "%2F" in label
            if wrong or len(label) > _LONGEST_LABEL:
                raise bad_parameter(
                    f"Participant label {label!r} is not valid: at most {_LONGEST_LABEL} "
                    "characters, no call SID, no '/'",
                    _BAD_LABEL,
                )
            if any(each.record.label == label for each in here):
                raise bad_parameter(f"Participant label {label!r} is in use", _LABEL_TAKEN)
        if ask.coaching is not None and not any(each.sid == ask.coaching for each in here):
            raise bad_parameter(
                f"The call to be coached, {ask.coaching}, is not in the conference", nobody_to_coach
            )
        if len(here) >= ask.max_participants:
            raise bad_parameter("The conference has as many participants as it may", _FULL)

    def _participant(
        self, conference: Conference, session: CallSession, ask: ParticipantRequest
    ) -> Participant:
        record = ParticipantRecord(
            account_sid=self._service.account.sid,
            conference_sid=conference.sid,
            call_sid=session.call.sid,
            created_ns=self._service.now_ns,
            label=ask.label,
            muted=ask.muted,
            coaching=ask.coaching is not None,
            call_sid_to_coach=ask.coaching,
            start_conference_on_enter=ask.start_conference_on_enter,
            end_conference_on_exit=ask.end_conference_on_exit,
        )
        return Participant(session, record, ask)

    def _open(self, name: str) -> Conference:
        exchange = self._service.exchange
        record = ConferenceRecord(
            sid=exchange.sids.new("CF"),
            account_sid=self._service.account.sid,
            friendly_name=name,
            created_ns=exchange.now_ns,
        )
        exchange.catalogue.add_conference(record)
        conference = Conference(self._service, record, self._close)
        self._live[record.sid] = conference
        return conference

    def _close(self, conference: Conference) -> None:
        del self._live[conference.sid]

    def stand_aside(self, call: LiveCall, aside: bool) -> bool:
        """A party's own telephone holds the conference, or resumes; False: it is in none."""
        for conference in self._live.values():
            for participant in conference.inside:
                if participant.call is call:
                    conference.stand_aside(participant, aside)
                    return True
        return False

    # -- finding ----------------------------------------------------------------------------

    def _named(self, name: str) -> Conference | None:
        found = (each for each in self._live.values() if each.record.friendly_name == name)
        return next(found, None)

    def record(self, sid: str) -> ConferenceRecord:
        """The resource. Raises TwilioError (404) for a conference there is not."""
        try:
            return self._service.catalogue.conference(sid)
        except UnknownSid:
            raise not_found(f"{self._service.account_path}/Conferences/{sid}.json") from None

    def _under_way(self, sid: str) -> Conference:
        """Raises TwilioError for a conference there is not, or no more."""
        live = self._live.get(sid)
        if live is None:
            status = self.record(sid).status
            raise bad_parameter(f"Unexpected conference status: {sid} is {status}", _WRONG_STATUS)
        return live

    def _in_progress(self, sid: str) -> Conference:
        conference = self._under_way(sid)
        if not conference.started:
            raise bad_parameter(
                f"Unexpected conference status: {sid} has not started", _WRONG_STATUS
            )
        return conference

    def _found(self, sid: str, who: str) -> tuple[Conference, Participant]:
        """A participant by its call's SID or its label. Raises TwilioError (404)."""
        self.record(sid)
        conference = self._live.get(sid)
        for participant in conference.participants if conference is not None else ():
            if who in (participant.sid, participant.record.label):
                assert conference is not None
                return conference, participant
        path = f"{self._service.account_path}/Conferences/{sid}/Participants/{who}.json"
        raise not_found(path)

    # -- REST: conferences ------------------------------------------------------------------

    def update_conference(self, sid: str, ask: ConferenceUpdate) -> ConferenceRecord:
        """POST /Conferences/{sid}: end it, or announce something to everybody."""
        record = self.record(sid)
        if ask.status not in (None, "", "completed"):
            raise bad_parameter(f"Invalid Status {ask.status}: completed")
        if ask.announce is not None:
            self._in_progress(sid).announce(ask.announce)
        if ask.status == "completed" and sid in self._live:
            self._live[sid].end("conference-ended-via-api")
        record.updated_ns = self._service.now_ns
        return record

    def start_recording(self, sid: str, ask: RecordingRequest) -> RecordingRecord:
        """Record a conference in progress; it may be recorded more than once at a time."""
        return self._in_progress(sid).taping.start(ask).record

    def recordings(self, sid: str) -> list[RecordingRecord]:
        """Of a conference, oldest first."""
        return self._service.catalogue.recordings(conference=self.record(sid).sid)

    def current_recording(self, sid: str) -> RecordingRecord:
        """``Twilio.CURRENT`` of a conference: the only one under way."""
        self.record(sid)
        found = self._service.recordings.under_way(conference=sid)
        if len(found) > 1:
            raise bad_parameter(f"Conference {sid} has {len(found)} recordings in progress")
        if not found:
            path = f"{self._service.account_path}/Conferences/{sid}/Recordings"
            raise not_found(f"{path}/Twilio.CURRENT.json")
        return found[0].record

    # -- REST: participants -----------------------------------------------------------------

    def participants(self, sid: str) -> list[ParticipantRecord]:
        """Those there are now, on their way included, oldest first."""
        self.record(sid)
        conference = self._live.get(sid)
        here = conference.participants if conference is not None else ()
        return [participant.brought_up_to_date() for participant in here]

    def participant(self, sid: str, who: str) -> ParticipantRecord:
        """By its call's SID or its label."""
        return self._found(sid, who)[1].brought_up_to_date()

    async def create_participant(self, key: str, ask: ParticipantRequest) -> ParticipantRecord:
        """Dial somebody into a conference, given by SID, or by name, which may begin one.

        Returns at once; the call is queued.
        """
        conference = self._live.get(key) or self._named(key)
        if conference is None and re.fullmatch(r"CF[0-9a-f]{32}", key):
            conference = self._under_way(key)
        self._check(conference, ask, _NOBODY_TO_COACH)
        callback = ask.conference_callback
        if callback is not None and not callback.events:
            ask = replace(ask, conference_callback=replace(callback, events=_DEFAULT_EVENTS))
        service = self._service
        call = service.create_call(
            CallRequest(
                to=ask.to,
                from_=ask.from_,
                script=Script(twiml=_JOIN),
                status_callback=ask.status_callback,
                timeout_seconds=ask.timeout_seconds,
                time_limit_seconds=ask.time_limit_seconds,
                recording=ask.recording,
            )
        )
        conference = conference or self._open(key)
        session = service.sessions[call.sid]
        participant = self._participant(conference, session, ask)
        conference.expect(participant)
        self._expected[call.sid] = (conference, participant)
        service.spawn(self._when_over(conference, participant))
        return participant.brought_up_to_date()

    async def _when_over(self, conference: Conference, participant: Participant) -> None:
        """Somebody dialled who never came has left too."""
        await participant.call.ended.wait()
        if self._expected.pop(participant.sid, None) is not None:
            conference.leave(participant, "participant_add_failed")

    def update_participant(self, sid: str, who: str, ask: ParticipantUpdate) -> ParticipantRecord:
        """POST /Conferences/{sid}/Participants/{who}."""
        conference, participant = self._found(sid, who)
        record = participant.record
        coach = ask.call_sid_to_coach or record.call_sid_to_coach
        coaching = ask.coaching if ask.coaching is not None else bool(ask.call_sid_to_coach)
        if coaching and not any(each.sid == coach for each in conference.inside):
            raise bad_parameter(
                f"The call to be coached, {coach}, is not in the conference", _NOBODY_TO_COACH
            )
        if ask.muted is not None:
            conference.mute(participant, ask.muted)
        if ask.hold is not None:
            conference.hold(participant, ask.hold, ask.hold_script)
        if ask.announce is not None:
            self._in_progress(sid).announce(ask.announce, participant)
        if self._modify(participant, ask, coach):
            conference.modified(participant)
        record.updated_ns = self._service.now_ns
        return participant.brought_up_to_date()

    @staticmethod
    def _modify(participant: Participant, ask: ParticipantUpdate, coach: str | None) -> bool:
        """Change what is no event of its own; returns whether anything was."""
        record = participant.record
        if ask.coaching is not None or ask.call_sid_to_coach is not None:
            record.coaching = ask.coaching is not False
            record.call_sid_to_coach = coach if record.coaching else None
        if ask.beep_on_exit is not None:
            participant.beep_on_exit = ask.beep_on_exit
        if ask.end_conference_on_exit is not None:
            record.end_conference_on_exit = ask.end_conference_on_exit
        if ask.wait is not None:
            participant.wait = ask.wait
        asked = (ask.coaching, ask.call_sid_to_coach, ask.beep_on_exit, ask.end_conference_on_exit)
        return ask.wait is not None or any(each is not None for each in asked)

    def remove_participant(self, sid: str, who: str) -> None:
        """Kick: its call goes on with its document, one still ringing ends."""
        conference, participant = self._found(sid, who)
        conference.leave(participant, "participant_updated_via_api", kicked=True)
        if self._expected.pop(participant.sid, None) is not None:
            participant.stop_dialling()
