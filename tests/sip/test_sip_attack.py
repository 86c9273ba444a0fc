"""Attacks on ``mediasim serve --sip``: changed messages and datagrams of every kind, and floods.

Seeded. A few hundred are sent; ``MEDIASIM_ATTACKS=2000`` sends so many of each kind, and
``pytest -s`` prints what was sent, dropped and answered. After each volley SIP is answered, health
is as it should be, and a call that was under way before all of them goes on.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from serving import Sandbox, serving
from sip_stage import Phone, SipStage, header, media_of, noise
from test_sip_fuzz import CORPUS, RTCP, RTP, in_the_call

pytestmark = pytest.mark.realtime

NUMBER = "+14155550100"
ATTACKS = int(os.environ.get("MEDIASIM_ATTACKS", "60"))
"""Messages of each kind."""
VOLLEY = 60
"""Messages after which it is looked whether all is well."""
PLAN = f"""
numbers:
  "{NUMBER}": {{twiml: "<Response><Pause length='600'/></Response>"}}
sip: {{listen: "0", users: {{alice: secret}}}}
"""
STUN = [
    bytes.fromhex("000100082112a442") + bytes(range(12)) + bytes.fromhex("0006000461626364"),
    bytes.fromhex("010100002112a442") + bytes(12),
    bytes([22, 254, 253]) + bytes(8) + b"\0\x0c" + bytes(12),
]
PIECES = [b"\r\n", b"\0", b"<", b";;", b",", b'"', b"65536", b"%00", b"\xff" * 9, b"9" * 40, b""]


def changed(corpus: list[bytes], seed: int) -> Iterator[bytes]:
    """Messages of a corpus, each with up to four stretches replaced, cut, or made noise."""
    draw = np.random.default_rng([15, seed])
    for number in range(ATTACKS):
        data = corpus[number % len(corpus)]
        for _ in range(int(draw.integers(1, 5))):
            at, length = int(draw.integers(0, len(data) + 1)), int(draw.integers(0, 9))
            put = PIECES[draw.integers(len(PIECES))] if draw.random() < 0.7 else draw.bytes(4)
            data = data[:at] + put + data[at + length :]
        if draw.random() < 0.1:
            data = data[: int(draw.integers(0, len(data) + 1))]
        yield data


class Under:
    """A sandbox under attack, with a call under way."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        (line,) = (line for line in sandbox.lines if line.startswith("SIP"))
        found = re.search(r":(\d+),", line)
        assert found is not None
        self.port = int(found[1])
        self.stage = cast(SipStage, SimpleNamespace(host="127.0.0.1", port=self.port))
        self.phone = Phone(self.stage, said=noise(71, 120.0))
        self.aim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.media = media_of(self.phone.call(NUMBER))[1]
        self.sent = 0
        self.sequence = 2**31 - 10_000
        """CSeq number above any that a changed request has."""

    def send(self, data: bytes, *ports: int) -> None:
        for port in ports:
            self.aim.sendto(data[:60_000], ("127.0.0.1", port))
            self.sent += 1

    def check(self, what: str) -> None:
        """SIP is answered, health is true, and the call goes on both ways."""
        begun = time.monotonic()
        with Phone(self.stage) as other:
            for _ in range(40):  # what waits to be read goes first, or is lost
                other.request("OPTIONS", f"sip:127.0.0.1:{self.port}")
                try:
                    other.expect("SIP/2.0 200", "OPTIONS", seconds=0.5)
                    break
                except AssertionError:
                    continue
            else:
                raise AssertionError(f"after {what} SIP answers no more")
        waited = time.monotonic() - begun
        health = self.health()
        assert (health["status"], health["sip"]) == ("ok", "ok"), what
        self.sequence += 1  # a changed request may have put it on hold
        self.phone.sequence = self.sequence
        self.phone.request("INVITE", body=self.phone.sdp())
        self.phone.acknowledge(self.phone.expect("SIP/2.0 200", f"{self.sequence + 1} INVITE"))
        before = len(self.phone.rtp.heard)
        end = time.monotonic() + 10
        while len(self.phone.rtp.heard) < before + 5:
            assert time.monotonic() < end, f"after {what} the call is silent"
            time.sleep(0.01)
        print(f"{what}: {self.sent} sent, answered after {waited * 1000:.0f} ms")

    def health(self) -> dict[str, Any]:
        found: dict[str, Any] = self.sandbox.control("GET", "/health")
        return found

    def volleys(self, what: str, messages: Iterator[bytes], *ports: int) -> None:
        for number, data in enumerate(messages, 1):
            self.send(data, *ports)
            if number % VOLLEY == 0:
                self.check(f"{number} of {what}")

    def close(self) -> None:
        self.phone.__exit__()
        self.aim.close()


@pytest.fixture(scope="module")
def under(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Under]:
    plan = Path(tmp_path_factory.mktemp("plan")) / "plan.yaml"
    plan.write_text(PLAN)
    with serving("--in-memory", "--config", str(plan)) as sandbox:
        made = Under(sandbox)
        try:
            yield made
            print(made.health()["dropped"])
            assert made.sandbox.process.poll() is None
        finally:
            made.close()


def test_changed_messages_and_datagrams(under: Under) -> None:
    # No INVITE: a 200 that is never acknowledged ends the call, as it should, after 32 s.
    dialog = [each for each in in_the_call(under.phone) if not each.startswith(b"INVITE")]
    under.phone.acknowledge(under.phone.expect("SIP/2.0 200", "INVITE"))
    under.volleys("SIP messages", changed([*CORPUS, *dialog], 1), under.port)
    under.volleys("RTP packets", changed(RTP, 2), under.media)
    under.volleys("RTCP packets", changed(RTCP, 3), under.media + 1, under.media)
    under.volleys("STUN messages", changed(STUN, 4), under.port, under.media, under.media + 1)
    assert under.health()["dropped"]["SIP: malformed"] > ATTACKS / 4


def test_floods(under: Under) -> None:
    options = (
        "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{n}\r\n"
        "From: <sip:a@b>;tag=f\r\nTo: <sip:1@127.0.0.1>\r\nCall-ID: {n}\r\nCSeq: 1 OPTIONS\r\n"
        "Content-Length: 0\r\n\r\n"
    )
    for number in range(5 * ATTACKS):
        under.send(options.replace("{n}", str(number)).encode(), under.port)
    under.check("a flood of OPTIONS")
    for number in range(5 * ATTACKS):
        text = options.replace("OPTIONS", "REGISTER").replace("{n}", f"r{number}")
        under.send(text.encode(), under.port)
    under.check("a flood of REGISTER")
    for number in range(5 * ATTACKS):
        under.send(np.random.default_rng(number).bytes(200), under.port, under.media)
    under.check("a flood of noise")
    with Phone(under.stage, "alice") as alice:
        assert alice.register("secret").startswith("SIP/2.0 200")
        asked = alice.register("wrong")
        assert asked.startswith("SIP/2.0 403")
        assert not header(asked, "Contact")
