"""Recordings in progress: started, paused, stopped and published."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mediasim.exchange import lifecycle
from mediasim.exchange.events import RecordingEvent
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.records import ChannelMapEntry, RecordingRecord
from mediasim.exchange.recovery import journal_of
from mediasim.exchange.states import RecordingStatus
from mediasim.exchange.switch import Switch
from mediasim.exchange.trim import Trim, absence, kept_range
from mediasim.media.leg import Leg
from mediasim.media.recorder import PauseBehavior, Recorder, Tap, Track
from mediasim.media.room import Room
from mediasim.media.spool import SpoolFile

__all__ = ["LiveRecording", "Source", "SourcedChannel", "delete_recording"]


@dataclass(frozen=True, slots=True)
class Source:
    """A track of a call's leg that a channel is made of."""

    call: LiveCall
    track: Track

    @property
    def leg(self) -> Leg:
        return self.call.leg


SourcedChannel = tuple[Source, ...]
"""The tracks that are mixed into one channel."""


@dataclass(frozen=True, slots=True)
class Sourcing:
    """The sources of all channels from a frame on."""

    frame: int
    channels: tuple[SourcedChannel, ...]


@dataclass(slots=True)
class LiveRecording:
    """One recording; ``channels`` returns the sources of its channels at any moment."""

    exchange: Switch[LiveCall, LiveRecording]
    record: RecordingRecord
    room: Room
    name: str
    trim: Trim
    channels: Callable[[], tuple[SourcedChannel, ...]]
    notes: Mapping[str, Any] = field(default_factory=dict)
    """Further entries of its journal, for the recovery after a crash."""
    recorder: Recorder = field(init=False)
    spool: SpoolFile = field(init=False)
    sourcings: list[Sourcing] = field(default_factory=list)
    trimmed: tuple[int, int] | None = None
    """The samples kept of the whole recording, (start, end); None until it is published."""
    _adopted: bool = False

    def __post_init__(self) -> None:
        exchange = self.exchange
        channels = self.channels()
        journal = {**journal_of(self.record), **self.notes}
        open_spool = exchange.open_spool or SpoolFile
        self.spool = open_spool(exchange.spool, self.record.sid, len(channels), journal)
        self.recorder = self.room.record(_taps(channels), self.spool)
        self.sourcings.append(Sourcing(self.recorder.first_frame, channels))
        exchange.journals.begin(self.sid, self.spool.journal)
        exchange.catalogue.add_recording(self.record)
        exchange.recordings.append(self)
        self._emit("started")

    @property
    def sid(self) -> str:
        return self.record.sid

    @property
    def active(self) -> bool:
        """Whether the recording is in progress or paused."""
        return self.record.status in ("in-progress", "paused")

    @property
    def has_media(self) -> bool:
        """Whether the recording has ended and something of it was kept."""
        if self.trimmed is None:
            return False
        start, end = self.trimmed
        return absence(self.recorder.samples, end - start) is None

    @property
    def kept(self) -> tuple[int, int]:
        """The samples (start, end) of the whole recording that its file has, or would have now."""
        return (0, self.recorder.samples) if self.trimmed is None else self.trimmed

    def follow(self) -> None:
        """Take up a change of legs: one came, went or was muted."""
        if not self.active:
            return
        channels = self.channels()
        if channels != self.sourcings[-1].channels:
            self.room.retap(self.recorder, _taps(channels))
            self.sourcings.append(Sourcing(self.recorder.frame, channels))

    def pause(self, behavior: PauseBehavior) -> None:
        """Pause the recording. Raises IllegalMove unless it is in progress."""
        self._move("paused", lambda: self.room.pause(self.recorder, behavior))

    def resume(self) -> None:
        """Resume the recording. Raises IllegalMove unless it is paused."""
        self._move("in-progress", lambda: self.room.resume(self.recorder))

    def stop(self) -> None:
        """End the recording and publish it; does nothing if it has ended."""
        if self.active:
            self.halt()
            self.publish()

    def halt(self) -> None:
        """End the recording without publishing it yet. Raises IllegalMove if it has ended."""
        self._move("stopped", self._halt)

    def _halt(self) -> None:
        self.room.stop(self.recorder)
        # A change of sources in the frame of the end has no sample in the recording.
        end = self.recorder.frame
        self.sourcings[1:] = [each for each in self.sourcings[1:] if each.frame < end]
        self.record.channel_map.extend(self.channel_map())

    def _move(self, status: RecordingStatus, do: Callable[[], None]) -> None:
        """Change the status, do what the change means, and emit its event."""

        def emit(word: str) -> None:
            do()
            self._emit(word)

        lifecycle.move(self.record, status, self.exchange.now_ns, emit)

    def publish(self) -> None:
        """Publish the halted recording's media and documents.

        If the disk fails, the exchange's ``unpublished`` is called, or OSError raised without it.
        """
        lifecycle.move(self.record, "processing", self.exchange.now_ns)
        self.try_to_publish()

    def try_to_publish(self) -> None:
        """Publish a recording in processing, for the first time or after the disk has failed."""
        self._try(self._publish)

    def _try_to_complete(self) -> None:
        self._try(self._complete)

    def _try(self, do: Callable[[], None]) -> None:
        try:
            do()
        except OSError as error:
            if self.exchange.unpublished is None:
                raise
            self.exchange.unpublished(self, error)

    def _publish(self) -> None:
        # In an order that a crash, or a full disk, may interrupt anywhere: truth, media, document,
        # then the record. Each is whole or not there, the journal goes last, and doing it all
        # again has the same outcome.
        exchange, record = self.exchange, self.record
        recorded = self.recorder.samples
        if self.trimmed is None:
            self.spool.finish()
            kept = 0, recorded
            if recorded and (self.trim == "trim-silence" or exchange.discards_silence):
                kept = kept_range(
                    self.spool.pcm(),
                    self.trim,
                    keeps_silence=exchange.keeps_silence,
                    discards_silence=exchange.discards_silence,
                )
            self.trimmed = kept  # only now: reading may fail, and is tried again
        start, end = self.trimmed
        record.samples = end - start
        if self.has_media:
            self._publish_media(start, end)
        exchange.after_processing(self.sid, self._end_processing)

    def _end_processing(self) -> None:
        if self.exchange.protect is None or not self.has_media:
            self._try_to_complete()
        else:
            self.exchange.protect(self, self._try_to_complete)

    def _complete(self) -> None:
        exchange, (start, end) = self.exchange, self.kept
        lifecycle.finish_processing(
            self.record,
            self.recorder.samples,
            end - start,
            exchange.now_ns,
            write=self._write,
            emit=self._emit,
        )
        exchange.journals.done(self.sid, "media")

    def _write(self, record: RecordingRecord) -> None:
        exchange = self.exchange
        if exchange.store.keeps_documents:
            exchange.store.publish_document(self.sid, exchange.document(record, exchange.dates))
        self.spool.drop()

    def _publish_media(self, start: int, end: int) -> None:
        store = self.exchange.store
        if self.exchange.before_media is not None:
            self.exchange.before_media(self)
        if (start, end) == (0, self.recorder.samples):
            if not self._adopted:  # the file was moved: a second try may not move it again
                self.spool.finish()
                store.adopt_wav(self.sid, self.spool.path)
                self._adopted = True
            return
        self.spool.finish()
        # In the journal before the part is written: a recovery from the spool keeps the same part.
        self.spool.note(kept=[start, end])
        store.publish_part(self.sid, self.spool.path, start, end)

    def channel_map(self) -> list[ChannelMapEntry]:
        """Return the channel map, with all parties that were in each channel until now."""
        found: list[ChannelMapEntry] = []
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
            found.append(
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
        return found

    def _heard(self, sources: Sequence[Source]) -> list[str]:
        """Return the names of the parties heard in a channel, in order of their first source."""
        legs: dict[Leg, None] = {}
        for source in sources:
            # An outbound track holds the voices of all legs that were routed to it.
            if source.track is Track.INBOUND:
                legs[source.leg] = None
            else:
                since = self.recorder.first_frame
                legs |= dict.fromkeys(source.leg.heard_since(since))
        of_leg = self.exchange.call_of_leg
        return list(dict.fromkeys(of_leg[leg].party.name for leg in legs))

    def _emit(self, word: str) -> None:
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
    """Return the last inbound track of a channel, or its last track if none was inbound."""
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


def delete_recording(exchange: Switch[Any, Any], record: RecordingRecord, at_ns: int) -> None:
    """Delete a recording's media, but not its record, as of a loop time.

    Raises IllegalMove if it is active, OSError if the disk refuses; the record is then as it was.
    """
    deleted = copy.copy(record)
    lifecycle.move(deleted, "deleted", at_ns)
    exchange.store.delete(record.sid)
    exchange.store.publish_document(record.sid, exchange.document(deleted, exchange.dates))
    lifecycle.move(record, "deleted", at_ns)
