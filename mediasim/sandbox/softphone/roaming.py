"""Calls of softphones that move: to another path of their media, or to another page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from hmac import compare_digest
from typing import Any, Final

from mediasim.sandbox.softphone.page import BrowserCall, Page, Rejoin, Restart, new_media
from mediasim.twilio.errors import TwilioError

__all__ = ["Roaming"]

_NO_SUCH_CALL: Final = 31404
_CANNOT_REJOIN: Final = 31107
_REJOIN_S: Final = 30.0
"""Seconds that the calls of a page go on after its WebSocket was lost, if it can take them up."""


class Roaming:
    """The calls of one manager's softphones that have lost their page, or whose media change."""

    def __init__(
        self,
        calls: Callable[[], list[BrowserCall]],
        hand_over: Callable[[BrowserCall, Page, str], None],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """``calls`` are those of open pages; ``hand_over`` gives a call to a page by a name."""
        self._calls = calls
        self._hand_over = hand_over
        self._spawn = spawn
        self._adrift: dict[BrowserCall, asyncio.TimerHandle] = {}
        """Calls of pages whose WebSocket was lost, with the time at which they are given up."""

    def wait_for_page(self, call: BrowserCall) -> None:
        """Keep a call whose WebSocket was lost for a while, so that a page can take it up."""
        loop = asyncio.get_running_loop()
        self._adrift[call] = loop.call_later(_REJOIN_S, self._give_up, call)

    def found(self, call: BrowserCall) -> None:
        """Note that a call has a page again, or has ended."""
        timer = self._adrift.pop(call, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        """Hang up all calls that have no page."""
        for call in list(self._adrift):
            self._give_up(call)

    def _give_up(self, call: BrowserCall) -> None:
        """Hang up the call of a page that has not come back."""
        self.found(call)
        call.hang_up()

    def rejoin(self, page: Page, message: Rejoin) -> None:
        """Give a page a call whose WebSocket was lost. Raises TwilioError."""
        for call in (*self._adrift, *self._calls()):
            if call.sid == message.call and compare_digest(
                call.secret.encode(), message.secret.encode()
            ):
                self.found(call)
                self._hand_over(call, page, message.call)
                self._spawn(self._answer_anew(call, message.sdp))
                return
        words = f"there is no call {message.call[:64]!r} that could be taken up again"
        raise TwilioError(400, _CANNOT_REJOIN, words)

    def restart(self, call: BrowserCall | None, message: Restart) -> None:
        """Answer a page that restarts the ICE of a call. Raises TwilioError."""
        if call is None:
            raise TwilioError(404, _NO_SUCH_CALL, f"there is no call {message.call!r}")
        self._spawn(self._answer_anew(call, message.sdp))

    async def _answer_anew(self, call: BrowserCall, offer: str) -> None:
        """Answer an offer within a call, by new media if it is of another connection."""
        sdp = ""
        try:
            if not call.media.is_same_connection(offer):
                media = new_media(call.page)
                sdp = await media.answer(offer)
                call.replace_media(media)
            elif not call.media.is_of(offer):
                sdp = await call.media.restart(offer)
        except (ValueError, OSError) as error:
            words = f"the media cannot be changed: {error}"
            call.page.send("refused", words=words, code=None, call=call.name, of="restart")
            return
        call.page.send("media", call=call.name, sid=call.sid, sdp=sdp, secret=call.secret)
