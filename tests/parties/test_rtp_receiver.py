"""An RTP receiver: what the server sends to a party, as the party hears it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.g711 import ulaw_decode, ulaw_encode
from mediasim.audio.tones import noise
from mediasim.documents.durations import Duration
from mediasim.media.plane import MediaPlane
from mediasim.media.room import Room
from mediasim.net.link import Link
from mediasim.net.network import Impairments, Jitter, Loss
from mediasim.parties.party import Line, Party
from mediasim.parties.rtp_receiver import RtpReceiver, shared_playout_of
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.stream import StreamFormat
from mediasim.seeds import Seeds

MS = 1_000_000
SPEECH = ulaw_decode(ulaw_encode(noise("white", 100 * 160, -20.0, Seeds(1).generator("speech"))))


def hear(
    receiver: RtpReceiver, pcm: NDArray[np.int16], *, first_frame: int, block: int
) -> NDArray[np.int16]:
    """Send frames in blocks and return what is heard, the first frame being ``first_frame``."""
    heard: list[NDArray[np.int16]] = []
    told: list[int] = []

    def listen(first: int, samples: NDArray[np.int16]) -> None:
        told.extend(range(first, first + len(samples) // FRAME_SAMPLES))
        heard.append(samples.copy())

    receiver.listeners.append(listen)
    sender = RtpSender("PCMU", ssrc=5)
    frames = pcm.reshape(-1, FRAME_SAMPLES)
    for at in range(0, len(frames), block):
        receiver.push(first_frame + at, sender.packets(frames[at : at + block], first_frame + at))
    assert told == list(range(first_frame, first_frame + len(frames)))
    return np.concatenate(heard)


@pytest.mark.parametrize("block", [1, 7, 100])
@pytest.mark.parametrize("delay_ms", [0, 20, 65])
def test_it_hears_what_was_sent_a_path_later(delay_ms: int, block: int) -> None:
    receiver = RtpReceiver(StreamFormat(), Link(Impairments(delay=Duration(delay_ms * MS)), 1), 128)
    heard = hear(receiver, SPEECH, first_frame=40, block=block)
    at = int(np.flatnonzero(heard)[0])
    assert np.array_equal(heard[at:], SPEECH[: len(heard) - at])
    # Everything of a frame has been heard when its path is over, and it is no longer than must be.
    assert receiver.path_frames - 2 <= -(-at // FRAME_SAMPLES) <= receiver.path_frames
    assert receiver.sent == 100


def test_what_the_link_loses_is_a_gap_of_its_own_length() -> None:
    receiver = RtpReceiver(StreamFormat(), Link(Impairments(loss=Loss(random=0.2)), 9), 128)
    heard = hear(receiver, SPEECH, first_frame=0, block=50).reshape(-1, FRAME_SAMPLES)
    assert {fate.kind for fate in receiver.fates} == {"lost"}
    lost = {int(media) // FRAME_SAMPLES for fate in receiver.fates for media in fate.media}
    at = int(np.flatnonzero(heard.any(axis=1))[0]) - min(set(range(100)) - lost)
    for frame in range(100 - at):
        expected = SPEECH.reshape(-1, FRAME_SAMPLES)[frame] * (frame not in lost)
        assert np.array_equal(heard[frame + at], expected), frame
    received = receiver.reception
    assert received.received <= 100 - len(lost)
    assert 0 < received.lost <= len(lost)


def test_one_way_audio_is_silence_that_is_heard_all_the_same() -> None:
    receiver = RtpReceiver(StreamFormat(), Link(Impairments(one_way=True), 9), 128)
    heard = hear(receiver, SPEECH, first_frame=0, block=20)
    assert len(heard) == len(SPEECH)
    assert not heard.any()
    assert receiver.reception.received == 0


def test_listeners_may_come_and_go_while_it_hears() -> None:
    receiver = RtpReceiver(StreamFormat(), Link(Impairments(), 1), 8)
    calls: list[str] = []

    def once(_first: int, _pcm: NDArray[np.int16]) -> None:
        calls.append("once")
        receiver.listeners.remove(once)

    receiver.listeners += [once, lambda _first, _pcm: calls.append("always")]
    sender = RtpSender("PCMU", ssrc=5)
    for frame in range(2):
        receiver.push(frame, sender.packets(np.zeros((1, FRAME_SAMPLES), np.int16), frame))
    assert calls == ["once", "always", "always"]


# -- the shared playout: receivers hear together what each would hear by itself -------------


FRAMES = 240
ROUGH = Impairments(
    delay=Duration(40 * MS),
    jitter=Jitter(uniform=Duration(25 * MS)),
    loss=Loss(random=0.1),
    reorder=0.1,
    duplicate=0.1,
)
PARTIES = [
    Party("ann", ""),
    Party("bob", "", down=ROUGH),
    Party("cleo", "", codec="G722", down=ROUGH),
    Party("dan", "", codec="PCMA", down=ROUGH),
]


def into(
    heard: list[tuple[int, NDArray[np.int16]]],
) -> Callable[[int, NDArray[np.int16]], None]:
    return lambda first, pcm: heard.append((first, pcm.copy()))


def conference(room: Room) -> list[tuple[Line, list[tuple[int, NDArray[np.int16]]]]]:
    """Everybody hears everybody else."""
    found = []
    for party in PARTIES:
        line = Line(party, room, party.name, Seeds(1), 0)
        pcm = noise("white", 160 * 200, -20.0, Seeds(1).generator(party.name))
        line.timeline.place(pcm, 0, kind="noise", text="")
        line.connect(None, listens=True)
        assert line.receiver is not None
        heard: list[tuple[int, NDArray[np.int16]]] = []
        line.receiver.listeners.append(into(heard))
        room.confer(line.leg, "all")
        found.append((line, heard))
    return found


def test_many_together_hear_what_each_hears_alone() -> None:
    ticking, jumping = MediaPlane(max_lag=1), MediaPlane(max_lag=64)
    together, alone = conference(Room(ticking)), conference(Room(jumping))
    for frame in range(1, FRAMES + 1):
        ticking.tick(frame)
    while jumping.advance(FRAMES) < FRAMES:
        pass
    jumping.catch_up(jumping.rooms[0])
    for (line, one), (other_line, other) in zip(together, alone, strict=True):
        assert [first for first, _ in one] == list(range(FRAMES))
        pcm = np.concatenate([pcm for _, pcm in one])
        assert pcm.any()
        assert np.array_equal(pcm, np.concatenate([pcm for _, pcm in other]))
        assert line.receiver is not None
        assert other_line.receiver is not None
        found, expected = line.receiver.reception, other_line.receiver.reception
        assert found.jitter == pytest.approx(expected.jitter)
        assert replace(found, jitter=0) == replace(expected, jitter=0)


def test_receivers_of_legs_that_are_over_are_let_go_and_keep_what_they_measured() -> None:
    plane = MediaPlane(max_lag=1)
    room = Room(plane)
    lines = conference(room)
    for frame in range(1, 101):
        plane.tick(frame)
    shared_playout = shared_playout_of(plane)
    assert len(shared_playout) == len(PARTIES)
    gone, _ = lines[1]
    room.remove_leg(gone.leg)
    for frame in range(101, 201):
        plane.tick(frame)
    assert len(shared_playout) == len(PARTIES) - 1
    assert gone.receiver is not None
    assert 80 < gone.receiver.reception.received <= 100
    late, heard = conference(Room(plane))[1]
    for frame in range(201, 301):
        plane.tick(frame)
    assert late.receiver is not None
    assert late.receiver.reception.received <= 100
    assert any(pcm.any() for _, pcm in heard)
    assert 80 < gone.receiver.reception.received <= 100


def test_planes_that_do_not_tick_have_no_shared_playout() -> None:
    plane = MediaPlane(max_lag=64)
    conference(Room(plane))
    assert not plane.afterwards
