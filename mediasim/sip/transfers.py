"""Transfers in a telephone's dialog: REFER both ways, and the NOTIFYs that follow (RFC 3515).

Of a REFER that is sent, each NOTIFY tells a status of the call that the telephone places; one that
is received is told the status of the new call in the same way.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from mediasim.media.far_end import FarEndListener, Referral, TransferListener
from mediasim.sip.grammar import read_address
from mediasim.sip.media import accepted_bodies
from mediasim.sip.messages import Response, cseq_of, reason_of
from mediasim.sip.transactions import ServerTransaction

__all__ = ["SipTransfers"]

_SIPFRAG: Final = "message/sipfrag"
_STATUS: Final = re.compile(r"\s*SIP/2\.0 ([1-6][0-9]{2})", re.IGNORECASE)
_LONGEST_TARGET: Final = 256
"""Most characters of a Refer-To header (Twilio docs, Inbound SIP REFER to Twilio)."""
_SCHEMES: Final = ("sip", "sips", "tel")


class Send(Protocol):
    """Sends a request in the telephone's dialog."""

    def __call__(
        self,
        method: str,
        headers: Iterable[tuple[str, str]],
        body: str = "",
        on_response: Callable[[Response], None] = lambda response: None,
    ) -> None: ...


class SipTransfers:
    """The transfers of one telephone."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._referral: Referral | None = None
        """What is known of the REFER that was sent last; None if none is open."""
        self._told = asyncio.Event()

    # -- REFER that is sent -----------------------------------------------------------------

    async def refer(self, target: str, by: str, referral: Referral) -> None:
        """Ask the telephone to call a URI, and wait until it has told how that went."""
        self._referral, self._told = referral, asyncio.Event()

        def on_response(response: Response) -> None:
            if response.status_code >= 200:
                referral.response = response.status_code
            if response.status_code >= 300:
                self._told.set()

        self._send(
            "REFER", [("Refer-To", f"<{target}>"), ("Referred-By", f"<{by}>")], "", on_response
        )
        try:
            await self._told.wait()
        finally:
            if self._referral is referral:
                self._referral = None

    def receive_notify(self, transaction: ServerTransaction) -> None:
        """Handle a NOTIFY: a status of the call that the telephone has placed."""
        request, referral = transaction.request, self._referral
        event = (request.get_header("event") or "").partition(";")[0].strip().lower()
        if event != "refer":
            transaction.reply(489, headers=[("Allow-Events", "refer")])
            return
        if referral is None:
            transaction.reply(481)
            return
        kind = (request.get_header("content-type") or _SIPFRAG).partition(";")[0].strip().lower()
        if kind != _SIPFRAG:
            transaction.reply(415, headers=accepted_bodies(_SIPFRAG))
            return
        transaction.reply(200)
        found = _STATUS.match(request.body.decode(errors="replace"))
        if found is not None:
            referral.notified = int(found[1])
        state = (request.get_header("subscription-state") or "").strip().lower()
        if (found is not None and int(found[1]) >= 200) or state.startswith("terminated"):
            self._told.set()

    # -- REFER that is received -------------------------------------------------------------

    def receive_refer(
        self, transaction: ServerTransaction, listener: FarEndListener | None
    ) -> None:
        """Handle a REFER: the telephone wants the call to be transferred."""
        targets = transaction.request.headers.get("refer-to")
        try:
            if len(targets) != 1:
                raise ValueError("expected one Refer-To header")
            if len(targets[0]) > _LONGEST_TARGET:
                raise ValueError(f"Refer-To has more than {_LONGEST_TARGET} characters")
            scheme = read_address(targets[0]).uri.scheme
        except ValueError as error:
            transaction.reply(400, str(error))
            return
        if scheme not in _SCHEMES:
            transaction.reply(416)
            return
        made = _Asked(self._send, targets[0], cseq_of(transaction.request).seq)
        if not isinstance(listener, TransferListener) or not listener.referred(made):
            transaction.reply(403, "No transfer here")
            return
        transaction.reply(202)
        made.accepted()


class _Asked:
    """A REFER that was received and taken (a Transfer)."""

    def __init__(self, send: Send, target: str, number: int) -> None:
        self.target = target
        self._send = send
        self._number = number
        self._early: int | None = 100
        """A status to be told once the REFER has been answered; None after that."""
        self._over = False

    def accepted(self) -> None:
        """Tell the status that there is by now: the REFER has been answered."""
        status, self._early = self._early, None
        self.notify(status or 100)

    def notify(self, status: int) -> None:
        if self._early is not None:
            self._early = status
            return
        if self._over:
            return
        self._over = status >= 200
        state = "terminated;reason=noresource" if self._over else "active;expires=60"
        headers = [
            ("Event", f"refer;id={self._number}"),
            ("Subscription-State", state),
            ("Content-Type", f"{_SIPFRAG};version=2.0"),
        ]
        self._send("NOTIFY", headers, f"SIP/2.0 {status} {reason_of(status)}\r\n")
