"""G.722 and Opus: what comes through, when, and what becomes of losses."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import mediasim
from mediasim.audio.codecs import (
    CODECS,
    Codec,
    codec_named,
    decode_frames,
    encode_frames,
    frame_coder,
    register,
)
from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.tones import noise, tone
from mediasim.seeds import Seeds

FRAMED = pytest.mark.parametrize("name", ["G722", "OPUS"])
TALK = noise("babble", 160 * 100, -20, Seeds(1).generator("talk"))


def encoded(name: str, pcm: NDArray[np.int16]) -> list[bytes]:
    encoder = frame_coder(name).encoder()
    return [encoder.encode(frame) for frame in pcm.reshape(-1, FRAME_SAMPLES)]


def decoded(name: str, payloads: list[bytes | None] | list[bytes]) -> NDArray[np.int16]:
    decoder = frame_coder(name).decoder()
    return np.concatenate([decoder.decode(payload) for payload in payloads])


def best_lag(sent: NDArray[np.int16], heard: NDArray[np.int16]) -> tuple[int, float]:
    """By how many samples ``heard`` is late, and the correlation there."""
    one, other = sent.astype(np.float64), heard.astype(np.float64)
    size = 2 * len(one)
    product = np.fft.irfft(np.fft.rfft(other, size) * np.fft.rfft(one, size).conj(), size)
    lag = int(product[: len(one)].argmax())
    return lag, float(product[lag] / np.sqrt((one**2).sum() * (other**2).sum()))


def test_the_table_is_that_of_the_rfcs() -> None:
    rows = {
        (codec.name, codec.payload_type, codec.rtpmap, codec.ticks_per_sample, codec.is_bytewise)
        for codec in CODECS.values()
    }
    assert rows == {
        ("PCMU", 0, "PCMU/8000", 1, True),
        ("PCMA", 8, "PCMA/8000", 1, True),
        ("G722", 9, "G722/8000", 1, False),
        ("OPUS", 111, "opus/48000/2", 6, False),
    }
    assert all(name == codec.name for name, codec in CODECS.items())


@FRAMED
@pytest.mark.parametrize("kind", ["babble", "white"])
def test_audio_comes_through_late_by_the_codecs_delay(name: str, kind: str) -> None:
    pcm = TALK if kind == "babble" else noise("white", 16000, -20, Seeds(1).generator("hiss"))
    lag, correlation = best_lag(pcm, decoded(name, encoded(name, pcm)))
    assert abs(lag - CODECS[name].delay_samples) <= 1
    assert correlation > 0.95


@FRAMED
def test_a_late_decoder_has_the_same_delay(name: str) -> None:
    """As when a stream is taken up in its middle, or after a long gap."""
    payloads = encoded(name, TALK)[40:]
    lag, correlation = best_lag(TALK[40 * 160 :], decoded(name, payloads))
    assert abs(lag - CODECS[name].delay_samples) <= 1
    assert correlation > 0.9


@FRAMED
def test_a_frame_is_a_payload_and_a_payload_a_frame(name: str) -> None:
    encoder, decoder = frame_coder(name).encoder(), frame_coder(name).decoder()
    for frame in TALK[: 160 * 10].reshape(-1, 160):
        payload = encoder.encode(frame)
        assert len(payload) == 160 if name == "G722" else 0 < len(payload) < 300
        pcm = decoder.decode(payload)
        assert pcm.dtype == np.int16
        assert pcm.shape == (160,)


@FRAMED
def test_the_same_audio_gives_the_same_bytes(name: str) -> None:
    payloads = encoded(name, TALK)
    assert payloads == encoded(name, TALK)
    np.testing.assert_array_equal(decoded(name, payloads), decoded(name, payloads))


@FRAMED
@pytest.mark.parametrize("sizes", [(1, 99), (7, 50, 43), (100,)])
def test_many_frames_at_once_are_coded_as_one_by_one(name: str, sizes: tuple[int, ...]) -> None:
    alone = encoded(name, TALK)
    alone[40] = alone[40][:80] if name == "G722" else b"\xff"  # shorter; and no Opus
    encoder, decoder = frame_coder(name).encoder(), frame_coder(name).decoder()
    ends = np.cumsum(sizes)
    frames = np.split(TALK.reshape(-1, FRAME_SAMPLES), ends[:-1])
    together = [payload for some in frames for payload in encode_frames(encoder, some)]
    assert together[:40] + together[41:] == alone[:40] + alone[41:]
    blocks = [alone[end - size : end] for size, end in zip(sizes, ends.tolist(), strict=True)]
    heard = [piece for some in blocks for piece in decode_frames(decoder, some)]
    assert np.array_equal(np.concatenate(heard), decoded(name, alone))
    shorter = 80 if name == "G722" else 160
    assert [len(piece) for piece in heard] == [160] * 40 + [shorter] + [160] * 59


@FRAMED
def test_silence_stays_silent(name: str) -> None:
    quiet = decoded(name, encoded(name, np.zeros(8000, np.int16)))
    assert np.abs(quiet.astype(np.int32)).max() <= 8


@FRAMED
def test_a_loss_is_silence_in_its_place_and_soon_over(name: str) -> None:
    pcm = tone((300, 700), 160 * 60, -15)
    payloads: list[bytes | None] = [*encoded(name, pcm)]
    whole = decoded(name, payloads)
    payloads[20] = None
    gapped = decoded(name, payloads)
    assert len(gapped) == len(whole)
    start = 20 * 160
    np.testing.assert_array_equal(gapped[:start], whole[:start])
    # Past the filter's tail there is nothing, and half a second on all is as it was.
    assert not gapped[start + 40 : start + 150].any()
    recovered = slice(start + 4000, None)
    np.testing.assert_allclose(gapped[recovered], whole[recovered], atol=600)


@FRAMED
@pytest.mark.parametrize("payload", [None, b""])
def test_nothing_decodes_to_a_frame_of_silence(name: str, payload: bytes | None) -> None:
    pcm = frame_coder(name).decoder().decode(payload)
    assert pcm.shape == (160,)
    assert not pcm.any()


def test_a_payload_that_is_no_opus_is_silence() -> None:
    # Code 3 with 63 frames: more than the 120 ms a packet may hold (RFC 6716, section 3.4).
    pcm = frame_coder("OPUS").decoder().decode(b"\xff\x3f\x00")
    assert pcm.shape == (160,)
    assert not pcm.any()


def test_a_shorter_payload_gives_as_much_as_it_holds() -> None:
    (payload,) = encoded("G722", TALK[:160])
    assert frame_coder("G722").decoder().decode(payload[:80]).shape == (80,)


@pytest.mark.parametrize("name", ["PCMU", "opus", "GSM"])
def test_other_codecs_are_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}': only G722 and OPUS"):
        frame_coder(name)


def test_a_row_that_is_added_is_there_until_it_is_taken_back() -> None:
    toy = Codec("Toy", 97, CODECS["PCMU"].coder, aliases=("plaything",))
    removal = register(toy)
    assert codec_named("TOY") is codec_named("plaything") is toy
    removal.close()
    assert codec_named("TOY") is codec_named("plaything") is None


@pytest.mark.parametrize(
    ("encoding", "payload_type", "aliases", "words"),
    [
        ("pcmu", 97, (), "PCMU has that name"),
        ("Toy", 97, ("alaw",), "PCMA has that name"),
        ("Toy", 9, (), "payload type 9 is that of G722"),
        ("Toy", 13, (), "payload type 13 is that of comfort noise"),
        ("Toy", 101, (), "payload type 101 is that of telephone events"),
    ],
)
def test_a_row_that_would_hide_another_is_refused(
    encoding: str, payload_type: int, aliases: tuple[str, ...], words: str
) -> None:
    before = dict(CODECS)
    with pytest.raises(ValueError, match="expected a multiple of 8000, found 11025"):
        register(Codec("Toy", 97, CODECS["PCMU"].coder, clock_rate=11_025))
    with pytest.raises(ValueError, match=words):
        register(Codec(encoding, payload_type, CODECS["PCMU"].coder, aliases=aliases))
    assert before == CODECS


def test_no_other_module_tells_codecs_apart_by_name() -> None:
    """Names stand in the table; elsewhere PCMU is what is spoken where nothing is said."""
    root = Path(mediasim.__file__).parent
    names = {word for codec in CODECS.values() for word in (codec.name, codec.encoding)} - {"PCMU"}
    found = [
        f"{path.relative_to(root)}:{node.lineno}"
        for path in root.rglob("*.py")
        if path.name not in ("codecs.py", "load.py")  # whose schema has an example
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and node.value in names
    ]
    assert found == []
