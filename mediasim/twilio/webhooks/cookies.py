"""The app's cookies: what it sets in one request of a call, it gets with the next.

Twilio keeps cookies for the time of a call, so an app may keep its session in one. Kept for
each call and host; paths and dates are passed over, but for what browsers take as "forget it".
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Final

__all__ = ["Cookies"]

_MOST_CALLS: Final = 1000
_MOST_COOKIES: Final = 50
_NEXT_COOKIE: Final = re.compile(r",\s*(?=[\w!#$%&'*+.^`|~-]+=)", re.ASCII)
"""Several headers come as one, with commas between them; a date has a comma too."""
_COOKIE: Final = re.compile(r"\s*([\w!#$%&'*+.^`|~-]+)=([\x21-\x3a\x3c-\x7e]*)\s*", re.ASCII)
_FORGOTTEN: Final = re.compile(r"\s*(max-age=(0|-\d+)|expires=.*\b1970\b.*)\s*", re.IGNORECASE)


class Cookies:
    """Cookies of the calls there were last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], dict[str, str]] = OrderedDict()

    def header(self, sid: str, host: str) -> str | None:
        """``Cookie`` of a request about a call; None: there are none."""
        kept = self._kept.get((sid, host))
        return "; ".join(f"{name}={value}" for name, value in kept.items()) if kept else None

    def keep(self, sid: str, host: str, set_cookie: str) -> None:
        """What an answer says, in its ``Set-Cookie``."""
        if not sid or not set_cookie:
            return
        kept = self._kept.setdefault((sid, host), {})
        for written in _NEXT_COOKIE.split(set_cookie):
            pair, *attributes = written.split(";")
            matched = _COOKIE.fullmatch(pair)
            if matched is None:
                continue
            if any(_FORGOTTEN.fullmatch(attribute) for attribute in attributes):
                kept.pop(matched[1], None)
            elif matched[1] in kept or len(kept) < _MOST_COOKIES:
                kept[matched[1]] = matched[2]
        if len(self._kept) > _MOST_CALLS:
            self._kept.popitem(last=False)
