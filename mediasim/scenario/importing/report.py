"""Reports of a capture and of the recording made of it, as data and as text."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mediasim.audio.codecs import CODECS
from mediasim.audio.frames import SAMPLE_RATE
from mediasim.captures.rtp_streams import CapturedDirection, FoundStream, figures_of, pairs_of
from mediasim.scenario.importing.captured_call import (
    Captured,
    ChosenCall,
    ImportRefused,
    Signalled,
    address_text,
)
from mediasim.scenario.importing.formats import DirectionFormat, format_of
from mediasim.scenario.importing.replay import Replayed
from mediasim.twilio.download import download

__all__ = ["listing", "listing_text", "report", "report_text"]

_UNIX = datetime(1970, 1, 1, tzinfo=UTC)


def listing(captured: Captured, signalled: Signalled, names: Mapping[int, str]) -> dict[str, Any]:
    """Return all streams of a capture, numbered from 1, and the pairs that answer each other."""
    streams: list[dict[str, Any]] = []
    numbers: dict[int, list[int]] = {}
    for direction in captured.directions:
        try:
            format = format_of(direction, {**signalled.names_for(direction), **names}, 0)
        except ImportRefused:
            format = None
        for stream in direction.streams:
            numbers.setdefault(id(direction), []).append(len(streams) + 1)
            streams.append({"number": len(streams) + 1, **_stream(stream, format)})
    pairs = [[numbers[id(one)], numbers[id(two)]] for one, two in pairs_of(captured.directions)]
    return {
        "capture": str(captured.path),
        "truncated": captured.truncated,
        "streams": streams,
        "pairs": pairs,
    }


def _stream(stream: FoundStream, format: DirectionFormat | None) -> dict[str, Any]:
    codec = None if format is None else format.receives.codec
    # What is not known has the clock of most audio; its jitter is then a guess, and left out.
    figures = figures_of(
        stream,
        CODECS[codec].clock_rate if codec else SAMPLE_RATE,
        frozenset() if format is None else format.untimed,
    )
    jitters = (figures.jitter_ms, figures.mean_jitter_ms, figures.max_jitter_ms)
    last, mean, most = (round(each, 3) if codec else None for each in jitters)
    return {
        "source": address_text(stream.source),
        "destination": address_text(stream.destination),
        "ssrc": f"0x{stream.ssrc:08x}",
        "codec": codec,
        "payload_types": list(stream.payload_types),
        "begins": _date(stream.packets[0].at_ns),
        "seconds": round(figures.seconds, 3),
        "packets": figures.packets,
        "lost": figures.lost,
        "duplicates": figures.duplicates,
        "reordered": figures.reordered,
        "jitter_ms": last,
        "mean_jitter_ms": mean,
        "max_jitter_ms": most,
    }


def listing_text(found: Mapping[str, Any]) -> str:
    """Return a listing as text."""
    streams = found["streams"]
    lines = [f"{len(streams)} RTP streams in {found['capture']}:"]
    for each in streams:
        kinds = ", ".join(map(str, each["payload_types"]))
        codec = each["codec"] or f"payload type {kinds}"
        way = f"{each['source']} > {each['destination']}"
        lines.append(
            f"  {each['number']}  {way}  SSRC {each['ssrc']}  {codec}, {_counts(each)}, "
            f"{each['seconds']:.1f} s from {each['begins']}"
        )
    for one, two in found["pairs"]:
        lines.append(f"  {_and(one)} and {_and(two)} answer each other")
    return "\n".join(lines)


def _and(numbers: list[int]) -> str:
    return "+".join(map(str, numbers))


def _counts(each: Mapping[str, Any]) -> str:
    late = f", {each['late']} late" if "late" in each else ""
    jitter = ""
    if each["jitter_ms"] is not None:
        jitter = f", jitter {each['mean_jitter_ms']:.2f} ms (at most {each['max_jitter_ms']:.2f})"
    return (
        f"{each['packets']} packets, {each['lost']} lost{late}, "
        f"{each['duplicates']} duplicates{jitter}"
    )


def report(
    captured: Captured,
    choice: ChosenCall,
    formats: tuple[DirectionFormat, DirectionFormat],
    replayed: Replayed,
) -> dict[str, Any]:
    """Return what was recorded, and the statistics of each side's packets."""
    record = replayed.recording.record
    sid, samples = record.sid, record.samples or 0
    plain = download(replayed.exchange.store, record)
    directions = choice.caller, choice.callee
    sides = [
        _side(number, direction, format, replayed)
        for number, (direction, format) in enumerate(zip(directions, formats, strict=True))
    ]
    warnings = []
    if captured.truncated:
        warnings.append("the capture ends in the middle of a frame: what follows is missing")
    if not choice.certain:
        warnings.append(
            f"nothing in the capture says who called: {choice.why}; --caller says otherwise"
        )
    for side, direction in zip(sides, directions, strict=True):
        if direction.silent:
            warnings.append(f"nothing from {side['source']} was captured: its channel is silent")
        for before, after in itertools.pairwise(direction.streams):
            if before.source != after.source:
                way = f"{address_text(before.source)} came from {address_text(after.source)}"
                warnings.append(
                    f"the RTP from {way} since "
                    f"{_date(after.packets[0].at_ns)}: another port, or a translator rebound"
                )
    for side, oddities in zip(sides, replayed.odd, strict=True):
        warnings += [f"from {side['source']}: {oddity}" for oddity in oddities]
    for side, format in zip(sides, formats, strict=True):
        for kind, count in format.others.items():
            warnings.append(
                f"{count} packets from {side['source']} have payload type {kind} and are not heard"
            )
    root = replayed.exchange.store.directory
    return {
        "capture": str(captured.path),
        "recording": {
            "sid": sid,
            "file": f"recordings/{sid}.wav",
            "json": f"recordings/{sid}.json",
            "truth": f"recordings/{sid}.truth.json",
            "download": None if plain.path is None else str(plain.path.relative_to(root)),
            "channels": record.layout.plain_channels,
            "samples": samples,
            "seconds": round(samples / SAMPLE_RATE, 3),
            "begins": _date(replayed.zero_ns),
            "begins_unix_ns": replayed.zero_ns,
        },
        "order": choice.why,
        "sides": sides,
        "warnings": warnings,
    }


