"""The wire of ``@twilio/voice-sdk``: the browser SDK is a softphone of the sandbox, unchanged.

Its frames are JSON objects with ``type``, ``version`` and ``payload``; a bare line feed keeps the
WebSocket alive, sent here and echoed there. Source: the SDK's own code, version 2.18.5
(``pstream``, ``device``, ``call``), for Twilio documents none of it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from mediasim.sandbox.refusals import validation_words
from mediasim.sandbox.sandbox import Sandbox
from mediasim.sandbox.softphone.page import PAGE_MESSAGE, PageMessage
from mediasim.sandbox.softphone.socket import SoftphoneSocket

__all__ = ["SIGNAL", "VoiceSdkSocket", "serve_voice_sdk"]

SIGNAL: Final = "/signal"
"""Path of the WebSocket."""
_BEAT: Final = "\n"
_BEAT_S: Final = 5.0
"""Seconds between two beats: without a frame for 15 s the SDK connects anew."""
_MALFORMED: Final = 31100
_UNKNOWN: Final = 31000
_REFUSED_CALL: Final = 31002
_FAILED: Final = 31005
_CODES: Final[Mapping[int, int]] = {
    20101: 31204,  # invalid token
    20102: 31204,
    20103: 31204,
    20104: 31205,  # expired token
    20105: 31204,
    20106: 31201,  # not what the token grants
    20107: 31204,
    20157: 31207,  # a token that lives too long
    21218: 31001,  # no such application
}
"""Codes of the SDK's signalling by those of the REST API."""
_HOME: Final = {"region": "us1", "edge": "ashburn", "home": "us1", "gateway": "mediasim"}


