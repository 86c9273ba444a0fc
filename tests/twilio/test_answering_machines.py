"""Answering machine detection: who has answered is decided from what they are heard to say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from account_stage import ALICE, APP, APP_NUMBER, BOB, AccountStage
from meeting import on_account, words
from numpy.typing import NDArray

from mediasim.exchange.answering_machine import MachineSettings
from mediasim.twilio.requests import (
    Callback,
    CallRequest,
    DetectionFaults,
    MachineDetection,
    TwimlSource,
)

GREETING = words(1, 4.0)
"""Longer than a human's hello."""
HELLO = words(2, 0.8)


def tone(hz: float, seconds: float) -> NDArray[np.int16]:
    time = np.arange(round(seconds * 8000)) / 8000
    return (8000 * np.sin(2 * np.pi * hz * time)).astype(np.int16)


BEEP = tone(1000, 0.4)
END = MachineSettings(message_end=True)
HUMAN = (0.4, HELLO, 20.0)
MACHINE = (0.4, GREETING, 0.5, BEEP, 20.0)
ANSWERERS: dict[str, tuple[Any, ...]] = {
    "human": HUMAN,
    "machine": MACHINE,
    "no beep": (0.4, GREETING, 20.0),
    "endless": (0.4, words(4, 45.0)),
    "fax": (0.4, tone(2100, 3.0), 20.0),
    "silent": (40.0,),
}


def answered(
    directory: Path,
    *steps: Any,
    settings: MachineSettings | None = None,
    asynchronous: bool = False,
    faults: DetectionFaults | None = None,
    digits: str = "",
) -> AccountStage:
    """The app calls Bob with answering machine detection."""

    async def main(account: AccountStage) -> None:
        account.service.detection_faults = faults or DetectionFaults()
        account.telephone(BOB, *steps)
        account.app.answers["/voice"] = "<Response><Pause length='3'/></Response>"
        told = Callback(f"{APP}/amd") if asynchronous else None
        account.service.create_call(
            CallRequest(
                BOB,
                APP_NUMBER,
                TwimlSource(f"{APP}/voice"),
                status_callback=Callback(f"{APP}/status"),
                send_digits=digits,
                machine_detection=MachineDetection(
                    settings or MachineSettings(), asynchronous, told
                ),
            )
        )

    return on_account(directory, main)


@pytest.mark.parametrize(
    ("who", "end", "verdict", "after"),
    [
        # a human's hello ends at 1.2 s, and 1.2 s of silence show that it is over
        ("human", False, "human", 2.4),
        ("human", True, "human", 2.4),
        ("machine", False, "machine_start", 2.8),
        ("machine", True, "machine_end_beep", 5.3),
        ("no beep", True, "machine_end_silence", 5.6),
        ("endless", False, "machine_start", 2.8),
        ("endless", True, "machine_end_other", 30.0),
        ("fax", False, "fax", 0.8),
        ("fax", True, "fax", 0.8),
        ("silent", False, "unknown", 5.0),
        ("silent", True, "unknown", 5.0),
    ],
)
def test_who_has_answered_and_when_it_is_known(
    tmp_path: Path, who: str, end: bool, verdict: str, after: float
) -> None:
    settings = MachineSettings(message_end=end)
    account = answered(tmp_path, *ANSWERERS[who], settings=settings)
    (asked,), (told,) = account.app.asked("/voice"), account.app.asked("/status")
    (record,) = account.exchange.catalogue.calls()
    assert asked["AnsweredBy"] == told["AnsweredBy"] == record.answered_by == verdict
    assert int(asked["MachineDetectionDuration"]) == record.detection_ms
    assert int(asked["MachineDetectionDuration"]) / 1000 == pytest.approx(after, abs=0.25)


