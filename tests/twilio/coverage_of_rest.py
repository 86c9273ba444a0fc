"""For each parameter of the REST API that acts, a request in which it changes something.

Each POST has scenes: what happens before it, the request with what is tried, and what happens then.
Queries of GET are in :mod:`coverage_world`.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, Final

from account_stage import ALICE, APP, APP_NUMBER, BOB, CAROL, unreachable
from coverage_of_pay import PAY_SCENES
from coverage_of_sip import SIP_SCENES, trunk_of
from coverage_of_transcription import TRANSCRIPTION_ASKED
from coverage_of_transcripts import SCENES_OF_TRANSCRIPTS
from coverage_stage import HELLO, NAMED, SIP, YES, Asked, Play, Stage
from coverage_world import CREDENTIALS, NUMBERS
from meeting import until, words

from mediasim.twilio.requests import RecordingRequest

DAN = "+15550100005"
LONG = f"{APP}/long"


# -- what POST does ----------------------------------------------------------------------------


def places(**form: str) -> Play:
    """Place a call that is recorded as the form says, and hears a document."""

    async def play(stage: Stage) -> None:
        stage.app.answers["/long"] = "<Response><Pause length='9'/></Response>"
        stage.telephone(BOB, 0.6, YES, 2.0, NAMED, 1.0, "hangup")
        await stage.tried("POST", "Calls", **({"To": BOB, "From": APP_NUMBER, "Url": LONG} | form))

    return play


def fails(**form: str) -> Play:
    """Place a call whose document cannot be fetched."""

    async def play(stage: Stage) -> None:
        stage.app.answers["/broken"] = "nothing <"
        stage.app.answers["/broken"] = unreachable()
        await stage.tried("POST", "Calls", To=BOB, From=APP_NUMBER, Url=f"{APP}/broken", **form)

    return play


def answered(*said: Any, **form: str) -> Play:
    """Place a call that somebody answers who says this, with answering machine detection."""

    async def play(stage: Stage) -> None:
        stage.app.answers["/long"] = "<Response><Pause length='9'/></Response>"
        stage.telephone(BOB, *said, 12.0)
        await stage.tried("POST", "Calls", To=BOB, From=APP_NUMBER, Url=LONG, **form)

    return play


DETECTING = {"MachineDetection": "Enable"}
TELLING = {**DETECTING, "AsyncAmd": "true", "AsyncAmdStatusCallback": f"{APP}/amd"}
MACHINE = (0.5, words(3, 1.6), 5.0)
TIMES = {"MachineDetectionSpeechThreshold": "1000", "MachineDetectionSpeechEndThreshold": "2000"}
SILENCES = {"MachineDetectionSilenceTimeout": "2000", "MachineDetectionTimeout": "3"}
STATUS = {"StatusCallback": f"{APP}/status"}
BY = {"StatusCallbackMethod": "GET", "StatusCallbackEvent": "ringing"}
RECORDED = {"Record": "true", "RecordingStatusCallback": f"{APP}/recorded"}
RECORDING = {
    "RecordingChannels": "dual",
    "RecordingTrack": "inbound",
    "Trim": "do-not-trim",
    "RecordingStatusCallback": f"{APP}/recorded",
}
CONFIGURED = {"RecordingConfigurationId": "policy"}
RECORDED_BY = {
    "RecordingStatusCallbackMethod": "GET",
    "RecordingStatusCallbackEvent": "in-progress",
}
SIP_USER = {"To": SIP, "SipAuthUsername": "me"}


async def to_an_application(stage: Stage) -> None:
    stage.application.voice_url = LONG
    await stage.tried("POST", "Calls", To=BOB, From=APP_NUMBER)


async def rings_long(stage: Stage) -> None:
    stage.telephone(BOB, YES, after=20)
    await stage.tried("POST", "Calls", To=BOB, From=APP_NUMBER, Url=LONG)


CALLS = (
    Asked("Calls", places(), {"To": CAROL, "From": BOB, "Url": f"{APP}/say", "Method": "GET"}),
    Asked(
        "Calls",
        places(),
        {"TimeLimit": "1", "SendDigits": "12", "Record": "true", **STATUS, **DETECTING},
    ),
    Asked("Calls", places(Url=""), {"Twiml": "<Response><Pause/></Response>"}),
    Asked("Calls", to_an_application, {"ApplicationSid": "AP" + "0" * 32}),
    Asked("Calls", rings_long, {"Timeout": "5"}),
    Asked("Calls", fails(), {"FallbackUrl": f"{APP}/next"}),
    Asked("Calls", fails(FallbackUrl=f"{APP}/next"), {"FallbackMethod": "GET"}),
    Asked("Calls", places(**STATUS), BY),
    Asked("Calls", places(Record="true"), RECORDING),
    Asked("Calls", places(Record="true"), CONFIGURED),
    Asked("Calls", places(**RECORDED), RECORDED_BY),
    Asked("Calls", places(To=SIP), {"SipAuthUsername": "me"}),
    Asked("Calls", places(**SIP_USER), {"SipAuthPassword": "secret"}),
    Asked(
        "Calls",
        answered(*MACHINE, **DETECTING),
        {**TIMES, "AsyncAmd": "true", "AsyncAmdStatusCallback": f"{APP}/amd"},
    ),
    Asked("Calls", answered(**DETECTING), SILENCES),
    Asked("Calls", answered(*MACHINE, **TELLING), {"AsyncAmdStatusCallbackMethod": "GET"}),
)


def changes(**form: str) -> Play:
    """Change a call that is under way."""

    async def play(stage: Stage) -> None:
        stage.app.answers["/broken"] = unreachable()
        sid = stage.comes("<Pause length='4'/>", 6.0, "hangup")
        await until(stage, 1)
        await stage.tried("POST", f"Calls/{sid}", **form)

    return play


MOVED = {"Url": f"{APP}/broken"}
CHANGES = (
    Asked(
        "Calls/{call}",
        changes(),
        {
            "Status": "completed",
            "Url": f"{APP}/say",
            "Twiml": "<Response><Pause/></Response>",
            "TimeLimit": "1",
            **STATUS,
        },
    ),
    Asked("Calls/{call}", changes(**MOVED), {"Method": "GET", "FallbackUrl": f"{APP}/next"}),
    Asked("Calls/{call}", changes(**MOVED, FallbackUrl=f"{APP}/next"), {"FallbackMethod": "GET"}),
    Asked("Calls/{call}", changes(**STATUS), {**BY, "StatusCallbackEvent": "answered"}),
)


def records(**form: str) -> Play:
    async def play(stage: Stage) -> None:
        sid = stage.comes("<Pause length='5'/>", 2.0, NAMED, 1.0, "hangup")
        await until(stage, 0.5)
        await stage.tried("POST", f"Calls/{sid}/Recordings", **form)

    return play


def pauses(below: str, **form: str) -> Play:
    """Change a recording of a call or of a conference, and have it go on after a second."""

    async def play(stage: Stage) -> None:
        sid = await in_conference(stage)
        where = f"Calls/{sid}" if below == "Calls" else f"Conferences/{stage.meeting}"
        if below == "Calls":
            await stage.ask("POST", f"{where}/Recordings")
        else:
            stage.service.conferences.start_recording(stage.meeting, RecordingRequest())
        await until(stage, 2.5)
        await stage.tried("POST", f"{where}/Recordings/Twilio.CURRENT", **form)
        await until(stage, 3.5)
        await stage.ask("POST", f"{where}/Recordings/Twilio.CURRENT", Status="in-progress")

    return play


async def in_conference(stage: Stage) -> str:
    """Alice and Carol meet; return the SID of Alice's call after a second and a half."""
    room = "<Dial><Conference waitUrl=''>room</Conference></Dial>"
    sid = stage.comes(room, 1.0, NAMED, 4.0, "hangup")
    stage.comes(room, 2.0, YES, 2.0, "hangup", who=CAROL)
    await until(stage, 1.5)
    stage.meeting = stage.exchange.catalogue.conferences()[0].sid
    stage.names["$ALICE"] = sid
    stage.names["$CAROL"] = stage.exchange.catalogue.calls()[1].sid
    return sid


