"""One call of a SIP telephone's: a dialog and its media, as the far end of a call of ours.

The same whether it called or was rung. It holds and resumes, changes its address, presses keys and
hangs up by requests in its dialog; we end it with a BYE.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import MutableMapping
from typing import Final, Protocol

from mediasim.media.far_end import Ends, FarEndFormat, FarEndListener
from mediasim.media.leg import Leg
from mediasim.sip.media import (
    NotAcceptable,
    SipMedia,
    UnsupportedBody,
    accepts_sdp,
    description_in,
    refuse_body,
    text_of,
)
from mediasim.sip.messages import Dialog, Request, SipUri, contacts_of, in_dialog, respond
from mediasim.sip.transactions import ServerTransaction
from mediasim.sip.transports import Channel

__all__ = ["ALLOW", "METHODS", "DialogLayer", "Telephone"]

METHODS: Final = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE", "REGISTER")
ALLOW: Final = ", ".join(METHODS)
_KEYS: Final = ("application/dtmf-relay", "application/dtmf")
"""What an INFO may tell of a key."""
_KEY: Final = re.compile(r"^\s*(?:Signal\s*=\s*)?([0-9*#A-Da-d])\s*$", re.MULTILINE)
_NAMED: Final = {"10": "*", "11": "#"}
"""As some telephones write them: the numbers of RFC 4733."""


class DialogLayer(Protocol):
    """What a telephone needs of the user agent: :class:`mediasim.sip.agent.SipAgent` has it."""

    @property
    def dialogs(self) -> MutableMapping[tuple[str, str], Telephone]:
        """All telephones in a dialog, by Call-ID and our tag."""

    def contact(self, channel: Channel) -> str:
        """Our Contact, as seen by the peer of a channel."""

    def request(self, dialog: Dialog, channel: Channel, method: str) -> None:
        """Send a request in a dialog, whose answer changes nothing."""

    def retarget(self, telephone: Telephone, uri: SipUri) -> None:
        """Send a telephone's requests to this contact from now on."""


class Telephone:
    """A FarEnd. Used on the engine's loop."""

    def __init__(
        self, agent: DialogLayer, dialog: Dialog, channel: Channel, media: SipMedia
    ) -> None:
        self.dialog = dialog
        self.channel = channel
        """The way its requests go."""
        self.media = media
        self.invited: ServerTransaction | None = None
        """Its INVITE, where it has called; answered when the leg comes up."""
        self._agent = agent
        self._listener: FarEndListener | None = None
        self._gone = False
        self._unacknowledged: ServerTransaction | None = None
        agent.dialogs[self.key] = self

    @property
    def key(self) -> tuple[str, str]:
        return self.dialog.call_id, self.dialog.local_tag

    # -- the far end of a call --------------------------------------------------------------

    @property
    def format(self) -> FarEndFormat:
        return self.media.format

    @property
    def answered(self) -> bool:
        """Whether its leg came up."""
        return self._listener is not None

    def connect(self, leg: Leg, listener: FarEndListener) -> Ends:
        self._listener = listener
        if self.invited is not None and not self._gone:
            self._accept(self.invited, self.media.description())
        if self._gone:  # it hung up at the very moment at which it was answered
            asyncio.get_running_loop().call_soon(listener.hung_up)
        return self.media.endpoint.connect(leg, listener)

    def report(self, packet: bytes) -> None:
        self.media.endpoint.report(packet)

    def close(self) -> None:
        if not self._gone:
            self._gone = True
            self._agent.request(self.dialog, self.channel, "BYE")
        self.let_go()

    def let_go(self) -> None:
        """Forget it; nothing is said."""
        self._gone = True
        self._agent.dialogs.pop(self.key, None)
        self.media.close()

    # -- requests in its dialog -------------------------------------------------------------

    def receive(self, transaction: ServerTransaction) -> None:
        """Anything but ACK and CANCEL."""
        request = transaction.request
        wrong = in_dialog(self.dialog, request)
        if wrong is not None:
            transaction.reply(wrong)
        elif request.method == "BYE":
            self._hangs_up(transaction)
        elif request.method in ("INVITE", "UPDATE"):
            self._changes(transaction)
        elif request.method == "INFO":
            self._presses(transaction)
        elif request.method == "OPTIONS":
            transaction.respond(respond(request, 200, headers=[("Allow", ALLOW)]))
        else:
            transaction.respond(respond(request, 405, headers=[("Allow", ALLOW)]))

    def acknowledge(self, ack: Request) -> None:
        """The ACK of a 2xx, with the answer to what we have offered if we had to."""
        waiting, sequence = self._unacknowledged, ack.cseq
        if waiting is None or sequence is None or waiting.request.cseq is None:
            return
        if sequence.seq != waiting.request.cseq.seq:
            return
        self._unacknowledged = None
        waiting.acknowledged()
        if self.media.awaits_answer:
            try:
                self.media.agree(description_in(ack))
            except (UnsupportedBody, NotAcceptable):
                self._over()

    def _accept(self, transaction: ServerTransaction, description: str) -> None:
        self.dialog.confirm()
        self._unacknowledged = transaction
        transaction.on_unacknowledged = self._over
        transaction.respond(
            respond(
                transaction.request,
                200,
                tag=self.dialog.local_tag,
                headers=[("Contact", self._agent.contact(self.channel)), ("Allow", ALLOW)],
                body=description,
            )
        )

    def _over(self) -> None:
        """It has lost its way, or its senses: it is told and taken down."""
        if not self._gone:
            self._gone = True
            self._agent.request(self.dialog, self.channel, "BYE")
            self._tell()

    def _tell(self) -> None:
        if self._listener is not None:
            self._listener.hung_up()

    def _hangs_up(self, transaction: ServerTransaction) -> None:
        transaction.reply(200)
        self._gone = True
        if self._unacknowledged is not None:
            self._unacknowledged.acknowledged()
        if self.invited is not None and self.invited.final is None:
            self.invited.cancelled()
        self._tell()

    def _changes(self, transaction: ServerTransaction) -> None:
        """A new offer: held, resumed, moved (RFC 3264 section 8, RFC 3311)."""
        request = transaction.request
        if self.invited is not None and self.invited.final is None:
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
            transaction.respond(refuse_body(request))
            return
        except NotAcceptable as error:
            transaction.reply(488, str(error))
            return
        contacts = contacts_of(request)
        if contacts:
            self._agent.retarget(self, contacts[0])
        if request.method == "INVITE":
            self._accept(transaction, description)
            return
        headers = [("Contact", self._agent.contact(self.channel))]
        transaction.respond(respond(request, 200, headers=headers, body=description))

    def _presses(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        try:
            told = text_of(request, *_KEYS, default="text/plain")
        except UnsupportedBody:
            transaction.respond(refuse_body(request, accepted=", ".join(_KEYS)))
            return
        transaction.reply(200)
        text = re.sub(r"(?m)^(\s*Signal\s*=\s*)(1[01])\s*$", _as_key, told or "")
        pressed = _KEY.search(text)
        if pressed is not None and self._listener is not None:
            self._listener.pressed(pressed[1].upper())


def _as_key(found: re.Match[str]) -> str:
    return found[1] + _NAMED[found[2]]
