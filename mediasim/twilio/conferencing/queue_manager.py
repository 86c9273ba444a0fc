"""The queues of an account: Enqueue waits in them, Dial takes from them, REST changes them."""

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
from mediasim.twilio.conferencing.playback import (
    SOUNDS,
    beside,
    entertain,
    play_through,
    wait_source,
)
from mediasim.twilio.errors import TwilioError, bad_parameter, not_found
from mediasim.twilio.requests import Callback, Params, TwimlSource
from mediasim.twilio.resources import MemberRecord, QueueRecord
from mediasim.twilio.session import CallDocuments, CallSession, FollowUp, HangUp
from mediasim.twilio.status import call_params
from mediasim.twilio.twiml import Verb
from mediasim.twilio.verbs.dial import DialVerbRecording, Outcome, talk_options

__all__ = ["QueueManager"]

_DEFAULT_SIZE: Final = 1000
_LARGEST: Final = 5000
_LONGEST_NAME: Final = 64
_NAME_TOO_SHORT: Final = 14204
_NAME_TOO_LONG: Final = 14205
_QUEUE_FULL: Final = 14207
_DIALLED_TOO_SHORT: Final = 14212
_DIALLED_TOO_LONG: Final = 14213
_WHILE_WAITING: Final = (*SOUNDS, "Hangup", "Leave", "Gather")
"""Verbs that are allowed in the document heard in a queue."""
_FRONT: Final = "Front"


@dataclass(frozen=True, slots=True)
class _Entry:
    """A queue of calls and its record."""

    queue: CallQueue
    record: QueueRecord


