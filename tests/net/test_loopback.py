"""Lines over real sockets sound as they do without, whatever the simulated network does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from socket_stage import Kept

from mediasim.audio.tones import noise
from mediasim.documents.durations import Duration
from mediasim.media.plane import MediaPlane
from mediasim.media.room import Room
from mediasim.net.loopback import LoopbackTransport
from mediasim.net.network import Impairments, Jitter, Loss
from mediasim.parties.party import Line, Party
from mediasim.seeds import Seeds

pytestmark = pytest.mark.realtime

MS = 1_000_000
FRAMES = 45
NOTHING = np.empty(0, np.int16)
ROUGH = Impairments(
    delay=Duration(30 * MS),
    jitter=Jitter(uniform=Duration(15 * MS)),
    loss=Loss(random=0.1),
    reorder=0.1,
    duplicate=0.1,
)


def into(ears: list[NDArray[np.int16]]) -> Callable[[int, NDArray[np.int16]], None]:
    """A listener that keeps what it hears."""
    return lambda _first, pcm: ears.append(pcm.copy())


def lived(
    parties: list[Party], transport: LoopbackTransport | None
) -> tuple[NDArray[np.int16], list[NDArray[np.int16]]]:
    """What the server has of two bridged parties, and what each of them hears."""
    plane = MediaPlane(max_lag=1)
    room = Room(plane)
    lines = [Line(party, room, party.name, Seeds(1), 0) for party in parties]
    heard: list[list[NDArray[np.int16]]] = [[], []]
    for line, ears in zip(lines, heard, strict=True):
        generator = Seeds(1).generator(line.label)
        line.timeline.place(noise("white", 6400, -20.0, generator), 0, kind="noise", text="")
        line.connect(transport, listens=True)
        assert line.receiver is not None
        line.receiver.listeners.append(into(ears))
    room.bridge(lines[0].leg, lines[1].leg)
    kept = Kept()
    room.record([[line.leg.inbound] for line in lines], kept)
    tick = plane.tick if transport is None else transport.around(plane)
    for frame in range(1, FRAMES + 1):
        tick(frame)
    room.close()
    return np.concatenate(kept.pieces), [np.concatenate([NOTHING, *ears]) for ears in heard]


@pytest.mark.parametrize("up", [Impairments(), ROUGH], ids=["clean", "rough"])
@pytest.mark.parametrize("codec", ["PCMU", "G722"])
@pytest.mark.parametrize("shared", [False, True], ids=["ports", "shared"])
def test_what_crosses_sockets_is_what_would_have_come_anyway(
    codec: str, up: Impairments, shared: bool
) -> None:
    parties = [Party(name, "", codec=codec, up=up, down=up) for name in ("ann", "bob")]
    transport = LoopbackTransport(shared=shared)
    try:
        over, heard_over = lived(parties, transport)
        counts = (transport.lost, transport.late, transport.refused)
    finally:
        transport.close()
    direct, heard = lived(parties, None)
    assert over.any()
    assert counts == (0, 0, 0)
    assert np.array_equal(over, direct)
    for one, other in zip(heard_over, heard, strict=True):
        assert one.any()
        assert np.array_equal(one, other)


@pytest.mark.parametrize("shared", [False, True], ids=["ports", "shared"])
def test_every_line_has_its_slots_until_its_leg_has_ended(shared: bool) -> None:
    transport = LoopbackTransport(shared=shared)
    plane = MediaPlane(max_lag=1)
    room = Room(plane)
    lines = [Line(Party(name, ""), room, name, Seeds(1), 0) for name in ("ann", "bob")]
    for line in lines:
        line.connect(transport, listens=False)
    assert (len(transport.server), len(transport.parties)) == (2, 2)
    room.remove_leg(lines[0].leg)
    transport.to_server(1)
    assert (len(transport.server), len(transport.parties)) == (1, 1)
    transport.close()
    assert (len(transport.server), len(transport.parties)) == (0, 0)


def test_a_line_that_gets_no_sockets_is_silent_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    transport = LoopbackTransport()

    def refuse() -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(transport.parties, "open", refuse)
    over, _ = lived([Party("ann", ""), Party("bob", "")], transport)
    assert not over.any()
    assert transport.refused == 2
    assert len(transport.server) == 0  # the other end was given back
    transport.close()
