"""Calls that ring softphones: the first page that answers takes the call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import NotReached
from mediasim.sandbox.clocks import Clock, ClockRefuses, only_real_time
from mediasim.sandbox.settings import ONE_PROCESS, Settings
from mediasim.sandbox.softphone.manager import SoftphoneManager
from mediasim.sandbox.softphone.page import BrowserCall, Page
from mediasim.sandbox.softphone.ringing import Ringing

__all__ = ["SoftphoneGateway", "check_softphones", "reach_softphones"]

_CALLEE_UNAVAILABLE: Final = 31480
"""Twilio's error code of a callee that is currently unavailable."""


def check_softphones(clock: Clock, settings: Settings) -> None:
    """Check that softphones can be used. Raises ClockRefuses."""
    only_real_time(clock, "softphones")
    if settings.has_workers:
        raise ClockRefuses(ONE_PROCESS.format("softphones"))


def reach_softphones(
    manager: SoftphoneManager, address: str, unplanned: bool = False
) -> SoftphoneGateway | None:
    """Return the gateway to ``client:NAME``; None where no page has had that name.

    ``unplanned`` says that the number plan has no party of the name. A party of the plan answers
    when no page is open.
    """
    scheme, _, identity = address.partition(":")
    if scheme != "client":
        return None
    if manager.pages_of(identity) or (unplanned and manager.has_had(identity)):
        return SoftphoneGateway(manager, identity)
    return None


class SoftphoneGateway:
    """The gateway to all pages of an identity: the first that answers takes the call."""

    def __init__(
        self,
        manager: SoftphoneManager,
        identity: str,
        params: Sequence[tuple[str, str]] = (),
    ) -> None:
        """``params`` are sent to the pages with the call."""
        self._manager = manager
        self._identity = identity
        self._params = tuple(params)

    def with_parameters(self, params: Sequence[tuple[str, str]]) -> SoftphoneGateway:
        """Return the same gateway with parameters for the pages."""
        return SoftphoneGateway(self._manager, self._identity, params)

    async def ring(self, call: LiveCall, ringing: Callable[[], None]) -> BrowserCall:
        """Ring the pages until one answers; return its call.

        Raises NotReached.
        """
        manager = self._manager
        pages = manager.pages_of(self._identity, call.record.account_sid)
        if not pages:
            words = f"the client {self._identity} is not registered: no softphone page has the name"
            manager.service().notify(call.sid, _CALLEE_UNAVAILABLE, words, warning=True)
            raise NotReached(words, "no-answer")
        answers = Ringing(pages)
        end = ("canceled", "the caller has hung up, or the time was over")
        answered: BrowserCall | None = None
        try:
            for page in pages:
                await self._ring(page, answers, call)
            ringing()
            page, description = await answers.decided
            end = ("taken", "answered by another page")
            answered = answers.offered.pop(page, None) or manager.new_call(page, call.sid)
            answered.live = call
            manager.take_messages(answered)
            if page.offered:
                answered.media.accept(description)
                await answered.media.established()
            else:
                await manager.agree(answered, description)
        except (ValueError, OSError) as error:
            if answered is not None:
                manager.finish(answered, "failed", str(error))
            raise NotReached(f"the softphone has no media: {error}", "failed") from None
        except asyncio.CancelledError:
            if answered is not None:
                manager.finish(answered, "canceled", "the caller has hung up")
            raise
        finally:
            for page in pages:
                manager.set_ringing(page, None, call.sid)
                other = answers.offered.pop(page, None)
                if other is not None:
                    manager.drop(other)
                if page in answers.waiting:
                    page.send("ended", call=call.sid, sid=call.sid, status=end[0], words=end[1])
        manager.spawn(manager.follow(answered, call))
        return answered

    async def _ring(self, page: Page, answers: Ringing, call: LiveCall) -> None:
        """Ring one page, with an offer of media if it is one that takes such. Raises SdpError."""
        said: dict[str, object] = {"from": call.record.from_, "to": call.record.to}
        if page.offered:
            offering = self._manager.new_call(page, call.sid)
            offering.live = call
            answers.offered[page] = offering
            said |= {
                "account": call.record.account_sid,
                "params": self._params,
                "sdp": await offering.media.offer(),
                "secret": offering.secret,
            }
        self._manager.set_ringing(page, answers, call.sid)
        page.send("incoming", call=call.sid, **said)
