"""Refer, and transfers that a party of a Dial asks for, by telephones written here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from account_stage import ALICE, APP_NUMBER, BOB, CAROL, AccountStage, unreachable
from test_twiml_calls import YES, calls_in, codes, on_account, place_of, words

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.live_call import LiveCall

CALLER = "sip:alice@office.example"
PLEASE = words(3)
RECORDED = '<Start><Recording trim="do-not-trim"/></Start>'


# -- Refer ----------------------------------------------------------------------------------------


def refers(
    directory: Path, twiml: str, *steps: Any, caller: str = CALLER, **bob: Any
) -> AccountStage:
    """A caller at a SIP address reaches the app, which refers it to Bob's desk."""

    async def main(account: AccountStage) -> None:
        account.number(APP_NUMBER, "/voice")
        account.app.answers["/voice"] = f"<Response>{twiml}</Response>"
        account.app.answers["/after"] = "<Response><Pause length='3'/></Response>"
        account.telephone("sip:bob@desk.example", **bob)
        phone = account.telephone(caller, *steps)
        account.service.place_inbound(caller, APP_NUMBER, phone)

    return on_account(directory, main)


REFER = '<Refer action="/after"><Sip>sip:bob@desk.example?X-Account=7</Sip></Refer>'


def told(account: AccountStage) -> tuple[str, str, str]:
    (asked,) = account.app.asked("/after")
    names = ("ReferCallStatus", "ReferSipResponseCode", "NotifySipResponseCode")
    found = [asked.get(name, "") for name in names]
    return found[0], found[1], found[2]


@pytest.mark.parametrize(
    ("bob", "status", "notified"),
    [
        ({"after": 2.0}, "in-progress", "200"),
        ({"outcome": "busy"}, "busy", "486"),
        ({"outcome": "reject"}, "busy", "486"),
        ({"outcome": "no-answer"}, "no-answer", "480"),
        ({"outcome": "failed"}, "failed", "404"),
    ],
)
def test_a_simulated_sip_party_is_referred(
    tmp_path: Path, bob: dict[str, Any], status: str, notified: str
) -> None:
    account = refers(tmp_path, REFER, **bob)
    assert told(account) == (status, "202", notified)
    (call,) = account.exchange.catalogue.calls()
    assert call.status == "completed"
    seconds = call.duration_seconds() or 0
    assert seconds < 3 if status == "in-progress" else seconds >= 3  # it goes on where it failed
    assert codes(account) == []


def test_a_caller_who_hangs_up_before_the_outcome(tmp_path: Path) -> None:
    account = refers(tmp_path, REFER, 3.0, "hangup", after=20.0)
    assert told(account) == ("canceled", "202", "180")


@pytest.mark.parametrize(
    ("caller", "twiml", "code"),
    [
        (ALICE, REFER, 13801),
        ("client:alice", REFER, 13801),
        (CALLER, '<Refer action="/after"><Sip>bob</Sip></Refer>', 13243),
        (CALLER, '<Refer action="/after"/>', 13243),
    ],
)
def test_what_cannot_be_referred_is_told(
    tmp_path: Path, caller: str, twiml: str, code: int
) -> None:
    account = refers(tmp_path, twiml, caller=caller)
    assert told(account) == ("failed", "", "")
    assert codes(account) == [code]


def test_without_an_action_the_next_verb_follows(tmp_path: Path) -> None:
    twiml = REFER.replace(' action="/after"', "") + '<Pause length="7"/>'
    account = refers(tmp_path, twiml, outcome="busy", after=1.0)
    assert account.exchange.catalogue.calls()[0].duration_seconds() == 8


# -- transfers that are asked for -----------------------------------------------------------------


class Asked:
    """A party's request for a transfer, as its telephone makes it."""

    def __init__(self, target: str = "<sip:carol@desk.example?X-Case=5>") -> None:
        self.target = target
        self.statuses: list[int] = []
        self.taken: bool | None = None

    def notify(self, status: int) -> None:
        self.statuses.append(status)


