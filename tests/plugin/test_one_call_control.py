"""What telephones do in a sandbox is what they do in a scenario: scripts, ringing and hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mediasim.testing import Mediasim, MediasimSandbox

ASK = [{"wait_for": "other-stops"}, {"say": "Where is my order?"}, "hangup"]
GREET = [{"say": "Support, how can I help?"}, {"pause": "30s"}]


def kinds_of(sandbox: MediasimSandbox, *wanted: str) -> list[str]:
    log = sandbox.service.exchange.events.log
    return [event.kind for event in log if event.kind in wanted]


# -- ringing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", ["0s", "1s", "5s"])
def test_ringing_is_nobody_speaking(mediasim_sandbox: MediasimSandbox, after: str) -> None:
    support = mediasim_sandbox.party("support", GREET, answer=after)
    mediasim_sandbox.app({"/voice": f'<Dial record="record-from-answer-dual">{support}</Dial>'})
    call = mediasim_sandbox.call(script=ASK)
    mediasim_sandbox.run_until_idle()
    (recording,) = call.recordings
    said = {each.party: each for channel in recording.truth.channels for each in channel.intervals}
    assert said["caller"].start > said["support"].end


def test_a_caller_does_not_speak_into_the_ringing(mediasim_sandbox: MediasimSandbox) -> None:
    support = mediasim_sandbox.party("support", [{"pause": "5s"}], answer="4s")
    mediasim_sandbox.app({"/voice": f'<Dial record="record-from-ringing-dual">{support}</Dial>'})
    call = mediasim_sandbox.call(script=[{"say": "Hello."}, {"pause": "2s"}, "hangup"])
    mediasim_sandbox.run_until_idle()
    (recording,) = call.recordings
    assert recording.truth.channels[0].intervals[0].start / 8000 == pytest.approx(4, abs=0.2)


def test_a_caller_loses_patience_while_it_rings(mediasim_sandbox: MediasimSandbox) -> None:
    support = mediasim_sandbox.party("support", GREET, answer="20s")
    app = mediasim_sandbox.app({"/voice": f'<Dial action="/after">{support}</Dial>', "/after": ""})
    mediasim_sandbox.call(script=[{"wait_for": {"time": "5s"}}, "hangup"])
    mediasim_sandbox.run_until_idle()
    assert app.asked[-1].params["DialCallStatus"] == "canceled"


def test_hold_music_is_heard_where_anything_counts(mediasim: Mediasim) -> None:
    def waits(**hears: str) -> list[Any]:
        return [
            {"wait_for": {"event": "call.held"}},
            {"wait_for": {"speech": True, "timeout": "3s", **hears}},
            {"emit": "noticed"},
            {"pause": "5s"},
        ]

    moments = []
    for script in (waits(), waits(hears="anything")):
        run = mediasim.simulate(
            parties={"ann": {"script": script}, "bob": {"script": ["hold", {"pause": "4s"}]}},
            call={"from": "ann", "to": "bob"},
        )
        at = {event.kind: event.at_ns for event in run.events}
        moments.append((at["noticed"] - at["call.held"]) / 1e9)
    assert moments[0] == pytest.approx(3, abs=0.1)
    assert moments[1] < 1


# -- screening ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "bridged"), [("1", "true"), ("2", "false")])
def test_a_callee_acts_while_it_is_screened(
    mediasim_sandbox: MediasimSandbox, key: str, bridged: str
) -> None:
    script = [{"wait_for": "other-stops"}, {"dtmf": key}, {"pause": "3s"}, "hangup"]
    support = mediasim_sandbox.party("support", script)
    screen = '<Gather numDigits="1" action="/chosen"><Say>Press one to accept.</Say></Gather>'
    app = mediasim_sandbox.app(
        {
            "/voice": f'<Dial action="/after"><Number url="/screen">{support}</Number></Dial>',
            "/screen": screen + "<Hangup/>",
            "/chosen": lambda request: "" if request.params["Digits"] == "1" else "<Hangup/>",
            "/after": "<Hangup/>",
        }
    )
    mediasim_sandbox.call()
    mediasim_sandbox.run_until_idle()
    assert app.asked[-1].params["DialBridged"] == bridged


# -- hold -----------------------------------------------------------------------------------------


HOLDS: dict[str, tuple[list[Any], list[Any]]] = {
    "twice": (
        [{"pause": "8s"}],
        [{"pause": "1s"}, "hold", {"pause": "1s"}, "hold", {"pause": "1s"}, "resume"],
    ),
    "both": (
        [{"pause": "1s"}, "hold", {"pause": "3s"}, "resume", {"pause": "4s"}],
        [{"pause": "2s"}, "hold", {"pause": "3s"}, "resume", {"pause": "2s"}],
    ),
}
MUSIC = {"twice": (1.0, 3.0), "both": (2.0, 5.0)}
"""Seconds of the recording in which ann hears music."""


@pytest.mark.parametrize("how", HOLDS)
@pytest.mark.parametrize("door", ["scenario", "sandbox"])
def test_hold_is_kept_per_holder(
    mediasim: Mediasim, mediasim_sandbox: MediasimSandbox, door: str, how: str
) -> None:
    ann, bob = HOLDS[how]
    bob = [*bob, {"pause": "2s"}, {"tone": {"hz": 440, "for": "1s"}}, "hangup"]
    if door == "scenario":
        run = mediasim.simulate(
            parties={"ann": {"script": ann}, "bob": {"script": bob}},
            call={"from": "ann", "to": "bob", "recording": {"track": "outbound"}},
        )
        pcm = run.recording().pcm[0]
    else:
        number = mediasim_sandbox.party("bob", bob)
        record = 'record="record-from-answer" recordingTrack="outbound"'
        mediasim_sandbox.app({"/voice": f"<Dial {record}>{number}</Dial>"})
        call = mediasim_sandbox.call(script=ann)
        mediasim_sandbox.run_until_idle()
        pcm = call.recordings[0].pcm[0]
    loud = np.abs(pcm[: len(pcm) // 800 * 800].reshape(-1, 800).astype(int)).max(axis=1) > 200
    start, end = MUSIC[how]
    heard = np.flatnonzero(loud[: round((end + 0.9) * 10)]) / 10
    assert heard.min() == pytest.approx(start, abs=0.2)
    assert heard.max() == pytest.approx(end, abs=0.3 if how == "twice" else 0.4)
