"""A relay to a scenario's app: its voices, its files, and what is reported of it.

Files are fetched from this machine alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.wav import AudioFileError
from mediasim.exchange.live_call import LiveCall
from mediasim.parties.voices.clip import Utterance
from mediasim.recogniser.live import real_ear
from mediasim.recogniser.settings import RecogniserSettings
from mediasim.twilio.relay.attributes import RelayRequest
from mediasim.twilio.relay.records import NAMES, PlayFailed, RelayRecord
from mediasim.twilio.relay.session import RelaySession
from mediasim.twilio.studio import Studio
from mediasim.twilio.webhooks import HostGuard

__all__ = ["AppRelay"]

_SECONDS_TO_FETCH: Final = 10
_MOST_BYTES: Final = 16 * 1024 * 1024

Spawn = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]
Report = Callable[[str, str], None]
"""Called with what happens on a relay, a word and more in words."""


class AppRelay:
    """The owner of the relay of one call."""

    def __init__(self, name: str, studio: Studio, spawn: Spawn, report: Report) -> None:
        self.warnings: list[str] = []
        self._name = name
        self._studio = studio
        self._spawn = spawn
        self._report = report

    def session(
        self, call: LiveCall, request: RelayRequest, recogniser: RecogniserSettings
    ) -> RelaySession:
        """Return a relay of a call, which is not open yet."""
        exchange = call.exchange
        record = RelayRecord(
            sid=exchange.sids.new("VX"),
            account_sid=exchange.account_sid,
            call_sid=call.sid,
            updated_ns=exchange.now_ns,
        )
        ear = real_ear(self._studio.apart)
        return RelaySession(self, call, request, record, recogniser, ear)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a task beside the call."""
        return self._spawn(work)

    async def utter(self, text: str, voice: str, language: str) -> Utterance:
        """Return speech. Raises UnspeakableText, and ValueError for a language without a voice."""
        return await self._studio.utter(text, voice, language)

    async def fetch(self, record: RelayRecord, url: str) -> NDArray[np.int16]:
        """Fetch and decode a file. Raises PlayFailed."""
        try:
            data = await self._studio.apart(lambda: _fetched(url))
            pcm, _ = await self._studio.decode(data)
        except AudioFileError as error:
            raise PlayFailed(f"cannot be played: {error}") from None
        return pcm

    def failed(self, record: RelayRecord, code: int, words: str) -> None:
        """Note that the relay broke, could not be opened, or was sent a wrong message."""
        self.warn(record, code, words)
        self._report("error", f": {code} {NAMES[code]}: {words}")

    def warn(self, record: RelayRecord, code: int, words: str) -> None:
        """Note something of the app that has no effect."""
        self.warnings.append(f"call {self._name}: {code} {NAMES[code]}: {words}")

    def happened(self, record: RelayRecord, word: str, text: str) -> None:
        """Report what happens on the relay."""
        self._report(word, text)


def _fetched(url: str) -> bytes:
    """Return the content of a URL on this machine. Raises PlayFailed."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise PlayFailed("cannot be fetched: expected a URL of http:// or https://")
    if (refusal := HostGuard().refusal(parts.hostname or "")) is not None:
        raise PlayFailed(f"cannot be fetched: {refusal}")
    try:
        with urlopen(url, timeout=_SECONDS_TO_FETCH) as response:
            content: bytes = response.read(_MOST_BYTES)
            return content
    except (URLError, OSError, ValueError) as error:
        raise PlayFailed(f"cannot be fetched: {error}") from None
