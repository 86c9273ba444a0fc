"""Play scenarios for real, and look at what they left, sample by sample.

What is played is shown when a test fails: the scenario as a file, and the command that repeats it.
``MEDIASIM_EXAMPLES=20`` draws twenty times as many.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import wave
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from hypothesis import Phase, currently_in_test_context, note, settings
from numpy.typing import NDArray

from mediasim import Result, simulate
from mediasim.audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from mediasim.exchange.live_call import LiveCall
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.running.runner import run_scenario
from mediasim.truth.documents import Interval, RecordingTruth

__all__ = [
    "QUIET",
    "Played",
    "Samples",
    "after_codec",
    "examples",
    "first_sample",
    "path_samples",
    "play",
    "show",
    "stands_at",
]

Samples = NDArray[np.int16]

QUIET = 8
"""The sample that A-law has for silence: it has no zero."""


def examples(count: int) -> settings:
    """How many scenarios a property is tried on."""
    return settings(
        max_examples=count * int(os.environ.get("MEDIASIM_EXAMPLES", "1")),
        phases=set(Phase) - {Phase.explain},  # by far the slowest, and the scenario tells
    )


@dataclass(frozen=True)
class Played:
    """A run, and the files it left."""

    result: Result
    files: Mapping[str, bytes]
    """By their path in the run's folder."""

    def wav(self, name: str | None = None) -> bytes:
        """A published file. The first one, or a name's."""
        return self.files[f"recordings/{self.result.recording(name).sid}.wav"]

    def pcm(self, name: str | None = None) -> Samples:
        """The channels of a published file: (channels, samples). The first one's, or a name's."""
        with wave.open(io.BytesIO(self.wav(name))) as wav:
            assert (wav.getframerate(), wav.getsampwidth()) == (8000, 2)
            interleaved = np.frombuffer(wav.readframes(wav.getnframes()), "<i2")
            return interleaved.reshape(-1, wav.getnchannels()).T

    def truth(self, name: str | None = None) -> RecordingTruth:
        truth = self.result.recording(name).truth
        assert truth is not None
        return truth

    @property
    def published(self) -> list[str]:
        """The names of all recordings that have media."""
        return [it.name for it in self.result.recordings if it.record.status == "completed"]

    def leg(self, party: str) -> LiveCall:
        """The first leg of a party."""
        return next(call for call in self.result.run.exchange.calls if call.party.name == party)

    def went_through(self) -> list[tuple[int, str, str]]:
        """Every event: when, what, to whom."""
        return [(event.at_ns, event.kind, event.subject) for event in self.result.events]


def play(
    scenario: Mapping[str, Any],
    *,
    seed: int | None = None,
    realtime: bool = False,
    shared_socket: bool = False,
) -> Played:
    """Run a scenario in a folder of its own, and keep what it left there."""
    scenario = {"name": "drawn", **scenario}
    show(scenario, seed=seed, realtime=realtime)
    with tempfile.TemporaryDirectory(prefix="mediasim-") as folder:
        if shared_socket:
            found, where = parse_scenario(scenario), Path(folder)
            run = run_scenario(found, where, seed=seed, realtime=True, shared_socket=True)
            result = Result(run, [])
        else:
            result = simulate(scenario, seed=seed, directory=folder, realtime=realtime)
        files = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(Path(folder).rglob("*"))
            if path.is_file()
        }
    return Played(result, files)


def show(scenario: Mapping[str, Any], *, seed: int | None, realtime: bool) -> None:
    """Say how to repeat a run; seen only when the test fails."""
    used = scenario.get("seed", 1) if seed is None else seed
    command = f"mediasim run drawn.yaml --seed {used}{' --realtime' if realtime else ''}"
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    plain = json.loads(json.dumps(scenario))  # where it says the same twice, so does the file
    text = yaml.dump(plain, Dumper=dumper, sort_keys=False, width=100)
    words = f"to repeat: MEDIASIM_SPEECH=babble {command}\n# drawn.yaml\n{text}"
    (note if currently_in_test_context() else print)(words)


# -- what should be in a file ---------------------------------------------------------------


def after_codec(pcm: Samples, codec: str) -> Samples:
    """Samples as they come out of a line of that codec; of the server's own, as they are."""
    if codec == "PCMU":
        return ulaw_decode(ulaw_encode(pcm))
    if codec == "PCMA":
        return alaw_decode(alaw_encode(pcm))
    assert codec == "none"
    return pcm


def stands_at(channel: Samples, interval: Interval) -> bool:
    """Whether something said stands exactly where the truth says, all of it."""
    heard = channel[interval.start : interval.end]
    return np.array_equal(heard, after_codec(interval.pcm, interval.codec))


def path_samples(*, ptime: int = 20, delay: int = 0, buffer: int = 60) -> int:
    """Samples (of times in ms) from a word said to the same word on the frame clock.

    A packet leaves when its last sample is said, travels, and is used in the next frame, rounded
    down to 10 ms; then it waits in the jitter buffer.
    """
    return ((ptime + delay + 20) // 10 * 10 + buffer) * 8


def first_sample(truth: RecordingTruth) -> int:
    """Where on the frame clock a recording that was neither trimmed nor paused begins."""
    return truth.segments[0][0]
