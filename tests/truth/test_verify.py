"""What verify measures, on recordings whose every fault is known."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soxr
from calls import SECOND, Samples, call, held, written
from hypothesis import example, given, settings
from hypothesis import strategies as st

import mediasim
from mediasim.audio.files import encode_mp3
from mediasim.audio.wav import read_wav, write_wav
from mediasim.truth.documents import TruthDocumentError
from mediasim.truth.measure import FLOOR_DB
from mediasim.truth.reference import coded
from mediasim.truth.verify.findings import Verification
from mediasim.truth.verify.judge import NOT_TOLD
from mediasim.truth.verify.verify import verify

SEEDS = st.integers(0, 1 << 20)
WORDS = "Good morning, this is the workshop, how can I help you today?"


def moved(pcm: Samples, channel: int, by: int) -> Samples:
    """One channel later by so many samples, the length kept."""
    pcm[channel] = np.roll(pcm[channel], by)
    pcm[channel, :by] = 0
    return pcm


@given(SEEDS)
@settings(max_examples=4, deadline=None)
def test_of_a_clean_recording_nothing_is_said_against(seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = verify(written(Path(folder), seed))
    assert found.ok
    assert found.failures == []
    assert found.cannot_tell == []
    for channel in found.channels:
        assert (channel.offset, channel.drift_ppm, channel.exact) == (0, 0.0, 1.0)
        assert channel.correlation == pytest.approx(1.0)
        assert channel.gain_db == pytest.approx(0.0, abs=1e-6)
        assert channel.pieces == channel.pieces_found > 0
    assert found.across.swapped is False
    assert found.across.identical is False
    assert [level for _, _, level in found.across.crosstalk] == [FLOOR_DB, FLOOR_DB]


@given(SEEDS, st.integers(0, 1), st.integers(9, 1500))
@settings(max_examples=5, deadline=None)
def test_an_offset_is_told_to_the_sample(seed: int, channel: int, by: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = held(Path(folder), seed, lambda pcm: moved(pcm, channel, by))
    assert found.channels[channel].offset == by
    assert found.channels[1 - channel].offset == 0
    assert found.across.offset_between == (by if channel else -by)
    assert found.kinds == ["misaligned"]


@given(SEEDS, st.floats(-20.0, 3.0))
@settings(max_examples=4, deadline=None)
def test_a_gain_is_told_to_a_tenth_of_a_decibel(seed: int, db: float) -> None:
    def louder(pcm: Samples) -> Samples:
        pcm[1] = np.rint(pcm[1] * 10 ** (db / 20))
        return pcm

    with tempfile.TemporaryDirectory() as folder:
        found = held(Path(folder), seed, louder)
    assert found.channels[1].gain_db == pytest.approx(db, abs=0.1)
    assert set(found.kinds) <= {"level"}
    assert ("level" in found.kinds) == (abs(found.channels[1].gain_db or 0) > 1.0)


@given(SEEDS, st.floats(-1000, 1000).filter(lambda ppm: abs(ppm) > 200))
@settings(max_examples=4, deadline=None)
@example(38085, 384.0)  # a piece whose high frequencies half a sample turns by a quarter
@example(0, -950.0)
@example(252, 650.0)  # a piece that is found a few samples beside its place
def test_a_drift_is_told(seed: int, ppm: float) -> None:
    def drifting(pcm: Samples) -> Samples:
        stretched = soxr.resample(pcm[0].astype(np.float64), 8000, 8000 * (1 + ppm * 1e-6))
        pcm[0] = 0
        fits = min(len(stretched), pcm.shape[1])
        pcm[0, :fits] = np.rint(stretched[:fits])
        return pcm

    with tempfile.TemporaryDirectory() as folder:
        found = held(Path(folder), seed, drifting)
    error = found.channels[0].drift_error_ppm
    assert error is not None
    assert found.channels[0].drift_ppm == pytest.approx(ppm, abs=max(20.0, 5 * error))
    assert found.kinds == ["drift"]


@given(SEEDS, st.floats(-40.0, -6.0))
@settings(max_examples=3, deadline=None)
def test_crosstalk_is_told_in_decibels(seed: int, db: float) -> None:
    def leaking(pcm: Samples) -> Samples:
        pcm[1] += np.rint(pcm[0] * 10 ** (db / 20)).astype(np.int16)
        return pcm

    with tempfile.TemporaryDirectory() as folder:
        found = held(Path(folder), seed, leaking)
    levels = {(source, victim): level for source, victim, level in found.across.crosstalk}
    assert levels[1, 2] == pytest.approx(db, abs=0.5)
    assert levels[2, 1] == FLOOR_DB
    assert found.kinds == ["crosstalk"]


def test_audio_left_out_is_found_where_it_was(tmp_path: Path) -> None:
    at = 3 * SECOND + 123
    found = held(tmp_path, 5, lambda pcm: np.delete(pcm, np.s_[at : at + 4000], axis=1))
    assert found.kinds == ["missing"]
    spots = [spot for channel in found.channels for spot in channel.missing]
    assert {spot.samples for spot in spots} == {4000}
    assert any(spot.start - 1 <= at <= spot.start + spot.slack + 1 for spot in spots)


def test_audio_put_in_is_found_where_it_was(tmp_path: Path) -> None:
    at = 4 * SECOND + 77
    found = held(tmp_path, 6, lambda pcm: np.insert(pcm, [at] * 1000, 0, axis=1))
    assert found.kinds == ["inserted"]
    spots = [channel.inserted[0] for channel in found.channels]
    assert [spot.samples for spot in spots] == [1000, 1000]
    assert any(spot.start - 2 <= at <= spot.start + spot.slack + 2 for spot in spots)


def test_a_head_that_is_cut_is_no_misalignment(tmp_path: Path) -> None:
    found = held(tmp_path, 7, lambda pcm: pcm[:, 2000:])
    assert found.kinds == ["truncated"]
    assert "first 0.250 s" in found.failures[0].words


def test_a_lost_frame_of_one_channel_is_silent_there(tmp_path: Path) -> None:
    _, truth, _ = call(8)
    start = (truth["channels"][0]["intervals"][0]["start"] // 160 + 20) * 160

    def lost(pcm: Samples) -> Samples:
        pcm[0, start : start + 320] = 0
        return pcm

    found = held(tmp_path, 8, lost)
    assert found.kinds in (["missing"], [])  # a pause between syllables is not missed
    assert found.channels[1].missing == []


def test_a_sound_nobody_made_is_told(tmp_path: Path) -> None:
    _, truth, _ = call(9)
    free = truth["channels"][0]["intervals"][1]["start"]

    def intruder(pcm: Samples) -> Samples:
        time = np.arange(2400) / 8000
        pcm[1, free + 1600 : free + 4000] = np.rint(3000 * np.sin(2 * np.pi * 700 * time))
        return pcm

    found = held(tmp_path, 9, intruder)
    assert found.kinds == ["inserted"]
    (spot,) = found.channels[1].inserted
    assert spot.why == "never said"
    assert abs(spot.start - free - 1600) <= 320


@pytest.mark.parametrize("seed", [4, 5])
def test_a_decoder_that_recovers_from_a_loss_does_no_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """After a lost packet G.722's decoder is too soft or too loud for a while: its way."""
    monkeypatch.delenv("MEDIASIM_SPEECH", raising=False)
    script = [{"say": {"text": WORDS, "voice": "ben"}}, {"pause": "300ms"}] * 12
    given_call = {
        "seed": seed,
        "parties": {
            "ann": {"codec": "G722", "network": {"loss": "8%"}, "script": script},
            "bob": {"codec": "G722"},
        },
        "call": {"from": "ann", "to": "bob", "recording": "dual"},
    }
    made = mediasim.simulate(given_call, directory=tmp_path).recording().path
    found = verify(made)
    assert found.ok, found.failures


