"""The SIPREC sessions of an account: started by TwiML or REST, and ended with their calls.

Status callbacks: ``siprec-started``, ``siprec-stopped``, ``siprec-error`` (Twilio docs, Siprec). A
session begins when the server has taken it; the resource is in progress from its request on. The
resource follows the API description 2010-04-01.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.exchange.live_call import LiveCall
from mediasim.media.leg import FOREVER
from mediasim.media.recorder import Track
from mediasim.net.siprec_port import (
    SiprecAsked,
    SiprecConnector,
    SiprecParticipant,
    SiprecPort,
    SiprecRefused,
    SiprecSession,
)
from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.representations import timestamp
from mediasim.twilio.requests import SiprecRequest
from mediasim.twilio.started import TRACKS, StartedList, StartedRecord, emit_event
from mediasim.twilio.status import call_params
from mediasim.twilio.streams import StreamManager

__all__ = ["SiprecManager", "SiprecRecord"]

_MOST_FORKED: Final = 4
"""Most forked tracks of one call, those of media streams included (Twilio docs, Siprec)."""
_UNREACHABLE: Final = 32011
"""Code of Twilio's error dictionary: SIP infrastructure that cannot be reached."""
_NO_CONNECTOR: Final = 31952
"""Code of Twilio's error dictionary: a stream extension that is not found."""


class SiprecRecord(StartedRecord):
    """A SIPREC session of a call, active or ended."""

    __slots__ = ()
    PART: ClassVar[str] = "Siprec"


class _Fork:
    """One session, from its request to its end."""

    def __init__(self, record: SiprecRecord, request: SiprecRequest, call: LiveCall) -> None:
        self.record = record
        self.request = request
        self.call = call
        self.session: SiprecSession | None = None
        """The open session; None before the server has taken it."""
        self.listeners: list[_TrackFork] = []

    @property
    def over(self) -> bool:
        return self.record.ended_ns is not None


class _TrackFork:
    """A listener of one track, which passes it on. It never answers, so any block will do."""

    horizon = reach = patience = FOREVER

    def __init__(self, session: SiprecSession, track: Track) -> None:
        self._session = session
        self._track = track.value

    def hear(self, first_frame: int, pcm: NDArray[np.int16]) -> None:
        self._session.send(self._track, first_frame, pcm)


