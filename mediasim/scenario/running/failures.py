"""What keeps a scenario from being run, apart from the modules that carry out its parts."""

from __future__ import annotations

from collections.abc import Sequence

from mediasim.documents.diagnostics import ScenarioError
from mediasim.scenario.model.scenario import Scenario

__all__ = ["BotFailed", "RunFailed", "refuse_without_real_time"]


class RunFailed(RuntimeError):
    """The run itself broke; the message says why."""


class BotFailed(RunFailed):
    """A bot could not be started, or did not begin to listen; the message says why."""


def refuse_without_real_time(scenarios: Sequence[Scenario]) -> None:
    """Raise ScenarioError for each endpoint of scenarios: what is not simulated has no virtual
    time."""
    problems = [
        scenario.problem(
            ("parties", name),
            "is an endpoint elsewhere, which lives in real time: run it with --realtime",
        )
        for scenario in scenarios
        for name, party in scenario.parties.items()
        if party.endpoint is not None
    ]
    if problems:
        raise ScenarioError(problems)
