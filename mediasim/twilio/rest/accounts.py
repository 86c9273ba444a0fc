"""Accounts: the one there is. There are no subaccounts, as on an account at its limit of them."""

from __future__ import annotations

from typing import Final

from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.rest.ask import Answer, Ask
from mediasim.twilio.rest.paging import listed
from mediasim.twilio.rest.resource import Resource

__all__ = ["ACCOUNTS"]

_STATUSES: Final = ("active", "suspended", "closed")
_NO_MORE: Final = 21480
_PARENT: Final = 21477


def _list(ask: Ask) -> Answer:
    account = ask.service.account
    name = ask.query.text("FriendlyName")
    status = ask.query.word("Status", _STATUSES)
    return listed(
        ask,
        "accounts",
        [account],
        lambda record: record.to_twilio_json(ask.service.dates),
        sid=lambda record: record.sid,
        keep=lambda record: name in (None, "", record.friendly_name) and status in (None, "active"),
    )


def _create(ask: Ask) -> Answer:
    raise TwilioError(400, _NO_MORE, "You've reached the maximum number of subaccounts")


def _fetch(ask: Ask) -> Answer:
    return Answer(ask.service.account.to_twilio_json(ask.service.dates))


def _update(ask: Ask) -> Answer:
    account = ask.service.account
    name = ask.form.friendly_name()
    if (ask.form.word("Status", _STATUSES) or "active") != "active":
        raise bad_parameter("Unable to update Status for parent accounts", _PARENT)
    if name:
        account.friendly_name = name
        account.updated_ns = ask.service.now_ns
    return _fetch(ask)


ACCOUNTS: Final = (
    Resource("Accounts", "Account", {"GET": _list, "POST": _create}, main_only=True),
    Resource("Accounts/{account}", "Account", {"GET": _fetch, "POST": _update}, main_only=True),
)