RECORDINGS = (
    Asked("Calls/{call}/Recordings", records(), {**RECORDING, "Trim": "trim-silence"}),
    Asked("Calls/{call}/Recordings", records(), CONFIGURED),
    Asked(
        "Calls/{call}/Recordings",
        records(RecordingStatusCallback=f"{APP}/recorded"),
        RECORDED_BY,
    ),
    *(
        scene
        for below, path in (("Calls", "Calls/{call}"), ("Conferences", "Conferences/{conference}"))
        for scene in (
            Asked(f"{path}/Recordings/{{sid}}", pauses(below), {"Status": "paused"}),
            Asked(
                f"{path}/Recordings/{{sid}}",
                pauses(below, Status="paused"),
                {"PauseBehavior": "skip"},
            ),
        )
    ),
)


def streams(**form: str) -> Play:
    async def play(stage: Stage) -> None:
        sid = stage.comes("<Pause length='3'/>", 0.5, NAMED, 2.0, "hangup")
        await until(stage, 0.3)
        await stage.tried("POST", f"Calls/{sid}/Streams", **form)

    return play


async def stops_a_stream(stage: Stage) -> None:
    sid = stage.comes("<Pause length='3'/>", 0.5, NAMED, 2.0, "hangup")
    await until(stage, 0.3)
    made = await stage.ask("POST", f"Calls/{sid}/Streams", Url="ws://127.0.0.1:9/x")
    await until(stage, 1)
    await stage.tried("POST", f"Calls/{sid}/Streams/{made['sid']}")


