"""A scenario's expectations, judged on the recordings, calls and streams of its run."""

__all__ = ["audio", "checks", "conversation", "forbidden_audio", "verdicts"]
