"""For each attribute of TwiML that acts, a document in which it changes something.

``¤`` is where the attribute stands. A scene has the attributes of one element that show what they
do in the same document, each alone; the same element has several scenes where one does not do.
"""

from __future__ import annotations

from dataclasses import dataclass

from account_stage import APP, APP_NUMBER, BOB, CAROL
from coverage_of_pay import PAY_TWIML
from coverage_of_transcription import TRANSCRIPTION_SCENES
from coverage_stage import HELLO, NAMED, SIP, YES, Moved, Play, Scene, Stage
from meeting import until, words

DAN = "+15550100005"
TALK = "ws://127.0.0.1:9/talk"
"""Where an app on a relay speaks."""


@dataclass(frozen=True)
class Transferred(Scene):
    """The same, and the telephone of the caller asks for a transfer once it is put through."""

    def play(self, text: str) -> Play:
        async def play(stage: Stage) -> None:
            await super(Transferred, self).play(text)(stage)
            await until(stage, 3)
            call = stage.service.live_call(stage.exchange.catalogue.calls()[0].sid)
            assert call is not None
            call.referred(Moved(stage))

        return play


@dataclass(frozen=True)
class Referred(Scene):
    """The same for a caller at a SIP address."""

    def play(self, text: str) -> Play:
        async def play(stage: Stage) -> None:
            stage.comes(self.document.replace("¤", text), *self.alice, who="sip:ann@127.0.0.1")

        return play


CALLED = {"url": "/next", "statusCallback": "/status"}
CONFIGURED = {"recordingConfigurationId": "policy"}
CALLED_BY = {"statusCallbackMethod": "GET", "statusCallbackEvent": "ringing"}
RECORDED_BY = {
    "recordingStatusCallbackMethod": "GET",
    "recordingStatusCallbackEvent": "in-progress",
}
MACHINE = 'machineDetection="Enable"'


def called(element: str, inside: str, *, attributes: str = "") -> tuple[Scene, ...]:
    """Scenes of what all nouns have that are called; ``inside`` is the noun's text."""

    def document(more: str = "") -> str:
        return f"<Dial><{element} {attributes} {more} ¤>{inside}</{element}></Dial>"

    return (
        Scene(element, document(), CALLED),
        Scene(element, document('url="/next"'), {"method": "GET"}),
        Scene(element, document('statusCallback="/status"'), CALLED_BY),
    )


def detecting(element: str, inside: str) -> tuple[Scene, ...]:
    def document(more: str) -> str:
        return f'<Dial timeLimit="9"><{element} {more} ¤>{inside}</{element}></Dial>'

    beside = (0.2, 12.0, "hangup")
    long = (0.5, words(3, 1.6), 6.0)
    return (
        Scene(element, document(""), {"machineDetection": "Enable"}, beside, long),
        Scene(element, document(MACHINE), {"amdStatusCallback": "/amd"}, beside, long),
        Scene(
            element,
            document(f'{MACHINE} amdStatusCallback="/amd"'),
            {"amdStatusCallbackMethod": "GET"},
            beside,
            long,
        ),
        Scene(
            element,
            document(MACHINE),
            {
                "machineDetectionSpeechThreshold": "1000",
                "machineDetectionSpeechEndThreshold": "2000",
            },
            beside,
            long,
        ),
        Scene(
            element,
            document(MACHINE),
            {"machineDetectionSilenceTimeout": "2000", "machineDetectionTimeout": "3"},
            beside,
            (12.0,),
        ),
    )


def recorded(element: str, around: str) -> Scene:
    """The scene of a recording's callback; ``around`` has two marks: inside it, and for more."""
    return Scene(element, around.replace("#", 'recordingStatusCallback="/recorded"'), RECORDED_BY)


SPOKEN = "<Start><Recording trim='do-not-trim'/></Start>"
GATHER = '<Gather action="/next" timeout="2" # ¤><Say>Your number, please.</Say></Gather>'
KEYS = (1.0, "#1", 0.3, "#2", 0.3, "#*", 0.3, "#3", 8.0, "hangup")
RECORD = '<Record action="/next" timeout="2" # ¤/>'
MEET = "<Dial><Conference # ¤>room</Conference></Dial>"
JOINED = '<Dial><Conference statusCallback="/first">room</Conference></Dial>'
STAYS = (0.2, NAMED, 5.0, "hangup")