STREAM = {"Url": "ws://127.0.0.1:9/x"}
STREAMS = (
    Asked("Calls/{call}/Streams", streams(), STREAM),
    Asked(
        "Calls/{call}/Streams", streams(**STREAM), {"Name": "a", "Track": "both_tracks", **STATUS}
    ),
    Asked(
        "Calls/{call}/Streams",
        streams(**STREAM, **STATUS),
        {"StatusCallbackMethod": "GET", "StatusCallbackEvent": "stream-stopped"},
    ),
    Asked("Calls/{call}/Streams", streams(**STREAM), {"Parameter1.Name": "a"}),
    Asked(
        "Calls/{call}/Streams",
        streams(**STREAM, **{"Parameter1.Name": "a"}),
        {"Parameter1.Value": "b"},
    ),
    Asked("Calls/{call}/Streams/{sid}", stops_a_stream, {"Status": "stopped"}),
)


# -- conferences -------------------------------------------------------------------------------


def conference(**form: str) -> Play:
    async def play(stage: Stage) -> None:
        await in_conference(stage)
        await until(stage, 2)
        await stage.tried("POST", f"Conferences/{stage.meeting}", **form)

    return play


def takes_part(**form: str) -> Play:
    """Call Bob into a conference in which Alice waits."""

    async def play(stage: Stage) -> None:
        for who in (BOB, DAN):
            stage.telephone(who, 0.3, YES, 1.5, "hangup", after=0.5)
        room = "<Dial><Conference waitUrl=''>room</Conference></Dial>"
        stage.names["$ALICE"] = stage.comes(room, 0.2, HELLO, 6.0, "hangup")
        await until(stage, 0.5)
        right = {"To": BOB, "From": APP_NUMBER}
        await stage.tried("POST", "Conferences/room/Participants", **(right | form))
        await until(stage, 1.2)
        stage.comes(room, 0.5, YES, 4.0, "hangup", who=CAROL)

    return play


async def comes_third(stage: Stage) -> None:
    await in_conference(stage)
    await until(stage, 2)
    path = f"Conferences/{stage.meeting}/Participants"
    await stage.tried("POST", path, To=BOB, From=APP_NUMBER)


