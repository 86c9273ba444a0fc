"""Digest authentication, of the server and of the client (RFC 8760, RFC 7616).

Challenges offer MD5 alone: existing telephones give up on a second challenge that they do not know,
instead of ignoring it. A nonce contains its own time and is signed, so it needs no memory before
its first use. It is valid for a few minutes, with a higher count each time (RFC 7616 section 3.4),
so that overheard credentials cannot be replayed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets  # noqa: TID251 - nobody is to guess a tag or a nonce
from collections.abc import Callable, Mapping
from typing import Final, Literal

from mediasim.sip.messages import Request, auth_params

__all__ = ["Digest", "Verdict", "credentials"]

_LIFE_SECONDS: Final = 300
_MOST_USED: Final = 20_000
"""Most used nonces that are remembered; beyond that the older half is no longer accepted."""
_COUNT: Final = re.compile(r"[0-9a-fA-F]{1,12}")
_HASHES: Final = {"MD5": "md5", "SHA-256": "sha256"}

Verdict = Literal["right", "wrong", "stale", "none"]


class Digest:
    """Challenges requests and verifies the credentials of users."""

    def __init__(self, users: Mapping[str, str], realm: str, now: Callable[[], float]) -> None:
        """``users`` is the password by name; ``now`` returns the time in seconds."""
        self.realm = realm
        self._users = users
        self._now = now
        self._key = secrets.token_bytes(16)
        self._used: dict[str, int] = {}
        """Highest count that each nonce was used with, in order of first use."""
        self._since = 0
        """Time in seconds before which nonces are not accepted."""

    def challenge(self, *, stale: bool = False, realm: str = "") -> str:
        """Return the value of a header that challenges a request; "": the realm of the users."""
        nonce = self._nonce(int(self._now()), secrets.token_hex(8))
        more = ", stale=true" if stale else ""
        realm = realm or self.realm
        return f'Digest realm="{realm}", nonce="{nonce}", algorithm=MD5, qop="auth"{more}'

    def verify(
        self,
        request: Request,
        header: str,
        *,
        users: Mapping[str, str] | None = None,
        realm: str = "",
    ) -> tuple[Verdict, str]:
        """Return whether the credentials of a request are right, and the user that it claims.

        ``users`` and ``realm`` are others than the own.
        """
        for text in request.headers.get(header):
            given = auth_params(text)
            if given is not None and given.get("realm") == (realm or self.realm):
                known = self._users if users is None else users
                return self._verify(given, request, known), given.get("username", "")
        return "none", ""

    def _verify(
        self, given: Mapping[str, str], request: Request, users: Mapping[str, str]
    ) -> Verdict:
        password = users.get(given.get("username", ""))
        algorithm = given.get("algorithm", "MD5").upper()
        if password is None or algorithm not in _HASHES or given.get("qop") not in (None, "auth"):
            return "wrong"
        expected = _response(given, password, request.method, algorithm)
        # In constant time, and before the nonce is judged: "stale" promises that the password is
        # right.
        if not hmac.compare_digest(expected.encode(), given.get("response", "").lower().encode()):
            return "wrong"
        nonce = given.get("nonce", "")
        fresh = self._fresh(nonce) and self._is_new_count(nonce, given.get("nc", "1"))
        return "right" if fresh else "stale"

    def _nonce(self, second: int, number: str) -> str:
        signed = hmac.new(self._key, f"{second}-{number}".encode(), "sha256").hexdigest()[:24]
        return f"{second:x}-{number}-{signed}"

    def _fresh(self, nonce: str) -> bool:
        second = _second_of(nonce)
        if second is None:
            return False
        number = nonce.split("-")[1]
        genuine = hmac.compare_digest(self._nonce(second, number).encode(), nonce.encode())
        lives = 0 <= self._now() - second <= _LIFE_SECONDS
        return genuine and lives and second >= self._since

    def _is_new_count(self, nonce: str, count: str) -> bool:
        """Return whether a nonce's count is higher than any before, and remember it."""
        if not _COUNT.fullmatch(count) or int(count, 16) <= self._used.get(nonce, 0):
            return False
        self._used[nonce] = int(count, 16)
        if len(self._used) > _MOST_USED:
            self._prune()
        return True

    def _prune(self) -> None:
        """Forget used nonces that have expired; if too many are left, expire the older half."""
        seconds = {each: _second_of(each) or 0 for each in self._used}
        oldest = int(self._now()) - _LIFE_SECONDS
        live = sorted(second for second in seconds.values() if second >= oldest)
        if len(live) > _MOST_USED // 2:
            oldest = self._since = live[-(_MOST_USED // 2)]
        self._used = {each: self._used[each] for each, at in seconds.items() if at >= oldest}


def credentials(
    challenge: Mapping[str, str], user: str, password: str, method: str, uri: str
) -> str | None:
    """Return the header that answers a challenge; None if the challenge is not supported."""
    algorithm = challenge.get("algorithm", "MD5").upper()
    ways = [each.strip() for each in challenge.get("qop", "").split(",") if each.strip()]
    if algorithm not in _HASHES or (ways and "auth" not in ways) or "nonce" not in challenge:
        return None
    given = {
        "username": user,
        "realm": challenge.get("realm", ""),
        "nonce": challenge["nonce"],
        "uri": uri,
    }
    if ways:
        given |= {"qop": "auth", "nc": "00000001", "cnonce": secrets.token_hex(8)}
    given["response"] = _response(given, password, method, algorithm)
    if "opaque" in challenge:
        given["opaque"] = challenge["opaque"]
    plain = {"qop", "nc"}
    parts = [f"{name}={v}" if name in plain else f'{name}="{v}"' for name, v in given.items()]
    return f"Digest {', '.join(parts)}, algorithm={algorithm}"


def _second_of(nonce: str) -> int | None:
    """Return the time in seconds that a nonce contains; None if it was not issued here."""
    second, *rest = nonce.split("-")
    if len(rest) != 2 or not _COUNT.fullmatch(second):
        return None
    return int(second, 16)


def _response(given: Mapping[str, str], password: str, method: str, algorithm: str) -> str:
    def digest(*parts: str) -> str:
        return hashlib.new(_HASHES[algorithm], ":".join(parts).encode()).hexdigest()

    # RFC 7616 section 3.4.1: H(H(A1) : nonce [: nc : cnonce : qop] : H(A2)).
    a1 = digest(given.get("username", ""), given.get("realm", ""), password)
    a2 = digest(method, given.get("uri", ""))
    middle = [given.get("nonce", "")]
    if given.get("qop"):
        middle += [given.get("nc", ""), given.get("cnonce", ""), "auth"]
    return digest(a1, *middle, a2)
