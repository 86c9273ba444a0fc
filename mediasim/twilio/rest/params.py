"""Parameters of a query or a form: wrong values are refused with Twilio's code.

Twilio ignores unknown names, and so does this; a warning among the notifications names what was
given and never read (:meth:`Params.unread`). Of a parameter given twice the last counts, but for
those that may be repeated. An empty word, number or flag counts as absent; an empty URL removes a
URL. Codes are those of Twilio's error dictionary; 20001 where it names none.

An operation reads only the parameters that its row declares (:mod:`mediasim.twilio.rest.resource`).
All methods that read one raise TwilioError (400) if its value is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final, Literal, TypeVar, cast, get_args
from urllib.parse import parse_qsl

from mediasim.exchange.profiles import Channels, Track
from mediasim.exchange.trim import Trim
from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.requests import (
    RECORDING_EVENTS,
    Callback,
    RecordingRequest,
    TwimlSource,
)
from mediasim.twilio.webhooks.address import WebhookUrl

__all__ = [
    "LONGEST_CALL",
    "MOST_FIELDS",
    "NUMBERED",
    "RECORDING_OPTIONS",
    "REST_RECORDING_EVENTS",
    "TWIML",
    "Method",
    "Params",
    "callback_names",
    "numbered_values",
    "recording_request",
    "to_and_from",
    "twiml_source",
]

MOST_FIELDS: Final = 1000
_LONGEST_URL: Final = 4096
"""Most characters of a URL (our choice: Twilio names no limit)."""
_LONGEST_NAME: Final = 64
_LONGEST_ADDRESS: Final = 512
_INVALID_TO: Final = 21211
_INVALID_FROM: Final = 21212
_LONGEST_EXCERPT: Final = 100
_BAD: Final = 20001
_BAD_NAME: Final = 20002
_BAD_CALLBACK: Final = 21609

REST_RECORDING_EVENTS: Final = (*RECORDING_EVENTS, "failed")
LONGEST_CALL: Final = 86_400
"""Most seconds of a TimeLimit: a day, as for the Dial verb."""
_LONGEST_TWIML: Final = 4000
_BAD_TWIML_URL: Final = 21205
_BAD_TWIML_METHOD: Final = 21209

Method = Literal["GET", "POST"]
W = TypeVar("W", bound=str)


class Params:
    """Names and values of parameters, in order."""

    __slots__ = ("_declared", "_last", "_read", "pairs")

    def __init__(
        self, pairs: Iterable[tuple[str, str]] = (), declared: Collection[str] | None = None
    ) -> None:
        """Hold parameters; ``declared`` are the names that may be read, None: any."""
        self.pairs = tuple(pairs)
        self._last = dict(self.pairs)
        self._declared = declared
        self._read: set[str] = set()

    @classmethod
    def parse(cls, text: str) -> Params:
        """Parse a query string or a form. Raises TwilioError if it has too many parameters."""
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
        """Return the same parameters, of which only those of some names can be read."""
        return Params(self.pairs, declared)

    def unread(self) -> list[str]:
        """Return the names that were given with a value and that nothing has read."""
        return [name for name, value in self._last.items() if value and name not in self._read]

    def in_vain(self, *names: str) -> None:
        """Count parameters as not read: they were checked, and say nothing without another."""
        self._read.difference_update(names)

    def all(self, name: str) -> list[str]:
        """Return all values of a parameter that may be repeated."""
        self._check(name)
        return [value for each, value in self.pairs if each == name]

    def text(self, name: str, *, longest: int | None = None, code: int = _BAD) -> str | None:
        """Return the value, None without one; more than ``longest`` characters are refused."""
        value = self._get(name)
        if value is not None and longest is not None and len(value) > longest:
            raise bad_parameter(
                f"{name} has {len(value)} characters; it may have {longest} at most", code
            )
        return value

    def friendly_name(self) -> str | None:
        """Return FriendlyName; more characters than Twilio allows are refused."""
        return self.text("FriendlyName", longest=_LONGEST_NAME, code=_BAD_NAME)

    def flag(self, name: str) -> bool | None:
        """Return the value of a parameter that is true or false; None without one."""
        value = self._get(name)
        if not value:
            return None
        if value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise _wrong(name, value, "true or false")

    def required(self, name: str, *, longest: int | None = None, code: int = _BAD) -> str:
        """Return a text as :meth:`text` does; one that is missing or empty is refused."""
        value = self.text(name, longest=longest, code=code)
        if not value:
            raise bad_parameter(f"{name} parameter is required.", code)
        return value

    def number(self, name: str, lowest: int, highest: int, *, code: int = _BAD) -> int | None:
        """Return a whole number from ``lowest`` to ``highest``; None without one."""
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
        """Return one of the allowed words; None without one."""
        value = self._get(name)
        if not value:
            return None
        if value not in allowed:
            raise _wrong(name, value, " or ".join(allowed), code)
        return cast(W, value)

    def words(
        self, name: str, allowed: Sequence[str], *, code: int = _BAD, commas: bool = False
    ) -> tuple[str, ...]:
        """Return several of the allowed words: a parameter repeated, or separated by spaces.

        With ``commas`` they separate words too.
        """
        found, unknown = self.known_words(name, allowed, commas=commas)
        if unknown:
            raise _wrong(name, unknown[0], " or ".join(allowed), code)
        return found

    def known_words(
        self, name: str, allowed: Sequence[str], *, commas: bool = False
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the allowed words and the others, of a parameter as :meth:`words` reads it."""
        texts = (value.replace(",", " ") if commas else value for value in self.all(name))
        found = dict.fromkeys(word for text in texts for word in text.split())
        known = tuple(word for word in found if word in allowed)
        return known, tuple(word for word in found if word not in allowed)

    def method(self, name: str, *, default: Method = "POST", code: int = _BAD) -> Method:
        """Return an HTTP method, GET or POST."""
        value = (self._get(name) or "").upper()
        if value in ("GET", "POST"):
            return cast(Method, value)
        if not value:
            return default
        raise _wrong(name, value, "GET or POST", code)

    def url(self, name: str, *, code: int = _BAD) -> str | None:
        """Return an absolute URL of http or https, "" to remove one, None without one."""
        value = self._get(name)
        if not value:
            return value
        try:
            WebhookUrl.parse(value)
        except ValueError as error:
            words = f"{name} is not a valid URL: {_excerpt(value)}: {error}"
            raise bad_parameter(words, code) from None
        if len(value) > _LONGEST_URL:
            raise bad_parameter(f"{name} is not a valid URL: it is too long", code)
        return value

    def sid(self, name: str, prefix: str, *, code: int = _BAD) -> str | None:
        """Return a SID of a prefix; None without one."""
        value = self._get(name)
        if not value:
            return None
        if re.fullmatch(f"{prefix}[0-9a-fA-F]{{32}}", value) is None:
            raise _wrong(name, value, f"a SID: {prefix} and 32 hexadecimal digits", code)
        return value

    def callback(self, name: str, events: Sequence[str] = ()) -> Callback | None:
        """Return the callback of ``<name>``, ``<name>Method`` and ``<name>Event``; None without.

        One that has no ``events`` to choose from has no ``<name>Event``.
        """
        method = self.method(f"{name}Method")
        chosen = self.words(f"{name}Event", events) if events else ()
        url = self.url(name, code=_BAD_CALLBACK)
        if url:
            return Callback(url, method, chosen)
        self.in_vain(f"{name}Method", f"{name}Event")
        return None

    def _get(self, name: str) -> str | None:
        self._check(name)
        return self._last.get(name)

    def _check(self, name: str) -> None:
        # The table of supported parameters is made of the declared ones, so these must be all.
        assert self._declared is None or name in self._declared, f"{name} is not declared"
        self._read.add(name)


