"""A SIP telephone that calls: it rings until the number's TwiML answers, or does not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Final

from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import Phone
from mediasim.exchange.records import SipFacts
from mediasim.parties.party import Party
from mediasim.sip.agent import SipAgent
from mediasim.sip.bodies import UnsupportedBody, description_in, refuse_body
from mediasim.sip.grammar import read_uri, subscriber
from mediasim.sip.media import Media, NotAcceptable
from mediasim.sip.messages import (
    Address,
    Dialog,
    Request,
    SipUri,
    contacts_of,
    own_headers,
    respond,
)
from mediasim.sip.telephone import Telephone
from mediasim.sip.transactions import ServerTransaction
from mediasim.sip.transports import Channel
from mediasim.twilio.addresses import called
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.service import Service

__all__ = ["IncomingCalls"]

_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_NAME: Final = re.compile(r"[A-Za-z0-9+*#._~!$&'()=-]{1,64}")
_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")
_ENDS: Final = {"busy": 486, "failed": 500, "canceled": 487, "no-answer": 404}
"""What a call that was not answered says to who has called."""


class IncomingCalls:
    """Answers INVITEs with the TwiML of the number that was dialled."""

    def __init__(self, agent: SipAgent, service: Callable[[], Service]) -> None:
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

    def _media(self, request: Request, channel: Channel) -> Media:
        """Raises UnsupportedBody, NotAcceptable, OSError."""
        place, offered = self._agent.place(channel), description_in(request)
        if offered:
            return Media.answering(place, offered)
        return Media.offering(place, plainest=True)  # what is agreed on comes with the ACK

    def _place(self, telephone: Telephone, request: Request, caller: SipUri) -> LiveCall:
        """Raises TwilioError where nobody has the number."""
        service = self._service()
        dialled = read_uri(request.uri)
        user = subscriber(caller)
        if not _NAME.fullmatch(user):
            user = "anonymous"
        host = caller.host
        if not _HOST.fullmatch(host):
            host = telephone.channel.peer[0]
        from_ = user if _E164.fullmatch(user) else f"sip:{user}@{host}"
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
