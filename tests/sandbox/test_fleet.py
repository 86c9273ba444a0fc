"""``serve --workers``: calls spread over processes, one API before them."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from databases import postgresql
from serving import App, Sandbox, app, eventually, serving
from softphones import babble, found_at, read_wav, write_wav
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from mediasim.sandbox.fleet.proxy import RequestOwner, Responder, control_owner, rest_owner

pytestmark = [
    pytest.mark.realtime,
    pytest.mark.skipif(sys.platform != "linux", reason="workers are looked up in /proc"),
]

APP, OTHER_APP = "+14155550100", "+14155550101"
BOB, EVE = "+14155550102", "+14155550103"
PLAN = """
numbers:
  "{app}": {{voice_url: "{url}/voice"}}
parties:
  bob: {{number: "{bob}", script: [{{play: {bob_wav}}}, {{pause: 60s}}], answer: {{after: 0.1s}}}}
  eve: {{number: "{eve}", script: [{{play: {eve_wav}}}, hangup], answer: {{after: 0.1s}}}}
recordings: {{processing: 0s}}
"""
DIAL = f"<Response><Dial record='record-from-answer-dual'>{EVE}</Dial></Response>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("fleet")
    write_wav(found / "bob.wav", babble(1, 1.5), 8000)
    write_wav(found / "eve.wav", babble(2, 1.5), 8000)
    return found


def plan(folder: Path, url: str) -> Path:
    file = folder / "plan.yaml"
    known = {"app": APP, "bob": BOB, "eve": EVE, "url": url}
    file.write_text(
        PLAN.format(**known, bob_wav=folder / "bob.wav", eve_wav=folder / "eve.wav"), "utf-8"
    )
    return file


@pytest.fixture(scope="module")
def user_app() -> Iterator[App]:
    with app(voice=f"<Dial record='record-from-answer-dual'>{EVE}</Dial>") as found:
        yield found


@pytest.fixture(scope="module")
def spread(folder: Path, user_app: App) -> Iterator[Sandbox]:
    """Two workers that share single calls."""
    config = str(plan(folder, user_app.url))
    with serving("--in-memory", "--config", config, "--workers", "2") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(spread: Sandbox, user_app: App) -> Sandbox:
    spread.control("POST", "/reset")
    user_app.asked.clear()
    return spread


def placed(
    sandbox: Sandbox, to: str = BOB, twiml: str = DIAL, from_: str = APP, **more: str
) -> str:
    sid: str = sandbox.rest("POST", "/Calls.json", To=to, From=from_, Twiml=twiml, **more)["sid"]
    return sid


def status(sandbox: Sandbox, sid: str) -> str:
    found: str = sandbox.rest("GET", f"/Calls/{sid}.json")["status"]
    return found


def ends(sandbox: Sandbox, sid: str) -> None:
    eventually(lambda: status(sandbox, sid) == "completed")


def recorded(sandbox: Sandbox, sid: str) -> Any:
    return eventually(lambda: sandbox.rest("GET", f"/Calls/{sid}/Recordings.json")["recordings"])


def media(sandbox: Sandbox, sid: str, query: str = "?RequestedChannels=2") -> bytes:
    account, token = sandbox.env["TWILIO_ACCOUNT_SID"], sandbox.env["TWILIO_AUTH_TOKEN"]
    url = f"{sandbox.url}/2010-04-01/Accounts/{account}/Recordings/{sid}.wav{query}"
    credentials = b64encode(f"{account}:{token}".encode()).decode()
    request = Request(url, headers={"Authorization": f"Basic {credentials}"})
    with build_opener(ProxyHandler({})).open(request, timeout=20) as answer:
        data: bytes = answer.read()
    return data


# -- one API --------------------------------------------------------------------------------------


def test_calls_are_shared_and_one_list_has_them_all(sandbox: Sandbox, folder: Path) -> None:
    made = [placed(sandbox) for _ in range(4)]
    assert sandbox.control("GET", "/health")["calls_in_progress"] >= 4
    listed = sandbox.rest("GET", "/Calls.json?PageSize=100")["calls"]
    assert {call["sid"] for call in listed if call["direction"] == "outbound-api"} == set(made)
    for sid in made:
        ends(sandbox, sid)
    recordings = sandbox.rest("GET", "/Recordings.json")["recordings"]
    assert {each["call_sid"] for each in recordings} == set(made)
    assert all((each["status"], each["channels"]) == ("completed", 2) for each in recordings)
    for each in recordings:
        bobs, eves = read_wav(media(sandbox, each["sid"])).T
        assert found_at(babble(1, 1.5)[:8000], bobs)[0] > 0.95
        assert found_at(babble(2, 1.5)[:8000], eves)[0] > 0.95
        assert found_at(babble(2, 1.5)[:8000], bobs)[0] < 0.4
        truth = sandbox.control("GET", f"/recordings/{each['sid']}/truth")
        spoken = [channel["intervals"][0]["party"] for channel in truth["channels"]]
        assert spoken == ["bob", "eve"]
    client = Client(sandbox.env["TWILIO_ACCOUNT_SID"], sandbox.env["TWILIO_AUTH_TOKEN"])
    client.insights.base_url = sandbox.url
    for sid in made:
        edge = client.insights.v1.calls(sid).summary().fetch().carrier_edge
        assert edge is not None
        assert edge["metrics"]["inbound"]["packets_received"] > 0


def test_what_is_done_to_a_call_reaches_its_worker(sandbox: Sandbox) -> None:
    twiml = "<Response><Start><Recording/></Start><Pause length='60'/></Response>"
    made = [placed(sandbox, twiml=twiml) for _ in range(3)]
    for sid in made:
        recorded(sandbox, sid)
        where = f"/Calls/{sid}/Recordings/Twilio.CURRENT.json"
        paused = sandbox.rest("POST", where, Status="paused", PauseBehavior="skip")
        assert paused["status"] == "paused"
        [listed] = sandbox.rest("GET", f"/Calls/{sid}/Recordings.json")["recordings"]
        assert listed["status"] == "paused"
        assert sandbox.rest("POST", f"/Calls/{sid}.json", Status="completed")["status"]
        ends(sandbox, sid)
        sandbox.rest("DELETE", f"/Recordings/{listed['sid']}.json")
        assert sandbox.rest("GET", f"/Recordings/{listed['sid']}.json")["code"] == 20404
        sandbox.rest("DELETE", f"/Calls/{sid}.json")
        assert sandbox.rest("GET", f"/Calls/{sid}.json")["code"] == 20404


def begins(sandbox: Sandbox, sid: str) -> None:
    """A call is answered soon."""
    eventually(lambda: status(sandbox, sid) == "in-progress")


def has_events(sandbox: Sandbox, sid: str, wanted: set[str]) -> None:
    """A call's events are soon these requests, by the ends of their URLs, and maybe others."""

    def asked() -> set[str]:
        events = sandbox.rest("GET", f"/Calls/{sid}/Events.json")["events"]
        return {each["request"]["url"].rsplit("/", 1)[-1] for each in events}

    eventually(lambda: wanted <= asked())