def test_the_document_waits_for_the_verdict_unless_it_is_asynchronous(tmp_path: Path) -> None:
    (asked,) = answered(tmp_path / "sync", *HUMAN).app.asked("/voice")
    assert asked["AnsweredBy"] == "human"
    account = answered(tmp_path / "async", *HUMAN, asynchronous=True)
    (asked,), (told,) = account.app.asked("/voice"), account.app.asked("/amd")
    assert "AnsweredBy" not in asked
    assert [path for path, _ in account.app.requests] == ["/voice", "/amd", "/status"]
    assert (told["AnsweredBy"], told["CallSid"]) == ("human", asked["CallSid"])
    assert account.app.asked("/status")[0]["AnsweredBy"] == "human"


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [
        (MachineSettings(speech_threshold_ms=6000), "human"),
        (MachineSettings(speech_threshold_ms=1000), "machine_start"),
        (MachineSettings(timeout_ms=3000, speech_threshold_ms=6000), "unknown"),
    ],
)
def test_the_parameters_decide(tmp_path: Path, settings: MachineSettings, verdict: str) -> None:
    account = answered(tmp_path, *MACHINE, settings=settings)
    assert account.app.told("/voice", "AnsweredBy") == [verdict]


def test_who_hangs_up_first_is_unknown(tmp_path: Path) -> None:
    account = answered(tmp_path / "async", 1.0, "hangup", asynchronous=True)
    assert account.app.told("/amd", "AnsweredBy") == ["unknown"]
    account = answered(tmp_path / "sync", 1.0, "hangup")
    assert not account.app.asked("/voice"), "nothing is left to be done"
    assert account.exchange.catalogue.calls()[0].answered_by == "unknown"


def test_nothing_is_detected_where_digits_are_sent(tmp_path: Path) -> None:
    account = answered(tmp_path, *HUMAN, digits="1")
    assert "AnsweredBy" not in account.app.asked("/voice")[0]


@pytest.mark.parametrize(
    ("faults", "verdict"),
    [
        (DetectionFaults("fax"), "fax"),
        (DetectionFaults(errors=1.0), "machine_start"),
        (DetectionFaults(errors=0.0), "human"),
    ],
)
def test_verdicts_may_be_fixed_or_wrong(
    tmp_path: Path, faults: DetectionFaults, verdict: str
) -> None:
    account = answered(tmp_path, *HUMAN, faults=faults)
    assert account.app.told("/voice", "AnsweredBy") == [verdict]


def test_a_message_that_waits_for_the_beep_begins_after_it(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        account.telephone(BOB, *MACHINE)
        account.app.answers["/voice"] = "<Response><Pause length='1'/></Response>"
        account.service.create_call(
            CallRequest(
                BOB,
                APP_NUMBER,
                TwimlSource(f"{APP}/voice"),
                machine_detection=MachineDetection(END),
            )
        )

    account = on_account(tmp_path, main)
    (record,) = account.exchange.catalogue.calls()
    assert record.answered_ns is not None
    assert record.detection_ms is not None
    beep_ends = 0.4 + 4.0 + 0.5 + 0.4
    assert record.detection_ms / 1000 >= beep_ends


@pytest.mark.parametrize("noun", ["Number", "Sip"])
def test_a_dialled_party_is_detected_beside_the_conversation(tmp_path: Path, noun: str) -> None:
    attributes = 'machineDetection="Enable" amdStatusCallback="/amd"'

    async def main(account: AccountStage) -> None:
        where = BOB if noun == "Number" else "sip:bob@example.com"
        account.telephone(where, *MACHINE)
        account.app.answers["/voice"] = (
            f"<Response><Dial timeLimit='9'><{noun} {attributes}>{where}</{noun}></Dial></Response>"
        )
        phone = account.telephone(ALICE, 30.0)
        account.service.place_inbound(ALICE, APP_NUMBER, phone)

    account = on_account(tmp_path, main)
    (told,) = account.app.asked("/amd")
    child = account.exchange.catalogue.calls()[1]
    assert (told["AnsweredBy"], told["CallSid"]) == ("machine_start", child.sid)
    assert child.answered_by == "machine_start"
