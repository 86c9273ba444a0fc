"""The report of runs: the content of ``report.json``, which all views of a report read.

There is a class for each object of the JSON; its fields are the keys, in their order, and
documented here alone. :mod:`mediasim.scenario.report.build` makes them of runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Final

from mediasim.documents.diagnostics import counted
from mediasim.documents.indented_json import indented_json
from mediasim.exchange.records import ChannelMapEntry

__all__ = [
    "BrokenRun",
    "CallReport",
    "EventReport",
    "ExpectationReport",
    "PlaceInFile",
    "RecordingReport",
    "Report",
    "RtcpReport",
    "RunReport",
    "Speed",
    "StreamFates",
    "StreamReport",
    "Totals",
    "report_json",
]

Document = Mapping[str, Any]
"""JSON whose shape is defined elsewhere."""


_WHERE_KNOWN: Final = {"where known": True}
"""Metadata of a key that is left out of the JSON if its value is None."""


def report_json(part: Any) -> Any:
    """Return a report, or a part of one, as JSON has it."""
    if is_dataclass(part):
        return {
            each.name.rstrip("_"): report_json(value)
            for each in fields(part)
            if (value := getattr(part, each.name)) is not None or each.metadata != _WHERE_KNOWN
        }
    if isinstance(part, list | tuple) and part and is_dataclass(part[0]):
        return [report_json(each) for each in part]
    return part


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """The time that a run took."""

    wall_seconds: float
    cpu_seconds: float
    realtime_factor: float
    """Seconds of call in a second of the wall clock."""
    lateness_ms: Mapping[str, float] | None = field(default=None, metadata=_WHERE_KNOWN)
    """How late the media plane's ticks were in real time, in milliseconds as ``p50``, ``p99``,
    ``max``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RtcpReport:
    """A compound RTCP packet that the server sent."""

    t: float
    """Seconds of the run's clock at which the packet was sent."""
    bye: bool
    packets_sent: int | None = field(default=None, metadata=_WHERE_KNOWN)
    octets_sent: int | None = field(default=None, metadata=_WHERE_KNOWN)
    fraction_lost: float | None = field(default=None, metadata=_WHERE_KNOWN)
    cumulative_lost: int | None = field(default=None, metadata=_WHERE_KNOWN)
    highest_sequence: int | None = field(default=None, metadata=_WHERE_KNOWN)
    jitter: int | None = field(default=None, metadata=_WHERE_KNOWN)
    """Interarrival jitter in units of the RTP clock (RFC 3550)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFates:
    """Times of the packets that did not arrive in time, once and in order: seconds of the call's
    clock at which they were sent."""

    lost: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    reordered: list[float] = field(default_factory=list)
    duplicated: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReport:
    """An RTP stream of a call, with the fates of its packets."""

    direction: str
    """``up`` to the server, ``down`` from it."""
    codec: str
    sent: int
    received: int
    lost: int
    late: int
    duplicates: int
    reordered: int
    jitter_ms: float
    mos: float
    r: float
    """Rating factor of the E-model (ITU-T G.107)."""
    odd: list[str] | None = field(default=None, metadata=_WHERE_KNOWN)
    """Oddities of a sender that is not simulated."""
    fates: StreamFates


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReport:
    """The call of a leg; its times are seconds of the run's clock."""

    sid: str
    name: str
    party: str | None
    from_: str
    to: str
    direction: str
    parent_call_sid: str | None
    status: str
    started: float
    ringing: float
    answered: float | None
    ended: float | None
    rtcp: Sequence[RtcpReport] = ()
    streams: Sequence[StreamReport] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingReport:
    """A recording; its files are below the report's folder."""

    sid: str
    name: str
    file: str | None
    """Path of the WAV; None if there is no media."""
    truth: str | None
    """Path of the truth sidecar; None if there is no media."""
    json: str
    """Path of the recording's JSON."""
    status: str
    cut: bool
    """Whether the recording ended because the run was interrupted."""
    error_code: int | None
    channels: int
    """Number of channels of a plain download."""
    stored_channels: int
    source: str
    track: str
    duration: float
    """Length in seconds."""
    samples: int
    """Samples of each channel."""
    started: float
    """Time of the call at which the first sample was recorded, in seconds."""
    why: str
    """The reason for the number of channels."""
    channel_map: Sequence[ChannelMapEntry]
    truth_intervals: Document | None
    """The truth sidecar (:class:`mediasim.truth.sidecar.RecordingTruth`)."""

    @property
    def faults(self) -> Sequence[Document]:
        """The faults that were injected into the recording."""
        found: Sequence[Document] = (self.truth_intervals or {}).get("faults", ())
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReport:
    """An event of the run."""

    t: float
    """Seconds of the run's clock."""
    kind: str
    subject: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceInFile:
    """A place to listen at."""

    file: str
    channel: int
    """Channel, counted from 1."""
    time: float
    """Seconds from the file's beginning."""

    def __str__(self) -> str:
        return f"{self.file}, channel {self.channel}, {self.time:.3f} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationReport:
    """An expectation, and whether it holds."""

    ok: bool
    check: str
    wanted: str
    found: str
    where: PlaceInFile | None
    repeat: str
    """The command that repeats the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """One run of a scenario."""

    scenario: str
    file: str | None
    variant: Mapping[str, Any]
    """The values of the scenario's matrix."""
    label: str
    """The scenario's name, with the variant's if there are several."""
    description: str
    seed: int
    clock: str
    """``virtual`` or ``real``."""
    profile: str
    repeat: str
    """The command that repeats the run."""
    ok: bool
    error: str | None = None
    """Why the run broke or was cut."""
    cut: bool = False
    """Whether the run was interrupted."""
    call_seconds: float
    speed: Speed
    calls: Sequence[CallReport] = ()
    apps: Sequence[Document] = ()
    """The media stream of each call with an app (:mod:`mediasim.twilio.streams`)."""
    recordings: Sequence[RecordingReport] = ()
    events: Sequence[EventReport] = ()
    expectations: Sequence[ExpectationReport] = ()
    warnings: Sequence[str] | None = field(default=None, metadata=_WHERE_KNOWN)
    """Warnings of the run; None in a report of several runs, which has them all together."""
    pcap: str | None = field(default=None, metadata=_WHERE_KNOWN)
    """Path of the capture of the run's packets, below the report's folder, if one was requested."""

    @property
    def failed(self) -> list[ExpectationReport]:
        """The expectations that do not hold."""
        return [each for each in self.expectations if not each.ok]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRun(RunReport):
    """A run that broke before it had any results."""

    traceback: str | None
    """Traceback of a fault of mediasim's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The report of all runs of a command."""

    mediasim: str
    """Version of mediasim."""
    ok: bool
    interrupted: bool
    seed_note: str
    warnings: Sequence[str]
    wall_seconds: float
    runs: Sequence[RunReport]

    def write(self, folder: Path) -> Path:
        """Write ``report.json`` into a folder, and return its path."""
        path = folder / "report.json"
        path.write_bytes(indented_json(report_json(self), 1) + b"\n")
        return path


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the runs of a report."""

    runs: int
    failed_runs: int
    broken_runs: int
    """Runs that an error ended, whatever was expected of them."""
    expectations: int
    failed_expectations: int
    call_seconds: float
    wall_seconds: float
    worst_lateness_ms: float | None
    """Lateness of the latest frame of any run in real time; None if all ran in virtual time."""

    @classmethod
    def of(cls, *runs: RunReport) -> Totals:
        """Return the sums of these runs."""
        lateness = [run.speed.lateness_ms for run in runs]
        return cls(
            runs=len(runs),
            failed_runs=sum(not run.ok for run in runs),
            broken_runs=sum(run.error is not None for run in runs),
            expectations=sum(len(run.expectations) for run in runs),
            failed_expectations=sum(len(run.failed) for run in runs),
            call_seconds=sum(run.call_seconds for run in runs),
            wall_seconds=sum(run.speed.wall_seconds for run in runs),
            worst_lateness_ms=max((each["max"] for each in lateness if each), default=None),
        )

    def verdict(self) -> str:
        """Return one sentence that says whether all went as expected."""
        faults = []
        if self.failed_expectations:
            of = counted(self.expectations, "expectation")
            faults.append(f"{self.failed_expectations:,} of {of} failed")
        if self.broken_runs:
            faults.append(f"{self.broken_runs:,} of {counted(self.runs, 'run')} broke")
        if faults or self.failed_runs:
            return (
                ", ".join(faults) or f"{self.failed_runs:,} of {counted(self.runs, 'run')} failed"
            )
        if not self.expectations:
            return f"{counted(self.runs, 'run')}, nothing was expected"
        if self.expectations == 1:
            return "The one expectation holds"
        return f"All {self.expectations:,} expectations hold"

    def speed(self) -> str:
        """Return how fast the runs were: ``61 s of call in 0.12 s, 510 times real time``."""
        wall = (
            f"{self.wall_seconds:,.2f}" if self.wall_seconds < 10 else f"{self.wall_seconds:,.0f}"
        )
        words = f"{self.call_seconds:,.0f} s of call in {wall} s"
        if self.wall_seconds > 0:
            factor = self.call_seconds / self.wall_seconds
            words += f", {factor:,.0f} times real time" if factor >= 2 else ""
        if self.worst_lateness_ms is not None:
            words += f", no frame more than {self.worst_lateness_ms:.1f} ms late"
        return words
