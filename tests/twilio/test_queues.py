"""Queues: who waits, what it hears, who is put through to whom, and what the app is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from account_stage import ALICE, APP, BOB, CAROL, AccountStage
from meeting import (
    PATH,
    Samples,
    codes,
    comes,
    ended,
    media,
    on_account,
    place_of,
    recordings,
    told,
    until,
    words,
)

from mediasim.twilio.errors import TwilioError
from mediasim.twilio.requests import CallUpdate, TwimlSource

A, B = words(1), words(2)
RECORDED = '<Start><Recording trim="do-not-trim"/></Start>'


def enqueue(attributes: str = 'action="/left"', name: str = "support") -> str:
    return f"<Enqueue {attributes}>{name}</Enqueue>"


def take(noun: str = "", dial: str = 'action="/talked"', name: str = "support") -> str:
    return f"<Dial {dial}><Queue {noun}>{name}</Queue></Dial>"


def heard(account: AccountStage, number: int = 0) -> Samples:
    """What a caller with a recording of its own was sent."""
    channels = media(account, recordings(account, "StartCallRecordingAPI")[number])
    return np.asarray(channels[1])


def prepare(account: AccountStage) -> None:
    account.app.answers["/left"] = account.app.answers["/talked"] = "<Response><Pause/></Response>"


def test_a_call_waits_with_music_and_is_put_through(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        prepare(account)
        comes(account, ALICE, RECORDED + enqueue(), 5.0, A, 2.0)
        await until(account, 3)
        comes(account, BOB, RECORDED + take(), 1.0, B, 2.0, "hangup")

    account = on_account(tmp_path, main)
    alice, bob = heard(account, 0), heard(account, 1)
    assert np.array_equal(alice[:24_000], account.exchange.hold_music[:24_000])
    assert place_of(alice, B) == 32_000 + PATH
    assert place_of(bob, A) == 16_000 + PATH
    caller = account.exchange.catalogue.calls()[0]
    ((result, sid, seconds),) = told(account, "/left", "QueueResult", "QueueSid", "QueueTime")
    assert (result, seconds) == ("bridged", "3")
    assert sid == account.service.queues.all()[0].sid
    names = ("DialCallStatus", "DialCallSid", "DialBridged")
    assert told(account, "/talked", *names) == [("completed", caller.sid, "true")]
    after = ended(account)[ALICE] - ended(account)[BOB]
    assert after == pytest.approx(1), "it goes on with its action"


def test_the_agent_goes_on_when_the_caller_hangs_up(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        prepare(account)
        comes(account, ALICE, enqueue(), 4.0, "hangup")
        comes(account, BOB, take(), 60.0)

    account = on_account(tmp_path, main)
    assert ended(account)[BOB] == pytest.approx(ended(account)[ALICE] + 1)
    assert told(account, "/left", "QueueResult") == [("bridged",)]


def test_scripted_parties_that_are_done_hang_up(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        comes(account, ALICE, enqueue(), 3.0)
        comes(account, BOB, take(dial=""), 4.0)

    account = on_account(tmp_path, main)
    assert 4.4 < ended(account)[ALICE] < 5
    assert ended(account)[BOB] == ended(account)[ALICE]


def test_first_come_first_served(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        comes(account, ALICE, enqueue(""), 20.0)
        await until(account, 1)
        comes(account, CAROL, enqueue("") + "<Pause/>", 20.0)
        await until(account, 2)
        manager = account.service.queues
        (queue,) = manager.all()
        assert (queue.current_size, queue.average_wait_seconds) == (2, 1)
        first, second = manager.members(queue.sid)
        assert (first.position, first.waited_ns) == (1, 2_000_000_000)
        assert (second.position, second.waited_ns) == (2, 1_000_000_000)
        assert manager.member(queue.sid, "Front") == first
        assert manager.member(queue.sid, second.call_sid) == second
        comes(account, BOB, take(dial='timeLimit="2"') + take(dial='timeLimit="2"'), 20.0)
        await until(account, 3)
        assert [each.call_sid for each in manager.members(queue.sid)] == [second.call_sid]
        await until(account, 5)
        assert manager.members(queue.sid) == []
        with pytest.raises(TwilioError) as nobody:
            manager.member(queue.sid, "Front")
        assert (nobody.value.status, nobody.value.code) == (404, 20404)

    account = on_account(tmp_path, main)
    bridged = [event for event in account.exchange.events.log if event.kind == "call.bridged"]
    assert [event.at_ns for event in bridged] == [2_000_000_000, 4_000_000_000]


def test_the_waiting_document_goes_round_and_is_told_how_it_stands(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        account.app.answers["/wait"] = (
            '<Response><Play digits="1"/><Pause length="2"/><Dial>x</Dial></Response>'
        )
        comes(account, CAROL, enqueue('waitUrl=""') + "<Pause/>", 6.0, "hangup")
        await until(account, 1)
        comes(account, ALICE, RECORDED + enqueue('waitUrl="/wait"'), 4.0, "hangup")

    account = on_account(tmp_path, main)
    names = ("QueuePosition", "QueueTime", "AvgQueueTime", "CurrentQueueSize", "MaxQueueSize")
    assert told(account, "/wait", *names) == [
        ("2", "0", "0", "2", "1000"),
        ("2", "2", "2", "2", "1000"),
    ]
    assert heard(account)[:800].any()
    assert codes(account) == [12200, 12200], "Dial may not stand there"


def test_a_waiting_document_that_leads_to_itself_is_told_how_it_stands_now(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        account.app.answers["/wait"] = '<Response><Pause length="2"/><Redirect/></Response>'
        comes(account, ALICE, enqueue('waitUrl="/wait"'), 5.0, "hangup")

    account = on_account(tmp_path, main)
    assert told(account, "/wait", "QueueTime") == [("0",), ("2",), ("4",)]


def test_leave_goes_on_with_the_action_or_the_next_verb(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        prepare(account)
        account.app.answers["/wait"] = '<Response><Pause length="2"/><Leave/></Response>'
        comes(account, ALICE, enqueue('waitUrl="/wait" action="/left"'), 60.0)
        comes(account, BOB, enqueue('waitUrl="/wait"') + '<Pause length="3"/>', 60.0)

    account = on_account(tmp_path, main)
    assert told(account, "/left", "QueueResult", "QueueTime") == [("leave", "2")]
    assert ended(account) == {ALICE: 3, BOB: 5}


def test_keys_may_be_asked_for_while_waiting(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        account.app.answers["/wait"] = (
            '<Response><Gather numDigits="1" action="/key"><Pause length="20"/></Gather></Response>'
        )
        account.app.answers["/key"] = "<Response><Leave/></Response>"
        comes(account, ALICE, enqueue('waitUrl="/wait"') + "<Pause/>", 1.0, "#7", 60.0)

    account = on_account(tmp_path, main)
    assert told(account, "/key", "Digits") == [("7",)]
    assert ended(account)[ALICE] < 3


def test_hanging_up_while_waiting_is_told(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        prepare(account)
        comes(account, ALICE, enqueue(), 2.0, "hangup")
        account.app.answers["/wait"] = '<Response><Pause length="3"/><Hangup/></Response>'
        comes(account, BOB, enqueue('waitUrl="/wait" action="/hung"'), 60.0)

    account = on_account(tmp_path, main)
    assert told(account, "/left", "QueueResult", "CallStatus") == [("hangup", "completed")]
    assert told(account, "/hung", "QueueResult") == [("hangup",)]
    assert ended(account)[BOB] == 3
    assert account.service.queues.all()[0].current_size == 0


def test_a_full_queue_and_a_broken_document(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        prepare(account)
        account.service.queues.create("small", 1)
        comes(account, ALICE, enqueue("", "small"), 2.0, "hangup")
        await until(account, 1)
        comes(account, BOB, enqueue(name="small"), 60.0)
        comes(account, CAROL, enqueue('waitUrl="/broken" action="/left"'), 60.0)
        account.app.answers["/broken"] = "<Response"

    account = on_account(tmp_path, main)
    assert told(account, "/left", "QueueResult", "QueueTime") == [
        ("queue-full", "-"),
        ("error", "0"),
    ]


def test_a_document_that_takes_no_time_does_not_stop_the_clock(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        account.app.answers["/wait"] = "<Response/>"
        comes(account, ALICE, enqueue('waitUrl="/wait"'), 5.0, "hangup")

    assert len(on_account(tmp_path, main).app.asked("/wait")) < 20


# -- dialling a queue ---------------------------------------------------------------------------


def test_an_agent_waits_for_somebody_to_come(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        account.service.queues.create("support")
        comes(account, BOB, take(), 9.0)
        await until(account, 4)
        comes(account, ALICE, enqueue(""), 2.0, "hangup")

    account = on_account(tmp_path, main)
    bridged = [event for event in account.exchange.events.log if event.kind == "call.bridged"]
    assert [event.at_ns for event in bridged] == [4_000_000_000]


def test_nobody_came_or_there_is_no_such_queue(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        prepare(account)
        account.service.queues.create("support")
        comes(account, BOB, take(dial='timeout="5" action="/talked"'), 60.0)
        comes(account, CAROL, take(name="none", dial='action="/none"'), 60.0)
        account.app.answers["/none"] = "<Response/>"

    account = on_account(tmp_path, main)
    assert told(account, "/talked", "DialCallStatus", "DialBridged") == [("no-answer", "false")]
    assert told(account, "/none", "DialCallStatus") == [("failed",)]
    assert ended(account)[BOB] == 6


def test_the_waiting_caller_hears_the_nouns_document_first(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        account.app.answers["/about"] = '<Response><Play digits="9"/><Pause length="2"/></Response>'
        comes(account, ALICE, RECORDED + enqueue('waitUrl=""'), 6.0)
        await until(account, 2)
        comes(account, BOB, RECORDED + take('url="/about"'), 1.0, B, 4.0)

    account = on_account(tmp_path, main)
    alice, bob = heard(account, 0), heard(account, 1)
    assert not alice[:16_000].any()
    assert alice[16_000:16_800].any()
    assert not bob[:16_000].any(), "the agent hears nothing of it"
    assert place_of(alice, B) == -1, "what is said before is not heard"
    params = account.app.asked("/about")[0]
    caller, agent = account.exchange.catalogue.calls()
    assert (params["CallSid"], params["DequeingCallSid"]) == (caller.sid, agent.sid)
    assert (params["QueueSid"], params["QueueTime"]) == (account.service.queues.all()[0].sid, "2")


def test_a_caller_gone_during_the_document_makes_way_for_the_next(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        prepare(account)
        account.app.answers["/about"] = '<Response><Pause length="5"/></Response>'
        comes(account, ALICE, enqueue(), 2.0, "hangup")
        await until(account, 1)
        comes(account, CAROL, enqueue(""), 9.0)
        comes(account, BOB, take('url="/about"', dial=""), 9.0)

    account = on_account(tmp_path, main)
    assert told(account, "/left", "QueueResult") == [("hangup",)]
    bridged = [event for event in account.exchange.events.log if event.kind == "call.bridged"]
    carol = account.exchange.catalogue.calls()[1]
    assert [event.subject for event in bridged] == [carol.sid]


def test_the_conversation_is_recorded_as_dial_says(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        prepare(account)
        comes(account, ALICE, enqueue(""), 3.0, A, 1.0)
        await until(account, 1)
        comes(account, BOB, take(dial='record="record-from-answer-dual" action="/talked"'), 0.5, B)

    account = on_account(tmp_path, main)
    (record,) = recordings(account, "DialVerb")
    agent = account.exchange.catalogue.calls()[1]
    assert record.call_sid == agent.sid, "the call that dialled is the parent"
    parent, child = media(account, record)
    assert place_of(parent, B) == 4000 + PATH
    assert place_of(child, A) == 16_000 + PATH
    ((sid,),) = told(account, "/talked", "RecordingSid")
    assert sid == record.sid


# -- the app arranges ---------------------------------------------------------------------------


def test_the_app_takes_a_call_out(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        prepare(account)
        manager = account.service.queues
        account.app.answers["/elsewhere"] = '<Response><Pause length="4"/></Response>'
        alice = comes(account, ALICE, enqueue(), 60.0)
        await until(account, 3)
        (queue,) = manager.all()
        with pytest.raises(TwilioError) as full:
            manager.remove(queue.sid)
        assert full.value.status == 400
        gone = manager.dequeue(queue.sid, "Front", TwimlSource(f"{APP}/elsewhere"))
        assert (gone.call_sid, gone.position, gone.waited_ns) == (alice.sid, 0, 3_000_000_000)
        await until(account, 4)
        assert manager.remove(queue.sid) is not None

    account = on_account(tmp_path, main)
    assert told(account, "/left", "QueueResult", "QueueTime") == [("redirected", "3")]
    assert ended(account)[ALICE] == 7


def test_a_caller_taken_out_of_a_conversation(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        prepare(account)
        alice = comes(account, ALICE, enqueue(), 60.0)
        comes(account, BOB, take(), 60.0)
        await until(account, 3)
        script = TwimlSource(twiml='<Response><Pause length="5"/></Response>')
        account.service.update_call(alice.sid, CallUpdate(source=script))

    account = on_account(tmp_path, main)
    assert told(account, "/left", "QueueResult") == [("redirected-from-bridged",)]
    assert ended(account) == {ALICE: 8, BOB: 4}


def test_queues_are_named_sized_and_unknown(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        manager = account.service.queues
        one = manager.create("one")
        assert (one.max_size, manager.find(one.sid)) == (1000, one)
        manager.create("two", 5)
        assert manager.update(one.sid, "eins", 7).friendly_name == "eins"
        assert manager.update(one.sid, "eins").max_size == 7
        refusals = (
            (lambda: manager.create("two"), 400),
            (lambda: manager.create(""), 400),
            (lambda: manager.create("x" * 65), 400),
            (lambda: manager.create("three", 0), 400),
            (lambda: manager.update(one.sid, "two"), 400),
            (lambda: manager.update(one.sid, max_size=5001), 400),
            (lambda: manager.find("QU" + 32 * "0"), 404),
            (lambda: manager.members("QU" + 32 * "0"), 404),
        )
        for ask, status in refusals:
            with pytest.raises(TwilioError) as refused:
                ask()
            assert refused.value.status == status
        manager.remove(one.sid)
        assert [each.friendly_name for each in manager.all()] == ["two"]

    on_account(tmp_path, main)
