"""SIP telephones for an account: a port to register and call at, and the way to ring them.

One that calls rings until the TwiML of the number answers, or does not.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from urllib.parse import unquote

from mediasim.documents.values import E164
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import NotReached, Phone
from mediasim.exchange.records import SipFacts
from mediasim.parties.party import Party
from mediasim.sip.agent import SipAgent
from mediasim.sip.grammar import read_uri, subscriber
from mediasim.sip.media import NotAcceptable, SipMedia, UnsupportedBody, description_in, refuse_body
from mediasim.sip.messages import (
    Address,
    Dialog,
    Request,
    SipUri,
    contacts_of,
    own_headers,
    respond,
    uri_text,
)
from mediasim.sip.outgoing import RequestTarget, SipGateway, Wanted
from mediasim.sip.telephone import Telephone
from mediasim.sip.transactions import ServerTransaction
from mediasim.sip.transports import Channel
from mediasim.twilio.account import Account
from mediasim.twilio.addresses import called
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.webhooks import HostGuard

__all__ = ["SipServer", "SipSettings"]

REALM: Final = "mediasim"
_NOT_REGISTERED: Final = 32009
_NO_WAY: Final = 32011
"""Of Twilio's error dictionary: a user who has not registered, a host that does not answer."""
_NOT_THERE: Final = 480
"""What a registrar's proxy answers for a user who has not registered."""
_INVALID: Final = 13243
_WRITTEN: Final = re.compile(r"sip:[^\s<>\"\\]{1,255}")
_OWN_HEADER: Final = re.compile(r"[Xx]-[A-Za-z0-9-]{1,64}")
"""The headers that an app may have sent to a SIP address (Twilio docs, Sip noun)."""
_USER_NAME: Final = re.compile(r"[A-Za-z0-9+*#._~!$&'()=-]{1,64}")
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")
_ENDS: Final = {"busy": 486, "failed": 500, "canceled": 487, "no-answer": 404}
"""What a call that was not answered says to who has called."""


@dataclass(frozen=True, slots=True)
class SipSettings:
    """Where to listen, and who may register."""

    host: str = "127.0.0.1"
    port: int = 5060
    users: Mapping[str, str] = field(default_factory=dict)
    """Passwords by name."""
    allow_hosts: Collection[str] = ()
    """Who else may be called and may call without a password: hosts, or ``*``."""


class SipServer:
    """Used on the engine's loop, with a real clock."""

    def __init__(
        self, settings: SipSettings, service: Callable[[], Account], now: Callable[[], float]
    ) -> None:
        """``service`` is the account's of the moment; ``now`` is in seconds."""
        self.settings = settings
        self._guard = HostGuard(settings.allow_hosts)
        self.agent = SipAgent(
            settings.users,
            REALM,
            refusal=self._guard.refusal,
            answering=lambda *invite: self._incoming.answer(*invite),
            now=now,
        )
        self._service = service
        self._incoming = IncomingCalls(self.agent, service)

    async def open(self) -> None:
        """Take the port. Raises OSError."""
        await self.agent.listen(self.settings.host, self.settings.port)

    @property
    def address(self) -> str:
        """Where it listens."""
        host, port = self.agent.transports.local
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def listening(self) -> bool:
        return self.agent.transports.listening

    def close(self) -> None:
        self.agent.close()

    # -- ringing ----------------------------------------------------------------------------

    def reach(self, address: str, otherwise: bool = False) -> SipGateway | None:
        """The way to a ``sip:`` address; None where that is none of ours.

        One of our users is rung where it has registered; an address of a host, at that host.
        ``otherwise``: there is nobody else of the name, so that any host is meant.
        """
        if not address.startswith("sip:"):
            return None
        try:
            uri = read_uri(address) if _WRITTEN.fullmatch(address) else None
        except ValueError:
            uri = None
        if uri is None:
            return SipGateway(self.agent, Wanted("sip:invalid", self._nowhere, self._failed))
        plain = SipUri(user=uri.user, host=uri.host, port=uri.port, params=uri.params)
        headers = tuple(
            (name, unquote(value))
            for name, value in uri.headers.items()
            if _OWN_HEADER.fullmatch(name) and unquote(value).isprintable()
        )
        wanted: Callable[[LiveCall], Awaitable[Sequence[RequestTarget]]]
        if self._is_elsewhere(uri):
            wanted = partial(self._elsewhere, plain)
        elif subscriber(uri) in self.settings.users:
            wanted = partial(self._registered, subscriber(uri))
        elif _is_address(uri.host) or otherwise:
            wanted = partial(self._elsewhere, plain)
        else:
            return None
        return SipGateway(self.agent, Wanted(uri_text(plain), wanted, self._failed, headers))

    def _is_elsewhere(self, uri: SipUri) -> bool:
        """Whether it says itself that another program is meant."""
        return uri.port not in (None, self.agent.transports.local[1]) and _is_address(uri.host)

    async def _registered(self, user: str, call: LiveCall) -> list[RequestTarget]:
        targets = []
        for contact in self.agent.registrar.contacts(user):
            channel = await self._way(contact.uri, contact.channel)
            if channel is not None:
                targets.append(RequestTarget(uri_text(contact.uri), channel))
        if not targets:
            call.record.sip = SipFacts("", response_code=_NOT_THERE)
            words = f"the SIP user {user} is not registered"
            self._service().notify(call.sid, _NOT_REGISTERED, words, warning=True)
            raise NotReached(words, "no-answer")
        return targets

    async def _way(self, uri: SipUri, channel: Channel) -> Channel | None:
        """To a contact: as it has registered, or by a new connection to the same host."""
        if not channel.reliable:
            return self.agent.towards(uri, channel)
        if channel.open:
            return channel
        try:
            return await self.agent.transports.connection((channel.peer[0], uri.port or 5060))
        except OSError:
            return None

    async def _elsewhere(self, uri: SipUri, call: LiveCall) -> list[RequestTarget]:
        host, port = uri.host.strip("[]"), uri.port or 5060
        words = self._guard.refusal(host)
        if words is None:
            try:
                return [RequestTarget(uri_text(uri), await self._way_to(uri, host, port))]
            except OSError as error:
                words = f"{host}:{port} cannot be reached: {error.strerror or error}"
        self._failed(call, words)
        raise NotReached(words, "failed")

    async def _nowhere(self, call: LiveCall) -> list[RequestTarget]:
        words = f"{call.record.to!r} is no SIP address; one is sip:NAME@HOST"
        self._service().notify(call.sid, _INVALID, words, warning=True)
        raise NotReached(words, "failed")

    def _failed(self, call: LiveCall, words: str) -> None:
        self._service().notify(call.sid, _NO_WAY, words, warning=True)

    async def _way_to(self, uri: SipUri, host: str, port: int) -> Channel:
        """Raises OSError."""
        transports = self.agent.transports
        if (uri.params.get("transport") or "udp").lower() == "tcp":
            return await transports.connection((host, port))
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in transports.local[0] else socket.AF_INET
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_DGRAM)
        return transports.datagrams((str(found[0][4][0]), int(found[0][4][1])))


