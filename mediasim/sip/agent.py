"""The user agent: every SIP request that comes finds who answers it.

What belongs to a call goes to its telephone, REGISTER to the registrar, an INVITE to who answers
calls. Who may ask for what:

* users of ours, who prove it with their password, from anywhere;
* everybody on this machine and on hosts that were allowed, as a telephone network would be.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
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
    dialog_of,
    is_of_rfc_2543,
    new_tag,
    parse,
    respond,
    tag_of,
    uri_text,
)
from mediasim.sip.registrar import Registrar, RegistrarRefuses
from mediasim.sip.telephone import ALLOW, METHODS, Telephone
from mediasim.sip.transactions import ClientTransaction, ServerTransaction, TransactionTable
from mediasim.sip.transports import Channel, Peer, Transports

__all__ = ["Answering", "SipAgent"]

_LOG: Final = logging.getLogger("mediasim")
_OPTIONS: Final = [("Allow", ALLOW), ("Accept", "application/sdp")]

_REFUSED_METHODS: Final = ("MESSAGE", "NOTIFY", "PRACK", "PUBLISH", "REFER", "SUBSCRIBE")
"""Known, but not for here; what is known to nobody is answered 501."""
_SCHEMES: Final = ("sip", "tel")

Answering = Callable[[ServerTransaction, Dialog, Address], None]
"""Who answers calls: the INVITE, the dialog that it opens, and who calls."""


class SipAgent:
    """One port. Used on the engine's loop."""

    def __init__(
        self,
        users: Mapping[str, str],
        realm: str,
        *,
        refusal: Callable[[str], str | None],
        answering: Answering,
        now: Callable[[], float],
    ) -> None:
        """``refusal`` says why a host is not to be spoken with; ``now`` is in seconds."""
        self.users = users
        self.refusal = refusal
        self.registrar = Registrar(now)
        self.transports = Transports(self._received)
        self.dialogs: dict[tuple[str, str], Telephone] = {}
        """By Call-ID and our tag."""
        self._digest = Digest(users, realm, now)
        self._answering = answering
        self._table = TransactionTable(self.transports.datagrams)

    async def listen(self, host: str, port: int) -> None:
        """Raises OSError."""
        await self.transports.listen(host, port)

    def close(self) -> None:
        """Nothing is answered from now on; calls have been ended before."""
        for telephone in list(self.dialogs.values()):
            telephone.let_go()
        self._table.close()
        self.transports.close()

    # -- what we send -----------------------------------------------------------------------

    def contact(self, channel: Channel) -> str:
        """Where we are, as seen by a peer, as a Contact has it."""
        more = ";transport=tcp" if channel.name == "TCP" else ""
        return f"<sip:mediasim@{self.address(channel.peer)}{more}>"

    def address(self, peer: Peer) -> str:
        """Our host and port as a peer sees them."""
        host = self.transports.host_towards(peer)
        shown = f"[{host}]" if ":" in host else host
        return f"{shown}:{self.transports.local[1]}"

    def place(self, channel: Channel) -> MediaAddress:
        """Where the media of a telephone may be."""
        host = self.transports.host_towards(channel.peer)
        return MediaAddress(host, channel.peer[0], self.refusal)

    def request(self, dialog: Dialog, channel: Channel, method: str) -> None:
        """A request in a dialog, whose answer changes nothing."""
        self._table.send(self.make(dialog, channel, method), channel, lambda answer: None)

    def make(self, dialog: Dialog, channel: Channel, method: str) -> Request:
        """A request in a dialog, to be sent by that way."""
        host = self.transports.host_towards(channel.peer)
        request = dialog.create_request(
            method,
            via_host=host,
            via_port=self.transports.local[1],
            via_transport=channel.name,
        )
        request.headers.set_single("User-Agent", "mediasim")
        return request

    def send(
        self, request: Request, channel: Channel, heard: Callable[[Response], None]
    ) -> ClientTransaction:
        """Begin a transaction of ours."""
        return self._table.send(request, channel, heard)

    def retarget(self, telephone: Telephone, uri: SipUri) -> None:
        """Its requests go to this contact from now on; to the same host as before."""
        telephone.dialog.remote_target = uri_text(uri)
        telephone.channel = self.towards(uri, telephone.channel)

    def towards(self, uri: SipUri, channel: Channel) -> Channel:
        """The way to a contact that was told by this channel: its port, on the same host."""
        if channel.reliable or uri.host.strip("[]") != channel.peer[0]:
            return channel
        if (uri.params.get("transport") or "udp").lower() != "udp":
            return channel
        return self.transports.datagrams((channel.peer[0], uri.port or 5060))

    # -- what comes -------------------------------------------------------------------------

    def _received(self, data: bytes, channel: Channel) -> None:
        try:
            message = parse(data, (*METHODS, *_REFUSED_METHODS))
        except BadSipMessage as error:
            _tell(channel, str(error))
            DROPPED["SIP: malformed"] += 1
            bad = error.request
            if bad is not None and bad.method != "ACK":
                more = [("Allow", ALLOW)] if error.status == 501 else []
                channel.send(bytes(respond(bad, error.status, tag=new_tag(), headers=more)))
            return
        if not isinstance(message, Request):
            self._table.answered(message)
            return
        transaction = self._table.take(message, channel)
        if transaction is not None:
            self._dispatch(transaction)
        elif message.method == "ACK":
            telephone = self._telephone_of(message)
            if telephone is not None:
                telephone.acknowledge(message)

    def _telephone_of(self, request: Request) -> Telephone | None:
        return self.dialogs.get((request.call_id or "", tag_of(request, "to")))

    def _dispatch(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        if request.method == "CANCEL":
            self._cancel(transaction)
        elif self._wants_too_much(transaction):
            pass
        elif tag_of(request, "to"):
            telephone = self._telephone_of(request)
            if telephone is None:
                transaction.reply(481)
            else:
                telephone.receive(transaction)
        elif request.method not in METHODS:
            status = 405 if request.method in _REFUSED_METHODS else 501
            transaction.respond(respond(request, status, tag=new_tag(), headers=[("Allow", ALLOW)]))
        elif read_uri(request.uri).scheme not in _SCHEMES:
            transaction.reply(416, tag=new_tag())
        elif request.method == "OPTIONS":
            transaction.respond(respond(request, 200, tag=new_tag(), headers=_OPTIONS))
        elif request.method == "REGISTER":
            self._register(transaction)
        elif request.method == "INVITE":
            self._invite(transaction)
        else:  # of a call, but of none in particular
            transaction.reply(481, tag=new_tag())

    def _cancel(self, transaction: ServerTransaction) -> None:
        invite = self._table.cancelled(transaction.request)
        if invite is None:
            transaction.reply(481, tag=new_tag())
            return
        transaction.reply(200, tag=new_tag())
        invite.cancelled()

    def _register(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        user = self._proved(transaction, 401)
        if user is None:
            return
        if subscriber(read_address(request.get_header("to") or "").uri) != user:
            transaction.reply(403, "Register as yourself", tag=new_tag())
            return
        try:
            self.registrar.register(user, request, transaction.channel)
        except RegistrarRefuses as refusal:
            answer = respond(request, refusal.status, tag=new_tag(), headers=refusal.headers)
        else:
            listing = self.registrar.listing(user)
            answer = respond(request, 200, tag=new_tag(), headers=listing)
        transaction.respond(answer)

    def _proved(self, transaction: ServerTransaction, status: int) -> str | None:
        """The user who asks; None where that is not proved, which has been answered then."""
        request = transaction.request
        names = {401: ("Authorization", "WWW-Authenticate")}
        given, asking = names.get(status, ("Proxy-Authorization", "Proxy-Authenticate"))
        verdict, user = self._digest.judge(request, given)
        if verdict == "right":
            return user
        if verdict == "wrong":
            _tell(transaction.channel, f"a wrong user or password: {user!r}")
            transaction.reply(403, "Wrong user or password", tag=new_tag())
            return None
        headers = [(asking, self._digest.challenge(stale=verdict == "stale"))]
        transaction.respond(respond(request, status, tag=new_tag(), headers=headers))
        return None

    def _wants_too_much(self, transaction: ServerTransaction) -> bool:
        """Whether it requires an extension; none is known here (RFC 3261 section 8.2.2.3)."""
        wanted = transaction.request.headers.get("require")
        if wanted:
            headers = [("Unsupported", each) for each in wanted]
            transaction.respond(respond(transaction.request, 420, tag=new_tag(), headers=headers))
        return bool(wanted)

    def _invite(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        caller = subscriber(caller_of(request).uri)
        if caller in self.users:
            proved = self._proved(transaction, 407)
            if proved is None:
                return
            if proved != caller:
                transaction.reply(403, "Call as yourself", tag=new_tag())
                return
        elif (why := self.refusal(transaction.channel.peer[0])) is not None:
            _tell(transaction.channel, why)
            transaction.reply(403, tag=new_tag())
            return
        if not contacts_of(request) and not is_of_rfc_2543(request):
            transaction.reply(400, "Missing Contact", tag=new_tag())
            return
        if not accepts_sdp(request):
            transaction.reply(406, tag=new_tag())
            return
        transaction.reply(100)
        self._answering(transaction, dialog_of(request, new_tag()), caller_of(request))


def _tell(channel: Channel, why: str) -> None:
    """For who looks for the reason why a telephone is refused."""
    host, port = channel.peer
    _LOG.info("SIP from %s:%d: %.200s", host, port, why)