def opens(*said: Any, **form: str) -> Play:
    """Call Bob into a conference that is his own, where Carol comes after him."""
    return opens_after(0.5, *said, **form)


def opens_after(seconds: float, *said: Any, **form: str) -> Play:

    async def play(stage: Stage) -> None:
        stage.telephone(BOB, *(said or (0.3, YES, 4.0, "hangup")), after=seconds)
        right = {"To": BOB, "From": APP_NUMBER}
        await stage.tried("POST", "Conferences/own/Participants", **(right | form))
        await until(stage, 2.5)
        room = "<Dial><Conference waitUrl=''>own</Conference></Dial>"
        stage.comes(room, 0.5, YES, 1.5, "hangup", who=CAROL)

    return play


IN_ROOM = "Conferences/{conference}/Participants"
OWN = {"ConferenceRecord": "record-from-start"}
TOLD = {"ConferenceStatusCallback": f"{APP}/conference"}
HEARD = {"ConferenceRecordingStatusCallback": f"{APP}/recorded"}
PARTICIPANTS = (
    Asked(
        IN_ROOM,
        takes_part(),
        {
            "To": DAN,
            "From": BOB,
            "Label": "bob",
            "TimeLimit": "1",
            "Muted": "true",
            "Beep": "false",
            "EndConferenceOnExit": "true",
            "CallSidToCoach": "$ALICE",
            "Record": "true",
            **STATUS,
            **DETECTING,
        },
    ),
    Asked(IN_ROOM, comes_third, {"MaxParticipants": "2"}),
    Asked(IN_ROOM, takes_part(CallSidToCoach="$ALICE"), {"Coaching": "false"}),
    Asked(IN_ROOM, takes_part(**STATUS), BY),
    Asked(IN_ROOM, opens_after(20), {"Timeout": "5"}),
    Asked(IN_ROOM, opens(), {"WaitUrl": f"{APP}/say", "StartConferenceOnEnter": "false", **OWN}),
    Asked(IN_ROOM, opens(WaitUrl=f"{APP}/say"), {"WaitMethod": "GET"}),
    Asked(IN_ROOM, opens(), TOLD),
    Asked(
        IN_ROOM,
        opens(**TOLD),
        {"ConferenceStatusCallbackMethod": "GET", "ConferenceStatusCallbackEvent": "join"},
    ),
    Asked(IN_ROOM, opens(3.0, YES, 2.0, **OWN), {"ConferenceTrim": "do-not-trim", **HEARD}),
    Asked(
        IN_ROOM,
        opens(**OWN, **HEARD),
        {
            "ConferenceRecordingStatusCallbackMethod": "GET",
            "ConferenceRecordingStatusCallbackEvent": "in-progress",
        },
    ),
    Asked(IN_ROOM, takes_part(Record="true"), RECORDING),
    Asked(IN_ROOM, takes_part(Record="true"), CONFIGURED),
    Asked(IN_ROOM, takes_part(**RECORDED), RECORDED_BY),
    Asked(IN_ROOM, takes_part(To=SIP), {"SipAuthUsername": "me"}),
    Asked(IN_ROOM, takes_part(**SIP_USER), {"SipAuthPassword": "secret"}),
    Asked(
        IN_ROOM,
        opens(*MACHINE, **DETECTING),
        {**TIMES, "AmdStatusCallback": f"{APP}/amd"},
    ),
    Asked(IN_ROOM, opens(9.0, "hangup", **DETECTING), SILENCES),
    Asked(
        IN_ROOM,
        opens(*MACHINE, **DETECTING, AmdStatusCallback=f"{APP}/amd"),
        {"AmdStatusCallbackMethod": "GET"},
    ),
)


def updates(**form: str) -> Play:
    """Change Alice, who is in a conference with Carol; Bob comes too."""

    async def play(stage: Stage) -> None:
        sid = await in_conference(stage)
        stage.comes(
            "<Dial><Conference waitUrl=''>room</Conference></Dial>",
            *(0.5, YES, 6.0, "hangup"),
            who=BOB,
        )
        await until(stage, 2)
        await stage.tried("POST", f"Conferences/{stage.meeting}/Participants/{sid}", **form)

    return play