def test_payments_messages_and_events_are_had_of_the_calls_worker(
    sandbox: Sandbox, user_app: App
) -> None:
    told = f"{user_app.url}/told"
    for sid in [placed(sandbox, twiml="<Response><Pause length='60'/></Response>") for _ in "123"]:
        begins(sandbox, sid)
        paying = {"IdempotencyKey": "a", "StatusCallback": told}
        payment = sandbox.rest("POST", f"/Calls/{sid}/Payments.json", **paying)["sid"]
        paying |= {"IdempotencyKey": "b", "Status": "cancel"}
        sandbox.rest("POST", f"/Calls/{sid}/Payments/{payment}.json", **paying)
        where = f"/Calls/{sid}/UserDefinedMessageSubscriptions.json"
        assert sandbox.rest("POST", where, Callback=told)["sid"].startswith("ZY")
        where = f"/Calls/{sid}/UserDefinedMessages.json"
        assert sandbox.rest("POST", where, Content="{}")["sid"].startswith("KX")
        where = f"/Calls/{sid}/Transcriptions"
        begun = sandbox.rest("POST", f"{where}.json", Name="words", StatusCallbackUrl=told)["sid"]
        assert sandbox.rest("POST", f"{where}/words.json", Status="stopped")["sid"] == begun
        sandbox.rest("POST", f"/Calls/{sid}.json", Status="completed")
        ends(sandbox, sid)

        wanted = {"Calls.json", "Payments.json", f"{payment}.json", "told", f"{sid}.json"}
        wanted.add("Transcriptions.json")
        has_events(sandbox, sid, wanted)


