"""Fault injection into requests to the API and downloads: an ASGI application before the API's.

A request that is refused is not processed. Downloads are slow in real time, for the downloading
app is outside the loop's time; a truncated download ends with its connection broken.
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
from mediasim.twilio.rest.responses import error_response
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
    """An ASGI application that injects faults into the requests to another one."""

    def __init__(self, app: App, account: Account, gate: Gate, *, refuses: bool = True) -> None:
        """Wrap an application. ``gate`` runs work on the engine's loop, where the account lives.

        ``refuses``: whether faults of requests and downloads are injected here, not at a front
        before this process.
        """
        self._refuses = refuses
        self._app = app
        self._account = account
        self._webhooks = account.webhooks
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._webhooks.faults.idle or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        downloads = self._refuses and method in ("GET", "HEAD")
        media = _MEDIA.fullmatch(path) if downloads else None
        if media is not None:
            await self._download(media[1], scope, receive, send)
            return
        status = await self._gate(lambda: self._refusal(method, path)) if self._refuses else None
        if status is not None:
            words = _WORDS.get(status, "An internal server error has occurred")
            error = TwilioError(status, _CODES.get(status, 20500), words)
            as_xml = not path.endswith(".json")
            await error_response(error, as_xml=as_xml)(scope, receive, send)
        elif method == "POST" and self._webhooks.faults.early:
            await self._callbacks_first(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, method: str, path: str) -> int | None:
        url = self._account.base_url + path
        status = self._webhooks.faults.request(url)
        if status is not None:
            words = f"answered {status}"
            self._webhooks.note(
                AppRequest(url, method, kind=API_REQUEST), [words], f"{words} by the weather"
            )
        return status

    async def _callbacks_first(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._gate(self._webhooks.request_begins)
        ended = False

        async def send_last(message: Message) -> None:
            nonlocal ended
            if not ended:
                ended = True
                await self._gate(self._webhooks.request_ends)
            await send(message)

        try:
            await self._app(scope, receive, send_last)
        finally:
            if not ended:
                await self._gate(self._webhooks.request_ends)

    # -- downloads --------------------------------------------------------------------------

    async def _download(self, sid: str, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        fault = await self._gate(lambda: self._download_fault(sid, path))
        if fault.missing:
            await error_response(not_found(path))(scope, receive, send)
        elif scope["method"] == "HEAD":
            await self._app(scope, receive, send)
        else:
            await self._app(scope, receive, _Connection(fault, send).send)

    def _download_fault(self, sid: str, path: str) -> DownloadFault:
        try:
            record = self._account.catalogue.recording(sid)
        except LookupError:
            return DownloadFault()
        if record.status != "completed":
            return DownloadFault()
        age_ns = self._account.now_ns - record.updated_ns
        url = self._account.base_url + path
        fault = self._webhooks.faults.download(sid, url, age_ns)
        if fault.injected:
            error = "not found, by the weather" if fault.missing else None
            request = AppRequest(url, "GET", kind=DOWNLOAD, sid=sid)
            self._webhooks.note(request, fault.injected, error)
        return fault


class _Connection:
    """A connection that slows a download down or breaks it off."""

    def __init__(self, fault: DownloadFault, send: Send) -> None:
        self._download_fault = fault
        self._send = send
        self._remaining: int | None = None
        """Bytes that can be sent until the connection breaks; None: it does not break."""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self._download_fault.truncated is not None and message["status"] < 300:
                length = int(dict(message["headers"]).get(b"content-length", b"0"))
                self._remaining = int(length * self._download_fault.truncated)
            await self._send(message)
            return
        body = message.get("body", b"")
        if self._remaining is not None:
            body = body[: self._remaining]
            self._remaining -= len(body)
        for piece in self._pieces(body):
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            if self._download_fault.bytes_per_second is not None:
                await asyncio.sleep(len(piece) / self._download_fault.bytes_per_second)
        # A truncated download has no last message, so the server breaks the connection.
        if self._remaining is None and not message.get("more_body"):
            await self._send({"type": "http.response.body", "body": b""})

    def _pieces(self, body: bytes) -> list[bytes]:
        rate = self._download_fault.bytes_per_second
        size = len(body) if rate is None else max(1, rate // _SLICES_A_SECOND)
        return [body[start : start + size] for start in range(0, len(body), size or 1)]
