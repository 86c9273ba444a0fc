"""Spool files: recordings in progress on disk, and their recovery after a kill.

A spool is a WAV file named ``RE….part`` whose header claims no samples until the recording
ends, with a journal ``RE….journal`` beside it that says whose recording it is. What was written
survives the process; :func:`recover` makes proper WAV files of what it finds.

A disk that is full, or a folder that was removed, ends no call: what cannot be written waits in
memory, at most ``LONGEST_WAIT`` samples of it, and is written as soon as that is possible.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.wav import WAV_HEADER_SIZE, read_wav, wav_header

__all__ = [
    "LONGEST_WAIT",
    "Recovered",
    "SpoolFile",
    "journals",
    "read_journal",
    "recover",
    "replace_text",
]

HEADER_SIZE: Final = WAV_HEADER_SIZE
LONGEST_WAIT: Final = 60 * SAMPLE_RATE
"""Samples of one recording that wait in memory while they cannot be written."""
_PART: Final = ".part"
_JOURNAL: Final = ".journal"
_COPIED: Final = 1 << 20
"""Bytes copied at a time."""


class SpoolFile:
    """The file of a recording in progress, a recorder's sink.

    Only :meth:`finish` and :meth:`note` raise OSError.
    """

    def __init__(self, directory: Path, name: str, channels: int, journal: dict[str, Any]) -> None:
        self.path = directory / f"{name}{_PART}"
        self.journal = directory / f"{name}{_JOURNAL}"
        self.error: OSError | None = None
        """Why the last write failed; None once everything is written."""
        self.unwritten: list[tuple[int, int]] = []
        """Spans (start, end) of samples that waited too long: the file is silent there."""
        self._about = {"channels": channels, **journal}
        self._channels = channels
        self._samples = 0
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._file: BinaryIO | None = None
        self._dropped = False
        self._write_waiting()

    def write(self, samples: NDArray[np.int16]) -> None:
        """Append samples (samples, channels)."""
        data = np.ascontiguousarray(samples).data.cast("B")
        at, self._samples = self._samples, self._samples + len(samples)
        if self._file is not None and not self._waiting:
            try:
                self._put(self._file, at, data)
                return
            except OSError as error:
                self.error = error
        self._waiting.append((at, bytes(data)))
        self._write_waiting()
        while self._waiting and self._samples - self._waiting[0][0] > LONGEST_WAIT:
            self._give_up_oldest()

    def close(self) -> None:
        """Write the true sizes into the header, as far as the disk allows; see :meth:`finish`."""
        try:
            self.finish()
        except OSError as error:
            self.error = error

    def finish(self) -> None:
        """Write every sample to ``path``, with a header that has their number.

        Raises OSError while the disk refuses it. May be called again, also after the folder was
        removed with the file in it.
        """
        if self._dropped:
            return
        file = self._flushed()
        os.pwrite(file.fileno(), wav_header(self._channels, self._samples), 0)
        if not _is_at(file, self.path):
            self._copy_back(file)
        self.error = None

    def pcm(self) -> NDArray[np.int16]:
        """Return all samples so far, int16 (channels, samples). Raises OSError as finish does."""
        self.finish()
        return read_wav(self.path).pcm

    def note(self, **more: Any) -> None:
        """Add entries to the journal. Raises OSError."""
        self._about |= more
        replace_text(self.journal, json.dumps(self._about))

    def drop(self) -> None:
        """Remove the audio, which is published or not wanted; the journal stays."""
        self._dropped = True
        self._waiting.clear()
        if self._file is not None:
            self._file.close()
        self.path.unlink(missing_ok=True)

    def _write_waiting(self) -> None:
        try:
            self._flushed()
            self.error = None
        except OSError as error:
            self.error = error

    def _flushed(self) -> BinaryIO:
        """Return the file, with all waiting samples written. Raises OSError."""
        file = self._file or self._open()
        while self._waiting:
            at, data = self._waiting[0]
            self._put(file, at, memoryview(data))
            self._waiting.popleft()
        return file

    def _open(self) -> BinaryIO:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # The journal first and whole: audio without it could not be recovered.
        replace_text(self.journal, json.dumps(self._about))
        # Unbuffered: what was handed to the kernel survives the death of this process.
        file = open(self.path, "w+b", buffering=0)  # noqa: SIM115
        try:
            _write_at(file, 0, memoryview(wav_header(self._channels, 0)))
        except OSError:
            file.close()
            raise
        self._file = file
        return file

    def _put(self, file: BinaryIO, at: int, data: memoryview) -> None:
        _write_at(file, HEADER_SIZE + at * 2 * self._channels, data)

    def _give_up_oldest(self) -> None:
        at, data = self._waiting.popleft()
        end = at + len(data) // (2 * self._channels)
        if self.unwritten and self.unwritten[-1][1] == at:
            at = self.unwritten.pop()[0]
        self.unwritten.append((at, end))

    def _copy_back(self, file: BinaryIO) -> None:
        """Copy the audio to its path, whose folder was removed, out of the file that is open."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        hidden = self.path.with_suffix(".copied")
        with hidden.open("wb") as copy:
            position = 0
            while piece := os.pread(file.fileno(), _COPIED, position):
                copy.write(piece)
                position += len(piece)
        hidden.replace(self.path)