def test_transcriptions_of_all_workers_are_in_one_list(sandbox: Sandbox) -> None:
    twiml = "<Response><Record timeout='1' transcribe='true'/></Response>"
    made = [placed(sandbox, twiml=twiml) for _ in range(3)]
    recordings = {recorded(sandbox, sid)[0]["sid"] for sid in made}

    def over() -> Any:
        listed = sandbox.rest("GET", "/Transcriptions.json")["transcriptions"]
        return len(listed) == 3 and all(it["status"] != "in-progress" for it in listed) and listed

    listed = eventually(over)
    assert {each["recording_sid"] for each in listed} == recordings
    # Bob plays a clip, and of that no words are known.
    assert {each["status"] for each in listed} == {"failed"}
    for each in listed:
        sandbox.rest("DELETE", f"/Transcriptions/{each['sid']}.json")
        below = f"/Recordings/{each['recording_sid']}/Transcriptions/{each['sid']}.json"
        assert sandbox.rest("GET", below)["code"] == 20404
    assert sandbox.rest("GET", "/Transcriptions.json")["transcriptions"] == []


def test_numbers_of_the_api_are_known_to_every_worker(sandbox: Sandbox, user_app: App) -> None:
    voice = f"{user_app.url}/voice"
    number = sandbox.rest(
        "POST", "/IncomingPhoneNumbers.json", PhoneNumber=OTHER_APP, VoiceUrl=voice
    )
    calls = [
        sandbox.control("POST", "/calls", {"to": OTHER_APP, "from": "bob"})["sid"] for _ in range(4)
    ]
    eventually(lambda: len(user_app.of("/voice")) == 4)
    assert {asked["CallSid"] for asked in user_app.of("/voice")} == set(calls)
    for sid in calls:
        assert sandbox.control("GET", f"/inspector/calls/{sid}")["legs"]
        sandbox.control("POST", f"/calls/{sid}/hang-up")
        ends(sandbox, sid)
    deliveries = sandbox.control("GET", "/deliveries?kind=document")["deliveries"]
    validator = RequestValidator(sandbox.env["TWILIO_AUTH_TOKEN"])
    for each in deliveries:
        signature = {k.lower(): v for k, v in each["request"]["headers"].items()}
        form = dict(map(tuple, each["params"]))
        assert validator.validate(each["url"], form, signature["x-twilio-signature"])
    changed = f"{user_app.url}/changed"
    sandbox.rest("POST", f"/IncomingPhoneNumbers/{number['sid']}.json", VoiceUrl=changed)
    for _ in range(2):
        sandbox.control("POST", "/calls", {"to": OTHER_APP, "from": "bob"})
    eventually(lambda: len(user_app.of("/changed")) == 2)
    sandbox.rest("DELETE", f"/IncomingPhoneNumbers/{number['sid']}.json")
    refused = sandbox.control("POST", "/calls", {"to": OTHER_APP, "from": "bob"})
    assert refused[0] == 404
    [event, *_] = sandbox.control("GET", "/events")["events"]
    assert event["kind"].startswith("call.")


