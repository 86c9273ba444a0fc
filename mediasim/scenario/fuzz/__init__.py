"""The call fuzzer: random calls, judged by the invariants, and failures made small.

``draw`` makes a scenario of a seed and a number; ``play`` runs it and keeps what it left;
``judge``, ``second_runs`` and ``killed`` say which invariants it broke; ``shrink`` makes a failing
scenario small; ``hunt`` does all of it many times, for these or any other ``properties``.
"""

__all__ = ["draw_parties", "hunt", "judge", "properties"]
