"""An ear: what the server sends to a party, as the party hears it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.g711 import ulaw_decode, ulaw_encode
from mediasim.audio.tones import noise
from mediasim.documents.durations import Duration
from mediasim.net.link import Link
from mediasim.net.network import Impairments, Loss
from mediasim.parties.rtp_receiver import RtpReceiver
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.stream import StreamFormat
from mediasim.seeds import Seeds

MS = 1_000_000
SPEECH = ulaw_decode(ulaw_encode(noise("white", 100 * 160, -20.0, Seeds(1).generator("speech"))))


def hear(
    ear: RtpReceiver, pcm: NDArray[np.int16], *, first_frame: int, block: int
) -> NDArray[np.int16]:
    """Send frames in blocks and return what is heard, the first frame being ``first_frame``."""
    heard: list[NDArray[np.int16]] = []
    told: list[int] = []

    def listen(first: int, samples: NDArray[np.int16]) -> None:
        told.extend(range(first, first + len(samples) // FRAME_SAMPLES))
        heard.append(samples.copy())

    ear.listeners.append(listen)
    sender = RtpSender("PCMU", ssrc=5)
    frames = pcm.reshape(-1, FRAME_SAMPLES)
    for at in range(0, len(frames), block):
        ear.push(first_frame + at, sender.packets(frames[at : at + block], first_frame + at))
    assert told == list(range(first_frame, first_frame + len(frames)))
    return np.concatenate(heard)


@pytest.mark.parametrize("block", [1, 7, 100])
@pytest.mark.parametrize("delay_ms", [0, 20, 65])
def test_it_hears_what_was_sent_a_path_later(delay_ms: int, block: int) -> None:
    ear = RtpReceiver(StreamFormat(), Link(Impairments(delay=Duration(delay_ms * MS)), 1), 128)
    heard = hear(ear, SPEECH, first_frame=40, block=block)
    at = int(np.flatnonzero(heard)[0])
    assert np.array_equal(heard[at:], SPEECH[: len(heard) - at])
    # Everything of a frame has been heard when its path is over, and it is no longer than must be.
    assert ear.path_frames - 2 <= -(-at // FRAME_SAMPLES) <= ear.path_frames
    assert ear.sent == 100


def test_what_the_link_loses_is_a_gap_of_its_own_length() -> None:
    ear = RtpReceiver(StreamFormat(), Link(Impairments(loss=Loss(random=0.2)), 9), 128)
    heard = hear(ear, SPEECH, first_frame=0, block=50).reshape(-1, FRAME_SAMPLES)
    assert {fate.kind for fate in ear.fates} == {"lost"}
    lost = {int(media) // FRAME_SAMPLES for fate in ear.fates for media in fate.media}
    at = int(np.flatnonzero(heard.any(axis=1))[0]) - min(set(range(100)) - lost)
    for frame in range(100 - at):
        expected = SPEECH.reshape(-1, FRAME_SAMPLES)[frame] * (frame not in lost)
        assert np.array_equal(heard[frame + at], expected), frame
    received = ear.reception
    assert received.received <= 100 - len(lost)
    assert 0 < received.lost <= len(lost)


def test_one_way_audio_is_silence_that_is_heard_all_the_same() -> None:
    ear = RtpReceiver(StreamFormat(), Link(Impairments(one_way=True), 9), 128)
    heard = hear(ear, SPEECH, first_frame=0, block=20)
    assert len(heard) == len(SPEECH)
    assert not heard.any()
    assert ear.reception.received == 0


def test_listeners_may_come_and_go_while_it_hears() -> None:
    ear = RtpReceiver(StreamFormat(), Link(Impairments(), 1), 8)
    calls: list[str] = []

    def once(_first: int, _pcm: NDArray[np.int16]) -> None:
        calls.append("once")
        ear.listeners.remove(once)

    ear.listeners += [once, lambda _first, _pcm: calls.append("always")]
    sender = RtpSender("PCMU", ssrc=5)
    for frame in range(2):
        ear.push(frame, sender.packets(np.zeros((1, FRAME_SAMPLES), np.int16), frame))
    assert calls == ["once", "always", "always"]
