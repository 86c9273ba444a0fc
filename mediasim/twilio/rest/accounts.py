"""Accounts and API keys: the only account, and its keys.

There are no subaccounts, as on an account at its limit of them. Keys and SigningKeys are the
same here. A key's secret is shown once, at its creation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.resources import KeyRecord
from mediasim.twilio.rest.paging import LIST_ALL, PAGING, listed
from mediasim.twilio.rest.resource import (
    ACCOUNT,
    ApiRequest,
    Operation,
    Resource,
    Stored,
    delete,
    fetch,
    in_resource_list,
)
from mediasim.twilio.rest.responses import ApiResponse

__all__ = ["ACCOUNTS", "KEYS", "SIGNING_KEYS"]

_STATUSES: Final = ("active", "suspended", "closed")
_NO_MORE: Final = 21480
_PARENT: Final = 21477


def _list(request: ApiRequest) -> ApiResponse:
    name = request.query.text("FriendlyName")
    status = request.query.word("Status", _STATUSES)
    return listed(
        request,
        [request.account.account],
        keep=lambda record: name in (None, "", record.friendly_name) and status in (None, "active"),
    )


def _create(request: ApiRequest) -> ApiResponse:
    raise TwilioError(400, _NO_MORE, "You've reached the maximum number of subaccounts")


def _fetch(request: ApiRequest) -> ApiResponse:
    return request.show(request.account.account)


def _update(request: ApiRequest) -> ApiResponse:
    account = request.account.account
    name = request.form.friendly_name()
    if (request.form.word("Status", _STATUSES) or "active") != "active":
        raise bad_parameter("Unable to update Status for parent accounts", _PARENT)
    if name:
        account.friendly_name = name
        account.updated_ns = request.account.now_ns
    return _fetch(request)


_ACCOUNT: Final = ("FriendlyName", "Status")
ACCOUNTS: Final = Resource(
    name="Account",
    many="accounts",
    prefix="AC",
    main_only=True,
    paths={
        ACCOUNT.removesuffix("/{account}"): {
            "GET": Operation(_list, (*PAGING, *_ACCOUNT)),
            "POST": Operation(_create),
        },
        ACCOUNT: {"GET": Operation(_fetch), "POST": Operation(_update, _ACCOUNT)},
    },
)


# -- keys ---------------------------------------------------------------------------------------


def _create_key(request: ApiRequest) -> ApiResponse:
    name = request.form.friendly_name()
    sid = request.new_sid()
    record = KeyRecord(
        sid=sid,
        account_sid=request.account.sid,
        friendly_name=name or "",
        secret=request.account.new_secret(sid),
        created_ns=request.account.now_ns,
    )
    request.account.keys.add(record)
    return ApiResponse(record.to_twilio_json(request.account.dates, with_secret=True), 201)


def _update_key(request: ApiRequest) -> ApiResponse:
    record = request.account.keys.find(request.at["sid"])
    name = request.form.friendly_name()
    if name is not None:
        record.friendly_name = name
        record.updated_ns = request.account.now_ns
    return request.show(record)


def _key_paths(path: str) -> Mapping[str, Mapping[str, Operation]]:
    name = ("FriendlyName",)
    return {
        f"{ACCOUNT}/{path}": {"GET": LIST_ALL, "POST": Operation(_create_key, name)},
        f"{ACCOUNT}/{path}/{{sid}}": {
            "GET": Operation(fetch),
            "POST": Operation(_update_key, name),
            "DELETE": Operation(delete),
        },
    }


_STORED: Final = Stored("key", KeyRecord, in_resource_list("Keys"))
KEYS: Final = Resource(
    name="Key",
    many="keys",
    prefix="SK",
    stored=_STORED,
    main_only=True,
    paths=_key_paths("Keys"),
)
SIGNING_KEYS: Final = Resource(
    name="SigningKey",
    many="signing_keys",
    prefix="SK",
    stored=_STORED,
    main_only=True,
    paths=_key_paths("SigningKeys"),
)
