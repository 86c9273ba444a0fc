"""SIP domains and trunks of all accounts, as calls and registrations find them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from mediasim.exchange.phone import Phone
from mediasim.exchange.records import CallRecord, Direction, SipFacts
from mediasim.twilio.account_parts import AccountParts, ResourceList
from mediasim.twilio.errors import NOT_FOUND, TwilioError
from mediasim.twilio.requests import Callback
from mediasim.twilio.resources import NumberRecord
from mediasim.twilio.rules import AccountRules
from mediasim.twilio.session import Instructions
from mediasim.twilio.sip.access import SipAccess, twilio_domain
from mediasim.twilio.sip.records import (
    AccessListRecord,
    AddressRecord,
    CredentialListRecord,
    CredentialRecord,
    DomainRecord,
    MappingRecord,
    Use,
    auth_types,
)
from mediasim.twilio.sip.trunk_calls import PlaceLeg, TrunkCall
from mediasim.twilio.sip.trunks import OriginationUrlRecord, TrunkRecord

__all__ = ["SipManager"]

_LOCAL: Final = "127.0.0.1"
"""The address that simulated parties call SIP domains from."""


class CallParts(Protocol):
    """The account of a domain or trunk, as far as its calls need it."""

    def come_in(
        self,
        from_: str,
        to: str,
        phone: Phone,
        instructions: Instructions,
        callback: Callback | None,
        direction: Direction = "inbound",
    ) -> CallRecord:
        """Place a call that comes in. Raises TwilioError if no more calls can be carried."""

    @property
    def rules(self) -> AccountRules:
        """The rules of whom it may call, and from where."""

    @property
    def place_child(self) -> PlaceLeg:
        """Creates the queued call of a callee."""


@dataclass(frozen=True, slots=True)
class _Address:
    """A SIP address: ``sip:user@host``."""

    user: str
    host: str

    @classmethod
    def of(cls, text: str) -> _Address:
        user, _, host = text.partition(":")[2].rpartition("@")
        return cls(user, host.partition(";")[0].partition(":")[0])


class SipManager:
    """The domains and trunks of an account and its subaccounts, and their calls."""

    def __init__(self, account: AccountParts, of: Callable[[str], CallParts]) -> None:
        """``of`` returns the account of a SID, which calls are placed for."""
        self._account = account
        self._of = of
        self.domains: ResourceList[DomainRecord] = account.resource_list("SIP/Domains")
        self.credential_lists: ResourceList[CredentialListRecord] = account.resource_list(
            "SIP/CredentialLists"
        )
        self.credentials: ResourceList[CredentialRecord] = account.resource_list("SIP/Credentials")
        self.access_lists: ResourceList[AccessListRecord] = account.resource_list(
            "SIP/IpAccessControlLists"
        )
        self.addresses: ResourceList[AddressRecord] = account.resource_list("SIP/IpAddresses")
        self.mappings: ResourceList[MappingRecord] = account.resource_list("SIP/Mappings")
        self.trunks: ResourceList[TrunkRecord] = account.resource_list("Trunks")
        self.origination_urls: ResourceList[OriginationUrlRecord] = account.resource_list(
            "OriginationUrls"
        )

    # -- who may do what --------------------------------------------------------------------

    def owner(self, host: str) -> DomainRecord | TrunkRecord | None:
        """Return the domain or trunk of a host; None for another host or an unknown name."""
        name = twilio_domain(host)
        if name is None:
            return None
        return next((each for each in self._owners() if each.domain_name == name), None)

    def _owners(self) -> list[DomainRecord | TrunkRecord]:
        return [*self.domains.all(), *self.trunks.all()]

    def mapped(self, owner_sid: str, use: Use) -> list[MappingRecord]:
        """Return the mappings of a domain or trunk for a use, oldest first."""
        return [
            each for each in self.mappings.all() if (each.owner_sid, each.use) == (owner_sid, use)
        ]

    def access(self, host: str, use: Use) -> SipAccess | None:
        """Return who may use the domain or trunk of a host; None for a host that is neither."""
        name = twilio_domain(host)
        if name is None:
            return None
        owner = self.owner(host)
        if owner is None:
            return SipAccess(name, use=use, known=False)
        if use == "registrations" and not (
            isinstance(owner, DomainRecord) and owner.sip_registration
        ):
            return SipAccess(name, use=use, registers=False)
        lists = {each.list_sid for each in self.mapped(owner.sid, use)}
        passwords = {
            each.username: each.password
            for each in self.credentials.all()
            if each.list_sid in lists
        }
        addresses = [each for each in self.addresses.all() if each.list_sid in lists]
        return SipAccess(
            name,
            passwords if any(each.startswith("CL") for each in lists) else None,
            addresses if any(each.startswith("AL") for each in lists) else None,
            use,
        )

    def mapping_changed(self, owner_sid: str) -> None:
        """Write the types of authentication of a domain or trunk whose mappings have changed."""
        for owner in self._owners():
            if owner.sid == owner_sid:
                owner.auth_type = ",".join(auth_types(self.mapped(owner_sid, "calls")))

    def drop_mappings(self, owner_sid: str) -> None:
        """Remove the mappings of a domain or trunk."""
        for mapping in self.mappings.all():
            if mapping.owner_sid == owner_sid:
                self.mappings.remove(mapping.sid)
        self.mapping_changed(owner_sid)

    def drop_entries(self, list_sid: str) -> None:
        """Remove the entries of a list that is removed."""
        for entries in (self.credentials, self.addresses):
            for entry in entries.all():
                if entry.list_sid == list_sid:
                    entries.remove(entry.sid)

    # -- calls ------------------------------------------------------------------------------

    def place(self, from_: str, to: str, phone: Phone) -> CallRecord:
        """Place a call to a SIP address of a domain or trunk: ``sip:user@host``.

        Raises TwilioError if there is no such domain or trunk, or if it cannot be called.
        """
        address = _Address.of(to)
        owner = self.owner(address.host)
        access = self.access(address.host, "calls")
        if owner is None or access is None:
            there = ", ".join(each.domain_name for each in self._owners() if each.domain_name)
            words = f"{address.host} is no SIP domain or trunk: there are {there or 'none'}"
            raise TwilioError(404, NOT_FOUND, words)
        access.check(None)
        account = self._of(owner.account_sid)
        if isinstance(owner, TrunkRecord):
            trunk = TrunkCall(self._account, owner, account.place_child)
            number = trunk.terminating(address.user)
            record = account.come_in(
                from_, number, phone, trunk.terminate, None, "trunking-terminating"
            )
            record.trunk_sid = owner.sid
            if (wrong := account.rules.wrong_trunk_caller(from_)) is not None:
                words = f"{wrong.message} is shown as it is"
                self._account.notify(record.sid, wrong.code, words, warning=True)
        else:
            record = account.come_in(from_, to, phone, owner.source(), owner.callback())
        record.sip = SipFacts(
            f"{record.sid}@{address.host}",
            domain=address.host,
            source_ip=_LOCAL,
            domain_sid=owner.sid,
        )
        return record

    def originate(self, number: NumberRecord, from_: str, phone: Phone) -> CallRecord:
        """Place a call to a number of a trunk, which goes on to the customer.

        Raises TwilioError if no more calls can be carried.
        """
        trunk = self.trunks.find(number.trunk_sid or "")
        account = self._of(number.account_sid)
        urls = [each for each in self.origination_urls.all() if each.trunk_sid == trunk.sid]
        call = TrunkCall(self._account, trunk, account.place_child, urls)
        record = account.come_in(
            from_, number.phone_number, phone, call.originate, None, "trunking-originating"
        )
        record.trunk_sid, record.phone_number_sid = trunk.sid, number.sid
        if trunk.cnam_lookup_enabled:
            record.caller_name = self._account.subscriber_of(from_).caller_name
        return record
