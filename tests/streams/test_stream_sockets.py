"""Media streams over real sockets, from a sandbox in a process of its own."""

from __future__ import annotations

import asyncio
import io
import json
import time
import wave
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import echo_bot
import numpy as np
import pytest
import talker
import transcriber
from app_sockets import Sockets, sockets
from numpy.typing import NDArray
from serving import App, Sandbox, app, serving
from twilio.request_validator import RequestValidator
from websockets.asyncio.server import ServerConnection

from mediasim.conversation.app_figures import recording_figures

APP_NUMBER, CALLER = "+15550100002", "+15550100001"
RECORD = '<Start><Recording trim="do-not-trim"/></Start>'


@dataclass
class Stage:
    """A sandbox, an app for documents and apps for streams."""

    sandbox: Sandbox
    app: App
    sockets: Sockets

    def call(self, document: str, *script: Any) -> dict[str, Any]:
        """A call from its first ring to its end; returns its stream."""
        self.sandbox.control("POST", "/reset")
        self.app.asked.clear()
        self.app.documents["/voice"] = f"<Response>{document}</Response>"
        body = {"to": APP_NUMBER, "from": CALLER, "script": list(script)}
        sid = self.sandbox.control("POST", "/calls", body)["sid"]
        until = time.monotonic() + 30
        while time.monotonic() < until:
            (call,) = self.sandbox.control("GET", "/calls")["calls"]
            if call["status"] == "completed":
                break
            time.sleep(0.02)
        else:
            raise AssertionError("the call does not end")
        found: list[dict[str, Any]] = self.sandbox.control("GET", f"/streams?call={sid}")["streams"]
        return found[0]

    def connect(self, name: str, *script: Any, more: str = "") -> dict[str, Any]:
        url = f"{self.sockets.url}/{name}"
        status = f'statusCallback="{self.app.url}/status"'
        document = f'{RECORD}<Connect><Stream url="{url}" {status}/></Connect>{more}'
        return self.call(document, *script)

    def media(self) -> NDArray[np.int16]:
        until = time.monotonic() + 30
        while True:  # a recording is processed when its call has ended
            (recording,) = self.sandbox.control("GET", "/recordings")["recordings"]
            if recording["status"] == "completed" or time.monotonic() > until:
                break
            time.sleep(0.02)
        env = self.sandbox.env
        account, token = env["TWILIO_ACCOUNT_SID"], env["TWILIO_AUTH_TOKEN"]
        url = f"{self.sandbox.url}/2010-04-01/Accounts/{account}/Recordings/{recording['sid']}.wav"
        request = Request(f"{url}?RequestedChannels=2")
        credentials = b64encode(f"{account}:{token}".encode()).decode()
        request.add_header("Authorization", f"Basic {credentials}")
        with build_opener(ProxyHandler({})).open(request, timeout=20) as answer:
            body = answer.read()
        with wave.open(io.BytesIO(body)) as file:
            interleaved = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return np.ascontiguousarray(interleaved.reshape(-1, 2).T)

    def codes(self) -> list[str]:
        notes = self.sandbox.rest("GET", "/Notifications.json")["notifications"]
        return [note["error_code"] for note in reversed(notes)]

    def events(self) -> list[str]:
        return [each["StreamEvent"] for each in self.app.of("/status")]


async def ignore(call: ServerConnection) -> int:
    """Reads, says nothing, never closes."""
    count = 0
    async for _ in call:
        count += 1
    return count


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    config = tmp_path_factory.mktemp("streams") / "sandbox.yaml"
    with app(voice="") as found, sockets() as apps:
        config.write_text(f'numbers: {{"{APP_NUMBER}": {{voice_url: {found.url}/voice}}}}')
        with serving("--clock", "virtual", "--in-memory", "--config", str(config)) as sandbox:
            yield Stage(sandbox, found, apps)


@pytest.fixture
def stage(stages: Stage) -> Stage:
    stages.sockets.handlers.clear()
    stages.sockets.results.clear()
    stages.sockets.connections.clear()
    return stages


# -- what the examples do -------------------------------------------------------------------------


def test_an_echo_bot_is_heard_in_the_next_frame_every_time(stage: Stage) -> None:
    stage.sockets.handlers["/echo"] = echo_bot.echo
    for _ in range(2):
        stream = stage.connect("echo", {"say": "Is anybody there?"}, {"pause": "1s"}, "hangup")
        caller, bot = stage.media()
        assert caller.any()
        assert np.array_equal(bot[160:], caller[:-160])
        assert not bot[:160].any()
        assert stream["status"] == "stopped"
    assert stage.codes() == []
    assert stage.events() == ["stream-started", "stream-stopped"]


