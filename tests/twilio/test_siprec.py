"""SIPREC in virtual time: SIP and RTP as bytes, to a recorder written here."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest
from account_stage import ALICE, APP, APP_NUMBER, BOB, AccountStage
from numpy.typing import NDArray
from test_twiml_calls import HELLO, YES, calls_in, on_account

from mediasim.audio.g711 import ulaw_decode
from mediasim.net.siprec_port import SIMULATED, SiprecConnector
from mediasim.sip.siprec.client import SiprecClient
from mediasim.sip.siprec.recording_server import SimulatedRecordingServer
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.requests import Callback, SiprecRequest, StreamRequest

SIPREC = '<Start><Siprec name="mine" connectorName="recorder" statusCallback="/siprec"/></Start>'
RECORDED = '<Start><Recording trim="do-not-trim"/></Start>'
NS = {"r": "urn:ietf:params:xml:ns:recording:1"}


class Recorder(SimulatedRecordingServer):
    """One that keeps what it is sent, by port, as (timestamp, payload) of mu-law."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []
        self.audio: dict[int, list[tuple[int, bytes]]] = {}
        self.answers: Callable[[bytes], bytes] = lambda answer: answer
        self.write: Callable[[bytes], None] = lambda data: None

    def receive(self, data: bytes, reply: Callable[[bytes], None]) -> None:
        self.messages.append(data.decode())
        self.write = reply
        super().receive(data, lambda answer: reply(self.answers(answer)))

    def receive_rtp(self, port: int, packet: bytes) -> None:
        super().receive_rtp(port, packet)
        assert packet[1] & 127 == 0
        stamp = int.from_bytes(packet[4:8], "big")
        self.audio.setdefault(port, []).append((stamp, packet[12:]))

    def pcm(self, number: int) -> NDArray[np.int16]:
        """The samples of a stream, placed by their timestamps."""
        packets = self.audio[20_000 + 2 * number]
        first = packets[0][0]
        whole = np.zeros((packets[-1][0] - first) % 2**32 + 160, np.int16)
        for stamp, payload in packets:
            at = (stamp - first) % 2**32
            whole[at : at + len(payload)] = ulaw_decode(np.frombuffer(payload, np.uint8))
        return whole


def recorded_by(srs: Recorder, **connectors: SiprecConnector) -> Callable[[AccountStage], None]:
    def connect(account: AccountStage) -> None:
        named = connectors or {"recorder": SiprecConnector(SIMULATED)}
        account.service.siprecs.connectors = named
        account.service.siprecs.port = SiprecClient(
            lambda host: None, real_time=lambda: False, server=lambda: srs
        )

    return connect


def events(account: AccountStage, path: str = "/siprec") -> list[str]:
    return account.app.told(path, "SiprecEvent")


def codes(account: AccountStage) -> list[int]:
    return [each.error_code for each in account.service.notifications]


def test_both_tracks_are_forked_as_the_dual_recording_has_them(tmp_path: Path) -> None:
    recorder = Recorder()
    connect = recorded_by(recorder)

    def also(account: AccountStage) -> None:
        connect(account)
        account.telephone(BOB, 0.5, YES, after=1.0)

    account = calls_in(
        tmp_path, f"{RECORDED}{SIPREC}<Dial>{BOB}</Dial>", 2.0, HELLO, 1.0, "hangup", also=also
    )
    caller, callee = account.media()
    for number, channel in enumerate((caller, callee)):
        forked = recorder.pcm(number)
        # Both begin in the same frame, and none of them is coded twice.
        assert np.array_equal(ulaw_decoded(channel)[: len(forked)], forked[: len(channel)])
        assert abs(len(forked) - len(channel)) <= 160
    assert events(account) == ["siprec-started", "siprec-stopped"]
    told = account.app.asked("/siprec")[0]
    (call, _) = account.exchange.catalogue.calls()
    assert (told["CallSid"], told["SiprecName"]) == (call.sid, "mine")
    assert re.fullmatch("SR[0-9a-f]{32}", told["SiprecSid"])
    assert told["Timestamp"].endswith("Z")
    assert told["CallStatus"] == "in-progress"
    assert recorder.ended
    assert recorder.reports >= 4  # a sender report and a goodbye of each stream
    assert codes(account) == []


