"""An unmodified app reaches the sandbox of a test by Twilio's hosts, here or in another process."""

from __future__ import annotations

import _socket
import os
import socket
import ssl
import subprocess
import sys

import aiohttp
import httpx2
import pytest
import requests
from twilio.rest import Client

from mediasim.testing import MediasimSandbox

SESSION = requests.Session()
"""Made at import, as apps make it; its connections outlive a test."""


def replaced() -> tuple[object, ...]:
    """What the redirection replaces."""
    context, plain = ssl.SSLContext, socket.socket
    return (
        *(_socket.getaddrinfo, plain.connect, plain.connect_ex),
        *(context.wrap_socket, context.wrap_bio, os.environ.get("NO_PROXY")),
    )


BEFORE = replaced()


@pytest.mark.parametrize("_", ["first", "second"])
def test_an_app_in_this_process(
    mediasim_sandbox: MediasimSandbox, monkeypatch: pytest.MonkeyPatch, _: str
) -> None:
    """The app's source is as it would be in production: the SDK, and requests to api.twilio.com."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # a proxy of the machine's own
    mediasim_sandbox.redirect_sdk(False)
    mediasim_sandbox.redirect_sdk()
    sid, token = mediasim_sandbox.account_sid, mediasim_sandbox.auth_token
    client = Client(sid, token)
    call = client.calls.create(to="+14155550199", from_="+15005550006", twiml="<Response/>")
    assert mediasim_sandbox.calls[0].sid == call.sid
    assert Client(sid, token, region="ie1", edge="dublin").calls(call.sid).fetch().to == call.to
    url = f"https://api.twilio.com/2010-04-01/Accounts/{sid}/Calls.json"
    assert SESSION.get(url, auth=(sid, token), timeout=10).json()["calls"][0]["sid"] == call.sid

    mediasim_sandbox.redirect_sdk(False)
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):  # that proxy again
        requests.get(url, auth=(sid, token), timeout=10)


async def test_asynchronous_clients(mediasim_sandbox: MediasimSandbox) -> None:
    sid, token = mediasim_sandbox.account_sid, mediasim_sandbox.auth_token
    url = f"https://api.twilio.com/2010-04-01/Accounts/{sid}.json"
    async with httpx2.AsyncClient(auth=(sid, token)) as client:
        assert (await client.get(url)).json()["sid"] == sid
    authorized = {"Authorization": requests.auth._basic_auth_str(sid, token)}
    async with aiohttp.ClientSession(headers=authorized) as session, session.get(url) as answer:
        assert (await answer.json())["sid"] == sid


def test_a_program_of_its_own(mediasim_sandbox: MediasimSandbox) -> None:
    program = (
        "from twilio.rest import Client\n"
        "import os\n"
        "print(Client().api.accounts(os.environ['TWILIO_ACCOUNT_SID']).fetch().status)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **mediasim_sandbox.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout == "active\n", ran.stderr


def test_it_is_on_in_a_test(mediasim_sandbox: MediasimSandbox) -> None:
    assert all(now is not before for now, before in zip(replaced()[:5], BEFORE[:5], strict=True))


def test_it_is_undone_after_a_test() -> None:
    assert replaced() == BEFORE
    assert "connect" not in vars(socket.socket)
