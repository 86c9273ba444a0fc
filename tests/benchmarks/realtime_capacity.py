"""How many recorded calls one core carries in real time over UDP, and conferences.

The server, pinned to one core, bridges rooms of legs and records them (``realtime_server.py``); a
generator on another core (``rtp_generator.py``) is the telephones. The calls begin over the first
seconds; then lateness and CPU are measured. Load is raised until a level fails: a frame whose work
was not done when the next was due, a packet lost, refused or too late to be played, or a recording
with anything but what was said where it was said. Only 127.0.0.1 is used, and each level ends by
itself.

    python tests/benchmarks/realtime_capacity.py                       raise load until it fails
    python tests/benchmarks/realtime_capacity.py --mode shared         one socket for all legs
    python tests/benchmarks/realtime_capacity.py --legs 10 --mode shared   conferences of ten
    python tests/benchmarks/realtime_capacity.py --rooms 900 1000      these levels
    python tests/benchmarks/realtime_capacity.py --short               small loads; for CI

Each level is set against the floor of the port-per-leg way: what one send and one receive on the
standard library's sockets cost on this core at that moment, with nothing else done. ``--short``
fails only for lost packets or wrong audio: a machine that others share is late now and then.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from realtime_server import Server
from rtp_generator import FRAME, Load, prepare_process

from mediasim.net import process
from mediasim.net.realtime import Lateness, RealtimeLoop, keep_sweeping

SERVER_CORE, GENERATOR_CORE = 1, 0
AFTERWARDS = 0.5
"""Seconds the server goes on when the telephones have stopped."""
PER_SECOND = 50


@dataclass(frozen=True)
class Found:
    """What a level of load showed."""

    load: Load
    cpu: float
    """Share of the core."""
    floor_us: float
    """Of one packet's way out and another's way in, by sockets alone."""
    memory: float
    """Bytes per room, with its recordings under way."""
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

    @property
    def pair_us(self) -> float:
        """CPU of one packet in and one out, recorded."""
        return self.cpu / (self.load.all_legs * PER_SECOND) * 1e6

    def row(self) -> str:
        late, load = self.lateness.as_ms(), self.load
        what = "calls" if load.legs == 2 else f"conferences of {load.legs}"
        words = (
            f"{load.rooms:5d} {what}  CPU {self.cpu:4.0%}"
            f" = {self.cpu / load.rooms * 1000:.2f} ms a call-second,"
            f" {self.pair_us:.1f} us a packet pair, {self.pair_us / self.floor_us:.2f} floors"
            f"  late p50 {late['p50']:.2f} p99 {late['p99']:.2f} max {late['max']:.2f} ms"
            f"  missed {self.lateness.missed} of {self.lateness.ticks} frames"
            f"  packets lost {self.lost} wrong {self.wrong} late {self.late}"
            f"  moved {self.moved}  bad recordings {self.bad}"
            f"  {self.memory / 1024:.0f} KB a room"
            f"  (generator late {self.generator_late_ms:.0f} ms)"
        )
        return f"{words}  {self.errors}" if self.errors else words


class Generator:
    """The telephones, in a process of their own."""

    def __init__(self, load: Load) -> None:
        script = Path(__file__).with_name("rtp_generator.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._tell({**asdict(load), "core": GENERATOR_CORE})
        self.ports: list[int] = self._hear()

    def start(self, ports: list[int]) -> None:
        self._tell(ports)

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


def carry(load: Load, directory: Path) -> Found:
    """One level of load."""
    floor = [socket_cost()]
    generator = Generator(load)
    before = _resident()
    loop = RealtimeLoop()
    server = Server(load, generator.ports, directory, loop.behind)
    loop.every_frame(server.plane.tick)

    async def conduct() -> tuple[float, int]:
        sweeping = asyncio.ensure_future(keep_sweeping(loop, server.trunk))
        await asyncio.sleep(0.1)
        generator.start(server.ports)
        await asyncio.sleep((load.ramp + 10) * FRAME)
        loop.lateness = Lateness()
        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.sleep((load.frames - load.ramp - 10) * FRAME)
        share = (time.process_time() - cpu) / (time.perf_counter() - wall)
        memory = _resident() - before
        await asyncio.sleep(AFTERWARDS)
        sweeping.cancel()
        return share, memory

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        cpu, memory = runner.run(conduct())
        loop.every_frame(None)
    process.unsettle()
    found = generator.stop()
    server.close()
    floor.append(socket_cost())
    streams = [leg.stream for legs in server.legs for leg in legs]
    errors = dict(server.sockets.errors)
    if found["refused"]:
        errors["refused to the generator"] = found["refused"]
    return Found(
        load=load,
        cpu=cpu,
        floor_us=sum(map(sum, floor)) / len(floor),
        memory=memory / load.rooms,
        lateness=loop.lateness,
        lost=found["sent"] - server.sockets.received + server.sockets.sent - found["received"],
        wrong=found["wrong"],
        late=sum(stream.late for stream in streams),
        moved=sum(len(stream.shifts) > 1 for stream in streams),
        bad=server.bad_recordings(),
        generator_late_ms=found["late_ms"],
        errors=errors,
    )


def by_itself(load: Load) -> Found:
    """One level of load in a process of its own, whose memory is what that level takes."""
    directory = Path(tempfile.mkdtemp(prefix="mediasim-capacity-"))
    try:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, spawn, prepare_process, (SERVER_CORE,)) as pool:
            return pool.submit(carry, load, directory).result()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _resident() -> int:
    """Bytes of memory that this process has."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()