SCENES: tuple[Scene, ...] = (
    *PAY_TWIML,
    # -- saying, playing, listening ---------------------------------------------------------------
    Scene(
        "Say",
        "<Say ¤>Good morning</Say>",
        {"voice": "man", "language": "de-DE", "loop": "2"},
    ),
    Scene("break", "<Say>One<break ¤/>two</Say>", {"strength": "x-strong", "time": "2s"}),
    Scene("emphasis", "<Say>It is <emphasis ¤>late</emphasis></Say>", {"level": "strong"}),
    Scene("lang", "<Say>Say <lang ¤>guten Tag</lang></Say>", {"xml:lang": "de-DE"}),
    Scene(
        "prosody",
        "<Say>It is <prosody ¤>late</prosody></Say>",
        {"volume": "soft", "rate": "slow", "pitch": "high"},
    ),
    Scene("say-as", "<Say>Room <say-as ¤>12</say-as></Say>", {"interpret-as": "characters"}),
    Scene(
        "say-as",
        '<Say>On <say-as interpret-as="date" ¤>10/11/2026</say-as></Say>',
        {"format": "dmy"},
    ),
    Scene("sub", "<Say>Water is <sub ¤>H2O</sub></Say>", {"alias": "wet"}),
    Scene("Play", "<Play ¤>/song.wav</Play>", {"loop": "2", "digits": "12"}),
    Scene("Pause", "<Pause ¤/>", {"length": "2"}),
    Scene(
        "Gather",
        GATHER.replace("#", ""),
        {"method": "GET", "input": "speech", "timeout": "4", "finishOnKey": "*", "numDigits": "2"},
        KEYS,
    ),
    Scene("Gather", '<Gather timeout="2" ¤/><Pause/>', {"action": "/next"}, KEYS),
    Scene("Gather", GATHER.replace("#", ""), {"actionOnEmptyResult": "true"}, (9.0, "hangup")),
    Scene(
        "Gather",
        GATHER.replace("#", 'input="speech"'),
        {"speechTimeout": "1", "maxSpeechTime": "1", "partialResultCallback": "/partial"},
        (0.5, (words(5, 2.5), "one two three four five"), 6.0, "hangup"),
    ),
    Scene(
        "Gather",
        GATHER.replace("#", 'input="speech"'),
        {"bargeIn": "false"},
        (0.1, NAMED, 6.0, "hangup"),
    ),
    Scene(
        "Gather",
        GATHER.replace("#", 'input="speech" partialResultCallback="/partial"'),
        {"partialResultCallbackMethod": "GET", "language": "de-DE"},
        (0.5, (words(5, 2.5), "one two three four five"), 6.0, "hangup"),
    ),
    # -- recording --------------------------------------------------------------------------------
    Scene(
        "Record",
        RECORD.replace("#", ""),
        {
            "method": "GET",
            "timeout": "1",
            "maxLength": "1",
            "playBeep": "false",
            "trim": "do-not-trim",
            "transcribe": "true",
            "recordingStatusCallback": "/recorded",
        },
        (1.5, NAMED, 6.0, "hangup"),
    ),
    Scene("Record", '<Record timeout="2" ¤/>', {"action": "/next"}, (0.5, NAMED, 6.0, "hangup")),
    Scene("Record", '<Record timeout="2" ¤/>', CONFIGURED, (0.5, NAMED, 6.0, "hangup")),
    Scene("Recording", "<Start><Recording ¤/></Start><Pause length='3'/>", CONFIGURED),
    Scene("Record", RECORD.replace("#", ""), {"finishOnKey": "9"}, (1.2, "#5", 6.0, "hangup")),
    Scene(
        "Record",
        RECORD.replace("#", 'transcribe="true"'),
        {"transcribeCallback": "/transcribed"},
        (0.5, NAMED, 6.0, "hangup"),
    ),
    recorded("Record", RECORD),
    Scene(
        "Recording",
        "<Start><Recording ¤/></Start><Pause length='3'/>",
        {
            "trim": "do-not-trim",
            "track": "inbound",
            "channels": "mono",
            "recordingStatusCallback": "/recorded",
        },
        (0.8, NAMED, 4.0, "hangup"),
    ),
    Scene(
        "Recording",
        '<Start><Recording ¤/></Start><Pause/><Stop><Recording name="a"/></Stop><Pause/>',
        {"name": "a"},
    ),
    recorded("Recording", "<Start><Recording # ¤/></Start><Pause length='3'/>"),
    # -- streams ----------------------------------------------------------------------------------
    Scene(
        "Connect",
        '<Connect ¤><Stream url="ws://127.0.0.1:9/x"/></Connect>',
        {"action": "/next"},
    ),
    Scene(
        "Connect",
        '<Connect action="/next" ¤><Stream url="ws://127.0.0.1:9/x"/></Connect>',
        {"method": "GET"},
    ),
    Scene(
        "Stream",
        '<Start><Stream url="ws://127.0.0.1:9/x" ¤/></Start><Pause/>'
        '<Stop><Stream name="a"/></Stop><Pause/>',
        {"name": "a", "track": "both_tracks", "statusCallback": "/status"},
    ),
    Scene(
        "Stream",
        '<Start><Stream url="ws://127.0.0.1:9/x" statusCallback="/status" ¤/></Start><Pause/>',
        {"statusCallbackMethod": "GET"},
    ),
    Scene("Stream", "<Start><Stream ¤/></Start><Pause/>", {"url": "ws://127.0.0.1:9/x"}),
    Scene(
        "Parameter",
        '<Start><Stream url="ws://127.0.0.1:9/x"><Parameter ¤ value="b"/></Stream></Start><Pause/>',
        {"name": "a"},
    ),
    Scene(
        "Parameter",
        '<Start><Stream url="ws://127.0.0.1:9/x"><Parameter name="a" ¤/></Stream></Start><Pause/>',
        {"value": "b"},
    ),
    Scene("ConversationRelay", "<Connect><ConversationRelay ¤/></Connect>", {"url": TALK}),
    Scene(
        "ConversationRelay",
        f'<Connect><ConversationRelay url="{TALK}" ¤/></Connect>',
        {
            "welcomeGreeting": "Good morning.",
            "language": "es-MX",
            "transcriptionLanguage": "en-GB",
            "voice": "man",
            "debug": "speaker-events",
            "interruptible": "none",
            "interruptSensitivity": "medium",
            "partialPrompts": "true",
            "preemptible": "true",
        },
        (0.4, (words(5, 1.5), "hello there how are you"), 5.0, "hangup"),
    ),
    Scene(
        "ConversationRelay",
        f'<Connect><ConversationRelay url="{TALK}" interruptible="none" ¤/></Connect>',
        {"reportInputDuringAgentSpeech": "any", "events": "tokens-played"},
        (0.4, NAMED, 9.0, "hangup"),
    ),
    Scene(
        "ConversationRelay",
        '<Connect><ConversationRelay url="ws://127.0.0.1:9/x" ¤/></Connect>',
        {"speechTimeout": "3000"},
        (0.2, NAMED, 1.5, NAMED, 5.0, "hangup"),
    ),
    Scene(
        "ConversationRelay",
        f'<Connect><ConversationRelay url="{TALK}" ¤/></Connect>',
        {"dtmfDetection": "true"},
        (0.4, "#5", 2.0, "hangup"),
    ),
    Scene(
        "ConversationRelay",
        f'<Connect><ConversationRelay url="{TALK}" welcomeGreeting="Good morning to all." ¤/>'
        "</Connect>",
        {"welcomeGreetingInterruptible": "none", "ttsLanguage": "de-DE"},
        (0.3, NAMED, 5.0, "hangup"),
    ),
    Scene(
        "ConversationRelay",
        f'<Connect><ConversationRelay url="{TALK}" voice="Joey" ¤/></Connect>',
        {"ttsProvider": "Amazon"},
    ),
    Scene(
        "Language",
        f'<Connect><ConversationRelay url="{TALK}"><Language voice="man" ¤/></ConversationRelay>'
        "</Connect>",
        {"code": "en-US"},
    ),
    Scene(
        "Language",
        f'<Connect><ConversationRelay url="{TALK}"><Language code="en-US" ¤/></ConversationRelay>'
        "</Connect>",
        {"voice": "man"},
    ),
    Scene(
        "Language",
        f'<Connect><ConversationRelay url="{TALK}"><Language code="en-US" voice="Joey" ¤/>'
        "</ConversationRelay></Connect>",
        {"ttsProvider": "Amazon"},
    ),
    Scene(
        "Siprec",
        '<Start><Siprec connectorName="rec" ¤/></Start><Pause/>'
        '<Stop><Siprec name="a"/></Stop><Pause/>',
        {"name": "a", "track": "inbound_track", "statusCallback": "/status"},
    ),
    Scene("Siprec", "<Start><Siprec ¤/></Start><Pause/>", {"connectorName": "rec"}),
    Scene(
        "Siprec",
        '<Start><Siprec connectorName="rec" statusCallback="/status" ¤/></Start><Pause/>',
        {"statusCallbackMethod": "GET"},
    ),
    *TRANSCRIPTION_SCENES,
    # -- other parties ----------------------------------------------------------------------------
    Scene(
        "Dial",
        f"<Dial ¤>{BOB}</Dial><Pause/>",
        {
            "action": "/next",
            "hangupOnStar": "true",
            "timeLimit": "1",
            "callerId": APP_NUMBER,
            "record": "record-from-answer",
            "answerOnBridge": "true",
        },
        (0.5, HELLO, 1.0, "#*", 3.0, "hangup"),
        (YES, 8.0),
    ),
    Scene("Dial", f'<Dial action="/next" ¤>{BOB}</Dial>', {"method": "GET"}),
    Scene("Dial", f"<Dial ¤>{BOB}</Dial>", {"ringTone": "uk"}),
    Scene("Dial", f'<Dial record="record-from-answer" ¤>{BOB}</Dial>', CONFIGURED),
    Transferred("Dial", f"<Dial ¤>{BOB}</Dial>", {"referUrl": "/say"}, bob=(YES, 6.0)),
    Transferred(
        "Dial", f'<Dial referUrl="/say" ¤>{BOB}</Dial>', {"referMethod": "GET"}, bob=(YES, 6.0)
    ),
    Referred("Refer", "<Refer ¤><Sip>sip:desk@127.0.0.1</Sip></Refer>", {"action": "/next"}),
    Referred(
        "Refer",
        '<Refer action="/next" ¤><Sip>sip:desk@127.0.0.1</Sip></Refer>',
        {"method": "GET"},
    ),
    Scene(
        "Dial",
        f"<Dial ¤>{BOB}</Dial><Pause/>",
        {"timeout": "5", "ringTone": "uk"},
        alice=(50.0, "hangup"),
        outcome="no-answer",
    ),
    Scene(
        "Dial",
        f"<Dial ¤><Number>{DAN}</Number><Number>{BOB}</Number></Dial><Pause/>",
        {"sequential": "true"},
    ),
    Scene(
        "Dial",
        f'<Dial record="record-from-answer" ¤>{BOB}</Dial><Pause/>',
        {
            "trim": "trim-silence",
            "recordingTrack": "inbound",
            "recordingStatusCallback": "/recorded",
        },
        (3.0, HELLO, 3.0, "hangup"),
        (2.0, YES, 3.0),
    ),
    recorded("Dial", f'<Dial record="record-from-answer" # ¤>{BOB}</Dial>'),
    *called("Number", BOB),
    *detecting("Number", BOB),
    Scene("Number", f"<Dial><Number ¤>{BOB}</Number></Dial>", {"sendDigits": "12"}),
    *called("Client", "bob"),
    *called("Application", "$APPLICATION"),
    Scene(
        "Application",
        "<Dial><Application ¤>$APPLICATION</Application></Dial>",
        {"customerId": "me", "copyParentTo": "true"},
    ),
    Scene("Sip", f"<Dial><Sip ¤>{SIP}</Sip></Dial>", {"username": "me", "statusCallback": "/s"}),
    Scene("Sip", f'<Dial><Sip username="me" ¤>{SIP}</Sip></Dial>', {"password": "secret"}),
    Scene("Sip", f'<Dial><Sip statusCallback="/s" ¤>{SIP}</Sip></Dial>', CALLED_BY),
    *(
        scene
        for scene in (*called("Sip", "sip:bob@127.0.0.1"), *detecting("Sip", "sip:bob@127.0.0.1"))
    ),
    Scene(
        "Uri",
        f'<Dial><Sip username="a"><Uri ¤>{SIP}</Uri><Uri priority="1" weight="2">{SIP}2</Uri></Sip>'
        "</Dial>",
        {"priority": "2", "username": "me", "password": "secret"},
    ),
    Scene(
        "Uri",
        f"<Dial><Sip><Uri>{SIP}</Uri><Uri ¤>{SIP}2</Uri></Sip></Dial>",
        {"weight": "2"},
    ),
    Scene(
        "Header",
        f'<Dial><Sip><Uri>{SIP}</Uri><Headers><Header ¤ value="1"/></Headers></Sip></Dial>',
        {"name": "X-A"},
    ),
    Scene(
        "Header",
        f'<Dial><Sip><Uri>{SIP}</Uri><Headers><Header name="X-A" ¤/></Headers></Sip></Dial>',
        {"value": "1"},
    ),
    Scene(
        "Client/Parameter",
        "<Dial><Client><Identity>ann</Identity><Parameter ¤ value='b'/></Client></Dial>",
        {"name": "a"},
    ),
    Scene(
        "Client/Parameter",
        "<Dial><Client><Identity>ann</Identity><Parameter name='a' ¤/></Client></Dial>",
        {"value": "b"},
    ),
    # -- conferences and queues -------------------------------------------------------------------
    Scene(
        "Conference",
        MEET.replace("#", ""),
        {
            "muted": "true",
            "beep": "false",
            "endConferenceOnExit": "true",
            "coach": "$ALICE",
            "maxParticipants": "1",
        },
        STAYS,
        first=JOINED,
        third=JOINED,
    ),
    Scene(
        "Conference",
        MEET.replace("#", ""),
        {"startConferenceOnEnter": "false"},
        STAYS,
        first=JOINED.replace("statusCallback", 'startConferenceOnEnter="false" statusCallback'),
    ),
    Scene(
        "Conference",
        MEET.replace("#", 'statusCallbackEvent="start"'),
        {"waitUrl": "/say", "record": "record-from-start", "statusCallback": "/status"},
        STAYS,
        then=JOINED,
    ),
    Scene("Conference", MEET.replace("#", 'waitUrl="/say"'), {"waitMethod": "GET"}),
    Scene(
        "Conference",
        MEET.replace("#", 'statusCallback="/status" statusCallbackEvent="start join"'),
        {"statusCallbackMethod": "GET", "participantLabel": "me"},
        STAYS,
        then=JOINED,
    ),
    Scene(
        "Conference",
        MEET.replace("#", 'statusCallback="/status"'),
        {"statusCallbackEvent": "join"},
        STAYS,
        then=JOINED,
    ),
    Scene(
        "Conference",
        MEET.replace("#", 'record="record-from-start"'),
        {
            "trim": "do-not-trim",
            "recordingStatusCallback": "/recorded",
            "eventCallbackUrl": "/event",
            **CONFIGURED,
        },
        (3.0, NAMED, 2.0, "hangup"),
        then=JOINED,
    ),
    Scene(
        "Conference",
        MEET.replace("#", 'record="record-from-start" recordingStatusCallback="/recorded"'),
        RECORDED_BY,
        STAYS,
        then=JOINED,
    ),
    Scene(
        "Queue",
        "<Dial><Queue ¤>line</Queue></Dial>",
        {"url": "/say"},
        STAYS,
        first="<Enqueue>line</Enqueue>",
    ),
    Scene(
        "Queue",
        '<Dial><Queue url="/say" ¤>line</Queue></Dial>',
        {"method": "GET"},
        STAYS,
        first="<Enqueue>line</Enqueue>",
    ),
    Scene("Enqueue", "<Enqueue ¤>line</Enqueue><Pause/>", {"action": "/next", "waitUrl": "/say"}),
    Scene("Enqueue", '<Enqueue action="/next" ¤>line</Enqueue>', {"method": "GET"}),
    Scene("Enqueue", '<Enqueue waitUrl="/say" ¤>line</Enqueue>', {"waitUrlMethod": "GET"}),
    Scene(
        "Enqueue",
        "<Enqueue ¤>line</Enqueue>",
        {"maxQueueSize": "1"},
        STAYS,
        first="<Enqueue>line</Enqueue>",
    ),
    # -- the way of the call ----------------------------------------------------------------------
    Scene(
        "Sms",
        "<Sms ¤>Hello</Sms><Pause/>",
        {"action": "/next", "to": BOB, "from": BOB, "statusCallback": "/status"},
    ),
    Scene("Sms", '<Sms action="/next" ¤>Hello</Sms>', {"method": "GET"}),
    Scene("Redirect", "<Redirect ¤>/next</Redirect>", {"method": "GET"}),
    Scene("Reject", "<Reject ¤/>", {"reason": "busy"}),
)
"""Each attribute that acts is in one of these."""


@dataclass(frozen=True)
class Texted(Scene):
    """The same for a document that answers a message."""

    def play(self, text: str) -> Play:
        async def play(stage: Stage) -> None:
            stage.app_number.sms_url = f"{APP}/text"
            document = self.document.replace("¤", text)
            stage.app.answers["/text"] = f"<Response>{document}</Response>"
            stage.app.answers["/next"] = "<Response/>"
            stage.service.messages.receive(CAROL, APP_NUMBER, "Hello?")

        return play


TEXTED: tuple[Texted, ...] = (
    Texted(
        "Message",
        "<Message ¤>Hello</Message>",
        {"action": "/next", "to": BOB, "from": "+15550100009", "statusCallback": "/status"},
    ),
    Texted("Message", '<Message action="/next" ¤>Hello</Message>', {"method": "GET"}),
    Texted("Redirect", "<Redirect ¤>/next</Redirect>", {"method": "GET"}),
)
