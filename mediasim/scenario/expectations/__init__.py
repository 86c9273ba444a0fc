"""What a scenario expects, judged on the recordings of its run."""

__all__ = ["audio", "checks", "conversation", "verdicts"]
