"""An account with two of everything, and a value for each query that changes an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from account_stage import ALICE, APP, APP_NUMBER, BOB, CAROL
from coverage_of_transcripts import (
    FILTERS_OF_TRANSCRIPTS,
    SPECIAL_OF_TRANSCRIPTS,
    with_transcripts,
)
from coverage_stage import NAMED, Stage
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from meeting import until

from mediasim.twilio.requests import RecordingRequest

NOBODY = "+15550199999"


def public_key() -> str:
    """An RSA key as a customer writes it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


async def world(stage: Stage) -> dict[str, str]:
    """Fill an account; return SIDs by the parts of paths that they stand behind."""
    service, answers = stage.service, stage.app.answers
    named: dict[str, str] = {}
    for kind, numbers in NUMBERS.items():
        for number in numbers:
            await stage.ask("POST", f"IncomingPhoneNumbers/{kind}", PhoneNumber=number)
    second = await stage.ask("POST", "Applications", FriendlyName="Second")
    await with_sip(stage, named)
    keys = [await stage.ask("POST", each) for each in ("Keys", "SigningKeys")]
    account = await stage.ask("POST", "/Accounts", FriendlyName="Sub")
    for path, form in CREDENTIALS.items():
        given = [await stage.ask("POST", path, **form) for _ in range(2)]
        named[path.rpartition("/")[2]] = given[0]["sid"]
    caller_ids = [service.caller_ids.add(service.sid, each, each) for each in (BOB, CAROL)]
    media = [f"{APP}/a.png", f"{APP}/b.png"]
    sent = [
        await stage.ask("POST", "Messages", To=BOB, From=APP_NUMBER, Body="Hi", MediaUrl=media)
        for _ in range(2)
    ]
    stage.names["$SUB"] = account["sid"]
    named["Voice"] = stage.comes("<Pause length='90'/>", 60.0, "hangup", who="+15550100030")
    answers["/done"] = "<Response><Hangup/></Response>"
    record = '<Record action="/done" timeout="1" transcribe="true"/>'
    spoken = [stage.comes(record, 0.5, NAMED, 3.0, who=each) for each in (ALICE, CAROL)]
    await until(stage, 8)
    old = "<Dial><Conference>old</Conference></Dial>"
    for who in (ALICE, CAROL):
        stage.comes(old, 1.0, "hangup", who=who)
    await until(stage, 40)
    kept, deleted = (stage.exchange.catalogue.recordings(call=each)[0] for each in spoken)
    (written, *_) = service.transcriptions.all()
    service.transcriptions.add(replace(written, sid=service.new_sid("TR")))
    await stage.ask("DELETE", f"Recordings/{deleted.sid}")
    room = "<Sing/><Dance/><Dial><Conference>room</Conference></Dial>"
    answers["/more"] = f"<Response>{room}</Response>"
    inside = [
        stage.comes("<Redirect>/more</Redirect>", 30.0, "hangup", who=each)
        for each in (ALICE, CAROL)
    ]
    queued = [
        stage.comes("<Enqueue>line</Enqueue>", 30.0, "hangup", who=f"+1555010002{number}")
        for number in range(2)
    ]
    await until(stage, 42)
    conference = stage.exchange.catalogue.conferences()[-1].sid
    for _ in range(2):
        await stage.ask("POST", f"Calls/{inside[0]}/Recordings")
        service.conferences.start_recording(conference, RecordingRequest())
    await stage.ask("POST", "Queues", FriendlyName="other")
    await until(stage, 43)
    catalogue = stage.exchange.catalogue
    named |= with_transcripts(stage)
    return {
        **named,
        "Accounts": account["sid"],
        "Applications": second["sid"],
        "AvailablePhoneNumbers": "US",
        "Calls": inside[0],
        "Calls/Notifications": next(
            each.sid for each in service.notifications if each.call_sid == inside[0]
        ),
        "Calls/Recordings": catalogue.recordings(call=inside[0])[0].sid,
        "Conferences": conference,
        "Conferences/Recordings": catalogue.recordings(conference=conference)[0].sid,
        "IncomingPhoneNumbers": service.numbers.all()[0].sid,
        "Keys": keys[0]["sid"],
        "Members": queued[0],
        "Messages": sent[0]["sid"],
        "Messages/Media": service.messages.media_of(sent[0]["sid"])[0].sid,
        "Notifications": service.notifications[0].sid,
        "OutgoingCallerIds": caller_ids[0].sid,
        "Participants": inside[0],
        "PhoneNumbers": "+14155550100",
        "Queues": service.queues.all()[0].sid,
        "Recordings": kept.sid,
        "Recordings?IncludeSoftDeleted": deleted.sid,
        "SigningKeys": keys[1]["sid"],
        "Transcriptions": written.sid,
    }


