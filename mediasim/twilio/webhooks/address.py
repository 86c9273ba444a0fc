"""A webhook's URL: as it goes over the wire and is signed, whether it may be called, and how.

An app computes the signature of the URL that it was asked for; so the URL is brought into the
form that HTTP clients send: host in lower case, no default port, no dot segments, everything
that is not of a URL's alphabet percent-encoded. What two readers could understand differently
(a backslash, two ``@``, a host of odd characters) is refused: the host that was checked must be
the host that is called.

An app under test must not reach production by accident. Only what needs no name server counts
as this machine (``localhost``, 127.0.0.0/8 and ::1 as they are usually written), so no answer
of a name server's can lead elsewhere. An address written in an unusual way is refused.

X-Twilio-Signature is how an app knows that a request comes from its own account. The text signed
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
from collections.abc import Collection, Iterable
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
"""No connection; no answer on it; an error status of the app's."""
_POLICIES: Final = ("4xx", "5xx", "ct", "rt", "all")


@dataclass(frozen=True, slots=True)
class WebhookUrl:
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
    def parse(url: str) -> WebhookUrl:
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


class HostGuard:
    """Says which hosts may be called: this machine's own, and those that the user allowed.

    Allowed are names, addresses, or ``*`` for any host.
    """

    def __init__(self, allowed: Collection[str] = ()) -> None:
        self._allowed = frozenset(_plain(host) for host in allowed)

    def refusal(self, host: str) -> str | None:
        """Why a host may not be called; None: it may."""
        plain = _plain(host)
        if _is_loopback(plain) or plain in self._allowed or _EVERY_HOST in self._allowed:
            return None
        return (
            f"the host {host} was not called: only this machine (localhost, 127.0.0.1, [::1]) is, "
            "and hosts that were allowed when the sandbox was started"
        )


def allowed_host(text: str) -> str:
    """A host as :class:`HostGuard` takes it. Raises ValueError for what no host is called."""
    plain = _plain(text)
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


def _plain(host: str) -> str:
    return host.strip("[]").lower().removesuffix(".")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    return address.is_loopback and not mapped


@dataclass(frozen=True, slots=True)
class ConnectionOverrides:
    """How one webhook is delivered: what the fragment of its URL says of time-outs and retries.

    ``#rc=2&rp=5xx,ct&ct=2000&rt=5000&tt=10000``; names, ranges and defaults as on
    https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides. Numbers out of range
    are taken as the nearest in it; names that are not of this sandbox's concern (``e``, ``sni``)
    are passed over, as are fragments that are no overrides at all.
    """

    retries: int = 1
    """``rc``"""
    policy: frozenset[str] = frozenset({"ct"})
    """``rp``: the failures that are retried."""
    connect_seconds: float = 5
    """``ct``"""
    read_seconds: float = 15
    """``rt``"""
    total_seconds: float = 15
    """``tt``: for all retries and redirects together."""

    @staticmethod
    def parse(fragment: str) -> ConnectionOverrides:
        """Read a URL's fragment. Raises ValueError for a retry policy that there is not."""
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
        """Is a failure of this kind worth another attempt?"""
        return failure in self.policy or "all" in self.policy


def _within(written: str | None, least: int, most: int, default: int) -> int:
    if written is None or not (written.isascii() and written.isdigit()):
        return default
    # A longer number than nine digits is out of range whatever it is.
    return max(least, min(most, int(written[:9])))


def signature(auth_token: str, url: str, params: Iterable[tuple[str, str]] = ()) -> str:
    """The header's value for a request.

    ``url`` is complete, with port and query; ``params`` are the form's, none for a GET request
    or a body that is no form.
    """
    text = url + "".join(name + value for name, value in sorted(set(params)))
    digest = hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode("ascii")


def body_signed_url(url: str, body: bytes) -> str:
    """The URL to request and to sign when the body is no form (JSON): it names the body's hash."""
    joint = "&" if "?" in url else "?"
    return f"{url}{joint}bodySHA256={hashlib.sha256(body).hexdigest()}"
