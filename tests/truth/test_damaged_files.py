"""Files as other programs write them, and damaged ones: read like any, or refused in a sentence."""

from __future__ import annotations

import io
import json
import struct
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

import av
import numpy as np
import pytest
from attacks import times
from calls import written
from numpy.typing import NDArray

from mediasim.audio.files import encode_mp3, load_clip, read_audio, read_clip
from mediasim.audio.tones import noise
from mediasim.audio.wav import AudioFileError, write_wav
from mediasim.seeds import Seeds
from mediasim.truth.analysis.analysis import analyse
from mediasim.truth.analysis.as_json import analysis_json
from mediasim.truth.analysis.recording import AnalysisError, read_recording
from mediasim.truth.documents import TruthDocumentError
from mediasim.truth.faults.breaking import break_file
from mediasim.truth.faults.material import FaultError
from mediasim.truth.faults.order import parse_fault
from mediasim.truth.verify.judge import verification_text
from mediasim.truth.verify.verify import verify

Samples = NDArray[np.int16]
SOUND: Final[Samples] = np.stack(
    [noise("babble", 16_000, level, Seeds(1).generator(str(level))) for level in (-20.0, -30.0)]
)


@cache
def ffmpeg(codec: str, form: str = "wav", rate: int = 8000, **options: str) -> bytes:
    """The sound as FFmpeg writes it."""
    file = io.BytesIO()
    with av.open(file, "w", format=form, options=options) as container:
        stream = cast("av.AudioStream", container.add_stream(codec, rate=rate, layout="stereo"))
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(SOUND.T.reshape(1, -1)), format="s16", layout="stereo"
        )
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def extensible() -> bytes:
    """WAVE_FORMAT_EXTENSIBLE, a LIST chunk before the samples and one after."""
    data = SOUND.T.astype("<i2").tobytes()
    guid = struct.pack("<H14s", 1, b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71")
    form = struct.pack("<HHIIHHHHI", 0xFFFE, 2, 8000, 32000, 4, 16, 22, 16, 3) + guid
    note = b"INFOISFT\x06\x00\x00\x00notes\x00"
    chunks = [(b"fmt ", form), (b"LIST", note), (b"data", data), (b"LIST", note)]
    body = b"".join(name + struct.pack("<I", len(each)) + each for name, each in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


def ours() -> bytes:
    return read_back(lambda path: write_wav(path, SOUND))


def read_back(write: Callable[[Path], None]) -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.wav"
        write(path)
        return path.read_bytes()


def sizes_of_ff() -> bytes:
    """As a pipe leaves it: sizes that were never filled in."""
    data = bytearray(ours())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    return bytes(data)


AS_OTHERS_WRITE_THEM: Final[dict[str, tuple[Callable[[], bytes], int]]] = {
    "extensible.wav": (extensible, 0),
    "list.wav": (lambda: ffmpeg("pcm_s16le"), 0),
    "ulaw.wav": (lambda: ffmpeg("pcm_mulaw"), 600),
    "alaw.wav": (lambda: ffmpeg("pcm_alaw"), 600),
    "float.wav": (lambda: ffmpeg("pcm_f32le"), 0),
    "double.wav": (lambda: ffmpeg("pcm_f64le"), 0),
    "24-bit.wav": (lambda: ffmpeg("pcm_s24le"), 0),
    "32-bit.wav": (lambda: ffmpeg("pcm_s32le"), 0),
    "8-bit.wav": (lambda: ffmpeg("pcm_u8"), 256),
    "adpcm.wav": (lambda: ffmpeg("adpcm_ima_wav"), 9000),
    "rf64.wav": (lambda: ffmpeg("pcm_s16le", rf64="always"), 0),
    "sizes-of-ff.wav": (sizes_of_ff, 0),
    "au.au": (lambda: ffmpeg("pcm_s16be", "au"), 0),
    "flac.flac": (lambda: ffmpeg("flac", "flac"), 0),
}


@pytest.mark.parametrize("name", AS_OTHERS_WRITE_THEM)
def test_a_file_as_others_write_it_is_read_by_all(tmp_path: Path, name: str) -> None:
    make, off = AS_OTHERS_WRITE_THEM[name]
    path = tmp_path / name
    path.write_bytes(make())
    audio = read_audio(path)
    assert audio.rate == 8000
    length = SOUND.shape[1]
    assert audio.pcm.shape[0] == 2
    assert abs(audio.pcm.shape[1] - length) <= 1100  # ADPCM comes in blocks
    assert np.abs(audio.pcm[:, :length].astype(int) - SOUND).max() <= off
    assert len(load_clip(path)) == audio.pcm.shape[1]
    assert analyse(read_recording(path)).recording.samples == audio.pcm.shape[1]
    assert not verify(path).failures
    broken = tmp_path / "swapped.wav"
    break_file(path, [parse_fault("swapped")], broken)
    assert np.array_equal(read_audio(broken).pcm, audio.pcm[::-1])


def test_an_mp3_with_html_behind_it_is_played_and_told_of(tmp_path: Path) -> None:
    path = tmp_path / "page.mp3"
    sound = encode_mp3(SOUND, 32_000)
    path.write_bytes(sound)
    whole = read_clip(path)
    path.write_bytes(
        sound + b"<html><body>Not found, or something else, at length</body></html>" * 4
    )
    clip = read_clip(path)
    assert whole.damaged == 0
    assert clip.damaged >= 1
    assert np.array_equal(clip.pcm[: len(whole.pcm)], whole.pcm)
    assert any("damaged" in note for note in read_recording(path).notes)


def test_a_format_that_nobody_knows_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "tag.wav"
    data = bytearray(ours())
    data[20:22] = b"\x34\x12"
    path.write_bytes(data)
    with pytest.raises(AudioFileError, match="is in a format that cannot be decoded"):
        load_clip(path)
    with pytest.raises(AnalysisError, match="16-bit audio of format 4660"):
        read_recording(path)
    with pytest.raises(FaultError, match="only a sound recording can be broken"):
        break_file(path, [parse_fault("swapped")], tmp_path / "out.wav")
    assert verify(path).kinds == ["unreadable"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ours()[:-8000], "the header announces 64000 bytes of samples (2.000 s)"),
        (lambda: ffmpeg("pcm_mulaw")[:-8000], "the header announces 32000 bytes of samples (2.000"),
        (lambda: ours()[:34] + b"\x03" + ours()[35:], "the header says samples of 3 bits"),
    ],
)
def test_what_is_wrong_with_a_header_is_told(
    tmp_path: Path, make: Callable[[], bytes], words: str
) -> None:
    path = tmp_path / "odd.wav"
    path.write_bytes(make())
    assert any(words in note for note in read_recording(path).notes)
    found = verify(path)
    assert found.kinds == ["header"]
    assert words in found.failures[0].words


