"""A script's steps, each by what it leaves in the recording."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import mediasim
from mediasim.audio.dtmf import DtmfDetector
from mediasim.audio.g711 import ulaw_decode, ulaw_encode
from mediasim.audio.levels import rms_dbfs
from mediasim.audio.tones import tone
from mediasim.audio.wav import write_wav

Samples = NDArray[np.int16]
Script = list[Any]

PATH = 5 / 50
"""Seconds from when a word is said to when the server has it; both ways it takes about 200 ms."""
REACTION = 10 / 50


def run(
    directory: Path, ann: Script, bob: Script | None = None, *, rings: str = "0s"
) -> mediasim.Result:
    """Ann calls bob; the recording starts when he answers, as a rule at once."""
    scenario = {
        "parties": {"ann": {"script": ann}, "bob": {"script": bob or []}},
        "call": {"from": "ann", "to": "bob", "answer": {"after": rings}, "recording": "dual"},
    }
    return mediasim.simulate(scenario, directory=directory)


def sides(directory: Path, ann: Script, bob: Script | None = None) -> Samples:
    """(2, samples) from when the first words could be heard."""
    pcm = run(directory, ann, bob).recording().pcm
    return pcm[:, round(PATH * 8000) :]


def line(pcm: Samples) -> Samples:
    """As it comes out of a telephone line."""
    return ulaw_decode(ulaw_encode(pcm))


def spoken(channel: Samples) -> list[tuple[float, float]]:
    """Where there is sound, in seconds; gaps of less than 100 ms do not count."""
    loud = np.flatnonzero(channel)
    if not len(loud):
        return []
    breaks = np.flatnonzero(np.diff(loud) > 800)
    starts, ends = [loud[0], *loud[breaks + 1]], [*loud[breaks], loud[-1]]
    return [
        (round(float(a) / 8000, 2), round(float(b + 1) / 8000, 2))
        for a, b in zip(starts, ends, strict=True)
    ]


def beep(hz: float, length: str = "1s", **more: Any) -> dict[str, Any]:
    return {"tone": {"hz": hz, "for": length, **more}}


# -- sounds ---------------------------------------------------------------------------------


def test_steps_follow_one_another_to_the_sample(tmp_path: Path) -> None:
    script = [beep(400, "500ms"), {"pause": "250ms"}, beep(600, "300ms", level=-20)]
    ann, bob = sides(tmp_path, script)
    assert np.array_equal(ann[:4000], line(tone([400.0], 4000, -12.0)))
    assert not ann[4000:6000].any()
    assert np.array_equal(ann[6000:8400], line(tone([600.0], 2400, -20.0)))
    assert not ann[8400:].any()
    assert not bob.any()


def test_a_tone_of_several_frequencies_is_as_loud_as_asked(tmp_path: Path) -> None:
    ann, _ = sides(tmp_path, [{"tone": {"hz": [350, 440], "for": "1s", "level": -15}}])
    assert np.array_equal(ann[:8000], line(tone([350.0, 440.0], 8000, -15.0)))
    assert rms_dbfs(ann[400:7600]) == pytest.approx(-15, abs=0.5)


@pytest.mark.parametrize("kind", ["white", "pink", "babble"])
def test_noise_is_of_its_length_and_level_and_another_each_time(tmp_path: Path, kind: str) -> None:
    step = {"noise": {"kind": kind, "for": "1s", "level": -25}}
    ann, bob = sides(tmp_path, [step, step], [step])
    assert rms_dbfs(ann[:8000]) == pytest.approx(-25, abs=1.5)
    assert not ann[16000:].any()
    first, second, other = ann[:8000], ann[8000:16000], bob[:8000]
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_file_is_played_as_it_is_and_at_a_level(tmp_path: Path) -> None:
    pcm = tone([500.0], 4000, -9.0)
    write_wav(tmp_path / "clip.wav", pcm[None])
    file = str(tmp_path / "clip.wav")
    ann, _ = sides(tmp_path / "run", [{"play": file}, {"play": {"file": file, "level": -30}}])
    assert np.array_equal(ann[:4000], line(pcm))
    assert rms_dbfs(ann[4000:8000]) == pytest.approx(-30, abs=0.5)
    assert not ann[8000:].any()


def test_words_are_spoken_and_the_next_step_waits_for_them(tmp_path: Path) -> None:
    result = run(tmp_path, [{"say": "Hello there."}, beep(400, "300ms"), {"say": "Bye."}])
    truth = result.recording().truth
    assert truth is not None
    intervals = truth.channels[0].intervals
    assert [it.text for it in intervals] == ["Hello there.", "400 Hz", "Bye."]
    assert [a.end for a in intervals[:2]] == [b.start for b in intervals[1:]]


def test_at_holds_a_step_back_and_does_not_put_it_forward(tmp_path: Path) -> None:
    script = [beep(400, "1s", at="2s"), beep(500, "500ms", at="1s"), beep(600, "500ms", at="5s")]
    ann, _ = sides(tmp_path, script)
    assert spoken(ann) == [(2.0, 3.5), (5.0, 5.5)]


def test_repeat_does_it_again(tmp_path: Path) -> None:
    script = [{"repeat": {"times": 3, "steps": [beep(400, "200ms"), {"pause": "300ms"}]}}]
    ann, _ = sides(tmp_path, script)
    assert spoken(ann) == [(0.0, 0.2), (0.5, 0.7), (1.0, 1.2)]


def test_together_adds_up_and_goes_on_after_the_longest(tmp_path: Path) -> None:
    lines = [[beep(400, "1s", level=-20)], [{"pause": "500ms"}, beep(600, "1s", level=-20)]]
    ann, _ = sides(tmp_path, [{"together": lines}, beep(700, "100ms")])
    total = np.zeros(12000, np.int32)
    total[:8000] += tone([400.0], 8000, -20.0)
    total[4000:] += tone([600.0], 8000, -20.0)
    assert np.array_equal(ann[:12000], line(total.astype(np.int16)))
    assert np.array_equal(ann[12000:12800], line(tone([700.0], 800, -12.0)))


def test_mute_silences_what_is_said_and_time_goes_on(tmp_path: Path) -> None:
    script = [beep(400), "mute", beep(500), "unmute", beep(600)]
    ann, _ = sides(tmp_path, script)
    assert spoken(ann) == [(0.0, 1.0), (2.0, 3.0)]
    assert np.array_equal(ann[16000:24000], line(tone([600.0], 8000, -12.0)))


# -- keys -----------------------------------------------------------------------------------


def test_keys_in_band_are_tones_of_their_length(tmp_path: Path) -> None:
    dtmf = {"digits": "159#", "in_band": True, "tone": "80ms", "gap": "120ms"}
    ann, _ = sides(tmp_path, [{"dtmf": dtmf}, beep(400, "100ms")])
    hits = list(DtmfDetector(start=0).feed(ann))
    assert "".join(hit.digit for hit in hits) == "159#"
    assert np.flatnonzero(ann)[0] < 10
    assert np.array_equal(ann[6400:7200], line(tone([400.0], 800, -12.0)))


def test_keys_as_events_are_not_heard(tmp_path: Path) -> None:
    result = run(tmp_path, [{"dtmf": "42"}, beep(400, "100ms")])
    ann = result.recording().pcm[0]
    digits = [event.text for event in result.events if event.kind == "dtmf"]
    assert digits == ["ann pressed 4", "ann pressed 2"]
    assert len(spoken(ann)) == 1
    assert spoken(ann)[0][0] >= 0.4 + PATH


# -- waiting --------------------------------------------------------------------------------


def test_it_waits_until_the_other_has_stopped(tmp_path: Path) -> None:
    wait = {"wait_for": {"quiet": "600ms"}}
    ann, bob = sides(tmp_path, [wait, beep(400)], [beep(500, "2s"), {"pause": "3s"}])
    assert spoken(bob) == [(0.0, 2.0)]
    ((start, _),) = spoken(ann)
    # There, 600 ms of quiet, and the time it takes to react; what is said comes back.
    assert start == pytest.approx(2.0 + PATH + 0.6 + REACTION, abs=0.13)
    other = sides(tmp_path / "2", [{"wait_for": "other-stops"}, beep(400)], [beep(500, "2s")])
    assert spoken(other[0])[0][0] == start


def test_it_waits_for_the_start_of_speech(tmp_path: Path) -> None:
    script = [{"wait_for": {"speech": True}}, beep(400)]
    ann, _ = sides(tmp_path, script, [{"pause": "3s"}, beep(500, "2s")])
    assert spoken(ann)[0][0] == pytest.approx(3.0 + PATH + 0.06 + REACTION, abs=0.13)


def test_the_ringing_before_the_answer_is_nobody_speaking(tmp_path: Path) -> None:
    script = [{"wait_for": {"speech": True}}, beep(400)]
    result = run(tmp_path, script, [{"pause": "3s"}, beep(500, "2s")], rings="1s")
    assert spoken(result.recording().pcm[0])[0][0] > 3.0


@pytest.mark.parametrize("in_band", [True, False])
def test_it_waits_for_a_key_of_the_other(tmp_path: Path, in_band: bool) -> None:
    keys = [{"pause": "1s"}, {"dtmf": {"digits": "13", "in_band": in_band}}, {"pause": "2s"}]
    ann, _ = sides(tmp_path, [{"wait_for": {"digit": "23"}}, beep(400)], keys)
    ((start, _),) = spoken(ann)
    assert 1.2 + REACTION < start < 1.2 + REACTION + 0.5


def test_it_waits_for_events_of_scripts_and_of_the_exchange(tmp_path: Path) -> None:
    script = [{"wait_for": {"event": "ready"}}, beep(400, "500ms")]
    script += [{"wait_for": {"event": "call.answered"}}, beep(500, "500ms")]
    ann, _ = sides(tmp_path, script, [{"pause": "1500ms"}, {"emit": "ready"}, {"pause": "2s"}])
    assert spoken(ann) == [(1.5, 2.5)]


def test_it_waits_for_a_time_of_the_call(tmp_path: Path) -> None:
    script = [beep(400), {"wait_for": {"time": "2s"}}, beep(500), {"wait_for": {"time": "1s"}}]
    ann, _ = sides(tmp_path, [*script, beep(600)])
    assert spoken(ann) == [(0.0, 1.0), (2.0, 4.0)]


@pytest.mark.parametrize(
    "wanted", [{"speech": True}, {"digit": "1"}, {"event": "call.busy"}, {"quiet": "1s"}]
)
def test_a_timeout_ends_any_wait(tmp_path: Path, wanted: dict[str, Any]) -> None:
    script = [beep(400), {"wait_for": {**wanted, "timeout": "1500ms"}}, beep(500)]
    ann, _ = sides(tmp_path, script, [{"pause": "6s"}])
    assert spoken(ann) == [(0.0, 1.0), (2.5, 3.5)]


# -- the call -------------------------------------------------------------------------------


def test_hang_up_ends_the_call_and_its_last_word_is_kept(tmp_path: Path) -> None:
    result = run(tmp_path, [beep(400, "1s"), "hangup", beep(500)], [{"pause": "60s"}])
    ann = result.recording().pcm[0]
    assert len(ann) == round((1 + PATH) * 8000)
    assert np.array_equal(ann[-8000:], line(tone([400.0], 8000, -12.0)))


def test_hold_and_resume_are_of_their_moment(tmp_path: Path) -> None:
    script = [beep(400), "hold", {"pause": "2s"}, "resume", beep(500)]
    result = run(tmp_path, script, [{"pause": "5s"}])
    at = {event.kind: event.at_ns / 1e9 for event in result.events}
    assert (at["call.held"], at["call.resumed"]) == (1.0, 3.0)


def test_emit_tells_who(tmp_path: Path) -> None:
    result = run(tmp_path, [{"pause": "1s"}, {"emit": "ready"}])
    (event,) = [event for event in result.events if event.kind == "ready"]
    assert (event.at_ns, event.subject, event.text) == (10**9, "ann", "ann emits ready")
