"""The report of runs: what ``report.json`` holds, and what every face of it reads.

There is a class for each object of the JSON; its fields are the keys, in their order. What a key
means is told here and nowhere else. :mod:`mediasim.scenario.report.build` makes them of runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Final

from mediasim.documents.diagnostics import counted
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
"""JSON whose shape is told elsewhere."""


_WHERE_KNOWN: Final = {"where known": True}
"""Of a key that is left out where its value is None."""


def report_json(part: Any) -> Any:
    """A report, or a part of one, as JSON has it."""
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
    """How long a run took."""

    wall_seconds: float
    cpu_seconds: float
    realtime_factor: float
    """Seconds of call in a second."""
    lateness_ms: Mapping[str, float] | None = field(default=None, metadata=_WHERE_KNOWN)
    """In real time only: how late the media plane's ticks were, as ``p50``, ``p99``, ``max``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RtcpReport:
    """A compound RTCP packet that the server sent."""

    t: float
    bye: bool
    packets_sent: int | None = field(default=None, metadata=_WHERE_KNOWN)
    octets_sent: int | None = field(default=None, metadata=_WHERE_KNOWN)
    fraction_lost: float | None = field(default=None, metadata=_WHERE_KNOWN)
    cumulative_lost: int | None = field(default=None, metadata=_WHERE_KNOWN)
    highest_sequence: int | None = field(default=None, metadata=_WHERE_KNOWN)
    jitter: int | None = field(default=None, metadata=_WHERE_KNOWN)
    """In units of the RTP clock, as RFC 3550 has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFates:
    """When the packets were sent that did not simply arrive, in seconds of the call's clock."""

    lost: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    reordered: list[float] = field(default_factory=list)
    duplicated: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReport:
    """An RTP stream of a call, and what became of its packets."""

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
    """The E-model's rating (ITU-T G.107)."""
    odd: list[str] | None = field(default=None, metadata=_WHERE_KNOWN)
    """What was odd about a sender that is not simulated."""
    fates: StreamFates


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReport:
    """A leg's call; its times are seconds of the run's clock."""

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
    """None where there is no media."""
    truth: str | None
    json: str
    status: str
    cut: bool
    """Whether it ended because the run was interrupted."""
    error_code: int | None
    channels: int
    """Of a plain download."""
    stored_channels: int
    source: str
    track: str
    duration: float
    """In seconds."""
    samples: int
    started: float
    """When in the call its first sample was recorded."""
    why: str
    """The reason for its channels."""
    channel_map: Sequence[ChannelMapEntry]
    truth_intervals: Document | None
    """The truth sidecar (:class:`mediasim.truth.sidecar.RecordingTruth`)."""

    @property
    def faults(self) -> Sequence[Document]:
        """What was broken on purpose."""
        found: Sequence[Document] = (self.truth_intervals or {}).get("faults", ())
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReport:
    """Something that happened."""

    t: float
    kind: str
    subject: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceInFile:
    """Where to listen."""

    file: str
    channel: int
    """Counted from 1."""
    time: float
    """Seconds from the file's beginning."""

    def __str__(self) -> str:
        return f"{self.file}, channel {self.channel}, {self.time:.3f} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationReport:
    """What was expected, and whether it holds."""

    ok: bool
    check: str
    wanted: str
    found: str
    where: PlaceInFile | None
    repeat: str
    """The command that does the same again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """One run of a scenario."""

    scenario: str
    file: str | None
    variant: Mapping[str, Any]
    """The values of its matrix."""
    label: str
    """The scenario's name, with the variant's if there are several."""
    description: str
    seed: int
    clock: str
    """``virtual`` or ``real``."""
    profile: str
    repeat: str
    """The command that does the same again."""
    ok: bool
    error: str | None = None
    """Why it broke or was cut."""
    cut: bool = False
    """Whether it was interrupted."""
    call_seconds: float
    speed: Speed
    calls: Sequence[CallReport] = ()
    apps: Sequence[Document] = ()
    """The media stream of each call with an app (:mod:`mediasim.twilio.streams`)."""
    recordings: Sequence[RecordingReport] = ()
    events: Sequence[EventReport] = ()
    expectations: Sequence[ExpectationReport] = ()
    warnings: Sequence[str] | None = field(default=None, metadata=_WHERE_KNOWN)
    """None in a report of several runs, which has them all together."""
    pcap: str | None = field(default=None, metadata=_WHERE_KNOWN)
    """The capture of its packets, below the report's folder, if it was asked for."""

    @property
    def failed(self) -> list[ExpectationReport]:
        """The expectations that do not hold."""
        return [each for each in self.expectations if not each.ok]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRun(RunReport):
    """A run that broke before it had anything to show."""

    traceback: str | None
    """Of a fault of mediasim's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All runs of a command."""

    mediasim: str
    """The version."""
    ok: bool
    interrupted: bool
    seed_note: str
    warnings: Sequence[str]
    wall_seconds: float
    runs: Sequence[RunReport]

    def write(self, folder: Path) -> Path:
        """Leave ``report.json`` in a folder."""
        path = folder / "report.json"
        text = json.dumps(report_json(self), indent=1, ensure_ascii=False)
        path.write_text(text + "\n", "utf-8")
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
    """The latest frame of any run in real time; None if all ran in virtual time."""

    @classmethod
    def of(cls, *runs: RunReport) -> Totals:
        """The sums of these runs."""
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
        """One sentence that says whether all went as expected."""
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
        """How fast it ran: ``61 s of call in 0.12 s, 510 times real time``."""
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