class IncomingCalls:
    """Answers INVITEs with the TwiML of the number that was dialled."""

    def __init__(self, agent: SipAgent, service: Callable[[], Account]) -> None:
        self._agent = agent
        self._service = service
        self._watching: set[asyncio.Task[None]] = set()

    def answer(self, transaction: ServerTransaction, dialog: Dialog, caller: Address) -> None:
        request, channel = transaction.request, transaction.channel
        try:
            media = self._media(request, channel)
        except UnsupportedBody:
            transaction.respond(refuse_body(request, dialog.local_tag))
            return
        except NotAcceptable as error:
            transaction.reply(488, str(error), tag=dialog.local_tag)
            return
        except OSError:
            transaction.reply(503, "No ports for its media", tag=dialog.local_tag)
            return
        way, contacts = channel, contacts_of(request)
        if contacts and not request.headers.get("record-route"):
            way = self._agent.towards(contacts[0], channel)
        telephone = Telephone(self._agent, dialog, way, media)
        telephone.invited = transaction
        try:
            call = self._place(telephone, request, caller.uri)
        except TwilioError as error:
            telephone.let_go()
            busy = error.status >= 500 or error.status == 429
            status, words = (503, error.message) if busy else (404, "No such number")
            transaction.reply(status, words, tag=dialog.local_tag)
            return
        transaction.on_cancelled = lambda: self._cancelled(call)
        headers = [("Contact", self._agent.contact(channel))]
        transaction.respond(respond(request, 180, tag=dialog.local_tag, headers=headers))
        watching = asyncio.ensure_future(self._watch(call, telephone, transaction))
        self._watching.add(watching)
        watching.add_done_callback(self._watching.discard)

    def _media(self, request: Request, channel: Channel) -> SipMedia:
        """Raises UnsupportedBody, NotAcceptable, OSError."""
        place, offered = self._agent.place(channel), description_in(request)
        if offered:
            return SipMedia.answering(place, offered)
        return SipMedia.offering(place, plainest=True)  # what is agreed on comes with the ACK

    def _place(self, telephone: Telephone, request: Request, caller: SipUri) -> LiveCall:
        """Raises TwilioError where nobody has the number."""
        service = self._service()
        dialled = read_uri(request.uri)
        user = subscriber(caller)
        if not _USER_NAME.fullmatch(user):
            user = "anonymous"
        host = caller.host
        if not _HOST_NAME.fullmatch(host):
            host = telephone.channel.peer[0]
        from_ = user if re.fullmatch(E164, user) else f"sip:{user}@{host}"
        phone = Phone(Party(name=user, number=from_), far_end=telephone)
        record = service.place_inbound(from_, called(subscriber(dialled)), phone)
        record.sip = SipFacts(
            telephone.dialog.call_id,
            domain=dialled.host,
            username=user if user in self._agent.users else "",
            source_ip=telephone.channel.peer[0],
            headers=own_headers(request),
        )
        call = service.live_call(record.sid)
        assert call is not None
        return call

    def _cancelled(self, call: LiveCall) -> None:
        """The caller does not want to wait any longer."""
        if call.record.status == "ringing":
            call.fail("canceled")

    async def _watch(
        self, call: LiveCall, telephone: Telephone, transaction: ServerTransaction
    ) -> None:
        await call.ended.wait()
        if not telephone.answered:
            status = _ENDS.get(call.record.status, 480)
            transaction.reply(status, tag=telephone.dialog.local_tag)
            telephone.let_go()


def _is_address(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
