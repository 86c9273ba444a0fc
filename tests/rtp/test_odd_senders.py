"""Senders with several oddities at once: every frame that arrived is played once, and in order.

The policy is the table of :mod:`mediasim.rtp.scheduler`; ``odd_senders`` draws the senders.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import pytest
from numpy.typing import NDArray
from odd_senders import FRAME, FRAME_NS, Frame, OddSender, heard, odd_sender
from playout_oracle import Datagram
from test_playout import ALL_FRAMES, PATH, PLACE, Bench, Sender, codes, rtp

from mediasim.audio.codecs import CODECS, frame_coder
from mediasim.rtp.oddities import oddities_of
from mediasim.rtp.packets import build
from mediasim.rtp.stream import StreamFormat
from mediasim.rtp.telephone_event import event_payloads

FRAMES: Final = 2000


def check(sender: OddSender, played: NDArray[np.int16], bench: Bench) -> None:
    """Each frame once, in order, by its arrival; cut by steps of the clock at most."""
    found = heard(sender, played, bench.stream.shifts)
    assert (found.lost, found.wrong) == ([], []), sender.how
    assert len(found.cut) <= 2, sender.how
    assert len(found.alone) <= 2, sender.how


def named(bench: Bench) -> str:
    return "; ".join(str(oddity) for oddity in oddities_of(bench.stream))


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_every_frame_that_arrived_is_played_once_and_in_order(first: int) -> None:
    for seed in range(first, first + 50):
        sender = odd_sender(seed)
        bench = Bench(max_block=FRAMES)
        check(sender, bench.play(sender.datagrams, FRAMES, (seed % 97, 333, 334, 600)), bench)
        words = named(bench)
        how = sender.how
        if how["timestamp"] not in ("ordinary", "stand still"):
            assert "timestamps began anew" in words, how
        if how["payload type"] != "one":
            assert "the payload type changed between 0 (PCMU), 8 (PCMA)" in words, how
        # A copy of what came before a new beginning may be no duplicate after it, but a stray.
        counted = bench.playout.reception.of(0)
        assert counted.received + counted.duplicates == len(sender.datagrams), how
        if how["repeats"] == "none":
            assert (counted.duplicates, bench.stream.early) == (0, 0), how
            assert bench.stream.late == 0 or "three times" in how["timestamp"], how


def forged(at_ns: int, number: int) -> Datagram:
    """A packet with the sender's SSRC, 60 s ahead of it."""
    codes = np.full((1, FRAME), 5, np.uint8)
    stamp, sequence = np.array([7_000_000 + number * FRAME]), np.array([9000 + number])
    data = build(codes, payload_type=0, sequence=sequence, timestamp=stamp, ssrc=7)
    return Datagram(at_ns, data.tobytes())


@pytest.mark.parametrize("every_ms", [0, 1, 20])
def test_forged_packets_a_minute_ahead_take_nothing_from_who_speaks(every_ms: int) -> None:
    """At once, quickly, or one for each of its own."""
    sender = Sender(timestamp=7_000_000 - 60 * 8000)
    packets = sender.packets(*range(300))
    forgeries = [
        forged(101 * FRAME_NS + 5_000_000 + n * every_ms * 1_000_000, n) for n in range(20)
    ]
    bench = Bench(max_block=FRAMES)
    played = bench.play(packets + forgeries, 320, (50, 101, 102, 103, 104, 200))
    assert np.array_equal(played, sender.said(*range(300), frames=320, place=PLACE))
    assert bench.stream.early == 20
    assert [shift.why for shift in bench.stream.shifts] == ["start"]


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_a_clock_of_another_rate_is_learnt_and_named(rate: int) -> None:
    sender = Sender()
    packets = []
    for number in range(200):
        stamp = 5000 + number * FRAME * rate // 8000
        data = rtp(codes(number), sequence=100 + number, timestamp=stamp)
        packets.append(Datagram(sender.packet(number).arrival, data))
    for cuts in ((), ALL_FRAMES):
        bench = Bench()
        played = bench.play(packets, 240, cuts)
        assert np.array_equal(played, sender.said(*range(200), frames=240, place=PLACE))
        assert named(bench) == (
            f"PCMU's timestamps count {rate} a second: the clock is taken from arrival"
        )


def test_a_clock_far_off_is_named_with_what_it_cost() -> None:
    sender = Sender()
    plain = sender.packets(*range(1500))
    packets = [Datagram(round(one.arrival / 1.011), one.data) for one in plain]
    bench = Bench()
    for first in range(0, 1500, 100):
        bench.block(packets, first, first + 100)
    found = re.search(r"the sender's clock is about (\d+) ppm fast, beyond the 1000", named(bench))
    assert found is not None
    assert 10_000 < int(found[1]) < 12_000


