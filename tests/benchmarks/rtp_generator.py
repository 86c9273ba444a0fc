"""Many telephones in one process: paced PCMU over UDP, and all that comes back looked at.

Run by ``realtime_capacity.py`` on another core; talks JSON lines on standard input and output: what
is asked for comes in, the telephones' ports go out, the server's ports come in, it sends for as
long as it was told, and when the server says that it has stopped, what it saw goes out. Everything
stays on 127.0.0.1, and it stops by itself.

So that it costs little beside the server it tests, packets are made and looked at as arrays, and
go through few sockets in large batches: one for each eighth of a frame, or one in all with
segmentation offload where the server has one too. To the server each leg is a stream of its own all
the same.

Each payload says whose it is and which of its leg's packets: three digits each, of 64, as mu-law
octets that survive being decoded, mixed with silence and encoded again; the rest is filled with the
leg's digits. In a conference its members speak in turns, with a pause between, so that what each
hears is one of the others, or silence.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import select
import socket
import struct
import sys
import time
from dataclasses import dataclass

import numpy as np
from batches import Batch

FRAME = 0.02
PHASES = 8
"""Legs are spread over the frame in this many groups."""
LONGEST = 20.0
TURN = 25
"""Packets of a member's turn in a conference,"""
PAUSE = 4
"""of which the first few are silent."""
SILENCE = 0xFF
PACKET, HEADER = 172, 12
_SEGMENT_OPTION, _GRO_OPTION = 103, 104
_SEGMENTS = 64
_BUFFER = 4 << 20


@dataclass(frozen=True)
class Load:
    """What is asked for."""

    rooms: int
    legs: int
    """Of each room; two make a call, more a conference."""
    frames: int
    """For which the telephones send."""
    ramp: int
    """Over which the rooms begin."""
    shared: bool
    """Whether the server has one socket for all."""

    @property
    def all_legs(self) -> int:
        return self.rooms * self.legs

    def first_frame(self, leg: int) -> int:
        """Rooms begin one after the other, as calls do."""
        return leg // self.legs * self.ramp // self.rooms

    def speaks(self, leg: np.ndarray, packet: np.ndarray) -> np.ndarray:
        """Whether these legs' packets have sound; in a call all of them do."""
        if self.legs == 2:
            return np.ones(np.broadcast(leg, packet).shape, np.bool_)
        # Members of a room begin in the same frame, so these are the room's turns.
        turn = packet // TURN % self.legs == leg % self.legs
        found: np.ndarray = turn & (packet % TURN >= PAUSE)
        return found


def digits(number: np.ndarray) -> np.ndarray:
    """Numbers below 64 ** 3 as three octets below 64 each: (..., 3)."""
    parts = np.stack([number >> 12 & 63, number >> 6 & 63, number & 63], axis=-1)
    return parts.astype(np.uint8)


def payloads(leg: np.ndarray, packet: np.ndarray, load: Load) -> np.ndarray:
    """(n, 160)."""
    data = np.tile(digits(leg), (1, 54))[:, :160]
    data[:, 3:6] = digits(packet)
    data[~load.speaks(leg, packet)] = SILENCE
    return data


