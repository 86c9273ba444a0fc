"""Many telephones in one process: paced PCMU over UDP, and all that comes back looked at.

Run by ``realtime_capacity.py`` on another core; talks JSON lines on standard input and output: what
is asked for comes in, the telephones' ports go out, the server's ports come in. It takes what the
server sends; at the next line it sends for as long as it was told; at the last one it says what it
saw. Everything stays on 127.0.0.1, and it stops by itself.

So that it costs little beside the server it tests, packets are made and looked at as arrays, and
go through few sockets in large batches, one for each eighth of a frame. To the server each leg is a
stream of its own all the same.

Each payload says whose it is and which of its leg's packets: three digits each, of 64, as mu-law
octets that survive being decoded and encoded again; the rest is filled with the leg's digits.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import select
import socket
import sys
import time
from dataclasses import dataclass

import numpy as np
from batches import Batch

FRAME = 0.02
PHASES = 8
"""Legs are spread over the frame in this many groups."""
LONGEST = 60.0
SILENCE = 0xFF
PACKET, HEADER = 172, 12
_BUFFER = 4 << 20


@dataclass(frozen=True)
class Load:
    """What is asked for."""

    calls: int
    frames: int
    """For which the telephones send."""

    @property
    def legs(self) -> int:
        """Of call n these are the legs 2n and 2n + 1."""
        return 2 * self.calls


def digits(number: np.ndarray) -> np.ndarray:
    """Numbers below 64 ** 3 as three octets below 64 each: (..., 3)."""
    parts = np.stack([number >> 12 & 63, number >> 6 & 63, number & 63], axis=-1)
    return parts.astype(np.uint8)


def payloads(leg: np.ndarray, packet: np.ndarray) -> np.ndarray:
    """(n, 160)."""
    data = np.tile(digits(leg), (1, 54))[:, :160]
    data[:, 3:6] = digits(packet)
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
        self.sockets = [_socket() for _ in range(PHASES)]
        self.wrong = self.refused = 0
        self.latest = 0.0
        legs = np.arange(load.legs)
        self.groups = [legs[phase::PHASES] for phase in range(PHASES)]
        self.batches = [Batch(len(group), PACKET) for group in self.groups]
        draw = np.random.default_rng(1)
        self.sequence = draw.integers(0, 1 << 16, len(legs))
        self.timestamp = draw.integers(0, 1 << 32, len(legs))
        self.inbox = Batch(1024, PACKET)
        self.leg_of_port = np.full(1 << 16, -1, np.int64)
        self.heard = np.zeros(len(legs), np.int64)
        """Packets with what the other leg of the call said, by leg."""

    def meet(self, ports: list[int]) -> None:
        """Where each leg's packets are sent to."""
        self.leg_of_port[ports] = np.arange(len(ports))
        for group, batch in zip(self.groups, self.batches, strict=True):
            batch.data[:, 0] = 0x80
            np.ndarray((len(group),), ">u4", batch.data, 8, (PACKET,))[:] = 0x10000000 + group
            batch.address([ports[leg] for leg in group.tolist()])

    def send(self, phase: int, frame: int) -> None:
        group, batch = self.groups[phase], self.batches[phase]
        data, shape, strides = batch.data, group.shape, (PACKET,)
        np.ndarray(shape, ">u2", data, 2, strides)[:] = self.sequence[group] + frame & 0xFFFF
        stamps = self.timestamp[group] + frame * 160 & 0xFFFFFFFF
        np.ndarray(shape, ">u4", data, 4, strides)[:] = stamps
        data[:, HEADER:] = payloads(group, np.full(len(group), frame))
        self.refused += len(group) - batch.send(self.sockets[phase], 0, len(group))

    def look(self, phase: int) -> None:
        """Take what has come to a socket."""
        while True:
            rows, length, ports = self.inbox.receive(self.sockets[phase])
            if not len(rows):
                return
            rtp = (rows[:, 1] < 192) | (rows[:, 1] > 223)  # reports may come to a neighbour's port
            rows, length, ports = rows[rtp], length[rtp], ports[rtp]
            leg = self.leg_of_port[ports]
            whole = (length == PACKET) & (leg >= 0) & (leg % PHASES == phase)
            # A stream stands at a multiple of 10 ms: its packets begin here or half a frame on, and
            # the last may end there; its octet 81 is its first digit again.
            said = np.zeros(len(rows), np.bool_)
            for at in (HEADER, HEADER + 1, HEADER + 80):
                three = rows[:, at : at + 3].astype(np.int64)
                said |= (three[:, 0] << 12 | three[:, 1] << 6 | three[:, 2]) == (leg ^ 1)
            silent = (rows[:, HEADER:] == SILENCE).all(axis=1)
            np.add.at(self.heard, leg[whole & said], 1)
            self.wrong += int((~(whole & (said | silent))).sum())

    def look_around(self) -> None:
        for phase in range(PHASES):
            self.look(phase)

    def until_told(self) -> None:
        """Take what comes until there is a line on standard input."""
        while not select.select([sys.stdin], [], [], FRAME / PHASES)[0]:
            self.look_around()
        sys.stdin.readline()
        self.look_around()

    def speak(self) -> None:
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
                self.look(phase)


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    made.bind(("127.0.0.1", 0))
    return made


def main() -> None:
    order = json.loads(sys.stdin.readline())
    prepare_process(order.pop("core"))
    farm = Farm(Load(**order))
    ports = [made.getsockname()[1] for made in farm.sockets]
    print(json.dumps([ports[leg % PHASES] for leg in range(farm.load.legs)]), flush=True)
    farm.meet(json.loads(sys.stdin.readline()))
    gc.freeze()
    gc.disable()
    print(json.dumps("ready"), flush=True)
    farm.until_told()
    farm.wrong = 0  # callers hear it ring for a moment
    farm.speak()
    farm.until_told()
    missed = int(np.maximum(0, farm.load.frames - farm.heard).sum())
    seen = {"unheard": missed, "wrong": farm.wrong, "refused": farm.refused}
    print(json.dumps({**seen, "late_ms": farm.latest * 1000}), flush=True)


if __name__ == "__main__":
    main()
