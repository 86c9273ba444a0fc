"""The artifacts of a sandbox: its recordings, a report page, and the delivery log."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mediasim.audio.frames import NS_PER_SECOND, SAMPLE_RATE
from mediasim.exchange.media_store import MediaNotFound
from mediasim.exchange.records import RecordingRecord
from mediasim.sandbox.inspector.kept import kept_part
from mediasim.sandbox.inspector.legs import Legs
from mediasim.sandbox.inspector.text import timelines
from mediasim.sandbox.sandbox import Sandbox
from mediasim.scenario.report.build import call_report, event_report, recording_report
from mediasim.scenario.report.model import RecordingReport, RunReport, Speed
from mediasim.scenario.report.page_part import PagePart
from mediasim.testing.artifacts import write_page

__all__ = ["keep_sandbox"]


def keep_sandbox(
    sandbox: Sandbox,
    legs: Legs,
    do: Callable[[Callable[[], Any]], Any],
    folder: Path,
    name: str,
    repeat: str,
    realtime: bool,
) -> list[str]:
    """Copy a sandbox's recordings, report and deliveries into a folder; return lines that name
    them.

    ``do`` runs a function on the engine's loop.
    """
    folder.mkdir(parents=True, exist_ok=True)
    store = sandbox.storage.media
    for part in ("recordings", "references"):
        if (store.directory / part).is_dir():
            shutil.copytree(store.directory / part, folder / part, dirs_exist_ok=True)
    clock = "real" if realtime else "virtual"
    log = sandbox.service.webhooks.deliveries

    def kept() -> tuple[RunReport, list[Any], PagePart]:
        part = kept_part(sandbox, timelines(sandbox, legs))
        return _run(sandbox, name, repeat, clock), [each.to_json() for each in log], part

    run, deliveries, part = do(kept)
    file = folder / "deliveries.json"
    file.write_text(json.dumps(deliveries, indent=1, ensure_ascii=False) + "\n", "utf-8")
    page = write_page(run, folder, repeat, [part])
    found = [folder / each.file for each in run.recordings if each.file]
    return [*(f"recording: {path}" for path in found), f"report: {page}", f"deliveries: {file}"]


def _run(sandbox: Sandbox, name: str, repeat: str, clock: str) -> RunReport:
    """Return a sandbox as a run of the report, without statistics of packets."""
    service = sandbox.service
    return RunReport(
        scenario=name,
        file=None,
        variant={},
        label=name,
        description="A sandbox, as a test left it.",
        seed=sandbox.settings.seed,
        clock=clock,
        profile=service.profile,
        repeat=repeat,
        ok=False,
        call_seconds=round(service.now_ns / NS_PER_SECOND, 3),
        speed=Speed(wall_seconds=0.0, cpu_seconds=0.0, realtime_factor=0.0),
        calls=[
            call_report(each, f"call-{number}", None)
            for number, each in enumerate(service.catalogue.calls(), 1)
        ],
        recordings=[
            _recording(sandbox, each, f"recording-{number}")
            for number, each in enumerate(service.catalogue.recordings(), 1)
        ],
        events=[event_report(event) for _, event in sandbox.events],
    )


def _recording(sandbox: Sandbox, record: RecordingRecord, name: str) -> RecordingReport:
    """Return a recording of the report."""
    try:
        truth = sandbox.storage.media.truth(record.sid)
    except MediaNotFound:
        truth = None
    started = record.start_ns * SAMPLE_RATE // NS_PER_SECOND
    return recording_report(record, name, started, truth)
