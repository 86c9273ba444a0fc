"""The codes of Twilio's error dictionary for what is wrong in a TwiML document.

Most wrong attributes have a code of their own: 13212 for a Dial's ``timeout``. All others have
12200, the schema's. Source: https://www.twilio.com/docs/api/errors, 13210 to 14300.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["SCHEMA", "attribute_code", "given_for", "nested_code"]

SCHEMA: Final = 12200

_STATUS: Final = {
    "recordingStatusCallback": 13256,
    "recordingStatusCallbackEvent": 13621,
    "recordingTrack": 13622,
}
_WHISPER: Final = {"method": 14210, "url": 14211}
_ATTRIBUTES: Final[Mapping[str, Mapping[str, int]]] = {
    "Dial": {
        **_STATUS,
        "method": 13210,
        "timeout": 13212,
        "hangupOnStar": 13213,
        "callerId": 13214,
        "timeLimit": 13216,
        "record": 13217,
        "sequential": 13218,
        "answerOnBridge": 13219,
        "trim": 13699,
    },
    "Number": {"method": 13221, "sendDigits": 13222},
    "Sip": {"method": 13241, "username": 13249, "password": 13249},
    "Conference": {
        **_STATUS,
        "muted": 13230,
        "endConferenceOnExit": 13231,
        "startConferenceOnEnter": 13232,
        "waitUrl": 13233,
        "waitMethod": 13234,
        "beep": 13235,
        "trim": 13239,
        "participantLabel": 16023,
    },
    "Queue": _WHISPER,
    "Gather": {
        "finishOnKey": 13310,
        "method": 13312,
        "timeout": 13313,
        "numDigits": 13314,
        "input": 13326,
        "speechTimeout": 13327,
        "maxSpeechTime": 13328,
        "partialResultCallbackMethod": 13329,
        "hints": 13330,
        "language": 13331,
        "bargeIn": 13332,
        "profanityFilter": 13333,
        "speechModel": 13334,
        "actionOnEmptyResult": 13338,
    },
    "Gather/Say": {"voice": 13321, "loop": 13322},
    "Play": {"loop": 13410, "digits": 13430},
    "Say": {"loop": 13510, "voice": 13511},
    "Record": {
        **_STATUS,
        "method": 13610,
        "timeout": 13611,
        "maxLength": 13612,
        "finishOnKey": 13613,
        "transcribe": 13614,
        "transcribeCallback": 13257,
        "playBeep": 13616,
        "trim": 13699,
    },
    "Recording": {**_STATUS, "track": 13622, "trim": 13699},
    "Redirect": {"method": 13710},
    "Reject": {"reason": 13810},
    "Pause": {"length": 13910},
    "Sms": {"to": 14101, "from": 14102, "method": 14104, "statusCallback": 14105},
    "Message": {"to": 14101, "from": 14102, "method": 14104, "statusCallback": 14105},
    "Enqueue": {"method": 14201, "waitUrl": 14202, "action": 14203, "waitUrlMethod": 14206},
}
"""Codes of attributes, by element and attribute; ``Gather/Say`` is a Say inside a Gather."""

_NESTED: Final[Mapping[str, int]] = {"Dial": 13215, "Gather": 13320, "Start": 14300, "Stop": 14300}
"""Codes of an element that may not stand in another, by the other."""


def attribute_code(element: str, attribute: str, parent: str | None = None) -> int:
    """Return the code for a wrong value of an attribute of an element inside another."""
    inside = _ATTRIBUTES.get(f"{parent}/{element}", {})
    return inside.get(attribute) or _ATTRIBUTES.get(element, {}).get(attribute, SCHEMA)


def nested_code(parent: str) -> int:
    """Return the code for an element that may not stand in another."""
    return _NESTED.get(parent, SCHEMA)


def given_for(code: int) -> list[str]:
    """Return what in a TwiML document is given a code, in words: wrong values of attributes, and
    children that an element may not have."""
    found = [
        f"a wrong value of <{element.rpartition('/')[2]} {attribute}>"
        for element, codes in _ATTRIBUTES.items()
        for attribute, known in codes.items()
        if known == code
    ]
    return found + [
        f"a child that <{name}> may not have" for name, it in _NESTED.items() if it == code
    ]
