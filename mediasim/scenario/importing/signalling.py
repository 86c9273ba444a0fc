"""What the SIP in a capture tells of its RTP: who called, and what payload types are.

Only session descriptions in INVITEs over UDP and in the answers to them are looked at (RFC 3261
sections 7 and 13): whoever sends an INVITE that begins a dialog calls, whoever answers it, as the
branch of its Via tells (section 8.1.1.7), is called. Addresses that were rewritten on the way match
no stream, and then nothing is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from mediasim.captures.datagrams import Datagram
from mediasim.captures.rtp_talks import Talk
from mediasim.net.sdp import SdpError, SessionDescription, parse_sdp

__all__ = ["Signalled", "signalled_in"]

_INVITE: Final = b"INVITE "
_ANSWER: Final = b"SIP/2.0 "
_BEGUN: Final = re.compile(rb"^(?:to|t)\s*:[^\r\n]*;\s*tag=", re.IGNORECASE | re.MULTILINE)
_BRANCH: Final = re.compile(
    rb"^(?:via|v)\s*:[^\r\n]*;\s*branch=([^;,\s]+)", re.IGNORECASE | re.MULTILINE
)
_OF_INVITE: Final = re.compile(rb"^cseq\s*:\s*\d+\s+INVITE\b", re.IGNORECASE | re.MULTILINE)

Address = tuple[str, int]


@dataclass(slots=True)
class Signalled:
    """What session descriptions said."""

    callers: set[Address] = field(default_factory=set)
    callees: set[Address] = field(default_factory=set)
    types: dict[Address, dict[int, str]] = field(default_factory=dict)
    """Names of the payload types that are sent to an address."""

    def calls(self, one: Talk, other: Talk) -> bool:
        """Whether the first is known to have called the second."""
        return self._is(one, self.callers, self.callees) and self._is(
            other, self.callees, self.callers
        )

    @staticmethod
    def _is(talk: Talk, those: set[Address], not_those: set[Address]) -> bool:
        return talk.source in those and talk.source not in not_those

    def names_for(self, talk: Talk) -> dict[int, str]:
        """Payload types by their numbers: as whoever receives the talk has described them."""
        return self.types.get(talk.source, {}) | self.types.get(talk.destination, {})


def signalled_in(datagrams: Iterable[Datagram]) -> Signalled:
    """All of a capture."""
    found = Signalled()
    begun: set[bytes] = set()
    for datagram in datagrams:
        head, _, body = datagram.payload.partition(b"\r\n\r\n")
        invites = head.startswith(_INVITE)
        if not body or not (invites or head.startswith(_ANSWER)):
            continue
        if not _OF_INVITE.search(head):
            continue
        try:
            described = parse_sdp(body.decode("utf-8", errors="replace"))
        except SdpError:
            continue
        address = described.host, described.port
        via = _BRANCH.search(head)
        branch = via[1] if via is not None else b""
        if invites and not _BEGUN.search(head):
            begun.add(branch)
            found.callers.add(address)
        elif not invites and branch in begun:
            found.callees.add(address)
        found.types.setdefault(address, {}).update(_names(described))
    return found


def _names(described: SessionDescription) -> dict[int, str]:
    return {stream.payload_type: stream.codec for stream in described.streams}
