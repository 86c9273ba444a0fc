"""Lost and repeated datagrams, in virtual time (RFC 3261 section 17)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from mediasim.net.virtual_loop import VirtualLoop
from mediasim.sip.messages import Request, Response, parse, respond
from mediasim.sip.transactions import ServerTransaction, TransactionTable


class Wire:
    """A channel that keeps what is sent, with the times."""

    name = "UDP"
    open = True

    def __init__(self, peer: tuple[str, int] = ("127.0.0.1", 5090), reliable: bool = False) -> None:
        self.peer = peer
        self.reliable = reliable
        self.sent: list[tuple[float, str]] = []

    def send(self, data: bytes) -> None:
        at = round(asyncio.get_running_loop().time(), 3)
        self.sent.append((at, data.decode().splitlines()[0]))

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.sent]


def request(method: str = "INVITE", branch: str = "z9hG4bK1") -> Request:
    text = (
        f"{method} sip:1@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5090;branch={branch};rport"
        f"\r\nFrom: <sip:a@b>;tag=f\r\nTo: <sip:1@127.0.0.1>\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n"
        "Content-Length: 0\r\n\r\n"
    )
    found = parse(text.encode())
    assert isinstance(found, Request)
    return found


def virtually(work: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await work()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


def taken(wire: Wire, made: Request) -> tuple[TransactionTable, ServerTransaction]:
    table = TransactionTable(lambda peer: wire)
    transaction = table.receive_request(made, wire)
    assert transaction is not None
    return table, transaction


def test_an_invite_of_ours_is_repeated_until_it_is_heard() -> None:
    async def work() -> None:
        wire, answers = Wire(), list[Response]()
        table = TransactionTable(lambda peer: wire)
        table.send(request(), wire, answers.append)
        await asyncio.sleep(4)
        assert wire.times == [0, 0.5, 1.5, 3.5]
        table.receive_response(respond(request(), 180))
        await asyncio.sleep(60)
        assert len(wire.sent) == 4
        assert [answer.status_code for answer in answers] == [180]
        table.close()

    virtually(work)


@pytest.mark.parametrize("reliable", [False, True])
def test_nobody_there_is_a_timeout(reliable: bool) -> None:
    async def work() -> None:
        wire, answers = Wire(reliable=reliable), list[Response]()
        table = TransactionTable(lambda peer: wire)
        table.send(request("BYE"), wire, answers.append)
        await asyncio.sleep(33)
        assert [answer.status_code for answer in answers] == [408]
        more = [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert wire.times == ([0] if reliable else [0, *more])
        assert not table.clients

    virtually(work)


def test_a_refusal_is_acknowledged_each_time_it_comes() -> None:
    async def work() -> None:
        wire, answers = Wire(), list[Response]()
        table = TransactionTable(lambda peer: wire)
        table.send(request(), wire, answers.append)
        for _ in range(3):
            table.receive_response(respond(request(), 486, tag="t"))
        assert [line.split()[0] for _, line in wire.sent] == ["INVITE", "ACK", "ACK", "ACK"]
        assert len(answers) == 1
        table.close()

    virtually(work)


def test_a_cancel_waits_for_a_first_answer_and_is_sent_once() -> None:
    async def work() -> None:
        wire = Wire()
        table = TransactionTable(lambda peer: wire)
        invite = table.send(request(), wire, lambda answer: None)
        invite.cancel()
        assert len(wire.sent) == 1
        table.receive_response(respond(request(), 180))
        invite.cancel()
        invite.cancel()
        assert [line.split()[0] for _, line in wire.sent] == ["INVITE", "CANCEL"]
        table.close()

    virtually(work)


def test_an_answer_of_ours_is_repeated_until_it_is_acknowledged() -> None:
    async def work() -> None:
        wire = Wire()
        _, transaction = taken(wire, request())
        transaction.reply(200, tag="t")
        await asyncio.sleep(4)
        assert wire.times == [0, 0.5, 1.5, 3.5]
        transaction.acknowledged()
        await asyncio.sleep(60)
        assert len(wire.sent) == 4

    virtually(work)


def test_an_answer_never_acknowledged_is_told() -> None:
    async def work() -> None:
        wire, told = Wire(), list[float]()
        table, transaction = taken(wire, request())
        loop = asyncio.get_running_loop()
        transaction.on_unacknowledged = lambda: told.append(loop.time())
        transaction.reply(200, tag="t")
        await asyncio.sleep(40)
        assert told == [32]
        assert not table.servers

    virtually(work)


def test_a_repeated_request_gets_the_same_answer() -> None:
    async def work() -> None:
        wire = Wire()
        table, transaction = taken(wire, request())
        transaction.reply(100)
        assert table.receive_request(request(), wire) is None
        assert [line for _, line in wire.sent] == ["SIP/2.0 100 Trying"] * 2
        transaction.reply(486, tag="t")
        transaction.reply(200, tag="t")  # too late: nothing follows a final answer
        assert table.receive_request(request(), wire) is None
        assert [line for _, line in wire.sent[2:]] == ["SIP/2.0 486 Busy Here"] * 2
        assert table.receive_request(request("ACK"), wire) is None
        await asyncio.sleep(60)
        assert len(wire.sent) == 4
        assert not table.servers

    virtually(work)


def test_without_rport_answers_go_to_the_via_s_port() -> None:
    async def work() -> None:
        came, ports = Wire(("127.0.0.1", 40_000)), list[int]()

        def datagrams(peer: tuple[str, int]) -> Wire:
            ports.append(peer[1])
            return came

        table = TransactionTable(datagrams)
        made = request("OPTIONS")
        made.headers.set_single("Via", "SIP/2.0/UDP 127.0.0.1:5090;branch=z9hG4bK1")
        transaction = table.receive_request(made, came)
        assert transaction is not None
        transaction.reply(200, tag="t")
        assert ports == [5090]
        table.close()

    virtually(work)
