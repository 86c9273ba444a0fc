"""The parameters that numbers and applications share: where their calls' TwiML is, who is told.

Codes 21402 and 21403 are those of Twilio's numbers; its applications are taken to give the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mediasim.twilio.resources import VoiceSettings
from mediasim.twilio.rest.params import Params

__all__ = ["change_settings"]

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