def prepare_process(core: int) -> None:
    """Stay on one core, where the system knows how, and allow enough sockets."""
    if hasattr(os, "sched_setaffinity"):
        # Whatever core it is on now: a child begins on that of its parent.
        with contextlib.suppress(OSError):  # a machine without that core
            os.sched_setaffinity(0, {core})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Farm:
    """The telephones."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.sockets = [_socket(load.shared) for _ in range(1 if load.shared else PHASES)]
        self.sent = self.received = self.wrong = self.refused = 0
        self.latest = 0.0
        legs = np.arange(load.all_legs)
        # By phase, and in each by the time at which they begin.
        self.groups = [legs[phase::PHASES] for phase in range(PHASES)]
        self.first = np.array([load.first_frame(leg) for leg in legs.tolist()])
        self.batches = [Batch(len(group), PACKET) for group in self.groups]
        draw = np.random.default_rng(1)
        self.sequence = draw.integers(0, 1 << 16, len(legs))
        self.timestamp = draw.integers(0, 1 << 32, len(legs))
        self.ssrc = ssrcs(load.all_legs)
        self.inbox = Batch(1024, PACKET)
        self.room = bytearray(1 << 16)
        self.ports: list[int] = []

    def go(self, ports: list[int]) -> None:
        """Where each leg's packets are sent to."""
        self.ports = ports
        for group, batch in zip(self.groups, self.batches, strict=True):
            head = np.ndarray((len(group),), [("b0", "u1"), ("b1", "u1")], batch.data, 0, (PACKET,))
            head["b0"] = 0x80
            np.ndarray((len(group),), ">u4", batch.data, 8, (PACKET,))[:] = self.ssrc[group]
            if not self.load.shared:
                batch.address([ports[leg] for leg in group.tolist()])

    def send(self, phase: int, frame: int) -> None:
        group, batch = self.groups[phase], self.batches[phase]
        count = int(np.searchsorted(self.first[group], frame, side="right"))
        if not count:
            return
        legs = group[:count]
        number = frame - self.first[legs]
        data, shape, strides = batch.data, (count,), (PACKET,)
        np.ndarray(shape, ">u2", data, 2, strides)[:] = self.sequence[legs] + number & 0xFFFF
        stamps = self.timestamp[legs] + number * 160 & 0xFFFFFFFF
        np.ndarray(shape, ">u4", data, 4, strides)[:] = stamps
        data[:count, HEADER:] = payloads(legs, number, self.load)
        made = self.sockets[phase % len(self.sockets)]
        taken = 0
        if not self.load.shared:
            taken = batch.send(made, 0, count)
        else:
            how = [(socket.IPPROTO_UDP, _SEGMENT_OPTION, struct.pack("=H", PACKET))]
            for start in range(0, count, _SEGMENTS):
                piece = data[start : min(count, start + _SEGMENTS)]
                with contextlib.suppress(OSError):
                    made.sendmsg([piece.data], how, 0, ("127.0.0.1", self.ports[0]))
                    taken += len(piece)
        self.sent += taken
        self.refused += count - taken

    def look(self, which: int) -> None:
        """Take what has come to a socket."""
        while True:
            if self.load.shared:
                try:
                    size = self.sockets[which].recv_into(self.room)
                except OSError:
                    return
                self.wrong += size % PACKET != 0
                rows = np.frombuffer(self.room, np.uint8, size - size % PACKET).reshape(-1, PACKET)
            else:
                rows, length = self.inbox.receive(self.sockets[which])
                if not len(rows):
                    return
                self.wrong += int((length != PACKET).sum())
            self.received += len(rows)
            self.wrong += len(rows) - int(self._right(rows, which).sum())

    def look_around(self) -> None:
        for which in range(len(self.sockets)):
            self.look(which)

    def _right(self, rows: np.ndarray, which: int) -> np.ndarray:
        """Which packets are for a leg of this socket, and hold what another of its room said."""
        load = self.load
        leg = np.ndarray((len(rows),), ">u4", rows, 8, (PACKET,)).astype(np.int64) - 1
        right = (leg >= 0) & (leg < load.all_legs)
        if not load.shared:
            right &= leg % PHASES == which
        # A stream's place is a multiple of 10 ms: its packets begin here or half a frame later.
        found = np.zeros(len(rows), np.bool_)
        for at in (12, 92):
            three = rows[:, at : at + 3].astype(np.int64)
            speaker = three[:, 0] << 12 | three[:, 1] << 6 | three[:, 2]
            found |= (speaker // load.legs == leg // load.legs) & (speaker != leg)
            found |= three[:, 0] == SILENCE
        return right & found

    def call(self) -> dict[str, float]:
        """Send for the frames asked for."""
        start = time.perf_counter()
        for frame in range(min(self.load.frames, round(LONGEST / FRAME))):
            for phase in range(PHASES):
                due = start + (frame + phase / PHASES) * FRAME
                now = time.perf_counter()
                if now < due:
                    time.sleep(due - now)
                else:
                    self.latest = max(self.latest, now - due)
                self.send(phase, frame)
                self.look(phase % len(self.sockets))
        while not select.select([sys.stdin], [], [], FRAME / PHASES)[0]:
            self.look_around()
        self.look_around()
        return {
            "sent": self.sent,
            "received": self.received,
            "wrong": self.wrong,
            "refused": self.refused,
            "late_ms": self.latest * 1000,
        }


def ssrcs(legs: int) -> np.ndarray:
    """What each telephone's packets are known by."""
    return 0x10000000 + np.arange(legs) * 7919


def _socket(shared: bool) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    made.bind(("127.0.0.1", 0))
    if shared:
        made.setsockopt(socket.IPPROTO_UDP, _GRO_OPTION, 1)
    return made


def main() -> None:
    order = json.loads(sys.stdin.readline())
    prepare_process(order.pop("core"))
    farm = Farm(Load(**order))
    ports = [made.getsockname()[1] for made in farm.sockets]
    of_leg = [ports[leg % len(ports)] for leg in range(farm.load.all_legs)]
    print(json.dumps(of_leg), flush=True)
    farm.go(json.loads(sys.stdin.readline()))
    gc.freeze()
    gc.disable()
    print(json.dumps(farm.call()), flush=True)


if __name__ == "__main__":
    main()
