"""The JSON bodies of the control API's requests that have keys."""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field

from mediasim.documents.durations import Duration, LongDuration
from mediasim.sandbox.bodies import Body
from mediasim.sandbox.number_plan import DEFAULT_CALLER

__all__ = ["Act", "Advance", "PlaceCall", "PressBody", "Rate", "Speak", "Until"]

_DAY: Final = Duration.of("24h")


class PlaceCall(Body):
    """A call to one of the app's numbers."""

    to: str
    """The app's number."""
    from_: str = Field(DEFAULT_CALLER, alias="from")
    """A number, or the name of a party in the number plan."""
    party: dict[str, Any] | None = None
    """The caller, described as in config files; for a number that is not in the plan."""
    script: list[Any] | None = None
    """The caller's script; without it a party of the plan performs its own."""


class PressBody(Body):
    """Keys to be pressed by the party of a call."""

    digits: str
    """Keys among 0-9, *, #, A-D, pressed one after the other."""


class Speak(Body):
    """Words to be spoken by the party of a call."""

    text: str
    """The words."""
    voice: str | None = None
    """The voice that speaks; the party's own where absent."""


class Act(Body):
    """Steps to be performed by the party of a call."""

    script: list[Any]
    """The steps, as in scenario files."""


class Advance(Body):
    """How far a manual clock is moved."""

    by: LongDuration
    """How much time passes: 5s, 1m30s, 31d."""


class Until(Body):
    """How long to wait at most until nothing more is to happen."""

    most: Duration = _DAY
    """How much time may pass until then."""


class Rate(Body):
    """The speed of a real clock."""

    rate: float
    """How many seconds pass in one of the wall clock's."""
