"""What the report page shows of each run, put in order for its template.

A view is the report's own dict with more in it. Times are seconds of the call's clock unless they
are said to be in the file: a recording's places are carried over to the call's clock
(:mod:`mediasim.scenario.expectations.file_clock`), so that all lanes of a run share one axis.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from mediasim.documents.wording import fault_words
from mediasim.scenario.expectations.file_clock import FileClock
from mediasim.scenario.report.data import Heard, scripts_data, sound_blocks
from mediasim.scenario.report.lanes import lanes_of
from mediasim.scenario.report.tables import (
    calls_table,
    channels_table,
    events_table,
    said_table,
    streams_table,
)
from mediasim.scenario.report.totals import Totals, place_words
from mediasim.scenario.report.waveform import Waveform, read_waveform

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
    try:
        return read_waveform(directory / file, sound_bytes=sound_bytes)
    except ValueError:
        return None  # broken on purpose: there is nothing to draw


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
        "length": f"{run['call_seconds']:,.1f} s",
        "span": round(span, 3),
        "colours": {party: f"p{index % _COLOURS}" for party, index in colours.items()},
        "expectations": sorted(expectations, key=lambda expectation: bool(expectation["ok"])),
        "lanes": lanes_of(run, heard, streams),
        "recordings": [_recording_view(index, each) for index, each in enumerate(heard)],
        "calls_table": calls_table(run["calls"]),
        "streams_table": streams_table(streams),
        "events_table": events_table(run["events"]),
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


def _recording_view(index: int, each: Heard) -> dict[str, Any]:
    recording, waveform = each.recording, each.waveform
    truth = recording["truth_intervals"] or {}
    files = [("WAV", "file"), ("recording’s JSON", "json"), ("truth", "truth")]
    return {
        **recording,
        "faults": [fault_words(it) for it in truth.get("faults", ())],
        "sound": f"{each.clock.seconds:.3f} s" if waveform else "no media",
        "left_out": waveform is not None and waveform.ulaw is None,
        "links": [(name, quote(recording[key])) for name, key in files if recording[key]],
        "channels_table": channels_table(each),
        "said_table": said_table(each, index),
    }


def _place(expectation: Mapping[str, Any], heard: list[Heard]) -> dict[str, Any] | None:
    """Where a failed expectation is to be heard: in words, and as data if the page can go there."""
    where = expectation["where"]
    if expectation["ok"] or not where:
        return None
    for index, each in enumerate(heard):
        if each.waveform and each.recording["file"] == where.get("file"):
            seek = each.clock.call_time(where.get("time") or 0.0)
            data = {"seek": seek, "recording": index, "channel": where.get("channel") or 0}
            return {"words": place_words(where), "data": data}
    return {"words": place_words(where), "data": None}
