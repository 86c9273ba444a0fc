"""Answers as they are sent: JSON where the path ends in ``.json``, otherwise XML (Twilio's way).

The XML is by Twilio's page on its responses: everything is in ``TwilioResponse``, names are in
CamelCase, a list's paging stands in its element's attributes and an error is a ``RestException``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from starlette.responses import Response

from mediasim.twilio.errors import TwilioError

__all__ = ["CHALLENGE", "ApiResponse", "head_of", "refused", "written"]

CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="Twilio API"'}
"""Headers of an answer that asks for credentials."""
_JSON: Final = "application/json"
_XML: Final = "application/xml"
_TEXT: Final = "text/plain"
_PAGING = {
    "page": "page",
    "page_size": "pagesize",
    "uri": "uri",
    "first_page_uri": "firstpageuri",
    "next_page_uri": "nextpageuri",
    "previous_page_uri": "previouspageuri",
    "start": "start",
    "end": "end",
}
"""Keys of the envelope, and the attributes of a list."""


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """What is shown: a resource, a page of a list, plain text, or nothing."""

    body: dict[str, Any] | str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def written(answer: ApiResponse, name: str, *, as_xml: bool) -> Response:
    """An answer; ``name`` is what one resource is called."""
    if answer.body is None:
        return Response(status_code=answer.status, headers=answer.headers)
    if isinstance(answer.body, str):
        return _response(answer.body, answer.status, answer.headers, _TEXT)
    if as_xml:
        return _response(_to_xml(answer.body, name), answer.status, answer.headers, _XML)
    return _response(_dumped(answer.body), answer.status, answer.headers, _JSON)


def refused(
    error: TwilioError, *, as_xml: bool = False, headers: Mapping[str, str] | None = None
) -> Response:
    """Why there is none."""
    more = {**(headers or {}), **(CHALLENGE if error.status == 401 else {})}
    if as_xml:
        return _response(_error_xml(error.to_json()), error.status, more, _XML)
    return _response(_dumped(error.to_json()), error.status, more, _JSON)


def _response(text: str, status: int, headers: Mapping[str, str], kind: str) -> Response:
    return Response(text, status, headers, kind)


def _dumped(body: object) -> str:
    return json.dumps(body, separators=(",", ":"))


def head_of(response: Response) -> Response:
    """The same without its body."""
    bare = Response(status_code=response.status_code)
    bare.raw_headers = response.raw_headers
    return bare


# -- XML --------------------------------------------------------------------------------------


def _to_xml(body: Mapping[str, Any], name: str) -> str:
    """A resource's JSON, or a page's, as XML; ``name`` is what one resource is called: ``Call``."""
    listed = next((key for key, value in body.items() if isinstance(value, list)), None)
    if listed is None:
        return _document(_element(name, body))
    attributes = "".join(
        f" {attribute}={quoteattr(_text(body[key]))}" for key, attribute in _PAGING.items()
    )
    inside = "".join(_element(name, resource) for resource in body[listed])
    return _document(f"<{_camel(listed)}{attributes}>{inside}</{_camel(listed)}>")


def _error_xml(body: Mapping[str, Any]) -> str:
    """An error's JSON as XML."""
    return _document(_element("RestException", body))


def _document(inside: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<TwilioResponse>{inside}</TwilioResponse>'


def _element(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        inside = "".join(_element(_camel(str(key)), each) for key, each in value.items())
    else:
        inside = escape(_text(value))
    return f"<{name}>{inside}</{name}>" if inside else f"<{name}/>"


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    # XML has no way to write most control characters.
    return "".join(char for char in text if char >= " " or char in "\t\n\r")


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))