def waits(**form: str) -> Play:
    """Change Alice, who waits in a conference that has not begun."""

    async def play(stage: Stage) -> None:
        sid = stage.comes("<Dial><Conference>room</Conference></Dial>", 4.0, "hangup")
        await until(stage, 1)
        meeting = stage.exchange.catalogue.conferences()[0].sid
        await stage.tried("POST", f"Conferences/{meeting}/Participants/{sid}", **form)

    return play


ONE = f"{IN_ROOM}/{{who}}"
CONFERENCES = (
    Asked(
        "Conferences/{conference}",
        conference(),
        {"AnnounceUrl": f"{APP}/say", "Status": "completed"},
    ),
    Asked(
        "Conferences/{conference}", conference(AnnounceUrl=f"{APP}/say"), {"AnnounceMethod": "GET"}
    ),
    Asked(
        ONE,
        updates(),
        {
            "Muted": "true",
            "Hold": "true",
            "AnnounceUrl": f"{APP}/say",
            "BeepOnExit": "false",
            "EndConferenceOnExit": "true",
            "CallSidToCoach": "$CAROL",
        },
    ),
    Asked(ONE, updates(CallSidToCoach="$CAROL"), {"Coaching": "false"}),
    Asked(ONE, updates(Hold="true"), {"HoldUrl": f"{APP}/say"}),
    Asked(ONE, updates(Hold="true", HoldUrl=f"{APP}/say"), {"HoldMethod": "POST"}),
    Asked(ONE, updates(AnnounceUrl=f"{APP}/say"), {"AnnounceMethod": "GET"}),
    Asked(ONE, waits(), {"WaitUrl": f"{APP}/say"}),
    Asked(ONE, waits(WaitUrl=f"{APP}/say"), {"WaitMethod": "GET"}),
)


# -- queues ------------------------------------------------------------------------------------


def simply(path: str, **form: str) -> Play:
    """Ask it, and see the answer and the record."""

    async def play(stage: Stage) -> None:
        await stage.tried("POST", path, **form)

    return play


def made(path: str, **form: str) -> Play:
    """Make something, and change it."""

    async def play(stage: Stage) -> None:
        sid = (await stage.ask("POST", path, **form))["sid"]
        await stage.tried("POST", f"{path}/{sid}")

    return play


def takes(**form: str) -> Play:
    async def play(stage: Stage) -> None:
        sid = stage.comes("<Enqueue>line</Enqueue>", 3.0, "hangup")
        await until(stage, 1)
        queue = stage.service.queues.all()[0].sid
        await stage.tried("POST", f"Queues/{queue}/Members/{sid}", **form)

    return play


NAME = {"FriendlyName": "another"}
QUEUES = (
    Asked("Queues", simply("Queues"), NAME),
    Asked("Queues", simply("Queues", FriendlyName="line"), {"MaxSize": "5"}),
    Asked("Queues/{sid}", made("Queues", FriendlyName="line"), {**NAME, "MaxSize": "5"}),
    Asked("Queues/{queue}/Members/{who}", takes(), {"Url": f"{APP}/say"}),
    Asked("Queues/{queue}/Members/{who}", takes(Url=f"{APP}/say"), {"Method": "GET"}),
)


# -- messages ----------------------------------------------------------------------------------


def sends(**form: str) -> Play:
    async def play(stage: Stage) -> None:
        stage.application.message_status_callback = f"{APP}/of-application"
        right = {"To": BOB, "From": APP_NUMBER, "Body": "“Hi”"}
        await stage.tried("POST", "Messages", **(right | form))
        await asyncio.sleep(3)

    return play


def changes_message(**sent: str) -> Play:
    async def play(stage: Stage) -> None:
        right = {"To": BOB, "From": APP_NUMBER, "Body": "Hi"}
        sid = (await stage.ask("POST", "Messages", **(right | sent)))["sid"]
        await asyncio.sleep(3)
        await stage.tried("POST", f"Messages/{sid}")

    return play


