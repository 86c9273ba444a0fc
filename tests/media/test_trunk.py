"""A trunk: the packets of all legs come and go in one piece, each to and from its own leg."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from wiring import PATH, Samples, Talker, Wiring, stands_at, voice

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES
from mediasim.audio.g711 import ulaw_decode
from mediasim.media.leg import Leg
from mediasim.media.trunk import Round, Trunk
from mediasim.rtp.packets import HEADER_SIZE, PacketBlock
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.stream import StreamFormat


class Sockets:
    """Sockets by slot whose far ends are written down beforehand."""

    def __init__(self) -> None:
        self.waiting: dict[int, list[bytes]] = {}
        self.sent: dict[int, list[bytes]] = {}
        self.asked: list[tuple[int, int | None]] = []
        self._read: list[list[tuple[int, bytes, int]]] = []

    def come(self, slot: int, datagram: bytes) -> None:
        self.waiting.setdefault(slot, []).append(datagram)

    def read(self, now_ns: int, most: int | None = None) -> int:
        self.asked.append((now_ns, most))
        count = 0
        for _ in range(most or 99):
            row = [(slot, held.pop(0), now_ns) for slot, held in self.waiting.items() if held]
            if row:
                self._read.append(row)
                count += len(row)
        return count

    def rounds(self) -> Iterator[Round]:
        rounds, self._read = self._read, []
        for row in rounds:
            data = np.stack([np.frombuffer(datagram, np.uint8) for _, datagram, _ in row])
            length = np.full(len(row), data.shape[1], np.int64)
            arrival = np.array([at for _, _, at in row], np.int64)
            slots = np.array([slot for slot, _, _ in row], np.int64)
            yield Round(slots, PacketBlock(data, length, arrival))

    def send_each(
        self, slots: Sequence[int], rows: Sequence[memoryview], packets: NDArray[np.uint8]
    ) -> None:
        assert packets.flags.c_contiguous
        for slot, datagram, packet in zip(slots, rows, packets, strict=True):
            assert bytes(datagram) == packet.tobytes()
            self.sent.setdefault(slot, []).append(bytes(datagram))

    def pcm(self, slot: int) -> Samples:
        """What was sent from a slot."""
        packets = np.stack([np.frombuffer(packet, np.uint8) for packet in self.sent[slot]])
        return ulaw_decode(packets[:, HEADER_SIZE:]).reshape(-1)


class Office:
    """A plane with a trunk; legs by slot."""

    def __init__(self) -> None:
        self.wiring = Wiring(max_lag=1)
        self.sockets = Sockets()
        self.is_behind = False
        self.trunk = Trunk(self.sockets, lambda: self.is_behind)
        self.wiring.plane.trunk = self.trunk
        self.talkers: dict[int, Talker] = {}
        self.frame = 0

    def leg(self, slot: int, pcm: Samples) -> Leg:
        sender = RtpSender("PCMU", ssrc=slot)
        leg = self.wiring.room.add_leg(f"slot {slot}", StreamFormat(), sender)
        self.trunk.attach(leg, slot)
        self.talkers[slot] = Talker(pcm, self.frame)
        return leg

    def tick(self, to_frame: int) -> None:
        while self.frame < to_frame:
            self.frame += 1
            for slot, talker in self.talkers.items():
                block = talker.pull(self.frame * FRAME_NS + 1)
                for row in [] if block is None else block.data:
                    self.sockets.come(slot, row.tobytes())
            self.trunk.sweep(self.frame * FRAME_NS - 5_000_000)
            self.wiring.plane.tick(self.frame)


ANN, BOB = voice("ann", 40), voice("bob", 40)


def test_each_leg_hears_the_one_it_is_bridged_to() -> None:
    office = Office()
    ann, bob = office.leg(4, ANN), office.leg(1, BOB)
    office.wiring.room.bridge(ann, bob)
    office.tick(60)
    for slot, said in ((4, BOB), (1, ANN)):
        sent = office.sockets.pcm(slot)
        at = stands_at(sent, said)
        assert at is not None
        assert (PATH - 1) * FRAME_SAMPLES < at <= (PATH + 1) * FRAME_SAMPLES


def test_what_comes_for_nobody_is_counted_and_disturbs_nobody() -> None:
    office = Office()
    ann, bob = office.leg(0, ANN), office.leg(2, BOB)
    office.wiring.room.bridge(ann, bob)
    for slot in (1, 3, 900):  # between the others, just beyond them, and far beyond
        office.talkers[slot] = Talker(voice("stranger", 40))
    office.tick(60)
    assert office.trunk.unclaimed == 3 * 40
    assert stands_at(office.sockets.pcm(0), BOB) is not None
    assert set(office.sockets.sent) == {0, 2}


def test_a_leg_that_is_over_is_sent_nothing_more_and_its_slot_is_free() -> None:
    office = Office()
    ann, bob = office.leg(0, ANN), office.leg(1, BOB)
    office.wiring.room.bridge(ann, bob)
    office.tick(20)
    office.trunk.detach(1)
    office.wiring.room.remove_leg(bob)
    office.tick(30)
    assert len(office.sockets.sent[1]) == 20
    assert len(office.sockets.sent[0]) == 30
    assert office.trunk.unclaimed
    late = voice("late", 20)
    del office.talkers[1]
    office.wiring.room.hear(ann, office.leg(1, late))
    office.tick(70)
    assert stands_at(office.sockets.pcm(0)[30 * FRAME_SAMPLES :], late) is not None


def test_packets_count_as_having_come_when_they_were_read_and_before_the_boundary() -> None:
    office = Office()
    office.leg(0, ANN)
    office.tick(3)
    assert office.sockets.asked[:4] == [
        (FRAME_NS - 5_000_000, None),
        (0 * FRAME_NS + FRAME_NS - 1, None),
        (2 * FRAME_NS - 5_000_000, None),
        (2 * FRAME_NS - 1, None),
    ]


def test_a_clock_that_has_fallen_behind_takes_one_packet_of_each_leg_per_frame() -> None:
    office = Office()
    office.leg(0, ANN)
    office.is_behind = True
    office.tick(5)
    assert [most for _, most in office.sockets.asked] == [1] * 5  # and it does not sweep