def test_a_transcriber_writes_both_tracks_with_their_speakers(stage: Stage) -> None:
    lines = {"App": ["Welcome to the shop.", "Thank you."], "Caller": ["I want a bicycle."]}
    left = {who: iter(said) for who, said in lines.items()}

    async def transcribe(call: ServerConnection) -> str:
        return await transcriber.transcribe(call, lambda who, *_: next(left[who]))

    stage.sockets.handlers["/text"] = transcribe
    start = f'<Start><Stream url="{stage.sockets.url}/text" track="both_tracks"/></Start>'
    say, thank = (f"<Say>{text}</Say>" for text in lines["App"])
    script = ({"pause": "3s"}, {"say": lines["Caller"][0]}, {"pause": "9s"})
    stage.call(f'{RECORD}{start}{say}<Pause length="5"/>{thank}', *script)
    text = stage.sockets.result()
    cues = [block.splitlines() for block in text.split("\n\n")[1:]]
    assert [cue[1] for cue in cues] == [
        "<v App>Welcome to the shop.",
        "<v Caller>I want a bicycle.",
        "<v App>Thank you.",
    ]
    figures = recording_figures(stage.media())
    spoken = [*figures.app, *figures.caller]
    for cue in cues:
        begins, _, ends = cue[0].partition(" --> ")
        assert min(abs(_ms(begins) - span.start_ms) for span in spoken) <= 60
        assert min(abs(_ms(ends) - span.end_ms) for span in spoken) <= 60


def _ms(clock: str) -> int:
    hours, minutes, seconds = clock.split(":")
    return round(((int(hours) * 60 + int(minutes)) * 60 + float(seconds)) * 1000)


def test_a_bot_is_barged_into(stage: Stage) -> None:
    codes, told = talker.speech(8), list[str]()
    stage.sockets.handlers["/talk"] = lambda call: talker.talk(call, codes, told.append)
    stream = stage.connect(
        "talk", {"pause": "2s"}, {"say": "Stop, please."}, {"pause": "1s"}, "hangup"
    )
    assert told == ["interrupted"]
    (barge_in,) = stream["figures"]["barge_ins"]
    assert barge_in["at_ms"] == pytest.approx(2100, abs=60)
    # Five loud frames, and it is quiet from the next on.
    assert 100 <= barge_in["reaction_ms"] <= 240
    assert [each["kind"] for each in stream["log"]] == ["mark", "clear", "mark-reached"]
    assert stream["figures"]["talk_over_ms"] == barge_in["reaction_ms"]
    of_recording = recording_figures(stage.media())
    assert [it.reaction_ms for it in of_recording.barge_ins] == [barge_in["reaction_ms"]]

    told.clear()
    stream = stage.connect("talk", {"pause": "10s"})
    assert told == ["said everything"]
    assert stream["figures"]["barge_ins"] == []
    assert stream["figures"]["length_ms"] == 8000


def test_latency_is_counted_in_frames(stage: Stage) -> None:
    words = talker.speech(1)

    async def answer(call: ServerConnection) -> None:
        loud = quiet = 0
        async for text in call:
            message = json.loads(text)
            if message["event"] != "media":
                continue
            payload = message["media"]["payload"]
            if payload.count("/") > 200:
                quiet += bool(loud)
            else:
                loud, quiet = loud + 1, 0
            if quiet == 30:
                loud = quiet = 0
                said = {"payload": b64encode(words).decode()}
                await talker.send(call, "media", message["streamSid"], media=said)

    stage.sockets.handlers["/answer"] = answer
    stream = stage.connect(
        "answer", {"say": "What time is it?"}, {"pause": "4s"}, {"say": "And now?"}, "hangup"
    )
    first, second = stream["figures"]["responses"]
    assert first["latency_ms"] == pytest.approx(600, abs=60)
    assert second["latency_ms"] is None
    assert stream["figures"]["unanswered"] == 1
    assert stream["figures"]["dead_air"]


# -- hostile apps ---------------------------------------------------------------------------------


async def _oversized(call: ServerConnection) -> None:
    await call.send("x" * (3 << 20))
    await ignore(call)


async def _not_text(call: ServerConnection) -> None:
    call.protocol.send_text(b"\xff\xfe")
    call.send_data()
    await ignore(call)


async def _vanishes(call: ServerConnection) -> None:
    await call.recv()
    call.transport.abort()


async def _closes_wrongly(call: ServerConnection) -> None:
    await call.recv()
    await call.close(1011, "it broke")


async def _closes(call: ServerConnection) -> None:
    pass


@pytest.mark.parametrize(
    ("hostile", "code"),
    [
        (_oversized, "31924"),
        (_not_text, "31924"),
        (_vanishes, "31903"),
        (_closes_wrongly, "31921"),
        (_closes, None),
    ],
)
def test_the_call_goes_on_whatever_the_app_does(stage: Stage, hostile: Any, code: str) -> None:
    stage.sockets.handlers["/hostile"] = hostile
    stream = stage.connect("hostile", {"pause": "9s"}, more='<Pause length="2"/>')
    assert stage.codes() == ([code] if code else [])
    error = ["stream-error"] if code else []
    assert stage.events() == ["stream-started", *error, "stream-stopped"]
    assert (stream["error"] or {"code": 0})["code"] == int(code or 0)
    assert 16_000 <= stage.media().shape[1] < 24_000


