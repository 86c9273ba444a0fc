"""The operations of Twilio's API 2010-04-01 below an account, as its description has them.

What is in no row of :mod:`mediasim.twilio.rest.table` is answered with 501, and named in the
coverage. A test holds this list to the published description.
"""

from __future__ import annotations

from typing import Final

__all__ = ["DESCRIBED"]

DESCRIBED: Final[dict[str, tuple[str, ...]]] = {
    path: tuple(methods)
    for path, *methods in map(
        str.split,
        """
Addresses GET POST
Addresses/{AddressSid}/DependentPhoneNumbers GET
Addresses/{Sid} GET POST DELETE
Applications GET POST
Applications/{Sid} GET POST DELETE
AuthorizedConnectApps GET
AuthorizedConnectApps/{ConnectAppSid} GET
AvailablePhoneNumbers GET
AvailablePhoneNumbers/{CountryCode} GET
AvailablePhoneNumbers/{CountryCode}/Local GET
AvailablePhoneNumbers/{CountryCode}/MachineToMachine GET
AvailablePhoneNumbers/{CountryCode}/Mobile GET
AvailablePhoneNumbers/{CountryCode}/National GET
AvailablePhoneNumbers/{CountryCode}/SharedCost GET
AvailablePhoneNumbers/{CountryCode}/TollFree GET
AvailablePhoneNumbers/{CountryCode}/Voip GET
Balance GET
Calls GET POST
Calls/{CallSid}/Events GET
Calls/{CallSid}/Notifications GET
Calls/{CallSid}/Notifications/{Sid} GET
Calls/{CallSid}/Payments POST
Calls/{CallSid}/Payments/{Sid} POST
Calls/{CallSid}/Recordings GET POST
Calls/{CallSid}/Recordings/{Sid} GET POST DELETE
Calls/{CallSid}/Siprec POST
Calls/{CallSid}/Siprec/{Sid} POST
Calls/{CallSid}/Streams POST
Calls/{CallSid}/Streams/{Sid} POST
Calls/{CallSid}/Transcriptions POST
Calls/{CallSid}/Transcriptions/{Sid} POST
Calls/{CallSid}/UserDefinedMessageSubscriptions POST
Calls/{CallSid}/UserDefinedMessageSubscriptions/{Sid} DELETE
Calls/{CallSid}/UserDefinedMessages POST
Calls/{Sid} GET POST DELETE
Conferences GET
Conferences/{ConferenceSid}/Participants GET POST
Conferences/{ConferenceSid}/Participants/{CallSid} GET POST DELETE
Conferences/{ConferenceSid}/Recordings GET
Conferences/{ConferenceSid}/Recordings/{Sid} GET POST DELETE
Conferences/{Sid} GET POST
ConnectApps GET
ConnectApps/{Sid} GET POST DELETE
IncomingPhoneNumbers GET POST
IncomingPhoneNumbers/Local GET POST
IncomingPhoneNumbers/Mobile GET POST
IncomingPhoneNumbers/TollFree GET POST
IncomingPhoneNumbers/{ResourceSid}/AssignedAddOns GET POST
IncomingPhoneNumbers/{ResourceSid}/AssignedAddOns/{AssignedAddOnSid}/Extensions GET
IncomingPhoneNumbers/{ResourceSid}/AssignedAddOns/{AssignedAddOnSid}/Extensions/{Sid} GET
IncomingPhoneNumbers/{ResourceSid}/AssignedAddOns/{Sid} GET DELETE
IncomingPhoneNumbers/{Sid} GET POST DELETE
Keys GET POST
Keys/{Sid} GET POST DELETE
Messages GET POST
Messages/{MessageSid}/Feedback POST
Messages/{MessageSid}/Media GET
Messages/{MessageSid}/Media/{Sid} GET DELETE
Messages/{Sid} GET POST DELETE
Notifications GET
Notifications/{Sid} GET
OutgoingCallerIds GET POST
OutgoingCallerIds/{Sid} GET POST DELETE
Queues GET POST
Queues/{QueueSid}/Members GET
Queues/{QueueSid}/Members/{CallSid} GET POST
Queues/{Sid} GET POST DELETE
Recordings GET
Recordings/{RecordingSid}/Transcriptions GET
Recordings/{RecordingSid}/Transcriptions/{Sid} GET DELETE
Recordings/{ReferenceSid}/AddOnResults GET
Recordings/{ReferenceSid}/AddOnResults/{AddOnResultSid}/Payloads GET
Recordings/{ReferenceSid}/AddOnResults/{AddOnResultSid}/Payloads/{PayloadSid}/Data GET
Recordings/{ReferenceSid}/AddOnResults/{AddOnResultSid}/Payloads/{Sid} GET DELETE
Recordings/{ReferenceSid}/AddOnResults/{Sid} GET DELETE
Recordings/{Sid} GET DELETE
SIP/CredentialLists GET POST
SIP/CredentialLists/{CredentialListSid}/Credentials GET POST
SIP/CredentialLists/{CredentialListSid}/Credentials/{Sid} GET POST DELETE
SIP/CredentialLists/{Sid} GET POST DELETE
SIP/Domains GET POST
SIP/Domains/{DomainSid}/Auth/Calls/CredentialListMappings GET POST
SIP/Domains/{DomainSid}/Auth/Calls/CredentialListMappings/{Sid} GET DELETE
SIP/Domains/{DomainSid}/Auth/Calls/IpAccessControlListMappings GET POST
SIP/Domains/{DomainSid}/Auth/Calls/IpAccessControlListMappings/{Sid} GET DELETE
SIP/Domains/{DomainSid}/Auth/Registrations/CredentialListMappings GET POST
SIP/Domains/{DomainSid}/Auth/Registrations/CredentialListMappings/{Sid} GET DELETE
SIP/Domains/{DomainSid}/CredentialListMappings GET POST
SIP/Domains/{DomainSid}/CredentialListMappings/{Sid} GET DELETE
SIP/Domains/{DomainSid}/IpAccessControlListMappings GET POST
SIP/Domains/{DomainSid}/IpAccessControlListMappings/{Sid} GET DELETE
SIP/Domains/{Sid} GET POST DELETE
SIP/IpAccessControlLists GET POST
SIP/IpAccessControlLists/{IpAccessControlListSid}/IpAddresses GET POST
SIP/IpAccessControlLists/{IpAccessControlListSid}/IpAddresses/{Sid} GET POST DELETE
SIP/IpAccessControlLists/{Sid} GET POST DELETE
SMS/ShortCodes GET
SMS/ShortCodes/{Sid} GET POST
SigningKeys GET POST
SigningKeys/{Sid} GET POST DELETE
Tokens POST
Transcriptions GET
Transcriptions/{Sid} GET DELETE
Usage/Records GET
Usage/Records/AllTime GET
Usage/Records/Daily GET
Usage/Records/LastMonth GET
Usage/Records/Monthly GET
Usage/Records/ThisMonth GET
Usage/Records/Today GET
Usage/Records/Yearly GET
Usage/Records/Yesterday GET
Usage/Triggers GET POST
Usage/Triggers/{Sid} GET POST DELETE
""".strip().splitlines(),
    )
}
"""Methods by path, without what the paths of all accounts begin with."""
