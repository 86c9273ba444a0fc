"""Who answers at an address, and that they do what their script says."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mediasim.documents.diagnostics import ScenarioError
from mediasim.exchange.exchange import Exchange
from mediasim.net.virtual_loop import VirtualLoop
from mediasim.parties.voices.speech import Speaker
from mediasim.sandbox.config import Config, parse_callee, parse_config
from mediasim.sandbox.number_plan import PhoneBook
from mediasim.scenario.model.steps import Hangup, Say
from mediasim.scenario.running.call_plans import DialPlan
from mediasim.scenario.running.calls import DialledCall, PartyPhones
from mediasim.seeds import Seeds
from mediasim.twilio.representations import recording_document
from mediasim.twilio.studio import Studio

PLAN = """
numbers: {+14155550100: http://127.0.0.1/voice}
parties:
  alice: {number: +14155550199, voice: babble, script: [{say: Hello Bob}, {pause: 1s}, hangup]}
  bob: {answer: 3s, script: [{wait_for: {speech: true}}, {say: Who is there}]}
  carol: {answer: busy}
default: {script: [{say: Nobody lives here}]}
"""


@pytest.fixture(autouse=True)
def _quick_voices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIASIM_SPEECH", "babble")


def book(config: Config) -> PhoneBook:
    speaker = Speaker()
    return PhoneBook(config, Seeds(1), speaker, Studio(speaker))


@pytest.fixture
def phones() -> PhoneBook:
    return book(parse_config(PLAN, base=Path()))


def test_parties_are_found_by_number_by_client_name_and_by_sip(phones: PhoneBook) -> None:
    for address in ("+14155550199", "client:alice", "sip:alice@example.com", "client:+14155550199"):
        assert phones.phone(address).party.name == "alice"
    assert phones.phone("sips:carol@example.com;transport=tls").party.name == "carol"


def test_the_default_answers_everything_else(phones: PhoneBook) -> None:
    for address in ("+14155550100", "+4930123456", "client:nobody", "client:default", "", "sip:"):
        assert phones.phone(address).party.name == "default"


def test_parties_without_a_number_get_one_that_nobody_has(phones: PhoneBook) -> None:
    numbers = [phones.phone(f"client:{name}").party.number for name in ("alice", "bob", "carol")]
    assert numbers == ["+14155550199", "+14155550101", "+14155550102"]
    assert phones.phone("+14155550101").party.name == "bob"


def test_how_they_answer_and_whether_they_listen(phones: PhoneBook) -> None:
    answering = phones.phone("client:bob").answering
    assert (answering.outcome, answering.after_ns) == ("answer", 3_000_000_000)
    assert phones.phone("client:carol").answering.outcome == "busy"
    assert phones.phone("client:carol").behavior is None
    assert phones.phone("client:bob").listens
    assert not phones.phone("client:alice").listens


def test_a_call_between_two_of_them(phones: PhoneBook, tmp_path: Path) -> None:
    async def main() -> list[list[str]]:
        plane_loop: Any = asyncio.get_running_loop()
        exchange = Exchange(Seeds(1), tmp_path, document=recording_document)

        def advance(target_ns: int) -> int:
            frame = target_ns // 20_000_000
            reached = exchange.plane.advance(frame)
            return target_ns if reached >= frame else reached * 20_000_000

        plane_loop.before_jump(advance)
        alice, bob = phones.phone("client:alice"), phones.phone("client:bob")
        assert alice.behavior is not None
        assert bob.behavior is not None
        call = DialledCall(
            exchange,
            DialPlan("main", alice.party, bob.party, bob.answering),
            PartyPhones({"alice": alice.behavior, "bob": bob.behavior}, frozenset({"bob"})),
        )
        await call.run()
        lines = [each.line for each in exchange.calls]
        return [[said.text for said in line.timeline.segments] for line in lines if line]

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(main()) == [["Hello Bob"], ["Who is there"]]


def test_a_caller_of_the_plan_may_be_given_another_script(phones: PhoneBook) -> None:
    own, other = phones.caller("bob"), phones.caller("bob", (Say(text="Hi"), Hangup()))
    assert own is not None
    assert other is not None
    assert own.listens
    assert not other.listens
    assert own.party == other.party
    assert phones.caller("nobody") is None
    assert phones.caller("default") is None


def test_a_stranger_calls(phones: PhoneBook) -> None:
    callee = parse_callee({"codec": "PCMA", "script": [{"dtmf": "1"}]}, base=Path())
    phone = phones.outside_caller(callee, "+4930123456")
    assert (phone.party.number, phone.party.codec) == ("+4930123456", "PCMA")
    assert phone.behavior is not None
    assert phones.outside_caller(parse_callee({}, base=Path()), "+4930123456").behavior is None


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"script": [{"sing": "la"}]}, r"script\[0\].sing: unknown step"),
        ({"script": [{"say": "..."}]}, r"script\[0\].say.*nothing to say"),
        ({"voice": "nobody"}, "voice: there is no voice 'nobody'"),
        ([], "expected a mapping"),
    ],
)
def test_a_wrong_caller_is_told(data: object, told: str) -> None:
    with pytest.raises(ScenarioError, match=told):
        parse_callee(data, base=Path())
