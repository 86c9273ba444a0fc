"""The aftermath of a process's death: what is reported of the records that it carried.

A start after a crash and the front of a fleet whose worker has died report the same: a call's end
with its last status callbacks and a notification, a recording's end with its last callback.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from mediasim.exchange.events import CallEvent, Event, RecordingEvent
from mediasim.exchange.recovery import RecoveredRecording
from mediasim.sandbox.persistence import WriteBehindStore
from mediasim.twilio.account import Account

__all__ = ["Aftermath"]

_DIED: Final = 13000
"""Notification code of a call whose process has died."""


class Aftermath:
    """What is done for an account's records after the death of a process. On the engine's loop."""

    def __init__(
        self,
        service: Account,
        write_behind: WriteBehindStore | None,
        enter_event: Callable[[Event], object],
        process: str = "process",
    ) -> None:
        """``process`` is what has died, in words; ``enter_event`` adds an event to the log."""
        self._service = service
        self._write_behind = write_behind
        self._enter_event = enter_event
        self._process = process

    def report(self, kind: str, record: Any, party: str | None = None) -> None:
        """Store and report a record that was ended; ``party`` is the name of a call's party."""
        service, process = self._service, self._process
        if self._write_behind is not None:
            self._write_behind.changed(kind, record)
        at_ns, word, words = service.now_ns, f"{kind}.{record.status}", f"its {process} has died"
        if kind == "call":
            self._enter_event(
                CallEvent(
                    at_ns=at_ns,
                    kind=word,
                    text=f"{party or record.to}: {words}",
                    call_sid=record.sid,
                    parent_call_sid=record.parent_call_sid,
                )
            )
            service.notify(record.sid, _DIED, f"the {process} that carried the call has died")
        elif kind == "recording":
            self._enter_event(
                RecordingEvent(
                    at_ns=at_ns,
                    kind=word,
                    text=words,
                    recording_sid=record.sid,
                    call_sid=record.call_sid,
                    conference_sid=record.conference_sid,
                )
            )

    def complete(
        self, recovered: Iterable[RecoveredRecording], call_sids: Iterable[str] = ()
    ) -> None:
        """Send the last callbacks of calls and of recovered recordings.

        The journals of the recordings are deleted when rows and callbacks are done.
        """
        service, write_behind = self._service, self._write_behind
        service.statuses.resume(call_sids)
        journals = service.exchange.journals
        for each in recovered:
            sid = each.record.sid
            journals.begin(sid, each.path)
            if write_behind is not None:
                write_behind.await_row(journals, sid)
            service.recordings.resume(service.catalogue.recording(sid), each.journal)
            journals.done(sid, "media")
        if write_behind is not None:
            write_behind.write()
