"""What the report page shows of each run, in the order of its template.

Times are seconds of the call's clock unless they are said to be in the file: a recording's places
are converted to the call's clock (:mod:`mediasim.scenario.expectations.verdicts`), so that all
lanes of a run share one axis: a ruler, the events, the calls, each recording's channels, and the
fates of the packets of each stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from mediasim.documents.diagnostics import counted, fault_words
from mediasim.scenario.expectations.verdicts import FileClock
from mediasim.scenario.report import tables
from mediasim.scenario.report.data import RecordingAudio, ReportedStream, scripts_data, sound_blocks
from mediasim.scenario.report.model import (
    ExpectationReport,
    RecordingReport,
    Report,
    RunReport,
    Totals,
)
from mediasim.scenario.report.waveform import Waveform, read_waveform

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["RunView", "run_views"]

_COLOURS: Final = 8
"""Party colours that the page's style has."""
_OPEN_RUNS: Final = 5
"""Failed runs that are open when the page opens; with more it would be slow to open and to read."""


@dataclass(frozen=True, slots=True)
class RecordingView:
    """A recording with what the page shows beside its report."""

    report: RecordingReport
    faults: list[str]
    sound: str
    """Length of the recording, in words."""
    left_out: bool
    """Whether the recording's sound had no room in the page."""
    links: list[tuple[str, str]]
    """Names and URLs of the recording's files."""
    channels_table: tables.Table
    said_table: tables.Table


@dataclass(frozen=True, slots=True)
class FailurePlace:
    """The place to listen for a failed expectation."""

    words: str
    data: Mapping[str, Any] | None
    """The place for the scripts; None if they cannot go there."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A row of the timeline: a name beside a picture, or (``group``) a heading without one."""

    kind: str
    name: str = ""
    note: str = ""
    title: str = ""
    """The picture in words."""
    party: str | None = None
    index: int = 0
    """Index among the lanes of its kind, by which the scripts find its data."""
    recording: int | None = None


@dataclass(frozen=True, slots=True)
class RunView:
    """A run with what the page shows beside its report."""

    report: RunReport
    id: str
    open: bool
    met: str
    """How many expectations hold, in words."""
    speed: str
    length: str
    span: float
    """End of the lanes, in seconds."""
    colours: Mapping[str, str]
    """Style class of each party."""
    expectations: list[tuple[ExpectationReport, FailurePlace | None]]
    """Expectations with their places, failed ones first."""
    lanes: list[Lane]
    recordings: list[RecordingView]
    calls_table: tables.Table
    streams_table: tables.Table
    events_table: tables.Table
    data: Markup
    sounds: list[dict[str, str]]


def run_views(report: Report, directory: Path, sound_bytes: int) -> list[RunView]:
    """Return the runs of a report in reading order, failed ones first.

    ``sound_bytes`` is how many octets of sound the page may hold; a recording is in it whole or
    not.
    """
    in_order = sorted(enumerate(report.runs, 1), key=lambda item: item[1].ok)
    views = []
    for place, (number, run) in enumerate(in_order):
        heard = []
        for recording in run.recordings:
            waveform = _waveform(recording, directory, sound_bytes)
            clock = FileClock(recording.started, recording.samples, recording.truth_intervals)
            if waveform and waveform.ulaw:
                sound_bytes -= waveform.channels * waveform.samples
            heard.append(RecordingAudio(recording, clock, waveform))
        opens = place == 0 or (not run.ok and place < _OPEN_RUNS)
        views.append(_run_view(run, f"run-{number}", opens, heard))
    return views


def _waveform(recording: RecordingReport, directory: Path, sound_bytes: int) -> Waveform | None:
    file = recording.file
    if file is None or not (directory / file).is_file():
        return None
    try:
        return read_waveform(directory / file, sound_bytes=sound_bytes)
    except ValueError:
        return None  # broken on purpose: there is nothing to draw


def _run_view(run: RunReport, run_id: str, opens: bool, heard: list[RecordingAudio]) -> RunView:
    colours = _colours(run, heard)
    places = [_place(expectation, heard) for expectation in run.expectations]
    streams = [ReportedStream(call, stream) for call in run.calls for stream in call.streams]
    span = max(
        run.call_seconds,
        *(each.clock.end for each in heard),
        *(event.t for event in run.events),
        *(call.ended or 0.0 for call in run.calls),
        0.02,
    )
    expectations = list(zip(run.expectations, places, strict=True))
    failures = [
        (f"{expectation.check}: {expectation.found}", place.data)
        for expectation, place in expectations
        if place is not None and place.data is not None
    ]
    return RunView(
        report=run,
        id=run_id,
        open=opens,
        met=_met(run),
        speed=Totals.of(run).speed(),
        length=f"{run.call_seconds:,.1f} s",
        span=round(span, 3),
        colours={party: f"p{index % _COLOURS}" for party, index in colours.items()},
        expectations=sorted(expectations, key=lambda each: each[0].ok),
        lanes=_lanes_of(run, heard, streams),
        recordings=[_recording_view(index, each) for index, each in enumerate(heard)],
        calls_table=tables.calls_table(run.calls),
        streams_table=tables.streams_table(streams),
        events_table=tables.events_table(run.events),
        data=scripts_data(run, run_id, span, colours, heard, streams, failures),
        sounds=[
            block for index, each in enumerate(heard) for block in sound_blocks(run_id, index, each)
        ],
    )


