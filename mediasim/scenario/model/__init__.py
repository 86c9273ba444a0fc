"""What a scenario file may say, and how it is read and checked."""

__all__ = [
    "call",
    "conference",
    "endpoint",
    "expect",
    "expect_app",
    "fault",
    "load",
    "network",
    "party",
    "recording",
    "scenario",
    "schema",
    "starter",
    "steps",
]
