"""What keeps a scenario from being run, apart from the modules that carry out its parts."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from mediasim.documents.diagnostics import ScenarioError
from mediasim.scenario.model.scenario import Scenario

__all__ = [
    "BotFailed",
    "RunFailed",
    "refuse_running_loop",
    "refuse_without_real_time",
    "running_library",
]


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


def refuse_running_loop() -> None:
    """Raise RuntimeError inside a running event loop."""
    library = running_library()
    if library is not None:
        raise RuntimeError(
            f"simulate has an event loop of its own and cannot run inside {library}'s: write "
            "'await mediasim.simulate_async(...)' here (in a notebook too)"
        )


def running_library() -> str | None:
    """Return whose event loop runs in this thread: asyncio's, trio's, or None."""
    if asyncio._get_running_loop() is not None:
        return "asyncio"
    trio = sys.modules.get("trio")
    return "trio" if trio is not None and trio.lowlevel.in_trio_run() else None