def test_a_byte_that_only_fills_up_is_no_defect(tmp_path: Path) -> None:
    path = tmp_path / "odd.wav"
    head = ffmpeg("pcm_mulaw")
    at = head.index(b"data")
    form = struct.pack("<HHIIHH", 7, 1, 8000, 8000, 1, 8)
    path.write_bytes(
        head[:12] + b"fmt \x10\0\0\0" + form + b"data\x65\0\0\0" + head[at + 8 :][:101] + b"\0"
    )
    assert not verify(path).failures


def mutated(data: bytes, draw: np.random.Generator) -> bytes:
    """Some bytes changed, taken out, repeated or put in, most of them near the beginning."""
    found = bytearray(data)
    for _ in range(int(draw.integers(1, 6))):
        near = int(draw.integers(1, len(found))) if draw.random() < 0.4 else min(60, len(found))
        at = int(draw.integers(0, near))
        size = int(draw.integers(1, 9))
        match int(draw.integers(0, 5)):
            case 0:
                found[at : at + size] = draw.bytes(size)
            case 1:
                del found[at : at + size]
            case 2:
                found[at:at] = found[at : at + 8 * size]
            case 3:
                del found[int(draw.integers(0, len(found))) :]
            case _:
                found[at : at + 4] = draw.choice([b"\xff" * 4, b"\x00" * 4, b"\x00\x00\x00\x80"])
        if len(found) < 2:
            break
    return bytes(found)


def all_of(path: Path, truth: Path | None, out: Path) -> Iterator[str]:
    """What each command says of a file; its own errors are sentences too."""
    commands: tuple[Callable[[], str], ...] = (
        lambda: str(len(load_clip(path))),
        lambda: json.dumps(analysis_json(analyse(read_recording(path, truth)))),
        lambda: verification_text(verify(path, truth=truth)),
        lambda: str(break_file(path, [parse_fault("gap")], out, seed=1)),
    )
    for command in commands:
        try:
            yield command()
        except (AudioFileError, AnalysisError, FaultError, TruthDocumentError) as error:
            yield str(error)


@pytest.mark.parametrize(
    "name", ["ours.wav", "extensible.wav", "ulaw.wav", "ours.mp3", "adpcm.wav"]
)
def test_a_mutated_file_is_read_or_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    if name.startswith("ours"):
        data = ours() if name == "ours.wav" else encode_mp3(SOUND, 32_000)
    else:
        data = AS_OTHERS_WRITE_THEM[name][0]()
    path = tmp_path / name
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(times(60, 300)):
            path.write_bytes(mutated(data, Seeds(number).generator(name)))
            for said in all_of(path, None, tmp_path / "out.wav"):
                assert said


def test_a_mutated_truth_is_read_or_refused_in_a_sentence(tmp_path: Path) -> None:
    path = written(tmp_path)
    truth = path.with_suffix(".truth.json")
    data = truth.read_bytes()
    for number in range(times(60, 300)):
        draw = Seeds(number).generator("truth")
        truth.write_bytes(mutated(data, draw) if number % 2 else odd_values(data, draw))
        for said in all_of(path, truth, tmp_path / "out.wav"):
            assert said


ODD: Final[list[Any]] = [
    *(None, True, -1, 0.5, 1e300, 1 << 70, -(1 << 40)),
    *("x", "1", [], {}, [None]),
]


def odd_values(data: bytes, draw: np.random.Generator) -> bytes:
    """A truth of the right shape with a value or two of the wrong kind."""
    document = json.loads(data)
    for _ in range(int(draw.integers(1, 3))):
        part = document
        while True:
            keys = list(part) if isinstance(part, dict) else list(range(len(part)))
            if not keys:
                break
            key = keys[int(draw.integers(0, len(keys)))]
            inner = part[key]
            if isinstance(inner, dict | list) and inner and draw.random() < 0.9:
                part = inner
                continue
            odd: list[Any] = [
                None,
                -1,
                1 << 70,
                1e300,
                "x",
                [],
                {},
                True,
                0.5,
                [None],
                "1",
                -(1 << 40),
            ]
            part[key] = odd[int(draw.integers(0, len(odd)))]
            break
    return json.dumps(document).encode()
