"""Scenes of SIP by REST in which each parameter acts: domains, trunks, their lists, recorders."""

from __future__ import annotations

from typing import Any, Final

from account_stage import ALICE, APP, APP_NUMBER, BOB, unreachable
from coverage_stage import NAMED, YES, Asked, Play, Stage
from meeting import until

from mediasim.twilio.errors import TwilioError
from mediasim.twilio.subscribers import Subscriber

__all__ = ["SIP_SCENES", "trunk_of"]

DOMAIN, TRUNK = "desk.sip.twilio.com", "desk.pstn.twilio.com"
ANN = "sip:ann@127.0.0.1"
NAME: Final = {"FriendlyName": "another"}
PASSWORD: Final = "Secret012345"


async def list_of(stage: Stage, kind: str = "CredentialLists") -> str:
    made = await stage.ask("POST", f"SIP/{kind}", FriendlyName=kind)
    return str(made["sid"])


async def open_to_all(stage: Stage, path: str) -> None:
    """Let everybody who knows a password call a domain or trunk."""
    mappings = "CredentialLists" if path.startswith("/v1") else "CredentialListMappings"
    sid = await list_of(stage)
    await stage.ask("POST", f"{path}/{mappings}", CredentialListSid=sid)


def called(stage: Stage, to: str, from_: str = ANN) -> None:
    """Somebody calls a SIP address of the account's, if that is allowed."""
    try:
        stage.service.sip.place(from_, to, stage.telephone(ANN, 0.5, YES, 2.0, "hangup"))
    except TwilioError as error:
        stage.answers.append(error.message)


def access_seen(stage: Stage, host: str = DOMAIN) -> None:
    """See who may call, and register."""
    sip = stage.service.sip
    stage.answers += [repr(sip.access(host, "calls")), repr(sip.access(host, "registrations"))]


# -- domains -----------------------------------------------------------------------------------


def domain(update: bool, **form: str) -> Play:
    """Make or change a domain, and call it; of its record and the answer nothing is seen."""

    async def play(stage: Stage) -> None:
        stage.app.answers |= {"/voice": "<Response><Pause/></Response>", "/broken": unreachable()}
        stage.unseen += ("sip-domain",)
        path, right = "SIP/Domains", {"DomainName": DOMAIN, **form}
        if update:
            sid = (await stage.ask("POST", path, **right))["sid"]
            await stage.hidden("POST", f"{path}/{sid}")
        else:
            sid = (await stage.hidden("POST", path, **right))["sid"]
        await open_to_all(stage, f"{path}/{sid}")
        access_seen(stage)
        called(stage, f"sip:desk@{DOMAIN}")

    return play


def only(path: str, *, update: bool, **form: str) -> Play:
    """Make or change it, and see the record."""

    async def play(stage: Stage) -> None:
        if update:
            sid = (await stage.ask("POST", path, **form))["sid"]
            await stage.tried("POST", f"{path}/{sid}")
        else:
            await stage.tried("POST", path, **form)

    return play


_VOICE = {"VoiceUrl": f"{APP}/voice"}
_STATUS = {"VoiceStatusCallbackUrl": f"{APP}/status"}
_BROKEN = {"VoiceUrl": f"{APP}/broken"}
_FALLBACK = {"VoiceFallbackUrl": f"{APP}/next"}
DOMAINS = (
    *(
        scene
        for update, path in ((False, "SIP/Domains"), (True, "SIP/Domains/{sid}"))
        for scene in (
            Asked(path, domain(update), {**_VOICE, **_STATUS, "SipRegistration": "true"}),
            Asked(path, domain(update, **_VOICE), {"VoiceMethod": "GET"}),
            Asked(path, domain(update, **_BROKEN), _FALLBACK),
            Asked(path, domain(update, **_BROKEN, **_FALLBACK), {"VoiceFallbackMethod": "GET"}),
            Asked(path, domain(update, **_STATUS), {"VoiceStatusCallbackMethod": "GET"}),
            Asked(path, only("SIP/Domains", update=update, DomainName=DOMAIN), NAME),
        )
    ),
    Asked("SIP/Domains", only("SIP/Domains", update=False), {"DomainName": DOMAIN}),
    Asked(
        "SIP/Domains/{sid}",
        only("SIP/Domains", update=True, DomainName=DOMAIN),
        {"DomainName": f"other-{DOMAIN}"},
    ),
)


