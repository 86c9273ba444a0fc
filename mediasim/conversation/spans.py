"""Sets of samples as spans: sorted, apart from each other, none empty."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["Span", "at_least", "complement", "intersection", "joined", "total", "union"]

Span = tuple[int, int]
"""First sample, and sample after the last."""


def union(spans: Iterable[Span]) -> list[Span]:
    """Return the samples of any spans, which may overlap and come in any order."""
    return joined(spans, 0)


def joined(spans: Iterable[Span], pause: int) -> list[Span]:
    """Return the samples of any spans, and of pauses between them of up to ``pause`` samples."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if found and start - found[-1][1] <= pause:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def total(spans: Iterable[Span]) -> int:
    """Return the number of samples."""
    return sum(end - start for start, end in spans)


def complement(spans: Iterable[Span], samples: int) -> list[Span]:
    """Return the samples from 0 to before ``samples`` that are in none of the spans."""
    found: list[Span] = []
    cursor = 0
    for start, end in spans:
        if start >= samples:
            break
        if start > cursor:
            found.append((cursor, start))
        cursor = max(cursor, end)
    if cursor < samples:
        found.append((cursor, samples))
    return found


def at_least(sets: Sequence[Iterable[Span]], count: int) -> list[Span]:
    """Return the samples that are in ``count`` of the sets or more."""
    edges = sorted(
        edge for spans in sets for start, end in spans for edge in ((start, 1), (end, -1))
    )
    found: list[Span] = []
    depth = begun = 0
    for at, step in edges:
        before, depth = depth, depth + step
        if before < count <= depth:
            begun = at
        elif depth < count <= before:
            found.append((begun, at))
    return union(found)


def intersection(first: Iterable[Span], second: Iterable[Span]) -> list[Span]:
    """Return the samples that are in both."""
    return at_least((first, second), 2)
