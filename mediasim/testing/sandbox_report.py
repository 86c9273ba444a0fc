"""What a sandbox leaves of a test: its recordings, a report page, and the delivery log."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mediasim.audio.frames import NS_PER_SECOND, SAMPLE_RATE
from mediasim.exchange.media_store import MediaNotFound
from mediasim.exchange.records import CallRecord, RecordingRecord
from mediasim.sandbox.sandbox import Sandbox
from mediasim.testing.pages import write_page
from mediasim.twilio.representations import error_code

__all__ = ["keep_sandbox"]


def keep_sandbox(
    sandbox: Sandbox,
    do: Callable[[Callable[[], Any]], Any],
    folder: Path,
    name: str,
    repeat: str,
    realtime: bool,
) -> list[str]:
    """Copy what there is into the folder; ``do`` does work on the engine's loop.

    Returns lines that name it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    store = sandbox.storage.media
    for part in ("recordings", "references"):
        if (store.directory / part).is_dir():
            shutil.copytree(store.directory / part, folder / part, dirs_exist_ok=True)
    run, deliveries = do(lambda: (_run(sandbox, name, repeat), _deliveries(sandbox)))
    run["clock"] = "real" if realtime else "virtual"
    log = folder / "deliveries.json"
    log.write_text(json.dumps(deliveries, indent=1, ensure_ascii=False) + "\n", "utf-8")
    page = write_page(run, folder, repeat)
    found = [folder / each["file"] for each in run["recordings"] if each["file"]]
    return [*(f"recording: {path}" for path in found), f"report: {page}", f"deliveries: {log}"]


def _deliveries(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [each.to_json() for each in sandbox.service.webhooks.deliveries]


def _run(sandbox: Sandbox, name: str, repeat: str) -> dict[str, Any]:
    """As ``report.json`` has runs; how packets fared is not among it."""
    service = sandbox.service
    return {
        "scenario": name,
        "file": None,
        "variant": {},
        "label": name,
        "description": "A sandbox, as a test left it.",
        "seed": sandbox.settings.seed,
        "profile": service.profile,
        "repeat": repeat,
        "ok": False,
        "error": None,
        "call_seconds": round(service.now_ns / NS_PER_SECOND, 3),
        "speed": {"wall_seconds": 0.0, "cpu_seconds": 0.0, "realtime_factor": 0.0},
        "calls": [_call(each, number) for number, each in enumerate(service.catalogue.calls(), 1)],
        "recordings": [
            _recording(sandbox, each, number)
            for number, each in enumerate(service.catalogue.recordings(), 1)
        ],
        "events": [
            {
                "t": _seconds(event.at_ns),
                "kind": event.kind,
                "subject": event.subject,
                "text": event.text,
            }
            for _, event in sandbox.events
        ],
        "expectations": [],
        "warnings": [],
    }


def _seconds(at_ns: int) -> float:
    return round(at_ns / NS_PER_SECOND, 4)


def _call(record: CallRecord, number: int) -> dict[str, Any]:
    answered, ended = record.answered_ns, record.ended_ns
    return {
        "sid": record.sid,
        "name": f"call-{number}",
        "party": None,
        "from": record.from_,
        "to": record.to,
        "direction": record.direction,
        "parent_call_sid": record.parent_call_sid,
        "status": record.status,
        "started": _seconds(record.created_ns),
        "ringing": _seconds(record.created_ns),
        "answered": None if answered is None else _seconds(answered),
        "ended": None if ended is None else _seconds(ended),
        "rtcp": [],
        "streams": [],
    }


def _recording(sandbox: Sandbox, record: RecordingRecord, number: int) -> dict[str, Any]:
    sid, layout, samples = record.sid, record.layout, record.samples or 0
    present = record.status == "completed"
    try:
        truth = sandbox.storage.media.truth(sid)
    except MediaNotFound:
        truth = None
    begun = record.start_ns * SAMPLE_RATE // NS_PER_SECOND
    if truth is not None and truth["map"]:
        first = truth["map"][0]
        begun = first["call"] - first["file"]
    return {
        "sid": sid,
        "name": f"recording-{number}",
        "file": f"recordings/{sid}.wav" if present else None,
        "truth": f"recordings/{sid}.truth.json" if present else None,
        "json": f"recordings/{sid}.json",
        "status": record.status,
        "error_code": error_code(record),
        "channels": layout.plain_channels,
        "stored_channels": layout.stored_channels,
        "source": record.source,
        "track": layout.asked_track,
        "duration": round(samples / SAMPLE_RATE, 3),
        "samples": samples,
        "started": round(begun / SAMPLE_RATE, 4),
        "why": layout.rule.reason,
        "channel_map": record.channel_map_json()["channels"],
        "truth_intervals": truth,
    }
