"""How many recorded two-leg calls one core carries in real time, a UDP socket per leg.

The server, pinned to one core, bridges calls and records both channels of each; a generator on
another core (``rtp_generator.py``) is the telephones. Load is raised until a level fails: a frame
whose work was not done when the next was due, a packet lost, or a recording that is not what was
said. Only 127.0.0.1 is used, and each level ends by itself.

    python tests/benchmarks/realtime_capacity.py            raise load until it fails
    python tests/benchmarks/realtime_capacity.py --short    300 calls for 3 s; for CI

``--short`` fails only for lost packets or wrong recordings: machines that others share are late
now and then.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from rtp_generator import digits, pin

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.g711 import ULAW_DECODE
from mediasim.media.plane import MediaPlane
from mediasim.media.room import Room
from mediasim.media.spool import HEADER_SIZE, SpoolFile
from mediasim.media.trunk import Trunk
from mediasim.net import process
from mediasim.net.realtime import RealtimeLoop
from mediasim.net.udp import UdpSockets
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.stream import StreamFormat

SERVER_CORE, GENERATOR_CORE = 1, 0
AFTERWARDS = 0.5
"""Seconds the server goes on when the telephones have stopped."""


@dataclass(frozen=True)
class Level:
    """What one level of load showed."""

    calls: int
    cpu: float
    """Share of the core."""
    lateness: dict[str, float]
    missed: int
    lost: int
    """Packets of either direction that were sent and never came."""
    wrong: int
    """Packets with the wrong content, at the telephones."""
    bad: int
    """Recordings that are not what was said."""
    generator_late_ms: float
    errors: dict[str, int]

    @property
    def sound(self) -> bool:
        """Whether all audio is right."""
        return not (self.lost or self.wrong or self.bad or self.errors)

    @property
    def carried(self) -> bool:
        return self.sound and not self.missed

    def row(self) -> str:
        late = self.lateness
        return (
            f"{self.calls:5d} calls  CPU {self.cpu:4.0%}  late p50 {late['p50']:.2f}"
            f" p99 {late['p99']:.2f} max {late['max']:.2f} ms  missed {self.missed}"
            f"  lost {self.lost}  wrong {self.wrong}  bad recordings {self.bad}"
            f"  generator late {self.generator_late_ms:.1f} ms"
            + (f"  {self.errors}" if self.errors else "")
        )


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

    def start(self, ports: list[int], seconds: float) -> None:
        self._tell({"ports": ports, "seconds": seconds})

    def result(self) -> dict[str, Any]:
        self._tell("stop")
        found: dict[str, Any] = self._hear()
        self._process.wait(10)
        return found

    def _tell(self, what: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def _hear(self) -> Any:
        out: IO[str] | None = self._process.stdout
        assert out is not None
        return json.loads(out.readline())


class Server:
    """Calls of two legs each, bridged and recorded."""

    def __init__(self, calls: int, directory: Path) -> None:
        self.plane = MediaPlane(max_lag=1)
        self.sockets = UdpSockets()
        self.trunk = Trunk(self.sockets)
        self.plane.trunk = self.trunk
        self.rooms: list[Room] = []
        self.files: list[Path] = []
        self.ports: list[int] = []
        for call in range(calls):
            room = self.plane.open_room()
            legs = []
            for side in range(2):
                number = 2 * call + side
                sender = RtpSender("PCMU", ssrc=number + 1, first_sequence=number * 37 & 0xFFFF)
                leg = room.add_leg(f"{call}/{side}", StreamFormat(), sender)
                slot = self.sockets.open()
                self.trunk.attach(leg, slot)
                self.ports.append(self.sockets.address(slot)[1])
                legs.append(leg)
            room.bridge(*legs)
            spool = SpoolFile(directory, f"call{call}", 2, {})
            room.record([[leg.inbound] for leg in legs], spool)
            self.rooms.append(room)
            self.files.append(spool.path)

    def close(self) -> None:
        for room in self.rooms:
            room.close()
        self.sockets.close_all()


def run_level(calls: int, seconds: float, directory: Path) -> Level:
    generator = Generator(2 * calls)
    server = Server(calls, directory)
    for slot, port in enumerate(generator.ports):
        server.sockets.connect(slot, ("127.0.0.1", port))
    loop = RealtimeLoop()
    loop.every_frame(server.plane.tick)

    async def carry() -> float:
        await asyncio.sleep(0.1)  # the clock has started, and the first frames warmed up
        started = time.process_time()
        generator.start(server.ports, seconds)
        await asyncio.sleep(seconds + AFTERWARDS)
        return time.process_time() - started

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        cpu = runner.run(carry())
        loop.every_frame(None)
    process.unsettle()
    found = generator.result()
    server.close()
    lost = found["sent"] - server.sockets.received + server.sockets.sent - found["received"]
    bad = sum(not recording_right(path, call) for call, path in enumerate(server.files))
    return Level(
        calls,
        cpu / (seconds + AFTERWARDS),
        loop.lateness.as_ms(),
        loop.lateness.missed,
        lost,
        found["wrong"],
        bad,
        found["late_ms"],
        dict(server.sockets.errors),
    )


def recording_right(path: Path, call: int) -> bool:
    """Whether each channel has its own leg's packets, all of them that came, each in its place."""
    samples = np.fromfile(path, np.int16, offset=HEADER_SIZE).reshape(-1, 2)
    return all(channel_right(samples[:, side], 2 * call + side) for side in range(2))


def channel_right(samples: np.ndarray, leg: int) -> bool:
    frames = samples.reshape(-1, FRAME_SAMPLES)
    spoken = np.flatnonzero(frames.any(axis=1))
    if not len(spoken) or len(spoken) != spoken[-1] - spoken[0] + 1:
        return False  # nothing, or a hole
    codes = np.argsort(ULAW_DECODE, kind="stable")  # sample order -> code
    found = codes[np.searchsorted(ULAW_DECODE[codes], frames[spoken])]
    own = np.frombuffer(digits(leg), np.uint8)
    number = found[:, 3] << 12 | found[:, 4] << 6 | found[:, 5]
    return bool(
        (found[:, :3] == own).all()
        and (found[:, 6:159].reshape(-1, 51, 3) == own).all()
        and (number == np.arange(len(number))).all()
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--calls", type=int, nargs="+", default=[400, 600, 800, 1000, 1100, 1200])
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--attempts", type=int, default=3, help="a level that failed is repeated")
    arguments = parser.parse_args()
    levels, seconds = ([300], 3.0) if arguments.short else (arguments.calls, arguments.seconds)
    pin(SERVER_CORE)
    best = 0
    for calls in levels:
        for _ in range(arguments.attempts):
            directory = Path(tempfile.mkdtemp(prefix="mediasim-capacity-"))
            try:
                level = run_level(calls, min(seconds, 8.0), directory)
            finally:
                shutil.rmtree(directory, ignore_errors=True)
            print(level.row(), flush=True)
            if level.carried or (arguments.short and level.sound):
                best = calls
                break
        else:
            break
    print(f"{best} recorded two-leg calls on one of {os.cpu_count()} cores")
    return 0 if best else 1


if __name__ == "__main__":
    raise SystemExit(main())
