"""Recordings under way: started, paused, stopped and published.

What is recorded follows the layout rule (:mod:`mediasim.exchange.layout`); where the audio is
taken is decided here, by role: the parent's channel is its inbound track; the child's channel is
the child's inbound track while there is one, and before that what the parent is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mediasim.audio.wav import read_wav, write_wav
from mediasim.exchange import lifecycle
from mediasim.exchange.events import RecordingEvent
from mediasim.exchange.layout import Layout
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.records import ChannelMapEntry, RecordingRecord, RecordingSource
from mediasim.exchange.recovery import SPOOL
from mediasim.exchange.states import RecordingStatus
from mediasim.exchange.switch import Switch
from mediasim.exchange.trim import Trim, kept_range
from mediasim.media.leg import Leg
from mediasim.media.recorder import PauseBehavior, Recorder, Tap, Track
from mediasim.media.room import Room
from mediasim.media.spool import SpoolFile

__all__ = ["LiveRecording", "Source", "SourcedChannel", "delete_recording", "new_record"]


@dataclass(frozen=True, slots=True)
class Source:
    """A track of a call's leg that goes into a channel."""

    call: LiveCall
    track: Track

    @property
    def leg(self) -> Leg:
        return self.call.leg


SourcedChannel = tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Sourcing:
    """From this frame on the channels were made of these sources."""

    frame: int
    channels: tuple[SourcedChannel, ...]


@dataclass(slots=True)
class LiveRecording:
    """One recording. ``channels`` tells what its channels are made of at any moment."""

    exchange: Switch[LiveCall, LiveRecording]
    record: RecordingRecord
    room: Room
    name: str
    trim: Trim
    channels: Callable[[], tuple[SourcedChannel, ...]]
    recorder: Recorder = field(init=False)
    spool: SpoolFile = field(init=False)
    sourcings: list[Sourcing] = field(default_factory=list)
    trimmed: tuple[int, int] = (0, 0)
    """The samples kept of the whole recording: (start, end)."""

    def __post_init__(self) -> None:
        exchange = self.exchange
        channels = self.channels()
        journal = {
            "sid": self.record.sid,
            "account_sid": self.record.account_sid,
            "call_sid": self.record.call_sid,
            "conference_sid": self.record.conference_sid,
            "source": self.record.source,
            "start_ns": self.record.start_ns,
            "created_ns": self.record.created_ns,
            "layout": self.record.layout.asked(),
        }
        self.spool = SpoolFile(
            exchange.store.directory / SPOOL, self.record.sid, len(channels), journal
        )
        self.recorder = self.room.record(_taps(channels), self.spool)
        self.sourcings.append(Sourcing(self.recorder.first_frame, channels))
        exchange.catalogue.add_recording(self.record)
        exchange.recordings.append(self)
        self._tell("started")

    @property
    def sid(self) -> str:
        return self.record.sid

    @property
    def active(self) -> bool:
        return self.record.status in ("in-progress", "paused")

    def follow(self) -> None:
        """Take the channels anew after legs came, went or were muted."""
        if not self.active:
            return
        channels = self.channels()
        if channels != self.sourcings[-1].channels:
            self.room.retap(self.recorder, _taps(channels))
            self.sourcings.append(Sourcing(self.recorder.frame, channels))

    def pause(self, behavior: PauseBehavior) -> None:
        """Raises IllegalMove unless it is in progress."""
        self._move("paused", lambda: self.room.pause(self.recorder, behavior))

    def resume(self) -> None:
        """Raises IllegalMove unless it is paused."""
        self._move("in-progress", lambda: self.room.resume(self.recorder))

    def stop(self) -> None:
        """End it now and publish what there is; it cannot be resumed."""
        if self.active:
            self.halt()
            self.publish()

    def halt(self) -> None:
        """Record no more. What there is becomes a recording with :meth:`publish`."""
        self._move("stopped", self._halt)

    def _halt(self) -> None:
        self.room.stop(self.recorder)
        # Legs that ended in this very frame have left no sample of what would have followed them.
        end = self.recorder.frame
        self.sourcings[1:] = [each for each in self.sourcings[1:] if each.frame < end]
        self._map_channels()

    def _move(self, status: RecordingStatus, do: Callable[[], None]) -> None:
        """Change the status, do what that means, and tell."""

        def tell(word: str) -> None:
            do()
            self._tell(word)

        lifecycle.move(self.record, status, self.exchange.now_ns, tell)

    def publish(self) -> None:
        """Make the halted recording's file and documents appear."""
        exchange = self.exchange
        lifecycle.move(self.record, "processing", exchange.now_ns)
        recorded = self.recorder.samples
        start, end = 0, recorded
        if self.trim == "trim-silence" and recorded:
            pcm = read_wav(self.spool.path).pcm
            start, end = kept_range(pcm, self.trim)
            if (start, end) != (0, recorded) and end > start:
                write_wav(self.spool.path, np.ascontiguousarray(pcm[:, start:end]))
        self.trimmed = (start, end)
        lifecycle.settle(
            self.record,
            recorded,
            end - start,
            exchange.now_ns,
            keep=lambda: exchange.store.adopt_wav(self.sid, self.spool.path),
            tell=self._published,
        )

    def _published(self, word: str) -> None:
        exchange = self.exchange
        exchange.store.publish_document(self.sid, exchange.document(self.record, exchange.dates))
        self.spool.discard()
        self._tell(word)

    def _map_channels(self) -> None:
        """Say of each channel whose voice it holds, by everybody who ever was in it."""
        roles = self.record.layout.channels
        for number, role in enumerate(roles):
            sources: list[Source] = []
            for sourcing in self.sourcings:
                for source in sourcing.channels[number]:
                    if source not in sources:
                        sources.append(source)
            single = role.role not in ("mix", "conference-mix", "everyone-else")
            taken = _taken(sources) if single else None
            heard = self._heard(sources) if single else []
            self.record.channel_map.append(
                ChannelMapEntry(
                    channel=number + 1,
                    leg=taken.call.name if taken else "mix",
                    party=", ".join(heard) or None,
                    call_sid=taken.call.sid if taken else None,
                    track=taken.track.value if taken else role.track,
                    role=role.role,
                    words=_words(role.words, sources, single),
                )
            )

    def _heard(self, sources: Sequence[Source]) -> list[str]:
        """The parties whose voices are in a channel, in the order they came to be."""
        legs: dict[Leg, None] = {}
        for source in sources:
            if source.track is Track.INBOUND:
                legs[source.leg] = None
            else:
                since = self.recorder.first_frame
                legs |= dict.fromkeys(source.leg.heard_since(since))
        of_leg = {call.leg: call for call in self.exchange.calls if call.has_leg}
        return list(dict.fromkeys(of_leg[leg].party.name for leg in legs))

    def _tell(self, word: str) -> None:
        self.exchange.events.emit(
            RecordingEvent(
                at_ns=self.exchange.now_ns,
                kind=f"recording.{word}",
                text=f"recording {self.name} {word}",
                recording_sid=self.sid,
                call_sid=self.record.call_sid,
                conference_sid=self.record.conference_sid,
            )
        )


