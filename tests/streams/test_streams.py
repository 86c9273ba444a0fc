"""Media streams on a virtual clock: what is sent, and what the app says, to the sample."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from account_stage import APP, TOKEN, AccountStage
from app_in_reach import URL, Apps, Line, Message, streaming
from meeting import PATH, codes, comes, media, place_of, recordings, told, until, words

from mediasim.audio.g711 import ulaw_decode, ulaw_encode
from mediasim.net.stream_port import StreamRefused
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.requests import StreamRequest
from mediasim.twilio.webhooks.address import signature

ANN = "+15550100011"
RECORD = '<Start><Recording trim="do-not-trim"/></Start>'
STATUS = f'statusCallback="{APP}/stream"'


def connect(inside: str = "", more: str = "") -> str:
    return f'{RECORD}<Connect><Stream url="{URL}" {STATUS}>{inside}</Stream></Connect>{more}'


def echo(line: Line, message: Message) -> None:
    if message["event"] == "media":
        line.tell({**message, "media": {"payload": message["media"]["payload"]}})


def test_messages_in_order_with_every_field(tmp_path: Path) -> None:
    apps = Apps()
    said = words(1, 0.5)

    async def main(account: AccountStage) -> None:
        parameters = '<Parameter name="who" value="Ann &amp; co"/><Parameter name="n" value="1"/>'
        comes(account, ANN, connect(parameters), said, 0.6, "#5", 1.0, "hangup")

    account = streaming(tmp_path, apps, main)
    (line,) = apps.lines
    sid, call_sid = line.sid, account.exchange.catalogue.calls()[0].sid
    assert sid.startswith("MZ")
    assert line.messages[0] == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert line.messages[1] == {
        "event": "start",
        "sequenceNumber": "1",
        "start": {
            "accountSid": account.service.account.sid,
            "streamSid": sid,
            "callSid": call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"who": "Ann & co", "n": "1"},
        },
        "streamSid": sid,
    }
    numbers = [int(each["sequenceNumber"]) for each in line.messages[1:]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert {each["streamSid"] for each in line.messages[1:]} == {sid}
    sent = [each["media"] for each in line.of("media")]
    assert [it["chunk"] for it in sent] == [str(n + 1) for n in range(len(sent))]
    assert [it["timestamp"] for it in sent] == [str(20 * n) for n in range(len(sent))]
    assert {it["track"] for it in sent} == {"inbound"}
    (key,) = line.of("dtmf")
    assert key["dtmf"] == {"track": "inbound_track", "digit": "5"}
    assert line.messages[-1]["event"] == "stop"
    assert line.messages[-1]["stop"] == {
        "accountSid": account.service.account.sid,
        "callSid": call_sid,
    }
    assert line.closed
    assert place_of(ulaw_decode(np.frombuffer(line.media(), np.uint8)), said) == PATH
    assert line.headers["X-Twilio-Signature"] == signature(TOKEN, URL)


def test_every_message_holds_20_ms(tmp_path: Path) -> None:
    apps = Apps()

    async def main(account: AccountStage) -> None:
        comes(account, ANN, connect(), 0.5, "hangup")

    streaming(tmp_path, apps, main)
    assert {len(each["media"]["payload"]) for each in apps.lines[0].of("media")} == {216}


def test_an_echo_is_heard_a_frame_later_and_recorded_there(tmp_path: Path) -> None:
    apps = Apps(media=echo)
    said = words(2)

    async def main(account: AccountStage) -> None:
        comes(account, ANN, connect(), said, 1.0, "hangup")

    account = streaming(tmp_path, apps, main)
    (recording,) = recordings(account, "StartCallRecordingAPI")
    caller, app = media(account, recording)
    assert place_of(caller, said) == PATH
    assert place_of(app, said) == PATH + 160
    told_of = account.exchange.store.truth(recording.sid)["channels"][1]["intervals"]
    assert [each["kind"] for each in told_of] == ["server"]
    assert told_of[0]["text"].startswith("stream MZ")
    assert told_of[0]["start"] == 160


def test_audio_of_any_length_is_played_without_gaps(tmp_path: Path) -> None:
    speech = ulaw_encode(words(3, 0.4)).tobytes()

    def speak(line: Line, message: Message) -> None:
        if message["event"] == "start":
            for start in range(0, len(speech), 77):
                line.say(speech[start : start + 77])

    apps = Apps(media=speak)

    async def main(account: AccountStage) -> None:
        comes(account, ANN, connect(), 1.5, "hangup")

    account = streaming(tmp_path, apps, main)
    app = media(account, recordings(account, "StartCallRecordingAPI")[0])[1]
    assert np.array_equal(app[:3200], ulaw_decode(np.frombuffer(speech, np.uint8)))
    assert not app[3200:].any()


def test_a_mark_returns_when_its_audio_has_been_played(tmp_path: Path) -> None:
    def speak(line: Line, message: Message) -> None:
        if message["event"] == "start":
            line.mark("nothing before")
            line.say(bytes(800))
            line.mark("after 100 ms")
            line.say(bytes(1000))
            line.mark("after 225 ms")

    apps = Apps(media=speak)

    async def main(account: AccountStage) -> None:
        comes(account, ANN, connect(), 1.0, "hangup")

    streaming(tmp_path, apps, main)
    order = [
        each["mark"]["name"] if each["event"] == "mark" else each["event"]
        for each in apps.lines[0].messages
    ]
    assert order.index("nothing before") == 2
    assert order[:8].count("media") == 5
    assert order[8] == "after 100 ms"
    assert order[: order.index("after 225 ms")].count("media") == 12
    assert order.count("mark") == 0


def test_clear_empties_the_buffer_and_returns_its_marks(tmp_path: Path) -> None:
    speech = words(4, 2.0)

    def speak(line: Line, message: Message) -> None:
        if message["event"] == "start":
            line.say(ulaw_encode(speech).tobytes())
            line.mark("one")
            line.mark("two")
        if message["event"] == "media" and message["media"]["chunk"] == "25":
            line.clear()
            line.say(ulaw_encode(words(5, 0.1)).tobytes())
            line.mark("three")

    apps = Apps(media=speak)

    async def main(account: AccountStage) -> None:
        comes(account, ANN, connect(), 2.0, "hangup")

    account = streaming(tmp_path, apps, main)
    app = media(account, recordings(account, "StartCallRecordingAPI")[0])[1]
    assert np.array_equal(app[: 25 * 160], speech[: 25 * 160])
    assert np.array_equal(app[25 * 160 : 30 * 160], words(5, 0.1))
    assert not app[30 * 160 :].any()
    events = [
        each["mark"]["name"] if each["event"] == "mark" else each["event"]
        for each in apps.lines[0].messages
    ]
    assert events[27:29] == ["one", "two"]
    assert events[29:].index("three") == 5


def test_the_call_goes_on_when_the_app_closes(tmp_path: Path) -> None:
    def leave(line: Line, message: Message) -> None:
        if message["event"] == "media" and message["media"]["chunk"] == "10":
            line.say(bytes(8000))
            line.hang_up()

    apps = Apps(media=leave)

    async def main(account: AccountStage) -> None:
        comes(account, ANN, connect(more='<Pause length="1"/><Hangup/>'))

    account = streaming(tmp_path, apps, main)
    call = account.exchange.catalogue.calls()[0]
    assert call.ended_ns == 1_200_000_000
    assert not media(account, recordings(account, "StartCallRecordingAPI")[0])[1].any()
    assert not apps.lines[0].of("stop")
    assert told(account, "/stream", "StreamEvent") == [("stream-started",), ("stream-stopped",)]
    assert codes(account) == []


def test_an_action_follows_a_connect(tmp_path: Path) -> None:
    apps = Apps(media=lambda line, message: line.hang_up())

    async def main(account: AccountStage) -> None:
        account.app.answers["/after"] = "<Response><Hangup/></Response>"
        comes(account, ANN, f'<Connect action="/after"><Stream url="{URL}"/></Connect>')

    account = streaming(tmp_path, apps, main)
    assert len(account.app.asked("/after")) == 1


def test_streams_beside_a_call(tmp_path: Path) -> None:
    apps = Apps()
    said = words(6, 0.5)

    async def main(account: AccountStage) -> None:
        streams = "".join(
            f'<Start><Stream url="ws://localhost:5001/{name}" name="{name}" {track} {STATUS}/>'
            "</Start>"
            for name, track in (
                ("in", ""),
                ("out", 'track="outbound_track"'),
                ("both", 'track="both_tracks"'),
            )
        )
        document = f'{streams}<Pause/><Stop><Stream name="in"/></Stop><Play digits="1"/><Pause/>'
        comes(account, ANN, document, said, 5.0)

    account = streaming(tmp_path, apps, main)
    inside, out, both = apps.lines
    assert inside.messages[1]["start"]["tracks"] == ["inbound"]
    assert out.messages[1]["start"]["tracks"] == ["outbound"]
    assert both.messages[1]["start"]["tracks"] == ["inbound", "outbound"]
    assert len(inside.of("media")) == 50
    assert len(out.of("media")) == len(both.of("media")) / 2 > 100
    of_both = [each["media"] for each in both.of("media")][:4]
    assert [(it["track"], it["chunk"], it["timestamp"]) for it in of_both] == [
        ("inbound", "1", "0"),
        ("outbound", "1", "0"),
        ("inbound", "2", "20"),
        ("outbound", "2", "20"),
    ]
    assert both.media("inbound")[: 50 * 160] == inside.media()
    assert both.media("outbound") == out.media("outbound")
    assert len(set(out.media("outbound"))) > 10
    assert not inside.of("dtmf")
    assert [each.messages[-1]["event"] for each in apps.lines] == ["stop"] * 3
    first = told(account, "/stream", "StreamName", "StreamEvent")
    assert first[:4] == [
        ("in", "stream-started"),
        ("out", "stream-started"),
        ("both", "stream-started"),
        ("in", "stream-stopped"),
    ]


def test_status_callbacks_say_everything(tmp_path: Path) -> None:
    apps = Apps()

    async def main(account: AccountStage) -> None:
        comes(account, ANN, connect(), 0.4, "hangup")

    account = streaming(tmp_path, apps, main)
    first, last = account.app.asked("/stream")
    call = account.exchange.catalogue.calls()[0]
    assert first == {
        "AccountSid": account.service.account.sid,
        "CallSid": call.sid,
        "StreamSid": apps.lines[0].sid,
        "StreamName": apps.lines[0].sid,
        "StreamEvent": "stream-started",
        "Timestamp": "2026-01-05T09:00:00Z",
    }
    assert last["StreamEvent"] == "stream-stopped"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://127.0.0.1/x", 31922),
        ("http://127.0.0.1/x", 31922),
        ("ws://127.0.0.1:99999/x", 31923),
        ("wss://example.com/x", 31902),
        ("", 31923),
    ],
)
def test_a_url_that_cannot_be_reached(tmp_path: Path, url: str, code: int) -> None:
    apps = Apps()

    async def main(account: AccountStage) -> None:
        document = f'<Connect><Stream url="{url}" {STATUS}/></Connect><Pause/><Hangup/>'
        comes(account, ANN, document)

    account = streaming(tmp_path, apps, main)
    assert codes(account) == [code]
    assert account.exchange.catalogue.calls()[0].ended_ns == 1_000_000_000
    ((event, error),) = told(account, "/stream", "StreamEvent", "StreamError")
    assert event == "stream-error"
    assert error.startswith(str(code))
    assert apps.lines == []


def test_a_refusal_is_told_and_the_call_goes_on(tmp_path: Path) -> None:
    apps = Apps()
    apps.refusal = StreamRefused("answered 404", "handshake")

    async def main(account: AccountStage) -> None:
        comes(account, ANN, connect(more="<Pause/>"))

    account = streaming(tmp_path, apps, main)
    assert codes(account) == [31920]
    assert len(recordings(account, "StartCallRecordingAPI")) == 1


def test_wrong_messages_are_warned_of_once_and_passed_over(tmp_path: Path) -> None:
    good = words(7, 0.1)

    def misbehave(line: Line, message: Message) -> None:
        if message["event"] != "start":
            return
        for raw in ("{", "[]", "null", '"x"', "[" * 100_000, "{}", '{"event":"play"}'):
            line.raw(raw)
        line.raw(b"\x00\x01")
        line.raw(bytes(1_000_000))
        line.tell({"event": "clear", "streamSid": "MZother"})
        for payload in ("not base64!", "AAA", "é", 5, None, ["AA=="]):
            line.tell({"event": "media", "streamSid": line.sid, "media": {"payload": payload}})
        line.tell({"event": "media", "streamSid": line.sid, "media": "AA=="})
        line.tell({"event": "mark", "streamSid": line.sid})
        for _ in range(5000):
            line.tell({"event": "mark", "streamSid": line.sid, "mark": {}})
        line.say(b"")
        line.say(ulaw_encode(good).tobytes())

    apps = Apps(media=misbehave)

    async def main(account: AccountStage) -> None:
        comes(account, ANN, connect(), 1.0, "hangup")

    account = streaming(tmp_path, apps, main)
    assert codes(account) == [31951, 31950]
    assert {note.log for note in account.service.notifications} == {"1"}
    app = media(account, recordings(account, "StartCallRecordingAPI")[0])[1]
    assert np.array_equal(app[:800], good)
    assert told(account, "/stream", "StreamEvent") == [("stream-started",), ("stream-stopped",)]


def test_a_flood_is_buffered_up_to_a_limit(tmp_path: Path) -> None:
    def flood(line: Line, message: Message) -> None:
        if message["event"] == "start":
            for _ in range(700):
                line.say(bytes(8000))

    apps = Apps(media=flood)

    async def main(account: AccountStage) -> None:
        comes(account, ANN, connect(), 0.5, "hangup")

    account = streaming(tmp_path, apps, main)
    assert codes(account) == [31930]
    (stream,) = account.service.streams.all()
    assert stream.to_json()["audio_received_seconds"] == 600
    assert len(media(account, recordings(account, "StartCallRecordingAPI")[0])[1]) < 8000


def test_an_app_that_breaks_off_is_an_error(tmp_path: Path) -> None:
    apps = Apps(media=lambda line, message: line.hang_up("broken", 1006))

    async def main(account: AccountStage) -> None:
        comes(account, ANN, connect(more="<Pause/>"))

    account = streaming(tmp_path, apps, main)
    assert codes(account) == [31903]
    events = [event for (event,) in told(account, "/stream", "StreamEvent")]
    assert events == ["stream-started", "stream-error", "stream-stopped"]


def test_an_app_may_not_speak_on_a_start_stream_nor_close_it(tmp_path: Path) -> None:
    def speak(line: Line, message: Message) -> None:
        if message["event"] == "media" and not line.closed:
            line.say(bytes(160))
            if message["media"]["chunk"] == "5":
                line.hang_up()

    apps = Apps(media=speak)

    async def main(account: AccountStage) -> None:
        comes(account, ANN, f'{RECORD}<Start><Stream url="{URL}"/></Start><Pause/>')

    account = streaming(tmp_path, apps, main)
    assert codes(account) == [31951, 31921]
    assert not media(account, recordings(account, "StartCallRecordingAPI")[0])[1].any()
    assert len(apps.lines[0].of("media")) == 5


def test_streams_by_rest(tmp_path: Path) -> None:
    apps = Apps()

    async def main(account: AccountStage) -> None:
        streams = account.service.streams
        call = comes(account, ANN, '<Pause length="3"/>')
        await until(account, 0.5)
        record = streams.start(call.sid, StreamRequest(URL, "mine", parameters={"a": "b"}))
        with pytest.raises(TwilioError, match="already in use"):
            streams.start(call.sid, StreamRequest(URL, "mine"))
        await until(account, 1.5)
        assert streams.stop(call.sid, "mine").status == "stopped"
        assert streams.stop(call.sid, record.sid).status == "stopped"
        with pytest.raises(TwilioError, match="not found"):
            streams.stop(call.sid, "other")
        shown = record.to_twilio_json(account.service.dates)
        assert shown["uri"].endswith(f"/Calls/{call.sid}/Streams/{record.sid}.json")
        assert json.dumps(shown)

    account = streaming(tmp_path, apps, main)
    assert len(apps.lines[0].of("media")) == 50
    assert apps.lines[0].messages[1]["start"]["customParameters"] == {"a": "b"}
    sid = account.exchange.catalogue.calls()[0].sid
    with pytest.raises(TwilioError, match="not in-progress"):
        account.service.streams.start(sid, StreamRequest(URL))


def test_a_redirect_by_rest_ends_a_connect(tmp_path: Path) -> None:
    from mediasim.twilio.requests import CallUpdate, TwimlSource

    apps = Apps()

    async def main(account: AccountStage) -> None:
        call = comes(account, ANN, connect())
        await until(account, 0.6)
        account.service.update_call(
            call.sid, CallUpdate(source=TwimlSource(twiml="<Response><Pause/></Response>"))
        )

    account = streaming(tmp_path, apps, main)
    assert apps.lines[0].messages[-1]["event"] == "stop"
    assert len(apps.lines[0].of("media")) == 30
    assert account.exchange.catalogue.calls()[0].ended_ns == 1_600_000_000


def test_the_same_again(tmp_path: Path) -> None:
    def once(folder: str) -> list[Message]:
        apps = Apps(media=echo)

        async def main(account: AccountStage) -> None:
            comes(account, ANN, connect(), words(8, 0.3), "#1", 1.0, "hangup")

        streaming(tmp_path / folder, apps, main)
        return apps.lines[0].messages

    assert once("a") == once("b")


def test_what_a_document_cannot_have_is_warned_of(tmp_path: Path) -> None:
    apps = Apps(media=lambda line, message: line.hang_up())

    async def main(account: AccountStage) -> None:
        stream = f'<Stream url="{URL}" track="both_tracks" sampleRate="16000" name="one">'
        long = f'<Parameter name="n" value="{"x" * 500}"/>'
        twice = f'<Start><Stream url="{URL}x" name="two"/></Start>' * 2
        comes(account, ANN, f"{twice}<Connect>{stream}{long}</Stream></Connect>")

    account = streaming(tmp_path, apps, main)
    notes = [(note.error_code, note.message_text) for note in account.service.notifications]
    assert [code for code, _ in notes] == [12200] * 4
    assert "two is under way" in notes[0][1]
    assert "sampleRate" in notes[1][1]
    assert "longer than 500" in notes[2][1]
    assert "inbound_track alone" in notes[3][1]
    assert apps.lines[-1].messages[1]["start"]["tracks"] == ["inbound"]
