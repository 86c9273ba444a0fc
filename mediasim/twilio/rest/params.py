"""Parameters of a query or a form: their words read, and wrong ones refused with Twilio's code.

Twilio ignores what it does not know, and so it is here: a warning among the notifications names
what was given and never read (:meth:`Params.unread`). Of a parameter given
twice the last counts, but for those that may be repeated. An empty value is as good as none where
a word, number or flag is wanted; an empty URL takes a URL away. Codes are those of Twilio's error
dictionary; 20001 where it names none.

An operation reads only the parameters that its row declares (:mod:`mediasim.twilio.rest.resource`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, Literal, TypeVar, cast, get_args
from urllib.parse import parse_qsl

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.dates import Dates
from mediasim.exchange.profiles import Channels, Track
from mediasim.exchange.trim import Trim
from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.requests import Callback, RecordingRequest, TwimlSource
from mediasim.twilio.webhooks.address import WebhookUrl

__all__ = [
    "CALL_EVENTS",
    "LONGEST_CALL",
    "MOST_FIELDS",
    "RECORDING_EVENTS",
    "RECORDING_OPTIONS",
    "TWIML",
    "Method",
    "Moments",
    "Params",
    "callback_names",
    "date_names",
    "recording_asked",
    "script_asked",
]

MOST_FIELDS: Final = 1000
_LONGEST_URL: Final = 4096
"""Our choice: Twilio names no limit."""
_LONGEST_NAME: Final = 64
_LONGEST_SHOWN: Final = 100
_BAD: Final = 20001
_BAD_NAME: Final = 20002
_BAD_CALLBACK: Final = 21609

CALL_EVENTS: Final = ("initiated", "ringing", "answered", "completed")
RECORDING_EVENTS: Final = ("in-progress", "completed", "absent", "failed")
LONGEST_CALL: Final = 86_400
"""Most seconds of a TimeLimit: a day, as of the Dial verb's."""
_LONGEST_TWIML: Final = 4000
_BAD_TWIML_URL: Final = 21205
_BAD_TWIML_METHOD: Final = 21209
_DAY: Final = 86_400
_LONGEST_DATE: Final = 40

Method = Literal["GET", "POST"]
W = TypeVar("W", bound=str)


class Params:
    """Names and values, in order."""

    __slots__ = ("_declared", "_last", "_read", "pairs")

    def __init__(
        self, pairs: Iterable[tuple[str, str]] = (), declared: Collection[str] | None = None
    ) -> None:
        """``declared`` are the names that may be read; None: any."""
        self.pairs = tuple(pairs)
        self._last = dict(self.pairs)
        self._declared = declared
        self._read: set[str] = set()

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

    def only(self, declared: Collection[str]) -> Params:
        """The same parameters, of which those of other names cannot be read."""
        return Params(self.pairs, declared)

    def unread(self) -> list[str]:
        """The names that were given with a value, and that nothing has read."""
        return [name for name, value in self._last.items() if value and name not in self._read]

    def all(self, name: str) -> list[str]:
        """Every value of a parameter that may be repeated."""
        self._check(name)
        return [value for each, value in self.pairs if each == name]

    def text(self, name: str, *, longest: int | None = None, code: int = _BAD) -> str | None:
        """The value, None without one. Refused when it is longer than allowed."""
        value = self._get(name)
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
        value = self._get(name)
        if not value:
            return None
        if value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise _wrong(name, value, "true or false")

    def number(self, name: str, lowest: int, highest: int, *, code: int = _BAD) -> int | None:
        """A whole number within limits."""
        value = self._get(name)
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
        value = self._get(name)
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
        value = (self._get(name) or "").upper()
        if value in ("GET", "POST"):
            return cast(Method, value)
        if not value:
            return default
        raise _wrong(name, value, "GET or POST", code)

    def url(self, name: str, *, code: int = _BAD) -> str | None:
        """An absolute web address, "" to take one away, None without one."""
        value = self._get(name)
        if not value:
            return value
        try:
            WebhookUrl.parse(value)
        except ValueError as error:
            words = f"{name} is not a valid URL: {_shown(value)}: {error}"
            raise bad_parameter(words, code) from None
        if len(value) > _LONGEST_URL:
            raise bad_parameter(f"{name} is not a valid URL: it is too long", code)
        return value

    def sid(self, name: str, prefix: str, *, code: int = _BAD) -> str | None:
        """A SID of some kind."""
        value = self._get(name)
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

    def _get(self, name: str) -> str | None:
        self._check(name)
        return self._last.get(name)

    def _check(self, name: str) -> None:
        # The table of what the API understands is made of what is declared: it has to be all.
        assert self._declared is None or name in self._declared, f"{name} is not declared"
        self._read.add(name)