async def feedback(stage: Stage) -> None:
    sent = await stage.ask("POST", "Messages", To=BOB, From=APP_NUMBER, Body="Hi")
    await stage.tried("POST", f"Messages/{sent['sid']}/Feedback")


SERVICE = {"MessagingServiceSid": "MG" + "0" * 32}
MESSAGES = (
    Asked(
        "Messages",
        sends(),
        {
            "To": CAROL,
            "From": BOB,
            "Body": "Hello",
            "MediaUrl": f"{APP}/a.png",
            "SmartEncoded": "true",
            "ApplicationSid": "AP" + "0" * 32,
            **STATUS,
            **SERVICE,
        },
    ),
    Asked("Messages", sends(**SERVICE, SendAt="$SOON"), {"ScheduleType": "fixed"}),
    Asked("Messages", sends(**SERVICE, ScheduleType="fixed"), {"SendAt": "$SOON"}),
    Asked("Messages/{sid}", changes_message(), {"Body": ""}),
    Asked(
        "Messages/{sid}",
        changes_message(**SERVICE, ScheduleType="fixed", SendAt="$SOON"),
        {"Status": "canceled"},
    ),
    Asked("Messages/{message}/Feedback", feedback, {"Outcome": "unconfirmed"}),
)


# -- numbers and applications ------------------------------------------------------------------

_NUMBER: Final = {"Local": "+14155550130", "TollFree": "+18005550100", "": "+14155550130"}
_USED = {
    "VoiceUrl": f"{APP}/voice",
    "StatusCallback": f"{APP}/status",
    "SmsUrl": f"{APP}/text",
}
_OTHER = {
    "VoiceUrl": f"{APP}/say",
    "StatusCallback": f"{APP}/other",
    "SmsUrl": f"{APP}/other",
    "VoiceMethod": "GET",
    "StatusCallbackMethod": "GET",
    "SmsMethod": "GET",
    "VoiceCallerIdLookup": "true",
}
_BROKEN = {"VoiceUrl": f"{APP}/broken", "SmsUrl": f"{APP}/broken"}
_FALLBACK = {"VoiceFallbackUrl": f"{APP}/next", "SmsFallbackUrl": f"{APP}/next"}
_BY_FALLBACK = {"VoiceFallbackMethod": "GET", "SmsFallbackMethod": "GET"}
_APPLICATIONS = {"VoiceApplicationSid": "AP" + "0" * 32, "SmsApplicationSid": "AP" + "0" * 32}


async def is_used(stage: Stage, number: str) -> None:
    """Somebody calls a number, and texts it."""
    from mediasim.twilio.subscribers import Subscriber

    stage.app.answers |= {
        "/voice": "<Response><Pause/></Response>",
        "/text": "<Response/>",
        "/broken": unreachable(),
    }
    stage.application.sms_url = f"{APP}/sms-of-application"
    stage.service.subscriber_of = lambda number: Subscriber(caller_name="Ann")
    stage.service.place_inbound(ALICE, number, stage.telephone(ALICE, 2.0, "hangup"))
    stage.service.messages.receive(CAROL, number, "Hello?")


def buys(path: str, number: str, **form: str) -> Play:
    """Buy a number, of which the record is not seen: only what comes of its being used."""

    async def play(stage: Stage) -> None:
        bought = await stage.hidden("POST", path, **({"PhoneNumber": number} | form))
        stage.unseen += ("number",)
        if "sid" in bought:
            await is_used(stage, bought["phone_number"])

    return play


def changes_number(**form: str) -> Play:
    async def play(stage: Stage) -> None:
        path = f"IncomingPhoneNumbers/{stage.app_number.sid}"
        stage.app_number.voice_url = None
        await stage.ask("POST", path, **form)
        await stage.hidden("POST", path)
        stage.unseen += ("number",)
        await is_used(stage, APP_NUMBER)

    return play


