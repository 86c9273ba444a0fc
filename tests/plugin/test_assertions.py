"""What can be asserted of a recording, and what is said when it does not hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mediasim.audio.wav import write_wav
from mediasim.testing import Mediasim, Recording, Simulated
from mediasim.testing.recording import text_waveform

ALICE = [{"say": "Hello Bob, this is Alice."}, {"wait_for": "other-stops"}, "hangup"]
BOB = [{"wait_for": "other-stops"}, {"say": "Good morning, Alice."}]


def a_call(mediasim: Mediasim, **recording: Any) -> Simulated:
    return mediasim.simulate(
        parties={"alice": {"script": ALICE}, "bob": {"script": BOB}},
        call={"from": "alice", "to": "bob", "recordings": [{"channels": "dual", **recording}]},
    )


@pytest.fixture
def recording(mediasim: Mediasim) -> Recording:
    return a_call(mediasim).recording()


def failure(recording: Recording, name: str, *args: Any, **keys: Any) -> list[str]:
    """The message's lines."""
    with pytest.raises(AssertionError) as failed:
        getattr(recording, f"assert_{name}")(*args, **keys)
    return str(failed.value).splitlines()


def test_a_good_recording_holds(recording: Recording) -> None:
    recording.assert_dual()
    recording.assert_aligned()
    recording.assert_aligned(within=0, party="bob")
    recording.assert_heard("alice", channel=1, text="this is alice", between=(0, 5))
    recording.assert_heard("bob", 2, "good morning", ("500ms", "20s"))
    recording.assert_silent(2, between=(0, "500ms"))
    recording.assert_no_crosstalk()
    recording.assert_downloads(channels=2)
    recording.assert_downloads(channels=1, format="mp3")
    recording.assert_downloads(channels=3, status=400)


def test_who_is_in_the_wrong_channel_is_shown_there(recording: Recording) -> None:
    lines = failure(recording, "heard", "alice", channel=2, text="this is alice")
    assert lines[:3] == [
        f"main {recording.sid}",
        "  expected heard: party alice, channel 2, text this is alice",
        "  found    alice is heard in channel 1 instead",
    ]
    one, pointer, two = lines[5:]
    assert one.startswith("  1 ")
    assert two.startswith("  2 ··········")
    assert "^ 0:00." in pointer
    assert "·" not in one[pointer.index("^") + 1 : pointer.index("^") + 5]


def test_what_is_said_where_silence_should_be(recording: Recording) -> None:
    lines = failure(recording, "silent", channel=1, between=(0, 2))
    assert lines[1] == "  expected silent: channel 1, between (0, 2), below -60.0 dBFS"
    assert "dBFS at its loudest, in channel 1" in lines[2]


def test_one_channel_is_not_dual(mediasim: Mediasim) -> None:
    mono = a_call(mediasim, channels="mono", track="inbound").recording()
    assert mono.pcm.shape[0] == 1
    lines = failure(mono, "dual")
    assert lines[2].startswith("  found    it has 1: ")
    assert failure(mono, "downloads", channels=2)[2].startswith("  found    400, ")
    mono.assert_downloads(channels=2, status=400)


def test_the_same_in_both_channels_is_not_dual(recording: Recording) -> None:
    pcm = recording.pcm
    write_wav(recording.path, np.stack((pcm[0], pcm[0])))
    assert failure(recording, "dual")[2] == "  found    both channels hold the same"


def test_a_late_channel_is_not_aligned_and_a_leak_is_crosstalk(recording: Recording) -> None:
    pcm = recording.pcm
    late = np.concatenate((np.zeros(160, np.int16), pcm[1, :-160]))
    write_wav(recording.path, np.stack((pcm[0], late)))
    assert "160 samples late (20.0 ms) in channel 2" in failure(recording, "aligned")[2]
    leak = pcm[1] + pcm[0] // 10
    write_wav(recording.path, np.stack((pcm[0], leak)))
    assert "into channel 2" in failure(recording, "no_crosstalk")[2]


def test_words_that_were_recorded_are_found(recording: Recording, tmp_path: Path) -> None:
    lines = failure(recording, "never_contains", "hello bob")
    assert lines[1] == "  expected nothing of 'hello bob'"
    assert "of alice's 'Hello Bob, this is Alice.' in channel 1" in lines[2]
    interval = recording.truth.channels[1].intervals[0]
    spoken = recording.pcm[1, interval.start : interval.end]
    assert "heard in channel 2" in failure(recording, "never_contains", spoken)[2]
    clip = tmp_path / "clip.wav"
    write_wav(clip, spoken[np.newaxis])
    assert "heard in channel 2" in failure(recording, "never_contains", clip)[2]


def test_what_nobody_said_cannot_be_looked_for(recording: Recording) -> None:
    with pytest.raises(ValueError, match="nobody says or presses 'card number'"):
        recording.assert_never_contains("card number")
    with pytest.raises(ValueError, match="not all of them silent"):
        recording.assert_never_contains(np.zeros(8000, np.int16))


@pytest.mark.parametrize("in_band", [True, False])
def test_keys_are_found_where_they_can_be_heard(mediasim: Mediasim, in_band: bool) -> None:
    keys = {"dtmf": {"digits": "41113333", "in_band": in_band}}
    run = mediasim.simulate(
        parties={
            "alice": {"script": [{"pause": "1s"}, keys, {"pause": "1s"}, "hangup"]},
            "bob": {},
        },
        call={"from": "alice", "to": "bob", "recordings": [{"channels": "dual"}]},
    )
    if in_band:
        found = failure(run.recording(), "never_contains", "4111 3333")[2]
        assert found == "  found    8 of its keys can be heard in channel 1"
    else:  # events leave no sound
        run.assert_never_contains("4111 3333")


def test_what_cannot_be_expected_is_told(recording: Recording) -> None:
    with pytest.raises(ValueError, match="channel: expected a whole number from 1 to 2"):
        recording.assert_heard("alice", channel=3)
    with pytest.raises(ValueError, match="between: expected the earlier time first"):
        recording.assert_silent(1, between=(5, 2))


def test_a_waveform_shows_a_long_recording_around_the_place() -> None:
    generator = np.random.default_rng(1)
    pcm = np.zeros((2, 60 * 8000), np.int16)
    pcm[1, 30 * 8000 : 32 * 8000] = generator.integers(-30000, 30000, 16000)
    lines = text_waveform(pcm, 30 * 8000, 2)
    assert lines[0].split() == ["0:20.000", "0:40.000"]
    assert set(lines[1][2:]) == {"·"}
    assert lines[2].count("█") in (6, 7)
    assert lines[3].index("^") in (lines[2].index("█"), lines[2].index("█") - 1)
    assert text_waveform(np.zeros((2, 0), np.int16)) == ["(it holds no samples)"]
