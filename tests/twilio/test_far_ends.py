"""Telephones that are not simulated: rung, answered, heard, recorded, and gone when they say so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from account_stage import ALICE, APP, APP_NUMBER, BOB, AccountStage
from numpy.typing import NDArray
from test_twiml_calls import place_of, words

from mediasim.audio.frames import FRAME_NS, NS_PER_SECOND
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import NotReached, Phone, ring
from mediasim.exchange.records import CallRecord
from mediasim.media.far_end import FarEndFormat, FarEndListener
from mediasim.media.leg import Leg, PacketSink, PacketSource
from mediasim.net.virtual_loop import VirtualLoop
from mediasim.parties.party import Party
from mediasim.rtp.packets import PacketBlock
from mediasim.rtp.rtcp import Bye, parse
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.stream import StreamFormat

HELLO, ANSWER = words(11, 2.0), words(12, 2.0)


class Telephone:
    """Somewhere else: says one thing as soon as it is connected, and hears what it is sent."""

    def __init__(self, said: NDArray[np.int16], *, lost: range = range(0)) -> None:
        self.format = FarEndFormat(StreamFormat())
        self.closed = 0
        self.reports: list[bytes] = []
        self.frames_heard = 0
        self.listener: FarEndListener | None = None
        self._said, self._lost = said.reshape(-1, 160), lost
        self._begins = 0
        self._taken = 0
        self._sender = RtpSender("PCMU", ssrc=77, first_sequence=65530, first_timestamp=9)

    def connect(self, leg: Leg, listener: FarEndListener) -> tuple[PacketSource, PacketSink]:
        self.listener, self._begins = listener, leg.first_frame
        return self, self

    def pull(self, before_ns: int) -> PacketBlock | None:
        """A frame has come a frame after it began."""
        end = min(len(self._said), before_ns // FRAME_NS - self._begins)
        if end <= self._taken:
            return None
        numbers = np.arange(self._taken, end)
        (data,) = self._sender.packets(self._said[self._taken : end], self._taken)
        self._taken = end
        kept = ~np.isin(numbers, list(self._lost))
        arrival = (self._begins + 1 + numbers[kept]) * FRAME_NS - 1
        return PacketBlock(data[kept], np.full(int(kept.sum()), data.shape[1]), arrival)

    def push(self, first_frame: int, packets: list[NDArray[np.uint8]]) -> None:
        self.frames_heard += sum(len(data) for data in packets)

    def report(self, packet: bytes) -> None:
        self.reports.append(packet)

    def close(self) -> None:
        self.closed += 1


class Way:
    """The way to a telephone: rings, then what is said here happens."""

    def __init__(self, end: Telephone | NotReached | None, after: float = 1.0) -> None:
        self.end, self.after = end, after
        self.given_up = False

    async def ring(self, call: LiveCall, ringing: Callable[[], None]) -> Telephone:
        ringing()
        try:
            await call.exchange.sleep(int(self.after * 1e9))
        except asyncio.CancelledError:
            self.given_up = True
            raise
        if isinstance(self.end, Telephone):
            return self.end
        raise self.end or AssertionError("not awaited so long")


def run(directory: Path, twiml: str, prepare: Callable[[AccountStage], Phone]) -> AccountStage:
    async def conduct() -> AccountStage:
        account = AccountStage(directory)
        account.number(APP_NUMBER, "/voice", status_callback=f"{APP}/status")
        account.app.answers["/voice"] = f"<Response>{twiml}</Response>"
        account.service.place_inbound(ALICE, APP_NUMBER, prepare(account))
        await account.over()
        return account

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(conduct())


def outside(number: str, *, end: Telephone | None = None, way: Way | None = None) -> Phone:
    return Phone(Party(name=number, number=number), far_end=end, gateway=way)


def child_of(account: AccountStage) -> CallRecord:
    return next(call for call in account.exchange.catalogue.calls() if call.parent_call_sid)


DIAL = f'<Dial record="record-from-answer-dual" timeout="10">{BOB}</Dial>'


def test_two_telephones_elsewhere_are_recorded_each_in_its_channel(tmp_path: Path) -> None:
    caller, callee = Telephone(words(13, 9.0)), Telephone(ANSWER, lost=range(20, 25))

    async def goes(call: LiveCall) -> None:
        await call.exchange.sleep(4_000_000_000)
        assert callee.listener is not None
        callee.listener.hung_up()
        callee.listener.hung_up()

    class Leaving(Way):
        async def ring(self, call: LiveCall, ringing: Callable[[], None]) -> Telephone:
            end = await super().ring(call, ringing)
            self.going = asyncio.ensure_future(goes(call))
            return end

    def prepare(account: AccountStage) -> Phone:
        account.phones[BOB] = outside(BOB, way=Leaving(callee))
        return outside(ALICE, end=caller)

    account = run(tmp_path, DIAL, prepare)
    media = account.media()
    assert media.shape[0] == 2
    lost = place_of(media[1], ANSWER[: 20 * 160])
    assert lost >= 0
    assert place_of(media[1], ANSWER[25 * 160 :]) == lost + 25 * 160
    assert not media[1, lost + 20 * 160 : lost + 25 * 160].any()
    assert place_of(media[0], words(13, 9.0)[160 * 60 : 160 * 200]) >= 0
    truth = account.exchange.store.truth(account.exchange.catalogue.recordings()[0].sid)
    assert [channel["unscripted"] for channel in truth["channels"]] == [[ALICE], [BOB]]
    assert truth["channels"][1]["missing"][0] == {
        "start": lost + 20 * 160,
        "end": lost + 25 * 160,
        "why": "lost",
        "party": BOB,
    }
    assert callee.frames_heard > 190
    assert (caller.closed, callee.closed) == (1, 1)
    assert isinstance(parse(callee.reports[-1])[-1], Bye)
    child = child_of(account)
    assert (child.status, child.duration_seconds()) == ("completed", 4)


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed"])
def test_what_the_telephone_answers_is_the_call_s_status(tmp_path: Path, status: str) -> None:
    def prepare(account: AccountStage) -> Phone:
        refusal = NotReached("486", status)  # type: ignore[arg-type]
        account.phones[BOB] = outside(BOB, way=Way(refusal))
        return account.telephone(ALICE)

    account = run(tmp_path, DIAL.replace("<Dial", f'<Dial action="{APP}/after"'), prepare)
    assert child_of(account).status == status
    assert account.app.told("/after", "DialCallStatus") == [status]


def test_nobody_answers_in_time_and_it_stops_ringing(tmp_path: Path) -> None:
    way = Way(None, after=60)

    def prepare(account: AccountStage) -> Phone:
        account.phones[BOB] = outside(BOB, way=way)
        return account.telephone(ALICE)

    account = run(tmp_path, DIAL, prepare)
    assert child_of(account).status == "no-answer"
    assert way.given_up


def test_the_caller_hangs_up_and_it_stops_ringing(tmp_path: Path) -> None:
    way = Way(None, after=60)

    def prepare(account: AccountStage) -> Phone:
        account.phones[BOB] = outside(BOB, way=way)
        return account.telephone(ALICE, 2.0, "hangup")

    account = run(tmp_path, DIAL, prepare)
    assert child_of(account).status == "canceled"
    assert way.given_up


def test_who_answers_at_the_moment_at_which_it_is_given_up_is_let_go(tmp_path: Path) -> None:
    end = Telephone(HELLO)

    class Answering(Way):
        async def ring(self, call: LiveCall, ringing: Callable[[], None]) -> Telephone:
            await answered
            return end

    async def conduct() -> LiveCall:
        account = AccountStage(tmp_path)
        phone = outside(BOB, way=Answering(end))
        call = account.exchange.new_call(
            phone.party,
            account.service.room,
            to=BOB,
            from_=ALICE,
            direction="outbound-dial",
            status="queued",
            flow="call-1",
        )
        ringing = asyncio.ensure_future(ring(call, phone, 10 * NS_PER_SECOND))
        await asyncio.sleep(1)
        answered.set_result(None)
        await asyncio.sleep(0)  # the telephone is there, and nobody has been told yet
        ringing.cancel()
        await asyncio.wait((ringing,))
        return call

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        answered: asyncio.Future[None] = runner.get_loop().create_future()
        call = runner.run(conduct())
    assert (call.record.status, end.closed) == ("canceled", 1)


def test_keys_told_beside_the_audio_are_gathered(tmp_path: Path) -> None:
    class Pressing(Telephone):
        def connect(self, leg: Leg, listener: FarEndListener) -> tuple[PacketSource, PacketSink]:
            asyncio.get_running_loop().call_later(1.5, listener.pressed, "7")
            return super().connect(leg, listener)

    caller = Pressing(HELLO)
    twiml = f'<Gather numDigits="1" timeout="5" action="{APP}/keys"/>'
    account = run(tmp_path, twiml, lambda _: outside(ALICE, end=caller))
    assert account.app.told("/keys", "Digits") == ["7"]