def transferred(
    directory: Path,
    asked: Asked,
    by: str,
    attributes: str = "",
    refer: Any = f"<Response><Dial>{CAROL}</Dial></Response>",
    carol: dict[str, Any] | None = None,
    at: float = 4.0,
    twiml: str = "",
) -> AccountStage:
    """Alice dials Bob; one of them asks for a transfer after four seconds."""

    def also(account: AccountStage) -> None:
        account.telephone(BOB, 1.0, YES, 12.0, PLEASE, 2.0, "hangup", after=1.0)
        account.telephone(CAROL, 0.5, YES, 5.0, "hangup", **{"after": 2.0, **(carol or {})})
        account.app.answers["/refer"] = refer
        account.app.answers["/after"] = "<Response/>"

        def ask() -> None:
            (call,) = (each for each in account.exchange.calls if who(each) == by)
            asked.taken = call.referred(asked)

        account.exchange.loop.call_at(at, ask)

    url = 'referUrl="/refer"' if "referUrl" not in attributes else ""
    dial = f'<Dial action="/after" {url} {attributes}>{BOB}</Dial>'
    return calls_in(directory, RECORDED + (twiml or dial), 30.0, "hangup", also=also)


def who(call: LiveCall) -> str:
    return call.party.number


def ended(account: AccountStage) -> dict[str, float]:
    """When each party's call ended, in seconds."""
    calls = account.exchange.catalogue.calls()
    return {
        call.to if call.direction != "inbound" else ALICE: (call.ended_ns or 0) / NS_PER_SECOND
        for call in calls
    }


def test_the_callee_hands_the_caller_on(tmp_path: Path) -> None:
    asked = Asked()
    account = transferred(tmp_path, asked, BOB)
    assert asked.taken
    assert asked.statuses == [200]
    (refer,) = account.app.asked("/refer")
    parent = next(c for c in account.exchange.catalogue.calls() if c.direction == "inbound")
    assert refer["ReferTransferTarget"] == "<sip:carol@desk.example?X-Case=5>"
    assert refer["CallSid"] == parent.sid
    over = ended(account)
    assert over[BOB] == 4.0  # as soon as the app has said what to do
    assert over[ALICE] == over[CAROL] > 10
    assert account.app.asked("/after") == []
    assert codes(account) == []
    outbound = account.media()[1]  # Bob is heard first, then Carol
    assert place_of(outbound, YES) < 4 * 8000
    assert place_of(outbound[6 * 8000 :], YES) >= 0


def test_the_caller_hands_the_callee_on(tmp_path: Path) -> None:
    asked = Asked()
    account = transferred(tmp_path, asked, ALICE)
    assert asked.statuses == [200]
    child = next(c for c in account.exchange.catalogue.calls() if c.to == BOB)
    assert account.app.told("/refer", "CallSid") == [child.sid]
    over = ended(account)
    assert over[ALICE] == 4.0
    assert over[BOB] == over[CAROL] > 10
    assert account.app.asked("/after") == []


@pytest.mark.parametrize("by", [ALICE, BOB])
def test_who_asks_stays_until_the_other_is_put_through(tmp_path: Path, by: str) -> None:
    asked = Asked()
    account = transferred(tmp_path, asked, by, 'answerOnBridge="true"')
    assert asked.statuses == [200]
    over = ended(account)
    other = BOB if by == ALICE else ALICE
    assert over[by] == 6.0  # two seconds in which Carol's telephone rang
    assert over[other] == over[CAROL] > 10


@pytest.mark.parametrize("by", [ALICE, BOB])
def test_both_talk_again_if_the_target_does_not_answer(tmp_path: Path, by: str) -> None:
    asked = Asked()
    account = transferred(tmp_path, asked, by, 'answerOnBridge="true"', carol={"outcome": "busy"})
    assert asked.statuses == [480]
    over = ended(account)
    assert over[ALICE] == over[BOB] > 15  # Bob hangs up at the end of what he says
    assert place_of(account.media()[1], PLEASE) > 14 * 8000  # Alice hears him again