async def with_sip(stage: Stage, named: dict[str, str]) -> None:
    """Add two of everything of SIP."""
    for number in range(2):
        name = {"FriendlyName": f"n{number}"}
        lists = [
            (await stage.ask("POST", f"SIP/{kind}", **name))["sid"]
            for kind in ("CredentialLists", "IpAccessControlLists")
        ]
        named |= {} if number else {"CredentialLists": lists[0], "IpAccessControlLists": lists[1]}
        path = f"SIP/CredentialLists/{named['CredentialLists']}/Credentials"
        await stage.ask("POST", path, Username=f"n{number}", Password="Secret012345")
        path = f"SIP/IpAccessControlLists/{named['IpAccessControlLists']}/IpAddresses"
        await stage.ask("POST", path, IpAddress=f"127.0.0.{number + 1}", **name)
        domain = await stage.ask("POST", "SIP/Domains", DomainName=f"n{number}.sip.twilio.com")
        trunk = await stage.ask("POST", "/v1/Trunks", **name)
        named |= {} if number else {"Domains": domain["sid"], "Trunks": trunk["sid"]}
        for below in ("", "/Auth/Calls", "/Auth/Registrations"):
            path = f"SIP/Domains/{named['Domains']}{below}"
            await stage.ask("POST", f"{path}/CredentialListMappings", CredentialListSid=lists[0])
            if "Reg" not in below:
                await stage.ask(
                    "POST", f"{path}/IpAccessControlListMappings", IpAccessControlListSid=lists[1]
                )
        path = f"/v1/Trunks/{named['Trunks']}"
        await stage.ask("POST", f"{path}/CredentialLists", CredentialListSid=lists[0])
        await stage.ask("POST", f"{path}/IpAccessControlLists", IpAccessControlListSid=lists[1])
        url = {"Weight": "1", "Priority": "1", "Enabled": "true", "SipUrl": "sip:a@127.0.0.1"}
        await stage.ask("POST", f"{path}/OriginationUrls", **url, **name)
        sid = stage.service.numbers.all()[number + 1].sid
        await stage.ask("POST", f"{path}/PhoneNumbers", PhoneNumberSid=sid)


