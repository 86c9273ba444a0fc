"""The API and its media as they are found in bad weather: an ASGI application before the API's.

A request that the weather refuses is not carried out. Downloads are slow in real time, for who
downloads is outside the loop's; one that is truncated ends with its connection broken.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from mediasim.twilio.account import Account
from mediasim.twilio.errors import TwilioError, not_found
from mediasim.twilio.fault_injection import DownloadFault
from mediasim.twilio.ports import Gate
from mediasim.twilio.representations import API_VERSION
from mediasim.twilio.rest.responses import refused
from mediasim.twilio.webhooks import AppRequest
from mediasim.twilio.webhooks.webhooks import API_REQUEST, DOWNLOAD

__all__ = ["FaultInjectingApi"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_MEDIA: Final = re.compile(rf"/{API_VERSION}/Accounts/[^/]+/Recordings/(RE\w+?)(?:\.wav|\.mp3)?")
_CODES: Final = {429: 20429, 500: 20500, 503: 20503}
_WORDS: Final = {429: "Too Many Requests", 503: "Service is unavailable. Please try again"}
_SLICES_A_SECOND: Final = 20


class FaultInjectingApi:
    """Passes on what the weather lets through."""

    def __init__(self, app: App, service: Account, gate: Gate, *, refuses: bool = True) -> None:
        """``gate`` leads to the engine's loop, where ``service`` lives.

        ``refuses``: requests and downloads are struck here, not at another front before this.
        """
        self._refuses = refuses
        self._app = app
        self._service = service
        self._webhooks = service.webhooks
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._webhooks.weather.calm or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        media = _MEDIA.fullmatch(path) if method in ("GET", "HEAD") else None
        media = media if self._refuses else None
        if media is not None:
            await self._download(media[1], scope, receive, send)
            return
        status = await self._gate(lambda: self._refusal(method, path)) if self._refuses else None
        if status is not None:
            words = _WORDS.get(status, "An internal server error has occurred")
            error = TwilioError(status, _CODES.get(status, 20500), words)
            as_xml = not path.endswith(".json")
            await refused(error, as_xml=as_xml)(scope, receive, send)
        elif method == "POST" and self._webhooks.weather.early:
            await self._told_first(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, method: str, path: str) -> int | None:
        url = self._service.base_url + path
        status = self._webhooks.weather.request(url)
        if status is not None:
            words = f"answered {status}"
            self._webhooks.note(
                AppRequest(url, method, kind=API_REQUEST), [words], f"{words} by the weather"
            )
        return status

    async def _told_first(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._gate(self._webhooks.request_begins)
        told = False

        async def once_told(message: Message) -> None:
            nonlocal told
            if not told:
                told = True
                await self._gate(self._webhooks.request_ends)
            await send(message)

        try:
            await self._app(scope, receive, once_told)
        finally:
            if not told:
                await self._gate(self._webhooks.request_ends)

    # -- downloads --------------------------------------------------------------------------

    async def _download(self, sid: str, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        fate = await self._gate(lambda: self._fate(sid, path))
        if fate.missing:
            await refused(not_found(path))(scope, receive, send)
        elif scope["method"] == "HEAD":
            await self._app(scope, receive, send)
        else:
            await self._app(scope, receive, _Connection(fate, send).send)

    def _fate(self, sid: str, path: str) -> DownloadFault:
        try:
            record = self._service.catalogue.recording(sid)
        except LookupError:
            return DownloadFault()
        if record.status != "completed":
            return DownloadFault()
        age_ns = self._service.now_ns - record.updated_ns
        url = self._service.base_url + path
        fate = self._webhooks.weather.download(sid, url, age_ns)
        if fate.injected:
            error = "not found, by the weather" if fate.missing else None
            request = AppRequest(url, "GET", kind=DOWNLOAD, sid=sid)
            self._webhooks.note(request, fate.injected, error)
        return fate


class _Connection:
    """What a poor connection lets through."""

    def __init__(self, fate: DownloadFault, send: Send) -> None:
        self._fate = fate
        self._send = send
        self._left: int | None = None
        """Bytes until it breaks; None: it does not."""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self._fate.truncated is not None and message["status"] < 300:
                length = int(dict(message["headers"]).get(b"content-length", b"0"))
                self._left = int(length * self._fate.truncated)
            await self._send(message)
            return
        body = message.get("body", b"")
        if self._left is not None:
            body = body[: self._left]
            self._left -= len(body)
        for piece in self._pieces(body):
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            if self._fate.bytes_per_second is not None:
                await asyncio.sleep(len(piece) / self._fate.bytes_per_second)
        # Never said to be over, one that is truncated ends with its connection.
        if self._left is None and not message.get("more_body"):
            await self._send({"type": "http.response.body", "body": b""})

    def _pieces(self, body: bytes) -> list[bytes]:
        rate = self._fate.bytes_per_second
        size = len(body) if rate is None else max(1, rate // _SLICES_A_SECOND)
        return [body[start : start + size] for start in range(0, len(body), size or 1)]