def test_trunks_are_known_to_every_worker(sandbox: Sandbox) -> None:
    """Each carries calls over them, which are one call each in the front's list."""
    trunk = sandbox.rest("POST", "/v1/Trunks", DomainName="office.pstn.twilio.com")["sid"]
    users = sandbox.rest("POST", "/SIP/CredentialLists.json", FriendlyName="users")["sid"]
    sandbox.rest("POST", f"/v1/Trunks/{trunk}/CredentialLists", CredentialListSid=users)
    sandbox.rest("POST", f"/v1/Trunks/{trunk}/Recording", Mode="record-from-answer-dual")
    called = {"to": f"sip:{EVE}@office.pstn.twilio.com", "from": "bob"}
    made = [sandbox.control("POST", "/calls", called)["sid"] for _ in range(2)]
    for sid in made:
        recorded(sandbox, sid)
        sandbox.control("POST", f"/calls/{sid}/hang-up")
        ends(sandbox, sid)
    calls = sandbox.rest("GET", "/Calls.json")["calls"]
    assert {each["sid"] for each in calls} == set(made)
    assert {each["trunk_sid"] for each in calls} == {trunk}


def test_weather_reaches_every_worker(sandbox: Sandbox, user_app: App) -> None:
    spell = sandbox.control("POST", "/weather", {"webhook_drop": True, "only": "call-status"})
    for _ in range(2):
        sandbox.rest(
            "POST",
            "/Calls.json",
            To=BOB,
            From=APP,
            Twiml="<Response/>",
            StatusCallback=f"{user_app.url}/status",
        )
    eventually(lambda: sandbox.control("GET", "/health")["calls_in_progress"] == 0)
    told = sandbox.control("GET", "/deliveries?kind=call-status")["deliveries"]
    assert len(told) == 2
    assert all(each["injected"] for each in told)
    assert user_app.of("/status") == []
    sandbox.control("DELETE", f"/weather/{spell['id']}")
    assert sandbox.control("GET", "/weather") == {"weather": []}


def test_participants_join_where_their_conference_is(sandbox: Sandbox) -> None:
    first, second = (
        sandbox.rest("POST", "/Conferences/room/Participants.json", From=APP, To=to)
        for to in (BOB, BOB)
    )
    assert first["conference_sid"] == second["conference_sid"]
    people = f"/Conferences/{first['conference_sid']}/Participants"
    eventually(lambda: len(sandbox.rest("GET", f"{people}.json")["participants"]) == 2)
    muted = sandbox.rest("POST", f"{people}/{second['call_sid']}.json", Muted="true")
    assert muted["muted"] is True
    sandbox.rest("DELETE", f"{people}/{first['call_sid']}.json")
    assert len(sandbox.rest("GET", f"{people}.json")["participants"]) == 1


def test_a_meeting_in_two_workers_is_told_of(sandbox: Sandbox) -> None:
    for _ in range(2):
        placed(sandbox, twiml="<Response><Dial><Conference>all</Conference></Dial></Response>")
    notes = eventually(
        lambda: sandbox.rest("GET", "/Notifications.json")["notifications"],
        lambda: (sandbox.control("GET", "/events"), sandbox.control("GET", "/health")),
    )
    [note] = [sandbox.rest("GET", f"/Notifications/{each['sid']}.json") for each in notes]
    assert "'all' is in two workers" in note["message_text"]
    assert "--spread numbers" in note["message_text"]


