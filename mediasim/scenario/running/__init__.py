"""Runs of scenarios: their calls compiled to operations of the exchange, run, and stored."""

__all__ = [
    "actor",
    "call_plans",
    "calls",
    "compile",
    "endpoints",
    "failures",
    "processes",
    "run_folders",
    "runner",
    "runs",
    "simulate",
    "sounds",
]
