"""Applications: TwiML applications, which calls can be given to by their SID.

What numbers have in common with them is here too: where their calls' TwiML is, and who is told.
Codes 21402 and 21403 are those of Twilio's numbers; its applications are taken to give the same.
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
    in_book,
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
    """Change what the form names; nothing of it if anything is wrong (TwilioError).

    ``urls`` are more parameters that are URLs, and the attributes they are for.
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


def _list(ask: ApiRequest) -> ApiResponse:
    name = ask.query.text("FriendlyName")
    return listed(
        ask,
        ask.service.applications.all(),
        keep=(lambda record: record.friendly_name == name) if name else None,
    )


def _create(ask: ApiRequest) -> ApiResponse:
    record = ApplicationRecord(
        sid=ask.new_sid(),
        account_sid=ask.service.account.sid,
        friendly_name="",
        created_ns=ask.service.now_ns,
    )
    _change(ask, record)
    record.friendly_name = record.friendly_name or record.sid
    ask.service.applications.add(record)
    return ask.shown(record, 201)


def _update(ask: ApiRequest) -> ApiResponse:
    record = ask.service.applications.find(ask.at["sid"])
    _change(ask, record)
    record.updated_ns = ask.service.now_ns
    return ask.shown(record)


def _change(ask: ApiRequest, record: ApplicationRecord) -> None:
    public = ask.form.flag("PublicApplicationConnectEnabled")
    change_settings(ask.form, record, _MESSAGE_URLS)
    if public is not None:
        record.public_application_connect_enabled = public


_SETTINGS: Final = (*VOICE_SETTINGS, *_MESSAGE_URLS, "PublicApplicationConnectEnabled")
APPLICATIONS: Final = Resource(
    name="Application",
    many="applications",
    prefix="AP",
    stored=Stored("application", ApplicationRecord, in_book("Applications")),
    paths={
        f"{ACCOUNT}/Applications": {
            "GET": Operation(_list, (*PAGING, "FriendlyName")),
            "POST": Operation(_create, _SETTINGS),
        },
        f"{ACCOUNT}/Applications/{{sid}}": {
            "GET": Operation(fetch),
            "POST": Operation(_update, _SETTINGS),
            "DELETE": Operation(delete),
        },
    },
)
