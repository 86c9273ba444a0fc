"""Sandboxes side by side behind a proxy that shares out accounts: which one an account is of.

The proxy hashes the SID that a request names, of an account or of an API key; each sandbox draws
such SIDs until the hash leads to itself. So whatever is made of an account's is found where it was
made, and nothing has to be looked up. The hash is that of nginx's ``hash $key;``: CRC-32, of which
it takes bits 16 to 30, over servers of equal weight in the order of their list.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Final, Self

__all__ = ["Shard"]

_PREFIXES: Final = ("AC", "SK")
"""Prefixes of the SIDs by which a proxy tells accounts apart."""
_FORM: Final = re.compile(r"([0-9]{1,4})/([0-9]{1,4})")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several sandboxes that share an installation's accounts."""

    index: int
    """Its place in the proxy's list, from 0."""
    count: int
    """Number of sandboxes."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``0/3``. Raises ValueError."""
        found = _FORM.fullmatch(text.strip())
        if found is None or int(found[1]) >= int(found[2]):
            raise ValueError(f"expected a place and a number such as 0/3 to 2/3, found {text!r}")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def home(self, sid: str) -> int:
        """Return the place of the sandbox that a SID's requests are led to."""
        return (zlib.crc32(sid.encode()) >> 16 & 0x7FFF) % self.count

    def may_draw(self, sid: str) -> bool:
        """Return whether this sandbox may give a new SID."""
        return not sid.startswith(_PREFIXES) or self.home(sid) == self.index
