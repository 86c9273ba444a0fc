"""The mapping of lists to SIP domains and trunks, which several resources show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mediasim.twilio.account_parts import ResourceList
from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.resource import ApiRequest, Operation
from mediasim.twilio.rest.responses import ApiResponse
from mediasim.twilio.sip.records import (
    AccessListRecord,
    CredentialListRecord,
    DomainRecord,
    MappingRecord,
    Use,
)
from mediasim.twilio.sip.trunks import TrunkRecord

__all__ = ["MappedLists"]

ListRecord = CredentialListRecord | AccessListRecord


@dataclass(frozen=True, slots=True)
class MappedLists:
    """The operations on lists of one kind that are mapped to owners of one kind, for a use."""

    owner: str
    """The variable part of the path that names the owner: ``domain``, ``trunk``."""
    parameter: str
    """The parameter that names the list: ``CredentialListSid``, ``IpAccessControlListSid``."""
    owners: Callable[[ApiRequest], ResourceList[Any]]
    show: Callable[[ApiRequest, MappingRecord, ListRecord], dict[str, Any]]
    code: int
    """Code of an error in the parameter."""
    use: Use = "calls"

    @property
    def _prefix(self) -> str:
        return "CL" if self.parameter == "CredentialListSid" else "AL"

    def paths(self, path: str) -> Mapping[str, Mapping[str, Operation]]:
        """Return the operations at a path below an owner."""
        return {
            path: {
                "GET": Operation(self._list, PAGING),
                "POST": Operation(self._create, (self.parameter,)),
            },
            f"{path}/{{sid}}": {
                "GET": Operation(self._fetch),
                "DELETE": Operation(self._delete),
            },
        }

    def _lists(self, request: ApiRequest) -> ResourceList[Any]:
        sip = request.account.sip
        return sip.credential_lists if self._prefix == "CL" else sip.access_lists

    def _owner(self, request: ApiRequest) -> str:
        """Return the SID of the owner in the path. Raises TwilioError (404) if there is none."""
        owner: DomainRecord | TrunkRecord = request.found_in(self.owners(request), self.owner)
        return owner.sid

    def _mapping(self, request: ApiRequest) -> MappingRecord:
        sid = MappingRecord.sid_of(self._owner(request), request.at["sid"], self.use)
        mappings = request.account.sip.mappings
        if not request.at["sid"].startswith(self._prefix) or not mappings.has(sid):
            raise request.missing()
        return mappings.find(sid)

    def _shown(self, request: ApiRequest, mapping: MappingRecord) -> dict[str, Any]:
        return self.show(request, mapping, self._lists(request).find(mapping.list_sid))

    def _list(self, request: ApiRequest) -> ApiResponse:
        mapped = request.account.sip.mapped(self._owner(request), self.use)
        return listed(
            request,
            [each for each in mapped if each.list_sid.startswith(self._prefix)],
            lambda mapping: self._shown(request, mapping),
            sid=lambda mapping: mapping.list_sid,
        )

    def _create(self, request: ApiRequest) -> ApiResponse:
        account, owner = request.account, self._owner(request)
        sid = request.form.sid(self.parameter, self._prefix, code=self.code)
        if sid is None:
            raise bad_parameter(f"{self.parameter} parameter is required.", self.code)
        if request.own_of(self._lists(request), sid) is None:
            raise bad_parameter(f"{self.parameter} {sid} is none of the account's", self.code)
        key = MappingRecord.sid_of(owner, sid, self.use)
        if account.sip.mappings.has(key):
            words = f"{self.parameter} {sid} is associated with {owner} already"
            raise bad_parameter(words, self.code)
        mapping = MappingRecord(key, account.sid, owner, sid, self.use, account.now_ns)
        account.sip.mappings.add(mapping)
        account.sip.mapping_changed(owner)
        return ApiResponse(self._shown(request, mapping), 201)

    def _fetch(self, request: ApiRequest) -> ApiResponse:
        return ApiResponse(self._shown(request, self._mapping(request)))

    def _delete(self, request: ApiRequest) -> ApiResponse:
        mapping = self._mapping(request)
        request.account.sip.mappings.remove(mapping.sid)
        request.account.sip.mapping_changed(mapping.owner_sid)
        return ApiResponse(status=204)
