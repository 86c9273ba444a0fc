"""The account: every operation that an app can request, over one exchange.

All methods run on the engine's loop. They raise :class:`TwilioError` for what Twilio refuses.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import logging
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from typing import Any, Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import Answering, Directory, Phone
from mediasim.exchange.records import CallRecord, Direction, RecordingRecord
from mediasim.exchange.states import CALL
from mediasim.net.stream_port import StreamPort
from mediasim.twilio.account_parts import ResourceList
from mediasim.twilio.call_updates import update_session
from mediasim.twilio.caller_ids import CallerIdManager
from mediasim.twilio.conferencing import ConferenceManager, QueueManager
from mediasim.twilio.errors import (
    TwilioError,
    bad_parameter,
    not_complete,
    not_in_progress,
    unavailable,
)
from mediasim.twilio.insights import InsightsManager
from mediasim.twilio.machine_detection import detect, with_detection
from mediasim.twilio.message_replies import MessageReplies
from mediasim.twilio.messages import MessageManager
from mediasim.twilio.own_numbers import OwnNumbers
from mediasim.twilio.relay.manager import RelayManager
from mediasim.twilio.requests import (
    Callback,
    CallRequest,
    CallUpdate,
    DialRequest,
    RecordingRequest,
)
from mediasim.twilio.resources import (
    AccountRecord,
    ApplicationRecord,
    KeyRecord,
    VoiceSettings,
)
from mediasim.twilio.rules import AccountRules
from mediasim.twilio.session import VERBS, CallDocuments, CallSession, FollowUp, Instructions
from mediasim.twilio.sip.manager import SipManager
from mediasim.twilio.siprec import SiprecManager
from mediasim.twilio.status import StatusCallbacks
from mediasim.twilio.streams import StreamManager
from mediasim.twilio.studio import Studio
from mediasim.twilio.transcriptions import TranscriptionRecord
from mediasim.twilio.user_messages import UserMessages
from mediasim.twilio.verbs.basic import touch_tones
from mediasim.twilio.verbs.dial import dial, dial_telephone
from mediasim.twilio.webhooks import Webhooks

__all__ = ["Account"]

_NO_URL: Final = 21205
_LOG: Final = logging.getLogger(__name__)
_VOICE: Final = 13511
"""Notification code of a voice that is not what was asked for."""


class Account(CallDocuments):
    """Calls, recordings, conferences and queues of one account."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        account: AccountRecord,
        directory: Directory,
        webhooks: Webhooks,
        studio: Studio,
        base_url: str = "",
        streams: StreamPort | None = None,
    ) -> None:
        """Open an account without calls.

        ``base_url`` is where media are served, without a final slash. ``streams`` opens the
        WebSockets of streams and relays; with None they fail.
        """
        super().__init__(exchange, account, webhooks, base_url, studio)
        self.directory = directory
        self.applications: ResourceList[ApplicationRecord] = self.resource_list("Applications")
        self.keys: ResourceList[KeyRecord] = self.resource_list("Keys")
        self.transcriptions: ResourceList[TranscriptionRecord] = self.resource_list(
            "Transcriptions"
        )
        self.statuses = StatusCallbacks(self, self.recordings.summary)
        self.streams = StreamManager(self, self.live_call, streams)
        self.relays = RelayManager(self, studio, streams, self.streams)
        self.siprecs = SiprecManager(self, self.live_call, self.streams)
        self.conferences = ConferenceManager(self, self.create_call)
        self.queues = QueueManager(self)
        self.insights = InsightsManager(self, self.live_call, lambda sid: self.of(sid).conferences)
        self.own_numbers = OwnNumbers(
            self, self.live_call, self.place_inbound, self.place_from_client
        )
        self.messages = MessageManager(self, self.of)
        MessageReplies(self, self.messages)
        self.caller_ids = CallerIdManager(self, self.of)
        self.rules = AccountRules(self, self.caller_ids)
        self.sip = SipManager(self, self.of)
        self.user_messages = UserMessages(self, self.live_call)
        self._on_answer: dict[str, RecordingRequest] = {}
        self._call_numbers = itertools.count(1)
        self.token_numbers = itertools.count(1)
        self.not_simulated: Counter[str] = Counter()
        """Requests for what is not simulated, and how often each was made."""
        self._views: dict[str, Account] = {self.sid: self}
        studio.on_warning = self._warn_of_voice
        self._add_verbs()

    def _add_verbs(self) -> None:
        """Set what executes each verb in calls of this account."""
        nouns = {"Conference": self.conferences.dial, "Queue": self.queues.dial}
        self.verbs = {
            **VERBS,
            "Dial": partial(dial, place=self.place_child, nouns=nouns),
            "Enqueue": self.queues.wait,
            "Leave": self.queues.leave,
        }

    def _warn_of_voice(self, words: str) -> None:
        """Log a warning of the speech engines, and notify the developer."""
        _LOG.warning("%s", words)
        self.notify(None, _VOICE, words, warning=True)

    # -- subaccounts ------------------------------------------------------------------------

    @property
    def main(self) -> Account:
        """The main account, which this one is itself or a subaccount of."""
        return next(iter(self._views.values()))

    def of(self, sid: str) -> Account:
        """Return the account of a SID: the main one, or a subaccount.

        A subaccount is the main account under another SID and token: all records and managers are
        shared, but for conferences, whose names are each account's own. Raises TwilioError (404)
        if there is none.
        """
        if sid not in self._views:
            record = self.subaccounts.find(sid)
            view = copy.copy(self.main)
            view.account = record
            view.conferences = ConferenceManager(view, view.create_call)
            view.rules = self.main.rules.of(view)
            view._add_verbs()
            self._views[sid] = view
        return self._views[sid]

    # -- calls ------------------------------------------------------------------------------

    def live_call(self, sid: str) -> LiveCall | None:
        """Return an active call by its SID; None if there is none."""
        session = self.sessions.get(sid)
        return None if session is None else session.call

    def create_call(self, request: CallRequest) -> CallRecord:
        """Place a call whose TwiML runs when it is answered: POST /Calls.

        Raises TwilioError if a parameter is wrong, or no more calls can be carried.
        """
        self.rules.check_capacity(f"a call to {request.to}")
        to, from_ = self.rules.addresses(request)
        self.rules.queue.check()
        source, callback = request.source, request.status_callback
        if request.application_sid is not None:
            application = self.applications.find(request.application_sid)
            source = application.source()
            callback = callback or application.callback()
        if request.participant is None and not source.url and source.twiml is None:
            raise bad_parameter("Url parameter is required.", _NO_URL)
        phone = self._phone(to).as_user(request.sip_user)
        session = self._new_session(phone, to, from_, "outbound-api", callback)
        call = session.call
        call.record.application_sid = request.application_sid
        call.record.caller_name = request.caller_name
        if request.recording is not None:
            self._on_answer[call.sid] = request.recording
        session.send_digits = request.send_digits
        session.turn = self.rules.queue.enter(call)
        session.longest_ns = (request.time_limit_seconds or 14_400) * NS_PER_SECOND
        instructions = with_detection(session, request, source)
        if request.participant is not None:
            instructions = self.conferences.take_part
        self._run(session, session.go_out(instructions, request.timeout_seconds * NS_PER_SECOND))
        return call.record

    def place_inbound(self, from_: str, to: str, phone: Phone) -> CallRecord:
        """Place a call to one of the account's numbers, or to a SIP address of its domains.

        Raises TwilioError if there is none, or no more calls can be carried.
        """
        if to.startswith("sip:"):
            return self.sip.place(from_, to, phone)
        number = self.called_number(to)
        if number.account_sid != self.sid:
            return self.of(number.account_sid).place_inbound(from_, to, phone)
        self.rules.check_caller(from_)
        if number.trunk_sid is not None:
            return self.sip.originate(number, from_, phone)
        asked: VoiceSettings = number
        if number.voice_application_sid:
            asked = self.applications.find(number.voice_application_sid)
        record = self.come_in(from_, to, phone, asked.source(), asked.callback())
        record.phone_number_sid = number.sid
        if asked.voice_caller_id_lookup:
            record.caller_name = self.subscriber_of(from_).caller_name
        record.application_sid = number.voice_application_sid
        return record

    def place_from_client(
        self,
        from_: str,
        to: str,
        phone: Phone,
        instructions: FollowUp | DialRequest,
        callback: Callback | None = None,
        application_sid: str | None = None,
    ) -> CallRecord:
        """Place a call from a client, which follows a document or dials one telephone.

        ``application_sid`` is the application whose document it is. Raises TwilioError if no more
        calls can be carried.
        """
        follow: Instructions = (
            partial(dial_telephone, request=instructions, place=self.place_child)
            if isinstance(instructions, DialRequest)
            else instructions
        )
        record = self.come_in(from_, to, phone, follow, callback)
        record.application_sid = application_sid
        return record

    def come_in(
        self,
        from_: str,
        to: str,
        phone: Phone,
        instructions: Instructions,
        callback: Callback | None,
        direction: Direction = "inbound",
    ) -> CallRecord:
        """Place a call that comes in. Raises TwilioError if no more calls can be carried."""
        self.rules.check_capacity(f"a call from {from_} to {to}")
        session = self._new_session(phone, to, from_, direction, callback)
        self._run(session, session.come_in(instructions))
        return session.call.record

    def text_message(self, to: str, body: str) -> str:
        return self.rules.text_message(to, body)

    def place_child(
        self,
        parent: CallSession,
        address: str,
        caller_id: str,
        callback: Callback | None,
        direction: Direction = "outbound-dial",
    ) -> CallSession:
        """Create a queued child call without a document; it fails if it cannot be carried."""
        call = parent.call
        phone = self._phone(address)
        from_, allowed = self.rules.child(parent, address, caller_id, direction)
        try:
            self.rules.check_capacity(f"dialling {address}", call)
        except TwilioError:
            allowed = False
        if not allowed:  # a refused child needs a call too: Dial reports it to the app as failed
            phone = replace(phone, answering=Answering("failed"), gateway=None)
        return self._new_session(phone, address, from_, direction, callback, call)

    def _phone(self, address: str) -> Phone:
        """Return the telephone at an address: the account's own, or one of the directory."""
        return self.own_numbers.phone(address) or self.directory.phone(address)

    def _new_session(
        self,
        phone: Phone,
        to: str,
        from_: str,
        direction: Direction,
        callback: Callback | None,
        parent: LiveCall | None = None,
    ) -> CallSession:
        number = next(self._call_numbers)
        call = self.exchange.new_call(
            phone.party,
            self.room,
            to=to,
            from_=from_,
            direction=direction,
            status="queued" if parent or direction == "outbound-api" else "ringing",
            flow=parent.flow if parent is not None else f"call-{number}",
            parent=parent,
            account_sid=self.sid,
        )
        self.statuses.follow(call.sid, callback)
        session = CallSession(self, call, phone)
        session.on_answer = self._answered
        self.rules.begin(session)
        self.sessions[call.sid] = session
        return session

    def _run(self, session: CallSession, work: Coroutine[Any, Any, None]) -> None:
        task = self.spawn(work)

        def done(task: asyncio.Task[Any]) -> None:
            self._on_answer.pop(session.call.sid, None)
            if not task.cancelled() and (error := task.exception()) is not None:
                self.report_failure(session.call, error)

        task.add_done_callback(done)

    def _answered(self, session: CallSession) -> None:
        request = self._on_answer.pop(session.call.sid, None)
        if request is not None:
            self.recordings.of_call(session, request, "OutboundAPI")
        if session.machine_detection is not None:
            self.spawn(detect(session, session.machine_detection))
        if session.send_digits:
            session.spawn(session.play(touch_tones(session.send_digits), "digits"))

    def update_call(self, sid: str, request: CallUpdate) -> CallRecord:
        """End a call, or redirect it to another document: POST /Calls/{sid}.

        A request without a change only shows the call. Raises TwilioError if the call is not
        active, or a parameter is wrong.
        """
        record = self.call_record(sid)
        if request == CallUpdate():
            return record
        session = self.sessions.get(sid)
        if CALL.is_final(record.status) or session is None:
            raise not_in_progress("Call is not in-progress. Cannot redirect.")
        update_session(session, request, self.statuses)
        return record

    def delete_call(self, sid: str) -> None:
        """Delete the record of a call. Raises TwilioError (409) if the call is active."""
        record = self.call_record(sid)
        if not CALL.is_final(record.status):
            raise not_complete("call", record.status)
        legs = [each.sid for each in self.catalogue.calls(parent=sid) if each.resource_sid == sid]
        for leg in (*legs, sid):
            self.catalogue.remove_call(leg)
            self.insights.remove(leg)

    # -- recordings -------------------------------------------------------------------------

    def start_recording(self, call_sid: str, request: RecordingRequest) -> RecordingRecord:
        """Start a recording of a call: POST /Calls/{sid}/Recordings.

        A child's recording is its parent's. Raises TwilioError if the call is not in progress, or
        nothing more can be stored.
        """
        self.call_record(call_sid)
        session = self.sessions.get(call_sid)
        if session is None or not session.call.active:
            raise not_in_progress(
                "Requested resource is not eligible for recording: the call is not in progress"
            )
        if (problem := self.storage_problem()) is not None:
            raise unavailable(problem)
        recorded = self.recorded(session)
        return self.recordings.of_call(recorded, request, "StartCallRecordingAPI").record

    # -- the end ----------------------------------------------------------------------------

    async def close(self) -> None:
        """End all calls, publish their recordings and deliver all callbacks."""
        self.messages.close()
        for session in list(self.sessions.values()):
            session.end("canceled")
        # Tasks that end start others: the end of a session publishes recordings.
        await self._settled()
        self.exchange.end_processing()
        await self._settled()  # where recordings are encrypted or stored elsewhere
        await self.webhooks.settled()
        self.studio.close()

    async def _settled(self) -> None:
        """Wait until no task is left."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
