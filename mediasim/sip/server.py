"""The SIP server of an account: the port at which telephones register and call, and are rung.

An incoming call rings until the TwiML of the dialled number answers it or the call ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from urllib.parse import unquote

from mediasim.documents.values import E164
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import NotReached, Phone
from mediasim.exchange.records import SipFacts
from mediasim.net.sdp import SdpError
from mediasim.parties.party import Party
from mediasim.sip.agent import SipAgent
from mediasim.sip.grammar import read_address, read_uri, subscriber
from mediasim.sip.media import SipMedia, UnsupportedBody, accepted_bodies, description_in
from mediasim.sip.messages import (
    Address,
    Dialog,
    Request,
    SipUri,
    contacts_of,
    own_headers,
    uri_text,
)
from mediasim.sip.outgoing import Destination, RequestTarget, SipGateway
from mediasim.sip.telephone import Telephone
from mediasim.sip.transactions import ServerTransaction
from mediasim.sip.transports import Channel, host_and_port
from mediasim.twilio.account import Account
from mediasim.twilio.addresses import called
from mediasim.twilio.error_dictionary import is_error
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.sip.access import twilio_domain
from mediasim.twilio.sip.records import DomainRecord
from mediasim.twilio.sip.trunks import TrunkRecord
from mediasim.twilio.webhooks import HostGuard

__all__ = ["SipServer", "SipSettings"]

REALM: Final = "mediasim"
_NOT_REGISTERED: Final = 32009
_UNREACHABLE: Final = 32011
"""Codes of Twilio's error dictionary: unregistered user, unreachable host."""
_NOT_THERE: Final = 480
"""Status that a proxy responds with for a user who is not registered."""
_INVALID: Final = 13243
_SIP_ADDRESS: Final = re.compile(r"sip:[^\s<>\"\\]{1,255}")
_OWN_HEADER: Final = re.compile(r"[Xx]-[A-Za-z0-9-]{1,64}")
"""Names of the headers that an app may add to a SIP address (Twilio docs, Sip noun)."""
_USER_NAME: Final = re.compile(r"[A-Za-z0-9+*#._~!$&'()=-]{1,64}")
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")
_ENDS: Final = {"busy": 486, "failed": 500, "canceled": 487, "no-answer": 404}
"""Status of the response to the INVITE by the status of a call that was not answered."""
_TRUNK_ENDS: Final = {**_ENDS, "failed": 404, "no-answer": 480}
"""The same for a call over a trunk, whose callee was rung (our choice)."""
_NO_DOMAIN: Final = 32002
_NO_USER: Final = 32223
_OWN_TRUNK: Final = 32214
_SAME_AGAIN_SECONDS: Final = 1.0
"""Seconds before the same refusal leaves another notification."""
_MOST_REFUSALS: Final = 1000


@dataclass(frozen=True, slots=True)
class SipSettings:
    """The address to listen on, and the users that may register."""

    host: str = "127.0.0.1"
    port: int = 5060
    users: Mapping[str, str] = field(default_factory=dict)
    """Passwords by user name."""
    allow_hosts: Collection[str] = ()
    """Further hosts that may be called and may call without a password, or ``*``."""


