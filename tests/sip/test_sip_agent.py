"""Who may ask for what, by where it comes from and what it proves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

import pytest
from sip_stage import authorization

from mediasim.net.virtual_loop import VirtualLoop
from mediasim.sip.agent import SipAgent
from mediasim.twilio.webhooks.address import HostGuard


class Wire:
    """A peer somewhere, reached without sockets."""

    name, reliable, open = "TCP", True, True

    def __init__(self, host: str) -> None:
        self.peer = (host, 5060)
        self.sent: list[str] = []

    def send(self, data: bytes) -> None:
        self.sent.append(data.decode())


class Desk:
    """An agent without a port, and who has called it."""

    def __init__(self, allowed: Collection[str] = ()) -> None:
        self.callers: list[str | None] = []
        self.agent = SipAgent(
            {"al": "pw"},
            "mediasim",
            refusal=HostGuard(allowed).refusal,
            on_invite=lambda invite, dialog, caller: self.callers.append(caller.uri.user),
            now=lambda: 0.0,
        )
        self._count = 0

    def ask(self, host: str, method: str, user: str, more: str = "") -> str:
        """The first line of the last answer to it."""
        self._count += 1
        wire = Wire(host)
        lines = [
            f"{method} sip:1@x SIP/2.0",
            f"Via: SIP/2.0/TCP {host};branch=z9hG4bK{self._count}",
            f"From: <sip:{user}@x>;tag=f",
            f"To: <sip:{user}@x>",
            f"Call-ID: {self._count}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:{user}@{host}>",
            *([more] if more else []),
        ]
        self.agent.transports.receive(("\r\n".join(lines) + "\r\n\r\n").encode(), wire)
        return wire.sent[-1]

    def ask_proving(self, host: str, method: str, user: str, password: str, of: str = "") -> str:
        asked = self.ask(host, method, user)
        kind = "Authorization" if method == "REGISTER" else "Proxy-Authorization"
        given = authorization(asked, method, "sip:1@x", of or user, password)
        return self.ask(host, method, user, f"{kind}: {given}")


@pytest.fixture
def desk() -> Desk:
    return Desk()


def quietly(work: Callable[[], None]) -> None:
    async def main() -> None:
        work()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


HERE, ELSEWHERE = "127.0.0.1", "192.0.2.9"


def test_who_is_on_this_machine_calls_without_a_password(desk: Desk) -> None:
    def work() -> None:
        assert "100 Trying" in desk.ask(HERE, "INVITE", "anybody")
        assert "403 " in desk.ask(ELSEWHERE, "INVITE", "anybody")
        assert desk.callers == ["anybody"]

    quietly(work)


def test_hosts_that_were_allowed_do_too() -> None:
    def work() -> None:
        desk = Desk([ELSEWHERE])
        assert "100 Trying" in desk.ask(ELSEWHERE, "INVITE", "anybody")
        assert "403 " in desk.ask("192.0.2.10", "INVITE", "anybody")

    quietly(work)


def test_users_prove_themselves_from_anywhere(desk: Desk) -> None:
    def work() -> None:
        for host in (HERE, ELSEWHERE):
            assert "407 " in desk.ask(host, "INVITE", "al")
            assert "403 " in desk.ask_proving(host, "INVITE", "al", "px")
            assert "100 Trying" in desk.ask_proving(host, "INVITE", "al", "pw")
            assert "200 OK" in desk.ask_proving(host, "REGISTER", "al", "pw")
        assert desk.callers == ["al", "al"]
        assert len(desk.agent.registrar.contacts("al")) == 2

    quietly(work)


def test_nobody_is_somebody_else(desk: Desk) -> None:
    def work() -> None:
        assert "403 " in desk.ask_proving(HERE, "REGISTER", "bo", "pw", of="al")
        assert desk.agent.registrar.contacts("bo") == []

    quietly(work)


def test_what_one_has_proved_proves_nothing_for_another_call(desk: Desk) -> None:
    def work() -> None:
        asked = desk.ask(HERE, "REGISTER", "al")
        given = authorization(asked, "REGISTER", "sip:1@x", "al", "pw")
        assert "200 OK" in desk.ask(HERE, "REGISTER", "al", f"Authorization: {given}")
        for host in (HERE, ELSEWHERE):  # each with a Call-ID of its own
            again = desk.ask(host, "REGISTER", "al", f"Authorization: {given}")
            assert "401 " in again
            assert "stale=true" in again

    quietly(work)


def test_an_unknown_extension_is_refused_whatever_asks_for_it(desk: Desk) -> None:
    def work() -> None:
        for method in ("OPTIONS", "INVITE", "REGISTER", "BYE", "UPDATE"):
            answer = desk.ask(HERE, method, "anybody", "Require: 100rel, foo")
            assert "420 Bad Extension" in answer
            assert "Unsupported: 100rel\r\nUnsupported: foo" in answer

    quietly(work)