async def renames_number(stage: Stage) -> None:
    await stage.tried("POST", f"IncomingPhoneNumbers/{stage.app_number.sid}")


async def hands_over(stage: Stage) -> None:
    other = await stage.ask("POST", "/Accounts")
    stage.names["$SUB"] = other["sid"]
    await stage.hidden("POST", f"IncomingPhoneNumbers/{stage.app_number.sid}")
    stage.unseen += ("number",)
    stage.app.answers["/voice"] = "<Response><Pause/></Response>"
    stage.service.place_inbound(ALICE, APP_NUMBER, stage.telephone(ALICE, 2.0, "hangup"))


async def joins_a_trunk(stage: Stage, path: str, **form: str) -> None:
    """Buy or change a number that may be a trunk's, and call it."""
    stage.names["$TRUNK"] = await trunk_of(stage)
    stage.unseen += ("number",)
    stage.app_number.voice_url = None
    bought = await stage.hidden(
        "POST", path or f"IncomingPhoneNumbers/{stage.app_number.sid}", **form
    )
    stage.app.answers["/voice"] = "<Response><Pause/></Response>"
    number = bought["phone_number"]
    stage.service.place_inbound(ALICE, number, stage.telephone(ALICE, 2.0, "hangup"))


NUMBERS_BOUGHT = (
    *(
        scene
        for kind, number in (("", _NUMBER[""]), *((each, NUMBERS[each][0]) for each in NUMBERS))
        for path in [f"IncomingPhoneNumbers/{kind}".rstrip("/")]
        for scene in (
            Asked(path, buys(path, number, **_USED), {**_OTHER, **_APPLICATIONS}),
            Asked(path, buys(path, number, **_BROKEN), _FALLBACK),
            Asked(path, buys(path, number, **_BROKEN, **_FALLBACK), _BY_FALLBACK),
            Asked(path, simply(path, PhoneNumber=number), NAME),
            Asked(path, simply(path), {"PhoneNumber": number}),
            Asked(
                path,
                partial(joins_a_trunk, path=path, VoiceUrl=f"{APP}/voice", PhoneNumber=number),
                {"TrunkSid": "$TRUNK"},
            ),
        )
    ),
    Asked("IncomingPhoneNumbers", simply("IncomingPhoneNumbers"), {"AreaCode": "415"}),
    Asked("IncomingPhoneNumbers/{sid}", changes_number(**_USED), {**_OTHER, **_APPLICATIONS}),
    Asked("IncomingPhoneNumbers/{sid}", changes_number(**_BROKEN), _FALLBACK),
    Asked("IncomingPhoneNumbers/{sid}", changes_number(**_BROKEN, **_FALLBACK), _BY_FALLBACK),
    Asked("IncomingPhoneNumbers/{sid}", renames_number, NAME),
    Asked(
        "IncomingPhoneNumbers/{sid}",
        partial(joins_a_trunk, path="", VoiceUrl=f"{APP}/voice"),
        {"TrunkSid": "$TRUNK"},
    ),
    Asked("IncomingPhoneNumbers/{sid}", hands_over, {"AccountSid": "$SUB"}),
)


def serves(update: bool, **form: str) -> Play:
    """Have an application serve a number, which is called and texted, and a message's status."""

    async def play(stage: Stage) -> None:
        path = "Applications"
        if update:
            made = await stage.ask("POST", path, **form)
            found = await stage.hidden("POST", f"{path}/{made['sid']}")
        else:
            found = await stage.hidden("POST", path, **form)
        stage.unseen += ("application",)
        stage.app_number.voice_application_sid = found["sid"]
        stage.app_number.sms_application_sid = found["sid"]
        await is_used(stage, APP_NUMBER)
        sent = {"To": BOB, "From": APP_NUMBER, "Body": "Hi"}
        await stage.ask("POST", "Messages", **sent, ApplicationSid=found["sid"])

    return play


async def _connects(stage: Stage, path: str) -> None:
    await stage.tried("POST", path)


