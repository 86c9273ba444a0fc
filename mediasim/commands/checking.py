"""What the command ``check`` finds out about files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mediasim.campaign import CampaignSpec, load_campaign
from mediasim.documents.diagnostics import ScenarioError, counted
from mediasim.documents.document import read_yaml
from mediasim.documents.texts import read_text
from mediasim.sandbox.config import Config, load_config
from mediasim.scenario.model.check import unit_troubles
from mediasim.scenario.model.load import load_scenarios, matching_files
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.running.sounds import check_sounds

__all__ = ["checked"]

_PLAN = frozenset(Config.known_keys()) - frozenset(Scenario.known_keys())
"""Keys by which a number plan is told from a scenario."""
_CAMPAIGN = frozenset(CampaignSpec.known_keys()) - {*Scenario.known_keys(), *Config.known_keys()}
"""Keys by which the spec of a campaign is told from both."""


def checked(paths: Iterable[str]) -> tuple[list[str], str | None]:
    """Return a line for each file that is right, and all mistakes of the others as text; None if
    there are none."""
    lines, mistakes = list[str](), list[str]()
    scenarios: list[Path] = []
    for path in paths:
        try:
            for file in matching_files(path):
                if _has_any(file, _PLAN):
                    lines.append(_plan_line(file, load_config(file)))
                elif _has_any(file, _CAMPAIGN):
                    lines.append(_campaign_line(file, load_campaign(file)))
                else:
                    scenarios.append(file)
        except ScenarioError as error:
            mistakes.append(error.for_terminal())
    try:
        lines += _scenario_lines(_scenarios(scenarios))
    except ScenarioError as error:
        mistakes.append(error.for_terminal())
        wrong = {problem.file for problem in error.problems}
        lines += _scenario_lines(_scenarios(file for file in scenarios if file not in wrong))
    return lines, "\n".join(mistakes) or None


def _scenarios(files: Iterable[Path]) -> list[Scenario]:
    """Return the scenarios of files, which can be run. Raises ScenarioError."""
    found = load_scenarios(files)
    check_sounds(found)
    return found


def _has_any(file: Path, keys: frozenset[str]) -> bool:
    """Tell whether a file is of a kind, by keys that only such a file has."""
    try:
        document = read_yaml(read_text(file), file).value
    except ScenarioError:
        return False  # its reader says what is wrong
    return isinstance(document, dict) and not keys.isdisjoint(document)


def _campaign_line(file: Path, spec: CampaignSpec) -> str:
    return f"{file}: a campaign of {counted(spec.calls, 'call')} in {counted(spec.shards, 'shard')}"


def _plan_line(file: Path, config: Config) -> str:
    held = counted(len(config.numbers), "number"), counted(len(config.parties), "party")
    return f"{file}: a number plan of {' and '.join(held)}"


def _scenario_lines(scenarios: Iterable[Scenario]) -> Iterable[str]:
    """Yield a line for each scenario's file, and one for each number in it that may lack a unit."""
    runs: dict[Path | None, list[Scenario]] = {}
    for scenario in scenarios:
        runs.setdefault(scenario.source, []).append(scenario)
    for file, variants in runs.items():
        first = variants[0]
        held = [
            counted(len(first.parties), "party"),
            *(counted(len(first.calls), "call") for _ in [0] if first.calls),
            *(counted(len(first.conferences), "conference") for _ in [0] if first.conferences),
            counted(len(first.expect), "expectation"),
        ]
        many = f"; {len(variants)} runs" if len(variants) > 1 else ""
        yield f"{file}: {', '.join(held)}{many}"
        for trouble in dict.fromkeys(unit_troubles(first)):
            yield str(first.problem(*trouble))
