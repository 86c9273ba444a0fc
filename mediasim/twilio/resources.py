"""Records of an account besides its calls and recordings, and their JSON.

Times are loop times in nanoseconds (every name that ends in ``_ns``), turned into dates in the
JSON. Fields, types and names follow Twilio's API description 2010-04-01.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.dates import Dates
from mediasim.exchange.states import ACCOUNT, AccountStatus, ParticipantStatus
from mediasim.twilio.representations import (
    API_VERSION,
    account_path,
    dates_json,
    rfc2822,
    subresource_uris,
)
from mediasim.twilio.requests import Callback, TwimlSource

__all__ = [
    "AccountRecord",
    "ApplicationRecord",
    "Dated",
    "KeyRecord",
    "MemberRecord",
    "NumberRecord",
    "ParticipantRecord",
    "QueueRecord",
    "VoiceSettings",
    "is_toll_free",
]

_ACCOUNT_RESOURCES: Final = (
    *("Addresses", "Applications", "AuthorizedConnectApps", "AvailablePhoneNumbers", "Balance"),
    *("Calls", "Conferences", "ConnectApps", "IncomingPhoneNumbers", "Keys", "Messages"),
    *("Notifications", "OutgoingCallerIds", "Queues", "Recordings", "SigningKeys"),
    *("SIP", "SMS", "Transcriptions", "Usage"),
)


class Dated:
    """A record with the loop times of its creation and its last change, in nanoseconds."""

    __slots__ = ()
    created_ns: int
    updated_ns: int

    def __post_init__(self) -> None:
        self.updated_ns = self.created_ns  # type: ignore[misc]  # a slot of each subclass


@dataclass(slots=True)
class AccountRecord(Dated):
    """The main account or a subaccount: Twilio's Account resource."""

    LIFECYCLE: ClassVar = ACCOUNT

    sid: str
    auth_token: str
    friendly_name: str
    created_ns: int
    updated_ns: int = field(init=False)
    owner_account_sid: str = ""
    """SID of the main account, of a subaccount; "" for the main account itself."""
    status: AccountStatus = "active"
    balance: str = "100.00"
    """Balance of the main account in US dollars, which its subaccounts share."""
    type: str = "Full"
    """``Full`` or ``Trial``."""

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        path = account_path(self.sid)
        return {
            "auth_token": self.auth_token,
            **dates_json(self, dates),
            "friendly_name": self.friendly_name,
            "owner_account_sid": self.owner_account_sid or self.sid,
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": subresource_uris(path, _ACCOUNT_RESOURCES),
            "type": self.type,
            "uri": f"{path}.json",
        }


@dataclass(slots=True)
class VoiceSettings(Dated):
    """The settings that numbers and applications share: where their calls' TwiML is."""

    sid: str
    account_sid: str
    friendly_name: str
    created_ns: int
    updated_ns: int = field(init=False)
    voice_url: str | None = None
    voice_method: str = "POST"
    voice_fallback_url: str | None = None
    voice_fallback_method: str = "POST"
    voice_caller_id_lookup: bool = False
    status_callback: str | None = None
    status_callback_method: str = "POST"
    sms_url: str | None = None
    sms_method: str = "POST"
    sms_fallback_url: str | None = None
    sms_fallback_method: str = "POST"

    def source(self) -> TwimlSource:
        """Return the source of a call's document."""
        return TwimlSource(
            url=self.voice_url,
            method=self.voice_method,
            fallback_url=self.voice_fallback_url,
            fallback_method=self.voice_fallback_method,
        )

    def callback(self) -> Callback | None:
        """Return the status callback of calls; None if there is no URL."""
        if not self.status_callback:
            return None
        return Callback(self.status_callback, self.status_callback_method)

    def _voice_json(self) -> dict[str, Any]:
        return {
            "voice_caller_id_lookup": self.voice_caller_id_lookup,
            "voice_fallback_method": self.voice_fallback_method,
            "voice_fallback_url": self.voice_fallback_url,
            "voice_method": self.voice_method,
            "voice_url": self.voice_url,
            "status_callback": self.status_callback,
            "status_callback_method": self.status_callback_method,
            "sms_fallback_method": self.sms_fallback_method,
            "sms_fallback_url": self.sms_fallback_url,
            "sms_method": self.sms_method,
            "sms_url": self.sms_url,
        }


@dataclass(slots=True, kw_only=True)
class NumberRecord(VoiceSettings):
    """A number of the account: Twilio's IncomingPhoneNumber resource."""

    phone_number: str
    voice_application_sid: str | None = None
    """SID of the application whose settings replace the number's own, for calls."""
    sms_application_sid: str | None = None
    """The same for messages."""
    trunk_sid: str | None = None
    """SID of the trunk that calls to the number go over, in place of a document."""
    twiml: str | None = None
    """The document itself in place of a URL; ours, not Twilio's."""
    type: str = ""
    """``local``, ``mobile`` or ``toll-free``; by the number itself unless given."""

    def __post_init__(self) -> None:
        VoiceSettings.__post_init__(self)
        if not self.type:
            self.type = "toll-free" if is_toll_free(self.phone_number) else "local"

    def source(self) -> TwimlSource:
        """Return the source of a call's document, if the number has no application."""
        if self.twiml is not None:
            return TwimlSource(twiml=self.twiml)
        # The base by its name: slots=True creates a new class, which super() does not know.
        return VoiceSettings.source(self)

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        return {
            "account_sid": self.account_sid,
            "address_sid": None,
            "address_requirements": "none",
            "api_version": API_VERSION,
            "beta": False,
            "capabilities": {"voice": True, "sms": True, "mms": True, "fax": False},
            **dates_json(self, dates),
            "friendly_name": self.friendly_name,
            "identity_sid": None,
            "phone_number": self.phone_number,
            "origin": "twilio",
            "sid": self.sid,
            "sms_application_sid": self.sms_application_sid,
            "trunk_sid": self.trunk_sid,
            "uri": f"{account_path(self.account_sid)}/IncomingPhoneNumbers/{self.sid}.json",
            "voice_receive_mode": "voice",
            "voice_application_sid": self.voice_application_sid,
            **self._voice_json(),
            "emergency_status": "Inactive",
            "emergency_address_sid": None,
            "emergency_address_status": "unregistered",
            "bundle_sid": None,
            "status": "in-use",
            "type": self.type,
        }


