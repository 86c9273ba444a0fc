"""The command line: exit codes, what it leaves, and what it says to wrong input."""

from __future__ import annotations

import gc
import json
import os
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from mediasim.cli import app
from mediasim.commands.loading import loading
from mediasim.scenario.running.run_folders import run_folder

GOOD = """\
parties:
  alice: {script: [{say: Hello Bob.}]}
  bob: {}
call: {from: alice, to: bob, recording: dual}
"""
HOLDS = GOOD + "expect: [{channels: 2}]\n"
FAILS = GOOD + "expect: [{channels: 1}, {status: completed}]\n"
TWICE = "  - {from: alice, to: bob, at: 9s, recording: dual}\n"
STUCK = GOOD.replace("bob: {}", "bob: {script: [{wait_for: {digit: '1'}}]}")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def mediasim(*arguments: str) -> Result:
    result = CliRunner().invoke(app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def write(name: str, text: str | bytes) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())


# -- exit codes -----------------------------------------------------------------------------


def test_0_when_all_expectations_hold() -> None:
    write("good.yaml", HOLDS)
    result = mediasim("run", "good.yaml", "--junit", "results.xml")
    assert result.exit_code == 0
    assert "✓ good" in result.stdout
    (wav,) = Path("mediasim-out/latest/recordings").glob("RE*.wav")
    assert wav.with_suffix(".json").is_file()
    assert wav.with_suffix(".truth.json").is_file()
    report = json.loads(Path("mediasim-out/latest/report.json").read_text())
    assert report["runs"][0]["recordings"][0]["file"] == f"recordings/{wav.name}"
    assert wav.stem in Path("mediasim-out/latest/report.html").read_text()
    assert ElementTree.parse("results.xml").getroot().tag == "testsuites"


def test_every_run_has_a_folder_of_its_own_and_latest_leads_to_the_last() -> None:
    write("good.yaml", HOLDS)
    pages = []
    for seed in ("1", "2"):
        told = mediasim("run", "good.yaml", "--seed", seed).stdout
        pages.append(re.search(r"Report: (mediasim-out/[\d-]+/report.html)", told))
        assert pages[-1] is not None
        assert Path("mediasim-out/latest/report.html").samefile(pages[-1][1])
    assert pages[0] is not None
    assert Path(pages[0][1]).is_file()  # the first is still there
    assert len(list(Path("mediasim-out").iterdir())) == 3
    for command in ("verify", "analyze", "explain"):
        for folder in ("mediasim-out", "mediasim-out/latest", "mediasim-out/latest/recordings"):
            result = mediasim(command, folder)
            assert result.exit_code == 0, result.output


def test_of_several_recordings_in_a_folder_each_is_told() -> None:
    write("two.yaml", GOOD.replace("call:", "calls:\n  -") + TWICE)
    assert mediasim("run", "two.yaml", "--out", "there").exit_code == 0
    names = [wav.stem for wav in sorted(Path("there/recordings").glob("RE*.wav"))]
    assert len(names) == 2
    told = mediasim("verify", "there")
    assert told.exit_code == 0
    assert told.stdout.count(": as it should be") == 2
    found = json.loads(mediasim("analyze", "there", "--format", "json").stdout)
    assert [each["recording"] for each in found] == names
    assert "name one" in mediasim("verify", "there", "--plot", "x.svg").stderr


def test_a_folder_that_was_named_holds_the_last_run_alone() -> None:
    write("good.yaml", HOLDS)
    write("there/recordings/notes.txt", "mine")
    kept = []
    for seed in ("1", "2"):
        assert mediasim("run", "good.yaml", "--seed", seed, "--out", "there").exit_code == 0
        kept.append([path.name for path in Path("there/recordings").glob("RE*.wav")])
    assert len(kept[0]) == len(kept[1]) == 1
    assert kept[0] != kept[1]
    assert Path("there/recordings/notes.txt").read_text() == "mine"
    assert mediasim("verify", "there").exit_code == 0


def test_a_folder_that_a_run_writes_to_is_no_other_s() -> None:
    write("good.yaml", HOLDS)
    with run_folder(Path("there")):
        result = mediasim("run", "good.yaml", "--out", "there")
    assert result.exit_code == 2
    assert result.stderr == "another run is writing to there: name another folder\n"


def test_names_have_letters_of_any_script_however_an_accent_is_typed() -> None:
    write("names.yaml", HOLDS.replace("alice:", "jose\u0301:").replace("alice", "jos\u00e9"))
    result = mediasim("run", "names.yaml")
    assert result.exit_code == 0, result.output
    assert "(jos\u00e9 | bob)" in result.stdout
    assert "jos\u00e9, channel 1" in mediasim("analyze", "mediasim-out").stdout
    assert mediasim("verify", "mediasim-out").exit_code == 0
    write("names.yaml", HOLDS.replace("alice", "a b"))
    assert "expected a name of letters, digits, '-' and '_'" in mediasim("run", "names.yaml").stderr


