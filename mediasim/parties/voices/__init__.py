"""What simulated parties say: voices, their engines, and clips with the times of their words."""

__all__ = ["catalogue", "clip", "level", "speech", "word_times"]
