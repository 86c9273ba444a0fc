"""What no telephone sends: it is dropped or refused in words, and the server goes on."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
from collections.abc import Iterator
from typing import Any
from urllib.request import ProxyHandler, build_opener

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


# -- transports ---------------------------------------------------------------------------------

OPTIONS = (
    "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {via}\r\nFrom: <sip:a@b>;tag=f\r\n"
    "To: <sip:1@127.0.0.1>\r\nCall-ID: {number}\r\nCSeq: 1 OPTIONS\r\nContact: {contact}\r\n"
    "Content-Length: 0\r\n\r\n"
)


def health(stage: SipStage) -> dict[str, Any]:
    url = f"{stage.embedded.base_url}/_mediasim/health"
    with build_opener(ProxyHandler({})).open(url, timeout=4) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


@pytest.mark.parametrize(
    "via",
    [
        "127.0.0.1:65536",
        "127.0.0.1:99999;branch=z9hG4bK1",
        "127.0.0.1:0",
        "127.0.0.1:1",
        "127.0.0.1:-1",
        "[::1]:65535;branch=z9hG4bK2",
        "\u2028.example:5060",
        "a" * 300 + ":5060",
        "xn--\xff.example",
        "127.0.0.1:\u0662",
    ],
)
@pytest.mark.parametrize("contact", ["<sip:a@127.0.0.1:65536>", "<sip:a@[::1]:5060>"])
def test_no_address_ends_the_transport(stage: SipStage, via: str, contact: str) -> None:
    before = health(stage)["dropped"]
    with Phone(stage) as phone:
        for method in ("OPTIONS", "INVITE", "BYE", "REGISTER", "MESSAGE"):
            text = OPTIONS.format(via=via, number=f"{hash(via)}{method}", contact=contact)
            phone.send(text.replace("OPTIONS", method))
        phone.request("OPTIONS", "sip:127.0.0.1")
        phone.expect("SIP/2.0 200", "OPTIONS")
    now = health(stage)
    assert (now["status"], now["sip"]) == ("ok", "ok")
    more = now["dropped"].get("SIP: malformed", 0) - before.get("SIP: malformed", 0)
    readable = via in ("127.0.0.1:1", "[::1]:65535;branch=z9hG4bK2")
    assert (more == 0) == (readable and "65536" not in contact)


def test_what_raises_is_counted_and_dropped(
    stage: SipStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("broken")

    transports = stage.embedded.sandbox.sip.agent.transports  # type: ignore[union-attr]
    heard = transports.receive

    def broken() -> int:
        return int(health(stage)["dropped"].get("SIP: RuntimeError", 0))

    before = broken()
    transports.receive = breaks
    try:
        for tcp in (False, True):
            with Phone(stage, tcp=tcp) as phone:
                phone.request("OPTIONS", "sip:127.0.0.1")
                stage.until(lambda wanted=before + 1 + tcp: broken() >= wanted)  # type: ignore[misc]
                transports.receive = heard
                phone.request("OPTIONS", "sip:127.0.0.1")
                phone.expect("SIP/2.0 200", "OPTIONS")
                transports.receive = breaks
    finally:
        transports.receive = heard


def test_a_connection_that_says_nothing_whole_in_time_is_closed(
    stage: SipStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediasim.sip.transports._MESSAGE_TIMEOUT", 0.3)
    with Phone(stage, tcp=True) as other:
        other.request("OPTIONS", "sip:127.0.0.1")
        other.expect("SIP/2.0 200", "OPTIONS")
        for said in (b"", b"INVITE sip:x SIP/2.0\r\n", b"\r\nOPTIONS"):
            with socket.create_connection((stage.host, stage.port)) as connection:
                connection.settimeout(3)
                connection.sendall(said)
                with contextlib.suppress(ConnectionError):
                    assert connection.recv(10) == b""
        other.request("OPTIONS", "sip:127.0.0.1")  # who has said something may be silent
        other.expect("SIP/2.0 200", "OPTIONS")
    stage.until(lambda: not stage.embedded.sandbox.sip.agent.transports.connections)  # type: ignore[union-attr]
    dropped = health(stage)["dropped"]
    assert dropped["SIP connection: nothing said"] >= 1
    assert dropped["SIP connection: a message without its end"] >= 2


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"OPTIONS sip:x SIP/2.0\r\n" + b"X: y\r\n" * 7000, "headers too long"),
        (b"OPTIONS sip:x SIP/2.0\r\nl: 70000\r\n\r\n", "a message too long"),
    ],
)
def test_messages_are_bounded(stage: SipStage, data: bytes, why: str) -> None:
    before = health(stage)["dropped"].get(f"SIP connection: {why}", 0)
    with socket.create_connection((stage.host, stage.port)) as connection:
        connection.settimeout(3)
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
            assert connection.recv(10) == b""
    stage.until(lambda: health(stage)["dropped"].get(f"SIP connection: {why}", 0) == before + 1)


def test_connections_are_bounded(stage: SipStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediasim.sip.transports._MOST_CONNECTIONS", 3)
    with contextlib.ExitStack() as stack:
        phones = [stack.enter_context(Phone(stage, tcp=True)) for _ in range(3)]
        for phone in phones:
            phone.request("OPTIONS", "sip:127.0.0.1")
            phone.expect("SIP/2.0 200", "OPTIONS")
        with socket.create_connection((stage.host, stage.port)) as fourth:
            fourth.settimeout(3)
            with contextlib.suppress(ConnectionError):
                assert fourth.recv(10) == b""
        phones[0].request("OPTIONS", "sip:127.0.0.1")
        phones[0].expect("SIP/2.0 200", "OPTIONS")


def test_two_lengths_are_refused_with_the_connection(stage: SipStage) -> None:
    with Phone(stage, tcp=True) as phone:
        phone.request("OPTIONS", "sip:127.0.0.1", more="Content-Length: 5")
        phone.expect("SIP/2.0 400", "OPTIONS")
        with pytest.raises(ConnectionError):
            phone.receive()
