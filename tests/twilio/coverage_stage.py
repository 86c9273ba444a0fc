"""A stage on which one attribute or parameter at a time is tried, and all that it changes is seen.

A scene is played without it and with it; what differs is what it acts on: requests to the app and
their times, records and answers of the REST API, what every telephone hears and every recording
has, to the sample, and what goes over a stream. Notifications are seen apart.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import tempfile
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
from account_stage import ALICE, APP, APP_NUMBER, BOB, CAROL, TOKEN, AccountStage, Step
from meeting import until, words
from numpy.typing import NDArray
from rest_stage import basic
from starlette import routing
from starlette.applications import Starlette

from mediasim.audio.music import default_hold_music
from mediasim.audio.wav import write_wav_to
from mediasim.exchange.events import CallEvent, Event
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.media_store import MediaNotFound
from mediasim.exchange.phone import NotReached, Phone
from mediasim.exchange.profiles import DEFAULT_PROFILE
from mediasim.media.far_end import FarEnd
from mediasim.media.recorder import Track
from mediasim.net.siprec_port import SiprecAsked, SiprecConnector
from mediasim.net.stream_port import StreamListener
from mediasim.net.virtual_loop import VirtualLoop
from mediasim.parties.party import Party
from mediasim.seeds import Seeds
from mediasim.twilio.ports import on_this_loop
from mediasim.twilio.representations import API_VERSION
from mediasim.twilio.resources import ApplicationRecord
from mediasim.twilio.rest import create_api
from mediasim.twilio.rest.resource import ACCOUNT
from mediasim.twilio.rest.table import all_stored
from mediasim.twilio.transcripts.configurations import ConfigurationRecord

HELLO, YES = words(1, 0.6), words(2, 0.5)
SIP = "sip:desk@127.0.0.1"
DAN = "+15550100005"
NAMED = (HELLO, "hello there")
"""Something said of which the words are known."""


# A path's pattern is compiled once for all stages, of which each has an API of its own.
routing.compile_path = cache(routing.compile_path)
_MUSIC = default_hold_music(Seeds(7))
"""Drawn once: each exchange would draw it anew."""


class _Ear:
    """Hears one track from its beginning."""

    horizon = reach = patience = 3000

    def __init__(self) -> None:
        self._heard = hashlib.sha1(usedforsecurity=False)
        self._samples = 0

    def hear(self, first_frame: int, pcm: NDArray[np.int16]) -> None:
        self._heard.update(pcm.tobytes())
        self._samples += len(pcm)

    def __repr__(self) -> str:
        return f"{self._samples} samples {self._heard.hexdigest()}"


class _Socket:
    """One stream's way to an app that keeps what it is sent.

    It says nothing, but for one at ``/talk``, which has two turns to say over a relay.
    """

    def __init__(self, url: str, headers: Mapping[str, str], listener: StreamListener) -> None:
        self.told = [url, repr(sorted(headers.items()))]
        self._listener = listener if url.endswith("/talk") else None

    def send(self, text: str, *, audio: bool = False) -> None:
        self.told.append(text)
        if self._listener is not None and '"setup"' in text:
            for token in ("One moment please, somebody will be with you soon.", "Here they are."):
                message = json.dumps({"type": "text", "token": token, "last": True})
                asyncio.get_running_loop().call_soon(self._listener.message, message)

    def settle(self) -> None:
        """It has answered already."""

    def close(self, code: int = 1000) -> None:
        self.told.append(f"closed with {code}")


class _Sockets:
    """A StreamPort that every stream's app is behind."""

    def __init__(self) -> None:
        self.opened: list[_Socket] = []

    async def connect(
        self, url: str, headers: Mapping[str, str], listener: StreamListener
    ) -> _Socket:
        self.opened.append(_Socket(url, headers, listener))
        return self.opened[-1]


class _Recording:
    """A recording session elsewhere, which keeps what it is sent."""

    notes = ()

    def __init__(self, told: list[str]) -> None:
        self.told = told
        self.ears: dict[str, _Ear] = {}

    def send(self, track: str, first_frame: int, pcm: NDArray[np.int16]) -> None:
        self.ears.setdefault(track, _Ear()).hear(first_frame, pcm)

    async def close(self) -> None:
        self.told.append(f"closed {self.ears}")


class _Recorders:
    """A SiprecPort: every recording server is there."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def open(
        self, connector: SiprecConnector, asked: SiprecAsked, lost: Callable[[str], None]
    ) -> _Recording:
        self.told.append(repr((connector, replace(asked, unix_ns=int))))
        return _Recording(self.told)


@dataclass(frozen=True)
class Moved:
    """A telephone's request that its call be transferred."""

    stage: Stage
    target: str = "sip:else@127.0.0.1"

    def notify(self, status: int) -> None:
        self.stage.rung.append((self.target, str(status)))


