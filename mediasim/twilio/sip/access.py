"""Who may use a SIP domain or a trunk: the addresses and the passwords that its lists have.

With both kinds of lists mapped, a request must pass both; with neither, none is accepted (docs, SIP
Domain and Trunk resources). Codes are those of Twilio's error dictionary, 32xxx.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from mediasim.twilio.errors import NOT_FOUND, TwilioError
from mediasim.twilio.sip.records import AddressRecord, Use

__all__ = ["BAD_CREDENTIALS", "SipAccess", "network_of", "twilio_domain"]

_NO_PERMISSION: Final = 32200
_NOT_IN_ACL: Final = 32201
_NO_REGISTRATION: Final = 32210
_NO_REGISTRATION_LIST: Final = 32212
BAD_CREDENTIALS: Final = 32202
_TWILIOS: Final = re.compile(
    r"(?P<name>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)\.(?P<kind>sip|pstn)(?:\.[a-z0-9-]+){0,2}\.twilio\.com"
)
"""Names of SIP domains and trunks, also with an edge or region: ``name.sip.us1.twilio.com``."""


def twilio_domain(host: str) -> str | None:
    """Return the name of a SIP domain or trunk without its region; None for any other host."""
    found = _TWILIOS.fullmatch(host.lower().rstrip("."))
    return None if found is None else f"{found['name']}.{found['kind']}.twilio.com"


def network_of(address: str, prefix: int) -> IPv4Network | IPv6Network:
    """Return the block that an address is of. Raises ValueError for no address or prefix."""
    return ip_network(f"{ip_address(address)}/{prefix}", strict=False)


@dataclass(frozen=True, slots=True)
class SipAccess:
    """Who may call, or register with, one SIP domain or trunk."""

    domain: str
    passwords: Mapping[str, str] | None = None
    """Passwords by user, of the credential lists; None: none is mapped, and none is asked for."""
    addresses: Sequence[AddressRecord] | None = None
    """The addresses of the access control lists; None: none is mapped, and any may send."""
    use: Use = "calls"
    known: bool = True
    """Whether there is such a domain or trunk."""
    registers: bool = True
    """Whether it may be registered with, if that is the use."""

    def check(self, address: str | None) -> None:
        """Check the address of a sender; None: a simulated party, which has every address.

        Raises TwilioError (403, or 404 if there is no such domain or trunk).
        """
        if not self.known:
            words = f"{self.domain} is no SIP domain or trunk of the account"
            raise TwilioError(404, NOT_FOUND, words)
        if not self.registers:
            words = f"SIP: Register not supported: {self.domain} has no SipRegistration"
            raise TwilioError(403, _NO_REGISTRATION, words)
        if self.use == "registrations" and self.passwords is None:
            words = f"SIP: Registration Authentication problem: {self.domain} has no credential"
            raise TwilioError(403, _NO_REGISTRATION_LIST, f"{words} list for registrations")
        if self.passwords is None and self.addresses is None:
            words = "is called, and has no credential list and no IP access control list"
            raise TwilioError(
                403,
                _NO_PERMISSION,
                f"SIP: Insufficient permissions: {self.domain} {words}: no caller may call it",
            )
        if self.addresses is None or address is None:
            return
        sender = ip_address(address)
        if not any(
            sender in network_of(each.ip_address, each.cidr_prefix_length)
            for each in self.addresses
        ):
            words = f"SIP: Source IP address not in ACL: {address} is in none of {self.domain}"
            raise TwilioError(403, _NOT_IN_ACL, words)
