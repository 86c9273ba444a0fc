"""Codecs with memory: held until due, decoded in order, the codec's delay taken off."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mediasim.audio.codecs import CODECS, frame_coder
from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.levels import at_level
from mediasim.audio.tones import babble
from mediasim.rtp.stateful_decoder import StatefulDecoder
from mediasim.seeds import Seeds

FRAMES = 40


def clip() -> NDArray[np.int16]:
    samples = FRAMES * FRAME_SAMPLES
    return at_level(babble(samples, Seeds(3).generator("framed")), -20)


def payloads(codec: str) -> list[bytes]:
    encoder = frame_coder(codec).encoder()
    return [encoder.encode(frame) for frame in clip().reshape(FRAMES, FRAME_SAMPLES)]


def hold(stream: StatefulDecoder, number: int, payload: bytes, place: int = 0) -> None:
    at = np.array([place + number * FRAME_SAMPLES])
    stream.hold(at, np.frombuffer(payload, np.uint8)[None])


def track(pieces: list[tuple[int, NDArray[np.int16]]]) -> NDArray[np.int16]:
    out = np.zeros((FRAMES + 4) * FRAME_SAMPLES, np.int16)
    for at, samples in pieces:
        low = max(at, 0)
        out[low : at + len(samples)] = samples[low - at :]
    return out


def likeness(a: NDArray[np.int16], b: NDArray[np.int16]) -> float:
    return float(np.corrcoef(a.astype(np.float64), b.astype(np.float64))[0, 1])


CODEC = pytest.mark.parametrize("codec", ["G722", "OPUS"])


@CODEC
def test_a_clip_stands_where_its_timestamps_say(codec: str) -> None:
    stream = StatefulDecoder(codec)
    for number, payload in enumerate(payloads(codec)):
        hold(stream, number, payload)
    out = track(stream.decode(FRAMES + 2))[: FRAMES * FRAME_SAMPLES]
    inner = slice(800, -800)
    here = likeness(out[inner], clip()[inner])
    assert here > 0.9
    for lag in (-8, -3, 3, 8):
        assert likeness(np.roll(out, lag)[inner], clip()[inner]) < here


@CODEC
def test_payloads_are_decoded_in_order_of_media_time_whenever_they_came(codec: str) -> None:
    ordered, mixed = StatefulDecoder(codec), StatefulDecoder(codec)
    numbered = list(enumerate(payloads(codec)))
    for number, payload in numbered:
        hold(ordered, number, payload)
    for index in np.random.default_rng(1).permutation(FRAMES).tolist():
        hold(mixed, *numbered[index])
    assert np.array_equal(track(ordered.decode(99)), track(mixed.decode(99)))


@CODEC
def test_decoding_frame_by_frame_gives_what_one_block_gives(codec: str) -> None:
    whole, stepwise = StatefulDecoder(codec), StatefulDecoder(codec)
    pieces = []
    for number, payload in enumerate(payloads(codec)):
        if number in (7, 8, 20, 21, 22, 23, 24):
            continue  # lost: bridged, and too many of them to be bridged
        hold(whole, number, payload)
        hold(stepwise, number, payload)
    for frame in range(1, FRAMES + 3):
        pieces += stepwise.decode(frame)
    assert np.array_equal(track(pieces), track(whole.decode(FRAMES + 2)))


@CODEC
def test_a_payload_is_needed_as_early_as_the_codec_is_late(codec: str) -> None:
    stream = StatefulDecoder(codec)
    assert stream.lead == CODECS[codec].delay_samples
    hold(stream, 1, payloads(codec)[0])
    assert stream.decode(0) == []
    ((at, samples),) = stream.decode(1)
    assert at == FRAME_SAMPLES - stream.lead
    assert len(samples) == FRAME_SAMPLES


@CODEC
def test_a_loss_is_local(codec: str) -> None:
    whole, lossy = StatefulDecoder(codec), StatefulDecoder(codec)
    for number, payload in enumerate(payloads(codec)):
        hold(whole, number, payload)
        if number != 20:
            hold(lossy, number, payload)
    a, b = track(whole.decode(99)), track(lossy.decode(99))
    lost = 20 * FRAME_SAMPLES - whole.lead
    assert np.array_equal(a[:lost], b[:lost])
    assert not b[lost : lost + FRAME_SAMPLES].any()
    # A decoder needs some frames to find back.
    assert likeness(a[lost + 1600 :], b[lost + 1600 :]) > 0.9


def test_long_payloads_follow_each_other_without_a_gap() -> None:
    """A sender of 40 ms packets sends no gaps: nothing is to be bridged."""
    encoded = payloads("G722")
    single, double = StatefulDecoder("G722"), StatefulDecoder("G722")
    for number, payload in enumerate(encoded):
        hold(single, number, payload)
    for number in range(0, FRAMES, 2):
        hold(double, number, encoded[number] + encoded[number + 1])
    assert np.array_equal(track(single.decode(99)), track(double.decode(99)))


@CODEC
def test_a_new_stream_begins_with_a_fresh_decoder(codec: str) -> None:
    fresh, used = StatefulDecoder(codec), StatefulDecoder(codec)
    encoded = payloads(codec)
    for number in range(10, 20):
        hold(used, number - 10, encoded[number])
    used.decode(5)
    used.restart()
    for stream in (fresh, used):
        for number in range(10):
            hold(stream, number, encoded[number])
    assert np.array_equal(track(fresh.decode(99)), track(used.decode(99)))


@CODEC
def test_payloads_that_are_no_audio_are_silence(codec: str) -> None:
    stream = StatefulDecoder(codec)
    hold(stream, 0, b"")
    hold(stream, 1, b"\xff" * 3)
    for _, samples in stream.decode(9):
        assert len(samples) <= FRAME_SAMPLES
