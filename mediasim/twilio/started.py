"""What is started beside a call and may have a name: SIPREC sessions, real-time transcriptions.

It is found by its SID or its name, a name is in use once on a call at a time, and all of it ends
with the call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

from mediasim.exchange.dates import Dates
from mediasim.exchange.events import CallEvent, Event, StreamEvent
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.states import CALL, StreamStatus
from mediasim.media.recorder import Track
from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.errors import bad_parameter, not_found, not_in_progress
from mediasim.twilio.representations import account_path, rfc2822
from mediasim.twilio.requests import StreamTrack

__all__ = ["TRACKS", "StartedList", "StartedRecord", "emit_event"]

TRACKS: Final[Mapping[StreamTrack, tuple[Track, ...]]] = {
    "inbound_track": (Track.INBOUND,),
    "outbound_track": (Track.OUTBOUND,),
    "both_tracks": (Track.INBOUND, Track.OUTBOUND),
}
"""The tracks of a call, by the word of an app."""
_MOST_KEPT: Final = 1000
"""Most ended resources of one kind that are kept, the newest."""


@dataclass(slots=True)
class StartedRecord:
    """A resource that was started on a call, active or ended."""

    PART: ClassVar[str] = ""
    """The resource's part of a path: ``Siprec``."""

    sid: str
    account_sid: str
    call_sid: str
    name: str | None
    began_ns: int
    ended_ns: int | None = None
    """Loop time at which it was stopped, in nanoseconds; None before."""

    @property
    def status(self) -> StreamStatus:
        """``in-progress`` or ``stopped``."""
        return "in-progress" if self.ended_ns is None else "stopped"

    @property
    def named(self) -> str:
        """Its name, or else its SID."""
        return self.name or self.sid

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        """Return the resource as Twilio's API shows it."""
        path = f"{account_path(self.account_sid)}/Calls/{self.call_sid}"
        updated_ns = self.began_ns if self.ended_ns is None else self.ended_ns
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "call_sid": self.call_sid,
            "name": self.name,
            "status": self.status,
            "date_updated": rfc2822(dates, updated_ns),
            "uri": f"{path}/{self.PART}/{self.sid}.json",
        }


class _Named(Protocol):
    """A resource of a call, as its events name it."""

    @property
    def sid(self) -> str: ...

    @property
    def call_sid(self) -> str: ...


def emit_event(account: AccountParts, record: _Named, kind: str, text: str) -> None:
    """Emit an event of what was started beside a call, a media stream or a relay too."""
    account.exchange.events.emit(
        StreamEvent(
            at_ns=account.now_ns,
            kind=kind,
            text=text,
            call_sid=record.call_sid,
            stream_sid=record.sid,
        )
    )


class _Started(Protocol):
    """What a list holds: at work until its record has ended."""

    @property
    def record(self) -> StartedRecord: ...


T = TypeVar("T", bound=_Started)


class StartedList(Generic[T]):
    """What was started on an account's calls, of one kind, oldest first."""

    def __init__(
        self,
        account: AccountParts,
        live_call: Callable[[str], LiveCall | None],
        part: str,
        noun: str,
        end: Callable[[T], object],
    ) -> None:
        """Create an empty list.

        ``live_call`` finds an active call by its SID; ``part`` is the resource's part of a path,
        ``noun`` its name in messages. ``end`` is called with all that is active on a call when the
        call ends.
        """
        self._account = account
        self._live_call = live_call
        self._part = part
        self._noun = noun
        self._end = end
        self._started: dict[str, T] = {}
        account.exchange.events.on("event", self._on_event)

    def find(self, call_sid: str, key: str) -> T:
        """Find what was started on a call by SID or name. Raises TwilioError (404) if nothing."""
        for each in reversed(self._started.values()):
            if each.record.call_sid == call_sid and key in (each.record.sid, each.record.name):
                return each
        path = f"{self._account.account_path}/Calls/{call_sid}/{self._part}/{key}.json"
        raise not_found(path)

    def active(self, call_sid: str) -> list[T]:
        """Return what is at work on a call."""
        found = self._started.values()
        return [
            each
            for each in found
            if each.record.call_sid == call_sid and each.record.ended_ns is None
        ]

    def named(self, call_sid: str, name: str) -> T | None:
        """Return what is at work under a name, without a name the newest; None if nothing is."""
        found = [each for each in self.active(call_sid) if not name or each.record.name == name]
        return found[-1] if found else None

    def startable(self, call_sid: str, name: str | None) -> LiveCall:
        """Return the call on which something is to be started.

        Raises TwilioError if the call is not active, or the name is in use on it.
        """
        self._account.call_record(call_sid)
        call = self._live_call(call_sid)
        if call is None or not call.active:
            raise not_in_progress(f"Call is not in-progress. Cannot start a {self._noun}.")
        if name and any(each.record.name == name for each in self.active(call_sid)):
            words = f"{self._noun} name {name} is already in use on call {call_sid}"
            raise bad_parameter(words)
        return call

    def add(self, started: T) -> T:
        """Add what was started, and forget the oldest that has ended if there is too much."""
        self._started[started.record.sid] = started
        over = [each for each in self._started.values() if each.record.ended_ns is not None]
        for each in over[: max(0, len(over) - _MOST_KEPT)]:
            del self._started[each.record.sid]
        return started

    def _on_event(self, event: Event) -> None:
        if not isinstance(event, CallEvent):
            return
        word = event.kind.removeprefix("call.")
        if word in CALL.moves and CALL.is_final(word):
            for each in self.active(event.call_sid):
                self._end(each)
