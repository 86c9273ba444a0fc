"""A generator of senders, each with several oddities drawn independently of one another."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from playout_oracle import Datagram

from mediasim.audio.g711 import alaw_decode, ulaw_decode
from mediasim.rtp.packets import build
from mediasim.rtp.stream import Shift

MS: Final = 1_000_000
FRAME: Final = 160
FRAME_NS: Final = 20 * MS
PACKETS: Final = 300

TIMESTAMPS: Final = (
    "ordinary",
    "at 0",
    "back 2 s",
    "back 40 ms",
    "ahead 300 ms",
    "ahead 5 s",
    "ahead 2**31",
    "ahead 2**31 and more",
    "anywhere, three times",
    "stand still",
)
SEQUENCES: Final = ("ordinary", "back 100", "back 7", "at 0", "anywhere", "stand")
MARKERS: Final = ("none", "all", "first of a spurt", "any")
PAYLOAD_TYPES: Final = ("one", "another at half", "by turns", "every tenth")
PORTS: Final = ("one", "another at half", "another for a while")
PACES: Final = ("exact", "jitter", "bursts", "somewhat fast", "somewhat slow")
REPEATS: Final = ("none", "twice", "three times", "some, a little later", "a second in a loop")
ORDERS: Final = ("sent", "every seventh late", "some behind two", "around a new beginning")
"""Packets that others overtake, of senders that are otherwise even and send each once."""


@dataclass(frozen=True)
class Frame:
    """One that was sent."""

    arrival: int
    payload_type: int
    codes: bytes


@dataclass
class OddSender:
    """What was drawn, and what it sends."""

    how: dict[str, str]
    frames: list[Frame] = field(default_factory=list)
    """In order; each is to stand in the recording once."""
    datagrams: list[Datagram] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    """The source port of each datagram."""

    @property
    def spurts(self) -> bool:
        """Whether it stops with its timestamps standing still."""
        return self.how["timestamp"] == "stand still"


def odd_sender(seed: int) -> OddSender:
    """Draw one."""
    rng = np.random.default_rng(seed)

    def one_of(kinds: tuple[str, ...]) -> str:
        return kinds[0] if rng.random() < 0.3 else kinds[int(rng.integers(len(kinds)))]

    kinds = {
        "timestamp": TIMESTAMPS,
        "sequence": SEQUENCES,
        "marker": MARKERS,
        "payload type": PAYLOAD_TYPES,
        "port": PORTS,
        "pace": PACES,
        "repeats": REPEATS,
    }
    sender = OddSender({name: one_of(kind) for name, kind in kinds.items()})
    sender.how["order"] = "sent"
    if sender.how["pace"] not in ("jitter", "bursts") and sender.how["repeats"] == "none":
        sender.how["order"] = str(np.random.default_rng([seed, 1]).choice(ORDERS))
    _send(sender, rng)
    return sender


def _send(sender: OddSender, rng: np.random.Generator) -> None:
    how = sender.how
    timestamp, sequence = int(rng.integers(0, 1 << 32)), int(rng.integers(0, 1 << 16))
    stamps = set(rng.integers(20, PACKETS - 60, 3 if "three" in how["timestamp"] else 1).tolist())
    numbers_at = int(rng.choice([*sorted(stamps), int(rng.integers(20, PACKETS - 60))]))
    pauses = set(range(40, PACKETS - 10, int(rng.integers(30, 80)))) if sender.spurts else set()
    # What comes unevenly besides needs a longer pause to be all too late.
    even = how["pace"] not in ("jitter", "bursts") and how["order"] == "sent"
    pause_ns = int(rng.choice([40, 80, 100, 260, 1500] if even else [120, 260, 1500])) * MS
    ppm = {"somewhat fast": 400, "somewhat slow": -400}.get(how["pace"], 0)
    said_ns = 0.0
    looped: list[tuple[int, int, int, bytes]] = []
    for number in range(PACKETS):
        if number in stamps:
            timestamp = _stepped(how["timestamp"], timestamp, rng)
        if number == numbers_at:
            sequence = _renumbered(how["sequence"], sequence, rng)
        spurt = number == 0 or number in pauses
        said_ns += pause_ns if number in pauses else 0
        said_ns += FRAME_NS / (1 + ppm * 1e-6)
        arrival = round(said_ns)
        if how["pace"] == "jitter":
            arrival += int(rng.integers(0, 15 * MS))
        elif how["pace"] == "bursts":
            arrival += (2 - number % 3) * FRAME_NS
        kind = {
            "one": 0,
            "another at half": 8 * (number >= PACKETS // 2),
            "by turns": 8 * (number % 2),
            "every tenth": 8 * (number % 10 == 3),
        }[how["payload type"]]
        marker = {
            "none": False,
            "all": True,
            "first of a spurt": spurt,
            "any": bool(rng.random() < 0.2),
        }[how["marker"]]
        codes = rng.integers(0, 127, FRAME, np.uint8)
        looped.append((sequence, timestamp, kind, codes.tobytes()))
        _emit(sender, arrival, sequence, timestamp, kind, codes, marker=marker)
        port = 4000
        if how["port"] == "another at half" and number >= PACKETS // 2:
            port = 4444
        if how["port"] == "another for a while" and 100 <= number < 200:
            port = 4444
        sender.ports.append(port)
        _repeat(sender, arrival, number, rng)
        timestamp += FRAME
        sequence += (
            0 if how["sequence"] == "stand" and numbers_at <= number < numbers_at + 30 else 1
        )
    if how["repeats"] == "a second in a loop":
        for again in range(2):
            for index, (sequence, timestamp, kind, text) in enumerate(looped[-50:]):
                arrival = round(said_ns) + (50 * again + index + 1) * FRAME_NS
                codes = np.frombuffer(text, np.uint8)
                _emit(sender, arrival, sequence, timestamp, kind, codes)
                sender.ports.append(sender.ports[-1])
    _overtake(sender, stamps)
    order = sorted(range(len(sender.datagrams)), key=lambda at: sender.datagrams[at].arrival)
    sender.datagrams = [sender.datagrams[at] for at in order]
    sender.ports = [sender.ports[at] for at in order]


def _overtake(sender: OddSender, stamps: set[int]) -> None:
    """Let some packets come later than the one or two sent after them."""
    late_ms = {}
    if sender.how["order"] == "every seventh late":
        late_ms = dict.fromkeys(range(5, PACKETS - 5, 7), 25)
    elif sender.how["order"] == "some behind two":
        late_ms = dict.fromkeys(range(5, PACKETS - 5, 11), 45)
    elif sender.how["order"].startswith("around"):
        late_ms = {number - number % 2: 25 for number in stamps}
    for number, late in late_ms.items():
        frame, datagram = sender.frames[number], sender.datagrams[number]
        sender.frames[number] = replace(frame, arrival=frame.arrival + late * MS)
        sender.datagrams[number] = replace(datagram, arrival=datagram.arrival + late * MS)


def _stepped(how: str, timestamp: int, rng: np.random.Generator) -> int:
    steps = {
        "back 2 s": -16_000,
        "back 40 ms": -320,
        "ahead 300 ms": 2400,
        "ahead 5 s": 40_000,
        "ahead 2**31": 1 << 31,
        "ahead 2**31 and more": (1 << 31) + 12_345,
    }
    if how == "at 0":
        return 0
    if how.startswith("anywhere"):
        return int(rng.integers(0, 1 << 32))
    return timestamp + steps.get(how, 0)


def _renumbered(how: str, sequence: int, rng: np.random.Generator) -> int:
    if how == "at 0":
        return 0
    if how == "anywhere":
        return int(rng.integers(0, 1 << 16))
    return sequence - {"back 100": 100, "back 7": 7}.get(how, 0)


def _emit(
    sender: OddSender,
    arrival: int,
    sequence: int,
    timestamp: int,
    kind: int,
    codes: np.ndarray,
    *,
    marker: bool = False,
) -> None:
    data = build(
        codes[None],
        payload_type=kind,
        sequence=np.array([sequence]),
        timestamp=np.array([timestamp]),
        ssrc=7,
        marker=np.array([marker]),
    ).tobytes()
    sender.frames.append(Frame(arrival, kind, codes.tobytes()))
    sender.datagrams.append(Datagram(arrival, data))


def _repeat(sender: OddSender, arrival: int, number: int, rng: np.random.Generator) -> None:
    how, data = sender.how["repeats"], sender.datagrams[-1].data
    copies = {"twice": 1, "three times": 2}.get(how, 0)
    later = 10_000
    if how.startswith("some") and number % 7 == 2:
        copies, later = 1, int(rng.integers(1, 120)) * MS
    for _ in range(copies):
        sender.datagrams.append(Datagram(arrival + later, data))
        sender.ports.append(sender.ports[-1])


# -- what was played of it --------------------------------------------------------------------

BOUND: Final = 3 + 1 + 8
"""Frames that a packet waits at most: the depth, the frame it can be used in, and what was received
before a new beginning and may still have to be played."""


@dataclass
class Heard:
    """What became of a sender's frames."""

    whole: int = 0
    """Frames that stand once, in order, within the bound."""
    cut: list[int] = field(default_factory=list)
    """Frames of which a logged step of the clock has left out 10 ms."""
    alone: list[int] = field(default_factory=list)
    """Frames lost by the policy: a single one between two new beginnings."""
    lost: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """What should not be, in words."""


