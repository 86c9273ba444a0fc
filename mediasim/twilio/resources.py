"""Resources of an account besides calls, recordings and conferences, and the JSON shown of them.

Plain records with times as loop nanoseconds (every name that ends in ``_ns``); dates are made when
a record is shown. Fields, types and names follow Twilio's API description 2010-04-01. Where it
leaves room we chose: a number's messaging fields are shown empty, for there are no messages here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.dates import Dates
from mediasim.exchange.states import (
    TRANSCRIPTION,
    ParticipantStatus,
    TranscriptionStatus,
)
from mediasim.twilio.asks import Callback, Script
from mediasim.twilio.errors import not_found
from mediasim.twilio.representations import API_VERSION, account_path, rfc2822

__all__ = [
    "AccountRecord",
    "ApplicationRecord",
    "Book",
    "KeyRecord",
    "MemberRecord",
    "NotificationRecord",
    "NumberRecord",
    "ParticipantRecord",
    "QueueRecord",
    "TranscriptionRecord",
    "VoiceSettings",
    "is_toll_free",
]

_ACCOUNT_RESOURCES: Final = (
    "Addresses",
    "Applications",
    "AuthorizedConnectApps",
    "AvailablePhoneNumbers",
    "Balance",
    "Calls",
    "Conferences",
    "ConnectApps",
    "IncomingPhoneNumbers",
    "Keys",
    "Messages",
    "Notifications",
    "OutgoingCallerIds",
    "Queues",
    "Recordings",
    "SigningKeys",
    "SIP",
    "SMS",
    "Transcriptions",
    "Usage",
)
_MORE_INFO: Final = "https://www.twilio.com/docs/errors"


class _Filed(Protocol):
    """A record that a book can hold."""

    sid: str


T = TypeVar("T", bound=_Filed)


class Book(Generic[T]):
    """All resources of one kind of an account, in order of creation."""

    def __init__(self, name: str, account_sid: str) -> None:
        """``name`` is the kind's part of a path: ``Queues``."""
        self._path = f"{account_path(account_sid)}/{name}"
        self._records: dict[str, T] = {}

    def all(self) -> list[T]:
        """Oldest first."""
        return list(self._records.values())

    def find(self, sid: str) -> T:
        """The one of a SID. Raises TwilioError (404, 20404) where there is none."""
        try:
            return self._records[sid]
        except KeyError:
            raise not_found(f"{self._path}/{sid}.json") from None

    def has(self, sid: str) -> bool:
        return sid in self._records

    def add(self, record: T) -> None:
        """Enter a new one. Raises ValueError if its SID is taken."""
        if record.sid in self._records:
            raise ValueError(f"{record.sid} is in the book already")
        self._records[record.sid] = record

    def remove(self, sid: str) -> T:
        """Take one out. Raises TwilioError (404, 20404) where there is none."""
        record = self.find(sid)
        del self._records[sid]
        return record


@dataclass(slots=True)
class AccountRecord:
    """The account: Twilio's Account resource."""

    sid: str
    auth_token: str
    friendly_name: str
    created_ns: int
    updated_ns: int = field(init=False)

    def __post_init__(self) -> None:
        self.updated_ns = self.created_ns

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        path = account_path(self.sid)
        return {
            "auth_token": self.auth_token,
            **_dates_of(self, dates),
            "friendly_name": self.friendly_name,
            "owner_account_sid": self.sid,
            "sid": self.sid,
            "status": "active",
            "subresource_uris": {
                _snake(name): f"{path}/{name}.json" for name in _ACCOUNT_RESOURCES
            },
            "type": "Full",
            "uri": f"{path}.json",
        }


@dataclass(slots=True)
class VoiceSettings:
    """What a number and an application have in common: where the TwiML of their calls is."""

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

    def __post_init__(self) -> None:
        self.updated_ns = self.created_ns

    def script(self) -> Script:
        """Where a call's document comes from."""
        return Script(
            url=self.voice_url,
            method=self.voice_method,
            fallback_url=self.voice_fallback_url,
            fallback_method=self.voice_fallback_method,
        )

    def callback(self) -> Callback | None:
        """Where the end of a call is told."""
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
    """Its settings are taken instead of the number's own."""
    twiml: str | None = None
    """Ours, not Twilio's: the document itself instead of a URL."""
    type: str = ""
    """local, mobile or toll-free; by the number itself unless given."""

    def __post_init__(self) -> None:
        VoiceSettings.__post_init__(self)
        if not self.type:
            self.type = "toll-free" if is_toll_free(self.phone_number) else "local"

    def script(self) -> Script:
        """Where a call's document comes from; an application is looked at first, by the caller."""
        if self.twiml is not None:
            return Script(twiml=self.twiml)
        # The base by its name: ``slots=True`` makes a new class, which ``super()`` would not know.
        return VoiceSettings.script(self)

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        return {
            "account_sid": self.account_sid,
            "address_sid": None,
            "address_requirements": "none",
            "api_version": API_VERSION,
            "beta": False,
            "capabilities": {"voice": True, "sms": False, "mms": False, "fax": False},
            **_dates_of(self, dates),
            "friendly_name": self.friendly_name,
            "identity_sid": None,
            "phone_number": self.phone_number,
            "origin": "twilio",
            "sid": self.sid,
            "sms_application_sid": None,
            "trunk_sid": None,
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
            **_dates_of(self, dates),
            "friendly_name": self.friendly_name,
            "message_status_callback": self.message_status_callback,
            "sid": self.sid,
            "sms_status_callback": self.sms_status_callback,
            "uri": f"{account_path(self.account_sid)}/Applications/{self.sid}.json",
            **self._voice_json(),
            "public_application_connect_enabled": self.public_application_connect_enabled,
        }


