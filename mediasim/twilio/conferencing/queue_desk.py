"""The account's queues: Enqueue waits in them, Dial takes from them, the app arranges them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.twilio.asks import Script
from mediasim.twilio.conferencing.playback import (
    SOUNDS,
    Unavailable,
    beside,
    entertain,
    play_through,
)
from mediasim.twilio.conferencing.queue import CallQueue, QueueResult, Waiting
from mediasim.twilio.errors import TwilioError, bad_parameter, not_found
from mediasim.twilio.resources import MemberRecord, QueueRecord
from mediasim.twilio.session import CallEnded, CallSession, FollowUp, HangUp
from mediasim.twilio.status import Params, call_params
from mediasim.twilio.twiml import Verb
from mediasim.twilio.verbs.bridge import Outcome, part, record_from, talk
from mediasim.twilio.webhooks import AppRequest

if TYPE_CHECKING:
    from mediasim.twilio.service import Service

__all__ = ["QueueDesk"]

_DEFAULT_SIZE: Final = 1000
_LARGEST: Final = 5000
_LONGEST_NAME: Final = 64
_NAME_TOO_SHORT: Final = 14204
_NAME_TOO_LONG: Final = 14205
_WHILE_WAITING: Final = (*SOUNDS, "Hangup", "Leave", "Gather")
"""Verbs that may stand in the document heard in a queue."""
_FRONT: Final = "Front"


class _Left(Exception):
    """The waiting document says Leave."""


class QueueDesk:
    """Every queue of the account; a book of its records."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._queues: dict[str, CallQueue] = {}
        self._waiting: dict[str, Waiting] = {}
        """By call SID."""

    # -- Enqueue ----------------------------------------------------------------------------

    async def wait(self, session: CallSession, verb: Verb) -> FollowUp | None:
        """Enqueue: until taken, told to leave, or the party hangs up (CallEnded)."""
        queue = self._entered(session, verb.text.strip())
        if queue is None:
            return self._follow(session, verb, [("QueueResult", "error")])
        most = min(queue.record(self._now_ns).max_size, verb.number("maxQueueSize", _LARGEST))
        if len(queue.waiting) >= most:
            return self._follow(session, verb, [("QueueResult", "queue-full")])
        member = queue.enter(session, self._now_ns)
        self._waiting[session.call.sid] = member
        try:
            result = await self._served(session, verb, queue, member)
        except asyncio.CancelledError:  # another document, from outside
            self._release(queue, member)
            result = "redirected-from-bridged" if member.bridged else "redirected"
            self._tell(session, verb, self._params(queue, member, result))
            raise
        except (CallEnded, HangUp):
            self._release(queue, member)
            result = "bridged" if member.bridged else "hangup"
            self._tell(session, verb, self._params(queue, member, result))
            raise
        self._release(queue, member)
        return self._follow(session, verb, self._params(queue, member, result))

    async def _served(
        self, session: CallSession, verb: Verb, queue: CallQueue, member: Waiting
    ) -> QueueResult:
        heard = entertain(
            beside(session),
            _wait_script(session, verb),
            lambda: queue.params(member, self._now_ns),
            _WHILE_WAITING,
            again=True,
        )
        try:
            await session.until(heard, member.taken.wait())
        except _Left:
            return "leave"
        except Unavailable:
            return "error"
        await session.until(member.finished.wait())
        return "bridged" if member.bridged else "bridging-in-process"

    def _release(self, queue: CallQueue, member: Waiting) -> None:
        queue.remove(member, self._now_ns)
        self._waiting.pop(member.session.call.sid, None)
        member.gone.set()

    def leave(self, session: CallSession) -> None:
        """Leave, in a waiting document; elsewhere there is nothing to be left."""
        if session.call.sid in self._waiting:
            raise _Left

    def _entered(self, session: CallSession, name: str) -> CallQueue | None:
        """The queue of a name, made where there is none; None, and a note, for a wrong name."""
        try:
            return self._named(name) or self._queues[self.create(name).sid]
        except TwilioError as error:
            self._service.notify(session.call.sid, error.code, error.message, session.base)
            return None

    def _params(self, queue: CallQueue, member: Waiting, result: QueueResult) -> Params:
        seconds = member.waited_until(self._now_ns) // NS_PER_SECOND
        return [
            ("QueueResult", result),
            ("QueueSid", queue.sid),
            ("QueueTime", str(seconds)),
        ]

    @staticmethod
    def _follow(session: CallSession, verb: Verb, params: Params) -> FollowUp | None:
        """The action's document goes on; without one, the next verb does."""
        action = verb.attribute("action")
        if not action:
            return None
        script = Script(session.absolute(action), verb.attribute("method", "POST"))
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
        queue = self._named(noun.text.strip())
        if queue is None:
            return
        session.answer()
        outcome.status = "no-answer"
        deadline_ns = self._now_ns + verb.seconds("timeout", 30) * NS_PER_SECOND
        record_from("ringing", session, verb, outcome)
        try:
            while True:
                late = session.exchange.sleep_until(deadline_ns)
                if await session.until(queue.front(), late) == 1:
                    return
                if not queue.waiting:
                    continue  # another has been quicker
                member = queue.waiting[0]
                if await self._connect(session, verb, noun, outcome, queue, member):
                    return
        finally:
            if outcome.recording is not None:
                outcome.recording.stop()

    async def _connect(
        self,
        session: CallSession,
        verb: Verb,
        noun: Verb,
        outcome: Outcome,
        queue: CallQueue,
        member: Waiting,
    ) -> bool:
        """Talk to a waiting call; False if it was gone before it could be connected."""
        queue.remove(member, self._now_ns)
        member.taken.set()
        try:
            if not await self._whisper(session, noun, queue, member):
                return False
            outcome.child = member.session.call
            outcome.status = "completed"
            member.bridged = True
            await talk(session, member.session, verb, outcome, member.gone.wait())
            return True
        finally:
            if member.bridged:
                part(session)
            member.finished.set()

    async def _whisper(
        self, session: CallSession, noun: Verb, queue: CallQueue, member: Waiting
    ) -> bool:
        """The noun's document, heard by the call from the queue; whether that is still there."""
        other = beside(member.session)
        other.base = session.base
        url = noun.attribute("url")
        if url:
            script = Script(session.absolute(url), noun.attribute("method", "POST"))
            params = [
                ("QueueSid", queue.sid),
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
        return member.session.call.active and not member.gone.is_set()

    # -- REST -------------------------------------------------------------------------------

    @property
    def _now_ns(self) -> int:
        return self._service.now_ns

    def _named(self, name: str) -> CallQueue | None:
        found = (each for each in self._queues.values() if self._name_of(each) == name)
        return next(found, None)

    def _name_of(self, queue: CallQueue) -> str:
        return queue.record(self._now_ns).friendly_name

    def _queue(self, sid: str) -> CallQueue:
        try:
            return self._queues[sid]
        except KeyError:
            raise not_found(f"{self._service.account_path}/Queues/{sid}.json") from None

    def all(self) -> list[QueueRecord]:
        """Oldest first."""
        return [queue.record(self._now_ns) for queue in self._queues.values()]

    def find(self, sid: str) -> QueueRecord:
        """Raises TwilioError (404) where there is none; so does all below."""
        return self._queue(sid).record(self._now_ns)

    def add(self, record: QueueRecord) -> None:
        """Enter a queue, with nobody in it. Raises TwilioError for a wrong or taken name."""
        self._check_name(record.friendly_name)
        self._check_size(record.max_size)
        self._queues[record.sid] = CallQueue(record)

    def found_elsewhere(self, sid: str, size: int, seconds: int) -> None:
        """So many calls wait in it in other processes, for so long on average."""
        self._queue(sid).elsewhere = size, seconds

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
        queue = self._queue(sid)
        return [queue.member_record(each, self._now_ns) for each in queue.waiting]

    def member(self, sid: str, who: str) -> MemberRecord:
        """By call SID, or ``Front``."""
        queue = self._queue(sid)
        return queue.member_record(self._member(queue, who), self._now_ns)

    def dequeue(self, sid: str, who: str, script: Script) -> MemberRecord:
        """POST /Queues/{sid}/Members/{who}: it goes on with another document."""
        queue = self._queue(sid)
        member = self._member(queue, who)
        queue.remove(member, self._now_ns)
        member.session.redirect(script)
        return queue.member_record(member, self._now_ns)

    def _member(self, queue: CallQueue, who: str) -> Waiting:
        for member in queue.waiting:
            if who in (_FRONT, member.session.call.sid):
                return member
        raise not_found(f"{self._service.account_path}/Queues/{queue.sid}/Members/{who}.json")

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


def _wait_script(session: CallSession, verb: Verb) -> Script | None:
    url = verb.attributes.get("waitUrl")
    if url is None:
        return None
    return Script(session.absolute(url) if url else "", verb.attribute("waitUrlMethod", "POST"))