# -- lists, and what they are mapped to --------------------------------------------------------


def maps(path: str, kind: str) -> Play:
    """Map a list to a domain or to a trunk."""

    async def play(stage: Stage) -> None:
        made = await owner(stage, path)
        sid = stage.names["$LIST"] = await list_of(stage, kind)
        if kind == "CredentialLists":
            entry = {"Username": "ann", "Password": PASSWORD}
            await stage.ask("POST", f"SIP/{kind}/{sid}/Credentials", **entry)
        else:
            entry = {"FriendlyName": "here", "IpAddress": "127.0.0.1"}
            await stage.ask("POST", f"SIP/{kind}/{sid}/IpAddresses", **entry)
        await stage.tried("POST", made)
        access_seen(stage)
        access_seen(stage, TRUNK)

    async def owner(stage: Stage, path: str) -> str:
        if path.startswith("/v1"):
            found = await stage.ask("POST", "/v1/Trunks", DomainName=TRUNK)
            return path.replace("{trunk}", found["sid"])
        right = {"DomainName": DOMAIN, "SipRegistration": "true"}
        found = await stage.ask("POST", "SIP/Domains", **right)
        return path.replace("{domain}", found["sid"])

    return play


def entries(kind: str, below: str, *, update: bool, **form: str) -> Play:
    """Make or change an entry of a list that is mapped to a domain."""

    async def play(stage: Stage) -> None:
        made = await stage.ask("POST", "SIP/Domains", DomainName=DOMAIN)
        sid = await list_of(stage, kind)
        one = kind.removesuffix("s")
        await stage.ask("POST", f"SIP/Domains/{made['sid']}/{one}Mappings", **{f"{one}Sid": sid})
        path = f"SIP/{kind}/{sid}/{below}"
        if update:
            found = await stage.ask("POST", path, **form)
            await stage.tried("POST", f"{path}/{found['sid']}")
        else:
            await stage.tried("POST", path, **form)
        access_seen(stage)

    return play


CREDENTIAL = {"Username": "ann", "Password": PASSWORD}
ADDRESS = {"FriendlyName": "here", "IpAddress": "127.0.0.1"}


def without(form: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in form.items() if key != name}


LISTS = (
    *(
        scene
        for path in ("SIP/CredentialLists", "SIP/IpAccessControlLists")
        for scene in (
            Asked(path, only(path, update=False), NAME),
            Asked(f"{path}/{{sid}}", only(path, update=True, FriendlyName="a"), NAME),
        )
    ),
    *(
        Asked(path, maps(path, kind), {f"{kind.removesuffix('s')}Sid": "$LIST"})
        for kind, path in (
            ("CredentialLists", "SIP/Domains/{domain}/CredentialListMappings"),
            ("IpAccessControlLists", "SIP/Domains/{domain}/IpAccessControlListMappings"),
            ("CredentialLists", "SIP/Domains/{domain}/Auth/Calls/CredentialListMappings"),
            ("IpAccessControlLists", "SIP/Domains/{domain}/Auth/Calls/IpAccessControlListMappings"),
            ("CredentialLists", "SIP/Domains/{domain}/Auth/Registrations/CredentialListMappings"),
            ("CredentialLists", "/v1/Trunks/{trunk}/CredentialLists"),
            ("IpAccessControlLists", "/v1/Trunks/{trunk}/IpAccessControlLists"),
        )
    ),
    *(
        Asked(
            "SIP/CredentialLists/{list}/Credentials",
            entries("CredentialLists", "Credentials", update=False, **without(CREDENTIAL, name)),
            {name: value},
        )
        for name, value in CREDENTIAL.items()
    ),
    Asked(
        "SIP/CredentialLists/{list}/Credentials/{sid}",
        entries("CredentialLists", "Credentials", update=True, **CREDENTIAL),
        {"Password": "Another01234"},
    ),
    *(
        Asked(
            "SIP/IpAccessControlLists/{list}/IpAddresses",
            entries("IpAccessControlLists", "IpAddresses", update=False, **without(ADDRESS, name)),
            {name: value},
        )
        for name, value in {**ADDRESS, "CidrPrefixLength": "24"}.items()
    ),
    Asked(
        "SIP/IpAccessControlLists/{list}/IpAddresses/{sid}",
        entries("IpAccessControlLists", "IpAddresses", update=True, **ADDRESS),
        {**NAME, "IpAddress": "127.0.0.2", "CidrPrefixLength": "24"},
    ),
)


