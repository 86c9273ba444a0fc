"""Every fault of the gallery: what it does, what the truth says of it, and that it is found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from calls import Samples, call, written

from mediasim.audio.wav import read_wav
from mediasim.seeds import Seeds
from mediasim.truth.faults.breaking import break_file, break_samples
from mediasim.truth.faults.gallery import GALLERY
from mediasim.truth.faults.material import FaultError
from mediasim.truth.faults.order import gallery_text, parse_fault
from mediasim.truth.verify.judge import EXIT_CODES, verification_text
from mediasim.truth.verify.picture import picture_svg
from mediasim.truth.verify.verify import verify, verify_in_full


def broken(pcm: Samples, *texts: str, seed: int = 1) -> Samples:
    found = break_samples(pcm, [parse_fault(text) for text in texts], Seeds(seed))
    return np.frombuffer(found.wav[44:], "<i2").reshape(-1, len(pcm)).T


@pytest.mark.parametrize("name", GALLERY)
def test_each_is_found_for_what_it_is(tmp_path: Path, name: str) -> None:
    out = tmp_path / "broken.wav"
    break_file(written(tmp_path, 11), [parse_fault(name)], out, seed=4)
    result = verify_in_full(out)
    found = result.found
    fault = GALLERY[name]
    assert set(found.kinds) & set(fault.shows_as)
    assert set(found.kinds) <= {*fault.shows_as, *fault.also}
    assert found.exit_code == EXIT_CODES[found.kinds[0]]
    assert f"broken on purpose: {name}" in verification_text(found)
    json.dumps(found.to_json(), allow_nan=False)
    assert picture_svg(result).startswith("<svg")


def test_swapped() -> None:
    pcm, _, _ = call(1)
    assert np.array_equal(broken(pcm, "swapped"), pcm[::-1])
    assert np.array_equal(broken(pcm, "swapped", "swapped"), pcm)


def test_the_mix_is_on_both() -> None:
    pcm, _, _ = call(1)
    both = broken(pcm, "mix-on-both")
    assert np.array_equal(both[0], both[1])
    assert np.array_equal(both[0], pcm.sum(axis=0))


def test_a_channel_dies_when_it_is_told_to() -> None:
    pcm, _, _ = call(1)
    dead = broken(pcm, "dead-channel:2@1")
    assert not dead[0, 16_000:].any()
    assert np.array_equal(dead[0, :16_000], pcm[0, :16_000])
    assert np.array_equal(dead[1], pcm[1])


def test_phantom_silence_makes_the_file_longer_by_its_share() -> None:
    pcm, _, _ = call(1)
    longer = broken(pcm, "phantom-silence:10")
    seconds = pcm.shape[1] // 8000
    assert longer.shape[1] == pcm.shape[1] + 800 * seconds
    assert np.abs(longer.astype(np.int64)).sum() == np.abs(pcm.astype(np.int64)).sum()


def test_glued_loses_pauses_and_nothing_else() -> None:
    pcm, _, _ = call(1)
    glued = broken(pcm, "glued@1")
    assert glued.shape == pcm.shape
    assert np.count_nonzero(glued[0]) >= 0.99 * np.count_nonzero(pcm[0])
    assert np.flatnonzero(glued[0])[-1] < np.flatnonzero(pcm[0])[-1] - 4000
    assert np.array_equal(glued[1], pcm[1])


def test_the_late_leg_stands_first_and_a_tail_is_lost() -> None:
    pcm, _, _ = call(1)
    first = broken(pcm, "late-leg-first")
    assert np.abs(first[1, :80]).max() > 0
    assert broken(pcm, "lost-tail:250").shape[1] == pcm.shape[1] - 2000


def test_a_hold_is_in_neither_channel() -> None:
    pcm, _, _ = call(1)
    held = broken(pcm, "hold-not-recorded:1@1")
    assert held.shape[1] == pcm.shape[1] - 8000
    assert np.count_nonzero(held[0]) == np.count_nonzero(pcm[0])


def test_dropped_frames_are_drawn_from_the_seed() -> None:
    pcm, _, _ = call(1)
    one, same, other = (broken(pcm, "dropped-frames:3", seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert np.array_equal(one[0], pcm[0])
    assert not one[1, -480:].any()


def test_headers() -> None:
    pcm, _, _ = call(1)
    empty = break_samples(pcm, [parse_fault("header-only")], Seeds(1)).wav
    assert len(empty) == 44
    wrong = break_samples(pcm, [parse_fault("wrong-length:50"), parse_fault("swapped")], Seeds(1))
    assert int.from_bytes(wrong.wav[40:44], "little") * 2 == pytest.approx(
        len(wrong.wav) - 44, abs=8
    )
    assert [it["fault"] for it in wrong.faults] == ["swapped", "wrong-length"]


def test_several_add_up_and_the_truth_says_where(tmp_path: Path) -> None:
    path, out = written(tmp_path, 12), tmp_path / "out" / "broken.wav"
    out.parent.mkdir()
    orders = [parse_fault(text) for text in ("late:100@1", "lost-tail", "click-at-end")]
    files = break_file(path, orders, out, seed=9)
    truth = json.loads(files.truth.read_text())
    samples = read_wav(path).pcm.shape[1]
    assert [it["fault"] for it in truth["faults"]] == ["late", "lost-tail", "click-at-end"]
    late, tail, click = (it["places"][0] for it in truth["faults"])
    assert late == {"channel": 1, "start": 0, "end": samples, "moved": 800}
    assert (tail["start"], tail["end"]) == (samples - 4000, samples)
    assert (click["start"], click["end"]) == (samples - 4160, samples - 4000)
    assert truth["channels"] == json.loads(path.with_suffix(".truth.json").read_text())["channels"]
    path.with_suffix(".truth.json").unlink()
    assert {"misaligned", "truncated", "click"} <= set(verify(out).kinds)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("swaped", "did you mean swapped"),
        ("swapped:3", "takes no value"),
        ("swapped@1", "the whole recording"),
        ("drift:9000", "expected drift:-5000 to drift:5000 (ppm)"),
        ("late 20", "expected a fault as NAME"),
    ],
)
def test_what_cannot_be_asked_for(text: str, says: str) -> None:
    with pytest.raises(FaultError) as error:
        parse_fault(text)
    assert says in str(error.value)


def test_what_cannot_befall_a_recording(tmp_path: Path) -> None:
    mono = np.zeros((1, 8000), np.int16)
    for text, says in [
        ("swapped", "two channels"),
        ("late:20@2", "no channel 2"),
        ("glued", "nothing is heard in channel 1"),
        ("lost-tail:2000", "nothing would be left"),
        ("dead-channel:9", "has ended before 9 s"),
    ]:
        with pytest.raises(FaultError, match=says):
            break_samples(mono, [parse_fault(text)], Seeds(1))
    path = written(tmp_path)
    with pytest.raises(FaultError, match="another name"):
        break_file(path, [parse_fault("swapped")], path)


def test_the_list_names_them_all() -> None:
    assert all(name in gallery_text() for name in GALLERY)
