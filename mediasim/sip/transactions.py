"""Transactions: a request and its answers, whatever datagrams are lost (RFC 3261 section 17).

A server's transaction takes a repeated request for what it is and repeats the answer; a client's
repeats the request until it is answered. Answers 2xx to an INVITE are repeated here as well, until
:meth:`ServerTransaction.acknowledged` (RFC 6026 keeps their transaction so).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Literal

from mediasim.sip.messages import Request, Response, respond
from mediasim.sip.transports import Channel

__all__ = ["ClientTransaction", "ServerTransaction", "TransactionTable"]

T1: Final = 0.5
"""Seconds: how long a way there and back takes, at the most usual."""
T2: Final = 4.0
T4: Final = 5.0
GIVE_UP: Final = 64 * T1
_MOST: Final = 20_000
"""Server transactions remembered; more is an attack, and dropped."""

Key = tuple[str, ...]


def _key(request: Request, method: str | None = None) -> Key:
    """RFC 3261 17.2.3, and what must be equal besides where a peer's branches are not unique."""
    via, sequence = request.via[0], request.cseq
    assert sequence is not None
    name = method or request.method
    return (
        via.branch or "",
        f"{via.host}:{via.port}",
        request.call_id or "",
        str(sequence.seq),
        "INVITE" if name == "ACK" else name,
    )


class _Repeating:
    """Does something again and again, ever more slowly, and in the end something else."""

    def __init__(self) -> None:
        self._handles: list[asyncio.TimerHandle] = []

    def start(self, again: Callable[[], None], most: float, over: Callable[[], None]) -> None:
        self.stop()
        loop = asyncio.get_running_loop()

        def repeat(interval: float) -> None:
            again()
            self._handles[0] = loop.call_later(interval, repeat, min(2 * interval, most))

        self._handles = [
            loop.call_later(T1, repeat, min(2 * T1, most)),
            loop.call_later(GIVE_UP, self._end, over),
        ]

    def later(self, seconds: float, over: Callable[[], None]) -> None:
        self.stop()
        loop = asyncio.get_running_loop()
        self._handles = [loop.call_later(seconds, self._end, over)]

    def _end(self, over: Callable[[], None]) -> None:
        self.stop()
        over()

    def stop(self) -> None:
        for handle in self._handles:
            handle.cancel()
        self._handles = []


class ServerTransaction:
    """A request from elsewhere."""

    def __init__(self, table: TransactionTable, request: Request, channel: Channel) -> None:
        self.request = request
        self.channel = channel
        self.on_unacknowledged: Callable[[], None] | None = None
        """The 2xx was never acknowledged."""
        self.on_cancelled: Callable[[], None] | None = None
        """It is no longer wanted, before it was answered; to be answered 487."""
        self.final: int | None = None
        """The status that it was answered with in the end."""
        self._table = table
        self._key = _key(request)
        self._answer: bytes | None = None
        self._timer = _Repeating()

    def respond(self, answer: Response) -> None:
        """Send an answer; nothing comes after a final one."""
        if self.final is not None:
            return
        self._answer = bytes(answer)
        self.send_again()
        if answer.status_code < 200:
            return
        self.final = answer.status_code
        if self.request.method != "INVITE":
            self._timer.later(GIVE_UP, self._forget)
        elif self.final < 300 or not self.channel.reliable:
            self._timer.start(self.send_again, T2, self._never_acknowledged)
        else:
            self._timer.later(GIVE_UP, self._forget)

    def reply(self, status: int, reason: str = "", *, tag: str = "") -> None:
        """The same with nothing in it but a status."""
        self.respond(respond(self.request, status, reason, tag=tag))

    def send_again(self) -> None:
        """The last answer once more, if there is any."""
        if self._answer is not None:
            _way_back(self.request, self.channel, self._table).send(self._answer)

    def cancelled(self) -> None:
        """The peer does not want an answer any longer."""
        if self.final is None and self.on_cancelled is not None:
            self.on_cancelled()

    def acknowledged(self) -> None:
        """The ACK has come: repeated requests are still known for a while."""
        self._timer.later(T4, self._forget)

    def _never_acknowledged(self) -> None:
        self._forget()
        if self.on_unacknowledged is not None:
            self.on_unacknowledged()

    def _forget(self) -> None:
        self._timer.stop()
        self._table.servers.pop(self._key, None)

    def stop(self) -> None:
        self._timer.stop()


def _way_back(request: Request, channel: Channel, table: TransactionTable) -> Channel:
    """To where it came from; to the Via's port over UDP unless rport was asked for (RFC 3581)."""
    via = request.via[0]
    if channel.reliable or "rport" in via.params:
        return channel
    return table.datagrams((channel.peer[0], via.port or 5060))