async def serve_voice_sdk(sandbox: Sandbox, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the WebSocket of one Device."""
    await VoiceSdkSocket(sandbox, WebSocket(scope, receive, send)).live()


class _Frame(BaseModel):
    """A frame of the SDK's."""

    model_config = ConfigDict(extra="ignore")

    type: Annotated[str, Field(max_length=64)]
    payload: dict[str, Any] = Field(default_factory=dict)


class VoiceSdkSocket(SoftphoneSocket):
    """The WebSocket of one Device of the SDK's."""

    offered = True

    async def greet(self) -> None:
        await self.load_media()

    async def keep_alive(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_S)
            self.send_text(_BEAT)

    # -- from the SDK --------------------------------------------------------------------------

    def read(self, text: str) -> PageMessage | None:
        if not text.strip():
            return None
        frame = _Frame.model_validate_json(text)
        read = _READERS.get(frame.type)
        if read is None:
            found = ascii(frame.type)[1:-1]
            self._error(_MALFORMED, f"the message {found} is not known", None)
            return None
        try:
            return PAGE_MESSAGE.validate_python(read(frame.payload))
        except ValidationError as error:
            words = f"{frame.type}: not understood: {validation_words(error)}"
            call = frame.payload.get("callsid")
            self._error(_MALFORMED, words, call if isinstance(call, str) else None)
            return None

    # -- to the SDK ----------------------------------------------------------------------------

    def written(self, kind: str, what: dict[str, Any]) -> str | None:
        write = _WRITERS.get(kind)
        found = None if write is None else write(what)
        return None if found is None else json.dumps({"type": found[0], "payload": found[1]})

    def _error(self, code: int, words: str, call: str | None) -> None:
        self.send_text(json.dumps({"type": "error", "payload": _error(code, words, call)}))


def _error(code: int, words: str, call: str | None) -> dict[str, Any]:
    payload: dict[str, Any] = {"error": {"code": code, "message": words}}
    return payload if call is None else {**payload, "callsid": call}


# -- what the SDK says, as messages of a page --------------------------------------------------


def _of_call(kind: str, *names: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a reader of a message about a call, which takes some parts of its payload over."""

    def read(payload: dict[str, Any]) -> dict[str, Any]:
        taken = {name: payload[name] for name in names if name in payload}
        return {"type": kind, "call": payload.get("callsid", ""), **taken}

    return read


def _invite(payload: dict[str, Any]) -> dict[str, Any]:
    """Read an invite: a new call, or one that is taken up again after its WebSocket was lost."""
    if payload.get("reconnect") is not None:
        return {**_of_call("rejoin", "sdp")(payload), "secret": payload["reconnect"]}
    twilio = payload.get("twilio")
    written = twilio.get("params", "") if isinstance(twilio, dict) else ""
    params = dict(parse_qsl(str(written), keep_blank_values=True))
    to = params.pop("To", "")
    return {**_of_call("invite", "sdp")(payload), "to": to, "params": params}


def _register(payload: dict[str, Any]) -> dict[str, Any]:
    media = payload.get("media")
    return {"type": "ring", "on": bool(media.get("audio")) if isinstance(media, dict) else True}


def _hang_up(payload: dict[str, Any]) -> dict[str, Any]:
    return {**_of_call("hangup")(payload), "words": payload.get("message", "")}


def _user_message(payload: dict[str, Any]) -> dict[str, Any]:
    content = payload.get("content", "")
    return {
        **_of_call("message")(payload),
        "content": content if isinstance(content, str) else json.dumps(content),
        "content_type": payload.get("contenttype", "application/json"),
        "id": payload.get("voiceeventsid", ""),
    }


def _keys(payload: dict[str, Any]) -> dict[str, Any]:
    return {**_of_call("press")(payload), "digits": payload.get("dtmf", "")}


_READERS: Final[Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "listen": lambda payload: {
        "type": "register",
        "token": payload.get("token") or "none",  # without one it is not any name's that it says
        "rings": False,
    },
    "register": _register,
    "invite": _invite,
    "answer": _of_call("answer", "sdp"),
    "reinvite": _of_call("restart", "sdp"),
    "hangup": _hang_up,
    "reject": _of_call("reject"),
    "dtmf": _keys,
    "message": _user_message,
}


# -- what pages are sent, as the SDK is told ---------------------------------------------------

_Told = tuple[str, dict[str, Any]] | None


def _connected(what: dict[str, Any]) -> _Told:
    token = {"identity": what["identity"], "ttl": what["seconds"]}
    return "connected", {**_HOME, "token": token}


def _ringing(what: dict[str, Any]) -> _Told:
    return "ringing", {"callsid": what["sid"], "sdp": what["sdp"]}


def _answered(what: dict[str, Any]) -> _Told:
    return "answer", {"callsid": what["sid"], "reconnect": what["secret"]}


def _media(what: dict[str, Any]) -> _Told:
    return "answer", {
        "callsid": what["sid"],
        "reconnect": what["secret"],
        **({"sdp": what["sdp"]} if what["sdp"] else {}),
    }


def _incoming(what: dict[str, Any]) -> _Told:
    parameters = {
        "From": what["from"],
        "To": what["to"],
        "CallSid": what["call"],
        "AccountSid": what["account"],
        "Params": urlencode(what["params"]),
    }
    call = {"callsid": what["call"], "sdp": what["sdp"], "reconnect": what["secret"]}
    return "invite", {**call, "parameters": parameters}


def _ended(what: dict[str, Any]) -> _Told:
    call = what["sid"] or what["call"]
    if what["status"] in ("canceled", "taken"):
        return "cancel", {"callsid": call}
    if what["status"] == "failed":
        return "hangup", _error(_FAILED, what["words"], call)
    return "hangup", {"callsid": call}


def _refused(what: dict[str, Any]) -> _Told:
    code, call = what.get("code") or _UNKNOWN, what.get("call")
    told = _CODES.get(code, code if 31000 <= code < 32000 else _UNKNOWN)
    if what.get("of") in ("invite", "rejoin"):
        return "hangup", _error(_REFUSED_CALL if told == _UNKNOWN else told, what["words"], call)
    return "error", _error(told, what["words"], call)


def _message(what: dict[str, Any]) -> _Told:
    return "message", {
        "callsid": what["of"],
        "content": json.loads(what["content"]),
        "contenttype": "application/json",
        "messagetype": "user-defined-message",
        "voiceeventsid": what["sid"],
    }


_WRITERS: Final[Mapping[str, Callable[[dict[str, Any]], _Told]]] = {
    "registered": _connected,
    "ringable": lambda what: ("ready", {}) if what["on"] else ("offline", {}),
    "ringing": _ringing,
    "answered": _answered,
    "media": _media,
    "incoming": _incoming,
    "ended": _ended,
    "refused": _refused,
    "received": lambda what: (
        "ack",
        {"acktype": "message", "callsid": what["call"], "voiceeventsid": what["id"]},
    ),
    "message": _message,
}
