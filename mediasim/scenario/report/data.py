"""The data of the report page's scripts: JSON and sound, in blocks that a browser never runs.

The shape of the JSON is read by ``page/player.js`` and ``lanes.js``. Places in a file are samples,
places in the call seconds; a party is its number, -1 where the sound is of no party.
"""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mediasim.parties.timeline import is_speech
from mediasim.scenario.expectations.verdicts import FileClock
from mediasim.scenario.report.model import (
    CallReport,
    RecordingReport,
    RunReport,
    StreamReport,
    report_json,
)
from mediasim.scenario.report.waveform import Waveform

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["RecordingAudio", "ReportedStream", "safe_json", "scripts_data", "sound_blocks"]

_ROWS: Final = 3
"""Rows of labels at most in a channel whose parties talk at the same time."""
_MOST_GAIN: Final = 8.0
"""Factor by which a quiet recording is magnified at most."""


@dataclass(frozen=True, slots=True)
class RecordingAudio:
    """A recording with its clock and, if it has media, its waveform."""

    recording: RecordingReport
    clock: FileClock
    waveform: Waveform | None

    def truth(self, channel: int) -> Mapping[str, Any]:
        """Return the truth of a channel (from 0), empty if there is none."""
        found: dict[str, Any] = {
            "intervals": (),
            "missing": (),
            "adjustments": (),
            "unscripted": (),
        }
        document = self.recording.truth_intervals or {"channels": ()}
        for each in document["channels"]:
            if each["channel"] == channel + 1:
                found |= each
        return found


_WAYS: Final = {"up": "→ server", "down": "← server"}


@dataclass(frozen=True, slots=True)
class ReportedStream:
    """A stream with the call it belongs to."""

    call: CallReport
    report: StreamReport

    @property
    def name(self) -> str:
        """The party whose stream it is, or the call's name."""
        return self.call.party or self.call.name

    @property
    def way(self) -> str:
        """The direction of the stream in words."""
        return _WAYS[self.report.direction]


def scripts_data(
    run: RunReport,
    run_id: str,
    span: float,
    colours: Mapping[str, int],
    heard: Iterable[RecordingAudio],
    streams: Iterable[ReportedStream],
    failures: Iterable[tuple[str, Mapping[str, Any]]],
) -> Markup:
    """Return all that is drawn and played of a run, as JSON that is safe inside a script element.

    ``failures`` are failed expectations in words, each with the place to listen.
    """
    call_keys = ("name", "status", "started", "ringing", "answered", "ended")
    return safe_json(
        {
            "span": span,
            "parties": list(colours),
            "events": [
                {"t": event.t, "kind": event.kind, "text": event.text} for event in run.events
            ],
            "calls": [
                {"party": -1 if call.party is None else colours.get(call.party, -1)}
                | {key: getattr(call, key) for key in call_keys}
                for call in run.calls
            ],
            "streams": [report_json(stream.report.fates) for stream in streams],
            "recordings": [
                _recording(run_id, index, each, colours) for index, each in enumerate(heard)
            ],
            "failures": [
                {
                    "recording": place["recording"],
                    "channel": place["channel"],
                    "t": place["seek"],
                    "text": words,
                }
                for words, place in failures
            ],
        }
    )


def sound_blocks(run_id: str, index: int, each: RecordingAudio) -> list[dict[str, str]]:
    """Return each channel's mu-law octets as base64, with the id that the JSON names; none if the
    sound is left out."""
    sound = each.waveform.ulaw if each.waveform else None
    return [
        {"id": _sound_id(run_id, index, channel), "base64": b64encode(octets).decode()}
        for channel, octets in enumerate(sound or ())
    ]


def safe_json(value: Any) -> Markup:
    """Return JSON that can stand in a script element: no markup in it, whatever the texts say."""
    from markupsafe import Markup

    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _recording(
    run_id: str, index: int, each: RecordingAudio, colours: Mapping[str, int]
) -> dict[str, Any] | None:
    recording, waveform = each.recording, each.waveform
    if waveform is None:
        return None
    channels = []
    for channel, entry in enumerate(recording.channel_map[: waveform.channels]):
        truth = each.truth(channel)
        channels.append(
            {
                "name": entry.party or "mixed",
                "peaks": b64encode(waveform.peaks[channel]).decode(),
                "intervals": _intervals(truth["intervals"], colours),
                "unscripted": _only_unscripted_party(truth, colours),
                "missing": [[gap["start"], gap["end"], gap["why"]] for gap in truth["missing"]],
                "adjustments": [
                    [change["start"], change["samples"]] for change in truth["adjustments"]
                ],
            }
        )
    sounds = [_sound_id(run_id, index, channel) for channel in range(waveform.channels)]
    loudest = max(waveform.loudest)
    return {
        "name": recording.name,
        "file": recording.file,
        "seconds": each.clock.seconds,
        "bucket": waveform.bucket,
        "gain": min(0.95 / loudest, _MOST_GAIN) if loudest else 1.0,
        "pieces": each.clock.pieces,
        "pauses": each.clock.pauses,
        "sounds": sounds if waveform.ulaw is not None else None,
        "channels": channels,
    }


def _only_unscripted_party(truth: Mapping[str, Any], colours: Mapping[str, int]) -> int | None:
    """Return the number of the party that sounds where no clip stands, one that is not simulated;
    None if that is unknown."""
    found = [colours[name] for name in truth["unscripted"] if name in colours]
    return found[0] if len(found) == 1 else None


def _sound_id(run_id: str, recording: int, channel: int) -> str:
    return f"{run_id}-sound-{recording}-{channel}"


def _intervals(
    intervals: Iterable[Mapping[str, Any]], colours: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Return the clips of a channel with their colour and a row in which they overlap no other
    clip."""
    ends: list[int] = []
    placed = []
    for interval in sorted(intervals, key=lambda interval: interval["start"]):
        free = [row for row, end in enumerate(ends) if end <= interval["start"]]
        if free:
            row = free[0]
            ends[row] = interval["end"]
        elif len(ends) < _ROWS:
            row = len(ends)
            ends.append(interval["end"])
        else:
            row = _ROWS - 1
        kind = interval["kind"]
        # Digital silence has the level minus infinity, for which JSON has no number.
        level = interval.get("level_dbfs")
        placed.append(
            {
                "start": interval["start"],
                "end": interval["end"],
                "party": colours.get(interval["party"], -1),
                # Words of a file are shown as those of a voice.
                "kind": "say" if is_speech(kind, interval.get("file")) else kind,
                "text": interval.get("text"),
                "level": level if level is None or math.isfinite(level) else None,
                "row": row,
            }
        )
    return placed
