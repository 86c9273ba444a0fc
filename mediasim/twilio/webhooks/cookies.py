"""The app's cookies: those set in a response are sent with the later requests of the call.

Twilio keeps cookies for the time of a call, so an app may keep its session in one. Domains, paths
and lifetimes are those of the standard library's jar, with two exceptions: a secure cookie is
sent over plain HTTP too, for apps under test are on this machine; and time is the sandbox's, from
0 at its start. So only an expiry date of 1970 is past, the one that apps delete a cookie with.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from email.message import Message
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from typing import Any, Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.twilio.webhooks.address import WebhookUrl

__all__ = ["Cookies"]

_MOST_CALLS: Final = 1000
_MOST_COOKIES: Final = 50
_LONGEST: Final = 4096
"""Most characters of a cookie and its attributes, as of browsers."""
_NEXT_COOKIE: Final = re.compile(r",\s*(?=[\w!#$%&'*+.^`|~-]+=)", re.ASCII)
"""Separates ``Set-Cookie`` headers that were joined by commas; a date has a comma too."""
_PAIR: Final = re.compile(r"[\w!#$%&'*+.^`|~-]+=[\x21-\x3a\x3c-\x7e]*", re.ASCII)


class Cookies:
    """The cookies of the last thousand calls that got any."""

    def __init__(self, clock: Callable[[], int]) -> None:
        """Create an empty store. ``clock`` is the sandbox's time in nanoseconds."""
        self._clock = clock
        self._jars: OrderedDict[str, _Jar] = OrderedDict()

    def header(self, sid: str, address: WebhookUrl) -> str | None:
        """Return the ``Cookie`` header of a request about a call; None without cookies."""
        jar = self._jars.get(sid)
        if jar is None:
            return None
        exchange: Any = _Exchange(address)
        jar.add_cookie_header(exchange)
        cookie: str | None = exchange.cookie
        return cookie

    def keep(self, sid: str, address: WebhookUrl, set_cookie: str) -> None:
        """Store the cookies of a response's ``Set-Cookie`` header."""
        if not sid or not set_cookie:
            return
        exchange: Any = _Exchange(address, set_cookie)
        self._jars.setdefault(sid, _Jar(self._clock)).extract_cookies(exchange, exchange)
        if len(self._jars) > _MOST_CALLS:
            self._jars.popitem(last=False)


class _OnSandboxTime:
    """Replaces the machine's time by the sandbox's in the library's jar and policy."""

    clock: Callable[[], int]

    @property
    def _now(self) -> int:
        return self.clock() // NS_PER_SECOND

    @_now.setter
    def _now(self, _: int) -> None: ...


class _Policy(_OnSandboxTime, DefaultCookiePolicy):
    def set_ok(self, cookie: Cookie, request: Any) -> bool:
        written = cookie.name if cookie.value is None else f"{cookie.name}={cookie.value}"
        return bool(_PAIR.fullmatch(written)) and super().set_ok(cookie, request)


class _Jar(_OnSandboxTime, CookieJar):
    def __init__(self, clock: Callable[[], int]) -> None:
        policy = _Policy(secure_protocols=("http", "https"))
        self.clock = policy.clock = clock
        super().__init__(policy)

    def set_cookie(self, cookie: Cookie) -> None:
        super().set_cookie(cookie)
        if len(self) > _MOST_COOKIES:
            self.clear(cookie.domain, cookie.path, cookie.name)

    def clear_expired_cookies(self) -> None:
        """Do nothing: the library uses the machine's clock, and expired cookies are not sent."""


class _Exchange:
    """A request and its response, in the interface that a cookie jar needs."""

    unverifiable = False

    def __init__(self, address: WebhookUrl, set_cookie: str = "") -> None:
        self.type, self.host = address.scheme, address.authority
        self.cookie: str | None = None
        self._url = address.url()
        self._answer = Message()
        for each in _NEXT_COOKIE.split(set_cookie):
            if len(each) <= _LONGEST:
                self._answer["Set-Cookie"] = each

    def get_full_url(self) -> str:
        return self._url

    def has_header(self, _: str) -> bool:
        return False

    def add_unredirected_header(self, _: str, value: str) -> None:
        self.cookie = value

    def info(self) -> Message:
        return self._answer
