"""Changes for one open page as they happen: server-sent events.

A message holds the entries that are new or have changed, so an idle sandbox costs one look each 200
ms. Looks run on the engine's loop and compare marks of entries; only changed entries are encoded.
Source of the format: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Final, TypeVar

from mediasim.sandbox.engine import EngineStopped
from mediasim.sandbox.inspector.legs import Legs, levels
from mediasim.sandbox.inspector.summaries import (
    MOST_LISTED,
    call_summary,
    clock_summary,
    delivery_summary,
    message_summary,
    not_simulated,
    recording_summary,
)
from mediasim.sandbox.sandbox import Sandbox

__all__ = ["EventFeed"]

_LOOK_SECONDS: Final = 0.2
"""Seconds between looks."""
_QUIET_LOOKS: Final = 50
"""Number of looks without changes after which a comment keeps the connection alive."""
T = TypeVar("T")


class EventFeed:
    """The changes for one page."""

    def __init__(self, sandbox: Sandbox, legs: Legs) -> None:
        self._sandbox = sandbox
        self._legs = legs
        self._service: object = None
        self._marks: dict[str, object] = {}
        """Marks of the entries as the page has them, by identifier."""
        self._levels: dict[str, tuple[float, float]] = {}
        self._notes: dict[str, int] = {}
        """Number of notifications by call SID."""
        self._counted = 0
        """Number of notifications counted so far."""

    async def messages(self) -> AsyncIterator[str]:
        """Yield server-sent events until the sandbox ends."""
        ending, quiet = self._sandbox.ending, 0
        while not ending.is_set():
            if self._sandbox.workers is not None:
                await self._sandbox.workers.synchronize()
            try:
                news = await self._sandbox.engine.gate(self.look)
            except EngineStopped:
                return
            quiet = 0 if news else quiet + 1
            if news:
                yield f"data: {json.dumps(news, ensure_ascii=False)}\n\n"
            elif quiet % _QUIET_LOOKS == 0:
                yield ": still here\n\n"
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ending.wait(), _LOOK_SECONDS)

    def look(self) -> dict[str, Any]:
        """Return what has changed since the last look; on the engine's loop."""
        sandbox, service = self._sandbox, self._sandbox.service
        news: dict[str, Any] = {}
        if service is not self._service:
            self._service = service
            self._marks, self._levels = {}, {}
            self._notes, self._counted = {}, 0
            news["reset"] = True
        self._count_notes()
        catalogue = service.catalogue
        calls = self._changed(
            catalogue.calls()[-MOST_LISTED:],
            lambda entry: entry.sid,
            lambda entry: (entry.updated_ns, entry.status, self._notes.get(entry.sid, 0)),
        )
        recordings = self._changed(
            catalogue.recordings()[-MOST_LISTED:],
            lambda entry: entry.sid,
            lambda entry: (entry.updated_ns, entry.status),
        )
        deliveries = self._changed(
            service.webhooks.deliveries[-MOST_LISTED:],
            lambda entry: entry.id,
            lambda entry: (len(entry.attempts), entry.done),
        )
        if calls:
            news["calls"] = [
                call_summary(each, self._legs.party(each.sid), self._notes.get(each.sid, 0))
                for each in calls
            ]
        if recordings:
            news["recordings"] = [recording_summary(each) for each in recordings]
        if deliveries:
            news["deliveries"] = [delivery_summary(each) for each in deliveries]
        messages = self._changed(
            service.messages.all()[-MOST_LISTED:],
            lambda entry: entry.sid,
            lambda entry: (entry.updated_ns, entry.status, entry.media),
        )
        if messages:
            news["messages"] = [message_summary(service, each) for each in messages]
        missing = self._changed(
            [service.not_simulated], lambda _: "missing", lambda counts: counts.total()
        )
        if missing and service.not_simulated:
            news["not_simulated"] = not_simulated(service)
        present = levels(sandbox)
        if present != self._levels:
            self._levels = news["levels"] = present
        clock = clock_summary(sandbox)
        if news or self._clock_moved(clock):
            news["clock"] = clock
        return news

    def _changed(
        self, entries: Iterable[T], key: Callable[[T], str], mark: Callable[[T], object]
    ) -> list[T]:
        """Return the entries whose marks differ from the last look, and keep their marks."""
        found = []
        for entry in entries:
            name, now = key(entry), mark(entry)
            if self._marks.get(name) != now:
                self._marks[name] = now
                found.append(entry)
        return found

    def _clock_moved(self, clock: dict[str, Any]) -> bool:
        """Return whether the clock moved in a way that a page cannot compute."""
        seconds = None if clock["kind"] == "real" else clock["seconds"]
        return bool(
            self._changed([(clock["rate"], seconds)], lambda _: "clock", lambda entry: entry)
        )

    def _count_notes(self) -> None:
        """Count the notifications of each call."""
        notes = self._sandbox.service.notifications
        if len(notes) < self._counted:
            self._notes, self._counted = {}, 0
        for note in notes[self._counted :]:
            if note.call_sid is not None:
                self._notes[note.call_sid] = self._notes.get(note.call_sid, 0) + 1
        self._counted = len(notes)
