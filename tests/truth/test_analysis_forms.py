"""What is printed, written and drawn of an analysis, and what the command says of wrong input."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from analysis_calls import TALKING_OVER, recorded
from typer.testing import CliRunner, Result

import mediasim
from mediasim.audio.wav import write_wav
from mediasim.cli import app
from mediasim.truth.analysis.analysis import analyse
from mediasim.truth.analysis.as_text import webvtt
from mediasim.truth.analysis.picture import plot
from mediasim.truth.analysis.recording import read_recording


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The WAV of a call in which they talk over each other."""
    return recorded(tmp_path_factory.mktemp("call"), TALKING_OVER)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The WAV of a call with words, by people of awkward names."""
    given = {
        "parties": {
            "ana": {"script": [{"say": {"text": "1 < 2 --> so\nthere", "at": "1s"}}]},
            "bo": {"script": [{"say": {"text": "Right.", "at": "4s"}}]},
        },
        "call": {"from": "ana", "to": "bo", "recording": "dual"},
    }
    folder = tmp_path_factory.mktemp("spoken")
    path = mediasim.simulate(given, directory=folder).recording().path
    for file in (path.with_suffix(".json"), path.with_suffix(".truth.json")):
        text = file.read_text("utf-8").replace('"ana"', '"Ana & Bo"').replace('"bo"', '"O\'Neil"')
        file.write_text(text, "utf-8")
    return path


def analyze(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["analyze", *map(str, words)])


# -- forms ----------------------------------------------------------------------------------


def test_text_has_measured_true_and_error_side_by_side(call: Path) -> None:
    told = analyze(call)
    assert told.exit_code == 0
    assert re.search(r"talk time +10\.\d\d s +10\.50 s +[+-]?\d", told.stdout)
    assert "bo cuts in on ana: backchannel" in told.stdout


def test_json_has_stable_keys(call: Path) -> None:
    document = json.loads(analyze(call, "--format", "json").stdout)
    assert list(document) == [
        "recording",
        "file",
        "seconds",
        "channels",
        "notes",
        "detectors",
        "words_from",
        "measured",
        "truth",
        "error",
        "turns",
        "interruptions",
        "responses",
        "transcript",
    ]
    measured = document["measured"]
    assert measured.keys() == document["truth"].keys() == document["error"].keys()
    assert list(measured["speakers"][0]) == [
        "speaker",
        "channel",
        "talk_seconds",
        "talk_share",
        "turns",
        "longest_monologue_seconds",
        "longest_monologue_at",
        "response_latency",
        "interruptions_made",
        "interruptions_successful",
        "interruptions_suffered",
        "backchannels",
        "words",
        "words_per_minute",
    ]


RTTM_LINE = re.compile(r"SPEAKER (\S+) (\d) (\d+\.\d{3}) (\d+\.\d{3}) <NA> <NA> (\S+) <NA> <NA>")


def rttm_lines(text: str) -> Iterator[tuple[str, int, float, float, str]]:
    for line in text.splitlines():
        found = RTTM_LINE.fullmatch(line)
        assert found, line
        yield found[1], int(found[2]), float(found[3]), float(found[4]), found[5]


def test_rttm_has_ten_fields_and_all_talk(call: Path) -> None:
    document = json.loads(analyze(call, "--format", "json").stdout)
    lines = list(rttm_lines(analyze(call, "--format", "rttm").stdout))
    assert [line[2] for line in lines] == sorted(line[2] for line in lines)
    assert {(line[0], line[1], line[4]) for line in lines} == {
        (call.stem, 1, "ana"),
        (call.stem, 2, "bo"),
    }
    for speaker in document["measured"]["speakers"]:
        talk = sum(line[3] for line in lines if line[4] == speaker["speaker"])
        assert talk == pytest.approx(speaker["talk_seconds"], abs=0.005)


def test_rttm_names_have_no_white_space(spoken: Path) -> None:
    names = {line[4] for line in rttm_lines(analyze(spoken, "--format", "rttm").stdout)}
    assert names == {"Ana_&_Bo", "O'Neil"}


def test_rttm_of_a_mix_names_nobody(tmp_path: Path, call: Path) -> None:
    mono = tmp_path / "mono.wav"
    write_wav(mono, read_recording(call).pcm.sum(axis=0, dtype=np.int16)[None])
    names = {line[4] for line in rttm_lines(analyze(mono, "--format", "rttm").stdout)}
    assert names == {"<NA>"}
    assert "<v " not in analyze(mono, "--format", "vtt").stdout


def test_webvtt_has_voices_and_words(spoken: Path) -> None:
    text = analyze(spoken, "--format", "vtt").stdout
    assert text.startswith("WEBVTT\n\n")
    assert "\n<v Ana &amp; Bo>1 &lt; 2 --&gt; so there\n" in text
    assert "\n<v O'Neil>Right.\n" in text
    times = re.findall(r"^\d\d:\d\d:(\d\d\.\d{3}) --> \d\d:\d\d:(\d\d\.\d{3})$", text, re.M)
    assert len(times) == text.count("-->") == 2
    assert all(float(start) < float(end) for start, end in times)


def test_webvtt_without_words_says_that_somebody_speaks(tmp_path: Path, call: Path) -> None:
    alien = tmp_path / "call.wav"
    write_wav(alien, read_recording(call).pcm)
    text = webvtt(analyse(read_recording(alien)))
    assert "<v channel 1>[speech]" in text
    assert "without its words" in text


# -- pictures -------------------------------------------------------------------------------


def test_the_plot_is_whole_and_shows_what_was_found(call: Path) -> None:
    drawn = plot(analyse(read_recording(call)), Path("x.svg"))
    titles = [
        each.text or "" for each in ElementTree.fromstring(drawn).iter() if "title" in each.tag
    ]
    assert sum(title.startswith("overlap") for title in titles) == 3
    assert sum(" cuts in on " in title for title in titles) == 3
    assert any(title == "truth: bo" for title in titles)
    assert sum(title.startswith("answered after") for title in titles) == 2
    assert "href" not in drawn
    assert "<script" not in drawn


def test_awkward_names_stay_text(spoken: Path) -> None:
    analysis = analyse(read_recording(spoken))
    assert "Ana &amp; Bo" in plot(analysis, Path("x.html"))
    ElementTree.fromstring(plot(analysis, Path("x.svg")))


def test_a_long_call_goes_on_in_rows(tmp_path: Path, call: Path) -> None:
    pcm = read_recording(call).pcm
    long = tmp_path / "long.wav"
    write_wav(long, np.tile(pcm, 10))
    seconds = 10 * pcm.shape[1] / 8000
    drawn = ElementTree.fromstring(plot(analyse(read_recording(long)), Path("x.svg")))
    rows = -(-seconds // 60)
    names = [each for each in drawn.iter() if each.text == "channel 2" and "text" in each.tag]
    # The name and the number of a channel that has no name stand in each row.
    assert len(names) == 2 * rows


# -- the command ----------------------------------------------------------------------------


def test_everything_is_written(tmp_path: Path, call: Path) -> None:
    out, drawing = tmp_path / "new" / "out", tmp_path / "picture.svg"
    assert analyze(call.parent.parent, "--out", out, "--plot", drawing).exit_code == 0
    name = call.stem
    assert {file.name for file in out.iterdir()} == {
        f"analysis-{name}.html",
        f"analysis-{name}.json",
        f"{name}.rttm",
        f"{name}.truth.rttm",
        f"{name}.vtt",
    }
    assert drawing.read_text("utf-8").startswith("<svg ")


def test_a_recording_is_found_by_what_lies_beside_it(call: Path) -> None:
    whole = analyze(call).stdout
    assert analyze(call.with_suffix("")).stdout == whole
    assert analyze(call.with_suffix(".json")).stdout == whole
    assert analyze(call.with_suffix(".truth.json")).stdout == whole


def test_the_truth_may_stand_elsewhere(tmp_path: Path, call: Path) -> None:
    copy = tmp_path / "copy.wav"
    copy.write_bytes(call.read_bytes())
    beside = call.with_suffix(".truth.json")
    told = json.loads(analyze(copy, "--truth", beside, "--format", "json").stdout)
    assert told["truth"]["speakers"][0]["talk_seconds"] == 10.5


WRONG = {
    "none.wav": "there is no recording none.wav",
    "text.wav": "text.wav: is no WAV file",
    "text.mp3": "text.mp3: is not an audio file",
    "good.wav --truth none.json": "there is no truth none.json",
    "good.wav --truth text.mp3": "text.mp3 is not JSON",
    "good.wav --truth empty.json": "empty.json is not what mediasim writes beside a recording",
    "good.wav --truth odd.json": "odd.json is not what mediasim writes beside a recording: "
    "channels.0:",
    "good.wav --truth rate.json": "rate.json is not what mediasim writes beside a recording: "
    "sample_rate: input should be 8000",
    "mapped.wav": "mapped.json is not what mediasim writes beside a recording: "
    "channel_map.channels.0.party: input should be a valid string",
    "good.wav --truth mono.json": "tells of 1 channels, the recording good.wav has 2",
    "good.wav --plot x.png": "a plot is an .svg or .html file, not x.png",
    "good.wav --plot none/x.svg": "cannot write none/x.svg: No such file or directory",
    "good.wav --out text.mp3": "cannot write text.mp3: File exists",
    "good.wav --asr-model x": "--asr-model names the model of --transcribe",
    "good.wav --detector ear": "Invalid value for '--detector'",
    ". ": "holds no recordings",
}


@pytest.mark.parametrize(("command", "problem"), WRONG.items())
def test_wrong_input_is_told(
    command: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_wav("good.wav", np.zeros((2, 8000), np.int16))
    Path("text.wav").write_text("text", "utf-8")
    Path("text.mp3").write_text("text", "utf-8")
    Path("empty.json").write_text("{}", "utf-8")
    Path("odd.json").write_text('{"channels": [1, 2]}', "utf-8")
    Path("mono.json").write_text('{"channels": [{"channel": 1, "intervals": []}]}', "utf-8")
    Path("rate.json").write_text('{"samples": 1, "channels": [], "sample_rate": 16000}', "utf-8")
    write_wav("mapped.wav", np.zeros((2, 8000), np.int16))
    Path("mapped.json").write_text('{"channel_map": {"channels": [{"party": 1}]}}', "utf-8")
    told = analyze(*command.split())
    assert told.exit_code == 2
    assert problem in told.stderr


def test_several_recordings_are_to_be_told_apart(tmp_path: Path) -> None:
    for name in ("RE1.wav", "RE2.wav"):
        write_wav(tmp_path / name, np.zeros((1, 8), np.int16))
    assert "name one of: RE1.wav, RE2.wav" in analyze(tmp_path, "--format", "vtt").stderr
    assert [each["recording"] for each in json.loads(analyze(tmp_path, "--format", "json").stdout)]


LONG = (
    "Good morning, this is the billing department calling about the invoice of last Tuesday, "
    "which was for forty two euros and nineteen cents, and which has not been paid as yet, so I "
    "would like to ask you whether you have received it, and when you think that you can pay it."
)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The WAV of a call in which one of them says a lot, and is cut short by the other."""
    given = {
        "parties": {
            "ana": {"script": [{"say": {"text": LONG, "at": "1s"}}]},
            "bo": {"script": [{"pause": "12s"}, "hangup"]},
        },
        "call": {"from": "ana", "to": "bo", "recording": "dual"},
    }
    folder = tmp_path_factory.mktemp("long")
    return mediasim.simulate(given, directory=folder).recording().path


