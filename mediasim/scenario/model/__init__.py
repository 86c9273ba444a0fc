"""What a scenario file may say, and how it is read and checked."""

__all__ = [
    "app",
    "app_ends",
    "app_expectations",
    "call",
    "check",
    "conference",
    "expect",
    "expectation",
    "load",
    "party",
    "recording",
    "scenario",
    "starter",
    "steps",
]
