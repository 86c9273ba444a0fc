"""Applications: TwiML applications, which control calls by their SID.

The settings that numbers share with them are here too. Codes 21402 and 21403 are those of Twilio's
numbers; its applications are assumed to have the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mediasim.twilio.resources import ApplicationRecord, VoiceSettings
from mediasim.twilio.rest.paging import PAGING, listed
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

__all__ = ["APPLICATIONS", "VOICE_SETTINGS", "change_settings"]

_BAD_URL: Final = 21402
_BAD_METHOD: Final = 21403
_URLS: Final = {
    "VoiceUrl": "voice_url",
    "VoiceFallbackUrl": "voice_fallback_url",
    "StatusCallback": "status_callback",
    "SmsUrl": "sms_url",
    "SmsFallbackUrl": "sms_fallback_url",
}
_METHODS: Final = {
    "VoiceMethod": "voice_method",
    "VoiceFallbackMethod": "voice_fallback_method",
    "StatusCallbackMethod": "status_callback_method",
    "SmsMethod": "sms_method",
    "SmsFallbackMethod": "sms_fallback_method",
}
VOICE_SETTINGS: Final = (*_URLS, *_METHODS, "VoiceCallerIdLookup", "FriendlyName")
"""The parameters that :func:`change_settings` reads."""


def change_settings(
    form: Params, record: VoiceSettings, urls: Mapping[str, str] | None = None
) -> None:
    """Change the settings in the form, all of them or none.

    ``urls`` are further parameters that are URLs, with their attributes. Raises TwilioError if a
    parameter is wrong.
    """
    changes: dict[str, object] = {}
    for name, attribute in {**_URLS, **(urls or {})}.items():
        if (url := form.url(name, code=_BAD_URL)) is not None:
            changes[attribute] = url or None
    for name, attribute in _METHODS.items():
        if form.text(name):
            changes[attribute] = form.method(name, code=_BAD_METHOD)
    if (lookup := form.flag("VoiceCallerIdLookup")) is not None:
        changes["voice_caller_id_lookup"] = lookup
    if friendly_name := form.friendly_name():
        changes["friendly_name"] = friendly_name
    for attribute, value in changes.items():
        setattr(record, attribute, value)


# -- applications -------------------------------------------------------------------------------

_MESSAGE_URLS: Final = {
    "SmsStatusCallback": "sms_status_callback",
    "MessageStatusCallback": "message_status_callback",
}


def _list(request: ApiRequest) -> ApiResponse:
    name = request.query.text("FriendlyName")
    return listed(
        request,
        request.account.applications.all(),
        keep=(lambda record: record.friendly_name == name) if name else None,
    )


def _create(request: ApiRequest) -> ApiResponse:
    record = ApplicationRecord(
        sid=request.new_sid(),
        account_sid=request.account.sid,
        friendly_name="",
        created_ns=request.account.now_ns,
    )
    _change(request, record)
    record.friendly_name = record.friendly_name or record.sid
    request.account.applications.add(record)
    return request.show(record, 201)


def _change(request: ApiRequest, record: ApplicationRecord) -> None:
    public = request.form.flag("PublicApplicationConnectEnabled")
    change_settings(request.form, record, _MESSAGE_URLS)
    if public is not None:
        record.public_application_connect_enabled = public


_SETTINGS: Final = (*VOICE_SETTINGS, *_MESSAGE_URLS, "PublicApplicationConnectEnabled")
APPLICATIONS: Final = Resource(
    name="Application",
    many="applications",
    prefix="AP",
    stored=Stored("application", ApplicationRecord, in_resource_list("Applications")),
    paths={
        f"{ACCOUNT}/Applications": {
            "GET": Operation(_list, (*PAGING, "FriendlyName")),
            "POST": Operation(_create, _SETTINGS),
        },
        f"{ACCOUNT}/Applications/{{sid}}": {
            "GET": Operation(fetch),
            "POST": Operation(updating(_change), _SETTINGS),
            "DELETE": Operation(delete),
        },
    },
)
