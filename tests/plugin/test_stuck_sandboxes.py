"""A sandbox in which nothing more can happen says at once who waits for what."""

from __future__ import annotations

import re
import threading
import time

import pytest

from mediasim.testing import MediasimSandbox

LISTENS = [{"wait_for": {"speech": True}}, {"say": "Hello."}]


@pytest.fixture
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """No app of these tests acts by itself, so that nothing outside need be waited for."""
    monkeypatch.setattr("mediasim.sandbox.clocks._OUTSIDE_SECONDS", 0.05)


def seconds(sandbox: MediasimSandbox) -> float:
    return sandbox.service.now_ns / 1e9


def test_two_that_wait_for_each_other(mediasim_sandbox: MediasimSandbox) -> None:
    bob = mediasim_sandbox.party("bob", LISTENS)
    mediasim_sandbox.app({"/voice": f"<Say>Hello.</Say><Dial>{bob}</Dial>"})
    call = mediasim_sandbox.call(script=[{"wait_for": {"quiet": "20s"}}, *LISTENS])
    with pytest.raises(AssertionError, match="nothing more can happen") as failed:
        mediasim_sandbox.run_until_idle()
    assert seconds(mediasim_sandbox) < 60
    words = str(failed.value)
    told = f"{call.sid} from +14155550123 to +15005550006 is in-progress; caller has waited for"
    assert told in words
    assert re.search(r"its document is in <Dial> on line 1 since \d\.\ds", words)
    assert re.search(r"bob has waited for speech True since \d\.\ds", words)
    call.hang_up()
    mediasim_sandbox.run_until_idle()
    assert call.status == "completed"


@pytest.mark.parametrize(
    "verb", ["<Enqueue>line</Enqueue>", "<Dial><Conference>us</Conference></Dial>"]
)
def test_hold_music_is_no_speech_that_can_still_come(
    mediasim_sandbox: MediasimSandbox, verb: str
) -> None:
    mediasim_sandbox.app({"/voice": verb})
    mediasim_sandbox.call(script=LISTENS)
    with pytest.raises(AssertionError, match=r"caller has waited for speech True since 0\.0s"):
        mediasim_sandbox.run_until_idle()
    assert seconds(mediasim_sandbox) < 30


def test_what_the_app_does_later_by_itself_is_waited_for(mediasim_sandbox: MediasimSandbox) -> None:
    """A thread of the app's own acts half a second after its answer, by the wall clock."""
    threads = []

    def later(sid: str) -> None:
        time.sleep(0.5)
        mediasim_sandbox.client.calls(sid).update(twiml="<Response><Say>Bye.</Say></Response>")

    def answer(asked: object) -> str:
        threads.append(threading.Thread(target=later, args=(asked.params["CallSid"],)))  # type: ignore[attr-defined]
        threads[-1].start()
        return "<Enqueue>line</Enqueue>"

    mediasim_sandbox.app({"/voice": answer})
    call = mediasim_sandbox.call(script=LISTENS)
    mediasim_sandbox.run_until_idle()
    assert call.status == "completed"
    assert call.heard == "Bye."
    threads[0].join()


def test_what_a_limit_ends_goes_on_until_the_limit(mediasim_sandbox: MediasimSandbox) -> None:
    bob = mediasim_sandbox.party("bob", LISTENS)
    twiml = "<Response><Dial><Conference>us</Conference></Dial></Response>"
    mediasim_sandbox.client.calls.create(to=bob, from_="+15005550006", twiml=twiml, time_limit=120)
    mediasim_sandbox.run_until_idle()
    assert mediasim_sandbox.calls[0].status == "completed"
    assert 119 < seconds(mediasim_sandbox) < 130
