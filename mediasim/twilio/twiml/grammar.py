"""The grammar of TwiML as a table: each element, its attributes with their values, its children.

Names and values are those of Twilio's SDKs (``twilio.twiml.voice_response`` and the typed one
for Node) and of the pages of the verbs. Elements of Twilio that this sandbox does not support
are in the table without attributes: they are left out of the document, with a warning.
The types of values are in :mod:`mediasim.twilio.twiml.values`, the codes for what is wrong in
:mod:`mediasim.twilio.twiml.codes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mediasim.twilio.relay.attributes import (
    FLAGS,
    INTERRUPTIBLE,
    INTERRUPTIONS,
    NOTED,
    NOTED_OF_LANGUAGE,
    TEXTS,
)
from mediasim.twilio.requests import CALL_EVENTS, CONFERENCE_EVENTS, RECORDING_EVENTS
from mediasim.twilio.twiml.values import (
    FLAG,
    KEYS,
    METHOD,
    NUMBER,
    TEXT,
    TONES,
    URL,
    Choice,
    Number,
    Value,
    Words,
)

__all__ = ["ELEMENTS", "MESSAGING", "ROOT", "Element", "element"]

ROOT: Final = "Response"


# -- the table ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Element:
    """A row of the table: what an element may contain."""

    attributes: Mapping[str, Value] = field(default_factory=dict)
    children: tuple[str, ...] = ()
    text: bool = False
    """Whether the element has text of its own."""
    spoken: bool = False
    """Whether its text is part of the text of the element around it (SSML)."""
    supported: bool = True


_UNSUPPORTED: Final = Element(supported=False)
_UNSUPPORTED_NAMES: Final = (
    *("AiSession", "Autopilot", "Conversation"),
    *("ConversationRelaySession", "Echo", "Pay", "Prompt", "Refer", "Room", "Response/Queue"),
    *("Sim", "Siprec", "Task", "Transcription", "VirtualAgent", "WhatsApp"),
)
_TRIM: Final = Choice(("trim-silence", "do-not-trim"))
_TRACK: Final = Choice(("both", "inbound", "outbound"))
_RECORD: Final = Choice(
    (
        *("do-not-record", "record-from-answer", "record-from-ringing"),
        *("record-from-answer-dual", "record-from-ringing-dual", "true", "false"),
    )
)
_STATUS: Final[Mapping[str, Value]] = {
    "statusCallback": TEXT,
    "statusCallbackMethod": METHOD,
}
_CALL_STATUS: Final[Mapping[str, Value]] = {
    **_STATUS,
    "statusCallbackEvent": Words(CALL_EVENTS),
}
_RECORDING_STATUS: Final[Mapping[str, Value]] = {
    "recordingStatusCallback": URL,
    "recordingStatusCallbackMethod": METHOD,
    "recordingStatusCallbackEvent": Words(RECORDING_EVENTS),
    "recordingConfigurationId": TEXT,
}
_ACTION: Final[Mapping[str, Value]] = {"action": TEXT, "method": METHOD}
_SENT: Final[Mapping[str, Value]] = {**_ACTION, "to": TEXT, "from": TEXT, "statusCallback": URL}
_SCREENING: Final[Mapping[str, Value]] = {"url": TEXT, "method": METHOD}
_ANSWERING_MACHINE: Final[Mapping[str, Value]] = {
    "machineDetection": TEXT,
    "amdStatusCallback": TEXT,
    "amdStatusCallbackMethod": METHOD,
    "machineDetectionTimeout": NUMBER,
    "machineDetectionSpeechThreshold": NUMBER,
    "machineDetectionSpeechEndThreshold": NUMBER,
    "machineDetectionSilenceTimeout": NUMBER,
}
_NAMED_VALUE: Final = Element({"name": TEXT, "value": TEXT})
_SSML: Final = (
    *("break", "emphasis", "lang", "p", "phoneme"),
    *("prosody", "s", "say-as", "sub", "w"),
)

ELEMENTS: Final[Mapping[str, Element]] = {
    ROOT: Element(
        children=(
            *("Connect", "Dial", "Echo", "Enqueue", "Gather", "Hangup", "Leave", "Pause", "Pay"),
            *("Play", "Prompt", "Queue", "Record", "Redirect", "Refer", "Reject", "Say", "Sms"),
            *("Start", "Stop"),
        ),
    ),
    # -- saying, playing, listening ---------------------------------------------------------------
    "Say": Element(
        {"voice": TEXT, "language": TEXT, "loop": NUMBER},
        children=_SSML,
        text=True,
    ),
    "Play": Element({"loop": NUMBER, "digits": TONES}, text=True),
    "Pause": Element({"length": NUMBER}),
    "Gather": Element(
        {
            **_ACTION,
            "input": Words(("dtmf", "speech")),
            "timeout": Number(word="auto"),
            "speechTimeout": Number(word="auto"),
            "maxSpeechTime": NUMBER,
            "profanityFilter": FLAG,
            "finishOnKey": KEYS,
            "numDigits": Number(least=1),
            "partialResultCallback": TEXT,
            "partialResultCallbackMethod": METHOD,
            "language": TEXT,
            "hints": TEXT,
            "bargeIn": FLAG,
            "debug": FLAG,
            "actionOnEmptyResult": FLAG,
            "speechModel": TEXT,
            "enhanced": FLAG,
        },
        children=("Say", "Play", "Pause"),
    ),
    # -- recording --------------------------------------------------------------------------------
    "Record": Element(
        {
            **_ACTION,
            **_RECORDING_STATUS,
            "timeout": NUMBER,
            "finishOnKey": KEYS,
            "maxLength": Number(least=1),
            "playBeep": FLAG,
            "trim": _TRIM,
            "transcribe": FLAG,
            "transcribeCallback": URL,
        },
    ),
    "Start": Element(_ACTION, children=("Recording", "Siprec", "Stream", "Transcription")),
    "Stop": Element(children=("Recording", "Siprec", "Stream", "Transcription")),
    "Recording": Element(
        {
            **_RECORDING_STATUS,
            "name": TEXT,
            "trim": _TRIM,
            "track": _TRACK,
            "channels": Choice(("mono", "dual")),
        },
    ),
    # -- streams ----------------------------------------------------------------------------------
    "Connect": Element(
        _ACTION,
        children=(
            *("AiSession", "Autopilot", "Conversation", "ConversationRelay"),
            *("ConversationRelaySession", "Room", "Stream", "VirtualAgent"),
        ),
    ),
    "Stream": Element(
        {
            **_STATUS,
            "url": TEXT,
            "name": TEXT,
            "connectorName": TEXT,
            "audioFormat": TEXT,
            "sampleRate": TEXT,
            "track": Choice(("inbound_track", "outbound_track", "both_tracks")),
        },
        children=("Parameter",),
    ),
    "ConversationRelay": Element(
        {
            **dict.fromkeys((*TEXTS, *NOTED), TEXT),
            **dict.fromkeys(INTERRUPTIONS, Choice(INTERRUPTIBLE)),
            **dict.fromkeys(FLAGS, FLAG),
            "interruptSensitivity": Choice(("high", "medium", "low")),
        },
        children=("Language", "Parameter"),
    ),
    "Language": Element(dict.fromkeys(("code", "ttsProvider", "voice", *NOTED_OF_LANGUAGE), TEXT)),
    # -- other parties ----------------------------------------------------------------------------
    "Dial": Element(
        {
            **_ACTION,
            **_RECORDING_STATUS,
            "timeout": NUMBER,
            "hangupOnStar": FLAG,
            "timeLimit": NUMBER,
            "callerId": TEXT,
            "record": _RECORD,
            "trim": _TRIM,
            "recordingTrack": _TRACK,
            "answerOnBridge": FLAG,
            "ringTone": TEXT,
            "sequential": FLAG,
            "referUrl": TEXT,
            "referMethod": METHOD,
            "events": TEXT,
            "passports": TEXT,
        },
        children=(
            *("Application", "Client", "Conference", "Number", "Queue", "Sim", "Sip", "WhatsApp"),
        ),
        text=True,
    ),
    "Number": Element(
        {
            **_SCREENING,
            **_CALL_STATUS,
            **_ANSWERING_MACHINE,
            "sendDigits": TONES,
            "byoc": TEXT,
        },
        text=True,
    ),
    "Client": Element(
        {**_SCREENING, **_CALL_STATUS}, children=("Identity", "Parameter"), text=True
    ),
    "Identity": Element(text=True),
    "Application": Element(
        {**_SCREENING, **_CALL_STATUS, "customerId": TEXT, "copyParentTo": FLAG},
        children=("ApplicationSid", "Parameter"),
        text=True,
    ),
    "ApplicationSid": Element(text=True),
    "Parameter": _NAMED_VALUE,
    "Sip": Element(
        {
            **_SCREENING,
            **_CALL_STATUS,
            **_ANSWERING_MACHINE,
            "username": TEXT,
            "password": TEXT,
        },
        children=("Headers", "Uri"),
        text=True,
    ),
    "Uri": Element(
        {"priority": TEXT, "weight": TEXT, "username": TEXT, "password": TEXT}, text=True
    ),
    "Headers": Element(children=("Header",)),
    "Header": _NAMED_VALUE,
    "Conference": Element(
        {
            **_STATUS,
            **_RECORDING_STATUS,
            "statusCallbackEvent": Words(CONFERENCE_EVENTS),
            "muted": FLAG,
            "beep": Choice(("true", "false", "onEnter", "onExit")),
            "startConferenceOnEnter": FLAG,
            "endConferenceOnExit": FLAG,
            "waitUrl": URL,
            "waitMethod": METHOD,
            "maxParticipants": Number(least=1, most=250),
            "record": Choice(("do-not-record", "record-from-start", "true", "false")),
            "region": TEXT,
            "coach": TEXT,
            "trim": _TRIM,
            "eventCallbackUrl": TEXT,
            "jitterBufferSize": Choice(("large", "medium", "small", "off")),
            "participantLabel": TEXT,
        },
        text=True,
    ),
    "Queue": Element(
        {**_SCREENING, "url": URL, "reservationSid": TEXT, "postWorkActivitySid": TEXT}, text=True
    ),
    # -- queues and the way of the call -----------------------------------------------------------
    "Enqueue": Element(
        {
            **_ACTION,
            "action": URL,
            "maxQueueSize": Number(least=1),
            "waitUrl": URL,
            "waitUrlMethod": METHOD,
            "workflowSid": TEXT,
        },
        children=("Task",),
        text=True,
    ),
    "Leave": Element(),
    "Sms": Element(_SENT, text=True),
    "Redirect": Element({"method": METHOD}, text=True),
    "Reject": Element({"reason": Choice(("rejected", "busy"))}, children=("Parameter",)),
    "Hangup": Element(children=("Parameter",)),
    # -- SSML inside a Say ------------------------------------------------------------------------
    "break": Element({"strength": TEXT, "time": TEXT}, spoken=True),
    "emphasis": Element({"level": TEXT}, children=_SSML, text=True, spoken=True),
    "lang": Element({"xml:lang": TEXT}, children=_SSML, text=True, spoken=True),
    "p": Element(children=_SSML, text=True, spoken=True),
    "phoneme": Element({"alphabet": TEXT, "ph": TEXT}, text=True, spoken=True),
    "prosody": Element(
        {"volume": TEXT, "rate": TEXT, "pitch": TEXT}, children=_SSML, text=True, spoken=True
    ),
    "s": Element(children=_SSML, text=True, spoken=True),
    "say-as": Element({"interpret-as": TEXT, "format": TEXT}, text=True, spoken=True),
    "sub": Element({"alias": TEXT}, text=True, spoken=True),
    "w": Element({"role": TEXT}, children=_SSML, text=True, spoken=True),
    # -- known, and not carried out ---------------------------------------------------------------
    **dict.fromkeys(_UNSUPPORTED_NAMES, _UNSUPPORTED),
}


MESSAGING: Final[Mapping[str, Element]] = {
    ROOT: Element(children=("Message", "Redirect")),
    "Message": Element(_SENT, children=("Body", "Media"), text=True),
    "Body": Element(text=True),
    "Media": Element(text=True),
    "Redirect": ELEMENTS["Redirect"],
}
"""The elements of documents that answer messages."""


def element(
    name: str, parent: str | None = None, elements: Mapping[str, Element] = ELEMENTS
) -> Element | None:
    """Return the row of an element inside another; None if it is unknown or not allowed there."""
    if parent is None:
        return elements[ROOT] if name == ROOT else None
    if name not in elements[parent].children:
        return None
    return elements.get(f"{parent}/{name}", elements[name])
