"""Parses the values of SIP headers: addresses, URIs, Via, lists (RFC 3261 section 25, RFC 3966).

Whitespace and escapes are accepted wherever the grammar allows them (RFC 4475 section 3.1.1);
invalid values that could be read in two ways are errors. The results are classes of aiosipua.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from aiosipua import Address, SipUri, Via

__all__ = [
    "is_token",
    "read_address",
    "read_params",
    "read_uri",
    "read_via",
    "split_list",
    "subscriber",
    "uri_in",
]

_TOKEN: Final = re.compile(r"[A-Za-z0-9.!%*_+`'~-]{1,128}")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_HOST: Final = re.compile(
    r"(?P<host>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?:\s*:\s*(?P<port>[0-9]{1,5}))?"
)
_VIA: Final = re.compile(
    r"(?P<name>[\w.!%*+`'~-]+)\s*/\s*(?P<version>[\w.!%*+`'~-]+)\s*/\s*"
    r"(?P<transport>[\w.!%*+`'~-]+)\s+(?P<by>[^;\s]+(?:\s*:\s*[0-9]+)?)\s*(?P<params>;.*)?",
    re.ASCII | re.DOTALL,
)
_NO_URI: Final = re.compile(r"[\s<>\"\x00-\x1f]")
_SEPARATORS: Final = re.compile(r"[-.()]")
_DIALLED: Final = re.compile(r"\+?[0-9*#().-]+")
_HIGHEST_PORT: Final = 65_535


def is_token(text: str) -> bool:
    """Return whether a text is a token of the grammar, of at most 128 characters."""
    return _TOKEN.fullmatch(text) is not None


def split_list(text: str, separator: str = ",") -> list[str]:
    """Split a list at separators that are not in quoted strings or between < and >.

    Raises ValueError for a quoted string or a < without its end.
    """
    parts: list[str] = []
    start = 0
    for at, char in _plain(text):
        if char == separator:
            parts.append(text[start:at].strip())
            start = at + 1
    return [*parts, text[start:].strip()]


def _plain(text: str) -> Iterator[tuple[int, str]]:
    """Yield (index, character) outside of quoted strings and < >, and of every <."""
    at, end = 0, len(text)
    while at < end:
        char = text[at]
        if char == '"':
            at = _end_of_quotes(text, at)
        elif char == "<":
            yield at, char
            at = text.find(">", at)
            if at < 0:
                raise ValueError("expected a > after <")
        else:
            yield at, char
        at += 1


def _end_of_quotes(text: str, start: int) -> int:
    at = start + 1
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == '"':
            return at
        at += 1
    raise ValueError('expected a second " in a quoted string')


def read_params(text: str) -> dict[str, str | None]:
    """Parse ``;name=value`` and ``;name``, with names in lower case.

    Raises ValueError for an empty name.
    """
    params: dict[str, str | None] = {}
    first, *rest = split_list(text, ";")
    if first:
        raise ValueError(f"expected parameters that begin with ;, found {first[:40]!r}")
    for part in rest:
        name, equals, value = part.partition("=")
        if not name.strip():
            raise ValueError("expected a parameter after ;")
        params[name.strip().lower()] = value.strip() if equals else None
    return params


def read_uri(text: str) -> SipUri:
    """Parse a sip, sips or tel URI; one of another scheme is returned empty, without a scheme.

    The user includes its parameters (RFC 3261 section 19.1.6). A tel URI has a user only. Raises
    ValueError.
    """
    text = text.strip()
    found = _SCHEME.fullmatch(text)
    if found is None or _NO_URI.search(text):
        raise ValueError(f"expected a URI, found {text[:60]!r}")
    scheme, rest = found[1].lower(), found[2]
    if scheme == "tel":
        if _DIALLED.fullmatch(rest.partition(";")[0]):
            return SipUri(scheme=scheme, user=rest)
        scheme = ""
    if scheme not in ("sip", "sips"):
        return SipUri(scheme="")
    # The user is taken off first: its own ; and ? are not the URI's.
    user, at, rest = rest.rpartition("@") if rest.count("@") == 1 else ("", "", rest)
    rest, _, headers = rest.partition("?")
    rest, semicolon, params = rest.partition(";")
    host, port = _host(rest)
    return SipUri(
        scheme=scheme,
        user=user if at else None,
        host=host,
        port=port,
        params=read_params(f";{params}") if semicolon else {},
        headers={
            name: value
            for name, _, value in (part.partition("=") for part in headers.split("&") if headers)
        },
    )


def _host(text: str) -> tuple[str, int | None]:
    """Parse a host and its port. Raises ValueError."""
    found = _HOST.fullmatch(text)
    if found is None:
        raise ValueError(f"expected HOST or HOST:PORT, found {text[:60]!r}")
    port = None if found["port"] is None else int(found["port"])
    if port is not None and not 0 < port <= _HIGHEST_PORT:
        raise ValueError(f"expected a port from 1 to {_HIGHEST_PORT}, found {port}")
    return found["host"], port


def uri_in(text: str) -> str:
    """Return the URI in a From, To or Contact value as text. Raises ValueError."""
    return _address_parts(text)[1]


def read_address(text: str) -> Address:
    """Parse a From, To or Contact value: name, URI and parameters. Raises ValueError."""
    name, uri, params = _address_parts(text)
    if name.startswith('"'):
        name = re.sub(r"\\(.)", r"\1", name[1:-1], flags=re.DOTALL)
    elif "," in name:
        raise ValueError(f"expected a name with a comma in quotes, found {name[:40]!r}")
    return Address(
        display_name=name or None, uri=read_uri(uri), params=read_params(params) if params else {}
    )


def _address_parts(text: str) -> tuple[str, str, str]:
    """Split an address into its name, URI, and parameters with their semicolons."""
    text = text.strip()
    start = next((at for at, char in _plain(text) if char == "<"), None)
    if start is not None:
        end = text.index(">", start)
        uri = text[start + 1 : end]
        if uri != uri.strip():
            raise ValueError("expected a URI without spaces between < and >")
        return text[:start].strip(), uri, text[end + 1 :].strip()
    uri, semicolon, params = text.partition(";")  # without < > they are the header's (20.10)
    if "?" in uri or "," in uri:
        raise ValueError(f"expected a URI with ? or , between < and >, found {uri[:60]!r}")
    return "", uri.strip(), semicolon + params


def read_via(text: str) -> Via:
    """Parse a Via value. Raises ValueError."""
    found = _VIA.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"expected SIP/2.0/TRANSPORT HOST in a Via header, found {text[:60]!r}")
    host, port = _host(found["by"])
    return Via(
        protocol=f"{found['name']}/{found['version']}",
        transport=found["transport"].upper(),
        host=host,
        port=port,
        params=read_params(found["params"]) if found["params"] else {},
    )


def subscriber(uri: SipUri) -> str:
    """Return the user of a URI without parameters, or a telephone number without separators.

    A local number is completed by a ``phone-context`` that is a prefix (RFC 3966 section 5.1.5).
    """
    user, *params = (uri.user or "").split(";")
    user = unquote(user)
    given = {name.lower(): value for name, _, value in (each.partition("=") for each in params)}
    context = unquote(given.get("phone-context", ""))
    telephone = uri.scheme == "tel" or context or user.startswith("+")
    if not (telephone and _DIALLED.fullmatch(user)):
        return user
    number = _SEPARATORS.sub("", user)
    if context.startswith("+") and not number.startswith("+"):
        number = _SEPARATORS.sub("", context) + number
    return number
