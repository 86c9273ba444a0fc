"""Credentials that a customer gives the account: public keys, and keys of AWS.

They are at accounts.twilio.com; neither is ever shown again. The codes of what cannot be read are
70104 and 70106.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mediasim.twilio.account import Account
from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.resource import (
    ApiRequest,
    Handler,
    Operation,
    Resource,
    Stored,
    delete,
    in_resource_list,
)
from mediasim.twilio.rest.responses import ApiResponse
from mediasim.twilio.vault import (
    CREDENTIAL,
    CredentialKind,
    CredentialRecord,
    read_aws_credentials,
    read_public_key,
)

__all__ = ["AWS_CREDENTIALS", "PUBLIC_KEYS"]

_BAD_KEY: Final = 70104
_BAD_AWS: Final = 70106
_CREATED: Final = ("FriendlyName", "AccountSid")


def _shown(request: ApiRequest, record: Any) -> dict[str, Any]:
    """Return a credential's JSON, with its URL."""
    path = request.path if "sid" not in request.at else request.path.rpartition("/")[0]
    url = f"{request.account.base_url}{path.removesuffix('.json')}/{record.sid}"
    return {**record.to_twilio_json(request.account.dates), "url": url}


def _kind(request: ApiRequest) -> CredentialKind:
    return "public-key" if request.resource is PUBLIC_KEYS else "aws"


def _list(request: ApiRequest) -> ApiResponse:
    kind = _kind(request)
    return listed(
        request,
        request.store.all(),
        lambda record: _shown(request, record),
        keep=lambda record: record.kind == kind,
    )


def _found(request: ApiRequest) -> CredentialRecord:
    """Return the credential of the path. Raises TwilioError (404, 20404) if there is none."""
    record: CredentialRecord = request.found()
    if record.kind != _kind(request):
        raise request.missing()
    return record


def _fetch(request: ApiRequest) -> ApiResponse:
    return ApiResponse(_shown(request, _found(request)))


def _delete(request: ApiRequest) -> ApiResponse:
    _found(request)
    return delete(request)


def _update(request: ApiRequest) -> ApiResponse:
    record, name = _found(request), request.form.friendly_name()
    if name is not None:
        record.friendly_name = name
        record.updated_ns = request.account.now_ns
    return _fetch(request)


def _owner(request: ApiRequest) -> Account:
    """Return the account of a new credential: the request's, or its subaccount in the form."""
    sid, account = request.form.sid("AccountSid", "AC"), request.account
    if sid in (None, account.sid):
        return account
    try:
        owner = account.of(sid or "")
    except TwilioError:
        owner = None
    if owner is None or account is not account.main:
        raise bad_parameter(f"Invalid AccountSid {sid}: expected a subaccount of {account.sid}")
    return owner


def _creating(name: str, code: int, read: Callable[[str], dict[str, str]]) -> Handler:
    """Return a handler that creates a credential of what ``read`` finds in a parameter."""

    def create(request: ApiRequest) -> ApiResponse:
        friendly_name, owner = request.form.friendly_name(), _owner(request)
        text = request.form.required(name)
        try:
            found = read(text)
        except ValueError as error:
            raise bad_parameter(f"Invalid {name}: {error}", code) from None
        record = CredentialRecord(
            sid=request.new_sid(),
            account_sid=owner.sid,
            kind=_kind(request),
            friendly_name=friendly_name or "",
            created_ns=request.account.now_ns,
            **found,
        )
        request.store.add(record)
        return ApiResponse(_shown(request, record), 201)

    return create


def _public_key(text: str) -> dict[str, str]:
    return {"public_key": read_public_key(text)}


def _aws_credentials(text: str) -> dict[str, str]:
    key_id, secret = read_aws_credentials(text)
    return {"access_key_id": key_id, "secret_access_key": secret}


_STORED: Final = Stored(CREDENTIAL, CredentialRecord, in_resource_list("Credentials"))


def _resource(name: str, path: str, create: Operation) -> Resource:
    return Resource(
        name=name,
        many="credentials",
        prefix="CR",
        host="accounts",
        stored=_STORED,
        paths={
            path: {"GET": Operation(_list, PAGING), "POST": create},
            f"{path}/{{sid}}": {
                "GET": Operation(_fetch),
                "POST": Operation(_update, ("FriendlyName",)),
                "DELETE": Operation(_delete),
            },
        },
    )


PUBLIC_KEYS: Final = _resource(
    "PublicKey",
    "/v1/Credentials/PublicKeys",
    Operation(_creating("PublicKey", _BAD_KEY, _public_key), ("PublicKey", *_CREATED)),
)
AWS_CREDENTIALS: Final = _resource(
    "AwsCredential",
    "/v1/Credentials/AWS",
    Operation(_creating("Credentials", _BAD_AWS, _aws_credentials), ("Credentials", *_CREATED)),
)