def _side(
    number: int, direction: CapturedDirection, format: DirectionFormat, replayed: Replayed
) -> dict[str, Any]:
    streams = [_stream(stream, format) for stream in direction.streams if stream.packets]
    reception = replayed.receptions[number]
    return {
        "channel": number + 1,
        "role": ("caller", "callee")[number],
        "source": address_text(direction.source),
        "codec": format.receives.codec,
        "packets": reception.received,
        "lost": reception.lost,
        "late": replayed.late[number],
        "duplicates": reception.duplicates,
        "reordered": reception.reordered,
        "jitter_ms": round(reception.jitter_ms, 3),
        "mean_jitter_ms": streams[-1]["mean_jitter_ms"] if streams else 0.0,
        "max_jitter_ms": max((each["max_jitter_ms"] for each in streams), default=0.0),
        "seconds": round((direction.ends_ns - direction.begins_ns) / 1e9, 3),
        "odd": [oddity.to_json() for oddity in replayed.odd[number]],
        "ssrcs": [each["ssrc"] for each in streams],
        "streams": streams,
    }


def report_text(found: Mapping[str, Any], directory: str) -> str:
    """Return a report as text."""
    made = found["recording"]
    lines = [
        f"{directory}/{made['file']}  {made['seconds']:.1f} s, begins {made['begins']}",
    ]
    if made["download"] not in (None, made["file"]):
        lines.append(f"{directory}/{made['download']}  the plain download, mono")
    for side in found["sides"]:
        ssrcs = ", ".join(side["ssrcs"])
        lines.append(
            f"  channel {side['channel']}, {side['role']}  {side['source']}  SSRC {ssrcs}  "
            f"{side['codec']}, {_counts(side)}, {side['seconds']:.1f} s"
        )
    return "\n".join(lines)


def _date(unix_ns: int) -> str:
    return (_UNIX + timedelta(microseconds=unix_ns // 1000)).isoformat(timespec="milliseconds")
