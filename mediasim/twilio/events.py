"""What happens in the documents of an app, told among the events of the exchange.

``twiml.verb``: a verb begins on a call; ``twiml.verb-ended``: it is done while the call goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

from mediasim.exchange.events import Event

__all__ = ["VerbEvent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerbEvent(Event):
    """A verb of an app's document begins or is done."""

    call_sid: str
    verb: str
    line: int
    """Of the document, from 1."""

    @property
    def subject(self) -> str:
        return self.call_sid
