"""Figures of conversations, from frames that sound or do not."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.audio.tones import noise
from mediasim.conversation.app_figures import (
    BargeIn,
    Meter,
    TimeSpan,
    conversation_figures,
    recording_figures,
)
from mediasim.conversation.spans import total
from mediasim.conversation.turns import utterances
from mediasim.media.recorder import Track
from mediasim.truth.analysis.figures import ConversationMeasures
from mediasim.truth.analysis.recording import SpeakerChannel


def frames(length_ms: int, *spans: tuple[int, int]) -> NDArray[np.bool_]:
    flags = np.zeros(length_ms // 20, np.bool_)
    for start, end in spans:
        flags[start // 20 : end // 20] = True
    return flags


def test_an_answer_and_none() -> None:
    caller = frames(10_000, (1000, 2000), (5000, 6000))
    found = conversation_figures(caller, frames(10_000, (2500, 3500)))
    assert [each.latency_ms for each in found.responses] == [500, None]
    assert (found.worst_latency_ms, found.unanswered) == (500, 1)
    assert found.greeting_ms == 2500
    assert found.dead_air == (TimeSpan(6000, 10_000),)
    assert (found.barge_ins, found.talk_over_ms) == ((), 0)


def test_an_app_that_never_speaks() -> None:
    found = conversation_figures(frames(3000, (500, 900)), frames(3000))
    assert found.greeting_ms is None
    assert found.worst_latency_ms is None
    assert found.worst_reaction_ms is None
    assert found.responses[0].latency_ms is None


def test_an_answer_before_the_end_is_below_zero() -> None:
    found = conversation_figures(frames(4000, (1000, 2000)), frames(4000, (1800, 3000)))
    assert found.responses[0].latency_ms == -200
    assert found.talk_over_ms == 200
    assert found.barge_ins == ()


def test_barge_ins() -> None:
    caller = frames(12_000, (2000, 3000), (6000, 7000))
    app = frames(12_000, (0, 2300), (3600, 9000))
    found = conversation_figures(caller, app)
    assert found.barge_ins == (BargeIn(2000, 300), BargeIn(6000, None))
    assert found.talk_over_ms == 1300
    assert [each.latency_ms for each in found.responses] == [600, None]


def test_pauses_belong_to_what_is_said_and_clicks_are_nothing() -> None:
    caller = frames(4000, (1000, 1500), (1800, 2400), (3000, 3040))
    assert conversation_figures(caller, frames(4000)).caller == (TimeSpan(1000, 2400),)


def test_a_recording_and_a_meter_agree() -> None:
    rng = np.random.default_rng(1)
    pcm = np.zeros((2, 40_000), np.int16)
    pcm[0, 1600:9600] = noise("white", 8000, -20, rng)
    pcm[1, 12_800:20_800] = noise("white", 8000, -20, rng)
    meter = Meter()
    for start in range(0, 40_000, 160):
        meter.hear(Track.INBOUND, pcm[0, start : start + 160])
        meter.hear(Track.OUTBOUND, pcm[1, start : start + 160])
    assert meter.figures() == recording_figures(pcm)
    assert meter.figures().worst_latency_ms == 400
    assert recording_figures(pcm[::-1], caller=2, app=1) == recording_figures(pcm)


FLAGS = st.lists(st.tuples(st.booleans(), st.integers(1, 40)), max_size=30)


@given(FLAGS, FLAGS)
def test_figures_hold_together(one: list[tuple[bool, int]], other: list[tuple[bool, int]]) -> None:
    caller, app = (np.repeat(*_columns(each)) for each in (one, other))
    length = min(len(caller), len(app))
    found = conversation_figures(caller[:length], app[:length])
    assert len(found.responses) == len(found.caller)
    assert found.talk_over_ms <= min(
        sum(it.ms for it in each) for each in (found.caller, found.app)
    )
    for each in found.barge_ins:
        assert each.reaction_ms is None or each.reaction_ms > 0
    assert all(each.ms >= 2000 and each.end_ms <= found.length_ms for each in found.dead_air)
    assert found.to_json()["length_ms"] == length * 20


@given(FLAGS, FLAGS)
def test_an_apps_figures_are_those_of_two_speakers(
    one: list[tuple[bool, int]], other: list[tuple[bool, int]]
) -> None:
    """What ``analyze`` counts of the same sound: the same utterances, overlaps and gaps."""
    caller, app = (np.repeat(*_columns(each)) for each in (one, other))
    length = min(len(caller), len(app))
    found = conversation_figures(caller[:length], app[:length])
    voices = [
        [(it.start_ms * 8, it.end_ms * 8) for it in each] for each in (found.caller, found.app)
    ]
    assert [utterances(each) for each in voices] == voices
    whole = ConversationMeasures(
        (SpeakerChannel("caller", 1), SpeakerChannel("app", 2)), voices, length * 160, [None, None]
    )
    assert whole.overlaps is not None
    assert whole.gaps is not None
    assert found.talk_over_ms * 8 == total(whole.overlaps)
    waited = {(it.after.end_ms + (it.latency_ms or 0), it.latency_ms) for it in found.responses}
    assert {(it.at // 8, it.latency // 8) for it in whole.gaps if it.by == 1} <= waited
    assert {it.at // 8 for it in whole.interruptions or () if it.by == 0} <= {
        it.at_ms for it in found.barge_ins
    }


def _columns(runs: list[tuple[bool, int]]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    return np.array([it[0] for it in runs], np.bool_), np.array([it[1] for it in runs], np.int64)
