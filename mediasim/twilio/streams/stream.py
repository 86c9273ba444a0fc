"""A media stream of a call: its WebSocket, its messages and its resource.

Each frame of its tracks is sent once it was processed, 20 ms in a message. Messages of the app
take effect in the next frame. While a stream is open its room is processed frame by frame, so
that no effect precedes its cause.

The resource follows the API description 2010-04-01.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_MS, FRAME_NS, FRAME_SAMPLES, SAMPLE_RATE
from mediasim.audio.g711 import ulaw_encode
from mediasim.conversation.app_figures import DEAD_AIR_MS, Figures, Meter
from mediasim.exchange import lifecycle
from mediasim.exchange.dates import Dates
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.states import STREAM, StreamStatus
from mediasim.exchange.waiting import NOTICE_FRAMES, listen_for_keys, notice
from mediasim.media.recorder import Track
from mediasim.net.stream_port import StreamEnd, StreamPort, StreamRefused, StreamSocket
from mediasim.twilio.representations import account_path, rfc2822
from mediasim.twilio.requests import StreamRequest, StreamTrack
from mediasim.twilio.streams.frame_listener import FrameListener
from mediasim.twilio.streams.handshake import StreamCode, StreamFailed, StreamTarget
from mediasim.twilio.streams.messages import (
    CONNECTED,
    AppMark,
    AppMedia,
    BadStreamMessage,
    Messages,
    read,
)
from mediasim.twilio.streams.playback import Playback

__all__ = ["MediaStream", "StreamOwner", "StreamRecord"]

_TRACKS: Final[dict[StreamTrack, tuple[str, ...]]] = {
    "inbound_track": ("inbound",),
    "outbound_track": ("outbound",),
    "both_tracks": ("inbound", "outbound"),
}
_REFUSALS: Final = {
    "timeout": StreamCode.TIMEOUT,
    "refused": StreamCode.REFUSED,
    "handshake": StreamCode.HANDSHAKE,
}
_ENDS: Final = {
    "closed": StreamCode.CLOSED,
    "protocol": StreamCode.PROTOCOL,
    "broken": StreamCode.BROKEN,
}
_MEANT: Final = (1000, 1001, 1005)
"""Close codes by which an app ends a stream on purpose."""
_MOST_LOGGED: Final = 1000


@dataclass(frozen=True, slots=True)
class _Logged:
    frame: int
    kind: str
    text: str


class StreamOwner(Protocol):
    """Owns streams, and gets reports of them."""

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a task beside the call."""

    def failed(self, stream: MediaStream, failed: StreamFailed) -> None:
        """Report that a stream broke, or could not be opened."""

    def warn(self, stream: MediaStream, code: int, words: str) -> None:
        """Report a message of the app that is ignored."""

    def stopped(self, stream: MediaStream) -> None:
        """Report that a stream which had started has ended; called once."""


@dataclass(slots=True)
class StreamRecord:
    """A stream of a call, active or ended."""

    LIFECYCLE: ClassVar = STREAM

    sid: str
    account_sid: str
    call_sid: str
    name: str | None
    updated_ns: int
    status: StreamStatus = "in-progress"

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        path = f"{account_path(self.account_sid)}/Calls/{self.call_sid}"
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "call_sid": self.call_sid,
            "name": self.name,
            "status": self.status,
            "date_updated": rfc2822(dates, self.updated_ns),
            "uri": f"{path}/Streams/{self.sid}.json",
        }


