"""Invariant 2: on a clean network each clip stands exactly where it was said, to the sample."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import drawn_scenarios as drawn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from playing import QUIET, Played, Samples, after_codec, examples, path_samples, play, stands_at

SILENT = ("off", "silence")


def all_in_place(played: Played) -> None:
    for name in played.published:
        for channel, heard in zip(played.truth(name).channels, played.pcm(name), strict=True):
            elsewhere = np.ones(len(heard), np.bool_)
            for interval in channel.intervals:
                assert interval.start == interval.due or interval.party is None
                assert stands_at(heard, interval)
                elsewhere[interval.start : interval.end] = False
            assert np.abs(heard[elsewhere]).max(initial=0) <= QUIET
            assert not channel.adjustments


@examples(10)
@given(drawn.calls(clean=True, background=False, dtx=SILENT))
def test_every_clip_of_a_call_is_where_the_truth_says_and_nothing_else_is(
    scenario: dict[str, Any],
) -> None:
    all_in_place(play(scenario))


# -- held against the script alone: neither the truth nor any clip comes from the code ------

CLIP_MS = (40, 333, 1001)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Samples]:
    """Files of noise: path -> samples."""
    folder = tmp_path_factory.mktemp("clips")
    return {
        str(write_clip(folder / f"{length}.wav", pcm)): pcm
        for length in CLIP_MS
        for pcm in [np.random.default_rng(length).integers(-9000, 9000, 8 * length, np.int16)]
    }


def write_clip(path: Path, pcm: Samples) -> Path:
    with wave.open(str(path), "wb") as wav:
        wav.setparams((1, 2, 8000, 0, "NONE", ""))
        wav.writeframes(pcm.tobytes())
    return path


SPOKEN = st.lists(st.tuples(st.integers(0, 900), st.sampled_from(range(3))), max_size=4)
LINES = st.fixed_dictionaries(
    {
        "codec": st.sampled_from(["PCMU", "PCMA"]),
        "ptime": st.sampled_from([10, 20, 30, 40, 50, 60]),
        "dtx": st.sampled_from(SILENT),
        "delay": st.integers(0, 150),
        "buffer": st.sampled_from([20, 40, 60, 100, 200]),
        "spoken": SPOKEN,
    }
)


@examples(15)
@given(ann=LINES, bob=LINES, rings=st.integers(0, 60))
def test_the_whole_file_is_what_the_scripts_and_the_paths_make_of_it(
    ann: dict[str, Any], bob: dict[str, Any], rings: int, clips: dict[str, Samples]
) -> None:
    files = list(clips)
    lines = {"ann": ann, "bob": bob}
    scenario: dict[str, Any] = {
        "parties": {
            name: {
                **{key: line[key] for key in ("codec", "ptime", "dtx")},
                "network": {"delay": f"{line['delay']}ms", "jitter_buffer": f"{line['buffer']}ms"},
                "script": [
                    step
                    for pause, number in line["spoken"]
                    for step in ({"pause": f"{pause}ms"}, {"play": files[number]})
                ],
            }
            for name, line in lines.items()
        },
        "call": {"from": "ann", "to": "bob", "answer": f"{rings * 20}ms", "recording": "dual"},
    }
    pcm = play(scenario).pcm()
    for heard, line in zip(pcm, lines.values(), strict=True):
        expected = np.zeros(len(heard), np.int16)
        at = path_samples(ptime=line["ptime"], delay=line["delay"], buffer=line["buffer"])
        for pause, number in line["spoken"]:
            clip = after_codec(clips[files[number]], line["codec"])
            at += 8 * pause
            expected[at : at + len(clip)] = clip
            at += len(clip)
        assert at <= len(heard) or not line["spoken"]  # its last word is still recorded
        off = np.abs(heard.astype(np.int32) - expected)
        assert off[expected != 0].max(initial=0) == 0
        assert off.max(initial=0) <= QUIET
        if line["spoken"] and line["codec"] == "PCMU":
            assert np.corrcoef(heard, expected)[0, 1] == pytest.approx(1.0)
