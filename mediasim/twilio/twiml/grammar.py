"""The grammar of TwiML as a table: each element, its attributes with their values, its children.

Names and values are those of Twilio's SDKs (``twilio.twiml.voice_response`` and the typed one
for Node) and of the pages of the verbs. Elements of Twilio that this sandbox does not support
are in the table without attributes: they are left out of the document, with a warning.
What is :class:`Noted` is read and not acted on: every other attribute changes what happens, which a
test shows of each (``tests/twilio/test_coverage_twiml.py``). The types of values are in
:mod:`mediasim.twilio.twiml.values`, the codes for what is wrong in
:mod:`mediasim.twilio.twiml.codes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mediasim.twilio.requests import (
    CALL_EVENTS,
    CONFERENCE_EVENTS,
    DETECTION_TIMES,
    RECORDING_EVENTS,
)
from mediasim.twilio.twiml.payments import PAY, PROMPT
from mediasim.twilio.twiml.relays import LANGUAGE, RELAY
from mediasim.twilio.twiml.values import (
    FLAG,
    KEYS,
    METHOD,
    NUMBER,
    TEXT,
    TONES,
    URL,
    Choice,
    Noted,
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
    noted: str = ""
    """Why nothing is done about the element itself, in words that follow a colon; "": it acts.

    Of SSML it is the Say that notes it."""


_UNSUPPORTED: Final = Element(supported=False)
_UNSUPPORTED_NAMES: Final = (
    *("AiSession", "Autopilot", "Conversation"),
    *("ConversationRelaySession", "Room", "Response/Prompt", "Response/Queue"),
    *("Sim", "Task", "VirtualAgent", "WhatsApp"),
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
    **{f"machineDetection{name}": NUMBER for name in DETECTION_TIMES},
}
_NAMED_VALUE: Final = Element({"name": TEXT, "value": TEXT})
_NOWHERE: Final = Element({"name": TEXT, "value": TEXT}, noted="the other end has no use for it")
_TASK_ROUTER: Final = "TaskRouter is not simulated"
_KNOWN: Final = "words are known, and none is recognised by a model"
_UNSET: Final = Element(
    {"name": TEXT, "value": TEXT},
    noted="the simulated engine has no further settings",
)
_SSML: Final = (
    *("break", "emphasis", "lang", "p", "phoneme"),
    *("prosody", "s", "say-as", "sub", "w"),
)


def _unvoiced(*attributes: str, children: tuple[str, ...] = ()) -> Element:
    """Return the row of an SSML element whose text is said as it is written."""
    why = "the text is said as it is written"
    values = {name: Noted(TEXT, why) for name in attributes}
    return Element(values, children, text=True, spoken=True, noted=why)


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
    "Echo": Element(),
    "Gather": Element(
        {
            **_ACTION,
            "input": Words(("dtmf", "speech")),
            "timeout": Number(word="auto"),
            "speechTimeout": Number(word="auto"),
            "maxSpeechTime": NUMBER,
            "profanityFilter": Noted(FLAG, "words are given as they were said", but="false"),
            "finishOnKey": KEYS,
            "numDigits": Number(least=1),
            "partialResultCallback": TEXT,
            "partialResultCallbackMethod": METHOD,
            "language": TEXT,
            "hints": Noted(TEXT, _KNOWN),
            "bargeIn": FLAG,
            "debug": Noted(FLAG, "there is no log of the recognition", but="false"),
            "actionOnEmptyResult": FLAG,
            "speechModel": Noted(TEXT, _KNOWN),
            "enhanced": Noted(FLAG, _KNOWN, but="false"),
        },
        children=("Say", "Play", "Pause"),
    ),
    # -- payments ---------------------------------------------------------------------------------
    # Wrong values are the verb's to judge: they end a payment before it begins.
    "Pay": Element(dict.fromkeys(PAY, TEXT), children=("Prompt", "Parameter")),
    "Prompt": Element(dict.fromkeys(PROMPT, TEXT), children=("Say", "Play", "Pause")),
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
    "Start": Element(
        dict.fromkeys(_ACTION, Noted(TEXT, "a Start is over at once, and asks for no document")),
        children=("Recording", "Siprec", "Stream", "Transcription"),
    ),
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
            "connectorName": Noted(TEXT, "a stream goes to its url alone"),
            "audioFormat": Noted(TEXT, "audio/x-mulaw is sent", but="audio/x-mulaw"),
            "sampleRate": Noted(TEXT, "8000 samples a second are sent", but="8000"),
            "track": Choice(("inbound_track", "outbound_track", "both_tracks")),
        },
        children=("Parameter",),
    ),
    "ConversationRelay": Element(RELAY, children=("Language", "Parameter")),
    "Language": Element(LANGUAGE),
    "Siprec": Element(
        {**_STATUS, "name": TEXT, "connectorName": TEXT, "track": TEXT},
        children=("Parameter",),
    ),
    "Transcription": Element(
        {
            **dict.fromkeys(("name", "statusCallbackUrl", "languageCode"), TEXT),
            "statusCallbackMethod": METHOD,
            "track": Choice(("inbound_track", "outbound_track", "both_tracks")),
            **dict.fromkeys(("inboundTrackLabel", "outboundTrackLabel"), TEXT),
            **dict.fromkeys(("transcriptionEngine", "speechModel", "hints"), TEXT),
            **dict.fromkeys(("enableProviderData", "profanityFilter", "partialResults"), FLAG),
            "enableAutomaticPunctuation": FLAG,
            "intelligenceService": TEXT,
            **dict.fromkeys(
                ("conversationConfiguration", "conversationId"),
                Noted(TEXT, "conversations are not simulated"),
            ),
        },
        children=("Config", "Parameter"),
    ),
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
            "events": Noted(TEXT, "the events of a Dial are those of its nouns' statusCallback"),
            "passports": Noted(TEXT, "no identity is signed on a simulated line"),
            "callReason": Noted(TEXT, "no simulated telephone shows it"),
        },
        children=(
            *("Application", "Client", "Conference", "Number", "Queue", "Sim", "Sip", "WhatsApp"),
        ),
        text=True,
    ),
    "Refer": Element(_ACTION, children=("Sip",)),
    "Refer/Sip": Element(text=True),
    "Number": Element(
        {
            **_SCREENING,
            **_CALL_STATUS,
            **_ANSWERING_MACHINE,
            "sendDigits": TONES,
            "byoc": Noted(TEXT, "calls go to the number plan, through no trunk of your own"),
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
    "Config": _UNSET,
    "Transcription/Parameter": _UNSET,
    "Client/Parameter": _NAMED_VALUE,
    "Hangup/Parameter": _NOWHERE,
    "Reject/Parameter": _NOWHERE,
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
        {"priority": NUMBER, "weight": NUMBER, "username": TEXT, "password": TEXT}, text=True
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
            "region": Noted(TEXT, "a conference is mixed in one place"),
            "coach": TEXT,
            "trim": _TRIM,
            "eventCallbackUrl": TEXT,
            "jitterBufferSize": Noted(
                Choice(("large", "medium", "small", "off")),
                "each telephone has the buffer that its party was given",
            ),
            "participantLabel": TEXT,
        },
        text=True,
    ),
    "Queue": Element(
        {
            **_SCREENING,
            "url": URL,
            "reservationSid": Noted(TEXT, _TASK_ROUTER),
            "postWorkActivitySid": Noted(TEXT, _TASK_ROUTER),
        },
        text=True,
    ),
    # -- queues and the way of the call -----------------------------------------------------------
    "Enqueue": Element(
        {
            **_ACTION,
            "action": URL,
            "maxQueueSize": Number(least=1),
            "waitUrl": URL,
            "waitUrlMethod": METHOD,
            "workflowSid": Noted(TEXT, _TASK_ROUTER),
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
    "phoneme": _unvoiced("alphabet", "ph"),
    "prosody": Element(
        {"volume": TEXT, "rate": TEXT, "pitch": TEXT}, children=_SSML, text=True, spoken=True
    ),
    "s": Element(children=_SSML, text=True, spoken=True),
    "say-as": Element({"interpret-as": TEXT, "format": TEXT}, text=True, spoken=True),
    "sub": Element({"alias": TEXT}, text=True, spoken=True),
    "w": _unvoiced("role", children=_SSML),
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
