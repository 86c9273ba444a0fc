"""The recordings that a scenario plans: those of calls, conferences and voicemails alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mediasim.exchange.layout import Layout, recording_layout
from mediasim.exchange.profiles import Kind
from mediasim.scenario.model.call import Call, Voicemail
from mediasim.scenario.model.conference import ConferenceSpec
from mediasim.scenario.model.recording import ConferenceRecording, RecordingSpec

__all__ = ["PlannedRecording", "planned_recordings"]


@dataclass(frozen=True, slots=True)
class PlannedRecording:
    """A recording that a scenario orders."""

    spec: RecordingSpec | ConferenceRecording | Voicemail
    of: Call | ConferenceSpec
    """The call or conference that is recorded."""
    location: tuple[str | int, ...]
    """Keys and indexes that lead to the recording in the scenario."""

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def kind(self) -> Kind:
        """The kind of recording, in the words of Twilio's layout rules."""
        if isinstance(self.spec, Voicemail):
            return "record-verb"
        if isinstance(self.of, ConferenceSpec):
            return "conference"
        return "dial" if self.of.to is not None else "call"

    @property
    def parties(self) -> tuple[str, ...]:
        """Names of the parties that may be heard in the recording."""
        if isinstance(self.of, ConferenceSpec):
            return tuple(dict.fromkeys(member.party for member in self.of.participants))
        return self.of.parties

    def layout(self, profile: str) -> Layout:
        """Return the layout of the recording under a profile: its channels, and what each holds."""
        channels = "mono" if isinstance(self.spec, Voicemail) else self.spec.channels
        track = self.spec.track if isinstance(self.spec, RecordingSpec) else "both"
        return recording_layout(self.kind, channels, track, profile)


def planned_recordings(
    calls: Sequence[Call], conferences: Sequence[ConferenceSpec]
) -> Iterator[PlannedRecording]:
    """Yield every recording, calls first, in the order of the file; a call's voicemail comes
    last."""
    for number, call in enumerate(calls):
        for index, recording in enumerate(call.recordings):
            yield PlannedRecording(recording, call, ("calls", number, "recordings", index))
        if call.voicemail is not None:
            yield PlannedRecording(call.voicemail, call, ("calls", number, "voicemail"))
    for number, conference in enumerate(conferences):
        if conference.recording is not None:
            location = ("conferences", number, "recording")
            yield PlannedRecording(conference.recording, conference, location)
