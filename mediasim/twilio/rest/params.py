"""Parameters of a query or a form: their words read, and wrong ones refused with Twilio's code.

Twilio ignores what it does not know, so nothing here looks for unknown names. Of a parameter given
twice the last counts, but for those that may be repeated. An empty value is as good as none where
a word, number or flag is wanted; an empty URL takes a URL away. Codes are those of Twilio's error
dictionary; 20001 where it names none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, Literal, TypeVar, cast
from urllib.parse import parse_qsl

from mediasim.twilio.asks import Callback
from mediasim.twilio.errors import TwilioError, bad_parameter

__all__ = ["MOST_FIELDS", "Method", "Params"]

MOST_FIELDS: Final = 1000
_LONGEST_URL: Final = 4096
"""Our choice: Twilio names no limit."""
_LONGEST_NAME: Final = 64
_LONGEST_SHOWN: Final = 100
_BAD: Final = 20001
_BAD_NAME: Final = 20002
_BAD_CALLBACK: Final = 21609

Method = Literal["GET", "POST"]
W = TypeVar("W", bound=str)


class Params:
    """Names and values, in order."""

    __slots__ = ("_last", "pairs")

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs = tuple(pairs)
        self._last = dict(self.pairs)

    @classmethod
    def parse(cls, text: str) -> Params:
        """Those of a query string or a form. Raises TwilioError for too many."""
        if not text:
            return _NONE
        try:
            pairs = parse_qsl(
                text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="replace"
            )
        except ValueError:
            raise bad_parameter(f"More than {MOST_FIELDS} parameters were given") from None
        return cls(pairs)

    def __contains__(self, name: str) -> bool:
        return name in self._last

    def all(self, name: str) -> list[str]:
        """Every value of a parameter that may be repeated."""
        return [value for each, value in self.pairs if each == name]

    def text(self, name: str, *, longest: int | None = None, code: int = _BAD) -> str | None:
        """The value, None without one. Refused when it is longer than allowed."""
        value = self._last.get(name)
        if value is not None and longest is not None and len(value) > longest:
            raise bad_parameter(
                f"{name} has {len(value)} characters; it may have {longest} at most", code
            )
        return value

    def friendly_name(self) -> str | None:
        """FriendlyName, of as many characters as Twilio allows."""
        return self.text("FriendlyName", longest=_LONGEST_NAME, code=_BAD_NAME)

    def flag(self, name: str) -> bool | None:
        """true or false."""
        value = self._last.get(name)
        if not value:
            return None
        if value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise _wrong(name, value, "true or false")

    def number(self, name: str, lowest: int, highest: int, *, code: int = _BAD) -> int | None:
        """A whole number within limits."""
        value = self._last.get(name)
        if not value:
            return None
        if re.fullmatch(r"[+-]?[0-9]{1,18}", value) is None:
            raise _wrong(name, value, "a whole number", code)
        number = int(value)
        if not lowest <= number <= highest:
            raise _wrong(name, value, f"{lowest} to {highest}", code)
        return number

    def word(self, name: str, allowed: Sequence[W], *, code: int = _BAD) -> W | None:
        """One of some words."""
        value = self._last.get(name)
        if not value:
            return None
        if value not in allowed:
            raise _wrong(name, value, " or ".join(allowed), code)
        return cast(W, value)

    def words(self, name: str, allowed: Sequence[str], *, code: int = _BAD) -> tuple[str, ...]:
        """Some of some words: the parameter repeated, or separated by spaces."""
        found = tuple(dict.fromkeys(word for value in self.all(name) for word in value.split()))
        for word in found:
            if word not in allowed:
                raise _wrong(name, word, " or ".join(allowed), code)
        return found

    def method(self, name: str, *, default: Method = "POST", code: int = _BAD) -> Method:
        """An HTTP method."""
        value = self._last.get(name, "").upper()
        if value in ("GET", "POST"):
            return cast(Method, value)
        if not value:
            return default
        raise _wrong(name, value, "GET or POST", code)

    def url(self, name: str, *, code: int = _BAD) -> str | None:
        """An absolute web address, "" to take one away, None without one."""
        value = self._last.get(name)
        if not value:
            return value
        if len(value) > _LONGEST_URL or re.fullmatch(r"https?://[^\s/?#]\S*", value, re.I) is None:
            raise bad_parameter(f"{name} is not a valid URL: {_shown(value)}", code)
        return value

    def sid(self, name: str, prefix: str, *, code: int = _BAD) -> str | None:
        """A SID of some kind."""
        value = self._last.get(name)
        if not value:
            return None
        if re.fullmatch(f"{prefix}[0-9a-fA-F]{{32}}", value) is None:
            raise _wrong(name, value, f"a SID: {prefix} and 32 hexadecimal digits", code)
        return value

    def callback(self, name: str, events: Sequence[str]) -> Callback | None:
        """Where to tell of which events: a parameter of a name, and those with Method and Event."""
        method = self.method(f"{name}Method")
        chosen = self.words(f"{name}Event", events)
        url = self.url(name, code=_BAD_CALLBACK)
        return Callback(url, method, chosen) if url else None


_NONE: Final = Params()


def _wrong(name: str, value: str, right: str, code: int = _BAD) -> TwilioError:
    return bad_parameter(f"Invalid {name} {_shown(value)}: expected {right}", code)


def _shown(value: str) -> str:
    return value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "..."
