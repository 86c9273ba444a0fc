"""A room: changes take effect at their own frame, and its recordings hold what was there."""

from __future__ import annotations

import numpy as np
import pytest
from wiring import PATH, Wiring, voice

from mediasim.audio.levels import mix
from mediasim.media.recorder import PauseBehavior

ANN, BOB = voice("ann", 60), voice("bob", 60)


def frames(count: int) -> int:
    return count * 160


# -- legs that come and go ------------------------------------------------------------------


def test_a_leg_is_sent_its_first_frame_when_it_comes_and_its_last_before_it_goes() -> None:
    wiring = Wiring()
    wiring.go(13)
    ann = wiring.leg("ann")
    wiring.go(40)
    wiring.room.remove_leg(ann)
    wiring.go(100)
    heard = wiring.sent("ann")
    assert (heard.first_frame, heard.frames) == (13, 27)
    assert (ann.first_frame, ann.ended_frame) == (13, 40)


def test_who_heard_a_leg_that_is_gone_hears_silence() -> None:
    wiring = Wiring()
    ann, bob = wiring.leg("ann", ANN), wiring.leg("bob", BOB)
    cleo = wiring.leg("cleo", voice("cleo", 60))
    wiring.room.bridge(ann, bob)
    wiring.room.hear(cleo, ann, bob)
    wiring.go(25)
    wiring.room.remove_leg(bob)
    wiring.go(80)
    assert np.array_equal(wiring.sent("ann").between(PATH, 25), BOB[: frames(20)])
    assert not wiring.sent("ann").between(25, 80).any()
    assert np.array_equal(wiring.sent("cleo").between(25, 65), ANN[frames(20) :])
    assert (ann.hears, cleo.hears) == ((), (ann,))


def test_a_leg_that_takes_over_a_row_inherits_nothing() -> None:
    wiring = Wiring()
    ann, bob = wiring.leg("ann"), wiring.leg("bob", BOB)
    wiring.room.hear(ann, bob)
    wiring.go(30)
    wiring.room.remove_leg(bob)
    late = wiring.leg("late")
    assert late.row == bob.row
    wiring.room.hear(ann, late)
    _, kept = wiring.record([late.inbound], [late.outbound])
    wiring.go(90)
    assert not wiring.sent("ann").between(30, 90).any()
    assert not kept.pcm.any()


def test_whom_a_leg_heard_is_known_by_frame() -> None:
    wiring = Wiring()
    ann, bob, cleo = wiring.leg("ann"), wiring.leg("bob"), wiring.leg("cleo")
    wiring.room.hear(ann, bob)
    wiring.go(10)
    wiring.room.hear(ann)
    wiring.go(20)
    wiring.room.hear(ann, cleo, bob)
    assert list(ann.heard_since(0)) == [bob, cleo, bob]
    assert list(ann.heard_since(9)) == [bob, cleo, bob]
    assert list(ann.heard_since(10)) == [cleo, bob]
    assert list(ann.heard_since(50)) == [cleo, bob]
    assert list(bob.heard_since(0)) == []


def test_a_sink_can_be_taken_away_and_given_back() -> None:
    wiring = Wiring()
    ann = wiring.leg("ann")
    wiring.go(10)
    wiring.room.send_to(ann, None)
    wiring.go(30)
    heard = wiring.sent("ann")
    assert heard.frames == 10
    assert ann.sender.sent == 10


# -- recordings -----------------------------------------------------------------------------


def test_tracks_are_recorded_each_in_its_channel() -> None:
    wiring = Wiring()
    ann, bob = wiring.leg("ann", ANN), wiring.leg("bob", BOB)
    wiring.room.bridge(ann, bob)
    recorder, kept = wiring.record([ann.inbound], [bob.inbound], [ann.outbound, bob.outbound], [])
    wiring.go(70)
    wiring.room.stop(recorder)
    one, other, both, nothing = kept.pcm
    assert kept.closed
    assert kept.pcm.shape == (4, frames(70))
    assert np.array_equal(one[frames(PATH) :][: frames(60)], ANN)
    assert np.array_equal(other[frames(PATH) :][: frames(60)], BOB)
    assert np.array_equal(both, mix(np.stack([one, other])))
    assert not nothing.any()


