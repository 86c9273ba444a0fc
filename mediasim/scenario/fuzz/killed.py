"""Invariant 11: a recording that is active when the process is killed is recovered on the next
start.

The process is one of its own and really killed, in the middle of writing: it has no chance to close
anything. The moment is counted in writes, so that the same run dies at the same place again. It is
started anew, not forked: locks held by other threads at that moment would be held for ever.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.exchange import recording_control
from mediasim.exchange.dates import Dates
from mediasim.exchange.media_store import MediaStore
from mediasim.exchange.recovery import SPOOL, recover_recordings
from mediasim.media.spool import SpoolFile
from mediasim.scenario.fuzz.play import Played, channels_of
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.running.runner import run_scenario
from mediasim.twilio.representations import recording_document

__all__ = ["KILLED", "Killed"]

_BLOCK: Final = 25
"""Frames of a block: few, so that there are many writes."""
_WRITTEN: Final = "written.json"
"""Name of the file in which the dying process leaves what it had written."""
_PATIENCE_S: Final = 60
"""Seconds after which a process is given up."""


class _DyingSpool(SpoolFile):
    """A spool that counts what all spools of the process write, and kills the process at some
    write."""

    left = 0
    """Writes until the process dies."""
    totals: dict[str, int] = {}  # noqa: RUF012 - of the whole process
    """Samples written so far, by SID."""

    def write(self, samples: NDArray[np.int16]) -> None:
        _DyingSpool.left -= 1
        if not _DyingSpool.left:
            folder = self.path.parent.parent
            (folder / _WRITTEN).write_text(json.dumps(_DyingSpool.totals), "utf-8")
            os.kill(os.getpid(), signal.SIGKILL)
        super().write(samples)
        sid = self.path.stem
        _DyingSpool.totals[sid] = _DyingSpool.totals.get(sid, 0) + len(samples)


@dataclass(frozen=True, slots=True)
class Killed:
    """Invariant 11: what was written is recovered after the process died at a write of its
    recordings."""

    write: int
    """Number of the write, counted from 1, over all recordings."""

    @property
    def name(self) -> str:
        return f"killed-at-{self.write}"

    @property
    def words(self) -> str:
        return f"of a process killed at write {self.write}, all that was written is recovered"

    def problems(
        self, document: Mapping[str, Any], played: Played, base: Path | None
    ) -> Iterator[str]:
        """Yield where the recovered recordings are not what the undisturbed run wrote until
        then."""
        with tempfile.TemporaryDirectory(prefix="mediasim-") as name:
            folder = Path(name)
            if _die_in(folder, document, self.write, base):
                yield from _recovered(folder, played)


def _die_in(folder: Path, document: Mapping[str, Any], write: int, base: Path | None) -> bool:
    """Run the scenario in a process that dies at that write; return False if it ended before."""
    child = subprocess.run(
        [sys.executable, "-m", __name__, str(folder), str(write), str(base or Path())],
        input=json.dumps(document),
        text=True,
        timeout=_PATIENCE_S,
        stderr=subprocess.PIPE,
        check=False,
    )
    if child.returncode not in (0, -signal.SIGKILL):
        raise RuntimeError(f"a process of its own ends otherwise: {child.stderr[-300:]}")
    return child.returncode == -signal.SIGKILL


def _die(folder: str, write: str, base: str) -> None:
    """Run a scenario and die at a write: the main function of the process."""
    _DyingSpool.left = int(write)
    vars(recording_control)["SpoolFile"] = _DyingSpool
    scenario = parse_scenario(json.load(sys.stdin), base=Path(base))
    run_scenario(scenario, Path(folder), block=_BLOCK)


def _recovered(folder: Path, played: Played) -> Iterator[str]:
    """Yield where the next start differs from what had been written and what the whole run
    recorded."""
    written = json.loads((folder / _WRITTEN).read_text("utf-8"))
    active = {path.stem for path in (folder / SPOOL).glob("*.journal")}
    records = {
        each.sid: each
        for each in recover_recordings(MediaStore(folder), Dates(), recording_document)
    }
    if active - records.keys():
        yield f"{len(active - records.keys())} of {len(active)} recordings are not recovered"
    left = sorted(path.name for path in (folder / SPOOL).iterdir())
    if left:
        yield f"left over: {', '.join(left)}"
    whole = {each.sid: each for each in played.recordings}
    for sid, record in records.items():
        name = whole[sid].name if sid in whole else sid
        if sid not in whole:
            yield f"{sid} is recovered and never was"
        if record.samples != written.get(sid, 0):
            yield f"{name}: {record.samples} samples recovered of {written.get(sid, 0)}"
        if (record.status == "completed") != bool(record.samples):
            yield f"{name} of {record.samples} samples is {record.status}"
        path, there = folder / "recordings" / f"{sid}.wav", f"recordings/{sid}.wav"
        if sid not in whole or record.status != "completed" or there not in played.files:
            continue
        found, complete = channels_of(path.read_bytes()), channels_of(played.files[there])
        if whole[sid].trim == "do-not-trim" and not np.array_equal(
            found, complete[:, : found.shape[1]]
        ):
            yield f"{name}: what is recovered is not its beginning"
    if recover_recordings(MediaStore(folder), Dates(), recording_document):
        yield "recovered twice"


KILLED: Final = tuple(Killed(write) for write in (1, 2, 5, 13))
"""The writes at which a process is killed."""

if __name__ == "__main__":
    _die(*sys.argv[1:])
