"""Downloads of a recording's media: ``Recordings/RE….wav``, ``.mp3``, and without either WAV.

``RequestedChannels`` is 1 or 2; the exchange's download table says which file it gives, or why
none. The file is found, mixed down or encoded in a thread, and served over HTTP with HEAD, one or
several ranges and conditional requests (RFC 9110: preconditions in the order of section 13.2.2,
byte ranges by section 14).

Whether credentials are needed is a setting of the account, as it is with Twilio. Errors are
JSON here, which is our choice: Twilio's are XML for a path without ``.json``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mediasim.exchange.records import RecordingRecord
from mediasim.twilio.account import Account
from mediasim.twilio.download import Download, Format, download
from mediasim.twilio.errors import BAD_PARAMETER, TwilioError, not_found
from mediasim.twilio.ports import Gate
from mediasim.twilio.rest.endpoint import authenticate
from mediasim.twilio.rest.noted import ignored_words
from mediasim.twilio.rest.params import Params
from mediasim.twilio.rest.responses import error_response, without_body

__all__ = ["MEDIA_PARAMETERS", "MediaEndpoint", "Validators", "precondition", "wanted_ranges"]

MEDIA_PARAMETERS: Final = ("RequestedChannels",)
"""Names of the parameters of a download."""
_MOST_PARTS: Final = 16
_NEVER: Final = float("inf")
_FORMATS: Final[dict[str, Format]] = {"": "wav", ".wav": "wav", ".mp3": "mp3"}


class MediaEndpoint:
    """Handles GET and HEAD of a recording's media; other methods are the resource's."""

    def __init__(
        self, account: Account, gate: Gate, resource: ASGIApp, *, needs_auth: bool
    ) -> None:
        self._account = account
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
            response = error_response(error)
        if request.method == "HEAD":
            response = without_body(response)
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
                authenticate(self._account, authorization, account_sid=account, main_only=False)
            self._account.retention.settle()
            try:
                record = self._account.catalogue.recording(sid)
            except LookupError:
                raise not_found(path) from None
            if record.account_sid != account:
                raise not_found(path)
            return record

        record = await self._gate(find)

        def described() -> tuple[Download, os.stat_result | None]:
            found = download(
                self._account.store,
                record,
                requested_channels=query.text("RequestedChannels") or None,
                format=_FORMATS[request.path_params["suffix"]],
            )
            return found, None if found.path is None else found.path.stat()

        if ignored := [name for name in query.unread() if name not in MEDIA_PARAMETERS]:
            await self._gate(lambda: self._ignored(record, ignored))
        try:
            found, state = await run_in_threadpool(described)
        except FileNotFoundError:  # deleted meanwhile
            raise not_found(path) from None
        if found.path is None or state is None:
            await self._note(found, record, path)
            words = not_found(path).message + ": " if found.status == 404 else ""
            raise TwilioError(found.status, found.code or 20404, words + found.message)
        file = _MediaFile(found.path, media_type=found.content_type, stat_result=state)
        return _respond(request, file, state)

    def _ignored(self, record: RecordingRecord, names: list[str]) -> None:
        """Add a warning that names parameters of a download which nothing reads."""
        for words in ignored_words("Recording", names):
            self._account.notify(record.call_sid, BAD_PARAMETER, words, warning=True)

    async def _note(self, found: Download, record: RecordingRecord, path: str) -> None:
        code = found.notification
        if code is not None:
            url = self._account.base_url + path
            await self._gate(
                lambda: self._account.notify(
                    record.call_sid, code, found.message, url, warning=True
                )
            )


class _MediaFile(FileResponse):
    """The response with a recording's file, or with some ranges of it.

    Starlette refuses a Range header that it does not understand, and one with a range beyond the
    end of the file. RFC 9110, section 14.2, has both ignored; so Starlette gets a header with the
    ranges that can be sent.
    """

    chunk_size = 1 << 20
    parts: list[range] | None = None
    """The ranges to send, in bytes; None: the whole file."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [each for each in scope["headers"] if each[0] not in (b"range", b"if-range")]
        if self.parts is not None:
            parts = ",".join(f"{part.start}-{part.stop - 1}" for part in self.parts)
            headers.append((b"range", f"bytes={parts}".encode()))
        await super().__call__({**scope, "headers": headers}, receive, send)


def _respond(request: Request, file: _MediaFile, state: os.stat_result) -> Response:
    validators = Validators(file.headers["etag"], int(state.st_mtime))
    headers = {name: file.headers[name] for name in ("accept-ranges", "etag", "last-modified")}
    status = precondition(request.headers, validators)
    if status is not None:
        return Response(status_code=status, headers=headers)
    if request.method == "GET":  # Range is defined for GET alone (RFC 9110, section 14.2)
        file.parts = wanted_ranges(request.headers, state.st_size, validators)
    if file.parts == []:
        headers["content-range"] = f"bytes */{state.st_size}"
        return Response(status_code=416, headers=headers)
    return file


@dataclass(frozen=True, slots=True)
class Validators:
    """The validators of a file's state (RFC 9110, section 8.8)."""

    etag: str
    """Strong entity tag, with its quotes."""
    modified: int
    """Time of the last change, in whole seconds since 1970."""


def precondition(headers: Mapping[str, str], validators: Validators) -> int | None:
    """Return the status that a conditional GET ends with, 304 or 412; None if it goes on."""
    if (match := headers.get("if-match")) is not None:
        if not _listed(match, validators.etag):
            return 412
    # A date that cannot be read is ignored (RFC 9110, section 13.1.4).
    elif validators.modified > (_seconds(headers.get("if-unmodified-since")) or _NEVER):
        return 412
    if (match := headers.get("if-none-match")) is not None:
        return 304 if _listed(match.replace("W/", ""), validators.etag) else None
    if (since := _seconds(headers.get("if-modified-since"))) is not None:
        return 304 if validators.modified <= since else None
    return None


def wanted_ranges(
    headers: Mapping[str, str], size: int, validators: Validators
) -> list[range] | None:
    """Return the ranges to send, in bytes; none can be sent if empty (416); None: the whole file.

    A Range header that is not understood is ignored; so is one of more than 16 ranges or of more
    bytes than the file has, which section 14.2 allows.
    """
    header = headers.get("range")
    if header is None or not _still_the_same(headers.get("if-range"), validators):
        return None
    unit, _, text = header.partition("=")
    if unit.strip().lower() != "bytes":
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not 1 <= len(parts) <= _MOST_PARTS:
        return None
    found: list[range] = []
    for part in parts:
        match = re.fullmatch(r"([0-9]{0,18})-([0-9]{0,18})", part)
        if match is None or match[0] == "-":
            return None
        first, last = match[1], match[2]
        if not first:
            wanted = range(max(size - int(last), 0), size)
        elif last and int(last) < int(first):
            return None
        else:
            wanted = range(int(first), min(int(last) + 1, size) if last else size)
        if wanted:
            found.append(wanted)
    # Overlapping ranges must not multiply the bytes that one request is sent.
    return found if sum(map(len, found)) <= size else None


def _still_the_same(if_range: str | None, validators: Validators) -> bool:
    if if_range is None:
        return True
    if if_range.startswith(('"', "W/")):
        return if_range == validators.etag
    return _seconds(if_range) == validators.modified


def _listed(header: str, etag: str) -> bool:
    return header.strip() == "*" or etag in (each.strip() for each in header.split(","))


def _seconds(date: str | None) -> int | None:
    if date is None:
        return None
    try:
        return int(parsedate_to_datetime(date).timestamp())
    except (ValueError, OverflowError):
        return None