# -- trunks ------------------------------------------------------------------------------------

TRUNKS = "/v1/Trunks"
URL: Final = {
    "Weight": "10",
    "Priority": "10",
    "Enabled": "true",
    "FriendlyName": "pbx",
    "SipUrl": "sip:pbx@127.0.0.1",
}


async def trunk_of(stage: Stage) -> str:
    """Make a trunk that leads to the customer's desk; return its SID."""
    sid = str((await stage.ask("POST", TRUNKS, DomainName=TRUNK))["sid"])
    await stage.ask("POST", f"{TRUNKS}/{sid}/OriginationUrls", **URL)
    return sid


async def number_called(stage: Stage, trunk: str) -> None:
    """Somebody calls a number of the trunk."""
    stage.service.subscriber_of = lambda number: Subscriber(caller_name="Ann")
    path = f"{TRUNKS}/{trunk}/PhoneNumbers"
    await stage.ask("POST", path, PhoneNumberSid=stage.app_number.sid)
    stage.service.place_inbound(ALICE, APP_NUMBER, stage.telephone(ALICE, 3.0, "hangup"))


def trunk(update: bool, **form: str) -> Play:
    """Make or change a trunk without URLs, and call a number of it."""

    async def play(stage: Stage) -> None:
        stage.unseen += ("trunk",)
        if update:
            sid = (await stage.ask("POST", TRUNKS, **form))["sid"]
            await stage.hidden("POST", f"{TRUNKS}/{sid}")
        else:
            sid = (await stage.hidden("POST", TRUNKS, **form))["sid"]
        access_seen(stage, TRUNK)
        await number_called(stage, sid)

    return play


def records_trunk(**form: str) -> Play:
    """Set how a trunk records, and call a telephone over it."""

    async def play(stage: Stage) -> None:
        stage.telephone(BOB, 2.0, NAMED, 2.0, "hangup")
        sid = await trunk_of(stage)
        await open_to_all(stage, f"{TRUNKS}/{sid}")
        await stage.hidden("POST", f"{TRUNKS}/{sid}/Recording", **form)
        stage.unseen += ("trunk",)
        called(stage, f"sip:{BOB}@{TRUNK}", ALICE)

    return play


def leads(update: bool, **form: str) -> Play:
    """Make or change a second URL of a trunk, and call a number of it."""

    async def play(stage: Stage) -> None:
        stage.unseen += ("origination-url",)
        trunk = await trunk_of(stage)
        path, second = f"{TRUNKS}/{trunk}/OriginationUrls", {**URL, "SipUrl": "sip:b@127.0.0.1"}
        if update:
            sid = (await stage.ask("POST", path, **second))["sid"]
            await stage.hidden("POST", f"{path}/{sid}", **form)
        else:
            await stage.hidden("POST", path, **(second | form))
        await number_called(stage, trunk)

    return play


async def number_joins(stage: Stage) -> None:
    sid = await trunk_of(stage)
    stage.names["$NUMBER"] = stage.app_number.sid
    await stage.tried("POST", f"{TRUNKS}/{sid}/PhoneNumbers")
    stage.app.answers["/voice"] = "<Response><Pause/></Response>"
    stage.service.place_inbound(ALICE, APP_NUMBER, stage.telephone(ALICE, 3.0, "hangup"))


def named_url(update: bool, **form: str) -> Play:
    async def play(stage: Stage) -> None:
        path = f"{TRUNKS}/{await trunk_of(stage)}/OriginationUrls"
        if update:
            path += f"/{(await stage.ask('POST', path, **URL))['sid']}"
        await stage.tried("POST", path, **form)

    return play


