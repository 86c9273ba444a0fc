"""The catalogue: every call, recording and conference of the exchange, in order of creation.

It holds the records and finds them; it changes none of them. Kept in memory.
"""

from __future__ import annotations

from typing import TypeVar

from mediasim.exchange.records import CallRecord, ConferenceRecord, RecordingRecord

__all__ = ["Catalogue", "UnknownSid"]

Record = TypeVar("Record", CallRecord, ConferenceRecord, RecordingRecord)


class UnknownSid(LookupError):
    """No such resource in the catalogue."""


class Catalogue:
    """All resources of one exchange."""

    def __init__(self) -> None:
        self._calls: dict[str, CallRecord] = {}
        self._recordings: dict[str, RecordingRecord] = {}
        self._conferences: dict[str, ConferenceRecord] = {}

    def add_call(self, call: CallRecord) -> None:
        """Enter a new call. Raises ValueError if its SID is taken; so do the other two."""
        _add(self._calls, call)

    def add_recording(self, recording: RecordingRecord) -> None:
        """Enter a new recording."""
        _add(self._recordings, recording)

    def add_conference(self, conference: ConferenceRecord) -> None:
        """Enter a new conference."""
        _add(self._conferences, conference)

    def remove_call(self, sid: str) -> None:
        """Forget a call; what was recorded of it stays. Raises UnknownSid."""
        del self._calls[self.call(sid).sid]

    def call(self, sid: str) -> CallRecord:
        """The call of a SID. Raises UnknownSid; so do the other two."""
        return _find(self._calls, sid, "call")

    def recording(self, sid: str) -> RecordingRecord:
        """The recording of a SID."""
        return _find(self._recordings, sid, "recording")

    def conference(self, sid: str) -> ConferenceRecord:
        """The conference of a SID."""
        return _find(self._conferences, sid, "conference")

    def calls(self, *, parent: str | None = None) -> list[CallRecord]:
        """All calls, or the children of one, oldest first."""
        calls = self._calls.values()
        return [call for call in calls if parent in (None, call.parent_call_sid)]

    def recordings(
        self, *, call: str | None = None, conference: str | None = None
    ) -> list[RecordingRecord]:
        """All recordings, or those of a call, of a conference, or of both, oldest first."""
        return [
            recording
            for recording in self._recordings.values()
            if call in (None, recording.call_sid) and conference in (None, recording.conference_sid)
        ]

    def conferences(self, *, name: str | None = None) -> list[ConferenceRecord]:
        """All conferences, or those of a friendly name, oldest first."""
        conferences = self._conferences.values()
        return [one for one in conferences if name in (None, one.friendly_name)]


def _add(shelf: dict[str, Record], record: Record) -> None:
    if record.sid in shelf:
        raise ValueError(f"{record.sid} is already in the catalogue")
    shelf[record.sid] = record


def _find(shelf: dict[str, Record], sid: str, noun: str) -> Record:
    try:
        return shelf[sid]
    except KeyError:
        raise UnknownSid(f"no {noun} {sid!r} in the catalogue") from None
