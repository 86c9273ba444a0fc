"""What a telephone makes of what its party says, in the recording and in its truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from numpy.typing import NDArray

from mediasim import simulate
from mediasim.audio.levels import rms_dbfs
from mediasim.documents.diagnostics import ScenarioError
from mediasim.net.telephone_line import TelephoneLine
from mediasim.parties.telephone_line import SendingPath
from mediasim.sandbox.config import parse_config
from mediasim.scenario.running.simulate import Result
from mediasim.seeds import Seeds
from mediasim.truth.documents import truth_path
from mediasim.truth.measure import find_offset
from mediasim.truth.verify.verify import verify

Samples = NDArray[np.int16]

HISS: Final = {"noise": {"for": "4s", "level": -20}}
SPOKEN: Final = {"say": "Hello, I would like to order a lamp."}
QUIET: Final = {"kind": "telephone", "level": -20, "noise": "none"}


def called(folder: Path, *script: Any, seed: int = 1, expect: Any = (), **ann: Any) -> Result:
    """A call from ann, who says something after a second, to bob, who listens and answers."""
    bob = [{"wait_for": "other-stops"}, {"pause": "1s"}, {"say": "Which one would you like?"}]
    scenario = {
        "parties": {"ann": {**ann, "script": [{"pause": "1s"}, *script]}, "bob": {"script": bob}},
        "call": {"from": "ann", "to": "bob", "answer": "0s", "recording": "dual"},
        "expect": list(expect),
    }
    return simulate(scenario, seed=seed, directory=folder)


def truth_of(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(truth_path(result.recording().path).read_text("utf-8"))
    return found


def line_of(result: Result) -> dict[str, Any]:
    (line,) = truth_of(result)["channels"][0]["lines"]
    assert line.pop("party") == "ann"
    return dict(line)


def said(result: Result) -> Samples:
    """What is recorded of the first thing that ann says."""
    truth = result.recording().truth
    assert truth is not None
    first = truth.channels[0].intervals[0]
    heard: Samples = result.recording().pcm[0][first.start : first.end]
    return heard


def pause(result: Result) -> Samples:
    """What is recorded of ann before she says something."""
    truth = result.recording().truth
    assert truth is not None
    heard: Samples = result.recording().pcm[0][2400 : truth.channels[0].intervals[0].start]
    return heard


def density(pcm: Samples, low: int, high: int) -> float:
    """Power per Hertz between two frequencies, in dB."""
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))) ** 2
    hertz = np.fft.rfftfreq(len(pcm), 1 / 8000)
    return 10 * float(np.log10(spectrum[(hertz >= low) & (hertz < high)].mean()))


# -- the line -------------------------------------------------------------------------------------


def test_a_clean_line_changes_no_byte(tmp_path: Path) -> None:
    called(tmp_path / "without", SPOKEN, noise=-50)
    called(tmp_path / "clean", SPOKEN, noise=-50, line="clean")
    names = [
        path.relative_to(tmp_path / "without")
        for path in sorted((tmp_path / "without").rglob("*"))
        if path.parent.name in ("recordings", "references")
    ]
    assert len(names) == 4
    for name in names:
        assert (tmp_path / "clean" / name).read_bytes() == (
            tmp_path / "without" / name
        ).read_bytes()
    assert b'"lines"' not in b"".join((tmp_path / "clean" / name).read_bytes() for name in names)


def test_what_is_sent_is_between_300_and_3400_hertz(tmp_path: Path) -> None:
    result = called(tmp_path, HISS, line=QUIET)
    heard = said(result)
    inside = density(heard, 310, 3390)
    assert density(heard, 310, 600) == pytest.approx(inside, abs=0.6)
    assert density(heard, 3000, 3390) == pytest.approx(inside, abs=0.6)
    truth = result.recording().truth
    assert truth is not None
    sent = truth.channels[0].intervals[0].pcm
    for low, high in ((0, 200), (3500, 4000)):
        assert density(heard, low, high) < inside - 30  # the codec's own noise
        assert density(sent, low, high) < inside - 45
    assert rms_dbfs(sent) == pytest.approx(-20 + 10 * np.log10(3100 / 4000), abs=0.3)


@pytest.mark.parametrize("level", [-35.0, -28.0, -15.0])
def test_speech_is_sent_at_the_level_of_the_line(tmp_path: Path, level: float) -> None:
    plain = called(tmp_path / "plain", SPOKEN, line=QUIET)
    result = called(tmp_path / "line", SPOKEN, line={**QUIET, "level": level})
    assert line_of(result)["level_dbfs"] == level
    assert rms_dbfs(said(result)) - rms_dbfs(said(plain)) == pytest.approx(level + 20, abs=0.3)


def test_sums_are_exact_in_any_order() -> None:
    path = SendingPath("telephone", -15.0, "none", None)
    pcm = np.random.default_rng(1).integers(-32768, 32768, 700).astype(np.int16)
    at_once = path.sent(pcm)
    assert len(at_once) == 700
    turned = path.sent(pcm[::-1])[::-1]  # each sum from its other end
    np.testing.assert_array_equal(at_once, turned)
    assert not len(path.sent(pcm[:0]))
    assert len(path.sent(pcm[:3])) == 3


# -- what is drawn --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["telephone", "mobile"])
def test_the_seed_draws_what_the_line_leaves_open(kind: str) -> None:
    line = TelephoneLine.model_validate(kind)
    drawn = [SendingPath.of(line, Seeds(seed)) for seed in range(60)]
    assert drawn == [SendingPath.of(line, Seeds(seed)) for seed in range(60)]
    levels = [path.level_dbfs for path in drawn if path is not None]
    assert -35 <= min(levels) < -33
    assert -17 < max(levels) <= -15
    low, high, noises = {
        "telephone": (-70, -55, {"white"}),
        "mobile": (-65, -52, {"babble", "street"}),
    }[kind]
    found = [path.noise_dbfs for path in drawn if path is not None and path.noise_dbfs is not None]
    assert len(found) == 60
    assert all(low <= level <= high for level in found)
    assert {path.noise for path in drawn if path is not None} == noises


def test_what_is_given_moves_nothing_that_is_drawn() -> None:
    drawn = SendingPath.of(TelephoneLine(kind="mobile"), Seeds(5))
    given = SendingPath.of(TelephoneLine(kind="mobile", level=-20.0), Seeds(5))
    assert drawn is not None
    assert given is not None
    assert (given.noise, given.noise_dbfs) == (drawn.noise, drawn.noise_dbfs)


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    runs = [
        called(tmp_path / str(number), SPOKEN, seed=seed, line="mobile")
        for number, seed in enumerate((3, 3, 4))
    ]
    one, again, other = (run.recording().path.read_bytes() for run in runs)
    assert one == again != other
    assert line_of(runs[0]) == line_of(runs[1]) != line_of(runs[2])


# -- noise ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", ["white", "pink", "babble", "street"])
def test_noise_is_there_all_the_time_at_its_level_in_the_band(tmp_path: Path, noise: str) -> None:
    line = {"kind": "telephone", "noise": noise, "noise_level": -52}
    result = called(tmp_path, {"pause": "9s"}, SPOKEN, line=line)
    heard = pause(result)
    assert rms_dbfs(heard) == pytest.approx(-52, abs=1)
    frames = [rms_dbfs(heard[at : at + 1600]) for at in range(0, len(heard) - 1600, 1600)]
    assert min(frames) > -62
    assert density(heard, 310, 3390) > density(heard, 0, 200) + 8  # mu-law's noise is near
    assert (line_of(result)["noise"], line_of(result)["noise_dbfs"]) == (noise, -52)
    assert truth_of(result)["channels"][0]["background_dbfs"] == -52


def test_the_noise_of_the_room_passes_the_line_too(tmp_path: Path) -> None:
    result = called(tmp_path, {"pause": "4s"}, SPOKEN, line=QUIET, noise=-40)
    assert rms_dbfs(pause(result)) == pytest.approx(-40, abs=0.5)
    assert density(pause(result), 310, 3390) > density(pause(result), 0, 200) + 20
    assert truth_of(result)["channels"][0]["background_dbfs"] == -40


def test_who_sends_nothing_while_silent_sends_no_noise(tmp_path: Path) -> None:
    result = called(tmp_path, SPOKEN, line="mobile", dtx="silence")
    assert not pause(result).any()
    assert (line_of(result)["noise"], line_of(result)["noise_dbfs"]) == ("none", None)
    assert truth_of(result)["channels"][0]["background_dbfs"] is None
    line = {"kind": "telephone", "noise_level": -45}
    announced = called(tmp_path / "announced", SPOKEN, line=line, dtx="comfort-noise")
    truth = announced.recording().truth
    assert truth is not None
    made_up = truth.channels[0].concealed[-1]
    heard = announced.recording().pcm[0][made_up.start : made_up.end]
    assert rms_dbfs(heard) == pytest.approx(-45, abs=1)


# -- truth, verify, expectations ------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_without_noise_every_sample_is_what_the_truth_says(tmp_path: Path, codec: str) -> None:
    line = {"kind": "telephone", "level": -31, "noise": "none"}
    result = called(tmp_path, SPOKEN, HISS, line=line, codec=codec)
    found = verify(result.recording().path)
    assert found.ok
    assert not found.cannot_tell
    assert [channel.exact for channel in found.channels] == [1.0, 1.0]


@pytest.mark.parametrize("codec", ["PCMU", "G722", "OPUS"])
@pytest.mark.parametrize("kind", ["telephone", "mobile"])
def test_recordings_of_such_lines_are_as_they_should_be(
    tmp_path: Path, codec: str, kind: str
) -> None:
    expect = [
        {"aligned": {"party": "ann", "within": 0}},
        {"heard": {"party": "ann", "channel": 1, "text": "lamp"}},
        {"heard": {"party": "bob", "channel": 2}},
        {"no_crosstalk": -50},
    ]
    for seed in (1, 2):
        folder = tmp_path / str(seed)
        result = called(folder, SPOKEN, seed=seed, line=kind, codec=codec, expect=expect)
        assert result.ok, [verdict for verdict in result.verdicts if not verdict.ok]
        assert verify(result.recording().path).failures == []


def test_noise_is_no_silence_unless_that_is_said(tmp_path: Path) -> None:
    expect = [
        {"silent": {"channel": 1, "between": ["300ms", "900ms"]}},
        {"silent": {"channel": 1, "between": ["300ms", "900ms"], "below": -45}},
    ]
    line = {"kind": "telephone", "noise_level": -52}
    result = called(tmp_path, SPOKEN, line=line, expect=expect)
    assert [verdict.ok for verdict in result.verdicts] == [False, True]


def test_keys_are_the_telephones_own(tmp_path: Path) -> None:
    keys = {"dtmf": {"digits": "159#", "in_band": True}}
    plain = called(tmp_path / "plain", keys)
    result = called(tmp_path / "line", keys, line={**QUIET, "level": -35})
    np.testing.assert_array_equal(said(result), said(plain))


# -- as it is written -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("moblie", "did you mean 'mobile'"),
        ({"level": -20}, "write kind: telephone or mobile"),
        ({"kind": "clean", "noise": "street"}, "write kind: telephone or mobile"),
        ({"kind": "mobile", "noise": "none", "noise_level": -50}, "where there is no noise"),
        ({"kind": "mobile", "noise": "traffic"}, "street"),
        ({"kind": "mobile", "sidetone": -20}, "unknown key"),
        ({"kind": "mobile", "echo": "20ms"}, "expected 60ms to 500ms, or 0s for no echo"),
        ({"kind": "telephone", "echo_loss": 30}, "where there is no echo"),
        ({"echo": "120ms"}, "write kind: telephone or mobile"),
    ],
)
def test_what_is_no_line_is_refused(tmp_path: Path, line: object, words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        called(tmp_path, SPOKEN, line=line)


# -- echo and gain control ------------------------------------------------------------------------


def test_what_is_heard_comes_back_later_and_softer(tmp_path: Path) -> None:
    line = {**QUIET, "echo": "180ms", "echo_loss": 24}
    result = called(tmp_path / "echo", SPOKEN, {"wait_for": "other-stops"}, line=line)
    assert (line_of(result)["echo_ms"], line_of(result)["echo_loss_db"]) == (180, 24)
    truth = result.recording().truth
    assert truth is not None
    answer = truth.channels[1].intervals[0]
    ann, bob = result.recording().pcm
    clip = bob[answer.start : answer.end]
    back = find_offset(ann, clip, answer.start + 2400, 1600)
    assert back is not None
    # It has gone to the telephone and back as well, through two jitter buffers.
    assert 180 < (back.offset - answer.start) / 8 < 420
    assert back.gain_db == pytest.approx(-24, abs=2)
    assert not ann[answer.start : answer.start + 180 * 8].any()
    found = verify(result.recording().path)
    assert found.ok, found.failures
    assert any("its telephone's echo" in words for words in found.cannot_tell)
    without = called(
        tmp_path / "none", SPOKEN, {"wait_for": "other-stops"}, line={**QUIET, "echo": "0s"}
    )
    assert line_of(without)["echo_ms"] is None
    assert not without.recording().pcm[0][answer.start :].any()


def test_gain_control_brings_speech_towards_the_level(tmp_path: Path) -> None:
    spoken = {"say": {"text": " ".join([SPOKEN["say"]] * 3), "level": -36}}
    plain = said(called(tmp_path / "plain", spoken, line=QUIET))
    same = called(tmp_path / "agc", spoken, line={**QUIET, "agc": 12})
    controlled = said(same)
    assert line_of(same)["agc_db"] == 12
    third = len(plain) // 3
    raised = [
        rms_dbfs(controlled[part]) - rms_dbfs(plain[part])
        for part in (np.s_[:third], np.s_[-third:])
    ]
    assert raised[0] < raised[1] == pytest.approx(12, abs=1)
    found = verify(same.recording().path)
    assert found.ok, found.failures
    assert found.channels[0].exact == 1.0


def test_a_networks_line_is_the_partys_unless_it_has_one(tmp_path: Path) -> None:
    own = called(tmp_path / "own", SPOKEN, line="mobile").recording().pcm
    network = called(tmp_path / "network", SPOKEN, network={"line": "mobile"}).recording().pcm
    assert np.array_equal(own, network)
    with pytest.raises(ScenarioError, match=r"network\.line.*expected one line"):
        called(tmp_path / "both", SPOKEN, line="telephone", network={"line": "mobile"})


def test_a_number_plans_parties_have_lines_too() -> None:
    plan = """
    parties:
      ann: {line: mobile}
      bob: {line: {kind: telephone, level: -30}}
      eve: {network: {line: telephone}}
    """
    parties = parse_config(plan, base=Path()).parties
    assert parties["ann"].telephone_line == TelephoneLine(kind="mobile")
    assert parties["bob"].telephone_line == TelephoneLine(kind="telephone", level=-30.0)
    assert parties["eve"].telephone_line == TelephoneLine(kind="telephone")
