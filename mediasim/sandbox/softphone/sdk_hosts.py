"""What the browser SDK asks for beside its signalling: its sounds, and where it reports to.

``sdk.twilio.com`` has the tones that a page plays (here of our own making), and the hosts
``eventgw`` take the SDK's reports. A warning or error among those is an event of its call; the
others, and its measurements, tell of what the sandbox has measured itself.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mediasim.audio.dtmf import dtmf_tone
from mediasim.audio.files import encode_mp3
from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.music import cowbell
from mediasim.audio.tones import chirp, ringback, tone
from mediasim.exchange.events import CallEvent
from mediasim.sandbox.sandbox import Sandbox

__all__ = ["answer_for_the_sdk"]

_SOUNDS: Final = "/js/client/sounds/releases/{release}/{name}"
_SOUND_HOST: Final = "sdk.twilio.com"
_REPORT_HOSTS: Final = ("eventgw.twilio.com", "eventgw.us1.twilio.com")
_BIT_RATE: Final = 32_000
_ANYWHERE: Final = [Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"],
                               allow_headers=["*"])]  # fmt: skip
_NAMED: Final = {"hash": "#", "star": "*"}
_TOLD: Final = ("WARNING", "ERROR")
_LONGEST: Final = 200


def answer_for_the_sdk(sandbox: Sandbox) -> None:
    """Let the sandbox answer under the names of the hosts that the browser SDK asks."""

    async def take(request: Request) -> Response:
        try:
            report = json.loads(await request.body())
            words, call = _reported(report)
        except (ValueError, AttributeError, TypeError, RecursionError):
            return JSONResponse({"error": "expected a report of the browser SDK"}, 400)
        if words:
            await sandbox.engine.gate(lambda: _emit(sandbox, words, call))
        return Response(status_code=202)

    reports = Starlette(routes=[Route("/v4/{kind}", take, methods=["POST"])], middleware=_ANYWHERE)
    sounds = Starlette(routes=[Route(_SOUNDS, _sound)], middleware=_ANYWHERE)
    sandbox.hosts.answer(_SOUND_HOST, sounds)
    for host in _REPORT_HOSTS:
        sandbox.hosts.answer(host, reports)


def _reported(report: Mapping[str, Any]) -> tuple[str, str]:
    """Return a warning's or an error's words and its call's SID; no words for other reports."""
    if report.get("level") not in _TOLD:
        return "", ""
    words = f"{report.get('group', '')}: {report.get('name', '')}"
    payload = report.get("payload")
    call = payload.get("call_sid", "") if isinstance(payload, dict) else ""
    return ascii(words[:_LONGEST])[1:-1], str(call or "")


def _emit(sandbox: Sandbox, words: str, call: str) -> None:
    """Enter a report among the events of its call, if that is one of the sandbox's."""
    live = sandbox.service.live_call(call)
    if live is not None:
        exchange = sandbox.service.exchange
        text = f"the browser SDK reports {words}"
        exchange.events.emit(
            CallEvent(at_ns=exchange.now_ns, kind="call.client-report", text=text, call_sid=call)
        )


async def _sound(request: Request) -> Response:
    """Answer with one of the SDK's sounds."""
    name = PurePosixPath(request.path_params["name"]).stem
    made = await asyncio.to_thread(_file, name)
    if made is None:
        return JSONResponse({"error": f"the SDK has no sound {name!r:.60} that we know"}, 404)
    return Response(made, media_type="audio/mpeg")


@lru_cache(maxsize=32)
def _file(name: str) -> bytes | None:
    """Return a sound as MP3; None for one that is not known."""
    pcm = _made(name)
    return None if pcm is None else encode_mp3(pcm[None], _BIT_RATE)


def _made(name: str) -> NDArray[np.int16] | None:
    kind, _, which = name.partition("-")
    digit = _NAMED.get(which, which)
    if kind == "dtmf" and len(digit) == 1 and digit in "0123456789*#":
        return dtmf_tone(digit, SAMPLE_RATE // 5)
    if name in ("incoming", "outgoing"):
        return ringback(2 * SAMPLE_RATE) if name == "incoming" else tone(440, SAMPLE_RATE // 4)
    if name == "disconnect":
        return chirp(SAMPLE_RATE // 4, 900, 300)
    if name == "cowbell":
        return cowbell()
    return None
