"""What a run leaves for people and machines to read.

``model`` is the report, key by key; ``build`` makes it of a run. ``summary``, ``html`` and
``junit`` show it, ``explain`` says why recordings have the channels they have.
"""

__all__ = ["build", "explain", "html", "junit", "model", "summary"]
