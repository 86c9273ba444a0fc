"""A recording in a sandbox, with what lies beside it in the store, and as an app downloads it."""

from __future__ import annotations

import http.client
from base64 import b64encode
from pathlib import Path
from typing import Protocol
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from mediasim.audio.wav import read_wav
from mediasim.exchange.records import RecordingRecord
from mediasim.testing.source import Downloaded, Utterance
from mediasim.testing.truth_file import truth_of_document
from mediasim.truth.sidecar import RecordingTruth
from mediasim.twilio.download import Format
from mediasim.twilio.service import Service

__all__ = ["RecordingSandbox", "SandboxRecording"]


class RecordingSandbox(Protocol):
    """What a recording needs of a :class:`mediasim.testing.sandbox.MediasimSandbox`."""

    @property
    def base_url(self) -> str: ...
    @property
    def service(self) -> Service: ...
    @property
    def utterances(self) -> list[Utterance]: ...


class SandboxRecording:
    """A RecordingSource."""

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
        return truth_of_document(store.truth(sid), reference)

    def download(self, channels: int | None, format: Format) -> Downloaded:
        """Over HTTP, in whatever weather there is. ConnectionError if it breaks off."""
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

    def utterances(self) -> list[Utterance]:
        return self._sandbox.utterances
