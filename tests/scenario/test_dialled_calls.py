"""Two-party calls: how they come about, what is recorded of them, and how they end."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from staging import (
    PATH,
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

from mediasim.exchange.call_control import CallControl
from mediasim.exchange.dial import Dial, DialledLeg
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.phone import Answering, Behavior, Outcome, Phone
from mediasim.scenario.running.call_plans import (
    DialPlan,
    Moment,
    PausePlan,
    RecordingPlan,
    TransferPlan,
)
from mediasim.scenario.running.calls import CallerLeg, DialledCall, PartyPhones

HELLO, REPLY, LAST = clip("hello"), clip("reply"), clip("last")
DUAL = RecordingPlan("main", channels="dual")


def call(
    directory: Path,
    behaviors: dict[str, Behavior],
    early: dict[str, Behavior] | None = None,
    **plan: Any,
) -> Exchange:
    """Ann calls Bob, who answers after a second unless told otherwise."""
    parties = {"caller": party("ann"), "callee": party("bob"), **plan}
    parties.setdefault("recordings", (DUAL,))

    async def main(exchange: Exchange) -> Exchange:
        phones = PartyPhones(behaviors, frozenset(), early)
        await DialledCall(exchange, DialPlan("main", **parties), phones).run()
        return exchange

    return on_exchange(directory, main)


def legs(exchange: Exchange) -> list[tuple[str, str]]:
    return [(leg.party.name, leg.record.status) for leg in exchange.calls]


# -- how it comes about ---------------------------------------------------------------------


def test_each_party_is_in_its_own_channel_to_the_sample(tmp_path: Path) -> None:
    exchange = call(tmp_path, {"ann": acts(HELLO), "bob": acts(2.0, REPLY)})
    caller, callee = pcm_of(exchange)
    assert stands_at(caller, HELLO) == PATH
    assert stands_at(callee, REPLY) == 16000 + PATH
    assert not caller[8000 + PATH :].any()
    assert legs(exchange) == [("ann", "completed"), ("bob", "completed")]


def test_the_records_tell_parent_and_child(tmp_path: Path) -> None:
    exchange = call(tmp_path, {"ann": acts(4.0)}, answering=Answering(after_ns=seconds(3)))
    parent, child = (leg.record for leg in exchange.calls)
    assert (parent.direction, parent.parent_call_sid) == ("inbound", None)
    assert (child.direction, child.parent_call_sid) == ("outbound-dial", parent.sid)
    assert (parent.duration_seconds(), child.duration_seconds()) == (8, 5)
    assert named(exchange, "main").record.call_sid == parent.sid


@pytest.mark.parametrize(
    ("answering", "timeout", "status", "ended"),
    [
        (Answering("busy"), 30, "busy", 0),
        (Answering("reject", seconds(2)), 30, "busy", 2),
        (Answering("no-answer"), 5, "no-answer", 5),
        (Answering("answer", seconds(9)), 5, "no-answer", 5),
    ],
)
@pytest.mark.parametrize("on_bridge", [True, False])
def test_calls_that_nobody_answers(
    tmp_path: Path, answering: Answering, timeout: int, status: str, ended: int, on_bridge: bool
) -> None:
    exchange = call(
        tmp_path,
        {"ann": acts(HELLO)},
        answering=answering,
        timeout_ns=seconds(timeout),
        answer_on_bridge=on_bridge,
    )
    assert legs(exchange) == [("ann", status if on_bridge else "completed"), ("bob", status)]
    assert exchange.calls[0].record.ended_ns == seconds(ended)
    assert not exchange.recordings


def test_a_caller_that_hangs_up_while_it_rings_cancels_the_child(tmp_path: Path) -> None:
    exchange = call(
        tmp_path,
        {"ann": acts(3.0, "hangup")},
        dial_after_ns=seconds(1),
        answering=Answering(after_ns=seconds(10)),
    )
    assert legs(exchange) == [("ann", "completed"), ("bob", "canceled")]


def test_a_caller_that_hangs_up_before_anybody_is_dialled(tmp_path: Path) -> None:
    exchange = call(tmp_path, {"ann": acts(1.0, "hangup")}, dial_after_ns=seconds(5))
    assert legs(exchange) == [("ann", "completed")]


# -- when recordings start ------------------------------------------------------------------


def test_from_ringing_holds_what_the_caller_hears_ringing(tmp_path: Path) -> None:
    plan = RecordingPlan("main", start="ringing", channels="dual")
    exchange = call(
        tmp_path,
        {"bob": acts(REPLY)},
        answering=Answering(after_ns=seconds(3)),
        recordings=(plan,),
    )
    caller, callee = pcm_of(exchange)
    assert np.array_equal(callee[:24000], np.tile(exchange.ringback, 2)[:24000])
    assert stands_at(callee, REPLY) == 24000 + PATH
    assert not caller.any()


def test_ringing_that_nobody_answers_is_recorded(tmp_path: Path) -> None:
    plan = RecordingPlan("main", start="ringing", channels="dual")
    exchange = call(
        tmp_path,
        {},
        answering=Answering("no-answer"),
        timeout_ns=seconds(4),
        recordings=(plan,),
    )
    assert pcm_of(exchange).shape == (2, 32000)


@pytest.mark.parametrize("on_bridge", [True, False])
@pytest.mark.parametrize("outcome", ["answer", "reject", "no-answer"])
def test_early_media_is_heard_and_recorded_from_ringing(
    tmp_path: Path, on_bridge: bool, outcome: Outcome
) -> None:
    plans = (
        RecordingPlan("main", start="ringing", channels="dual"),
        RecordingPlan("heard", start="ringing", track="outbound"),
    )
    exchange = call(
        tmp_path,
        {"ann": acts(5.0), "bob": acts(REPLY)},
        {"bob": acts(0.5, HELLO, LAST)},
        answering=Answering(outcome, after_ns=seconds(2)),
        timeout_ns=seconds(2),
        answer_on_bridge=on_bridge,
        recordings=plans,
    )
    caller, callee = pcm_of(exchange)
    heard = pcm_of(exchange, "heard")[0]
    for channel in (callee, heard):
        assert not channel[: 4000 + PATH].any()  # no ringing tone: bob's line is open
        assert stands_at(channel, HELLO) == 4000 + PATH
        assert np.array_equal(channel[4000 + PATH + len(HELLO) :][:999], LAST[:999])
    assert not caller.any()
    if outcome == "answer":  # what was still being said is cut off
        assert stands_at(callee, REPLY) == 16000 + PATH
    status = {"answer": "completed", "reject": "busy"}.get(outcome, outcome)
    assert legs(exchange) == [("ann", status if on_bridge else "completed"), ("bob", status)]
    seen = kinds(exchange)
    assert seen.count("call.early-media") == 1


def test_once_who_spoke_early_has_given_up_it_rings_again(tmp_path: Path) -> None:
    phones = PartyPhones({"ann": acts(9.0), "cleo": acts(REPLY)}, frozenset(), {"bob": acts(HELLO)})
    bob = phones.phone(party("bob"), Answering("reject", seconds(1.5)))
    cleo = phones.phone(party("cleo"), Answering(after_ns=seconds(4)))

    async def main(exchange: Exchange) -> Exchange:
        plans = (RecordingPlan("main", start="ringing", channels="dual"),)
        ann = CallerLeg(exchange, "main", phones.phone(party("ann")), "", plans, "dial")

        def place(phone: Phone) -> CallControl:
            made = exchange.new_call(
                phone.party,
                ann.call.room,
                to="",
                from_="",
                direction="outbound-dial",
                status="queued",
                flow="main",
                parent=ann.call,
            )
            return CallControl(made, phone)

        async with ann.in_progress():
            ann.answer()
            legs = [DialledLeg(partial(place, each)) for each in (bob, cleo)]
            await Dial(ann, legs, timeout_ns=seconds(9), recording=ann.planned).run()
        return exchange

    heard = pcm_of(on_exchange(tmp_path, main))[1]
    assert stands_at(heard, HELLO) == PATH
    assert not heard[8000 + PATH : 12000].any()
    assert heard[12000:31000].any()  # cleo rings
    assert stands_at(heard, REPLY) == 32000 + PATH


def test_the_leg_s_answer_and_the_callee_s_are_two_things(tmp_path: Path) -> None:
    plans = (
        RecordingPlan("leg", start="leg", channels="dual", source="OutboundAPI"),
        RecordingPlan("dial", start="answer", channels="dual"),
    )
    exchange = call(tmp_path, {"ann": acts(HELLO)}, recordings=plans, dial_after_ns=seconds(4))
    whole, dialled = pcm_of(exchange, "leg"), pcm_of(exchange, "dial")
    assert whole.shape[1] - dialled.shape[1] == 5 * 8000
    assert stands_at(whole[0], HELLO) == PATH
    assert not whole[1, : 4 * 8000].any()  # nobody is dialled yet
    assert whole[1, 4 * 8000 : 5 * 8000].any()  # it rings
    layouts = {it.record.layout.kind for it in exchange.recordings}
    assert layouts == {"dial"}  # also of the one that began without a child


def test_a_recording_starts_at_a_time_or_an_event_or_never(tmp_path: Path) -> None:
    plans = (
        RecordingPlan("time", start=Moment(at_ns=seconds(2))),
        RecordingPlan("event", start=Moment(event="now")),
        RecordingPlan("never", start=Moment(event="conference.started")),
        RecordingPlan("late", start=Moment(at_ns=seconds(60))),
    )
    exchange = call(tmp_path, {"ann": acts(3.0, "now", HELLO)}, recordings=plans)
    assert sorted(it.name for it in exchange.recordings) == ["event", "time"]
    assert stands_at(pcm_of(exchange, "event")[0], HELLO) == PATH
    assert stands_at(pcm_of(exchange, "time")[0], HELLO) == 16000 + PATH


def test_a_request_is_refused_while_the_call_is_not_in_progress(tmp_path: Path) -> None:
    exchange = call(
        tmp_path,
        {"ann": acts(1.0)},
        answer_on_bridge=True,
        answering=Answering(after_ns=seconds(5)),
        recordings=(RecordingPlan("early", start=Moment(at_ns=seconds(2))),),
    )
    assert not exchange.recordings


def test_a_stop_ends_the_recording_and_not_the_call(tmp_path: Path) -> None:
    plan = RecordingPlan("main", channels="dual", stop=Moment(at_ns=seconds(3)))
    exchange = call(tmp_path, {"ann": acts(4.0, HELLO)}, recordings=(plan,))
    assert pcm_of(exchange).shape == (2, 16000)
    seen = kinds(exchange)
    assert seen.index("recording.completed") < seen.index("call.completed")


# -- how it ends ----------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["ann", "bob"])
def test_the_last_words_of_who_hangs_up_are_recorded(tmp_path: Path, who: str) -> None:
    other = "bob" if who == "ann" else "ann"
    exchange = call(tmp_path, {who: acts(1.0, LAST, "hangup"), other: acts(60.0)})
    channel = pcm_of(exchange)[0 if who == "ann" else 1]
    assert stands_at(channel, LAST) == 8000 + PATH
    assert len(channel) == 16000 + PATH
    assert legs(exchange) == [("ann", "completed"), ("bob", "completed")]


def test_the_last_words_come_through_the_deepest_buffer(tmp_path: Path) -> None:
    slow = party("bob", depth=50)
    exchange = call(tmp_path, {"ann": acts(0.1), "bob": acts(LAST)}, callee=slow)
    assert stands_at(pcm_of(exchange)[1], LAST) is not None


def test_the_time_limit_ends_the_call_for_both(tmp_path: Path) -> None:
    exchange = call(tmp_path, {"ann": acts(60.0), "bob": acts(60.0)}, time_limit_ns=seconds(8))
    assert pcm_of(exchange).shape == (2, 64000)
    assert [leg.record.ended_ns for leg in exchange.calls] == [seconds(9), seconds(9)]


def test_a_call_is_over_when_all_scripts_have_ended(tmp_path: Path) -> None:
    exchange = call(tmp_path, {"ann": acts(2.0), "bob": acts(3.0)})
    ended = exchange.calls[0].record.ended_ns
    assert ended is not None
    assert seconds(4) < ended < seconds(5)


# -- hold and transfer ----------------------------------------------------------------------


def test_on_hold_both_are_recorded_and_music_is_heard(tmp_path: Path) -> None:
    plans = (DUAL, RecordingPlan("heard", track="outbound"))
    exchange = call(
        tmp_path,
        {"ann": acts(3.0, HELLO), "bob": acts(2.0, "hold", REPLY, 2.0, "resume", LAST)},
        recordings=plans,
    )
    caller, callee = pcm_of(exchange)
    heard = pcm_of(exchange, "heard")[0]
    assert stands_at(caller, HELLO) == 24000 + PATH
    assert stands_at(callee, REPLY) == 16000 + PATH
    music = heard[16000 : 16000 + 24000]
    assert np.array_equal(music, exchange.hold_music[:24000])
    assert stands_at(heard, REPLY) is None
    assert stands_at(heard, LAST) == 5 * 8000 + PATH
    assert {"call.held", "call.resumed"} <= set(kinds(exchange))


def test_who_is_on_hold_stays_there_when_it_resumes_the_other(tmp_path: Path) -> None:
    plan = RecordingPlan("main", track="outbound")
    exchange = call(
        tmp_path,
        {"ann": acts(1.0, "hold", 2.0, "resume", 4.0), "bob": acts(2.0, "hold", REPLY, 5.0)},
        recordings=(plan,),
    )
    assert stands_at(pcm_of(exchange)[0], REPLY) is None


def test_hold_and_resume_twice_are_as_once(tmp_path: Path) -> None:
    exchange = call(
        tmp_path, {"ann": acts("resume", "hold", "hold", 1.0, "resume", "resume", HELLO)}
    )
    assert kinds(exchange).count("call.held") == 1
    assert kinds(exchange).count("call.resumed") == 1


def test_after_a_transfer_the_second_channel_is_the_third_party_s(tmp_path: Path) -> None:
    third = TransferPlan(Moment(at_ns=seconds(4)), party("cleo"), Answering(after_ns=seconds(2)))
    exchange = call(
        tmp_path,
        {"ann": acts(12.0), "bob": acts(HELLO), "cleo": acts(REPLY)},
        transfers=(third,),
    )
    _caller, callee = pcm_of(exchange)
    assert stands_at(callee, HELLO) == PATH
    assert np.array_equal(callee[24000:40000], exchange.ringback[:16000])
    assert stands_at(callee, REPLY) == 5 * 8000 + PATH
    assert legs(exchange) == [("ann", "completed"), ("bob", "completed"), ("cleo", "completed")]
    assert exchange.calls[1].record.ended_ns == seconds(4)
    entry = named(exchange, "main").record.channel_map[1]
    assert (entry.party, entry.leg, entry.track) == ("bob, cleo", "main/cleo", "inbound")


def test_a_transfer_that_fails_ends_the_call(tmp_path: Path) -> None:
    busy = TransferPlan(Moment(at_ns=seconds(4)), party("cleo"), Answering("busy"))
    exchange = call(tmp_path, {"ann": acts(12.0)}, transfers=(busy,))
    assert legs(exchange) == [("ann", "completed"), ("bob", "completed"), ("cleo", "busy")]
    assert exchange.calls[0].record.ended_ns == seconds(4)


def test_who_is_called_twice_has_a_leg_of_its_own_each_time(tmp_path: Path) -> None:
    back = (
        TransferPlan(Moment(at_ns=seconds(3)), party("cleo")),
        TransferPlan(Moment(at_ns=seconds(6)), party("bob")),
    )
    exchange = call(tmp_path, {"ann": acts(9.0), "bob": acts(HELLO)}, transfers=back)
    names = [leg.name for leg in exchange.calls]
    assert names == ["main/ann", "main/bob", "main/cleo", "main/bob#2"]
    assert len({leg.line.phone.format.ssrc for leg in exchange.calls if leg.line}) == 4


def test_a_pause_goes_on_until_an_event(tmp_path: Path) -> None:
    pause = PausePlan(Moment(event="private"), until=Moment(event="public"))
    plan = RecordingPlan("main", channels="dual", pauses=(pause,))
    exchange = call(
        tmp_path,
        {"ann": acts(1.0, "private", HELLO, 1.0, "public", REPLY)},
        recordings=(plan,),
    )
    caller, _ = pcm_of(exchange)
    assert stands_at(caller, HELLO) is None
    assert stands_at(caller, REPLY) == 3 * 8000 + PATH
