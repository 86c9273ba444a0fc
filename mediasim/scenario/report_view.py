"""What the report page shows of each run, put in order for its template.

A view is the report's own dict with more in it. Times are seconds of the call's clock unless they
are said to be in the file: a recording's places are carried over to the call's clock
(:mod:`mediasim.scenario.file_clock`), so that all lanes of a run share one axis.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.scenario.file_clock import FileClock
from mediasim.scenario.report_data import Heard, scripts_data, sound_blocks
from mediasim.scenario.totals import Totals, counted
from mediasim.scenario.waveform import Waveform, read_waveform

__all__ = ["run_views"]

_COLOURS: Final = 8
"""Party colours that the page's style has."""
_OPEN_RUNS: Final = 5
"""Failed runs that are open when the page is; with more it would be slow to open and to read."""
_WAYS: Final = {"up": "→ server", "down": "← server"}


def run_views(report: Mapping[str, Any], directory: Path, sound_bytes: int) -> list[dict[str, Any]]:
    """The runs of a report in reading order, failed ones first.

    ``sound_bytes`` is how many octets of sound the page holds; a recording is in it whole or not.
    """
    in_order = sorted(enumerate(report["runs"], 1), key=lambda item: bool(item[1]["ok"]))
    views = []
    for place, (number, run) in enumerate(in_order):
        heard = []
        for recording in run["recordings"]:
            waveform = _waveform(recording, directory, sound_bytes)
            if waveform and waveform.ulaw:
                sound_bytes -= waveform.channels * waveform.samples
            heard.append(Heard(recording, FileClock(recording), waveform))
        opens = place == 0 or (not run["ok"] and place < _OPEN_RUNS)
        views.append(_run_view(run, f"run-{number}", opens, heard))
    return views


def _waveform(recording: Mapping[str, Any], directory: Path, sound_bytes: int) -> Waveform | None:
    file = recording["file"]
    if file is None or not (directory / file).is_file():
        return None
    return read_waveform(directory / file, sound_bytes=sound_bytes)


def _run_view(
    run: Mapping[str, Any], run_id: str, opens: bool, heard: list[Heard]
) -> dict[str, Any]:
    colours = _colours(run, heard)
    places = [_place(expectation, heard) for expectation in run["expectations"]]
    streams = [
        {**stream, "party": call["party"], "call": call["name"], "way": _WAYS[stream["direction"]]}
        for call in run["calls"]
        for stream in call["streams"]
    ]
    span = max(
        run["call_seconds"],
        *(each.clock.end for each in heard),
        *(event["t"] for event in run["events"]),
        *(call["ended"] or 0.0 for call in run["calls"]),
        0.02,
    )
    expectations = [
        {**expectation, "place": place}
        for expectation, place in zip(run["expectations"], places, strict=True)
    ]
    return {
        **run,
        "id": run_id,
        "open": opens,
        "met": _met(run),
        "speed": Totals.of({"runs": [run]}).speed(),
        "span": round(span, 3),
        "colours": {party: f"p{index % _COLOURS}" for party, index in colours.items()},
        "expectations": sorted(expectations, key=lambda expectation: bool(expectation["ok"])),
        "lanes": _lanes(run, heard, streams),
        "recordings": [_recording_view(index, each) for index, each in enumerate(heard)],
        "streams": streams,
        "data": scripts_data(run, run_id, span, colours, heard, streams, places),
        "sounds": [
            block for index, each in enumerate(heard) for block in sound_blocks(run_id, index, each)
        ],
    }


def _met(run: Mapping[str, Any]) -> str:
    if run["error"] is not None:
        return "broke"
    if not run["expectations"]:
        return "nothing expected"
    met = sum(bool(expectation["ok"]) for expectation in run["expectations"])
    return f"{met} of {len(run['expectations'])} met"


def _colours(run: Mapping[str, Any], heard: list[Heard]) -> dict[str, int]:
    """A number for each party, in order of appearance: in calls, then in recordings."""
    seen = [call["party"] for call in run["calls"]]
    for each in heard:
        for channel, entry in enumerate(each.recording["channel_map"]):
            seen.append(entry["party"])
            seen += [interval["party"] for interval in each.truth(channel)["intervals"]]
    parties = dict.fromkeys(party for party in seen if party is not None)
    return {party: index for index, party in enumerate(parties)}