def socket_cost() -> tuple[float, float]:
    """CPU (us) of a packet's way into and out of a socket on this core, and no more: the median
    of some rounds."""
    pairs = []
    for _ in range(500):
        ends = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for end in ends:
            end.bind(("127.0.0.1", 0))
            end.setblocking(False)
        ends[0].connect(ends[1].getsockname())
        pairs.append(ends)
    packet, room = bytes(172), bytearray(2048)
    costs = []
    for _ in range(20):
        start = time.thread_time()
        for sender, _ in pairs:
            sender.send(packet)
        middle = time.thread_time()
        for _, receiver in pairs:
            receiver.recv_into(room)
        costs.append((middle - start, time.thread_time() - middle))
        time.sleep(0.005)
    for ends in pairs:
        for end in ends:
            end.close()
    send, receive = (
        sorted(cost)[len(cost) // 2] / len(pairs) * 1e6 for cost in zip(*costs, strict=True)
    )
    return send, receive


def loads(arguments: argparse.Namespace) -> Iterator[Load]:
    """The levels asked for."""
    legs, shared = arguments.legs, arguments.mode == "shared"
    if arguments.short:
        yield Load(rooms=200, legs=2, frames=90, ramp=30, shared=False)
        yield Load(rooms=300, legs=2, frames=90, ramp=30, shared=True)
        yield Load(rooms=30, legs=10, frames=90, ramp=30, shared=True)
        return
    step = 100 if legs == 2 else max(1, 200 // legs)
    levels = arguments.rooms or range(3 * step, 60 * step, (2 if shared else 1) * step)
    for rooms in levels:
        yield Load(rooms, legs, frames=arguments.frames, ramp=150, shared=shared)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--mode", choices=["ports", "shared"], default="ports")
    parser.add_argument("--legs", type=int, default=2, help="of each room; 2 make a call")
    parser.add_argument("--rooms", type=int, nargs="+", help="the levels of load")
    parser.add_argument("--frames", type=int, default=400, help="for which telephones send")
    parser.add_argument("--attempts", type=int, default=3, help="a level that failed is repeated")
    arguments = parser.parse_args()
    if sys.platform != "linux":
        print("the generator needs Linux: nothing was measured")
        return 0
    prepare_process(SERVER_CORE)
    send, receive = socket_cost()
    print(f"on this core a send takes {send:.1f} us and a receive {receive:.1f} us", flush=True)
    best, failed = 0, False
    for load in loads(arguments):
        for _ in range(1 if arguments.short else arguments.attempts):
            found = by_itself(load)
            print(found.row(), flush=True)
            if found.carried or (arguments.short and found.sound):
                best = load.rooms
                break
        else:
            failed = True
            if not arguments.short:
                break
    if arguments.short:
        return int(failed)
    what = "two-leg calls" if arguments.legs == 2 else f"conferences of {arguments.legs}"
    way = "one socket" if arguments.mode == "shared" else "a port per leg"
    print(f"{best} recorded {what} on one of {os.cpu_count()} cores, {way}")
    return 0 if best else 1


if __name__ == "__main__":
    sys.exit(main())