@dataclass(frozen=True)
class SipDesk:
    """The way to a telephone that never answers, and notes by whom it was rung, and how."""

    stage: Stage
    user: tuple[str, str] = ("", "")
    params: tuple[tuple[str, str], ...] = ()

    def as_user(self, user: str, password: str) -> SipDesk:
        return replace(self, user=(user, password))

    def with_parameters(self, params: Sequence[tuple[str, str]]) -> SipDesk:
        return replace(self, params=tuple(params))

    async def ring(self, call: LiveCall, ringing: Callable[[], None]) -> FarEnd:
        self.stage.rung.append((call.record.to, *self.user, *map(str, self.params)))
        raise NotReached("nobody is at the desk", "busy")


class Stage(AccountStage):
    """An account whose telephones, app and REST API are seen from all sides."""

    def __init__(self, directory: Path, given: Mapping[str, str], profile: str) -> None:
        self.sockets = _Sockets()
        super().__init__(directory, streams=self.sockets, profile=profile)
        self.given = dict(given)
        """What is tried: the attribute, or the parameters."""
        self._recorders = _Recorders()
        self.service.siprecs.port = self._recorders
        self.service.siprecs.connectors = {"rec": SiprecConnector("sip:rec@127.0.0.1")}
        self.answers: list[Any] = []
        self.names: dict[str, str] = {"$SOON": self.exchange.dates.at(3600 * 10**9).isoformat()}
        """What stands for ``$ALICE`` in parameters: the SIDs of a scene."""
        self.meeting = ""
        """SID of the conference of a scene."""
        self.unseen: tuple[str, ...] = ()
        """Kinds of records that only repeat what was given, and are not looked at."""
        self.rung: list[tuple[str, ...]] = []
        self._api: Starlette | None = None
        self.exchange.__dict__["hold_music"] = _MUSIC
        self._ears: list[tuple[str, _Ear, _Ear]] = []
        self.exchange.events.on("event", self._on_event)
        self._documents: dict[str, str] = {}
        self.app.answers["/voice"] = lambda params: self._documents[params["From"]]
        self.app.answers["/say"] = "<Response><Say>One moment.</Say></Response>"
        self.app.answers["/next"] = "<Response><Pause length='1'/></Response>"
        self.app.answers["/song.wav"] = _wave()
        self.app.answers["/app"] = "<Response><Say>Who is it?</Say></Response>"
        self.app_number = self.number(APP_NUMBER, "/voice")
        self.application = ApplicationRecord(
            sid="AP" + "0" * 32,
            account_sid=self.service.sid,
            friendly_name="Desk",
            created_ns=0,
            voice_url=f"{APP}/app",
        )
        self.service.applications.add(self.application)
        self.service.transcriber.configurations.records.add(
            ConfigurationRecord(
                sid=f"voice_recordingconfiguration_{9:026d}",
                account_sid=self.service.sid,
                type="Recording",
                created_ns=0,
                unique_name="policy",
                configuration={
                    f"{who}RecordingStatusCallback": {"url": f"{APP}/{who}"}
                    for who in ("call", "conference")
                },
            )
        )
        self.telephone(ALICE)
        self.telephone(BOB, YES, 1.0)

    def phone(self, address: str) -> Phone:
        if address.startswith(("sip:", "client:")) and address not in self.phones:
            return Phone(Party(name="desk", number=address), gateway=SipDesk(self))
        return super().phone(address)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, CallEvent) and event.kind == "call.answered":
            call = self.service.live_call(event.call_sid)
            assert call is not None
            ears = _Ear(), _Ear()
            self._ears.append((event.call_sid, *ears))
            for ear, track in zip(ears, (Track.INBOUND, Track.OUTBOUND), strict=True):
                call.room.listen(call.leg, track, ear)

    # -- what a scene does --------------------------------------------------------------------

    def comes(self, document: str, *steps: Any, who: str = ALICE) -> str:
        """Somebody calls the app, which answers with a document; return the call's SID."""
        self._documents[who] = f"<Response>{document}</Response>"
        self.telephone(who, *(steps or (0.2, NAMED, 4.0, "hangup")))
        return self.service.place_inbound(who, APP_NUMBER, self.phones[who]).sid

    async def ask(self, method: str, path: str, **form: Any) -> Any:
        """Ask the REST API; return the JSON of its answer, which is seen too."""
        status, body = await self._asked(method, path, form)
        self.answers.append((method, path, status, _without_uris(body)))
        return body

    async def tried(self, method: str, path: str, **form: Any) -> Any:
        """The same with what is tried added."""
        return await self.ask(method, path, **(form | self.given))

    async def hidden(self, method: str, path: str, **form: Any) -> Any:
        """The same as ``tried``, but the answer, which shows what it was given, is not seen."""
        status, body = await self._asked(method, path, form | self.given)
        self.answers.append((method, path, status))
        return body

    async def _asked(self, method: str, path: str, form: Mapping[str, Any]) -> tuple[int, Any]:
        root = ACCOUNT.replace("{account}", self.service.sid)
        url = f"{root}/{path}" if path else root
        if path.startswith("/"):
            url = path if path.startswith("/v") else f"/{API_VERSION}{path}"
        named = {
            name: self.names.get(value, value) if isinstance(value, str) else value
            for name, value in form.items()
        }
        text = urlencode(named, doseq=True)
        body = text.encode() if method == "POST" else b""
        scope = {
            "type": "http",
            "method": method,
            "path": url if path.startswith("/v") else f"{url}.json",
            "query_string": b"" if method == "POST" else text.encode(),
            "headers": [
                (b"authorization", basic(self.service.sid, TOKEN)["Authorization"].encode()),
                (b"content-type", b"application/x-www-form-urlencoded"),
            ],
        }
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            sent.append(message)

        if self._api is None:
            self._api = create_api(self.service, on_this_loop)
        await self._api(scope, receive, send)
        answer = b"".join(each.get("body", b"") for each in sent[1:])
        return sent[0]["status"], json.loads(answer) if answer else None

    # -- what is seen of it -------------------------------------------------------------------

    def seen(self) -> dict[str, Any]:
        """All that was to be seen, without notifications."""
        account, exchange = self.service, self.exchange
        records = {
            kind: [repr(each) for each in stored.store(account).all()]
            for kind, stored in all_stored().items()
            if kind not in ("notification", "delivery", "api_event", *self.unseen)
        }
        files = {
            each.sid: hashlib.sha1(self._file(each.sid), usedforsecurity=False).hexdigest()
            for each in exchange.catalogue.recordings()
        }
        return {
            **records,
            "answers": self.answers,
            "requests": [
                (
                    each.method,
                    each.url,
                    each.params,
                    each.sent_ns,
                    [it.body for it in each.attempts],
                )
                for each in self.webhooks.deliveries
            ],
            "heard": [repr(each) for each in self._ears],
            "files": files,
            "rung": self.rung,
            "streams": [repr(each.record) for each in account.streams.all()],
            "recorders": self._recorders.told,
            "sockets": [each.told for each in self.sockets.opened],
        }

    def _file(self, sid: str) -> bytes:
        """The media of a recording, b"" without."""
        try:
            return self.exchange.store.wav_path(sid).read_bytes()
        except MediaNotFound:
            return b""

    def notes(self) -> list[str]:
        """The words of all notifications."""
        return [each.message_text for each in self.service.notifications]


