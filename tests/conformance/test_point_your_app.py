"""What the documentation says of pointing an app at a sandbox, done as it is written there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from judged_client import judged_client
from node_programs import run_node
from number_plan import APP_NUMBER
from sandbox_process import Sandbox, running_sandbox
from sound_checks import samples_of
from user_app import UserApp

import mediasim

PAGE = Path(mediasim.__file__).parent / "docs" / "how-to" / "point-your-app.md"
ITS_APP = "http://127.0.0.1:5000"


def blocks(language: str) -> list[str]:
    """The page's code in a language."""
    page = PAGE.read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def commands(start: str) -> list[list[str]]:
    """Its shell commands that start so, as words without ``mediasim``."""
    lines = [shlex.split(line) for block in blocks("sh") for line in block.splitlines()]
    return [words[1:] for words in lines if words[1] == start]


@pytest.fixture
def served(app: UserApp, tmp_path: Path) -> Iterator[Sandbox]:
    """The command to serve and its number plan, with the test's app in place of the reader's."""
    (plan,) = blocks("yaml")
    ((_, _, _, *options),) = commands("serve")
    assert ITS_APP in plan
    with running_sandbox(*options, config=plan.replace(ITS_APP, app.url), folder=tmp_path) as found:
        app.auth_token = found.auth_token
        yield found


def is_a_recording(sandbox: Sandbox, printed: str) -> None:
    """It is the SID of one that can be heard."""
    sid = printed.strip()
    assert re.fullmatch("RE[0-9a-f]{32}", sid)
    status, _, body = sandbox.download(sid, ".wav")
    assert status == 200
    assert samples_of(body).any()


def test_python(served: Sandbox) -> None:
    (program,) = blocks("python")
    assert len([line for line in program.splitlines() if line]) <= 10
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **served.env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    is_a_recording(served, ended.stdout)


def test_node(served: Sandbox, tmp_path: Path) -> None:
    (program,) = blocks("js")
    assert len([line for line in program.splitlines() if line]) <= 10
    (tmp_path / "program").mkdir()
    file = tmp_path / "example.mjs"
    file.write_text(program, "utf-8")
    is_a_recording(served, run_node(served, file, tmp_path / "program"))


def test_somebody_calls_the_app(served: Sandbox, app: UserApp) -> None:
    app.replies["/voice"] = '<Record timeout="2" action="/heard"/>'

    def run(words: list[str]) -> str:
        ended = subprocess.run(
            [sys.executable, "-m", "mediasim", *words],
            env={**os.environ, **served.env},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    (call,), (recordings,) = commands("call"), commands("recordings")
    assert call[1] == APP_NUMBER
    run(call)
    served.run_out()
    assert app.told("/voice", "To") == [APP_NUMBER]
    assert re.search("RE[0-9a-f]{32}", run(recordings))


def test_a_long_call_takes_what_the_app_takes(served: Sandbox, app: UserApp) -> None:
    app.replies["/voice"] = "<Dial timeLimit='600'>+14155550199</Dial>"
    started = time.monotonic()
    sid = served.call(APP_NUMBER, "+14155550188", {"pause": "11m"})
    served.run_out()
    assert judged_client(served).calls(sid).fetch().duration == "601"  # a second rings
    assert time.monotonic() - started < 30  # one or less, where nothing else runs
