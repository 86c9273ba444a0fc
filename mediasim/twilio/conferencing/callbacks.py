"""Status callbacks of conferences: their events and the parameters of each.

Source: Twilio docs, TwiML Conference, "statusCallback" and "statusCallbackEvent". The first
participant's callback is the conference's; without ``statusCallbackEvent`` none are sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mediasim.exchange.participant import ConferenceEventName, ConferenceListener, Participant
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.records import ConferenceRecord, EndReason, RecordingRecord
from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.representations import rfc2822
from mediasim.twilio.requests import Callback, Params

__all__ = ["ConferenceCallbacks", "participant_params"]

_EVENTS: Final[dict[ConferenceEventName, tuple[str, str]]] = {
    "start": ("conference-start", "start"),
    "end": ("conference-end", "end"),
    "join": ("participant-join", "join"),
    "leave": ("participant-leave", "leave"),
    "mute": ("participant-mute", "mute"),
    "unmute": ("participant-unmute", "mute"),
    "hold": ("participant-hold", "hold"),
    "unhold": ("participant-unhold", "hold"),
    "modify": ("participant-modify", "modify"),
    "speech-start": ("participant-speech-start", "speaker"),
    "speech-stop": ("participant-speech-stop", "speaker"),
    "announcement-end": ("announcement-end", "announcement"),
    "announcement-fail": ("announcement-fail", "announcement"),
}
"""Twilio's name of each event, and the word of statusCallbackEvent that includes it."""

_WORDS: Final[dict[EndReason, str]] = {
    "conference-ended-via-api": "Conference ended via API",
    "participant-with-end-conference-on-exit-left": "Participant with endConferenceOnExit left",
    "participant-with-end-conference-on-exit-kicked": "Participant with endConferenceOnExit "
    "was kicked",
    "last-participant-kicked": "Last participant was kicked",
    "last-participant-left": "Last participant left",
}
"""Texts of ``Reason`` (our own), by why a conference ended."""


class ConferenceCallbacks(ConferenceListener):
    """The listener of a conference that sends its events to the app."""

    def __init__(
        self, account: AccountParts, record: ConferenceRecord, ended: Callable[[str], None]
    ) -> None:
        """Listen to a conference; ``ended`` is called with its SID when it is over."""
        self._account = account
        self._record = record
        self._ended = ended
        self._callback: Callback | None = None
        self._sent = 0
        self.event_callback_url = ""
        self.recorded_for_it: LiveRecording | None = None
        """The recording that is reported to ``event_callback_url``."""

    def send_to(self, callback: Callback | None) -> None:
        """Send events to a callback from now on; None: to none."""
        self._callback = callback

    def wants(self, happening: ConferenceEventName) -> bool:
        """Tell whether the callback includes an event."""
        return self._callback is not None and _EVENTS[happening][1] in self._callback.events

    def notify(
        self,
        happening: ConferenceEventName,
        participant: Participant | None,
        *,
        why: str = "",
        announced: str = "",
    ) -> None:
        if self._callback is None or not self.wants(happening):
            return
        self._sent += 1
        params = [
            *self._subject(),
            ("SequenceNumber", str(self._sent)),
            ("StatusCallbackEvent", _EVENTS[happening][0]),
        ]
        if happening == "end":
            params += self._ending(participant)
        else:
            params += participant_params(participant) if participant is not None else []
            if happening == "leave" and participant is not None:
                status = participant.call.record.status
                params += [("ReasonParticipantLeft", why), ("ParticipantCallStatus", status)]
            if happening in ("announcement-end", "announcement-fail"):
                params.append(("AnnounceUrl", announced))
                params += [("ReasonAnnouncementFailed", why)] if why else []
        self._send(self._callback, params)

    def _ending(self, by: Participant | None) -> Params:
        """Return the parameters of why the conference has ended."""
        reason = self._record.reason_ended
        assert reason is not None
        params: Params = [("ReasonConferenceEnded", str(reason)), ("Reason", _WORDS[reason])]
        if by is not None:
            params.append(("CallSidEndingConference", by.call.sid))
            if by.label is not None:
                params.append(("ParticipantLabelEndingConference", by.label))
        return params

    def over(self) -> None:
        """Report the recording of the conference, which has ended with it."""
        self._ended(self._record.sid)
        recording = self.recorded_for_it
        if recording is not None and recording.has_media:
            self.recorded(self.event_callback_url, recording.record)

    def recorded(self, url: str, recording: RecordingRecord) -> None:
        """Report a recording to the noun's ``eventCallbackUrl``, the older kind of callback."""
        size = self._account.store.wav_path(recording.sid).stat().st_size
        params = [
            *self._subject(),
            ("EventName", "conference-record-end"),
            ("RecordingUrl", self._account.recording_url(recording.sid)),
            ("Duration", str(recording.duration_seconds())),
            ("RecordingFileSize", str(size)),
        ]
        self._send(Callback(url), params)

    def about(self) -> Params:
        """Return the parameters of requests for documents heard in the conference."""
        return [
            ("ConferenceSid", self._record.sid),
            ("FriendlyName", self._record.friendly_name),
        ]

    def _subject(self) -> Params:
        return [
            *self.about(),
            ("AccountSid", self._record.account_sid),
            ("Timestamp", rfc2822(self._account.dates, self._account.now_ns)),
        ]

    def _send(self, callback: Callback, params: Params) -> None:
        self._account.send_callback(callback, params, "conference-status", self._record.sid)


def participant_params(participant: Participant) -> Params:
    """Return the parameters that a conference's callbacks have of a participant."""
    flags = {
        "Muted": participant.muted,
        "Hold": participant.held,
        "Coaching": participant.coaching,
        "EndConferenceOnExit": participant.end_on_exit,
        "StartConferenceOnEnter": participant.options.start_on_enter,
    }
    params = [("CallSid", participant.call.sid)]
    params += [(name, "true" if flag else "false") for name, flag in flags.items()]
    if participant.coaches is not None:
        params.append(("CallSidToCoach", participant.coaches))
    if participant.label is not None:
        params.append(("ParticipantLabel", participant.label))
    return params
