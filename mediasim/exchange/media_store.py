"""The media store: a folder with the recordings' files.

    DIR/recordings/RE….wav          the stored channels, 8 kHz 16-bit PCM
    DIR/recordings/RE….encrypted    the same for downloads, where an account has them encrypted
    DIR/recordings/RE….json         what the recording is, and its channel map
    DIR/recordings/RE….truth.json   the truth: what was really said, sample by sample
    DIR/recordings/RE….transcript.json  what a recogniser has heard, where one is asked for
    DIR/references/RE….wav          the audio of what was said, which the truth refers to
    DIR/cache/RE….<form>            mixed down or compressed on demand; may be deleted at any time

Rule kept: a file is under its name whole or not at all. It is written under a hidden name in the
same folder and renamed. A process killed on the way leaves a hidden ``.part`` file, which nothing
reads. A durable store forces each file to the disk first, so that the rule holds through a power
cut too. Media is to be published before the JSON that calls it completed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.wav import read_wav, write_wav_to
from mediasim.documents.indented_json import indented_json
from mediasim.exchange.dates import Dates
from mediasim.exchange.records import RecordingRecord, check_recording_sid

__all__ = ["MediaNotFound", "MediaStore", "RecordingDocument"]

RecordingDocument = Callable[[RecordingRecord, Dates], dict[str, Any]]
"""Makes the JSON document that is published beside a recording's media."""


class MediaNotFound(LookupError):
    """A file that the store does not have."""


