"""Retention: which recordings the clock deletes, and when nothing is left of a deleted one.

A recording that is deleted has no media from then on; its metadata is shown with
``IncludeSoftDeleted`` for 40 days, as the API description has it. An account may have a retention
time besides, after which each recording is deleted by itself (our choice: Twilio has no such
setting for calls).

What is due is done when recordings are asked for, and about once a second by the wall clock;
no timer waits for it, or a virtual clock would jump there when nothing else happens. The dates are
those of the moment when it was due, however late it is done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.recording_control import delete_recording
from mediasim.exchange.records import RecordingRecord
from mediasim.twilio.account_parts import AccountParts

__all__ = ["KEPT_NS", "Retention"]

KEPT_NS: Final = 40 * 86_400 * NS_PER_SECOND
"""Nanoseconds that a deleted recording's metadata stays: 40 days (API description)."""
_NEVER: Final = 1 << 63
_LOG: Final = logging.getLogger("mediasim")


class Retention:
    """Deletes the recordings of an account when their time has come. On the engine's loop."""

    def __init__(self, account: AccountParts) -> None:
        self._exchange = account.exchange
        self.period_ns: int | None = None
        """How long after its beginning a recording is deleted, in nanoseconds; None: never."""
        self.on_deleted: Callable[[RecordingRecord], object] = lambda record: None
        """Called with each recording that the clock has deleted."""
        self.on_forgotten: Callable[[str], object] = lambda sid: None
        """Called with the SID of each recording of which nothing is left."""
        self._next_ns = 0
        """Loop time before which nothing is due."""
        self._exchange.periodic.append(self.settle)

    def settle(self) -> None:
        """Do what is due by now."""
        exchange, now_ns = self._exchange, self._exchange.now_ns
        if now_ns < self._next_ns:
            return
        # What is recorded or deleted from now on is due after the shortest time there is.
        following = now_ns + min(KEPT_NS, self.period_ns or KEPT_NS)
        for record in exchange.catalogue.recordings():
            try:
                following = min(following, self._settle(record, now_ns))
            except OSError as error:
                _LOG.error("%s cannot be deleted: %s", record.sid, error)
                following = now_ns
        self._next_ns = following

    def _settle(self, record: RecordingRecord, now_ns: int) -> int:
        """Do what is due of one recording; return when more will be. Raises OSError."""
        while (due_ns := self._due_ns(record)) <= now_ns:
            if record.status == "deleted":
                self._exchange.store.forget(record.sid)
                self._exchange.catalogue.remove_recording(record.sid)
                self.on_forgotten(record.sid)
                return _NEVER
            delete_recording(self._exchange, record, due_ns)
            self.on_deleted(record)
        return due_ns

    def _due_ns(self, record: RecordingRecord) -> int:
        """Return the loop time at which a recording is deleted, or a deleted one forgotten."""
        if record.status == "deleted":
            return record.updated_ns + KEPT_NS + 1
        if self.period_ns is None:
            return _NEVER
        due_ns = record.created_ns + self.period_ns
        if record.status in ("completed", "absent"):
            return max(due_ns, record.updated_ns)
        return max(due_ns, self._exchange.now_ns + 1)  # not before it has ended
