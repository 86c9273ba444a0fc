"""Who is where: the contacts that users have registered (RFC 3261 section 10.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mediasim.sip.grammar import read_address
from mediasim.sip.messages import Request, SipUri, uri_text
from mediasim.sip.transports import Channel

__all__ = ["Contact", "Registrar", "RegistrarRefuses"]

LONGEST_SECONDS: Final = 3600
SHORTEST_SECONDS: Final = 10
_MOST_CONTACTS: Final = 10
"""Of one user."""


class RegistrarRefuses(Exception):
    """It cannot be registered so: the status to answer, and the headers that say more."""

    def __init__(self, status: int, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers


@dataclass(slots=True)
class Contact:
    """Where one telephone of a user's is."""

    uri: SipUri
    channel: Channel
    """By which it registered; the way to it, through routers as well."""
    until: float
    call_id: str
    sequence: int


class Registrar:
    """All contacts, by user. Those whose time is over are forgotten."""

    def __init__(self, now: Callable[[], float]) -> None:
        """``now`` is in seconds."""
        self._now = now
        self._contacts: dict[str, dict[str, Contact]] = {}

    def contacts(self, user: str) -> list[Contact]:
        """Where a user can be rung, the newest last."""
        there = self._contacts.get(user, {})
        for text, contact in list(there.items()):
            if contact.until <= self._now():
                del there[text]
        return list(there.values())

    def register(self, user: str, request: Request, channel: Channel) -> None:
        """Carry out a REGISTER that has proved to be the user's. Raises RegistrarRefuses."""
        values = request.headers.get("contact")
        general = _seconds(request.get_header("expires"), LONGEST_SECONDS)
        call_id, sequence = request.call_id or "", request.cseq
        assert sequence is not None
        self.contacts(user)
        there = dict(self._contacts.get(user, {}))
        if "*" in values:
            if len(values) > 1 or general != 0:
                raise RegistrarRefuses(400)
            there.clear()
            values = []
        for value in values:
            address = read_address(value)
            if address.uri.scheme != "sip" or not address.uri.host:
                raise RegistrarRefuses(400)
            text = uri_text(address.uri)
            seconds = min(_seconds(address.params.get("expires"), general), LONGEST_SECONDS)
            known = there.get(text)
            if known is not None and known.call_id == call_id and known.sequence >= sequence.seq:
                raise RegistrarRefuses(500)  # older than what is known (10.3, step 7)
            if seconds == 0:
                there.pop(text, None)
                continue
            if seconds < SHORTEST_SECONDS:
                raise RegistrarRefuses(423, (("Min-Expires", str(SHORTEST_SECONDS)),))
            there.pop(text, None)
            until = self._now() + seconds
            there[text] = Contact(address.uri, channel, until, call_id, sequence.seq)
        if len(there) > _MOST_CONTACTS:
            raise RegistrarRefuses(403)
        self._contacts[user] = there

    def listing(self, user: str) -> list[tuple[str, str]]:
        """A user's contacts as the headers that tell of them."""
        return [
            ("Contact", f"<{uri_text(contact.uri)}>;expires={round(contact.until - self._now())}")
            for contact in self.contacts(user)
        ]


def _seconds(text: str | None, default: int) -> int:
    """A malformed time is as good as none (RFC 3261 section 20.19)."""
    return int(text) if text is not None and text.isascii() and text.isdecimal() else default
