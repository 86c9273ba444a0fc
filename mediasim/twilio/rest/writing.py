"""Answers as they are sent: JSON where the path ends in ``.json``, otherwise XML (Twilio's way)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from mediasim.twilio.errors import TwilioError
from mediasim.twilio.rest.ask import Answer
from mediasim.twilio.rest.auth import CHALLENGE
from mediasim.twilio.rest.xml import error_xml, to_xml

__all__ = ["refused", "written"]

_JSON: Final = "application/json"
_XML: Final = "application/xml"
_TEXT: Final = "text/plain"


def written(answer: Answer, name: str, *, as_xml: bool) -> Response:
    """An answer; ``name`` is what one resource is called."""
    if answer.body is None:
        return Response(status_code=answer.status, headers=answer.headers)
    if isinstance(answer.body, str):
        return _response(answer.body, answer.status, answer.headers, _TEXT)
    if as_xml:
        return _response(to_xml(answer.body, name), answer.status, answer.headers, _XML)
    return _response(_dumped(answer.body), answer.status, answer.headers, _JSON)


def refused(
    error: TwilioError, *, as_xml: bool = False, headers: Mapping[str, str] | None = None
) -> Response:
    """Why there is none."""
    more = {**(headers or {}), **(CHALLENGE if error.status == 401 else {})}
    if as_xml:
        return _response(error_xml(error.to_json()), error.status, more, _XML)
    return _response(_dumped(error.to_json()), error.status, more, _JSON)


def _response(text: str, status: int, headers: Mapping[str, str], kind: str) -> Response:
    return Response(text, status, headers, kind)


def _dumped(body: object) -> str:
    return json.dumps(body, separators=(",", ":"))
