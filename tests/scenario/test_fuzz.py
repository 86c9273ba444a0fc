"""The fuzzer: a few hundred runs, what it found before, and that it finds what is broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mediasim.cli import app
from mediasim.media.recorder import Recorder
from mediasim.rtp.playout import Playout
from mediasim.rtp.stream import ReceivedStream
from mediasim.scenario.fuzz.draw import draw_scenario
from mediasim.scenario.fuzz.hunt import hunt, one_run
from mediasim.scenario.fuzz.judge import INVARIANTS, Violation
from mediasim.scenario.fuzz.properties import SECOND_RUNS, judged_file, second_run_of, try_out
from mediasim.scenario.fuzz.second_runs import Blocks
from mediasim.scenario.fuzz.shrink import shrunk
from mediasim.scenario.model.load import parse_scenario

FINDS = sorted((Path(__file__).parent / "finds").glob("*.yaml"))
RUNS, SEEDS = 100, (4, 5, 6)


@pytest.mark.parametrize("seed", SEEDS)
def test_three_hundred_runs_find_nothing(seed: int) -> None:
    found = hunt(seed, RUNS)
    assert found.runs == RUNS
    assert [(find.number, find.broken) for find in found.finds] == []


@pytest.mark.parametrize("file", FINDS, ids=lambda file: file.stem)
def test_what_was_found_stays_mended(file: Path) -> None:
    assert list(judged_file(file)) == []


# -- what is drawn ------------------------------------------------------------------------------


def test_the_same_seed_draws_the_same() -> None:
    assert [draw_scenario(3, n) for n in range(5)] == [draw_scenario(3, n) for n in range(5)]
    assert draw_scenario(3, 0) != draw_scenario(4, 0)


def test_everything_drawn_is_a_scenario_and_all_there_is_gets_drawn() -> None:
    drawn = [draw_scenario(1, number) for number in range(250)]
    text = repr(drawn)
    for document in drawn:
        parse_scenario(document)
    for word in (
        *("transfers", "voicemail", "conferences", "time_limit", "dial_after", "no-answer", "busy"),
        *("hold", "mute", "hangup", "wait_for", "dtmf", "together", "repeat", "emit"),
        *("skip", "trim-silence", "inbound", "outbound", "ringing", "stop", "until"),
        *("gilbert_elliott", "reorder", "duplicate", "skew", "stalls", "one_way", "conceal"),
        *("PCMA", "G722", "OPUS", "comfort-noise", "muted", "leave", "2016-legacy"),
    ):
        assert f"'{word}'" in text, word


def test_every_second_run_has_its_turn() -> None:
    assert {second_run_of(1, number) for number in range(600)} == set(SECOND_RUNS)


def test_every_invariant_has_a_name_and_words_of_its_own() -> None:
    named = [(it.name, it.words) for it in INVARIANTS]
    named += [(it.name, it.words) for it in SECOND_RUNS]
    assert len(dict(named)) == len(named)
    assert all(words for _, words in named)


# -- what is broken is found, and made small ----------------------------------------------------

SPOKEN: dict[str, Any] = {
    "name": "spoken",
    "parties": {
        "ann": {
            "network": {"delay": "33ms"},
            "script": [{"tone": {"hz": 440, "for": "400ms"}}, {"pause": "300ms"}, "hangup"],
        },
        "bob": {"codec": "PCMA", "script": [{"noise": {"for": "300ms", "level": -20}}]},
    },
    "calls": [
        {
            "from": "ann",
            "to": "bob",
            "answer": "120ms",
            "recordings": [
                {"name": "one", "channels": "dual"},
                {"name": "cut", "channels": "dual", "pauses": [{"at": "300ms", "for": "90ms"}]},
            ],
        }
    ],
}


def names(document: dict[str, Any]) -> set[str]:
    return {broken.name for broken in try_out(document, [Blocks(1)])}


def test_a_sound_scenario_breaks_nothing() -> None:
    assert list(try_out(SPOKEN, SECOND_RUNS)) == []


def a_sample_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block that a recorder writes stands a sample early."""
    write = Recorder.write

    def early(self: Recorder, to_frame: int, read: Any) -> None:
        write(self, to_frame, lambda tap, first, count: roll(read(tap, first, count)))

    def roll(pcm: Any) -> Any:
        moved = pcm.copy()
        moved[:-1], moved[-1] = pcm[1:], 0
        return moved

    monkeypatch.setattr(Recorder, "write", early)