def _write_at(file: BinaryIO, position: int, data: memoryview) -> None:
    while data:
        written = os.pwrite(file.fileno(), data, position)
        data, position = data[written:], position + written


def _is_at(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def replace_text(path: Path, text: str) -> None:
    """Write a text to a file atomically: all of it, or the file stays as it was. Raises OSError."""
    hidden = path.with_name(f".{path.name}.new")
    try:
        hidden.write_text(text, "utf-8")
        hidden.replace(path)
    except OSError:
        hidden.unlink(missing_ok=True)
        raise


@dataclass(frozen=True, slots=True)
class Recovered:
    """A recording found in the spool after a kill, now a proper WAV file."""

    name: str
    """The recording's name: its sid."""
    path: Path
    channels: int
    samples: int
    journal: dict[str, Any]

    @property
    def journal_path(self) -> Path:
        return self.path.with_suffix(_JOURNAL)


Substitute = Callable[[str, int], dict[str, Any] | None]
"""Returns the journal of a recording by its name and channels, where its own cannot be read; None
if it is not known either."""


def recover(directory: Path, substitute: Substitute | None = None) -> list[Recovered]:
    """Repair the spools of a dead process: headers get the sizes the files really have.

    A sample cut in half by the kill is dropped from every channel. Spools without a readable
    journal are left alone, unless ``substitute`` has one.
    """
    found = []
    for part in sorted(directory.glob(f"*{_PART}")):
        journal = read_journal(part.with_suffix(_JOURNAL))
        if journal is None and substitute is not None and (channels := _channels_of(part)):
            journal = substitute(part.stem, channels)
            journal = None if journal is None else {"channels": channels, **journal}
        if journal is None:
            continue
        channels = journal["channels"]
        try:
            samples = max(0, part.stat().st_size - HEADER_SIZE) // (2 * channels)
            with part.open("r+b") as file:
                file.truncate(HEADER_SIZE + samples * 2 * channels)
                file.write(wav_header(channels, samples))
        except OSError:
            continue  # it stays as it is, for a start that can write
        found.append(Recovered(part.stem, part, channels, samples, journal))
    return found


def read_journal(path: Path) -> dict[str, Any] | None:
    """Read a journal, with its number of ``channels``; None for a file that is no journal."""
    try:
        journal = json.loads(path.read_text("utf-8"))
        journal["channels"] = int(journal["channels"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return journal if isinstance(journal, dict) and journal["channels"] >= 1 else None


def journals(directory: Path) -> list[Path]:
    """Return the paths of all journals in a spool's folder."""
    return sorted(directory.glob(f"*{_JOURNAL}"))


def _channels_of(part: Path) -> int:
    """Return the channels in a spool's header; 0 for a file that is no spool."""
    try:
        with part.open("rb") as file:
            header = file.read(HEADER_SIZE)
    except OSError:
        return 0
    channels = int.from_bytes(header[22:24], "little")
    # All of it but the two sizes, which the recording's end would have put in.
    fixed = wav_header(max(channels, 1), 0)
    same = header[8:40] == fixed[8:40] and len(header) == HEADER_SIZE
    return channels if same else 0
