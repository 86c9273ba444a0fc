"""The exchange as its calls and recordings see it: time, media plane, stores, sounds, events.

Calls and recordings import this module, so their classes are type parameters here;
:mod:`mediasim.exchange.exchange` puts the real ones in.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, SAMPLE_RATE
from mediasim.audio.music import default_hold_music
from mediasim.audio.tones import ringback
from mediasim.exchange.dates import Dates
from mediasim.exchange.events import Events, ScriptEvent
from mediasim.exchange.media_store import MediaStore, RecordingDocument
from mediasim.exchange.memory_store import MemoryStore
from mediasim.exchange.profiles import DEFAULT_PROFILE, PROFILES
from mediasim.exchange.records import Catalogue, RecordingRecord, SidFactory
from mediasim.exchange.recovery import SPOOL, Journals
from mediasim.media.far_end import FarEnd
from mediasim.media.leg import Leg, Transport
from mediasim.media.plane import MediaPlane
from mediasim.media.room import Room
from mediasim.media.spool import SpoolFile
from mediasim.seeds import Seeds

__all__ = ["VIRTUAL_BLOCK", "Switch"]

_RINGBACK_SAMPLES: Final = 6 * SAMPLE_RATE
VIRTUAL_BLOCK: Final = 3000
"""Most frames of a room that are processed at once in virtual time: a minute."""


@cache
def _ringback() -> NDArray[np.int16]:
    """Return the ringback tone of all exchanges of the process."""
    pcm = ringback(_RINGBACK_SAMPLES)
    pcm.setflags(write=False)
    return pcm


OpenSpool = Callable[[Path, str, int, dict[str, Any]], SpoolFile]
"""Opens the spool of a recording: of a folder, a SID, a number of channels and a journal."""


class _Followed(Protocol):
    """A recording of the legs of a room."""

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
    """The services of an exchange that its calls and recordings use."""

    def __init__(
        self,
        seeds: Seeds,
        directory: Path | None,
        *,
        document: RecordingDocument,
        plane: MediaPlane | None = None,
        profile: str = DEFAULT_PROFILE,
        dates: Dates | None = None,
        transport: Transport | None = None,
        sid_label: str = "",
    ) -> None:
        """Create an exchange that stores its recordings below ``directory``; None: in memory.

        ``document`` makes the JSON that is published beside a recording's media. ``transport``
        carries the packets of simulated parties; None hands them over directly. ``sid_label``
        separates the SIDs of this exchange from those of others with the same seed.
        """
        self.loop = asyncio.get_running_loop()
        self.seeds = seeds
        self.sids = SidFactory(seeds.fork(sid_label) if sid_label else seeds)
        self.account_sid = self.sids.new("AC")
        self.plane = plane or MediaPlane(max_lag=VIRTUAL_BLOCK)
        self.profile = profile
        self.keeps_silence = PROFILES[profile].keeps_silence
        """Whether recordings of nothing but silence are kept, also where silence is trimmed."""
        self.discards_silence = False
        """Whether recordings of nothing but silence are discarded, also where none is trimmed."""
        self.dates = dates or Dates()
        self.transport = transport
        memory = MemoryStore() if directory is None else None
        self.store: MediaStore = memory or MediaStore(directory or Path())
        self.spool = self.store.directory / SPOOL
        """The folder of recordings in progress, on the store's file system."""
        self.open_spool: OpenSpool | None = None if memory is None else memory.open_spool
        """Opens the spool of a recording; None: a file below ``spool``."""
        self.document = document
        self.catalogue = Catalogue()
        self.events = Events()
        self.calls: list[CallT] = []
        self.call_of_leg = WeakValueDictionary[Leg, CallT]()
        """The call of each leg that came up, as long as anything refers to the call."""
        self.recordings: list[RecordingT] = []
        self.journals = Journals()
        self.before_media: Callable[[RecordingT], object] | None = None
        """Called with a recording before its media is published."""
        self.unpublished: Callable[[RecordingT, OSError], None] | None = None
        """Called with a recording that could not be written to disk; None: the error is raised."""
        self.periodic: list[Callable[[], object]] = []
        """Called about once a second of the wall clock, where a sandbox runs the exchange."""
        self.reports_quality = directory is not None
        """Whether calls send RTCP reports every 5 s, and keep them."""
        self.protected = False
        """Whether recordings are encrypted, or stored elsewhere."""
        self.protect: Callable[[RecordingT, Callable[[], None]], object] | None = None
        """Encrypts a recording's published media or stores it elsewhere, and then calls the
        function, which completes the recording; None: recordings are completed as they are."""
        self.processing_ns = 0
        """How long a recording stays in processing once its media is published, in nanoseconds."""
        self._processing: dict[str, tuple[asyncio.TimerHandle, Callable[[], None]]] = {}
        """Timers of recordings in processing, with what they will do, by SID."""
        self.far_end_of: Callable[[CallT], FarEnd | None] = lambda call: None
        """Returns the far end of a call being answered; None for a simulated party."""
        self.on_fault: Callable[[CallT, BaseException], None] = _raise_fault
        """Called with a call and the error of one of its tasks, such as a party's script."""

        self.recognising = 0
        """Number of recognisers at work, which may ask for what calls that have ended said."""
        self._names: Counter[str] = Counter()
        """Number of calls that have had each name."""
        self._sleepers = 0
        self._idle_since_ns = 0

    def after_processing(self, sid: str, complete: Callable[[], None]) -> None:
        """Call ``complete`` once the recording with this SID has been processed."""
        if not self.processing_ns:
            complete()
            return

        def work() -> None:
            self._processing.pop(sid, None)
            complete()

        timer = self.loop.call_later(self.processing_ns / 1e9, work)
        self._processing[sid] = timer, work

    def end_processing(self) -> None:
        """Complete all recordings that are being processed, now."""
        for timer, work in list(self._processing.values()):
            timer.cancel()
            work()

    # -- time -------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        """Loop time, in nanoseconds."""
        return round(self.loop.time() * 1e9)

    @property
    def frame_ns(self) -> int:
        """Loop time at which the current frame of the frame clock began, in nanoseconds."""
        return self.plane.now * FRAME_NS

    @property
    def idle_ns(self) -> int:
        """Nanoseconds for which no task has been sleeping, so that only audio or events matter."""
        return 0 if self._sleepers else self.now_ns - self._idle_since_ns

    async def sleep_until(self, at_ns: int) -> None:
        """Wait for a loop time in nanoseconds; returns at once if it has passed."""
        self._sleepers += 1
        try:
            await self.watch_until(at_ns)
        finally:
            self._sleepers -= 1
            self._idle_since_ns = self.now_ns

    async def watch_until(self, at_ns: int) -> None:
        """Wait for a loop time in nanoseconds, such as a limit, without ending :attr:`idle_ns`."""
        reached = asyncio.Event()
        # An absolute deadline: adding to the loop's float clock would accumulate rounding errors.
        handle = self.loop.call_at(at_ns / 1e9, reached.set)
        try:
            await reached.wait()
        finally:
            handle.cancel()

    async def sleep(self, for_ns: int) -> None:
        """Wait for a time in nanoseconds."""
        await self.sleep_until(self.now_ns + for_ns)

    # -- what callers hear -------------------------------------------------------------------

    @cached_property
    def ringback(self) -> NDArray[np.int16]:
        """One period of the ringback tone, int16 (n,) at 8 kHz, to be looped."""
        return _ringback()

    @cached_property
    def hold_music(self) -> NDArray[np.int16]:
        """The run's hold music, int16 (n,) at 8 kHz, to be looped."""
        return default_hold_music(self.seeds)

    # -- calls ------------------------------------------------------------------------------

    def follow_recordings(self, room: Room) -> None:
        """Let the recordings of a room take up a change of its legs."""
        for recording in self.recordings:
            if recording.room is room:
                recording.follow()

    def active_recordings(
        self, *, call: str | None = None, conference: str | None = None
    ) -> list[RecordingT]:
        """Return the active recordings of a call, or of a conference, oldest first."""
        return [
            recording
            for recording in self.recordings
            if recording.active
            and recording.record.conference_sid == conference
            and (conference is not None or recording.record.call_sid == call)
        ]

    def emit_script_event(self, name: str, party: str) -> None:
        """Emit an event that a party's script has named."""
        self.events.emit(
            ScriptEvent(at_ns=self.now_ns, kind=name, text=f"{party} emits {name}", party=party)
        )


def _raise_fault(call: Any, error: BaseException) -> None:
    raise RuntimeError(f"call {call.name} could not go on") from error
