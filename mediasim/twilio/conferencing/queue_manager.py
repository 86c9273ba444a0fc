"""The account's queues: Enqueue waits in them, Dial takes from them, the app arranges them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.dial import ConnectedCalls
from mediasim.exchange.participant import Unavailable
from mediasim.exchange.queue import CallQueue, LeftQueue, QueueMember, QueueResult
from mediasim.exchange.waiting import CallEnded
from mediasim.twilio.conferencing.playback import SOUNDS, beside, entertain, play_through
from mediasim.twilio.errors import TwilioError, bad_parameter, not_found
from mediasim.twilio.requests import TwimlSource
from mediasim.twilio.resources import MemberRecord, QueueRecord
from mediasim.twilio.session import CallDocuments, CallSession, FollowUp, HangUp
from mediasim.twilio.status import Params, call_params
from mediasim.twilio.twiml import Verb
from mediasim.twilio.verbs.dial import DialVerbRecording, Outcome, talk_options
from mediasim.twilio.webhooks import AppRequest

__all__ = ["QueueManager"]

_DEFAULT_SIZE: Final = 1000
_LARGEST: Final = 5000
_LONGEST_NAME: Final = 64
_NAME_TOO_SHORT: Final = 14204
_NAME_TOO_LONG: Final = 14205
_WHILE_WAITING: Final = (*SOUNDS, "Hangup", "Leave", "Gather")
"""Verbs that may stand in the document heard in a queue."""
_FRONT: Final = "Front"


@dataclass(frozen=True, slots=True)
class _Kept:
    """A queue, and what is known of it whether calls wait or not."""

    queue: CallQueue
    record: QueueRecord


class QueueManager:
    """Every queue of the account; a book of its records."""

    def __init__(self, service: CallDocuments) -> None:
        self._service = service
        self._queues: dict[str, _Kept] = {}
        self._waiting: dict[str, QueueMember] = {}
        """By call SID."""

    # -- Enqueue ----------------------------------------------------------------------------

    async def wait(self, session: CallSession, verb: Verb) -> FollowUp | None:
        """Enqueue: until taken, told to leave, or the party hangs up (CallEnded)."""
        kept = self._entered(session, verb.text.strip())
        if kept is None:
            return self._follow(session, verb, [("QueueResult", "error")])
        queue = kept.queue
        most = min(kept.record.max_size, verb.number("maxQueueSize", _LARGEST))
        if len(queue.waiting) >= most:
            return self._follow(session, verb, [("QueueResult", "queue-full")])
        member = self._waiting[session.call.sid] = queue.enter(session)
        heard = entertain(
            beside(session),
            _wait_script(session, verb),
            lambda: self._place(kept, member),
            _WHILE_WAITING,
            again=True,
        )
        try:
            result = await queue.wait(member, heard)
        except asyncio.CancelledError:  # another document, from outside
            result = "redirected-from-bridged" if member.bridged else "redirected"
            self._tell(session, verb, self._params(kept, member, result))
            raise
        except (CallEnded, HangUp):
            result = "bridged" if member.bridged else "hangup"
            self._tell(session, verb, self._params(kept, member, result))
            raise
        finally:
            queue.release(member)
            self._waiting.pop(session.call.sid, None)
        return self._follow(session, verb, self._params(kept, member, result))

    async def leave(self, session: CallSession, verb: Verb) -> None:
        """Leave, in a waiting document; elsewhere there is nothing to be left."""
        if session.call.sid in self._waiting:
            raise LeftQueue

    def _entered(self, session: CallSession, name: str) -> _Kept | None:
        """The queue of a name, made where there is none; None, and a note, for a wrong name."""
        try:
            return self._named(name) or self._queues[self.create(name).sid]
        except TwilioError as error:
            self._service.notify(session.call.sid, error.code, error.message, session.base)
            return None

    def _params(self, kept: _Kept, member: QueueMember, result: QueueResult) -> Params:
        seconds = member.waited_until(self._now_ns) // NS_PER_SECOND
        return [
            ("QueueResult", result),
            ("QueueSid", kept.record.sid),
            ("QueueTime", str(seconds)),
        ]

    def _place(self, kept: _Kept, member: QueueMember) -> Params:
        """What the app is told while a call waits."""
        record = self._now(kept)
        return [
            ("QueueSid", record.sid),
            ("QueuePosition", str(kept.queue.position(member))),
            ("QueueTime", str(member.waited_until(self._now_ns) // NS_PER_SECOND)),
            ("AvgQueueTime", str(record.average_wait_seconds)),
            ("CurrentQueueSize", str(record.current_size)),
            ("MaxQueueSize", str(record.max_size)),
        ]

    @staticmethod
    def _follow(session: CallSession, verb: Verb, params: Params) -> FollowUp | None:
        """The action's document goes on; without one, the next verb does."""
        action = verb.attribute("action")
        if not action:
            return None
        script = TwimlSource(session.absolute(action), verb.attribute("method", "POST"))
        return FollowUp(script, params)

    def _tell(self, session: CallSession, verb: Verb, params: Params) -> None:
        """Tell the action what came of it where its document will not be carried out."""
        followed = self._follow(session, verb, params)
        if followed is not None:
            told = tuple(call_params(session.call.record) + params)
            script, sid = followed.script, session.call.sid
            request = AppRequest(script.url or "", script.method, told, "action", sid)
            self._service.webhooks.notify(request, lane=sid)

    # -- Dial -------------------------------------------------------------------------------

    async def dial(self, session: CallSession, verb: Verb, noun: Verb, outcome: Outcome) -> None:
        """Take the first call in line, let it hear the noun's document, and connect it."""
        kept = self._named(noun.text.strip())
        if kept is None:
            return
        recording = DialVerbRecording(session, verb)
        talk = ConnectedCalls(session, recording=recording, **talk_options(verb))
        timeout_ns = verb.seconds("timeout", 30) * NS_PER_SECOND
        try:
            with talk.recording():
                await kept.queue.dial(talk, timeout_ns, partial(self._whisper, session, noun, kept))
        finally:
            outcome.status, outcome.child = talk.status, talk.child
            outcome.bridged, outcome.recording = talk.bridged, recording.recording

    async def _whisper(
        self, session: CallSession, noun: Verb, kept: _Kept, member: QueueMember
    ) -> bool:
        """The noun's document, heard by the call from the queue; whether that is still there."""
        assert isinstance(member.control, CallSession)
        other = beside(member.control)
        other.base = session.base
        url = noun.attribute("url")
        if url:
            script = TwimlSource(session.absolute(url), noun.attribute("method", "POST"))
            params = [
                ("QueueSid", kept.record.sid),
                ("QueueTime", str(member.waited_until(self._now_ns) // NS_PER_SECOND)),
                ("DequeingCallSid", session.call.sid),  # spelt so by Twilio
            ]
            whispered = play_through(other, script, lambda: params)
            try:
                await session.until(whispered, member.gone.wait())
            except Unavailable:
                pass  # noted; they are connected all the same
            except CallEnded:
                if session.call.ended.is_set():
                    raise
        return member.control.call.active and not member.gone.is_set()

    # -- REST -------------------------------------------------------------------------------

    @property
    def _now_ns(self) -> int:
        return self._service.now_ns

    def _named(self, name: str) -> _Kept | None:
        found = (each for each in self._queues.values() if each.record.friendly_name == name)
        return next(found, None)

    def _kept(self, sid: str) -> _Kept:
        try:
            return self._queues[sid]
        except KeyError:
            raise not_found(f"{self._service.account_path}/Queues/{sid}.json") from None

    def _now(self, kept: _Kept) -> QueueRecord:
        """The resource, as it stands."""
        record, queue = kept.record, kept.queue
        record.current_size = queue.size
        record.average_wait_seconds = queue.average_wait_seconds(self._now_ns)
        return record

    def _member_record(self, kept: _Kept, member: QueueMember) -> MemberRecord:
        return MemberRecord(
            account_sid=kept.record.account_sid,
            queue_sid=kept.record.sid,
            call_sid=member.control.call.sid,
            enqueued_ns=member.enqueued_ns,
            position=kept.queue.position(member),
            waited_ns=member.waited_until(self._now_ns),
        )

    def all(self) -> list[QueueRecord]:
        """Oldest first."""
        return [self._now(kept) for kept in self._queues.values()]

    def find(self, sid: str) -> QueueRecord:
        """Raises TwilioError (404) where there is none; so does all below."""
        return self._now(self._kept(sid))

    def add(self, record: QueueRecord) -> None:
        """Enter a queue, with nobody in it. Raises TwilioError for a wrong or taken name."""
        self._check_name(record.friendly_name)
        self._check_size(record.max_size)
        self._queues[record.sid] = _Kept(CallQueue(), record)

    def found_elsewhere(self, sid: str, size: int, seconds: int) -> None:
        """So many calls wait in it in other processes, for so long on average."""
        self._kept(sid).queue.remote = size, seconds

    def create(self, name: str, max_size: int = _DEFAULT_SIZE) -> QueueRecord:
        """POST /Queues."""
        record = QueueRecord(
            sid=self._service.exchange.sids.new("QU"),
            account_sid=self._service.account.sid,
            friendly_name=name,
            created_ns=self._now_ns,
            max_size=max_size,
        )
        self.add(record)
        return record

    def update(self, sid: str, name: str | None = None, max_size: int | None = None) -> QueueRecord:
        """POST /Queues/{sid}; calls beyond a smaller size stay."""
        record = self.find(sid)
        if name is not None and name != record.friendly_name:
            self._check_name(name)
        if max_size is not None:
            self._check_size(max_size)
        record.friendly_name = record.friendly_name if name is None else name
        record.max_size = record.max_size if max_size is None else max_size
        record.updated_ns = self._now_ns
        return record

    def remove(self, sid: str) -> QueueRecord:
        """DELETE /Queues/{sid}: only an empty one."""
        record = self.find(sid)
        if record.current_size:
            raise bad_parameter(f"Queue {sid} is not empty: {record.current_size} calls wait in it")
        del self._queues[sid]
        return record

    def members(self, sid: str) -> list[MemberRecord]:
        """In order."""
        kept = self._kept(sid)
        return [self._member_record(kept, each) for each in kept.queue.waiting]

    def member(self, sid: str, who: str) -> MemberRecord:
        """By call SID, or ``Front``."""
        kept = self._kept(sid)
        return self._member_record(kept, self._member(kept, who))

    def dequeue(self, sid: str, who: str, script: TwimlSource) -> MemberRecord:
        """POST /Queues/{sid}/Members/{who}: it goes on with another document."""
        kept = self._kept(sid)
        member = self._member(kept, who)
        kept.queue.remove(member)
        assert isinstance(member.control, CallSession)
        member.control.redirect(script)
        return self._member_record(kept, member)

    def _member(self, kept: _Kept, who: str) -> QueueMember:
        for member in kept.queue.waiting:
            if who in (_FRONT, member.control.call.sid):
                return member
        path = f"{self._service.account_path}/Queues/{kept.record.sid}/Members/{who}.json"
        raise not_found(path)

    def _check_name(self, name: str) -> None:
        if not name:
            raise bad_parameter("A queue needs a name", _NAME_TOO_SHORT)
        if len(name) > _LONGEST_NAME:
            raise bad_parameter(
                f"A queue's name has at most {_LONGEST_NAME} characters", _NAME_TOO_LONG
            )
        if self._named(name) is not None:
            raise bad_parameter(f"There is a queue with the name {name!r}")

    @staticmethod
    def _check_size(size: int) -> None:
        if not 1 <= size <= _LARGEST:
            raise bad_parameter(f"Invalid MaxSize {size}: 1 to {_LARGEST}")


def _wait_script(session: CallSession, verb: Verb) -> TwimlSource | None:
    url = verb.attributes.get("waitUrl")
    if url is None:
        return None
    return TwimlSource(
        session.absolute(url) if url else "", verb.attribute("waitUrlMethod", "POST")
    )