class ClientTransaction:
    """A request of ours. ``heard`` gets every answer; 408 where none came in time."""

    def __init__(
        self,
        table: TransactionTable,
        request: Request,
        channel: Channel,
        heard: Callable[[Response], None],
    ) -> None:
        self.request = request
        self.channel = channel
        self._heard = heard
        self._table = table
        self._key = (request.via[0].branch or "", request.method)
        self._timer = _Repeating()
        self._state: Literal["calling", "proceeding", "completed"] = "calling"
        self._ack: tuple[Channel, bytes] | None = None
        self._cancelled = False
        table.clients[self._key] = self
        self._send()
        if channel.reliable:
            self._timer.later(GIVE_UP, self._timed_out)
        else:
            longest = GIVE_UP if request.method == "INVITE" else T2
            self._timer.start(self._send, longest, self._timed_out)

    def receive(self, answer: Response) -> None:
        status, invite = answer.status_code, self.request.method == "INVITE"
        if self._state == "completed":
            if status >= 200 and self._ack is not None:
                channel, ack = self._ack
                channel.send(ack)
            return
        if status < 200:
            self._state = "proceeding"
            if invite:
                self._timer.stop()  # it may ring as long as it likes
            self._heard(answer)
            return
        self._state = "completed"
        self._timer.later(GIVE_UP if invite else T4, self._forget)
        if invite and status >= 300:
            self.acknowledge(self._negative_ack(answer), self.channel)
        self._heard(answer)

    def acknowledge(self, ack: Request, channel: Channel) -> None:
        """Send an ACK, and again whenever the answer is repeated."""
        self._ack = channel, bytes(ack)
        channel.send(self._ack[1])

    def cancel(self) -> None:
        """Ask for an end of what has not been answered; its own answer then tells.

        Does nothing before a provisional answer has come (RFC 3261 section 9.1).
        """
        if self._state == "proceeding" and not self._cancelled:
            self._cancelled = True
            self._table.send(self._like("CANCEL"), self.channel, lambda _: None)
            self._timer.later(GIVE_UP, self._timed_out)

    def _like(self, method: str) -> Request:
        """Of the same transaction: ACK and CANCEL (RFC 3261 17.1.1.3, 9.1)."""
        request = Request(method=method, uri=self.request.uri)
        request.headers.append("Via", self.request.headers.get("via")[0])
        for name in ("From", "To", "Call-ID"):
            request.headers.set_single(name, self.request.get_header(name) or "")
        sequence = self.request.cseq
        assert sequence is not None
        request.headers.set_single("CSeq", f"{sequence.seq} {method}")
        request.headers.set_single("Max-Forwards", "70")
        for route in self.request.headers.get("route"):
            request.headers.append("Route", route)
        return request

    def _negative_ack(self, answer: Response) -> Request:
        ack = self._like("ACK")
        ack.headers.set_single("To", answer.get_header("to") or "")
        return ack

    def _send(self) -> None:
        self.channel.send(bytes(self.request))

    def _timed_out(self) -> None:
        self._forget()
        if self._state != "completed":
            self._state = "completed"
            self._heard(respond(self.request, 408))

    def _forget(self) -> None:
        self._timer.stop()
        if self._table.clients.get(self._key) is self:
            del self._table.clients[self._key]

    def stop(self) -> None:
        self._timer.stop()


class TransactionTable:
    """All of them. Used on one loop."""

    def __init__(self, datagrams: Callable[[tuple[str, int]], Channel]) -> None:
        """``datagrams``: the way to an address over UDP."""
        self.datagrams = datagrams
        self.servers: dict[Key, ServerTransaction] = {}
        self.clients: dict[Key, ClientTransaction] = {}

    def take(self, request: Request, channel: Channel) -> ServerTransaction | None:
        """A request that came: its transaction if it is new, None if that was all about it."""
        key = _key(request)
        known = self.servers.get(key)
        if request.method == "ACK":
            if known is not None and known.final is not None and known.final >= 300:
                known.acknowledged()
            return None
        if known is not None:
            known.send_again()
            return None
        if len(self.servers) >= _MOST:
            return None
        made = self.servers[key] = ServerTransaction(self, request, channel)
        return made

    def cancelled(self, request: Request) -> ServerTransaction | None:
        """The INVITE that a CANCEL means (RFC 3261 section 9.2)."""
        return self.servers.get(_key(request, "INVITE"))

    def answered(self, answer: Response) -> None:
        """An answer that came."""
        sequence = answer.cseq
        assert sequence is not None
        known = self.clients.get((answer.via[0].branch or "", sequence.method))
        if known is not None:
            known.receive(answer)

    def send(
        self, request: Request, channel: Channel, heard: Callable[[Response], None]
    ) -> ClientTransaction:
        """Send a request of ours, which has its Via."""
        return ClientTransaction(self, request, channel, heard)

    def close(self) -> None:
        """Stop every timer."""
        for server in self.servers.values():
            server.stop()
        for client in self.clients.values():
            client.stop()
        self.servers.clear()
        self.clients.clear()
