"""The records of SIP domains: the domains, and the lists of who may use them and trunks.

A credential's password is stored as it is, for digest authentication, and never shown. One mapping
maps one list to one domain or trunk. Fields, types and names follow Twilio's API description
2010-04-01.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from mediasim.exchange.dates import Dates
from mediasim.twilio.representations import (
    API_VERSION,
    account_path,
    dates_json,
    subresource_uris,
)
from mediasim.twilio.requests import Callback, TwimlSource
from mediasim.twilio.resources import Dated

__all__ = [
    "AccessListRecord",
    "AddressRecord",
    "CredentialListRecord",
    "CredentialRecord",
    "DomainRecord",
    "MappingRecord",
    "Use",
    "auth_types",
]

Use = Literal["calls", "registrations"]
"""What a list that is mapped to a domain lets its users do."""
_AUTH_TYPES: Final = {"AL": "IP_ACL", "CL": "CREDENTIAL_LIST"}
_DOMAIN_LISTS: Final = ("CredentialListMappings", "IpAccessControlListMappings")


def auth_types(mappings: Iterable[MappingRecord]) -> list[str]:
    """Return the types of authentication of a domain or trunk, of its mappings for calls."""
    kinds = {each.list_sid[:2] for each in mappings if each.use == "calls"}
    return [name for prefix, name in _AUTH_TYPES.items() if prefix in kinds]


@dataclass(slots=True)
class DomainRecord(Dated):
    """A SIP domain: Twilio's SipDomain resource."""

    sid: str
    account_sid: str
    domain_name: str
    created_ns: int
    updated_ns: int = field(init=False)
    friendly_name: str = ""
    voice_url: str | None = None
    voice_method: str = "POST"
    voice_fallback_url: str | None = None
    voice_fallback_method: str = "POST"
    voice_status_callback_url: str | None = None
    voice_status_callback_method: str = "POST"
    sip_registration: bool = False
    auth_type: str = ""
    """Types of authentication that are mapped, with commas; written with the mappings."""

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
        url = self.voice_status_callback_url
        return Callback(url, self.voice_status_callback_method) if url else None

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        path = f"{account_path(self.account_sid)}/SIP/Domains/{self.sid}"
        return {
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "auth_type": self.auth_type,
            **dates_json(self, dates),
            "domain_name": self.domain_name,
            "friendly_name": self.friendly_name,
            "sid": self.sid,
            "uri": f"{path}.json",
            "voice_fallback_method": self.voice_fallback_method,
            "voice_fallback_url": self.voice_fallback_url,
            "voice_method": self.voice_method,
            "voice_status_callback_method": self.voice_status_callback_method,
            "voice_status_callback_url": self.voice_status_callback_url,
            "voice_url": self.voice_url,
            "subresource_uris": subresource_uris(path, _DOMAIN_LISTS),
            "sip_registration": self.sip_registration,
            "emergency_calling_enabled": False,
            "secure": False,
            "byoc_trunk_sid": None,
            "emergency_caller_sid": None,
        }


@dataclass(slots=True)
class CredentialListRecord(Dated):
    """A list of users with their passwords: Twilio's SipCredentialList resource."""

    sid: str
    account_sid: str
    friendly_name: str
    created_ns: int
    updated_ns: int = field(init=False)

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        return _list_json(self, dates, "CredentialLists", "Credentials")


@dataclass(slots=True)
class AccessListRecord(Dated):
    """A list of IP addresses: Twilio's SipIpAccessControlList resource."""

    sid: str
    account_sid: str
    friendly_name: str
    created_ns: int
    updated_ns: int = field(init=False)

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        return _list_json(self, dates, "IpAccessControlLists", "IpAddresses")


def _list_json(
    record: CredentialListRecord | AccessListRecord, dates: Dates, many: str, parts: str
) -> dict[str, Any]:
    path = f"{account_path(record.account_sid)}/SIP/{many}/{record.sid}"
    return {
        "account_sid": record.account_sid,
        **dates_json(record, dates),
        "friendly_name": record.friendly_name,
        "sid": record.sid,
        "subresource_uris": subresource_uris(path, (parts,)),
        "uri": f"{path}.json",
    }


@dataclass(slots=True)
class CredentialRecord(Dated):
    """A user with a password: Twilio's SipCredential resource."""

    sid: str
    account_sid: str
    list_sid: str
    username: str
    password: str
    created_ns: int
    updated_ns: int = field(init=False)

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        path = f"{account_path(self.account_sid)}/SIP/CredentialLists/{self.list_sid}"
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "credential_list_sid": self.list_sid,
            "username": self.username,
            **dates_json(self, dates),
            "uri": f"{path}/Credentials/{self.sid}.json",
        }


@dataclass(slots=True)
class AddressRecord(Dated):
    """An IP address, or a block of them: Twilio's SipIpAddress resource."""

    sid: str
    account_sid: str
    list_sid: str
    friendly_name: str
    ip_address: str
    created_ns: int
    updated_ns: int = field(init=False)
    cidr_prefix_length: int = 32

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        path = f"{account_path(self.account_sid)}/SIP/IpAccessControlLists/{self.list_sid}"
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "friendly_name": self.friendly_name,
            "ip_address": self.ip_address,
            "cidr_prefix_length": self.cidr_prefix_length,
            "ip_access_control_list_sid": self.list_sid,
            **dates_json(self, dates),
            "uri": f"{path}/IpAddresses/{self.sid}.json",
        }


@dataclass(slots=True)
class MappingRecord(Dated):
    """A list that is mapped to a SIP domain or a trunk, which its users may use then."""

    sid: str
    """What identifies the mapping; not shown, where a mapping has its list's SID."""
    account_sid: str
    owner_sid: str
    """SID of the domain or trunk."""
    list_sid: str
    use: Use
    created_ns: int
    updated_ns: int = field(init=False)

    @classmethod
    def sid_of(cls, owner_sid: str, list_sid: str, use: Use) -> str:
        """Return what identifies the mapping of a list to an owner for a use."""
        return f"{owner_sid}-{list_sid}-{use}"
