"""A phone: what its party says, as packets at their times."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from mediasim.audio.tones import noise, tone
from mediasim.documents.durations import Duration
from mediasim.net.link import Link
from mediasim.net.network import GilbertElliott, Impairments, Jitter, Loss, Stall
from mediasim.parties.clock import SenderClock
from mediasim.parties.phone import PhoneFormat, SimulatedPhone
from mediasim.parties.timeline import Timeline
from mediasim.rtp.packets import PacketBlock, Parsed, parse
from mediasim.rtp.telephone_event import parse_event
from mediasim.seeds import Seeds

MS = 1_000_000
SECOND = 1_000_000_000
SAMPLE = 125_000
START = SECOND

SPEECH = noise("white", 8000, -20.0, Seeds(1).generator("speech"))
"""One second."""


def phone_of(
    *sounds: tuple[int, NDArray[np.int16]],
    stalls: tuple[Stall, ...] = (),
    link: Impairments | None = None,
    **format: Any,
) -> SimulatedPhone:
    timeline = Timeline()
    for at, pcm in sounds:
        timeline.place(pcm, at, kind="say", text="")
    phone_format = PhoneFormat(ssrc=7, first_sequence=65_530, first_timestamp=2**32 - 500, **format)
    clock = SenderClock(START, stalls=stalls)
    return SimulatedPhone(phone_format, timeline, clock, Link(link or Impairments(), 3))


def pulled(phone: SimulatedPhone, seconds: float) -> tuple[PacketBlock, Parsed]:
    """Everything that arrives in the first seconds of the phone's time."""
    block = phone.pull(START + round(seconds * SECOND) + 1)
    assert block is not None
    parsed = parse(block.data, block.length)
    assert parsed.ok.all()
    return block, parsed


