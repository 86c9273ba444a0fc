"""A call under way: its record, and the line that carries it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mediasim.audio.codecs import CODECS
from mediasim.audio.frames import FRAME_NS, NS_PER_SECOND
from mediasim.exchange import lifecycle
from mediasim.exchange.events import CallEvent, DtmfEvent
from mediasim.exchange.records import CallRecord
from mediasim.exchange.states import CallStatus
from mediasim.exchange.switch import Switch
from mediasim.media.far_end import FarEnd, FarEndFormat
from mediasim.media.leg import Leg
from mediasim.media.reports import REPORT_EVERY_NS, LegReports
from mediasim.media.room import Room
from mediasim.parties.party import Line, Party
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.stream import Digit

__all__ = ["LiveCall"]


class LiveCall:
    """One leg's call. Its status changes here and nowhere else."""

    def __init__(
        self,
        exchange: Switch[LiveCall, Any],
        record: CallRecord,
        party: Party,
        room: Room,
        flow: str,
        name: str,
    ) -> None:
        self.exchange = exchange
        self.record = record
        self.party = party
        self.room = room
        self.flow = flow
        """The call or conference that it is a leg of."""
        self.name = name
        """Its own name in the run: the flow's and the party's, numbered from the second on."""
        self.line: Line | None = None
        """What its simulated party says and hears, once it is up; never for a far end elsewhere."""
        self.far_end: FarEnd | None = None
        """Who really is there, if nobody simulated."""
        self.on_early: Callable[[LiveCall], None] | None = None
        """Called when a far end begins to speak before it answers; None: it is not heard then."""
        self._leg: Leg | None = None
        self.dialled_ns = exchange.now_ns
        """When the whole call was dialled: a child's is its parent's."""
        self.ended = asyncio.Event()
        """Set when the server has taken the leg down."""
        self.leaving = False
        """The party has hung up; what it said last is still on its way."""
        self.digits: list[tuple[int, str]] = []
        """Keys the server heard: (frame, digit)."""
        self.rtcp: list[tuple[int, bytes]] = []
        """The server's RTCP about its leg: (loop time, compound packet)."""
        self._reporting: asyncio.TimerHandle | None = None
        self.on_digit: list[asyncio.Queue[tuple[int, str]]] = []

    def enter(self) -> None:
        """Be one of the exchange's calls, and tell of it."""
        self.exchange.catalogue.add_call(self.record)
        self.exchange.calls.append(self)
        self._tell(self.record.status)

    @property
    def sid(self) -> str:
        return self.record.sid

    @property
    def leg(self) -> Leg:
        if self._leg is None:
            raise RuntimeError(f"{self.name} was not answered: it has no leg")
        return self._leg

    @property
    def has_leg(self) -> bool:
        """Whether its leg ever came up: it was answered, or heard before."""
        return self._leg is not None

    @property
    def active(self) -> bool:
        """Whether its leg is up."""
        return self.record.status == "in-progress"

    def move(self, status: CallStatus) -> None:
        """Change the status and tell."""
        lifecycle.move(self.record, status, self.exchange.now_ns, self._tell)

    def _tell(self, word: str) -> None:
        self.tell(word, f"{self.party.name}: {word}")

    def tell(self, word: str, text: str) -> None:
        """Emit an event of this call."""
        self.exchange.events.emit(
            CallEvent(
                at_ns=self.exchange.now_ns,
                kind=f"call.{word}",
                text=text,
                call_sid=self.sid,
                parent_call_sid=self.record.parent_call_sid,
            )
        )

    def answer(self, *, listens: bool) -> None:
        """The leg comes up: audio flows from now on."""
        exchange = self.exchange
        if (far_end := exchange.far_end_of(self)) is not None:
            self.answer_from(far_end)
            return
        # Media starts on the frame clock: a frame is sent and received as a whole.
        start_ns = exchange.frame_ns
        self.line = Line(self.party, self.room, self.name, exchange.seeds.fork("line"), start_ns)
        self._take(self.line.leg)
        self.line.connect(exchange.transport, listens=listens)
        self._begin()

    def answer_from(self, far_end: FarEnd) -> None:
        """The same for a party that is not simulated."""
        self._connect(far_end)
        self._begin()

    def early_from(self, far_end: FarEnd) -> None:
        """A far end that rings speaks already (early media): it is heard by who asked for that."""
        if self.on_early is None or self.ended.is_set() or self.far_end is far_end:
            return
        first = self._leg is None
        self._connect(far_end)
        if first:
            self.tell("early-media", f"{self.party.name} is heard before it answers")
            self.on_early(self)

    def _connect(self, far_end: FarEnd) -> None:
        """The leg comes up, or is somebody else's from now on."""
        before, self.far_end = self.far_end, far_end
        if self._leg is None:
            self._add_leg(far_end)
        elif before is not far_end:
            self._receive_afresh(far_end.format)
        source, sink = far_end.connect(self.leg, self)
        self.room.connect(self.leg, source=source, sink=sink)

    def _add_leg(self, far_end: FarEnd) -> None:
        agreed = far_end.format
        self.party = replace(self.party, codec=agreed.receives.codec)
        generator = self.exchange.seeds.fork("far-end").fork(self.name).generator("rtp")
        ssrc, sequence, timestamp = generator.integers(0, 1 << 32, 3).tolist()
        sender = RtpSender(
            agreed.codec,
            ssrc=ssrc,
            payload_type=agreed.payload_type,
            first_sequence=sequence & 0xFFFF,
            first_timestamp=timestamp,
        )
        self._take(self.room.add_leg(self.name, agreed.receives, sender))

    def _take(self, leg: Leg) -> None:
        self._leg = leg
        leg.on_digit = self._heard_digit
        self._reports = LegReports(leg, f"{self.sid}@mediasim")

    def _begin(self) -> None:
        self._report_later()
        self.move("in-progress")

    def _report_later(self) -> None:
        """All legs report at the same moments, so that reporting costs few interruptions."""
        at_ns = (self.exchange.now_ns // REPORT_EVERY_NS + 1) * REPORT_EVERY_NS
        self._reporting = self.exchange.loop.call_at(at_ns / 1e9, self._report_now)

    def _report_now(self) -> None:
        self._report(last=False)
        self._report_later()

    def _report(self, *, last: bool) -> None:
        plane, now_ns = self.exchange.plane, self.exchange.now_ns
        plane.catch_up(self.room)
        date_ns = self.exchange.dates.unix_ns(now_ns)
        packet = self._reports.make(plane.reception(self.leg), now_ns, date_ns, last=last)
        self.rtcp.append((now_ns, packet))
        if self.far_end is not None:
            self.far_end.report(packet)

    # -- what happens at the far end ---------------------------------------------------------

    def pressed(self, digit: str) -> None:
        """A key of the party's, told some other way than in its RTP."""
        if self.active:
            self._heard_digit(Digit(self.leg.row, digit, self.exchange.plane.now))

    def reformatted(self) -> None:
        """The far end speaks another codec, or numbers it otherwise, from now on."""
        if self.far_end is None or self.ended.is_set():
            return
        self._receive_afresh(self.far_end.format)
        self.tell("codec-changed", f"{self.party.name} speaks {self.party.codec} from now on")

    def _receive_afresh(self, agreed: FarEndFormat) -> None:
        """What comes from now on is another stream, and what is sent is in another codec."""
        sender = self.leg.sender
        same_clock = CODECS[agreed.codec].ticks_per_sample == sender.ticks_per_sample
        ssrc = sender.ssrc if same_clock else sender.ssrc ^ 1
        changed = sender.changed_to(agreed.codec, agreed.payload_type, ssrc=ssrc)
        self.room.reformat(self.leg, agreed.receives, changed)
        self.party = replace(self.party, codec=agreed.receives.codec)

    def _heard_digit(self, digit: Digit) -> None:
        self.digits.append((digit.frame, digit.digit))
        self.exchange.events.emit(
            DtmfEvent(
                at_ns=digit.frame * 20_000_000,
                kind="dtmf",
                text=f"{self.party.name} pressed {digit.digit}",
                call_sid=self.sid,
                digit=digit.digit,
            )
        )
        for queue in self.on_digit:
            queue.put_nowait((digit.frame, digit.digit))

    async def hang_up(self) -> None:
        """The party hangs up: what it has said until now still comes through, then it is over.

        Whoever stops waiting for that changes nothing of it.
        """
        self.hung_up()
        if self.leaving:
            await self.ended.wait()

    def hung_up(self) -> None:
        """The party has gone: its leg goes when what it has said last has come."""
        if self.leaving or not self.active:
            return
        self.leaving = True
        now_ns = self.exchange.now_ns
        if self.line is not None:
            self.line.phone.end(now_ns)
        last_ns = now_ns + self.party.path_frames * FRAME_NS
        self.exchange.loop.call_at(last_ns / NS_PER_SECOND, self.take_down)

    def take_down(self) -> None:
        """The server ends the leg at once."""
        if not self.active:
            return
        if self.line is not None:
            self.line.phone.end(self.exchange.now_ns)
        if self._reporting is not None:
            self._reporting.cancel()
        self._report(last=True)
        if self.far_end is not None:
            self.far_end.close()
        self.room.remove_leg(self.leg)
        self.move("completed")
        self.exchange.follow_recordings(self.room)
        self.ended.set()

    def fail(self, status: CallStatus) -> None:
        """It ends without having been answered."""
        if self._leg is not None:
            self.room.remove_leg(self._leg)
        self.move(status)
        self.ended.set()
