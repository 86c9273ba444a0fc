"""Reading of telephone numbers and addresses in the forms that apps write them."""

from __future__ import annotations

import re
from typing import Final

from mediasim.twilio.errors import TwilioError, bad_parameter

__all__ = ["called", "calling"]

_NO_TO: Final = 21201
_NO_FROM: Final = 21213
_INVALID_TO: Final = 21211
_INVALID_FROM: Final = 21212

_MAGIC_TO: Final = {
    "+15005550001": (21217, "is not a valid phone number"),
    "+15005550002": (21214, "cannot be reached"),
    "+15005550003": (21215, "is international, which your account may not call"),
    "+15005550004": (21216, "is blocked for your account"),
}
"""Twilio's test numbers to call, with their errors (docs, Test credentials)."""
_MAGIC_FROM: Final = {"+15005550001": (_INVALID_FROM, "is not a valid phone number")}
"""Twilio's test numbers to call from, with their errors."""


def called(text: str) -> str:
    """Return a ``To`` as Twilio writes it. Raises TwilioError if it cannot be called."""
    if not text:
        raise bad_parameter("No 'To' number is specified", _NO_TO)
    if text in _MAGIC_TO:
        code, why = _MAGIC_TO[text]
        raise bad_parameter(f"The number you are attempting to call, {text}, {why}.", code)
    return _written(text) or _refuse("To", text, _INVALID_TO)


def calling(text: str) -> str:
    """Return a ``From`` as Twilio writes it. Raises TwilioError if it is not valid."""
    if not text:
        raise bad_parameter("No 'From' number is specified", _NO_FROM)
    if text in _MAGIC_FROM:
        code, why = _MAGIC_FROM[text]
        raise bad_parameter(f"The From phone number {text} {why}.", code)
    return _written(text) or _refuse("From", text, _INVALID_FROM)


def _written(text: str) -> str | None:
    """Return a number in E.164, a client or SIP address as it is, None for anything else."""
    if re.fullmatch(r"(client|sips?):\S+", text):
        return text
    digits = re.sub(r"[\s().-]", "", text)
    for pattern, prefix in (
        (r"\+[1-9]\d{6,14}", ""),
        (r"[2-9]\d{9}", "+1"),  # North America, as the account is taken to be
        (r"1[2-9]\d{9}", "+"),
    ):
        if re.fullmatch(pattern, digits):
            return prefix + digits
    return None


def _refuse(name: str, text: str, code: int) -> str:
    error: TwilioError = bad_parameter(f"The '{name}' number {text} is not a valid number.", code)
    raise error
