"""The decision of pages that ring for one call."""

from __future__ import annotations

import asyncio

from mediasim.exchange.phone import NotReached
from mediasim.sandbox.softphone.page import BrowserCall, Page

__all__ = ["Ringing"]


class Ringing:
    """The decision of pages that ring for one call."""

    def __init__(self, pages: list[Page]) -> None:
        self.waiting = set(pages)
        """Pages that have not decided."""
        self.offered: dict[Page, BrowserCall] = {}
        """The calls of pages that were sent an offer, until one of them answers."""
        self.decided: asyncio.Future[tuple[Page, str]] = asyncio.get_running_loop().create_future()
        """The page that answers, with its description of media; or NotReached."""
        self._rejected = False

    def decide(self, page: Page, description: str | None) -> None:
        """Note that a page answers with a description of media, or rejects (None)."""
        if self.decided.done() or page not in self.waiting:
            return
        self.waiting.discard(page)
        if description is not None:
            self.decided.set_result((page, description))
            return
        self._rejected = True
        self._give_up_if_none_left()

    def remove(self, page: Page) -> None:
        """Note that a page was closed."""
        self.waiting.discard(page)
        self._give_up_if_none_left()

    def _give_up_if_none_left(self) -> None:
        """Give up once no page is left that could answer."""
        if self.waiting or self.decided.done():
            return
        words = "rejected by every page" if self._rejected else "every page that rang was closed"
        self.decided.set_exception(NotReached(words, "busy" if self._rejected else "no-answer"))
