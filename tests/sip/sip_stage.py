"""A sandbox that answers SIP telephones, and a telephone of the tests' own: SIP by hand, and RTP.

The telephone knows nothing of the package's SIP: what it sends is written out here.
"""

from __future__ import annotations

import itertools
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np
from numpy.typing import NDArray
from serving import App, app

from mediasim.audio.g711 import ulaw_decode, ulaw_encode
from mediasim.audio.wav import read_wav
from mediasim.exchange.records import CallRecord, RecordingRecord
from mediasim.sandbox.config import parse_config
from mediasim.sandbox.embedded import EmbeddedSandbox
from mediasim.sandbox.settings import Settings
from mediasim.twilio.requests import CallRequest, TwimlSource

CALLER_ID = "+14155550199"
"""The verified number that the sandbox calls from."""
PATIENCE = 15.0
"""Seconds that anything awaited may take."""


def noise(seed: int, seconds: float) -> NDArray[np.int16]:
    """Found again nowhere but where it is."""
    generator = np.random.default_rng(seed)
    found: NDArray[np.int16] = (generator.normal(0, 3000, int(seconds * 8000))).astype(np.int16)
    return ulaw_decode(ulaw_encode(found))


def place_of(channel: NDArray[np.int16], said: NDArray[np.int16]) -> tuple[int, float]:
    """Where in a channel something is heard, and how sure that is: 1 is beyond doubt."""
    size = 1 << (len(channel) + len(said)).bit_length()
    one, other = np.fft.rfft(channel, size), np.fft.rfft(said, size)
    found = np.fft.irfft(one * np.conj(other), size)[: len(channel)]
    place = int(np.argmax(found))
    heard = channel[place : place + len(said)].astype(float)
    part = said[: len(heard)].astype(float)
    norm = np.linalg.norm(heard) * np.linalg.norm(part)
    return place, float(heard @ part / norm) if norm else 0.0


