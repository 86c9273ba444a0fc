"""Every expectation can fail, and says what was found and where to listen.

One call is recorded; its file is then spoiled in ways that a recorder might spoil it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mediasim.audio.files import encode_mp3
from mediasim.audio.wav import read_wav, write_wav
from mediasim.scenario.expectations.checks import Verdict, check
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.running.runner import Run, run_scenario
from mediasim.truth.documents import Interval

Samples = NDArray[np.int16]

PARTIES: dict[str, Any] = {
    "alice": {
        "script": [
            {"say": {"text": "I would like to order a lamp, please.", "at": "2s"}},
            {"say": {"text": "It is the green one.", "at": "9s"}},
        ]
    },
    "bob": {
        "script": [
            {"say": {"text": "Which one would you like?", "at": "6s"}},
            {"noise": {"kind": "babble", "for": "1s", "level": -20, "at": "12s"}},
        ]
    },
    "mute": {},
}
CALLS: list[dict[str, Any]] = [
    {
        "from": "alice",
        "to": "bob",
        "recordings": [
            {"name": "dual", "channels": "dual"},
            {"name": "one", "track": "inbound"},
            {"name": "never", "start": {"event": "conference.started"}},
        ],
    },
    {"name": "post", "from": "mute", "voicemail": {"name": "empty", "timeout": "1s"}},
]


def parsed(**more: Any) -> Any:
    profile = "2022-05"  # a silent message is absent
    return parse_scenario({"parties": PARTIES, "calls": CALLS, "profile": profile, **more})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_scenario(parsed(), tmp_path_factory.mktemp("run"))


@pytest.fixture
def spoil(run: Run) -> Iterator[Callable[[Callable[[Samples], Samples]], None]]:
    """Changes the dual recording's samples, for the length of a test."""
    recording = run.recording("dual")
    assert recording is not None
    path = run.exchange.store.wav_path(recording.sid)
    good = read_wav(path).pcm.copy()

    def change(spoiled: Callable[[Samples], Samples]) -> None:
        write_wav(path, spoiled(good.copy()))

    yield change
    write_wav(path, good)


def verdict(run: Run, wanted: object) -> Verdict:
    (expectation,) = parsed(expect=[wanted]).expect
    return check(run, expectation)


def said(run: Run, text: str) -> Interval:
    recording = run.recording("dual")
    assert recording is not None
    intervals = [it for channel in run.truths[recording.sid].channels for it in channel.intervals]
    return next(it for it in intervals if text in it.text)


def place(run: Run, channel: int, sample: int) -> dict[str, Any]:
    recording = run.recording("dual")
    assert recording is not None
    file = f"recordings/{recording.sid}.wav"
    return {"file": file, "channel": channel, "time": round(sample / 8000, 3)}


Spoil = Callable[[Callable[[Samples], Samples]], None]


def dual(kind: str, **keys: Any) -> dict[str, Any]:
    return {kind: {"recording": "dual", **keys}}


GOOD = [
    dual("channels", **{"is": 2}),
    dual("duration", **{"is": "12.7s", "within": "1s"}),
    dual("status", **{"is": "completed"}),
    dual("heard", party="alice", channel=1, text="order a lamp", between=["0s", "5s"]),
    dual("heard", party="bob", channel=2),
    dual("silent", channel=2, between=["0s", "4s"]),
    dual("no_crosstalk"),
    dual("aligned"),
    dual("aligned", party="bob"),
    dual("download", requested_channels=1, channels=1, format="mp3"),
    {"status": {"call": "main", "is": "completed"}},
    {"events": ["call.ringing", "recording.started", "call.completed"]},
]


@pytest.mark.parametrize("wanted", GOOD, ids=lambda it: next(iter(it)))
def test_a_good_recording_holds(run: Run, wanted: object) -> None:
    held = verdict(run, wanted)
    assert held.ok, held.found
    assert held.where is None


# -- files that were spoiled ----------------------------------------------------------------