class SiprecManager:
    """All SIPREC sessions of the account, oldest first."""

    def __init__(
        self,
        account: AccountParts,
        live_call: Callable[[str], LiveCall | None],
        streams: StreamManager,
    ) -> None:
        """Manage the sessions of an account; ``live_call`` finds an active call by its SID."""
        self.connectors: Mapping[str, SiprecConnector] = {}
        """The connectors by their unique names."""
        self.port: SiprecPort | None = None
        """Opens sessions; None: every session fails."""
        self._account = account
        self._streams = streams
        self._forks: StartedList[_Fork] = StartedList(
            account, live_call, SiprecRecord.PART, SiprecRecord.PART, self._end
        )

    # -- finding ----------------------------------------------------------------------------

    def find(self, call_sid: str, key: str) -> SiprecRecord:
        """Find a call's session by SID or name. Raises TwilioError (404) if there is none."""
        return self._forks.find(call_sid, key).record

    # -- commands ---------------------------------------------------------------------------

    def start(self, call_sid: str, request: SiprecRequest) -> SiprecRecord:
        """Start a session: POST /Calls/{sid}/Siprec, or a Siprec noun.

        Raises TwilioError if the call is not active, there is no such connector, the name is in
        use, or too many tracks are forked already.
        """
        call = self._forks.startable(call_sid, request.name)
        connector = self._connector(request.connector)
        active = self._forks.active(call_sid)
        forked = sum(len(TRACKS[each.request.track]) for each in active)
        forked += sum(each.forked for each in self._streams.of_call(call_sid))
        if forked + len(TRACKS[request.track]) > _MOST_FORKED:
            words = f"a call has at most {_MOST_FORKED} forked tracks, and {forked} are in use"
            raise bad_parameter(f"Siprec: {words}")
        account = self._account
        record = SiprecRecord(
            sid=account.new_sid("SR"),
            account_sid=call.record.account_sid,
            call_sid=call.sid,
            name=request.name,
            began_ns=account.now_ns,
        )
        fork = self._forks.add(_Fork(record, request, call))
        account.spawn(self._open(fork, connector))
        return record

    def stop(self, call_sid: str, key: str) -> SiprecRecord:
        """Stop a session: POST /Calls/{sid}/Siprec/{sid}. Raises TwilioError (404) if none."""
        fork = self._forks.find(call_sid, key)
        self._end(fork)
        return fork.record

    def stop_named(self, call_sid: str, name: str) -> None:
        """Stop a call's active session of a name, without a name the newest; if there is one."""
        fork = self._forks.named(call_sid, name)
        if fork is not None:
            self._end(fork)

    def _connector(self, name: str) -> SiprecConnector:
        """Return the connector of a name. Raises TwilioError if there is none."""
        try:
            return self.connectors[name]
        except KeyError:
            known = ", ".join(self.connectors) or "none: sip: {siprec: ...} of the plan lists them"
            words = f"Stream Extension not found: there is no connector {name!r}"
            words += f"; the connectors are {known}"
            raise bad_parameter(words, _NO_CONNECTOR) from None

    # -- the session ------------------------------------------------------------------------

    async def _open(self, fork: _Fork, connector: SiprecConnector) -> None:
        account, call = self._account, fork.call
        tracks = TRACKS[fork.request.track]
        try:
            if self.port is None:
                raise SiprecRefused("nothing here can open a recording session")
            session = await self.port.open(
                connector, self._asked(fork), lambda why: self._lost(fork, why)
            )
        except SiprecRefused as refused:
            if not fork.over:
                self._fail(fork, str(refused))
            return
        for note in session.notes:
            account.notify(call.sid, _UNREACHABLE, f"Siprec: {note}", warning=True)
        if fork.over or not call.active:  # it was stopped, or the call has ended, meanwhile
            await session.close()
            self._end(fork)
            return
        fork.session = session
        for track in tracks:
            listener = _TrackFork(session, track)
            call.room.listen(call.leg, track, listener)
            fork.listeners.append(listener)
        self._report(fork, "started")

    def _asked(self, fork: _Fork) -> SiprecAsked:
        account, record = self._account, fork.call.record
        far, near = record.from_, record.to
        if record.direction != "inbound":
            far, near = near, far
        began_ns = account.now_ns if record.answered_ns is None else record.answered_ns
        return SiprecAsked(
            sid=fork.record.sid,
            call_sid=record.sid,
            account_sid=record.account_sid,
            tracks=[track.value for track in TRACKS[fork.request.track]],
            participants=[
                SiprecParticipant(far, Track.INBOUND.value),
                SiprecParticipant(near, Track.OUTBOUND.value),
            ],
            began_unix_ns=account.dates.unix_ns(began_ns),
            unix_ns=account.dates.unix_ns,
            parameters=fork.request.parameters,
        )

    def _lost(self, fork: _Fork, why: str) -> None:
        """Handle that the server has ended the session."""
        if not fork.over:
            self._fail(fork, why)

    def _fail(self, fork: _Fork, why: str) -> None:
        words = f"Siprec: {why}"
        self._account.notify(fork.record.call_sid, _UNREACHABLE, words, warning=True)
        self._report(fork, "error", why)
        self._end(fork, tells=fork.session is not None)

    def _end(self, fork: _Fork, *, tells: bool = True) -> None:
        """End a session, if it has not ended; ``tells``: the app, if it had been started."""
        if fork.over:
            return
        call, session = fork.call, fork.session
        if call.active:
            for listener in fork.listeners:
                call.room.stop_listening(call.leg, listener)
        fork.listeners = []
        fork.record.ended_ns = self._account.now_ns
        if session is not None:
            self._account.spawn(session.close())
            if tells:
                self._report(fork, "stopped")

    # -- reporting --------------------------------------------------------------------------

    def _report(self, fork: _Fork, word: str, error: str = "", code: int = _UNREACHABLE) -> None:
        account, record = self._account, fork.record
        named = record.named
        text = f"siprec {named} {word}" + (f": {error}" if error else "")
        emit_event(account, record, f"siprec.{word}", text)
        callback = fork.request.callback
        if callback is None or not callback.url:
            return
        params = [
            *call_params(fork.call.record),
            ("SiprecSid", record.sid),
            ("SiprecName", named),
            ("SiprecEvent", f"siprec-{word}"),
            ("Timestamp", timestamp(account.dates, account.now_ns)),
        ]
        if error:
            params += [("SiprecError", error), ("SiprecErrorCode", str(code))]
        account.send_callback(callback, params, "siprec-status", record.call_sid, lane=record.sid)

    def refused(self, call: LiveCall, request: SiprecRequest, error: TwilioError) -> None:
        """Report to the app a session that TwiML asks for and that is refused."""
        record = SiprecRecord("", call.record.account_sid, call.sid, request.name, 0, 0)
        self._report(_Fork(record, request, call), "error", error.message, error.code)
