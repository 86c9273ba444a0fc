"""Elastic SIP Trunking (trunking.twilio.com, version 1): trunks, their recordings, URLs, numbers.

Trunks that are removed let go of their numbers. Secure trunks and transfers by REFER are not
simulated. Codes: 21248 for a domain name that is taken, 21245 for every other wrong parameter.
"""

from __future__ import annotations

from typing import Any, Final, get_args

from mediasim.exchange.trim import Trim
from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.representations import account_path, iso_dates_json
from mediasim.twilio.resources import NumberRecord
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.resource import (
    ApiRequest,
    Operation,
    Resource,
    Stored,
    in_resource_list,
)
from mediasim.twilio.rest.responses import ApiResponse
from mediasim.twilio.rest.sip.domains import new_domain_name
from mediasim.twilio.rest.sip.mappings import ListRecord, MappedLists
from mediasim.twilio.sip.records import MappingRecord
from mediasim.twilio.sip.trunks import TRUNKS as _PATH
from mediasim.twilio.sip.trunks import OriginationUrlRecord, RecordingMode, TrunkRecord

__all__ = ["TRUNKING"]

_TAKEN: Final = 21248
_BAD: Final = 21245
_HOST: Final = "trunking"
_LONGEST_NAME: Final = 64
_LONGEST_DOMAIN: Final = 253
_LONGEST_URL: Final = 255
_HIGHEST: Final = 65_535


def _whole(request: ApiRequest, shown: dict[str, Any]) -> dict[str, Any]:
    """Return a resource with its paths as whole URLs, as the newer APIs have them."""
    base = request.account.base_url
    links = {name: base + path for name, path in shown.get("links", {}).items()}
    return {**shown, "url": base + shown["url"], **({"links": links} if links else {})}


def _shown(request: ApiRequest, record: TrunkRecord | OriginationUrlRecord) -> dict[str, Any]:
    return _whole(request, record.to_twilio_json(request.account.dates))


def _trunk(request: ApiRequest) -> TrunkRecord:
    """Return the trunk of the path. Raises TwilioError (404, 20404) if there is none."""
    record: TrunkRecord = request.found_in(request.account.sip.trunks, "trunk")
    return record


# -- trunks -------------------------------------------------------------------------------------


def _list(request: ApiRequest) -> ApiResponse:
    return listed(request, request.store.all(), lambda record: _shown(request, record))


def _create(request: ApiRequest) -> ApiResponse:
    account = request.account
    record = TrunkRecord(request.new_sid(), account.sid, account.now_ns)
    _change(request, record)
    record.friendly_name = record.friendly_name or record.sid
    account.sip.trunks.add(record)
    return ApiResponse(_shown(request, record), 201)


def _change(request: ApiRequest, record: TrunkRecord) -> None:
    """Change the settings in the form, all of them or none. Raises TwilioError (400)."""
    form, changes = request.form, dict[str, object]()
    if text := form.text("DomainName", longest=_LONGEST_DOMAIN, code=_BAD):
        try:
            name = new_domain_name(text, "pstn")
        except ValueError as error:
            raise bad_parameter(f"Invalid DomainName: {error}", _BAD) from None
        others = request.account.sip.trunks.all()
        if any(each.domain_name == name for each in others if each is not record):
            raise bad_parameter(f"Trunk Domain already taken: {name}", _TAKEN)
        changes["domain_name"] = name
    if (url := form.url("DisasterRecoveryUrl", code=_BAD)) is not None:
        changes["disaster_recovery_url"] = url or None
    if form.text("DisasterRecoveryMethod"):
        changes["disaster_recovery_method"] = form.method("DisasterRecoveryMethod", code=_BAD)
    if (looks_up := form.flag("CnamLookupEnabled")) is not None:
        changes["cnam_lookup_enabled"] = looks_up
    if name := form.text("FriendlyName", longest=_LONGEST_NAME, code=_BAD) or "":
        changes["friendly_name"] = name
    for attribute, value in changes.items():
        setattr(record, attribute, value)


def _fetch(request: ApiRequest) -> ApiResponse:
    return ApiResponse(_shown(request, _trunk(request)))


def _update(request: ApiRequest) -> ApiResponse:
    record = _trunk(request)
    _change(request, record)
    record.updated_ns = request.account.now_ns
    return ApiResponse(_shown(request, record))


def _delete(request: ApiRequest) -> ApiResponse:
    account, record = request.account, _trunk(request)
    account.sip.trunks.remove(record.sid)
    account.sip.drop_mappings(record.sid)
    for url in _urls(request, record):
        account.sip.origination_urls.remove(url.sid)
    for number in _numbers(request, record):
        number.trunk_sid = None
    return ApiResponse(status=204)


def _fetch_recording(request: ApiRequest) -> ApiResponse:
    return ApiResponse(_trunk(request).recording_json())


