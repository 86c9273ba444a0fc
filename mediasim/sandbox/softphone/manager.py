"""The softphones of a sandbox: registered pages, their calls, and calls that ring them."""

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
    UserMessage,
)
from mediasim.twilio.access_token import VoiceToken, is_advised, mint, read_access_token
from mediasim.twilio.account import Account
from mediasim.twilio.addresses import called
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.requests import DialRequest
from mediasim.twilio.resources import KeyRecord
from mediasim.twilio.session import FollowUp

__all__ = ["SoftphoneManager"]

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_CALLEE_UNAVAILABLE: Final = 31480
"""Twilio's error code of a callee that is currently unavailable."""
_OWN_KEY: Final = "sandbox softphone"
"""Friendly name of the API key that signs tokens for pages without one."""
_BAD_GRANTS: Final = 20106
_IDENTITY_CHARACTERS: Final = (
    "the identity {!r} has other characters than the letters, digits and underscores that Twilio"
    " advises"
)
_NO_APPLICATION: Final = "the token's application {} is not among the account's: {}"


class SoftphoneManager:
    """The registered pages and their calls. Used on the engine's loop."""

    def __init__(self, service: Callable[[], Account], real_time: Callable[[], None]) -> None:
        """``service`` returns the present account; ``real_time`` raises ClockRefuses for a clock
        that is not in real time."""
        self.service = service
        self.real_time = real_time
        self._tokens: dict[Page, VoiceToken] = {}
        self._calls: dict[Page, dict[str, BrowserCall]] = {}
        self._rings: dict[Page, dict[str, Ringing]] = {}
        self._known: set[str] = set()
        """Identities that a page has had since the start."""
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def in_use(self) -> bool:
        """Whether a page is registered."""
        return bool(self._tokens)

    # -- pages ------------------------------------------------------------------------------

    def handle(self, page: Page, message: PageMessage) -> None:
        """Handle a message of a page.

        Raises TwilioError and ClockRefuses for a request that is refused.
        """
        if isinstance(message, Register):
            self._register(page, message)
        elif isinstance(message, Invite):
            self._invite(page, message)
        elif isinstance(message, AnswerMessage | Reject):
            ringing = self._rings.get(page, {}).get(message.call)
            if ringing is not None:
                ringing.decide(page, message.sdp if isinstance(message, AnswerMessage) else None)
            elif isinstance(message, AnswerMessage):
                page.send("ended", call=message.call, status="taken", words="it rings no longer")
        elif isinstance(message, UserMessage):
            call = self._calls.get(page, {}).get(message.call)
            if call is not None and call.live is not None:
                sid, content = call.live.sid, message.content
                self.service().user_messages.receive(sid, content, message.content_type)
        else:
            self._change(page, message)

    def take_messages(self, call: BrowserCall) -> None:
        """Let a page take the user-defined messages of its call."""
        assert call.live is not None

        def deliver(sid: str, content: str) -> None:
            call.page.send("message", call=call.name, sid=sid, content=content)

        self.service().user_messages.connect(call.live.sid, deliver)

    def remove_page(self, page: Page) -> None:
        """Remove a page that was closed: it rings no longer, and its calls are hung up."""
        self._tokens.pop(page, None)
        for ringing in list(self._rings.pop(page, {}).values()):
            ringing.remove(page)
        for call in list(self._calls.pop(page, {}).values()):
            call.hang_up()

    async def close(self) -> None:
        """Remove all pages and cancel all tasks."""
        for page in list(self._tokens):
            self.remove_page(page)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine as a task until :meth:`close`."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _register(self, page: Page, message: Register) -> None:
        """Register a page by its token, or by a name alone.

        Raises TwilioError, ClockRefuses.
        """
        self.real_time()
        service = self.service()
        now_s = service.dates.unix_ns(service.now_ns) // 10**9
        account = service.account.sid
        token = message.token
        if not token:
            token = mint(account, self._own_key(service), message.identity, now_s=now_s)
        token_read = read_access_token(
            token, account_sid=account, find_key=service.keys.find, now_s=now_s
        )
        if token_read.application_sid is not None:
            try:
                service.applications.find(token_read.application_sid)
            except TwilioError as error:
                words = _NO_APPLICATION.format(token_read.application_sid, error.message)
                raise TwilioError(400, 21218, words) from None
        if not is_advised(token_read.identity) and token_read.identity not in self._known:
            words = _IDENTITY_CHARACTERS.format(token_read.identity)
            service.notify(None, _BAD_GRANTS, words, warning=True)
        self._tokens[page] = token_read
        self._known.add(token_read.identity)
        page.send(
            "registered",
            identity=token_read.identity,
            incoming=token_read.incoming,
            application=token_read.application_sid,
            own=not message.token,
        )

    def _own_key(self, service: Account) -> KeyRecord:
        """Return the API key that signs tokens for pages that give a name alone."""
        for key in service.keys.all():
            if key.friendly_name == _OWN_KEY:
                return key
        sid = service.new_sid("SK")
        key = KeyRecord(sid, service.account.sid, _OWN_KEY, service.new_secret(sid), service.now_ns)
        service.keys.add(key)
        return key

    def _change(
        self, page: Page, message: HangUpMessage | PressMessage | HoldMessage | MuteMessage
    ) -> None:
        """Hang up, press keys, hold or mute in a page's call."""
        call = self._calls.get(page, {}).get(message.call)
        if call is None:
            return  # it has ended, which the page has been sent already
        if isinstance(message, HangUpMessage):
            call.hang_up()
        elif isinstance(message, PressMessage):
            call.press(message.digits)
        elif isinstance(message, HoldMessage):
            call.hold(message.on)
        else:
            call.note("muted" if message.on else "unmuted")

    # -- calling ----------------------------------------------------------------------------

    def _invite(self, page: Page, message: Invite) -> None:
        """Begin a call of a page's. Raises TwilioError, ClockRefuses."""
        self.real_time()
        token = self._tokens.get(page)
        if token is None:
            raise TwilioError(401, 20101, "register first: a call is made by a client")
        if message.call in self._calls.get(page, {}):
            raise TwilioError(400, 20001, f"there is a call {message.call!r} already")
        call = self.new_call(page, message.call)
        self.spawn(self._call(call, token, message))

    async def _call(self, call: BrowserCall, token: VoiceToken, message: Invite) -> None:
        """Agree on media, place the call, and follow it to its end."""
        try:
            await self.agree(call, message.sdp)
            if call.gone:  # while media were agreed on
                raise ConnectionError("hung up before it rang")
            call.live = self._place(call, token, message)
        except (ValueError, OSError, TwilioError, ClockRefuses) as error:
            words = error.message if isinstance(error, TwilioError) else str(error)
            self.finish(call, "failed", words)
            return
        self.take_messages(call)
        call.page.send("ringing", call=call.name, sid=call.live.sid)
        await self.follow(call, call.live)

    def _place(self, call: BrowserCall, token: VoiceToken, message: Invite) -> LiveCall:
        """Place a page's call with the account. Raises TwilioError, ClockRefuses."""
        self.real_time()
        service, from_ = self.service(), f"client:{token.identity}"
        phone = Phone(Party(name=token.identity, number=from_), far_end=call)
        if token.application_sid is not None:
            application = service.applications.find(token.application_sid)
            params = [*token.params.items(), *message.params.items()]
            follow = FollowUp(application.source(), params)
            record = service.place_from_client(
                from_, message.to, phone, follow, application.callback(), application.sid
            )
        else:
            to = _dialled(message.to)
            if service.own_number(to) is not None:
                record = service.place_inbound(from_, to, phone)
            else:
                record = service.place_from_client(from_, to, phone, DialRequest(to))
        live = service.live_call(record.sid)
        assert live is not None
        return live

    # -- any call ---------------------------------------------------------------------------

    def new_call(self, page: Page, name: str) -> BrowserCall:
        """Return a new call of a page, whose media are not agreed on yet."""
        from mediasim.net.webrtc import WebRtcEndpoint  # loaded when a page opens

        call = BrowserCall(page, name, WebRtcEndpoint(page.host))
        self._calls.setdefault(page, {})[name] = call
        return call

    async def agree(self, call: BrowserCall, offer: str) -> None:
        """Answer a page's offer and wait until media can flow.

        Raises ValueError for a wrong offer, OSError where no media can flow.
        """
        call.page.send("media", call=call.name, sdp=await call.media.answer(offer))
        await call.media.established()

    async def follow(self, call: BrowserCall, live: LiveCall) -> None:
        """Report the end of a call to its page, once it has ended."""
        await live.ended.wait()
        self.finish(call, live.record.status, "")

    def finish(self, call: BrowserCall, status: str, words: str) -> None:
        """Report to a page that its call has ended, and close the call's media."""
        call.media.close()
        self._calls.get(call.page, {}).pop(call.name, None)
        call.page.send("ended", call=call.name, status=status, words=words)

    # -- being called -----------------------------------------------------------------------

    def reach(self, address: str, unplanned: bool = False) -> SoftphoneGateway | None:
        """Return the gateway to ``client:NAME``; None where no page has had that name.

        ``unplanned`` says that the number plan has no party of the name. A party of the plan
        answers when no page is open.
        """
        scheme, _, identity = address.partition(":")
        if scheme != "client":
            return None
        if self.pages_of(identity) or (unplanned and identity in self._known):
            return SoftphoneGateway(self, identity)
        return None

    def pages_of(self, identity: str) -> list[Page]:
        """Return the pages that ring for a name."""
        return [
            page
            for page, token in self._tokens.items()
            if token.identity == identity and token.incoming
        ]

    def set_ringing(self, page: Page, ringing: Ringing | None, name: str) -> None:
        """Note that a page rings for a call, or no longer does (None)."""
        if ringing is not None:
            self._rings.setdefault(page, {})[name] = ringing
        else:
            self._rings.get(page, {}).pop(name, None)


