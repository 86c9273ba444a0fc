"""Apps under test, served beside the test on ports of this machine: ASGI, WSGI, or fixed answers.

And the client that an app calls with: Twilio's own SDK, pointed at a sandbox.
"""

from __future__ import annotations

import asyncio
import inspect
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from socketserver import ThreadingMixIn
from typing import Any, Final
from urllib.parse import parse_qsl
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from mediasim.twilio.webhooks import Delivery

__all__ = ["Answer", "Answers", "Asked", "DeliveryLog", "ServedApp", "sdk_client", "serve_app"]

Answer = object
"""TwiML, as text or as an SDK's response object; None for a response without TwiML."""
Reply = Answer | Callable[["Asked"], Answer]
_SECONDS_TO_START: Final = 15.0
"""Seconds that an ASGI application has to start."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that an app of fixed answers received."""

    path: str
    params: Mapping[str, str]
    """Parameters of the form, or of the query."""


@dataclass
class Answers:
    """A WSGI app that gives a fixed answer for each path, and logs its requests."""

    replies: dict[str, Reply]
    asked: list[Asked] = field(default_factory=list)

    def of(self, path: str) -> list[Mapping[str, str]]:
        """Return the parameters of each request to a path, in order."""
        return [each.params for each in list(self.asked) if each.path == path]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        posted = environ["wsgi.input"].read(length).decode() if length else ""
        pairs = parse_qsl(environ.get("QUERY_STRING", "") + "&" + posted, keep_blank_values=True)
        asked = Asked(environ["PATH_INFO"], dict(pairs))
        self.asked.append(asked)
        if asked.path not in self.replies:
            known = ", ".join(self.replies)
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [f"the test answers {known}, not {asked.path}".encode()]
        reply = self.replies[asked.path]
        answer = reply(asked) if callable(reply) else reply
        if answer is None:
            start_response("204 No Content", [])
            return []
        text = str(answer)
        if "<Response" not in text:
            text = f"<Response>{text}</Response>"
        start_response("200 OK", [("Content-Type", "text/xml; charset=utf-8")])
        return [text.encode()]


@dataclass(frozen=True, slots=True)
class ServedApp:
    """An app that is served."""

    url: str
    """The app's URL, without a final slash."""
    app: Any
    """The app that was given; of a dict of answers, the :class:`Answers` made of it."""
    close: Callable[[], None]
    """Stops serving."""

    @property
    def asked(self) -> list[Asked]:
        """Requests that an app of fixed answers has received, in order."""
        if not isinstance(self.app, Answers):
            raise TypeError(
                "only an app of bare answers notes what it is asked; look at sandbox.deliveries"
            )
        return list(self.app.asked)


class DeliveryLog(list[Delivery]):
    """Requests to the app, oldest first."""

    def of(self, kind: str | None = None, sid: str | None = None) -> DeliveryLog:
        """Return the requests of a kind (``twiml``, ``call-status``, ``recording-status``), or
        about a SID."""
        return DeliveryLog(
            each for each in self if kind in (None, each.kind) and sid in (None, each.sid)
        )

    @property
    def injected(self) -> DeliveryLog:
        """Requests with an injected fault."""
        return DeliveryLog(
            each
            for each in self
            if each.injected or any(attempt.injected for attempt in each.attempts)
        )


def serve_app(app: Any) -> ServedApp:
    """Serve an ASGI or WSGI application or a dict of answers; a URL is an app already served.

    Raises TypeError and ValueError for anything else, RuntimeError if the app does not start.
    """
    if isinstance(app, str):
        if not app.startswith(("http://", "https://")):
            raise ValueError(f"expected a URL such as http://127.0.0.1:5000, found {app!r}")
        return ServedApp(app.rstrip("/"), app, lambda: None)
    if isinstance(app, Mapping):
        app = Answers(dict(app))
    if not callable(app):
        raise TypeError(
            "expected an ASGI or WSGI application, a dict of answers by path, or a URL; "
            f"found {type(app).__name__}"
        )
    call = app if inspect.isroutine(app) else type(app).__call__
    if inspect.iscoroutinefunction(call):
        return _serve_asgi(app)
    return _serve_wsgi(app)


def _serve_asgi(app: Any) -> ServedApp:
    """Serve an ASGI application on a thread. Raises RuntimeError."""
    import uvicorn

    from mediasim.sandbox.http_server import PromptServer

    listening = socket.create_server(("127.0.0.1", 0))
    # What it accepts has this too; or an answer's body waits 40 ms for its head's receipt.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    started_event, errors = threading.Event(), list[BaseException]()

    class Server(PromptServer):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            self.loop = asyncio.get_running_loop()
            started_event.set()

    config = uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        loop="asyncio",
        access_log=False,
        log_config=None,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    server = Server(config)

    def run() -> None:
        try:
            asyncio.run(server.serve(sockets=[listening]))
        except BaseException as error:
            errors.append(error)
        finally:
            started_event.set()

    thread = threading.Thread(target=run, name="mediasim-app", daemon=True)
    thread.start()
    started = started_event.wait(_SECONDS_TO_START)
    if errors or not started or not server.started:
        raise RuntimeError("the app did not start") from (errors[0] if errors else None)

    def close() -> None:
        server.loop.call_soon_threadsafe(server.end)
        thread.join(5)
        listening.close()

    return ServedApp(f"http://127.0.0.1:{listening.getsockname()[1]}", app, close)


class _ThreadingServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class _SilentHandler(WSGIRequestHandler):
    """A request handler that logs nothing."""

    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _serve_wsgi(app: Any) -> ServedApp:
    """Serve a WSGI application on a thread, each request on its own."""
    server = make_server(
        "127.0.0.1", 0, app, server_class=_ThreadingServer, handler_class=_SilentHandler
    )
    # Polls for its end each 20 ms: the default of half a second would delay every test.
    thread = threading.Thread(
        target=server.serve_forever, args=(0.02,), name="mediasim-app", daemon=True
    )
    thread.start()

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join(5)

    return ServedApp(f"http://127.0.0.1:{server.server_port}", app, close)


def sdk_client(base_url: str, account_sid: str, auth_token: str) -> Any:
    """Return a ``twilio.rest.Client`` for a sandbox.

    Raises RuntimeError where the SDK is not installed.
    """
    try:
        from twilio.http.http_client import TwilioHttpClient
        from twilio.rest import Client
    except ImportError:
        raise RuntimeError(
            "mediasim_sandbox.client is Twilio's SDK, which is not installed: pip install twilio"
        ) from None
    client = Client(account_sid, auth_token, http_client=TwilioHttpClient(timeout=60))
    client.api.base_url = base_url
    return client
