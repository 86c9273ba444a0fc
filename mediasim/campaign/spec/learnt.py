"""Gaps, pauses and lengths learnt from a corpus: what its RTTM files say of who speaks when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

__all__ = ["What", "learnt_from", "read_rttm"]

What = Literal["gaps", "pauses", "lengths"]
_NS: Final = 1_000_000_000


class Segment(NamedTuple):
    """A line of an RTTM file: a speaker's speech."""

    file: str
    start: int
    """Nanoseconds from the start of the recording."""
    end: int
    speaker: str


def read_rttm(text: str) -> list[Segment]:
    """Return the SPEAKER lines of an RTTM text. Raises ValueError with the number of a wrong line.

    Each is ``SPEAKER file channel start duration <NA> <NA> speaker ...``, times in seconds.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0] != "SPEAKER":
            continue  # RTTM has lines of other kinds, and comments
        try:
            start, duration = float(words[3]), float(words[4])
            speaker = words[7]
            if not 0 <= duration < 1e6 or not 0 <= start < 1e8:
                raise ValueError
        except (IndexError, ValueError):
            raise ValueError(
                f"line {number} is no line of RTTM: expected SPEAKER file channel start duration "
                f"<NA> <NA> speaker, found {line[:60]!r}"
            ) from None
        found.append(
            Segment(words[1], round(start * _NS), round((start + duration) * _NS), speaker)
        )
    return found


def learnt_from(segments: Sequence[Segment], what: What) -> list[int]:
    """Return the gaps, pauses or lengths of segments in nanoseconds, sorted.

    A gap is from the end of a speaker's segment to the start of the next one's, below 0 where they
    overlap; a pause is the same where the next is the speaker's own.
    """
    of_file = defaultdict[str, list[Segment]](list)
    for each in segments:
        of_file[each.file].append(each)
    return sorted(value for them in of_file.values() for value in _values(them, what))


def _values(segments: list[Segment], what: What) -> Iterator[int]:
    if what == "lengths":
        yield from (each.end - each.start for each in segments)
        return
    before: Segment | None = None
    for each in sorted(segments, key=lambda it: (it.start, it.end)):
        if before is not None:
            # Within a longer segment: a backchannel, after which the first speaker goes on.
            if each.end <= before.end and each.speaker != before.speaker:
                continue
            if (each.speaker == before.speaker) == (what == "pauses"):
                yield each.start - before.end
        before = each
