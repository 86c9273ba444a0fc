"""The REST API over an account that does what it is told: no calls, only records of them."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from api_description import check_response
from starlette.testclient import TestClient

from mediasim.audio.wav import write_wav
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.layout import recording_layout
from mediasim.exchange.lifecycle import move
from mediasim.exchange.phone import Phone
from mediasim.exchange.profiles import Channels, Kind, Track
from mediasim.exchange.records import CallRecord, ConferenceRecord, RecordingRecord
from mediasim.exchange.states import RecordingStatus
from mediasim.net.virtual_loop import VirtualLoop
from mediasim.seeds import Seeds
from mediasim.twilio.account import Account
from mediasim.twilio.addresses import called, calling
from mediasim.twilio.conferencing import ConferenceManager, QueueManager
from mediasim.twilio.errors import TwilioError, bad_parameter, not_found
from mediasim.twilio.ports import HttpAnswer, HttpLimits, HttpRequest, on_this_loop
from mediasim.twilio.recordings import RecordingManager
from mediasim.twilio.representations import recording_document
from mediasim.twilio.requests import (
    CallRequest,
    CallUpdate,
    ConferenceUpdate,
    ParticipantRequest,
    ParticipantUpdate,
    RecordingRequest,
    StreamRequest,
    TwimlSource,
)
from mediasim.twilio.resources import (
    AccountRecord,
    MemberRecord,
    ParticipantRecord,
)
from mediasim.twilio.rest import ApiSettings, create_api
from mediasim.twilio.streams import StreamManager, StreamRecord
from mediasim.twilio.studio import Studio
from mediasim.twilio.webhooks import Webhooks

TOKEN = "0123456789abcdef0123456789abcdef"
SECOND = 1_000_000_000
DAY = 86_400 * SECOND
ALICE, BOB = "+15550100001", "+15550100002"
APP = "http://127.0.0.1:5000"


class NotedConferences(ConferenceManager):
    """Conferences whose participants are records alone; keeps what it was asked."""

    def __init__(self, service: NotedService) -> None:
        super().__init__(service, service.create_call)
        self.service = service
        self.asked: list[Any] = []
        self.inside: dict[str, list[ParticipantRecord]] = {}

    def update_conference(self, sid: str, ask: ConferenceUpdate) -> ConferenceRecord:
        self.asked.append(ask)
        record = self.service.catalogue.conference(sid)
        if ask.status == "completed" and record.status != "completed":
            move(record, "completed", self.service.now_ns)
            record.reason_ended = "conference-ended-via-api"
        return record

    def current_recording(self, sid: str) -> RecordingRecord:
        return self.service.catalogue.recordings(conference=sid)[-1]

    def participants(self, sid: str) -> list[ParticipantRecord]:
        return self.inside.get(sid, [])

    def participant(self, sid: str, who: str) -> ParticipantRecord:
        for record in self.inside.get(sid, []):
            if who in (record.call_sid, record.label):
                return record
        raise not_found(f"/participants/{who}")

    async def create_participant(self, key: str, ask: ParticipantRequest) -> ParticipantRecord:
        self.asked.append(ask)
        found = self.service.catalogue.conferences(name=key)
        conference = found[0] if found else self.service.conference(key)
        record = ParticipantRecord(
            account_sid=self.service.account.sid,
            conference_sid=conference.sid,
            call_sid=self.service.call(to=ask.to).sid,
            created_ns=self.service.now_ns,
            label=ask.label,
            muted=ask.muted,
            status="queued",
            queue_time="0",
        )
        self.inside.setdefault(conference.sid, []).append(record)
        return record

    def update_participant(self, sid: str, who: str, ask: ParticipantUpdate) -> ParticipantRecord:
        self.asked.append(ask)
        record = self.participant(sid, who)
        record.muted = record.muted if ask.muted is None else ask.muted
        record.hold = record.hold if ask.hold is None else ask.hold
        return record

    def remove_participant(self, sid: str, who: str) -> None:
        record = self.participant(sid, who)
        self.inside[sid].remove(record)


class NotedStreams(StreamManager):
    """Streams that are records alone; keeps what it was asked."""

    def __init__(self, service: NotedService) -> None:
        super().__init__(service, service.live_call, None)
        self.service = service
        self.asked: list[StreamRequest] = []
        self.records: list[StreamRecord] = []

    def start(self, call_sid: str, ask: StreamRequest) -> StreamRecord:
        self.asked.append(ask)
        sid, account = self.service.new_sid("MZ"), self.service.account.sid
        record = StreamRecord(sid, account, call_sid, ask.name, self.service.now_ns)
        self.records.append(record)
        return record

    def stop(self, call_sid: str, key: str) -> StreamRecord:
        for record in self.records:
            if key in (record.sid, record.name):
                record.status = "stopped"
                return record
        raise not_found(f"/Streams/{key}")


class NotedQueues(QueueManager):
    """Queues whose members are records alone."""

    def __init__(self, service: NotedService) -> None:
        super().__init__(service)
        self.waiting: dict[str, list[MemberRecord]] = {}
        self.taken: list[TwimlSource] = []

    def members(self, sid: str) -> list[MemberRecord]:
        return self.waiting.get(self.find(sid).sid, [])

    def member(self, sid: str, who: str) -> MemberRecord:
        for record in self.members(sid):
            if who in ("Front", record.call_sid):
                return record
        raise not_found(f"/members/{who}")

    def dequeue(self, sid: str, who: str, script: TwimlSource) -> MemberRecord:
        self.taken.append(script)
        record = self.member(sid, who)
        self.waiting[sid].remove(record)
        return record


class NotedRecordings(RecordingManager):
    """The recordings, whose changes are noted; it listens to nothing."""

    def __init__(self, service: NotedService) -> None:
        self.service = self._account = service
        self._exchange = service.exchange

    def current(self, call_sid: str) -> RecordingRecord:
        return self.service.catalogue.recordings(call=call_sid)[-1]

    def update(self, sid: str, status: str, pause_behavior: str | None = None) -> RecordingRecord:
        self.service.asked.append((status, pause_behavior))
        record = self.service.catalogue.recording(sid)
        if status == "paused":
            move(record, "paused", self.service.now_ns)
        return record


class Nowhere:
    """Neither an app nor a telephone: nothing is to be asked of either."""

    async def send(self, request: HttpRequest, limits: HttpLimits) -> HttpAnswer:
        raise AssertionError(f"{request.method} {request.url}")

    def phone(self, address: str) -> Phone:
        raise AssertionError(address)


class NotedService(Account):
    """The account, whose commands are noted; nothing happens but what a test makes happen."""

    conferences: NotedConferences
    queues: NotedQueues
    streams: NotedStreams

    def __init__(self, directory: Path) -> None:
        """On the running loop, whose clock a test sets."""
        loop, seeds = asyncio.get_running_loop(), Seeds(3)
        assert isinstance(loop, VirtualLoop)
        self.clock = loop
        exchange = Exchange(seeds, directory, document=recording_document)
        super().__init__(
            exchange,
            account=AccountRecord(exchange.account_sid, TOKEN, "Test", 0),
            directory=Nowhere(),
            webhooks=Webhooks(Nowhere(), auth_token=TOKEN, seeds=seeds, clock=lambda: self.now_ns),
            studio=Studio(),
            base_url="http://127.0.0.1:8080",
        )
        self.conferences = NotedConferences(self)
        self.queues = NotedQueues(self)
        self.streams = NotedStreams(self)
        self.recordings = NotedRecordings(self)
        self.asked: list[Any] = []
        """Every command, as it was read."""

    # -- commands ---------------------------------------------------------------------------

    def create_call(self, ask: CallRequest) -> CallRecord:
        self.asked.append(ask)
        to, from_ = called(ask.to), calling(ask.from_)
        if ask.application_sid is None and not ask.source.url and ask.source.twiml is None:
            raise bad_parameter("Url parameter is required.", 21205)
        return self.call(to=to, from_=from_)

    def update_call(self, sid: str, ask: CallUpdate) -> CallRecord:
        self.asked.append(ask)
        record = self.catalogue.call(sid)
        if record.ended_ns is not None:
            raise TwilioError(400, 21220, "Call is not in-progress. Cannot redirect.")
        if ask.status == "completed":
            move(record, "completed", self.now_ns)
        return record

    def start_recording(self, call_sid: str, ask: RecordingRequest) -> RecordingRecord:
        self.asked.append(ask)
        return self.recording(self.catalogue.call(call_sid), ask.channels, ask.track)

    # -- what a test makes happen -----------------------------------------------------------

    def call(self, *, to: str = BOB, from_: str = ALICE, **more: Any) -> CallRecord:
        """A call that is queued."""
        record = CallRecord(
            self.new_sid("CA"),
            self.account.sid,
            to,
            from_,
            "outbound-api",
            "queued",
            self.now_ns,
            **more,
        )
        self.catalogue.add_call(record)
        return record

    def call_in_progress(self, **more: Any) -> CallRecord:
        """One in progress."""
        record = self.call(**more)
        move(record, "initiated", self.now_ns)
        move(record, "ringing", self.now_ns)
        move(record, "in-progress", self.now_ns)
        return record

    def conference(self, name: str = "Room") -> ConferenceRecord:
        record = ConferenceRecord(self.new_sid("CF"), self.account.sid, name, self.now_ns)
        self.catalogue.add_conference(record)
        return record

    def recording(
        self,
        call: CallRecord | None = None,
        channels: Channels = "mono",
        track: Track = "both",
        *,
        kind: Kind = "call",
        conference_sid: str | None = None,
    ) -> RecordingRecord:
        """One in progress."""
        record = RecordingRecord(
            self.new_sid("RE"),
            self.account.sid,
            (call or self.call_in_progress()).sid,
            "Conference" if conference_sid else "StartCallRecordingAPI",
            recording_layout(kind, channels, track),
            self.now_ns,
            self.now_ns,
            conference_sid=conference_sid,
        )
        self.catalogue.add_recording(record)
        return record

    def finished(
        self,
        directory: Path,
        *,
        seconds: float = 1.0,
        status: RecordingStatus = "completed",
        **more: Any,
    ) -> RecordingRecord:
        """One that is completed, with a tone of another pitch in each channel."""
        record = self.recording(**more)
        move(record, "processing", self.now_ns)
        move(record, status, self.now_ns)
        record.samples = int(seconds * 8000)
        angles = 2 * np.pi * np.arange(record.samples) / 8000
        hertz = (440, 1000)[: record.layout.stored_channels]
        pcm = np.stack([np.round(8000 * np.sin(angles * each)).astype(np.int16) for each in hertz])
        spool = directory / "spool.wav"
        write_wav(spool, pcm)
        self.store.adopt_wav(record.sid, spool)
        return record


def basic(name: str, secret: str) -> dict[str, str]:
    """Headers with credentials."""
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


async def _made(directory: Path) -> NotedService:
    return NotedService(directory)


class Api:
    """A client with the account's credentials; JSON answers are held against the description."""

    def __init__(self, directory: Path, settings: ApiSettings | None = None) -> None:
        self.directory = directory
        self.clock = VirtualLoop()
        self.service = self.clock.run_until_complete(_made(directory / "store"))
        self.app = create_api(self.service, on_this_loop, settings)
        self.http = TestClient(self.app, follow_redirects=False)
        self.root = f"/2010-04-01/Accounts/{self.service.account.sid}"
        self.credentials = basic(self.service.account.sid, TOKEN)

    def ask(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """Any request; a path that begins without a slash is the account's."""
        url = path if path.startswith("/") else f"{self.root}/{path}"
        headers = {**self.credentials, **more.pop("headers", {})}
        response: Any = self.http.request(method, url, headers=headers, **more)
        if ".json" in url and method in ("GET", "POST", "DELETE"):
            body = response.json() if response.content else None
            check_response(method, url, response.status_code, body)
        answer: httpx2.Response = response
        return answer

    def get(self, path: str, status: int = 200, **more: Any) -> dict[str, Any]:
        return self._body("GET", path, status, **more)

    def post(self, path: str, status: int = 200, **form: Any) -> dict[str, Any]:
        return self._body("POST", path, status, data=form)

    def delete(self, path: str, status: int = 204) -> None:
        self._body("DELETE", path, status)

    def refused(self, method: str, path: str, status: int, code: int, **more: Any) -> str:
        """The words it is refused with."""
        body = self._body(method, path, status, **more)
        assert body["code"] == code, body
        words: str = body["message"]
        return words

    def _body(self, method: str, path: str, status: int, **more: Any) -> dict[str, Any]:
        response = self.ask(method, path, **more)
        assert response.status_code == status, (response.status_code, response.text)
        body: dict[str, Any] = response.json() if response.content else {}
        return body
