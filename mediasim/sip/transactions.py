"""Transactions: a request and its responses over lossy transports (RFC 3261 section 17).

A server transaction absorbs retransmitted requests and repeats its response; a client transaction
retransmits its request until a response is received. A 2xx to an INVITE is also retransmitted here,
until :meth:`ServerTransaction.acknowledged`, for which RFC 6026 keeps its transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, Literal

from mediasim.sip.messages import Request, Response, cseq_of, respond
from mediasim.sip.transports import Channel

__all__ = ["ClientTransaction", "ServerTransaction", "TransactionTable"]

T1: Final = 0.5
"""Estimate of the round-trip time, in seconds (RFC 3261 section 17.1.1.1)."""
T2: Final = 4.0
"""Longest interval between retransmissions, in seconds."""
T4: Final = 5.0
"""Longest time that a message stays in the network, in seconds."""
TIMEOUT: Final = 64 * T1
"""Time after which a transaction fails, in seconds (timers B, F, H and J)."""
_MOST: Final = 20_000
"""Most server transactions; further requests are taken for an attack and dropped."""

Key = tuple[str, ...]


def _key(request: Request, method: str | None = None) -> Key:
    """Return the key by which a request matches its transaction (RFC 3261 section 17.2.3).

    It has more than the branch, because a peer of RFC 2543 has no unique branches. An ACK matches
    its INVITE; ``method`` is that of the request sought, as a CANCEL's INVITE.
    """
    via = request.via[0]
    name = method or request.method
    return (
        via.branch or "",
        f"{via.host}:{via.port}",
        request.call_id or "",
        str(cseq_of(request).seq),
        "INVITE" if name == "ACK" else name,
    )


class _Timers:
    """The timers of a transaction: retransmissions at doubling intervals, and its end."""

    def __init__(self) -> None:
        self._handles: list[asyncio.TimerHandle] = []

    def start(self, send: Callable[[], None], longest: float, on_end: Callable[[], None]) -> None:
        """Call ``send`` at intervals that double up to ``longest`` seconds, then ``on_end``."""
        self.stop()
        loop = asyncio.get_running_loop()

        def repeat(interval: float) -> None:
            send()
            self._handles[0] = loop.call_later(interval, repeat, min(2 * interval, longest))

        self._handles = [
            loop.call_later(T1, repeat, min(2 * T1, longest)),
            loop.call_later(TIMEOUT, self._end, on_end),
        ]

    def end_after(self, seconds: float, on_end: Callable[[], None]) -> None:
        """Stop retransmissions and call ``on_end`` after a time."""
        self.stop()
        loop = asyncio.get_running_loop()
        self._handles = [loop.call_later(seconds, self._end, on_end)]

    def _end(self, on_end: Callable[[], None]) -> None:
        self.stop()
        on_end()

    def stop(self) -> None:
        for handle in self._handles:
            handle.cancel()
        self._handles = []


class ServerTransaction:
    """A received request and its responses."""

    def __init__(self, table: TransactionTable, request: Request, channel: Channel) -> None:
        self.request = request
        self.channel = channel
        self.on_unacknowledged: Callable[[], None] | None = None
        """Called if the 2xx is never acknowledged."""
        self.on_cancelled: Callable[[], None] | None = None
        """Called if the request is cancelled before its final response, which is then a 487."""
        self.final: int | None = None
        """Status of the final response; None before."""
        self.user = ""
        """The user that the sender has authenticated as; "" for none."""
        self._table = table
        self._key = _key(request)
        self._last_response: bytes | None = None
        self.timers = _Timers()

    def reply(
        self,
        status: int,
        reason: str = "",
        *,
        tag: str = "",
        headers: Iterable[tuple[str, str]] = (),
        body: str = "",
    ) -> None:
        """Send a response; any after a final one is ignored."""
        if self.final is not None:
            return
        response = respond(self.request, status, reason, tag=tag, headers=headers, body=body)
        self._last_response = bytes(response)
        self.retransmit()
        if status < 200:
            return
        self.final = status
        # A 2xx to an INVITE is retransmitted over TCP too, because hops behind a proxy may be
        # UDP (RFC 3261 section 13.3.1.4).
        if self.request.method == "INVITE" and (status < 300 or not self.channel.reliable):
            self.timers.start(self.retransmit, T2, self._unacknowledged)
        else:
            self.timers.end_after(TIMEOUT, self._forget)

    def retransmit(self) -> None:
        """Send the last response again, if there is any.

        Over UDP without rport it goes to the Via's port (RFC 3261 section 18.2.2, RFC 3581).
        """
        if self._last_response is not None:
            via, channel = self.request.via[0], self.channel
            if not channel.reliable and "rport" not in via.params:
                channel = self._table.datagrams((channel.peer[0], via.port or 5060))
            channel.send(self._last_response)

    def cancel(self) -> None:
        """Handle the peer's CANCEL."""
        if self.final is None and self.on_cancelled is not None:
            self.on_cancelled()

    def acknowledged(self) -> None:
        """Handle the ACK; retransmitted requests are still absorbed for a while."""
        self.timers.end_after(T4, self._forget)

    def _unacknowledged(self) -> None:
        self._forget()
        if self.on_unacknowledged is not None:
            self.on_unacknowledged()

    def _forget(self) -> None:
        self.timers.stop()
        self._table.servers.pop(self._key, None)


