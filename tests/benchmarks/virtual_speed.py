"""Recorded two-party call-seconds per CPU-second in virtual time, beside the floor.

Clips are cached, both legs have seeded loss and jitter, both channels go to a WAV on disk. The
floor is what the samples alone cost: mu-law tables, interleaving and the same writes, with no
packets, network or exchange. Figures are medians; the ratios are what to compare, for machines
differ and are shared.

    python tests/benchmarks/virtual_speed.py [--short]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mediasim.audio.g711 import ULAW_DECODE
from mediasim.exchange.exchange import VIRTUAL_BLOCK
from mediasim.media.plane import MediaPlane
from mediasim.media.room import Room
from mediasim.media.spool import SpoolFile
from mediasim.net.link import Impairments, Jitter, Link
from mediasim.parties.clock import SenderClock
from mediasim.parties.phone import Phone, PhoneFormat
from mediasim.parties.timeline import Timeline
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.stream import StreamFormat

NETWORK = Impairments(delay_ns=20_000_000, jitter=Jitter("uniform", 30_000_000), loss=0.01)
TARGETS = {"one call": 5_000, "one hundred calls": 8_000}


def plane_speed(calls: int, seconds: int, directory: Path) -> float:
    """Call-seconds per CPU-second of so many calls of that length, side by side."""
    clip = np.random.default_rng(1).normal(0, 3000, 24_000).astype(np.int16)
    plane = MediaPlane(max_lag=VIRTUAL_BLOCK)
    recorders = []
    for call in range(calls):
        room = Room(plane)
        legs = []
        for side in range(2):
            leg = room.add_leg(f"{call}/{side}", StreamFormat(), RtpSender("PCMU", ssrc=9))
            timeline = Timeline()
            for start in range(0, seconds, 4):
                at = start * 8000 + side * 16_000
                timeline.place(clip, at, kind="play", text="clip")
            link = Link(NETWORK, call * 2 + side)
            phone = Phone(PhoneFormat(ssrc=side + 1), timeline, SenderClock(0), link)
            room.connect(leg, source=phone)
            legs.append(leg)
        room.bridge(*legs)
        spool = SpoolFile(directory, f"RE{call}", 2, {})
        recorders.append((room, room.record([[legs[0].inbound], [legs[1].inbound]], spool), spool))
    started = time.process_time()
    for frame in range(0, seconds * 50 + 1, 50):
        plane.advance(frame)
    for room, recorder, _ in recorders:
        room.stop(recorder)
    spent = time.process_time() - started
    for _, _, spool in recorders:
        spool.discard()
    return calls * seconds / spent


def floor_speed(calls: int, seconds: int, directory: Path) -> float:
    """The same samples: tables, interleaving, writes."""
    block = 5 * 8000
    codes = np.random.default_rng(1).integers(0, 256, (2, block)).astype(np.uint8)
    files = [open(directory / f"floor{call}", "wb", buffering=0) for call in range(calls)]  # noqa: SIM115
    blocks = seconds * 8000 // block
    started = time.process_time()
    for _ in range(blocks):
        for file in files:
            pcm = np.empty((block, 2), np.int16)
            for channel in range(2):
                pcm[:, channel] = ULAW_DECODE.take(codes[channel])
            file.write(pcm.data)
    spent = time.process_time() - started
    for call, file in enumerate(files):
        file.close()
        (directory / f"floor{call}").unlink()
    return calls * blocks * block / 8000 / spent


def median(measure: Callable[[], float], runs: int) -> float:
    return statistics.median(measure() for _ in range(runs))


def command_seconds(runs: int, *words: str) -> float:
    """Wall seconds of a whole command."""

    def once() -> float:
        started = time.perf_counter()
        command = [sys.executable, "-m", "mediasim", *words]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
        return time.perf_counter() - started

    once()  # bytecode and clips are cached from here on
    return median(once, runs)


def command_megabytes(*words: str) -> float:
    """The most memory a whole command takes."""
    command = [sys.executable, "-m", "mediasim", *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return usage.ru_maxrss / 1024


MINUTE = """
parties:
  a: {network: {up: {jitter: 20ms, loss: 1%}}, script: [{repeat: {times: 8, steps: [{say: One minute of call.}, {pause: 6s}]}}]}
  b: {network: {up: {jitter: 20ms, loss: 1%}}, script: [{pause: 3s}, {repeat: {times: 8, steps: [{say: And so it goes.}, {pause: 6s}]}}]}
call: {from: a, to: b, recording: dual}
"""  # noqa: E501
HOUR = MINUTE.replace("times: 8", "times: 480")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--short", action="store_true", help="a quick look, for CI")
    short = parser.parse_args().short
    runs = 3 if short else 5
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        scenario = directory / "minute.yaml"
        out = ("--out", str(directory / "out"))
        most = 0.0
        if not short:
            # First of all: a process counts the memory of the one that started it as its own.
            scenario.write_text(HOUR, "utf-8")
            command_seconds(1, "run", str(scenario), *out)
            most = command_megabytes("run", str(scenario), *out)
        print("call-seconds per CPU-second        mediasim      floor   of floor  of target")
        for name, calls, seconds in (
            ("one call", 1, 300 if short else 3600),
            ("one hundred calls", 100, 10 if short else 60),
        ):
            speed = median(lambda c=calls, s=seconds: plane_speed(c, s, directory), runs)  # type: ignore[misc]
            floor = median(lambda c=calls, s=seconds: floor_speed(c, s, directory), runs)  # type: ignore[misc]
            print(
                f"{name:<32} {speed:>10,.0f} {floor:>10,.0f} {speed / floor:>10.2f} "
                f"{speed / TARGETS[name]:>10.2f}"
            )
        scenario.write_text(MINUTE, "utf-8")
        print("wall seconds of a command            median     target      ratio")
        for name, seconds_taken, target in (
            ("mediasim --help", command_seconds(runs, "--help"), 0.3),
            ("run of a minute", command_seconds(runs, "run", str(scenario), *out), 1.0),
        ):
            print(
                f"{name:<32} {seconds_taken:>10.2f} {target:>10.2f} {seconds_taken / target:>10.2f}"
            )
        if not short:
            print(f"memory of an hour's run: {most:.0f} MB, target 200 MB, ratio {most / 200:.2f}")


if __name__ == "__main__":
    main()
