"""The registrar: the contacts that users have registered (RFC 3261 section 10.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mediasim.sip.grammar import read_address
from mediasim.sip.messages import Request, SipUri, cseq_of, uri_text
from mediasim.sip.transports import Channel

__all__ = ["Contact", "Registrar", "RegistrationRefused"]

LONGEST_SECONDS: Final = 3600
SHORTEST_SECONDS: Final = 10
_MOST_CONTACTS: Final = 10
"""Most contacts of one user."""


class RegistrationRefused(Exception):
    """Raised for a refused registration, with the response's status and headers."""

    def __init__(self, status: int, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers


@dataclass(slots=True)
class Contact:
    """The registration of one telephone of a user."""

    uri: SipUri
    channel: Channel
    """Channel over which it registered, which also leads to a telephone behind a router."""
    until: float
    """Time of expiry in seconds."""
    call_id: str
    sequence: int
    """CSeq number of the REGISTER."""


class Registrar:
    """The contacts of all users; expired ones are removed."""

    def __init__(self, now: Callable[[], float]) -> None:
        """``now`` returns the time in seconds."""
        self._now = now
        self._contacts: dict[str, dict[str, Contact]] = {}

    def contacts(self, user: str) -> list[Contact]:
        """Return the current contacts of a user, newest last."""
        registered = self._contacts.get(user, {})
        for text, contact in list(registered.items()):
            if contact.until <= self._now():
                del registered[text]
        return list(registered.values())

    def register(self, user: str, request: Request, channel: Channel) -> None:
        """Apply an authenticated REGISTER, all of it or nothing. Raises RegistrationRefused."""
        values = request.headers.get("contact")
        general = _seconds(request.get_header("expires"), LONGEST_SECONDS)
        call_id, sequence = request.call_id or "", cseq_of(request).seq
        self.contacts(user)
        contacts = dict(self._contacts.get(user, {}))
        if "*" in values:
            if len(values) > 1 or general != 0:
                raise RegistrationRefused(400)
            contacts.clear()
            values = []
        for value in values:
            address = read_address(value)
            if address.uri.scheme != "sip" or not address.uri.host:
                raise RegistrationRefused(400)
            text = uri_text(address.uri)
            seconds = min(_seconds(address.params.get("expires"), general), LONGEST_SECONDS)
            known = contacts.get(text)
            if known is not None and known.call_id == call_id and known.sequence >= sequence:
                raise RegistrationRefused(500)  # older than what is known (10.3, step 7)
            if seconds == 0:
                contacts.pop(text, None)
                continue
            if seconds < SHORTEST_SECONDS:
                raise RegistrationRefused(423, (("Min-Expires", str(SHORTEST_SECONDS)),))
            contacts.pop(
                text, None
            )  # removed first, so that the renewed contact becomes the newest
            until = self._now() + seconds
            contacts[text] = Contact(address.uri, channel, until, call_id, sequence)
        if len(contacts) > _MOST_CONTACTS:
            raise RegistrationRefused(403)
        self._contacts[user] = contacts

    def listing(self, user: str) -> list[tuple[str, str]]:
        """Return a user's contacts as the Contact headers of a response."""
        return [
            ("Contact", f"<{uri_text(contact.uri)}>;expires={round(contact.until - self._now())}")
            for contact in self.contacts(user)
        ]


def _seconds(text: str | None, default: int) -> int:
    """Parse a time in seconds; a malformed one counts as absent (RFC 3261 section 20.19)."""
    return int(text) if text is not None and text.isascii() and text.isdecimal() else default
