"""One leg's call: its end, its keys, and the server's RTCP about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from staging import acts, clip, kinds, on_exchange, party, seconds

from mediasim.documents.durations import Duration
from mediasim.exchange.call_control import CallControl
from mediasim.exchange.events import DtmfEvent
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import Phone
from mediasim.media.recorder import Tap
from mediasim.media.room import Room
from mediasim.net.network import Impairments, Loss
from mediasim.parties.party import Party
from mediasim.rtp.rtcp import Bye, SenderReport, parse


def dialled(exchange: Exchange, who: Party) -> LiveCall:
    room = Room(exchange.plane)
    return exchange.new_call(
        who, room, to="+1", from_=who.number, direction="inbound", status="ringing", flow="main"
    )


def lived(directory: Path, work: Any, who: Party | None = None) -> LiveCall:
    async def main(exchange: Exchange) -> LiveCall:
        call = dialled(exchange, who or party("ann"))
        await work(exchange, call)
        return call

    return on_exchange(directory, main)


@pytest.mark.parametrize("depth", [1, 3, 20])
@pytest.mark.parametrize("delay_ms", [0, 90])
def test_who_hangs_up_is_taken_down_when_its_last_word_has_come(
    tmp_path: Path, depth: int, delay_ms: int
) -> None:
    who = party("ann", depth=depth, up=Impairments(delay=Duration(delay_ms * 1_000_000)))
    states: list[tuple[bool, bool]] = []

    async def work(exchange: Exchange, call: LiveCall) -> None:
        call.answer(listens=False)
        await exchange.sleep(seconds(1))
        states.append((call.leaving, call.active))
        await call.hang_up()
        states.append((call.leaving, call.active))
        await call.hang_up()

    call = lived(tmp_path, work, who)
    assert states == [(False, True), (True, False)]
    assert call.record.ended_ns == seconds(1) + who.path_frames * 20_000_000
    assert call.ended.is_set()


def test_what_the_server_takes_down_is_over_at_once(tmp_path: Path) -> None:
    async def work(exchange: Exchange, call: LiveCall) -> None:
        call.answer(listens=False)
        await exchange.sleep(seconds(2))
        call.take_down()
        call.take_down()
        await call.hang_up()

    call = lived(tmp_path, work)
    assert call.record.ended_ns == seconds(2)
    assert kinds(call.exchange) == ["call.ringing", "call.answered", "call.completed"]


def test_a_call_that_was_not_answered_has_no_leg(tmp_path: Path) -> None:
    async def work(_exchange: Exchange, call: LiveCall) -> None:
        await call.hang_up()  # of nothing
        with pytest.raises(RuntimeError, match="main/ann was not answered"):
            _ = call.leg
        call.fail("busy")

    call = lived(tmp_path, work)
    assert call.record.status == "busy"
    assert call.ended.is_set()
    assert call.record.duration_seconds() is None


def test_media_starts_on_a_frame(tmp_path: Path) -> None:
    taps: list[Tap] = []

    async def work(exchange: Exchange, call: LiveCall) -> None:
        await exchange.sleep(seconds(1.0137))
        call.answer(listens=False)
        line = call.line
        assert line is not None
        taps.append(line.leg.inbound)
        assert line.clock.start_ns == 50 * 20_000_000

    lived(tmp_path, work)
    assert taps


def test_its_keys_are_told_with_the_frame_in_which_they_were_known(tmp_path: Path) -> None:
    async def work(exchange: Exchange, call: LiveCall) -> None:
        call.answer(listens=False)
        line = call.line
        assert line is not None
        line.phone.press("4#", 16000, 800, 800)
        await exchange.sleep(seconds(4))
        exchange.plane.catch_up(call.room)

    call = lived(tmp_path, work)
    assert call.digits == [(102, "4"), (112, "#")]
    told = [event for event in call.exchange.events.log if isinstance(event, DtmfEvent)]
    assert [(event.digit, event.at_ns) for event in told] == [
        ("4", seconds(2.04)),
        ("#", seconds(2.24)),
    ]


def test_the_server_reports_every_five_seconds_and_says_goodbye(tmp_path: Path) -> None:
    async def work(exchange: Exchange, call: LiveCall) -> None:
        await exchange.sleep(seconds(3))
        call.answer(listens=True)
        await exchange.sleep(seconds(14))
        call.take_down()
        await exchange.sleep(seconds(20))

    call = lived(tmp_path, work)
    assert [at for at, _ in call.rtcp] == [seconds(at) for at in (5, 10, 15, 17)]
    compounds = [parse(packet) for _, packet in call.rtcp]
    assert [isinstance(compound[-1], Bye) for compound in compounds] == [False] * 3 + [True]
    counts = [first.packet_count for first, *_ in compounds if isinstance(first, SenderReport)]
    assert counts == [100, 350, 600, 700]


def test_losses_on_the_way_are_in_the_server_s_reports(tmp_path: Path) -> None:
    who = party("ann", up=Impairments(loss=Loss(random=0.25)))

    async def work(exchange: Exchange, call: LiveCall) -> None:
        call.answer(listens=True)
        await acts(clip("speech", 8.0), 2.5)(CallControl(call, Phone(who)))
        call.take_down()

    call = lived(tmp_path, work, who)
    last = parse(call.rtcp[-1][1])[0]
    assert isinstance(last, SenderReport)
    (block,) = last.reports
    assert call.line is not None
    reception = call.exchange.plane.reception(call.leg)
    assert block.cumulative_lost == reception.lost
    assert 100 < block.cumulative_lost < 160
    fates = sum(len(fate.media) for fate in call.line.phone.fates if fate.kind == "lost")
    assert 0 <= fates - block.cumulative_lost <= 5  # those of the ends nobody can know of
