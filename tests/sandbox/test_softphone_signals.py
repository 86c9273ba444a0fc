"""What a softphone's page and the sandbox say to each other, without any media."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from serving import Sandbox, serving
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

pytestmark = pytest.mark.realtime

PLAN = "parties: {bob: {number: '+14155550102', script: [hangup]}}"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    plan = tmp_path_factory.mktemp("plan") / "plan.yaml"
    plan.write_text(PLAN)
    with serving("--in-memory", "--config", str(plan)) as found:
        yield found


class Page:
    """One end of a WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def say(self, kind: str, **what: Any) -> None:
        self.socket.send(json.dumps({"type": kind, **what}))

    def hears(self, kind: str) -> dict[str, Any]:
        """The next message, which is of that kind."""
        found: dict[str, Any] = json.loads(self.socket.recv(timeout=5))
        assert found.pop("type") == kind, found
        return found


@contextmanager
def page(sandbox: Sandbox, identity: str = "", **options: Any) -> Iterator[Page]:
    url = sandbox.url.replace("http:", "ws:") + "/softphone/ws"
    with connect(url, proxy=None, **options) as socket:
        found = Page(socket)
        assert found.hears("hello")["problem"] == ""
        if identity:
            found.say("register", identity=identity)
            assert found.hears("registered")["identity"] == identity
        yield found


def dial(sandbox: Sandbox, to: str, seconds: int = 10) -> str:
    sid: str = sandbox.rest(
        "POST", "/Calls.json", To=to, From="+14155550123", Twiml="<Response/>", Timeout=str(seconds)
    )["sid"]
    return sid


def ends(sandbox: Sandbox, sid: str) -> str:
    for _ in range(60):
        status: str = sandbox.rest("GET", f"/Calls/{sid}.json")["status"]
        if status not in ("queued", "ringing", "in-progress"):
            return status
        time.sleep(0.05)
    return status


def test_a_page_learns_whom_it_may_call(sandbox: Sandbox) -> None:
    with connect(sandbox.url.replace("http:", "ws:") + "/softphone/ws", proxy=None) as socket:
        hello = Page(socket).hears("hello")
    assert hello == {"problem": "", "numbers": [], "parties": ["bob"]}


def test_pages_of_elsewhere_are_refused(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidStatus), page(sandbox, origin="http://example.com"):
        pass


def test_no_other_path_is_a_websocket(sandbox: Sandbox) -> None:
    for path in ("/", "/2010-04-01/Accounts.json", "/_mediasim/health"):
        with (
            pytest.raises((InvalidStatus, ConnectionClosed)),
            connect(sandbox.url.replace("http:", "ws:") + path, proxy=None) as socket,
        ):
            socket.recv(timeout=2)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", '{"type": "dance"}', '{"type": "press", "call": "x", "digits": "x"}', "\0"],
)
def test_nonsense_is_told_so_and_nothing_breaks(sandbox: Sandbox, text: str) -> None:
    with page(sandbox) as found:
        found.socket.send(text)
        assert found.hears("refused")["words"].startswith("not understood")
        found.say("hangup", call="nobody")
        found.say("register", identity="alice")
        found.hears("registered")


def test_who_has_not_registered_does_not_call(sandbox: Sandbox) -> None:
    with page(sandbox) as found:
        found.say("invite", call="one", to="bob", sdp="")
        refused = found.hears("refused")
        assert (refused["code"], refused["call"], refused["of"]) == (20101, "one", "invite")


def test_names_and_tokens_are_checked(sandbox: Sandbox) -> None:
    with page(sandbox) as found:
        found.say("register", identity="")
        assert found.hears("refused")["code"] == 20106
        found.say("register", token="a.b.c")
        assert found.hears("refused")["code"] == 20101


def test_an_offer_that_is_none_ends_the_call(sandbox: Sandbox) -> None:
    with page(sandbox, "alice") as found:
        found.say("invite", call="one", to="bob", sdp="v=0")
        ended = found.hears("ended")
        assert (ended["call"], ended["status"]) == ("one", "failed")
        assert "one stream" in ended["words"]


def test_every_page_of_a_name_rings_and_all_must_reject(sandbox: Sandbox) -> None:
    with page(sandbox, "dora") as first, page(sandbox, "dora") as second:
        sid = dial(sandbox, "client:dora")
        assert first.hears("incoming") == {"call": sid, "from": "+14155550123", "to": "client:dora"}
        assert second.hears("incoming")["call"] == sid
        assert sandbox.rest("GET", f"/Calls/{sid}.json")["status"] == "ringing"
        first.say("reject", call=sid)
        second.say("reject", call=sid)
        assert ends(sandbox, sid) == "busy"


def test_who_answers_without_media_has_failed(sandbox: Sandbox) -> None:
    with page(sandbox, "dora") as found:
        sid = dial(sandbox, "client:dora")
        found.hears("incoming")
        found.say("answer", call=sid, sdp="v=0")
        assert found.hears("ended")["status"] == "failed"
        assert ends(sandbox, sid) == "failed"
        found.say("answer", call=sid, sdp="v=0")
        assert found.hears("ended")["status"] == "taken"


def test_a_name_without_a_page_is_not_answered(sandbox: Sandbox) -> None:
    with page(sandbox, "gina") as found:
        sid = dial(sandbox, "client:gina")
        found.hears("incoming")
    assert ends(sandbox, sid) == "no-answer"  # it was closed while it rang
    sid = dial(sandbox, "client:gina")
    assert ends(sandbox, sid) == "no-answer"
    notes = sandbox.rest("GET", f"/Calls/{sid}/Notifications.json")["notifications"]
    assert [each["error_code"] for each in notes] == ["31480"]


def test_a_name_of_the_plan_is_the_plans_when_no_page_has_it(sandbox: Sandbox) -> None:
    with page(sandbox, "bob") as found:
        sid = dial(sandbox, "client:bob")
        found.hears("incoming")
        found.say("reject", call=sid)
        assert ends(sandbox, sid) == "busy"
    time.sleep(0.1)
    assert ends(sandbox, dial(sandbox, "client:bob")) == "completed"


def test_the_clocks_rate_stays_while_a_page_is_registered(sandbox: Sandbox) -> None:
    with page(sandbox, "alice"):
        status, words = sandbox.control("POST", "/clock/rate", {"rate": 2})
        assert status == 409
        assert "softphone" in words


def test_the_page_runs_nothing_of_elsewhere(sandbox: Sandbox) -> None:
    from urllib.request import ProxyHandler, build_opener

    with build_opener(ProxyHandler({})).open(f"{sandbox.url}/softphone") as answer:
        policy, text = answer.headers["Content-Security-Policy"], answer.read().decode()
    assert "default-src 'none'" in policy
    assert "https://" not in text
