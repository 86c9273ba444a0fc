"""The softphones of a sandbox: pages that have registered, what they ask, and how they are rung."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any, Final

from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import NotReached, Phone
from mediasim.parties.party import Party
from mediasim.sandbox.clocks import ClockRefuses
from mediasim.sandbox.softphone.page import (
    AnswerMessage,
    BrowserCall,
    HangUpMessage,
    HoldMessage,
    Invite,
    MuteMessage,
    Page,
    PageMessage,
    PressMessage,
    Register,
    Reject,
)
from mediasim.twilio.access_token import VoiceToken, mint, read_access_token
from mediasim.twilio.account import Account
from mediasim.twilio.addresses import called
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.requests import DialRequest
from mediasim.twilio.resources import KeyRecord
from mediasim.twilio.session import FollowUp

__all__ = ["SoftphoneManager"]

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_UNAVAILABLE: Final = 31480
"""Of Twilio's error dictionary: the callee is currently unavailable."""
_OWN_KEY: Final = "sandbox softphone"
_NO_APPLICATION: Final = "the token's application {} is not among the account's: {}"


class SoftphoneManager:
    """Used on the engine's loop."""

    def __init__(self, service: Callable[[], Account], real_time: Callable[[], None]) -> None:
        """``service`` is the account's of the moment; ``real_time`` raises ClockRefuses where
        the clock is not everybody's."""
        self.service = service
        self.real_time = real_time
        self._tokens: dict[Page, VoiceToken] = {}
        self._calls: dict[Page, dict[str, BrowserCall]] = {}
        self._rings: dict[Page, dict[str, Ringing]] = {}
        self._known: set[str] = set()
        """Identities that a page has ever had."""
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def in_use(self) -> bool:
        """Whether a page is registered."""
        return bool(self._tokens)

    # -- pages ------------------------------------------------------------------------------

    def hear(self, page: Page, ask: PageMessage) -> None:
        """What a page says. Raises TwilioError, ClockRefuses for what is not to be."""
        if isinstance(ask, Register):
            self._register(page, ask)
        elif isinstance(ask, Invite):
            self._invite(page, ask)
        elif isinstance(ask, AnswerMessage | Reject):
            ringing = self._rings.get(page, {}).get(ask.call)
            if ringing is not None:
                ringing.decide(page, ask.sdp if isinstance(ask, AnswerMessage) else None)
            elif isinstance(ask, AnswerMessage):
                page.tell("ended", call=ask.call, status="taken", words="it rings no longer")
        else:
            self._change(page, ask)

    def leave(self, page: Page) -> None:
        """It has been closed: it rings no longer, and its calls are over."""
        self._tokens.pop(page, None)
        for ringing in list(self._rings.pop(page, {}).values()):
            ringing.left(page)
        for call in list(self._calls.pop(page, {}).values()):
            call.hang_up()

    async def close(self) -> None:
        """Let go of all pages."""
        for page in list(self._tokens):
            self.leave(page)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run beside everything else."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _register(self, page: Page, ask: Register) -> None:
        self.real_time()
        service = self.service()
        now_s = service.dates.unix_ns(service.now_ns) // 10**9
        account = service.account.sid
        token = ask.token
        if not token:
            token = mint(account, self._own_key(service), ask.identity, now_s=now_s)
        read = read_access_token(
            token, account_sid=account, find_key=service.keys.find, now_s=now_s
        )
        if read.application_sid is not None:
            try:
                service.applications.find(read.application_sid)
            except TwilioError as error:
                words = _NO_APPLICATION.format(read.application_sid, error.message)
                raise TwilioError(400, 21218, words) from None
        self._tokens[page] = read
        self._known.add(read.identity)
        page.tell(
            "registered",
            identity=read.identity,
            incoming=read.incoming,
            application=read.application_sid,
            own=not ask.token,
        )

    def _own_key(self, service: Account) -> KeyRecord:
        """The API key that signs for who gives a name alone."""
        for key in service.keys.all():
            if key.friendly_name == _OWN_KEY:
                return key
        sid = service.new_sid("SK")
        key = KeyRecord(sid, service.account.sid, _OWN_KEY, service.new_secret(sid), service.now_ns)
        service.keys.add(key)
        return key

    def _change(
        self, page: Page, ask: HangUpMessage | PressMessage | HoldMessage | MuteMessage
    ) -> None:
        call = self._calls.get(page, {}).get(ask.call)
        if call is None:
            return  # it is over, which the page is about to hear
        if isinstance(ask, HangUpMessage):
            call.hang_up()
        elif isinstance(ask, PressMessage):
            call.press(ask.digits)
        elif isinstance(ask, HoldMessage):
            call.hold(ask.on)
        else:
            call.note("muted" if ask.on else "unmuted")

    # -- calling ----------------------------------------------------------------------------

    def _invite(self, page: Page, ask: Invite) -> None:
        self.real_time()
        token = self._tokens.get(page)
        if token is None:
            raise TwilioError(401, 20101, "register first: a call is made by a client")
        if ask.call in self._calls.get(page, {}):
            raise TwilioError(400, 20001, f"there is a call {ask.call!r} already")
        call = self.new_call(page, ask.call)
        self.spawn(self._calling(call, token, ask))

    async def _calling(self, call: BrowserCall, token: VoiceToken, ask: Invite) -> None:
        try:
            await self.agree(call, ask.sdp)
            if call.gone:
                raise ConnectionError("hung up before it rang")
            call.live = self._place(call, token, ask)
        except (ValueError, OSError, TwilioError, ClockRefuses) as error:
            words = error.message if isinstance(error, TwilioError) else str(error)
            self.over(call, "failed", words)
            return
        call.page.tell("ringing", call=call.name, sid=call.live.sid)
        await self.follow(call, call.live)

    def _place(self, call: BrowserCall, token: VoiceToken, ask: Invite) -> LiveCall:
        """Raises TwilioError."""
        self.real_time()
        service, from_ = self.service(), f"client:{token.identity}"
        phone = Phone(Party(name=token.identity, number=from_), far_end=call)
        if token.application_sid is not None:
            application = service.applications.find(token.application_sid)
            params = [*token.params.items(), *ask.params.items()]
            follow = FollowUp(application.source(), params)
            record = service.place_from_client(from_, ask.to, phone, follow, application.callback())
        else:
            to = _dialled(ask.to)
            if any(number.phone_number == to for number in service.numbers.all()):
                record = service.place_inbound(from_, to, phone)
            else:
                record = service.place_from_client(from_, to, phone, DialRequest(to))
        live = service.live_call(record.sid)
        assert live is not None
        return live

    # -- any call ---------------------------------------------------------------------------

    def new_call(self, page: Page, name: str) -> BrowserCall:
        """A call of a page's, with media still to be agreed on."""
        from mediasim.net.webrtc import WebRtcEndpoint  # loaded when a page opens

        call = BrowserCall(page, name, WebRtcEndpoint(page.host))
        self._calls.setdefault(page, {})[name] = call
        return call

    async def agree(self, call: BrowserCall, offer: str) -> None:
        """Answer a page's offer and wait until media can flow. Raises ValueError, OSError."""
        call.page.tell("media", call=call.name, sdp=await call.media.answer(offer))
        await call.media.established()

    async def follow(self, call: BrowserCall, live: LiveCall) -> None:
        """Until it is over."""
        await live.ended.wait()
        self.over(call, live.record.status, "")

    def over(self, call: BrowserCall, status: str, words: str) -> None:
        """Tell the page, and let go of its media."""
        call.media.close()
        self._calls.get(call.page, {}).pop(call.name, None)
        call.page.tell("ended", call=call.name, status=status, words=words)

    # -- being called -----------------------------------------------------------------------

    def reach(self, address: str, otherwise: bool = False) -> SoftphoneGateway | None:
        """The way to ``client:NAME``, where a page has ever registered by that name.

        ``otherwise``: nobody of the number plan has the name. Who of the plan has it answers when
        no page is open.
        """
        scheme, _, identity = address.partition(":")
        if scheme != "client":
            return None
        if self.pages_of(identity) or (otherwise and identity in self._known):
            return SoftphoneGateway(self, identity)
        return None

    def pages_of(self, identity: str) -> list[Page]:
        """Who is rung by that name."""
        return [
            page
            for page, token in self._tokens.items()
            if token.identity == identity and token.incoming
        ]

    def rings(self, page: Page, ringing: Ringing | None, name: str) -> None:
        """Note that a page rings, or no longer does."""
        if ringing is not None:
            self._rings.setdefault(page, {})[name] = ringing
        else:
            self._rings.get(page, {}).pop(name, None)


class SoftphoneGateway:
    """One call that rings every page of an identity, a Reach: the first to answer has it."""

    def __init__(self, manager: SoftphoneManager, identity: str) -> None:
        self._desk = manager
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


def _dialled(text: str) -> str:
    """A number, an address, or the name of somebody. Raises TwilioError."""
    text = text.strip()
    return called(f"client:{text}" if _NAME.fullmatch(text) else text)
