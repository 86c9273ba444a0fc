"""Reading of telephone numbers and addresses in the forms that apps write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from mediasim.twilio.errors import bad_parameter

__all__ = ["called", "calling", "dialled"]

_NO_TO: Final = 21201
_NO_FROM: Final = 21213
_INVALID_TO: Final = 21211
_INVALID_FROM: Final = 21212

_TO_TEST: Final = "The number you are attempting to call, {}, "
_MAGIC_TO: Final = {
    "+15005550001": (21217, f"{_TO_TEST}is not a valid phone number."),
    "+15005550002": (21214, f"{_TO_TEST}cannot be reached."),
    "+15005550003": (21215, f"{_TO_TEST}is international, which your account may not call."),
    "+15005550004": (21216, f"{_TO_TEST}is blocked for your account."),
}
"""Errors of Twilio's test numbers to call (docs, Test credentials)."""
_MAGIC_FROM: Final = {
    "+15005550001": (_INVALID_FROM, "The From phone number {} is not a valid phone number.")
}
"""Errors of Twilio's test numbers to call from."""


def called(text: str) -> str:
    """Return a ``To`` as Twilio writes it. Raises TwilioError if it cannot be called."""
    return _read("To", text, _MAGIC_TO, _NO_TO, _INVALID_TO)


def calling(text: str) -> str:
    """Return a ``From`` as Twilio writes it. Raises TwilioError if it is not valid."""
    return _read("From", text, _MAGIC_FROM, _NO_FROM, _INVALID_FROM)


def dialled(text: str) -> str | None:
    """Return the text of a TwiML noun as Twilio writes it; None if it cannot be called."""
    return _written(text)


def _read(
    name: str, text: str, magic: Mapping[str, tuple[int, str]], absent: int, invalid: int
) -> str:
    if not text:
        raise bad_parameter(f"No '{name}' number is specified", absent)
    if text in magic:
        code, words = magic[text]
        raise bad_parameter(words.format(text), code)
    found = _written(text)
    if found is None:
        raise bad_parameter(f"The '{name}' number {text} is not a valid number.", invalid)
    return found


def _written(text: str) -> str | None:
    """Return a number in E.164, a client or SIP address as it is, None for anything else."""
    if re.fullmatch(r"client:\S.*|sips?:\S+", text):
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
