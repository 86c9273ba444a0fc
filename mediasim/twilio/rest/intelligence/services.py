"""Services of Conversational Intelligence: how transcripts are made, and where they are reported.

Verify and other products have ``/v2/Services`` too, on hosts of their own. Where a request came by
the sandbox's address and so names no host, one that only they could mean gets 501.
"""

from __future__ import annotations

import re
from typing import Any, Final

from mediasim.twilio.account import Account
from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.rest.not_simulated import not_simulated
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.params import Params
from mediasim.twilio.rest.resource import (
    ApiRequest,
    Operation,
    Resource,
    Stored,
    in_resource_list,
)
from mediasim.twilio.rest.responses import ApiResponse
from mediasim.twilio.transcripts.operators import operator_of
from mediasim.twilio.transcripts.records import ServiceRecord

__all__ = ["ATTACHMENTS", "INTELLIGENCE", "SERVICES", "service_of"]

INTELLIGENCE: Final = "/v2"
_PATH: Final = f"{INTELLIGENCE}/Services"
_METHODS: Final = ("GET", "POST", "NULL")
_LONGEST: Final = 64
_LANGUAGE: Final = r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*"


def service_of(account: Account, name: str) -> ServiceRecord | None:
    """Return the account's service of a SID or a unique name; None if there is none."""
    for each in account.transcriber.transcripts.services.all():
        if each.account_sid == account.sid and name in (each.sid, each.unique_name):
            return each
    return None


def _found(request: ApiRequest) -> ServiceRecord:
    sid = request.at["service"]
    found = service_of(request.account, sid)
    if found is None and re.fullmatch("(?!GA)[A-Z]{2}[0-9a-fA-F]{32}", sid):
        raise not_simulated(request.account, "…", "", request.path)
    if found is None:
        raise request.missing()
    return found


def _json(request: ApiRequest, record: ServiceRecord) -> dict[str, Any]:
    shown = record.to_twilio_json(request.account.dates)
    return {**shown, "url": f"{request.account.base_url}{_PATH}/{record.sid}"}


def _show(request: ApiRequest, record: ServiceRecord, status: int = 200) -> ApiResponse:
    return ApiResponse(_json(request, record), status)


def _list(request: ApiRequest) -> ApiResponse:
    return listed(request, request.store.all(), lambda record: _json(request, record))


def _create(request: ApiRequest) -> ApiResponse:
    form = request.form
    if not form.text("UniqueName") and form.text("FriendlyName"):
        raise _other_product(request)
    language = form.text("LanguageCode") or "en-US"
    if re.fullmatch(_LANGUAGE, language) is None:
        raise bad_parameter(f"Invalid LanguageCode {language[:40]}: expected one such as en-US")
    record = ServiceRecord(
        sid="",
        account_sid=request.account.sid,
        unique_name=_unique_name(request) or "",
        created_ns=request.account.now_ns,
        language_code=language,
    )
    if not record.unique_name:
        raise bad_parameter("UniqueName parameter is required.")
    _set(form, record)
    record.sid = request.new_sid()
    request.store.add(record)
    return _show(request, record, 201)


def _other_product(request: ApiRequest) -> TwilioError:
    """Return the error (501) of a service that is none of Conversational Intelligence's."""
    return not_simulated(request.account, "POST", "", request.path)


def _update(request: ApiRequest) -> ApiResponse:
    record = _found(request)
    name = _unique_name(request)
    _set(request.form, record)
    record.unique_name = name or record.unique_name
    record.updated_ns, record.version = request.account.now_ns, record.version + 1
    return _show(request, record)


def _unique_name(request: ApiRequest) -> str | None:
    name = request.form.text("UniqueName", longest=_LONGEST)
    taken = service_of(request.account, name) if name else None
    if taken is not None and taken.sid != request.at.get("service"):
        raise bad_parameter(f"A service with the UniqueName {name} exists already")
    return name


def _set(form: Params, record: ServiceRecord) -> None:
    """Set what a form has of a service's settings, all or nothing."""
    name, url = form.friendly_name(), form.url("WebhookUrl")
    method = form.word("WebhookHttpMethod", _METHODS)
    transcribe, redact = form.flag("AutoTranscribe"), form.flag("AutoRedaction")
    if name is not None:
        record.friendly_name = name
    if url is not None:
        record.webhook_url = url
    record.webhook_http_method = method or record.webhook_http_method
    if transcribe is not None:
        record.auto_transcribe = transcribe
    if redact is not None:
        record.auto_redaction = redact


def _fetch(request: ApiRequest) -> ApiResponse:
    return _show(request, _found(request))


def _delete(request: ApiRequest) -> ApiResponse:
    request.account.transcriber.transcripts.services.remove(_found(request).sid)
    return ApiResponse(status=204)


_SETTINGS: Final = (
    *("UniqueName", "FriendlyName", "AutoTranscribe", "AutoRedaction"),
    *("WebhookUrl", "WebhookHttpMethod"),
)
_NOTED: Final = {
    "DataLogging": "it cannot be activated by the API",
    "MediaRedaction": "media are not redacted here, sentences are",
    "EncryptionCredentialSid": "transcripts are not encrypted here",
}
SERVICES: Final = Resource(
    name="IntelligenceService",
    many="services",
    prefix="GA",
    host="intelligence",
    stored=Stored("intelligence-service", ServiceRecord, in_resource_list("IntelligenceServices")),
    paths={
        _PATH: {
            "GET": Operation(_list, PAGING),
            "POST": Operation(_create, (*_SETTINGS, "LanguageCode"), _NOTED),
        },
        f"{_PATH}/{{service}}": {
            "GET": Operation(_fetch),
            "POST": Operation(_update, _SETTINGS, _NOTED),
            "DELETE": Operation(_delete),
        },
    },
)


# -- operators of a service ---------------------------------------------------------------------


def _attachment(request: ApiRequest, status: int) -> ApiResponse:
    service, operator = _found(request), request.at["operator"]
    path = f"{_PATH}/{service.sid}/Operators/{operator}"
    shown = {"service_sid": service.sid, "operator_sid": operator}
    return ApiResponse({**shown, "url": request.account.base_url + path}, status)


def _attach(request: ApiRequest) -> ApiResponse:
    service, sid = _found(request), request.at["operator"]
    if operator_of(sid) is None:
        raise request.missing()
    if sid not in service.operator_sids:
        service.operator_sids = (*service.operator_sids, sid)
        service.updated_ns = request.account.now_ns
    return _attachment(request, 201)


def _detach(request: ApiRequest) -> ApiResponse:
    service, sid = _found(request), request.at["operator"]
    if sid not in service.operator_sids:
        raise request.missing()
    service.operator_sids = tuple(each for each in service.operator_sids if each != sid)
    service.updated_ns = request.account.now_ns
    return ApiResponse(status=204)


def _attached(request: ApiRequest) -> ApiResponse:
    service = _found(request)
    url = f"{request.account.base_url}{_PATH}/{service.sid}/Operators"
    sids = list(service.operator_sids)
    return ApiResponse({"service_sid": service.sid, "operator_sids": sids, "url": url})


ATTACHMENTS: Final = Resource(
    name="OperatorAttachment",
    many="operator_attachments",
    host="intelligence",
    paths={
        f"{_PATH}/{{service}}/Operators": {"GET": Operation(_attached)},
        f"{_PATH}/{{service}}/Operators/{{operator}}": {
            "POST": Operation(_attach),
            "DELETE": Operation(_detach),
        },
    },
)
