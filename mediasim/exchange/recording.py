"""Starting recordings: what is recorded, and of which tracks each channel's role is made.

Which channels there are is the layout rule's (:mod:`mediasim.exchange.layout`). This is the one
map from their roles to tracks: a caller's channel is what it says; the other's is what the callee
says while there is one, and otherwise what the caller is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from mediasim.exchange.layout import Layout, recording_layout
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.profiles import Channels, Kind, RoleName
from mediasim.exchange.profiles import Track as AskedTrack
from mediasim.exchange.recording_control import LiveRecording, Source, SourcedChannel, new_record
from mediasim.exchange.records import RecordingSource
from mediasim.exchange.switch import Switch
from mediasim.exchange.trim import Trim
from mediasim.media.recorder import Track
from mediasim.media.room import Room

__all__ = [
    "RecordedCall",
    "RecordedConference",
    "RecordedMessage",
    "RecordingOptions",
    "start_recording",
]


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    """What was asked of a recording; the defaults are those of a REST request."""

    channels: Channels = "mono"
    track: AskedTrack = "both"
    trim: Trim = "do-not-trim"


class RecordedTracks(Protocol):
    """What is recorded: the tracks that it has at this moment."""

    @property
    def said(self) -> SourcedChannel:
        """What its first, or only, party says."""

    @property
    def sent(self) -> SourcedChannel:
        """What that party is sent."""

    @property
    def heard(self) -> SourcedChannel:
        """What is heard of the other side."""


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call, and the one that it is connected to, if any."""

    call: LiveCall
    peer: Callable[[], LiveCall | None]

    @property
    def said(self) -> SourcedChannel:
        return (Source(self.call, Track.INBOUND),) if self.call.active else ()

    @property
    def sent(self) -> SourcedChannel:
        return (Source(self.call, Track.OUTBOUND),) if self.call.active else ()

    @property
    def heard(self) -> SourcedChannel:
        other = self.peer()
        if not self.call.active or other is None or not other.active:
            return self.sent
        return (Source(other, Track.INBOUND),)


@dataclass(frozen=True, slots=True)
class RecordedMessage:
    """What one party says, and nothing that it is sent."""

    call: LiveCall

    @property
    def said(self) -> SourcedChannel:
        return (Source(self.call, Track.INBOUND),) if self.call.active else ()

    @property
    def sent(self) -> SourcedChannel:
        return ()

    heard = sent


@dataclass(frozen=True, slots=True)
class RecordedConference:
    """A conference: the party that joined first, and everything else that its members hear."""

    first: Callable[[], SourcedChannel]
    others: Callable[[], SourcedChannel]

    @property
    def said(self) -> SourcedChannel:
        return self.first()

    @property
    def sent(self) -> SourcedChannel:
        return self.others()

    heard = sent


_ROLES: Final[dict[RoleName, Callable[[RecordedTracks], SourcedChannel]]] = {
    "parent": lambda recorded: recorded.said,
    "inbound": lambda recorded: recorded.said,
    "child": lambda recorded: recorded.heard,
    "outbound": lambda recorded: recorded.sent,
    "mix": lambda recorded: recorded.said + recorded.heard,
    "conference-mix": lambda recorded: recorded.said + recorded.heard,
    "first-participant": lambda recorded: recorded.said,
    "everyone-else": lambda recorded: recorded.heard,
}


def _channels(layout: Layout, recorded: RecordedTracks) -> tuple[SourcedChannel, ...]:
    """What each channel of a layout is made of now."""
    roles = [role.role for role in layout.channels]
    # Beside a channel for what is said, what is sent is the other side, as with a child call; the
    # outbound track alone is the track itself, hold music and all.
    both = len(roles) > 1
    return tuple(
        recorded.heard if both and role == "outbound" else _ROLES[role](recorded) for role in roles
    )


def start_recording(
    exchange: Switch[LiveCall, LiveRecording],
    room: Room,
    recorded: RecordedTracks,
    kind: Kind,
    request: RecordingOptions,
    source: RecordingSource,
    *,
    call_sid: str,
    name: str,
    conference_sid: str | None = None,
    before: Callable[[str], None] = lambda sid: None,
    notes: Callable[[str], Mapping[str, Any]] = lambda sid: {},
) -> LiveRecording:
    """Begin to record now; ``kind`` is what the layout rule calls what is recorded.

    ``before`` is called with the recording's SID before its first event; ``notes`` is then asked
    what its journal is to say besides.
    """
    layout = recording_layout(kind, request.channels, request.track, exchange.profile)
    record = new_record(
        exchange, layout=layout, source=source, call_sid=call_sid, conference_sid=conference_sid
    )
    before(record.sid)
    return LiveRecording(
        exchange,
        record,
        room,
        name,
        request.trim,
        lambda: _channels(layout, recorded),
        notes(record.sid),
    )
