"""The exchange as its calls and recordings see it: time, media plane, stores, sounds, events.

Which classes these are it does not know, for they know it; :mod:`mediasim.exchange.exchange` puts
all of them together.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, SAMPLE_RATE
from mediasim.audio.tones import hold_music, ringback
from mediasim.exchange.dates import Dates
from mediasim.exchange.events import Events, ScriptEvent
from mediasim.exchange.media_store import MediaStore, RecordingDocument
from mediasim.exchange.profiles import DEFAULT_PROFILE
from mediasim.exchange.records import Catalogue, RecordingRecord, SidFactory
from mediasim.exchange.recovery import SPOOL, Journals
from mediasim.media.far_end import FarEnd
from mediasim.media.leg import Transport
from mediasim.media.plane import MediaPlane
from mediasim.media.room import Room
from mediasim.seeds import Seeds

__all__ = ["VIRTUAL_BLOCK", "Switch"]

_RINGBACK_SAMPLES: Final = 6 * SAMPLE_RATE
_MUSIC_SAMPLES: Final = 16 * SAMPLE_RATE
VIRTUAL_BLOCK: Final = 3000
"""Frames a room may be lived through at once in virtual time: a minute."""


class _Followed(Protocol):
    """A recording that takes its channels from the legs of a room."""

    @property
    def record(self) -> RecordingRecord: ...
    @property
    def room(self) -> Room: ...
    @property
    def active(self) -> bool: ...
    def follow(self) -> None: ...


CallT = TypeVar("CallT")
RecordingT = TypeVar("RecordingT", bound=_Followed)


class Switch(Generic[CallT, RecordingT]):
    """What calls and recordings use of the exchange they are on."""

    def __init__(
        self,
        seeds: Seeds,
        directory: Path,
        *,
        document: RecordingDocument,
        plane: MediaPlane | None = None,
        profile: str = DEFAULT_PROFILE,
        dates: Dates | None = None,
        transport: Transport | None = None,
        sid_label: str = "",
    ) -> None:
        """``directory`` takes the recordings; ``transport`` carries packets, None: as they are.

        ``document`` makes the JSON that is published beside a recording's media.
        ``sid_label`` sets the SIDs of this exchange apart from those of others of the same seed.
        """
        self.loop = asyncio.get_running_loop()
        self.seeds = seeds
        self.sids = SidFactory(seeds.fork(sid_label) if sid_label else seeds)
        self.account_sid = self.sids.new("AC")
        self.plane = plane or MediaPlane(max_lag=VIRTUAL_BLOCK)
        self.profile = profile
        self.dates = dates or Dates()
        self.transport = transport
        self.store = MediaStore(directory)
        self.spool = directory / SPOOL
        """The folder of recordings in progress, on the store's file system."""
        self.document = document
        self.catalogue = Catalogue()
        self.events = Events()
        self.calls: list[CallT] = []
        self.recordings: list[RecordingT] = []
        self.journals = Journals()
        self.before_media: Callable[[RecordingT], object] | None = None
        """Called with a recording whose media is about to be published."""
        self.unpublished: Callable[[RecordingT, OSError], None] | None = None
        """Called with a recording that the disk did not take; None: the error is raised."""
        self.far_end_of: Callable[[CallT], FarEnd | None] = lambda call: None
        """Who is at the far end of a call that is answered, where it is no simulated party."""
        self.on_fault: Callable[[CallT, BaseException], None] = _raise_fault
        """What is done about an error of something that ran for a call, a party's script say."""

        self._names: Counter[str] = Counter()
        """How many calls have had each name."""
        self._sleepers = 0
        self._idle_since_ns = 0

    # -- time -------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        """Loop time."""
        return round(self.loop.time() * 1e9)

    @property
    def frame_ns(self) -> int:
        """When the frame that the frame clock stands in began."""
        return self.plane.now * FRAME_NS

    @property
    def idle_ns(self) -> int:
        """For how long nobody has been waiting for a time: whatever happens next must be heard,
        or told by an event."""
        return 0 if self._sleepers else self.now_ns - self._idle_since_ns

    async def sleep_until(self, at_ns: int) -> None:
        """Wait for a loop time; returns at once if it has passed."""
        self._sleepers += 1
        try:
            await self.watch_until(at_ns)
        finally:
            self._sleepers -= 1
            self._idle_since_ns = self.now_ns

    async def watch_until(self, at_ns: int) -> None:
        """The same for a time at which nothing happens of itself, as a limit: it may be idle."""
        woken: asyncio.Future[None] = self.loop.create_future()
        # An absolute deadline: adding to the loop's float clock would creep.
        handle = self.loop.call_at(at_ns / 1e9, _wake, woken)
        try:
            await woken
        finally:
            handle.cancel()

    async def sleep(self, for_ns: int) -> None:
        await self.sleep_until(self.now_ns + for_ns)

    # -- what callers hear -------------------------------------------------------------------

    @cached_property
    def ringback(self) -> NDArray[np.int16]:
        """One period of ringing, to be looped."""
        return ringback(_RINGBACK_SAMPLES)

    @cached_property
    def hold_music(self) -> NDArray[np.int16]:
        """The run's hold music, to be looped."""
        return hold_music(_MUSIC_SAMPLES, self.seeds.generator("hold-music"))

    # -- calls ------------------------------------------------------------------------------

    def follow_recordings(self, room: Room) -> None:
        """Legs of a room changed: its recordings take their channels anew."""
        for recording in self.recordings:
            if recording.room is room:
                recording.follow()

    def active_recordings(
        self, *, call: str | None = None, conference: str | None = None
    ) -> list[RecordingT]:
        """The recordings of a call, or of a conference, that have not ended, oldest first."""
        return [
            recording
            for recording in self.recordings
            if recording.active
            and recording.record.conference_sid == conference
            and (conference is not None or recording.record.call_sid == call)
        ]

    def raise_event(self, name: str, party: str) -> None:
        """An event of a script's own."""
        self.events.emit(
            ScriptEvent(at_ns=self.now_ns, kind=name, text=f"{party} emits {name}", party=party)
        )


def _raise_fault(call: Any, error: BaseException) -> None:
    raise RuntimeError(f"call {call.name} could not go on") from error


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