class QueueManager:
    """All queues of the account."""

    def __init__(self, account: CallDocuments) -> None:
        self._account = account
        self._queues: dict[str, _Entry] = {}
        self._waiting: dict[str, QueueMember] = {}
        """QueueMember calls by call SID."""

    # -- Enqueue ----------------------------------------------------------------------------

    async def wait(self, session: CallSession, verb: Verb) -> FollowUp | None:
        """Wait in a queue until taken or removed, for Enqueue.

        Raises CallEnded if the party hangs up, HangUp if the waiting document ends the call.
        """
        entry = self._entered(session, verb.text.strip())
        if entry is None:
            return session.action(verb, [("QueueResult", "error")])
        queue = entry.queue
        most = min(entry.record.max_size, verb.number("maxQueueSize", _LARGEST))
        if len(queue.waiting) >= most:
            words = f"Enqueue: The targeted queue reached max queue size: {most}"
            session.warn(_QUEUE_FULL, words, verb.line)
            return session.action(verb, [("QueueResult", "queue-full")])
        member = self._waiting[session.call.sid] = queue.enter(session)
        heard = entertain(
            beside(session),
            wait_source(session, verb, "waitUrlMethod"),
            lambda: self._waiting_params(entry, member),
            _WHILE_WAITING,
            again=True,
        )
        try:
            result = await queue.wait(member, heard)
        except asyncio.CancelledError:  # by a redirect to another document
            result = "redirected-from-bridged" if member.bridged else "redirected"
            self._send_result(session, verb, self._params(entry, member, result))
            raise
        except (CallEnded, HangUp):
            result = "bridged" if member.bridged else "hangup"
            self._send_result(session, verb, self._params(entry, member, result))
            raise
        finally:
            queue.release(member)
            self._waiting.pop(session.call.sid, None)
        return session.action(verb, self._params(entry, member, result))

    async def leave(self, session: CallSession, verb: Verb) -> None:
        """Leave the queue, for Leave in a waiting document; elsewhere it does nothing."""
        if session.call.sid in self._waiting:
            raise LeftQueue

    def _entered(self, session: CallSession, name: str) -> _Entry | None:
        """Find or create the queue of a name; return None, after a notification, if it is wrong."""
        try:
            account_sid = session.call.record.account_sid
            found = self._named(name, account_sid)
            return found or self._queues[self.create(name, account_sid=account_sid).sid]
        except TwilioError as error:
            session.refused(error)
            return None

    def _params(self, entry: _Entry, member: QueueMember, result: QueueResult) -> Params:
        seconds = member.waited_until(self._now_ns) // NS_PER_SECOND
        return [
            ("QueueResult", result),
            ("QueueSid", entry.record.sid),
            ("QueueTime", str(seconds)),
        ]

    def _waiting_params(self, entry: _Entry, member: QueueMember) -> Params:
        """Return the parameters of requests for a waiting call's document."""
        record = self._refreshed(entry)
        return [
            ("QueueSid", record.sid),
            ("QueuePosition", str(entry.queue.position(member))),
            ("QueueTime", str(member.waited_until(self._now_ns) // NS_PER_SECOND)),
            ("AvgQueueTime", str(record.average_wait_seconds)),
            ("CurrentQueueSize", str(record.current_size)),
            ("MaxQueueSize", str(record.max_size)),
        ]

    def _send_result(self, session: CallSession, verb: Verb, params: Params) -> None:
        """Send the result to the action of a call that will not execute the action's document."""
        if follow_up := session.action(verb, params):
            action = Callback(follow_up.source.url or "", follow_up.source.method)
            all_params = call_params(session.call.record) + params
            self._account.send_callback(action, all_params, "action", session.call.sid)

    # -- Dial -------------------------------------------------------------------------------

    async def dial(self, session: CallSession, verb: Verb, noun: Verb, outcome: Outcome) -> None:
        """Take the first call of a queue, play the noun's document to it, and connect it."""
        name = noun.text.strip()
        if not 1 <= len(name) <= _LONGEST_NAME:
            code = _DIALLED_TOO_LONG if name else _DIALLED_TOO_SHORT
            words = f"Dial->Queue: a queue's name has 1 to {_LONGEST_NAME} characters"
            session.warn(code, words, noun.line)
        entry = self._named(name, session.call.record.account_sid)
        if entry is None:
            return
        recording = DialVerbRecording(session, verb)
        talk = ConnectedCalls(session, recording=recording, **talk_options(verb))
        timeout_ns = verb.seconds("timeout", 30) * NS_PER_SECOND
        try:
            with talk.recording():
                await entry.queue.dial(
                    talk, timeout_ns, partial(self._whisper, session, noun, entry)
                )
        finally:
            outcome.status, outcome.child = talk.status, talk.child
            outcome.bridged, outcome.recording = talk.bridged, recording.recording

    async def _whisper(
        self, session: CallSession, noun: Verb, entry: _Entry, member: QueueMember
    ) -> bool:
        """Play the noun's document to the call of the queue; return whether it is still there."""
        assert isinstance(member.control, CallSession)
        other = beside(member.control)
        other.base = session.base
        url = noun.attribute("url")
        if url:
            params = [
                ("QueueSid", entry.record.sid),
                ("QueueTime", str(member.waited_until(self._now_ns) // NS_PER_SECOND)),
                ("DequeingCallSid", session.call.sid),  # Twilio's spelling
            ]
            whispered = play_through(other, session.source(url, noun), lambda: params)
            try:
                await session.until(whispered, member.gone.wait())
            except Unavailable:
                pass  # there is a notification, and the calls are connected without the document
            except CallEnded:
                if session.call.ended.is_set():
                    raise
        return member.control.call.active and not member.gone.is_set()

    # -- REST -------------------------------------------------------------------------------

    @property
    def _now_ns(self) -> int:
        return self._account.now_ns

    def _named(self, name: str, account_sid: str) -> _Entry | None:
        """Return the queue of a name in an account; None if the account has none."""
        for entry in self._queues.values():
            if (entry.record.friendly_name, entry.record.account_sid) == (name, account_sid):
                return entry
        return None

    def _entry(self, sid: str) -> _Entry:
        try:
            return self._queues[sid]
        except KeyError:
            raise not_found(f"{self._account.account_path}/Queues/{sid}.json") from None

    def _refreshed(self, entry: _Entry) -> QueueRecord:
        """Return the record of a queue, with its size and average wait of now."""
        record, queue = entry.record, entry.queue
        record.current_size = queue.size
        record.average_wait_seconds = queue.average_wait_seconds(self._now_ns)
        return record

    def _member_record(self, entry: _Entry, member: QueueMember) -> MemberRecord:
        return MemberRecord(
            account_sid=entry.record.account_sid,
            queue_sid=entry.record.sid,
            call_sid=member.control.call.sid,
            enqueued_ns=member.enqueued_ns,
            position=entry.queue.position(member),
            waited_ns=member.waited_until(self._now_ns),
        )

    def all(self) -> list[QueueRecord]:
        """Return the records of all queues, oldest first."""
        return [self._refreshed(entry) for entry in self._queues.values()]

    def find(self, sid: str) -> QueueRecord:
        """Return the record of a queue. Raises TwilioError (404) if there is none."""
        return self._refreshed(self._entry(sid))

    def add(self, record: QueueRecord) -> None:
        """Add an empty queue. Raises TwilioError if its name or size is wrong, or it exists."""
        self._check_name(record.friendly_name, record.account_sid)
        self._check_size(record.max_size)
        self._queues[record.sid] = _Entry(CallQueue(), record)

    def set_remote(self, sid: str, size: int, seconds: int) -> None:
        """Set the size and the average wait in seconds of a queue in the other processes."""
        self._entry(sid).queue.remote = size, seconds

    def create(
        self, name: str, max_size: int | None = None, *, account_sid: str | None = None
    ) -> QueueRecord:
        """Create a queue: POST /Queues. Raises TwilioError if its name or size is wrong.

        ``account_sid`` is the subaccount that it belongs to; None for the main account.
        """
        record = QueueRecord(
            sid=self._account.exchange.sids.new("QU"),
            account_sid=account_sid or self._account.sid,
            friendly_name=name,
            created_ns=self._now_ns,
            max_size=_DEFAULT_SIZE if max_size is None else max_size,
        )
        self.add(record)
        return record

    def update(self, sid: str, name: str | None = None, max_size: int | None = None) -> QueueRecord:
        """Rename or resize a queue: POST /Queues/{sid}; calls beyond a smaller size stay.

        Raises TwilioError if there is none, or its name or size is wrong.
        """
        record = self.find(sid)
        if name is not None and name != record.friendly_name:
            self._check_name(name, record.account_sid)
        if max_size is not None:
            self._check_size(max_size)
        record.friendly_name = record.friendly_name if name is None else name
        record.max_size = record.max_size if max_size is None else max_size
        record.updated_ns = self._now_ns
        return record

    def remove(self, sid: str) -> QueueRecord:
        """Delete a queue: DELETE /Queues/{sid}. Raises TwilioError if calls wait in it."""
        record = self.find(sid)
        if record.current_size:
            raise bad_parameter(f"Queue {sid} is not empty: {record.current_size} calls wait in it")
        del self._queues[sid]
        return record

    def members(self, sid: str) -> list[MemberRecord]:
        """Return the members of a queue in order. Raises TwilioError (404) if there is no queue."""
        entry = self._entry(sid)
        return [self._member_record(entry, each) for each in entry.queue.waiting]

    def member(self, sid: str, who: str) -> MemberRecord:
        """Return a member by call SID or ``Front``. Raises TwilioError (404) if there is none."""
        entry = self._entry(sid)
        return self._member_record(entry, self._member(entry, who))

    def dequeue(self, sid: str, who: str, source: TwimlSource) -> MemberRecord:
        """Redirect a member to another document: POST /Queues/{sid}/Members/{who}.

        Raises TwilioError (404) if there is none.
        """
        entry = self._entry(sid)
        member = self._member(entry, who)
        entry.queue.remove(member)
        assert isinstance(member.control, CallSession)
        member.control.redirect(source)
        return self._member_record(entry, member)

    def _member(self, entry: _Entry, who: str) -> QueueMember:
        for member in entry.queue.waiting:
            if who in (_FRONT, member.control.call.sid):
                return member
        path = f"{self._account.account_path}/Queues/{entry.record.sid}/Members/{who}.json"
        raise not_found(path)

    def _check_name(self, name: str, account_sid: str) -> None:
        if not name:
            raise bad_parameter("A queue needs a name", _NAME_TOO_SHORT)
        if len(name) > _LONGEST_NAME:
            raise bad_parameter(
                f"A queue's name has at most {_LONGEST_NAME} characters", _NAME_TOO_LONG
            )
        if self._named(name, account_sid) is not None:
            raise bad_parameter(f"There is a queue with the name {name!r}")

    @staticmethod
    def _check_size(size: int) -> None:
        if not 1 <= size <= _LARGEST:
            raise bad_parameter(f"Invalid MaxSize {size}: 1 to {_LARGEST}")
