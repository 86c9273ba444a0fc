"""The lives of calls, recordings, conferences and the like: which status may follow which.

Everything about legal moves is in this file, and this file knows nothing else. Each lifecycle is
one table: status -> the statuses that may come next. What a table lacks is illegal.

Sources: Twilio's call status values, recording status values, and the enumerations of conference,
participant, stream and transcription (API description 2010-04-01). Three things are read into them:

* an inbound call is born ``ringing``; the other calls are born ``queued``;
* a recording always passes through ``processing``: also when its call ends while it records, or
  while it is paused. A recording is ``absent`` when processing found no media to keep;
* a participant has the status of its call, in other words: it makes no move of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

__all__ = [
    "CALL",
    "CONFERENCE",
    "PARTICIPANT",
    "PARTICIPANT_OF_CALL",
    "RECORDING",
    "STREAM",
    "TRANSCRIPTION",
    "CallStatus",
    "ConferenceStatus",
    "IllegalMove",
    "Lifecycle",
    "ParticipantStatus",
    "RecordingStatus",
    "StreamStatus",
    "TranscriptionStatus",
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
ParticipantStatus = Literal["queued", "connecting", "ringing", "connected", "complete", "failed"]
StreamStatus = Literal["in-progress", "stopped"]
TranscriptionStatus = Literal["in-progress", "completed", "failed"]


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
    words: Mapping[str, str] = field(default_factory=dict)
    """The word of the event by which a status is entered, "" for none, where it is not its own."""
    interrupted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The moves that end one whose process died, by the status that it had."""

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
    words={"in-progress": "answered"},
    interrupted={
        **dict.fromkeys(("queued", "initiated", "ringing"), ("failed",)),
        "in-progress": ("completed",),
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
    words={"in-progress": "resumed", "processing": "", "deleted": ""},
    interrupted={
        **dict.fromkeys(("in-progress", "paused", "stopped"), ("processing", "absent")),
        "processing": ("absent",),
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
    words={"in-progress": "started", "completed": "ended"},
    interrupted={"init": ("completed",), "in-progress": ("completed",)},
)

PARTICIPANT: Final = Lifecycle(
    noun="participant",
    initial=("queued", "ringing"),
    moves={
        "queued": ("connecting", "failed"),
        "connecting": ("ringing", "failed"),
        "ringing": ("connected", "failed"),
        "connected": ("complete",),
        "complete": (),
        "failed": (),
    },
)
PARTICIPANT_OF_CALL: Final[Mapping[CallStatus, ParticipantStatus]] = {
    "queued": "queued",
    "initiated": "connecting",
    "ringing": "ringing",
    "in-progress": "connected",
    "completed": "complete",
    "busy": "failed",
    "no-answer": "failed",
    "canceled": "failed",
    "failed": "failed",
}
"""A participant's status, by its call's."""

STREAM: Final = Lifecycle(
    noun="stream",
    initial=("in-progress",),
    moves={"in-progress": ("stopped",), "stopped": ()},
    interrupted={"in-progress": ("stopped",)},
)

TRANSCRIPTION: Final = Lifecycle(
    noun="transcription",
    initial=("in-progress",),
    moves={"in-progress": ("completed", "failed"), "completed": (), "failed": ()},
    interrupted={"in-progress": ("failed",)},
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