def _without_uris(body: Any) -> Any:
    """The JSON of an answer without what repeats the query."""
    if not isinstance(body, dict):
        return body
    return {key: value for key, value in body.items() if not key.endswith("uri") and key != "meta"}


def _wave() -> bytes:
    file = io.BytesIO()
    write_wav_to(file, words(9, 0.4)[np.newaxis])
    return file.getvalue()


Play = Callable[[Stage], Coroutine[Any, Any, Any]]


@dataclass(frozen=True)
class Scene:
    """A document, and attributes that change what comes of it."""

    element: str
    """The row of the grammar."""
    document: str
    shows: Mapping[str, str]
    """A value for each attribute; ``$ALICE`` is the SID of Alice's call."""
    alice: tuple[Step, ...] = (0.2, NAMED, 4.0, "hangup")
    bob: tuple[Step, ...] = (YES, 1.0)
    outcome: str = "answer"
    first: str = ""
    """The document of Alice's call, where the scene's own is that of Carol, who calls after her."""
    then: str = ""
    """The document of Carol's call, who calls after Alice."""
    third: str = ""
    """The document of Dan's call, who calls after both."""

    def play(self, text: str) -> Play:
        """The scene, with this text in the place of the attribute."""

        async def play(stage: Stage) -> None:
            stage.telephone(BOB, *self.bob, outcome=self.outcome)
            for address in ("client:bob", "sip:bob@127.0.0.1"):
                stage.telephone(address, *self.bob)
            document = self.document.replace("$APPLICATION", stage.application.sid)
            document = document.replace("¤", text)
            sid = stage.comes(self.first or document, *self.alice)
            if later := self.then or (document if self.first else ""):
                await until(stage, 1.5)
                stage.comes(later.replace("$ALICE", sid), 0.3, YES, 1.2, "hangup", who=CAROL)
            if self.third:
                await until(stage, 1.6)
                stage.comes(self.third, 0.5, YES, 1.0, "hangup", who=DAN)

        return play


@dataclass(frozen=True)
class Asked:
    """A request in its scene, and parameters that change what comes of it."""

    path: str
    """The row's path, without what all of an account's begin with."""
    play: Play
    shows: Mapping[str, str]
    """A value for each parameter; ``$ALICE`` is the SID of Alice's call."""


@dataclass(frozen=True)
class Played:
    """What came of a scene."""

    seen: dict[str, Any]
    notes: list[str] = field(default_factory=list)

    def differs(self, other: Played) -> list[str]:
        """The names of what is not the same."""
        return [name for name, each in self.seen.items() if each != other.seen[name]]


def played(play: Play, given: Mapping[str, str], profile: str = DEFAULT_PROFILE) -> Played:
    """Play a scene to its end, with what is tried."""

    async def conduct(directory: str) -> Played:
        stage = Stage(Path(directory), given, profile)
        await play(stage)
        await stage.over()
        await asyncio.sleep(1.5)  # recordings are processed, and told
        await stage.over()
        return Played(stage.seen(), stage.notes())

    with (
        tempfile.TemporaryDirectory() as directory,
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
    ):
        return runner.run(conduct(directory))
