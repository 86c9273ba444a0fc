"""Three sandboxes behind nginx with the shipped configuration, which shares out accounts."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from databases import postgresql
from serving import Sandbox, eventually, serving
from softphones import babble, found_at, read_wav, write_wav
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import VoiceGrant
from websockets.asyncio.client import connect

from mediasim.sandbox.shards import Shard
from mediasim.twilio.rest.table import RESOURCES

NGINX = Path(__file__).resolve().parents[2] / "docker/nginx"
MAIN, SECRET, TOKEN = "AC" + "0" * 31 + "1", "a-secret-of-the-main-account", "a-token-of-all"
BOB = "+14155550102"
PLAN = f"""
account: {{sid: {MAIN}, auth_token: {SECRET}}}
parties:
  bob:
    number: "{BOB}"
    script: [{{play: bob.wav}}, {{pause: 600s}}]
    answer: {{after: 0s}}
recordings: {{processing: 0s}}
"""


@pytest.mark.parametrize("text", ["3/3", "1", "-1/3", "a/b", ""])
def test_a_place_is_read_or_refused(text: str) -> None:
    assert str(Shard.parse("2/3")) == "2/3"
    with pytest.raises(ValueError, match="expected a place and a number such as 0/3 to 2/3"):
        Shard.parse(text)


# -- the proxy and what stands behind it ----------------------------------------------------------


@dataclass
class Account:
    """An account that was made through the proxy."""

    sid: str
    token: str
    home: str = ""
    """The address of the sandbox that answers for it."""


@dataclass
class Proxy:
    """nginx that runs."""

    port: int

    def ask(
        self,
        method: str,
        path: str,
        who: tuple[str, str] | None = None,
        form: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer."""
        headers = dict(headers or {})
        if who is not None:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(who).encode()).decode()
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, urlencode(form) if form else None, headers)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, found, answer.read()
        finally:
            connection.close()

    def rest(self, account: Account, method: str, path: str, **form: str) -> Any:
        """What the API answers an account, below it."""
        where = f"/2010-04-01/Accounts/{account.sid}{path}"
        who = account.sid, account.token
        _, headers, body = self.ask(method, where, who, form=form or None)
        account.home = headers.get("x-mediasim-sandbox", "")
        return json.loads(body)


def free_ports() -> int:
    """Return the first of three free ports, which ends with 0."""
    for first in range(20_000, 60_000, 10):
        with ExitStack() as taken:
            try:
                for place in range(3):
                    taken.enter_context(socket.create_server(("127.0.0.1", first + place)))
            except OSError:
                continue
            return first
    raise AssertionError("no three ports are free")


@contextmanager
def nginx(folder: Path, port: int, sandboxes: list[Sandbox]) -> Iterator[Proxy]:
    """The shipped configuration, with our ports."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("needs nginx (Debian's package nginx-light)")
    folder.mkdir()
    servers = [f"server {urlsplit(each.url).netloc} max_fails=0;" for each in sandboxes]
    (folder / "mediasim-servers.inc").write_text("\n".join(servers), "utf-8")
    shipped = (NGINX / "mediasim.conf").read_text("utf-8")
    mine = shipped.replace("listen 8080 default_server", f"listen 127.0.0.1:{port}")
    assert mine != shipped
    (folder / "mediasim.conf").write_text(mine, "utf-8")
    user = "user root;" if os.getuid() == 0 else ""
    temporary = " ".join(
        f"{name}_temp_path {folder}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"{user} daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/errors;"
        f" events {{}} http {{ access_log off; {temporary} include mediasim.conf; }}",
        "utf-8",
    )
    process = subprocess.Popen(
        [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", f"{folder}/errors"],
        stderr=subprocess.PIPE,
        text=True,
    )

    def listens() -> bool:
        assert process.poll() is None, process.stderr and process.stderr.read()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        eventually(listens)
        yield Proxy(port)
    finally:
        process.terminate()
        process.communicate()


def recording(proxy: Proxy, account: Account) -> Any:
    """The account's recording, once there is one."""
    [found] = eventually(lambda: proxy.rest(account, "GET", "/Recordings.json")["recordings"])
    return found