@dataclass(slots=True, kw_only=True)
class ApplicationRecord(VoiceSettings):
    """A TwiML application: Twilio's Application resource."""

    message_status_callback: str | None = None
    sms_status_callback: str | None = None
    public_application_connect_enabled: bool = False

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        return {
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            **dates_json(self, dates),
            "friendly_name": self.friendly_name,
            "message_status_callback": self.message_status_callback,
            "sid": self.sid,
            "sms_status_callback": self.sms_status_callback,
            "uri": f"{account_path(self.account_sid)}/Applications/{self.sid}.json",
            **self._voice_json(),
            "public_application_connect_enabled": self.public_application_connect_enabled,
        }


@dataclass(slots=True)
class KeyRecord(Dated):
    """An API key of the account: Twilio's Key and SigningKey resources."""

    sid: str
    account_sid: str
    friendly_name: str
    secret: str
    created_ns: int
    updated_ns: int = field(init=False)

    def to_twilio_json(self, dates: Dates, *, with_secret: bool = False) -> dict[str, Any]:
        """Return the resource; Twilio shows its secret only when the key is created."""
        shown = {"sid": self.sid, "friendly_name": self.friendly_name, **dates_json(self, dates)}
        return {**shown, "secret": self.secret} if with_secret else shown


@dataclass(slots=True)
class QueueRecord(Dated):
    """A queue of waiting calls: Twilio's Queue resource."""

    sid: str
    account_sid: str
    friendly_name: str
    created_ns: int
    updated_ns: int = field(init=False)
    max_size: int = 1000
    current_size: int = 0
    """Number of waiting calls, written by the queue manager."""
    average_wait_seconds: int = 0
    """Average wait of the waiting calls, written by the queue manager."""

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        path = f"{account_path(self.account_sid)}/Queues/{self.sid}"
        return {
            **dates_json(self, dates),
            "current_size": self.current_size,
            "friendly_name": self.friendly_name,
            "uri": f"{path}.json",
            "account_sid": self.account_sid,
            "average_wait_time": self.average_wait_seconds,
            "sid": self.sid,
            "max_size": self.max_size,
        }


@dataclass(slots=True)
class MemberRecord:
    """A call that waits in a queue: Twilio's Member resource."""

    account_sid: str
    queue_sid: str
    call_sid: str
    enqueued_ns: int
    position: int
    """Place in the queue from 1; 0 after the call has left."""
    waited_ns: int
    """Wait until now, or until the call left, in nanoseconds."""

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        path = f"{account_path(self.account_sid)}/Queues/{self.queue_sid}/Members"
        return {
            "call_sid": self.call_sid,
            "date_enqueued": rfc2822(dates, self.enqueued_ns),
            "position": self.position,
            "uri": f"{path}/{self.call_sid}.json",
            "wait_time": self.waited_ns // NS_PER_SECOND,
            "queue_sid": self.queue_sid,
        }


@dataclass(slots=True)
class ParticipantRecord(Dated):
    """A call in a conference: Twilio's Participant resource."""

    account_sid: str
    conference_sid: str
    call_sid: str
    created_ns: int
    updated_ns: int = field(init=False)
    label: str | None = None
    muted: bool = False
    hold: bool = False
    coaching: bool = False
    call_sid_to_coach: str | None = None
    start_conference_on_enter: bool = True
    end_conference_on_exit: bool = False
    status: ParticipantStatus = "connected"
    queue_time: str | None = None
    """Milliseconds until the call is placed, in the response to its creation only."""

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        path = f"{account_path(self.account_sid)}/Conferences/{self.conference_sid}"
        return {
            "account_sid": self.account_sid,
            "call_sid": self.call_sid,
            "label": self.label,
            "call_sid_to_coach": self.call_sid_to_coach,
            "coaching": self.coaching,
            "conference_sid": self.conference_sid,
            **dates_json(self, dates),
            "end_conference_on_exit": self.end_conference_on_exit,
            "muted": self.muted,
            "hold": self.hold,
            "start_conference_on_enter": self.start_conference_on_enter,
            "status": self.status,
            "queue_time": self.queue_time,
            "uri": f"{path}/Participants/{self.call_sid}.json",
        }


def is_toll_free(number: str) -> bool:
    """Tell whether a number is a toll-free one of North America."""
    return re.match(r"\+1(800|833|844|855|866|877|888)", number) is not None
