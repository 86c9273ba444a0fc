"""The recorder by itself: a sample's place in the file is its place in the call, less the skips."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from wiring import Kept

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.media.recorder import PauseBehavior, Recorder, RecordingSegment, Tap, Track

SAID = Tap(0, Track.INBOUND)
SENT = Tap(0, Track.OUTBOUND)


def track(tap: Tap, first: int, count: int) -> NDArray[np.int16]:
    """Each frame of a track holds its own number, those of what is sent another sign."""
    frames = np.repeat(np.arange(first, first + count) + 1, FRAME_SAMPLES)
    return (frames if tap.track is Track.INBOUND else -frames).astype(np.int16)


def frames_of(kept: Kept, channel: int = 0) -> list[int]:
    """The frames' numbers in a channel; each frame is of one piece."""
    frames = kept.pcm[channel].reshape(-1, FRAME_SAMPLES)
    assert (frames == frames[:, :1]).all()
    return [int(frame[0]) for frame in frames]


def recorder_of(*channels: list[Tap], first: int = 0) -> tuple[Recorder, Kept]:
    kept = Kept(len(channels))
    return Recorder(list(channels), kept, first), kept


def test_channels_are_side_by_side_and_taps_of_one_are_mixed() -> None:
    recorder, kept = recorder_of([SAID], [SENT], [SAID, SENT], [SENT, SENT], [], first=7)
    recorder.write(9, track)
    assert [frames_of(kept, channel) for channel in range(5)] == [
        [8, 9],
        [-8, -9],
        [0, 0],
        [-16, -18],
        [0, 0],
    ]
    assert (recorder.samples, recorder.channels) == (320, 5)


def test_what_has_been_written_is_not_written_again() -> None:
    recorder, kept = recorder_of([SAID])
    for frame in (3, 3, 2, 5):
        recorder.write(frame, track)
    assert frames_of(kept) == [1, 2, 3, 4, 5]


def test_what_ended_is_closed_once_and_takes_no_more() -> None:
    recorder, kept = recorder_of([SAID])
    recorder.write(2, track)
    recorder.end()
    recorder.end()
    recorder.write(9, track)
    assert kept.closed
    assert frames_of(kept) == [1, 2]


def test_it_keeps_its_number_of_channels() -> None:
    recorder, _ = recorder_of([SAID], [SENT])
    with pytest.raises(ValueError, match="keeps the number of its channels"):
        recorder.retap([[SAID]])


def test_the_same_taps_again_are_no_change() -> None:
    recorder, _ = recorder_of([SAID])
    recorder.write(4, track)
    recorder.retap([[SAID]])
    recorder.retap([[SENT]])
    assert recorder.tap_log == [(0, [[SAID]]), (4, [[SENT]])]
    assert recorder.taps == [[SENT]]


def test_one_pause_after_another_may_be_of_the_other_kind() -> None:
    recorder, kept = recorder_of([SAID])
    recorder.write(2, track)
    recorder.pause(PauseBehavior.SILENCE)
    recorder.write(4, track)
    recorder.pause(PauseBehavior.SKIP)
    recorder.write(7, track)
    recorder.resume()
    recorder.write(8, track)
    assert frames_of(kept) == [1, 2, 0, 0, 8]
    assert recorder.segments == [
        RecordingSegment(0, 2, 0, "audio"),
        RecordingSegment(2, 2, 320, "silence"),
        RecordingSegment(4, 3, 640, "skip"),
        RecordingSegment(7, 1, 640, "audio"),
    ]
    assert [segment.samples for segment in recorder.segments] == [320, 320, 0, 160]


STEPS = st.lists(
    st.tuples(st.sampled_from(["audio", "silence", "skip"]), st.integers(0, 9)), max_size=15
)


@settings(max_examples=50)
@given(steps=STEPS, first=st.integers(0, 1000))
def test_the_segments_tell_where_every_frame_is(steps: list[tuple[str, int]], first: int) -> None:
    recorder, kept = recorder_of([SAID], [SENT], first=first)
    frame = first
    for mode, count in steps:
        if mode == "audio":
            recorder.resume()
        else:
            recorder.pause(PauseBehavior(mode))
        frame += count
        recorder.write(frame, track)
    said, sent = frames_of(kept, 0), frames_of(kept, 1)
    assert sent == [-number for number in said]
    at, expected = first, list[int]()
    for segment in recorder.segments:
        assert segment.frame == at
        assert segment.offset == len(expected) * FRAME_SAMPLES
        numbers = range(segment.frame + 1, segment.frame + segment.frames + 1)
        expected += {"audio": numbers, "silence": [0] * segment.frames, "skip": []}[segment.kind]
        at += segment.frames
    assert at == recorder.frame == frame
    assert said == expected
    assert recorder.samples == len(expected) * FRAME_SAMPLES
