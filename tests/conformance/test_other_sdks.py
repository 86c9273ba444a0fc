"""Twilio's SDKs for PHP, Ruby, Go, Java and C#: their programs in ``docs/how-to/sdks.md``.

None of these SDKs comes with this project's packages. Each is looked for where the table below
says; a language without its runtime or its SDK is skipped, with what was looked for.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from sandbox_process import running_sandbox
from twilio.rest import Client
from user_app import UserApp

import mediasim

PAGE = (Path(mediasim.__file__).parent / "docs" / "how-to" / "sdks.md").read_text("utf-8")
_SECONDS = 120


def block(language: str) -> str:
    """The page's only code in a language."""
    (code,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return str(code)


@dataclass(frozen=True)
class Language:
    """How the page's program in a language is run."""

    tools: tuple[str, ...]
    there: Callable[[], bool]
    """Whether the SDK is there."""
    wanted: str
    """What was looked for, in words."""
    file: str
    build: tuple[tuple[str, ...], ...]
    run: tuple[str, ...]
    by_exec: bool = True
    """Whether ``mediasim exec`` leads it to the sandbox, not the program itself."""


def succeeds(*command: str) -> Callable[[], bool]:
    def check() -> bool:
        return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0

    return check


def is_file(variable: str) -> Callable[[], bool]:
    return lambda: Path(os.environ.get(variable, "")).is_file()


CLASSES, LIBRARY = os.environ.get("TWILIO_CLASSPATH", ""), os.environ.get("TWILIO_DLL", "")
LANGUAGES = {
    "php": Language(
        tools=("php",),
        there=is_file("TWILIO_AUTOLOAD"),
        wanted="TWILIO_AUTOLOAD, the SDK's autoload.php",
        file="app.php",
        build=(),
        run=("php", "app.php"),
    ),
    "ruby": Language(
        tools=("ruby",),
        there=succeeds("ruby", "-e", 'require "twilio-ruby"'),
        wanted="the gem twilio-ruby, or RUBYLIB with it",
        file="app.rb",
        build=(),
        run=("ruby", "app.rb"),
    ),
    "go": Language(
        tools=("go",),
        there=succeeds("go", "list", "github.com/twilio/twilio-go"),
        wanted="github.com/twilio/twilio-go, by GOPATH and GO111MODULE=off for one",
        file="app.go",
        build=(("go", "build", "-o", "app", "app.go"),),
        run=("./app",),
    ),
    "java": Language(
        tools=("javac", "java"),
        there=lambda: bool(CLASSES),
        wanted="TWILIO_CLASSPATH, the SDK and what it needs",
        file="Snippet.java",
        build=(("javac", "-proc:none", "-cp", CLASSES, "Snippet.java"),),
        run=("java", "-cp", f".:{CLASSES}", "Snippet"),
    ),
    "csharp": Language(
        tools=("mcs", "mono"),
        there=is_file("TWILIO_DLL"),
        wanted="TWILIO_DLL, the SDK's library with Newtonsoft.Json.dll beside it",
        file="Snippet.cs",
        build=(("mcs", f"-r:{LIBRARY}", "-r:System.Net.Http", "Snippet.cs"),),
        run=("mono", "Snippet.exe"),
        by_exec=False,
    ),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_program_of_the_page(language: str, app: UserApp, tmp_path: Path) -> None:
    how = LANGUAGES[language]
    if absent := [tool for tool in how.tools if shutil.which(tool) is None]:
        pytest.skip(f"{language}: there is no {' and no '.join(absent)}")
    if not how.there():
        pytest.skip(f"{language}: Twilio's SDK is not here; wanted: {how.wanted}")
    (tmp_path / how.file).write_text(block(language), "utf-8")
    environment = {**os.environ, "MONO_PATH": str(Path(LIBRARY).parent)}
    for command in how.build:
        built = run(command, tmp_path, environment)
        assert built.returncode == 0, built.stdout + built.stderr
    with running_sandbox("--clock", "virtual", config=block("yaml"), folder=tmp_path) as sandbox:
        app.auth_token = sandbox.auth_token
        client = Client(sandbox.account_sid, sandbox.auth_token)
        client.api.base_url = sandbox.url
        client.calls.create(
            to="+14155550101",
            from_="+14155550100",
            twiml="<Response/>",
            status_callback=f"{app.url}/status?order=7&from=us",
        )
        sandbox.run_out()
        (asked,) = app.asked
        body, signed = urlencode(asked.params), asked.headers["x-twilio-signature"]
        joined = (sys.executable, "-m", "mediasim", "exec", "--url", sandbox.url, "--")
        program = (*joined, *how.run) if how.by_exec else how.run
        # Nothing but exec, or the program itself, may lead it to the sandbox.
        known = environment if how.by_exec else {**environment, **sandbox.env}
        for url, verdict in ((asked.url, "genuine"), (f"{asked.url}&more=1", "forged")):
            ended = run((*program, url, signed, body), tmp_path, known)
            assert ended.returncode == 0, ended.stderr
            recording, judged = ended.stdout.split("\n")[:2]
            sid, seconds = recording.split()
            assert re.fullmatch("RE[0-9a-f]{32}", sid)
            assert int(seconds) >= 1
            assert judged == verdict
            assert sandbox.download(sid, ".wav")[0] == 200


def run(
    command: tuple[str, ...], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )


def test_the_page_has_ten_lines_of_each() -> None:
    for language in LANGUAGES:
        assert len([line for line in block(language).splitlines() if line.strip()]) >= 10
