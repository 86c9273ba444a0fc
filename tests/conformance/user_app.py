"""A developer's app: a web server in the test, whose answers the test sets.

Every request has to be signed for the address it came to; the SDK's own validator judges.
"""

from __future__ import annotations

import json
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from twilio.request_validator import RequestValidator

__all__ = ["Answer", "Asked", "UserApp", "serving_app", "twiml"]


@dataclass(frozen=True)
class Asked:
    """One request that came."""

    method: str
    url: str
    """As the sender knows it."""
    params: Mapping[str, str]
    """Of the form, or of a GET's query."""
    headers: Mapping[str, str]
    """Names in lower case."""
    json: str = ""
    """The body, if it is JSON; its parameters are its keys."""

    @property
    def path(self) -> str:
        return urlsplit(self.url).path


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    body: bytes = b""
    content_type: str | None = "text/xml"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Reply = (
    str | Answer | Callable[[Asked], "str | Answer | None"]
)  # a text is what stands in a Response
Takeover = Callable[[BaseHTTPRequestHandler], None]


def twiml(inside: str) -> Answer:
    """A whole document."""
    return Answer(f'<?xml version="1.0" encoding="UTF-8"?><Response>{inside}</Response>'.encode())


class UserApp:
    """What it answers, what it was asked, and what was wrong with that."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.auth_token = ""
        """Of the account whose requests come. Empty: signatures are not looked at."""
        self.replies: dict[str, Reply] = {}
        """By path; any other is answered with 204."""
        self.takeovers: dict[str, Takeover] = {}
        """By path: who writes to the connection as it likes."""
        self.asked: list[Asked] = []
        self.wrong: list[str] = []

    def forget(self) -> None:
        """As for a new test."""
        self.replies, self.takeovers, self.asked, self.wrong = {}, {}, [], []

    def of(self, path: str) -> list[Mapping[str, str]]:
        """The parameters of each request to a path, in order."""
        return [each.params for each in self.asked if each.path == path]

    def told(self, path: str, name: str) -> list[str | None]:
        """One parameter of each request to a path."""
        return [params.get(name) for params in self.of(path)]

    def note(self, asked: Asked) -> None:
        """Enter a request and judge its signature."""
        self.asked.append(asked)
        if self.auth_token:
            signed = asked.headers.get("x-twilio-signature", "")
            form = dict(asked.params) if asked.method == "POST" else {}
            validator = RequestValidator(self.auth_token)
            if not validator.validate(asked.url, asked.json or form, signed):
                self.wrong.append(f"{asked.method} {asked.url} is not signed rightly: {signed!r}")

    def answer(self, asked: Asked) -> Answer:
        """What the test has set. What it breaks with is kept for the test's end."""
        reply = self.replies.get(asked.path)
        try:
            if callable(reply):
                reply = reply(asked)
        except BaseException:
            self.wrong.append(f"the answer to {asked.url} broke: {traceback.format_exc()}")
            reply = None
        if reply is None:
            return Answer(status=204, content_type=None)
        return twiml(reply) if isinstance(reply, str) else reply


@contextmanager
def serving_app() -> Iterator[UserApp]:
    """An app on any free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # or each answer waits 40 ms for the head's acknowledgement

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            text = body if self.command == "POST" else urlsplit(self.path).query
            is_json = self.headers.get("Content-Type", "") == "application/json"
            asked = Asked(
                self.command,
                app.url + self.path,
                json.loads(body) if is_json else dict(parse_qsl(text, keep_blank_values=True)),
                {name.lower(): value for name, value in self.headers.items()},
                body if is_json else "",
            )
            app.note(asked)
            takeover = app.takeovers.get(asked.path)
            if takeover is not None:
                self.close_connection = True
                takeover(self)
                return
            answer = app.answer(asked)
            self.send_response(answer.status)
            if answer.content_type is not None:
                self.send_header("Content-Type", answer.content_type)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.status != 204:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # who asked has gone

    server = Server(("127.0.0.1", 0), Handler)
    app = UserApp(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield app
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