class SipServer:
    """SIP for the telephones of an account. Used on the engine's loop, with a real clock."""

    def __init__(
        self, settings: SipSettings, account: Callable[[], Account], now: Callable[[], float]
    ) -> None:
        """``account`` returns the current account; ``now`` returns the time in seconds."""
        self.settings = settings
        self._guard = HostGuard(settings.allow_hosts)
        self.agent = SipAgent(
            settings.users,
            REALM,
            refusal=self._guard.refusal,
            on_invite=self._receive_invite,
            now=now,
        )
        self._account = account
        self.agent.access = lambda host, use: self._account().sip.access(host, use)
        self.agent.on_refusal = self._refused
        self._now = now
        self._refusals: dict[str, float] = {}
        """Times of refusals by their words, in seconds."""
        self._watching: set[asyncio.Task[None]] = set()
        """Tasks that refuse the INVITEs of calls that end unanswered."""

    async def open(self) -> None:
        """Open the port. Raises OSError."""
        await self.agent.listen(self.settings.host, self.settings.port)

    @property
    def address(self) -> str:
        """Host and port on which the server listens."""
        return host_and_port(*self.agent.transports.local)

    @property
    def listening(self) -> bool:
        return self.agent.transports.listening

    def close(self) -> None:
        self.agent.close()

    # -- ringing ----------------------------------------------------------------------------

    def reach(self, address: str, otherwise: bool = False) -> SipGateway | None:
        """Return the gateway to a ``sip:`` address; None if another kind of phone has the address.

        A configured user is rung at its registered contacts, any other address at its host. A host
        name, which may be another phone's, is only used if ``otherwise`` says that no phone has it.
        """
        if not address.startswith("sip:"):
            return None
        try:
            uri = read_uri(address) if _SIP_ADDRESS.fullmatch(address) else None
        except ValueError:
            uri = None
        if uri is None:
            return SipGateway(
                self.agent, Destination("sip:invalid", self._invalid_address, self._failed)
            )
        plain = SipUri(user=uri.user, host=uri.host, port=uri.port, params=uri.params)
        headers = tuple(
            (name, unquote(value))
            for name, value in uri.headers.items()
            if _OWN_HEADER.fullmatch(name) and unquote(value).isprintable()
        )
        targets: Callable[[LiveCall], Awaitable[Sequence[RequestTarget]]]
        owner = self._account().sip.owner(uri.host)
        if owner is not None:
            name = f"{subscriber(uri)}@{owner.domain_name}"
            planned = isinstance(owner, DomainRecord) and not otherwise
            if planned and not self.agent.registrar.contacts(name):
                return None  # a party of the number plan stands for the user
            targets = partial(self._at_domain, uri, name)
        elif (
            otherwise
            and twilio_domain(uri.host) is not None
            and subscriber(uri) not in self.settings.users
        ):
            targets = partial(self._unknown_domain, uri.host)
        elif self._is_remote(uri):
            targets = partial(self._at_host, plain)
        elif subscriber(uri) in self.settings.users:
            targets = partial(self._registered, subscriber(uri))
        elif _is_address(uri.host) or otherwise:
            targets = partial(self._at_host, plain)
        else:
            return None
        return SipGateway(self.agent, Destination(uri_text(plain), targets, self._failed, headers))

    def _is_remote(self, uri: SipUri) -> bool:
        """Return whether a URI names a host with a port that is not this server's."""
        return uri.port not in (None, self.agent.transports.local[1]) and _is_address(uri.host)

    async def _registered(self, user: str, call: LiveCall) -> list[RequestTarget]:
        targets = []
        for contact in self.agent.registrar.contacts(user):
            channel = await self._channel_to(contact.uri, contact.channel)
            if channel is not None:
                targets.append(RequestTarget(uri_text(contact.uri), channel))
        if not targets:
            call.record.sip = SipFacts("", response_code=_NOT_THERE)
            words = f"the SIP user {user} is not registered"
            self._account().notify(call.sid, _NOT_REGISTERED, words, warning=True)
            raise NotReached(words, "no-answer")
        return targets

    async def _unknown_domain(self, host: str, call: LiveCall) -> list[RequestTarget]:
        words = f"SIP: Dial failure - Twilio SIP Domain not found: {host} is none of the account's"
        self._account().notify(call.sid, _NO_DOMAIN, words, warning=True)
        raise NotReached(words, "failed")

    async def _at_domain(self, uri: SipUri, name: str, call: LiveCall) -> list[RequestTarget]:
        """Return the registered contacts of a user of one of the account's SIP domains."""
        if isinstance(self._account().sip.owner(uri.host), TrunkRecord):
            code, words = _OWN_TRUNK, f"SIP: Invalid <Dial><Sip>: {uri.host} is a trunk's"
        elif not uri.user:
            code, words = _NO_USER, f"SIP: there is no username in sip:{uri.host}"
        else:
            return await self._registered(name, call)
        self._account().notify(call.sid, code, words, warning=True)
        raise NotReached(words, "failed")

    async def _channel_to(self, uri: SipUri, channel: Channel) -> Channel | None:
        """Return a channel to a contact: the registered one, or a new connection to its host."""
        if not channel.reliable:
            return self.agent.towards(uri, channel)
        if channel.open:
            return channel
        try:
            return await self.agent.transports.connection((channel.peer[0], uri.port or 5060))
        except OSError:
            return None

    async def _at_host(self, uri: SipUri, call: LiveCall) -> list[RequestTarget]:
        host, port = uri.host.strip("[]"), uri.port or 5060
        words = self._guard.refusal(host)
        if words is None:
            try:
                return [RequestTarget(uri_text(uri), await self.agent.transports.channel_to(uri))]
            except OSError as error:
                words = f"{host}:{port} cannot be reached: {error.strerror or error}"
        self._failed(call, words)
        raise NotReached(words, "failed")

    async def _invalid_address(self, call: LiveCall) -> list[RequestTarget]:
        words = f"{call.record.to!r} is no SIP address; one is sip:NAME@HOST"
        self._account().notify(call.sid, _INVALID, words, warning=True)
        raise NotReached(words, "failed")

    def _failed(self, call: LiveCall, words: str) -> None:
        self._account().notify(call.sid, _UNREACHABLE, words, warning=True)

    # -- incoming calls ---------------------------------------------------------------------

    def _receive_invite(
        self, transaction: ServerTransaction, dialog: Dialog, caller: Address
    ) -> None:
        """Place the call of an INVITE, or refuse it."""
        request, channel = transaction.request, transaction.channel
        try:
            media = self._media(request, channel)
        except UnsupportedBody:
            transaction.reply(415, tag=dialog.local_tag, headers=accepted_bodies())
            return
        except SdpError as error:
            transaction.reply(488, str(error), tag=dialog.local_tag)
            return
        except OSError:
            transaction.reply(503, "No ports for its media", tag=dialog.local_tag)
            return
        reply_channel, contacts = channel, contacts_of(request)
        if contacts and not request.headers.get("record-route"):
            reply_channel = self.agent.towards(contacts[0], channel)
        telephone = Telephone(self.agent, dialog, reply_channel, media)
        telephone.invite = transaction
        try:
            call = self._place(telephone, request, caller.uri)
        except TwilioError as error:
            telephone.release()
            busy = error.status >= 500 or error.status == 429
            status, words = (503, error.message) if busy else (404, "No such number")
            transaction.reply(status, words, tag=dialog.local_tag)
            if not busy and twilio_domain(read_uri(request.uri).host) is not None:
                self._refused(error)
            return
        transaction.on_cancelled = lambda: self._cancelled(call)
        if call.record.trunk_sid is None:  # over a trunk, its callee has to ring
            telephone.ring()
        watching = asyncio.ensure_future(self._watch(call, telephone, transaction))
        self._watching.add(watching)
        watching.add_done_callback(self._watching.discard)

    def _media(self, request: Request, channel: Channel) -> SipMedia:
        """Create the media session of an INVITE.

        Raises UnsupportedBody, SdpError, OSError.
        """
        address, offered = self.agent.media_address(channel), description_in(request)
        if offered:
            return SipMedia.answering(address, offered)
        # The offer goes out with the 200 and is answered in the ACK, after the leg has
        # started: only an offer of one codec says by then which it is.
        return SipMedia.offering(address, plainest=True)

    def _place(self, telephone: Telephone, request: Request, caller: SipUri) -> LiveCall:
        """Place the call of an INVITE. Raises TwilioError if the number does not exist."""
        account = self._account()
        dialled = read_uri(request.uri)
        owner = account.sip.owner(dialled.host)
        if isinstance(owner, TrunkRecord):
            caller = _asserted(request) or caller
        user = subscriber(caller)
        if not _USER_NAME.fullmatch(user):
            user = "anonymous"
        host = caller.host
        if not _HOST_NAME.fullmatch(host):
            host = telephone.channel.peer[0]
        from_, to = f"sip:{user}@{host}", f"sip:{subscriber(dialled)}@{dialled.host}"
        if re.fullmatch(E164, user) and not isinstance(owner, DomainRecord):
            from_ = user
        phone = Phone(Party(name=user, number=from_), far_end=telephone)
        if owner is None:
            to = called(subscriber(dialled))
        record = account.place_inbound(from_, to, phone)
        record.sip = SipFacts(
            telephone.dialog.call_id,
            domain=dialled.host,
            username="" if telephone.invite is None else telephone.invite.user,
            source_ip=telephone.channel.peer[0],
            headers=own_headers(request),
            domain_sid="" if owner is None else owner.sid,
        )
        call = account.live_call(record.sid)
        assert call is not None
        return call

    def _refused(self, error: TwilioError) -> None:
        """Add a notification about a refused request; of many that are the same, one a second."""
        now = self._now()
        if now - self._refusals.get(error.message, -_SAME_AGAIN_SECONDS) < _SAME_AGAIN_SECONDS:
            return
        if len(self._refusals) >= _MOST_REFUSALS:
            self._refusals.clear()
        self._refusals[error.message] = now
        account = self._account()
        account.notify(None, error.code, error.message, warning=not is_error(error.code))

    def _cancelled(self, call: LiveCall) -> None:
        """End a call that its caller cancelled."""
        if call.record.status == "ringing":
            call.fail("canceled")

    async def _watch(
        self, call: LiveCall, telephone: Telephone, transaction: ServerTransaction
    ) -> None:
        await call.ended.wait()
        if not telephone.answered:
            ends = _ENDS if call.record.trunk_sid is None else _TRUNK_ENDS
            status = ends.get(call.record.status, 480)
            transaction.reply(status, tag=telephone.dialog.local_tag)
            telephone.release()


def _asserted(request: Request) -> SipUri | None:
    """Return the caller that a customer's exchange asserts (RFC 3325), if any."""
    for name in ("p-asserted-identity", "remote-party-id"):
        for value in request.headers.get(name):
            with contextlib.suppress(ValueError):
                return read_address(value).uri
    return None


def _is_address(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
