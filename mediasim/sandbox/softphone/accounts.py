"""Whose a softphone is: the account of its token, and the key of pages without a token."""

from __future__ import annotations

from typing import Final

from mediasim.twilio.access_token import claimed_account
from mediasim.twilio.account import Account
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.resources import KeyRecord

__all__ = ["account_of_token", "own_key"]

_OWN_KEY: Final = "sandbox softphone"
"""Friendly name of the API key that signs tokens for pages without one."""


def account_of_token(main: Account, token: str | None) -> Account:
    """Return the account that a token says it is of, unverified; the main one without any."""
    claimed = claimed_account(token) if token else None
    try:
        return main if claimed is None else main.of(claimed)
    except TwilioError:
        return main  # which says what is wrong with the token


def own_key(service: Account) -> KeyRecord:
    """Return the API key that signs tokens for pages that give a name alone."""
    for key in service.keys.all():
        if key.friendly_name == _OWN_KEY:
            return key
    sid = service.new_sid("SK")
    key = KeyRecord(sid, service.account.sid, _OWN_KEY, service.new_secret(sid), service.now_ns)
    service.keys.add(key)
    return key