def media(parsed: Parsed, ticks: int = 1) -> list[int]:
    """First samples of packets, as their timestamps tell."""
    since = (parsed.timestamp.astype(np.int64) - (2**32 - 500)) % 2**32
    assert not (since % ticks).any()
    return [int(each) for each in since // ticks]


def payloads(block: PacketBlock, parsed: Parsed) -> list[bytes]:
    return [
        row[offset : offset + size].tobytes()
        for row, offset, size in zip(block.data, parsed.offset, parsed.size, strict=True)
    ]


# -- packets and their times ----------------------------------------------------------------


@pytest.mark.parametrize("ptime", [10, 20, 30, 40, 50, 60])
@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_a_packet_leaves_when_its_last_sample_is_said(codec: str, ptime: int) -> None:
    phone = phone_of((0, SPEECH), codec=codec, ptime_ms=ptime)
    block, parsed = pulled(phone, 0.6)
    step = ptime * 8
    count = 600 // ptime
    assert media(parsed) == [number * step for number in range(count)]
    assert block.arrival.tolist() == [START + (n + 1) * ptime * MS for n in range(count)]
    assert parsed.sequence.tolist() == [(65_530 + n) % 65_536 for n in range(count)]
    assert set(parsed.ssrc.tolist()) == {7}
    assert parsed.marker.tolist() == [True] + [False] * (count - 1)
    encode, decode = (ulaw_encode, ulaw_decode) if codec == "PCMU" else (alaw_encode, alaw_decode)
    sent = np.frombuffer(b"".join(payloads(block, parsed)), np.uint8)
    assert np.array_equal(decode(sent), decode(encode(SPEECH[: count * step])))
    assert phone.sent == count


@pytest.mark.parametrize(("codec", "ticks"), [("G722", 1), ("OPUS", 6)])
@pytest.mark.parametrize("ptime", [20, 40])
def test_codecs_with_memory_send_frame_by_frame(codec: str, ticks: int, ptime: int) -> None:
    phone = phone_of((0, SPEECH), codec=codec, ptime_ms=ptime)
    block, parsed = pulled(phone, 0.4)
    assert media(parsed, ticks) == [number * 160 for number in range(20)]
    assert (np.diff(block.arrival) >= 0).all()
    assert block.arrival[-1] == START + 400 * MS
    assert set(parsed.payload_type.tolist()) == {phone.payload_type}


def test_nothing_leaves_before_it_is_said() -> None:
    phone = phone_of((0, SPEECH))
    assert phone.pull(START + 20 * MS) is None
    block = phone.pull(START + 20 * MS + 1)
    assert block is not None
    assert len(block) == 1


def test_silence_is_sent_too() -> None:
    block, parsed = pulled(phone_of(), 0.2)
    assert payloads(block, parsed) == [b"\xff" * 160] * 10


def test_after_the_end_nothing_is_sent_and_the_last_words_are() -> None:
    phone = phone_of((0, SPEECH))
    phone.end(START + 90 * MS)
    phone.end(START + 200 * MS)
    block, parsed = pulled(phone, 3)
    assert media(parsed) == [0, 160, 320, 480, 640]
    sent = np.frombuffer(payloads(block, parsed)[-1], np.uint8)
    assert (sent[:80] != 0xFF).any()
    assert set(sent[80:].tolist()) == {0xFF}


def test_what_has_not_come_is_told() -> None:
    phone = phone_of((0, SPEECH[:1600]), link=Impairments(delay=Duration(100 * MS)))
    pulled(phone, 0.15)
    assert sorted(phone.outstanding.tolist()) == [number * 160 for number in range(2, 10)]


# -- stalls ---------------------------------------------------------------------------------


def test_a_gap_s_packets_are_missing_and_those_after_it_are_in_time() -> None:
    phone = phone_of(
        (0, SPEECH), stalls=(Stall(at=Duration(100 * MS), for_=Duration(60 * MS), kind="gap"),)
    )
    block, parsed = pulled(phone, 0.3)
    assert media(parsed) == [n * 160 for n in range(15) if n not in (5, 6, 7)]
    assert parsed.sequence.tolist() == [(65_530 + n) % 65_536 for n in range(12)]
    assert block.arrival[-1] == START + 300 * MS
    (fate,) = phone.fates
    assert (fate.kind, fate.media.tolist()) == ("stalled", [800, 960, 1120])


def test_after_a_freeze_everything_is_late_and_nothing_missing() -> None:
    phone = phone_of(
        (0, SPEECH), stalls=(Stall(at=Duration(100 * MS), for_=Duration(60 * MS), kind="pause"),)
    )
    block, parsed = pulled(phone, 0.3)
    assert media(parsed) == [n * 160 for n in range(12)]
    late = [60 * MS * (n >= 5) for n in range(12)]
    assert block.arrival.tolist() == [START + (n + 1) * 20 * MS + late[n] for n in range(12)]
    assert phone.fates == []


# -- silence suppression --------------------------------------------------------------------


def test_with_silence_suppression_only_speech_is_sent_and_its_start_is_marked() -> None:
    phone = phone_of((800, SPEECH[:480]), (3200, SPEECH[:100]), dtx="silence")
    _, parsed = pulled(phone, 1.0)
    assert media(parsed) == [800, 960, 1120, 3200]
    assert parsed.marker.tolist() == [True, False, False, True]
    assert parsed.sequence.tolist() == [65_530, 65_531, 65_532, 65_533]


def test_comfort_noise_tells_its_level_at_once_and_every_tenth_packet_time() -> None:
    phone = phone_of((800, SPEECH[:320]), dtx="comfort-noise", noise_dbfs=-55.0)
    block, parsed = pulled(phone, 0.5)
    kinds = list(zip(media(parsed), parsed.payload_type.tolist(), strict=True))
    assert kinds == [(0, 13), (800, 0), (960, 0), (1120, 13), (1120 + 1600, 13)]
    noise_payloads = {
        payload
        for payload, kind in zip(payloads(block, parsed), parsed.payload_type, strict=True)
        if kind == 13
    }
    assert len(noise_payloads) == 1


# -- keys -----------------------------------------------------------------------------------


def test_a_key_is_sent_from_the_next_packet_on_in_place_of_audio() -> None:
    phone = phone_of((0, SPEECH))
    end = phone.press("5", 650, 800, 100)
    block, parsed = pulled(phone, 0.6)
    events = parsed.payload_type == 101
    told = [
        event
        for payload, is_event in zip(payloads(block, parsed), events, strict=True)
        if is_event and (event := parse_event(payload)) is not None
    ]
    assert {event.digit for event in told} == {"5"}
    assert [event.duration for event in told] == [160, 320, 480, 640, 800, 800, 800]
    assert [event.end for event in told] == [False] * 4 + [True] * 3
    # All bear the time at which the key went down, and leave a packet time apart.
    assert {at for at, each in zip(media(parsed), events, strict=True) if each} == {800}
    assert block.arrival[events].tolist() == [START + (120 + 20 * n) * MS for n in range(7)]
    assert parsed.marker[events].tolist() == [True] + [False] * 6
    assert end == 800 + 7 * 160  # its last packet is sent three times
    assert len(media(parsed)) == 30


def test_keys_follow_one_another_a_gap_apart() -> None:
    phone = phone_of()
    end = phone.press("12", 0, 800, 1600)
    _, parsed = pulled(phone, 1.0)
    pressed = [
        at for at, kind in zip(media(parsed), parsed.payload_type, strict=True) if kind == 101
    ]
    assert sorted(set(pressed)) == [0, 2400]
    assert end == 4800


@pytest.mark.parametrize("ptime", [10, 30, 60])
def test_keys_keep_to_the_phone_s_packet_time(ptime: int) -> None:
    phone = phone_of(ptime_ms=ptime)
    phone.press("9", 1, 800, 400)
    block, parsed = pulled(phone, 1.2)
    events = parsed.payload_type == 101
    assert set(np.diff(block.arrival).tolist()) == {ptime * MS}
    assert {at for at, each in zip(media(parsed), events, strict=True) if each} == {ptime * 8}
    count = -(-800 // (ptime * 8)) + 2
    assert int(events.sum()) == count


# -- always ---------------------------------------------------------------------------------

ROUGH = Impairments(
    delay=Duration(30 * MS),
    jitter=Jitter(exponential=Duration(15 * MS)),
    loss=Loss(gilbert_elliott=GilbertElliott(enter=0.1, leave=0.5)),
    reorder=0.1,
    duplicate=0.1,
)
STALLS = (
    Stall(at=Duration(200 * MS), for_=Duration(100 * MS), kind="gap"),
    Stall(at=Duration(400 * MS), for_=Duration(70 * MS), kind="pause"),
)


@settings(max_examples=15)
@given(
    cuts=st.lists(st.integers(0, 1_500 * MS), max_size=12).map(sorted),
    codec=st.sampled_from(["PCMU", "PCMA", "G722"]),
    ptime=st.sampled_from([10, 20, 30, 60]),
    dtx=st.sampled_from(["off", "silence", "comfort-noise"]),
    rough=st.booleans(),
)
def test_packets_are_the_same_however_often_they_are_asked_for(
    cuts: list[int], codec: str, ptime: int, dtx: str, rough: bool
) -> None:
    if codec == "G722" and ptime % 20:
        ptime = 20

    def phone() -> SimulatedPhone:
        made = phone_of(
            (500, tone([440.0], 3000)),
            (5000, SPEECH[:2000]),
            stalls=STALLS if rough else (),
            link=ROUGH if rough else None,
            codec=codec,
            ptime_ms=ptime,
            dtx=dtx,
        )
        made.press("7", 2000, 800, 400)
        return made

    def packets(looks: list[int]) -> list[tuple[bytes, int]]:
        asked = phone()
        found = []
        for look in looks:
            block = asked.pull(START + look)
            if block is not None:
                rows = zip(block.data, block.length.tolist(), block.arrival.tolist(), strict=True)
                found += [(row[:size].tobytes(), at) for row, size, at in rows]
        return found

    assert packets([*cuts, 1_500 * MS]) == packets([1_500 * MS])
