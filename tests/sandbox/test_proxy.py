"""The forward proxy: what it answers, passes on and refuses, and that nothing stops it."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from mediasim.sandbox.config import Config
from mediasim.sandbox.embedded import EmbeddedSandbox
from mediasim.sandbox.proxy.app import ProxyApp
from mediasim.sandbox.proxy.authority import Authority
from mediasim.sandbox.proxy.hosts import HostTable
from mediasim.sandbox.proxy.proxy import SandboxProxy
from mediasim.sandbox.settings import Settings
from mediasim.testing.apps import serve_app

pytestmark = pytest.mark.realtime
NAME = "demo.ngrok.app"


async def _told(request: Request) -> Response:
    try:
        body = (await request.body()).decode()
    except ClientDisconnect:
        body = "cut"
    target = f"{request.scope['raw_path'].decode()}?{request.url.query}"
    return JSONResponse({"target": target, "body": body, **dict(request.headers)}, 207)


async def _echo(websocket: WebSocket) -> None:
    if websocket.query_params.get("refuse"):
        await websocket.send_denial_response(Response("not you", 418))
        return
    await websocket.accept(subprotocol=next(iter(websocket.scope["subprotocols"]), None))
    await websocket.send_json(dict(websocket.headers))
    while (text := await websocket.receive_text()) != "end":
        await websocket.send_bytes(text.encode())
    await websocket.close(4001, "as asked")


def app() -> Starlette:
    every = ["GET", "POST", "PUT", "DELETE"]
    return Starlette(
        routes=[WebSocketRoute("/ws", _echo), Route("/{_:path}", _told, methods=every)]
    )


class Stage:
    """A sandbox with its proxy, and an app with a public name."""

    def __init__(self, embedded: EmbeddedSandbox, app_url: str) -> None:
        self.sandbox = embedded.sandbox
        proxy = embedded.sandbox.proxy
        assert proxy is not None
        self.proxy: SandboxProxy = proxy
        embedded.on_web_loop(proxy.start)
        self.sandbox.hosts.route(NAME, app_url)
        self.sandbox.hosts.route("gone.ngrok.app", "http://127.0.0.1:1")
        self.app_url = app_url
        parts = urlsplit(proxy.url or "")
        self.address = (parts.hostname or "", parts.port or 0)
        assert proxy.authority is not None
        self.trusting = ssl.create_default_context(cafile=proxy.authority.certificate_file)
        account = self.sandbox.service.account
        self.path = f"/2010-04-01/Accounts/{account.sid}.json"
        credentials = b64encode(f"{account.sid}:{account.auth_token}".encode()).decode()
        self.authorized = {"Authorization": f"Basic {credentials}"}

    def tunnel(self, host: str, port: int = 443) -> http.client.HTTPSConnection:
        """A connection to a host through a tunnel, with TLS."""
        connection = http.client.HTTPSConnection(*self.address, context=self.trusting, timeout=10)
        connection.set_tunnel(host, port)
        return connection

    def ask(self, target: str, **headers: str) -> tuple[int, Any]:
        """Ask the proxy itself, by a whole URL or a path."""
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        connection.request("GET", target, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    def send(self, data: bytes) -> bytes:
        """Send bytes, and return all that comes back until the connection is closed."""
        with socket.create_connection(self.address, timeout=10) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            found = b""
            try:
                while received := connection.recv(65536):
                    found += received
            except ConnectionError:
                pass
            return found

    @property
    def refused(self) -> list[str]:
        return [event.text for _, event in self.sandbox.events if event.kind == "proxy.refused"]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    served = serve_app(app())
    with EmbeddedSandbox(Settings(config=Config(), clock="manual")) as embedded:
        yield Stage(embedded, served.url)
    served.close()


@pytest.mark.parametrize("host", ["api.twilio.com", "api.dublin.ie1.twilio.com", "API.TWILIO.COM"])
def test_twilios_hosts_are_answered_in_a_tunnel(stage: Stage, host: str) -> None:
    connection = stage.tunnel(host)
    for _ in range(2):  # on one connection
        connection.request("GET", stage.path, headers=stage.authorized)
        answer = connection.getresponse()
        assert answer.status == 200
        assert json.loads(answer.read())["sid"] == stage.sandbox.service.account.sid
    connection.request("GET", "/_mediasim/health")
    assert connection.getresponse().status != 200  # the control API is no site of Twilio's


def test_twilios_hosts_are_answered_without_a_tunnel(stage: Stage) -> None:
    for target in ("http://api.twilio.com", "https://api.twilio.com", "http://api.twilio.com:80"):
        status, document = stage.ask(target + stage.path, **stage.authorized)
        assert (status, document["type"]) == (200, "Full"), target
    with (
        socket.create_connection(stage.address, timeout=10) as plain,
        stage.trusting.wrap_socket(plain, server_hostname="api.twilio.com") as secure,
    ):
        host = f"Host: api.twilio.com\r\nAuthorization: {stage.authorized['Authorization']}"
        secure.sendall(f"GET {stage.path} HTTP/1.1\r\n{host}\r\n\r\n".encode())
        assert secure.recv(15) == b"HTTP/1.1 200 OK"


def test_an_app_is_reached_by_its_public_name(stage: Stage) -> None:
    connection = stage.tunnel(NAME)
    connection.request("POST", "/a%20b?c=d", b"x=1", {"X-Own": "mine", "Connection": "X-Drop"})
    answer = connection.getresponse()
    told = json.loads(answer.read())
    assert answer.status == 207
    assert told["host"] == told["x-forwarded-host"] == NAME
    assert (told["x-forwarded-proto"], told["x-forwarded-for"]) == ("https", "127.0.0.1")
    assert (told["body"], told["x-own"]) == ("x=1", "mine")
    assert told["target"] == "/a%20b?c=d"
    assert stage.ask(f"http://{NAME}:8000/")[1]["x-forwarded-proto"] == "http"
    assert stage.ask("http://gone.ngrok.app/") == (
        502,
        {
            "error": "mediasim cannot reach http://127.0.0.1:1: All connection attempts failed",
        },
    )


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_web_sockets_reach_an_app_by_its_public_name(stage: Stage, scheme: str) -> None:
    tls = stage.trusting if scheme == "wss" else None
    where = f"{scheme}://{NAME}/ws"
    protocol = Subprotocol("audio")
    opened = connect(where, proxy=stage.proxy.url, ssl=tls, subprotocols=[protocol])
    with opened as connection:
        assert connection.subprotocol == "audio"
        headers = json.loads(connection.recv())
        assert headers["host"] == NAME
        assert headers["x-forwarded-proto"] == ("https" if tls else "http")
        connection.send("hello")
        assert connection.recv() == b"hello"
        connection.send("end")
        with pytest.raises(Exception, match="4001") as closed:
            connection.recv()
        assert "as asked" in str(closed.value)
    with pytest.raises(InvalidStatus, match="418"):
        connect(f"{where}?refuse=1", proxy=stage.proxy.url, ssl=tls)
    with pytest.raises(InvalidStatus, match="502"):
        connect(f"{scheme}://gone.ngrok.app/ws", proxy=stage.proxy.url, ssl=tls)


def test_this_machine_is_passed_through(stage: Stage) -> None:
    app = urlsplit(stage.app_url)
    status, told = stage.ask(f"{stage.app_url}/x")
    assert (status, told["host"]) == (207, app.netloc)
    assert "x-forwarded-host" not in told
    connection = http.client.HTTPConnection(*stage.address, timeout=10)
    connection.set_tunnel(app.hostname or "", app.port)
    connection.request("GET", "/y")
    assert json.loads(connection.getresponse().read())["target"] == "/y?"


def _eventually(holds: Callable[[], bool]) -> None:
    """Wait for what is told beside the answer, or a moment after it."""
    until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_other_hosts_are_refused_with_a_sentence(stage: Stage) -> None:
    sentence = (
        "example.com was not called: it is no host that mediasim simulates, none of the plan's"
        " hosts, and none that its allow_hosts name"
    )
    before = len(stage.refused)
    assert stage.ask("http://example.com/") == (403, {"error": sentence})
    assert stage.ask("/", Host="example.com") == (403, {"error": sentence})
    with pytest.raises(OSError, match=r"403 example\.com was not called"):
        stage.tunnel("example.com").request("GET", "/")
    with pytest.raises(OSError, match=r"403 twilio\.com\.example\.com was not called"):
        stage.tunnel("twilio.com.example.com").request("GET", "/")
    _eventually(lambda: len(stage.refused) >= before + 4)
    assert stage.refused[before:].count(sentence) == 3
    # A tunnel is to one host: another's name inside it gets no further.
    inside = stage.tunnel("api.twilio.com")
    inside.request("GET", "/", headers={"Host": "example.com"})
    assert inside.getresponse().status == 403
    with (
        socket.create_connection(stage.address, timeout=10) as plain,
        pytest.raises(OSError, match=r"(?i)eof|reset|unrecognized"),
    ):
        stage.trusting.wrap_socket(plain, server_hostname="example.com")
    _eventually(lambda: stage.refused[before:].count(sentence) == 5)


def test_allowed_hosts_are_passed_on() -> None:
    proxy = ProxyApp(HostTable(), ["api.openai.com"])
    assert proxy.refusal("api.openai.com") is None
    assert proxy.refusal("localhost") is None
    assert proxy.refusal("eu.api.openai.com") is not None
    assert ProxyApp(HostTable(), ["*"]).refusal("example.com") is None


def test_a_client_without_the_authority_is_told_of(stage: Stage) -> None:
    connection = http.client.HTTPSConnection(*stage.address, timeout=10)
    connection.set_tunnel("api.twilio.com")
    with pytest.raises(ssl.SSLError):
        connection.request("GET", "/")
    stage.ask(f"{stage.app_url}/after")  # the loop has come round
    events = [event.text for _, event in stage.sandbox.events if event.kind == "proxy.untrusted"]
    assert events[0].startswith("a client asked for api.twilio.com and does not trust")


HOSTILE = (
    b"",
    b"\x16",
    b"\x16\x03\x01\x00\x05hello",
    b"\x16\x03\x01\xff\xff" + bytes(70_000),
    b"C",
    b"CONNECT",
    b"CONNECT \r\n\r\n",
    b"CONNECT api.twilio.com\r\n\r\nnot TLS",
    b"CONNECT api.twilio.com:99999 HTTP/1.1\r\n\r\n",
    b"CONNECT api.twilio.com:x HTTP/1.1\r\n\r\n",
    b"CONNECT :443 HTTP/1.1\r\n\r\n",
    b"CONNECT user@api.twilio.com:443 HTTP/1.1\r\n\r\n",
    b"CONNECT \xff\xfe:443 HTTP/1.1\r\n\r\n",
    b"CONNECT [::1:443 HTTP/1.1\r\n\r\n",
    b"CONNECT a\x00b.twilio.com:443 HTTP/1.1\r\n\r\n\x16\x03\x01",
    b"CONNECT x.twilio.com:443 HTTP/1.1\r\n" + b"A: b\r\n" * 20_000,
    b"COPY / HTTP/1.1\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET http:// HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET ftp://api.twilio.com/ HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: [\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a@api.twilio.com\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: api.twilio.com\r\n\r\n",
    b"GET http://demo.ngrok.app/\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://demo.ngrok.app/ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
    b"Connection: upgrade\r\n\r\n",
    b"POST http://demo.ngrok.app/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
    b"POST http://demo.ngrok.app/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    bytes(range(256)) * 300,
)


def test_hostile_input_stops_nothing(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    found = {data[:40]: stage.send(data).partition(b"\r\n")[0] for data in HOSTILE}
    assert found[b"CONNECT \r\n\r\n"].startswith(b"HTTP/1.1 400 ")
    assert found[b"CONNECT \xff\xfe:443 HTTP/1.1\r\n\r\n"].startswith(
        b"HTTP/1.1 400 expected a host"
    )
    assert found[b"COPY / HTTP/1.1\r\n\r\n"].startswith(b"HTTP/1.1 400 ")
    assert found[b"GET http:// HTTP/1.1\r\nHost: a\r\n\r\n"].startswith(b"HTTP/1.1 400 ")
    assert not any(b" 500 " in line or b" 200 OK" in line for line in found.values()), found
    assert stage.ask(f"http://api.twilio.com{stage.path}", **stage.authorized)[0] == 200
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []
    # Asked as itself it is the sandbox, and no request goes round in circles.
    host = "{}:{}".format(*stage.address)
    assert stage.ask("/_mediasim/health", Host=host)[0] == 200
    assert stage.ask(f"http://{host}/_mediasim/health")[0] == 200


def test_the_authority_is_made_once_and_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "authority"
    first = Authority(folder)
    files = first.trust_files()
    assert Authority(folder).certificate == first.certificate
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in written} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in (folder, files.php)} == {0o700}
    bundle = files.bundle.read_bytes()
    assert bundle.endswith(first.certificate)
    assert bundle.count(b"BEGIN CERTIFICATE") > 50  # those of the machine are trusted as before
    (folder / "authority.key").write_bytes(b"damaged")
    assert Authority(folder).certificate != first.certificate
    with pytest.raises(ValueError, match="Codepoint"):
        first.context("a b.twilio.com")
