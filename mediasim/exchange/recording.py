"""Starting recordings, and the one map from a channel's role to the tracks that it is made of.

The layout rule decides which channels there are (:mod:`mediasim.exchange.layout`). The caller's
channel is its inbound track; the other channel is the callee's inbound track while there is a
callee, and otherwise the caller's outbound track.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from mediasim.exchange.layout import Layout, recording_layout
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.profiles import Channels, Kind, RoleName
from mediasim.exchange.profiles import Track as RequestedTrack
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
    """The options of a recording; the defaults are those of a REST request."""

    channels: Channels = "mono"
    track: RequestedTrack = "both"
    trim: Trim = "do-not-trim"


class RecordedTracks(Protocol):
    """The tracks that a recording may be made of at this moment."""

    @property
    def said(self) -> SourcedChannel:
        """The inbound track of the first, or only, party."""

    @property
    def sent(self) -> SourcedChannel:
        """The outbound track of that party."""

    @property
    def heard(self) -> SourcedChannel:
        """The tracks of the other side."""


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """The tracks of a call, and of the call that it is connected to, if any."""

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
    """The inbound track of a call, without its outbound track."""

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
    """The tracks of a conference: its first participant, and all else that participants hear."""

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
    """Return the sources of each channel of a layout at this moment."""
    roles = [role.role for role in layout.channels]
    # Beside an inbound channel, "outbound" is the other side, as for a child call; recorded alone
    # it is the outbound track itself, with ringback and hold music.
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
    """Start a recording of ``recorded`` now, of the kind that the layout rule knows it by.

    ``before`` is called with the recording's SID before its first event is emitted; then ``notes``
    returns further entries for the recording's journal.
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
