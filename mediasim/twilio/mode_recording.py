"""A recording as a mode says: from ringing or from the answer, in one channel or two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mediasim.exchange.dial import DialRecording, Moment
from mediasim.exchange.profiles import Channels
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.records import RecordingSource
from mediasim.twilio.requests import RecordingRequest
from mediasim.twilio.session import CallSession

__all__ = ["ModeRecording"]

_ALIASES: Final = {"true": "record-from-answer"}


class ModeRecording(DialRecording):
    """The recording that a mode requests: ``record-from-answer-dual``, ``do-not-record``."""

    def __init__(
        self,
        session: CallSession,
        mode: str,
        source: RecordingSource,
        request: Callable[[Channels], RecordingRequest],
    ) -> None:
        """``request`` returns the recording to start, of the mode's number of channels."""
        self._session = session
        self._mode = _ALIASES.get(mode, mode)
        self._source: RecordingSource = source
        self._request = request
        self.recording: LiveRecording | None = None

    def begin(self, moment: Moment) -> None:
        """Start the recording if the mode has it begin at this moment."""
        if self.recording is not None or not self._mode.startswith(f"record-from-{moment}"):
            return
        request = self._request("dual" if self._mode.endswith("-dual") else "mono")
        recordings = self._session.account.recordings
        self.recording = recordings.of_call(self._session, request, self._source)

    def halt(self) -> list[LiveRecording]:
        """Halt the recording, and return it if it was active."""
        if self.recording is None or not self.recording.active:
            return []
        self.recording.halt()
        return [self.recording]
