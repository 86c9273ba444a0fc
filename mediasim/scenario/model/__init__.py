"""What a scenario file may say, and how it is read and checked."""

__all__ = [
    "call",
    "conference",
    "endpoint",
    "expect",
    "fault",
    "load",
    "party",
    "recording",
    "scenario",
    "starter",
    "steps",
]