CREDENTIALS: Final[Mapping[str, dict[str, str]]] = {
    "/v1/Credentials/AWS": {"Credentials": f"AKIA{'0' * 16}:{'s' * 40}"},
    "/v1/Credentials/PublicKeys": {"PublicKey": public_key()},
}
"""What creates a credential of each kind."""
NUMBERS: Final = {
    "Local": ("+14155550130", "+14155550131"),
    "Mobile": ("+447700900123", "+447700900124"),
    "TollFree": ("+18005550100", "+18005550101"),
}
_DAY, _LATER = "2001-01-01", "2099-01-01"
_OF_DATES: Final = {
    f"{name}{sign}": day
    for name in ("DateCreated", "DateUpdated", "DateSent", "StartTime", "EndTime", "MessageDate")
    for sign, day in (("", _DAY), ("<", _DAY), (">", _LATER))
}
FILTERS: Final[Mapping[str, str]] = {
    **_OF_DATES,
    "AbnormalSession": "true",
    "AnsweredBy": "human",
    "AnsweredByAnnotation": "human",
    **FILTERS_OF_TRANSCRIPTS,
    "AreaCode": "212",
    "Beta": "true",
    "CallScoreAnnotation": "3",
    "CallSid": "CA" + "0" * 32,
    "CallState": "busy",
    "CallType": "client",
    "Coaching": "true",
    "ConferenceSid": "CF" + "0" * 32,
    "ConnectivityIssueAnnotation": "caller_id",
    "Contains": "99",
    "CountryCode": "PL",
    "CreatedAfter": _LATER,
    "CreatedBefore": _DAY,
    "DetectedIssues": "call_quality",
    "Direction": "trunking_originating",
    "Edge": "sdk_edge",
    "EndReason": "conference_ended_via_api",
    "Fields": "line_type_intelligence",
    "FaxEnabled": "true",
    "FriendlyName": "none of them",
    "From": NOBODY,
    "FromCarrier": "nobody",
    "FromCountryCode": "PL",
    "HasTag": "true",
    "HighRiskSpecialNumbersEnabled": "false",
    "HighRiskTollfraudNumbersEnabled": "false",
    "Hold": "true",
    "IncludeSoftDeleted": "true",
    "InLata": "999",
    "InLocality": "Nowhere",
    "InPostalCode": "99999",
    "InRateCenter": "NOWHERE",
    "InRegion": "ZZ",
    "IsoCode": "PL",
    "Label": "nobody",
    "Log": "0",
    "LowRiskNumbersEnabled": "false",
    "MixerRegion": "de1",
    "MmsEnabled": "false",
    "Muted": "true",
    "NearLatLong": "0,0",
    "NearNumber": "+12125550100",
    "Origin": "hosted",
    "Page": "1",
    "PageSize": "1",
    "PageToken": "$TOKEN",
    "ParentCallSid": "CA" + "0" * 32,
    "ParticipantSid": "CP" + "0" * 32,
    "PhoneNumber": NOBODY,
    "ProcessingState": "complete",
    "QualityIssueAnnotation": "echo",
    "SmsEnabled": "false",
    "SortBy": "end_time",
    "SpamAnnotation": "true",
    "Status": "completed",
    "Subaccount": "$SUB",
    "SubaccountSid": "$SUB",
    "Tags": "high_jitter",
    "To": NOBODY,
    "ToCarrier": "nobody",
    "ToCountryCode": "PL",
    "Type": "carrier",
    "VerifiedCaller": "true",
    "VoiceEnabled": "false",
}
"""A value for each parameter of a query that changes the answer."""
BESIDE: Final[Mapping[str, Mapping[str, str]]] = {
    "Distance": {"NearLatLong": "37.8,-122.4", "Contains": "415"},
    "Page": {"PageSize": "1"},
    "PageToken": {"PageSize": "1"},
}
"""Parameters without which another says nothing."""
SPECIAL: Final[Mapping[tuple[str, str], str]] = {
    **SPECIAL_OF_TRANSCRIPTS,
    ("/2010-04-01/Accounts", "Status"): "suspended",
    ("/v1/Voice/Summaries", "ProcessingState"): "completed",
    ("/v1/Voice/Summaries", "StartTime"): _LATER,
    ("/v1/Voice/{call}/Metrics", "Direction"): "both",
    ("AvailablePhoneNumbers/{country}/Local", "Distance"): "1",
    ("/v1/DialingPermissions/Countries", "CountryCode"): "48",
    ("AvailablePhoneNumbers/{country}/Mobile", "SmsEnabled"): "false",
    **{
        (f"AvailablePhoneNumbers/{{country}}/{kind}", name): "true"
        for kind in ("National", "Voip", "SharedCost", "MachineToMachine")
        for name in ("SmsEnabled", "MmsEnabled")
    },
    ("AvailablePhoneNumbers/{country}/Mobile", "MmsEnabled"): "true",
}
"""Values for one path alone."""