_CALLBACKS = {
    "SmsStatusCallback": f"{APP}/sms-status",
    "MessageStatusCallback": f"{APP}/message-status",
}
APPLICATIONS = tuple(
    scene
    for update, path in ((False, "Applications"), (True, "Applications/{sid}"))
    for scene in (
        Asked(path, serves(update, **_USED), {**_OTHER, **_CALLBACKS}),
        Asked(path, serves(update, **_BROKEN), _FALLBACK),
        Asked(path, serves(update, **_BROKEN, **_FALLBACK), _BY_FALLBACK),
        Asked(
            path,
            made("Applications") if update else simply("Applications"),
            {**NAME, "PublicApplicationConnectEnabled": "true"},
        ),
    )
)


# -- the account -------------------------------------------------------------------------------


def validates(**form: str) -> Play:
    async def play(stage: Stage) -> None:
        stage.telephone(BOB, 9.0, "hangup")
        await stage.tried("POST", "OutgoingCallerIds", **form)

    return play


async def renames_caller_id(stage: Stage) -> None:
    record = stage.service.caller_ids.add(stage.service.sid, BOB, "Bob")
    await stage.tried("POST", f"OutgoingCallerIds/{record.sid}")


async def changes_account(stage: Stage) -> None:
    await stage.tried("POST", "")


async def suspends(stage: Stage) -> None:
    sub = await stage.ask("POST", "/Accounts")
    await stage.tried("POST", f"/Accounts/{sub['sid']}")


def for_a_subaccount(path: str, **form: str) -> Play:
    async def play(stage: Stage) -> None:
        stage.names["$SUB"] = (await stage.ask("POST", "/Accounts"))["sid"]
        await stage.tried("POST", path, **form)

    return play


ACCOUNT = (
    Asked("OutgoingCallerIds", validates(), {"PhoneNumber": BOB}),
    Asked(
        "OutgoingCallerIds",
        validates(PhoneNumber=BOB),
        {**NAME, "Extension": "12", **STATUS},
    ),
    Asked(
        "OutgoingCallerIds",
        validates(PhoneNumber=BOB, **STATUS),
        {"StatusCallbackMethod": "GET"},
    ),
    Asked("OutgoingCallerIds/{sid}", renames_caller_id, NAME),
    *(Asked(each, simply(each), NAME) for each in ("Keys", "SigningKeys")),
    *(Asked(f"{each}/{{sid}}", made(each), NAME) for each in ("Keys", "SigningKeys")),
    Asked("/2010-04-01/Accounts", simply("/Accounts"), NAME),
    Asked("", changes_account, NAME),
    Asked("", suspends, {"Status": "suspended"}),
    Asked("Tokens", simply("Tokens"), {"Ttl": "60"}),
    *(
        scene
        for path, given in CREDENTIALS.items()
        for scene in (
            Asked(path, simply(path), given),
            Asked(path, for_a_subaccount(path, **given), {"AccountSid": "$SUB"}),
            Asked(path, simply(path, **given), NAME),
            Asked(f"{path}/{{sid}}", made(path, **given), NAME),
        )
    ),
    Asked(
        "/v1/DialingPermissions/BulkCountryUpdates",
        simply("/v1/DialingPermissions/BulkCountryUpdates"),
        {"UpdateRequest": '[{"iso_code": "PL", "low_risk_numbers_enabled": "false"}]'},
    ),
)

SCENES: Final[tuple[Asked, ...]] = (
    *SIP_SCENES,
    *TRANSCRIPTION_ASKED,
    *PAY_SCENES,
    *(*CALLS, *CHANGES, *RECORDINGS, *STREAMS, *PARTICIPANTS, *CONFERENCES),
    *(*QUEUES, *MESSAGES, *NUMBERS_BOUGHT, *APPLICATIONS, *ACCOUNT),
    *(Asked(*each) for each in SCENES_OF_TRANSCRIPTS),
)
"""Each parameter of a POST that acts is in one of these."""
