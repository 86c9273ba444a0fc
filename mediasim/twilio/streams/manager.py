"""The account's media streams: started by TwiML or REST, told of, and ended with their calls.

Status callbacks: ``stream-started``, ``stream-stopped``, ``stream-error`` (Twilio docs, Stream).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from mediasim.exchange.events import CallEvent, Event, StreamEvent
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.states import CALL
from mediasim.net.stream_port import StreamPort
from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.errors import TwilioError, bad_parameter, not_found
from mediasim.twilio.requests import StreamRequest
from mediasim.twilio.streams.handshake import HANDSHAKE, NAMES, StreamFailed, target_of
from mediasim.twilio.streams.stream import MediaStream, StreamRecord
from mediasim.twilio.webhooks import AppRequest

__all__ = ["StreamManager"]

_MOST_KEPT: Final = 1000
"""Streams that are over; the oldest are forgotten."""


class StreamManager:
    """Every stream of the account, the oldest first."""

    def __init__(
        self,
        account: AccountParts,
        live_call: Callable[[str], LiveCall | None],
        port: StreamPort | None,
    ) -> None:
        """``live_call`` finds a call under way by its SID.

        ``port`` None: no stream can be opened, which is the app's error then.
        """
        self._account = account
        self._live_call = live_call
        self._port = port
        self._streams: dict[str, MediaStream] = {}
        account.exchange.events.on("event", self._happened)

    # -- asking -----------------------------------------------------------------------------

    def all(self) -> list[MediaStream]:
        return list(self._streams.values())

    def of_call(self, call_sid: str) -> list[MediaStream]:
        """Those of a call that are not over."""
        return [
            each
            for each in self._streams.values()
            if each.record.call_sid == call_sid and not each.ended.is_set()
        ]

    def find(self, call_sid: str, key: str) -> MediaStream:
        """One of a call, by SID or by name. Raises TwilioError (404) where there is none."""
        for each in reversed(self._streams.values()):
            if each.record.call_sid == call_sid and key in (each.record.sid, each.record.name):
                return each
        path = f"{self._account.account_path}/Calls/{call_sid}/Streams/{key}.json"
        raise not_found(path)

    def named(self, call_sid: str, name: str) -> MediaStream | None:
        """The one under way that a Stop means; without a name, the newest."""
        found = [each for each in self.of_call(call_sid) if not name or each.record.name == name]
        return found[-1] if found else None

    # -- commands ---------------------------------------------------------------------------

    def start(self, call_sid: str, ask: StreamRequest) -> StreamRecord:
        """POST /Calls/{sid}/Streams: a stream that goes to the app alone."""
        self._account.call_record(call_sid)
        call = self._live_call(call_sid)
        if call is None or not call.active:
            raise TwilioError(400, 21220, "Call is not in-progress. Cannot start a stream.")
        if ask.name is not None and self.named(call_sid, ask.name) is not None:
            raise bad_parameter(f"Stream name {ask.name} is already in use on call {call_sid}")
        return self.fork(call, ask).record

    def fork(self, call: LiveCall, ask: StreamRequest) -> MediaStream:
        """Begin a stream beside the call, and go on at once."""
        stream = self._new(call, ask, both_ways=False)
        self.spawn(self._open(stream))
        return stream

    async def connect(self, call: LiveCall, ask: StreamRequest) -> MediaStream:
        """Begin a stream both ways; returned when it is open, or has failed and so is over."""
        stream = self._new(call, ask, both_ways=True)
        await self._open(stream)
        return stream

    def stop(self, call_sid: str, key: str) -> StreamRecord:
        """POST /Calls/{sid}/Streams/{sid}. What is over stays as it is."""
        stream = self.find(call_sid, key)
        stream.stop()
        return stream.record

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._account.spawn(work)

    def _new(self, call: LiveCall, ask: StreamRequest, *, both_ways: bool) -> MediaStream:
        account = self._account
        record = StreamRecord(
            sid=account.new_sid("MZ"),
            account_sid=account.account.sid,
            call_sid=call.sid,
            name=ask.name,
            updated_ns=account.now_ns,
        )
        stream = MediaStream(self, call, ask, record, both_ways=both_ways)
        self._streams[record.sid] = stream
        over = [each for each in self._streams.values() if each.ended.is_set()]
        for each in over[: max(0, len(over) - _MOST_KEPT)]:
            del self._streams[each.record.sid]
        return stream

    async def _open(self, stream: MediaStream) -> None:
        account = self._account
        try:
            target = target_of(stream.ask.url, account.webhooks.guard, account.account.auth_token)
            if target.query:
                words = "a stream's URL has no query: it is left out; give values as Parameters"
                self.warn(stream, HANDSHAKE, words)
            if self._port is None:
                raise StreamFailed(HANDSHAKE, "nothing here can open a WebSocket")
            await stream.open(self._port, target)
        except StreamFailed as failed:
            stream.error = (failed.code, str(failed))
            self.failed(stream, failed)
            stream.stop()
        else:
            if stream.started_frame is not None:
                self._tell(stream, "started")

    # -- telling ----------------------------------------------------------------------------

    def failed(self, stream: MediaStream, failed: StreamFailed) -> None:
        """It broke, or never began."""
        words = f"{NAMES[failed.code]}: {failed}"
        self._account.notify(stream.record.call_sid, failed.code, words, stream.ask.url)
        self._tell(stream, "error", f"{failed.code} {words}")

    def warn(self, stream: MediaStream, code: int, words: str) -> None:
        """Something the app did that Twilio passes over."""
        self._account.notify(
            stream.record.call_sid,
            code,
            f"{NAMES[code]}: {words}",
            stream.ask.url,
            warning=True,
        )

    def stopped(self, stream: MediaStream) -> None:
        """It has ended, whatever the reason."""
        self._tell(stream, "stopped")

    def _tell(self, stream: MediaStream, word: str, error: str = "") -> None:
        account, record = self._account, stream.record
        account.exchange.events.emit(
            StreamEvent(
                at_ns=account.now_ns,
                kind=f"stream.{word}",
                text=f"stream {record.name or record.sid} {word}" + (f": {error}" if error else ""),
                call_sid=record.call_sid,
                stream_sid=record.sid,
            )
        )
        callback = stream.ask.callback
        if callback is None or not callback.url:
            return
        params = [
            ("AccountSid", record.account_sid),
            ("CallSid", record.call_sid),
            ("StreamSid", record.sid),
            ("StreamName", record.name or record.sid),
            ("StreamEvent", f"stream-{word}"),
            ("Timestamp", account.dates.at(account.now_ns).isoformat().replace("+00:00", "Z")),
        ]
        if error:
            params.append(("StreamError", error))
        request = AppRequest(
            callback.url, callback.method, tuple(params), "stream-status", record.call_sid
        )
        account.webhooks.notify(request, lane=record.sid)

    def _happened(self, event: Event) -> None:
        if not isinstance(event, CallEvent):
            return
        word = event.kind.removeprefix("call.")
        if word in CALL.moves and CALL.is_final(word):
            for stream in self.of_call(event.call_sid):
                stream.stop()