@pytest.mark.parametrize("by", [ALICE, BOB])
def test_an_app_that_cannot_be_reached_ends_the_call(tmp_path: Path, by: str) -> None:
    asked = Asked()
    account = transferred(tmp_path, asked, by, refer=unreachable())
    assert asked.statuses == [503]
    assert set(ended(account).values()) == {4.0}
    assert codes(account) == [11205]


def test_an_app_that_cannot_be_reached_leaves_them_talking(tmp_path: Path) -> None:
    asked = Asked()
    account = transferred(tmp_path, asked, BOB, 'answerOnBridge="true"', refer=unreachable())
    assert asked.statuses == [503]
    assert place_of(account.media()[1], PLEASE) > 14 * 8000
    assert account.app.told("/after", "DialCallStatus") == ["completed"]


def test_without_a_refer_url_the_talk_goes_on(tmp_path: Path) -> None:
    asked = Asked()
    account = transferred(tmp_path, asked, BOB, 'referUrl=""')
    assert asked.taken is False
    assert codes(account) == [13802]
    assert place_of(account.media()[1], PLEASE) > 14 * 8000


def test_nobody_is_transferred_who_does_not_talk(tmp_path: Path) -> None:
    asked = Asked()
    account = transferred(tmp_path, asked, ALICE, at=0.5)  # Bob rings
    assert asked.taken is False
    assert account.app.asked("/refer") == []


def test_one_transfer_at_a_time(tmp_path: Path) -> None:
    asked, again = Asked(), Asked()

    async def slowly(params: dict[str, str]) -> str:
        await asyncio.sleep(1)
        return f"<Response><Dial>{CAROL}</Dial></Response>"

    def refer(params: dict[str, str]) -> Any:
        return slowly(params)

    def second(account: AccountStage) -> Callable[[], None]:
        def ask() -> None:
            (call,) = (each for each in account.exchange.calls if who(each) == ALICE)
            again.taken = call.referred(again)

        return ask

    def also(account: AccountStage) -> None:
        account.telephone(BOB, after=1.0)
        account.telephone(CAROL, 1.0, "hangup", after=1.0)
        account.app.answers["/refer"] = refer

        def ask() -> None:
            (call,) = (each for each in account.exchange.calls if who(each) == BOB)
            asked.taken = call.referred(asked)

        account.exchange.loop.call_at(3.0, ask)
        account.exchange.loop.call_at(3.5, second(account))

    calls_in(tmp_path, f'<Dial referUrl="/refer">{BOB}</Dial>', also=also)
    assert (asked.taken, again.taken) == (True, False)


def test_the_transferred_caller_hangs_up_while_it_rings(tmp_path: Path) -> None:
    asked = Asked()
    account = transferred(tmp_path, asked, BOB, carol={"after": 60.0})
    assert account.app.asked("/after") == []
    statuses = {call.to: call.status for call in account.exchange.catalogue.calls()}
    assert statuses[CAROL] in ("canceled", "no-answer")


def test_the_recording_of_the_dial_ends_with_it(tmp_path: Path) -> None:
    account = transferred(tmp_path, Asked(), BOB, 'record="record-from-answer-dual"')
    recordings = account.exchange.catalogue.recordings()
    dial = next(each for each in recordings if each.source == "DialVerb")
    assert dial.status == "completed"
    assert dial.duration_seconds() == 3


def test_a_document_that_dials_nobody_is_followed_to_its_end(tmp_path: Path) -> None:
    hang_up = "<Response><Pause length='2'/><Hangup/></Response>"
    account = transferred(tmp_path, Asked(), BOB, refer=hang_up)
    assert ended(account) == {ALICE: 6.0, BOB: 4.0}
