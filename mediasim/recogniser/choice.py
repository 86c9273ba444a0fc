"""Which recogniser hears a call: the one chosen for it, for its party, or the account's."""

from __future__ import annotations

from mediasim.exchange.live_call import LiveCall
from mediasim.recogniser.settings import PERFECT, RecogniserSettings

__all__ = ["Recognisers"]


class Recognisers:
    """The recognisers of an account: its own, and those of single parties and calls."""

    def __init__(self) -> None:
        self.settings = PERFECT
        """The account's own."""
        self.of_party: dict[str, RecogniserSettings] = {}
        """The recogniser of each call of a party that has one, by the party's name."""
        self.of_call: dict[str, RecogniserSettings] = {}
        """The recogniser of a single call, by its SID."""

    def of(self, call: LiveCall) -> RecogniserSettings:
        """Return the settings of the recogniser that hears a call."""
        return self.of_sid(call.sid, call.party.name)

    def of_sid(self, call_sid: str, party: str = "") -> RecogniserSettings:
        """Return the settings for a call that may have ended, by its SID and its party's name."""
        return self.of_call.get(call_sid) or self.of_party.get(party) or self.settings