def heard(sender: OddSender, played: NDArray[np.int16], shifts: list[Shift]) -> Heard:
    """Look for each frame in what was played (whole frames from 0)."""
    found, places = Heard(), _places(sender.frames, played)
    steps = [-shift.moved for shift in shifts if shift.why == "clock" and shift.moved < 0]
    spoken = np.zeros(len(played), np.int64)
    for number, frame in enumerate(sender.frames):
        size, at = FRAME, places[number]
        if at < 0 and number and places[number - 1] >= 0:
            at = places[number - 1] + FRAME  # where it would stand whole
            size = FRAME - next(
                (step for step in steps if _stands(played, at, frame, FRAME - step)), FRAME
            )
        if at < 0 or not size:
            (found.alone if _alone(sender, number) else found.lost).append(number)
            continue
        if size < FRAME:
            found.cut.append(number)
        else:
            found.whole += 1
        places[number] = at
        spoken[at : at + size] += 1
    stand = [at for at in places if at >= 0]
    if spoken.max() > 1:
        found.wrong.append("frames stand over each other")
    if played[spoken == 0].any():
        found.wrong.append("something is played that was not sent")
    if stand != sorted(stand):
        found.wrong.append("frames stand in another order")
    return found


def sound_of(frame: Frame) -> NDArray[np.int16]:
    octets = np.frombuffer(frame.codes, np.uint8)
    return alaw_decode(octets) if frame.payload_type == 8 else ulaw_decode(octets)


