"""How many recorded calls of RTP endpoints ``mediasim serve`` carries on one core, from outside.

``serve`` runs on one core, with a number plan of RTP endpoints; a generator on another core
(``rtp_generator.py``) is the telephones. Calls of two legs are placed over the REST API, bridged
and recorded in two channels; the telephones speak for some seconds, in which the server's CPU time
is taken; then the calls are hung up, and every recording is downloaded and compared: each packet
that was sent must stand in its channel, sample by sample, one behind the other, and the two
channels against each other as the telephones spoke. What the telephones heard is compared too.

    python tests/benchmarks/realtime_capacity.py                   raise the load until it fails
    python tests/benchmarks/realtime_capacity.py --calls 200 400   these levels
    python tests/benchmarks/realtime_capacity.py --short           a small load; for CI

Beside each level stands its floor: what the same telephones cost sockets alone, in the same
minute (``bare_sockets.py``). ``--short`` fails only for wrong audio: a machine that others share
loses a packet's deadline now and then.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rtp_generator import FRAME, PHASES, Load, payloads, prepare_process

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.g711 import ULAW_DECODE
from mediasim.audio.wav import read_wav

sys.path.append(str(Path(__file__).resolve().parents[1] / "sandbox"))

from serving import Sandbox, serving

HERE = Path(__file__).resolve().parent
SERVER_CORE, GENERATOR_CORE = 1, 0
APP, FIRST_NUMBER = "+14155550100", 14155560000
OVERLOADED = 20429
BETWEEN = 0.05
"""Seconds from call to call: to begin one is as much work as to carry it for half a minute."""
SETTLE = 1.0
"""Seconds between what changes and what is measured, or ended."""
SKEW_MS = 30
"""How far the channels may stand from how the telephones spoke: a frame and a step of 10 ms."""


@dataclass(frozen=True)
class Found:
    """What a level of load showed."""

    load: Load
    cpu: float
    """Share of the core that the server took,"""
    floor: float
    """and that sockets alone took."""
    busy: float
    """What the server itself says."""
    memory: float
    """Bytes per call."""
    recordings: int
    gone: int
    """Frames said that are not in a recording: they came too late, or never."""
    misplaced: int
    """Frames with anything else in a recording, or in the wrong place."""
    skew_ms: float
    """The furthest that two channels stand from how the telephones spoke."""
    heard: dict[str, float]
    """What the telephones saw."""

    @property
    def right(self) -> bool:
        """Whether all audio that is there is right."""
        whole = self.recordings == self.load.calls and self.skew_ms <= SKEW_MS
        return whole and not (self.misplaced or self.heard["wrong"])

    @property
    def carried(self) -> bool:
        return self.right and not (self.gone or self.heard["unheard"] or self.heard["refused"])

    def row(self) -> str:
        calls, per_call = self.load.calls, 1000 / self.load.calls
        return (
            f"{calls:5d} calls  CPU {self.cpu:4.0%} = {self.cpu * per_call:.2f} ms a call-second,"
            f" sockets alone {self.floor * per_call:.2f} ms: {self.cpu / self.floor:.2f} floors"
            f"  busy {self.busy:.0%}  {self.memory / 1024:.0f} KB a call"
            f"  {self.recordings} recordings: frames missing {self.gone}"
            f" misplaced {self.misplaced}, channels {self.skew_ms:.0f} ms apart"
            f"  telephones: unheard {self.heard['unheard']} wrong {self.heard['wrong']}"
            f" refused {self.heard['refused']}  (generator late {self.heard['late_ms']:.0f} ms)"
        )


class Generator:
    """The telephones, in a process of their own."""

    def __init__(self, load: Load) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "rtp_generator.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.tell({**asdict(load), "core": GENERATOR_CORE})
        self.ports: list[int] = self._hear()

    def meet(self, ports: list[int]) -> None:
        """The ports of the server's that each leg is to send to."""
        self.tell(ports)
        self._hear()

    def stop(self) -> dict[str, float]:
        """Returns what it saw."""
        self.tell("stop")
        found: dict[str, float] = self._hear()
        self._process.communicate(timeout=10)
        return found

    def tell(self, what: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def _hear(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started meanwhile stays on a core."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, of all threads that it has now."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text("ascii").split()[0]) for task in tasks) / 1e9


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf(
        "SC_PAGE_SIZE"
    )


