"""The settings of an account's rules."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CallLimits", "RulesSettings", "TestCredentials"]


@dataclass(frozen=True, slots=True)
class TestCredentials:
    """The credentials whose requests are judged and create nothing."""

    __test__ = False  # no test class of pytest's

    sid: str = ""
    """The test AccountSid; "": there is none."""
    auth_token: str = ""


@dataclass(frozen=True, slots=True)
class CallLimits:
    """How many calls an account may place and have."""

    per_second: float | None = None
    """Calls that the API dials in a second, the others wait as queued; None: all at once."""
    concurrent: int | None = None
    """Most calls at once, of which each leg is one; None: as many as the machine carries."""


@dataclass(frozen=True, slots=True)
class RulesSettings:
    """What is judged of an account and its subaccounts."""

    strict: bool = False
    """Whether numbers are judged: valid ones are called, from own or verified ones."""
    trial: bool = False
    """Whether it is a trial account."""
    limits: CallLimits = CallLimits()
    test: TestCredentials = TestCredentials()
