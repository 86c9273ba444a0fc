"""A SIP telephone in a call: a dialog and its media, as the far end of the call.

It does not matter which side called. Holding, resuming, moving, DTMF by INFO and hanging up are
requests in the dialog; the server ends it with a BYE.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, MutableMapping
from typing import Final, Protocol

from mediasim.media.far_end import Ends, FarEndFormat, FarEndListener, Referral
from mediasim.media.leg import Leg
from mediasim.net.sdp import SdpError
from mediasim.sip.media import (
    SipMedia,
    UnsupportedBody,
    accepted_bodies,
    accepts_sdp,
    description_in,
    text_of,
)
from mediasim.sip.messages import (
    Dialog,
    Request,
    Response,
    SipUri,
    check_in_dialog,
    contacts_of,
    cseq_of,
)
from mediasim.sip.transactions import ServerTransaction
from mediasim.sip.transfers import SipTransfers
from mediasim.sip.transports import Channel

__all__ = ["ALLOW", "METHODS", "DialogLayer", "InDialog", "Telephone"]

METHODS: Final = (
    *("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE", "REGISTER", "REFER", "NOTIFY"),
)
ALLOW: Final = ", ".join(METHODS)
_DTMF_TYPES: Final = ("application/dtmf-relay", "application/dtmf")
"""Types of an INFO's body that carries a DTMF digit."""
_DIGIT: Final = re.compile(r"^\s*(?:Signal\s*=\s*)?([0-9*#A-Da-d])\s*$", re.MULTILINE)
_EVENT_CODES: Final = {"10": "*", "11": "#"}
"""Digits that some telephones write as the event codes of RFC 4733."""


class InDialog(Protocol):
    """What is in a dialog, and gets its requests."""

    def receive(self, transaction: ServerTransaction) -> None:
        """Handle a request in the dialog other than ACK and CANCEL."""

    def acknowledge(self, ack: Request) -> None:
        """Handle the ACK of a 2xx."""

    def release(self) -> None:
        """Remove the dialog and close its media, without sending anything."""


class DialogLayer(Protocol):
    """The part of :class:`mediasim.sip.agent.SipAgent` that a telephone uses."""

    @property
    def dialogs(self) -> MutableMapping[tuple[str, str], InDialog]:
        """What is in a dialog, by Call-ID and local tag."""

    def contact(self, channel: Channel) -> str:
        """Return the local Contact for the peer of a channel."""

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

    def retarget(self, telephone: Telephone, uri: SipUri) -> None:
        """Send a telephone's requests to a new contact."""


