"""Scenario files, by what a reader looks for.

``model`` is what a file may say, ``running`` plays it on the exchange, ``expectations`` judges
what came of it, ``report`` is what is left to read, ``fuzz`` draws scenarios of its own and
``importing`` makes recordings of captures.
"""

__all__ = ["expectations", "fuzz", "importing", "model", "report", "running"]