def _met(run: RunReport) -> str:
    if run.error is not None:
        return "broke"
    if not run.expectations:
        return "nothing expected"
    return f"{len(run.expectations) - len(run.failed)} of {len(run.expectations)} met"


def _colours(run: RunReport, heard: list[RecordingAudio]) -> dict[str, int]:
    """Return a number for each party, in order of appearance: in calls, then in recordings."""
    seen = [call.party for call in run.calls]
    for each in heard:
        for channel, entry in enumerate(each.recording.channel_map):
            seen.append(entry.party)
            seen += [interval["party"] for interval in each.truth(channel)["intervals"]]
    parties = dict.fromkeys(party for party in seen if party is not None)
    return {party: index for index, party in enumerate(parties)}


def _recording_view(index: int, each: RecordingAudio) -> RecordingView:
    recording, waveform = each.recording, each.waveform
    files = {"WAV": recording.file, "recording’s JSON": recording.json, "truth": recording.truth}
    return RecordingView(
        report=recording,
        faults=[fault_words(each) for each in recording.faults],
        sound=f"{each.clock.seconds:.3f} s" if waveform else "no media",
        left_out=waveform is not None and waveform.ulaw is None,
        links=[(name, quote(file)) for name, file in files.items() if file],
        channels_table=tables.channels_table(each),
        said_table=tables.said_table(each, index),
    )


def _place(expectation: ExpectationReport, heard: list[RecordingAudio]) -> FailurePlace | None:
    """Return where to listen for a failed expectation: in words, and as data if the page can go
    there."""
    where = expectation.where
    if expectation.ok or where is None:
        return None
    for index, each in enumerate(heard):
        if each.waveform and each.recording.file == where.file:
            seek = each.clock.call_time(where.time)
            data = {"seek": seek, "recording": index, "channel": where.channel}
            return FailurePlace(str(where), data)
    return FailurePlace(str(where), None)


# -- lanes ----------------------------------------------------------------------------------


def _lanes_of(
    run: RunReport, heard: Sequence[RecordingAudio], streams: Sequence[ReportedStream]
) -> list[Lane]:
    """Return the lanes of a run; none if nothing happened in it."""
    lanes: list[Lane] = []
    if run.events:
        title = f"{counted(len(run.events), 'event')}, listed below"
        lanes.append(Lane("events", "events", title=title))
    for index, call in enumerate(run.calls):
        title = f"Call {call.name}: {call.status}"
        name = call.party or call.name
        lanes.append(Lane("call", name, call.status, title, call.party, index))
    for index, each in enumerate(heard):
        if each.waveform:
            lanes += _recording_lanes(index, each, each.waveform)
    for index, stream in enumerate(streams):
        lanes.append(_stream_lane(index, stream))
    return [Lane("ruler", title="Time"), *lanes] if lanes else []


def _recording_lanes(index: int, each: RecordingAudio, waveform: Waveform) -> Iterator[Lane]:
    channels = counted(waveform.channels, "channel")
    note = f"{each.recording.file} · {channels} · {each.clock.seconds:.1f} s"
    yield Lane("group", each.recording.name, note, recording=index)
    for channel, entry in enumerate(each.recording.channel_map[: waveform.channels]):
        truth = each.truth(channel)
        name = entry.party or "mixed"
        note = f"channel {channel + 1}" + (f" · {entry.leg}" if entry.leg else "")
        title = (
            f"Waveform of channel {channel + 1}, {name}: "
            f"{counted(len(truth['intervals']), 'clip')}, "
            f"{counted(len(truth['missing']), 'gap')} in what arrived"
        )
        yield Lane("channel", name, note, title, entry.party, channel, index)


def _stream_lane(index: int, stream: ReportedStream) -> Lane:
    report = stream.report
    share = f"{report.lost / report.sent:.1%} lost" if report.sent else "nothing sent"
    title = f"Packets {stream.name} {stream.way}: {share}, {report.late} late"
    note = f"{stream.way} · {share}"
    return Lane("stream", stream.name, note, title, stream.call.party, index)
