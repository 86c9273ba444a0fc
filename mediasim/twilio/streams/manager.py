"""The media streams of an account: started by TwiML or REST, and ended with their calls.

Status callbacks: ``stream-started``, ``stream-stopped``, ``stream-error`` (Twilio docs, Stream).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from mediasim.exchange.events import CallEvent, Event
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.states import CALL
from mediasim.net.stream_port import StreamPort
from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.errors import bad_parameter, not_found, not_in_progress
from mediasim.twilio.representations import timestamp
from mediasim.twilio.requests import StreamRequest
from mediasim.twilio.started import emit_event
from mediasim.twilio.streams.handshake import NAMES, StreamCode, StreamFailed, target_of
from mediasim.twilio.streams.stream import MediaStream, StreamRecord

__all__ = ["StreamManager"]

_MOST_KEPT: Final = 1000
"""Most ended streams that are kept, the newest."""


class StreamManager:
    """All streams of the account, oldest first."""

    def __init__(
        self,
        account: AccountParts,
        live_call: Callable[[str], LiveCall | None],
        port: StreamPort | None,
    ) -> None:
        """Manage the streams of an account.

        ``live_call`` finds an active call by its SID. ``port`` opens connections; with None every
        stream fails.
        """
        self._account = account
        self._live_call = live_call
        self._port = port
        self._streams: dict[str, MediaStream] = {}
        account.exchange.events.on("event", self._on_event)

    # -- finding ----------------------------------------------------------------------------

    def all(self) -> list[MediaStream]:
        return list(self._streams.values())

    def of_call(self, call_sid: str) -> list[MediaStream]:
        """Return the active streams of a call."""
        return [
            each
            for each in self._streams.values()
            if each.record.call_sid == call_sid and not each.ended.is_set()
        ]

    def find(self, call_sid: str, key: str) -> MediaStream:
        """Find a call's stream by SID or name. Raises TwilioError (404) if there is none."""
        for each in reversed(self._streams.values()):
            if each.record.call_sid == call_sid and key in (each.record.sid, each.record.name):
                return each
        path = f"{self._account.account_path}/Calls/{call_sid}/Streams/{key}.json"
        raise not_found(path)

    def named(self, call_sid: str, name: str) -> MediaStream | None:
        """Return a call's active stream of a name, without a name the newest; None if none."""
        found = [each for each in self.of_call(call_sid) if not name or each.record.name == name]
        return found[-1] if found else None

    # -- commands ---------------------------------------------------------------------------

    def start(self, call_sid: str, request: StreamRequest) -> StreamRecord:
        """Start a stream to the app alone: POST /Calls/{sid}/Streams.

        Raises TwilioError if the call is not active, or the name is in use.
        """
        self._account.call_record(call_sid)
        call = self._live_call(call_sid)
        if call is None or not call.active:
            raise not_in_progress("Call is not in-progress. Cannot start a stream.")
        if request.name is not None and self.named(call_sid, request.name) is not None:
            raise bad_parameter(f"Stream name {request.name} is already in use on call {call_sid}")
        return self.fork(call, request).record

    def fork(self, call: LiveCall, request: StreamRequest) -> MediaStream:
        """Start a stream to the app alone, and return at once."""
        stream = self._new(call, request, both_ways=False)
        self.spawn(self._open(stream))
        return stream

    async def connect(self, call: LiveCall, request: StreamRequest) -> MediaStream:
        """Start a bidirectional stream, and return it once it is open or has failed."""
        stream = self._new(call, request, both_ways=True)
        await self._open(stream)
        return stream

    def stop(self, call_sid: str, key: str) -> StreamRecord:
        """Stop a stream: POST /Calls/{sid}/Streams/{sid}. Raises TwilioError (404) if none."""
        stream = self.find(call_sid, key)
        stream.stop()
        return stream.record

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._account.spawn(work)

    def _new(self, call: LiveCall, request: StreamRequest, *, both_ways: bool) -> MediaStream:
        account = self._account
        record = StreamRecord(
            sid=account.new_sid("MZ"),
            account_sid=call.record.account_sid,
            call_sid=call.sid,
            name=request.name,
            updated_ns=account.now_ns,
        )
        stream = MediaStream(self, call, request, record, both_ways=both_ways)
        self._streams[record.sid] = stream
        over = [each for each in self._streams.values() if each.ended.is_set()]
        for each in over[: max(0, len(over) - _MOST_KEPT)]:
            del self._streams[each.record.sid]
        return stream

    async def _open(self, stream: MediaStream) -> None:
        account = self._account
        try:
            token = account.token_of(stream.record.account_sid) or account.account.auth_token
            target = target_of(stream.request.url, account.webhooks.guard, token)
            if target.query:
                words = "a stream's URL has no query: it is left out; give values as Parameters"
                self.warn(stream, StreamCode.HANDSHAKE, words)
            if self._port is None:
                raise StreamFailed(StreamCode.HANDSHAKE, "nothing here can open a WebSocket")
            await stream.open(self._port, target)
        except StreamFailed as failed:
            stream.error = (failed.code, str(failed))
            self.failed(stream, failed)
            stream.stop()
        else:
            if stream.started_frame is not None:
                self._report(stream, "started")

    # -- reporting --------------------------------------------------------------------------

    def failed(self, stream: MediaStream, failed: StreamFailed) -> None:
        """Report that a stream broke, or could not be opened."""
        words = f"{NAMES[failed.code]}: {failed}"
        self._account.notify(stream.record.call_sid, failed.code, words, stream.request.url)
        self._report(stream, "error", f"{failed.code} {words}")

    def warn(self, stream: MediaStream, code: int, words: str) -> None:
        """Add a warning about a message of the app that is ignored."""
        words = f"{NAMES[code]}: {words}"
        url = stream.request.url
        self._account.notify(stream.record.call_sid, int(code), words, url, warning=True)

    def stopped(self, stream: MediaStream) -> None:
        """Report that a stream has ended."""
        self._report(stream, "stopped")

    def _report(self, stream: MediaStream, word: str, error: str = "") -> None:
        account, record = self._account, stream.record
        text = f"stream {record.name or record.sid} {word}" + (f": {error}" if error else "")
        emit_event(account, record, f"stream.{word}", text)
        callback = stream.request.callback
        if callback is None or not callback.url:
            return
        if callback.events and f"stream-{word}" not in callback.events:
            return
        params = [
            ("AccountSid", record.account_sid),
            ("CallSid", record.call_sid),
            ("StreamSid", record.sid),
            ("StreamName", record.name or record.sid),
            ("StreamEvent", f"stream-{word}"),
            ("Timestamp", timestamp(account.dates, account.now_ns)),
        ]
        if error:
            params.append(("StreamError", error))
        account.send_callback(callback, params, "stream-status", record.call_sid, lane=record.sid)

    def _on_event(self, event: Event) -> None:
        if not isinstance(event, CallEvent):
            return
        word = event.kind.removeprefix("call.")
        if word in CALL.moves and CALL.is_final(word):
            for stream in self.of_call(event.call_sid):
                stream.stop()
