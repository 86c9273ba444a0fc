"""What can happen in a conference, and who is told of it."""

from __future__ import annotations

from typing import Literal, Protocol

from mediasim.exchange.participant import Participant

__all__ = ["ConferenceHappening", "ConferenceListener", "NoListener"]

ConferenceHappening = Literal[
    "start",
    "end",
    "join",
    "leave",
    "mute",
    "unmute",
    "hold",
    "unhold",
    "modify",
    "speech-start",
    "speech-stop",
    "announcement-end",
    "announcement-fail",
]


class ConferenceListener(Protocol):
    """Hears what happens in a conference, each time before anything else does."""

    def wants(self, happening: ConferenceHappening) -> bool:
        """Whether it needs to know of these, which cost something to find out."""

    def happened(
        self,
        happening: ConferenceHappening,
        participant: Participant | None,
        *,
        why: str = "",
        announced: str = "",
    ) -> None:
        """Something has happened; ``why`` is the reason of a ``leave``, or what has failed.

        ``announced`` is the name of an announcement that has ended.
        """

    def over(self) -> None:
        """It has ended, and its recordings are published."""


class NoListener:
    """A conference of which nothing is told but the exchange's events."""

    def wants(self, happening: ConferenceHappening) -> bool:
        return False

    def happened(
        self, happening: ConferenceHappening, participant: Participant | None, **details: str
    ) -> None:
        """Tell nothing."""

    def over(self) -> None:
        """Tell nothing."""
