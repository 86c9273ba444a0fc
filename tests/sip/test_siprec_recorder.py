"""SIPREC to recorders that are not ours: SIPp takes the session, FFmpeg records both streams.

What they have of a call is compared with our own dual recording of it.
"""

from __future__ import annotations

import errno
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sip_stage import Phone, SipStage, noise, place_of, sip_sandbox
from test_sip_peers import SURE, free_port, needs, running

pytestmark = pytest.mark.realtime

FORKED = "+14155550100"
TWIML = (
    "<Start><Siprec connectorName='sipp' statusCallback='APP/siprec'/>"
    "<Recording channels='dual' trim='do-not-trim'/></Start>"
    "<Say>Your call is recorded for training, and now please tell us what we can do.</Say>"
    "<Pause length='9'/>"
)

RECORDER = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="a session recording server">
  <recv request="INVITE">
    <action>
      <ereg regexp="siprec" search_in="hdr" header="Require:" check_it="true" assign_to="1"/>
      <ereg regexp="sip.src" search_in="hdr" header="Contact:" check_it="true" assign_to="2"/>
      <ereg regexp="a=label:1.*a=label:2" search_in="body" check_it="true" assign_to="3"/>
      <ereg regexp="rs-metadata.xml.*recording-session.*urn:ietf:params:xml:ns:recording:1"
            search_in="body" check_it="true" assign_to="4"/>
    </action>
  </recv>
  <Reference variables="1,2,3,4"/>
  <send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:srs@[local_ip]:[local_port]>;+sip.srs
Content-Type: application/sdp
Content-Length: [len]

v=0
o=srs 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio ONE RTP/AVP 0
a=recvonly
a=label:1
m=audio TWO RTP/AVP 0
a=recvonly
a=label:2
]]></send>
  <recv request="ACK"/>
  <recv request="BYE"/>
  <send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>
"""


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def stage(port: int) -> Iterator[SipStage]:
    connectors = {"sipp": f"sip:srs@127.0.0.1:{port};transport=tls;edge=dublin"}
    with sip_sandbox({FORKED: TWIML}, siprec=connectors) as found:
        yield found


def taken(port: int) -> bool:
    """Whether a UDP port has been opened by a program."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def events(stage: SipStage) -> list[str]:
    return [told["SiprecEvent"] for told in stage.app.of("/siprec")]


def test_two_recorders_have_the_same_call(stage: SipStage, port: int, tmp_path: Path) -> None:
    sipp, ffmpeg = needs("sipp", "sip-tester"), needs("ffmpeg", "ffmpeg")
    ports = [free_port() // 2 * 2 for _ in range(2)]
    scenario = RECORDER.replace("ONE", str(ports[0])).replace("TWO", str(ports[1]))
    (tmp_path / "recorder.xml").write_text(scenario)
    for number, each in enumerate(ports):
        text = f"v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {each} "
        (tmp_path / f"{number}.sdp").write_text(f"{text}RTP/AVP 0\n")
    quick = ("-analyzeduration", 0, "-probesize", 32, "-protocol_whitelist", "file,udp,rtp")
    listens = [
        (ffmpeg, *quick, "-i", f"{number}.sdp", "-f", "s16le", f"{number}.raw")
        for number in range(2)
    ]
    how = ("-i", "127.0.0.1", "-m", 1, "-nostdin", "-p", port)
    said = noise(21, 2.5)
    with (
        running(sipp, "-sf", "recorder.xml", *how, folder=tmp_path) as srs,
        running(*listens[0], folder=tmp_path) as one,
        running(*listens[1], folder=tmp_path) as two,
    ):
        stage.until(lambda: all(map(taken, (*ports, port))), "the recorders are ready")
        with Phone(stage, "forked", said=said) as caller:
            caller.call(FORKED)
            stage.until(lambda: len(caller.rtp.heard) > 140, "the talk")
            caller.hang_up()
        assert srs.wait(8) == 0
        for program in (one, two):
            program.send_signal(signal.SIGINT)
            program.wait(8)
    call = stage.until(lambda: stage.call_of(to=FORKED, status="completed"))
    _, ours = stage.recording_of(call)
    places = []
    for number in range(2):
        theirs: NDArray[np.int16] = np.fromfile(tmp_path / f"{number}.raw", np.int16)
        place, sure = place_of(theirs, ours[number][4000:16_000])
        assert sure > SURE
        places.append(place)
    assert abs(places[0] - places[1]) <= 320  # the streams are on one clock
    assert stage.until(lambda: len(events(stage)) == 2, "the callbacks")
    assert events(stage) == ["siprec-started", "siprec-stopped"]
    noted = " ".join(each.message_text for each in stage.service.notifications)
    assert "transport=tls of the connector's server is not acted on" in noted
    assert "edge=dublin of" in noted


def test_a_recorder_that_is_not_there(stage: SipStage, port: int) -> None:
    before = len(events(stage))
    with Phone(stage, "alone") as caller:
        caller.call(FORKED)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as srs:
            srs.bind(("127.0.0.1", port))
            srs.settimeout(4)
            invite, source = srs.recvfrom(65536)
            lines = invite.decode().split("\r\n")
            kept = [
                line
                for line in lines
                if line.startswith(("Via:", "From:", "To:", "Call-ID:", "CSeq:"))
            ]
            refusal = "\r\n".join(["SIP/2.0 404 Not Found", *kept, "Content-Length: 0", "", ""])
            srs.sendto(refusal.encode(), source)
            told = stage.until(lambda: stage.app.of("/siprec")[before:], "the error")[0]
        caller.hang_up()
    assert (told["SiprecEvent"], told["SiprecErrorCode"]) == ("siprec-error", "32011")
    assert told["SiprecError"].endswith("answered 404 Not Found")