def _stands(played: NDArray[np.int16], at: int, frame: Frame, size: int) -> bool:
    return np.array_equal(played[at : at + size], sound_of(frame)[:size])


def _alone(sender: OddSender, number: int) -> bool:
    """Whether a frame's timestamps go on neither from the one before nor to the one after."""
    if sender.how["timestamp"] != "anywhere, three times":
        return False
    ticks = {frame.codes: data for frame, data in zip(sender.frames, _headers(sender), strict=True)}
    near = [ticks[each.codes] for each in sender.frames[max(0, number - 1) : number + 2]]
    return all(
        (other - ticks[sender.frames[number].codes]) % 2**32 not in (FRAME, 2**32 - FRAME)
        for other in near
        if other != ticks[sender.frames[number].codes]
    )


def _headers(sender: OddSender) -> list[int]:
    """The timestamp of each frame, in the order of sending."""
    by_codes = {data.data[12:]: int.from_bytes(data.data[4:8], "big") for data in sender.datagrams}
    return [by_codes[frame.codes] for frame in sender.frames]


def _places(frames: list[Frame], played: NDArray[np.int16]) -> list[int]:
    """Where each frame stands within the bound; those of one sound in turn; -1: nowhere."""
    grid = np.lib.stride_tricks.sliding_window_view(played, FRAME)[::80]
    found: dict[bytes, list[int]] = {}
    for index in np.flatnonzero(grid.any(axis=1)).tolist():
        found.setdefault(grid[index].tobytes(), []).append(index * 80)
    places = []
    for frame in frames:
        usable = frame.arrival // FRAME_NS + 1
        listed = found.get(sound_of(frame).tobytes(), [])
        at = next((at for at in listed if 0 <= at // FRAME - usable <= BOUND), -1)
        if at >= 0:
            listed.remove(at)
        places.append(at)
    return places
