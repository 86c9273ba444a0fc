"""Attacks on a life: ``serve`` is killed again and again, in the middle of calls and as they end.

Nothing that was recorded to its end is lost; of what was being recorded the last second may be.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from attacks import figures, times
from serving import App, Sandbox, app, eventually, serving

from mediasim.audio.wav import read_wav
from mediasim.seeds import Seeds
from mediasim.truth.verify.judge import verification_text
from mediasim.truth.verify.verify import verify

PLAN = """
parties:
  bob:
    number: "+14155550101"
    script: [{noise: {kind: white, for: 90s, level: -20}}]
"""
TWIML = "<Response><Pause length='90'/></Response>"
WORST_LOSS_S = 2.0
"""Recorders write once a second; the rest is for a machine that is busy."""


def placed(sandbox: Sandbox, user: App) -> str:
    sid: str = sandbox.rest(
        "POST",
        "/Calls.json",
        To="+14155550101",
        From="+14155550123",
        Twiml=TWIML,
        Record="true",
        RecordingChannels="dual",
        RecordingStatusCallback=f"{user.url}/recording",
        StatusCallback=f"{user.url}/call",
    )["sid"]
    return sid


def died(sandbox: Sandbox) -> float:
    """The time at which it is dead."""
    sandbox.process.kill()
    sandbox.process.wait()
    return time.time()


def options(folder: Path) -> tuple[str, ...]:
    plan = folder / "plan.yaml"
    plan.write_text(PLAN, "utf-8")
    return "--data", str(folder / "data"), "--config", str(plan)


def known(data: Path) -> int:
    """Number of active recordings whose truth has been written down."""
    return len(list(data.glob("spool/*.truth")))


def judged(found: Any, data: Path) -> float:
    """Judge the WAV, JSON and truth of a recording; returns its length in seconds."""
    wav = data / "recordings" / f"{found['sid']}.wav"
    pcm = read_wav(wav).pcm
    assert len(pcm) == 2
    truth = json.loads(wav.with_suffix(".truth.json").read_text("utf-8"))
    assert truth["samples"] == pcm.shape[1]
    assert json.loads(wav.with_suffix(".json").read_text("utf-8"))["status"] == "completed"
    report = verify(wav)
    assert report.exit_code == 0, (wav, verification_text(report))
    return float(pcm.shape[1] / 8000)


def told_once(user: App, calls: set[str]) -> int:
    """Wait until each call's end was told; returns how many were told of twice."""
    eventually(lambda: calls <= {it["CallSid"] for it in user.of("/call")})
    eventually(lambda: calls <= {it["CallSid"] for it in user.of("/recording")})
    told = Counter((path, params["CallSid"]) for path, params in user.asked)
    return sum(number - 1 for number in told.values())


@pytest.mark.realtime
def test_an_attack_of_kills_in_the_middle_of_calls(tmp_path: Path) -> None:
    rounds, calls, draw = times(1, 20), times(3, 10), Seeds(15).generator("kills")
    command, data = options(tmp_path), tmp_path / "data"
    worst, behind, made, killed = 0.0, 0.0, set[str](), dict[str, float]()
    begun: dict[str, float] = {}
    with app() as user:
        for _ in range(rounds):
            with serving(*command) as sandbox:
                live = {placed(sandbox, user) for _ in range(calls)}
                made |= live
                eventually(lambda: known(data) == calls)
                time.sleep(float(draw.uniform(0, 1.7)))
                begun |= {it.stem: it.stat().st_mtime for it in data.glob("spool/*.journal")}
                at = died(sandbox)
                killed |= dict.fromkeys(live, at)
        with serving(*command) as sandbox:
            twice = told_once(user, made)
            listed = sandbox.rest("GET", "/Recordings.json?PageSize=1000")["recordings"]
            ended = sandbox.rest("GET", "/Calls.json?PageSize=1000")["calls"]
        with serving(*command):
            pass
        assert twice == told_once(user, made) == 0
    assert {(it["sid"], it["status"]) for it in ended} == {(sid, "completed") for sid in made}
    assert sorted(it["call_sid"] for it in listed) == sorted(made)
    assert {it["status"] for it in listed} == {"completed"}
    for each in listed:
        lost = killed[each["call_sid"]] - begun[each["sid"]] - judged(each, data)
        truth = json.loads((data / "recordings" / f"{each['sid']}.truth.json").read_text("utf-8"))
        worst = max(worst, lost)
        behind = max(behind, (truth["samples"] - truth["known_until"]) / 8000)
    assert worst < WORST_LOSS_S
    assert not list(data.glob("spool/*"))
    figures(
        "kills in the middle of calls",
        rounds=rounds,
        recordings=len(listed),
        lost=0,
        truth=len(listed),
        callbacks=f"{len(listed)} of recordings and as many of calls, {twice} twice",
        worst_loss=f"{worst:.3f} s",
        truth_behind_the_audio=f"{behind:.3f} s at most",
    )


@pytest.mark.realtime
def test_an_attack_of_kills_while_recordings_are_published(tmp_path: Path) -> None:
    rounds, calls, draw = times(2, 12), times(5, 10), Seeds(15).generator("publishing")
    command, data = options(tmp_path), tmp_path / "data"
    made, published = set[str](), 0
    with app() as user:
        for _ in range(rounds):
            with serving(*command) as sandbox:
                live = [placed(sandbox, user) for _ in range(calls)]
                made |= set(live)
                eventually(lambda: known(data) == calls)
                before = len(list(data.glob("recordings/*.wav")))
                threading.Timer(float(draw.uniform(0, 0.3)), sandbox.process.kill).start()
                with contextlib.suppress(OSError, HTTPException):
                    for sid in live:
                        sandbox.rest("POST", f"/Calls/{sid}.json", Status="completed")
                sandbox.process.wait()
                published += len(list(data.glob("recordings/*.wav"))) - before
        with serving(*command) as sandbox:
            twice = told_once(user, made)
            listed = sandbox.rest("GET", "/Recordings.json?PageSize=1000")["recordings"]
        with serving(*command):
            pass
        assert told_once(user, made) == twice
    assert sorted(it["call_sid"] for it in listed) == sorted(made)
    assert {it["status"] for it in listed} == {"completed"}
    for each in listed:
        assert judged(each, data) > 0.4
    assert not list(data.glob("spool/*"))
    # Only between an app's answer and the note of it can a kill have the app told again.
    assert twice <= 2 * rounds
    figures(
        "kills while recordings are published",
        rounds=rounds,
        recordings=len(listed),
        lost=0,
        published_before_the_kill=published,
        told_twice=twice,
    )
