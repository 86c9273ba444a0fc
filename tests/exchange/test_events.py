from __future__ import annotations

import asyncio

import pytest

from mediasim.exchange.events import EXCHANGE_EVENTS, CallEvent, Event, Events, ScriptEvent
from mediasim.net.virtual_loop import VirtualLoop


def event(kind: str, at_ns: int = 0) -> ScriptEvent:
    return ScriptEvent(at_ns=at_ns, kind=kind, text=kind, party="ann")


def test_an_event_is_logged_then_told_under_its_kind_then_to_all() -> None:
    events = Events()
    told: list[tuple[str, str, int]] = []
    events.on("event", lambda it: told.append(("all", it.kind, len(events.log))))
    events.on("ready", lambda it: told.append(("one", it.kind, len(events.log))))
    events.emit(event("ready"))
    events.emit(event("steady"))
    assert told == [("one", "ready", 1), ("all", "ready", 1), ("all", "steady", 2)]
    assert [it.kind for it in events.log] == ["ready", "steady"]


def test_what_has_happened_is_not_waited_for() -> None:
    events = Events()
    events.emit(event("ready", 1))
    events.emit(event("ready", 2))
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(events.wait("ready")).at_ns == 1


def test_everybody_who_waits_is_woken_by_the_first_one() -> None:
    events = Events()

    async def main() -> list[Event]:
        loop = asyncio.get_running_loop()
        for at in (1, 2):
            loop.call_later(at, events.emit, event("ready", at))
        waits = (events.wait("ready"), events.wait("ready"), events.wait("ready"))
        return list(await asyncio.gather(*waits))

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert [it.at_ns for it in runner.run(main())] == [1, 1, 1]


def test_who_no_longer_waits_is_not_woken() -> None:
    events = Events()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(events.wait("ready"), 1)
        events.emit(event("ready"))

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


def test_an_event_names_what_it_happened_to() -> None:
    assert event("ready").subject == "ann"
    assert Event(at_ns=0, kind="x", text="").subject == ""
    assert CallEvent(at_ns=0, kind="call.answered", text="", call_sid="CA1").subject == "CA1"


def test_the_exchange_s_own_kinds_have_a_family_and_come_once() -> None:
    assert len(set(EXCHANGE_EVENTS)) == len(EXCHANGE_EVENTS)
    families = {kind.split(".")[0] for kind in EXCHANGE_EVENTS}
    assert families == {"call", "recording", "conference", "dtmf"}
    assert "call.in-progress" not in EXCHANGE_EVENTS
