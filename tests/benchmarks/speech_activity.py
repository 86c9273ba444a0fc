"""Who speaks when, as ``analyze`` hears it, beside silero and WebRTC, over drawn calls.

The calls are those of ``verify_accuracy`` on clean lines: voices at -15 to -46 dBFS, behind each
no noise, or white or pink noise of up to -40 dBFS that is at least 6 dB below the voice. DER is
NIST's (missed and invented by all speech), without a collar; latencies are those of all responses,
and one that is not found counts as two seconds off. Cut-ins are compared by their number.

    python tests/benchmarks/speech_activity.py [--short] [--calls N] [--seed S]
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from verify_accuracy import WORDS

import mediasim
from mediasim.audio.activity import speech_intervals
from mediasim.audio.levels import rms_dbfs
from mediasim.audio.silero import speech_probability
from mediasim.audio.tones import NoiseKind, noise
from mediasim.conversation.spans import Span, intersection, total
from mediasim.conversation.turns import utterances
from mediasim.seeds import Seeds
from mediasim.truth.analysis.analysis import detect_speech
from mediasim.truth.analysis.figures import ConversationMeasures
from mediasim.truth.analysis.recording import (
    SpeakerChannel,
    read_recording,
    read_utterances,
    speech_of,
)

Samples = NDArray[np.int16]

FRAME = 80
NOISES: tuple[NoiseKind | None, ...] = (None, "white", "pink")


def silero(pcm: Samples) -> list[Span]:
    """Silero as its README has it: a threshold of 0.5, and pauses closed like everybody's."""
    likely = speech_probability(pcm) > 0.5
    edges = np.flatnonzero(np.diff(likely, prepend=False, append=False)).reshape(-1, 2) * FRAME
    return utterances((start, min(end, len(pcm))) for start, end in edges.tolist())


DETECTORS: dict[str, Callable[[Samples], list[Span]]] = {
    "analyze": lambda pcm: detect_speech(pcm).speech,
    "silero": silero,
    "webrtc": lambda pcm: utterances(speech_intervals(pcm, "webrtc", hangover_ms=0)),
    "energy": lambda pcm: utterances(speech_intervals(pcm, "energy", hangover_ms=0)),
}


def scenario(number: int, draw: np.random.Generator) -> dict[str, Any]:
    """A call of two who answer each other, and now and then cut in."""
    scripts: list[list[dict[str, Any]]] = [[], []]
    at = float(draw.uniform(0.8, 2.0))
    for turn, text in enumerate(draw.permutation(WORDS).tolist()):
        scripts[turn % 2].append({"say": {"text": str(text), "at": f"{at:.2f}s"}})
        at += float(draw.uniform(2.2, 5.5))
    parties = {
        name: {"codec": str(draw.choice(("PCMU", "PCMA"))), "script": script}
        for name, script in zip(("ann", "bob"), scripts, strict=True)
    }
    parties["bob"]["script"] = [*scripts[1], {"pause": "1s"}, {"hangup": None}]
    return {
        "name": f"activity-{number}",
        "seed": number,
        "parties": parties,
        "call": {"from": "ann", "to": "bob", "answer": "0s", "recording": "dual"},
    }


def heard(pcm: Samples, draw: np.random.Generator, seeds: Seeds) -> tuple[Samples, str]:
    """A channel at a level and in a noise, both drawn; and what was drawn, in a word."""
    speech = pcm[np.abs(pcm.astype(np.int32)) > 30]
    level = float(draw.uniform(-46, -15))
    signal = pcm * 10 ** ((level - rms_dbfs(speech)) / 20)
    kind = NOISES[int(draw.integers(len(NOISES)))]
    if kind is not None:
        loudest = min(-40.0, level - 6)
        behind = noise(kind, len(pcm), float(draw.uniform(-65, loudest)), seeds.generator("noise"))
        signal = signal + behind
    loudness = "soft" if level < -36 else "loud"
    name = f"{loudness}, {'clean' if kind is None else 'noisy'}"
    return np.clip(np.rint(signal), -32768, 32767).astype(np.int16), name


def conversation(speech: list[list[Span]], samples: int) -> ConversationMeasures:
    return ConversationMeasures(
        (SpeakerChannel("a", 1), SpeakerChannel("b", 2)), speech, samples, [None, None]
    )


def latency_errors(true: ConversationMeasures, found: ConversationMeasures) -> list[float]:
    """How far off each response's latency is, in milliseconds."""
    errors = []
    for response in true.gaps or ():
        near = [
            abs(other.latency - response.latency) / 8
            for other in found.gaps or ()
            if other.by == response.by and abs(other.at - response.at) < 16_000
        ]
        errors.append(min([*near, 2000.0]))
    return errors


class Figures:
    """What a detector got wrong."""

    def __init__(self) -> None:
        self.said = self.wrong = 0
        self.talk: list[float] = []
        self.latencies: list[float] = []
        self.cut_ins: list[int] = []

    @property
    def der(self) -> float:
        return self.wrong / max(self.said, 1)

    def add(self, true: list[Span], found: list[Span]) -> None:
        both = total(intersection(true, found))
        self.said += total(true)
        self.wrong += total(true) + total(found) - 2 * both
        self.talk.append(abs(total(found) - total(true)) / max(total(true), 1))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--short", action="store_true", help="four calls")
    asked = parser.parse_args()
    figures: dict[tuple[str, str], Figures] = defaultdict(Figures)
    seeds = Seeds(asked.seed)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(4 if asked.short else asked.calls):
            draw = seeds.generator(f"call/{number}")
            made = mediasim.simulate(scenario(number, draw), directory=Path(folder) / str(number))
            recording = read_recording(made.recording().path)
            assert recording.truth is not None
            said = read_utterances(recording.truth)
            true = [speech_of([it for it in said if it.channel == channel]) for channel in (1, 2)]
            channels = [
                heard(channel, draw, seeds.fork(f"{number}/{index}"))
                for index, channel in enumerate(recording.pcm)
            ]
            whole = conversation(true, recording.samples)
            for name, detector in DETECTORS.items():
                found = [detector(pcm) for pcm, _ in channels]
                for own, spans, (_, kind) in zip(true, found, channels, strict=True):
                    figures[name, "all"].add(own, spans)
                    figures[name, kind].add(own, spans)
                other = conversation(found, recording.samples)
                figures[name, "all"].latencies += latency_errors(whole, other)
                figures[name, "all"].cut_ins.append(
                    abs(len(other.interruptions or ()) - len(whole.interruptions or ()))
                )
    told(figures)


def told(figures: dict[tuple[str, str], Figures]) -> None:
    kinds = ("loud, clean", "loud, noisy", "soft, clean", "soft, noisy")
    heads = ("DER", *kinds, "talk p90", "latency p50", "p90", "cut-ins off")
    print(f"{'':<10}" + "".join(f"{head:>13}" for head in heads))
    for name in DETECTORS:
        whole = figures[name, "all"]
        line = f"{name:<10}{whole.der:>13.1%}"
        line += "".join(f"{figures[name, kind].der:>13.1%}" for kind in kinds)
        p50, p90 = np.quantile(whole.latencies, (0.5, 0.9)) if whole.latencies else (0, 0)
        line += f"{np.quantile(whole.talk, 0.9):>13.1%}{p50:>10.0f} ms{p90:>10.0f} ms"
        print(line + f"{np.mean(whole.cut_ins):>13.2f}")


if __name__ == "__main__":
    main()
