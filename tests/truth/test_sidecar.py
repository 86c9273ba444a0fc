"""The sidecar: what it says of a recording is of what was recorded, not of the call around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from records_stage import completed_call, recording

from mediasim import simulate
from mediasim.exchange.media_store import MediaStore
from mediasim.truth.documents import ChannelTruth, Concealed, Gap, Interval, RecordingTruth
from mediasim.truth.publishing import publish_recovered


def truth_of(start: str, directory: Path) -> dict[str, Any]:
    """Of what ann is sent, recorded from ``start`` on; bob is replaced by cleo after 2 s."""
    network = {"delay": "20ms", "conceal": "repeat"}
    scenario = {
        "parties": {
            "ann": {},
            "bob": {"noise": -50, "network": network, "script": [{"pause": "9s"}]},
            "cleo": {"script": [{"tone": {"hz": 440, "for": "500ms"}}, "hangup"]},
        },
        "call": {
            "from": "ann",
            "to": "bob",
            "answer": "100ms",
            "transfer": {"to": "cleo", "at": "2s", "answer": "100ms"},
            "recording": {"track": "outbound", "start": {"at": start}},
        },
    }
    truth = simulate(scenario, directory=directory).recording().truth
    assert truth is not None
    return truth.to_json()


@pytest.mark.parametrize(
    ("start", "background", "lost_audio"),
    [("1s", -50.0, "concealed"), ("2050ms", None, "silence")],
)
def test_who_was_gone_before_it_began_is_not_in_it(
    start: str, background: float | None, lost_audio: str, tmp_path: Path
) -> None:
    truth = truth_of(start, tmp_path)
    (channel,) = truth["channels"]
    assert channel["background_dbfs"] == background
    assert truth["lost_audio"] == lost_audio


def test_it_is_read_back_as_it_was_written() -> None:
    gaps = (Gap(0, 160, "lost", "ann"), Gap(320, 480, "not written", None))
    said = Interval(0, 3, "ann", "say", "no", "00", np.arange(3, dtype=np.int16), "PCMU", 0, 0)
    channel = ChannelTruth(1, (said,), gaps, ((160, -80),), (Concealed(0, 160, "repeat", "ann"),))
    truth = RecordingTruth("RE1", 480, (channel,), ((160, 8000, "skip"),), (), None, True)
    again = RecordingTruth.of_json(truth.to_json(), np.arange(3, dtype=np.int16))
    assert again.to_json() == truth.to_json()
    assert np.array_equal(again.channels[0].intervals[0].pcm, said.pcm)


def test_of_a_recovered_recording_of_which_nothing_is_known_it_has_the_same_shape(
    tmp_path: Path,
) -> None:
    store, record = MediaStore(tmp_path), recording(completed_call())
    record.samples = 800
    record.status = "completed"
    publish_recovered(store, record, tmp_path / "none.journal")
    document = store.truth(record.sid)
    again = RecordingTruth.of_json(document, np.zeros(0, np.int16))
    assert again.to_json() | {"known_until": 0} == document
    assert (again.samples, again.seed, len(again.channels)) == (800, None, 2)
