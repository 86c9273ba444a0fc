"""The URL of a webhook: its normal form, its signature, the hosts allowed, its overrides.

An app computes the signature of the URL that it receives; so the URL is brought into the
form that HTTP clients send: host in lower case, no default port, no dot segments, everything
that is not of a URL's alphabet percent-encoded. What two parsers could read differently
(a backslash, two ``@``, a host of odd characters) is refused: the host that was checked must be
the host that is called.

An app under test must not reach production by accident. Only names and addresses that need no
name server count as this machine (``localhost``, 127.0.0.0/8 and ::1 as they are usually written),
so no response of a name server can lead elsewhere. An address written in an unusual way is refused.

X-Twilio-Signature proves to an app that a request comes from its own account. The text signed
is the URL as it was requested, followed by each form parameter's name and value, names in order;
a body that is not a form is named in the URL by its SHA-256 instead. Rule and order:
https://www.twilio.com/docs/usage/security, judged by the SDK's own validator, which signs each
value of a repeated parameter once, in order.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Collection, Container, Iterable
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import parse_qsl, quote, unquote, urlsplit

__all__ = [
    "ConnectionOverrides",
    "Failure",
    "HostGuard",
    "WebhookUrl",
    "allowed_host",
    "body_signed_url",
    "is_address",
    "is_this_machine",
    "plain_host",
    "signature",
]

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_AUTHORITY: Final = re.compile(
    r"(?:(?P<user>[^@\[\]]*)@)?(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.IGNORECASE
)
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_EVERY_HOST: Final = "*"
_HOST_NAME: Final = re.compile(
    r"(?=.{1,254}$)(?:[a-z0-9_][a-z0-9_-]{0,62}\.)*[a-z0-9_-]*[a-z_][a-z0-9_-]*\.?"
)
Failure = Literal["ct", "rt", "4xx", "5xx"]
"""Why an attempt failed: no connection, no response on it, an error status of the app."""
_POLICIES: Final = ("4xx", "5xx", "ct", "rt", "all")


@dataclass(frozen=True, slots=True)
class WebhookUrl:
    """An http or https URL in its parts."""

    scheme: str
    host: str
    """Host in lower case; an IPv6 address without its brackets."""
    authority: str
    """Host and port, as in the Host header."""
    path: str
    query: str
    fragment: str
    userinfo: str | None
    """``name:password``, percent-encoded; None without."""

    @staticmethod
    def parse(url: str) -> WebhookUrl:
        """Parse an absolute URL. Raises ValueError if it is not one of http or https."""
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
        return WebhookUrl(
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
        """Return the URL without fragment and password, with more in its query."""
        queries = "&".join(part for part in (self.query, query) if part)
        return self.origin + self.path + (f"?{queries}" if queries else "")

    @property
    def base(self) -> str:
        """The base of relative URLs, with name and password."""
        user = f"{self.userinfo}@" if self.userinfo is not None else ""
        return self.url().replace("://", f"://{user}", 1)

    @property
    def authorization(self) -> str | None:
        """The Authorization header for the URL's name and password; None without."""
        if self.userinfo is None:
            return None
        name, _, password = self.userinfo.partition(":")
        plain = f"{unquote(name)}:{unquote(password)}"
        return "Basic " + base64.b64encode(plain.encode()).decode("ascii")


def _encoded(text: str, safe: str) -> str:
    return quote(_STRAY_PERCENT.sub("%25", text), safe=f"%{safe}", errors="replace")


def _without_dots(path: str) -> str:
    """Remove dot segments (RFC 3986, 5.2.4) of a path that begins with a slash or is empty."""
    normal: list[str] = []
    segments = path.split("/")[1:] or [""]
    for segment in segments:
        if segment == "..":
            del normal[-1:]
        elif segment != ".":
            normal.append(segment)
    if segments[-1] in (".", ".."):
        normal.append("")
    return "/" + "/".join(normal)


