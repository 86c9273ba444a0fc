"""An account on a virtual clock: scripted telephones, and an app whose answers are written here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS
from mediasim.audio.wav import read_wav
from mediasim.exchange.exchange import VIRTUAL_BLOCK, Exchange
from mediasim.exchange.phone import Answering, Behavior, PartyControl, Phone
from mediasim.media.plane import MediaPlane
from mediasim.net.stream_port import StreamPort
from mediasim.net.virtual_loop import VirtualLoop
from mediasim.parties.party import Party
from mediasim.seeds import Seeds
from mediasim.twilio.account import Account
from mediasim.twilio.ports import HttpAnswer, HttpFailed, HttpLimits, HttpRequest
from mediasim.twilio.representations import recording_document
from mediasim.twilio.resources import AccountRecord, NumberRecord
from mediasim.twilio.studio import Studio
from mediasim.twilio.webhooks import Webhooks

APP = "http://127.0.0.1:5000"
TOKEN = "0123456789abcdef0123456789abcdef"
ALICE, APP_NUMBER, BOB, CAROL = "+15550100001", "+15550100002", "+15550100003", "+15550100004"

Answer = str | bytes | HttpAnswer | Exception | Callable[[dict[str, str]], Any]


class App:
    """The user's app: what it answers by path, and all it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        """(path, parameters), in order."""
        self.delay_ns = 0

    async def send(self, request: HttpRequest, limits: HttpLimits) -> HttpAnswer:
        parts = urlsplit(request.url)
        params = dict(parse_qsl(parts.query, keep_blank_values=True))
        params |= dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        self.requests.append((parts.path, params))
        answer = self.answers.get(parts.path, "")
        if callable(answer):
            answer = answer(params)
        if isinstance(answer, Awaitable):
            answer = await answer
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, HttpAnswer):
            return answer
        if isinstance(answer, str):
            kind = "text/xml" if answer.startswith("<") else "text/plain"
            return HttpAnswer(200, {"content-type": kind}, answer.encode())
        return HttpAnswer(200, {"content-type": "audio/x-wav"}, answer)

    def asked(self, path: str) -> list[dict[str, str]]:
        """The parameters of each request to a path."""
        return [params for each, params in self.requests if each == path]

    def told(self, path: str, name: str) -> list[str]:
        """One parameter of each request to a path."""
        return [params.get(name, "") for params in self.asked(path)]


def unreachable() -> HttpFailed:
    return HttpFailed("connection refused", refused=True)


Step = float | NDArray[np.int16] | tuple[NDArray[np.int16], str] | str
"""Seconds to wait; samples to say, with their words or without; ``#5`` to press; ``hangup``,
``hold``, ``resume``."""


def acts(*steps: Step) -> Behavior:
    """What a telephone's owner does once connected."""

    async def act(control: PartyControl) -> None:
        call = control.call
        line, exchange = call.line, call.exchange
        assert line is not None
        for step in steps:
            if isinstance(step, np.ndarray | tuple):
                pcm, text = step if isinstance(step, tuple) else (step, "words")
                at = line.clock.sample_at(exchange.now_ns)
                line.timeline.place(pcm, at, kind="say", text=text)
                await exchange.sleep(len(pcm) * 125_000)
            elif isinstance(step, str) and step.startswith("#"):
                at = line.clock.sample_at(exchange.now_ns)
                end = line.phone.press(step[1:], at, 800, 800)
                await exchange.sleep((end - at) * 125_000)
            elif step == "hangup":
                await call.hang_up()
            elif step == "hold":
                control.hold()
            elif step == "resume":
                control.resume()
            else:
                assert isinstance(step, int | float)
                await exchange.sleep(int(step * 1e9))

    return act


class AccountStage:
    """One account, with its telephones and its app."""

    def __init__(
        self, directory: Path, *, streams: StreamPort | None = None, **exchange: Any
    ) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        plane = MediaPlane(max_lag=VIRTUAL_BLOCK)

        def advance(target_ns: int) -> int:
            frame = target_ns // FRAME_NS
            reached = plane.advance(frame)
            return target_ns if reached >= frame else reached * FRAME_NS

        loop.before_jump(advance)
        self.app = App()
        self.phones: dict[str, Phone] = {}
        seeds = Seeds(7)
        self.exchange = Exchange(
            seeds, directory, document=recording_document, plane=plane, **exchange
        )
        self.webhooks = Webhooks(
            self.app,
            auth_token=TOKEN,
            seeds=seeds.fork("webhooks"),
            clock=lambda: self.exchange.now_ns,
            one_lane=True,
        )
        record = AccountRecord(
            sid=self.exchange.account_sid, auth_token=TOKEN, friendly_name="Test", created_ns=0
        )
        self.service = Account(
            self.exchange,
            account=record,
            directory=self,
            webhooks=self.webhooks,
            studio=Studio(),
            base_url="http://127.0.0.1:8080",
            streams=streams,
        )

    def phone(self, address: str) -> Phone:
        return self.phones.get(address) or Phone(Party(name=address, number=address))

    def telephone(
        self,
        number: str,
        *steps: Step,
        after: float = 1.0,
        outcome: Any = "answer",
        listens: bool = False,
    ) -> Phone:
        """Put a telephone in the directory."""
        behavior = acts(*steps) if steps else None
        party = Party(name=number, number=number)
        answering = Answering(outcome, int(after * 1e9))
        self.phones[number] = Phone(party, answering, behavior, listens)
        return self.phones[number]

    def number(self, number: str, path: str, **more: Any) -> NumberRecord:
        """Claim a number for the app."""
        record = NumberRecord(
            sid=self.exchange.sids.new("PN"),
            account_sid=self.service.account.sid,
            phone_number=number,
            friendly_name=number,
            voice_url=APP + path,
            created_ns=0,
            **more,
        )
        self.service.numbers.add(record)
        return record

    async def over(self) -> None:
        """Wait until every call has ended and everything has been told."""
        while self.service.sessions:
            tasks = list(self.service._tasks)
            await asyncio.wait(tasks)
            await asyncio.sleep(0)
        await self.webhooks.settled()

    def media(self, number: int = 0) -> NDArray[np.int16]:
        """The channels of a completed recording."""
        recordings = self.exchange.catalogue.recordings()
        return read_wav(self.exchange.store.wav_path(recordings[number].sid)).pcm