class ClientTransaction:
    """A sent request; ``on_response`` gets every response, and a 408 if none comes in time."""

    def __init__(
        self,
        table: TransactionTable,
        request: Request,
        channel: Channel,
        on_response: Callable[[Response], None],
    ) -> None:
        self.request = request
        self.channel = channel
        self._on_response = on_response
        self._table = table
        self._key = (request.via[0].branch or "", request.method)
        self.timers = _Timers()
        self._state: Literal["calling", "proceeding", "completed"] = "calling"
        self._ack: tuple[Channel, bytes] | None = None
        self._final_to: str | None = None
        """To header of the first final response."""
        self._cancelled = False
        table.clients[self._key] = self
        self._send()
        if channel.reliable:
            self.timers.end_after(TIMEOUT, self._timed_out)
        else:
            longest = TIMEOUT if request.method == "INVITE" else T2
            self.timers.start(self._send, longest, self._timed_out)

    def receive(self, response: Response) -> None:
        status, invite = response.status_code, self.request.method == "INVITE"
        if self._state == "completed":
            if invite and 200 <= status < 300 and response.get_header("to") != self._final_to:
                self._on_response(response)  # of another place that a proxy has forked it to
            elif status >= 200 and self._ack is not None:
                # A retransmitted final response shows that the ACK was lost.
                channel, ack = self._ack
                channel.send(ack)
            return
        if status < 200:
            self._state = "proceeding"
            if invite:
                self.timers.stop()  # a telephone may ring without limit
            self._on_response(response)
            return
        self._state, self._final_to = "completed", response.get_header("to")
        self.timers.end_after(TIMEOUT if invite else T4, self._forget)
        if invite and status >= 300:
            negative = self._same_transaction("ACK")
            negative.headers.set_single("To", response.get_header("to") or "")
            self.acknowledge(negative, self.channel)
        self._on_response(response)

    def acknowledge(self, ack: Request, channel: Channel) -> None:
        """Send an ACK, and again whenever the final response is retransmitted."""
        self._ack = channel, bytes(ack)
        channel.send(self._ack[1])

    def cancel(self) -> None:
        """Cancel the request, which is then answered with its own final response.

        Does nothing before a provisional response has been received (RFC 3261 section 9.1).
        """
        if self._state == "proceeding" and not self._cancelled:
            self._cancelled = True
            self._table.send(self._same_transaction("CANCEL"), self.channel, lambda _: None)
            self.timers.end_after(TIMEOUT, self._timed_out)

    def _same_transaction(self, method: str) -> Request:
        """Create the ACK or CANCEL of the same transaction (RFC 3261 sections 17.1.1.3 and 9.1)."""
        request = Request(method=method, uri=self.request.uri)
        request.headers.append("Via", self.request.headers.get("via")[0])
        for name in ("From", "To", "Call-ID"):
            request.headers.set_single(name, self.request.get_header(name) or "")
        request.headers.set_single("CSeq", f"{cseq_of(self.request).seq} {method}")
        request.headers.set_single("Max-Forwards", "70")
        for route in self.request.headers.get("route"):
            request.headers.append("Route", route)
        return request

    def _send(self) -> None:
        self.channel.send(bytes(self.request))

    def _timed_out(self) -> None:
        self._forget()
        if self._state != "completed":
            self._state = "completed"
            self._on_response(respond(self.request, 408))

    def _forget(self) -> None:
        self.timers.stop()
        if self._table.clients.get(self._key) is self:
            del self._table.clients[self._key]


class TransactionTable:
    """All transactions of a user agent. Used on one loop."""

    def __init__(self, datagrams: Callable[[tuple[str, int]], Channel]) -> None:
        """``datagrams`` returns the UDP channel to an address."""
        self.datagrams = datagrams
        self.servers: dict[Key, ServerTransaction] = {}
        self.clients: dict[Key, ClientTransaction] = {}

    def receive_request(self, request: Request, channel: Channel) -> ServerTransaction | None:
        """Return the transaction of a new request; None if it was a retransmission or an ACK."""
        key = _key(request)
        known = self.servers.get(key)
        if request.method == "ACK":
            if known is not None and known.final is not None and known.final >= 300:
                known.acknowledged()
            return None
        if known is not None:
            known.retransmit()
            return None
        if len(self.servers) >= _MOST:
            return None
        made = self.servers[key] = ServerTransaction(self, request, channel)
        return made

    def invite_of(self, request: Request) -> ServerTransaction | None:
        """Return the transaction that a CANCEL refers to (RFC 3261 section 9.2)."""
        return self.servers.get(_key(request, "INVITE"))

    def receive_response(self, response: Response) -> None:
        """Pass a response to its transaction; one without is ignored."""
        known = self.clients.get((response.via[0].branch or "", cseq_of(response).method))
        if known is not None:
            known.receive(response)

    def send(
        self, request: Request, channel: Channel, on_response: Callable[[Response], None]
    ) -> ClientTransaction:
        """Send a request, which must have its Via."""
        return ClientTransaction(self, request, channel, on_response)

    def close(self) -> None:
        """Stop every timer."""
        for server in self.servers.values():
            server.timers.stop()
        for client in self.clients.values():
            client.timers.stop()
        self.servers.clear()
        self.clients.clear()
