"""What no telephone sends: it is dropped or refused in words, and the server goes on."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Iterator

import numpy as np
import pytest
from sip_stage import Phone, SipStage, branch_of, header, sip_sandbox

pytestmark = pytest.mark.realtime

NUMBER = "+14155550100"


@pytest.fixture(scope="module")
def stage() -> Iterator[SipStage]:
    with sip_sandbox({NUMBER: "<Pause length='20'/>"}, {"alice": "secret"}) as found:
        yield found


@pytest.fixture(autouse=True)
def goes_on(stage: SipStage, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Afterwards it answers as ever, and nothing has broken meanwhile."""
    caplog.set_level(logging.WARNING)
    yield
    with Phone(stage) as phone:
        for _ in range(8):  # it may be lost among what is still waiting to be read
            phone.request("OPTIONS", f"sip:{stage.host}:{stage.port}")
            with contextlib.suppress(AssertionError):
                phone.expect("SIP/2.0 200", "OPTIONS", seconds=0.5)
                break
        else:
            raise AssertionError("it answers no more")
    told = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    assert [each.getMessage() for each in told if each.exc_info or each.name == "asyncio"] == []


def mutations(text: str, count: int, seed: int) -> Iterator[bytes]:
    generator = np.random.default_rng(seed)
    parts = [
        b"\r\n",
        b"\0",
        b"<",
        b">",
        b";",
        b"@",
        b"sip:",
        b"\xff" * 40,
        b"9" * 40,
        b"",
        b"%",
        b",",
    ]
    data = text.encode()
    for _ in range(count):
        at, length = generator.integers(0, len(data)), generator.integers(0, 12)
        yield data[:at] + parts[generator.integers(len(parts))] + data[at + length :]


def test_noise_of_every_size(stage: SipStage) -> None:
    generator = np.random.default_rng(3)
    with Phone(stage) as phone:
        for size in (0, 1, 4, 100, 1500, 9000, 65_000):
            phone.send(generator.bytes(size))
            phone.send(b"A" * size)
            phone.send(b"INVITE sip:x SIP/2.0\r\n" + b"X: y\r\n" * (size // 6))


def test_mutated_requests(stage: SipStage) -> None:
    with Phone(stage, "fuzz") as phone:
        texts = [
            phone.invite(NUMBER, more="Record-Route: <sip:127.0.0.1;lr>"),
            phone.request("OPTIONS", "sip:127.0.0.1"),
            phone.request(
                "REGISTER", "sip:127.0.0.1", more='Authorization: Digest realm="mediasim"'
            ),
            phone.request("CANCEL", f"sip:{NUMBER}@127.0.0.1", sequence=1),
        ]
        for seed, text in enumerate(texts):
            for each in mutations(text, 150, seed):
                phone.send(each)


def test_mutated_requests_in_a_call(stage: SipStage) -> None:
    with Phone(stage) as phone:
        phone.call(NUMBER)
        for method, body, kind in (
            ("INVITE", phone.sdp("sendonly"), "application/sdp"),
            ("UPDATE", phone.sdp(), "application/sdp"),
            ("INFO", "Signal=1\r\nDuration=100", "application/dtmf-relay"),
            ("ACK", "", ""),
        ):
            phone.sequence += 500
            text = phone.request(method, body=body, kind=kind)
            for each in mutations(text, 100, 7):
                phone.send(each)
        phone.sequence += 1_000_000
        phone.request("BYE")


def test_mutated_answers(stage: SipStage) -> None:
    with Phone(stage, "desk") as desk:
        call = stage.call_out(f"sip:7@127.0.0.1:{desk.port}", "<Pause length='20'/>")
        desk.rung()
        good = "SIP/2.0 200 OK\r\n" + desk.invited.partition("\r\n")[2]
        for each in mutations(good, 300, 9):
            desk.send(each)
        desk.respond(desk.invited, "603 Decline")
        stage.until(lambda: call.status in ("busy", "completed", "failed", "in-progress"))


def test_streams_that_are_no_messages(stage: SipStage) -> None:
    for data in (
        b"\xff" * 70_000,
        b"INVITE sip:x SIP/2.0\r\nContent-Length: 999999999\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\r\n\r\n" * 100,
        b"INVITE",
    ):
        with (
            socket.create_connection((stage.host, stage.port)) as connection,
            contextlib.suppress(ConnectionError),
        ):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass


def test_headers_that_make_no_sense_are_refused(stage: SipStage) -> None:
    with Phone(stage) as phone:
        good = phone.invite(NUMBER)
        branch = branch_of(good)
        for number, (old, new) in enumerate(
            [
                (f";tag=mine-{phone.port}", ""),
                ("Content-Length: ", "Content-Length: 9"),
                (f"Contact: {phone.contact}\r\n", ""),
            ]
        ):
            other = good.replace(branch, f"{branch}-{number}").replace("Call-ID: ", "Call-ID: x")
            phone.send(other.replace(old, new))
            assert header(phone.expect("SIP/2.0 400"), "Via").endswith(f"-{number}")
        phone.send(good.replace(branch, f"{branch}-n").replace("sip:+1", "tel:+1", 1))
        phone.expect("SIP/2.0 416", "INVITE")


def test_a_description_that_makes_no_sense_is_refused(stage: SipStage) -> None:
    with Phone(stage) as phone:
        for body in ("hello", "v=0\r\nm=audio", phone.sdp(formats="96"), phone.sdp()[:60]):
            phone.invite(NUMBER, body=body)
            answer = phone.expect("SIP/2.0 488", "INVITE")
            assert "\r" not in answer.splitlines()[0]
            phone.acknowledge_refusal(answer)


def test_nobody_ends_the_call_of_another(stage: SipStage) -> None:
    with Phone(stage) as phone, Phone(stage) as other:
        phone.call(NUMBER)
        other.call_id, other.sequence, other.to_tag = phone.call_id, 10, phone.to_tag
        other.remote_target = phone.remote_target
        other.request("BYE")  # with another tag of its own
        other.expect("SIP/2.0 481", "BYE")
        phone.hang_up()
