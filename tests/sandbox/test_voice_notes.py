"""What a voice is instead of what was asked for is in the log and in the notifications."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from mediasim.sandbox.config import parse_config
from mediasim.sandbox.embedded import EmbeddedSandbox
from mediasim.sandbox.settings import Settings
from mediasim.twilio.requests import CallRequest, TwimlSource


def test_a_synthetic_voice_is_told_of_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MEDIASIM_SPEECH")
    bob = {"number": "+14155550101", "voice": "fergus", "script": [{"say": "hi"}, {"say": "you"}]}
    settings = Settings(
        config=parse_config({"parties": {"bob": bob}}, base=Path()), clock="virtual"
    )
    twiml = "<Response><Pause/></Response>"
    call = CallRequest("+14155550101", "+14155550123", TwimlSource(twiml=twiml))
    with (
        caplog.at_level(logging.WARNING, "mediasim"),
        EmbeddedSandbox(settings) as embedded,
    ):
        service = embedded.sandbox.service

        async def called() -> None:
            service.create_call(call)
            await asyncio.sleep(20)

        embedded.submit(called).result(30)
        told = [each.message_text for each in service.notifications]
    assert told == ["the voice fergus is synthetic (espeak) and hard to understand on a telephone"]
    assert [each.message for each in caplog.records] == told