def share_while_speaking(pid: int, generator: Generator, load: Load) -> float:
    """Share of a core that a process takes while the telephones speak, its beginning apart."""
    generator.tell("speak")
    time.sleep(SETTLE)
    wall, cpu = time.perf_counter(), cpu_seconds(pid)
    time.sleep(load.frames * FRAME - 2 * SETTLE)
    share = (cpu_seconds(pid) - cpu) / (time.perf_counter() - wall)
    time.sleep(2 * SETTLE)
    return share


def free_ports(count: int) -> list[int]:
    """Even ports that are free at the moment, and the next of each for RTCP."""
    found: list[int] = []
    for port in range(20_000, 60_000, 2):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtcp,
            contextlib.suppress(OSError),
        ):
            rtp.bind(("127.0.0.1", port))
            rtcp.bind(("127.0.0.1", port + 1))
            found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError(f"this machine has no {count} free pairs of ports")


def floor_of(load: Load) -> float:
    """Share of the core that sockets alone take."""
    generator, ports = Generator(load), free_ports(load.legs)
    with on_core(SERVER_CORE):
        bare = subprocess.Popen(
            [sys.executable, str(HERE / "bare_sockets.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    assert bare.stdin is not None
    assert bare.stdout is not None
    bare.stdin.write(json.dumps([ports, generator.ports]) + "\n")
    bare.stdin.flush()
    bare.stdout.readline()
    generator.meet(ports)
    share = share_while_speaking(bare.pid, generator, load)
    bare.communicate("\n", timeout=10)
    generator.stop()
    return share


def number_of(leg: int) -> str:
    return f"+{FIRST_NUMBER + leg}"


def plan_of(ports: list[int], telephones: list[int]) -> str:
    """The number plan: an endpoint for each leg."""
    parties = {
        f"leg{leg}": {
            "number": number_of(leg),
            "endpoint": {"local": f"127.0.0.1:{port}", "remote": f"127.0.0.1:{telephone}"},
        }
        for leg, (port, telephone) in enumerate(zip(ports, telephones, strict=True))
    }
    recordings = {"processing": "0s"}  # each is fetched as soon as its call has ended
    return json.dumps({"parties": parties, "recordings": recordings})  # which YAML contains


def carry(load: Load) -> Found:
    """One level of load: its floor, and the server."""
    floor = floor_of(load)
    generator, ports = Generator(load), free_ports(load.legs)
    with tempfile.TemporaryDirectory(prefix="mediasim-capacity-") as folder:
        plan = Path(folder) / "plan.yaml"
        plan.write_text(plan_of(ports, generator.ports), "ascii")
        with contextlib.ExitStack() as stack:
            with on_core(SERVER_CORE):
                options = ("--config", str(plan), "--data", f"{folder}/data")
                sandbox = stack.enter_context(serving(*options))
            pid, before = sandbox.process.pid, resident(sandbox.process.pid)
            generator.meet(ports)
            asked = {call: place(sandbox, call) for call in range(load.calls)}
            sids = {call: sid for call, sid in asked.items() if sid is not None}
            time.sleep(SETTLE)
            cpu = share_while_speaking(pid, generator, load)
            busy = sandbox.control("GET", "/health")["busy"][0]
            memory = resident(pid) - before
            for sid in sids.values():
                sandbox.rest("POST", f"/Calls/{sid}.json", Status="completed")
            heard = generator.stop()
            compared = [compare(sandbox, call, sid, load) for call, sid in sids.items()]
    found = [each for each in compared if each is not None]
    return Found(
        load=load,
        cpu=cpu,
        floor=floor,
        busy=busy,
        memory=memory / load.calls,
        recordings=len(found),
        gone=sum(each.gone for each in found),
        misplaced=sum(each.misplaced for each in found),
        skew_ms=max((each.skew_ms for each in found), default=0.0),
        heard=heard,
    )


def place(sandbox: Sandbox, call: int) -> str | None:
    """Place a recorded call from one endpoint to the next; its SID, None if it is refused."""
    dial = f"<Dial record='record-from-answer-dual'>{number_of(2 * call + 1)}</Dial>"
    asked = {"To": number_of(2 * call), "From": APP, "Twiml": f"<Response>{dial}</Response>"}
    answer = sandbox.rest("POST", "/Calls.json", **asked)
    if "sid" not in answer and answer["code"] != OVERLOADED:
        raise RuntimeError(f"the call was refused: {answer}")
    time.sleep(BETWEEN)
    sid: str | None = answer.get("sid")
    return sid


@dataclass(frozen=True)
class Compared:
    """A recording beside what was said."""

    gone: int
    misplaced: int
    skew_ms: float


def compare(sandbox: Sandbox, call: int, sid: str, load: Load) -> Compared | None:
    """Download a call's recording and compare it; None if there is none."""
    found = sandbox.rest("GET", f"/Calls/{sid}/Recordings.json")["recordings"]
    if len(found) != 1:
        return None
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        file.write(sandbox.download(f"/Recordings/{found[0]['sid']}.wav?RequestedChannels=2"))
        file.flush()
        pcm = read_wav(file.name).pcm
    legs = (2 * call, 2 * call + 1)
    sides = [_beside(pcm[side], leg, load) for side, leg in enumerate(legs)]
    starts = [start for _, _, start in sides]
    spoke = (legs[1] % PHASES - legs[0] % PHASES) / PHASES * FRAME * 1000
    skew = abs((starts[1] - starts[0]) / 8 - spoke)
    return Compared(sum(side[0] for side in sides), sum(side[1] for side in sides), skew)


def _beside(channel: np.ndarray, leg: int, load: Load) -> tuple[int, int, int]:
    """Frames that are missing, frames that are wrong, and where the leg's first word stands."""
    packets = np.arange(load.frames)
    said = ULAW_DECODE[payloads(np.full(load.frames, leg), packets)]
    sounds = np.flatnonzero(channel)
    start = int(sounds[0]) if len(sounds) else 0
    own = np.zeros(load.frames * FRAME_SAMPLES, np.int16)
    there = channel[start : start + len(own)]
    own[: len(there)] = there
    frames = own.reshape(-1, FRAME_SAMPLES)
    same = (frames == said).all(axis=1)
    gone = ~same & ~frames.any(axis=1)
    beyond = int(channel[start + len(own) :].any())
    return int(gone.sum()), int((~same & ~gone).sum()) + beyond, start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--calls", type=int, nargs="+", help="the levels of load")
    parser.add_argument("--frames", type=int, default=500, help="for which telephones speak")
    parser.add_argument("--attempts", type=int, default=3, help="a level that failed is repeated")
    arguments = parser.parse_args()
    if sys.platform != "linux":
        print("the generator needs Linux: nothing was measured")
        return 0
    prepare_process(GENERATOR_CORE)
    if arguments.short:
        found = carry(Load(calls=50, frames=200))
        print(found.row(), flush=True)
        return int(not found.right)
    best = 0
    for calls in arguments.calls or range(100, 2000, 100):
        for _ in range(arguments.attempts):
            found = carry(Load(calls, arguments.frames))
            print(found.row(), flush=True)
            if found.carried:
                best = calls
                break
        else:
            break
    print(f"{best} recorded two-leg calls on one of {os.cpu_count()} cores, every frame right")
    return 0 if best else 1


if __name__ == "__main__":
    sys.exit(main())