@dataclass(slots=True)
class KeyRecord:
    """An API key, which stands for the account: Twilio's Key and SigningKey resources."""

    sid: str
    account_sid: str
    friendly_name: str
    secret: str
    created_ns: int
    updated_ns: int = field(init=False)

    def __post_init__(self) -> None:
        self.updated_ns = self.created_ns

    def to_twilio_json(self, dates: Dates, *, with_secret: bool = False) -> dict[str, Any]:
        """The resource; its secret is shown when it is made, and never again."""
        shown = {"sid": self.sid, "friendly_name": self.friendly_name, **_dates_of(self, dates)}
        return {**shown, "secret": self.secret} if with_secret else shown


@dataclass(slots=True)
class QueueRecord:
    """A queue of waiting calls: Twilio's Queue resource."""

    sid: str
    account_sid: str
    friendly_name: str
    created_ns: int
    updated_ns: int = field(init=False)
    max_size: int = 1000
    current_size: int = 0
    """Kept by who runs the queue, as is the next."""
    average_wait_seconds: int = 0
    """Of those who wait."""

    def __post_init__(self) -> None:
        self.updated_ns = self.created_ns

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        path = f"{account_path(self.account_sid)}/Queues/{self.sid}"
        return {
            **_dates_of(self, dates),
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
    """From 1; 0 once it has left."""
    waited_ns: int
    """Until now, or until it left."""

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
class ParticipantRecord:
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
    """Milliseconds before its call is placed: ``"0"`` in the answer to its creation only."""

    def __post_init__(self) -> None:
        self.updated_ns = self.created_ns

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        path = f"{account_path(self.account_sid)}/Conferences/{self.conference_sid}"
        return {
            "account_sid": self.account_sid,
            "call_sid": self.call_sid,
            "label": self.label,
            "call_sid_to_coach": self.call_sid_to_coach,
            "coaching": self.coaching,
            "conference_sid": self.conference_sid,
            **_dates_of(self, dates),
            "end_conference_on_exit": self.end_conference_on_exit,
            "muted": self.muted,
            "hold": self.hold,
            "start_conference_on_enter": self.start_conference_on_enter,
            "status": self.status,
            "queue_time": self.queue_time,
            "uri": f"{path}/Participants/{self.call_sid}.json",
        }


@dataclass(frozen=True, slots=True)
class NotificationRecord:
    """Something a developer should know of: Twilio's Notification resource."""

    sid: str
    account_sid: str
    call_sid: str | None
    error_code: int
    log: str
    """``"0"`` an error, ``"1"`` a warning."""
    message_text: str
    request_url: str
    """What was asked of the app when it happened, "" where nothing was."""
    created_ns: int
    request_method: str = "POST"
    request_variables: str = ""
    response_headers: str = ""
    response_body: str = ""

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        """As it stands in a list."""
        asked = self.request_url or None
        return {
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "call_sid": self.call_sid,
            "date_created": rfc2822(dates, self.created_ns),
            "date_updated": rfc2822(dates, self.created_ns),
            "error_code": str(self.error_code),
            "log": self.log,
            "message_date": rfc2822(dates, self.created_ns),
            "message_text": self.message_text,
            "more_info": f"{_MORE_INFO}/{self.error_code}",
            "request_method": self.request_method if asked else None,
            "request_url": asked,
            "sid": self.sid,
            "uri": f"{account_path(self.account_sid)}/Notifications/{self.sid}.json",
        }

    def to_full_twilio_json(self, dates: Dates) -> dict[str, Any]:
        """As it is shown by itself: with what was asked and answered."""
        return {
            **self.to_twilio_json(dates),
            "request_variables": self.request_variables,
            "response_headers": self.response_headers,
            "response_body": self.response_body,
        }


@dataclass(slots=True)
class TranscriptionRecord:
    """The words of a recording: Twilio's Transcription resource."""

    LIFE: ClassVar = TRANSCRIPTION

    sid: str
    account_sid: str
    recording_sid: str
    duration_seconds: int
    words: str
    """What is told once it is completed; "" where it will fail."""
    created_ns: int
    updated_ns: int = field(init=False)
    status: TranscriptionStatus = "in-progress"

    def __post_init__(self) -> None:
        self.updated_ns = self.created_ns

    @property
    def text(self) -> str:
        return self.words if self.status == "completed" else ""

    def to_twilio_json(self, dates: Dates, *, below_recording: bool = False) -> dict[str, Any]:
        """The resource, of the account or ``below_recording``: its path is another there."""
        path = account_path(self.account_sid)
        if below_recording:
            path += f"/Recordings/{self.recording_sid}"
        return {
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            **_dates_of(self, dates),
            "duration": str(self.duration_seconds),
            "price": None,
            "price_unit": "USD",
            "recording_sid": self.recording_sid,
            "sid": self.sid,
            "status": self.status,
            "transcription_text": self.text,
            "type": "fast",
            "uri": f"{path}/Transcriptions/{self.sid}.json",
        }


def is_toll_free(number: str) -> bool:
    """Whether a number is one of North America that costs its caller nothing."""
    return re.match(r"\+1(800|833|844|855|866|877|888)", number) is not None


class _Dated(Protocol):
    created_ns: int
    updated_ns: int


def _dates_of(record: _Dated, dates: Dates) -> dict[str, str]:
    return {
        "date_created": rfc2822(dates, record.created_ns),
        "date_updated": rfc2822(dates, record.updated_ns),
    }


def _snake(name: str) -> str:
    """``IncomingPhoneNumbers`` as ``incoming_phone_numbers``, ``SIP`` as ``sip``."""
    if name.isupper():
        return name.lower()
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name).lstrip("_")
