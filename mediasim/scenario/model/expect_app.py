"""What must hold of how an app converses, counted in frames of 20 ms on the server's side.

A figure that there is not, because the app never did what is measured, holds no expectation.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from mediasim.documents.durations import Duration
from mediasim.documents.model import Model
from mediasim.documents.values import Name, count

__all__ = [
    "AppExpectation",
    "ExpectBargeIn",
    "ExpectDeadAir",
    "ExpectGreeting",
    "ExpectResponse",
    "ExpectTalkOver",
]


class AppExpectation(Model):
    """An expectation about the app that a call is connected to."""

    call: Name | None = None
    """The call's name; the only one with an app where absent."""


class ExpectGreeting(AppExpectation):
    """The app speaks soon after it is connected."""

    keyword: ClassVar[str] = "greeting"
    stands_for: ClassVar[str] = "within"

    within: Duration
    """From then to its first sound."""


class ExpectResponse(AppExpectation):
    """The app answers what the caller says."""

    keyword: ClassVar[str] = "response"
    stands_for: ClassVar[str] = "within"

    within: Duration
    """From when the caller has stopped speaking to the app's first sound, each time."""
    unanswered: Annotated[int, count(0, 1000)] = 0
    """How many utterances may be left without an answer, such as a last good bye."""


class ExpectBargeIn(AppExpectation):
    """The app falls silent when the caller begins to speak over it."""

    keyword: ClassVar[str] = "barge_in"
    stands_for: ClassVar[str] = "within"

    within: Duration
    """From when the caller begins to when the app is silent, each time; it must happen once."""


class ExpectTalkOver(AppExpectation):
    """The app and the caller hardly speak at the same time."""

    keyword: ClassVar[str] = "talk_over"
    stands_for: ClassVar[str] = "most"

    most: Duration
    """For how long they may in all."""


class ExpectDeadAir(AppExpectation):
    """There is hardly a stretch in which nobody speaks."""

    keyword: ClassVar[str] = "dead_air"
    stands_for: ClassVar[str] = "most"

    most: Duration
    """How long the longest may be."""
