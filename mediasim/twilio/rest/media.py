"""A recording's media: ``Recordings/RE….wav``, ``.mp3``, and without an extension WAV.

``RequestedChannels`` is 1 or 2. What is given for it, and what is refused, decides the exchange's
download table. The file is found, mixed down or encoded in a thread, and answered as HTTP has it:
parts, several at once, HEAD, and requests on condition.

Whether credentials are asked for is a setting of the account, as it is with Twilio. Errors are
JSON here, which is our choice: Twilio answers a path without ``.json`` in XML.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import BinaryIO, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mediasim.exchange.records import RecordingRecord
from mediasim.twilio.download import Download, Format, download
from mediasim.twilio.errors import TwilioError, not_found
from mediasim.twilio.ports import Gate
from mediasim.twilio.rest.answers import head_of, refused
from mediasim.twilio.rest.endpoint import authenticate
from mediasim.twilio.rest.params import Params
from mediasim.twilio.rest.ranges import Validators, precondition, wanted_ranges
from mediasim.twilio.service import Service

__all__ = ["MediaEndpoint"]

_CHUNK: Final = 1 << 20
"""Bytes read at a time; a file of no more is read whole at once."""
_FORMATS: Final[dict[str, Format]] = {"": "wav", ".wav": "wav", ".mp3": "mp3"}


class MediaEndpoint:
    """Answers GET and HEAD of a recording's media; other methods are the resource's."""

    def __init__(
        self, service: Service, gate: Gate, resource: ASGIApp, *, needs_auth: bool
    ) -> None:
        self._service = service
        self._gate = gate
        self._resource = resource
        self._needs_auth = needs_auth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.method not in ("GET", "HEAD"):
            await self._resource(scope, receive, send)
            return
        try:
            response = await self._answer(request)
        except TwilioError as error:
            response = refused(error)
        if request.method == "HEAD":
            response, whole = head_of(response), response
            if isinstance(whole, _Parts):
                whole.close()
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path, sid = request.scope["path"], request.path_params["sid"]
        account, authorization = (
            request.path_params["account"],
            request.headers.get("authorization"),
        )
        query = Params.parse(request.scope["query_string"].decode("latin-1"))

        def find() -> RecordingRecord:
            if self._needs_auth:
                authenticate(self._service, authorization, account_sid=account, main_only=False)
            elif account != self._service.account.sid:
                raise not_found(path)
            try:
                return self._service.catalogue.recording(sid)
            except LookupError:
                raise not_found(path) from None

        record = await self._gate(find)

        def opened() -> tuple[Download, _File | None]:
            found = download(
                self._service.store,
                record,
                requested_channels=query.text("RequestedChannels") or None,
                format=_FORMATS[request.path_params["suffix"]],
            )
            return found, None if found.path is None else _open(found.path)

        try:
            found, file = await run_in_threadpool(opened)
        except FileNotFoundError:  # deleted meanwhile
            raise not_found(path) from None
        if file is None or found.content_type is None:
            await self._note(found, record, path)
            words = not_found(path).message + ": " if found.status == 404 else ""
            raise TwilioError(found.status, found.code or 20404, words + found.message)
        return _sent(request, file, found.content_type)

    async def _note(self, found: Download, record: RecordingRecord, path: str) -> None:
        code = found.notification
        if code is not None:
            url = self._service.base_url + path
            await self._gate(
                lambda: self._service.notify(
                    record.call_sid, code, found.message, url, warning=True
                )
            )


@dataclass(slots=True)
class _File:
    """An open file: what is deleted or written anew meanwhile changes nothing of it."""

    size: int
    validators: Validators
    beginning: bytes
    rest: BinaryIO | None
    """Open where the beginning is not all of it."""

    async def part(self, first: int, length: int) -> bytes:
        if first + length <= len(self.beginning):
            return self.beginning[first : first + length]
        assert self.rest is not None
        return await run_in_threadpool(os.pread, self.rest.fileno(), length, first)

    def close(self) -> None:
        if self.rest is not None:
            self.rest.close()


def _open(path: Path) -> _File:
    file = path.open("rb")
    try:
        state = os.fstat(file.fileno())
        beginning = file.read(_CHUNK)
    except BaseException:
        file.close()
        raise
    whole = len(beginning) == state.st_size
    if whole:
        file.close()
    return _File(
        size=state.st_size,
        validators=Validators(f'"{state.st_mtime_ns:x}-{state.st_size:x}"', int(state.st_mtime)),
        beginning=beginning,
        rest=None if whole else file,
    )


def _sent(request: Request, file: _File, content_type: str) -> Response:
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": file.validators.etag,
        "Last-Modified": formatdate(file.validators.modified, usegmt=True),
    }
    status = precondition(request.headers, file.validators)
    if status is not None:
        file.close()
        return Response(status_code=status, headers=headers)
    # Range is defined for GET alone (RFC 9110, section 14.2).
    parts = None
    if request.method == "GET":
        parts = wanted_ranges(request.headers, file.size, file.validators)
    if parts is None:
        return _Parts(file, 200, headers, content_type, [(b"", range(file.size))])
    if not parts:
        file.close()
        return Response(
            status_code=416, headers={**headers, "Content-Range": f"bytes */{file.size}"}
        )
    if len(parts) == 1:
        headers["Content-Range"] = _content_range(parts[0], file.size)
        return _Parts(file, 206, headers, content_type, [(b"", parts[0])])
    boundary = f"part-{file.validators.etag.strip(chr(34))}"
    pieces = []
    for number, part in enumerate(parts):
        start = "" if number == 0 else "\r\n"
        text = (
            f"{start}--{boundary}\r\nContent-Type: {content_type}\r\n"
            f"Content-Range: {_content_range(part, file.size)}\r\n\r\n"
        )
        pieces.append((text.encode(), part))
    pieces.append((f"\r\n--{boundary}--\r\n".encode(), range(0)))
    return _Parts(file, 206, headers, f"multipart/byteranges; boundary={boundary}", pieces)


def _content_range(part: range, size: int) -> str:
    return f"bytes {part.start}-{part.stop - 1}/{size}"


class _Parts(Response):
    """Stretches of a file, each after some bytes of ours; sent piece by piece."""

    def __init__(
        self,
        file: _File,
        status: int,
        headers: dict[str, str],
        content_type: str,
        pieces: list[tuple[bytes, range]],
    ) -> None:
        length = sum(len(text) + len(part) for text, part in pieces)
        super().__init__(
            status_code=status,
            headers={**headers, "Content-Type": content_type, "Content-Length": str(length)},
        )
        self._file = file
        self._pieces = pieces

    def close(self) -> None:
        """Instead of sending it."""
        self._file.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            for text, part in self._pieces:
                if text:
                    await send({"type": "http.response.body", "body": text, "more_body": True})
                for first in range(part.start, part.stop, _CHUNK):
                    length = min(_CHUNK, part.stop - first)
                    body = await self._file.part(first, length)
                    await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._file.close()
