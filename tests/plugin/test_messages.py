"""Text messages in tests of an app."""

from __future__ import annotations

import pytest

from mediasim.testing import MediasimSandbox

APP = {
    "/sms": "<Message>Thank you</Message>",
    "/voice": "<Sms>We have missed you</Sms><Hangup/>",
}


def test_an_app_is_texted_and_answers(mediasim_sandbox: MediasimSandbox) -> None:
    with pytest.raises(ValueError, match="say which number is texted"):
        mediasim_sandbox.text("Hi")
    mediasim_sandbox.app(APP, sms="/sms")
    alice = mediasim_sandbox.party("alice", messages="undelivered")
    bob = mediasim_sandbox.party("bob")
    mediasim_sandbox.text("Hi", "alice", media=["http://127.0.0.1:9/a.png"])
    mediasim_sandbox.call("bob", script=["hangup"])
    mediasim_sandbox.run_until_idle()
    said = {each.body: each for each in mediasim_sandbox.messages}
    assert (said["Hi"].direction, said["Hi"].from_) == ("inbound", alice)
    assert said["Hi"].media == ("http://127.0.0.1:9/a.png",)
    assert (said["Thank you"].status, said["Thank you"].error_code) == ("undelivered", 30008)
    assert (said["We have missed you"].status, said["We have missed you"].to) == ("delivered", bob)
    assert len(mediasim_sandbox.deliveries.of("sms")) == 1