def test_a_large_number_without_a_unit_is_told_of() -> None:
    write("long.yaml", GOOD.replace("Hello Bob.", "{text: Hello Bob., at: 120}"))
    told = " ".join(mediasim("run", "long.yaml").stdout.split())
    assert "120 without a unit is 120 seconds: write 120s or 120ms" in told
    assert "long.yaml:2:" in told
    write("short.yaml", GOOD.replace("Hello Bob.", "{text: Hello Bob., at: 99}"))
    assert "without a unit" not in mediasim("run", "short.yaml").stdout


def test_1_when_an_expectation_fails() -> None:
    write("bad.yaml", FAILS)
    result = mediasim("run", "bad.yaml", "--seed", "5", "--out", "there")
    assert result.exit_code == 1
    (wav,) = Path("there/recordings").glob("RE*.wav")
    told = result.stdout
    assert "channels: 2 (Two channels were asked for" in told
    assert "wanted  is 1" in told
    assert f"listen  recordings/{wav.name}, channel 1, 0.000 s" in told
    assert "seed    5" in told
    assert "repeat  mediasim run bad.yaml --seed 5" in told


def test_2_when_one_of_the_files_is_wrong_and_then_nothing_runs() -> None:
    write("good.yaml", HOLDS)
    write("wrong.yaml", GOOD + "cal: 1\n")
    result = mediasim("run", "*.yaml")
    assert result.exit_code == 2
    assert result.stderr.startswith("wrong.yaml:5:1: cal: unknown key; expected one of name,")
    assert not Path("mediasim-out").exists()


def test_3_when_a_run_breaks() -> None:
    write("good.yaml", HOLDS)
    write("stuck.yaml", STUCK)
    result = mediasim("run", "good.yaml", "stuck.yaml", "--jobs", "2")
    assert result.exit_code == 3
    assert "nothing more can happen: " in result.stdout
    assert "bob has waited for digit 1 since 1.0s" in result.stdout
    assert "repeat      mediasim run stuck.yaml --seed 1" in result.stdout
    assert "1 of 2 runs broke" in result.stdout


def test_json_is_the_report() -> None:
    write("bad.yaml", FAILS)
    result = mediasim("run", "bad.yaml", "--format", "json")
    assert result.exit_code == 1
    assert [it["ok"] for it in json.loads(result.stdout)["runs"][0]["expectations"]] == [
        False,
        True,
    ]


def test_one_variant_of_a_matrix() -> None:
    write("many.yaml", HOLDS + "matrix: {parties.alice.codec: [PCMU, PCMA], seed: [1, 2]}\n")
    result = mediasim("run", "many.yaml", "--variant", "codec=PCMA,seed=2")
    assert result.exit_code == 0
    (run,) = json.loads(Path("mediasim-out/latest/report.json").read_text())["runs"]
    assert (run["label"], run["seed"]) == ("many [codec=PCMA,seed=2]", 2)
    assert run["repeat"] == "mediasim run many.yaml --seed 2 --variant codec=PCMA,seed=2"


# -- wrong input ----------------------------------------------------------------------------

CALL = "\ncall: {from: a, to: b}\n"
WRONG_FILES = {
    "parties: {a: {script: [{say: hi}\n": "is not YAML",
    "parties:\n\ta: {}\n": "2:1: is not YAML",
    "": "there is nothing in it",
    "# only a comment\n": "there is nothing in it",
    "- a\n- b\n": "1:1: expected a mapping",
    "only words\n": "1:1: expected a mapping",
    "parties: {a: {voice: bob}, b: {}}" + CALL: "1:22: parties.a.voice: there is no voice 'bob'",
    "parties: {a: {script: [{say: {text: x, voice: bob}}]}, b: {}}"
    + CALL: "1:47: parties.a.script[0].say.voice: there is no voice 'bob'; the voices are amy,",
    "parties: {a: {script: [{say: '!'}]}, b: {}}"
    + CALL: "1:30: parties.a.script[0].say: there is nothing to say in '!'",
    "parties: {a: {script: [{play: none.wav}]}, b: {}}"
    + CALL: "1:31: parties.a.script[0].play: there is no file 'none.wav'",
    "parties: {a: {script: [{play: words.wav}]}, b: {}}"
    + CALL: "1:31: parties.a.script[0].play: words.wav: is not an audio file",
    "parties: {a: {}}\ncall: {from: a, voicemail: {greeting: {play: words.wav}}}\n": (
        "2:46: call.voicemail.greeting.play: words.wav: is not an audio file"
    ),
    "parties: {a: {}}\ncall: {from: a, voicemail: {greeting: {say: {text: x, voice: y}}}}\n": (
        "call.voicemail.greeting.say.voice: there is no voice 'y'"
    ),
    "parties: {a: {script: [jump]}, b: {}}" + CALL: "unknown step 'jump'; expected one of say,",
}


