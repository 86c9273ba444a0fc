"""The inspector's paths, below the control API's prefix and under its access rules."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route

from mediasim.audio.levels import waveform_peaks
from mediasim.audio.wav import read_wav
from mediasim.exchange.media_store import MediaStore
from mediasim.exchange.records import RecordingRecord
from mediasim.exchange.rendition import Format, rendition
from mediasim.sandbox.bodies import Body, body_of
from mediasim.sandbox.inspector.feed import EventFeed
from mediasim.sandbox.inspector.legs import Legs
from mediasim.sandbox.inspector.pages import Assets, page
from mediasim.sandbox.inspector.summaries import evidence, resources
from mediasim.sandbox.inspector.timeline import timeline
from mediasim.sandbox.number_plan import DEFAULT_CALLER
from mediasim.sandbox.sandbox import Sandbox
from mediasim.scenario.report import SHARED_SCRIPTS
from mediasim.twilio.download import ANSWERS
from mediasim.twilio.errors import NOT_FOUND, TwilioError
from mediasim.twilio.representations import recording_document

__all__ = ["HOME", "inspector_routes"]

HOME: Final = "/inspector"
"""Path of the page below the prefix; the server shows it at its root."""


class _Script(Body):
    """A script as YAML."""

    yaml: str


class _Media(BaseModel):
    """The query of a request for a recording's media."""

    model_config = ConfigDict(extra="forbid")
    channels: Literal["1", "2"]
    format: Literal["wav", "mp3"] = "wav"
    save: bool = False
    """Whether the browser saves the file instead of playing it."""


def inspector_routes(sandbox: Sandbox) -> list[BaseRoute]:
    """Return all routes of the inspector."""
    inspector = _Inspector(sandbox)
    return [
        Route(HOME, page),
        Route(f"{HOME}/feed", inspector.feed),
        Route(f"{HOME}/plan", inspector.plan),
        Route(f"{HOME}/script", inspector.script, methods=["POST"]),
        Route(f"{HOME}/resources", inspector.resources),
        Route(f"{HOME}/calls/{{sid}}", inspector.call),
        Route(f"{HOME}/deliveries/{{id}}", inspector.delivery),
        Route(f"{HOME}/recordings/{{sid}}", inspector.recording),
        Route(f"{HOME}/recordings/{{sid}}/media", inspector.media),
        Route(f"{HOME}/recordings/{{sid}}/outline", inspector.outline),
        Mount(f"{HOME}/assets/shared", Assets(SHARED_SCRIPTS)),
        Mount(f"{HOME}/assets", Assets()),
    ]