def test_swapped_channels_are_heard(run: Run, spoil: Spoil) -> None:
    spoil(lambda pcm: pcm[::-1])
    heard = verdict(run, dual("heard", party="alice", channel=1, text="order a lamp"))
    assert not heard.ok
    assert heard.found.endswith("is in channel 2 instead of channel 1")
    assert heard.where == place(run, 1, said(run, "lamp").start)
    aligned = verdict(run, dual("aligned"))
    assert not aligned.ok
    assert "instead of channel 1" in aligned.found


@pytest.mark.parametrize(("samples", "words"), [(160, "late"), (-160, "early")])
def test_a_shift_of_20_ms_is_measured(run: Run, spoil: Spoil, samples: int, words: str) -> None:
    spoil(lambda pcm: np.stack([np.roll(pcm[0], samples), pcm[1]]))
    aligned = verdict(run, dual("aligned", within=159))
    assert not aligned.ok
    assert f"stands 160 samples {words} (20.0 ms) in channel 1" in aligned.found
    assert aligned.where == place(run, 1, said(run, "lamp").start + samples)
    assert verdict(run, dual("aligned", within=160)).ok
    assert verdict(run, dual("aligned", party="bob")).ok


def test_a_silenced_channel_has_nobody_in_it(run: Run, spoil: Spoil) -> None:
    spoil(lambda pcm: pcm * np.array([[1], [0]], np.int16))
    heard = verdict(run, dual("heard", party="bob", text="which one"))
    assert not heard.ok
    assert "should be in channel 2, but nothing there is like it (correlation 0.000)" in heard.found
    assert heard.where == place(run, 2, said(run, "Which").start)
    assert not verdict(run, dual("aligned", party="bob")).ok
    assert verdict(run, dual("aligned", party="alice")).ok


def test_one_clip_that_is_missing_is_missed(run: Run, spoil: Spoil) -> None:
    clip = said(run, "green")

    def without(pcm: Samples) -> Samples:
        pcm[0, clip.start : clip.end] = 0
        return pcm

    spoil(without)
    aligned = verdict(run, dual("aligned"))
    assert not aligned.ok
    assert aligned.found.startswith("alice's 'It is the green one.' should be in channel 1")
    assert aligned.where == place(run, 1, clip.start)


def test_a_leak_is_measured_where_it_is(run: Run, spoil: Spoil) -> None:
    clip = said(run, "Which")

    def leaking(pcm: Samples) -> Samples:
        pcm[0, clip.start : clip.end] += (pcm[1, clip.start : clip.end] * 10 ** (-30 / 20)).astype(
            np.int16
        )
        return pcm

    spoil(leaking)
    crosstalk = verdict(run, dual("no_crosstalk"))
    assert not crosstalk.ok
    level, _, channel = crosstalk.found.partition(" dB, into channel ")
    assert float(level) == pytest.approx(-30, abs=1)
    assert channel == "1"
    assert crosstalk.where == place(run, 1, clip.start)
    assert verdict(run, dual("no_crosstalk", above=-28)).ok


def test_a_sound_in_the_silence_is_found(run: Run, spoil: Spoil) -> None:
    def beeping(pcm: Samples) -> Samples:
        pcm[1, 16000:16160] = 1000
        return pcm

    spoil(beeping)
    silent = verdict(run, dual("silent", between=["0s", "4s"], channel=2))
    assert not silent.ok
    assert silent.found == "-30.3 dBFS at its loudest, in channel 2"
    assert silent.where == place(run, 2, 16000)
    assert verdict(run, dual("silent", between=["0s", "4s"], channel=2, below=-30)).ok


def test_a_file_cut_short_is_shorter(run: Run, spoil: Spoil) -> None:
    spoil(lambda pcm: pcm[:, :40000])
    duration = verdict(run, dual("duration", **{"is": "12.7s", "within": "1s"}))
    assert not duration.ok
    assert duration.found == "5.000 s"
    assert duration.where == place(run, 1, 40000)


def test_a_lost_channel_is_counted(run: Run, spoil: Spoil) -> None:
    spoil(lambda pcm: pcm[:1])
    channels = verdict(run, dual("channels", **{"is": 2}))
    assert not channels.ok
    assert channels.found.startswith("1 (")


# -- expectations that are wrong ------------------------------------------------------------

