"""The tables of the report page: everything its lanes show, in words and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.documents.diagnostics import clock
from mediasim.parties.timeline import is_speech
from mediasim.scenario.report.data import RecordingAudio, ReportedStream
from mediasim.scenario.report.model import CallReport, EventReport

__all__ = [
    "Cell",
    "Table",
    "calls_table",
    "channels_table",
    "events_table",
    "said_table",
    "streams_table",
]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table as the template shows it."""

    text: str
    style: str = ""
    party: str | None = None
    """The party whose colour the cell has."""
    chip: str = ""
    """A word set apart before the text."""
    data: Mapping[str, Any] | None = None
    """Data for the scripts of a button that takes the place of the text."""


@dataclass(frozen=True, slots=True)
class Table:
    """A head and rows of as many cells."""

    head: list[Cell]
    rows: list[list[Cell]]


def channels_table(each: RecordingAudio) -> Table:
    """Return what each channel of a recording holds, and its peak level."""
    rows = []
    for channel, entry in enumerate(each.recording.channel_map):
        has_media = each.waveform is not None and channel < each.waveform.channels
        peak = each.waveform.peak_dbfs(channel) if each.waveform and has_media else None
        rows.append(
            [
                _text(entry.channel),
                _party(entry.party, "mixed"),
                Cell(entry.words, "prose"),
                _text(entry.leg),
                _text(entry.track),
                _sid(entry.call_sid),
                _number(_level(peak) if peak is not None or not has_media else "silent"),
            ]
        )
    return _table(["Channel", "Party", "Holds", "Leg", "Track", "Call", "#Peak"], rows)


def said_table(each: RecordingAudio, index: int) -> Table:
    """Return all clips of a recording in order; a button goes to the clip in its channel."""
    clips = [
        (interval, channel + 1)
        for channel in range(len(each.recording.channel_map))
        for interval in each.truth(channel)["intervals"]
    ]
    rows = []
    for interval, channel in sorted(clips, key=lambda clip: (clip[0]["start"], clip[1])):
        seconds = interval["start"] / SAMPLE_RATE
        place = {"seek": each.clock.call_time(seconds), "recording": index, "channel": channel}
        kind = "" if is_speech(interval["kind"], interval.get("file")) else interval["kind"]
        rows.append(
            [
                Cell(clock(seconds), data=place),
                _text(channel),
                _party(interval["party"], "–"),
                Cell(interval.get("text") or "", "prose", chip=kind),
                _number(f"{(interval['end'] - interval['start']) / SAMPLE_RATE:.2f} s"),
                _number(_level(interval.get("level_dbfs"))),
            ]
        )
    return _table(["In the file", "Channel", "Who", "What", "#Length", "#Level"], rows)


def calls_table(calls: Iterable[CallReport]) -> Table:
    """Return the calls of a run and the times of their states."""
    head = ["Party", "From", "To", "Direction", "Status", "#Ringing", "#Answered", "#Ended", "Call"]
    rows = [
        [
            _party(call.party, call.name),
            *(_text(each) for each in (call.from_, call.to, call.direction, call.status)),
            *(_time(each) for each in (call.ringing, call.answered, call.ended)),
            _sid(call.sid),
        ]
        for call in calls
    ]
    return _table(head, rows)


def streams_table(streams: Iterable[ReportedStream]) -> Table:
    """Return the fates of the packets of each stream."""
    counts = ("sent", "received", "lost", "late", "reordered", "duplicates")
    head = ["Stream", "", "Codec", *(f"#{key.capitalize()}" for key in counts), "#Jitter", "#MOS"]
    rows = [
        [
            _party(stream.call.party, stream.name),
            _text(stream.way),
            _text(stream.report.codec),
            *(_number(f"{getattr(stream.report, key):,}") for key in counts),
            _number(f"{stream.report.jitter_ms:.1f} ms"),
            _number(f"{stream.report.mos:.2f}"),
        ]
        for stream in streams
    ]
    return _table(head, rows)


def events_table(events: Iterable[EventReport]) -> Table:
    """Return all events of a run; a button goes to the time."""
    rows = [
        [
            Cell(clock(event.t), data={"seek": event.t}),
            _text(event.kind),
            Cell(event.text, "prose"),
            _sid(event.subject),
        ]
        for event in events
    ]
    return _table(["Time", "Event", "What", "Subject"], rows)


def _table(head: Sequence[str], rows: list[list[Cell]]) -> Table:
    """Return a table; a title that begins with # is of a column of numbers."""
    titles = [_number(title[1:]) if title.startswith("#") else Cell(title) for title in head]
    return Table(titles, rows)


def _text(value: object) -> Cell:
    return Cell("–" if value is None else str(value))


def _number(text: str) -> Cell:
    return Cell(text, "number")


def _time(seconds: float | None) -> Cell:
    return _number("–" if seconds is None else clock(seconds))


def _sid(sid: str | None) -> Cell:
    return Cell(sid or "–", "sid")


def _party(name: str | None, otherwise: str) -> Cell:
    return Cell(name or otherwise, party=name)


def _level(dbfs: float | None) -> str:
    return "–" if dbfs is None else f"{dbfs:.1f} dBFS".replace("-", "−")
