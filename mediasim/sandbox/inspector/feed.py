"""What changed, told to one open page as it happens: server-sent events.

A message holds the entries that are new or other than they were, so an idle sandbox costs a look
now and then. The looks are on the engine's loop and compare marks; only what changed is written
out. Source of the format: https://html.spec.whatwg.org/multipage/server-sent-events.html
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
    recording_summary,
)
from mediasim.sandbox.sandbox import Sandbox

__all__ = ["EventFeed"]

_EVERY: Final = 0.2
"""Seconds between looks."""
_SIGN_OF_LIFE: Final = 50
"""Looks without news after which the page is told that there are none."""
T = TypeVar("T")


class EventFeed:
    """For one page."""

    def __init__(self, sandbox: Sandbox, legs: Legs) -> None:
        self._sandbox = sandbox
        self._legs = legs
        self._service: object = None
        self._marks: dict[str, object] = {}
        self._levels: dict[str, tuple[float, float]] = {}
        self._troubles: dict[str, int] = {}
        self._noted = 0

    async def messages(self) -> AsyncIterator[str]:
        """Until the sandbox ends."""
        ending, quiet = self._sandbox.ending, 0
        while not ending.is_set():
            if self._sandbox.elsewhere is not None:
                await self._sandbox.elsewhere.heard()
            try:
                news = await self._sandbox.engine.gate(self.look)
            except EngineStopped:
                return
            quiet = 0 if news else quiet + 1
            if news:
                yield f"data: {json.dumps(news, ensure_ascii=False)}\n\n"
            elif quiet % _SIGN_OF_LIFE == 0:
                yield ": still here\n\n"
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ending.wait(), _EVERY)

    def look(self) -> dict[str, Any]:
        """What is new since the last look; on the engine's loop."""
        sandbox, service = self._sandbox, self._sandbox.service
        news: dict[str, Any] = {}
        if service is not self._service:
            self._service = service
            self._marks, self._levels = {}, {}
            self._troubles, self._noted = {}, 0
            news["reset"] = True
        self._count_troubles()
        catalogue = service.catalogue
        calls = self._changed(
            catalogue.calls()[-MOST_LISTED:],
            lambda it: it.sid,
            lambda it: (it.updated_ns, it.status, self._troubles.get(it.sid, 0)),
        )
        recordings = self._changed(
            catalogue.recordings()[-MOST_LISTED:],
            lambda it: it.sid,
            lambda it: (it.updated_ns, it.status),
        )
        deliveries = self._changed(
            service.webhooks.deliveries[-MOST_LISTED:],
            lambda it: it.id,
            lambda it: (len(it.attempts), it.done),
        )
        if calls:
            news["calls"] = [
                call_summary(each, self._legs.party(each.sid), self._troubles.get(each.sid, 0))
                for each in calls
            ]
        if recordings:
            news["recordings"] = [recording_summary(each) for each in recordings]
        if deliveries:
            news["deliveries"] = [delivery_summary(each) for each in deliveries]
        heard = levels(sandbox)
        if heard != self._levels:
            self._levels = news["levels"] = heard
        clock = clock_summary(sandbox)
        if news or self._clock_moved(clock):
            news["clock"] = clock
        return news

    def _changed(
        self, entries: Iterable[T], key: Callable[[T], str], mark: Callable[[T], object]
    ) -> list[T]:
        found = []
        for entry in entries:
            name, now = key(entry), mark(entry)
            if self._marks.get(name) != now:
                self._marks[name] = now
                found.append(entry)
        return found

    def _clock_moved(self, clock: dict[str, Any]) -> bool:
        """Otherwise than a page can tell by itself."""
        seconds = None if clock["kind"] == "real" else clock["seconds"]
        return bool(self._changed([(clock["rate"], seconds)], lambda _: "clock", lambda it: it))

    def _count_troubles(self) -> None:
        notes = self._sandbox.service.notifications
        if len(notes) < self._noted:
            self._troubles, self._noted = {}, 0
        for note in notes[self._noted :]:
            if note.call_sid is not None:
                self._troubles[note.call_sid] = self._troubles.get(note.call_sid, 0) + 1
        self._noted = len(notes)