_NONE: Final = Params()


def _wrong(name: str, value: str, right: str, code: int = _BAD) -> TwilioError:
    return bad_parameter(f"Invalid {name} {_excerpt(value)}: expected {right}", code)


def _excerpt(value: str) -> str:
    return value if len(value) <= _LONGEST_EXCERPT else value[:_LONGEST_EXCERPT] + "..."


# -- parameters of several resources -----------------------------------------------------------


def callback_names(name: str) -> tuple[str, ...]:
    """Return the names of the parameters that :meth:`Params.callback` reads."""
    return name, f"{name}Method", f"{name}Event"


_MOST_NUMBERED: Final = 99
NUMBERED: Final = tuple(
    f"Parameter{number}.{part}"
    for number in range(1, _MOST_NUMBERED + 1)
    for part in ("Name", "Value")
)
"""Names of the parameters that :func:`numbered_values` reads."""


def numbered_values(form: Params) -> dict[str, str]:
    """Return an app's own parameters: ``Parameter1.Name``, ``Parameter1.Value`` up to 99."""
    found = {}
    for number in range(1, _MOST_NUMBERED + 1):
        name = form.text(f"Parameter{number}.Name")
        if name:
            found[name] = form.text(f"Parameter{number}.Value") or ""
    return found


TWIML: Final = ("Url", "Method", "FallbackUrl", "FallbackMethod", "Twiml")
"""Names of the parameters that :func:`twiml_source` reads."""
RECORDING_OPTIONS: Final = (
    *("RecordingChannels", "RecordingTrack", "Trim"),
    *callback_names("RecordingStatusCallback"),
    "RecordingConfigurationId",
)
"""Names of the parameters that :func:`recording_request` reads."""