def test_calls_of_a_number_meet_if_numbers_are_spread(folder: Path, user_app: App) -> None:
    config = str(plan(folder, user_app.url))
    options = ("--in-memory", "--config", config, "--workers", "3", "--spread", "numbers")
    with serving(*options) as sandbox:
        queue = sandbox.rest("POST", "/Queues.json", FriendlyName="support")["sid"]
        for _ in range(2):
            placed(sandbox, twiml="<Response><Enqueue>support</Enqueue></Response>")
        where = f"/Queues/{queue}"
        eventually(lambda: sandbox.rest("GET", f"{where}.json")["current_size"] == 2)
        assert len(sandbox.rest("GET", f"{where}/Members.json")["queue_members"]) == 2
        placed(sandbox, twiml="<Response><Dial><Queue>support</Queue></Dial></Response>")
        eventually(lambda: sandbox.rest("GET", f"{where}.json")["current_size"] == 1)
        for _ in range(2):
            placed(sandbox, twiml="<Response><Dial><Conference>all</Conference></Dial></Response>")
        [conference] = eventually(
            lambda: sandbox.rest("GET", "/Conferences.json?Status=in-progress")["conferences"]
        )
        people = f"/Conferences/{conference['sid']}/Participants.json"
        eventually(lambda: len(sandbox.rest("GET", people)["participants"]) == 2)
        assert sandbox.rest("GET", "/Notifications.json")["notifications"] == []


def test_the_inspector_shows_what_workers_carry(sandbox: Sandbox) -> None:
    sid = placed(sandbox, twiml="<Response><Pause length='60'/></Response>")
    eventually(lambda: status(sandbox, sid) == "in-progress")
    seen: dict[str, Any] = {"calls": {}, "levels": {}}
    request = Request(f"{sandbox.url}/_mediasim/inspector/feed")
    with build_opener(ProxyHandler({})).open(request, timeout=20) as feed:
        while not seen["levels"].get(sid):
            line = feed.readline()
            if line.startswith(b"data: "):
                news = json.loads(line[6:])
                seen["calls"].update({each["sid"]: each for each in news.get("calls", ())})
                seen["levels"] = news.get("levels", {})
    assert seen["calls"][sid]["party"] == "bob"
    shown = sandbox.control("GET", f"/inspector/calls/{sid}")
    assert shown["legs"][0]["sid"] == sid
    # One time for all of them: what the worker tells and what the front has of it agree.
    assert abs(shown["now"] - sandbox.control("GET", "/clock")["seconds"]) < 1
    assert shown["legs"][0]["created"] == seen["calls"][sid]["created"]


# -- ends -----------------------------------------------------------------------------------------


