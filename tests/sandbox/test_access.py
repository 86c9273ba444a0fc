"""Who a sandbox answers: by its own names, no page of elsewhere, over a network with its token."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import socket
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from serving import serving
from typer.testing import CliRunner

from mediasim.cli import app as command_line
from mediasim.sandbox.access import TOKEN, token_for_this_user
from mediasim.sandbox.config import parse_config
from mediasim.sandbox.embedded import EmbeddedSandbox
from mediasim.sandbox.server import ListenAddress
from mediasim.sandbox.settings import Settings

PLAN = 'numbers: {"+14155550100": {twiml: <Response><Pause length="60"/></Response>}}'
Answer = tuple[int, Mapping[str, str], str]


class Door:
    """One sandbox, asked with exactly these headers."""

    def __init__(self, embedded: EmbeddedSandbox) -> None:
        where = urlsplit(embedded.base_url)
        self.port = where.port or 0
        self.embedded = embedded
        self.token = embedded.sandbox.token

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.putrequest(method, path, skip_host="Host" in headers)
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """As a container serves: on every address."""
    settings = Settings(
        config=parse_config(PLAN, base=Path()), hosts=("sandbox.internal",), clock="virtual"
    )
    address = ListenAddress("0.0.0.0", 0, public_url="http://public.example:8080")
    with EmbeddedSandbox(settings, address) as embedded:
        yield Door(embedded)


@pytest.fixture(scope="module")
def local() -> Iterator[Door]:
    settings = Settings(config=parse_config(PLAN, base=Path()), clock="virtual")
    with EmbeddedSandbox(settings) as embedded:
        yield Door(embedded)


CONTROL = [
    ("GET", "/_mediasim/env"),
    ("GET", "/_mediasim/calls"),
    ("GET", "/_mediasim/deliveries"),
    ("POST", "/_mediasim/reset"),
    ("POST", "/_mediasim/calls"),
    ("POST", "/_mediasim/weather"),
    ("GET", "/_mediasim/inspector/feed"),
    ("GET", "/_mediasim/inspector/assets/index.html"),
    ("GET", "/"),
    ("GET", "/softphone"),
    ("GET", "/softphone/assets/index.html"),
]
STRANGE = [
    {"Host": "evil.example"},
    {"Host": "evil.example:8080"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "localhost.evil.example"},
    {"Host": "evil@localhost:80@evil.example"},
    {"Host": ""},
    {"Host": "["},
    {"Host": "2130706433"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://["},
    {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"},
    {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "cors"},
]


@pytest.mark.parametrize("where", ["wide", "local"])
@pytest.mark.parametrize("headers", STRANGE, ids=str)
@pytest.mark.parametrize(("method", "path"), CONTROL, ids=str)
def test_pages_of_elsewhere_and_rebound_names_are_refused_on_every_address(
    request: pytest.FixtureRequest, where: str, method: str, path: str, headers: dict[str, str]
) -> None:
    door: Door = request.getfixturevalue(where)
    sent = b"{}" if method == "POST" else None
    bearer = f"Bearer {door.token}"
    status, shown, body = door.ask(method, path, sent, Authorization=bearer, **headers)
    assert status == 403
    assert "this machine only" in body
    assert door.embedded.sandbox.service.account.auth_token not in body + str(shown)


@pytest.mark.parametrize("where", ["wide", "local"])
@pytest.mark.parametrize("host", ["evil.example", "api.twilio.com.evil.example", "sandbox", ""])
def test_the_rest_api_is_asked_by_its_own_names_alone(
    request: pytest.FixtureRequest, where: str, host: str
) -> None:
    door: Door = request.getfixturevalue(where)
    account = door.embedded.sandbox.service.account
    path = f"/2010-04-01/Accounts/{account.sid}/Calls.json"
    assert door.ask("GET", path, Host=host)[0] == 403
    assert door.ask("GET", path)[0] == 401


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "[::1]:8080", "172.17.0.2", "public.example", "sandbox.internal"],
)
def test_a_container_is_asked_by_its_addresses_and_the_names_it_was_given(
    wide: Door, host: str
) -> None:
    assert wide.ask("GET", "/_mediasim/health", Host=host)[0] == 200
    assert wide.ask("GET", "/2010-04-01/Accounts.json", Host=host)[0] == 401
    assert wide.ask("GET", "/_mediasim/calls", Host=host)[0] == 401


@pytest.mark.parametrize(("method", "path"), CONTROL, ids=str)
def test_over_a_network_the_token_is_asked_for(wide: Door, method: str, path: str) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {wide.token}"},
        {"Cookie": f"mediasim-{wide.port}=wrong"},
        {"Cookie": "=;=;;"},
        {"Origin": f"http://127.0.0.1:{wide.port}"},
    ):
        body = b"{}" if method == "POST" else None
        status, _, words = wide.ask(method, path, body, **headers)
        assert status == 401, headers
        assert TOKEN in words
        assert wide.token not in words


def test_with_the_token_everything_is_answered(wide: Door) -> None:
    status, _, body = wide.ask("GET", "/_mediasim/env", Authorization=f"Bearer {wide.token}")
    assert status == 200
    assert json.loads(body)[TOKEN] == wide.token
    placed = wide.ask(
        "POST",
        "/_mediasim/calls",
        b'{"to": "+14155550100"}',
        Authorization=f"bearer {wide.token}",
    )
    assert placed[0] == 201


@pytest.mark.parametrize("page", ["/", "/softphone"])
def test_the_page_is_opened_with_the_token_and_then_has_a_cookie(wide: Door, page: str) -> None:
    assert wide.ask("GET", f"{page}?token=wrong")[0] == 401
    status, headers, _ = wide.ask("GET", f"{page}?token={wide.token}&call=CA1")
    assert (status, headers["location"]) == (303, f"{page}?call=CA1")
    cookie = headers["set-cookie"]
    assert re.search("httponly", cookie, re.IGNORECASE)
    assert re.search("samesite=strict", cookie, re.IGNORECASE)
    shown = cookie.partition(";")[0]
    status, headers, body = wide.ask("GET", page, Cookie=f"other=1; {shown}")
    assert status == 200
    assert "<html" in body
    assert wide.token not in body
    origin = f"http://127.0.0.1:{wide.port}"
    assert wide.ask("POST", "/_mediasim/reset", b"", Cookie=shown, Origin=origin)[0] == 204
    foreign = wide.ask("POST", "/_mediasim/reset", b"", Cookie=shown, Origin="http://evil.example")
    assert foreign[0] == 403


def test_this_machine_needs_no_token_but_through_a_proxy(local: Door) -> None:
    assert local.ask("GET", "/_mediasim/calls")[0] == 200
    assert local.ask("GET", "/_mediasim/calls", Host="localhost")[0] == 200
    for name in ("X_Forwarded_For", "Forwarded", "X_Forwarded_Host", "X_Real_IP"):
        assert local.ask("GET", "/_mediasim/calls", **{name: "203.0.113.7"})[0] == 401


def test_the_softphones_socket_asks_for_it_too(wide: Door) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    assert wide.ask("GET", "/softphone/ws", **upgrade)[0] == 403
    assert wide.ask("GET", "/softphone/ws", **upgrade, Host="evil.example")[0] == 403


def test_this_users_commands_find_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with serving("--host", "0.0.0.0", "--in-memory") as sandbox:
        assert sandbox.env[TOKEN]
        assert any(f"/?token={sandbox.env[TOKEN]}" in line for line in sandbox.lines)
        monkeypatch.delenv(TOKEN, raising=False)
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        assert token_for_this_user(sandbox.url) == sandbox.env[TOKEN]
        done = CliRunner().invoke(command_line, ["calls", "--json", "--url", sandbox.url])
        assert (done.exit_code, json.loads(done.stdout)) == (0, [])
        folder = tmp_path / f"mediasim-{os.getuid()}"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        folder.chmod(0o755)  # a folder that others may have made is not believed
        assert token_for_this_user(sandbox.url) is None
        refused = CliRunner().invoke(command_line, ["calls", "--url", sandbox.url])
        assert refused.exit_code == 2
        monkeypatch.setenv(TOKEN, sandbox.env[TOKEN])
        assert CliRunner().invoke(command_line, ["calls", "--url", sandbox.url]).exit_code == 0
        folder.chmod(0o700)
        sandbox.end()
        assert list(folder.iterdir()) == []


# -- secrets --------------------------------------------------------------------------------------


def auth_token(settings: Settings) -> str:
    with EmbeddedSandbox(settings) as embedded:
        found = embedded.sandbox.service.account.auth_token
        embedded_reset(embedded)
        assert embedded.sandbox.service.account.auth_token == found
    return found


def embedded_reset(embedded: EmbeddedSandbox) -> None:
    door = Door(embedded)
    assert door.ask("POST", "/_mediasim/reset", b"")[0] == 204


def test_the_accounts_token_is_an_installations_own_unless_a_seed_is_asked_for(
    tmp_path: Path,
) -> None:
    def plan(text: str) -> Any:
        return parse_config(text, base=Path())

    kept = auth_token(Settings(data=tmp_path / "one", clock="virtual"))
    assert kept == auth_token(Settings(data=tmp_path / "one", clock="virtual"))
    assert kept != auth_token(Settings(data=tmp_path / "two", clock="virtual"))
    assert auth_token(Settings(clock="virtual")) != auth_token(Settings(clock="virtual"))
    of_seed = auth_token(Settings(clock="virtual", seed_override=1))
    assert of_seed == auth_token(Settings(clock="virtual", seed_override=1))
    assert of_seed == auth_token(Settings(clock="virtual", config=plan("seed: 1")))
    assert of_seed != auth_token(Settings(clock="virtual", seed_override=2))
    configured = plan("account: {auth_token: of-the-config}")
    assert auth_token(Settings(clock="virtual", config=configured)) == "of-the-config"


@pytest.mark.parametrize("token", ["\u00fc" * 8, "a token of words", "12345\n67890", "x"])
def test_a_token_that_no_header_can_carry_or_that_is_soon_guessed_is_refused(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv(TOKEN, token)
    done = CliRunner().invoke(command_line, ["serve", "--in-memory", "--port", "0"])
    assert done.exit_code == 2
    assert f"{TOKEN}: expected 8 to 128 printable ASCII characters without spaces" in done.output


def test_state_is_nobody_elses_to_read(tmp_path: Path) -> None:
    data = tmp_path / "deep" / "data"
    with serving("--data", str(data)) as sandbox:
        form = {"Twiml": "<Response><Pause length='1'/></Response>", "Record": "true"}
        sandbox.rest("POST", "/Calls.json", To="+14155550101", From="+14155550123", **form)
        while not list(data.glob("recordings/*.json")):
            assert sandbox.process.poll() is None
        for path in (data, *data.rglob("*")):
            with contextlib.suppress(FileNotFoundError):  # a part file that is whole by now
                mode = path.stat().st_mode
                assert stat.S_IMODE(mode) == (0o700 if stat.S_ISDIR(mode) else 0o600), path
        sandbox.end()


def test_state_of_an_older_version_is_closed_too(tmp_path: Path) -> None:
    with EmbeddedSandbox(Settings(data=tmp_path / "data", clock="virtual")):
        pass
    database = tmp_path / "data" / "sandbox.sqlite"
    database.chmod(0o644)
    database.parent.chmod(0o755)
    with EmbeddedSandbox(Settings(data=tmp_path / "data", clock="virtual")):
        assert stat.S_IMODE(database.stat().st_mode) == 0o600
        assert stat.S_IMODE(database.parent.stat().st_mode) == 0o700


def test_a_folder_of_the_users_own_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "notes.txt").write_text("mine")
    with EmbeddedSandbox(Settings(data=tmp_path, clock="virtual")):
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
        assert stat.S_IMODE((tmp_path / "sandbox.sqlite").stat().st_mode) == 0o600


# -- sizes and numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "after", ["9" * 5000, "9" * 19, "-1", "1.5", "", "x", "%00", "٣" * 5000, "1" + "0" * 4299]
)
def test_a_number_of_an_event_that_is_none_is_a_wrong_request(local: Door, after: str) -> None:
    from urllib.parse import quote

    status, _, body = local.ask("GET", f"/_mediasim/events?after={quote(after, safe='%')}")
    assert status == 400
    assert "expected the number of an event" in json.loads(body)["error"]


DIGITS = "9" * 5000


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/_mediasim/clock/advance", f'{{"by": {DIGITS}}}'),
        ("/_mediasim/clock/advance", f'{{"by": "{DIGITS}s"}}'),
        ("/_mediasim/clock/run-until-idle", f'{{"most": "{DIGITS}h"}}'),
        ("/_mediasim/clock/rate", f'{{"rate": {DIGITS}}}'),
        ("/_mediasim/clock/rate", '{"rate": 1e999}'),
        ("/_mediasim/calls", f'{{"to": {DIGITS}}}'),
        ("/_mediasim/calls", f'{{"to": "+14155550100", "script": [{{"pause": "{DIGITS}s"}}]}}'),
        ("/_mediasim/calls", f'{{"to": "+14155550100", "script": [{{"pause": {DIGITS}}}]}}'),
        ("/_mediasim/calls", "[" * 100_000),
        ("/_mediasim/weather", f'{{"times": {DIGITS}, "webhook_drop": true}}'),
        ("/_mediasim/weather", f'{{"webhook_delay": "{DIGITS}s"}}'),
    ],
)
def test_numbers_of_any_length_are_refused_with_a_sentence(
    local: Door, path: str, body: str
) -> None:
    status, _, words = local.ask("POST", path, body.encode())
    assert 400 <= status < 500
    assert json.loads(words)["error"]


@pytest.mark.parametrize("form", ["Timeout", "TimeLimit", "PageSize", "Page"])
def test_so_are_those_of_the_rest_api(local: Door, form: str) -> None:
    account = local.embedded.sandbox.service.account
    import base64

    basic = base64.b64encode(f"{account.sid}:{account.auth_token}".encode()).decode()
    path = f"/2010-04-01/Accounts/{account.sid}/Calls.json"
    if form.startswith("Page"):
        answer = local.ask("GET", f"{path}?{form}={DIGITS}", Authorization=f"Basic {basic}")
        assert answer[0] in (200, 400)
        return
    body = f"To=%2B14155550101&From=%2B14155550100&Twiml=<Response/>&{form}={DIGITS}"
    answer = local.ask(
        "POST",
        path,
        body.encode(),
        Authorization=f"Basic {basic}",
        Content_Type="application/x-www-form-urlencoded",
    )
    assert answer[0] == 400, answer


def test_a_body_is_read_to_a_limit(local: Door) -> None:
    status, _, body = local.ask("POST", "/_mediasim/calls", b" " * 3_000_000)
    assert (status, "1,048,576 bytes" in body) == (413, True)
    with socket.create_connection(("127.0.0.1", local.port), timeout=20) as connection:
        head = "POST /_mediasim/calls HTTP/1.1\r\nHost: localhost\r\n"
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        answer = b""
        with contextlib.suppress(OSError):
            for _ in range(300):  # 300 MB in all, were they taken
                connection.sendall(b"100000\r\n" + b" " * 0x100000 + b"\r\n")
        connection.settimeout(5)
        with contextlib.suppress(OSError):
            answer = connection.recv(1000)
        assert not answer or b" 413 " in answer.splitlines()[0]


def test_a_head_has_a_limit(local: Door) -> None:
    for headers in ({"X_Long": "y" * 40_000}, {f"X_{n}": "y" * 100 for n in range(400)}):
        assert local.ask("GET", "/_mediasim/health", **headers)[0] in (400, 431)
    assert local.ask("GET", "/_mediasim/health?" + "y" * 40_000)[0] in (400, 431)
