"""The softphones of a sandbox: registered pages, and the calls that they make.

Calls that ring them come by :mod:`gateway`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any, Final

from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import Phone
from mediasim.parties.party import Party
from mediasim.sandbox.clocks import ClockRefuses
from mediasim.sandbox.softphone.accounts import account_of_token, own_key
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
    Rejoin,
    Restart,
    Ring,
    UserMessage,
    new_media,
)
from mediasim.sandbox.softphone.ringing import Ringing
from mediasim.sandbox.softphone.roaming import Roaming
from mediasim.twilio.access_token import VoiceToken, is_advised, mint, read_access_token
from mediasim.twilio.account import Account
from mediasim.twilio.addresses import called
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.requests import DialRequest
from mediasim.twilio.session import FollowUp

__all__ = ["SoftphoneManager"]

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_BAD_GRANTS: Final = 20106
_EXPIRED: Final = 20104
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
        self._ringable: set[Page] = set()
        """Pages that ring for calls."""
        self._expiring: dict[Page, asyncio.TimerHandle] = {}
        self._roaming = Roaming(self.calls, self.hand_over, self.spawn)
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
        elif isinstance(message, Ring):
            page.send("ringable", on=self._ring(page, message.on))
        elif isinstance(message, Restart):
            self._roaming.restart(self.call_of(page, message.call), message)
        elif isinstance(message, Rejoin):
            if page not in self._tokens:
                raise TwilioError(401, 20101, "register first: a call is taken up by a client")
            self._roaming.rejoin(page, message)
        elif isinstance(message, Invite):
            self._invite(page, message)
        elif isinstance(message, UserMessage):
            self._tell_app(page, message)
        elif isinstance(message, AnswerMessage | Reject):
            ringing = self._rings.get(page, {}).get(message.call)
            if ringing is not None:
                ringing.decide(page, message.sdp if isinstance(message, AnswerMessage) else None)
            elif isinstance(message, AnswerMessage):
                words = "it rings no longer"
                page.send("ended", call=message.call, sid=None, status="taken", words=words)
        else:
            self._change(page, message)

    def _tell_app(self, page: Page, message: UserMessage) -> None:
        """Send a page's user-defined message to the app's subscriptions. Raises TwilioError."""
        call = self.call_of(page, message.call)
        if call is not None and call.sid is not None:
            messages = self.service().user_messages
            messages.receive(call.sid, message.content, message.content_type)
            if message.id:
                page.send("received", call=call.sid, id=message.id)

    def take_messages(self, call: BrowserCall) -> None:
        """Let a page take the user-defined messages of its call."""
        assert call.live is not None

        def deliver(sid: str, content: str) -> None:
            call.page.send("message", call=call.name, of=call.sid, sid=sid, content=content)

        self.service().user_messages.connect(call.live.sid, deliver)

    def remove_page(self, page: Page) -> None:
        """Remove a page whose WebSocket is gone: it rings no longer.

        Its calls are hung up; those of a page that may take them up again only after a while.
        """
        self._unregister(page)
        self._tokens.pop(page, None)
        for ringing in list(self._rings.pop(page, {}).values()):
            ringing.remove(page)
        for call in list(self._calls.pop(page, {}).values()):
            if page.offered and call.answered:
                self._roaming.wait_for_page(call)
            else:
                call.hang_up()

    def _unregister(self, page: Page) -> None:
        """Let a page ring no longer."""
        self._ringable.discard(page)
        timer = self._expiring.pop(page, None)
        if timer is not None:
            timer.cancel()

    async def close(self) -> None:
        """Remove all pages and cancel all tasks."""
        for page in list(self._tokens):
            self.remove_page(page)
        self._roaming.close()
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
        service = account_of_token(self.service(), message.token)
        now_s = service.dates.unix_ns(service.now_ns) // 10**9
        account = service.account.sid
        token = message.token
        if not token:
            token = mint(account, own_key(service), message.identity, now_s=now_s)
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
            seconds=token_read.expires_s - now_s,
        )
        if message.rings:
            self._ring(page, True)

    def _ring(self, page: Page, on: bool) -> bool:
        """Let a page ring for calls until its token expires, or no longer; return whether it does.

        Raises TwilioError.
        """
        token = self._tokens.get(page)
        if token is None:
            raise TwilioError(401, 20101, "register with a token first")
        self._unregister(page)
        if on and token.incoming:
            self._ringable.add(page)
            service = self.service()
            left = token.expires_s - service.dates.unix_ns(service.now_ns) / 1e9
            loop = asyncio.get_running_loop()
            self._expiring[page] = loop.call_later(max(0.0, left), self._expire, page)
        return on and token.incoming

    def _expire(self, page: Page) -> None:
        """Let a page whose token has expired ring no longer; its calls go on."""
        self._unregister(page)
        words = "Access token expired: the client rings no longer until it has a new one"
        page.send("refused", words=words, code=_EXPIRED, call=None, of="register")

    def _change(
        self, page: Page, message: HangUpMessage | PressMessage | HoldMessage | MuteMessage
    ) -> None:
        """Hang up, press keys, hold or mute in a page's call."""
        call = self.call_of(page, message.call)
        if call is None:
            return  # it has ended, which the page has been sent already
        if isinstance(message, HangUpMessage):
            if message.words:
                call.note(f"hung up: {message.words}")
            call.hang_up()
        elif isinstance(message, PressMessage):
            call.press(message.digits)
        elif isinstance(message, HoldMessage):
            call.hold(message.on)
        else:
            call.note("muted" if message.on else "unmuted")

    def calls(self) -> list[BrowserCall]:
        """Return the calls of all pages that are open."""
        return [call for calls in self._calls.values() for call in calls.values()]

    def hand_over(self, call: BrowserCall, page: Page, name: str) -> None:
        """Give a call to another page, by the name that it has there."""
        self._calls.get(call.page, {}).pop(call.name, None)
        call.page, call.name = page, name
        self._calls.setdefault(page, {})[name] = call

    def call_of(self, page: Page, name: str) -> BrowserCall | None:
        """Return a page's call by its own name for it, or by its SID."""
        calls = self._calls.get(page, {})
        found = calls.get(name)
        return found or next((call for call in calls.values() if call.sid == name), None)

    # -- calling ----------------------------------------------------------------------------

    def _invite(self, page: Page, message: Invite) -> None:
        """Begin a call of a page's. Raises TwilioError, ClockRefuses."""
        self.real_time()
        token = self._tokens.get(page)
        if token is None:
            raise TwilioError(401, 20101, "register first: a call is made by a client")
        if message.call in self._calls.get(page, {}):
            raise TwilioError(400, 20001, f"there is a call {message.call!r} already")
        if page.offered and token.application_sid is None:
            words = "the token's voice grant has no outgoing application: the client may not call"
            raise TwilioError(401, 20106, words)
        call = self.new_call(page, message.call)
        self.spawn(self._call(call, token, message))

    async def _call(self, call: BrowserCall, token: VoiceToken, message: Invite) -> None:
        """Agree on media, place the call, and follow it to its end."""
        try:
            sdp = await call.media.answer(message.sdp)
            if not call.page.offered:  # it waits for the media before it says that it rings
                call.page.send("media", call=call.name, sdp=sdp)
                await call.media.established()
            if call.gone:  # while media were agreed on
                raise ConnectionError("hung up before it rang")
            call.live = self._place(call, token, message)
            self.take_messages(call)
            call.page.send("ringing", call=call.name, sid=call.live.sid, sdp=sdp)
            await call.media.established()
        except (ValueError, OSError, TwilioError, ClockRefuses) as error:
            words = error.message if isinstance(error, TwilioError) else str(error)
            if call.live is not None:
                call.hang_up()
            self.finish(call, "failed", words)
            return
        await self.follow(call, call.live)

    def _place(self, call: BrowserCall, token: VoiceToken, message: Invite) -> LiveCall:
        """Place a page's call with the account. Raises TwilioError, ClockRefuses."""
        self.real_time()
        service, from_ = self.service().of(token.account_sid), f"client:{token.identity}"
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
        secret = self.service().new_secret(f"softphone {name}")
        call = BrowserCall(page, name, new_media(page), secret)
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
        self.drop(call)
        call.page.send("ended", call=call.name, sid=call.sid, status=status, words=words)

    def drop(self, call: BrowserCall) -> None:
        """Close a call's media, and forget it."""
        call.media.close()
        self._calls.get(call.page, {}).pop(call.name, None)
        self._roaming.found(call)

    # -- being called -----------------------------------------------------------------------

    def has_had(self, identity: str) -> bool:
        """Return whether a page has had a name since the start."""
        return identity in self._known

    def pages_of(self, identity: str, account: str | None = None) -> list[Page]:
        """Return the pages that ring for a name, of one account or of any."""
        return [
            page
            for page, token in self._tokens.items()
            if token.identity == identity
            and account in (None, token.account_sid)
            and page in self._ringable
        ]

    def set_ringing(self, page: Page, ringing: Ringing | None, name: str) -> None:
        """Note that a page rings for a call, or no longer does (None)."""
        if ringing is not None:
            self._rings.setdefault(page, {})[name] = ringing
        else:
            self._rings.get(page, {}).pop(name, None)


def _dialled(text: str) -> str:
    """Return the number or address that a page's text stands for. Raises TwilioError."""
    text = text.strip()
    return called(f"client:{text}" if _NAME.fullmatch(text) else text)