@pytest.mark.parametrize(("text", "problem"), WRONG_FILES.items(), ids=lambda it: it[:40])
def test_a_wrong_file_is_told_with_its_place(text: str, problem: str) -> None:
    write("words.wav", "These are words, not audio.")
    write("wrong.yaml", text)
    result = mediasim("run", "wrong.yaml")
    assert result.exit_code == 2
    line, *excerpt = result.stderr.splitlines()
    assert line.startswith("wrong.yaml:")
    assert problem in line
    if text.strip():
        shown, mark = excerpt
        _, number, column, *_ = line.split(":")
        written = text.split("\n")[int(number) - 1]
        assert shown[shown.index(" | ") + 3 :] in written.expandtabs(4)
        assert shown[mark.index("^")] in (written[int(column) - 1], " ")


WRONG_COMMANDS = {
    "run": "Missing argument",
    "run none.yaml": "none.yaml: there is no such file",
    "run folder": "folder: is a folder; its scenarios are folder/*.yaml",
    "run fold*": "fold*: there is no such file",
    "run noise.yaml": "noise.yaml:1:1: is not UTF-8 text: byte 0 is wrong",
    "run good.yaml folder/good.yaml": "folder/good.yaml: is called 'good', as good.yaml is",
    "run good.yaml --variant none": "no run is called 'none'; there are: none",
    "run good.yaml --out good.yaml": "cannot write to good.yaml: File exists",
    "run good.yaml --out good.yaml/out": "cannot write to good.yaml/out: Not a directory",
    "run good.yaml --junit folder": "cannot write to folder: Is a directory",
    "run good.yaml --jobs 0": "Invalid value for '--jobs'",
    "run good.yaml --seed -1": "Invalid value for '--seed'",
    "run good.yaml --format xml": "Invalid value for '--format'",
    "fuzz --out good.yaml": "cannot write to good.yaml: it is no folder",
    "fuzz --out good.yaml/x/y": "good.yaml: it is no folder",
    "fuzz --doors good.yaml --runs 5": "--runs is for scenarios that are drawn, good.yaml is",
    "fuzz good.yaml --seed 1": "--seed is for scenarios that are drawn, good.yaml is judged",
    "new good": "good.yaml exists already: choose another name",
    "new .": "expected the name of a scenario, found '.'",
    "new none/x": "cannot write none/x.yaml: No such file or directory",
    "explain REnone": "there is no recording REnone in mediasim-out",
    "explain folder": "folder holds no recordings",
}


@pytest.mark.parametrize(("command", "problem"), WRONG_COMMANDS.items())
def test_a_wrong_command_is_told(command: str, problem: str) -> None:
    write("good.yaml", HOLDS)
    write("noise.yaml", b"\xff\xfe\x00")
    Path("folder").mkdir()
    if "folder/good" in command:
        write("folder/good.yaml", HOLDS)
    result = mediasim(*command.split())
    assert result.exit_code == 2
    assert problem in result.stderr


def test_control_characters_are_shown_escaped() -> None:
    write("odd.yaml", HOLDS + '"\\x1b[31m\\0\\n": 1\n')
    result = mediasim("run", "odd.yaml")
    assert result.exit_code == 2
    line, shown, _ = result.stderr.splitlines()
    assert "\x1b" not in shown
    assert "\\x1b[31m\\x00\\n: unknown key" in line
    assert mediasim("explain", "\x1b[31m").stderr.startswith("there is no recording \\x1b[31m")


def test_an_engine_of_speech_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIASIM_SPEECH", "parrot")
    write("good.yaml", HOLDS)
    result = mediasim("run", "good.yaml")
    assert result.exit_code == 2
    assert result.stderr.startswith("MEDIASIM_SPEECH is 'parrot'; it can be hibari, espeak,")


# -- the other commands ---------------------------------------------------------------------


def test_a_new_scenario_runs_as_it_is() -> None:
    assert mediasim("new", "first").exit_code == 0
    assert mediasim("run", "first.yaml").exit_code == 0


def test_explain_says_which_rule_decided() -> None:
    write("good.yaml", HOLDS)
    mediasim("run", "good.yaml")
    (wav,) = Path("mediasim-out/latest/recordings").glob("RE*.wav")
    told = mediasim("explain", wav.stem).stdout
    assert "rule dial-dual" in told
    assert "channel 2: bob, inbound" in told
    assert mediasim("explain", "mediasim-out").stdout == told


def test_schema_and_version() -> None:
    assert json.loads(mediasim("schema").stdout)["type"] == "object"
    assert mediasim("--version").stdout.startswith("mediasim ")


def test_loading_leaves_its_settings_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = "OPENBLAS_NUM_THREADS"
    monkeypatch.delenv(threads, raising=False)
    try:
        with loading():
            assert os.environ[threads] == "1"
            assert not gc.isenabled()
        assert threads not in os.environ  # an app that a scenario starts has threads of its own
        assert gc.isenabled()
        monkeypatch.setenv(threads, "3")
        with loading():
            assert os.environ[threads] == "3"
        assert os.environ[threads] == "3"
    finally:
        gc.unfreeze()
