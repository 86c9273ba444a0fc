"""Precision and recall of ``verify`` over the fault gallery, on seeded calls.

Each call has its own words, pauses, codecs and network (loss, jitter, skewed clocks), and is
recorded clean. Each fault is then applied to it, with a value and a channel drawn for it. A fault
is found if verify names one of the kinds of failure it shows as; whatever it names beside those,
and beside what the fault is known to bring along, is a false alarm, and so is anything it says
of a clean recording.

    python tests/benchmarks/verify_accuracy.py [--short] [--calls N] [--seed S]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from mediasim import simulate
from mediasim.seeds import Seeds
from mediasim.truth.faults.breaking import break_file
from mediasim.truth.faults.gallery import GALLERY
from mediasim.truth.faults.material import Fault, FaultError
from mediasim.truth.faults.order import parse_fault
from mediasim.truth.verify.findings import Verification
from mediasim.truth.verify.verify import verify

WORDS = (
    "Good morning, this is the workshop, how can I help you today?",
    "I called last week about the grey bicycle with the bent wheel.",
    "One moment please, I will have a look at the list.",
    "It should have been ready on Tuesday, but nobody rang me.",
    "The spare part came only yesterday, I am very sorry.",
    "That is all right. Can I come by this afternoon?",
    "We are open until seven, and somebody is always here.",
    "Thank you very much, then I will see you later.",
    "What will it cost in the end, with the new brake?",
    "Forty five, and the bell is a present from us.",
)
NETWORKS: tuple[dict[str, Any], ...] = (
    {},
    {"up": {"delay": "40ms", "jitter": {"normal": "4ms"}}},
    {"up": {"loss": "1%"}},
    {"up": {"skew": "80ppm"}},
    {"up": {"delay": "20ms", "jitter": {"uniform": "10ms"}, "loss": "0.5%"}},
)
CODECS = ("PCMU", "PCMA", "PCMU", "G722")
VALUES = {
    "phantom-silence": (4, 15),
    "drift": (60, 1000),
    "late": (12, 400),
    "lost-tail": (100, 3000),
    "click-at-end": (5, 40),
    "hold-not-recorded": (0.3, 4),
    "dropped-frames": (1, 8),
    "wrong-length": (5, 90),
    "crosstalk": (-38, -8),
    "clipped": (15, 30),
    "level": (-12, -2),
}
"""Where the values of faults are drawn from; other faults take their default."""


def scenario(number: int, draw: np.random.Generator) -> dict[str, Any]:
    """A call of two who speak in turn, mostly."""
    words = [str(each) for each in draw.permutation(WORDS)]
    scripts: list[list[dict[str, Any]]] = [[], []]
    at = float(draw.uniform(0.5, 2.0))
    for turn, text in enumerate(words):
        scripts[turn % 2].append({"say": {"text": text, "at": f"{at:.2f}s"}})
        at += float(draw.uniform(2.5, 7.0))
    parties: dict[str, dict[str, Any]] = {
        name: {
            "codec": str(draw.choice(CODECS)),
            "network": NETWORKS[int(draw.integers(len(NETWORKS)))],
            "script": script,
        }
        for name, script in zip(("ann", "bob"), scripts, strict=True)
    }
    parties["bob"]["script"].append({"pause": f"{draw.uniform(0.3, 3):.2f}s"})
    parties["bob"]["script"].append({"hangup": None})
    return {
        "name": f"call-{number}",
        "seed": number,
        "parties": parties,
        "call": {"from": "ann", "to": "bob", "answer": "0s", "recording": "dual"},
    }


def ordered(fault: Fault, draw: np.random.Generator) -> str:
    """The fault as it is asked for."""
    low, high = VALUES.get(fault.name, (None, None))
    value = "" if low is None or high is None else f":{_value(fault, low, high, draw)}"
    channel = f"@{draw.integers(1, 3)}" if fault.scope == "channel" else ""
    return f"{fault.name}{value}{channel}"


def _value(fault: Fault, low: float, high: float, draw: np.random.Generator) -> str:
    drawn = float(draw.uniform(low, high))
    if fault.name in ("drift", "late") and draw.random() < 0.5:
        drawn = -drawn
    return f"{round(drawn)}" if fault.value.unit in ("lags", "ppm") else f"{drawn:.1f}"


class Tally:
    """What was found, missed and invented."""

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        self.invented: Counter[str] = Counter()
        self.named = 0
        self.false_names: Counter[str] = Counter()
        self.errors: dict[str, list[float]] = {
            "late": [],
            "drift": [],
            "level": [],
            "crosstalk": [],
        }

    def add(self, order: str, found: Verification) -> None:
        fault = parse_fault(order).fault
        kinds = set(found.kinds)
        tally = self.found if kinds & set(fault.shows_as) else self.missed
        tally[fault.name] += 1
        wrong = kinds - {*fault.shows_as, *fault.also}
        self.named += len(kinds)
        self.invented[fault.name] += len(wrong)
        self.false_names.update(wrong)
        if tally is self.found and fault.name in self.errors:
            self.errors[fault.name].append(error_of(order, found))

    def clean(self, found: Verification) -> None:
        self.named += len(found.kinds)
        self.invented["(clean)"] += len(found.kinds)
        self.false_names.update(found.kinds)


def error_of(order: str, found: Verification) -> float:
    """By how much the measure is off: samples, ppm or decibels."""
    asked = parse_fault(order)
    assert asked.value is not None
    number = asked.channel or 2
    channel = found.channels[number - 1]
    if asked.fault.name == "late":
        return abs((channel.offset or 0) - round(asked.value * 8))
    if asked.fault.name == "drift":
        return abs((channel.drift_ppm or 0.0) - asked.value)
    if asked.fault.name == "level":
        return abs((channel.gain_db or 0.0) - asked.value)
    return min(abs(db - asked.value) for _, into, db in found.across.crosstalk if into == number)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--short", action="store_true", help="three calls")
    asked = parser.parse_args()
    calls = 3 if asked.short else asked.calls
    tally = Tally()
    seeds = Seeds(asked.seed)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(calls):
            draw = seeds.generator(f"call/{number}")
            result = simulate(scenario(number, draw), directory=Path(folder) / str(number))
            path = result.recording().path
            tally.clean(verify(path))
            for name, fault in GALLERY.items():
                order = ordered(fault, draw)
                out = Path(folder) / f"{name}.wav"
                try:
                    break_file(path, [parse_fault(order)], out, seed=number)
                except FaultError:
                    continue  # there is nothing in this call that it could befall
                found = verify(out)
                tally.add(order, found)
                if not set(found.kinds) & set(fault.shows_as):
                    print(f"missed: call {number}, {order}: {found.kinds or 'nothing'}")
                elif wrong := set(found.kinds) - {*fault.shows_as, *fault.also}:
                    print(f"beside it: call {number}, {order}: {', '.join(sorted(wrong))}")
    return told(tally, calls)


def told(tally: Tally, calls: int) -> int:
    print(f"\n{'fault':<20}{'applied':>9}{'found':>7}{'beside it':>11}")
    for name in GALLERY:
        applied = tally.found[name] + tally.missed[name]
        print(f"{name:<20}{applied:>9}{tally.found[name]:>7}{tally.invented[name]:>11}")
    print(f"{'(clean)':<20}{calls:>9}{'':>7}{tally.invented['(clean)']:>11}")
    found, missed = tally.found.total(), tally.missed.total()
    invented = tally.invented.total()
    for name, unit in (("late", "samples"), ("drift", "ppm"), ("level", "dB"), ("crosstalk", "dB")):
        errors = tally.errors[name]
        if errors:
            print(f"{name}: off by {np.median(errors):.2f} {unit}, at most {max(errors):.2f}")
    print(f"recall    {found / max(found + missed, 1):.3f}  ({found} of {found + missed} faults)")
    right = tally.named - invented
    print(f"precision {right / max(tally.named, 1):.3f}  ({right} of {tally.named} findings)")
    if tally.false_names:
        print(f"false alarms: {dict(tally.false_names)}")
    return 0 if missed == 0 and invented == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
