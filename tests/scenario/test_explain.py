"""Why a recording has its channels, told from what a run left."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.report.explain import ExplainError, explain_recordings
from mediasim.scenario.running.runner import Run, run_scenario


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    noise = {"noise": {"kind": "white", "for": "1s", "level": -20}}
    scenario = parse_scenario(
        {
            "parties": {"ann": {"script": [noise]}, "bob": {"script": [noise]}},
            "call": {
                "from": "ann",
                "to": "bob",
                "recordings": [
                    {"name": "mono"},
                    {"name": "empty", "trim": "trim-silence", "stop": "1s", "track": "outbound"},
                ],
            },
        }
    )
    return run_scenario(scenario, tmp_path_factory.mktemp("run"))


def sid(run: Run, name: str) -> str:
    recording = run.recording(name)
    assert recording is not None
    return recording.sid


def document(run: Run, name: str) -> Path:
    (path,) = run.directory.rglob(f"{sid(run, name)}.json")
    return path


def test_it_tells_what_is_stored_and_what_each_channel_holds(run: Run) -> None:
    words = explain_recordings(str(document(run, "mono")), run.directory)
    assert words.startswith(f"{sid(run, 'mono')}  DialVerb, completed\n")
    assert "asked for: mono, track both, profile 2025-09" in words
    assert "stored: 2 channels. A two-party call is stored in two channels" in words
    assert "rule dial-mono" in words
    assert "channel 1: ann, inbound, call CA" in words
    assert "channel 2: bob, inbound, call CA" in words


def test_it_tells_what_each_download_gives(run: Run) -> None:
    words = explain_recordings(str(document(run, "mono")), run.directory)
    assert "RequestedChannels absent: 1 channel." in words
    assert "RequestedChannels 2: 2 channels." in words
    single = explain_recordings(str(document(run, "empty")), run.directory)
    assert "RequestedChannels 2: 400." in single


def test_it_tells_why_there_is_no_media(run: Run) -> None:
    words = explain_recordings(str(document(run, "empty")), run.directory)
    assert ", absent\n" in words
    assert "no media: error 16101, nothing was recorded" in words


def test_a_recording_is_found_by_its_sid_its_files_and_its_folder(run: Run) -> None:
    folder = document(run, "mono").parent
    expected = explain_recordings(str(document(run, "mono")), run.directory)
    for what in (sid(run, "mono"), f"{sid(run, 'mono')}.wav", f"{sid(run, 'mono')}.json"):
        assert explain_recordings(what, folder) == expected
    assert explain_recordings(str(folder / f"{sid(run, 'mono')}.wav"), Path("/")) == expected
    whole = explain_recordings(str(folder), Path("/"))
    assert expected in whole
    assert whole.count("\n  asked for:") == 2


def test_what_is_not_there_is_said_in_words(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ExplainError, match="there is no recording REnone in"):
        explain_recordings("REnone", run.directory)
    with pytest.raises(ExplainError, match="holds no recordings"):
        explain_recordings(str(tmp_path), tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"channel_map": {"layout": {"asked": {}}}}'])
def test_another_file_is_said_to_be_none_of_ours(tmp_path: Path, text: str) -> None:
    path = tmp_path / "RE1.json"
    path.write_text(text)
    with pytest.raises(ExplainError, match="is not a recording's JSON as mediasim writes it"):
        explain_recordings(str(path), tmp_path)
