"""Access tokens: a client's identity and grants, signed with the secret of an API key.

Apps create them with Twilio's helper library. Source: Twilio docs, Access Tokens (header
``cty`` ``twilio-fpa;v=1``, issuer the key's SID, subject the account's, grants) and the pages of
the error codes below.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import jwt

from mediasim.twilio.errors import TwilioError
from mediasim.twilio.resources import KeyRecord

__all__ = [
    "VoiceToken",
    "check_identity",
    "claimed_account",
    "is_advised",
    "mint",
    "read_access_token",
]

CONTENT_TYPE: Final = "twilio-fpa;v=1"
_ALGORITHM: Final = "HS256"
_INVALID: Final = 20101
_BAD_HEADER: Final = 20102
_BAD_KEY: Final = 20103
_EXPIRED: Final = 20104
_NOT_YET: Final = 20105
_BAD_GRANTS: Final = 20106
_BAD_SIGNATURE: Final = 20107
_TOO_LONG: Final = 20157
LONGEST_S: Final = 24 * 3600
"""Most seconds that a token is valid."""
SKEW_S: Final = 30
"""Seconds by which the clocks of app and sandbox may differ."""
_IDENTITY: Final = re.compile(r"(?=\S)(?:.{0,120}\S)")
_ADVISED: Final = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class VoiceToken:
    """The identity and the voice grant of an access token."""

    identity: str
    incoming: bool
    """Whether the client may be called."""
    application_sid: str | None
    """SID of the application whose TwiML the client's calls run; None: it may not call."""
    params: Mapping[str, str] = field(default_factory=dict)
    """Parameters of the grant, sent to the application's URL."""
    expires_s: int = 0
    """Unix time at which the token expires, in seconds."""
    account_sid: str = ""
    """SID of the account that it is of."""


def check_identity(text: object) -> str:
    """Return a client's identity if it can be one: 1 to 121 characters that can be printed.

    Twilio advises letters, digits and underscores (:func:`is_advised`). Raises TwilioError (401).
    """
    if not isinstance(text, str) or not _IDENTITY.fullmatch(text) or not text.isprintable():
        words = "an identity is 1 to 121 characters, without spaces at its ends"
        raise _bad_grants(f"{words}, found {text!r:.140}")
    return text


def is_advised(identity: str) -> bool:
    """Tell whether an identity has the characters that Twilio advises (docs, Client noun)."""
    return _ADVISED.fullmatch(identity) is not None


def mint(
    account_sid: str,
    key: KeyRecord,
    identity: str,
    *,
    now_s: int,
    application_sid: str | None = None,
    life_s: int = 3600,
) -> str:
    """Return a signed token for an identity that may be called, as the helper libraries do.

    Raises TwilioError if the identity is not valid.
    """
    voice: dict[str, Any] = {"incoming": {"allow": True}}
    if application_sid is not None:
        voice["outgoing"] = {"application_sid": application_sid}
    claims = {
        "jti": f"{key.sid}-{now_s}",
        "iss": key.sid,
        "sub": account_sid,
        "nbf": now_s,
        "exp": now_s + life_s,
        "grants": {"identity": check_identity(identity), "voice": voice},
    }
    return jwt.encode(claims, key.secret, algorithm=_ALGORITHM, headers={"cty": CONTENT_TYPE})


