"""``mediasim serve`` as a developer has it: a process of its own, found by what it prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np
from numpy.typing import NDArray
from sound_checks import samples_of

__all__ = ["Sandbox", "running_sandbox"]

_SECONDS_TO_START = 30.0
"""Long, for machines with much else to do; it takes less than one."""
_NO_REQUEST = "Invalid HTTP request received."
"""Compiled once for all tests, or starting would mostly be that."""


@dataclass
class Sandbox:
    """One that runs. Ports and SIDs are those of its environment block."""

    process: subprocess.Popen[str]
    env: dict[str, str]
    errors: Path
    """What the process writes to stderr."""

    @property
    def url(self) -> str:
        return self.env["MEDIASIM_BASE_URL"]

    @property
    def account_sid(self) -> str:
        return self.env["TWILIO_ACCOUNT_SID"]

    @property
    def auth_token(self) -> str:
        return self.env["TWILIO_AUTH_TOKEN"]

    @property
    def authorization(self) -> str:
        """The header that says who asks."""
        return "Basic " + b64encode(f"{self.account_sid}:{self.auth_token}".encode()).decode()

    def account_url(self, path: str) -> str:
        """An address below the account: ``/Calls.json``."""
        return f"{self.url}/2010-04-01/Accounts/{self.account_sid}{path}"

    def control(self, method: str, path: str, body: object = None) -> Any:
        """The control API's answer. An error of it fails the test, with its words."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/_mediasim{path}", data, method=method)
        request.add_header("Content-Type", "application/json")
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=60) as answer:
                text = answer.read()
        except HTTPError as error:
            with error:
                raise AssertionError(f"{method} {path}: {error.read().decode()}") from None
        return json.loads(text) if text else None

    def call(self, to: str, from_: str, *script: Any) -> str:
        """Somebody calls an app's number: a party, or whoever has a script. Returns the SID."""
        body = {"to": to, "from": from_, **({"script": list(script)} if script else {})}
        placed: dict[str, str] = self.control("POST", "/calls", body)
        return placed["sid"]

    def advance(self, seconds: float) -> None:
        """Let time pass, with all that it causes; for a manual clock."""
        self.control("POST", "/clock/advance", {"by": seconds})

    def run_out(self) -> None:
        """Let everything that is under way come to its end."""
        assert self.control("POST", "/clock/run-until-idle")["idle"]

    def download(self, sid: str, ending: str = "", **headers: str) -> tuple[int, Any, bytes]:
        """A recording's media: status, headers and body; ``ending`` is what follows the SID."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        method = headers.pop("method", "GET")
        request = Request(self.account_url(f"/Recordings/{sid}{ending}"), method=method)
        for name, value in {"Authorization": self.authorization, **headers}.items():
            request.add_header(name, value)
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def samples(self, sid: str, ending: str = ".wav") -> NDArray[np.int16]:
        """The channels of a recording's WAV."""
        status, headers, body = self.download(sid, ending)
        assert (status, headers["Content-Type"]) == (200, "audio/x-wav"), body[:500]
        return samples_of(body)

    def output(self) -> str:
        """What the process has complained of, but for bytes that were no request."""
        lines = self.errors.read_text("utf-8").splitlines()
        return "\n".join(line for line in lines if not line.endswith(_NO_REQUEST))


@contextmanager
def running_sandbox(*options: str, config: str, folder: Path) -> Iterator[Sandbox]:
    """``mediasim serve`` on any free port, in memory; ``config`` is its file's text.

    At the end it is told to end as by Ctrl-C, must do so, and must have complained of nothing.
    """
    file, errors = folder / "sandbox.yaml", folder / "stderr.txt"
    file.write_text(config, "utf-8")
    command = [sys.executable, "-m", "mediasim", "serve", "--port", "0", "--in-memory"]
    command += ["--config", str(file), "--quiet", *options]
    environment = {**os.environ, "MEDIASIM_SPEECH": "babble"}
    with (
        errors.open("w") as stderr,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment
        ) as process,
    ):
        try:
            sandbox = Sandbox(process, _environment(process, errors), errors)
            yield sandbox
            assert process.poll() is None, f"it has ended: {sandbox.output()}"
            process.terminate()
            assert process.wait(10) == 0, sandbox.output()
            assert sandbox.output() == ""
        finally:
            process.kill()


def _environment(process: subprocess.Popen[str], errors: Path) -> dict[str, str]:
    """The block it prints, once it is ready."""
    assert process.stdout is not None
    found: dict[str, str] = {}
    patience = Timer(_SECONDS_TO_START, process.kill)
    patience.start()
    try:
        for line in process.stdout:
            name, equals, value = line.rstrip("\n").partition("=")
            if equals:
                found[name] = value
            if name == "ready":
                return found
    finally:
        patience.cancel()
    raise AssertionError(f"the sandbox did not start: {errors.read_text('utf-8')}")