def _lanes(
    run: Mapping[str, Any], heard: list[Heard], streams: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The lanes from top to bottom; ``index`` is what the scripts find a lane's data by."""
    lanes: list[dict[str, Any]] = []
    if run["events"]:
        title = f"{counted(len(run['events']), 'event')}, listed below"
        lanes.append({"kind": "events", "index": 0, "name": "events", "note": "", "title": title})
    for index, call in enumerate(run["calls"]):
        title = f"Call {call['name']}: {call['status']}"
        lanes.append(_lane("call", index, call["party"], call["name"], "call", title))
    for index, each in enumerate(heard):
        if each.waveform:
            lanes += _recording_lanes(index, each, each.waveform)
    for index, stream in enumerate(streams):
        share = f"{stream['lost'] / stream['sent']:.1%} lost" if stream["sent"] else "nothing sent"
        title = f"Packets of {stream['call']} {stream['way']}: {share}, {stream['late']} late"
        note = f"{stream['way']} · {share}"
        lanes.append(_lane("stream", index, stream["party"], stream["call"], note, title))
    ruler = {"kind": "ruler", "index": 0, "name": "", "note": "", "title": "Time"}
    return [ruler, *lanes] if lanes else []


def _recording_lanes(index: int, each: Heard, waveform: Waveform) -> list[dict[str, Any]]:
    recording = each.recording
    entries = recording["channel_map"][: waveform.channels]
    note = f"{recording['file']} · {counted(waveform.channels, 'channel')} · {each.clock.seconds:.1f} s"
    lanes: list[dict[str, Any]] = [
        {"kind": "recording", "recording": index, "name": recording["name"], "note": note}
    ]
    for channel, entry in enumerate(entries):
        truth = each.truth(channel)
        title = (
            f"Waveform of channel {channel + 1}, {entry['party'] or 'mixed'}: "
            f"{counted(len(truth['intervals']), 'clip')}, "
            f"{counted(len(truth['missing']), 'gap')} in what arrived"
        )
        note = f"channel {channel + 1}" + (f" · {entry['leg']}" if entry["leg"] else "")
        lane = _lane("channel", channel, entry["party"], "mixed", note, title)
        lanes.append({**lane, "recording": index})
    return lanes


def _lane(
    kind: str, index: int, party: str | None, name: str, note: str, title: str
) -> dict[str, Any]:
    return {
        "kind": kind,
        "index": index,
        "party": party,
        "name": name,
        "note": note,
        "title": title,
    }


def _recording_view(index: int, each: Heard) -> dict[str, Any]:
    recording, waveform = each.recording, each.waveform
    said = [
        {
            **interval,
            "channel": channel + 1,
            "file_time": interval["start"] / SAMPLE_RATE,
            "seek": round(each.clock.call_time(interval["start"] / SAMPLE_RATE), 6),
            "seconds": (interval["end"] - interval["start"]) / SAMPLE_RATE,
        }
        for channel in range(len(recording["channel_map"]))
        for interval in each.truth(channel)["intervals"]
    ]
    files = [("WAV", "file"), ("recording’s JSON", "json"), ("truth", "truth")]
    return {
        **recording,
        "index": index,
        "sound": f"{each.clock.seconds:.3f} s" if waveform else "no media",
        "peaks": [waveform.peak_dbfs(channel) for channel in range(waveform.channels)]
        if waveform
        else [None] * len(recording["channel_map"]),
        "left_out": waveform is not None and waveform.ulaw is None,
        "files": [(name, recording[key]) for name, key in files if recording[key] is not None],
        "said": sorted(said, key=lambda clip: (clip["start"], clip["channel"])),
    }


def _place(expectation: Mapping[str, Any], heard: list[Heard]) -> dict[str, Any] | None:
    """Where a failed expectation is to be heard, and whether the page can go there."""
    where = expectation.get("where")
    if expectation["ok"] or not where:
        return None
    words = [where["file"]] if where.get("file") else []
    if where.get("channel"):
        words.append(f"channel {where['channel']}")
    if where.get("time") is not None:
        words.append(f"{where['time']:.3f} s")
    place = {"words": ", ".join(words), "seek": None, "recording": None}
    place["channel"] = where.get("channel") or 0
    for index, each in enumerate(heard):
        if each.waveform and each.recording["file"] == where.get("file"):
            seconds = where.get("time") or 0.0
            place |= {"recording": index, "seek": round(each.clock.call_time(seconds), 6)}
    return place