WRONG = [
    (dual("channels", **{"is": 1}), "2 (Two channels were asked for"),
    (dual("duration", **{"is": "3s"}), "12."),
    (dual("status", **{"is": "absent"}), "completed"),
    ({"status": {"call": "main", "is": "busy"}}, "completed"),
    (dual("heard", party="bob", channel=1, text="which one"), "bob is heard in channel 2 instead"),
    (
        dual("heard", party="alice", text="order", between=["8s", "9s"]),
        "nothing of the kind was recorded of alice",
    ),
    (dual("silent", channel=1), "-1"),
    (dual("silent", between=["30s", "31s"]), "the recording ends at 12."),
    ({"events": ["call.busy"]}, "no call.busy; there were: call.ringing"),
    ({"events": ["call.completed", "call.bridged"]}, "no call.bridged after call.completed; there"),
    (dual("download", requested_channels=2, status=404), "200, 2 channels: Two channels were"),
    (dual("download", requested_channels=1, channels=2), "200, 1 channel: One channel was asked"),
    (dual("download", requested_channels=3), "400: RequestedChannels is neither 1 nor 2."),
    (
        {"channels": {"recording": "never", "is": 2}},
        "recording never was never started (recordings there are: empty, dual, one)",
    ),
    ({"status": {"recording": "never", "is": "completed"}}, "recording never was never started"),
    (
        {"heard": {"recording": "empty", "party": "mute"}},
        "recording empty is absent: nothing but silence was recorded",
    ),
    ({"duration": {"recording": "empty", "is": "1s"}}, "0.000 s"),
    ({"download": {"recording": "empty"}}, "404: The recording is absent"),
]


@pytest.mark.parametrize(("wanted", "found"), WRONG, ids=lambda it: str(it)[:60])
def test_a_wrong_expectation_says_what_was_found(run: Run, wanted: object, found: str) -> None:
    failed = verdict(run, wanted)
    assert not failed.ok
    assert failed.found.startswith(found) or found in failed.found


def test_what_has_no_file_has_no_place_to_listen_at(run: Run) -> None:
    assert verdict(run, {"duration": {"recording": "empty", "is": "1s"}}).where is None
    assert verdict(run, {"download": {"recording": "empty"}}).where is None
    assert verdict(run, {"status": {"call": "main", "is": "busy"}}).where is None


def test_a_verdict_says_what_was_wanted(run: Run) -> None:
    heard = verdict(run, dual("heard", party="alice", channel=1, between=["0s", "1.5s"]))
    assert heard.wanted == "recording dual, party alice, channel 1, between [0s, 1.5s]"
    assert verdict(run, dual("download")).wanted == "recording dual"


def test_nothing_can_be_told_of_a_call_in_which_nobody_speaks(tmp_path: Path) -> None:
    scenario = parse_scenario(
        {
            "parties": {"a": {}, "b": {"script": [{"pause": "1s"}]}},
            "call": {"from": "a", "to": "b", "recording": "dual"},
            "expect": [{"aligned": 0}, {"no_crosstalk": -50}, {"silent": {}}],
        }
    )
    quiet = run_scenario(scenario, tmp_path)
    assert [check(quiet, wanted).ok for wanted in scenario.expect] == [False, False, True]


def test_a_sound_that_both_make_at_once_is_no_leak(tmp_path: Path) -> None:
    tone: list[Any] = [{"tone": {"hz": [440, 620], "for": "2s"}}]
    scenario = parse_scenario(
        {
            "parties": {"a": {"script": tone}, "b": {"script": [*tone, {"say": "Hello"}]}},
            "call": {"from": "a", "to": "b", "recording": "dual"},
            "expect": [{"no_crosstalk": -50}, {"aligned": 0}],
        }
    )
    both = run_scenario(scenario, tmp_path)
    assert [check(both, wanted).found for wanted in scenario.expect] == [
        "none is found",
        "3 clips, 0 samples off at most",
    ]


def test_mp3_downloads_are_counted_in_the_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "mediasim.exchange.rendition.encode_mp3", lambda pcm, rate: encode_mp3(pcm[:1], 32_000)
    )
    download = verdict(run, dual("download", requested_channels=2, channels=2, format="mp3"))
    assert not download.ok
    assert download.found.startswith("200, 1 channel")
