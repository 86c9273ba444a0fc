"""mediasim: a deterministic telephone exchange that records calls as Twilio does.

result = mediasim.simulate("scenarios/support-call.yaml")
result.recording().pcm        # (channels, samples) int16, 8 kHz
result.recording().truth      # who said what, at which sample
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = ["Recorded", "Result", "Scenario", "ScenarioError", "simulate", "simulate_async"]

if TYPE_CHECKING:
    from mediasim.documents.diagnostics import ScenarioError
    from mediasim.scenario.model.scenario import Scenario
    from mediasim.scenario.running.simulate import Recorded, Result, simulate, simulate_async

_HOME = {
    "Recorded": "scenario.running.simulate",
    "Result": "scenario.running.simulate",
    "Scenario": "scenario.model.scenario",
    "ScenarioError": "documents.diagnostics",
    "simulate": "scenario.running.simulate",
    "simulate_async": "scenario.running.simulate",
}


def __getattr__(name: str) -> Any:
    # Loaded when first asked for: `mediasim --help` must come at once.
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"mediasim.{_HOME[name]}"), name)
    raise AttributeError(f"module 'mediasim' has no attribute {name!r}")
