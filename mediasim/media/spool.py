"""Spool files: recordings under way on disk, and their recovery after a kill.

A spool is a WAV file named ``RE….part`` whose header claims no samples until the recording
ends, with a journal ``RE….journal`` beside it that says whose recording it is. What was written
survives the process; :func:`recover` makes proper WAV files of what it finds.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.wav import wav_header

__all__ = ["Recovered", "SpoolFile", "recover"]

HEADER_SIZE: Final = 44
_PART: Final = ".part"
_JOURNAL: Final = ".journal"


class SpoolFile:
    """One recording being written; a recorder's sink."""

    def __init__(self, directory: Path, name: str, channels: int, journal: dict[str, Any]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / f"{name}{_PART}"
        self._journal = directory / f"{name}{_JOURNAL}"
        self._channels = channels
        self._samples = 0
        self._journal.write_text(json.dumps({"channels": channels, **journal}), "utf-8")
        # Unbuffered: what was handed to the kernel survives the death of this process.
        self._file = open(self.path, "wb", buffering=0)  # noqa: SIM115
        self._file.write(wav_header(channels, 0))

    def write(self, samples: NDArray[np.int16]) -> None:
        """Append (samples, channels)."""
        _write_all(self._file.fileno(), np.ascontiguousarray(samples).data.cast("B"))
        self._samples += len(samples)

    def close(self) -> None:
        """Put the true sizes into the header."""
        if self._file.closed:
            return
        os.pwrite(self._file.fileno(), wav_header(self._channels, self._samples), 0)
        self._file.close()

    def discard(self) -> None:
        """Forget the journal, and the file if it was not moved away."""
        self.close()
        self._journal.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)


def _write_all(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


@dataclass(frozen=True, slots=True)
class Recovered:
    """A recording found in the spool after a kill, now a proper WAV file."""

    name: str
    path: Path
    channels: int
    samples: int
    journal: dict[str, Any]

    def discard(self) -> None:
        """Drop what is left in the spool once the recording has been published."""
        self.path.with_suffix(_JOURNAL).unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)


def recover(directory: Path) -> list[Recovered]:
    """Mend the spools of a dead process: headers get the sizes the files really have.

    A sample cut in half by the kill is dropped from every channel. Spools without a readable
    journal are left alone.
    """
    found = []
    for journal_path in sorted(directory.glob(f"*{_JOURNAL}")):
        part = journal_path.with_suffix(_PART)
        try:
            journal = json.loads(journal_path.read_text("utf-8"))
            channels = int(journal["channels"])
            size = part.stat().st_size
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if channels < 1:
            continue
        samples = max(0, size - HEADER_SIZE) // (2 * channels)
        with part.open("r+b") as file:
            file.truncate(HEADER_SIZE + samples * 2 * channels)
            file.write(wav_header(channels, samples))
        found.append(Recovered(journal_path.stem, part, channels, samples, journal))
    return found
