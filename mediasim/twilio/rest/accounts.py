"""Accounts and API keys: the main account, its subaccounts, and their keys.

A subaccount has its own SID and auth token, calls, recordings, numbers and everything else; the
main account's token is valid for it too. A suspended one places and takes no calls or messages and
its own credentials are refused; a closed one has lost its numbers and stays closed. Keys and
SigningKeys are the same here. A key's secret is shown once, at its creation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mediasim.exchange.lifecycle import move
from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.resources import AccountRecord, KeyRecord
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
_MOST: Final = 1000
_NO_MORE: Final = 21480
_PARENT: Final = 21477
_CLOSED: Final = 21478
_NOT_PARENT: Final = 20003


def _list(request: ApiRequest) -> ApiResponse:
    name = request.query.text("FriendlyName")
    status = request.query.word("Status", _STATUSES)
    account = request.account
    others = account.subaccounts.all() if account is account.main else []
    return listed(
        request,
        [account.account, *others],
        keep=lambda record: (
            name in (None, "", record.friendly_name) and status in (None, record.status)
        ),
    )


def _create(request: ApiRequest) -> ApiResponse:
    account, name = request.account, request.form.friendly_name()
    if account is not account.main:
        raise TwilioError(401, _NOT_PARENT, "Authenticate: a subaccount has no subaccounts")
    if len(account.subaccounts.all()) >= _MOST:
        raise TwilioError(400, _NO_MORE, "You've reached the maximum number of subaccounts")
    sid = request.new_sid()
    made = account.dates.at(account.now_ns)
    default = f"SubAccount Created at {made:%Y-%m-%d %I:%M} {f'{made:%p}'.lower()}"
    record = AccountRecord(
        sid=sid,
        auth_token=account.new_secret(sid),
        friendly_name=name or default,
        created_ns=account.now_ns,
        owner_account_sid=account.sid,
    )
    account.subaccounts.add(record)
    return request.show(record, 201)


def _fetch(request: ApiRequest) -> ApiResponse:
    return request.show(request.account.account)


def _update(request: ApiRequest) -> ApiResponse:
    account = request.account.account
    name = request.form.friendly_name()
    status = request.form.word("Status", _STATUSES)
    if status not in (None, account.status):
        if not account.owner_account_sid:
            raise bad_parameter("Unable to update Status for parent accounts", _PARENT)
        if account.status == "closed":
            raise bad_parameter("Unable to update Status: the account is closed", _CLOSED)
        move(account, status, request.account.now_ns)
        if status == "closed":
            for number in request.own(request.account.numbers.all()):
                request.account.numbers.remove(number.sid)
    if name:
        account.friendly_name = name
        account.updated_ns = request.account.now_ns
    return _fetch(request)


_ACCOUNT: Final = ("FriendlyName", "Status")
ACCOUNTS: Final = Resource(
    name="Account",
    many="accounts",
    prefix="AC",
    stored=Stored("account", AccountRecord, in_resource_list("Accounts")),
    main_only=True,
    paths={
        ACCOUNT.removesuffix("/{account}"): {
            "GET": Operation(_list, (*PAGING, *_ACCOUNT)),
            "POST": Operation(_create, ("FriendlyName",)),
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