class Telephone:
    """The far end of a call over SIP (a FarEnd). Used on the engine's loop."""

    def __init__(
        self, agent: DialogLayer, dialog: Dialog, channel: Channel, media: SipMedia
    ) -> None:
        self.dialog = dialog
        self.channel = channel
        """Channel over which requests are sent to it."""
        self.media = media
        self.invite: ServerTransaction | None = None
        """Its INVITE if it called, which is answered when the leg is connected."""
        self._agent = agent
        self._listener: FarEndListener | None = None
        self._gone = False
        self.answered = False
        """Whether its leg has been connected, not only for early media."""
        self._unacknowledged: ServerTransaction | None = None
        self._transfers = SipTransfers(self._request)
        agent.dialogs[self.key] = self

    @property
    def key(self) -> tuple[str, str]:
        return self.dialog.call_id, self.dialog.local_tag

    # -- the far end of a call --------------------------------------------------------------

    @property
    def format(self) -> FarEndFormat:
        return self.media.format

    def ring(self) -> None:
        """Tell a telephone that called that its callee rings (180)."""
        if self.invite is not None and not self._gone:
            headers = [("Contact", self._agent.contact(self.channel))]
            self.invite.reply(180, tag=self.dialog.local_tag, headers=headers)

    def connect_early(self, leg: Leg, listener: FarEndListener) -> Ends | None:
        """Let a telephone that called hear its leg (183); None if it has not said how."""
        if self.invite is None or self._gone or self.media.awaits_answer:
            return None
        headers = [("Contact", self._agent.contact(self.channel)), ("Allow", ALLOW)]
        body = self.media.description()
        self.invite.reply(183, tag=self.dialog.local_tag, headers=headers, body=body)
        self._listener = listener
        return self.media.endpoint.connect(leg, listener)

    def connect(self, leg: Leg, listener: FarEndListener) -> Ends:
        """Connect the media to a leg, and answer the INVITE if the telephone called."""
        self._listener, self.answered = listener, True
        if self.invite is not None and not self._gone:
            self._accept(self.invite, self.media.description())
        if self._gone:  # it hung up while it was being answered
            asyncio.get_running_loop().call_soon(listener.hung_up)
        return self.media.endpoint.connect(leg, listener)

    def report(self, packet: bytes) -> None:
        self.media.endpoint.report(packet)

    def close(self) -> None:
        """End the call with a BYE and release the telephone."""
        if not self._gone:
            self._gone = True
            self._agent.request(self.dialog, self.channel, "BYE")
        self.release()

    def _request(
        self,
        method: str,
        headers: Iterable[tuple[str, str]],
        body: str = "",
        on_response: Callable[[Response], None] = lambda response: None,
    ) -> None:
        """Send a request with a Contact in the dialog, unless the telephone has gone."""
        if self._gone:
            return
        more = [("Contact", self._agent.contact(self.channel)), *headers]
        self._agent.request(self.dialog, self.channel, method, more, body, on_response)

    async def refer(self, target: str, referral: Referral) -> None:
        """Ask the telephone to call a SIP URI (a ReferableFarEnd)."""
        await self._transfers.refer(target, self.dialog.local_uri, referral)

    def release(self) -> None:
        """Remove the dialog and close its media, without sending anything."""
        self._gone = True
        self._agent.dialogs.pop(self.key, None)
        self.media.close()

    # -- requests in its dialog -------------------------------------------------------------

    def receive(self, transaction: ServerTransaction) -> None:
        """Handle a request in the dialog other than ACK and CANCEL."""
        request = transaction.request
        wrong = check_in_dialog(self.dialog, request)
        if wrong is not None:
            transaction.reply(wrong)
        elif request.method == "BYE":
            self._receive_bye(transaction)
        elif request.method in ("INVITE", "UPDATE"):
            self._receive_offer(transaction)
        elif request.method == "INFO":
            self._receive_info(transaction)
        elif request.method == "REFER":
            self._transfers.receive_refer(transaction, self._listener)
        elif request.method == "NOTIFY":
            self._transfers.receive_notify(transaction)
        elif request.method == "OPTIONS":
            transaction.reply(200, headers=[("Allow", ALLOW)])
        else:
            transaction.reply(405, headers=[("Allow", ALLOW)])

    def acknowledge(self, ack: Request) -> None:
        """Handle the ACK of a 2xx, which holds the answer if the 2xx made the offer."""
        waiting = self._unacknowledged
        if waiting is None or cseq_of(ack).seq != cseq_of(waiting.request).seq:
            return
        self._unacknowledged = None
        waiting.acknowledged()
        if self.media.awaits_answer:
            try:
                self.media.agree(description_in(ack))
            except (UnsupportedBody, SdpError):
                self._terminate()

    def _accept(self, transaction: ServerTransaction, description: str) -> None:
        self.dialog.confirm()
        self._unacknowledged = transaction
        transaction.on_unacknowledged = self._terminate
        headers = [("Contact", self._agent.contact(self.channel)), ("Allow", ALLOW)]
        transaction.reply(200, tag=self.dialog.local_tag, headers=headers, body=description)

    def _terminate(self) -> None:
        """End the call of a telephone that does not acknowledge, or answers with an invalid SDP."""
        if not self._gone:
            self._gone = True
            self._agent.request(self.dialog, self.channel, "BYE")
            self._notify_hang_up()

    def _notify_hang_up(self) -> None:
        if self._listener is not None:
            self._listener.hung_up()

    def _receive_bye(self, transaction: ServerTransaction) -> None:
        transaction.reply(200)
        self._gone = True
        if self._unacknowledged is not None:
            self._unacknowledged.acknowledged()
        if self.invite is not None and self.invite.final is None:
            self.invite.cancel()
        self._notify_hang_up()

    def _receive_offer(self, transaction: ServerTransaction) -> None:
        """Handle a new offer: hold, resume or move (RFC 3264 section 8, RFC 3311)."""
        request = transaction.request
        if self.invite is not None and self.invite.final is None:
            # The first offer is not answered yet (RFC 3261 section 14.2, RFC 3311 section 5.2).
            transaction.reply(491)
            return
        if not accepts_sdp(request):
            transaction.reply(406)
            return
        try:
            offered, description = description_in(request), ""
            if offered or request.method == "INVITE":
                description = self.media.change(offered)
        except UnsupportedBody:
            transaction.reply(415, headers=accepted_bodies())
            return
        except SdpError as error:
            transaction.reply(488, str(error))
            return
        contacts = contacts_of(request)
        if contacts:
            self._agent.retarget(self, contacts[0])
        if request.method == "INVITE":
            self._accept(transaction, description)
            return
        headers = [("Contact", self._agent.contact(self.channel))]
        transaction.reply(200, headers=headers, body=description)

    def _receive_info(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        try:
            body = text_of(request, *_DTMF_TYPES, default="text/plain")
        except UnsupportedBody:
            transaction.reply(415, headers=accepted_bodies(*_DTMF_TYPES))
            return
        transaction.reply(200)
        text = re.sub(r"(?m)^(\s*Signal\s*=\s*)(1[01])\s*$", _digit_of_event, body or "")
        pressed = _DIGIT.search(text)
        if pressed is not None and self._listener is not None:
            self._listener.pressed(pressed[1].upper())


def _digit_of_event(found: re.Match[str]) -> str:
    return found[1] + _EVENT_CODES[found[2]]
