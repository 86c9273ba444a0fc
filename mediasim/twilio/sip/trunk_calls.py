"""Calls over a trunk: no document, two legs, one call resource, recorded as the trunk says.

Terminating, the customer's call is connected to a telephone number; originating, a call to one of
the trunk's numbers is connected to the customer, at the origination URL of the lowest priority that
answers (docs, Elastic SIP Trunking). The caller is answered when the callee answers. Our choices: a
callee rings for at most two minutes; the next URL is tried if one cannot be reached or fails, but
not if it is busy or does not answer; among URLs of one priority the seed draws, by weight.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import accumulate
from typing import Final, Protocol

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.dial import Dial, DialledLeg
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.profiles import Channels
from mediasim.exchange.records import Direction
from mediasim.media.far_end import Transfer, WaitingFarEnd
from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.mode_recording import ModeRecording
from mediasim.twilio.requests import Callback, RecordingRequest, TwimlSource
from mediasim.twilio.session import CallSession
from mediasim.twilio.sip.trunks import OriginationUrlRecord, TrunkRecord

__all__ = ["PlaceLeg", "TrunkCall"]

_RING_NS: Final = 120 * NS_PER_SECOND
_INVALID_TO: Final = 32101
_NO_URLS: Final = 32010
_NO_TRANSFER: Final = 32218


class PlaceLeg(Protocol):
    """Creates the queued call of a callee, of a caller's call. Raises nothing."""

    def __call__(
        self,
        parent: CallSession,
        address: str,
        caller_id: str,
        callback: Callback | None,
        direction: Direction = "outbound-dial",
    ) -> CallSession: ...


class _TrunkDial(Dial):
    """A callee that is rung for a caller, who is told when it rings."""

    def rings(self) -> None:
        super().rings()
        caller = self.control.phone.far_end
        if isinstance(caller, WaitingFarEnd):
            caller.ring()


class TrunkCall:
    """What one call over a trunk does."""

    def __init__(
        self,
        account: AccountParts,
        trunk: TrunkRecord,
        place: PlaceLeg,
        urls: Sequence[OriginationUrlRecord] = (),
    ) -> None:
        """``urls`` are the trunk's origination URLs, of a call that goes to the customer."""
        self._account = account
        self._trunk = trunk
        self._place = place
        self._urls = [each for each in urls if each.enabled]
        self._number = ""

    def terminating(self, user: str) -> str:
        """Return the number that the user part of a dialled SIP address is; it will be called.

        Raises TwilioError (400, 32101) for any other user part: trunks take E.164 alone.
        """
        if re.fullmatch(r"\+[1-9][0-9]{6,14}", user) is None:
            words = (
                f"{user[:60]!r} is called over trunk {self._trunk.domain_name}, and is no number"
            )
            raise bad_parameter(f"{words} in E.164, such as +14155550100", _INVALID_TO)
        self._number = user
        return user

    async def terminate(self, session: CallSession) -> None:
        """Connect the customer's call to the telephone number. Raises CallEnded."""
        await self._connect(session, self._number)

    async def originate(self, session: CallSession) -> None:
        """Connect a call to the customer, or else to the disaster recovery URL's document.

        Raises CallEnded, HangUp.
        """
        session.unanswered = "failed"
        if not self._urls:
            words = f"trunk {self._trunk.sid} has no enabled origination URL"
            self._account.notify(
                session.call.sid, _NO_URLS, f"SIP: No valid Origination URIs configured: {words}"
            )
        for url in self._in_order(session.call.sid):
            address = address_of(url.sip_url, session.call.record.to)
            if await self._connect(session, address) != "failed":
                return
        if self._trunk.disaster_recovery_url:
            source = TwimlSource(
                self._trunk.disaster_recovery_url, self._trunk.disaster_recovery_method
            )
            await session.perform(source)

    async def _connect(self, session: CallSession, address: str) -> str:
        """Ring a callee and put it through, until an end; return the outcome. Raises CallEnded."""
        leg = DialledLeg(partial(self._leg, session, address))
        recording = ModeRecording(session, self._trunk.recording_mode, "Trunking", self._request)
        dial = _TrunkDial(session, [leg], timeout_ns=_RING_NS, recording=recording)
        await dial.run()
        return dial.status

    def _leg(self, session: CallSession, address: str) -> CallSession:
        """Create the callee's leg."""
        record = session.call.record
        leg = self._place(session, address, "", None, direction=record.direction)
        leg.call.record.trunk_sid = record.trunk_sid
        leg.call.record.caller_name = record.caller_name
        for call in (session.call, leg.call):
            call.on_refer = self._refuse_transfer
        return leg

    def _refuse_transfer(self, call: LiveCall, transfer: Transfer) -> bool:
        words = f"SIP: Transfer not allowed: {call.party.name} asks for {transfer.target[:60]}"
        self._account.notify(call.sid, _NO_TRANSFER, words)
        return False

    def _request(self, channels: Channels) -> RecordingRequest:
        return RecordingRequest(channels=channels, trim=self._trunk.recording_trim)

    def _in_order(self, call_sid: str) -> Iterator[OriginationUrlRecord]:
        """Yield the URLs in the order in which they are tried, as of RFC 2782."""
        drawn = self._account.exchange.seeds.generator(f"origination/{call_sid}")
        left = sorted(self._urls, key=lambda each: each.priority)
        while left:
            first = [each for each in left if each.priority == left[0].priority]
            weights = [each.weight for each in first]
            point = drawn.random() * sum(weights)
            chosen = next(
                each for each, end in zip(first, accumulate(weights), strict=True) if point < end
            )
            left.remove(chosen)
            yield chosen


def address_of(sip_url: str, number: str) -> str:
    """Return the address that a call to a number is sent to.

    A URL without a user part gets the number as one: ``sip:pbx.example.com``.
    """
    scheme, _, rest = sip_url.partition(":")
    return sip_url if "@" in rest else f"{scheme}:{number}@{rest}"
