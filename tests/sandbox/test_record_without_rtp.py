"""The silence timeout of Record counts silence that is received, as Twilio's does."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mediasim.sandbox.config import parse_config
from mediasim.sandbox.embedded import EmbeddedSandbox
from mediasim.sandbox.settings import Settings
from mediasim.twilio.requests import CallRequest, TwimlSource

RECORD = "<Record timeout='2' maxLength='9' trim='do-not-trim' playBeep='false'/>"


@pytest.mark.parametrize(
    ("telephone", "seconds"),
    [
        ({}, 3),
        ({"network": {"loss": "60%"}}, 3),
        ({"dtx": "comfort-noise"}, 3),
        ({"dtx": "silence"}, 9),
    ],
)
def test_a_telephone_that_sends_nothing_is_not_silent(
    telephone: dict[str, Any], seconds: int
) -> None:
    bob = {"number": "+14155550101", "script": [{"noise": {"for": "1s"}}, {"pause": "60s"}]}
    plan = {"parties": {"bob": {**bob, **telephone}}}
    settings = Settings(config=parse_config(plan, base=Path()), clock="virtual")
    with EmbeddedSandbox(settings) as embedded:
        service = embedded.sandbox.service
        call = CallRequest(
            "+14155550101", "+14155550123", TwimlSource(twiml=f"<Response>{RECORD}</Response>")
        )

        async def over() -> None:
            service.create_call(call)
            await asyncio.sleep(30)

        embedded.submit(over).result(30)
        [recording] = service.catalogue.recordings()
        assert recording.duration_seconds() == seconds