def is_recorded(proxy: Proxy, account: Account) -> bool:
    """Whether the account's recording is completed."""
    return bool(recording(proxy, account)["status"] == "completed")


def has_two_seconds(part: Path) -> bool:
    """Whether a recording in progress has two seconds on the disk."""
    return part.exists() and part.stat().st_size > 32_000


def call_of(proxy: Proxy, account: Account) -> Any:
    """The account's call."""
    [found] = proxy.rest(account, "GET", "/Calls.json")["calls"]
    return found


def is_bobs(proxy: Proxy, account: Account) -> bool:
    """Whether the account's recording has what bob plays."""
    path = f"/2010-04-01/Accounts/{account.sid}/Recordings/{recording(proxy, account)['sid']}.wav"
    status, _, body = proxy.ask("GET", path, (account.sid, account.token))
    assert status == 200
    return bool(found_at(babble(1, 1.5)[:8000], read_wav(body)[:, 0])[0] > 0.95)


@pytest.mark.realtime
@pytest.mark.skipif(sys.platform != "linux", reason="nginx is Debian's")
def test_thirty_accounts_on_three_sandboxes(tmp_path: Path) -> None:
    """Each is on one of them; one is killed, and nothing of the others' is disturbed."""
    if not (shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")):
        pytest.skip("needs nginx (Debian's package nginx-light)")
    write_wav(tmp_path / "bob.wav", babble(1, 1.5), 8000)
    (tmp_path / "plan.yaml").write_text(PLAN, "utf-8")
    first = free_ports()
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("MEDIASIM_TOKEN", TOKEN)
        database = stack.enter_context(postgresql(*(f"sandbox{place}" for place in range(3))))
        peers = f"http://127.0.0.1:{first // 10}{{}}"
        public = f"http://127.0.0.1:{first + 9}"
        common = ["--config", str(tmp_path / "plan.yaml"), "--allowed-host", "*"]
        common += ["--public-url", public, "--peers", peers]

        def options(place: int) -> list[str]:
            own = ["--port", str(first + place), "--shard", f"{place}/3"]
            own += ["--data", str(tmp_path / f"data{place}")]
            own += ["--database", f"{database}&options=-csearch_path%3Dsandbox{place}"]
            return [*common, *own, "--media", f"file://{tmp_path}/bucket/sandbox{place}"]

        running = [stack.enter_context(serving(*options(place))) for place in range(3)]
        proxy = stack.enter_context(nginx(tmp_path / "nginx", first + 9, running))
        accounts = made(proxy)
        everywhere_the_same(proxy, accounts)
        asyncio.run(devices(proxy, accounts))

        for account in accounts:
            twiml = "<Response><Pause length='600'/></Response>"
            proxy.rest(account, "POST", "/Calls.json", To=BOB, From=BOB, Twiml=twiml, Record="true")
        for account in accounts:
            place = int(account.home[-1])
            part = tmp_path / f"data{place}/spool/{recording(proxy, account)['sid']}.part"
            eventually(partial(has_two_seconds, part))

        running[1].process.kill()
        running[1].process.wait()
        lost = [each for each in accounts if each.home.endswith("1")]
        others = [each for each in accounts if each not in lost]
        for account in lost:
            status, _, _ = proxy.ask(
                "GET", f"/2010-04-01/Accounts/{account.sid}.json", (account.sid, account.token)
            )
            assert status == 502
        for account in others:
            assert call_of(proxy, account)["status"] == "in-progress"
        again = made(proxy, 3)  # new ones go to those that are there
        assert {each.home for each in again} <= {each.home for each in others}
        for account in others:
            sid = call_of(proxy, account)["sid"]
            proxy.rest(account, "POST", f"/Calls/{sid}.json", Status="completed")
        stack.enter_context(serving(*options(1)))
        for account in accounts:
            eventually(partial(is_recorded, proxy, account))
            assert call_of(proxy, account)["status"] == "completed"
        for place in range(3):
            account = next(each for each in accounts if each.home.endswith(str(place)))
            assert is_bobs(proxy, account)
            kept = f"{tmp_path}/bucket/sandbox{place}/{recording(proxy, account)['sid']}.wav"
            eventually(Path(kept).is_file)


def made(proxy: Proxy, number: int = 30) -> list[Account]:
    """Make accounts of the main account's; each is answered for by one sandbox from then on."""
    found = list[Account]()
    for _ in range(number):
        form = {"FriendlyName": "of a test"}
        status, headers, body = proxy.ask(
            "POST", "/2010-04-01/Accounts.json", (MAIN, SECRET), form=form
        )
        assert status in (200, 201)
        one = json.loads(body)
        # Where one cannot be reached another is asked; the last one has made it.
        account = Account(one["sid"], one["auth_token"])
        asked = proxy.rest(account, "GET", ".json")
        assert asked["sid"] == account.sid
        assert headers["x-mediasim-sandbox"].split(", ")[-1] == account.home
        found.append(account)
    return found


def everywhere_the_same(proxy: Proxy, accounts: list[Account]) -> None:
    """All that names an account leads to its sandbox: each of Twilio's hosts, keys, pages."""
    places: defaultdict[str, list[Account]] = defaultdict(list)
    for account in accounts:
        places[account.home].append(account)
    assert len(places) == 3
    hosts = {f"{each.host}.twilio.com": each for each in RESOURCES if each.host != "api"}
    assert len(hosts) > 3
    for home, (account, *_) in places.items():
        who = account.sid, account.token
        for host, resource in hosts.items():
            path = next(path for path in resource.paths if path.startswith("/"))
            status, headers, _ = proxy.ask(
                "GET", path.replace("{", "").replace("}", ""), who, headers={"Host": host}
            )
            assert headers["x-mediasim-sandbox"] == home, host
            assert status not in (401, 403, 421, 502), (host, path)
        key = proxy.rest(account, "POST", "/Keys.json", FriendlyName="of a test")
        status, headers, _ = proxy.ask(
            "GET",
            "/v1/Trunks",
            (key["sid"], key["secret"]),
            headers={"Host": "trunking.twilio.com"},
        )
        assert (status, headers["x-mediasim-sandbox"]) == (200, home)
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        status, headers, _ = proxy.ask("GET", f"/?account={account.sid}", headers=bearer)
        assert (status, headers["x-mediasim-sandbox"]) == (200, home)
        cookie = headers["set-cookie"].partition(";")[0]
        for named in ({"Cookie": cookie}, {"X-Mediasim-Account": account.sid}):
            status, headers, _ = proxy.ask("GET", "/_mediasim/calls", headers=bearer | named)
            assert (status, headers["x-mediasim-sandbox"]) == (200, home)
    status, _, body = proxy.ask("GET", "/_mediasim/calls")
    assert status == 400
    assert "say whose this is for" in json.loads(body)["error"]
    assert proxy.ask("GET", "/_mediasim/health")[0] == 200


async def devices(proxy: Proxy, accounts: list[Account]) -> None:
    """Devices of the browser SDK, whose WebSockets name nobody, are registered at home."""
    one_each = {each.home: each for each in accounts}.values()
    for account in one_each:
        key = await asyncio.to_thread(proxy.rest, account, "POST", "/Keys.json")
        token = AccessToken(account.sid, key["sid"], key["secret"], identity="anna")
        token.add_grant(VoiceGrant(incoming_allow=True))
        said = {"type": "listen", "payload": {"token": token.to_jwt()}}
        url = f"ws://127.0.0.1:{proxy.port}/signal"
        async with connect(url, proxy=None) as socket:
            await socket.send(json.dumps(said))
            found = json.loads(await socket.recv())
            assert (found["type"], found["payload"]["token"]["identity"]) == ("connected", "anna")
