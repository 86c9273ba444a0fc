"""Oddities of signatures: requests that are not signed quite as they are sent.

Each is reported by users of Twilio or follows from what is reported, and makes some app refuse
requests that are genuine. They are faults to switch on: without one, a request is signed as it is
sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

__all__ = ["ODDITIES", "Oddity", "SignedRequest", "with_oddities"]

_UNSIGNED: Final = ("CallToken", "StirVerstat")
_VERSTAT: Final = "TN-Validation-Passed-A"
_REPEATED: Final = ("ApiVersion", "2008-08-01")
"""A parameter and its other value: an older version of the API, which no app goes by."""
_LEFT_AS_THEY_ARE: Final = "'@:,!*()"
"""Characters of a query that are signed as they are and sent escaped."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request to an app as it is sent, and as it is signed."""

    url: str
    params: tuple[tuple[str, str], ...]
    """Parameters of its form; none of a GET request, which has them in its URL."""
    signed_url: str
    signed_params: tuple[tuple[str, str], ...]
    token: str
    """Token that it is signed with."""
    posted: bool


@dataclass(frozen=True, slots=True)
class Oddity:
    """The row of one oddity."""

    words: str
    """What is odd, for the delivery log."""
    apply: Callable[[SignedRequest], SignedRequest]


def with_oddities(request: SignedRequest, names: Iterable[str]) -> tuple[SignedRequest, list[str]]:
    """Return a request with oddities, and the words of those that have changed it."""
    words = []
    for name in names:
        odd = ODDITIES[name].apply(request)
        if odd != request:
            words.append(ODDITIES[name].words)
        request = odd
    return request, words


def _query(url: str) -> str:
    return urlsplit(url).query


def _with_query(url: str, query: str) -> str:
    return url.partition("?")[0] + (f"?{query}" if query else "")


def _sorted_query(request: SignedRequest) -> SignedRequest:
    parts = sorted(_query(request.url).split("&"), key=lambda part: part.partition("=")[0])
    return replace(request, url=_with_query(request.url, "&".join(parts)))


def _unescaped_query(request: SignedRequest) -> SignedRequest:
    sent, signed = _query(request.url), _query(request.signed_url)
    for character in _LEFT_AS_THEY_ARE:
        escaped = f"%{ord(character):02X}"
        sent = sent.replace(character, escaped)
        signed = signed.replace(escaped, character)
    return replace(
        request,
        url=_with_query(request.url, sent),
        signed_url=_with_query(request.signed_url, signed),
    )


def _unsigned_parameters(request: SignedRequest) -> SignedRequest:
    found = request.params if request.posted else tuple(parse_qsl(_query(request.url)))
    names = dict(found)
    # Carriers verify the callers of inbound calls; the result is sent with these alone.
    if names.get("Direction") == "inbound" and "StirVerstat" not in names:
        request = _with_pairs(request, (("StirVerstat", _VERSTAT),), signed=False)
    return replace(
        request,
        signed_url=_without(request.signed_url, _UNSIGNED),
        signed_params=tuple(pair for pair in request.signed_params if pair[0] not in _UNSIGNED),
    )


def _without(url: str, names: Iterable[str]) -> str:
    kept = [part for part in _query(url).split("&") if unquote(part.partition("=")[0]) not in names]
    return _with_query(url, "&".join(kept))


def _with_pairs(
    request: SignedRequest, pairs: tuple[tuple[str, str], ...], *, signed: bool
) -> SignedRequest:
    """Return a request with more parameters, in its form or in its URL."""
    if request.posted:
        more = request.signed_params + pairs if signed else request.signed_params
        return replace(request, params=request.params + pairs, signed_params=more)
    text = urlencode(pairs)
    url = _with_query(request.url, "&".join(filter(None, (_query(request.url), text))))
    more_url = _with_query(
        request.signed_url, "&".join(filter(None, (_query(request.signed_url), text)))
    )
    return replace(request, url=url, signed_url=more_url if signed else request.signed_url)


def _repeated_parameter(request: SignedRequest) -> SignedRequest:
    found: Mapping[str, str] = dict(
        request.params if request.posted else parse_qsl(_query(request.url))
    )
    if _REPEATED[0] not in found:
        return request
    return _with_pairs(request, (_REPEATED,), signed=True)


def _duplicated_parameters(request: SignedRequest) -> SignedRequest:
    if not request.posted:
        return request  # a URL is signed as it is sent
    return replace(request, params=request.params * 2)


def _port_added(request: SignedRequest) -> SignedRequest:
    parts = urlsplit(request.signed_url)
    if parts.port is not None:
        return request
    netloc = f"{parts.netloc}:{_DEFAULT_PORTS[parts.scheme]}"
    return replace(request, signed_url=parts._replace(netloc=netloc).geturl())


def _port_removed(request: SignedRequest) -> SignedRequest:
    parts = urlsplit(request.signed_url)
    if parts.port is None:
        return request
    netloc = parts.netloc.removesuffix(f":{parts.port}")
    return replace(request, signed_url=parts._replace(netloc=netloc).geturl())


def _forged(request: SignedRequest) -> SignedRequest:
    return replace(request, token=request.token[::-1])


ODDITIES: Final[dict[str, Oddity]] = {
    # twilio-php issue 790, twilio-node issue 1079
    "sorted-query": Oddity("the query was sorted after it was signed", _sorted_query),
    # twilio-node issues 621 and 1059, twilio-ruby issue 528
    "unescaped-query": Oddity(
        "the query was signed before its quotes, commas, colons and the like were escaped",
        _unescaped_query,
    ),
    "unsigned-parameters": Oddity("CallToken and StirVerstat are not signed", _unsigned_parameters),
    # twilio-python issue 613, twilio-node issue 722
    "repeated-parameter": Oddity(
        "a parameter comes twice, with two values, both signed", _repeated_parameter
    ),
    "duplicated-parameters": Oddity(
        "each parameter comes twice and is signed once", _duplicated_parameters
    ),
    # twilio-python issue 402
    "port-added": Oddity("the signed URL has the default port", _port_added),
    # twilio-csharp issue 44, twilio-python issue 392
    "port-removed": Oddity("the signed URL lacks its port", _port_removed),
    "forged": Oddity("it is signed with a token that is not the account's", _forged),
}
"""All oddities, by the names that weather has for them."""
