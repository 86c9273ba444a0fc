"""Telephones of other makers: SIPp and baresip (Debian's packages), pjsua2 (PyPI: pjsua2-python).

What each plays is found, aligned, in its channel.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sip_stage import Phone, SipStage, media_of, noise, place_of, sip_sandbox

from mediasim.audio.g711 import ulaw_encode
from mediasim.audio.wav import write_wav
from mediasim.exchange.records import CallRecord

pytestmark = pytest.mark.realtime

ANSWERS, DIALS, DIALS_PETE = "+14155550100", "+14155550101", "+14155550102"
NUMBERS = {
    ANSWERS: (
        "<Start><Recording channels='dual' trim='do-not-trim'/></Start>"
        "<Gather numDigits='2' timeout='20' action='APP/keys'><Pause length='20'/></Gather>"
    ),
    DIALS: "<Dial record='record-from-answer-dual'><Sip>sip:alice@any</Sip></Dial>",
    DIALS_PETE: "<Dial record='record-from-answer-dual'><Sip>sip:pete@any</Sip></Dial>",
}
MODULES = Path("/usr/lib/baresip/modules")

SURE = 0.85
"""The least likeness: on a busy machine some packets of these peers come too late to be played."""


@pytest.fixture(scope="module")
def stage() -> Iterator[SipStage]:
    with sip_sandbox(NUMBERS, {"alice": "secret", "pete": "word"}) as found:
        yield found


def needs(program: str, package: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"needs {program} (Debian's package {package})")
    return found


@contextmanager
def running(*command: object, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A program beside the test; it is ended with it."""
    process = subprocess.Popen(
        [str(each) for each in command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


CALLER = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="plays and presses keys">
  <send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: sipp <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: sip:sipp@[local_ip]:[local_port]
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=user1 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="200" rtd="true" rrs="true"/>
  <send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: sipp <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
  <nop><action><exec rtp_stream="said.ulaw,1,0"/></action></nop>
  <pause milliseconds="1600"/>
  <send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: sipp <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
  <recv response="200"/>
</scenario>
"""


@pytest.mark.parametrize("transport", ["u1", "t1"], ids=["udp", "tcp"])
def test_sipp_calls(stage: SipStage, tmp_path: Path, transport: str) -> None:
    sipp = needs("sipp", "sip-tester")
    said = noise(11, 1.2)
    (tmp_path / "said.ulaw").write_bytes(ulaw_encode(said).tobytes())
    (tmp_path / "caller.xml").write_text(CALLER)
    how = ("-i", "127.0.0.1", "-mi", "127.0.0.1", "-m", 1, "-nostdin", "-t", transport)
    server = f"{stage.host}:{stage.port}"
    command = (sipp, "-sf", "caller.xml", *how, "-p", free_port(), "-s", ANSWERS, server)
    with running(*command, folder=tmp_path) as process:
        assert process.wait(8) == 0
    call = stage.until(lambda: stage.call_of(from_="sip:sipp@127.0.0.1", status="completed"))
    _, pcm = stage.recording_of(call)
    place, sure = place_of(pcm[0], said)
    assert sure > SURE
    assert place < 2400


def has_ended(call: CallRecord) -> bool:
    return call.status == "completed"


def test_sipp_is_rung_and_its_echo_comes_back(stage: SipStage, tmp_path: Path) -> None:
    sipp = needs("sipp", "sip-tester")
    port, media = free_port(), free_port() // 2 * 2
    how = ("-i", "127.0.0.1", "-mi", "127.0.0.1", "-m", 3, "-nostdin", "-rtp_echo")
    twiml = (
        "<Start><Recording channels='dual' trim='do-not-trim'/></Start>"
        "<Pause/><Play digits='159'/><Pause/>"
    )
    with running(sipp, "-sn", "uas", *how, "-p", port, "-mp", media, folder=tmp_path):
        time.sleep(0.3)
        for _ in range(3):  # a machine without time holds SIPp up, and its echo with it
            call = stage.call_out(f"sip:desk@127.0.0.1:{port}", twiml)
            stage.until(partial(has_ended, call), "its end")
            _, pcm = stage.recording_of(call)
            keys = pcm[1][7000:13000]
            place, sure = place_of(pcm[0], keys)
            assert sure > SURE
            if place - 7000 <= 800:
                break
    assert 0 < place - 7000 <= 800


BARESIP = """
poll_method epoll
sip_listen 127.0.0.1:{port}
net_interface 127.0.0.1
audio_source aufile,{said}
audio_player aufile,{folder}/heard.wav
module_path {modules}
module g711.so
module aufile.so
module account.so
module menu.so
"""


def test_baresip_registers_and_is_rung(stage: SipStage, tmp_path: Path) -> None:
    program = needs("baresip", "baresip-core")
    ours, theirs = noise(12, 1.5), noise(13, 1.5)
    said = written(tmp_path, theirs)
    config = BARESIP.format(port=free_port(), said=said, folder=tmp_path, modules=MODULES)
    (tmp_path / "config").write_text(config)
    (tmp_path / "contacts").write_text("")
    account = f"<sip:alice@{stage.host}:{stage.port}>;auth_pass=secret;regint=60"
    (tmp_path / "accounts").write_text(f"{account};answermode=auto;audio_codecs=pcmu\n")
    registrar = stage.embedded.sandbox.sip.agent.registrar  # type: ignore[union-attr]
    known = len(stage.on_engine(lambda: list(registrar.contacts("alice"))))
    with running(program, "-f", tmp_path, "-t", 40, folder=tmp_path):
        stage.until(
            lambda: stage.on_engine(lambda: len(list(registrar.contacts("alice")))) > known,
            "registering",
        )
        with Phone(stage, "caller", said=ours) as caller:
            answer = caller.call(DIALS)
            assert media_of(answer)
            caller.rtp.say_all()
            time.sleep(0.3)
            caller.hang_up()
            heard = caller.rtp.pcm()
    call = stage.until(lambda: stage.call_of(to=DIALS, status="completed"))
    _, pcm = stage.recording_of(call)
    place, sure = place_of(pcm[1], theirs[800:11_200])
    assert sure > SURE
    assert place < 4000
    assert place_of(pcm[0], ours[1600:11_200])[1] > 0.98
    assert place_of(heard, theirs[800:11_200])[1] > 0.9


def test_pjsua2_registers_calls_holds_and_presses_keys(stage: SipStage, tmp_path: Path) -> None:
    pytest.importorskip("pjsua2", reason="needs pjsua2 (PyPI: pjsua2-python)")
    said = noise(14, 3.0)
    steps = (f"call:{ANSWERS}", "sleep:0.8", "hold", "sleep:0.4", "resume", "sleep:0.7", "keys:42")
    script = Path(__file__).with_name("pjsua_phone.py")
    server = f"{stage.host}:{stage.port}"
    file = written(tmp_path, said)
    command = (sys.executable, script, server, "pete", "word", file, *steps, "sleep:0.5", "hangup")
    with running(*command, folder=tmp_path) as process:
        told = stage.until(lambda: stage.asked_of("/keys", "sip:pete@127.0.0.1"), "the action")
        out = process.communicate(timeout=8)[0].splitlines()
    assert told["Digits"] == "42"
    assert told["SipUsername"] == "pete"
    assert "registered 200" in out
    media = [line for line in out if line.startswith("media")]
    assert media == ["media 1", "media 2", "media 1"]  # active, held by itself, active
    call = stage.until(lambda: stage.call_of(from_="sip:pete@127.0.0.1", status="completed"))
    _, pcm = stage.recording_of(call)
    before, sure = place_of(pcm[0], said[800:4000])
    assert sure > SURE
    after, as_sure = place_of(pcm[0], said[8000:10_400])
    assert as_sure > SURE
    held = (after - before) - 7200
    assert 2400 < held < 6400  # about 400 ms, in which it said nothing


def test_pjsua2_is_rung(stage: SipStage, tmp_path: Path) -> None:
    pytest.importorskip("pjsua2", reason="needs pjsua2 (PyPI: pjsua2-python)")
    ours, theirs = noise(15, 1.5), noise(16, 1.5)
    script = Path(__file__).with_name("pjsua_phone.py")
    server, file = f"{stage.host}:{stage.port}", written(tmp_path, theirs)
    command = (sys.executable, script, server, "pete", "word", file, "wait", "sleep:1.8", "hangup")
    with running(*command, folder=tmp_path):
        registrar = stage.embedded.sandbox.sip.agent.registrar  # type: ignore[union-attr]
        stage.until(lambda: stage.on_engine(lambda: registrar.contacts("pete")), "registering")
        with Phone(stage, "other", said=ours) as caller:
            caller.call(DIALS_PETE)
            caller.respond(caller.expect("BYE"), "200 OK")
    call = stage.until(lambda: stage.call_of(to=DIALS_PETE, status="completed"))
    _, pcm = stage.recording_of(call)
    place, sure = place_of(pcm[1], theirs[800:11_200])
    assert sure > SURE
    assert place < 4000
    assert place_of(pcm[0], ours[1600:9600])[1] > 0.98


def written(folder: Path, pcm: NDArray[np.int16]) -> Path:
    file = folder / "said.wav"
    write_wav(file, pcm[None])
    return file
