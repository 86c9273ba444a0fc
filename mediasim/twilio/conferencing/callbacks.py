"""Telling an app how a conference is doing: which events there are, and what is said of each.

Source: Twilio docs, TwiML Conference, "statusCallback" and "statusCallbackEvent". The first
participant's callback is the conference's; without a choice of events nothing is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mediasim.exchange.participant import ConferenceEventName, Participant
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.records import ConferenceRecord, EndReason, RecordingRecord
from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.representations import rfc2822
from mediasim.twilio.requests import Callback
from mediasim.twilio.status import Params
from mediasim.twilio.webhooks import AppRequest

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
"""Each event by its name at Twilio, and the word of statusCallbackEvent that asks for it."""

_WORDS: Final[dict[EndReason, str]] = {
    "conference-ended-via-api": "Conference ended via API",
    "participant-with-end-conference-on-exit-left": "Participant with endConferenceOnExit left",
    "participant-with-end-conference-on-exit-kicked": "Participant with endConferenceOnExit "
    "was kicked",
    "last-participant-kicked": "Last participant was kicked",
    "last-participant-left": "Last participant left",
}
"""``Reason`` in words (our own)."""


class ConferenceCallbacks:
    """What an app is told of one conference, as the conference's listener."""

    def __init__(
        self, account: AccountParts, record: ConferenceRecord, ended: Callable[[str], None]
    ) -> None:
        """``ended`` is called with the conference's SID when all of it is over."""
        self._account = account
        self._record = record
        self._ended = ended
        self._callback: Callback | None = None
        self._sent = 0
        self.event_callback_url = ""
        self.recorded_for_it: LiveRecording | None = None
        """The recording that ``event_callback_url`` is to be told of."""

    def send_to(self, callback: Callback | None) -> None:
        """Tell of it there, from now on."""
        self._callback = callback

    def wants(self, happening: ConferenceEventName) -> bool:
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
        self._send(self._callback.url, self._callback.method, params)

    def _ending(self, by: Participant | None) -> Params:
        """Why it has ended, as the conference's record has it."""
        reason = self._record.reason_ended
        assert reason is not None
        params: Params = [("ReasonConferenceEnded", str(reason)), ("Reason", _WORDS[reason])]
        if by is not None:
            params.append(("CallSidEndingConference", by.call.sid))
            if by.label is not None:
                params.append(("ParticipantLabelEndingConference", by.label))
        return params

    def over(self) -> None:
        self._ended(self._record.sid)
        recording = self.recorded_for_it
        if recording is not None and recording.record.status == "completed":
            self.recorded(self.event_callback_url, recording.record)

    def recorded(self, url: str, recording: RecordingRecord) -> None:
        """The older way to tell of a recording: the noun's ``eventCallbackUrl``."""
        size = self._account.store.wav_path(recording.sid).stat().st_size
        params = [
            *self._subject(),
            ("EventName", "conference-record-end"),
            ("RecordingUrl", self._account.recording_url(recording.sid)),
            ("Duration", str(recording.duration_seconds())),
            ("RecordingFileSize", str(size)),
        ]
        self._send(url, "POST", params)

    def about(self) -> Params:
        """What an app that is asked for a sound is told of it."""
        return [
            ("ConferenceSid", self._record.sid),
            ("FriendlyName", self._record.friendly_name),
        ]

    def _subject(self) -> Params:
        return [
            ("ConferenceSid", self._record.sid),
            ("FriendlyName", self._record.friendly_name),
            ("AccountSid", self._record.account_sid),
            ("Timestamp", rfc2822(self._account.dates, self._account.now_ns)),
        ]

    def _send(self, url: str, method: str, params: Params) -> None:
        sid = self._record.sid
        request = AppRequest(url, method, tuple(params), "conference-status", sid)
        self._account.webhooks.notify(request, lane=sid)


def participant_params(participant: Participant) -> Params:
    """What a conference's callbacks say of a participant."""
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
