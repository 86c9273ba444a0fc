"""The Record verb: a greeting, a beep, and what the caller says until it stops.

It ends on silence, on a key, at its maximum length, or when the caller hangs up. The server
notices the first two a few frames after they happened, as real ones do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS
from mediasim.audio.tones import beep
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.flow import LINGER_NS, Behavior, Flow
from mediasim.exchange.keypad import NOTICE_FRAMES, Keys, listen_for_keys
from mediasim.exchange.layout import recording_layout
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.one_leg import record_one_leg
from mediasim.exchange.recording_control import LiveRecording, Source, new_record
from mediasim.exchange.recording_plan import RecordingPlan
from mediasim.exchange.trim import Trim
from mediasim.media.recorder import Track
from mediasim.parties.hearing import SpeechTracker, fired
from mediasim.parties.party import Party

__all__ = ["VoicemailCall", "VoicemailPlan"]


@dataclass(frozen=True, slots=True)
class VoicemailPlan:
    """A call that the Record verb answers."""

    name: str
    caller: Party
    recording: str
    greeting: NDArray[np.int16] | None = None
    beep: bool = True
    timeout_ns: int = 5_000_000_000
    finish_on_key: str = "1234567890*#"
    max_length_ns: int = 3_600_000_000_000
    trim: Trim = "trim-silence"
    also: tuple[RecordingPlan, ...] = ()
    """Other recordings of the same call."""


class VoicemailCall(Flow):
    """Carries out a voicemail plan. The caller does what its behavior says after the beep."""

    def __init__(
        self, exchange: Exchange, plan: VoicemailPlan, behavior: Behavior | None, *, listens: bool
    ) -> None:
        super().__init__(exchange, plan.name)
        self._plan = plan
        self._behavior = behavior
        self._listens = listens
        self.finished_by = ""
        """silence, key, length or hangup."""
        self.call = exchange.new_call(
            plan.caller,
            self.room,
            to="voicemail",
            from_=plan.caller.number,
            direction="inbound",
            status="ringing",
            flow=plan.name,
        )
        self.calls.append(self.call)

    async def run(self) -> None:
        """From dialling to the end."""
        plan = self._plan
        try:
            self.plan(plan.also)
            self.call.answer(listens=self._listens)
            for stage in ("leg", "answer"):
                self.reach(stage)
            if plan.greeting is not None:
                await self._play(plan.greeting, "greeting")
            if plan.beep:
                await self._play(beep(), "beep")
            if self.call.active:
                await self._record()
        finally:
            await self.finish()

    async def _play(self, pcm: NDArray[np.int16], label: str) -> None:
        player = self.room.play(self.call.leg, pcm, label=label)
        assert player.end_frame is not None
        await self.exchange.sleep_until(player.end_frame * FRAME_NS)

    async def _record(self) -> None:
        plan = self._plan
        recording = self._start_verb()
        self.recordings.append(recording)
        tracker = SpeechTracker(NOTICE_FRAMES)
        self.room.listen(self.call.leg, Track.INBOUND, tracker)
        with listen_for_keys(self.call) as keys:
            if self._behavior is not None:
                self.spawn(self._do())
            ended = await self.first_of(
                self._silence(tracker),
                self._key(keys),
                self.exchange.sleep(plan.max_length_ns),
                self.call.ended.wait(),
            )
        self.finished_by = ("silence", "key", "length", "hangup")[ended]
        recording.stop()

    async def _do(self) -> None:
        assert self._behavior is not None
        await self._behavior(self, self.call)
        await self.exchange.sleep(LINGER_NS)
        # The caller waits for the server to notice its silence, unless that takes very long.
        await self.exchange.sleep(2 * self._plan.timeout_ns)
        await self.call.hang_up()

    async def _silence(self, tracker: SpeechTracker) -> None:
        frames = -(-self._plan.timeout_ns // FRAME_NS)
        await self._notice(await fired(lambda tell: tracker.wait_silence(frames, tell)))

    async def _key(self, keys: Keys) -> None:
        while True:
            frame, digit = await keys.get()
            if digit in self._plan.finish_on_key:
                await self._notice(frame)
                return

    async def _notice(self, frame: int) -> None:
        await self.exchange.sleep_until((frame + NOTICE_FRAMES) * FRAME_NS)

    # -- recording --------------------------------------------------------------------------

    def _start_verb(self) -> LiveRecording:
        layout = recording_layout("record-verb", "mono", "both", self.exchange.profile)
        record = new_record(
            self.exchange, layout=layout, source="RecordVerb", call_sid=self.call.sid
        )
        return LiveRecording(
            self.exchange,
            record,
            self.room,
            self._plan.recording,
            self._plan.trim,
            lambda: ((Source(self.call, Track.INBOUND),),),
        )

    def start_recording(self, plan: RecordingPlan) -> LiveRecording:
        return record_one_leg(self.exchange, self.call, plan)

    def hold(self, call: LiveCall) -> None:
        """Nobody is there to be put on hold."""

    def resume(self, call: LiveCall) -> None:
        """Nobody is on hold."""