def test_a_worker_that_dies_ends_its_own_calls_alone_and_is_replaced(
    folder: Path, user_app: App, tmp_path: Path
) -> None:
    user_app.asked.clear()
    options = ("--data", str(tmp_path / "data"), "--config", str(plan(folder, user_app.url)))
    told = f"recordingStatusCallback='{user_app.url}/done'"
    twiml = f"<Response><Start><Recording {told}/></Start><Pause length='60'/></Response>"
    with serving(*options, "--workers", "2") as sandbox:
        heard = {
            "StatusCallback": f"{user_app.url}/status",
            "StatusCallbackEvent": "answered completed",
        }
        made = [placed(sandbox, twiml=twiml, **heard) for _ in range(4)]
        time.sleep(3.5)  # recorders write once a second, and so is their truth
        before = {each.name for each in workers_of(sandbox)}
        victim, _ = workers_of(sandbox)
        os.kill(int(victim.name), signal.SIGKILL)
        eventually(lambda: sorted(status(sandbox, sid) for sid in made)[:2] == ["completed"] * 2)
        assert sorted(status(sandbox, sid) for sid in made)[2:] == ["in-progress"] * 2
        ended = {sid for sid in made if status(sandbox, sid) == "completed"}

        def published() -> list[Any]:
            found = sandbox.rest("GET", "/Recordings.json")["recordings"]
            return [each for each in found if each["status"] == "completed"]

        recordings = eventually(lambda: len(published()) == 2 and published())
        assert {each["call_sid"] for each in recordings} == ended
        for each in recordings:
            bobs = read_wav(media(sandbox, each["sid"], ""))[:, 0]
            assert found_at(babble(1, 1.5)[:8000], bobs)[0] > 0.95
            truth = sandbox.control("GET", f"/recordings/{each['sid']}/truth")
            assert truth["known_until"] > 0
        eventually(lambda: len(user_app.of("/done")) == 2)
        assert {each["CallSid"] for each in user_app.of("/done")} == ended
        eventually(lambda: len(user_app.of("/status")) == 6)
        last = [each for each in user_app.of("/status") if each["CallStatus"] == "completed"]
        assert sorted(each["CallSid"] for each in last) == sorted(ended)
        assert {each["SequenceNumber"] for each in last} == {"1"}
        assert all(int(each["CallDuration"]) >= 2 for each in last)
        eventually(lambda: sandbox.control("GET", "/health")["status"] == "ok")
        assert len({each.name for each in workers_of(sandbox)} - before) == 1
        assert sandbox.control("GET", "/health")["calls_in_progress"] == 2
        more = [placed(sandbox, twiml=twiml) for _ in range(4)]
        eventually(lambda: all(status(sandbox, sid) == "in-progress" for sid in more))
        time.sleep(1)  # or nothing would be recorded of them
        assert len({*made, *more}) == 8
        log = sandbox.control("GET", "/events")["events"]
        assert {each["call_sid"] for each in log if each["kind"] == "call.completed"} == ended
        for sid in (*made, *more):
            if sid not in ended:
                sandbox.rest("POST", f"/Calls/{sid}.json", Status="completed")
        eventually(lambda: len(user_app.of("/done")) == 8)
        assert sandbox.end() < 10
        assert sandbox.process.returncode == 0
    with serving(*options) as sandbox:  # as one process, for a change
        assert {status(sandbox, sid) for sid in (*made, *more)} == {"completed"}
        recordings = sandbox.rest("GET", "/Recordings.json")["recordings"]
        assert {each["status"] for each in recordings} == {"completed"}
        assert len(recordings) == 8
        assert not list((tmp_path / "data").glob("workers/*/spool/*"))
    assert len(user_app.of("/done")) == 8


def test_a_front_that_is_killed_leaves_no_worker_behind(
    folder: Path, user_app: App, tmp_path: Path
) -> None:
    options = ("--data", str(tmp_path / "data"), "--config", str(plan(folder, user_app.url)))
    twiml = "<Response><Start><Recording/></Start><Pause length='60'/></Response>"
    with serving(*options, "--workers", "2") as sandbox:
        made = placed(sandbox, twiml=twiml)
        time.sleep(2.5)  # recorders write once a second
        workers = workers_of(sandbox)
        assert len(workers) == 2
        sandbox.process.kill()
        eventually(lambda: not any(_lives(each) for each in workers))
    with serving(*options, "--workers", "3") as sandbox:
        [each] = sandbox.rest("GET", "/Recordings.json")["recordings"]
        assert (each["call_sid"], each["status"]) == (made, "completed")
        bobs = read_wav(media(sandbox, each["sid"], ""))[:, 0]
        assert found_at(babble(1, 1.5)[:8000], bobs)[0] > 0.95
        again = placed(sandbox)
        assert again != made
        assert sandbox.end() < 10
        assert sandbox.process.returncode == 0


def workers_of(sandbox: Sandbox) -> list[Path]:
    """Where the system tells of their processes."""
    threads = Path(f"/proc/{sandbox.process.pid}/task").glob("*/children")
    return [Path("/proc", pid) for each in threads for pid in each.read_text("ascii").split()]


def test_workers_share_a_postgresql_server(folder: Path, user_app: App) -> None:
    with postgresql() as database:
        config = str(plan(folder, user_app.url))
        data = str(folder / "data")
        options = ("--data", data, "--config", config, "--database", database)
        with serving(*options, "--workers", "2") as sandbox:
            made = [placed(sandbox) for _ in range(2)]
            for sid in made:
                ends(sandbox, sid)
            sandbox.end()
        with serving(*options) as sandbox:
            assert [status(sandbox, sid) for sid in made] == ["completed"] * 2


