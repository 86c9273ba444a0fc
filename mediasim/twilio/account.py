"""The account: every command an app can give, over one exchange.

All methods run on the engine's loop. They raise :class:`TwilioError` for what Twilio refuses.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any, Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import Answering, Directory, Phone
from mediasim.exchange.recording_control import delete_recording
from mediasim.exchange.records import CallRecord, Direction, RecordingRecord
from mediasim.exchange.states import CALL, CallStatus
from mediasim.net.stream_port import StreamPort
from mediasim.twilio.account_parts import ResourceList
from mediasim.twilio.addresses import called, calling
from mediasim.twilio.conferencing import ConferenceManager, QueueManager
from mediasim.twilio.errors import (
    TwilioError,
    bad_parameter,
    not_complete,
    not_found,
    too_many,
    unavailable,
)
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
    NumberRecord,
)
from mediasim.twilio.session import CallDocuments, CallSession, FollowUp
from mediasim.twilio.status import StatusCallbacks
from mediasim.twilio.streams import StreamManager
from mediasim.twilio.studio import Studio
from mediasim.twilio.transcriptions import TranscriptionRecord
from mediasim.twilio.verbs import VERBS
from mediasim.twilio.verbs.basic import touch_tones
from mediasim.twilio.verbs.dial import dial, dial_telephone
from mediasim.twilio.webhooks import Webhooks

__all__ = ["Account"]

_NOT_IN_PROGRESS: Final = 21220
_NO_URL: Final = 21205
_OVERLOADED: Final = "this machine has no time left for more calls in real time"
_LOG: Final = logging.getLogger(__name__)
_CANNOT_CALL: Final = 13224


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
        """``base_url`` is where media are served, without a final slash.

        ``streams`` opens the WebSockets of media streams; None: there are none.
        """
        super().__init__(exchange, account, webhooks, base_url, studio)
        self.directory = directory
        self.numbers: ResourceList[NumberRecord] = self.book("IncomingPhoneNumbers")
        self.applications: ResourceList[ApplicationRecord] = self.book("Applications")
        self.keys: ResourceList[KeyRecord] = self.book("Keys")
        self.transcriptions: ResourceList[TranscriptionRecord] = self.book("Transcriptions")
        self.statuses = StatusCallbacks(self, self.recordings.summary)
        self.streams = StreamManager(self, self.live_call, streams)
        self.conferences = ConferenceManager(self, self.create_call)
        self.queues = QueueManager(self)
        self.storage_trouble: Callable[[], str | None] = lambda: None
        """Why nothing more can be kept on disk; None: it can."""
        nouns = {"Conference": self.conferences.dial, "Queue": self.queues.dial}
        self.verbs = {
            **VERBS,
            "Dial": partial(dial, place=self.place_child, nouns=nouns),
            "Enqueue": self.queues.wait,
            "Leave": self.queues.leave,
        }
        self._on_answer: dict[str, RecordingRequest] = {}
        self._calls = 0

    # -- what others ask --------------------------------------------------------------------

    def live_call(self, sid: str) -> LiveCall | None:
        """The call itself while it is under way."""
        session = self.sessions.get(sid)
        return None if session is None else session.call

    # -- calls ------------------------------------------------------------------------------

    def create_call(self, ask: CallRequest) -> CallRecord:
        """POST /Calls: dial, and let the app's document run when it is answered."""
        self._check_room(f"a call to {ask.to}")
        to, from_ = called(ask.to), calling(ask.from_)
        script, callback = ask.script, ask.status_callback
        if ask.application_sid is not None:
            application = self.applications.find(ask.application_sid)
            script = application.script()
            callback = callback or application.callback()
        if ask.participant is None and not script.url and script.twiml is None:
            raise bad_parameter("Url parameter is required.", _NO_URL)
        phone = self.directory.phone(to)
        call = self._new_call(phone, to, from_, "outbound-api", "queued", callback)
        call.record.caller_name = ask.caller_name
        if ask.recording is not None:
            self._on_answer[call.sid] = ask.recording
        session = self._begin(call, phone)
        session.send_digits = ask.send_digits
        session.longest_ns = (ask.time_limit_seconds or 14_400) * NS_PER_SECOND
        instructions = script if ask.participant is None else self.conferences.take_part
        self._run(session, session.go_out(instructions, ask.timeout_seconds * NS_PER_SECOND))
        return call.record

    def place_inbound(self, from_: str, to: str, phone: Phone) -> CallRecord:
        """Somebody calls one of the app's numbers.

        Raises TwilioError if nobody claimed it, or the machine can carry no more calls.
        """
        number = next((each for each in self.numbers.all() if each.phone_number == to), None)
        if number is None:
            raise not_found(f"{self.account_path}/IncomingPhoneNumbers/{to}")
        self._check_room(f"a call from {from_} to {to}")
        script = number.script()
        if number.voice_application_sid:
            script = self.applications.find(number.voice_application_sid).script()
        call = self._new_call(phone, to, from_, "inbound", "ringing", number.callback())
        call.record.phone_number_sid = number.sid
        session = self._begin(call, phone)
        self._run(session, session.come_in(script))
        return call.record

    def place_from_client(
        self,
        from_: str,
        to: str,
        phone: Phone,
        ask: FollowUp | DialRequest,
        callback: Callback | None = None,
    ) -> CallRecord:
        """A client calls out: a document decides who is meant, or it has said so itself.

        Raises TwilioError if the machine can carry no more calls.
        """
        self._check_room(f"a call from {from_}")
        call = self._new_call(phone, to, from_, "inbound", "ringing", callback)
        session = self._begin(call, phone)
        if isinstance(ask, DialRequest):
            ask_for = partial(dial_telephone, request=ask, place=self.place_child)
            self._run(session, session.come_in(ask_for))
        else:
            self._run(session, session.come_in(ask))
        return call.record

    def _check_room(self, for_what: str, parent: LiveCall | None = None) -> None:
        """Pass if the machine can carry one more call, and keep what is recorded of it.

        Raises TwilioError otherwise, and tells the developer. Calls under way go on as they are,
        and so do their recordings.
        """
        if self.exchange.plane.overloaded():
            refusal, why = too_many(_OVERLOADED), _OVERLOADED
        elif (trouble := self.storage_trouble()) is not None:
            refusal, why = unavailable(trouble), trouble
        else:
            return
        words = f"{for_what} is refused: {why}"
        self.notify(None if parent is None else parent.sid, refusal.code, words, warning=True)
        _LOG.warning(words)
        raise refusal

    def place_child(
        self, parent: CallSession, address: str, caller_id: str, callback: Callback | None
    ) -> CallSession:
        """A child call, queued, with no document; one that fails where there is no room for it."""
        call = parent.call
        phone = self.directory.phone(address)
        try:
            self._check_room(f"dialling {address}", call)
        except TwilioError:
            phone = replace(phone, answering=Answering("failed"), gateway=None)
        if any(number.phone_number == address for number in self.numbers.all()):
            words = (
                f"{address} is a number of the app's own: the call goes to the party that answers "
                "unclaimed numbers, for this sandbox connects no app with itself"
            )
            self.notify(call.sid, _CANNOT_CALL, words, warning=True)
        child = self._new_call(
            phone,
            address,
            caller_id or call.record.from_,
            "outbound-dial",
            "queued",
            callback,
            call,
        )
        return self._begin(child, phone)

    def _new_call(
        self,
        phone: Phone,
        to: str,
        from_: str,
        direction: Direction,
        status: CallStatus,
        callback: Callback | None,
        parent: LiveCall | None = None,
    ) -> LiveCall:
        self._calls += 1
        call = self.exchange.new_call(
            phone.party,
            self.room,
            to=to,
            from_=from_,
            direction=direction,
            status=status,
            flow=parent.flow if parent is not None else f"call-{self._calls}",
            parent=parent,
        )
        self.statuses.follow(call.sid, callback)
        return call

    def _begin(self, call: LiveCall, phone: Phone) -> CallSession:
        session = CallSession(self, call, phone)
        session.on_answer = self._answered
        self.sessions[call.sid] = session
        return session

    def _run(self, session: CallSession, work: Coroutine[Any, Any, None]) -> None:
        task = self.spawn(work)

        def done(task: asyncio.Task[Any]) -> None:
            self._on_answer.pop(session.call.sid, None)
            if not task.cancelled() and (error := task.exception()) is not None:
                self.broke(session.call, error)

        task.add_done_callback(done)

    def _answered(self, session: CallSession) -> None:
        ask = self._on_answer.pop(session.call.sid, None)
        if ask is not None:
            self.recordings.of_call(session, ask, "OutboundAPI")
        if session.send_digits:
            session.spawn(session.play(touch_tones(session.send_digits), "digits"))

    def update_call(self, sid: str, ask: CallUpdate) -> CallRecord:
        """POST /Calls/{sid}: end it, or give it another document."""
        record = self.call_record(sid)
        session = self.sessions.get(sid)
        if CALL.is_final(record.status) or session is None:
            raise TwilioError(400, _NOT_IN_PROGRESS, "Call is not in-progress. Cannot redirect.")
        if ask.status not in (None, "", "canceled", "completed"):
            raise bad_parameter(f"Invalid Status {ask.status}: canceled or completed")
        if ask.status_callback is not None:
            self.statuses.replace(sid, ask.status_callback)
        if ask.time_limit_seconds is not None:
            session.limit(ask.time_limit_seconds * NS_PER_SECOND)
        if ask.status == "canceled" and session.call.active:
            return record  # only what is queued or ringing can be canceled
        if ask.status in ("canceled", "completed"):
            session.end("canceled")
        elif ask.script is not None:
            if not session.call.active:
                raise TwilioError(
                    400, _NOT_IN_PROGRESS, "Call is not in-progress. Cannot redirect."
                )
            session.redirect(ask.script)
        return record

    def delete_call(self, sid: str) -> None:
        """Forget a call that has ended."""
        record = self.call_record(sid)
        if not CALL.is_final(record.status):
            raise not_complete("call", record.status)
        self.exchange.catalogue.remove_call(sid)

    # -- recordings -------------------------------------------------------------------------

    def start_recording(self, call_sid: str, ask: RecordingRequest) -> RecordingRecord:
        """POST /Calls/{sid}/Recordings. A child's recording is its parent's."""
        self.call_record(call_sid)
        session = self.sessions.get(call_sid)
        if session is None or not session.call.active:
            raise TwilioError(
                400,
                _NOT_IN_PROGRESS,
                "Requested resource is not eligible for recording: the call is not in progress",
            )
        if (trouble := self.storage_trouble()) is not None:
            raise unavailable(trouble)
        parent = self.sessions.get(session.call.record.parent_call_sid or "")
        if parent is not None and parent.call.active:
            session = parent
        return self.recordings.of_call(session, ask, "StartCallRecordingAPI").record

    def update_recording(
        self, sid: str, status: str, pause_behavior: str | None = None
    ) -> RecordingRecord:
        """Pause, resume or stop a recording."""
        self.recording_record(sid)
        return self.recordings.update(sid, status, pause_behavior)

    def current_recording(self, call_sid: str) -> RecordingRecord:
        """``Twilio.CURRENT`` of a call."""
        self.call_record(call_sid)
        return self.recordings.current(call_sid)

    def delete_recording(self, sid: str) -> None:
        """Its media is gone; its metadata stays for 40 days."""
        record = self.recording_record(sid)
        if record.status == "deleted":
            raise not_found(f"{self.account_path}/Recordings/{sid}.json")
        if record.status not in ("completed", "absent"):
            raise not_complete("recording", record.status)
        delete_recording(self.exchange, record)

    # -- the end ----------------------------------------------------------------------------

    async def close(self) -> None:
        """End every call, publish what was recorded, deliver what is to be told."""
        for session in list(self.sessions.values()):
            session.end("canceled")
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.webhooks.settled()
        self.studio.close()