@pytest.mark.parametrize(
    ("codec", "payload_type", "rate"), [("G722", 9, 16_000), ("OPUS", 111, 24_000)]
)
def test_a_wide_codec_of_another_clock_is_heard_whole(
    codec: str, payload_type: int, rate: int
) -> None:
    tone = (8000 * np.sin(np.arange(200 * FRAME) * 0.3)).astype(np.int16).reshape(-1, FRAME)
    encoder = frame_coder(codec).encoder()
    payloads = [encoder.encode(frame) for frame in tone]
    played = []
    for clock in (rate, CODECS[codec].clock_rate):
        packets = [
            Datagram(
                (number + 1) * FRAME_NS,
                rtp(
                    payload,
                    sequence=100 + number,
                    timestamp=5000 + number * clock // 50,
                    payload_type=payload_type,
                ),
            )
            for number, payload in enumerate(payloads)
        ]
        bench = Bench(StreamFormat(codec=codec, payload_type=payload_type))
        played.append(bench.play(packets, 240))
    other, usual = played
    assert np.array_equal(other, usual)


def test_every_codec_in_turn_is_heard() -> None:
    """G.722 for a second, then PCMU: what waits to be decoded is not lost with the change."""
    encoder = frame_coder("G722").encoder()
    tone = (8000 * np.sin(np.arange(50 * FRAME) * 0.3)).astype(np.int16).reshape(-1, FRAME)
    sender = Sender()
    packets = [
        Datagram(
            sender.packet(number).arrival,
            rtp(
                encoder.encode(frame),
                sequence=sender.sequence + number,
                timestamp=sender.timestamp + number * FRAME,
                payload_type=9,
            ),
        )
        for number, frame in enumerate(tone)
    ] + sender.packets(*range(50, 100))
    for cuts in ((), ALL_FRAMES):
        bench = Bench(StreamFormat(codec="G722", payload_type=9))
        played = bench.play(packets, 120, cuts)
        at = (50 + PATH) * FRAME
        said = sender.said(*range(50, 100), frames=120, place=PLACE)
        assert np.array_equal(played[at:], said[at:])
        loud = np.abs(played[:at].astype(np.int32)).reshape(-1, FRAME).max(axis=1)
        assert (loud[PATH + 1 :] > 4000).all()


def test_keys_with_one_timestamp_are_all_told() -> None:
    sender = Sender()
    packets = sender.packets(*range(20))
    for number, digit in enumerate("59#"):
        (payload, _, _), *_ = event_payloads(digit, FRAME)
        data = rtp(payload, sequence=120 + number, timestamp=9000, payload_type=101)
        packets += [Datagram((20 + number) * FRAME_NS + copy, data) for copy in range(2)]
    bench = Bench()
    bench.play(packets, 40)
    assert [digit.digit for digit in bench.digits] == ["5", "9", "#"]


@pytest.mark.parametrize("step", [0, 1, 20, 80, -160, None], ids=str)
@pytest.mark.parametrize("pace", ["exact", "jitter", "pauses"])
def test_timestamps_that_are_no_clock_lose_no_frame(step: int | None, pace: str) -> None:
    """They stand still, go back, count something else or are drawn anew for each packet."""
    rng = np.random.default_rng([7, abs(step or 3)])
    sender, timestamp = OddSender({"timestamp": str(step), "pace": pace}), 50_000
    waited = 0
    for number in range(300):
        timestamp = int(rng.integers(1 << 32)) if step is None else (timestamp + step) % (1 << 32)
        arrival = (number + 1) * FRAME_NS + waited
        if pace == "jitter" and number > 3:
            arrival += int(rng.integers(15_000_000))
        elif pace == "pauses" and number in (100, 200):
            waited += 50 * FRAME_NS
            arrival += 50 * FRAME_NS
        codes = rng.integers(0, 127, FRAME, np.uint8)
        data = build(
            codes[None, :],
            payload_type=0,
            sequence=np.array([100 + number]),
            timestamp=np.array([timestamp]),
            ssrc=7,
        )
        sender.frames.append(Frame(arrival, 0, codes.tobytes()))
        sender.datagrams.append(Datagram(arrival, data.tobytes()))
    whole, cut = Bench(max_block=FRAMES), Bench(max_block=FRAMES)
    played = whole.play(sender.datagrams, 500)
    check(sender, played, whole)
    assert np.array_equal(played, cut.play(sender.datagrams, 500, ALL_FRAMES))
    assert "packets are counted by their sequence numbers" in named(whole)