def read_access_token(
    token: str, *, account_sid: str, find_key: Callable[[str], KeyRecord], now_s: int
) -> VoiceToken:
    """Read and check a token. ``find_key`` returns an API key by its SID, or raises TwilioError.

    Raises TwilioError (401) with Twilio's code for what is wrong with the token.
    """
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise _refused(_INVALID, f"Invalid access token: {error}") from None
    if header.get("cty") != CONTENT_TYPE or header.get("alg") != _ALGORITHM:
        words = f"expected cty {CONTENT_TYPE} and alg {_ALGORITHM}"
        found = f"cty {header.get('cty')!r:.40} and alg {header.get('alg')!r:.40}"
        raise _refused(_BAD_HEADER, f"Invalid access token header: {words}, found {found}")
    # The issuer is not verified yet: it only chooses the key, whose secret verifies all claims.
    _check_signature(token, str(claims.get("iss", "")), account_sid, find_key)
    if claims.get("sub") != account_sid:
        words = f"its subject is {claims.get('sub')!r:.60}, the account is {account_sid}"
        raise _refused(_BAD_KEY, f"Invalid access token issuer/subject: {words}")
    expires = _check_times(claims, now_s)
    grants = claims.get("grants")
    if not isinstance(grants, dict) or not isinstance(grants.get("voice"), dict):
        raise _bad_grants("there is no voice grant (grants.voice)")
    return replace(_granted(grants, expires), account_sid=account_sid)


def claimed_account(token: str) -> str | None:
    """Return the SID of the account that a token says it is of, unverified; None for no token."""
    try:
        found = jwt.decode(token, options={"verify_signature": False}).get("sub")
    except jwt.PyJWTError:
        return None
    return found if isinstance(found, str) else None


def _check_signature(
    token: str, issuer: str, account_sid: str, find_key: Callable[[str], KeyRecord]
) -> None:
    try:
        key = find_key(issuer)
    except TwilioError:
        key = None
    if key is None or key.account_sid != account_sid:
        words = f"{issuer[:60]!r} is no API key of the account"
        raise _refused(_BAD_KEY, f"Invalid access token issuer/subject: {words}")
    try:
        jwt.decode(
            token,
            key.secret,
            algorithms=[_ALGORITHM],
            options={
                "verify_exp": False,  # by the clock of the sandbox, not the machine's
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
            },
        )
    except jwt.PyJWTError:
        words = f"it is not signed with the secret of {issuer}"
        raise _refused(_BAD_SIGNATURE, f"Invalid access token signature: {words}") from None


def _check_times(claims: Mapping[str, Any], now_s: int) -> int:
    expires, begins = _time(claims.get("exp")), _time(claims.get("nbf", now_s))
    if now_s >= expires + SKEW_S:
        words = f"it expired {now_s - expires:.0f} s ago"
        raise _refused(_EXPIRED, f"Access token expired or expiration date invalid: {words}")
    if begins > now_s + SKEW_S:
        words = f"it begins in {begins - now_s:.0f} s"
        raise _refused(_NOT_YET, f"Access token not yet valid: {words}")
    if expires - max(begins, now_s) > LONGEST_S + SKEW_S:
        words = "a token lives for 24 hours at most"
        raise _refused(_TOO_LONG, f"Expiration time exceeds maximum time allowed: {words}")
    return int(expires)


def _time(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1 << 40:
        raise _refused(_INVALID, "Invalid access token: exp and nbf are times in seconds")
    return value


def _granted(grants: Mapping[str, Any], expires_s: int) -> VoiceToken:
    voice = grants["voice"]
    incoming, outgoing = voice.get("incoming", {}), voice.get("outgoing", {})
    if not isinstance(incoming, dict) or not isinstance(outgoing, dict):
        raise _bad_grants("incoming and outgoing are objects")
    application, params = outgoing.get("application_sid"), outgoing.get("params") or {}
    if application is not None and not isinstance(application, str):
        raise _bad_grants(f"application_sid is a SID, found {application!r:.60}")
    if not isinstance(params, dict):
        raise _bad_grants(f"outgoing.params is an object, found {params!r:.60}")
    return VoiceToken(
        check_identity(grants.get("identity")),
        incoming.get("allow") is True,
        application,
        {str(name): str(value) for name, value in params.items()},
        expires_s,
    )


def _refused(code: int, words: str) -> TwilioError:
    return TwilioError(401, code, words)


def _bad_grants(words: str) -> TwilioError:
    return _refused(_BAD_GRANTS, f"Invalid access token grants: {words}")
