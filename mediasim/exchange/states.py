"""The lifecycles of calls, recordings, messages and the like: which status may follow which.

Everything about legal moves is in this file, and this file knows nothing else. Each lifecycle is
one table: status -> the statuses that may come next. What a table lacks is illegal.

Sources: Twilio's call status values, recording status values, message status values, and the
enumerations of account, conference, participant, stream and transcription (API description
2010-04-01). Three things are read into them:

* an inbound call begins as ``ringing``, every other call as ``queued``;
* a recording always passes through ``processing``: also when its call ends while it records, or
  while it is paused. A recording is ``absent`` when processing found no media to keep;
* a participant's status follows from its call's: it makes no move of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

__all__ = [
    "ACCOUNT",
    "CALL",
    "CONFERENCE",
    "MESSAGE",
    "PARTICIPANT",
    "PARTICIPANT_OF_CALL",
    "RECORDING",
    "STREAM",
    "TRANSCRIPT",
    "TRANSCRIPTION",
    "AccountStatus",
    "CallStatus",
    "ConferenceStatus",
    "IllegalMove",
    "Lifecycle",
    "MessageStatus",
    "ParticipantStatus",
    "RecordingStatus",
    "StreamStatus",
    "TranscriptStatus",
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
TranscriptStatus = Literal["queued", "in-progress", "completed", "failed"]
AccountStatus = Literal["active", "suspended", "closed"]
MessageStatus = Literal[
    "accepted",
    "scheduled",
    "queued",
    "sending",
    "sent",
    "delivered",
    "undelivered",
    "failed",
    "canceled",
    "received",
]


class IllegalMove(ValueError):
    """A status change that the lifecycle does not have."""


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """A table of the legal moves of one kind of record."""

    noun: str
    """The kind of record, for messages: "call", "recording", "conference"."""
    initial: tuple[str, ...]
    """The statuses in which a new record may begin."""
    moves: Mapping[str, tuple[str, ...]]
    """Each status, with the statuses that may follow it."""
    words: Mapping[str, str] = field(default_factory=dict)
    """The event word emitted on entering a status, where it is not the status; "" emits none."""
    interrupted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The moves that end a record whose process died, by the status that it had."""

    def is_final(self, status: str) -> bool:
        """Return whether no status may follow this one."""
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
"""A participant's status, by the status of its call."""

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

TRANSCRIPT: Final = Lifecycle(
    noun="transcript",
    initial=("queued",),
    moves={
        "queued": ("in-progress", "failed"),
        "in-progress": ("completed", "failed"),
        "completed": (),
        "failed": (),
    },
    interrupted={"queued": ("failed",), "in-progress": ("failed",)},
)


ACCOUNT: Final = Lifecycle(
    noun="account",
    initial=("active",),
    moves={
        "active": ("suspended", "closed"),
        "suspended": ("active", "closed"),
        "closed": (),
    },
)

MESSAGE: Final = Lifecycle(
    noun="message",
    initial=("accepted", "scheduled", "queued", "received"),
    moves={
        "scheduled": ("accepted", "canceled", "failed"),
        "accepted": ("queued", "failed"),
        "queued": ("sending", "failed"),
        "sending": ("sent", "failed"),
        "sent": ("delivered", "undelivered"),
        "delivered": (),
        "undelivered": (),
        "failed": (),
        "canceled": (),
        "received": (),
    },
    interrupted=dict.fromkeys(("scheduled", "accepted", "queued", "sending"), ("failed",)),
)


def check_move(table: Lifecycle, old: str | None, new: str) -> None:
    """Check that ``new`` may follow ``old``, which is None for a new record.

    Raises IllegalMove, which names the legal statuses, if it may not.
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
