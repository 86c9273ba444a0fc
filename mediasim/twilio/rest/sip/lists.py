"""CredentialLists and IpAccessControlLists: who may use SIP domains and trunks.

A list that is mapped to a domain or trunk cannot be removed. Codes of Twilio's dictionary:
21240 and 21241 for lists of credentials and their users, 21235 to 21238 for lists of addresses.
"""

from __future__ import annotations

import re
from typing import Any, Final

from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.rest.paging import LIST_ALL, PAGING, listed
from mediasim.twilio.rest.params import Params
from mediasim.twilio.rest.resource import (
    ACCOUNT,
    ApiRequest,
    Operation,
    Resource,
    Stored,
    delete,
    fetch,
    in_resource_list,
    updating,
)
from mediasim.twilio.rest.responses import ApiResponse
from mediasim.twilio.sip.access import network_of
from mediasim.twilio.sip.records import (
    AccessListRecord,
    AddressRecord,
    CredentialListRecord,
    CredentialRecord,
)

__all__ = ["ACCESS_LISTS", "ADDRESSES", "CREDENTIALS", "CREDENTIAL_LISTS"]

_BAD_LIST: Final = 21240
_BAD_ACL: Final = 21235
_FULL_ACL: Final = 21237
_BAD_ADDRESS: Final = 21238
_STILL_MAPPED: Final = {"CL": 21241, "AL": 21236}
_MOST_ADDRESSES: Final = 100
_LONGEST_USERNAME: Final = 32
_SHORTEST_PASSWORD: Final = 12
_LONGEST_NAME: Final = 64
_LONGEST_ACL_NAME: Final = 255


# -- credential lists ---------------------------------------------------------------------------


def _create_credential_list(request: ApiRequest) -> ApiResponse:
    name = _new_name(request)
    account = request.account
    record = CredentialListRecord(request.new_sid(), account.sid, name, account.now_ns)
    account.sip.credential_lists.add(record)
    return request.show(record, 201)


def _new_name(request: ApiRequest, known: CredentialListRecord | None = None) -> str:
    """Return the name of a credential list, which no other of the account may have."""
    name = request.form.required("FriendlyName", longest=_LONGEST_NAME, code=_BAD_LIST)
    others = request.own(request.account.sip.credential_lists.all())
    if any(each.friendly_name == name for each in others if each is not known):
        words = f"A Credential List with the FriendlyName {name} already exists"
        raise bad_parameter(words, _BAD_LIST)
    return name


def _rename_credential_list(request: ApiRequest, record: CredentialListRecord) -> None:
    record.friendly_name = _new_name(request, record)


def _delete_list(request: ApiRequest) -> ApiResponse:
    """Remove the list of the path and its entries. Raises TwilioError (400) if it is mapped."""
    record = request.found()
    mapped = [
        each.owner_sid for each in request.account.sip.mappings.all() if each.list_sid == record.sid
    ]
    if mapped:
        words = f"{record.sid} is still mapped to {', '.join(dict.fromkeys(mapped))}"
        raise bad_parameter(words, _STILL_MAPPED[request.resource.prefix])
    request.account.sip.drop_entries(record.sid)
    return delete(request)


def _entry(request: ApiRequest) -> Any:
    """Return the entry of the path. Raises TwilioError (404, 20404) if its list has none such."""
    record = request.found()
    if record.list_sid != request.at["list"]:
        raise request.missing()
    return record


def _fetch_entry(request: ApiRequest) -> ApiResponse:
    return request.show(_entry(request))


def _delete_entry(request: ApiRequest) -> ApiResponse:
    _entry(request)
    return delete(request)


_PATH: Final = f"{ACCOUNT}/SIP/CredentialLists"
_NAME: Final = ("FriendlyName",)
CREDENTIAL_LISTS: Final = Resource(
    name="CredentialList",
    many="credential_lists",
    prefix="CL",
    stored=Stored(
        "sip-credential-list", CredentialListRecord, in_resource_list("SIP/CredentialLists")
    ),
    paths={
        _PATH: {"GET": LIST_ALL, "POST": Operation(_create_credential_list, _NAME)},
        f"{_PATH}/{{sid}}": {
            "GET": Operation(fetch),
            "POST": Operation(updating(_rename_credential_list), _NAME),
            "DELETE": Operation(_delete_list),
        },
    },
)


def _list_credentials(request: ApiRequest) -> ApiResponse:
    sip = request.account.sip
    sid = request.found_in(sip.credential_lists, "list").sid
    return listed(request, [each for each in sip.credentials.all() if each.list_sid == sid])


def _create_credential(request: ApiRequest) -> ApiResponse:
    sip, account = request.account.sip, request.account
    list_sid = request.found_in(sip.credential_lists, "list").sid
    name = request.form.required("Username", longest=_LONGEST_USERNAME, code=_BAD_LIST)
    if re.search(r'[\s@:"<>\\]', name):
        words = f"Username {name!r} has characters that no SIP user name has"
        raise bad_parameter(words, _BAD_LIST)
    if any((each.list_sid, each.username) == (list_sid, name) for each in sip.credentials.all()):
        raise bad_parameter(f"Username {name} is in this Credential List already", _BAD_LIST)
    record = CredentialRecord(
        request.new_sid(), account.sid, list_sid, name, _password(request.form), account.now_ns
    )
    sip.credentials.add(record)
    return request.show(record, 201)


