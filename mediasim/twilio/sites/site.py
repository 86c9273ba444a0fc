"""A request to one of Twilio's own sites, and the response of its stand-in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from xml.etree import ElementTree

from mediasim.twilio.representations import xml_text

__all__ = ["Site", "SiteRequest", "SiteResponse", "no_such_page", "twiml", "verb"]

_XML: Final = "text/xml; charset=utf-8"
_KEYED: Final = re.compile(r"(?P<name>[^\[\]]+)(?:\[(?P<key>[^\]]*)\])?")
"""A parameter as PHP reads it: ``Message``, ``Message[]``, ``Options[1]``."""


@dataclass(frozen=True)
class SiteRequest:
    """A request to a site: a webhook of the sandbox's, or one of an app."""

    method: str
    url: str
    """Absolute URL, with its query."""
    body: bytes = b""
    """A form, or nothing."""

    @property
    def path(self) -> str:
        """The path without a slash at its end."""
        return urlsplit(self.url).path.rstrip("/") or "/"

    @property
    def host(self) -> str:
        """The host, in lower case."""
        return urlsplit(self.url).hostname or ""

    @property
    def origin(self) -> str:
        """Scheme and host of the site."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @cached_property
    def _pairs(self) -> list[tuple[str, str]]:
        """The parameters of the query, then those of the form."""
        body = self.body.decode("utf-8", "replace")
        texts = (urlsplit(self.url).query, body)
        return [pair for text in texts for pair in parse_qsl(text, keep_blank_values=True)]

    def text(self, name: str) -> str:
        """Return a parameter of the query or the form; "" if it is absent."""
        return next((value.strip() for key, value in self._pairs if key == name), "")

    def has(self, name: str) -> bool:
        """Tell whether there is a parameter of a name."""
        return any(key == name for key, _ in self._pairs)

    def entries(self, name: str) -> dict[str, str]:
        """Return the values of ``Name[key]`` by key; those without a key are numbered from 0."""
        found: dict[str, str] = {}
        for written, value in self._pairs:
            matched = _KEYED.fullmatch(written)
            if matched is not None and matched["name"] == name and value.strip():
                found[matched["key"] or str(len(found))] = value.strip()
        return found

    def listed(self, name: str) -> list[str]:
        """Return the values of ``Name``, ``Name[]`` and ``Name[0]``, in order of their numbers."""
        entries = self.entries(name)
        numbered = sorted(entries, key=lambda key: (not key.isdigit(), key.zfill(9)))
        return [entries[key] for key in numbered]

    def again(self, *names: str) -> str:
        """Return the URL of the same page, with these of its parameters alone."""
        keyed = ((_KEYED.fullmatch(pair[0]), pair) for pair in self._pairs)
        kept = [pair for matched, pair in keyed if matched is not None and matched["name"] in names]
        return self.page(self.path, kept)

    def page(self, path: str, params: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
        """Return the URL of a page of the same site; parameters without a value are left out."""
        pairs = params.items() if isinstance(params, Mapping) else params
        query = urlencode([pair for pair in pairs if pair[1]], quote_via=quote)
        return f"{self.origin}{path}" + (f"?{query}" if query else "")


@dataclass(frozen=True, slots=True)
class SiteResponse:
    """The response of a site."""

    body: bytes
    content_type: str = _XML
    status: int = 200
    notes: tuple[str, ...] = ()
    """What a person should know: what would have been sent elsewhere, what is missing."""


Site = Callable[[SiteRequest], SiteResponse]
"""The stand-in of a site. May take long the first time: to be called beside the engine's loop."""


def verb(
    name: str, text: str = "", *children: ElementTree.Element, **attributes: str
) -> ElementTree.Element:
    """Return an element of TwiML; attributes without a value are left out."""
    element = ElementTree.Element(name, {key: xml_text(it) for key, it in attributes.items() if it})
    element.text = xml_text(text) or None
    element.extend(children)
    return element


def twiml(*verbs: ElementTree.Element, notes: Iterable[str] = ()) -> SiteResponse:
    """Return a document of these verbs."""
    root = verb("Response", "", *verbs)
    return SiteResponse(
        ElementTree.tostring(root, "utf-8", xml_declaration=True), notes=tuple(notes)
    )


def no_such_page(request: SiteRequest, there: Iterable[str]) -> SiteResponse:
    """Return the response to a page that is not there; ``there`` are the pages that are."""
    words = f"{request.host} has no {request.path} in this sandbox: it has {', '.join(there)}"
    return SiteResponse(f"{words}\n".encode(), "text/plain; charset=utf-8", 404)
