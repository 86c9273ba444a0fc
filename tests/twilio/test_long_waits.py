"""Waiting for keys and words that do not come: in long blocks, and as if in short ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from test_twiml_calls import HELLO, PLEASE, YES, calls_in

from mediasim.media.leg import LegGroup

SPEECH = (
    '<Start><Recording channels="dual"/></Start>'
    '<Gather input="speech dtmf" timeout="60" action="/again"><Say>Hello.</Say></Gather>'
)
AGAIN = {
    "/again": '<Response><Gather timeout="9" input="speech" action="/again"/></Response>',
    "/record": '<Response><Record timeout="4" action="/again"/></Response>',
}


def lived_through(directory: Path, twiml: str, *steps: Any) -> tuple[object, ...]:
    """Everything that can be told of the calls that a document leads to."""
    account = calls_in(
        directory, twiml, *steps, also=lambda account: account.app.answers.update(AGAIN)
    )
    store = account.exchange.store
    files = [path.read_bytes() for path in sorted(store.directory.rglob("*")) if path.is_file()]
    assert files or "Record" not in twiml
    return repr(account.exchange.events.log), repr(account.app.requests), files


@pytest.mark.parametrize(
    ("twiml", "steps"),
    [
        ('<Gather timeout="20" numDigits="4" action="/record"/>', (3.0, "#1", 7.0, "#22", "#3")),
        (SPEECH, (12.0, HELLO, 3.0, YES, 10.0, PLEASE, 20.0)),
        ('<Record timeout="6" action="/again"/>', (2.0, HELLO, 3.5, YES, 9.0, "#5", PLEASE)),
        ('<Record timeout="3" playBeep="false" action="/again"/>', (HELLO, 2.9, YES, "hangup")),
    ],
)
def test_nothing_depends_on_it(tmp_path: Path, twiml: str, steps: tuple[Any, ...]) -> None:
    far = lived_through(tmp_path / "far", twiml, *steps)
    with patch.object(LegGroup, "outlook", property(lambda room: room.horizon)):
        assert lived_through(tmp_path / "near", twiml, *steps) == far


@pytest.mark.parametrize("twiml", ['<Gather timeout="600"/>', '<Record timeout="600"/>'])
def test_ten_minutes_are_few_blocks(tmp_path: Path, twiml: str) -> None:
    """A leg reports every five seconds: that is 120 blocks, where of 100 ms it would be 6,000."""
    outlook: Callable[[LegGroup], int | None] = LegGroup.__dict__["outlook"].fget
    blocks: list[int | None] = []

    def noted(room: LegGroup) -> int | None:
        blocks.append(outlook(room))
        return blocks[-1]

    with patch.object(LegGroup, "outlook", property(noted)):
        calls_in(tmp_path, twiml, profile="2022-05")  # in later ones the Record begins anew
    assert 120 <= len(blocks) < 250