def to_and_from(form: Params) -> tuple[str, str]:
    """Return the addresses To and From; "" without one."""
    to = form.text("To", longest=_LONGEST_ADDRESS, code=_INVALID_TO) or ""
    return to, form.text("From", longest=_LONGEST_ADDRESS, code=_INVALID_FROM) or ""


def twiml_source(form: Params) -> TwimlSource | None:
    """Return the source of Url and its fallback, or else of Twiml; None without either."""
    method = form.method("Method", code=_BAD_TWIML_METHOD)
    fallback_method = form.method("FallbackMethod", code=_BAD_TWIML_METHOD)
    url = form.url("Url", code=_BAD_TWIML_URL)
    fallback = form.url("FallbackUrl", code=_BAD_TWIML_URL) or None
    if not fallback:
        form.in_vain("FallbackMethod")
    if url:
        return TwimlSource(url, method, fallback, fallback_method)
    form.in_vain("Method", "FallbackUrl", "FallbackMethod")
    if twiml := form.text("Twiml", longest=_LONGEST_TWIML):
        return TwimlSource(twiml=twiml)
    if url == "":
        raise bad_parameter("Url parameter is required.", _BAD_TWIML_URL)
    return None


def recording_request(form: Params, trim: Trim) -> RecordingRequest:
    """Return the recording of the parameters ``RECORDING_OPTIONS``; ``trim`` is the default.

    Raises TwilioError (400) for a configuration beside other parameters.
    """
    configuration = form.text("RecordingConfigurationId") or ""
    inline = tuple(name for name in RECORDING_OPTIONS[:-1] if form.text(name))
    if configuration and inline:
        raise bad_parameter(
            f"RecordingConfigurationId and {inline[0]} were given: expected either a configuration "
            "or parameters"
        )
    return RecordingRequest(
        configuration_id=configuration,
        inline=inline,
        by_default=True,
        channels=form.word("RecordingChannels", get_args(Channels)) or "mono",
        track=form.word("RecordingTrack", get_args(Track)) or "both",
        trim=form.word("Trim", get_args(Trim)) or trim,
        callback=form.callback("RecordingStatusCallback", REST_RECORDING_EVENTS),
    )