def _password(form: Params) -> str:
    """Return the password. Raises TwilioError (400, 21240) for one that Twilio does not take."""
    text = form.text("Password") or ""
    wanted = (r"[0-9]", r"[a-z]", r"[A-Z]")
    if len(text) < _SHORTEST_PASSWORD or not all(re.search(each, text) for each in wanted):
        words = "Password: expected 12 characters or more, a digit, and letters in both cases"
        raise bad_parameter(words, _BAD_LIST)
    return text


def _update_credential(request: ApiRequest) -> ApiResponse:
    record = _entry(request)
    if request.form.text("Password"):
        record.password = _password(request.form)
        record.updated_ns = request.account.now_ns
    return request.show(record)


CREDENTIALS: Final = Resource(
    name="Credential",
    many="credentials",
    prefix="CR",
    stored=Stored("sip-credential", CredentialRecord, in_resource_list("SIP/Credentials")),
    paths={
        f"{_PATH}/{{list}}/Credentials": {
            "GET": Operation(_list_credentials, PAGING),
            "POST": Operation(_create_credential, ("Username", "Password")),
        },
        f"{_PATH}/{{list}}/Credentials/{{sid}}": {
            "GET": Operation(_fetch_entry),
            "POST": Operation(_update_credential, ("Password",)),
            "DELETE": Operation(_delete_entry),
        },
    },
)


# -- access control lists -----------------------------------------------------------------------


def _create_access_list(request: ApiRequest) -> ApiResponse:
    name = request.form.required("FriendlyName", longest=_LONGEST_ACL_NAME, code=_BAD_ACL)
    account = request.account
    record = AccessListRecord(request.new_sid(), account.sid, name, account.now_ns)
    account.sip.access_lists.add(record)
    return request.show(record, 201)


def _rename_access_list(request: ApiRequest, record: AccessListRecord) -> None:
    name = request.form.required("FriendlyName", longest=_LONGEST_ACL_NAME, code=_BAD_ACL)
    record.friendly_name = name


_ACL_PATH: Final = f"{ACCOUNT}/SIP/IpAccessControlLists"
ACCESS_LISTS: Final = Resource(
    name="IpAccessControlList",
    many="ip_access_control_lists",
    prefix="AL",
    stored=Stored(
        "sip-access-list", AccessListRecord, in_resource_list("SIP/IpAccessControlLists")
    ),
    paths={
        _ACL_PATH: {"GET": LIST_ALL, "POST": Operation(_create_access_list, _NAME)},
        f"{_ACL_PATH}/{{sid}}": {
            "GET": Operation(fetch),
            "POST": Operation(updating(_rename_access_list), _NAME),
            "DELETE": Operation(_delete_list),
        },
    },
)


def _list_addresses(request: ApiRequest) -> ApiResponse:
    sip = request.account.sip
    sid = request.found_in(sip.access_lists, "list").sid
    return listed(request, [each for each in sip.addresses.all() if each.list_sid == sid])


def _create_address(request: ApiRequest) -> ApiResponse:
    account, form = request.account, request.form
    list_sid = request.found_in(account.sip.access_lists, "list").sid
    name = form.required("FriendlyName", longest=_LONGEST_ACL_NAME, code=_BAD_ADDRESS)
    address = form.required("IpAddress", longest=_LONGEST_NAME, code=_BAD_ADDRESS)
    prefix = form.number("CidrPrefixLength", 1, 32, code=_BAD_ADDRESS) or 32
    _check_block(address, prefix)
    known = sum(each.list_sid == list_sid for each in account.sip.addresses.all())
    if known >= _MOST_ADDRESSES:
        raise bad_parameter(f"Maximum IP Addresses Reached for List: {known}", _FULL_ACL)
    record = AddressRecord(
        request.new_sid(),
        account.sid,
        list_sid,
        name,
        address,
        account.now_ns,
        cidr_prefix_length=prefix,
    )
    account.sip.addresses.add(record)
    return request.show(record, 201)


def _check_block(address: str, prefix: int) -> None:
    """Check an address, of IPv4 as with Twilio. Raises TwilioError (400) for any other."""
    try:
        network = network_of(address, prefix)
    except ValueError:
        network = None
    if network is None or network.version != 4:
        raise bad_parameter(f"Invalid IpAddress {address}: expected an IPv4 address", _BAD_ADDRESS)


def _update_address(request: ApiRequest) -> ApiResponse:
    form, record = request.form, _entry(request)
    name = form.text("FriendlyName", longest=_LONGEST_ACL_NAME, code=_BAD_ADDRESS)
    address = form.text("IpAddress", longest=_LONGEST_NAME, code=_BAD_ADDRESS)
    prefix = form.number("CidrPrefixLength", 1, 32, code=_BAD_ADDRESS)
    address = address or record.ip_address
    prefix = prefix or record.cidr_prefix_length
    _check_block(address, prefix)
    record.friendly_name = name or record.friendly_name
    record.ip_address, record.cidr_prefix_length = address, prefix
    record.updated_ns = request.account.now_ns
    return request.show(record)


_ADDRESS: Final = ("FriendlyName", "IpAddress", "CidrPrefixLength")
ADDRESSES: Final = Resource(
    name="IpAddress",
    many="ip_addresses",
    prefix="IP",
    stored=Stored("sip-address", AddressRecord, in_resource_list("SIP/IpAddresses")),
    paths={
        f"{_ACL_PATH}/{{list}}/IpAddresses": {
            "GET": Operation(_list_addresses, PAGING),
            "POST": Operation(_create_address, _ADDRESS),
        },
        f"{_ACL_PATH}/{{list}}/IpAddresses/{{sid}}": {
            "GET": Operation(_fetch_entry),
            "POST": Operation(_update_address, _ADDRESS),
            "DELETE": Operation(_delete_entry),
        },
    },
)
