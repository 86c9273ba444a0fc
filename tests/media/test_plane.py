"""The media plane: who hears whom, to the sample, and how far it runs ahead."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from wiring import PATH, Wiring, voice

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.g711 import ulaw_decode, ulaw_encode
from mediasim.media.recorder import Track
from mediasim.media.room import Room

ANN, BOB, CLEO = voice("ann", 40), voice("bob", 40), voice("cleo", 40)


def summed(*parts: NDArray[np.int16]) -> NDArray[np.int16]:
    """Voices added up, as they come out of a telephone line."""
    total = np.clip(sum(part.astype(np.int32) for part in parts), -32768, 32767)
    return ulaw_decode(ulaw_encode(total.astype(np.int16)))


# -- who hears whom -------------------------------------------------------------------------


def test_bridged_legs_hear_each_other_and_not_themselves() -> None:
    wiring = Wiring()
    ann, bob = wiring.leg("ann", ANN), wiring.leg("bob", BOB)
    wiring.room.bridge(ann, bob)
    wiring.go(100)
    assert np.array_equal(wiring.sent("ann").between(PATH, PATH + 40), BOB)
    assert np.array_equal(wiring.sent("bob").between(PATH, PATH + 40), ANN)
    assert not wiring.sent("ann").between(0, PATH).any()
    assert not wiring.sent("ann").between(PATH + 40, 100).any()


def test_hearing_can_be_one_way() -> None:
    wiring = Wiring()
    ann, bob = wiring.leg("ann", ANN), wiring.leg("bob", BOB)
    wiring.room.hear(ann, bob)
    wiring.go(50)
    assert np.array_equal(wiring.sent("ann").between(PATH, 45), BOB)
    assert not wiring.sent("bob").pcm.any()


def test_several_that_are_heard_are_added_up() -> None:
    wiring = Wiring()
    ann, bob, cleo = wiring.leg("ann"), wiring.leg("bob", BOB), wiring.leg("cleo", CLEO)
    wiring.room.hear(ann, bob, cleo)
    wiring.go(50)
    assert np.array_equal(wiring.sent("ann").between(PATH, 45), summed(BOB, CLEO))


def test_what_is_too_loud_together_is_cut_off_and_does_not_wrap() -> None:
    loud = np.full(10 * FRAME_SAMPLES, 30000, np.int16)
    wiring = Wiring()
    ann, bob, cleo = wiring.leg("ann"), wiring.leg("bob", loud), wiring.leg("cleo", loud)
    wiring.room.hear(ann, bob, cleo)
    wiring.go(20)
    assert set(wiring.sent("ann").between(PATH, PATH + 10)) == {32124}  # mu-law's loudest


def test_in_a_conference_each_hears_all_the_others() -> None:
    wiring = Wiring()
    for name, pcm in (("ann", ANN), ("bob", BOB), ("cleo", CLEO)):
        wiring.room.confer(wiring.leg(name, pcm), "main")
    wiring.go(60)
    for name, others in (("ann", (BOB, CLEO)), ("bob", (ANN, CLEO)), ("cleo", (ANN, BOB))):
        assert np.array_equal(wiring.sent(name).between(PATH, PATH + 40), summed(*others)), name


def test_who_is_muted_hears_and_is_not_heard() -> None:
    wiring = Wiring()
    ann, bob = wiring.leg("ann", ANN), wiring.leg("bob", BOB)
    wiring.room.confer(ann, "main", muted=True)
    wiring.room.confer(bob, "main")
    wiring.go(20)
    wiring.room.confer(ann, "main", muted=False)
    wiring.go(60)
    assert np.array_equal(wiring.sent("ann").between(PATH, 45), BOB)
    assert not wiring.sent("bob").between(0, 20).any()
    said = (20 - PATH) * FRAME_SAMPLES
    assert np.array_equal(wiring.sent("bob").between(20, 45), ANN[said:])


def test_who_has_left_the_conference_is_silent_both_ways() -> None:
    wiring = Wiring()
    ann, bob = wiring.leg("ann", ANN), wiring.leg("bob", BOB)
    wiring.room.confer(ann, "main")
    wiring.room.confer(bob, "main")
    wiring.go(20)
    wiring.room.confer(bob, None)
    wiring.go(60)
    for name in ("ann", "bob"):
        assert wiring.sent(name).between(19, 20).any()
        assert not wiring.sent(name).between(20, 60).any()


def test_conferences_of_one_room_do_not_hear_each_other() -> None:
    wiring = Wiring()
    for name, pcm, key in (("ann", ANN, 1), ("bob", BOB, 1), ("cleo", CLEO, 2), ("dan", None, 2)):
        wiring.room.confer(wiring.leg(name, pcm), key)
    wiring.go(60)
    assert np.array_equal(wiring.sent("ann").between(PATH, 45), BOB)
    assert np.array_equal(wiring.sent("dan").between(PATH, 45), CLEO)
    assert not wiring.sent("cleo").pcm.any()


def test_who_is_in_a_conference_may_hear_somebody_outside_too() -> None:
    wiring = Wiring()
    ann, bob = wiring.leg("ann", ANN), wiring.leg("bob", BOB)
    cleo = wiring.leg("cleo", CLEO)
    wiring.room.confer(ann, "main")
    wiring.room.confer(bob, "main")
    wiring.room.hear(bob, cleo)
    wiring.go(45)
    assert np.array_equal(wiring.sent("ann").between(PATH, 45), BOB)
    assert np.array_equal(wiring.sent("bob").between(PATH, 45), summed(ANN, CLEO))


def test_rooms_do_not_hear_each_other() -> None:
    wiring = Wiring()
    other = Room(wiring.plane)
    for room, names in ((wiring.room, ("ann", "bob")), (other, ("cleo", "dan"))):
        for name in names:
            room.confer(wiring.leg(name, voice(name, 40), room=room), "main")
    wiring.go(60)
    wiring.plane.catch_up(other)
    assert np.array_equal(wiring.sent("ann").between(PATH, 45), BOB)
    assert np.array_equal(wiring.sent("dan").between(PATH, 45), CLEO)


def test_all_rooms_tick_together() -> None:
    wiring = Wiring(max_lag=1)
    other = Room(wiring.plane)
    for room, names in ((wiring.room, ("ann", "bob")), (other, ("cleo", "dan"))):
        for name in names:
            room.confer(wiring.leg(name, voice(name, 40), room=room), "main")
    for frame in range(1, 61):
        wiring.plane.tick(frame)
    assert np.array_equal(wiring.heard["ann"].between(PATH, 45), BOB)
    assert np.array_equal(wiring.heard["dan"].between(PATH, 45), CLEO)


# -- players --------------------------------------------------------------------------------


def test_a_player_is_heard_from_the_frame_it_was_started_in_and_on_top() -> None:
    wiring = Wiring()
    ann, bob = wiring.leg("ann"), wiring.leg("bob", BOB)
    wiring.room.hear(ann, bob)
    wiring.go(10)
    music = voice("music", 8)
    wiring.room.play(ann, music)
    wiring.go(60)
    spoken = BOB[(10 - PATH) * FRAME_SAMPLES :]
    length = len(music)
    sent = wiring.sent("ann").between(10, 45)
    assert np.array_equal(sent[:length], summed(spoken[:length], music))
    assert np.array_equal(sent[length:], spoken[length:])


def test_a_stopped_player_falls_silent_at_once() -> None:
    wiring = Wiring()
    ann = wiring.leg("ann")
    player = wiring.room.play(ann, voice("music", 4), loop=True)
    wiring.go(11)
    wiring.room.stop_player(player)
    wiring.go(40)
    sent = wiring.sent("ann")
    assert np.array_equal(sent.between(0, 11), np.tile(voice("music", 4), 3)[: 11 * 160])
    assert not sent.between(11, 40).any()
    assert ann.players == []
    assert ann.played == [player]


def test_two_players_of_one_leg_are_added_up_and_end_one_by_one() -> None:
    wiring = Wiring()
    ann = wiring.leg("ann")
    long, short = voice("long", 12), voice("short", 5)
    wiring.room.play(ann, long)
    wiring.room.play(ann, short)
    wiring.go(20)
    sent = wiring.sent("ann").pcm
    assert np.array_equal(sent[:800], summed(long[:800], short))
    assert np.array_equal(sent[800:1920], long[800:])
    assert not sent[1920:].any()


def test_a_player_is_added_to_a_conference() -> None:
    wiring = Wiring()
    ann, bob = wiring.leg("ann"), wiring.leg("bob", BOB)
    wiring.room.confer(ann, "main")
    wiring.room.confer(bob, "main")
    music = voice("music", 45)
    wiring.room.play(ann, music)
    wiring.go(45)
    assert np.array_equal(
        wiring.sent("ann").between(PATH, 45), summed(BOB, music[PATH * FRAME_SAMPLES :])
    )


# -- what was received ----------------------------------------------------------------------


def test_what_is_lost_is_silence_of_its_own_length_and_nothing_moves() -> None:
    wiring = Wiring()
    ann, bob = wiring.leg("ann"), wiring.leg("bob", BOB, lost={3, 4, 20})
    wiring.room.hear(ann, bob)
    wiring.go(60)
    expected = BOB.copy()
    for lost in (3, 4, 20):
        expected[lost * FRAME_SAMPLES : (lost + 1) * FRAME_SAMPLES] = 0
    assert np.array_equal(wiring.sent("ann").between(PATH, 45), expected)
    gaps = [(start // FRAME_SAMPLES, end // FRAME_SAMPLES) for start, end in bob.missing]
    assert gaps == [(PATH + 3, PATH + 5), (PATH + 20, PATH + 21), (PATH + 40, 60)]
    assert ann.missing == []  # who never said a word missed none


def test_statistics_can_be_read_while_it_lives_and_after() -> None:
    wiring = Wiring()
    bob = wiring.leg("bob", BOB, lost={3, 4, 20})
    wiring.go(30)
    wiring.plane.catch_up(wiring.room)
    living = wiring.plane.reception(bob)
    assert (living.received, living.lost) == (living.expected - 3, 3)
    wiring.go(60)
    wiring.room.remove_leg(bob)
    after = wiring.plane.reception(bob)
    assert (after.received, after.expected, after.lost) == (37, 40, 3)
    wiring.leg("dan", voice("dan", 10))  # takes over the row
    wiring.go(90)
    wiring.plane.catch_up(wiring.room)
    assert wiring.plane.reception(bob) == after


# -- time -----------------------------------------------------------------------------------


class Listens:
    """An ear that notes what it heard."""

    def __init__(self, horizon: int) -> None:
        self.horizon = self.reach = self.patience = horizon
        self.frames: list[int] = []
        self.pcm: list[NDArray[np.int16]] = []

    def hear(self, first_frame: int, pcm: NDArray[np.int16]) -> None:
        self.frames += range(first_frame, first_frame + len(pcm) // FRAME_SAMPLES)
        self.pcm.append(pcm.copy())


def test_nobody_listens_so_it_may_run_ahead_to_the_end() -> None:
    wiring = Wiring(max_lag=16)
    wiring.leg("ann", ANN)
    assert wiring.plane.advance(1000) == 1000
    assert wiring.room.frame > 1000 - 16


def test_a_room_is_brought_to_now_when_somebody_looks() -> None:
    wiring = Wiring(max_lag=64)
    other = Room(wiring.plane)
    wiring.leg("ann", ANN)
    wiring.leg("bob", room=other)
    wiring.go(50)
    assert wiring.sent("ann").frames == 50
    assert wiring.heard["bob"].frames == 0  # nobody looked
    wiring.plane.catch_up(other)
    assert wiring.heard["bob"].frames == 50


@pytest.mark.parametrize("track", list(Track))
def test_an_ear_hears_every_frame_of_its_track_once_and_in_order(track: Track) -> None:
    wiring = Wiring()
    ann, bob = wiring.leg("ann", ANN), wiring.leg("bob", BOB)
    wiring.room.bridge(ann, bob)
    wiring.go(3)
    ear = Listens(horizon=7)
    wiring.room.listen(ann, track, ear)
    wiring.go(50)
    wiring.room.stop_listening(ann, ear)
    wiring.go(80)
    wiring.plane.catch_up(wiring.room)
    assert ear.frames == list(range(3, 50))
    said = ANN if track is Track.INBOUND else BOB
    expected = np.concatenate((np.zeros((PATH - 3) * 160, np.int16), said))[: 47 * 160]
    assert np.array_equal(np.concatenate(ear.pcm)[: len(expected)], expected)


def test_the_plane_looks_as_closely_as_the_most_attentive_listener() -> None:
    wiring = Wiring()
    ann = wiring.leg("ann", ANN)
    far, near = Listens(20), Listens(6)
    wiring.room.listen(ann, Track.INBOUND, far)
    assert wiring.plane.advance(100) == 20
    wiring.room.listen(ann, Track.INBOUND, near)
    assert wiring.plane.advance(100) == 26
    assert near.frames == list(range(20, 26))
    wiring.room.stop_listening(ann, near)
    assert wiring.plane.advance(100) == 46
    beyond = Listens(5)
    wiring.room.bound(beyond)
    assert wiring.plane.advance(100) == 51
    # Neither can find what it waits for so soon, by what it has heard.
    beyond.reach, far.reach = 12, 30
    assert wiring.plane.advance(100) == 63
    wiring.room.unbound(beyond)
    assert wiring.plane.advance(100) == 93
    wiring.room.remove_leg(ann)
    assert wiring.plane.advance(100) == 100


def test_now_never_goes_back() -> None:
    wiring = Wiring()
    wiring.go(50)
    assert wiring.plane.advance(20) == 50
    assert wiring.plane.now == 50


def test_a_player_over_one_block_does_not_spoil_the_next() -> None:
    """A row that was copied, mixed and copied again holds no rest of what it held before."""
    wiring = Wiring(max_lag=8)
    ann, bob = wiring.leg("ann"), wiring.leg("bob", BOB)
    wiring.room.hear(ann, bob)
    wiring.go(12)
    wiring.room.play(ann, voice("beep", 2))
    wiring.go(20)
    wiring.room.hear(ann)
    wiring.go(60)
    sent = wiring.sent("ann")
    assert np.array_equal(sent.between(14, 20), BOB[9 * 160 : 15 * 160])
    assert not sent.between(20, 60).any()


def test_memory_can_be_had_beforehand_without_changing_anything() -> None:
    wiring = Wiring()
    ann = wiring.leg("ann", ANN)
    wiring.room.hear(ann, ann)
    wiring.go(20)
    wiring.plane.reserve(60)
    wiring.go(60)
    assert np.array_equal(wiring.sent("ann").between(PATH, 45), ANN)
