"""Gather with speech: what stops the prompt, what is told on the way, how long it listens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from account_stage import AccountStage
from test_twiml_calls import at, calls_in, wav, words

SAID = "one two three four five"


def gathered(directory: Path, attributes: str, *steps: Any, prompt: bool = False) -> AccountStage:
    def also(account: AccountStage) -> None:
        account.app.answers["/heard"] = "<Response><Hangup/></Response>"
        account.app.answers["/clip.wav"] = wav(words(5, 6.0))

    play = "<Play>/clip.wav</Play>" if prompt else ""
    twiml = f'<Gather input="dtmf speech" action="/heard" {attributes}>{play}</Gather>'
    return calls_in(directory, twiml, *steps, also=also)


@pytest.mark.parametrize(
    ("attributes", "ends"), [("", 3.2), ('bargeIn="false"', 6.0)], ids=["default", "false"]
)
def test_speech_stops_the_prompt_unless_it_may_not(
    tmp_path: Path, attributes: str, ends: float
) -> None:
    steps = (1.0, (words(3), SAID))
    account = gathered(tmp_path, f'speechTimeout="1" {attributes}', *steps, prompt=True)
    assert account.app.told("/heard", "SpeechResult") == [SAID]
    assert at(account, "call.completed") == pytest.approx(ends, abs=0.3)


def test_a_key_stops_the_prompt_though_speech_may_not(tmp_path: Path) -> None:
    account = gathered(tmp_path, 'bargeIn="false" numDigits="1"', 1.0, "#5", prompt=True)
    assert account.app.told("/heard", "Digits") == ["5"]
    assert at(account, "call.completed") < 2.0


def test_partial_results_grow_with_what_is_said(tmp_path: Path) -> None:
    attributes = 'partialResultCallback="/so-far" language="en-GB"'
    account = gathered(tmp_path, attributes, 1.0, (words(3, 5.0), SAID))
    told = account.app.told("/so-far", "UnstableSpeechResult")
    assert len(told) >= 3
    assert told == sorted(set(told), key=len)
    assert all(SAID.startswith(each) for each in told)
    assert told[-1] == account.app.told("/heard", "SpeechResult")[0] == SAID
    assert account.app.told("/so-far", "SequenceNumber") == [str(n) for n in range(len(told))]
    assert account.app.told("/so-far", "StableSpeechResult") == ["", *told[:-1]]
    assert set(account.app.told("/so-far", "Language")) == {"en-GB"}
    assert set(account.app.told("/so-far", "CallStatus")) == {"in-progress"}


def test_it_listens_no_longer_than_it_may(tmp_path: Path) -> None:
    account = gathered(tmp_path, 'maxSpeechTime="3"', 1.0, (words(3, 10.0), SAID))
    assert account.app.told("/heard", "SpeechResult") == ["one two"]
    assert at(account, "call.completed") == pytest.approx(4.2, abs=0.3)
