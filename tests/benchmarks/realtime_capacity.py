"""How many recorded two-leg calls one core carries in real time, a UDP socket per leg.

The server, pinned to one core, bridges calls and records both channels of each; a generator on
another core (``rtp_generator.py``) is the telephones. The calls begin over the first seconds;
then lateness and CPU are measured. Load is raised until a level fails: a frame whose work was
not done when the next was due, a packet lost, refused or too late to be played, or a recording
with anything but what was said where it was said. Only 127.0.0.1 is used, and each level ends by
itself.

    python tests/benchmarks/realtime_capacity.py            raise load until it fails
    python tests/benchmarks/realtime_capacity.py --short    200 calls for 3 s; for CI

``--short`` fails only for lost packets or wrong audio: a machine that others share is late now
and then. What the sockets alone cost here is printed too, for comparison between machines.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rtp_generator import FRAME, first_frame, payload, prepare_process

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.g711 import ULAW_DECODE
from mediasim.media.leg import Leg
from mediasim.media.plane import MediaPlane
from mediasim.media.room import Room
from mediasim.media.spool import HEADER_SIZE, SpoolFile
from mediasim.media.trunk import Trunk
from mediasim.net import process
from mediasim.net.realtime import Lateness, RealtimeLoop, keep_sweeping
from mediasim.net.udp import UdpSockets
from mediasim.rtp.ring import UNIT
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.stream import StreamFormat

SERVER_CORE, GENERATOR_CORE = 1, 0
AFTERWARDS = 0.5
"""Seconds the server goes on when the telephones have stopped."""


@dataclass(frozen=True)
class Load:
    """What is asked for."""

    calls: int
    frames: int
    """For which the telephones send."""
    ramp: int
    """Over which they begin."""


@dataclass(frozen=True)
class Found:
    """What a level of load showed."""

    load: Load
    cpu: float
    """Share of the core."""
    lateness: Lateness
    lost: int
    """Packets of either direction that were sent and never came."""
    wrong: int
    """Packets with the wrong content, at the telephones."""
    late: int
    """Packets that came too late to be played."""
    moved: int
    """Streams that were moved to follow a changed delay: this machine's, or the generator's."""
    bad: int
    """Recordings in which not every packet that was played stands in its place."""
    generator_late_ms: float
    errors: dict[str, int]

    @property
    def sound(self) -> bool:
        """Whether all audio that came in time is right."""
        return not (self.lost or self.wrong or self.bad or self.errors)

    @property
    def carried(self) -> bool:
        return self.sound and not self.late and not self.lateness.missed

    def row(self) -> str:
        late = self.lateness.as_ms()
        words = (
            f"{self.load.calls:5d} calls  CPU {self.cpu:4.0%}  late p50 {late['p50']:.2f}"
            f" p99 {late['p99']:.2f} max {late['max']:.2f} ms"
            f"  missed {self.lateness.missed} of {self.lateness.ticks} frames"
            f"  packets lost {self.lost} wrong {self.wrong} late {self.late}"
            f"  moved {self.moved}  bad recordings {self.bad}"
            f"  (generator late {self.generator_late_ms:.0f} ms)"
        )
        return f"{words}  {self.errors}" if self.errors else words


class Generator:
    """The telephones, in a process of their own."""

    def __init__(self, legs: int) -> None:
        script = Path(__file__).with_name("rtp_generator.py")
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._tell({"legs": legs, "core": GENERATOR_CORE})
        self.ports: list[int] = self._hear()

    def start(self, ports: list[int], load: Load) -> None:
        self._tell({"ports": ports, "frames": load.frames, "ramp": load.ramp})

    def stop(self) -> dict[str, Any]:
        """Returns what it saw."""
        self._tell("stop")
        found: dict[str, Any] = self._hear()
        self._process.communicate(timeout=10)
        return found

    def _tell(self, what: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def _hear(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


class Server:
    """Calls of two legs each, bridged and recorded."""

    def __init__(self, ports: list[int], directory: Path, behind: Callable[[], bool]) -> None:
        """``ports`` are the telephones'; two make a call."""
        self.plane = MediaPlane(max_lag=1)
        self.plane.reserve(len(ports))
        self.sockets = UdpSockets()
        self.trunk = self.plane.trunk = Trunk(self.sockets, behind)
        self.rooms: list[Room] = []
        self.legs: list[list[Leg]] = []
        self.files: list[Path] = []
        self.ports: list[int] = []
        for call in range(len(ports) // 2):
            room = self.plane.open_room()
            for number in (2 * call, 2 * call + 1):
                sender = RtpSender("PCMU", ssrc=number + 1, first_sequence=number * 37 & 0xFFFF)
                leg = room.add_leg(str(number), StreamFormat(), sender)
                slot = self.sockets.open()
                self.sockets.connect(slot, ("127.0.0.1", ports[number]))
                self.trunk.attach(leg, slot)
                self.ports.append(self.sockets.address(slot)[1])
            room.bridge(*room.legs)
            spool = SpoolFile(directory, f"call{call}", 2, {})
            room.record([[leg.inbound] for leg in room.legs], spool)
            self.rooms.append(room)
            self.legs.append(list(room.legs))
            self.files.append(spool.path)

    def close(self) -> None:
        for room in self.rooms:
            room.close()
        self.sockets.close_all()


def carry(load: Load, directory: Path) -> Found:
    """One level of load."""
    generator = Generator(2 * load.calls)
    loop = RealtimeLoop()
    server = Server(generator.ports, directory, loop.behind)
    loop.every_frame(server.plane.tick)

    async def conduct() -> float:
        sweeping = asyncio.ensure_future(keep_sweeping(loop, server.trunk))
        await asyncio.sleep(0.1)
        generator.start(server.ports, load)
        await asyncio.sleep((load.ramp + 10) * FRAME)
        loop.lateness = Lateness()
        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.sleep((load.frames - load.ramp - 10) * FRAME)
        share = (time.process_time() - cpu) / (time.perf_counter() - wall)
        await asyncio.sleep(AFTERWARDS)
        sweeping.cancel()
        return share

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        cpu = runner.run(conduct())
        loop.every_frame(None)
    process.unsettle()
    found = generator.stop()
    server.close()
    lost = found["sent"] - server.sockets.received + server.sockets.sent - found["received"]
    streams = [leg.stream for legs in server.legs for leg in legs]
    bad = 0
    for path, legs in zip(server.files, server.legs, strict=True):
        samples = np.fromfile(path, np.int16, offset=HEADER_SIZE).reshape(-1, 2)
        rights = [channel_right(samples[:, side], leg, load) for side, leg in enumerate(legs)]
        bad += not all(rights)
    errors = dict(server.sockets.errors)
    if found["refused"]:
        errors["refused to the generator"] = found["refused"]
    return Found(
        load=load,
        cpu=cpu,
        lateness=loop.lateness,
        lost=lost,
        wrong=found["wrong"],
        late=sum(stream.late for stream in streams),
        moved=sum(len(stream.shifts) > 1 for stream in streams),
        bad=bad,
        generator_late_ms=found["late_ms"],
        errors=errors,
    )


def channel_right(samples: np.ndarray, leg: Leg, load: Load) -> bool:
    """Whether a channel has its leg's packets, each where the log of places says, and no more."""
    number, stream = int(leg.label), leg.stream
    packets = load.frames - first_frame(number, 2 * load.calls, load.ramp)
    codes = np.empty((packets, FRAME_SAMPLES), np.uint8)
    for packet in range(packets):
        codes[packet] = np.frombuffer(payload(number, packet), np.uint8)
    if not stream.shifts:
        return False
    expected = np.zeros_like(samples)
    first = stream.shifts[0].media
    for packet, voice in enumerate(ULAW_DECODE[codes]):
        media = first + packet * FRAME_SAMPLES
        at = media + stream.place_of(media)
        expected[at : at + FRAME_SAMPLES] = voice[: max(0, len(expected) - at)]
    wrong = (expected != samples).reshape(-1, UNIT).any(axis=1)
    return int(np.count_nonzero(wrong)) <= stream.late * FRAME_SAMPLES // UNIT


def socket_cost() -> str:
    """Microseconds of one packet's way into and out of a socket on this core, and no more."""
    pairs = []
    for _ in range(500):
        ends = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for end in ends:
            end.bind(("127.0.0.1", 0))
        ends[0].connect(ends[1].getsockname())
        pairs.append(ends)
    packet, room = bytes(172), bytearray(2048)
    costs = []
    for _ in range(20):
        start = time.perf_counter()
        for sender, _ in pairs:
            sender.send(packet)
        middle = time.perf_counter()
        for _, receiver in pairs:
            receiver.recv_into(room)
        costs.append((middle - start, time.perf_counter() - middle))
        time.sleep(0.01)
    for ends in pairs:
        for end in ends:
            end.close()
    send, receive = (
        sorted(cost)[len(cost) // 2] / len(pairs) * 1e6 for cost in zip(*costs, strict=True)
    )
    return f"on this core a send takes {send:.1f} us and a receive {receive:.1f} us"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--calls", type=int, nargs="+", default=list(range(300, 1600, 100)))
    parser.add_argument("--attempts", type=int, default=3, help="a level that failed is repeated")
    arguments = parser.parse_args()
    prepare_process(SERVER_CORE)
    print(socket_cost(), flush=True)
    if arguments.short:
        loads = [Load(200, frames=150, ramp=50)]
    else:
        loads = [Load(calls, frames=375, ramp=150) for calls in arguments.calls]
    best = 0
    for load in loads:
        for _ in range(arguments.attempts):
            directory = Path(tempfile.mkdtemp(prefix="mediasim-capacity-"))
            try:
                found = carry(load, directory)
            finally:
                shutil.rmtree(directory, ignore_errors=True)
            print(found.row(), flush=True)
            if found.carried or (arguments.short and found.sound):
                best = load.calls
                break
        else:
            break
    print(f"{best} recorded two-leg calls on one of {os.cpu_count()} cores")
    return 0 if best else 1


if __name__ == "__main__":
    raise SystemExit(main())