def ulaw_decoded(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    from mediasim.audio.g711 import ulaw_encode

    return ulaw_decode(ulaw_encode(pcm))


def test_what_the_recorder_is_told(tmp_path: Path) -> None:
    recorder = Recorder()
    connector = SiprecConnector(SIMULATED, "X-Auth-Token", "secret")
    twiml = (
        '<Start><Siprec connectorName="recorder"><Parameter name="agent" value="B &amp; C"/>'
        '</Siprec></Start><Pause length="2"/>'
    )
    account = calls_in(tmp_path, twiml, also=recorded_by(recorder, recorder=connector))
    invite, ack, bye = recorder.messages
    assert (ack[:4], bye[:4]) == ("ACK ", "BYE ")
    head = invite.partition("\r\n\r\n")[0].replace("Callsid", "CallSid")
    (call,) = account.exchange.catalogue.calls()
    for line in (
        "Require: siprec",
        "X-Auth-Token: secret",
        f"X-Twilio-CallSid: {call.sid}",
    ):
        assert line in head.split("\r\n")
    assert re.search(r"\r\nContact: <sip:[^>]+>;\+sip\.src\r\n", head)
    assert "\r\nContent-Type: multipart/mixed;boundary=" in head
    assert "Content-Disposition: recording-session" in invite
    lines = recorder.offered.splitlines()
    assert [line for line in lines if line.startswith("m=")] == [
        "m=audio 4000 RTP/AVP 0 8",
        "m=audio 4002 RTP/AVP 0 8",
    ]
    assert lines.count("a=sendonly") == 2
    assert [line for line in lines if line.startswith("a=label")] == ["a=label:1", "a=label:2"]
    root = fromstring(recorder.metadata)
    assert root.findtext("r:datamode", "", NS) == "complete"
    people = {each.get("participant_id"): each for each in root.findall("r:participant", NS)}
    named = [each.find("r:nameID", NS) for each in people.values()]
    assert [each.get("aor") for each in named if each is not None] == [
        f"sip:{ALICE}@mediasim",
        f"sip:{APP_NUMBER}@mediasim",
    ]
    streams = {
        each.get("stream_id"): each.findtext("r:label", "", NS)
        for each in root.findall("r:stream", NS)
    }
    assert list(streams.values()) == ["1", "2"]
    linked = root.findall("r:participantstreamassoc", NS)
    found = [
        (
            each.get("participant_id") in people,
            streams[each.findtext("r:send", "", NS)],
            streams[each.findtext("r:recv", "", NS)],
        )
        for each in linked
    ]
    assert found == [(True, "1", "2"), (True, "2", "1")]
    (parameter,) = root.iter("{urn:mediasim:siprec:parameters}Parameter")
    assert parameter.attrib == {"name": "agent", "value": "B & C"}


@pytest.mark.parametrize(("track", "label"), [("inbound_track", "1"), ("outbound_track", "2")])
def test_one_track_alone(tmp_path: Path, track: str, label: str) -> None:
    recorder = Recorder()
    twiml = f'{RECORDED}<Start><Siprec connectorName="recorder" track="{track}"/></Start><Say>Hi.'
    account = calls_in(tmp_path, f"{twiml}</Say>", 0.3, HELLO, also=recorded_by(recorder))
    assert re.findall("a=label:(.)", recorder.offered) == [label]
    channel = account.media()[int(label) - 1]
    forked = recorder.pcm(0)
    assert np.array_equal(ulaw_decoded(channel)[: len(forked)], forked[: len(channel)])


def test_a_session_is_stopped_by_name_and_others_go_on(tmp_path: Path) -> None:
    recorder = Recorder()
    twiml = (
        f'{SIPREC}<Pause length="2"/><Stop><Siprec name="other"/></Stop>'
        '<Stop><Siprec name="mine"/></Stop><Pause length="5"/>'
    )
    account = calls_in(tmp_path, twiml, also=recorded_by(recorder))
    assert events(account) == ["siprec-started", "siprec-stopped"]
    assert 1.9 < len(recorder.pcm(0)) / 8000 < 2.1


@pytest.mark.parametrize(
    ("noun", "words"),
    [
        ('connectorName="nobody"', "there is no connector 'nobody'; the connectors are recorder"),
        ("", "there is no connector ''"),
        ('connectorName="recorder" name="mine"', "Siprec name mine is already in use"),
        ('connectorName="recorder" name="third"', "at most 4 forked tracks, and 4 are in use"),
    ],
)
def test_what_is_refused_is_told(tmp_path: Path, noun: str, words: str) -> None:
    more = SIPREC.replace("mine", "second") if "third" in noun else ""
    refused = f'<Start><Siprec {noun} statusCallback="/refused"/></Start>'
    account = calls_in(
        tmp_path, f'{SIPREC}{more}{refused}<Pause length="2"/>', also=recorded_by(Recorder())
    )
    (warning,) = account.service.notifications
    assert words in warning.message_text
    (told,) = account.app.asked("/refused")
    assert told["SiprecEvent"] == "siprec-error"
    assert words in told["SiprecError"]


def test_a_track_that_is_none_is_told_and_both_are_taken(tmp_path: Path) -> None:
    recorder = Recorder()
    twiml = '<Start><Siprec connectorName="recorder" track="left"/></Start><Pause/>'
    account = calls_in(tmp_path, twiml, also=recorded_by(recorder))
    (warning,) = account.service.notifications
    assert "Siprec: track 'left' is none of inbound_track" in warning.message_text
    assert len(recorder.packets) == 2


def test_a_recorder_that_refuses(tmp_path: Path) -> None:
    recorder = Recorder()
    recorder.answers = lambda answer: answer.replace(b"SIP/2.0 200 OK", b"SIP/2.0 486 Busy Here")
    account = calls_in(tmp_path, f'{SIPREC}<Pause length="2"/>', also=recorded_by(recorder))
    (told,) = account.app.asked("/siprec")
    assert (told["SiprecEvent"], told["SiprecErrorCode"]) == ("siprec-error", "32011")
    assert told["SiprecError"] == "sip:srs@server.mediasim answered 486 Busy Here"
    assert codes(account) == [32011]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (b"m=audio 0", "it takes none of the streams"),
        (b"m=video", "expected an audio stream"),
        (b"x=", "expected an m= line for each stream"),
    ],
)
def test_an_answer_that_cannot_be_used(tmp_path: Path, wrong: bytes, words: str) -> None:
    recorder = Recorder()
    pattern = rb"m=audio 2000\d|m=audio 2000\d" if wrong != b"x=" else rb"m="
    pattern = rb"m=audio(?= )" if wrong == b"m=video" else pattern
    recorder.answers = lambda answer: resized(re.sub(pattern, wrong, answer))
    account = calls_in(tmp_path, f'{SIPREC}<Pause length="2"/>', also=recorded_by(recorder))
    assert recorder.messages[-1].startswith("BYE")
    (told,) = account.app.asked("/siprec")
    assert words in told["SiprecError"]


