"""A sandbox in a process of its own, an app it may call, and a client for its control API."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlencode
from urllib.request import ProxyHandler, Request, build_opener

PATIENCE_S = 30.0
"""Seconds that anything awaited may take."""
"""Compiled once for all tests, or most of their time would go into that."""


def eventually(found: Callable[[], Any], shown: Callable[[], Any] = str) -> Any:
    """Return what is there at last; ``shown`` is told where it never comes."""
    patient_until = time.monotonic() + PATIENCE_S
    while not (it := found()):
        assert time.monotonic() < patient_until, f"it never came: {shown()}"
        time.sleep(0.05)
    return it


@dataclass
class Sandbox:
    """One that runs."""

    process: subprocess.Popen[str]
    env: dict[str, str]
    ready_after: float
    """Seconds."""
    lines: list[str]

    @property
    def url(self) -> str:
        return self.env["MEDIASIM_BASE_URL"]

    def control(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """The control API's answer; (status, error) where it refuses."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/_mediasim{path}", data, method=method, headers=headers)
        request.add_header("Content-Type", "application/json")
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=20) as answer:
                text = answer.read()
        except HTTPError as error:
            with error:
                return error.code, json.loads(error.read())["error"]
        return json.loads(text) if text else None

    def rest(self, method: str, path: str, **params: str) -> Any:
        """What Twilio's API answers, below the account or of version 1; an error's body too."""
        try:
            text = self._authorized(method, path, params)
        except HTTPError as error:
            with error:
                text = error.read()
        return json.loads(text) if text else None

    def download(self, path: str) -> bytes:
        """A file of the API below the account. Raises HTTPError."""
        return self._authorized("GET", path, {})

    def _authorized(self, method: str, path: str, params: dict[str, str]) -> bytes:
        account, token = self.env["TWILIO_ACCOUNT_SID"], self.env["TWILIO_AUTH_TOKEN"]
        data = urlencode(params).encode() if method == "POST" else None
        below = "" if path.startswith("/v1/") else f"/2010-04-01/Accounts/{account}"
        url = f"{self.url}{below}{path}"
        request = Request(url, data, method=method)
        credentials = b64encode(f"{account}:{token}".encode()).decode()
        request.add_header("Authorization", f"Basic {credentials}")
        with build_opener(ProxyHandler({})).open(request, timeout=20) as answer:
            found: bytes = answer.read()
        return found

    def end(self) -> float:
        """Press Ctrl-C; returns how long it took to end, in seconds."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)
        return time.monotonic() - started


@contextmanager
def serving(*options: str) -> Iterator[Sandbox]:
    """``mediasim serve`` on any free port."""
    command = [sys.executable, "-m", "mediasim", "serve", "--port", "0", *options]
    environment = {**os.environ, "MEDIASIM_SPEECH": "babble"}
    started = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    lines = list[str]()
    try:
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if lines[-1] == "ready":
                break
        else:
            assert process.stderr is not None
            raise AssertionError(f"it did not start: {process.stderr.read()}")
        env = dict(line.split("=", 1) for line in lines if "=" in line)
        yield Sandbox(process, env, time.monotonic() - started, lines)
    finally:
        process.kill()
        process.communicate()


@dataclass
class App:
    """A user's app: answers each path with a document, and notes what it was asked."""

    url: str
    documents: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    before: Callable[[str, dict[str, str]], None] | None = None
    """Called before each answer."""

    def of(self, path: str) -> list[dict[str, str]]:
        return [params for asked, params in self.asked if asked == path]


@contextmanager
def as_it_was(served: App) -> Iterator[App]:
    """An app that has been asked nothing, and has its documents back afterwards."""
    before = dict(served.documents)
    served.asked.clear()
    yield served
    served.documents.clear()
    served.documents.update(before)


@contextmanager
def app(**documents: str) -> Iterator[App]:
    """Serves documents by the names of their paths."""
    found: App

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            params = dict(parse_qsl(body.decode(), keep_blank_values=True))
            found.asked.append((self.path, params))
            if found.before is not None:
                found.before(self.path, params)
            text = found.documents.get(self.path, "").encode()
            self.send_response(200 if text else 204)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    url = f"http://127.0.0.1:{server.server_address[1]}"
    found = App(
        url, {f"/{name}": f"<Response>{text}</Response>" for name, text in documents.items()}
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
