"""What a sandbox does about once a second: it retries what the disk refused, and tells of it."""

from __future__ import annotations

import logging
from typing import Final

from mediasim.exchange.events import Event, RecordingEvent
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.recording_control import LiveRecording
from mediasim.sandbox.checkpoints import Checkpoints
from mediasim.sandbox.storage import Storage

__all__ = ["Upkeep"]

_LOG: Final = logging.getLogger("mediasim")


class Upkeep:
    """Of one exchange and the storage of its recordings. Used on the engine's loop."""

    def __init__(self, exchange: Exchange, storage: Storage, *, kept: bool) -> None:
        """``kept``: the storage outlives the process, so a start after a kill will need more."""
        self._exchange = exchange
        self._storage = storage
        self._checkpoints = Checkpoints(exchange) if kept else None
        if self._checkpoints is not None:
            exchange.events.on("recording.stopped", self._stopped)
        self._unpublished: dict[str, tuple[LiveRecording, OSError]] = {}
        """Recordings that the disk did not take, and why."""
        self._told: str | None = None
        """The trouble that the log has been told of."""
        exchange.unpublished = self._not_published

    def trouble(self) -> str | None:
        """Why recordings cannot be kept at the moment; None: they can."""
        if (found := self._storage.trouble()) is not None:
            return found
        live = (each.spool.error for each in self._exchange.recordings)
        refused = (error for _, error in self._unpublished.values())
        error = next((each for each in (*live, *refused) if each is not None), None)
        return None if error is None else f"recordings cannot be written: {error.strerror or error}"

    def tend(self) -> None:
        """Do what is due."""
        waiting, self._unpublished = self._unpublished, {}
        for recording, _ in waiting.values():
            recording.try_to_publish()
        database = self._storage.database
        if database is not None and database.error is not None:
            database.put({})  # what it could not write is still to be written
        if self._checkpoints is not None:
            self._checkpoints.take()
        trouble = self.trouble()
        if trouble is not None and trouble != self._told:
            _LOG.error(trouble)
        elif trouble is None and self._told is not None:
            _LOG.warning("recordings can be written again")
        self._told = trouble

    def _stopped(self, event: Event) -> None:
        if self._checkpoints is not None and isinstance(event, RecordingEvent):
            self._checkpoints.take_last(event.recording_sid)

    def _not_published(self, recording: LiveRecording, error: OSError) -> None:
        """It stays in processing, and is tried again."""
        self._unpublished[recording.sid] = recording, error
