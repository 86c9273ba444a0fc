from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mediasim.audio.levels import rms_dbfs
from mediasim.audio.tones import tone
from mediasim.audio.wav import AudioFileError, write_wav
from mediasim.parties.voices.catalogue import DEFAULT_VOICES
from mediasim.parties.voices.speech import Speaker
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.model.steps import Noise, Play, Say
from mediasim.scenario.running.sounds import GREETER, ScenarioSounds, sounds_of, voices_of
from mediasim.seeds import Seeds


def scenario(**parties: Any) -> Any:
    names = list(parties)
    return parse_scenario(
        {
            "parties": parties,
            "calls": [
                {"from": names[0], "to": names[1]},
                {"name": "post", "from": names[2], "voicemail": {"greeting": {"say": "Hi."}}},
            ],
        }
    )


SCRIPT = [
    {"say": "One."},
    {"repeat": {"times": 2, "steps": [{"say": {"text": "Two.", "voice": "babble"}}]}},
    {"together": [[{"pause": "1s"}], [{"say": "Three."}]]},
]


def sounds(base: Path, seed: int = 1) -> ScenarioSounds:
    return ScenarioSounds(Seeds(seed), Speaker(), base)


def test_voices_are_a_party_s_own_or_that_of_its_place() -> None:
    found = voices_of(scenario(ann={}, bob={"voice": "babble"}, cleo={}))
    assert found == {"ann": DEFAULT_VOICES[0], "bob": "babble", "cleo": DEFAULT_VOICES[2]}


def test_everything_that_may_be_said_is_found_in_the_order_of_the_file() -> None:
    found = list(sounds_of(scenario(ann={"script": SCRIPT}, bob={"script": SCRIPT[:1]}, cleo={})))
    said = [(it.step.text, it.voice) for it in found if isinstance(it.step, Say)]
    ann, bob = DEFAULT_VOICES[:2]
    assert said == [("One.", ann), ("Two.", ann), ("Three.", ann), ("One.", bob), ("Hi.", GREETER)]
    places = [".".join(str(each) for each in it.location) for it in found]
    assert places[:3] == [
        "parties.ann.script.0.say",
        "parties.ann.script.1.repeat.steps.0.say",
        "parties.ann.script.2.together.lines.1.0.say",
    ]
    assert places[-1] == "calls.1.voicemail.greeting.say"


def test_words_have_the_level_asked_for_and_the_voice_of_the_step(tmp_path: Path) -> None:
    made = sounds(tmp_path)
    plain, digest, _ = made.clip(Say(text="Good morning to you all."), DEFAULT_VOICES[0])
    quiet, _, _ = made.clip(Say(text="Good morning to you all.", level=-40.0), DEFAULT_VOICES[0])
    own, other = (
        made.clip(Say(text="Good morning.", voice=DEFAULT_VOICES[1]), voice)[1]
        for voice in DEFAULT_VOICES[:2]
    )
    assert rms_dbfs(plain) - rms_dbfs(quiet) == pytest.approx(20, abs=0.5)
    assert digest
    assert own == other


def test_a_file_is_read_once_and_named_by_its_samples(tmp_path: Path) -> None:
    pcm = tone([500.0], 4000, -9.0)
    write_wav(tmp_path / "one.wav", pcm[None])
    write_wav(tmp_path / "copy.wav", pcm[None])
    made = sounds(tmp_path)
    one, digest, _ = made.clip(Play(file=Path("one.wav")), "babble")
    assert np.array_equal(one, pcm)
    assert made.clip(Play(file=Path("copy.wav")), "babble")[1] == digest
    quiet, other, _ = made.clip(Play(file=Path("one.wav"), level=-30.0), "babble")
    assert rms_dbfs(quiet) == pytest.approx(-30, abs=0.2)
    assert other != digest
    (tmp_path / "one.wav").unlink()
    assert made.clip(Play(file=Path("one.wav")), "babble")[0] is one


def test_a_file_that_is_no_audio_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_text("no audio")
    with pytest.raises(AudioFileError, match=r"bad\.wav"):
        sounds(tmp_path).clip(Play(file=Path("bad.wav")), "babble")


def test_noise_is_the_seed_s_and_its_label_s(tmp_path: Path) -> None:
    step = Noise.model_validate({"kind": "white", "for": "500ms", "level": -30})
    one = sounds(tmp_path).noise(step, "main/ann/1")
    assert len(one) == 4000
    assert rms_dbfs(one) == pytest.approx(-30, abs=0.5)
    assert np.array_equal(one, sounds(tmp_path).noise(step, "main/ann/1"))
    assert not np.array_equal(one, sounds(tmp_path).noise(step, "main/ann/2"))
    assert not np.array_equal(one, sounds(tmp_path, seed=2).noise(step, "main/ann/1"))
