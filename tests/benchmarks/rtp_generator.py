"""Many telephones in one process: paced PCMU over UDP, and what comes back absorbed and looked at.

Standard library only, so that it costs little beside the server it tests. Run by
``realtime_capacity.py``; talks JSON lines on standard input and output: the legs come in, their
ports go out, the server's ports come in, it sends for as long as it was told, and when the server
says that it has stopped, what it saw goes out. Everything stays on 127.0.0.1, and it stops by
itself.

Each payload says whose it is and which of its leg's packets: three digits each, of 64, as mu-law
octets that survive being decoded and encoded again; the rest is filled with the leg's digits.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import socket
import struct
import sys
import time

FRAME = 0.02
PHASES = 8
"""Legs are spread over the frame in this many groups."""
LONGEST = 10.0


def digits(number: int) -> bytes:
    """A number below 64 ** 3 as three octets below 64."""
    return bytes((number >> 12 & 63, number >> 6 & 63, number & 63))


def payload(leg: int, packet: int) -> bytes:
    return digits(leg) + digits(packet) + digits(leg) * 51 + b"\x2a"


def first_frame(leg: int, legs: int, ramp: int) -> int:
    """Calls begin one after the other over ``ramp`` frames, as calls do."""
    return leg // 2 * ramp * 2 // legs


def prepare_process(core: int) -> None:
    """Stay on one core, where the system knows how, and allow enough sockets."""
    if hasattr(os, "sched_setaffinity"):
        # Whatever core it is on now: a child begins on that of its parent.
        with contextlib.suppress(OSError):  # a machine without that core
            os.sched_setaffinity(0, {core})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Telephone:
    """One leg: sends its packets and looks at those of its partner."""

    def __init__(self, leg: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(("127.0.0.1", 0))
        draw = random.Random(leg)
        self.sequence = draw.randrange(1 << 16)
        self.timestamp = draw.randrange(1 << 32)
        self.ssrc = draw.randrange(1 << 32)
        self.packet = bytearray(struct.pack("!BBHII", 0x80, 0, 0, 0, 0) + payload(leg, 0))
        self.partner = digits(leg ^ 1)


def main() -> None:
    order = json.loads(sys.stdin.readline())
    prepare_process(order["core"])
    telephones = [Telephone(leg) for leg in range(order["legs"])]
    print(json.dumps([t.socket.getsockname()[1] for t in telephones]), flush=True)
    order = json.loads(sys.stdin.readline())
    for telephone, port in zip(telephones, order["ports"], strict=True):
        telephone.socket.connect(("127.0.0.1", port))
    frames = min(order["frames"], round(LONGEST / FRAME))
    print(json.dumps(call(telephones, frames, order["ramp"])), flush=True)


def call(telephones: list[Telephone], frames: int, ramp: int) -> dict[str, float]:
    """Send for so many frames."""
    header = struct.Struct("!HII").pack_into
    room = bytearray(2048)
    sent = received = wrong = refused = 0
    latest = 0.0

    def look(telephone: Telephone, size: int) -> None:
        nonlocal received, wrong
        received += 1
        # A stream's place is a multiple of 10 ms: its packets begin here or half a frame later.
        # Before the partner's first packet is played, and after its last, there is silence.
        begins = 92 if room[92:95] == telephone.partner else 12
        if size != 172 or (
            room[begins : begins + 3] != telephone.partner and 0xFF not in (room[12], room[92])
        ):
            wrong += 1

    groups = [
        [
            (first_frame(leg, len(telephones), ramp), t, t.socket.send, t.socket.recv_into)
            for leg, t in list(enumerate(telephones))[phase::PHASES]
        ]
        for phase in range(PHASES)
    ]
    start = time.perf_counter()
    for frame in range(frames):
        for phase, group in enumerate(groups):
            due = start + (frame + phase / PHASES) * FRAME
            now = time.perf_counter()
            if now < due:
                time.sleep(due - now)
            else:
                latest = max(latest, now - due)
            for first, telephone, send, receive in group:
                number = frame - first
                if number < 0:
                    continue
                packet = telephone.packet
                header(
                    packet,
                    2,
                    telephone.sequence + number & 0xFFFF,
                    telephone.timestamp + number * 160 & 0xFFFFFFFF,
                    telephone.ssrc,
                )
                packet[15:18] = digits(number)
                try:
                    send(packet)
                    sent += 1
                except OSError:
                    refused += 1
                try:
                    look(telephone, receive(room))
                except OSError:
                    continue
    sys.stdin.readline()
    for telephone in telephones:
        while True:
            try:
                look(telephone, telephone.socket.recv_into(room))
            except OSError:
                break
    return {
        "sent": sent,
        "received": received,
        "wrong": wrong,
        "refused": refused,
        "late_ms": latest * 1000,
    }


if __name__ == "__main__":
    main()
