"""Reading of telephone numbers and addresses in the forms that apps write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from mediasim.twilio.errors import bad_parameter

__all__ = ["called", "calling", "dialled", "messaged", "messaging", "sought"]

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
    """Return the address of a Number noun as it is called; None for what is no number."""
    return _written(text.strip())


_CANNOT_ROUTE: Final = 21612
_NO_MESSAGE_TO: Final = 21604
_MAGIC_MESSAGE_TO: Final = {
    "+15005550001": (_INVALID_TO, "Invalid 'To' Phone Number: {}"),
    "+15005550002": (_CANNOT_ROUTE, "The 'To' phone number {} cannot be reached by SMS."),
    "+15005550003": (21408, "Permission to send an SMS has not been enabled for {}"),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient {}"),
    "+15005550009": (21614, "'To' number {} is not a valid mobile number"),
}
_MAGIC_MESSAGE_FROM: Final = {
    "+15005550001": (_INVALID_FROM, "'From' {} is not a valid phone number"),
    "+15005550007": (21606, "The From phone number {} is not a valid, SMS-capable inbound number"),
    "+15005550008": (21611, "This 'From' number {} has exceeded the maximum number of messages"),
}
"""Errors of Twilio's test numbers for messages (docs, Test credentials)."""


def messaged(text: str) -> str:
    """Return the ``To`` of a message as Twilio writes it. Raises TwilioError if it is invalid."""
    channel, number = _channel(text)
    return channel + _read("To", number, _MAGIC_MESSAGE_TO, _NO_MESSAGE_TO, _INVALID_TO)


def messaging(text: str) -> tuple[str, bool]:
    """Return the ``From`` of a message, and whether it is a telephone number.

    Others are a name of up to 11 characters, a short code, or an address of another channel, such
    as ``whatsapp:+14155550100``. Raises TwilioError if it is none of these.
    """
    channel, number = _channel(text)
    short_code = re.fullmatch("[0-9]{3,8}", number)
    name = re.fullmatch("(?=.*[A-Za-z])[A-Za-z0-9 +_&-]{1,11}", number)
    if short_code or name or (channel and not number.startswith("+")):
        return text, False
    found = _read("From", number, _MAGIC_MESSAGE_FROM, _NO_FROM, _INVALID_FROM)
    return channel + found, not channel


def _channel(text: str) -> tuple[str, str]:
    """Return the channel of an address, ``whatsapp:``, and the rest; "" for a text message."""
    match = re.fullmatch("((?:whatsapp|messenger|rcs):)(.+)", text)
    return (match[1], match[2]) if match else ("", text)


def sought(text: str | None) -> str:
    """Read a number in a filter, in which spaces are allowed and a plus may have become one."""
    if text is None or re.match("(client|sips?|whatsapp|messenger|rcs):", text):
        return text or ""
    digits = re.sub(r"[\s().-]", "", text)
    return f"+{digits}" if re.fullmatch("[1-9][0-9]{7,14}", digits) else digits


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
    """Return a number in E.164, a client, SIP or application address as it is, or None."""
    if re.fullmatch(r"client:\S.*|(sips?|app):\S+", text):
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
