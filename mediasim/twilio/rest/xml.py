"""Twilio's XML of resources, lists and errors: what a path without ``.json`` is answered with.

By Twilio's page on its responses: everything is in ``TwilioResponse``, names are in CamelCase, a
list's paging stands in its element's attributes and an error is a ``RestException``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

__all__ = ["error_xml", "to_xml"]

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


def to_xml(body: Mapping[str, Any], name: str) -> str:
    """A resource's JSON, or a page's, as XML; ``name`` is what one resource is called: ``Call``."""
    listed = next((key for key, value in body.items() if isinstance(value, list)), None)
    if listed is None:
        return _document(_element(name, body))
    attributes = "".join(
        f" {attribute}={quoteattr(_text(body[key]))}" for key, attribute in _PAGING.items()
    )
    inside = "".join(_element(name, resource) for resource in body[listed])
    return _document(f"<{_camel(listed)}{attributes}>{inside}</{_camel(listed)}>")


def error_xml(body: Mapping[str, Any]) -> str:
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