class SoftphoneGateway:
    """The gateway to all pages of an identity: the first that answers takes the call."""

    def __init__(self, manager: SoftphoneManager, identity: str) -> None:
        self._manager = manager
        self._identity = identity

    async def ring(self, call: LiveCall, ringing: Callable[[], None]) -> BrowserCall:
        """Ring the pages until one answers; return its call.

        Raises NotReached.
        """
        pages = self._manager.pages_of(self._identity)
        if not pages:
            words = f"the client {self._identity} is not registered: no softphone page has the name"
            self._manager.service().notify(call.sid, _CALLEE_UNAVAILABLE, words, warning=True)
            raise NotReached(words, "no-answer")
        answers = Ringing(pages)
        end = ("canceled", "the caller has hung up, or the time was over")
        for page in pages:
            self._manager.set_ringing(page, answers, call.sid)
            page.send(
                "incoming", call=call.sid, **{"from": call.record.from_, "to": call.record.to}
            )
        ringing()
        answered: BrowserCall | None = None
        try:
            page, offer = await answers.decided
            end = ("taken", "answered by another page")
            answered = self._manager.new_call(page, call.sid)
            answered.live = call
            self._manager.take_messages(answered)
            await self._manager.agree(answered, offer)
        except (ValueError, OSError) as error:
            assert answered is not None
            self._manager.finish(answered, "failed", str(error))
            raise NotReached(f"the softphone has no media: {error}", "failed") from None
        except asyncio.CancelledError:
            if answered is not None:
                self._manager.finish(answered, "canceled", "the caller has hung up")
            raise
        finally:
            for page in pages:
                self._manager.set_ringing(page, None, call.sid)
                if page in answers.waiting:
                    page.send("ended", call=call.sid, status=end[0], words=end[1])
        self._manager.spawn(self._manager.follow(answered, call))
        return answered


class Ringing:
    """The decision of pages that ring for one call."""

    def __init__(self, pages: list[Page]) -> None:
        self.waiting = set(pages)
        """Pages that have not decided."""
        self.decided: asyncio.Future[tuple[Page, str]] = asyncio.get_running_loop().create_future()
        """The page that answers, with its offer; or NotReached."""
        self._rejected = False

    def decide(self, page: Page, offer: str | None) -> None:
        """Note that a page answers with an offer, or rejects (None)."""
        if self.decided.done() or page not in self.waiting:
            return
        self.waiting.discard(page)
        if offer is not None:
            self.decided.set_result((page, offer))
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


def _dialled(text: str) -> str:
    """Return the number or address that a page's text stands for. Raises TwilioError."""
    text = text.strip()
    return called(f"client:{text}" if _NAME.fullmatch(text) else text)
