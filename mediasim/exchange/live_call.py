"""A call in progress: its record, its leg and its far end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mediasim.audio.codecs import CODECS
from mediasim.audio.frames import FRAME_NS, NS_PER_SECOND
from mediasim.exchange import lifecycle
from mediasim.exchange.events import SECRET_KEY, CallEvent, DtmfEvent
from mediasim.exchange.records import CallRecord
from mediasim.exchange.states import CallStatus
from mediasim.exchange.switch import Switch
from mediasim.media.far_end import EarlyFarEnd, Ends, FarEnd, FarEndFormat, Transfer
from mediasim.media.leg import Leg
from mediasim.media.reports import REPORT_EVERY_NS, LegReports
from mediasim.media.room import Room
from mediasim.parties.party import Line, Party
from mediasim.rtp.reception import Reception
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.stream import Digit

__all__ = ["LiveCall"]


class LiveCall:
    """One call, from when it is queued to its end."""

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
        """The run's name of the whole call or conference that this call is a leg of."""
        self.name = name
        """The call's name in the run: the flow's and the party's, numbered from the second on."""
        self.line: Line | None = None
        """The simulated party's side of the leg; None for a real far end, or before the answer."""
        self.far_end: FarEnd | None = None
        """The real far end; None for a simulated party, or before the leg is up."""
        self.on_early_media: Callable[[LiveCall], None] | None = None
        """Called when early media begins; None: early media is not heard."""
        self.on_refer: Callable[[LiveCall, Transfer], bool] | None = None
        """Takes the party's request for a transfer, or not; None: none is taken."""
        self._leg: Leg | None = None
        self.dialled_ns = exchange.now_ns
        """Loop time in nanoseconds at which the call was dialled; a child has its parent's."""
        self.ended = asyncio.Event()
        """Set when the call has ended and its leg is down."""
        self.leaving = False
        """Whether the party has hung up while its last audio is still on its way."""
        self.secret_keys: asyncio.Queue[tuple[int, str]] | None = None
        """The queue of who listens to secret keys, and alone gets them; None without one."""
        self.digits: list[tuple[int, str]] = []
        """The keys that the server received: (frame, digit), in order."""
        self.rtcp: list[tuple[int, bytes]] = []
        """The RTCP that the server sent for the leg: (loop time in ns, compound packet)."""
        self.heard: list[tuple[int, Reception]] = []
        """What a simulated party had received at each of these reports: (loop time in ns, figures);
        empty if it does not listen."""
        self.reporting: asyncio.TimerHandle | None = None
        """The timer of the leg's next RTCP report; None before the leg is up."""
        self.waits: list[tuple[str, int]] = []
        """What the party's scripts wait for: (in words, loop time of its begin in ns)."""
        self.acting = 0
        """Number of the party's scripts that are being performed."""
        self.idle_since_ns = exchange.now_ns
        """Loop time at which the party's last script ended, or it answered, in nanoseconds."""
        self.on_digit: list[asyncio.Queue[tuple[int, str]]] = []
        """Queues that get each key received from now on, as (frame, digit)."""

    def register(self) -> None:
        """Add the call to the exchange, and emit the event of its first status."""
        self.exchange.catalogue.add_call(self.record)
        self.exchange.calls.append(self)
        self._emit_status(self.record.status)

    @property
    def sid(self) -> str:
        return self.record.sid

    @property
    def leg(self) -> Leg:
        """The leg. Raises RuntimeError if it never came up."""
        if self._leg is None:
            raise RuntimeError(f"{self.name} was not answered: it has no leg")
        return self._leg

    @property
    def has_leg(self) -> bool:
        """Whether the leg ever came up: at the answer, or with early media."""
        return self._leg is not None

    @property
    def up(self) -> bool:
        """Whether the leg is up: from the answer, or from early media on, to its end."""
        return self._leg is not None and self._leg.ended_frame is None

    @property
    def active(self) -> bool:
        """Whether the call is in progress."""
        return self.record.status == "in-progress"

    def move(self, status: CallStatus) -> None:
        """Change the call's status and emit the event. Raises IllegalMove."""
        lifecycle.move(self.record, status, self.exchange.now_ns, self._emit_status)

    def _emit_status(self, word: str) -> None:
        self.emit(word, f"{self.party.name}: {word}")

    def emit(self, word: str, text: str) -> None:
        """Emit the event ``call.<word>``, with its text for reports."""
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
        """Bring up the leg; ``listens`` says whether its simulated party has to hear."""
        if self.line is not None:  # it was heard, or has heard, before: what it said then is over
            self.line.timeline.cut(self.line.clock.sample_at(self.exchange.now_ns))
        elif (far_end := self.far_end or self.exchange.far_end_of(self)) is not None:
            self.answer_from(far_end)
            return
        else:
            self._open_line(listens=listens)
        self._start()

    def _open_line(self, *, listens: bool) -> None:
        """Bring up the leg of a simulated party."""
        exchange = self.exchange
        # Media starts on the frame clock: a frame is sent and received as a whole.
        start_ns = exchange.frame_ns
        self.line = Line(self.party, self.room, self.name, exchange.seeds.fork("line"), start_ns)
        self._use_leg(self.line.leg)
        self.line.connect(exchange.transport, listens=listens)

    def answer_from(self, far_end: FarEnd) -> None:
        """Bring up the leg of a call that a far end which is not simulated answers."""
        self._connect(far_end)
        self._start()

    def early_media_from(self, far_end: FarEnd) -> None:
        """Connect a far end that sends early media, if :attr:`on_early_media` is set."""
        if self.on_early_media is None or self.ended.is_set() or self.far_end is far_end:
            return
        first = self._leg is None
        self._connect(far_end)
        if first:
            self._early_media_begins(self.on_early_media)

    def speak_early(self, *, listens: bool) -> bool:
        """Bring up the leg of a simulated party that is heard before it answers.

        Returns False, and does nothing, unless :attr:`on_early_media` is set.
        """
        if self.on_early_media is None or self.exchange.far_end_of(self) is not None:
            return False
        self._open_line(listens=listens)
        self._early_media_begins(self.on_early_media)
        return True

    def _early_media_begins(self, begins: Callable[[LiveCall], None]) -> None:
        self.emit("early-media", f"{self.party.name} is heard before it answers")
        begins(self)

    def hear_early(self, far_end: FarEnd | None, *, listens: bool) -> None:
        """Bring up the leg of a caller that is not answered yet, so that it hears early media.

        ``far_end`` is None for a simulated one. Does nothing for a far end that cannot hear yet.
        """
        if self._leg is not None or self.record.status != "ringing":
            return
        far_end = far_end or self.exchange.far_end_of(self)
        if far_end is None:
            self._open_line(listens=listens)
        elif isinstance(far_end, EarlyFarEnd):
            self._add_leg(far_end)
            ends = far_end.connect_early(self.leg, self)
            if ends is None:
                self.room.remove_leg(self.leg)
                del self.exchange.call_of_leg[self.leg]
                self._leg = None
                return
            self.far_end = far_end
            self._carry(ends)
        self.exchange.follow_recordings(self.room)

    def _connect(self, far_end: FarEnd) -> None:
        """Connect a far end to the leg, which comes up, or changes from one far end to another."""
        before, self.far_end = self.far_end, far_end
        if self._leg is None:
            self._add_leg(far_end)
        elif before is not far_end:
            self._change_format(far_end.format)
        self._carry(far_end.connect(self.leg, self))

    def _carry(self, ends: Ends) -> None:
        source, sink = ends
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
        self._use_leg(self.room.add_leg(self.name, agreed.receives, sender))

    def _use_leg(self, leg: Leg) -> None:
        self._leg = leg
        self.exchange.call_of_leg[leg] = self
        leg.on_digit = self._receive_digit
        self._reports = LegReports(leg, f"{self.sid}@mediasim")

    def _start(self) -> None:
        self.idle_since_ns = self.exchange.now_ns
        self._schedule_report()
        self.move("in-progress")

    def _schedule_report(self) -> None:
        if not self.exchange.reports_quality:
            return
        # All legs report at the same times: each report cuts the block that the plane may process.
        at_ns = (self.exchange.now_ns // REPORT_EVERY_NS + 1) * REPORT_EVERY_NS
        self.reporting = self.exchange.loop.call_at(at_ns / 1e9, self._report_and_reschedule)

    def _report_and_reschedule(self) -> None:
        self._report(last=False)
        self._schedule_report()

    def _report(self, *, last: bool) -> None:
        plane, now_ns = self.exchange.plane, self.exchange.now_ns
        plane.catch_up(self.room)  # a room may lag behind: the report is of what came until now
        date_ns = self.exchange.dates.unix_ns(now_ns)
        packet = self._reports.make(plane.reception(self.leg), now_ns, date_ns, last=last)
        self.rtcp.append((now_ns, packet))
        if self.line is not None and self.line.receiver is not None:
            self.heard.append((now_ns, self.line.receiver.reception))
        if self.far_end is not None:
            self.far_end.report(packet)

    # -- what happens at the far end ---------------------------------------------------------

    def pressed(self, digit: str) -> None:
        """Receive a key that was not sent in RTP (SIP INFO, or a softphone's message)."""
        if self.active:
            self._receive_digit(Digit(self.leg.row, digit, self.exchange.plane.now))

    def referred(self, transfer: Transfer) -> bool:
        """Let :attr:`on_refer` take the party's request for a transfer."""
        if self.on_refer is None or not self.active or self.leaving:
            return False
        return self.on_refer(self, transfer)

    def reformatted(self) -> None:
        """Change the leg's codecs to those that the far end has now."""
        if self.far_end is None or self.ended.is_set():
            return
        self._change_format(self.far_end.format)
        self.emit("codec-changed", f"{self.party.name} speaks {self.party.codec} from now on")

    def _change_format(self, agreed: FarEndFormat) -> None:
        """Receive a new stream from now on, and send in the agreed codec."""
        sender = self.leg.sender
        # A sender that changes its clock rate uses another SSRC (RFC 7160).
        same_clock = CODECS[agreed.codec].ticks_per_sample == sender.ticks_per_sample
        ssrc = sender.ssrc if same_clock else sender.ssrc ^ 1
        changed = sender.changed_to(agreed.codec, agreed.payload_type, ssrc=ssrc)
        self.room.reformat(self.leg, agreed.receives, changed)
        self.party = replace(self.party, codec=agreed.receives.codec)

    def _receive_digit(self, digit: Digit) -> None:
        secret = self.secret_keys
        shown = digit.digit if secret is None else "a key of a payment"
        self.digits.append((digit.frame, digit.digit))
        self.exchange.events.emit(
            DtmfEvent(
                at_ns=digit.frame * 20_000_000,
                kind="dtmf",
                text=f"{self.party.name} pressed {shown}",
                call_sid=self.sid,
                digit=digit.digit if secret is None else SECRET_KEY,
            )
        )
        for queue in self.on_digit if secret is None else (secret,):
            queue.put_nowait((digit.frame, digit.digit))

    async def hang_up(self) -> None:
        """Let the party hang up, and wait until the call has ended.

        Cancelling this does not stop the hanging up.
        """
        self.hung_up()
        if self.leaving:
            await self.ended.wait()

    def hung_up(self) -> None:
        """End the call once the last audio that the party has sent has been played."""
        if self.leaving or not self.active:
            return
        self.leaving = True
        now_ns = self.exchange.now_ns
        if self.line is not None:
            self.line.end(now_ns)
        # What was said before the hang-up still crosses the network and the jitter buffer.
        last_ns = now_ns + self.party.path_frames * FRAME_NS
        self.exchange.loop.call_at(last_ns / NS_PER_SECOND, self.take_down)

    def take_down(self) -> None:
        """End a call in progress at once, from the server's side."""
        if not self.active:
            return
        if self.line is not None:
            self.line.end(self.exchange.now_ns)
        if self.reporting is not None:
            self.reporting.cancel()
        self._report(last=True)
        if self.far_end is not None:
            self.far_end.close()
        # The leg goes first: its last frame is in the recordings when "completed" is emitted.
        self.room.remove_leg(self.leg)
        self.move("completed")
        self.exchange.follow_recordings(self.room)
        self.ended.set()

    def fail(self, status: CallStatus) -> None:
        """End a call that was not answered, with this status. Raises IllegalMove."""
        if self.line is not None:
            self.line.phone.end(self.exchange.now_ns)
        if self._leg is not None:
            self.room.remove_leg(self._leg)
        self.move(status)
        self.ended.set()
