"""The media store: a folder with the recordings' files.

    DIR/recordings/RE….wav          the stored channels, 8 kHz 16-bit PCM
    DIR/recordings/RE….json         what the recording is, and its channel map
    DIR/recordings/RE….truth.json   what was really said, sample by sample
    DIR/references/RE….wav          the audio of what was said, which the truth points into
    DIR/cache/RE….<form>            mixed down or compressed on demand; may be deleted at any time

Rule kept: a file is under its name whole or not at all. It is written under a hidden name in the
same folder, forced to disk, and renamed. A process killed on the way leaves a hidden ``.part``
file, which nothing reads. Media is to be published before the JSON that calls it completed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.wav import read_wav, write_wav_to
from mediasim.exchange.dates import Dates
from mediasim.exchange.records import RecordingRecord, check_recording_sid

__all__ = ["MediaNotFound", "MediaStore", "RecordingDocument"]

RecordingDocument = Callable[[RecordingRecord, Dates], dict[str, Any]]
"""Makes the JSON that is published beside a recording's media."""


class MediaNotFound(LookupError):
    """The store has no such file."""


class MediaStore:
    """The files of one exchange's recordings, below ``directory``, which is made when needed.

    Every method raises ValueError for a ``sid`` that has not the form of a recording's: none can
    name a file outside the store.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._recordings = directory / "recordings"
        self._cache = directory / "cache"

    @contextmanager
    def publish_wav(self, sid: str) -> Iterator[BinaryIO]:
        """A file to write a recording's WAV to; it appears when the block ends without error."""
        with _atomic(self._path(sid, ".wav")) as file:
            yield file
        self._forget_derived(sid)

    def adopt_wav(self, sid: str, finished: Path) -> None:
        """Take a finished WAV over as a recording's media; ``finished`` is gone afterwards.

        It has to be on the store's file system (OSError otherwise), for it is renamed, not copied.
        """
        path = self._path(sid, ".wav")
        path.parent.mkdir(parents=True, exist_ok=True)
        with finished.open("rb") as file:
            os.fsync(file.fileno())
        finished.replace(path)
        self._forget_derived(sid)

    def publish_part(self, sid: str, finished: Path, start: int, end: int) -> None:
        """Write the samples start .. end of a finished WAV, which stays, as a recording's media."""
        kept = read_wav(finished).pcm[:, start:end]
        with self.publish_wav(sid) as file:
            write_wav_to(file, kept)

    def publish_document(self, sid: str, document: dict[str, Any]) -> None:
        """Write a recording's JSON, or write it anew."""
        _write_json(self._path(sid, ".json"), document)

    def publish_truth(self, sid: str, truth: dict[str, Any]) -> None:
        """Write a recording's truth, or write it anew."""
        _write_json(self._path(sid, ".truth.json"), truth)

    def publish_reference(self, sid: str, pcm: NDArray[np.int16]) -> None:
        """Write the audio (n,) that a recording's truth points into, or write it anew."""
        with _atomic(self._reference(sid)) as file:
            write_wav_to(file, pcm[np.newaxis])

    def sids(self) -> list[str]:
        """The recordings that have a JSON, in alphabetical order."""
        names = (path.name.removesuffix(".json") for path in self._recordings.glob("RE*.json"))
        return sorted(name for name in names if not name.endswith(".truth"))

    def wav_path(self, sid: str) -> Path:
        """Where a recording's WAV is. Raises MediaNotFound; so do the next two."""
        return _existing(self._path(sid, ".wav"))

    def document(self, sid: str) -> dict[str, Any]:
        """A recording's JSON."""
        return _read_json(_existing(self._path(sid, ".json")))

    def truth(self, sid: str) -> dict[str, Any]:
        """A recording's truth."""
        return _read_json(_existing(self._path(sid, ".truth.json")))

    def reference_path(self, sid: str) -> Path:
        """Where the audio is that a recording's truth points into. Raises MediaNotFound."""
        return _existing(self._reference(sid))

    def delete(self, sid: str) -> None:
        """A recording's media is gone, and its truth; its JSON stays."""
        for suffix in (".wav", ".truth.json"):
            self._path(sid, suffix).unlink(missing_ok=True)
        self._reference(sid).unlink(missing_ok=True)
        self._forget_derived(sid)

    def derived(self, sid: str, form: str, make: Callable[[BinaryIO], None]) -> Path:
        """A file derived from a recording's WAV, made by ``make`` unless it was made before.

        ``form`` names the derivation and ends the file's name: ``1ch.wav``, ``2ch.mp3``. Nothing
        is kept if ``make`` raises.
        """
        path = self._cache / f"{check_recording_sid(sid)}.{form}"
        if not path.exists():
            with _atomic(path) as file:
                make(file)
        return path

    def _path(self, sid: str, suffix: str) -> Path:
        return self._recordings / (check_recording_sid(sid) + suffix)

    def _reference(self, sid: str) -> Path:
        return self.directory / "references" / (check_recording_sid(sid) + ".wav")

    def _forget_derived(self, sid: str) -> None:
        # A run repeated into the same folder has the same SIDs, but perhaps other media.
        for path in self._cache.glob(f"{sid}.*"):
            path.unlink(missing_ok=True)


@contextmanager
def _atomic(path: Path) -> Iterator[BinaryIO]:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = _open_hidden(path)
    hidden = Path(file.name)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        hidden.replace(path)
    except BaseException:
        hidden.unlink(missing_ok=True)
        raise


def _open_hidden(path: Path) -> BinaryIO:
    """A new file beside ``path``, of a name no other writer has: two may write the same path."""
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


def _write_json(path: Path, document: dict[str, Any]) -> None:
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    with _atomic(path) as file:
        file.write(text.encode())


def _read_json(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
