"""Runs of scenarios: their calls compiled to the exchange, played, and kept."""

__all__ = [
    "actor",
    "call_plans",
    "calls",
    "campaign",
    "compile",
    "endpoints",
    "run_folders",
    "runner",
    "simulate",
    "sounds",
]
