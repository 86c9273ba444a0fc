"""Responses: JSON if the path ends in ``.json``, otherwise XML, as with Twilio.

The XML follows Twilio's page on its responses: everything is in ``TwilioResponse``, names are in
CamelCase, a list's paging is in its element's attributes and an error is a ``RestException``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from starlette.responses import Response

from mediasim.twilio.errors import TwilioError
from mediasim.twilio.representations import xml_text

__all__ = ["CHALLENGE", "ApiResponse", "error_response", "to_response", "without_body"]

CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="Twilio API"'}
"""Headers of a response that requests credentials."""
_JSON: Final = "application/json"
_XML: Final = "application/xml"
_TEXT: Final = "text/plain"
_PAGING: Final = (
    *("page", "page_size", "uri", "first_page_uri", "next_page_uri", "previous_page_uri"),
    *("start", "end"),
)
"""Keys of a list's envelope; without their underscores they are its XML attributes."""


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """The response of a handler: a resource, a page of a list, plain text, or nothing."""

    body: dict[str, Any] | str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def to_response(answer: ApiResponse, name: str, *, as_xml: bool) -> Response:
    """Return the HTTP response of a handler's; ``name`` is the resource's in XML."""
    if answer.body is None:
        return Response(status_code=answer.status, headers=answer.headers)
    if isinstance(answer.body, str):
        text, kind = answer.body, _TEXT
    elif as_xml:
        text, kind = _to_xml(answer.body, name), _XML
    else:
        text, kind = json.dumps(answer.body, separators=(",", ":")), _JSON
    return Response(text, answer.status, answer.headers, kind)


def error_response(
    error: TwilioError, *, as_xml: bool = False, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the HTTP response of an error."""
    more = {**(headers or {}), **(CHALLENGE if error.status == 401 else {})}
    answer = ApiResponse(error.to_json(), error.status, more)
    return to_response(answer, "RestException", as_xml=as_xml)


def without_body(response: Response) -> Response:
    """Return a response without its body."""
    bare = Response(status_code=response.status_code)
    bare.raw_headers = response.raw_headers
    return bare


# -- XML --------------------------------------------------------------------------------------


def _to_xml(body: Mapping[str, Any], name: str) -> str:
    """Return the JSON of a resource or a page as XML; ``name`` is that of one resource."""
    listed = next((key for key, value in body.items() if isinstance(value, list)), None)
    if listed is None or "sid" in body or "uri" not in body:  # a list inside a resource
        return _document(_element(name, body))
    attributes = "".join(
        f" {key.replace('_', '')}={quoteattr(_text(body[key]))}" for key in _PAGING if key in body
    )
    inside = "".join(_element(name, resource) for resource in body[listed])
    return _document(f"<{_camel(listed)}{attributes}>{inside}</{_camel(listed)}>")


def _document(inside: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<TwilioResponse>{inside}</TwilioResponse>'


def _element(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        inside = "".join(_element(_camel(str(key)), each) for key, each in value.items())
    elif isinstance(value, list):
        inside = "".join(_element(name.removesuffix("s"), each) for each in value)
    else:
        inside = escape(_text(value))
    return f"<{name}>{inside}</{name}>" if inside else f"<{name}/>"


def _text(value: Any) -> str:
    if value is None:
        return ""
    return xml_text(str(value).lower() if isinstance(value, bool) else str(value))


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))
