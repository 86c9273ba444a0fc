"""The folders of runs: each run has its own, and the link ``latest`` leads to the newest.

    mediasim-out/20260729-101500/   report.html, report.json, recordings/ ...
    mediasim-out/latest -> 20260729-101500

A folder that was named by the user is used as it is; what an earlier run left in it is removed
first. A folder is locked while a run writes to it, so that another run neither removes nor recovers
its active recordings.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mediasim.exchange.dates import Dates
from mediasim.exchange.media_store import MediaStore
from mediasim.exchange.recovery import SPOOL, recover_recordings
from mediasim.twilio.representations import recording_document

__all__ = ["DEFAULT_FOLDER", "LATEST", "FolderInUse", "RunFolder", "recover_in", "run_folder"]

DEFAULT_FOLDER: Final = Path("mediasim-out")
LATEST: Final = DEFAULT_FOLDER / "latest"
"""The link to the folder of the newest run."""
_OURS: Final = re.compile(r"RE[0-9a-f]{32}\.(wav|json|truth\.json|\w+\.(wav|mp3))|.*\.pcap")
"""File names that a run writes; everything else in a folder is the user's."""
_FOLDERS: Final = ("recordings", "references", "cache", "captures")
_REPORTS: Final = ("report.json", "report.html")
_SANDBOX: Final = "sandbox.sqlite"


class FolderInUse(RuntimeError):
    """Another run is writing to the folder."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of a run."""

    path: Path
    warnings: list[str] = field(default_factory=list)
    """What was recovered of killed runs, in words."""


@contextmanager
def run_folder(chosen: Path | None = None) -> Iterator[RunFolder]:
    """Give the folder that was chosen, emptied of an earlier run, or a new one.

    Active recordings of killed runs in the folders beside a new one are recovered. Raises
    FolderInUse, and OSError if nothing can be written.
    """
    if chosen is not None:
        chosen.mkdir(parents=True, exist_ok=True)
        with _locked(chosen) as free:
            if not free:
                raise FolderInUse(f"another run is writing to {chosen}: name another folder")
            _remove_last_run(chosen)
            yield RunFolder(chosen)
        return
    DEFAULT_FOLDER.mkdir(parents=True, exist_ok=True)
    warnings: list[str] = []
    for beside in sorted(DEFAULT_FOLDER.glob(f"*/{SPOOL}")):
        if beside.parent.is_symlink():
            continue
        with _locked(beside.parent) as free:
            if free:
                warnings += recover_in(beside.parent, f" in {beside.parent}")
    path = _new_folder(time.strftime("%Y%m%d-%H%M%S"))
    with _locked(path):
        _link_latest(path)
        yield RunFolder(path, warnings)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Hold the folder's lock, which ends with the process; give False if another process holds
    it."""
    # A lock of the open file, not a lock file: the kernel drops it even when the process is
    # killed.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _new_folder(name: str) -> Path:
    """Create a folder of that name, with a number if the name is taken."""
    number = 1
    while True:
        folder = DEFAULT_FOLDER / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def _link_latest(folder: Path) -> None:
    """Point the link ``latest`` to a folder, in one step: at each moment it leads to one run or the
    other."""
    aside = DEFAULT_FOLDER / f".{folder.name}.latest"
    aside.unlink(missing_ok=True)
    aside.symlink_to(folder.name)
    aside.replace(LATEST)


def _remove_last_run(folder: Path) -> None:
    """Remove the files of an earlier run, and nothing else.

    A sandbox's folder is left as it is: its recordings are those of its database.
    """
    if not (folder / _SANDBOX).exists():
        for path in _files_of_last_run(folder):
            path.unlink(missing_ok=True)


def _files_of_last_run(folder: Path) -> Iterator[Path]:
    """Yield the paths of the files that a run may have left in a folder."""
    yield from (folder / name for name in _REPORTS)
    for name in _FOLDERS:
        below = folder / name
        if below.is_dir():
            yield from (path for path in below.iterdir() if _OURS.fullmatch(path.name))


def recover_in(folder: Path, where: str = "") -> Iterator[str]:
    """Recover the recordings that a killed run left active in a folder; yield each in words."""
    for record in recover_recordings(MediaStore(folder), Dates(), recording_document):
        yield (
            f"{record.sid}, left by a run that was killed, was recovered{where}: "
            f"{record.samples or 0} samples"
        )
