"""The lives of calls, recordings and conferences: which status may follow which.

Everything about legal moves is in this file, and this file knows nothing else. Each lifecycle is
one table: status -> the statuses that may come next. What a table lacks is illegal.

Sources: Twilio's call status values, recording status values and conference status enumeration
(API description 2010-04-01). Two things are read into them:

* an inbound call is born ``ringing``; the other calls are born ``queued``;
* a recording always passes through ``processing``: also when its call ends while it records, or
  while it is paused. A recording is ``absent`` when processing found no media to keep.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

__all__ = [
    "CALL",
    "CONFERENCE",
    "RECORDING",
    "CallStatus",
    "ConferenceStatus",
    "IllegalMove",
    "Lifecycle",
    "RecordingStatus",
    "check_move",
]

CallStatus = Literal[
    "queued",
    "initiated",
    "ringing",
    "in-progress",
    "completed",
    "busy",
    "no-answer",
    "canceled",
    "failed",
]
RecordingStatus = Literal[
    "in-progress", "paused", "stopped", "processing", "completed", "absent", "deleted"
]
ConferenceStatus = Literal["init", "in-progress", "completed"]


class IllegalMove(ValueError):
    """A status change that the lifecycle does not have."""


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """One table of legal moves."""

    noun: str
    """What lives this life: "call", "recording", "conference"."""
    initial: tuple[str, ...]
    """The statuses in which one may be born."""
    moves: Mapping[str, tuple[str, ...]]
    """Each status and those that may follow it."""

    def is_final(self, status: str) -> bool:
        """Whether nothing may follow the status."""
        return not self.moves[status]


_UNANSWERED = ("canceled", "busy", "no-answer", "failed")

CALL: Final = Lifecycle(
    noun="call",
    initial=("queued", "ringing"),
    moves={
        "queued": ("initiated", *_UNANSWERED),
        "initiated": ("ringing", *_UNANSWERED),
        "ringing": ("in-progress", *_UNANSWERED),
        "in-progress": ("completed",),
        "completed": (),
        "busy": (),
        "no-answer": (),
        "canceled": (),
        "failed": (),
    },
)

RECORDING: Final = Lifecycle(
    noun="recording",
    initial=("in-progress",),
    moves={
        "in-progress": ("paused", "stopped", "processing"),
        "paused": ("in-progress", "stopped", "processing"),
        "stopped": ("processing",),
        "processing": ("completed", "absent"),
        "completed": ("deleted",),
        "absent": ("deleted",),
        "deleted": (),
    },
)

CONFERENCE: Final = Lifecycle(
    noun="conference",
    initial=("init",),
    moves={
        "init": ("in-progress", "completed"),
        "in-progress": ("completed",),
        "completed": (),
    },
)


def check_move(table: Lifecycle, old: str | None, new: str) -> None:
    """Pass if ``new`` may follow ``old``; ``old`` is None for the birth of one.

    Raises IllegalMove, naming what would be legal.
    """
    legal = table.initial if old is None else table.moves.get(old)
    if legal is None:
        raise IllegalMove(f"{old!r} is no status of a {table.noun}: {', '.join(table.moves)}")
    if new in legal:
        return
    if old is None:
        raise IllegalMove(f"a {table.noun} cannot begin as {new!r}: it begins {_either(legal)}")
    if not legal:
        raise IllegalMove(f"a {table.noun} cannot go from {old!r} to {new!r}: {old!r} is final")
    raise IllegalMove(
        f"a {table.noun} cannot go from {old!r} to {new!r}: after {old!r} comes {_either(legal)}"
    )


def _either(statuses: tuple[str, ...]) -> str:
    return " or ".join(repr(status) for status in statuses)
