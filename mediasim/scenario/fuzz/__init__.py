"""The call fuzzer: random calls, judged by invariants, and failures made small.

``draw`` draws a scenario from a seed and a number; ``play`` runs it and keeps its results;
``judge``, ``second_runs`` and ``killed`` find the invariants that it violates; ``shrink`` makes a
failing scenario small; ``hunt`` does all of it many times, for these or any other ``properties``.
"""

__all__ = ["draw_parties", "hunt", "judge", "properties"]