_NONE: Final = Params()


def _wrong(name: str, value: str, right: str, code: int = _BAD) -> TwilioError:
    return bad_parameter(f"Invalid {name} {_shown(value)}: expected {right}", code)


def _shown(value: str) -> str:
    return value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "..."


# -- dates -------------------------------------------------------------------------------------


class Moments:
    """A filter by date: ``DateCreated``, ``DateCreated<`` and ``DateCreated>`` of a query.

    A date is a day in UTC, ``2009-07-06``; a date with a time is that second. ``<`` (which a URL
    shows as ``DateCreated<=2009-07-06``) means up to and with that moment, midnight for a day;
    ``>`` from it on (API description, Recordings and Calls). Times are compared as they are shown,
    in whole seconds.
    """

    __slots__ = ("_dates", "_first", "_last", "any")

    def __init__(self, query: Params, name: str, dates: Dates) -> None:
        """Raises TwilioError for what is no date."""
        self._dates = dates
        firsts: list[float] = []
        lasts: list[float] = []
        if text := query.text(name):
            start, seconds = _stretch(name, text)
            firsts.append(start)
            lasts.append(start + seconds - 1)
        if text := query.text(name + ">"):
            firsts.append(_stretch(name, text)[0])
        if text := query.text(name + "<"):
            lasts.append(_stretch(name, text)[0])
        self.any = not firsts and not lasts
        """Whether every time passes, and none too."""
        self._first = max(firsts, default=float("-inf"))
        self._last = min(lasts, default=float("inf"))

    def holds(self, loop_ns: int | None) -> bool:
        """Whether a time is within; what has none is not, unless all are."""
        if self.any:
            return True
        if loop_ns is None:
            return False
        return self._first <= self._dates.unix_ns(loop_ns) // NS_PER_SECOND <= self._last


def _stretch(name: str, text: str) -> tuple[float, int]:
    """The first second of what is written, and how many seconds it spans."""
    try:
        found = datetime.fromisoformat(text[:_LONGEST_DATE])
    except ValueError:
        raise bad_parameter(
            f"Invalid {name} {text[:_LONGEST_DATE]}: expected a date such as 2009-07-06, or"
            " 2009-07-06T20:30:00Z"
        ) from None
    aware = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return aware.timestamp() // 1, 1 if any(mark in text for mark in ":T ") else _DAY


# -- what several resources have ---------------------------------------------------------------


def callback_names(name: str) -> tuple[str, ...]:
    """The parameters that :meth:`Params.callback` reads."""
    return name, f"{name}Method", f"{name}Event"


def date_names(name: str) -> tuple[str, ...]:
    """The parameters that :class:`Moments` reads."""
    return name, f"{name}<", f"{name}>"


TWIML: Final = ("Url", "Method", "FallbackUrl", "FallbackMethod", "Twiml")
"""The parameters that :func:`script_asked` reads."""
RECORDING_OPTIONS: Final = (
    *("RecordingChannels", "RecordingTrack", "Trim"),
    *callback_names("RecordingStatusCallback"),
)
"""The parameters that :func:`recording_asked` reads."""


def script_asked(form: Params) -> TwimlSource | None:
    """Url or Twiml, and the fallback; None without either. Url goes first."""
    method = form.method("Method", code=_BAD_TWIML_METHOD)
    fallback_method = form.method("FallbackMethod", code=_BAD_TWIML_METHOD)
    url = form.url("Url", code=_BAD_TWIML_URL)
    fallback = form.url("FallbackUrl", code=_BAD_TWIML_URL) or None
    if url:
        return TwimlSource(url, method, fallback, fallback_method)
    if twiml := form.text("Twiml", longest=_LONGEST_TWIML):
        return TwimlSource(None, method, fallback, fallback_method, twiml)
    if url == "":
        raise bad_parameter("Url parameter is required.", _BAD_TWIML_URL)
    return None


def recording_asked(form: Params, trim: Trim) -> RecordingRequest:
    """RecordingChannels, RecordingTrack, Trim and RecordingStatusCallback; a default for Trim."""
    return RecordingRequest(
        channels=form.word("RecordingChannels", get_args(Channels)) or "mono",
        track=form.word("RecordingTrack", get_args(Track)) or "both",
        trim=form.word("Trim", get_args(Trim)) or trim,
        callback=form.callback("RecordingStatusCallback", RECORDING_EVENTS),
    )
