"""ConversationRelay judged by the framework that Twilio publishes for it.

``twilio-agent-connect`` makes the TwiML, checks the signatures of webhooks and of the WebSocket's
upgrade, and reads each message by models of its own. It is taken from where the tests run, or from
``$MEDIASIM_STREAM_FRAMEWORKS/tac``, a folder that pip installed ``twilio-agent-connect[server]``
into; where it is neither, the test is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from framework_bots import import_path, running_bot

from mediasim.testing import MediasimSandbox
from mediasim.truth.analysis.transcription import plain_words

BOT = Path(__file__).parent / "relay_bots" / "tac_bot.py"
NUMBER = "+15005550006"
NAME = "tac.example.org"


@contextmanager
def _bot(sandbox: MediasimSandbox, folder: Path) -> Iterator[str]:
    paths = import_path("tac", "tac.server")
    if paths is None:
        pytest.skip("twilio-agent-connect is not installed")
    variables = {
        "TWILIO_ACCOUNT_SID": sandbox.account_sid,
        "TWILIO_AUTH_TOKEN": sandbox.auth_token,
        "PHONE_NUMBER": NUMBER,
        "PUBLIC_NAME": NAME,
        "TAC_ANALYTICS_DISABLED": "true",
    }
    with running_bot(BOT, paths, variables, folder) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.timeout(180)
def test_twilios_own_framework_converses(mediasim_sandbox: MediasimSandbox, tmp_path: Path) -> None:
    with _bot(mediasim_sandbox, tmp_path) as url:
        mediasim_sandbox.app(url, number=NUMBER, voice="/twiml", public_name=NAME)
        said = "Is my order on its way?"
        script = [
            {"wait_for": "other-stops"},
            {"say": said},
            {"wait_for": {"speech": True}},
            {"pause": "1s"},
            {"say": "Thank you."},
            {"wait_for": {"speech": True}},
            {"wait_for": "other-stops"},
            "hangup",
        ]
        call = mediasim_sandbox.call(script=script)
        mediasim_sandbox.run_until_idle()
    relay = call.relay
    assert (relay.session_status, relay.error) == ("completed", None)
    assert [each.text for each in relay.prompts] == [said, "Thank you."]
    spoken = [each["text"] for each in relay.log if each["kind"] == "text"]
    assert plain_words(" ".join(spoken[-2:])) == plain_words(
        f"You said: {said} You said: Thank you."
    )
    (interrupt,) = relay.interrupts
    assert f"You said: {said}".startswith(interrupt.heard)
    statuses = {each.url: each.attempts[-1].status for each in mediasim_sandbox.deliveries}
    assert set(statuses.values()) == {200}, statuses  # each signature was found right
    notes = [each for each in mediasim_sandbox.service.notifications if each.log == "0"]
    assert not notes, [each.message_text for each in notes]
