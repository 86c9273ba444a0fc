"""Scenario files: their model, their runs, and the reports of those.

``model`` is what a file may say, ``running`` plays it on the exchange, ``expectations`` judges the
recordings, calls and streams of a run, ``report`` shows a run to people and machines, ``fuzz``
draws scenarios at random and ``importing`` makes recordings of captured calls.
"""

__all__ = ["expectations", "fuzz", "importing", "model", "report", "running"]
