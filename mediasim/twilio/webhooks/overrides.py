"""Connection overrides: what the fragment of a webhook's URL says about time-outs and retries.

``#rc=2&rp=5xx,ct&ct=2000&rt=5000&tt=10000``; names, ranges and defaults as on
https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides. Numbers out of range
are taken as the nearest in it; names that are not of this sandbox's concern (``e``, ``sni``)
are passed over, as are fragments that are no overrides at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import parse_qsl

__all__ = ["ConnectionOverrides", "Failure"]

Failure = Literal["ct", "rt", "4xx", "5xx"]
"""No connection; no answer on it; an error status of the app's."""

_POLICIES: Final = ("4xx", "5xx", "ct", "rt", "all")


@dataclass(frozen=True, slots=True)
class ConnectionOverrides:
    """How one webhook is delivered."""

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
