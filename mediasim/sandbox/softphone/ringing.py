"""One call that rings every page of an identity: the first to answer has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import NotReached
from mediasim.sandbox.softphone.browser_call import BrowserCall, Page

if TYPE_CHECKING:
    from mediasim.sandbox.softphone.desk import SoftphoneDesk

__all__ = ["Ringing", "SoftphoneReach"]

_UNAVAILABLE: Final = 31480
"""Of Twilio's error dictionary: the callee is currently unavailable."""


class SoftphoneReach:
    """A Reach."""

    def __init__(self, desk: SoftphoneDesk, identity: str) -> None:
        self._desk = desk
        self._identity = identity

    async def ring(self, call: LiveCall, ringing: Callable[[], None]) -> BrowserCall:
        """Raises NotReached."""
        pages = self._desk.pages_of(self._identity)
        if not pages:
            words = f"the client {self._identity} is not registered: no softphone page has the name"
            self._desk.service().notify(call.sid, _UNAVAILABLE, words, warning=True)
            raise NotReached(words, "no-answer")
        rung = Ringing(pages)
        end = ("canceled", "the caller has hung up, or the time was over")
        for page in pages:
            self._desk.rings(page, rung, call.sid)
            page.tell(
                "incoming", call=call.sid, **{"from": call.record.from_, "to": call.record.to}
            )
        ringing()
        answered: BrowserCall | None = None
        try:
            page, offer = await rung.decided
            end = ("taken", "answered by another page")
            answered = self._desk.new_call(page, call.sid)
            answered.live = call
            await self._desk.agree(answered, offer)
        except (ValueError, OSError) as error:
            assert answered is not None
            self._desk.over(answered, "failed", str(error))
            raise NotReached(f"the softphone has no media: {error}", "failed") from None
        except asyncio.CancelledError:
            if answered is not None:
                self._desk.over(answered, "canceled", "the caller has hung up")
            raise
        finally:
            for page in pages:
                self._desk.rings(page, None, call.sid)
                if page in rung.waiting:
                    page.tell("ended", call=call.sid, status=end[0], words=end[1])
        self._desk.spawn(self._desk.follow(answered, call))
        return answered


class Ringing:
    """What the pages that ring decide."""

    def __init__(self, pages: list[Page]) -> None:
        self.waiting = set(pages)
        """Those that have not decided."""
        self.decided: asyncio.Future[tuple[Page, str]] = asyncio.get_running_loop().create_future()
        """The page that answers, with its offer; or NotReached."""
        self._rejected = False

    def decide(self, page: Page, offer: str | None) -> None:
        """It answers with an offer, or rejects."""
        if self.decided.done() or page not in self.waiting:
            return
        self.waiting.discard(page)
        if offer is not None:
            self.decided.set_result((page, offer))
            return
        self._rejected = True
        self._perhaps_over()

    def left(self, page: Page) -> None:
        """It has been closed."""
        self.waiting.discard(page)
        self._perhaps_over()

    def _perhaps_over(self) -> None:
        if self.waiting or self.decided.done():
            return
        words = "rejected by every page" if self._rejected else "every page that rang was closed"
        self.decided.set_exception(NotReached(words, "busy" if self._rejected else "no-answer"))
