"""Starting recordings, and the one map from a channel's role to the tracks that it is made of.

The layout rule decides which channels there are (:mod:`mediasim.exchange.layout`). The caller's
channel is its inbound track; the other channel is the callee's inbound track while there is a
callee, and otherwise the caller's outbound track.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mediasim.exchange.layout import Layout, recording_layout
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.profiles import Channels, Kind, RoleName
from mediasim.exchange.profiles import Track as RequestedTrack
from mediasim.exchange.recording_control import LiveRecording, Source, SourcedChannel
from mediasim.exchange.records import RecordingRecord, RecordingSource
from mediasim.exchange.switch import Switch
from mediasim.exchange.trim import Trim
from mediasim.media.recorder import Track
from mediasim.media.room import Room

__all__ = [
    "RecordedTracks",
    "RecordingOptions",
    "call_tracks",
    "message_tracks",
    "start_recording",
]


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    """The options of a recording; the defaults are those of a REST request."""

    channels: Channels = "mono"
    track: RequestedTrack = "both"
    trim: Trim = "do-not-trim"


@dataclass(frozen=True, slots=True)
class RecordedTracks:
    """The tracks that a recording may be made of at a moment."""

    said: SourcedChannel
    """The inbound track of the first, or only, party."""
    sent: SourcedChannel
    """The outbound track of that party."""
    heard: SourcedChannel
    """The tracks of the other side."""


def call_tracks(call: LiveCall, peer: LiveCall | None) -> RecordedTracks:
    """Return the tracks of a call, and of the call that it is connected to, if any."""
    if not call.up:
        return RecordedTracks((), (), ())
    sent = (Source(call, Track.OUTBOUND),)
    heard = (Source(peer, Track.INBOUND),) if peer is not None and peer.active else sent
    return RecordedTracks((Source(call, Track.INBOUND),), sent, heard)


def message_tracks(call: LiveCall) -> RecordedTracks:
    """Return the inbound track of a call, without its outbound track."""
    return RecordedTracks((Source(call, Track.INBOUND),) if call.active else (), (), ())


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
    tracks: Callable[[], RecordedTracks],
    kind: Kind,
    request: RecordingOptions,
    source: RecordingSource,
    *,
    call_sid: str,
    name: str,
    conference_sid: str | None = None,
    account_sid: str | None = None,
    before: Callable[[str], None] = lambda sid: None,
    notes: Callable[[str], Mapping[str, Any]] = lambda sid: {},
) -> LiveRecording:
    """Start a recording now, of a kind that the layout rule knows.

    ``tracks`` returns the tracks to record, whenever the legs of the room have changed;
    ``account_sid`` is the account that it belongs to, by default the exchange's.

    ``before`` is called with the recording's SID before its first event is emitted; then ``notes``
    returns further entries for the recording's journal.
    """
    layout = recording_layout(
        kind, request.channels, request.track, exchange.profile, exchange.protected
    )
    record = RecordingRecord(
        sid=exchange.sids.new("RE"),
        account_sid=account_sid or exchange.account_sid,
        call_sid=call_sid,
        source=source,
        layout=layout,
        created_ns=exchange.now_ns,
        start_ns=exchange.frame_ns,
        conference_sid=conference_sid,
    )
    before(record.sid)
    return LiveRecording(
        exchange,
        record,
        room,
        name,
        request.trim,
        lambda: _channels(layout, tracks()),
        notes(record.sid),
    )