class MediaStore:
    """The files of one exchange's recordings, below ``directory``, created when needed.

    ``durable`` is for a folder whose recordings are to survive a power cut, as those of a run that
    can be repeated need not: forcing a file to the disk takes milliseconds. Every method raises
    ValueError for a ``sid`` that has not the form of a recording's, so no SID can name a file
    outside the store.
    """

    keeps_documents: ClassVar[bool] = True
    """Whether it has the documents of recordings, too: their JSON, truth and reference audio."""
    deleted_suffixes: ClassVar = (".wav", ".encrypted", ".truth.json", ".transcript.json")
    """Ends of the names of a recording's files that go with its media."""

    def __init__(self, directory: Path, *, durable: bool = False) -> None:
        self.directory = directory
        self._durable = durable
        self._recordings = directory / "recordings"
        self._cache = directory / "cache"

    @contextmanager
    def publish_wav(self, sid: str) -> Iterator[BinaryIO]:
        """Yield a file for a recording's WAV, which appears if the block raises no error."""
        with self._atomic(self._path(sid, ".wav")) as file:
            yield file
        self._forget_derived(sid)

    def adopt_wav(self, sid: str, finished: Path) -> None:
        """Move a finished WAV into the store as a recording's media.

        The file is renamed, not copied: raises OSError if it is on another file system.
        """
        path = self._path(sid, ".wav")
        path.parent.mkdir(parents=True, exist_ok=True)
        if self._durable:
            with finished.open("rb") as file:
                os.fsync(file.fileno())
        finished.replace(path)
        self._forget_derived(sid)

    def publish_part(self, sid: str, finished: Path, start: int, end: int) -> None:
        """Write the samples start .. end of a finished WAV as a recording's media."""
        kept = read_wav(finished).pcm[:, start:end]
        with self.publish_wav(sid) as file:
            write_wav_to(file, kept)

    @contextmanager
    def publish_encrypted(self, sid: str) -> Iterator[BinaryIO]:
        """Yield a file for a recording's encrypted media, which appears if no error is raised."""
        with self._atomic(self._path(sid, ".encrypted")) as file:
            yield file

    def publish_document(self, sid: str, document: dict[str, Any]) -> None:
        """Write or replace a recording's JSON document."""
        self._write_json(self._path(sid, ".json"), document)

    def publish_truth(self, sid: str, truth: dict[str, Any]) -> None:
        """Write or replace a recording's truth."""
        self._write_json(self._path(sid, ".truth.json"), truth)

    def publish_transcript(self, sid: str, transcript: dict[str, Any]) -> None:
        """Write or replace what a recogniser has heard in a recording."""
        self._write_json(self._path(sid, ".transcript.json"), transcript)

    def publish_reference(self, sid: str, pcm: NDArray[np.int16]) -> None:
        """Write or replace the audio, int16 (n,), that a recording's truth refers to."""
        with self._atomic(self._reference(sid)) as file:
            write_wav_to(file, pcm[np.newaxis])

    def sids(self) -> list[str]:
        """Return the SIDs of the recordings that have a JSON document, sorted."""
        names = (path.name.removesuffix(".json") for path in self._recordings.glob("RE*.json"))
        return sorted(name for name in names if "." not in name)

    def wav_path(self, sid: str) -> Path:
        """Return the path of a recording's WAV. Raises MediaNotFound."""
        return _existing(self._path(sid, ".wav"))

    def pcm(self, sid: str) -> NDArray[np.int16]:
        """Return a recording's stored channels, int16 (channels, samples). Raises MediaNotFound,
        AudioFileError."""
        return read_wav(self.wav_path(sid)).pcm

    def encrypted_path(self, sid: str) -> Path:
        """Return the path of a recording's encrypted media. Raises MediaNotFound."""
        return _existing(self._path(sid, ".encrypted"))

    def document(self, sid: str) -> dict[str, Any]:
        """Return a recording's JSON document. Raises MediaNotFound."""
        return _read_json(_existing(self._path(sid, ".json")))

    def truth(self, sid: str) -> dict[str, Any]:
        """Return a recording's truth. Raises MediaNotFound."""
        return _read_json(_existing(self._path(sid, ".truth.json")))

    def reference_path(self, sid: str) -> Path:
        """Return the path of the audio that a recording's truth refers to. Raises MediaNotFound."""
        return _existing(self._reference(sid))

    def delete(self, sid: str) -> None:
        """Delete a recording's media and truth, but not its JSON document."""
        for suffix in self.deleted_suffixes:
            self._path(sid, suffix).unlink(missing_ok=True)
        self._reference(sid).unlink(missing_ok=True)
        self._forget_derived(sid)

    def forget(self, sid: str) -> None:
        """Delete all files of a recording."""
        self.delete(sid)
        self._path(sid, ".json").unlink(missing_ok=True)

    def derived(self, sid: str, form: str, make: Callable[[BinaryIO], None]) -> Path:
        """Return the path of a file derived from a recording's WAV, which ``make`` writes once.

        ``form`` names the derivation and ends the file's name: ``1ch.wav``, ``2ch.mp3``. No file
        is left if ``make`` raises.
        """
        path = self._cache / f"{check_recording_sid(sid)}.{form}"
        if not path.exists():
            with self._atomic(path) as file:
                make(file)
        return path

    @contextmanager
    def _atomic(self, path: Path) -> Iterator[BinaryIO]:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = _open_hidden(path)
        hidden = Path(file.name)
        try:
            with file:
                yield file
                if self._durable:
                    # Or the name may reach the disk before the data, and a power cut leave an
                    # empty file.
                    file.flush()
                    os.fsync(file.fileno())
            hidden.replace(path)
        except BaseException:
            hidden.unlink(missing_ok=True)
            raise

    def _write_json(self, path: Path, document: dict[str, Any]) -> None:
        text = indented_json(document, 2)
        with self._atomic(path) as file:
            file.write(text + b"\n")

    def _path(self, sid: str, suffix: str) -> Path:
        return self._recordings / (check_recording_sid(sid) + suffix)

    def _reference(self, sid: str) -> Path:
        return self.directory / "references" / (check_recording_sid(sid) + ".wav")

    def _forget_derived(self, sid: str) -> None:
        # A run repeated into the same folder has the same SIDs, but perhaps other media.
        for path in self._cache.glob(f"{sid}.*"):
            path.unlink(missing_ok=True)


def _open_hidden(path: Path) -> BinaryIO:
    """Open a new hidden file beside ``path``, with a name of its own for each writer."""
    number = 0
    while True:
        try:
            return path.with_name(f".{path.name}.{os.getpid()}-{number}.part").open("xb")
        except FileExistsError:
            number += 1


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise MediaNotFound(f"no {path.name} in {path.parent}")
    return path


def _read_json(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
