"""Where a recording under test comes from: a simulated run, or a sandbox."""

from __future__ import annotations

import http.client
from base64 import b64encode
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.wav import read_wav
from mediasim.exchange.records import RecordingRecord
from mediasim.scenario.expectations.forbidden_audio import SpokenUtterance
from mediasim.truth.documents import RecordingTruth
from mediasim.twilio.download import Format

if TYPE_CHECKING:
    from mediasim.twilio.account import Account

__all__ = [
    "Downloaded",
    "RecordingSandbox",
    "RecordingSource",
    "SandboxRecording",
]


@dataclass(frozen=True)
class Downloaded:
    """The response to a download."""

    status: int
    content: bytes
    """The file; with another status than 200, the body of the refusal."""
    format: Format

    @cached_property
    def pcm(self) -> NDArray[np.int16]:
        """The decoded channels, int16 (channels, samples)."""
        from mediasim.audio.files import decode_audio

        return decode_audio(self.content)[1]

    @property
    def channels(self) -> int:
        """Number of channels in the file; 0 without a file."""
        return int(self.pcm.shape[0]) if self.status == 200 else 0


class RecordingSource(Protocol):
    """A recording, where it was made."""

    name: str

    @property
    def record(self) -> RecordingRecord: ...
    def path(self) -> Path:
        """Return the path of the WAV file. Raises MediaNotFound."""

    def truth(self) -> RecordingTruth:
        """Return the truth of a completed recording. Raises MediaNotFound."""

    def download(self, channels: int | None, format: Format) -> Downloaded:
        """Download the recording as an app does."""

    def utterances(self) -> list[SpokenUtterance]:
        """Return all utterances of all calls."""


# -- a sandbox -----------------------------------------------------------------------------------


class RecordingSandbox(Protocol):
    """The part of :class:`mediasim.testing.sandbox.MediasimSandbox` that a recording uses."""

    @property
    def base_url(self) -> str: ...
    @property
    def service(self) -> Account: ...
    @property
    def utterances(self) -> list[SpokenUtterance]: ...


class SandboxRecording:
    """A recording in a sandbox: its files in the store, and its download over HTTP."""

    def __init__(self, name: str, record: RecordingRecord, sandbox: RecordingSandbox) -> None:
        self.name = name
        self._record = record
        self._sandbox = sandbox

    @property
    def record(self) -> RecordingRecord:
        return self._record

    def path(self) -> Path:
        return self._sandbox.service.store.wav_path(self._record.sid)

    def truth(self) -> RecordingTruth:
        store, sid = self._sandbox.service.store, self._record.sid
        reference = read_wav(store.reference_path(sid)).pcm[0]
        return RecordingTruth.of_json(store.truth(sid), reference)

    def download(self, channels: int | None, format: Format) -> Downloaded:
        """Download over HTTP, with the faults injected there.

        Raises ConnectionError if the download breaks off.
        """
        service = self._sandbox.service
        account, path = service.account, f"{service.account_path}/Recordings/{self._record.sid}"
        query = "" if channels is None else f"?RequestedChannels={channels}"
        request = Request(f"{self._sandbox.base_url}{path}.{format}{query}")
        credentials = f"{account.sid}:{account.auth_token}".encode()
        request.add_header("Authorization", f"Basic {b64encode(credentials).decode()}")
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=60) as answer:
                return Downloaded(answer.status, answer.read(), format)
        except HTTPError as error:
            with error:
                return Downloaded(error.code, error.read(), format)
        except http.client.IncompleteRead as error:
            words = f"the download broke off after {len(error.partial):,} bytes"
            raise ConnectionError(words) from None

    def utterances(self) -> list[SpokenUtterance]:
        return self._sandbox.utterances
