"""Reading a request's form.

A body of any other type than a form has no parameters, as with Twilio: JSON sent to it says
nothing, and what is required is missed. A body of more than 1 MiB is not read (413, code 20413).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.rest.params import MOST_FIELDS, Params

__all__ = ["read_form"]

_LARGEST: Final = 1 << 20
_TOO_LARGE: Final = 20413


async def read_form(request: Request) -> Params:
    """The form's parameters. Raises TwilioError for one that cannot be read."""
    body = await _read(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("", "application/x-www-form-urlencoded"):
        return Params.parse(body.decode("utf-8", "replace"))
    if kind == "multipart/form-data":
        return await _multipart(request, body)
    return Params()


async def _read(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > _LARGEST:
            raise TwilioError(413, _TOO_LARGE, f"A request may have {_LARGEST} bytes at most")
        chunks.append(chunk)
    return b"".join(chunks)


async def _multipart(request: Request, body: bytes) -> Params:
    async def stream() -> AsyncIterator[bytes]:
        yield body

    parser = MultiPartParser(
        request.headers,
        stream(),  # type: ignore[arg-type]  # it is only iterated over
        max_files=0,
        max_fields=MOST_FIELDS,
        max_part_size=_LARGEST,
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError, LookupError) as error:
        raise bad_parameter(f"The form cannot be read: {error}") from None
    return Params((name, value) for name, value in form.multi_items() if isinstance(value, str))