class MediaStream:
    """A stream, from its request to its end; kept afterwards for its measurements."""

    def __init__(
        self,
        owner: StreamOwner,
        call: LiveCall,
        request: StreamRequest,
        record: StreamRecord,
        *,
        both_ways: bool,
    ) -> None:
        self.call = call
        self.request = request
        self.record = record
        self.both_ways = both_ways
        """Whether the app may send audio, as on a Connect's stream."""
        self.ended = asyncio.Event()
        self.requested_ns = record.updated_ns
        self.target: StreamTarget | None = None
        self.started_frame: int | None = None
        self.ended_frame: int | None = None
        self.error: tuple[int, str] | None = None
        self.received = 0
        """Number of messages from the app, wrong ones included."""
        self.log: deque[_Logged] = deque(maxlen=_MOST_LOGGED)
        """Marks, clears, keys and wrong messages, newest last."""
        self._owner = owner
        self._messages = Messages(record.sid, record.account_sid, record.call_sid)
        self._meter = Meter()
        self._socket: StreamSocket | None = None
        self._playback: Playback | None = None
        self._listeners: list[FrameListener] = []
        self._keys: asyncio.Task[None] | None = None
        self._warned: set[int] = set()

    @property
    def forked(self) -> int:
        """Number of tracks that are forked; a bidirectional stream forks none."""
        return 0 if self.both_ways else len(_TRACKS[self.request.track])

    # -- life -------------------------------------------------------------------------------

    async def open(self, port: StreamPort, target: StreamTarget) -> None:
        """Connect and start. Raises StreamFailed if the connection is refused or fails."""
        self.target = target
        try:
            socket = await port.connect(target.url, target.headers, self)
        except StreamRefused as refused:
            raise StreamFailed(_REFUSALS[refused.why], str(refused)) from None
        # Stream or call may have ended while the connection was opened.
        if self.ended.is_set() or not self.call.active:
            socket.close()
            self.stop()
            return
        self._socket = socket
        self._begin(socket)

    def _begin(self, socket: StreamSocket) -> None:
        tracks = _TRACKS[self.request.track]
        room, leg = self.call.room, self.call.leg
        socket.send(CONNECTED)
        socket.send(self._messages.start(tracks, self.request.parameters))
        for track in (Track.INBOUND, Track.OUTBOUND):
            heard = partial(self.heard, track, sends=track.value in tracks)
            room.listen(leg, track, listener := FrameListener(heard))
            self._listeners.append(listener)
        self.started_frame = room.frame
        if self.both_ways:
            self._playback = Playback(room, leg, f"stream {self.record.name or self.record.sid}")
            self._keys = self._owner.spawn(self._send_keys())

    def stop(self) -> None:
        """Send ``stop``, close the connection and end the stream."""
        if self.ended.is_set():
            return
        socket = self._socket
        if socket is not None:
            socket.send(self._messages.stop())
            socket.close()
        self._finish()

    def _finish(self) -> None:
        call = self.call
        self._socket = None
        if call.active:
            for listener in self._listeners:
                call.room.stop_listening(call.leg, listener)
        if self._playback is not None:
            self._playback.end(leg_is_up=call.active)
        if self._keys is not None:
            self._keys.cancel()
        self.ended_frame = call.room.frame
        self.ended.set()
        lifecycle.move(self.record, "stopped", call.exchange.now_ns, self._report_stopped)

    def _report_stopped(self, word: str) -> None:
        if self.started_frame is not None:
            self._owner.stopped(self)

    # -- to the app -------------------------------------------------------------------------

    def heard(self, track: Track, first_frame: int, pcm: NDArray[np.int16], *, sends: bool) -> None:
        """Process the next frames of a track, ``pcm`` (samples,): send and measure them."""
        self._meter.hear(track, pcm)
        socket = self._socket
        if socket is None or self.started_frame is None:
            return
        if sends:
            codes = ulaw_encode(pcm).tobytes()
            since_ms = (first_frame - self.started_frame) * FRAME_MS
            for at in range(0, len(codes), FRAME_SAMPLES):
                text = self._messages.media(track.value, since_ms, codes[at : at + FRAME_SAMPLES])
                socket.send(text, audio=True)
                since_ms += FRAME_MS
        if self._playback is not None and track is Track.INBOUND:
            self._send_marks(self._playback.reached(first_frame + len(pcm) // FRAME_SAMPLES))

    def _send_marks(self, names: list[str]) -> None:
        for name in names:
            self._note("mark-reached", name)
            if self._socket is not None:
                self._socket.send(self._messages.mark(name))

    async def _send_keys(self) -> None:
        """Send each key that the party presses, once the server has noticed it."""
        with listen_for_keys(self.call, together=NOTICE_FRAMES - 1) as keys:
            while self._socket is not None:
                frame, digit = await keys.get()
                await notice(self.call, frame)
                self._note("dtmf", digit)
                if self._socket is not None:
                    self._socket.send(self._messages.dtmf(digit))

    # -- from the app -----------------------------------------------------------------------

    def message(self, data: str | bytes) -> None:
        """Process a message of the app; a wrong one adds a warning, once of each code."""
        if self._socket is None:
            return
        self.received += 1
        try:
            message = read(data, self.record.sid)
            if self._playback is None:
                words = "the app sent a message on a Start's stream, which goes one way alone"
                raise BadStreamMessage(StreamCode.INVALID_MESSAGE, words)
        except BadStreamMessage as bad:
            self._warn(bad.code, str(bad))
            return
        if isinstance(message, AppMedia):
            if not self._playback.play(message.codes):
                self._warn(
                    StreamCode.OVERFLOW,
                    "the app sent far more audio than can be played: it is left out",
                )
        elif isinstance(message, AppMark):
            self._note("mark", message.name)
            if self._playback.mark(message.name):
                self._send_marks([message.name])
        else:
            self._note("clear", "")
            self._send_marks(self._playback.clear())

    def closed(self, end: StreamEnd, code: int, words: str) -> None:
        """End the stream because its connection has ended."""
        if self.ended.is_set():
            return
        self._socket = None
        if not (self.both_ways and end == "closed" and code in _MEANT):
            self.error = (_ENDS[end], f"{words} (close code {code})")
            self._owner.failed(self, StreamFailed(*self.error))
        self._finish()

    def congested(self) -> None:
        """Report that audio to the app was dropped, because it reads too slowly."""
        self._warn(StreamCode.OVERFLOW, "the app takes in less than it is sent: audio was left out")

    def _warn(self, code: int, words: str) -> None:
        self._note("wrong", words)
        if code not in self._warned:
            self._warned.add(code)
            self._owner.warn(self, code, words)

    # -- reporting --------------------------------------------------------------------------

    def _note(self, kind: str, text: str) -> None:
        self.log.append(_Logged(self.call.room.frame, kind, text))

    def figures(self, *, dead_air_ms: int = DEAD_AIR_MS) -> Figures:
        """Return measurements of the conversation since the stream's start."""
        return self._meter.figures(dead_air_ms=dead_air_ms)

    def to_json(self) -> dict[str, Any]:
        """Return the stream with its log and figures; times in seconds of the loop."""
        playback = self._playback
        return {
            "kind": "stream",
            "sid": self.record.sid,
            "call_sid": self.record.call_sid,
            "name": self.record.name,
            "status": self.record.status,
            "direction": "both" if self.both_ways else "to-app",
            "url": self.target.url if self.target is not None else self.request.url,
            "track": self.request.track,
            "parameters": dict(self.request.parameters),
            "started": _seconds(self.started_frame),
            "ended": _seconds(self.ended_frame),
            "error": None if self.error is None else {"code": self.error[0], "text": self.error[1]},
            "messages_sent": self._messages.sent,
            "messages_received": self.received,
            "audio_received_seconds": (
                playback.received_samples / SAMPLE_RATE if playback is not None else 0.0
            ),
            "log": [
                {"at": _seconds(each.frame), "kind": each.kind, "text": each.text}
                for each in self.log
            ],
            "figures": self.figures().to_json(),
        }


def _seconds(frame: int | None) -> float | None:
    return None if frame is None else frame * FRAME_NS / 1e9