def test_a_recorder_that_is_a_sample_off_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    a_sample_less(monkeypatch)
    assert "said-or-missing" in names(SPOKEN)


def test_a_block_that_ends_too_soon_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Playout.read

    def short(self: Playout, rows: Any, first: int, count: int, pcm: Any) -> Any:
        have = read(self, rows, first, count, pcm)
        pcm[:, -1] = 0
        return have

    monkeypatch.setattr(Playout, "read", short)
    assert "blocks-of-1" in names(SPOKEN)


def test_a_channel_with_the_other_s_voice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    write = Recorder.write

    def crossed(self: Recorder, to_frame: int, read: Any) -> None:
        def both(tap: Any, first: int, count: int) -> Any:
            pcm = read(tap, first, count)
            others = [each for taps in self.taps for each in taps if each != tap]
            return pcm + sum(read(other, first, count) // 8 for other in others)

        write(self, to_frame, both)

    monkeypatch.setattr(Recorder, "write", crossed)
    assert "nothing-invented" in names(SPOKEN)


def test_a_run_that_falls_over_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def fall(self: Recorder) -> None:
        raise ZeroDivisionError("for nothing")

    monkeypatch.setattr(Recorder, "end", fall)
    (broken,) = try_out(SPOKEN, SECOND_RUNS)
    assert (broken.name, broken.where) == ("goes-through", "ZeroDivisionError: for nothing")


def test_what_the_truth_says_of_packets_written_over_is_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = next(file for file in FINDS if file.stem == "place-moved-back")
    monkeypatch.setattr(ReceivedStream, "note_placed", lambda self, placed: None)
    assert "said-or-missing" in {broken.name for broken in judged_file(file)}


def test_a_find_is_made_small_and_stays_one() -> None:
    def trial(document: Any) -> Violation | None:
        return Violation("x", "x", "x") if "'hangup'" in repr(document) else None

    document, _ = shrunk(SPOKEN, Violation("x", "x", "x"), trial)
    assert document == {
        "name": "spoken",
        "parties": {"ann": {"script": ["hangup"]}, "bob": {}},
        "calls": [{"from": "ann", "to": "bob"}],
    }


def test_making_small_takes_no_more_tries_than_allowed() -> None:
    tried = []
    shrunk(
        SPOKEN,
        Violation("x", "x", "x"),
        lambda _: None,
        most_tries=7,
        on_try=lambda: tried.append(1),
    )
    assert len(tried) == 7


# -- the command --------------------------------------------------------------------------------


def test_the_command_says_that_nothing_was_found(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["fuzz", "--runs", "2", "--seed", "9", "--out", str(tmp_path)])
    assert done.exit_code == 0
    assert done.output.startswith("seed 9: 2 runs in ")
    assert done.output.endswith(", 0 finds\n")
    assert not list(tmp_path.iterdir())


def test_a_find_is_written_with_the_command_that_repeats_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_sample_less(monkeypatch)
    number = next(number for number in range(30) if one_run(9, number) is not None)
    options = ["--runs", "1", "--first", str(number), "--seed", "9", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, ["fuzz", *options])
    assert done.exit_code == 1
    (file,) = tmp_path.iterdir()
    assert f"mediasim fuzz {file}" in done.output
    assert len(file.read_text("utf-8").splitlines()) < 40

    again = CliRunner().invoke(app, ["fuzz", str(file)])
    assert again.exit_code == 1
    assert file.stem.rsplit("-", 2)[0] in again.output

    monkeypatch.undo()
    mended = CliRunner().invoke(app, ["fuzz", str(file)])
    assert mended.exit_code == 0
    assert mended.output == f"{file}: everything holds\n"


def test_a_file_that_is_no_scenario_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("parties: {}\n", "utf-8")
    done = CliRunner().invoke(app, ["fuzz", str(file)])
    assert done.exit_code == 2
    assert "wrong.yaml" in done.stderr