def test_captions_are_cut_between_the_words_that_are_in_the_recording(long: Path) -> None:
    text = analyze(long, "--format", "vtt").stdout
    cues = re.findall(r"(\S+) --> (\S+)\n<v ana>(.*)\n", text)
    assert len(cues) > 2
    for start, end, words in cues:
        lasted = seconds(end) - seconds(start)
        assert 0 < lasted <= 7.001
        assert len(words) <= 84
    said = " ".join(words for _, _, words in cues)
    assert LONG.startswith(said)
    assert len(said) < len(LONG), "what came after the hangup is in no caption"


def test_ctm_has_each_word_with_its_time(long: Path) -> None:
    comment, *lines = analyze(long, "--format", "ctm").stdout.splitlines()
    assert re.fullmatch(r";; \d+ words, the times of \d+ estimated", comment)
    fields = [line.split() for line in lines]
    assert LONG.split()[: len(fields)] == [each[4] for each in fields]
    assert {(each[0], each[1]) for each in fields} == {(long.stem, "1")}
    ends = [float(each[2]) + float(each[3]) for each in fields]
    assert all(end <= float(later[2]) + 0.002 for end, later in zip(ends, fields[1:], strict=False))


def test_ctm_needs_the_times_of_words(tmp_path: Path, call: Path) -> None:
    alien = tmp_path / "alien.wav"
    alien.write_bytes(call.read_bytes())
    told = analyze(alien, "--format", "ctm")
    assert told.exit_code == 2
    assert "CTM needs the times of words" in told.stderr


def test_a_folders_other_recordings_are_written_beside_one_that_cannot_be(
    tmp_path: Path, long: Path, call: Path
) -> None:
    alien = f"RE{0:032}"
    (tmp_path / f"{alien}.wav").write_bytes(call.read_bytes())
    for file in (long, long.with_suffix(".json"), long.with_suffix(".truth.json")):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    told = analyze(tmp_path, "--format", "ctm")
    assert told.exit_code == 0
    assert f"{alien}: CTM needs the times of words" in told.stderr
    assert told.stdout == analyze(long, "--format", "ctm").stdout
    (tmp_path / f"{alien}.wav").write_bytes(b"no sound")
    for form, count in (("ctm", None), ("json", 1), ("rttm", None)):
        told = analyze(tmp_path, "--format", form)
        assert told.exit_code == 2
        assert alien in told.stderr
        assert long.stem in told.stdout
        assert count is None or len(json.loads(told.stdout)) == count


def seconds(time: str) -> float:
    hours, minutes, rest = time.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)
