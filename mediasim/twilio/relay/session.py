"""A relay of a call: what its app is told, and what is made of what the app says.

While it is open, the call is processed frame by frame, and a virtual clock stands still after each
frame until the app has had its chance to speak, as for media streams.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import asdict
from functools import partial
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, NS_PER_SECOND, SAMPLE_RATE
from mediasim.conversation.app_figures import DEAD_AIR_MS, Figures, Meter
from mediasim.exchange import lifecycle
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.waiting import NOTICE_FRAMES, listen_for_keys, notice
from mediasim.media.recorder import Track
from mediasim.net.stream_port import StreamEnd, StreamPort, StreamRefused, StreamSocket
from mediasim.parties.voices.clip import Utterance
from mediasim.recogniser.live import END_OF_UTTERANCE_NS, LiveRecogniser, LiveResult, RealEar
from mediasim.recogniser.settings import RecogniserSettings
from mediasim.twilio.relay import messages
from mediasim.twilio.relay.attributes import RelayRequest
from mediasim.twilio.relay.messages import AppText, BadRelayMessage, read
from mediasim.twilio.relay.records import (
    CLOSED,
    INVALID_MESSAGE,
    UNREACHABLE,
    RelayInterrupt,
    RelayLogged,
    RelayOwner,
    RelayPrompt,
    RelayRecord,
    SessionStatus,
    seconds_of,
)
from mediasim.twilio.relay.speech import RelaySpeech
from mediasim.twilio.relay.voice import AppVoice
from mediasim.twilio.streams.frame_listener import FrameListener
from mediasim.twilio.streams.handshake import StreamFailed, StreamTarget
from mediasim.twilio.streams.playback import Playback

__all__ = ["RelaySession"]

_MEANT: Final = (1000, 1001, 1005)
"""Close codes by which an app ends a relay on purpose."""
_INVALID_PAYLOAD: Final = 1007
_MOST_WRONG: Final = 10
"""Wrong messages in a row that end a relay."""
_MOST_LOGGED: Final = 1000
_LONGEST_LOGGED: Final = 300
"""Characters of a text in the log."""


class RelaySession:
    """One relay of a call to an app."""

    both_ways: Final = True

    def __init__(
        self,
        owner: RelayOwner,
        call: LiveCall,
        request: RelayRequest,
        record: RelayRecord,
        recogniser: RecogniserSettings,
        ear: RealEar | None = None,
    ) -> None:
        """``recogniser`` hears the caller; ``ear`` hears a real one, if the settings say so."""
        self.call = call
        self.request = request
        self.record = record
        self.ended = asyncio.Event()
        self.requested_ns = record.updated_ns
        self.target: StreamTarget | None = None
        self.started_frame: int | None = None
        self.ended_frame: int | None = None
        self.error: tuple[int, str] | None = None
        self.status: SessionStatus = "in-progress"
        self.handoff_data: str | None = None
        self.sent = 0
        self.received = 0
        """Numbers of messages to the app, and from it, wrong ones included."""
        self.prompts: list[RelayPrompt] = []
        self.interrupts: list[RelayInterrupt] = []
        self.log: deque[RelayLogged] = deque(maxlen=_MOST_LOGGED)
        self._owner = owner
        self._settings = recogniser
        self._ear = ear
        self._meter = Meter()
        self._socket: StreamSocket | None = None
        self._voice: AppVoice | None = None
        self._recogniser: LiveRecogniser | None = None
        self._listeners: list[FrameListener] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._wrong = 0
        """Number of wrong messages in a row."""
        self._told: dict[int, bool] = {}
        """Whether the app is told of an utterance, by the frame in which it began."""

    # -- life -------------------------------------------------------------------------------

    async def open(self, port: StreamPort, target: StreamTarget) -> None:
        """Connect and start. Raises StreamFailed if the connection is refused or fails."""
        self.target = target
        try:
            socket = await port.connect(target.url, target.headers, self)
        except StreamRefused as refused:
            raise StreamFailed(UNREACHABLE, str(refused)) from None
        # Relay or call may have ended while the connection was opened.
        if self.ended.is_set() or not self.call.active:
            socket.close()
            self.stop()
            return
        self._socket = socket
        self._begin()

    def _begin(self) -> None:
        call, request, spawn = self.call, self.request, self._owner.spawn
        self._send(messages.setup(self.record.sid, call.record, request.parameters))
        for track in (Track.INBOUND, Track.OUTBOUND):
            listener = FrameListener(partial(self._hear, track))
            call.room.listen(call.leg, track, listener)
            self._listeners.append(listener)
        self.started_frame = call.room.frame
        playback = Playback(call.room, call.leg, f"relay {self.record.sid}")
        self._voice = voice = AppVoice(self, RelaySpeech(playback))
        self._recogniser = LiveRecogniser(
            call,
            Track.INBOUND,
            self._settings,
            self._prompt,
            language=request.transcription_language,
            end_of_utterance_ns=request.speech_timeout_ns or END_OF_UTTERANCE_NS,
            partials=request.partial_prompts,
            began=self._speech_began,
            ended=lambda frame: self._speaker("clientSpeaking", on=False),
            ear=self._ear,
        )
        if request.welcome_greeting:
            by = request.welcome_interruptible
            voice.put(AppText(request.welcome_greeting, last=True, interruptible=by))
        work = (self._recogniser.run(), self._send_keys(), voice.run())
        self._tasks = [spawn(each) for each in work]
        self._owner.happened(self.record, "started", "")

    def fail(self, code: int, words: str) -> None:
        """End the relay because of an error."""
        self.error = (code, words)
        self._owner.failed(self.record, code, words)
        self._finish("failed")

    def stop(self) -> None:
        """Close the connection and end the relay: the call goes on without it, or has ended."""
        if self._socket is not None:
            self._socket.close()
        self._finish("completed")

    def _finish(self, status: SessionStatus) -> None:
        if self.ended.is_set():
            return
        call, self._socket, self.status = self.call, None, status
        if call.active:
            for listener in self._listeners:
                call.room.stop_listening(call.leg, listener)
        if self._voice is not None:
            self._voice.speech.end(leg_is_up=call.active)
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        self.ended_frame = call.room.frame
        self.ended.set()
        lifecycle.move(self.record, "stopped", call.exchange.now_ns, self._report_stopped)

    def _report_stopped(self, word: str) -> None:
        if self.started_frame is not None:
            self._owner.happened(self.record, "stopped", f": {self.status}")

    @property
    def _speech(self) -> RelaySpeech | None:
        return None if self._voice is None else self._voice.speech

    @property
    def duration_seconds(self) -> int:
        """Length of the relay in whole seconds."""
        if self.started_frame is None or self.ended_frame is None:
            return 0
        return (self.ended_frame - self.started_frame) * FRAME_NS // NS_PER_SECOND

    # -- to the app -------------------------------------------------------------------------

    def _send(self, text: str) -> None:
        if self._socket is not None:
            self.sent += 1
            self._socket.send(text)

    def _hear(self, track: Track, first_frame: int, pcm: NDArray[np.int16]) -> None:
        """Process the next frames of a track."""
        self._meter.hear(track, pcm)
        if self._socket is None or self._voice is None or track is Track.OUTBOUND:
            return
        speech = self._voice.speech
        for piece in speech.played(first_frame + len(pcm) // FRAME_SAMPLES):
            if piece.text and "tokens-played" in self.request.events:
                self._send(messages.info("tokensPlayed", piece.text))
            if not speech.speaking:
                self.agent_speaks(on=False)
        self._socket.settle()

    def _speaker(self, name: str, *, on: bool) -> None:
        if "speaker-events" in self.request.events:
            exchange = self.call.exchange
            at_ms = exchange.dates.unix_ns(exchange.now_ns) // 1_000_000
            self._send(messages.info(name, "on" if on else "off", at_ms))

    def _speech_began(self, frame: int) -> None:
        """Cut off the app if the caller's speech may, and decide whether the app is told of it."""
        self._speaker("clientSpeaking", on=True)
        speech = self._speech
        if speech is None or not speech.speaking:
            self._told[frame] = True
        elif not speech.may_be_interrupted("speech"):
            self._told[frame] = "speech" in self.request.report_input
        elif not self.request.sensitivity_ns:
            self._told[frame] = True
            self._interrupt("speech")
        else:
            self._told[frame] = "speech" in self.request.report_input
            self._tasks.append(self._owner.spawn(self._interrupt_later(frame)))

    async def _interrupt_later(self, frame: int) -> None:
        """Cut off the app once the caller has spoken for as long as is needed."""
        await self.call.exchange.sleep(self.request.sensitivity_ns)
        speech, recogniser = self._speech, self._recogniser
        if recogniser is not None and recogniser.speaking and speech is not None:
            self._told[frame] = True
            if speech.may_be_interrupted("speech"):
                self._interrupt("speech")

    def _interrupt(self, by: Literal["speech", "dtmf"]) -> None:
        assert self._voice is not None
        heard = self._voice.speech.interrupt(by)
        self._voice.cut()
        at = self.call.exchange.now_ns / 1e9
        self.interrupts.append(RelayInterrupt(heard.words, heard.duration_ms, by, at))
        self.note("interrupt", heard.words)
        self._send(messages.interrupt(heard.words, heard.duration_ms))
        self._owner.happened(self.record, "interrupt", f" after {heard.words!r}")

    def _prompt(self, result: LiveResult) -> None:
        """Tell the app what the caller says."""
        if not self._told.get(result.began, True):
            self.note("unreported", result.text)
            return
        language = result.utterance.language
        said = " ".join(filter(None, (word.said for word in result.utterance.words)))
        at = self.call.exchange.now_ns / 1e9
        self.prompts.append(RelayPrompt(result.text, language, result.final, said, at))
        self.note("prompt" if result.final else "partial", result.text)
        self._send(messages.prompt(result.text, language, last=result.final))
        if result.final:
            self._told.pop(result.began, None)
            self._owner.happened(self.record, "prompt", f": {result.text}")

    async def _send_keys(self) -> None:
        """Tell the app each key that the caller presses, once the server has noticed it."""
        with listen_for_keys(self.call, together=NOTICE_FRAMES - 1) as keys:
            while self._socket is not None:
                frame, digit = await keys.get()
                await notice(self.call, frame)
                self._key(digit)

    def _key(self, digit: str) -> None:
        speech = self._speech
        told = speech is None or not speech.speaking or "dtmf" in self.request.report_input
        if speech is not None and speech.may_be_interrupted("dtmf"):
            self._interrupt("dtmf")
            told = True
        self.note("dtmf", digit)
        if told and self.request.dtmf_detection:
            self._send(messages.dtmf(digit))

    # -- from the app -----------------------------------------------------------------------

    def message(self, data: str | bytes) -> None:
        """Process a message of the app; it is told of one that is wrong."""
        if self._socket is None:
            return
        self.received += 1
        try:
            message = read(data)
        except BadRelayMessage as bad:
            self._refuse(str(bad))
            return
        self._wrong = 0
        if self._voice is not None and not self._voice.put(message):
            self.cannot("far more words wait than can be spoken: these are left out")

    def _refuse(self, words: str) -> None:
        """Tell the app of a wrong message; too many in a row end the relay."""
        self._wrong += 1
        self.note("wrong", words)
        self._send(messages.error(words))
        self._owner.failed(self.record, INVALID_MESSAGE, words)
        if self._wrong == _MOST_WRONG and self._socket is not None:
            self._socket.close(_INVALID_PAYLOAD)
            self.fail(CLOSED, f"{_MOST_WRONG} invalid messages in a row")

    def closed(self, end: StreamEnd, code: int, words: str) -> None:
        """End the relay because its connection has ended."""
        if self.ended.is_set():
            return
        self._socket = None
        if end == "closed" and code in _MEANT:
            self._finish("ended")
        else:
            self.fail(CLOSED, f"{words} (close code {code})")

    def congested(self) -> None:
        """Do nothing: a relay sends no audio that could be left out."""

    # -- as its voice needs it --------------------------------------------------------------

    async def utter(self, text: str, voice: str, language: str) -> Utterance:
        """Return speech. Raises UnspeakableText, and ValueError for a language without a voice."""
        return await self._owner.utter(text, voice, language)

    async def fetch(self, url: str) -> NDArray[np.int16]:
        """Return the samples (n,) of a file. Raises PlayFailed."""
        return await self._owner.fetch(self.record, url)

    def agent_speaks(self, *, on: bool) -> None:
        """Tell the app that it begins to be heard, or ends."""
        self._speaker("agentSpeaking", on=on)

    def listen_in(self, language: str) -> None:
        """Recognise what the caller says in another language."""
        if self._recogniser is not None:
            self._recogniser.language = language

    def end(self, handoff_data: str | None) -> None:
        """End the relay, because the app says so."""
        self.handoff_data = handoff_data
        if self._socket is not None:
            self._socket.close()
        self._finish("ended")

    def cannot(self, words: str) -> None:
        """Tell the app and the developer what is not carried out."""
        self.note("wrong", words)
        self._send(messages.error(words))
        self._owner.warn(self.record, INVALID_MESSAGE, words)

    # -- reporting --------------------------------------------------------------------------

    def note(self, kind: str, text: str) -> None:
        self.log.append(RelayLogged(seconds_of(self.call.room.frame), kind, text[:_LONGEST_LOGGED]))

    def figures(self, *, dead_air_ms: int = DEAD_AIR_MS) -> Figures:
        """Return measurements of the conversation since the relay's start."""
        return self._meter.figures(dead_air_ms=dead_air_ms)

    def to_json(self) -> dict[str, Any]:
        """Return the relay with its log and figures, as a stream; times in seconds of the loop."""
        speech = self._speech
        return {
            "kind": "relay",
            "sid": self.record.sid,
            "call_sid": self.record.call_sid,
            "name": self.record.name,
            "status": self.record.status,
            "session_status": self.status,
            "direction": "both",
            "url": self.target.url if self.target is not None else self.request.url,
            "track": "inbound_track",
            "parameters": dict(self.request.parameters),
            "started": seconds_of(self.started_frame),
            "ended": seconds_of(self.ended_frame),
            "error": None if self.error is None else {"code": self.error[0], "text": self.error[1]},
            "messages_sent": self.sent,
            "messages_received": self.received,
            "audio_received_seconds": 0.0 if speech is None else speech.said / SAMPLE_RATE,
            "prompts": [asdict(each) for each in self.prompts],
            "interrupts": [asdict(each) for each in self.interrupts],
            "handoff_data": self.handoff_data,
            "log": [asdict(each) for each in self.log],
            "figures": self.figures().to_json(),
        }
