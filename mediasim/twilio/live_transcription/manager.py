"""The real-time transcriptions of an account: started by TwiML or REST, and ended with their calls.

What is heard on each track is what the call's recogniser makes of it (:mod:`mediasim.recogniser`).
The callbacks ``transcription-started``, ``-content``, ``-stopped`` and ``-error`` are sent in the
order in which they happen, numbered from 1 (Twilio docs, Transcription). The resource follows the
API description 2010-04-01.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES, NS_PER_SECOND, SAMPLE_RATE
from mediasim.exchange.call_control import CallControl
from mediasim.exchange.live_call import LiveCall
from mediasim.media.recorder import Track
from mediasim.recogniser.live import LiveRecogniser, LiveResult, RealEar, real_ear
from mediasim.recogniser.tracks import knows_words
from mediasim.recogniser.transcript import Transcript, TranscriptWord, Utterance
from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.errors import BAD_PARAMETER, TwilioError, bad_parameter
from mediasim.twilio.live_transcription.messages import content, started
from mediasim.twilio.live_transcription.request import (
    BAD_CONFIGURATION,
    PROVIDER_ERROR,
    REALTIME_TRANSCRIPTION,
    LiveTranscriptionRequest,
)
from mediasim.twilio.live_transcription.wording import hinted_words, masked, with_hints
from mediasim.twilio.representations import iso8601, timestamp
from mediasim.twilio.requests import Params
from mediasim.twilio.started import TRACKS, StartedList, StartedRecord, emit_event
from mediasim.twilio.studio import Studio
from mediasim.twilio.transcripts.manager import TranscriptManager
from mediasim.twilio.transcripts.records import ServiceRecord
from mediasim.twilio.transcripts.sentences import sentences_of

__all__ = ["LiveTranscriptionManager", "LiveTranscriptionRecord"]

_NAME: Final = "Real-time Transcriptions"


class LiveTranscriptionRecord(StartedRecord):
    """A real-time transcription of a call, active or ended."""

    __slots__ = ()
    PART: ClassVar[str] = "Transcriptions"


@dataclass(slots=True, eq=False)
class _Session:
    """One transcription, from its start to its end."""

    record: LiveTranscriptionRecord
    request: LiveTranscriptionRequest
    call: LiveCall
    since: int = 0
    """The sample of the frame clock at which it began."""
    hinted: frozenset[str] = frozenset()
    events: int = 0
    """Number of events so far."""
    heard: list[Utterance] = field(default_factory=list)
    """Final results, with samples since the beginning, if a service keeps them."""
    recognisers: list[LiveRecogniser] = field(default_factory=list)
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)


class LiveTranscriptionManager:
    """All real-time transcriptions of the account, oldest first."""

    def __init__(
        self,
        account: AccountParts,
        calls: Mapping[str, CallControl],
        studio: Studio,
        transcripts: TranscriptManager,
    ) -> None:
        """``calls`` are the active calls by their SIDs; ``studio`` works beside the loop, and
        ``transcripts`` keeps what a service is to have."""
        self._transcripts = transcripts
        self._account = account
        self._calls = calls
        self._ear = real_ear(studio.apart)
        self._sessions: StartedList[_Session] = StartedList(
            account, self._live_call, LiveTranscriptionRecord.PART, "Transcription", self._end
        )

    def _live_call(self, sid: str) -> LiveCall | None:
        control = self._calls.get(sid)
        return None if control is None else control.call

    # -- commands ---------------------------------------------------------------------------

    def start(self, call_sid: str, request: LiveTranscriptionRequest) -> LiveTranscriptionRecord:
        """Start a transcription: POST /Calls/{sid}/Transcriptions, or a Transcription noun.

        Raises TwilioError if the call is not active, the name is in use, or a setting is wrong.
        """
        account = self._account
        call = self._sessions.startable(call_sid, request.name)
        request.check()
        if request.service:
            self._service(request, call.record.account_sid)
        record = LiveTranscriptionRecord(
            sid=account.new_sid("GT"),
            account_sid=call.record.account_sid,
            call_sid=call.sid,
            name=request.name,
            began_ns=account.now_ns,
        )
        session = _Session(record, request, call)
        session.since = account.exchange.plane.now * FRAME_SAMPLES
        session.hinted = hinted_words(request.hints)
        self._sessions.add(session)
        self._report(session, "started", started(request, record.named))
        self._listen(session)
        return record

    def stop(self, call_sid: str, key: str) -> LiveTranscriptionRecord:
        """Stop a transcription by SID or name. Raises TwilioError (404) if there is none."""
        session = self._sessions.find(call_sid, key)
        self._end(session)
        return session.record

    def stop_named(self, call_sid: str, name: str) -> bool:
        """Stop a call's active transcription of a name, without a name the newest.

        Returns whether there is one.
        """
        session = self._sessions.named(call_sid, name)
        if session is not None:
            self._end(session)
        return session is not None

    def refused(
        self, call: LiveCall, request: LiveTranscriptionRequest, error: TwilioError
    ) -> None:
        """Report to the app a transcription that TwiML asks for and that is refused."""
        account = self._account
        sid = account.new_sid("GT")
        now_ns = account.now_ns
        record = LiveTranscriptionRecord(
            sid, call.record.account_sid, call.sid, request.name, now_ns, now_ns
        )
        code = BAD_CONFIGURATION if error.code == BAD_PARAMETER else error.code
        self._report(_Session(record, request, call), "error", _error(code, error.message))

    # -- the session ------------------------------------------------------------------------

    def _listen(self, session: _Session) -> None:
        account, call, request = self._account, session.call, session.request
        settings = account.recognisers.of(call)
        settings = replace(settings, punctuation=settings.punctuation and request.punctuation)
        tracks = TRACKS[request.track]
        if Track.INBOUND in tracks and not knows_words(call) and settings.real_audio == "ignore":
            words = (
                f"{_NAME}: what a real party says has no words here; with the recogniser's "
                "real_audio: transcribe they are recognised"
            )
            account.notify(call.sid, PROVIDER_ERROR, words, warning=True)
        for track in tracks:
            recogniser = LiveRecogniser(
                call,
                track,
                settings,
                lambda result: self._heard(session, result),
                language=request.language,
                partials=request.partial_results,
                ear=self._ear_of(session) if track is Track.INBOUND else None,
            )
            session.recognisers.append(recogniser)
            session.tasks.append(account.spawn(recogniser.run()))

    def _ear_of(self, session: _Session) -> RealEar:
        """Return what hears a real party; a failure of it is reported, and hears nothing."""

        async def hear(pcm: NDArray[np.int16], party: str) -> list[TranscriptWord]:
            from mediasim.truth.analysis.recording import AnalysisError

            try:
                return await self._ear(pcm, party)
            except AnalysisError as error:
                words = f"{_NAME}: Provider Error: {error}"
                self._account.notify(session.call.sid, PROVIDER_ERROR, words)
                self._report(session, "error", _error(PROVIDER_ERROR, str(error)))
                return []

        return hear

    def _heard(self, session: _Session, result: LiveResult) -> None:
        """Tell the app a result."""
        request = session.request
        words = with_hints(result.utterance.words, session.hinted)
        if request.profanity_filter:
            words = [replace(word, text=masked(word.text)) for word in words]
        utterance = replace(result.utterance, words=tuple(words))
        told = replace(result, utterance=utterance)
        params = content(request, told, utterance.text, session.since)
        track = f"{result.track.value}_track"
        if result.final:
            if request.service:
                moved = tuple(word.moved(-session.since) for word in words)
                session.heard.append(replace(utterance, words=moved))
            self._emit(session, "content", f", {track}: {utterance.text}")
        self._post(session, "content", params, track)

    def _end(self, session: _Session) -> None:
        """End a transcription, if it has not ended: what was said until now is told before."""
        if session.record.ended_ns is None:
            session.record.ended_ns = self._account.now_ns
            self._account.spawn(self._close(session))

    async def _close(self, session: _Session) -> None:
        try:
            for recogniser in session.recognisers:
                await recogniser.flush()
        finally:
            for task in session.tasks:
                task.cancel()
            self._report(session, "stopped", [])
            self._keep(session)

    def _service(self, request: LiveTranscriptionRequest, account_sid: str) -> ServiceRecord:
        """Return the service that keeps a transcript. Raises TwilioError (32650) if none does."""
        service = self._transcripts.service(request.service, account_sid)
        if service is None:
            words = f"intelligenceService {request.service[:40]!r}: there is no such service"
            raise bad_parameter(words, BAD_CONFIGURATION)
        return service

    def _keep(self, session: _Session) -> None:
        """Add the transcript to those of the service that is to have it, if that still exists."""
        record, request = session.record, session.request
        key, account_sid = request.service, record.account_sid
        service = self._transcripts.service(key, account_sid) if key else None
        if service is None:
            return
        began_ns, ended_ns = record.began_ns, record.ended_ns or record.began_ns
        samples = (ended_ns - began_ns) * SAMPLE_RATE // NS_PER_SECOND
        seeds = self._account.exchange.seeds.fork("sentences").fork(record.sid)
        self._transcripts.of_call(
            service,
            record.call_sid,
            sentences=sentences_of(Transcript(tuple(session.heard), samples), seeds),
            duration_seconds=samples // SAMPLE_RATE,
            media_start_time=iso8601(self._account.dates, began_ns),
        )

    # -- reporting --------------------------------------------------------------------------

    def _report(self, session: _Session, word: str, params: Params) -> None:
        error = dict(params).get("TranscriptionError")
        self._emit(session, word, f" {word}" + (f": {error}" if error else ""))
        self._post(session, word, params)

    def _emit(self, session: _Session, word: str, text: str) -> None:
        record = session.record
        kind = f"{REALTIME_TRANSCRIPTION}.{word}"
        emit_event(self._account, record, kind, f"transcription {record.named}{text}")

    def _post(self, session: _Session, word: str, params: Params, track: str = "") -> None:
        """Post an event to the app, if it has given an address."""
        account, record = self._account, session.record
        session.events += 1
        callback = session.request.callback
        if callback is None or not callback.url:
            return
        stamp = timestamp(account.dates, account.now_ns)
        told = [
            ("AccountSid", record.account_sid),
            ("CallSid", record.call_sid),
            ("TranscriptionSid", record.sid),
            ("Timestamp", stamp),
            ("SequenceId", str(session.events)),
            ("TranscriptionEvent", f"transcription-{word}"),
            *params,
        ]
        account.send_callback(
            callback, told, REALTIME_TRANSCRIPTION, record.call_sid, lane=record.sid, track=track
        )


def _error(code: int, message: str) -> Params:
    return [("TranscriptionErrorCode", str(code)), ("TranscriptionError", message)]