def _lives(process: Path) -> bool:
    try:
        return "State:\tZ" not in (process / "status").read_text("ascii")
    except OSError:
        return False


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--clock", "virtual"), "workers live in real time"),
        (("--sip", "0"), "SIP telephones and the calls that ring them have to be in one process"),
    ],
)
def test_what_workers_cannot_do_is_refused(options: tuple[str, ...], words: str) -> None:
    with (
        pytest.raises(AssertionError, match=words),
        serving("--in-memory", "--workers", "2", *options),
    ):
        pass


# -- what belongs where ---------------------------------------------------------------------------

_ACCOUNT = "/2010-04-01/Accounts/AC1"


@pytest.mark.parametrize(
    ("method", "path", "place"),
    [
        ("POST", "/Calls.json", RequestOwner(Responder.ANYONE)),
        ("GET", "/Calls.json", RequestOwner(Responder.HERE)),
        ("GET", "/Calls/CA1.json", RequestOwner(Responder.HERE)),
        ("POST", "/Calls/CA1", RequestOwner(Responder.OWNER, "call", "CA1")),
        ("POST", "/Calls/CA1/Recordings.json", RequestOwner(Responder.OWNER, "call", "CA1")),
        ("GET", "/Calls/CA1/Recordings.json", RequestOwner(Responder.HERE)),
        ("POST", "/Calls/CA1/Streams.json", RequestOwner(Responder.OWNER, "call", "CA1")),
        ("POST", "/Calls/CA1/Transcriptions/w.json", RequestOwner(Responder.OWNER, "call", "CA1")),
        ("POST", "/Calls/CA1/Payments/PK1.json", RequestOwner(Responder.OWNER, "call", "CA1")),
        ("GET", "/Calls/CA1/Events.json", RequestOwner(Responder.HERE)),
        ("DELETE", "/Recordings/RE1.json", RequestOwner(Responder.OWNER, "recording", "RE1")),
        ("GET", "/Recordings/RE1.wav", RequestOwner(Responder.HERE)),
        ("POST", "/Conferences/CF1.json", RequestOwner(Responder.OWNER, "conference", "CF1")),
        (
            "GET",
            "/Conferences/CF1/Participants.json",
            RequestOwner(Responder.OWNER, "conference", "CF1"),
        ),
        (
            "POST",
            "/Conferences/room/Participants.json",
            RequestOwner(Responder.OWNER, "conference", "room"),
        ),
        ("GET", "/Queues/QU1.json", RequestOwner(Responder.HERE)),
        ("GET", "/Queues/QU1/Members.json", RequestOwner(Responder.OWNER, "queue", "QU1")),
        ("POST", "/Queues/QU1/Members/Front.json", RequestOwner(Responder.OWNER, "queue", "QU1")),
        ("POST", "/IncomingPhoneNumbers.json", RequestOwner(Responder.HERE)),
    ],
)
def test_where_a_request_belongs(method: str, path: str, place: RequestOwner) -> None:
    assert rest_owner(method, _ACCOUNT + path) == place


@pytest.mark.parametrize(
    ("method", "path", "where"),
    [
        ("POST", "/calls", Responder.ANYONE),
        ("GET", "/calls", Responder.HERE),
        ("POST", "/calls/CA1/press", Responder.OWNER),
        ("GET", "/inspector/calls/CA1", Responder.OWNER),
        ("GET", "/streams", Responder.EACH),
        ("POST", "/weather", Responder.ALL),
        ("GET", "/weather", Responder.HERE),
        ("DELETE", "/weather/1", Responder.ALL),
        ("POST", "/reset", Responder.RESET),
        ("GET", "/health", Responder.HERE),
    ],
)
def test_where_control_belongs(method: str, path: str, where: Responder) -> None:
    assert control_owner(method, path).responder is where
