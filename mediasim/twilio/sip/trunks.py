"""The records of Elastic SIP Trunking: trunks, and the URLs at which calls reach the customer.

Fields, types and names follow Twilio's API description Trunking v1, in which dates are ISO 8601 and
URLs are whole; ours are completed where they are shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from mediasim.exchange.dates import Dates
from mediasim.exchange.trim import Trim
from mediasim.twilio.representations import iso_dates_json, snake_case
from mediasim.twilio.resources import Dated

__all__ = [
    "TRUNKS",
    "OriginationUrlRecord",
    "RecordingMode",
    "TrunkRecord",
]

TRUNKS: Final = "/v1/Trunks"
RecordingMode = Literal[
    "do-not-record",
    "record-from-ringing",
    "record-from-answer",
    "record-from-ringing-dual",
    "record-from-answer-dual",
]
_LISTS: Final = ("OriginationUrls", "CredentialLists", "IpAccessControlLists", "PhoneNumbers")


@dataclass(slots=True)
class TrunkRecord(Dated):
    """A trunk: Twilio's Trunk resource."""

    sid: str
    account_sid: str
    created_ns: int
    updated_ns: int = field(init=False)
    friendly_name: str = ""
    domain_name: str | None = None
    """Where the customer sends its calls: ``NAME.pstn.twilio.com``; None: nowhere."""
    disaster_recovery_url: str | None = None
    disaster_recovery_method: str = "POST"
    cnam_lookup_enabled: bool = False
    recording_mode: RecordingMode = "do-not-record"
    recording_trim: Trim = "do-not-trim"
    auth_type: str = ""
    """Types of authentication that are mapped, with commas; written with the mappings."""

    def recording_json(self) -> dict[str, Any]:
        """Return the settings of recordings: Twilio's Recording resource of a trunk."""
        return {"mode": self.recording_mode, "trim": self.recording_trim}

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        path = f"{TRUNKS}/{self.sid}"
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "domain_name": self.domain_name,
            "disaster_recovery_method": self.disaster_recovery_method,
            "disaster_recovery_url": self.disaster_recovery_url,
            "friendly_name": self.friendly_name,
            "secure": False,
            "cnam_lookup_enabled": self.cnam_lookup_enabled,
            "recording": self.recording_json(),
            "transfer_mode": "disable-all",
            "transfer_caller_id": "from-transferee",
            "auth_type": self.auth_type,
            "auth_type_set": self.auth_type.split(",") if self.auth_type else [],
            "symmetric_rtp_enabled": False,
            **iso_dates_json(self, dates),
            "url": path,
            "links": {snake_case(name): f"{path}/{name}" for name in _LISTS},
        }


@dataclass(slots=True)
class OriginationUrlRecord(Dated):
    """A SIP address at which the customer takes calls: Twilio's OriginationUrl resource."""

    sid: str
    account_sid: str
    trunk_sid: str
    friendly_name: str
    sip_url: str
    created_ns: int
    updated_ns: int = field(init=False)
    priority: int = 10
    """URLs of the lowest number are tried first."""
    weight: int = 10
    """Share of the calls, among URLs of one priority."""
    enabled: bool = True

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        return {
            "account_sid": self.account_sid,
            "sid": self.sid,
            "trunk_sid": self.trunk_sid,
            "weight": self.weight,
            "enabled": self.enabled,
            "sip_url": self.sip_url,
            "friendly_name": self.friendly_name,
            "priority": self.priority,
            **iso_dates_json(self, dates),
            "url": f"{TRUNKS}/{self.trunk_sid}/OriginationUrls/{self.sid}",
        }
