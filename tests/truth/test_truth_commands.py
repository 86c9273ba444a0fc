"""``mediasim verify`` and ``mediasim break``, as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from calls import written
from typer.testing import CliRunner

from mediasim import simulate
from mediasim.cli import app
from mediasim.documents.diagnostics import ScenarioError
from mediasim.truth.verify.verify import verify

SCENARIO = {
    "name": "broken",
    "parties": {
        "ann": {
            "script": [{"noise": {"kind": "babble", "for": "2s", "level": -20, "at": "500ms"}}]
        },
        "bob": {"script": [{"noise": {"kind": "babble", "for": "2s", "level": -20, "at": "3s"}}]},
    },
}


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def test_break_then_verify(tmp_path: Path) -> None:
    path, out = written(tmp_path), tmp_path / "broken.wav"
    code, text = run("break", path, "--fault", "swapped", "--fault", "lost-tail:900", "--out", out)
    assert code == 0
    assert "wrote" in text
    plot = tmp_path / "plot.svg"
    code, text = run("verify", out, "--plot", plot)
    assert code == 13
    assert "wrong: swapped, truncated" in text
    assert "broken on purpose: lost-tail 900 ms" in text
    ElementTree.parse(plot)
    code, text = run("verify", out, "--format", "json")
    assert code == 13
    assert json.loads(text)["across"]["swapped"] is True
    code, text = run("verify", path)
    assert code == 0
    assert "as it should be" in text


def test_a_page_needs_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "plot.html"
    path = written(tmp_path)
    assert run("verify", path, "--plot", page)[0] == 0
    text = page.read_text()
    assert "<script" not in text
    assert "src=" not in text
    assert "<svg" in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("verify", "nowhere.wav"), "there is no file nowhere.wav"),
        (("verify", "CALL", "--plot", "x.png"), "expected --plot FILE.html or FILE.svg"),
        (("verify", "CALL", "--truth", "no.json"), "cannot be read"),
        (("break", "CALL"), "mediasim break --list"),
        (("break", "CALL", "--fault", "swaped", "--out", "x.wav"), "did you mean swapped"),
    ],
)
def test_a_wrong_command_line(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    path = written(tmp_path)
    code, text = run(*(path if it == "CALL" else it for it in arguments))
    assert code == 2
    assert says in text


def test_the_gallery_is_listed() -> None:
    code, text = run("break", "--list")
    assert code == 0
    assert "drift[:PPM][@CHANNEL]   (default 200)" in text


def test_a_scenario_switches_faults_on(tmp_path: Path) -> None:
    call = {"from": "ann", "to": "bob", "recording": {"channels": "dual", "faults": ["swapped"]}}
    result = simulate({**SCENARIO, "call": call}, directory=tmp_path)
    recording = result.recording()
    assert recording.truth is not None
    assert [fault["fault"] for fault in recording.truth.faults] == ["swapped"]
    assert verify(recording.path).kinds == ["swapped"]
    assert result.report["recordings"][0]["truth_intervals"]["faults"][0]["fault"] == "swapped"
    code, text = run("explain", tmp_path)
    assert code == 0
    assert "broken on purpose: swapped" in text


def test_expectations_on_a_file_that_cannot_be_read_fail_in_words(tmp_path: Path) -> None:
    call = {"from": "ann", "to": "bob", "recording": {"channels": "dual", "fault": "wrong-length"}}
    wanted = [{"channels": 2}, {"heard": {"party": "ann"}}, {"download": {"channels": 1}}]
    result = simulate({**SCENARIO, "call": call, "expect": wanted}, directory=tmp_path)
    assert [it.ok for it in result.verdicts] == [False] * 3
    assert all("the file holds more than" in it.found for it in result.verdicts)


@pytest.mark.parametrize(
    ("recording", "says"),
    [
        ({"fault": "swaped"}, "did you mean swapped"),
        ({"channels": "mono", "track": "inbound", "fault": "swapped"}, "two channels"),
        ({"fault": {"swapped": True}}, "expected the name of a fault"),
    ],
)
def test_faults_that_a_scenario_cannot_have(recording: dict[str, object], says: str) -> None:
    call = {"from": "ann", "to": "bob", "recording": recording}
    with pytest.raises(ScenarioError, match=says):
        simulate({**SCENARIO, "call": call})
