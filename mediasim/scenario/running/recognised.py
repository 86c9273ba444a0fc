"""What recognisers hear in a scenario: its settings, and the transcripts of its recordings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mediasim.recogniser.choice import Recognisers
from mediasim.recogniser.recordings import recording_transcript
from mediasim.recogniser.settings import PERFECT
from mediasim.recogniser.spec import parse_recogniser
from mediasim.recogniser.transcript import Transcript
from mediasim.scenario.model.scenario import Scenario
from mediasim.truth.documents import RecordingTruth

__all__ = ["is_recognised", "recognisers_of", "transcript_in"]


def is_recognised(scenario: Scenario) -> bool:
    """Return whether a scenario, or a party of it, says what is heard."""
    return scenario.recogniser is not None or bool(recognisers_of(scenario).of_party)


def recognisers_of(scenario: Scenario) -> Recognisers:
    """Return the recognisers of a scenario and its parties."""
    found = Recognisers()
    found.settings = PERFECT if scenario.recogniser is None else scenario.recogniser.settings
    for name, party in scenario.parties.items():
        if party.recogniser is not None:
            found.of_party[name] = party.recogniser.settings
    return found


def transcript_in(
    scenario: Scenario, truth: RecordingTruth, recogniser: str | Mapping[str, Any] | None = None
) -> Transcript:
    """Return what is heard in a recording of a scenario.

    ``recogniser`` hears instead of the scenario's own. Raises ScenarioError for wrong settings.
    """
    if recogniser is not None:
        return recording_transcript(truth, parse_recogniser(recogniser))
    own = recognisers_of(scenario)
    return recording_transcript(truth, own.settings, of_party=own.of_party)
