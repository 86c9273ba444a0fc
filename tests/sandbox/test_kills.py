"""A recording that has ended is never lost: whatever step of publishing a kill comes before."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from databases import postgresql
from dying import PLAN
from serving import app, eventually, serving

import mediasim
from mediasim.audio.wav import read_wav
from mediasim.sandbox.config import parse_config
from mediasim.sandbox.embedded import EmbeddedSandbox
from mediasim.sandbox.settings import Settings
from mediasim.truth.verify.verify import verify

ROOT = Path(mediasim.__file__).parents[1]
DYING = Path(__file__).with_name("dying.py")
RINGING = """  eve: {number: "+14155550102", answer: 50s}
"""


@pytest.mark.parametrize("trim", ["do-not-trim", "trim-silence"])
def test_killed_before_any_step_of_publishing_nothing_is_lost(tmp_path: Path, trim: str) -> None:
    with app() as user:
        environment = {**os.environ, "MEDIASIM_SPEECH": "babble", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(DYING), str(tmp_path), user.url, trim]
        died = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert died.returncode == 0, died.stderr
        folders = sorted(tmp_path.iterdir(), key=lambda folder: int(folder.name))
        undisturbed = folders.pop()
        whole = {path.name: read_wav(path).pcm for path in undisturbed.glob("recordings/*.wav")}
        [(name, pcm)] = whole.items()
        assert len(folders) > 10
        assert list((undisturbed / "spool").iterdir()) == []
        often = 0
        for folder in folders:
            wav = folder / "recordings" / name
            _starts_twice(folder)
            assert list((folder / "spool").iterdir()) == [], folder
            found = read_wav(wav).pcm
            if found.shape != pcm.shape:  # it was to be trimmed, and was not yet
                assert trim == "trim-silence"
                at = next(n for n in range(0, found.shape[1], 160) if found[:, n : n + 160].any())
                found = found[:, at : at + pcm.shape[1]]
            assert np.array_equal(found, pcm), folder
            assert json.loads(wav.with_suffix(".json").read_text())["status"] == "completed"
            assert verify(wav, wav.with_suffix(".truth.json")).exit_code == 0, folder
            for path in (f"/{folder.name}", f"/call/{folder.name}"):
                told = user.of(path)
                assert told, folder
                assert len(told) <= 2, folder
                often += len(told) - 1
            [last] = {each["CallStatus"] for each in user.of(f"/call/{folder.name}")}
            assert last == "completed"
        # Only between an app's answer and the note of it can a kill have the app told again: at
        # most three steps for each of the two callbacks.
        assert often <= 6


def _starts_twice(folder: Path) -> None:
    """The next start, and the one after it, which finds nothing to do."""
    for _ in range(2):
        settings = Settings(config=parse_config(PLAN, base=folder), data=folder, seed_override=5)
        with EmbeddedSandbox(settings) as embedded:
            service = embedded.sandbox.service
            [record] = embedded.submit(service.catalogue.recordings).result(10)
            [call] = embedded.submit(service.catalogue.calls).result(10)
            assert call.status == "completed"
            assert (record.status, record.absence) == ("completed", None), folder
            embedded.submit(service.webhooks.settled).result(10)


def test_killed_in_the_middle_of_calls_their_recordings_have_truth_and_callback_once(
    tmp_path: Path,
) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN.replace("for: 1500ms", "for: 60s"), "utf-8")
    options = ("--data", str(tmp_path / "data"), "--config", str(plan))
    with app() as user:
        with serving(*options) as sandbox:
            made = [
                sandbox.rest(
                    "POST",
                    "/Calls.json",
                    To="+14155550101",
                    From="+14155550123",
                    Twiml="<Response><Pause length='60'/></Response>",
                    Record="true",
                    RecordingChannels="dual",
                    RecordingStatusCallback=f"{user.url}/done",
                )["sid"]
                for _ in range(3)
            ]
            spool = tmp_path / "data" / "spool"
            eventually(lambda: len(list(spool.glob("*.journal"))) == 3)
            eventually(lambda: all(known(path) > 12_000 for path in spool.glob("*.journal")))
            sandbox.process.kill()
            sandbox.process.wait()
        assert user.of("/done") == []
        for _ in range(2):
            with serving(*options) as sandbox:
                found = sandbox.rest("GET", "/Recordings.json")["recordings"]
                assert {each["call_sid"] for each in found} == set(made)
                assert {each["status"] for each in found} == {"completed"}
                eventually(lambda: len(user.of("/done")) >= 3)
                assert sandbox.end() < 10
        told = user.of("/done")
        assert {each["CallSid"] for each in told} == set(made)
        assert len(told) == 3
        assert list(spool.iterdir()) == []
    for each in found:
        wav = tmp_path / "data" / "recordings" / f"{each['sid']}.wav"
        document = json.loads(wav.with_suffix(".truth.json").read_text("utf-8"))
        assert document["samples"] == read_wav(wav).pcm.shape[1]
        assert 12_000 < document["known_until"] <= document["samples"]
        spoken = [it for channel in document["channels"] for it in channel["intervals"]]
        assert sum(it["end"] - it["start"] for it in spoken) > 8000
        report = verify(wav)
        assert report.exit_code == 0, report
        partial = document["known_until"] < document["samples"]
        assert partial == any("after a kill" in words for words in report.cannot_tell)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_calls_that_died_with_their_process_are_told_of_once(tmp_path: Path, kind: str) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN.replace("for: 1500ms", "for: 60s") + RINGING, "utf-8")
    with contextlib.ExitStack() as opened:
        user = opened.enter_context(app())
        options = ["--data", str(tmp_path / "data"), "--config", str(plan)]
        if kind == "postgresql":
            options += ["--database", opened.enter_context(postgresql())]
        wanted = {
            "StatusCallback": f"{user.url}/status",
            "StatusCallbackEvent": "initiated ringing answered completed",
        }
        with serving(*options) as sandbox:

            def placed(to: str = "+14155550101", **more: str) -> str:
                form = {"To": to, "From": "+14155550123", **more}
                twiml = "<Response><Pause length='60'/></Response>"
                sid: str = sandbox.rest("POST", "/Calls.json", Twiml=twiml, **form)["sid"]
                return sid

            talking = [placed(**wanted) for _ in range(2)]
            ringing = placed("+14155550102", **wanted)
            early = placed(StatusCallback=f"{user.url}/status", StatusCallbackEvent="answered")
            over = placed(**wanted)
            eventually(lambda: len(user.of("/status")) == 3 * 3 + 2 + 1)
            sandbox.rest("POST", f"/Calls/{over}.json", Status="completed")
            eventually(lambda: len(user.of("/status")) == 13)
            time.sleep(1.5)  # the time of a crash is known to the second
            sandbox.process.kill()
            sandbox.process.wait()
        for _ in range(2):
            with serving(*options) as sandbox:
                eventually(lambda: len(user.of("/status")) >= 13 + 3)
                for sid in (*talking, early, over):
                    assert sandbox.rest("GET", f"/Calls/{sid}.json")["status"] == "completed"
                assert sandbox.rest("GET", f"/Calls/{ringing}.json")["status"] == "failed"
                noted = sandbox.rest("GET", "/Notifications.json")["notifications"]
                assert {each["call_sid"] for each in noted} == {*talking, ringing, early}
                assert len(noted) == 4
                assert sandbox.end() < 10
        told = user.of("/status")
    assert len(told) == 16
    last = {each["CallSid"]: each for each in told[13:]}
    assert last.keys() == {*talking, ringing}
    for sid in talking:
        assert (last[sid]["CallStatus"], last[sid]["SequenceNumber"]) == ("completed", "3")
        assert int(last[sid]["CallDuration"]) >= 1
    assert (last[ringing]["CallStatus"], last[ringing]["SequenceNumber"]) == ("failed", "2")


def known(journal: Path) -> int:
    """The samples of a recording in progress whose truth has been written down."""
    try:
        samples: int = json.loads(journal.with_suffix(".truth").read_text())["truth"]["samples"]
    except OSError:
        return 0
    return samples
