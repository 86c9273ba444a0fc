"""Plays the two directions of a captured call to an exchange, which records it as any call."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_MS, FRAME_NS, NS_PER_SECOND
from mediasim.exchange.dates import Dates
from mediasim.exchange.events import Event
from mediasim.exchange.exchange import VIRTUAL_BLOCK, Exchange
from mediasim.exchange.phone import Answering, PartyControl
from mediasim.exchange.profiles import Channels
from mediasim.exchange.recording_control import LiveRecording
from mediasim.media.far_end import FarEnd, FarEndFormat, FarEndListener
from mediasim.media.leg import Leg, PacketSink, PacketSource
from mediasim.media.plane import MediaPlane
from mediasim.net.virtual_loop import run_virtual
from mediasim.parties.party import Party
from mediasim.rtp.oddities import Oddity, oddities_of
from mediasim.rtp.packets import PacketBlock
from mediasim.rtp.reception import Reception
from mediasim.scenario.importing.captured_call import ChosenCall, ImportRefused, address_text
from mediasim.scenario.importing.formats import DirectionFormat, block_of
from mediasim.scenario.running.call_plans import DialPlan, RecordingPlan
from mediasim.scenario.running.calls import DialledCall, PartyPhones
from mediasim.seeds import Seeds
from mediasim.truth.publishing import publish_truth
from mediasim.twilio.representations import recording_document

__all__ = ["Replayed", "replay"]

_LONGEST_NS: Final = 24 * 3600 * NS_PER_SECOND
_UNIX: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ROUNDING: Final = 2
"""Frames by which a place may be rounded up, and the last packet's own."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """The recording that was made of a captured call."""

    exchange: Exchange
    recording: LiveRecording
    zero_ns: int
    """Unix time of the recording's first sample."""
    receptions: tuple[Reception, Reception]
    """Reception statistics of the caller's and the callee's packets."""
    late: tuple[int, int]
    """Packets of caller and callee that came too late to be played."""
    odd: tuple[list[Oddity], list[Oddity]]
    """Oddities of the senders of caller and callee."""


class CapturedFarEnd:
    """A far end that sends what was captured, and does not listen."""

    def __init__(self, block: PacketBlock, format: DirectionFormat) -> None:
        self.format = FarEndFormat(format.receives)
        self._block = block
        self._taken = 0

    def connect(self, leg: Leg, listener: FarEndListener) -> tuple[PacketSource, PacketSink]:
        """Start with the packets from the leg's first frame on."""
        # What came before there was a call is not of it.
        self._taken = int(np.searchsorted(self._block.arrival, leg.first_frame * FRAME_NS))
        return self, self

    def pull(self, before_ns: int) -> PacketBlock | None:
        end = int(np.searchsorted(self._block.arrival, before_ns))
        if end <= self._taken:
            return None
        start, self._taken = self._taken, end
        return self._block.select(np.arange(start, end))

    def push(self, first_frame: int, packets: list[NDArray[np.uint8]]) -> None:
        pass

    def report(self, packet: bytes) -> None:
        pass

    def close(self) -> None:
        pass


def replay(
    choice: ChosenCall,
    formats: tuple[DirectionFormat, DirectionFormat],
    seed: int,
    directory: Path,
    *,
    channels: Channels = "dual",
    from_answer: bool = False,
) -> Replayed:
    """Record the call in ``directory``.

    The frame clock has frames of Unix time, so a call that was recorded by such a clock comes out
    on the same samples. ``from_answer``: begin when both are heard, not when either is. Raises
    ImportRefused for a call that is longer than a day, and OSError.
    """
    directions = choice.caller, choice.callee
    begun = [direction.begins_ns for direction in directions if not direction.silent]
    first_ns = min(begun)
    answered_ns = max(begun) if from_answer else first_ns
    if max(direction.ends_ns for direction in directions) - first_ns > _LONGEST_NS:
        raise ImportRefused("the two streams last for more than a day: that is no call")
    # A frame has come when it is over: it was said from a frame before.
    begin_ns, answer_ns = (
        max(0, at_ns // FRAME_NS - 1) * FRAME_NS for at_ns in (first_ns, answered_ns)
    )
    # Playout judges a stream by windows of the frame clock: they are those of whole seconds.
    zero_ns = begin_ns - begin_ns % NS_PER_SECOND
    blocks = [block_of(direction, zero_ns) for direction in directions]
    end_frame = max(
        int(block.arrival[-1]) // FRAME_NS
        + format.receives.depth
        + -(-format.ptime_ms // FRAME_MS)
        + _ROUNDING
        for block, format in zip(blocks, formats, strict=True)
        if len(block)
    )
    ssrcs = [f"0x{direction.streams[0].ssrc:08x}" for direction in directions]
    names = [address_text(direction.source) for direction in directions]
    if names[0] == names[1]:
        names = [f"{name} {ssrc}" for name, ssrc in zip(names, ssrcs, strict=True)]
    caller, callee = (
        Party(
            name,
            address_text(direction.source),
            ptime_ms=format.ptime_ms,
            depth=format.receives.depth,
        )
        for name, direction, format in zip(names, directions, formats, strict=True)
    )
    far_ends: dict[str, FarEnd] = {
        name: CapturedFarEnd(block, format)
        for name, block, format in zip(names, blocks, formats, strict=True)
    }
    plan = DialPlan(
        "import",
        caller,
        callee,
        answering=Answering(after_ns=answer_ns - begin_ns),
        timeout_ns=2 * _LONGEST_NS,  # it was answered, and went on, for as long as it did
        time_limit_ns=2 * _LONGEST_NS,
        recordings=(RecordingPlan("import", channels=channels),),
    )

    async def hang_up_at_the_end(control: PartyControl) -> None:
        await control.call.exchange.sleep_until(end_frame * FRAME_NS)
        control.call.take_down()
        await asyncio.Event().wait()  # a call whose parties are done goes on for a while

    async def conduct(plane: MediaPlane) -> Replayed:
        exchange = Exchange(
            Seeds(seed),
            directory,
            document=recording_document,
            plane=plane,
            dates=Dates(_UNIX + timedelta(microseconds=zero_ns // 1000)),
            sid_label="/".join((channels, str(answer_ns - begin_ns), *names, *ssrcs)),
        )
        exchange.far_end_of = lambda call: far_ends[call.party.name]
        recordings = exchange.recordings

        def publish(event: Event) -> None:
            publish_truth(next(each for each in recordings if each.sid == event.subject))

        exchange.events.on("recording.completed", publish)
        await exchange.sleep_until(begin_ns - zero_ns)
        phones = PartyPhones({names[0]: hang_up_at_the_end}, frozenset())
        await DialledCall(exchange, plan, phones).run()
        legs = [call.leg for call in exchange.calls]
        return Replayed(
            exchange,
            recordings[0],
            zero_ns + recordings[0].recorder.first_frame * FRAME_NS,
            (plane.reception(legs[0]), plane.reception(legs[1])),
            (legs[0].stream.late, legs[1].stream.late),
            (oddities_of(legs[0].stream), oddities_of(legs[1].stream)),
        )

    return run_virtual(conduct, VIRTUAL_BLOCK)
