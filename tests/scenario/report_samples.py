"""A report made by hand, with real WAVs, for the tests of what renders reports."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediasim.exchange.records import ChannelMapEntry
from mediasim.scenario.report.model import (
    CallReport,
    EventReport,
    ExpectationReport,
    PlaceInFile,
    RecordingReport,
    Report,
    RunReport,
    Speed,
    StreamFates,
    StreamReport,
)

HOSTILE = '</script><script>alert("1")</script><img src=x onerror=alert(2)>\x1b[31m[red]&amp;'
"""What markup of any kind must not get through."""


def tone(seconds: float, amplitude: int = 8000) -> NDArray[np.int16]:
    """A 400 Hz tone at 8 kHz."""
    time = np.arange(round(seconds * 8000)) / 8000
    return (amplitude * np.sin(2 * np.pi * 400 * time)).astype(np.int16)


def write_wav(path: Path, *channels: NDArray[np.int16], rate: int = 8000) -> None:
    """The channels as 16-bit PCM."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.stack(channels, axis=1).astype("<i2").tobytes())


def stream(direction: str, **fates: list[float]) -> StreamReport:
    """A stream of 500 packets."""
    known = StreamFates(**fates)
    return StreamReport(
        direction=direction,
        codec="PCMU",
        sent=500,
        received=500 - len(known.lost),
        lost=len(known.lost),
        late=len(known.late),
        duplicates=len(known.duplicated),
        reordered=len(known.reordered),
        jitter_ms=2.1,
        mos=4.2,
        r=91.0,
        fates=known,
    )


def call(sid: str, party: str, streams: Sequence[StreamReport]) -> CallReport:
    """A call answered at one second and ended at ten."""
    return CallReport(
        sid=sid,
        name=f"{party}-leg",
        party=party,
        from_="+15550001001",
        to="+15550002002",
        direction="inbound",
        parent_call_sid=None,
        status="completed",
        started=0.0,
        ringing=0.2,
        answered=1.0,
        ended=10.0,
        streams=streams,
    )


def clip(start: int, end: int, party: str | None, text: str, kind: str = "say") -> dict[str, Any]:
    """An interval of the truth, in samples of the file."""
    return {
        "start": start,
        "end": end,
        "party": party,
        "kind": kind,
        "text": text,
        "level_dbfs": -20.1,
    }


def truth() -> dict[str, Any]:
    """The truth of `recording()`."""
    return {
        "channels": [
            {
                "channel": 1,
                "intervals": [clip(8000, 16000, "alice", "Hello")],
                "missing": [{"start": 9600, "end": 9760, "why": "lost"}],
                "adjustments": [{"start": 40000, "samples": 80}],
            },
            {
                "channel": 2,
                "intervals": [clip(20000, 28000, "bob", "5", "dtmf")],
                "missing": [],
                "adjustments": [],
            },
        ],
        "pauses": [],
    }


def recording(**other: Any) -> RecordingReport:
    """Nine seconds of alice and bob from the first second of the call on, unless told."""
    alice = ChannelMapEntry(1, "caller", "alice", "CA1", "inbound", "parent", "what alice said")
    bob = ChannelMapEntry(2, "callee", "bob", "CA2", "outbound", "child", "what bob said")
    found = RecordingReport(
        sid="RE1",
        name="main",
        file="recordings/RE1.wav",
        truth="recordings/RE1.truth.json",
        json="recordings/RE1.json",
        status="completed",
        cut=False,
        error_code=None,
        channels=2,
        stored_channels=2,
        source="DialVerb",
        track="both",
        duration=9.0,
        samples=72000,
        started=1.0,
        why="A two-party call is stored in two channels.",
        channel_map=[alice, bob],
        truth_intervals=truth(),
    )
    return replace(found, **other)


def expectation(ok: bool = True, **other: Any) -> ExpectationReport:
    """An expectation, met unless told."""
    place = PlaceInFile(file="recordings/RE1.wav", channel=1, time=2.5)
    found = ExpectationReport(
        ok=ok,
        check="channels" if ok else "aligned",
        wanted="2 channels" if ok else "within 0 samples",
        found="2 channels" if ok else "alice's first clip stands 160 samples late",
        where=None if ok else place,
        repeat="mediasim run scenarios/support-call.yaml --seed 7",
    )
    return replace(found, **other)


def run(**other: Any) -> RunReport:
    """A run that went well, unless told."""
    found = RunReport(
        scenario="support-call",
        file="scenarios/support-call.yaml",
        variant={"codec": "PCMU"},
        label="support-call [codec=PCMU]",
        description="A call.",
        seed=7,
        clock="virtual",
        profile="2022-05",
        repeat="mediasim run scenarios/support-call.yaml --seed 7",
        ok=True,
        call_seconds=10.0,
        speed=Speed(wall_seconds=0.02, cpu_seconds=0.02, realtime_factor=500.0),
        calls=[
            call("CA1", "alice", [stream("up", lost=[2.2], late=[3.0]), stream("down")]),
            call("CA2", "bob", [stream("up", reordered=[4.0])]),
        ],
        recordings=[recording()],
        events=[
            EventReport(t=1.0, kind="call.answered", subject="CA1", text="bob answered"),
            EventReport(t=4.5, kind="dtmf.received", subject="CA2", text="bob: 5"),
        ],
        expectations=[expectation()],
    )
    return replace(found, **other)


def failed_run(**other: Any) -> RunReport:
    """A run with one expectation met and one not."""
    return run(ok=False, expectations=[expectation(), expectation(ok=False)], **other)


def report(*runs: RunReport, warnings: Sequence[str] = ()) -> Report:
    """The report of these runs."""
    return Report(
        mediasim="0.1.0",
        ok=all(each.ok for each in runs),
        interrupted=False,
        seed_note="The same seed gives the same bytes.",
        warnings=warnings,
        wall_seconds=0.02,
        runs=runs,
    )


def write_recordings(directory: Path) -> None:
    """The WAV of `recording()`: alice's clip in channel 1, bob's in channel 2."""
    channels = np.zeros((2, 72000), np.int16)
    channels[0, 8000:16000] = tone(1)
    channels[1, 20000:28000] = tone(1, 4000)
    write_wav(directory / "recordings" / "RE1.wav", *channels)
