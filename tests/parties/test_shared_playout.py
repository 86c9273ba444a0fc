"""Ears that are played out together hear what each would hear by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from mediasim.audio.tones import noise
from mediasim.documents.durations import Duration
from mediasim.media.plane import MediaPlane
from mediasim.media.room import Room
from mediasim.net.network import Impairments, Jitter, Loss
from mediasim.parties.party import Line, Party
from mediasim.parties.shared_playout import shared_playout_of
from mediasim.seeds import Seeds

MS = 1_000_000
FRAMES = 240
ROUGH = Impairments(
    delay=Duration(40 * MS),
    jitter=Jitter(uniform=Duration(25 * MS)),
    loss=Loss(random=0.1),
    reorder=0.1,
    duplicate=0.1,
)
PARTIES = [
    Party("ann", ""),
    Party("bob", "", down=ROUGH),
    Party("cleo", "", codec="G722", down=ROUGH),
    Party("dan", "", codec="PCMA", down=ROUGH),
]


def into(ears: list[tuple[int, NDArray[np.int16]]]) -> Callable[[int, NDArray[np.int16]], None]:
    return lambda first, pcm: ears.append((first, pcm.copy()))


def conference(room: Room) -> list[tuple[Line, list[tuple[int, NDArray[np.int16]]]]]:
    """Everybody hears everybody else."""
    found = []
    for party in PARTIES:
        line = Line(party, room, party.name, Seeds(1), 0)
        pcm = noise("white", 160 * 200, -20.0, Seeds(1).generator(party.name))
        line.timeline.place(pcm, 0, kind="noise", text="")
        line.connect(None, listens=True)
        assert line.ear is not None
        heard: list[tuple[int, NDArray[np.int16]]] = []
        line.ear.listeners.append(into(heard))
        room.confer(line.leg, "all")
        found.append((line, heard))
    return found


def test_many_together_hear_what_each_hears_alone() -> None:
    ticking, jumping = MediaPlane(max_lag=1), MediaPlane(max_lag=64)
    together, alone = conference(Room(ticking)), conference(Room(jumping))
    for frame in range(1, FRAMES + 1):
        ticking.tick(frame)
    while jumping.advance(FRAMES) < FRAMES:
        pass
    jumping.catch_up(jumping.rooms[0])
    for (line, one), (other_line, other) in zip(together, alone, strict=True):
        assert [first for first, _ in one] == list(range(FRAMES))
        pcm = np.concatenate([pcm for _, pcm in one])
        assert pcm.any()
        assert np.array_equal(pcm, np.concatenate([pcm for _, pcm in other]))
        assert line.ear is not None
        assert other_line.ear is not None
        found, expected = line.ear.reception, other_line.ear.reception
        assert found.jitter == pytest.approx(expected.jitter)
        assert replace(found, jitter=0) == replace(expected, jitter=0)


def test_ears_of_legs_that_are_over_are_let_go_and_keep_what_they_measured() -> None:
    plane = MediaPlane(max_lag=1)
    room = Room(plane)
    lines = conference(room)
    for frame in range(1, 101):
        plane.tick(frame)
    shared_playout = shared_playout_of(plane)
    assert len(shared_playout) == len(PARTIES)
    gone, _ = lines[1]
    room.remove_leg(gone.leg)
    for frame in range(101, 201):
        plane.tick(frame)
    assert len(shared_playout) == len(PARTIES) - 1
    assert gone.ear is not None
    assert 80 < gone.ear.reception.received <= 100
    late, heard = conference(Room(plane))[1]
    for frame in range(201, 301):
        plane.tick(frame)
    assert late.ear is not None
    assert late.ear.reception.received <= 100
    assert any(pcm.any() for _, pcm in heard)
    assert 80 < gone.ear.reception.received <= 100


def test_planes_that_do_not_tick_have_no_crowd() -> None:
    plane = MediaPlane(max_lag=64)
    conference(Room(plane))
    assert not plane.afterwards
