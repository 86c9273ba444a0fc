"""What results show in a notebook: a line each, a waveform with the truth, a player, a table."""

from __future__ import annotations

import base64
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest

import mediasim
from mediasim.audio.wav import read_wav

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def result() -> mediasim.Result:
    return mediasim.simulate(
        {
            "name": "shown",
            "parties": {
                "alice": {"script": [{"say": "One & two."}, {"pause": "1s"}, "hangup"]},
                "bob": {"network": {"loss": "20%"}, "script": [{"say": "Three <four> five."}]},
            },
            "call": {"from": "alice", "to": "bob", "recording": True},
            "expect": [{"channels": 2}, {"status": "absent"}],
        }
    )


def test_results_are_a_line_each(result: mediasim.Result) -> None:
    recording = result.recording()
    assert recording.truth is not None
    assert repr(result) == "<result of shown: 2 calls, 1 recording, 1 of 2 expectations hold>"
    assert re.fullmatch(
        r"<recording main RE[0-9a-f]{32}: completed, 2 channels, 0:\d\d\.\d{3}>", repr(recording)
    )
    assert re.fullmatch(
        r"<truth of RE[0-9a-f]{32}: 2 channels, 0:\d\d\.\d{3}, 2 intervals>", repr(recording.truth)
    )
    (said,) = recording.truth.channels[0].intervals
    assert re.fullmatch(r"<alice say 'One & two\.', \d\.\d{3}-\d\.\d{3} s>", repr(said))


def test_a_recording_is_drawn_with_its_truth(result: mediasim.Result, tmp_path: Path) -> None:
    recording = result.recording()
    file = recording.plot().save(tmp_path / "shown.svg")
    drawn = ElementTree.parse(file).getroot()
    titles = [each.text for each in drawn.iter(f"{SVG}title")]
    assert {"alice: One & two.", "bob: Three <four> five.", "lost"} <= set(titles)
    waves = [
        each.get("d", "") for each in drawn.iter(f"{SVG}path") if "line" in each.get("class", "")
    ]
    assert len(waves) == 2
    assert all(len(wave) > 500 for wave in waves)
    assert recording.plot()._repr_svg_() == file.read_text()


def test_a_notebook_plays_the_recording(result: mediasim.Result, tmp_path: Path) -> None:
    shown = result._repr_html_()
    (sound,) = re.findall(r'<audio controls src="data:audio/wav;base64,([^"]+)">', shown)
    (tmp_path / "played.wav").write_bytes(base64.b64decode(sound))
    played = read_wav(tmp_path / "played.wav").pcm
    assert (played == result.recording().pcm).all()
    assert "✗ is absent: completed" in shown
    assert shown.count("<svg") == 1


def test_the_truth_is_a_table(result: mediasim.Result, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = result.recording()
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        recording.to_dataframe()
    # What pandas is given; the table itself is its own.
    given: dict[str, Any] = {}
    stub = ModuleType("pandas")
    stub.DataFrame = lambda rows, columns: given.update(rows=rows, columns=columns)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pandas", stub)
    recording.to_dataframe()
    rows = [dict(zip(given["columns"], row, strict=True)) for row in given["rows"]]
    assert [(row["channel"], row["party"], row["text"]) for row in rows] == [
        (1, "alice", "One & two."),
        (2, "bob", "Three <four> five."),
    ]
    for row in rows:
        assert row["start"] * 8000 == row["start_sample"] < row["end_sample"] == row["end"] * 8000


async def test_in_a_running_loop_it_says_what_to_await() -> None:
    with pytest.raises(RuntimeError, match=r"await mediasim\.simulate_async"):
        mediasim.simulate({"parties": {"a": {}, "b": {}}, "call": {"from": "a", "to": "b"}})
