"""What Twilio's description says of the resources that the sandbox has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from api_description import description

__all__ = ["OTHERS", "SERVED", "operations", "template_names"]

_ACCOUNT = "/2010-04-01/Accounts/{AccountSid}"
SERVED = (
    r"/2010-04-01/Accounts(/\{Sid\})?\.json",
    *(
        re.escape(_ACCOUNT) + each
        for each in (
            r"/(Applications|Keys|Notifications|Queues|Recordings|SigningKeys)(/\{Sid\})?\.json",
            r"(/Recordings/\{RecordingSid\})?/Transcriptions(/\{Sid\})?\.json",
            r"/(Balance|Tokens)\.json",
            r"/AvailablePhoneNumbers(/\{CountryCode\})?\.json",
            r"/AvailablePhoneNumbers/\{CountryCode\}/\w+\.json",
            r"/OutgoingCallerIds(/\{Sid\})?\.json",
            r"/Calls(/\{Sid\})?\.json",
            r"/Calls/\{CallSid\}/(Events|Notifications|Recordings)(/\{Sid\})?\.json",
            r"/Calls/\{CallSid\}/(Payments|UserDefinedMessageSubscriptions)(/\{Sid\})?\.json",
            r"/Calls/\{CallSid\}/Transcriptions(/\{Sid\})?\.json",
            r"/Calls/\{CallSid\}/UserDefinedMessages\.json",
            r"/Conferences(/\{Sid\})?\.json",
            r"/Conferences/\{ConferenceSid\}/Participants(/\{CallSid\})?\.json",
            r"/Conferences/\{ConferenceSid\}/Recordings(/\{Sid\})?\.json",
            r"/IncomingPhoneNumbers(/\{Sid\}|/Local|/Mobile|/TollFree)?\.json",
            r"/Messages(/\{Sid\})?\.json",
            r"/Messages/\{MessageSid\}/Media(/\{Sid\})?\.json",
            r"/Queues/\{QueueSid\}/Members(/\{CallSid\})?\.json",
            r"/SIP/.*\.json",
        )
    ),
)
"""Paths, as regular expressions."""
OTHERS = ("Addresses", "Usage/Records", "ConnectApps", "Nonsense")
"""Some of what Twilio has and the sandbox has not."""


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path template, method and description of every operation of what is served.

    Skips the test, with the reason, where the description is absent.
    """
    for path, methods in description()["paths"].items():
        if any(re.fullmatch(each, path) for each in SERVED):
            for method in ("get", "post", "delete"):
                if method in methods:
                    yield path, method.upper(), methods[method]


def template_names(path: str) -> list[str]:
    """The variable parts of a path."""
    return re.findall(r"\{(\w+)\}", path)
