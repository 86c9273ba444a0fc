"""Recordings that the clock deletes: through restarts, in an object store's absence, by workers."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from serving import Sandbox, eventually, serving

DAY = 86_400
PLAN = """
numbers: {+14155550100: {twiml: "<Response/>"}}
parties: {alice: {number: +14155550101, answer: 0s, script: [{pause: 2s}]}}
recordings: {retention: RETENTION, processing: 0s}
"""


def plan(folder: Path, retention: str) -> Path:
    file = folder / "plan.yaml"
    file.write_text(PLAN.replace("RETENTION", retention), "utf-8")
    return file


def recorded(sandbox: Sandbox, *, manual: bool) -> str:
    """The SID of the recording of a call that has ended."""
    call = sandbox.rest(
        "POST",
        "/Calls.json",
        To="+14155550101",
        From="+14155550100",
        Record="true",
        Twiml="<Response><Pause length='1'/></Response>",
    )

    def completed() -> str | None:
        if manual:
            sandbox.control("POST", "/clock/run-until-idle")
        found = sandbox.rest("GET", f"/Calls/{call['sid']}/Recordings.json")["recordings"]
        return found[0]["sid"] if found and found[0]["status"] == "completed" else None

    sid: str = eventually(completed)
    return sid


def shown(sandbox: Sandbox, sid: str, query: str = "") -> dict[str, Any]:
    """The resource, but for where this process serves its media."""
    found: dict[str, Any] = sandbox.rest("GET", f"/Recordings/{sid}.json{query}")
    del found["media_url"]
    return found


def listed(sandbox: Sandbox, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandbox.rest("GET", f"/Recordings.json{query}")["recordings"]
    return found


def test_the_clock_deletes_and_forgets_through_kills(tmp_path: Path) -> None:
    data = tmp_path / "data"
    options = ("--data", str(data), "--clock", "manual", "--config", str(plan(tmp_path, "30d")))
    with serving(*options) as sandbox:
        sid = recorded(sandbox, manual=True)
        made = shown(sandbox, sid)
        by_hand = recorded(sandbox, manual=True)
        assert sandbox.download(f"/Recordings/{sid}.wav").startswith(b"RIFF")
        sandbox.rest("DELETE", f"/Recordings/{by_hand}.json")
        assert not (data / "recordings" / f"{by_hand}.wav").exists()
        sandbox.control("POST", "/clock/advance", {"by": 29 * DAY})
        assert [each["sid"] for each in listed(sandbox)] == [sid]
    with serving(*options) as sandbox:  # the other one was killed
        assert shown(sandbox, sid) == made
        sandbox.control("POST", "/clock/advance", {"by": "2d"})
        assert listed(sandbox) == []
        assert sandbox.rest("GET", f"/Recordings/{sid}.json")["code"] == 20404
        with pytest.raises(HTTPError, match="404"):
            sandbox.download(f"/Recordings/{sid}.wav")
        assert not (data / "recordings" / f"{sid}.wav").exists()
        kept = listed(sandbox, "?IncludeSoftDeleted=true")
        assert {(each["sid"], each["status"]) for each in kept} == {
            (sid, "deleted"),
            (by_hand, "deleted"),
        }
        (gone,) = (each for each in kept if each["sid"] == sid)
        due = parsedate_to_datetime(made["date_created"]) + timedelta(days=30)
        assert parsedate_to_datetime(gone["date_updated"]) == due, "not when somebody looked"
        assert gone["duration"] == made["duration"]
        sandbox.control("POST", "/clock/advance", {"by": 10 * DAY})
        kept = listed(sandbox, "?IncludeSoftDeleted=true")
        assert [each["sid"] for each in kept] == [sid], "forty days after it was deleted by hand"
        sandbox.control("POST", "/clock/advance", {"by": 30 * DAY})
        assert listed(sandbox, "?IncludeSoftDeleted=true") == []
        assert not list((data / "recordings").iterdir())


def test_workers_delete_what_they_recorded_and_the_front_knows(tmp_path: Path) -> None:
    config = str(plan(tmp_path, "3s"))
    with serving("--in-memory", "--config", config, "--workers", "2") as sandbox:
        sid = recorded(sandbox, manual=False)
        eventually(lambda: not listed(sandbox))
        (kept,) = listed(sandbox, "?IncludeSoftDeleted=true")
        assert (kept["sid"], kept["status"]) == (sid, "deleted")
        assert sandbox.rest("DELETE", f"/Recordings/{sid}.json")["code"] == 20404