@pytest.mark.parametrize("max_lag", [40, 256, 512])
def test_a_recording_longer_than_all_memory_lacks_nothing(max_lag: int) -> None:
    said = voice("long", 1500)
    wiring = Wiring(max_lag)
    ann = wiring.leg("ann", said)
    wiring.go(3)
    recorder, kept = wiring.record([ann.inbound])
    wiring.go(1600)
    wiring.room.stop(recorder)
    expected = np.zeros(frames(1597), np.int16)
    expected[frames(PATH - 3) : frames(PATH - 3 + 1500)] = said
    assert np.array_equal(kept.pcm[0], expected)


def test_what_was_recorded_is_written_once_a_second() -> None:
    """A kill loses no more than that."""
    wiring = Wiring(max_lag=1)
    ann = wiring.leg("ann", voice("long", 300))
    several = [wiring.record([ann.inbound]) for _ in range(7)]
    for frame in range(1, 301):
        wiring.plane.tick(frame)
        assert all(frame - recorder.frame < 50 for recorder, _ in several)
    assert len({recorder.frame for recorder, _ in several}) == 7  # they take turns


def test_a_pause_is_exact_to_the_frame_silenced_or_skipped() -> None:
    wiring = Wiring()
    ann = wiring.leg("ann", ANN)
    silenced, kept = wiring.record([ann.inbound])
    skipped, short = wiring.record([ann.inbound])
    wiring.go(20)
    wiring.room.pause(silenced, PauseBehavior.SILENCE)
    wiring.room.pause(skipped, PauseBehavior.SKIP)
    assert silenced.paused
    wiring.go(33)
    wiring.room.resume(silenced)
    wiring.room.resume(skipped)
    wiring.go(65)
    wiring.room.stop(silenced)
    wiring.room.stop(skipped)
    whole = np.concatenate((np.zeros(frames(PATH), np.int16), ANN))
    assert np.array_equal(short.pcm[0], np.delete(whole, np.s_[frames(20) : frames(33)]))
    whole[frames(20) : frames(33)] = 0
    assert np.array_equal(kept.pcm[0], whole)
    assert [(s.frame, s.frames, s.offset, s.kind) for s in skipped.segments] == [
        (0, 20, 0, "audio"),
        (20, 13, frames(20), "skip"),
        (33, 32, frames(20), "audio"),
    ]
    assert [s.kind for s in silenced.segments] == ["audio", "silence", "audio"]


def test_other_taps_are_taken_from_the_very_frame_on() -> None:
    wiring = Wiring()
    ann, bob = wiring.leg("ann", ANN), wiring.leg("bob", BOB)
    recorder, kept = wiring.record([ann.inbound])
    wiring.go(30)
    wiring.room.retap(recorder, [[bob.inbound]])
    wiring.go(65)
    wiring.room.stop(recorder)
    channel = kept.pcm[0]
    assert np.array_equal(channel[frames(PATH) : frames(30)], ANN[: frames(25)])
    assert np.array_equal(channel[frames(30) :], BOB[frames(25) :])
    assert [frame for frame, _ in recorder.tap_log] == [0, 30]


def test_what_a_leg_said_stays_in_the_recording_after_it_has_gone() -> None:
    wiring = Wiring()
    ann, bob = wiring.leg("ann", ANN), wiring.leg("bob", BOB)
    recorder, kept = wiring.record([ann.inbound, bob.inbound], [bob.inbound])
    wiring.go(30)
    wiring.room.remove_leg(bob)
    wiring.go(40)
    wiring.leg("late", voice("late", 20))  # in bob's row: none of its words are bob's
    wiring.go(65)
    wiring.room.stop(recorder)
    both, alone = kept.pcm
    assert np.array_equal(alone[frames(PATH) : frames(30)], BOB[: frames(25)])
    assert not alone[frames(30) :].any()
    assert np.array_equal(both[frames(30) :], ANN[frames(25) :])


def test_nothing_is_recorded_after_the_stop() -> None:
    wiring = Wiring()
    ann = wiring.leg("ann", ANN)
    recorder, kept = wiring.record([ann.inbound])
    wiring.go(30)
    wiring.room.stop(recorder)
    wiring.go(65)
    wiring.plane.catch_up(wiring.room)
    assert kept.pcm.shape == (1, frames(30))
    assert recorder.ended


def test_a_closed_room_ends_everything_in_it() -> None:
    wiring = Wiring()
    ann, bob = wiring.leg("ann", ANN), wiring.leg("bob", BOB)
    _, kept = wiring.record([ann.inbound])
    wiring.go(30)
    wiring.room.close()
    wiring.go(90)
    assert kept.closed
    assert kept.pcm.shape == (1, frames(30))
    assert (ann.ended_frame, bob.ended_frame) == (30, 30)
    assert wiring.plane.rooms == []
