"""Digest authentication, as the one who asks and as the one who answers (RFC 8760, RFC 7616).

MD5 is asked for alone: telephones there are give up on a second challenge that they do not know,
instead of passing over it. A nonce tells its own time and is signed, so none is kept before it has
been used; each may be used for a few minutes, with a higher count each time (RFC 7616 section 3.4),
so that what was heard on the way proves nothing a second time.
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
"""Used nonces that are remembered; where there are more, the older half is not taken again."""
_COUNT: Final = re.compile(r"[0-9a-fA-F]{1,12}")
_HASHES: Final = {"MD5": "md5", "SHA-256": "sha256"}

Verdict = Literal["right", "wrong", "stale", "none"]


class Digest:
    """Asks for the passwords of users."""

    def __init__(self, users: Mapping[str, str], realm: str, now: Callable[[], float]) -> None:
        """``now`` is in seconds."""
        self.realm = realm
        self._users = users
        self._now = now
        self._key = secrets.token_bytes(16)
        self._used: dict[str, int] = {}
        """The highest count that each nonce has been used with, the first used first."""
        self._since = 0
        """Nonces of before this second are not taken any longer."""

    def challenge(self, *, stale: bool = False) -> str:
        """What to ask with: the header's value."""
        nonce = self._nonce(int(self._now()), secrets.token_hex(8))
        more = ", stale=true" if stale else ""
        return f'Digest realm="{self.realm}", nonce="{nonce}", algorithm=MD5, qop="auth"{more}'

    def judge(self, request: Request, header: str) -> tuple[Verdict, str]:
        """Whether a request proves who it is from, and who that is said to be."""
        for text in request.headers.get(header):
            given = auth_params(text)
            if given is not None and given.get("realm") == self.realm:
                return self._judged(given, request), given.get("username", "")
        return "none", ""

    def _judged(self, given: Mapping[str, str], request: Request) -> Verdict:
        password = self._users.get(given.get("username", ""))
        algorithm = given.get("algorithm", "MD5").upper()
        if password is None or algorithm not in _HASHES or given.get("qop") not in (None, "auth"):
            return "wrong"
        expected = _response(given, password, request.method, algorithm)
        if not hmac.compare_digest(expected.encode(), given.get("response", "").lower().encode()):
            return "wrong"
        nonce = given.get("nonce", "")
        fresh = self._fresh(nonce) and self._counts(nonce, given.get("nc", "1"))
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

    def _counts(self, nonce: str, count: str) -> bool:
        """Whether it is used with this count, or a higher one, for the first time."""
        if not _COUNT.fullmatch(count) or int(count, 16) <= self._used.get(nonce, 0):
            return False
        self._used[nonce] = int(count, 16)
        if len(self._used) > _MOST_USED:
            self._forget()
        return True

    def _forget(self) -> None:
        """Of used nonces only those are kept that would be taken again, or half of them."""
        seconds = {each: _second_of(each) or 0 for each in self._used}
        oldest = int(self._now()) - _LIFE_SECONDS
        live = sorted(second for second in seconds.values() if second >= oldest)
        if len(live) > _MOST_USED // 2:
            oldest = self._since = live[-(_MOST_USED // 2)]
        self._used = {each: self._used[each] for each, at in seconds.items() if at >= oldest}


def credentials(
    challenge: Mapping[str, str], user: str, password: str, method: str, uri: str
) -> str | None:
    """The header that answers a challenge; None for one that cannot be answered."""
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
    """When it was made, as it says itself; None for one that is none of ours."""
    second, *rest = nonce.split("-")
    if len(rest) != 2 or not _COUNT.fullmatch(second):
        return None
    return int(second, 16)


def _response(given: Mapping[str, str], password: str, method: str, algorithm: str) -> str:
    def digest(*parts: str) -> str:
        return hashlib.new(_HASHES[algorithm], ":".join(parts).encode()).hexdigest()

    who = digest(given.get("username", ""), given.get("realm", ""), password)
    what = digest(method, given.get("uri", ""))
    middle = [given.get("nonce", "")]
    if given.get("qop"):
        middle += [given.get("nc", ""), given.get("cnonce", ""), "auth"]
    return digest(who, *middle, what)
