"""The relays of an account: started by TwiML, and ended with their calls."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.wav import AudioFileError
from mediasim.exchange.live_call import LiveCall
from mediasim.net.stream_port import StreamPort
from mediasim.parties.voices.clip import Utterance
from mediasim.recogniser.live import real_ear
from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.relay.attributes import RelayRequest
from mediasim.twilio.relay.records import NAMES, UNREACHABLE, PlayFailed, RelayRecord
from mediasim.twilio.relay.session import RelaySession
from mediasim.twilio.started import emit_event
from mediasim.twilio.streams import MediaStream, StreamManager
from mediasim.twilio.streams.handshake import StreamFailed, target_of
from mediasim.twilio.studio import Studio
from mediasim.twilio.webhooks import AppFailure, AppRequest, Delivery

__all__ = ["RelayManager"]

_MOST_KEPT: Final = 1000
"""Most ended relays that are kept, the newest."""
_INVALID_MEDIA: Final = 12300


class RelayManager:
    """All relays of the account, oldest first."""

    def __init__(
        self,
        account: AccountParts,
        studio: Studio,
        port: StreamPort | None,
        streams: StreamManager,
    ) -> None:
        """``port`` opens connections; with None every relay fails. ``streams`` are those of the
        same account."""
        self._account = account
        self._streams = streams
        self._studio = studio
        self._port = port
        self._sessions: dict[str, RelaySession] = {}

    def all(self) -> list[RelaySession]:
        """Return all relays, active and ended."""
        return list(self._sessions.values())

    def with_streams(self) -> list[MediaStream | RelaySession]:
        """Return all media streams and relays, active and ended."""
        return [*self._streams.all(), *self.all()]

    async def connect(self, call: LiveCall, request: RelayRequest) -> RelaySession:
        """Start a relay, and return it once it is open or has failed."""
        account = self._account
        record = RelayRecord(
            sid=account.new_sid("VX"),
            account_sid=call.record.account_sid,
            call_sid=call.sid,
            updated_ns=account.now_ns,
        )
        recogniser = account.recognisers.of(call)
        ear = real_ear(self._studio.apart)
        session = RelaySession(self, call, request, record, recogniser, ear)
        self._sessions[record.sid] = session
        over = [each for each in self._sessions.values() if each.ended.is_set()]
        for each in over[: max(0, len(over) - _MOST_KEPT)]:
            del self._sessions[each.record.sid]
        await self._open(session)
        return session

    async def _open(self, session: RelaySession) -> None:
        account, record = self._account, session.record
        try:
            token = account.token_of(record.account_sid) or account.account.auth_token
            guard = account.webhooks.guard
            target = target_of(session.request.url, guard, token, keep_query=True)
            if self._port is None:
                raise StreamFailed(UNREACHABLE, "nothing here can open a WebSocket")
            await session.open(self._port, target)
        except StreamFailed as failed:
            session.fail(UNREACHABLE, str(failed))

    # -- as the owner of relays -------------------------------------------------------------

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a task beside the call."""
        return self._account.spawn(work)

    async def utter(self, text: str, voice: str, language: str) -> Utterance:
        """Return speech. Raises UnspeakableText, and ValueError for a language without a voice."""
        return await self._studio.utter(text, voice, language)

    async def fetch(self, record: RelayRecord, url: str) -> NDArray[np.int16]:
        """Fetch and decode a file. Raises PlayFailed, after a notification."""
        account = self._account
        request = AppRequest(url, "GET", (), "media", record.call_sid, record.account_sid)
        notify = partial(account.notify, record.call_sid)
        delivery: Delivery | None = None
        try:
            response = await account.webhooks.fetch(request)
            delivery = response.delivery
            pcm, _ = await self._studio.decode(response.body)
        except AppFailure as failure:
            notify(failure.code, failure.message, url, delivery=failure.delivery)
            raise PlayFailed(f"cannot be fetched: {failure.message}") from None
        except AudioFileError as error:
            notify(_INVALID_MEDIA, f"cannot be played: {error}", url, delivery=delivery)
            raise PlayFailed(f"cannot be played: {error}") from None
        return pcm

    def failed(self, record: RelayRecord, code: int, words: str) -> None:
        """Add a notification: a relay broke, could not be opened, or was sent a wrong message."""
        self._notify(record, code, words)
        self._emit(record, "error", f": {code} {words}")

    def warn(self, record: RelayRecord, code: int, words: str) -> None:
        """Add a warning about something of the app that has no effect."""
        self._notify(record, code, words, warning=True)

    def happened(self, record: RelayRecord, word: str, text: str) -> None:
        """Emit what happens on a relay."""
        self._emit(record, word, text)

    def _notify(self, record: RelayRecord, code: int, words: str, *, warning: bool = False) -> None:
        session = self._sessions.get(record.sid)
        url = "" if session is None else session.request.url
        text = f"{NAMES[code]}: {words}"
        self._account.notify(record.call_sid, code, text, url, warning=warning)

    def _emit(self, record: RelayRecord, word: str, text: str) -> None:
        emit_event(self._account, record, f"relay.{word}", f"relay {record.sid} {word}{text}")
