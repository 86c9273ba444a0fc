"""What Twilio has and the sandbox has not: 501, a notification, and a count for the inspector."""

from __future__ import annotations

import re
from typing import Final

from mediasim.twilio.account import Account
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.representations import API_VERSION

__all__ = ["COVERAGE", "is_twilios", "not_simulated", "product_of"]

COVERAGE: Final = "/_mediasim/coverage"
"""Path at which a sandbox tells what it has."""
_CODE: Final = 20501
_HOST: Final = re.compile(r"([a-z0-9-]+)(?:\.[a-z0-9-]+)*\.twilio\.com(?::[0-9]+)?", re.IGNORECASE)
_SID: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9a-fA-F]{32}(?![A-Za-z0-9])")
_PRODUCTS: Final = {
    r"/v1/Workspaces": "TaskRouter",
    r"/v2/Services/[^/]+/(Verification|Entities|RateLimits|Webhooks|Access)": "Verify",
    r"/v1/Services/[^/]+/(Documents|SyncLists|SyncMaps|SyncStreams|Lists|Maps|Streams)": "Sync",
    r"/v1/Services/[^/]+/(PhoneNumbers|ShortCodes|AlphaSenders|ChannelSenders)": "Messaging",
    r"/v1/(Services/[^/]+/)?(Conversations|ParticipantConversations)": "Conversations",
    r"/v1/(Alerts|Events)": "Monitor",
    r"/v1/Trunks": "Elastic SIP Trunking",
    r"/v1/(Rooms|Compositions|CompositionHooks|Recordings)": "Video",
    r"/v[12]/Flows": "Studio",
    r"/v2/(Transcripts|Operators|OperatorResults)": "Conversational Intelligence",
    r"/v1/(Voice|Conferences)": "Voice Insights",
    r"/v1/(Content|ContentAndApprovals)": "Content",
    r"/v1/(a2p|Deactivations|Tollfree)": "Messaging compliance",
    r"/v1/(DialingPermissions|ByocTrunks|ConnectionPolicies|SourceIpMappings|IpRecords)": "Voice",
    r"/v[12]/Keys": "IAM",
    r"/v[123]/Services": "Services of Verify, Sync, Messaging, Chat, Proxy or Serverless",
    r"/2010-04-01/Accounts/[^/]+/SIP": "SIP domains",
    r"/2010-04-01/Accounts/[^/]+/Usage": "Usage",
    r"/2010-04-01/Accounts/[^/]+/Addresses": "Addresses",
}
"""Products by the beginnings of their paths, where the host does not name them."""


def not_simulated(account: Account, method: str, host: str, path: str) -> TwilioError:
    """Return the error (501) that something of Twilio's is not simulated.

    It is counted, and a notification names it the first time.
    """
    path = re.sub(r"\.(json|xml)$", "", path)
    product = product_of(host)
    if product in ("", "api"):
        product = next((name for start, name in _PRODUCTS.items() if re.match(start, path)), "")
    what = f"{method} {_SID.sub(lambda sid: sid[0][:2] + '…', path)[:200]}"
    what += f" ({product})" if product else ""
    counts = account.not_simulated
    counts[what] += 1
    words = f"not simulated: {what}, see coverage: {account.base_url}{COVERAGE}"
    if counts[what] == 1:
        account.notify(None, _CODE, words)
    return TwilioError(501, _CODE, words)


def is_twilios(path: str) -> bool:
    """Tell whether a path may be one of Twilio's: its segments are names, SIDs and addresses.

    In the API of 2010 every other segment is a name or a SID, which begins with a capital letter.
    """
    segments = re.sub(r"\.(json|xml)$", "", path.removeprefix("/")).split("/")
    names = segments[1::2] if segments[0] == API_VERSION else []
    if not all(re.fullmatch("[A-Z][A-Za-z0-9]*", each) for each in names):
        return False
    return all(re.fullmatch(r"[\w.+@:%=,;~-]+", each) and ".." not in each for each in segments)


def product_of(host: str) -> str:
    """Return the product that a host of Twilio's serves: ``api``; "" for any other host."""
    match = _HOST.fullmatch(host)
    return "" if match is None else match[1].lower()
