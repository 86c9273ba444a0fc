"""SSML in a Say: what is said in which manner, and how long is paused."""

__all__ = ["pieces", "speaking"]