def _update_recording(request: ApiRequest) -> ApiResponse:
    record, form = _trunk(request), request.form
    mode = form.word("Mode", get_args(RecordingMode), code=_BAD)
    trim = form.word("Trim", get_args(Trim), code=_BAD)
    record.recording_mode = mode or record.recording_mode
    record.recording_trim = trim or record.recording_trim
    record.updated_ns = request.account.now_ns
    return _fetch_recording(request)


_SETTINGS: Final = (
    *("FriendlyName", "DomainName", "DisasterRecoveryUrl", "DisasterRecoveryMethod"),
    "CnamLookupEnabled",
)
_NOTED: Final = {
    "Secure": "trunks carry RTP without encryption",
    "TransferMode": "a trunk's calls are not transferred",
    "TransferCallerId": "a trunk's calls are not transferred",
}
_TRUNKS: Final = Resource(
    name="Trunk",
    many="trunks",
    prefix="TK",
    host=_HOST,
    stored=Stored("trunk", TrunkRecord, in_resource_list("Trunks")),
    paths={
        _PATH: {"GET": Operation(_list, PAGING), "POST": Operation(_create, _SETTINGS, _NOTED)},
        f"{_PATH}/{{trunk}}": {
            "GET": Operation(_fetch),
            "POST": Operation(_update, _SETTINGS, _NOTED),
            "DELETE": Operation(_delete),
        },
    },
)
_RECORDING: Final = Resource(
    name="TrunkRecording",
    many="trunk_recordings",
    host=_HOST,
    paths={
        f"{_PATH}/{{trunk}}/Recording": {
            "GET": Operation(_fetch_recording),
            "POST": Operation(_update_recording, ("Mode", "Trim")),
        }
    },
)


# -- origination URLs ---------------------------------------------------------------------------


def _urls(request: ApiRequest, trunk: TrunkRecord) -> list[OriginationUrlRecord]:
    urls = request.account.sip.origination_urls.all()
    return [each for each in urls if each.trunk_sid == trunk.sid]


def _url(request: ApiRequest) -> OriginationUrlRecord:
    for each in _urls(request, _trunk(request)):
        if each.sid == request.at["sid"]:
            return each
    raise request.missing()


def _list_urls(request: ApiRequest) -> ApiResponse:
    urls = _urls(request, _trunk(request))
    return listed(request, urls, lambda record: _shown(request, record))


def _create_url(request: ApiRequest) -> ApiResponse:
    account, trunk, form = request.account, _trunk(request), request.form
    # Twilio requires all five.
    for name in ("Weight", "Priority", "Enabled"):
        form.required(name, longest=_LONGEST_NAME, code=_BAD)
    record = OriginationUrlRecord(
        request.new_sid(),
        account.sid,
        trunk.sid,
        form.required("FriendlyName", longest=_LONGEST_NAME, code=_BAD),
        form.required("SipUrl", longest=_LONGEST_URL, code=_BAD),
        account.now_ns,
    )
    _change_url(request, record)
    account.sip.origination_urls.add(record)
    return ApiResponse(_shown(request, record), 201)


def _change_url(request: ApiRequest, record: OriginationUrlRecord) -> None:
    """Change the settings in the form, all of them or none. Raises TwilioError (400)."""
    form = request.form
    weight = form.number("Weight", 1, _HIGHEST, code=_BAD)
    priority = form.number("Priority", 0, _HIGHEST, code=_BAD)
    enabled = form.flag("Enabled")
    sip_url = form.text("SipUrl", longest=_LONGEST_URL, code=_BAD) or record.sip_url
    if not sip_url.startswith("sip:") or not sip_url.removeprefix("sip:").strip():
        raise bad_parameter(
            f"Invalid SipUrl {sip_url[:60]}: expected an address such as sip:pbx.example.com", _BAD
        )
    name = form.text("FriendlyName", longest=_LONGEST_NAME, code=_BAD)
    record.weight = record.weight if weight is None else weight
    record.priority = record.priority if priority is None else priority
    record.enabled = record.enabled if enabled is None else enabled
    record.sip_url, record.friendly_name = sip_url, name or record.friendly_name


def _fetch_url(request: ApiRequest) -> ApiResponse:
    return ApiResponse(_shown(request, _url(request)))


def _update_url(request: ApiRequest) -> ApiResponse:
    record = _url(request)
    _change_url(request, record)
    record.updated_ns = request.account.now_ns
    return ApiResponse(_shown(request, record))


def _delete_url(request: ApiRequest) -> ApiResponse:
    request.account.sip.origination_urls.remove(_url(request).sid)
    return ApiResponse(status=204)


_URL: Final = ("Weight", "Priority", "Enabled", "FriendlyName", "SipUrl")
_ORIGINATION_URLS: Final = Resource(
    name="OriginationUrl",
    many="origination_urls",
    prefix="OU",
    host=_HOST,
    stored=Stored("origination-url", OriginationUrlRecord, in_resource_list("OriginationUrls")),
    paths={
        f"{_PATH}/{{trunk}}/OriginationUrls": {
            "GET": Operation(_list_urls, PAGING),
            "POST": Operation(_create_url, _URL),
        },
        f"{_PATH}/{{trunk}}/OriginationUrls/{{sid}}": {
            "GET": Operation(_fetch_url),
            "POST": Operation(_update_url, _URL),
            "DELETE": Operation(_delete_url),
        },
    },
)


