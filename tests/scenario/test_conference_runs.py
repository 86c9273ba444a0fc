"""Conferences: who hears whom and when, and what is recorded of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from staging import (
    PATH,
    Samples,
    acts,
    clip,
    kinds,
    named,
    on_exchange,
    party,
    pcm_of,
    seconds,
    stands_at,
)

from mediasim.exchange.events import ConferenceEvent
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.phone import Behavior, PartyControl
from mediasim.scenario.running.call_plans import (
    ConferencePlan,
    Moment,
    MutePlan,
    ParticipantPlan,
    PausePlan,
    RecordingPlan,
)
from mediasim.scenario.running.calls import PartyPhones
from mediasim.scenario.running.conferences import ConferenceRun

HELLO, REPLY, LAST = clip("hello"), clip("reply"), clip("last")
TOLD = RecordingPlan("main")


def who(name: str, join: float = 0, leave: float | None = None, **more: Any) -> ParticipantPlan:
    leave_ns = None if leave is None else seconds(leave)
    return ParticipantPlan(party(name), seconds(join), leave_ns, **more)


def muted(at: float, length: float | None = None) -> tuple[MutePlan, ...]:
    return (MutePlan(seconds(at), None if length is None else seconds(length)),)


def confer(
    directory: Path,
    participants: tuple[ParticipantPlan, ...],
    behaviors: dict[str, Behavior],
    *,
    profile: str = "2022-05",
    listeners: tuple[str, ...] = (),
    **plan: Any,
) -> Exchange:
    given = {"recording": TOLD, **plan}

    async def main(exchange: Exchange) -> Exchange:
        planned = ConferencePlan("main", participants, **given)
        await ConferenceRun(exchange, planned, PartyPhones(behaviors, frozenset(listeners))).run()
        return exchange

    return on_exchange(directory, main, profile)


def hearing(heard: list[Samples], behavior: Behavior) -> Behavior:
    """Listen from joining on, beside what the party does."""

    async def act(control: PartyControl) -> None:
        call = control.call
        assert call.line is not None
        assert call.line.receiver is not None
        call.line.receiver.listeners.append(lambda _first, pcm: heard.append(pcm.copy()))
        await behavior(control)

    return act


def told(exchange: Exchange) -> list[tuple[str, float]]:
    return [
        (event.text, event.at_ns / 1e9)
        for event in exchange.events.log
        if isinstance(event, ConferenceEvent)
    ]


# -- who comes and goes ---------------------------------------------------------------------


def test_it_starts_when_two_have_joined_and_ends_with_the_last_to_leave(tmp_path: Path) -> None:
    exchange = confer(tmp_path, (who("ann", 2, 9), who("bob", 3, 7)), {})
    path = PATH / 8000
    assert told(exchange) == [
        ("ann joined", 2),
        ("bob joined", 3),
        ("the conference started", 3),
        ("bob left", 7 + path),
        ("ann left", 9 + path),
        ("the conference ended", 9 + path),
    ]
    (record,) = exchange.catalogue.conferences()
    assert (record.status, record.reason_ended) == ("completed", "last-participant-left")
    assert named(exchange, "main").record.start_ns == seconds(3)
    assert pcm_of(exchange).shape == (1, 6 * 8000 + PATH)


def test_late_joiners_are_recorded_from_when_they_join(tmp_path: Path) -> None:
    exchange = confer(
        tmp_path,
        (who("ann"), who("cleo"), who("bob", 3.0)),
        {"ann": acts(HELLO, 6.0), "bob": acts(0.5, REPLY)},
    )
    (mixed,) = pcm_of(exchange)
    assert np.array_equal(mixed[PATH : PATH + 8000], HELLO)
    at = 3 * 8000 + 4000 + PATH
    assert np.array_equal(mixed[at : at + 8000], REPLY)
    assert not mixed[8000 + PATH : at].any()


def test_who_leaves_is_not_heard_any_more_and_the_others_go_on(tmp_path: Path) -> None:
    exchange = confer(
        tmp_path,
        (who("ann", 0, 2.5), who("bob")),
        {"ann": acts(HELLO, 1.0, LAST, 60.0), "bob": acts(5.0, REPLY)},
    )
    (mixed,) = pcm_of(exchange)
    assert np.array_equal(mixed[16000 + PATH : 20000 + PATH], LAST[:4000])
    assert not mixed[20000 + PATH : 40000].any()
    assert stands_at(mixed, REPLY) == 40000 + PATH
    ann, bob = exchange.calls
    assert ann.record.ended_ns == seconds(2.6)
    assert bob.record.ended_ns is not None
    assert bob.record.ended_ns > seconds(6)


def test_who_hangs_up_by_itself_has_left(tmp_path: Path) -> None:
    exchange = confer(
        tmp_path,
        (who("ann"), who("bob")),
        {"ann": acts(1.0, LAST, "hangup"), "bob": acts(5.0)},
    )
    assert ("ann left", 2.1) in told(exchange)
    assert stands_at(pcm_of(exchange)[0], LAST) == 8000 + PATH


def test_everybody_stays_until_nobody_has_anything_to_do(tmp_path: Path) -> None:
    exchange = confer(tmp_path, (who("ann"), who("bob"), who("cleo", 4)), {"cleo": acts(HELLO)})
    ended = {call.record.ended_ns for call in exchange.calls}
    assert len(ended) == 1
    assert seconds(5) < (ended.pop() or 0) < seconds(6)


def test_a_set_end_takes_everybody_off_at_once(tmp_path: Path) -> None:
    exchange = confer(
        tmp_path,
        (who("ann"), who("bob"), who("late", 60)),
        {"ann": acts(HELLO), "bob": acts(60.0)},
        end_ns=seconds(4),
    )
    (record,) = exchange.catalogue.conferences()
    assert record.reason_ended == "conference-ended-via-api"
    assert [call.record.ended_ns for call in exchange.calls] == [seconds(4)] * 2
    assert pcm_of(exchange).shape == (1, 32000)
    assert kinds(exchange).count("conference.left") == 2


def test_leaving_cuts_off_what_one_was_about_to_do(tmp_path: Path) -> None:
    exchange = confer(
        tmp_path,
        (who("ann", 0, 3), who("bob", 0, 6)),
        {"ann": acts(4.0, "never", HELLO)},
    )
    assert "never" not in kinds(exchange)


# -- who is heard ---------------------------------------------------------------------------


def test_each_hears_the_others_and_not_itself(tmp_path: Path) -> None:
    heard: list[Samples] = []
    confer(
        tmp_path,
        (who("ann"), who("bob")),
        {"ann": hearing(heard, acts(1.0, HELLO, 3.0)), "bob": acts(2.5, REPLY)},
        listeners=("ann",),
    )
    sent = np.concatenate(heard)
    assert stands_at(sent, REPLY) is not None
    assert stands_at(sent, HELLO) is None


def test_what_is_said_at_once_is_one_sum_in_the_recording(tmp_path: Path) -> None:
    exchange = confer(tmp_path, (who("ann"), who("bob")), {"ann": acts(HELLO), "bob": acts(REPLY)})
    total = np.clip(HELLO.astype(np.int32) + REPLY, -32768, 32767)
    assert np.array_equal(pcm_of(exchange)[0, PATH : PATH + 8000], total)


def test_who_is_muted_is_neither_heard_nor_recorded_for_exactly_so_long(tmp_path: Path) -> None:
    heard: list[Samples] = []
    long = clip("long", 4.0)
    exchange = confer(
        tmp_path,
        (who("ann", mutes=muted(1.5, 1.0)), who("bob")),
        {"ann": acts(long), "bob": hearing(heard, acts(5.0))},
        listeners=("bob",),
    )
    (mixed,) = pcm_of(exchange)
    expected = long.copy()
    expected[12000 - PATH : 20000 - PATH] = 0
    assert np.array_equal(mixed[PATH : PATH + 32000], expected)
    assert stands_at(np.concatenate(heard), expected) is not None
    words = [text for text, _ in told(exchange)]
    assert words.index("ann is muted") < words.index("ann is heard again")


def test_who_joins_after_its_mute_has_begun_is_muted_from_the_start(tmp_path: Path) -> None:
    exchange = confer(
        tmp_path,
        (who("ann", 2, mutes=muted(1)), who("bob")),
        {"ann": acts(HELLO, 5.0), "bob": acts(4.0, REPLY)},
    )
    (mixed,) = pcm_of(exchange)
    assert not mixed[: 2 * 8000].any()  # from when ann, the second, has joined
    assert stands_at(mixed, REPLY) == 2 * 8000 + PATH


def test_a_mute_of_somebody_who_has_left_is_nothing(tmp_path: Path) -> None:
    exchange = confer(tmp_path, (who("ann", 0, 2, mutes=muted(3, 1)), who("bob", 0, 6)), {})
    assert "conference.muted" not in kinds(exchange)


def test_who_holds_the_conference_hears_and_says_nothing(tmp_path: Path) -> None:
    heard: list[Samples] = []
    exchange = confer(
        tmp_path,
        (who("ann"), who("bob")),
        {
            "ann": hearing(heard, acts("hold", HELLO, 2.0, "resume", LAST, 3.0)),
            "bob": acts(1.5, REPLY, 3.0, REPLY),
        },
        listeners=("ann",),
    )
    (mixed,) = pcm_of(exchange)
    assert stands_at(mixed, HELLO) is None
    assert stands_at(mixed, LAST) == 24000 + PATH
    assert stands_at(mixed, REPLY) == 12000 + PATH
    sent = np.concatenate(heard)
    again = stands_at(sent, REPLY)
    assert again is not None
    assert again > 5 * 8000  # the first time it was on hold
    assert kinds(exchange).count("call.held") == kinds(exchange).count("call.resumed") == 1


# -- recording ------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", ["mono", "dual"])
@pytest.mark.parametrize("profile", ["2016-legacy", "2022-05"])
def test_it_is_recorded_in_one_mixed_channel_whatever_was_asked(
    tmp_path: Path, channels: Any, profile: str
) -> None:
    exchange = confer(
        tmp_path,
        (who("ann"), who("bob")),
        {"ann": acts(HELLO), "bob": acts(2.0, REPLY)},
        recording=RecordingPlan("main", channels=channels),
        profile=profile,
    )
    (mixed,) = pcm_of(exchange)
    assert (stands_at(mixed, HELLO), stands_at(mixed, REPLY)) == (PATH, 16000 + PATH)


def test_in_two_channels_the_first_to_join_is_alone_in_one(tmp_path: Path) -> None:
    exchange = confer(
        tmp_path,
        (who("ann", 1), who("bob"), who("cleo", 2)),
        {"ann": acts(1.0, HELLO), "bob": acts(2.0, REPLY), "cleo": acts(2.5, LAST)},
        profile="2025-09",
    )
    first, others = pcm_of(exchange)
    assert stands_at(first, REPLY) == 8000 + PATH  # bob
    assert stands_at(first, HELLO) is None
    one, other = others[8000 + PATH :][:8000], others[28000 + PATH :][:8000]
    assert np.array_equal(one, HELLO)
    assert np.array_equal(other, LAST)
    entries = named(exchange, "main").record.channel_map
    assert [(it.leg, it.party, it.role) for it in entries] == [
        ("main/bob", "bob", "first-participant"),
        ("mix", None, "everyone-else"),
    ]


def test_when_the_first_to_join_has_left_its_channel_is_silent(tmp_path: Path) -> None:
    exchange = confer(
        tmp_path,
        (who("ann", 0, 1.5), who("bob")),
        {"ann": acts(HELLO), "bob": acts(3.0, REPLY)},
        profile="2025-09",
    )
    first, others = pcm_of(exchange)
    assert stands_at(first, HELLO) == PATH
    assert not first[8000 + PATH :].any()
    assert stands_at(others, REPLY) == 24000 + PATH


def test_its_record_names_the_conference_and_the_first_call(tmp_path: Path) -> None:
    exchange = confer(tmp_path, (who("ann", 1), who("bob")), {"ann": acts(HELLO)})
    record = named(exchange, "main").record
    (conference,) = exchange.catalogue.conferences()
    assert (record.source, record.conference_sid) == ("Conference", conference.sid)
    assert record.call_sid == exchange.calls[0].sid
    assert exchange.calls[0].party.name == "bob"
    assert exchange.catalogue.recordings(conference=conference.sid) == [record]


def test_it_can_be_recorded_later_paused_and_stopped(tmp_path: Path) -> None:
    plan = RecordingPlan(
        "main",
        start=Moment(at_ns=seconds(1)),
        pauses=(PausePlan(Moment(at_ns=seconds(2)), for_ns=seconds(1)),),
        stop=Moment(at_ns=seconds(4)),
    )
    behaviors = {"ann": acts(clip("long", 6.0))}
    exchange = confer(tmp_path, (who("ann"), who("bob")), behaviors, recording=plan)
    (mixed,) = pcm_of(exchange)
    expected = clip("long", 6.0)[8000 - PATH : 32000 - PATH].copy()
    expected[8000:16000] = 0
    assert np.array_equal(mixed, expected)


def test_it_need_not_be_recorded(tmp_path: Path) -> None:
    exchange = confer(tmp_path, (who("ann"),), {"ann": acts(HELLO)}, recording=None)
    assert exchange.recordings == []
    assert "conference.ended" in kinds(exchange)