@dataclass
class SipStage:
    """A sandbox, and where its SIP is."""

    embedded: EmbeddedSandbox
    host: str
    port: int
    app: App
    """The user's."""

    def on_engine(self, work: Callable[[], Any]) -> Any:
        return self.embedded.submit(work).result(PATIENCE)

    def reset(self) -> None:
        url = f"{self.embedded.base_url}/_mediasim/reset"
        request = Request(url, b"{}", {"Content-Type": "application/json"}, method="POST")
        with build_opener(ProxyHandler({})).open(request, timeout=PATIENCE) as answer:
            answer.read()

    @property
    def service(self) -> Any:
        return self.embedded.sandbox.service

    def calls(self) -> list[CallRecord]:
        found: list[CallRecord] = self.on_engine(self.service.catalogue.calls)
        return list(found)

    def until(self, happens: Callable[[], Any], what: str = "it") -> Any:
        """Wait for something to be true."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if found := happens():
                return found
            time.sleep(0.01)
        raise AssertionError(f"{what} has not happened")

    def call_of(self, **wanted: str) -> CallRecord | None:
        """The newest call that is so."""
        found = (
            call
            for call in reversed(self.calls())
            if all(getattr(call, name) == value for name, value in wanted.items())
        )
        return next(found, None)

    def recording_of(self, call: CallRecord) -> tuple[RecordingRecord, NDArray[np.int16]]:
        """Its one recording, once that is completed; samples (channels, n)."""

        def done() -> RecordingRecord | None:
            records = self.on_engine(lambda: list(self.service.catalogue.recordings()))
            mine = [each for each in records if each.call_sid == call.sid]
            return next((each for each in mine if each.status == "completed"), None)

        record = self.until(done, "the recording")
        return record, read_wav(self.service.store.wav_path(record.sid)).pcm

    def asked(self, path: str, call_id: str) -> dict[str, str]:
        """What the app was asked there about the call with this Call-ID; nothing if it was not."""
        sids = {call.sid for call in self.calls() if call.sip and call.sip.call_id == call_id}
        found = (params for params in reversed(self.app.of(path)) if params["CallSid"] in sids)
        return next(found, {})

    def asked_of(self, path: str, from_: str) -> dict[str, str]:
        """The same about the newest call from there."""
        found = (params for params in reversed(self.app.of(path)) if params["From"] == from_)
        return next(found, {})

    def call_out(self, to: str, twiml: str) -> CallRecord:
        script = TwimlSource(twiml=f"<Response>{twiml}</Response>")
        ask = CallRequest(to=to, from_=CALLER_ID, source=script)
        found: CallRecord = self.on_engine(lambda: self.service.create_call(ask))
        return found


@contextmanager
def sip_sandbox(
    numbers: Mapping[str, str],
    users: Mapping[str, str] | None = None,
    siprec: Mapping[str, Any] | None = None,
    **config: Any,
) -> Iterator[SipStage]:
    """In memory, on free ports: numbers with their TwiML, users with their passwords.

    ``APP`` in TwiML stands for the URL of an app that has nothing more to say.
    """
    with app(after="", keys="") as answers:
        twiml = {
            number: {"twiml": f"<Response>{text.replace('APP', answers.url)}</Response>"}
            for number, text in numbers.items()
        }
        sip = {"listen": "0", "users": dict(users or {}), "siprec": dict(siprec or {})}
        account = {"caller_ids": [CALLER_ID]}
        plan = {"account": account, "numbers": twiml, "sip": sip, **config}
        with EmbeddedSandbox(Settings(config=parse_config(plan, base=Path()))) as embedded:
            server = embedded.sandbox.sip
            assert server is not None
            yield SipStage(embedded, *server.agent.transports.local, answers)


class Rtp:
    """One RTP port: says something, packet by packet in real time, and keeps what it hears."""

    def __init__(self, said: NDArray[np.int16] | None = None) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.1)
        self.port: int = self.socket.getsockname()[1]
        self.heard: list[bytes] = []
        self._said = ulaw_encode(noise(1, 1.0) if said is None else said)
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    def talk_to(self, host: str, port: int) -> None:
        speaking = threading.Thread(target=self._speak, args=((host, port),))
        self._threads.append(speaking)
        speaking.start()

    def _speak(self, to: tuple[str, int]) -> None:
        begun = time.monotonic() + 0.1  # what comes before a recording begins is not in it
        for number, start in enumerate(range(0, len(self._said) - 159, 160)):
            if self._over.wait(max(0.0, begun + number * 0.02 - time.monotonic())):
                return
            head = bytes([0x80, 0]) + number.to_bytes(2, "big") + start.to_bytes(4, "big")
            packet = head + b"abcd" + self._said[start : start + 160].tobytes()
            self.socket.sendto(packet, to)

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                packet = self.socket.recv(2048)
            except (TimeoutError, ConnectionError):
                continue
            self.heard.append(packet)

    def say_all(self) -> None:
        """Wait until all is said, however late this thread gets to it, and is on its way."""
        for speaking in self._threads[1:]:
            speaking.join()
        time.sleep(0.2)

    def pcm(self) -> NDArray[np.int16]:
        """What it was sent, one packet after the other."""
        return ulaw_decode(np.frombuffer(b"".join(each[12:] for each in self.heard), np.uint8))

    def close(self) -> None:
        self._over.set()
        for each in self._threads:
            each.join()
        self.socket.close()


class Phone:
    """A SIP telephone at one address, over UDP or TCP."""

    _numbers = itertools.count(1)

    def __init__(
        self,
        stage: SipStage,
        user: str = "gateway",
        *,
        tcp: bool = False,
        said: NDArray[np.int16] | None = None,
    ) -> None:
        self.user = user
        self.transport = "TCP" if tcp else "UDP"
        self.server = (stage.host, stage.port)
        kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
        self.socket = socket.socket(socket.AF_INET, kind)
        self.socket.bind(("127.0.0.1", 0))
        if tcp:
            self.socket.connect(self.server)
        self.port: int = self.socket.getsockname()[1]
        self.rtp = Rtp(said)
        self.call_id = f"call-{next(self._numbers)}@test"
        self.sequence = 0
        self.from_ = f"<sip:{user}@127.0.0.1>"
        """Who it says it is."""
        self.to_tag = ""
        self.remote_target = ""
        self.invited = ""
        """The INVITE that was sent, or received."""
        self._kept: list[str] = []
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.rtp.close()
        self.socket.close()

    @property
    def contact(self) -> str:
        return f"<sip:{self.user}@127.0.0.1:{self.port};transport={self.transport.lower()}>"

    # -- messages ---------------------------------------------------------------------------

    def send(self, text: str | bytes) -> None:
        data = text.encode() if isinstance(text, str) else text
        if self.transport == "TCP":
            self.socket.sendall(data)
        else:
            self.socket.sendto(data, self.server)

    def receive(self, seconds: float = PATIENCE) -> str:
        """The next message, whatever it is."""
        self.socket.settimeout(seconds)
        if self.transport == "UDP":
            return self.socket.recv(65536).decode()
        while True:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if found:
                length = int(header(head.decode(), "Content-Length"))
                if len(rest) >= length:
                    self._buffer = rest[length:]
                    return (head + found + rest[:length]).decode()
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the connection was closed")
            self._buffer += data

    def expect(self, start: str, method: str = "", seconds: float = PATIENCE) -> str:
        """The next message whose first line begins so, about this method; others are kept."""
        end = time.monotonic() + seconds
        while True:
            for text in self._kept:
                if text.startswith(start) and header(text, "CSeq").endswith(method):
                    self._kept.remove(text)
                    return text
            left = end - time.monotonic()
            if left <= 0:
                raise AssertionError(f"no {start!r}; came: {[t[:40] for t in self._kept]}")
            try:
                self._kept.append(self.receive(left))
            except TimeoutError:
                continue

    def request(
        self,
        method: str,
        uri: str = "",
        *,
        to: str = "",
        more: str = "",
        body: str = "",
        kind: str = "application/sdp",
        sequence: int | None = None,
        branch: str = "",
    ) -> str:
        """Send one in the call's dialog; returns it."""
        if sequence is None:
            self.sequence += 1
            sequence = self.sequence
        uri = uri or self.remote_target
        to = to or f"<{uri}>"
        tag = f";tag={self.to_tag}" if self.to_tag else ""
        branch = branch or f"z9hG4bK-{self.call_id}-{method}-{sequence}"
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport} 127.0.0.1:{self.port};branch={branch}",
            f"From: {self.from_};tag=mine-{self.port}",
            f"To: {to}{tag}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {sequence} {method}",
            f"Contact: {self.contact}",
            "Max-Forwards: 70",
            *more.splitlines(),
            *([f"Content-Type: {kind}"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        text = "\r\n".join(lines) + "\r\n\r\n" + body
        self.send(text)
        return text

    def respond(self, request: str, status: str, body: str = "") -> None:
        """Answer a request of the server's."""
        lines = [f"SIP/2.0 {status}"]
        lines += [line for line in request.split("\r\n") if line.startswith("Via:")]
        to = header(request, "To")
        if ";tag=" not in to and not status.startswith("100"):
            to += f";tag=mine-{self.port}"
        lines += [f"From: {header(request, 'From')}", f"To: {to}"]
        lines += [f"Call-ID: {header(request, 'Call-ID')}", f"CSeq: {header(request, 'CSeq')}"]
        lines += [f"Contact: {self.contact}"]
        lines += ["Content-Type: application/sdp"] if body else []
        lines += [f"Content-Length: {len(body)}"]
        self.send("\r\n".join(lines) + "\r\n\r\n" + body)

    # -- calls ------------------------------------------------------------------------------

    def sdp(self, direction: str = "sendrecv", formats: str = "0 101") -> str:
        return (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {self.rtp.port} RTP/AVP {formats}\r\na=rtpmap:0 PCMU/8000\r\n"
            f"a=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
        )

    def invite(self, number: str, **how: Any) -> str:
        how.setdefault("body", self.sdp())
        uri = f"sip:{number}@{self.server[0]}:{self.server[1]}"
        self.invited = self.request("INVITE", uri, **how)
        return self.invited

    def acknowledge(self, answer: str, body: str = "") -> None:
        """The 200 of an INVITE; the dialog goes on, and so does the talking."""
        self.to_tag = tag_of(header(answer, "To"))
        self.remote_target = header(answer, "Contact").strip("<>")
        self.request("ACK", sequence=int(header(answer, "CSeq").split()[0]), body=body)

    def call(self, number: str, **how: Any) -> str:
        """Call it and talk as soon as it answers; returns the answer."""
        self.invite(number, **how)
        answer = self.expect("SIP/2.0 200", "INVITE")
        self.acknowledge(answer)
        self.rtp.talk_to(*media_of(answer))
        return answer

    def acknowledge_refusal(self, answer: str) -> None:
        """In the INVITE's own transaction; the dialog is over."""
        uri = self.invited.split()[1]
        to = header(answer, "To")
        self.request("ACK", uri, to=to, sequence=self.sequence, branch=branch_of(self.invited))

    def hang_up(self) -> None:
        self.request("BYE")
        self.expect("SIP/2.0 200", "BYE")

    def rung(self) -> str:
        """Wait for a call; returns its INVITE. Dialog as it will be when it is answered."""
        self.invited = self.expect("INVITE")
        self.call_id = header(self.invited, "Call-ID")
        self.to_tag = tag_of(header(self.invited, "From"))
        self.remote_target = header(self.invited, "Contact").strip("<>")
        return self.invited

    def answer(self) -> None:
        """The call that rings, and talk."""
        self.respond(self.invited, "200 OK", self.sdp())
        self.expect("ACK")
        self.rtp.talk_to(*media_of(self.invited))

    # -- registering ------------------------------------------------------------------------

    def register(self, password: str, to: str = "", **how: Any) -> str:
        """Register with digest; returns the last answer."""
        uri = f"sip:{self.server[0]}:{self.server[1]}"
        to = to or f"<sip:{self.user}@{self.server[0]}>"
        kept = self.call_id, self.to_tag
        self.call_id, self.to_tag = f"registration-{self.port}@test", ""
        try:
            self.request("REGISTER", uri, to=to, **how)
            asked = self.expect("SIP/2.0 401", "REGISTER")
            more = authorization(asked, "REGISTER", uri, self.user, password)
            how["more"] = f"{how.get('more', '')}\nAuthorization: {more}".strip()
            self.request("REGISTER", uri, to=to, **how)
            return self.expect("SIP/2.0", "REGISTER")
        finally:
            self.call_id, self.to_tag = kept


def authorization(
    challenged: str, method: str, uri: str, user: str, password: str, cnonce: str | None = None
) -> str:
    """What answers a challenge: RFC 2617 section 3.2.2, by an independent program."""
    from aiosipua.auth import SipDigestAuth, build_credentials
    from aiosipua.headers import parse_auth, stringify_auth

    name = "WWW-Authenticate" if " 401 " in challenged[:20] else "Proxy-Authenticate"
    challenge = parse_auth(header(challenged, name))
    given = build_credentials(SipDigestAuth(user, password), challenge, method, uri, cnonce=cnonce)
    assert given is not None
    return stringify_auth(given)


def header(text: str, name: str) -> str:
    """The first header of a name, or nothing."""
    found = re.search(rf"(?im)^{re.escape(name)}:[ \t]*(.*?)\r?$", text)
    return found[1] if found else ""


def branch_of(text: str) -> str:
    return header(text, "Via").partition("branch=")[2].partition(";")[0]


def tag_of(value: str) -> str:
    return value.partition(";tag=")[2].partition(";")[0]


def media_of(text: str) -> tuple[str, int]:
    """Where a description wants its RTP."""
    host, port = re.search(r"(?m)^c=IN IP4 (\S+)", text), re.search(r"(?m)^m=audio (\d+)", text)
    assert host is not None
    assert port is not None
    return host[1], int(port[1])