# -- numbers ------------------------------------------------------------------------------------

_NUMBER_FIELDS: Final = (
    *("account_sid", "address_requirements", "api_version", "beta", "capabilities"),
    *("friendly_name", "phone_number", "sid", "sms_application_sid", "sms_fallback_method"),
    *("sms_fallback_url", "sms_method", "sms_url", "status_callback", "status_callback_method"),
    *("trunk_sid", "voice_application_sid", "voice_caller_id_lookup", "voice_fallback_method"),
    *("voice_fallback_url", "voice_method", "voice_url"),
)


def _numbers(request: ApiRequest, trunk: TrunkRecord) -> list[NumberRecord]:
    return [each for each in request.account.numbers.all() if each.trunk_sid == trunk.sid]


def _number_json(request: ApiRequest, record: NumberRecord) -> dict[str, Any]:
    dates = request.account.dates
    shown = record.to_twilio_json(dates)
    own = f"{account_path(record.account_sid)}/IncomingPhoneNumbers/{record.sid}.json"
    return _whole(
        request,
        {
            **{name: shown[name] for name in _NUMBER_FIELDS},
            **iso_dates_json(record, dates),
            "url": f"{_PATH}/{record.trunk_sid}/PhoneNumbers/{record.sid}",
            "links": {"phone_number": own},
        },
    )


def _list_numbers(request: ApiRequest) -> ApiResponse:
    numbers = _numbers(request, _trunk(request))
    return listed(request, numbers, lambda record: _number_json(request, record))


def _add_number(request: ApiRequest) -> ApiResponse:
    trunk = _trunk(request)
    sid = request.form.sid("PhoneNumberSid", "PN", code=_BAD)
    if sid is None:
        raise bad_parameter("PhoneNumberSid parameter is required.", _BAD)
    number: NumberRecord | None = request.own_of(request.account.numbers, sid)
    if number is None:
        raise bad_parameter(f"PhoneNumberSid {sid} is none of the account's", _BAD)
    number.trunk_sid, number.voice_application_sid = trunk.sid, None
    return ApiResponse(_number_json(request, number), 201)


def _number(request: ApiRequest) -> NumberRecord:
    for each in _numbers(request, _trunk(request)):
        if each.sid == request.at["sid"]:
            return each
    raise request.missing()


def _fetch_number(request: ApiRequest) -> ApiResponse:
    return ApiResponse(_number_json(request, _number(request)))


def _remove_number(request: ApiRequest) -> ApiResponse:
    """Take a number off the trunk; the account keeps it."""
    _number(request).trunk_sid = None
    return ApiResponse(status=204)


_PHONE_NUMBERS: Final = Resource(
    name="TrunkPhoneNumber",
    many="phone_numbers",
    host=_HOST,
    paths={
        f"{_PATH}/{{trunk}}/PhoneNumbers": {
            "GET": Operation(_list_numbers, PAGING),
            "POST": Operation(_add_number, ("PhoneNumberSid",)),
        },
        f"{_PATH}/{{trunk}}/PhoneNumbers/{{sid}}": {
            "GET": Operation(_fetch_number),
            "DELETE": Operation(_remove_number),
        },
    },
)


# -- who may use a trunk ------------------------------------------------------------------------


def _mapping_json(request: ApiRequest, mapping: MappingRecord, lists: ListRecord) -> dict[str, Any]:
    kind = "CredentialLists" if mapping.list_sid.startswith("CL") else "IpAccessControlLists"
    shown = {
        "account_sid": mapping.account_sid,
        "sid": mapping.list_sid,
        "trunk_sid": mapping.owner_sid,
        "friendly_name": lists.friendly_name,
        **iso_dates_json(mapping, request.account.dates),
        "url": f"{_PATH}/{mapping.owner_sid}/{kind}/{mapping.list_sid}",
    }
    return _whole(request, shown)


def _lists(kind: str, many: str) -> Resource:
    lists = MappedLists(
        "trunk",
        f"{kind}Sid",
        lambda request: request.account.sip.trunks,
        _mapping_json,
        code=_BAD,
    )
    return Resource(
        name=f"Trunk{kind}",
        many=many,
        host=_HOST,
        paths=lists.paths(f"{_PATH}/{{trunk}}/{kind}s"),
    )


TRUNKING: Final = (
    _TRUNKS,
    _RECORDING,
    _ORIGINATION_URLS,
    _PHONE_NUMBERS,
    _lists("CredentialList", "credential_lists"),
    _lists("IpAccessControlList", "ip_access_control_lists"),
)