class HostGuard:
    """Restricts the hosts that may be called to this machine and those that the user allowed.

    Allowed are names, addresses, or ``*`` for any host.
    """

    def __init__(self, allowed: Collection[str] = (), named: Container[str] = ()) -> None:
        """``named`` has the names under which an app or a site answers on this machine."""
        self._allowed = frozenset(plain_host(host) for host in allowed)
        self._named = named

    def refusal(self, host: str) -> str | None:
        """Return why a host may not be called; None if it may."""
        plain = plain_host(host)
        if is_this_machine(plain) or plain in self._allowed or _EVERY_HOST in self._allowed:
            return None
        if plain in self._named:
            return None
        return (
            f"the host {host} was not called: only this machine (localhost, 127.0.0.1, [::1]) is, "
            "names in hosts, which lead to an app on it, and hosts that were allowed when the "
            "sandbox was started"
        )


def allowed_host(text: str) -> str:
    """A host as :class:`HostGuard` takes it. Raises ValueError for what no host is called."""
    plain = plain_host(text)
    if plain != _EVERY_HOST and _HOST_NAME.fullmatch(plain) is None and not is_address(plain):
        raise ValueError(
            f"expected the name or address of a host, without scheme and port, or *,"
            f" found {text[:60]!r}"
        )
    return text


def is_address(host: str) -> bool:
    """Whether a host is an IP address, IPv6 without its brackets."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def plain_host(host: str) -> str:
    """Return a host name as it is compared: in lower case, without brackets and final dot."""
    return host.strip("[]").lower().removesuffix(".")


def is_this_machine(host: str) -> bool:
    """Return whether a host is this machine by its loopback interface."""
    plain = plain_host(host)
    if plain == "localhost":
        return True
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        return False
    # An IPv4-mapped address is an unusual way to write one, which clients may read differently.
    mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    return address.is_loopback and not mapped


@dataclass(frozen=True, slots=True)
class ConnectionOverrides:
    """Connection overrides in the fragment of a webhook's URL: time-outs and retries.

    ``#rc=2&rp=5xx,ct&ct=2000&rt=5000&tt=10000``; names, ranges and defaults as on
    https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides. Numbers out of range
    become the nearest in it; names that are not simulated (``e``, ``sni``) are ignored, as are
    fragments that are no overrides at all.
    """

    retries: int = 1
    """Most retries (``rc``)."""
    policy: frozenset[str] = frozenset({"ct"})
    """Kinds of failures that are retried (``rp``)."""
    connect_seconds: float = 5
    """Most seconds for a connection (``ct``)."""
    read_seconds: float = 15
    """Most seconds for a response on it (``rt``)."""
    total_seconds: float = 15
    """Most seconds for all retries and redirects together (``tt``)."""

    @staticmethod
    def parse(fragment: str) -> ConnectionOverrides:
        """Parse a URL's fragment. Raises ValueError if it has an unknown retry policy."""
        given = dict(parse_qsl(fragment))
        policy = frozenset(given.get("rp", "ct").lower().split(","))
        if unknown := policy.difference(_POLICIES):
            raise ValueError(
                f"HTTP retry policy is invalid: rp={','.join(sorted(unknown))}; "
                f"rp is a list of {', '.join(_POLICIES)}, with commas between them"
            )
        return ConnectionOverrides(
            _within(given.get("rc"), 0, 5, 1),
            policy,
            _within(given.get("ct"), 100, 10_000, 5_000) / 1000,
            _within(given.get("rt"), 100, 15_000, 15_000) / 1000,
            _within(given.get("tt"), 100, 15_000, 15_000) / 1000,
        )

    def retry(self, failure: Failure) -> bool:
        """Tell whether a failure of a kind is retried."""
        return failure in self.policy or "all" in self.policy


def _within(written: str | None, least: int, most: int, default: int) -> int:
    if written is None or not (written.isascii() and written.isdigit()):
        return default
    # A longer number than nine digits is out of range whatever it is.
    return max(least, min(most, int(written[:9])))


def signature(auth_token: str, url: str, params: Iterable[tuple[str, str]] = ()) -> str:
    """Return the value of X-Twilio-Signature for a request.

    ``url`` is complete, with port and query; ``params`` are the form's, none for a GET request
    or a body that is no form.
    """
    # A set, for the SDK's validator signs equal pairs once.
    text = url + "".join(name + value for name, value in sorted(set(params)))
    digest = hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode("ascii")


def body_signed_url(url: str, body: bytes) -> str:
    """Return the URL to request and to sign for a body that is no form: it has the body's hash."""
    joint = "&" if "?" in url else "?"
    return f"{url}{joint}bodySHA256={hashlib.sha256(body).hexdigest()}"
