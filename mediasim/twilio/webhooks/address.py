"""A webhook's URL as it goes over the wire, and so as it is signed.

An app computes the signature of the URL that it was asked for; so the URL is brought into the
form that HTTP clients send: host in lower case, no default port, no dot segments, everything
that is not of a URL's alphabet percent-encoded. What two readers could understand differently
(a backslash, two ``@``, a host of odd characters) is refused: the host that was checked must be
the host that is called.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urlsplit

__all__ = ["Address"]

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_AUTHORITY: Final = re.compile(
    r"(?:(?P<user>[^@\[\]]*)@)?(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.IGNORECASE
)
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Address:
    """An http or https URL in parts."""

    scheme: str
    host: str
    """In lower case; an IPv6 address without its brackets."""
    authority: str
    """Host and port, as the Host header has them."""
    path: str
    query: str
    fragment: str
    userinfo: str | None
    """``name:password``, still encoded."""

    @staticmethod
    def parse(url: str) -> Address:
        """Read an absolute URL. Raises ValueError, with what is wrong, for anything else."""
        url = url.strip()
        if any(ord(character) <= 0x20 or character in "\\\x7f" for character in url):
            raise ValueError("it has a space, a backslash or a control character in it")
        parts = urlsplit(url)
        if parts.scheme not in _DEFAULT_PORTS:
            raise ValueError("it must be an absolute URL that begins with http:// or https://")
        matched = _AUTHORITY.fullmatch(parts.netloc)
        if matched is None or not parts.hostname:
            raise ValueError(f"{parts.netloc!r} is no host name, address or port")
        host, port = parts.hostname, parts.port
        authority = f"[{host}]" if ":" in host else host
        if port is not None and port != _DEFAULT_PORTS[parts.scheme]:
            authority += f":{port}"
        return Address(
            parts.scheme,
            host,
            authority,
            _without_dots(_encoded(parts.path, "/:@!$&'()*+,;=")),
            _encoded(parts.query, "/?:@!$&'()*+,;=[]{}|^`"),
            parts.fragment,
            matched["user"],
        )

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    def url(self, query: str = "") -> str:
        """As requested, with more in its query."""
        queries = "&".join(part for part in (self.query, query) if part)
        return self.origin + self.path + (f"?{queries}" if queries else "")

    @property
    def base(self) -> str:
        """What relative URLs are relative to: name and password are kept."""
        user = f"{self.userinfo}@" if self.userinfo is not None else ""
        return self.url().replace("://", f"://{user}", 1)

    @property
    def authorization(self) -> str | None:
        """The header for the URL's name and password."""
        if self.userinfo is None:
            return None
        name, _, password = self.userinfo.partition(":")
        plain = f"{unquote(name)}:{unquote(password)}"
        return "Basic " + base64.b64encode(plain.encode()).decode("ascii")


def _encoded(text: str, safe: str) -> str:
    return quote(_STRAY_PERCENT.sub("%25", text), safe=f"%{safe}", errors="replace")


def _without_dots(path: str) -> str:
    """RFC 3986, 5.2.4, for a path that begins with a slash or is empty."""
    kept: list[str] = []
    segments = path.split("/")[1:] or [""]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
