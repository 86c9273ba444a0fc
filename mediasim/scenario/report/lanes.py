"""The lanes of a run's timeline, from top to bottom, and how each is named.

One time axis for all: a ruler, what happened, the calls, each recording's channels, and what
became of the packets of each stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mediasim.scenario.report.data import Heard
from mediasim.scenario.report.totals import counted
from mediasim.scenario.report.waveform import Waveform

__all__ = ["Lane", "lanes_of"]


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
    """Which of its kind: the scripts find its data by it."""
    recording: int | None = None


def lanes_of(
    run: Mapping[str, Any], heard: Sequence[Heard], streams: Sequence[Mapping[str, Any]]
) -> list[Lane]:
    """The lanes of a run; none if nothing happened in it."""
    lanes: list[Lane] = []
    if run["events"]:
        title = f"{counted(len(run['events']), 'event')}, listed below"
        lanes.append(Lane("events", "events", title=title))
    for index, call in enumerate(run["calls"]):
        title = f"Call {call['name']}: {call['status']}"
        name = call["party"] or call["name"]
        lanes.append(Lane("call", name, call["status"], title, call["party"], index))
    for index, each in enumerate(heard):
        if each.waveform:
            lanes += _recording_lanes(index, each, each.waveform)
    for index, stream in enumerate(streams):
        lanes.append(_stream_lane(index, stream))
    return [Lane("ruler", title="Time"), *lanes] if lanes else []


def _recording_lanes(index: int, each: Heard, waveform: Waveform) -> Iterator[Lane]:
    channels = counted(waveform.channels, "channel")
    note = f"{each.recording['file']} · {channels} · {each.clock.seconds:.1f} s"
    yield Lane("group", each.recording["name"], note, recording=index)
    for channel, entry in enumerate(each.recording["channel_map"][: waveform.channels]):
        truth = each.truth(channel)
        name = entry["party"] or "mixed"
        note = f"channel {channel + 1}" + (f" · {entry['leg']}" if entry["leg"] else "")
        title = (
            f"Waveform of channel {channel + 1}, {name}: "
            f"{counted(len(truth['intervals']), 'clip')}, "
            f"{counted(len(truth['missing']), 'gap')} in what arrived"
        )
        yield Lane("channel", name, note, title, entry["party"], channel, index)


def _stream_lane(index: int, stream: Mapping[str, Any]) -> Lane:
    share = f"{stream['lost'] / stream['sent']:.1%} lost" if stream["sent"] else "nothing sent"
    name = stream["party"] or stream["call"]
    title = f"Packets {name} {stream['way']}: {share}, {stream['late']} late"
    return Lane("stream", name, f"{stream['way']} · {share}", title, stream["party"], index)
