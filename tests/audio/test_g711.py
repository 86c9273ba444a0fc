"""G.711 against the ITU's figures and FFmpeg's codecs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import av
import numpy as np
import pytest
from av.audio.codeccontext import AudioCodecContext
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from mediasim.audio import g711

Encode = Callable[[NDArray[np.int16]], NDArray[np.uint8]]
Decode = Callable[[NDArray[np.uint8]], NDArray[np.int16]]

LAWS = pytest.mark.parametrize(
    ("encode", "decode", "judge"),
    [
        pytest.param(g711.ulaw_encode, g711.ulaw_decode, "pcm_mulaw", id="ulaw"),
        pytest.param(g711.alaw_encode, g711.alaw_decode, "pcm_alaw", id="alaw"),
    ],
)
ALL_CODES = np.arange(256, dtype=np.uint8)
ALL_SAMPLES = np.arange(-32768, 32768).astype(np.int16)


def _context(name: str, mode: Literal["r", "w"]) -> AudioCodecContext:
    context = av.CodecContext.create(name, mode)
    assert isinstance(context, AudioCodecContext)
    context.sample_rate = 8000
    context.layout = "mono"
    context.format = "s16"
    return context


def judge_decode(name: str, codes: NDArray[np.uint8]) -> NDArray[np.int16]:
    frames = _context(name, "r").decode(av.Packet(codes.tobytes()))
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.int16)


def judge_encode(name: str, pcm: NDArray[np.int16]) -> NDArray[np.uint8]:
    frame = av.AudioFrame.from_ndarray(pcm[np.newaxis], format="s16", layout="mono")
    frame.sample_rate = 8000
    context = _context(name, "w")
    packets = [*context.encode(frame), *context.encode(None)]
    return np.frombuffer(b"".join(bytes(packet) for packet in packets), np.uint8)


@LAWS
def test_decodes_every_code_as_ffmpeg_does(encode: Encode, decode: Decode, judge: str) -> None:
    np.testing.assert_array_equal(decode(ALL_CODES), judge_decode(judge, ALL_CODES))


@LAWS
def test_encodes_as_ffmpeg_does_but_at_segment_ends(
    encode: Encode, decode: Decode, judge: str
) -> None:
    """FFmpeg takes the nearest level, G.711's decisions at a segment's end are not midway."""
    levels = np.unique(decode(ALL_CODES))
    ours = np.searchsorted(levels, decode(encode(ALL_SAMPLES)))
    theirs = np.searchsorted(levels, decode(judge_encode(judge, ALL_SAMPLES)))
    differs = ours != theirs
    assert np.count_nonzero(differs) < 1000
    assert np.abs(ours - theirs).max() == 1


def segments(start: int, steps: list[tuple[int, int]]) -> NDArray[np.int64]:
    """Decision values of one polarity: from ``start``, by runs of (count, width)."""
    return start + np.cumsum([width for count, width in steps for _ in range(count)])


# G.711, tables 2a (mu-law, in 14-bit units) and 1a (A-law, in 13-bit units): decision values
# of positive samples, in 16-bit units, the last one (overload) left out.
ULAW_DECISIONS = 4 * segments(0, [(1, 1), (15, 2), *((16, 4 << n) for n in range(6)), (15, 256)])
ALAW_DECISIONS = 8 * segments(0, [(32, 2), *((16, 4 << n) for n in range(5)), (15, 128)])


@pytest.mark.parametrize(
    ("encode", "decode", "decisions"),
    [
        pytest.param(g711.ulaw_encode, g711.ulaw_decode, ULAW_DECISIONS, id="ulaw"),
        pytest.param(g711.alaw_encode, g711.alaw_decode, ALAW_DECISIONS, id="alaw"),
    ],
)
def test_decides_as_the_tables_of_g711(
    encode: Encode, decode: Decode, decisions: NDArray[np.int64]
) -> None:
    levels = np.unique(np.abs(decode(ALL_CODES).astype(np.int32)))
    positive = np.arange(32768)
    np.testing.assert_array_equal(
        decode(encode(positive.astype(np.int16))),
        levels[np.searchsorted(decisions, positive, side="right")],
    )
    negative = np.arange(1, 32769)
    np.testing.assert_array_equal(
        decode(encode((-negative).astype(np.int16))),
        -levels[np.searchsorted(decisions, negative, side="left")],
    )


@LAWS
def test_coding_again_changes_nothing(encode: Encode, decode: Decode, judge: str) -> None:
    once = decode(ALL_CODES)
    np.testing.assert_array_equal(decode(encode(once)), once)


@pytest.mark.parametrize(
    ("sample", "ulaw", "alaw"),
    [
        (0, 0xFF, 0xD5),
        (-1, 0x7F, 0x55),
        (8, 0xFE, 0xD5),
        (1000, 0xCE, 0xFA),
        (-1000, 0x4E, 0x7A),
        (32767, 0x80, 0xAA),
        (-32768, 0x00, 0x2A),
    ],
)
def test_known_octets(sample: int, ulaw: int, alaw: int) -> None:
    pcm = np.array([sample], np.int16)
    assert g711.ulaw_encode(pcm).tolist() == [ulaw]
    assert g711.alaw_encode(pcm).tolist() == [alaw]


def test_silence_octets() -> None:
    zero = np.zeros(1, np.int16)
    assert g711.ulaw_encode(zero).tolist() == [g711.ULAW_SILENCE]
    assert g711.alaw_encode(zero).tolist() == [g711.ALAW_SILENCE]
    assert g711.ULAW_DECODE[g711.ULAW_SILENCE] == 0
    assert g711.ALAW_DECODE[g711.ALAW_SILENCE] == 8


def test_tables_cannot_be_written() -> None:
    for table in (g711.ULAW_DECODE, g711.ALAW_DECODE, g711.ULAW_ENCODE, g711.ALAW_ENCODE):
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 1


@given(pcm=hnp.arrays(np.int16, hnp.array_shapes(max_dims=3, max_side=9, min_side=0)))
def test_any_shape_is_kept(pcm: NDArray[np.int16]) -> None:
    for encode, decode in (
        (g711.ulaw_encode, g711.ulaw_decode),
        (g711.alaw_encode, g711.alaw_decode),
    ):
        codes = encode(pcm)
        assert codes.shape == pcm.shape
        decoded = decode(codes)
        assert decoded.shape == pcm.shape
        np.testing.assert_array_equal(encode(pcm.T), codes.T)


@given(step=st.integers(1, 5))
def test_strided_input_and_given_output(step: int) -> None:
    pcm = ALL_SAMPLES[::step]
    codes = np.empty(pcm.shape, np.uint8)
    assert g711.ulaw_encode(pcm, codes) is codes
    out = np.empty(pcm.shape, np.int16)
    assert g711.ulaw_decode(codes, out) is out
    np.testing.assert_array_equal(out, g711.ulaw_decode(g711.ulaw_encode(pcm.copy())))


@LAWS
def test_many_rows_are_decoded_as_each_by_itself(
    encode: Encode, decode: Decode, judge: str
) -> None:
    codes = np.arange(600 * 172, dtype=np.uint32).astype(np.uint8).reshape(600, 172)[:, 12:]
    rows = [decode(np.ascontiguousarray(row)) for row in codes]
    assert np.array_equal(decode(codes), np.stack(rows))