# -- anybody's files ---------------------------------------------------------------------------


def test_another_rate_and_length(tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    pcm = read_wav(path).pcm.astype(np.float64)
    longer = np.pad(pcm, ((0, 0), (12_000, 5000)))
    write_wav(
        tmp_path / "theirs.wav",
        np.stack(
            [np.rint(soxr.resample(it, 8000, 16_000)).clip(-32768, 32767) for it in longer]
        ).astype(np.int16),
        rate=16_000,
    )
    truth = path.with_suffix(".truth.json")
    found = verify(tmp_path / "theirs.wav", truth, any_start=True)
    assert found.ok
    assert found.rate == 16_000
    assert [it.offset for it in found.channels] == [12_000, 12_000]
    assert verify(tmp_path / "theirs.wav", truth).kinds == ["misaligned"]


def test_an_mp3(tmp_path: Path) -> None:
    path = written(tmp_path, 4)
    theirs = tmp_path / "theirs.mp3"
    theirs.write_bytes(encode_mp3(read_wav(path).pcm, 64_000))
    found = verify(theirs, path.with_suffix(".truth.json"), any_start=True)
    assert found.ok, found.failures
    assert all((it.correlation or 0) > 0.9 for it in found.channels)


def test_one_channel_is_held_against_the_mix(tmp_path: Path) -> None:
    found = verify(written(tmp_path, 2, mono=True))
    assert found.ok
    assert found.across.swapped is None
    assert found.across.identical is None
    assert found.across.crosstalk == []
    assert "held against their mix" in found.cannot_tell[0]
    assert found.channels[0].parties == ("a", "b")


def test_channels_in_files_of_their_own_may_differ_in_length(tmp_path: Path) -> None:
    path = written(tmp_path, 2)
    pcm = read_wav(path).pcm
    write_wav(tmp_path / "in.wav", pcm[:1])
    write_wav(tmp_path / "out.wav", pcm[1:, : -SECOND // 2])
    found = verify([tmp_path / "in.wav", tmp_path / "out.wav"], path.with_suffix(".truth.json"))
    assert "unequal" in found.kinds
    assert found.to_json()["across"]["unequal_samples"] == SECOND // 2


def test_silent_channels_more_than_there_should_be(tmp_path: Path) -> None:
    """As rtpengine's recorder makes them: four, of which two are silent."""
    path = written(tmp_path, 2)
    pcm = read_wav(path).pcm
    write_wav(tmp_path / "four.wav", np.concatenate((pcm, np.zeros_like(pcm))))
    found = verify(tmp_path / "four.wav", path.with_suffix(".truth.json"))
    assert found.ok


def test_speech_beside_a_single_channel_is_one_channel_too_many(tmp_path: Path) -> None:
    path = written(tmp_path, 2)
    beside = path.with_suffix(".truth.json")
    truth = json.loads(beside.read_text("utf-8"))
    del truth["channels"][1]
    beside.write_text(json.dumps(truth))
    found = verify(path)
    assert found.kinds == ["channels"]
    assert "the file has 2 channels, the truth 1: sound is in channel 2" in found.failures[0].words


def test_another_recordings_truth_is_told_as_such(tmp_path: Path) -> None:
    path = written(tmp_path, 2)
    truth = written(tmp_path, 3).with_suffix(".truth.json")
    (tmp_path / "said.wav").replace(tmp_path / "three.wav")
    truth.write_text(truth.read_text("utf-8").replace("said.wav", "three.wav"), "utf-8")
    written(tmp_path, 2)
    doubt = "whether the truth is this recording's: nothing of what it says was said is found"
    assert any(doubt in words for words in verify(path, truth).cannot_tell)
    assert not any(doubt in words for words in verify(path).cannot_tell)


def test_a_truth_of_another_rate_is_refused(tmp_path: Path) -> None:
    beside = written(tmp_path, 2).with_suffix(".truth.json")
    beside.write_text(beside.read_text("utf-8").replace("{", '{"sample_rate": 16000, ', 1))
    with pytest.raises(TruthDocumentError, match="sample_rate: input should be 8000"):
        verify(tmp_path / "call-2.wav")


# -- what cannot be told -----------------------------------------------------------------------


def nothing_told(found: Verification) -> None:
    assert found.exit_code == NOT_TOLD
    assert not found.failures
    assert found.cannot_tell


def test_without_a_truth_little_can_be_told(tmp_path: Path) -> None:
    path = written(tmp_path, 2)
    path.with_suffix(".truth.json").unlink()
    found = verify(path)
    nothing_told(found)
    assert found.across.identical is False
    assert found.to_json()["channels"] == []


def test_without_the_reference_audio(tmp_path: Path) -> None:
    path = written(tmp_path, 2)
    (tmp_path / "said.wav").unlink()
    found = verify(path)
    assert any("reference audio" in words for words in found.cannot_tell)
    assert found.to_json()["channels"][0]["offset_samples"] is None


def test_a_channel_in_which_nobody_speaks_has_no_offset(tmp_path: Path) -> None:
    path = written(tmp_path, 2, turns=1)
    found = verify(path)
    silent = found.to_json()["channels"][1]
    assert found.ok
    assert (silent["offset_samples"], silent["drift_ppm"], silent["gain_db"]) == (None,) * 3
    assert any("channel 2: nobody says anything" in words for words in found.cannot_tell)


def test_a_truth_that_is_none(tmp_path: Path) -> None:
    path = written(tmp_path, 2)
    for text in ("{}", "[]", "no", '{"samples": 3, "channels": [1]}'):
        (tmp_path / "wrong.json").write_text(text)
        with pytest.raises(TruthDocumentError, match=r"wrong\.json"):
            verify(path, tmp_path / "wrong.json")


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"", "unreadable"), (b"RIFF" + bytes(40), "empty"), (b"hello " * 40, "unreadable")],
)
def test_files_without_sound(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(content)
    assert verify(path).kinds == [kind]


def test_a_header_that_is_cut_off_or_has_an_impossible_rate(tmp_path: Path) -> None:
    path = written(tmp_path, 2)
    whole = path.read_bytes()
    for length in range(44):
        path.write_bytes(whole[:length])
        assert verify(path).kinds in (["empty"], ["unreadable"])
    path.write_bytes(whole[:24] + b"\xff" * 4 + whole[28:])
    assert verify(path).kinds == ["unreadable"]


def test_a_file_that_is_cut_off_is_measured_all_the_same(tmp_path: Path) -> None:
    path = written(tmp_path, 2)
    path.write_bytes(path.read_bytes()[:-8001])
    found = verify(path)
    assert found.kinds == ["header", "truncated"]
    assert found.channels[0].offset == 0


# -- parties that are not simulated ---------------------------------------------------------------


def half_unscripted(folder: Path, *, scripted_too: bool) -> Path:
    """A call with somebody in the second channel of whom the truth knows the name alone."""
    path = written(folder, 8)
    beside = path.with_suffix(".truth.json")
    truth = json.loads(beside.read_text())
    truth["channels"][1]["unscripted"] = ["carol"]
    if not scripted_too:
        truth["channels"][1]["intervals"] = []
    beside.write_text(json.dumps(truth))
    return path


def test_nothing_is_said_against_a_voice_that_no_truth_knows(tmp_path: Path) -> None:
    found = verify(half_unscripted(tmp_path, scripted_too=False))
    assert (found.exit_code, found.failures) == (0, [])
    known, unknown = found.channels
    assert (known.offset, known.exact) == (0, 1.0)
    assert (unknown.offset, unknown.exact, unknown.correlation) == (None, None, None)
    told = unknown.to_json()
    assert (told["parties"], told["unscripted"]) == (["carol"], ["carol"])
    assert (told["missing"], told["inserted"], told["clicks"]) == (None, None, None)
    words = [it for it in found.cannot_tell if it.startswith("channel 2")]
    assert words[0].startswith("channel 2: what carol said, not being simulated")
    assert words[1] == "channel 2: nothing else is heard in it, so it has no place in time"


def test_what_is_scripted_beside_such_a_voice_is_still_measured(tmp_path: Path) -> None:
    path = half_unscripted(tmp_path, scripted_too=True)
    pcm = read_wav(path).pcm
    quiet = np.flatnonzero(~pcm.any(axis=0))
    start = int(quiet[np.flatnonzero(np.diff(quiet) > 1)[0]]) - 1000  # nobody of the truth speaks
    pcm[1, start : start + 900] = 5000
    write_wav(path, pcm)
    found = verify(path)
    assert (found.exit_code, found.failures) == (0, [])
    assert found.channels[1].offset == 0
    assert found.channels[1].to_json()["inserted"] is None
    write_wav(path, moved(pcm, 1, 400))
    assert verify(path).kinds == ["misaligned"]


def test_of_two_such_voices_nothing_can_be_told(tmp_path: Path) -> None:
    path = half_unscripted(tmp_path, scripted_too=False)
    beside = path.with_suffix(".truth.json")
    truth = json.loads(beside.read_text())
    truth["channels"][0] |= {"unscripted": ["dave"], "intervals": []}
    beside.write_text(json.dumps(truth))
    assert verify(path).exit_code == NOT_TOLD


# -- packets, at any phase ------------------------------------------------------------------------


def packets(pcm: Samples, channel: int, phase: int, count: int) -> list[int]:
    """The first samples of so many packets, amid loud ones, on a grid that begins at a phase."""
    grid = range(1600 + phase, pcm.shape[1] - 1600, 160)
    sizes = {at: np.abs(pcm[channel, at : at + 160].astype(int)).mean() for at in grid}
    loud = [at for at in grid if min(sizes.get(at + step, 0) for step in (-160, 0, 160, 320)) > 400]
    return loud[3 :: len(loud) // (count + 1)][:count]


@given(SEEDS, st.integers(0, 159))
@settings(max_examples=4, deadline=None)
def test_packets_lost_at_any_phase_are_missing_to_the_sample(seed: int, phase: int) -> None:
    pcm, _, _ = call(seed)
    lost = packets(pcm, 0, phase, 10)

    def zeroed(pcm: Samples) -> Samples:
        for at in lost:
            pcm[0, at : at + 160] = 0
        return pcm

    with tempfile.TemporaryDirectory() as folder:
        found = held(Path(folder), seed, zeroed)
    assert found.kinds == ["missing"]
    assert len(found.channels[0].missing) == len(lost)
    for at, spot in zip(lost, found.channels[0].missing, strict=True):
        assert at <= spot.start < spot.end <= at + 160
    assert found.channels[1].missing == []


@given(SEEDS, st.integers(0, 159))
@settings(max_examples=3, deadline=None)
def test_packets_twice_and_in_the_wrong_order_are_told_apart(seed: int, phase: int) -> None:
    pcm, _, _ = call(seed)
    struck = packets(pcm, 0, phase, 16)

    def changed(pcm: Samples) -> Samples:
        for at in struck[::2]:
            pcm[0, at : at + 160] = pcm[0, at - 160 : at].copy()
        for at in struck[1::2]:
            pcm[0, at : at + 320] = np.roll(pcm[0, at : at + 320], 160)
        return pcm

    with tempfile.TemporaryDirectory() as folder:
        found = held(Path(folder), seed, changed)
    assert {"repeated", "reordered"} <= set(found.kinds)
    assert not {"missing", "inserted", "misaligned"} & set(found.kinds)
    channel = found.channels[0]
    for spots, places in ((channel.repeated, struck[::2]), (channel.reordered, struck[1::2])):
        near = [min(abs(spot.start - at) for at in places) for spot in spots]
        assert sum(distance <= 320 for distance in near) >= 0.8 * len(places)


@pytest.mark.parametrize("begin", [0, 7, 101])
def test_a_lost_packet_is_seen_in_a_file_of_another_rate(tmp_path: Path, begin: int) -> None:
    """The recorder began between two of our samples."""
    path = written(tmp_path, 3)
    pcm = np.array(read_wav(path).pcm)
    lost = packets(pcm, 1, 37, 6)
    for at in lost:
        pcm[1, at : at + 160] = 0
    high = np.stack([soxr.resample(it.astype(np.float64), 8000, 44_100) for it in pcm])
    theirs = tmp_path / "theirs.wav"
    write_wav(theirs, np.rint(high[:, begin:]).clip(-32768, 32767).astype(np.int16), rate=44_100)
    found = verify(theirs, path.with_suffix(".truth.json"), any_start=True)
    assert found.kinds == ["missing"]
    assert found.channels[0].missing == []
    starts = [spot.start + begin * 8000 // 44_100 for spot in found.channels[1].missing]
    assert all(min(abs(at - start) for start in starts) <= 80 for at in lost), (lost, starts)


def test_polarity_is_a_kind_of_its_own(tmp_path: Path) -> None:
    def upside_down(pcm: Samples) -> Samples:
        pcm[1] = -pcm[1]
        return pcm

    found = held(tmp_path, 4, upside_down)
    assert found.kinds == ["polarity"]
    assert [it.inverted for it in found.channels] == [False, True]
    assert found.channels[1].offset == 0


def test_polarity_that_turns_on_the_way_is_told_from_where_it_turns(tmp_path: Path) -> None:
    _, truth, _ = call(4)
    turn = truth["channels"][1]["intervals"][1]["start"]

    def turning(pcm: Samples) -> Samples:
        pcm[1, turn : turn + 6 * SECOND] = -pcm[1, turn : turn + 6 * SECOND]
        return pcm

    found = held(tmp_path, 4, turning)
    assert found.kinds == ["polarity"]
    spots = found.channels[1].flipped or found.channels[1].missing
    assert spots


@given(SEEDS, st.integers(300, 4000))
@settings(max_examples=4, deadline=None)
def test_echoes_are_told_with_their_delay(seed: int, lag: int) -> None:
    def echoing(pcm: Samples) -> Samples:
        pcm[0, lag:] += np.rint(pcm[1, :-lag] * 0.1).astype(np.int16)
        return pcm

    with tempfile.TemporaryDirectory() as folder:
        found = held(Path(folder), seed, echoing)
    assert found.kinds == ["echo"]
    ((source, victim, late, db),) = found.across.echoes
    assert (source, victim, late) == (2, 1, lag)
    assert db == pytest.approx(-20.0, abs=1.0)


def test_noise_offset_and_a_narrow_band_are_told_with_their_figures(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)

    def spoilt(pcm: Samples) -> Samples:
        noise = draw.normal(0, 32768 * 10 ** (-50 / 20), pcm.shape[1])
        pcm[0] = np.rint((pcm[0] + noise + 400).clip(-32768, 32767))
        taps = np.sinc((np.arange(201) - 100) / 2) / 2 * np.hamming(201)
        pcm[1] = np.rint(np.convolve(pcm[1], taps, "same")).clip(-32768, 32767)
        return pcm

    found = held(tmp_path, 5, spoilt)
    assert set(found.kinds) == {"noise", "dc", "bandwidth"}
    assert found.channels[0].noise_dbfs == pytest.approx(-50, abs=0.5)
    assert found.channels[0].dc == pytest.approx(400, abs=5)
    assert found.channels[1].band is not None
    assert found.channels[1].band[1] == pytest.approx(2000, abs=250)


def test_tops_that_were_cut_off_before_it_was_made_softer(tmp_path: Path) -> None:
    def cut(pcm: Samples) -> Samples:
        top = np.quantile(np.abs(pcm[0][pcm[0] != 0]), 0.9)
        pcm[0] = np.rint(np.clip(pcm[0], -top, top) * 0.6)
        return pcm

    found = held(tmp_path, 6, cut)
    assert "clipping" in found.kinds
    assert set(found.kinds) <= {"clipping", "level"}


def test_a_third_channel_with_sound_is_one_too_many(tmp_path: Path) -> None:
    path = written(tmp_path, 2)
    pcm = read_wav(path).pcm
    write_wav(tmp_path / "three.wav", np.concatenate((pcm, pcm[:1] // 2)))
    found = verify(tmp_path / "three.wav", path.with_suffix(".truth.json"))
    assert found.kinds == ["channels"]


@pytest.mark.parametrize("law", ["PCMA", "PCMU"])
def test_a_recorder_that_writes_g711_is_right(tmp_path: Path, law: str) -> None:
    """A-law has no zero: its silence is 8 or -8."""
    found = held(tmp_path, 8, lambda pcm: np.stack([coded(channel, law) for channel in pcm]))
    assert found.ok, found.failures
    assert all((it.exact or 0) == 1.0 for it in found.channels)
