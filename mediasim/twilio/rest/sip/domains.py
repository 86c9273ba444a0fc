"""SIP Domains, and the lists that are mapped to them for calls and for registrations.

``CredentialListMappings`` and ``IpAccessControlListMappings`` of a domain are the same mappings as
those below ``Auth/Calls``. Code 21231 is that of every wrong parameter of a domain.
"""

from __future__ import annotations

import re
from typing import Any, Final

from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.representations import account_path, dates_json, snake_case
from mediasim.twilio.rest.paging import LIST_ALL
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
from mediasim.twilio.rest.sip.mappings import ListRecord, MappedLists
from mediasim.twilio.sip.records import DomainRecord, MappingRecord, Use

__all__ = ["DOMAINS", "DOMAIN_MAPPINGS", "new_domain_name"]

_BAD: Final = 21231
_LONGEST_NAME: Final = 64
_LONGEST_DOMAIN: Final = 253
_URLS: Final = ("VoiceUrl", "VoiceFallbackUrl", "VoiceStatusCallbackUrl")
_METHODS: Final = ("VoiceMethod", "VoiceFallbackMethod", "VoiceStatusCallbackMethod")


def new_domain_name(text: str, kind: str) -> str:
    """Return a domain name as it is written: ``name.sip.twilio.com`` where ``kind`` is ``sip``.

    Raises ValueError for any other name.
    """
    name = text.lower()
    part = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
    if re.fullmatch(rf"(?:{part}\.)+{kind}\.twilio\.com", name) is None:
        raise ValueError(
            f"expected letters, digits and -, and {kind}.twilio.com at the end, such as"
            f" example.{kind}.twilio.com; found {text[:60]!r}"
        )
    return name


def _create(request: ApiRequest) -> ApiResponse:
    request.form.required("DomainName", longest=_LONGEST_DOMAIN, code=_BAD)
    account = request.account
    record = DomainRecord(request.new_sid(), account.sid, "", account.now_ns)
    _change(request, record)
    record.friendly_name = record.friendly_name or record.domain_name
    account.sip.domains.add(record)
    return request.show(record, 201)


def _change(request: ApiRequest, record: DomainRecord) -> None:
    """Change the settings in the form, all of them or none. Raises TwilioError (400, 21231)."""
    form, changes = request.form, dict[str, object]()
    if text := form.text("DomainName", longest=_LONGEST_DOMAIN, code=_BAD):
        try:
            name = new_domain_name(text, "sip")
        except ValueError as error:
            raise bad_parameter(f"Invalid DomainName: {error}", _BAD) from None
        others = request.account.sip.domains.all()
        if any(each.domain_name == name for each in others if each is not record):
            raise bad_parameter(f"DomainName {name} is taken", _BAD)
        changes["domain_name"] = name
    for each in _URLS:
        if (url := form.url(each, code=_BAD)) is not None:
            changes[snake_case(each)] = url or None
    for each in _METHODS:
        if form.text(each):
            changes[snake_case(each)] = form.method(each, code=_BAD)
    if (registers := form.flag("SipRegistration")) is not None:
        changes["sip_registration"] = registers
    if name := form.text("FriendlyName", longest=_LONGEST_NAME, code=_BAD) or "":
        changes["friendly_name"] = name
    for attribute, value in changes.items():
        setattr(record, attribute, value)


def _delete(request: ApiRequest) -> ApiResponse:
    answer = delete(request)
    request.account.sip.drop_mappings(request.at["sid"])
    return answer


_PATH: Final = f"{ACCOUNT}/SIP/Domains"
_SETTINGS: Final = ("DomainName", "FriendlyName", *_URLS, *_METHODS, "SipRegistration")
_NO_EMERGENCY: Final = "emergency calls are not simulated"
_NOTED: Final = {
    "Secure": "a domain's calls carry RTP without encryption",
    "EmergencyCallingEnabled": _NO_EMERGENCY,
    "EmergencyCallerSid": _NO_EMERGENCY,
    "ByocTrunkSid": "a domain's calls come through no trunk of your own",
}
DOMAINS: Final = Resource(
    name="Domain",
    many="domains",
    prefix="SD",
    stored=Stored("sip-domain", DomainRecord, in_resource_list("SIP/Domains")),
    beside=(Stored("sip-mapping", MappingRecord, in_resource_list("SIP/Mappings")),),
    paths={
        _PATH: {"GET": LIST_ALL, "POST": Operation(_create, _SETTINGS, _NOTED)},
        f"{_PATH}/{{sid}}": {
            "GET": Operation(fetch),
            "POST": Operation(updating(_change), _SETTINGS, _NOTED),
            "DELETE": Operation(_delete),
        },
    },
)


# -- mappings -----------------------------------------------------------------------------------


def _show(request: ApiRequest, mapping: MappingRecord, lists: ListRecord) -> dict[str, Any]:
    """Return a mapping as the resources below ``Auth`` have it."""
    return {
        "account_sid": mapping.account_sid,
        **dates_json(mapping, request.account.dates),
        "friendly_name": lists.friendly_name,
        "sid": mapping.list_sid,
    }


def _show_older(request: ApiRequest, mapping: MappingRecord, lists: ListRecord) -> dict[str, Any]:
    """Return a mapping as the older resources have it."""
    kind = "CredentialList" if mapping.list_sid.startswith("CL") else "IpAccessControlList"
    path = f"{account_path(mapping.account_sid)}/SIP/Domains/{mapping.owner_sid}"
    return {
        **_show(request, mapping, lists),
        "domain_sid": mapping.owner_sid,
        "uri": f"{path}/{kind}Mappings/{mapping.list_sid}.json",
    }


def _mappings(kind: str, below: str = "", use: Use = "calls") -> Resource:
    lists = MappedLists(
        "domain",
        f"{kind}Sid",
        lambda request: request.account.sip.domains,
        _show if below else _show_older,
        _BAD,
        use,
    )
    return Resource(
        name=f"{kind}Mapping",
        many="contents" if below else f"{snake_case(kind)}_mappings",
        paths=lists.paths(f"{_PATH}/{{domain}}{below}/{kind}Mappings"),
    )


DOMAIN_MAPPINGS: Final = (
    _mappings("CredentialList"),
    _mappings("IpAccessControlList"),
    _mappings("CredentialList", "/Auth/Calls"),
    _mappings("IpAccessControlList", "/Auth/Calls"),
    _mappings("CredentialList", "/Auth/Registrations", "registrations"),
)
