"""What a scenario file may say, and how it is read and checked."""

__all__ = [
    "app",
    "app_ends",
    "call",
    "check",
    "conference",
    "expect",
    "load",
    "party",
    "recording",
    "scenario",
    "starter",
    "steps",
]