def resized(message: bytes) -> bytes:
    """A message whose body has another length."""
    head, _, body = message.partition(b"\r\n\r\n")
    return re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head) + (
        b"\r\n\r\n" + body
    )


def test_one_of_two_streams_is_refused(tmp_path: Path) -> None:
    recorder = Recorder()
    recorder.answers = lambda answer: resized(answer.replace(b"m=audio 20002", b"m=audio 0"))
    account = calls_in(tmp_path, f'{SIPREC}<Pause length="2"/>', also=recorded_by(recorder))
    assert list(recorder.packets) == [20_000]
    assert events(account) == ["siprec-started", "siprec-stopped"]


def request_of(recorder: Recorder, method: str, number: int, body: str = "") -> bytes:
    """A request of the recorder in the session's dialog."""
    invite = recorder.messages[0]

    def header(name: str) -> str:
        return re.search(rf"\r\n{name}: ([^\r]*)", invite)[1]  # type: ignore[index]

    tag = re.search(r"\r\nTo: [^\r]*(;tag=[^\r]*)", recorder.messages[1])
    assert tag is not None
    lines = [
        f"{method} sip:mediasim@127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK-{number}",
        f"From: {header('To')}{tag[1]}",
        f"To: {header('From')}",
        f"Call-ID: {header('Call-ID')}",
        f"CSeq: {number} {method}",
        "Contact: <sip:srs@127.0.0.1>",
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def test_a_recorder_pauses_resumes_and_ends_the_session(tmp_path: Path) -> None:
    recorder = Recorder()
    connect = recorded_by(recorder)
    answered: list[bytes] = []

    def keep(answer: bytes) -> bytes:
        answered.append(answer)
        return answer

    recorder.answers = keep

    def also(account: AccountStage) -> None:
        connect(account)
        loop = account.exchange.loop

        def offer(number: int, direction: str) -> None:
            text = answered[0].partition(b"\r\n\r\n")[2].decode().replace("recvonly", direction)
            recorder.write(request_of(recorder, "INVITE", number, text))
            loop.call_later(0.1, lambda: recorder.write(request_of(recorder, "ACK", number)))

        loop.call_at(2.0, lambda: offer(1, "inactive"))
        loop.call_at(2.5, lambda: recorder.write(request_of(recorder, "OPTIONS", 2)))
        loop.call_at(3.0, lambda: offer(3, "recvonly"))
        loop.call_at(4.0, lambda: recorder.write(request_of(recorder, "BYE", 4)))

    account = calls_in(tmp_path, f'{SIPREC}<Pause length="6"/>', also=also)
    stamps = [stamp for stamp, _ in recorder.audio[20_000]]
    steps = {after - before for before, after in itertools.pairwise(stamps)}
    assert steps == {160, 8160}  # a second in which nothing was sent, and no time was lost
    assert [text.partition("\r\n")[0] for text in recorder.messages[2:]] == ["SIP/2.0 200 OK"] * 4
    assert events(account) == ["siprec-started", "siprec-error", "siprec-stopped"]
    assert (
        "the recording server has ended the session"
        in account.app.asked("/siprec")[1]["SiprecError"]
    )


def test_a_recorder_elsewhere_is_not_reached_on_a_virtual_clock(tmp_path: Path) -> None:
    connector = SiprecConnector("sip:srs@127.0.0.1:5080")
    account = calls_in(
        tmp_path, f'{SIPREC}<Pause length="2"/>', also=recorded_by(Recorder(), recorder=connector)
    )
    (told,) = account.app.asked("/siprec")
    assert told["SiprecError"].startswith("a recording server over SIP lives in real time")
    assert codes(account) == [32011]


def test_without_sip_every_session_fails(tmp_path: Path) -> None:
    def also(account: AccountStage) -> None:
        account.service.siprecs.connectors = {"recorder": SiprecConnector(SIMULATED)}

    account = calls_in(tmp_path, f'{SIPREC}<Pause length="2"/>', also=also)
    assert events(account) == ["siprec-error"]


def test_started_and_stopped_by_rest(tmp_path: Path) -> None:
    recorder = Recorder()
    connect = recorded_by(recorder)
    found: list[Any] = []

    async def main(account: AccountStage) -> None:
        connect(account)
        account.number(APP_NUMBER, "/voice")
        account.app.answers["/voice"] = "<Response><Pause length='5'/></Response>"
        service = account.service
        call = service.place_inbound(ALICE, APP_NUMBER, account.telephone(ALICE))
        asked = SiprecRequest("recorder", "mine", callback=Callback(f"{APP}/siprec"))
        with pytest.raises(TwilioError, match="not in-progress"):
            service.siprecs.start(call.sid, asked)
        await account.exchange.sleep(1_000_000_000)
        record = service.siprecs.start(call.sid, asked)
        assert record.status == "in-progress"
        await account.exchange.sleep(1_000_000_000)
        service.streams.start(call.sid, StreamRequest("ws://127.0.0.1:1", track="both_tracks"))
        found.append(service.siprecs.stop(call.sid, "mine"))
        assert service.siprecs.find(call.sid, record.sid) is record
        with pytest.raises(TwilioError, match="was not found"):
            service.siprecs.stop(call.sid, "other")

    account = on_account(tmp_path, main)
    assert found[0].status == "stopped"
    shown = found[0].to_twilio_json(account.exchange.dates)
    assert shown["uri"].endswith(f"/Siprec/{found[0].sid}.json")
    assert events(account) == ["siprec-started", "siprec-stopped"]
