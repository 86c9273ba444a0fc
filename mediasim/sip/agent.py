"""The user agent: dispatches every SIP request that is received.

Requests in a dialog go to its telephone, REGISTER to the registrar, a new INVITE to the handler of
incoming calls. Access is granted to

* senders to a SIP domain or trunk, whose lists say who may call and who may register with it;
* configured users, who authenticate with their password, from anywhere;
* any caller on this machine and on allowed hosts, which stand for the telephone network.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from mediasim.net.udp import DROPPED
from mediasim.sip.digest import Digest
from mediasim.sip.grammar import read_address, read_uri, subscriber
from mediasim.sip.media import MediaAddress, accepts_sdp
from mediasim.sip.messages import (
    Address,
    BadSipMessage,
    Dialog,
    Request,
    Response,
    SipUri,
    caller_of,
    contacts_of,
    cseq_of,
    dialog_of,
    is_of_rfc_2543,
    new_tag,
    parse,
    respond,
    tag_of,
    uri_text,
)
from mediasim.sip.registrar import Registrar, RegistrationRefused
from mediasim.sip.telephone import ALLOW, METHODS, InDialog, Telephone
from mediasim.sip.transactions import ClientTransaction, ServerTransaction, TransactionTable
from mediasim.sip.transports import Channel, Peer, Receive, Transports, host_and_port
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.sip.access import BAD_CREDENTIALS, SipAccess
from mediasim.twilio.sip.records import Use

__all__ = ["InviteHandler", "SipAgent"]

_LOG: Final = logging.getLogger("mediasim")
_OPTIONS: Final = [("Allow", ALLOW), ("Accept", "application/sdp")]

_REFUSED_METHODS: Final = ("MESSAGE", "PRACK", "PUBLISH", "SUBSCRIBE")
"""Methods that are refused with 405; unknown ones get 501."""
_SCHEMES: Final = ("sip", "tel")
_TOO_MANY_CONTACTS: Final = 32007
_OTHER_USER: Final = 32106
_DOMAIN_REALM: Final = "sip.twilio.com"
"""Realm of the users of SIP domains and trunks."""

InviteHandler = Callable[[ServerTransaction, Dialog, Address], None]
"""Handles an INVITE; gets its transaction, the dialog that it opens, and the caller."""


class SipAgent:
    """A SIP user agent on one port. Used on the engine's loop."""

    def __init__(
        self,
        users: Mapping[str, str],
        realm: str,
        *,
        refusal: Callable[[str], str | None],
        on_invite: InviteHandler,
        now: Callable[[], float],
        transports: Callable[[Receive], Transports] = Transports,
    ) -> None:
        """``refusal`` returns why a host is not allowed; ``now`` returns the time in seconds.

        ``transports`` makes the transports, over the network by default.
        """
        self.users = users
        self.refusal = refusal
        self.registrar = Registrar(now)
        self.transports = transports(self._received)
        self.dialogs: dict[tuple[str, str], InDialog] = {}
        """What is in a dialog, by Call-ID and local tag."""
        self._digest = Digest(users, realm, now)
        self._on_invite = on_invite
        self._table = TransactionTable(self.transports.datagrams)
        self.access: Callable[[str, Use], SipAccess | None] = lambda host, use: None
        """Returns who may use the SIP domain or trunk of a host; None for another host."""
        self.on_refusal: Callable[[TwilioError], object] = lambda error: None
        """Called with why a request to a SIP domain or trunk was refused."""

    async def listen(self, host: str, port: int) -> None:
        """Open the port. Raises OSError."""
        await self.transports.listen(host, port)

    def close(self) -> None:
        """Close the port and all dialogs; their calls must have ended."""
        for telephone in list(self.dialogs.values()):
            telephone.release()
        self._table.close()
        self.transports.close()

    # -- requests that are sent -------------------------------------------------------------

    def contact(self, channel: Channel) -> str:
        """Return the local Contact for a peer."""
        more = ";transport=tcp" if channel.name == "TCP" else ""
        return f"<sip:mediasim@{self.address(channel.peer)}{more}>"

    def address(self, peer: Peer) -> str:
        """Return the local host and port as a peer sees them."""
        return host_and_port(self.transports.host_towards(peer), self.transports.local[1])

    def media_address(self, channel: Channel) -> MediaAddress:
        """Return the addresses that the media of a telephone may have."""
        host = self.transports.host_towards(channel.peer)
        return MediaAddress(host, channel.peer[0], self.refusal)

    def request(
        self,
        dialog: Dialog,
        channel: Channel,
        method: str,
        headers: Iterable[tuple[str, str]] = (),
        body: str = "",
        on_response: Callable[[Response], None] = lambda response: None,
    ) -> None:
        """Send a request in a dialog; its responses are ignored unless ``on_response`` is given."""
        request = self.create_request(dialog, channel, method)
        for name, value in headers:
            request.headers.set_single(name, value)
        if body:
            request.text = body
        self._table.send(request, channel, on_response)

    def create_request(self, dialog: Dialog, channel: Channel, method: str) -> Request:
        """Create a request in a dialog that is to be sent over a channel."""
        host = self.transports.host_towards(channel.peer)
        request = dialog.create_request(
            method,
            via_host=host,
            via_port=self.transports.local[1],
            via_transport=channel.name,
        )
        request.headers.set_single("User-Agent", "mediasim")
        return request

    def create_ack(self, dialog: Dialog, channel: Channel, invite: Request) -> Request:
        """Create the ACK of a 2xx, which has the INVITE's number (RFC 3261 section 13.2.2.4)."""
        before = dialog.local_cseq  # which creating the request increments
        ack = self.create_request(dialog, channel, "ACK")
        dialog.local_cseq = before
        ack.headers.set_single("CSeq", f"{cseq_of(invite).seq} ACK")
        return ack

    def send(
        self, request: Request, channel: Channel, on_response: Callable[[Response], None]
    ) -> ClientTransaction:
        """Send a request in a new transaction."""
        return self._table.send(request, channel, on_response)

    def retarget(self, telephone: Telephone, uri: SipUri) -> None:
        """Send a telephone's requests to a new contact, which must be on the same host."""
        telephone.dialog.remote_target = uri_text(uri)
        telephone.channel = self.towards(uri, telephone.channel)

    def towards(self, uri: SipUri, channel: Channel) -> Channel:
        """Return the channel to a contact that was received over ``channel``.

        Only the port may differ: a contact on another host, which may be an address behind a router
        or a victim of an attack, is reached by the channel itself.
        """
        if channel.reliable or uri.host.strip("[]") != channel.peer[0]:
            return channel
        if (uri.params.get("transport") or "udp").lower() != "udp":
            return channel
        return self.transports.datagrams((channel.peer[0], uri.port or 5060))

    # -- requests that are received ---------------------------------------------------------

    def _received(self, data: bytes, channel: Channel) -> None:
        """Parse a message and pass it to its transaction; a malformed request is answered."""
        try:
            message = parse(data, (*METHODS, *_REFUSED_METHODS))
        except BadSipMessage as error:
            _log_refusal(channel, str(error))
            DROPPED["SIP: malformed"] += 1
            bad = error.request
            if bad is not None and bad.method != "ACK":  # an ACK never has a response
                more = [("Allow", ALLOW)] if error.status == 501 else []
                channel.send(bytes(respond(bad, error.status, tag=new_tag(), headers=more)))
            return
        if not isinstance(message, Request):
            self._table.receive_response(message)
            return
        transaction = self._table.receive_request(message, channel)
        if transaction is not None:
            self._dispatch(transaction)
        elif message.method == "ACK":
            # The ACK of a 2xx is a transaction of its own and belongs to the dialog (RFC 3261
            # 13.2.2.4).
            telephone = self._telephone_of(message)
            if telephone is not None:
                telephone.acknowledge(message)

    def _telephone_of(self, request: Request) -> InDialog | None:
        return self.dialogs.get((request.call_id or "", tag_of(request, "to")))

    def _dispatch(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        if request.method == "CANCEL":
            self._cancel(transaction)
        elif self._refuse_extensions(transaction):
            pass
        elif tag_of(
            request, "to"
        ):  # a To tag means that the request is in a dialog (RFC 3261 12.2.2)
            telephone = self._telephone_of(request)
            if telephone is None:
                transaction.reply(481)
            else:
                telephone.receive(transaction)
        elif request.method not in METHODS:
            status = 405 if request.method in _REFUSED_METHODS else 501
            transaction.reply(status, tag=new_tag(), headers=[("Allow", ALLOW)])
        elif read_uri(request.uri).scheme not in _SCHEMES:
            transaction.reply(416, tag=new_tag())
        elif request.method == "OPTIONS":
            transaction.reply(200, tag=new_tag(), headers=_OPTIONS)
        elif request.method == "REGISTER":
            self._register(transaction)
        elif request.method == "INVITE":
            self._invite(transaction)
        else:  # a method that needs a dialog, without one
            transaction.reply(481, tag=new_tag())

    def _cancel(self, transaction: ServerTransaction) -> None:
        invite = self._table.invite_of(transaction.request)
        if invite is None:
            transaction.reply(481, tag=new_tag())
            return
        transaction.reply(200, tag=new_tag())
        invite.cancel()

    def _register(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        address = read_address(request.get_header("to") or "").uri
        hosts = (read_uri(request.uri).host, address.host)
        access = next(filter(None, (self.access(host, "registrations") for host in hosts)), None)
        user = self._admit(transaction, access, 401)
        if user is None:
            return
        if subscriber(address) != user:
            transaction.reply(403, "Register as yourself", tag=new_tag())
            if access is not None:
                words = f"SIP: Authentication Error: {user} registers as {subscriber(address)[:60]}"
                self.on_refusal(TwilioError(403, _OTHER_USER, words))
            return
        name = user if access is None else f"{user}@{access.domain}"
        try:
            self.registrar.register(name, request, transaction.channel)
        except RegistrationRefused as refusal:
            transaction.reply(refusal.status, tag=new_tag(), headers=refusal.headers)
            if access is not None and refusal.status == 403:
                words = f"SIP: Too many endpoints/bindings for the Address-of-record: {name}"
                self.on_refusal(TwilioError(403, _TOO_MANY_CONTACTS, words))
        else:
            transaction.reply(200, tag=new_tag(), headers=self.registrar.listing(name))

    def _admit(
        self, transaction: ServerTransaction, access: SipAccess | None, status: int
    ) -> str | None:
        """Return the user that a request comes from; None if it was answered instead.

        ``access`` is that of the SIP domain or trunk, whose user is "" where none is asked for;
        None means the configured users.
        """
        if access is not None:
            try:
                access.check(transaction.channel.peer[0])
            except TwilioError as error:
                _log_refusal(transaction.channel, error.message)
                self.on_refusal(error)
                transaction.reply(error.status, tag=new_tag())
                return None
            if access.passwords is None:
                return ""
        user = self._authenticate(transaction, status, access)
        transaction.user = user or ""
        return user

    def _authenticate(
        self, transaction: ServerTransaction, status: int, access: SipAccess | None
    ) -> str | None:
        """Return the authenticated user; None if a challenge or a refusal has been sent instead."""
        request = transaction.request
        users = None if access is None else access.passwords
        realm = "" if access is None else _DOMAIN_REALM
        names = {401: ("Authorization", "WWW-Authenticate")}
        authorization, challenge = names.get(status, ("Proxy-Authorization", "Proxy-Authenticate"))
        verdict, user = self._digest.verify(request, authorization, users=users, realm=realm)
        if verdict == "right":
            return user
        if verdict == "wrong":
            _log_refusal(transaction.channel, f"a wrong user or password: {user!r}")
            if access is not None:
                words = (
                    f"SIP: Bad user credentials: {user[:60]!r} of {access.domain}, or its password"
                )
                self.on_refusal(TwilioError(403, BAD_CREDENTIALS, words))
            transaction.reply(403, "Wrong user or password", tag=new_tag())
            return None
        headers = [(challenge, self._digest.challenge(stale=verdict == "stale", realm=realm))]
        transaction.reply(status, tag=new_tag(), headers=headers)
        return None

    def _refuse_extensions(self, transaction: ServerTransaction) -> bool:
        """Refuse a request that requires an extension, as none is supported (RFC 3261 8.2.2.3)."""
        wanted = transaction.request.headers.get("require")
        if wanted:
            headers = [("Unsupported", each) for each in wanted]
            transaction.reply(420, tag=new_tag(), headers=headers)
        return bool(wanted)

    def _invite(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        caller = subscriber(caller_of(request).uri)
        access = self.access(read_uri(request.uri).host, "calls")
        if access is not None:
            if self._admit(transaction, access, 407) is None:
                return
        elif caller in self.users:
            user = self._admit(transaction, None, 407)
            if user is None:
                return
            if user != caller:
                transaction.reply(403, "Call as yourself", tag=new_tag())
                return
        elif (why := self.refusal(transaction.channel.peer[0])) is not None:
            _log_refusal(transaction.channel, why)
            transaction.reply(403, tag=new_tag())
            return
        if not contacts_of(request) and not is_of_rfc_2543(request):
            transaction.reply(400, "Missing Contact", tag=new_tag())
            return
        if not accepts_sdp(request):
            transaction.reply(406, tag=new_tag())
            return
        transaction.reply(
            100
        )  # at once, so that the caller stops retransmitting while TwiML is fetched
        self._on_invite(transaction, dialog_of(request, new_tag()), caller_of(request))


def _log_refusal(channel: Channel, why: str) -> None:
    host, port = channel.peer
    _LOG.info("SIP from %s:%d: %.200s", host, port, why)