_RECOVERY = {"DisasterRecoveryUrl": f"{APP}/say"}
_URLS = f"{TRUNKS}/{{trunk}}/OriginationUrls"
_OTHERS = {"Weight": "60000", "Priority": "1", "SipUrl": "sip:c@127.0.0.1"}
TRUNKING = (
    *(
        scene
        for update, path in ((False, TRUNKS), (True, f"{TRUNKS}/{{trunk}}"))
        for scene in (
            Asked(
                path,
                trunk(update),
                {"DomainName": TRUNK, "CnamLookupEnabled": "true", **_RECOVERY},
            ),
            Asked(path, trunk(update, **_RECOVERY), {"DisasterRecoveryMethod": "GET"}),
            Asked(path, only(TRUNKS, update=update), NAME),
        )
    ),
    Asked(f"{TRUNKS}/{{trunk}}/Recording", records_trunk(), {"Mode": "record-from-answer-dual"}),
    Asked(
        f"{TRUNKS}/{{trunk}}/Recording",
        records_trunk(Mode="record-from-answer"),
        {"Trim": "trim-silence"},
    ),
    Asked(_URLS, leads(False, Priority="9"), {"Enabled": "false"}),
    Asked(_URLS, leads(False, Priority="9"), {"SipUrl": "sip:c@127.0.0.1"}),
    Asked(_URLS, leads(False, Priority="1"), {"Priority": "20"}),
    Asked(_URLS, leads(False, Weight="1"), {"Weight": "60000"}),
    Asked(_URLS, named_url(False, **without(URL, "FriendlyName")), NAME),
    Asked(f"{_URLS}/{{sid}}", leads(True, Priority="1"), {"Priority": "20"}),
    Asked(f"{_URLS}/{{sid}}", leads(True, Weight="1"), {"Weight": "60000"}),
    Asked(f"{_URLS}/{{sid}}", leads(True, Priority="1"), {"SipUrl": "sip:c@127.0.0.1"}),
    Asked(f"{_URLS}/{{sid}}", leads(True, Priority="1"), {"Enabled": "false"}),
    Asked(f"{_URLS}/{{sid}}", named_url(True), NAME),
    Asked(f"{TRUNKS}/{{trunk}}/PhoneNumbers", number_joins, {"PhoneNumberSid": "$NUMBER"}),
)


# -- recorders elsewhere -----------------------------------------------------------------------


def forks(**form: str) -> Play:
    async def play(stage: Stage) -> None:
        sid = stage.comes("<Pause length='3'/>", 0.5, NAMED, 2.0, "hangup")
        await until(stage, 0.3)
        await stage.tried("POST", f"Calls/{sid}/Siprec", **form)

    return play


async def stops_forking(stage: Stage) -> None:
    sid = stage.comes("<Pause length='3'/>", 0.5, NAMED, 2.0, "hangup")
    await until(stage, 0.3)
    made = await stage.ask("POST", f"Calls/{sid}/Siprec", ConnectorName="rec")
    await until(stage, 1)
    await stage.tried("POST", f"Calls/{sid}/Siprec/{made['sid']}")


_REC: Final[dict[str, Any]] = {"ConnectorName": "rec"}
_CALLBACK = {"StatusCallback": f"{APP}/status"}
SIPREC = (
    Asked("Calls/{call}/Siprec", forks(), _REC),
    Asked(
        "Calls/{call}/Siprec", forks(**_REC), {"Name": "a", "Track": "inbound_track", **_CALLBACK}
    ),
    Asked("Calls/{call}/Siprec", forks(**_REC, **_CALLBACK), {"StatusCallbackMethod": "GET"}),
    Asked("Calls/{call}/Siprec", forks(**_REC), {"Parameter1.Name": "a"}),
    Asked(
        "Calls/{call}/Siprec",
        forks(**_REC, **{"Parameter1.Name": "a"}),
        {"Parameter1.Value": "b"},
    ),
    Asked("Calls/{call}/Siprec/{sid}", stops_forking, {"Status": "stopped"}),
)

SIP_SCENES: Final[tuple[Asked, ...]] = (*DOMAINS, *LISTS, *TRUNKING, *SIPREC)
"""Each parameter that acts of SIP by REST is in one of these."""
