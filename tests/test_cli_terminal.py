"""What the command line does for a person at a terminal: mistakes shown in place, codes explained,
files checked without a run, and run again when they change."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import webbrowser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mediasim.cli import app

HOLDS = "parties: {alice: {script: [pause: 1s, hangup]}, bob: {}}\ncall: {from: alice, to: bob}\n"


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def mediasim(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ('a:\n  - say: "hello\n  - hangup\n', "2:10", "the quote that opens here is not closed"),
        ('a:\n  - say: "hello\n  - say: "bye"\n', "2:10", "the quote that opens here"),
        ("a: 'x\nb: 1\n", "1:4", "the quote that opens here is not closed"),
        ("a: it's\nb: 'it's'\n", "2:8", "a text that begins with a quote must end with it"),
        ("a: {b: [1, 2\nc: d\n", "2:2", "the bracket of line 1, column 8 is not closed"),
        ("a: {b: 1\n", "1:4", "the bracket of line 1, column 4 is not closed"),
        ("a:\n  b: 1\n c: 2\n", "3:2", "indented by 1, line 2 by 2 and line 1 by 0"),
        ("a:\n  b: 1\n   c: 2\n", "3:5", "indented by 3, line 2 by 2"),
        ("a:\n  - x\n - y\n", "3:2", "indented by 1, line 2 by 2 and line 1 by 0"),
        ("s:\n  - say: hello\n   - hangup\nb: {}\n", "3:4", "indented by 3, line 2 by 2"),
        ("s:\n  - say: hello\n    - hangup\n", "3:5", "in the column of the others"),
        ("a: b: c\n", "1:5", "a text that holds ': ' must stand in quotes"),
        ("a\nb: 1\n", "2:2", "line 1 has no ': '"),
        ("- a\nb: 1\n", "2:1", "expected '- ', as on line 1"),
    ],
)
def test_a_text_that_is_not_yaml_is_explained_where_it_goes_wrong(
    text: str, place: str, words: str
) -> None:
    Path("wrong.yaml").write_text(text)
    code, _, errors = mediasim("check", "wrong.yaml")
    assert code == 2
    line, shown, mark = errors.splitlines()
    assert line.startswith(f"wrong.yaml:{place}: is not YAML: ")
    assert words in line
    row, column = map(int, place.split(":"))
    assert shown == f"  {row} | {text.splitlines()[row - 1]}"
    assert mark.index("^") == len(f"  {row} | ") + column - 1


def test_check_says_what_files_hold_and_every_mistake() -> None:
    Path("good.yaml").write_text(HOLDS + "matrix: {seed: [1, 2, 3]}\n")
    Path("plan.yaml").write_text("numbers: {'+14155550100': {twiml: <Response/>}}\n")
    assert mediasim("check", "*.yaml") == (
        0,
        "plan.yaml: a number plan of 1 number and 0 parties\n"
        "good.yaml: 2 parties, 1 call, 0 expectations; 3 runs\n",
        "",
    )
    Path("bad.yaml").write_text(HOLDS.replace("to: bob", "to: carol"))
    Path("worse.yaml").write_text("numbers: {'+1': 3}\n")
    code, told, errors = mediasim("check", "*.yaml", "none.yaml")
    assert code == 2
    assert "good.yaml: 2 parties" in told
    assert "bad.yaml:2:25: call.to: unknown party 'carol'" in errors
    assert "worse.yaml:1:11" in errors
    assert "none.yaml: there is no such file" in errors
    assert not Path("mediasim-out").exists()


def test_codes_of_twilios_dictionary_are_explained() -> None:
    code, told, _ = mediasim("explain", "13212")
    assert code == 0
    assert told.splitlines() == [
        "13212  warning",
        "  Dial: Invalid timeout value",
        "  given for a wrong value of <Dial timeout>",
        "  https://www.twilio.com/docs/errors/13212",
    ]
    assert "a child that <Gather> may not have" in mediasim("explain", "13320")[1]
    code, _, errors = mediasim("explain", "1321")
    assert code == 2
    assert errors.startswith("Twilio's dictionary has no code 1321 for voice and messages; there")


@pytest.mark.parametrize("words", [("-h",), ("run", "-h"), ("serve", "-h"), ("exec", "-h")])
def test_help_has_a_short_option(words: tuple[str, ...]) -> None:
    code, told, _ = mediasim(*words)
    assert code == 0
    assert "Usage:" in told


def test_short_options_are_those_of_the_long_ones() -> None:
    Path("good.yaml").write_text(HOLDS)
    code, told, _ = mediasim("run", "good.yaml", "-s", "5", "-o", "there", "-f", "json", "-j", "2")
    assert code == 0
    assert '"seed": 5' in told
    assert Path("there/report.html").exists()


def test_the_report_is_opened_where_there_is_a_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    Path("good.yaml").write_text(HOLDS)
    for there_is in (True, False):

        def opens(url: str, there_is: bool = there_is) -> bool:
            opened.append(url)
            return there_is

        monkeypatch.setattr(webbrowser, "open", opens)
        code, _, errors = mediasim("run", "good.yaml", "--out", "there", "--open")
        assert code == 0
        assert opened.pop() == (Path.cwd() / "there/report.html").as_uri()
        assert ("there is no browser to open" in errors) is not there_is


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_and_options(shell: str) -> None:
    asked = {
        "bash": {"COMP_WORDS": "mediasim serve --pro", "COMP_CWORD": "2"},
        "zsh": {"_TYPER_COMPLETE_ARGS": "mediasim serve --pro"},
        "fish": {
            "_TYPER_COMPLETE_ARGS": "mediasim serve --pro",
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        },
    }
    environment = {**os.environ, **asked[shell], "_MEDIASIM_COMPLETE": f"complete_{shell}"}
    command = [Path(sys.executable).with_name("mediasim")]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert {"--profile", "--proxy", "--proxy-port"} <= set(told.stdout.replace('"', " ").split())


@pytest.mark.realtime
def test_scenarios_run_again_when_a_file_beside_them_changes() -> None:
    Path("good.yaml").write_text(HOLDS)
    command = [
        sys.executable,
        "-m",
        "mediasim",
        "watch",
        "good.yaml",
        "--out",
        "there",
        "-f",
        "json",
    ]
    errors_file = Path("errors.txt")
    with errors_file.open("w") as to, subprocess.Popen(command, stdout=-1, stderr=to) as watching:
        try:
            assert watching.stdout is not None
            assert b'"ok": true' in watching.stdout.readline()
            Path("good.yaml").write_text(HOLDS + "expect: [{status: busy}]\n")
            assert b'"ok": false' in watching.stdout.readline()
            watching.send_signal(signal.SIGINT)
            watching.wait(60)
        finally:
            watching.kill()
    errors = errors_file.read_text()
    assert errors.count(" changed") == errors.count("good.yaml changed") == 1
    assert "watching has ended" in errors
    assert "Traceback" not in errors
