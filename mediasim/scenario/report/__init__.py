"""What a run leaves for people and machines to read."""

__all__ = ["explain", "html", "junit", "summary", "totals"]
