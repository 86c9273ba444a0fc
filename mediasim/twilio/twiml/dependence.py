"""Attributes of TwiML that say nothing without another one: a Dial's ``trim`` without ``record``.

Twilio ignores them without a word; here they are noted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from mediasim.twilio.requests import DETECTION_TIMES

__all__ = ["DEPENDENT", "needed"]

_ACTION: Final = {"method": "action"}
_URL: Final = {"method": "url"}
_RECORDED: Final = {"trim": "record"}
_DETECTING: Final = dict.fromkeys(
    ("amdStatusCallback", *(f"machineDetection{name}" for name in DETECTION_TIMES)),
    "machineDetection",
)
DEPENDENT: Final[Mapping[str, Mapping[str, str]]] = {
    "Application": _URL,
    "Client": _URL,
    "Conference": {**_RECORDED, "waitMethod": "waitUrl"},
    "Connect": _ACTION,
    "Dial": {**_ACTION, **_RECORDED, "recordingTrack": "record", "referMethod": "referUrl"},
    "Enqueue": _ACTION,
    "Message": _ACTION,
    "Number": {**_URL, **_DETECTING},
    "Queue": _URL,
    "Refer": _ACTION,
    "Sip": {**_URL, **_DETECTING, "password": "username"},
    "Sms": _ACTION,
}
"""The attribute that another needs, by element and the other's name."""


def needed(element: str, name: str, attributes: Collection[str]) -> str | None:
    """Return the attribute without which one says nothing; None if it speaks for itself.

    ``attributes`` are all that the element may have: a ``<name>Method`` or ``<name>Event`` needs
    ``<name>``, if it is one of them.
    """
    if found := DEPENDENT.get(element, {}).get(name):
        return found
    other = name.removesuffix("Method").removesuffix("Event")
    return other if other != name and other in attributes else None