def _taken(sources: Sequence[Source]) -> Source | None:
    """The track that a channel was made of in the end; what a leg is sent only for want of more."""
    inbound = [source for source in sources if source.track is Track.INBOUND]
    return next(reversed(inbound or list(sources)), None)


def _words(role: str, sources: Sequence[Source], single: bool) -> str:
    said = [
        f"what {source.call.party.name} {'says' if source.track is Track.INBOUND else 'is sent'}"
        for source in sources
    ]
    if not said:
        return f"{role}: nobody was there"
    joined = (", then " if single else " and ").join(said)
    return f"{role.split(':')[0]}: {joined}"


def _taps(channels: tuple[SourcedChannel, ...]) -> list[list[Tap]]:
    return [
        [
            source.leg.inbound if source.track is Track.INBOUND else source.leg.outbound
            for source in channel
        ]
        for channel in channels
    ]


def delete_recording(exchange: Switch[Any, Any], record: RecordingRecord) -> None:
    """Delete a recording's media; its record stays. Raises IllegalMove for one still active."""
    lifecycle.move(record, "deleted", exchange.now_ns)
    exchange.store.delete(record.sid)


def new_record(
    exchange: Switch[Any, Any],
    *,
    layout: Layout,
    source: RecordingSource,
    call_sid: str,
    conference_sid: str | None = None,
) -> RecordingRecord:
    """The resource of a recording that starts now."""
    return RecordingRecord(
        sid=exchange.sids.new("RE"),
        account_sid=exchange.account_sid,
        call_sid=call_sid,
        source=source,
        layout=layout,
        created_ns=exchange.now_ns,
        start_ns=exchange.frame_ns,
        conference_sid=conference_sid,
    )