def test_a_flood_is_taken_in(stage: Stage) -> None:
    async def flood(call: ServerConnection) -> None:
        await call.recv()
        sid = json.loads(await call.recv())["streamSid"]
        payload = b64encode(b"\x10" * 160).decode()
        for number in range(20_000):
            await talker.send(call, "media", sid, media={"payload": payload})
            await call.send("{" if number % 2 else b"\0")
        await ignore(call)

    stage.sockets.handlers["/flood"] = flood
    stream = stage.connect("flood", {"pause": "5s"}, "hangup")
    assert set(stage.codes()) <= {"31950", "31951", "31930"}
    assert len(set(stage.codes())) == len(stage.codes())
    assert stream["messages_received"] > 1000
    bot = stage.media()[1]
    assert len(bot) < 45_000


def test_an_app_that_reads_nothing_is_waited_for_once(stage: Stage) -> None:
    async def deaf(call: ServerConnection) -> None:
        call.transport.pause_reading()
        await asyncio.sleep(20)

    stage.sockets.handlers["/deaf"] = deaf
    started = time.monotonic()
    stream = stage.connect("deaf", {"pause": "3s"}, "hangup")
    assert time.monotonic() - started < 15
    assert stream["figures"]["length_ms"] > 3000


def test_what_is_no_websocket_is_refused(stage: Stage) -> None:
    page = stage.app.url.replace("http", "ws")
    stream = stage.call(f'<Connect><Stream url="{page}/x"/></Connect><Pause/>', {"pause": "5s"})
    assert stream["error"]["code"] == 31920
    stage.call('<Connect><Stream url="ws://127.0.0.1:9/x"/></Connect><Pause/>', {"pause": "5s"})
    assert stage.codes() == ["31902"]


# -- the upgrade, and time ------------------------------------------------------------------------


def test_the_upgrade_is_signed_and_has_no_query(stage: Stage) -> None:
    stage.sockets.handlers["/ignore"] = ignore
    url = f"{stage.sockets.url}/ignore"
    stage.call(f'<Connect><Stream url="{url}?a=b"/></Connect>', {"pause": "1s"}, "hangup")
    request = stage.sockets.connections[0].request
    assert request is not None
    assert request.path == "/ignore"
    validator = RequestValidator(stage.sandbox.env["TWILIO_AUTH_TOKEN"])
    assert validator.validate(url, {}, request.headers["X-Twilio-Signature"])
    assert stage.codes() == ["31920"]


def test_streams_by_rest(stage: Stage) -> None:
    stage.sockets.handlers["/ignore"] = ignore

    def started(path: str, params: dict[str, str]) -> None:
        if path == "/then":
            call = f"/Calls/{params['CallSid']}/Streams"
            form = {"Url": f"{stage.sockets.url}/ignore", "Name": "it", "Parameter1.Name": "a"}
            found.append(stage.sandbox.rest("POST", f"{call}.json", **form))
        if path == "/stop":
            sid = found[0]["sid"]
            path = f"/Calls/{params['CallSid']}/Streams/{sid}.json"
            found.append(stage.sandbox.rest("POST", path, Status="stopped"))

    found = list[dict[str, Any]]()
    stage.app.before = started
    stage.app.documents["/then"] = "<Response><Pause/><Redirect>/stop</Redirect></Response>"
    stage.app.documents["/stop"] = "<Response><Pause/></Response>"
    stream = stage.call(f"{RECORD}<Pause/><Redirect>/then</Redirect>", {"pause": "9s"})
    stage.app.before = None
    assert [each["status"] for each in found] == ["in-progress", "stopped"]
    assert stream["messages_sent"] == 52
    assert stream["parameters"] == {"a": ""}


@pytest.mark.realtime
def test_media_come_every_20_ms_in_real_time(tmp_path: Path) -> None:
    came = list[float]()

    async def note(call: ServerConnection) -> None:
        async for text in call:
            if '"media"' in str(text)[:20]:
                came.append(time.monotonic())

    config = tmp_path / "sandbox.yaml"
    with app(voice="") as found, sockets(note=note) as apps:
        config.write_text(f'numbers: {{"{APP_NUMBER}": {{voice_url: {found.url}/voice}}}}')
        with serving("--clock", "real", "--in-memory", "--config", str(config)) as sandbox:
            Stage(sandbox, found, apps).connect("note", {"pause": "2s"}, "hangup")
    gaps = np.diff(came)
    assert len(came) > 90
    assert float(gaps.mean()) == pytest.approx(0.02, rel=0.02)
    due = came[0] + 0.02 * np.arange(len(came))
    assert float((np.array(came) - due).min()) > -0.06