class _Inspector:
    """The handlers of the paths."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._gate = sandbox.engine.gate
        self._legs = Legs(sandbox)

    async def feed(self, _: Request) -> Response:
        """Stream the changes of the sandbox as server-sent events."""
        messages = EventFeed(self._sandbox, self._legs).messages()
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(messages, media_type="text/event-stream", headers=headers)

    async def plan(self, _: Request) -> Response:
        """Return the numbers that can be called, and the parties that can call."""
        return JSONResponse(await self._gate(lambda: _plan(self._sandbox)))

    async def script(self, request: Request) -> Response:
        """Return the steps of a script written in YAML, as the control API takes them."""
        from mediasim.documents.document import read_yaml

        body = await body_of(request, _Script)
        steps = read_yaml(body.yaml, None).plain()
        if isinstance(steps, dict):
            steps = steps.get("script", steps)
        return JSONResponse({"script": steps})

    async def call(self, request: Request) -> Response:
        """Return the timeline of a call."""
        sid = request.path_params["sid"]
        return JSONResponse(await self._gate(lambda: timeline(self._sandbox, self._legs, sid)))

    async def resources(self, _: Request) -> Response:
        """Return the newest records of each stored resource."""
        return JSONResponse(await self._gate(lambda: resources(self._sandbox.service)))

    async def delivery(self, request: Request) -> Response:
        """Return a delivery with the check of its signature."""
        delivery_id, seen_as = request.path_params["id"], request.query_params.get("url")

        def found() -> dict[str, Any]:
            service = self._sandbox.service
            delivery = service.webhooks.delivery(delivery_id)
            return evidence(delivery, service.webhooks.auth_token(delivery), seen_as)

        return JSONResponse(await self._gate(found))

    async def recording(self, request: Request) -> Response:
        """Return the resource and channel map of a recording, with its start as loop time in
        seconds."""
        sid, service = request.path_params["sid"], self._sandbox.service

        def found() -> dict[str, Any]:
            record = service.recording_record(sid)
            return {**recording_document(record, service.dates), "started": record.start_ns / 1e9}

        return JSONResponse(await self._gate(found))

    async def media(self, request: Request) -> Response:
        """Return a recording's media as a file."""
        query = _Media.model_validate(dict(request.query_params))
        record, store = await self._record(request)
        channels = int(query.channels)
        path, kind = await asyncio.to_thread(_media_file, store, record, channels, query.format)
        name = f"{record.sid}-{channels}ch.{query.format}" if query.save else None
        return FileResponse(path, media_type=kind, filename=name)

    async def outline(self, request: Request) -> Response:
        """Return the waveform of a recording."""
        record, store = await self._record(request)
        path = await asyncio.to_thread(_outline_file, store, record.sid)
        return FileResponse(path, media_type="application/json")

    async def _record(self, request: Request) -> tuple[RecordingRecord, MediaStore]:
        sid, service = request.path_params["sid"], self._sandbox.service
        return await self._gate(lambda: service.recording_record(sid)), service.store


def _plan(sandbox: Sandbox) -> dict[str, Any]:
    """Return the numbers and parties of the number plan, as JSON has them."""
    config, service = sandbox.settings.config, sandbox.service
    parties = []
    for name, callee in config.parties.items():
        phone = sandbox.phones.caller(name)
        assert phone is not None
        parties.append(
            {"name": name, "number": phone.party.number, "scripted": bool(callee.script)}
        )
    numbers = [
        {
            "number": each.phone_number,
            "name": each.friendly_name,
            "answers": each.voice_url or ("its own TwiML" if each.twiml else ""),
        }
        for each in service.numbers.all()
    ]
    return {"numbers": numbers, "parties": parties, "caller": DEFAULT_CALLER}


# -- media ---------------------------------------------------------------------------------------

_SAMPLES_PER_PEAK: Final = 80
"""Fewest samples for which a waveform has one peak."""
_MOST_PEAKS: Final = 20_000
_TYPES: Final[dict[Format, str]] = {"wav": "audio/wav", "mp3": "audio/mpeg"}


def _media_file(
    store: MediaStore, record: RecordingRecord, channels: int, format: Format
) -> tuple[Path, str]:
    """Return a recording's file, not encrypted, and its media type.

    Raises TwilioError where there is none.
    """
    found = rendition(store, record, requested_channels=channels, format=format)
    if found.path is None:
        answer = ANSWERS[found.outcome]
        raise TwilioError(answer.status, answer.code or NOT_FOUND, found.reason)
    return found.path, _TYPES[format]


def _outline_file(store: MediaStore, sid: str) -> Path:
    """Return a JSON file of the waveform: ``seconds``, and peaks from 0 to 1 for each channel.

    Raises MediaNotFound for a recording without media.
    """
    wav = store.wav_path(sid)

    def make(file: BinaryIO) -> None:
        pcm = read_wav(wav, believe_length=False).pcm  # it may be broken on purpose
        count = min(_MOST_PEAKS, max(1, pcm.shape[1] // _SAMPLES_PER_PEAK))
        peaks = [
            np.abs(waveform_peaks(channel, count).astype(np.int32)).max(axis=1) for channel in pcm
        ]
        outline = {
            "seconds": pcm.shape[1] / 8000,
            "channels": [np.round(each / 32768, 4).tolist() for each in peaks],
        }
        file.write(json.dumps(outline, separators=(",", ":")).encode())

    return store.derived(sid, "outline.json", make)
