"""The measures of an account's calls: taken at each call's end, kept until the call is deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from mediasim.exchange.events import CallEvent, ConferenceEvent, Event
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.participant import Participant
from mediasim.exchange.records import CallRecord
from mediasim.exchange.states import CALL
from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.insights.measures import (
    AnnotationRecord,
    CallMeasures,
    InsightsSettings,
    Moment,
    Participation,
    measure,
)

__all__ = ["InsightsManager"]

_PROGRESS: Final = (
    *("initiated", "ringing", "answered", "completed", "busy", "failed", "no-answer", "canceled"),
)
_HOLDS: Final = {"held": "hold", "resumed": "unhold"}
_MUTES: Final = {"muted": "mute", "unmuted": "unmute"}


class _Conferences(Protocol):
    """The conferences of an account, as far as they are needed."""

    def found(self, sid: str, who: str) -> tuple[object, Participant]:
        """Return an active conference and a participant. Raises TwilioError if there is none."""


@dataclass(slots=True)
class _Active:
    """What is noted of a call in progress."""

    progress: list[Moment] = field(default_factory=list)
    participations: list[Participation] = field(default_factory=list)


class InsightsManager:
    """The measures and annotations of all calls."""

    def __init__(
        self,
        account: AccountParts,
        live_call: Callable[[str], LiveCall | None],
        conferences_of: Callable[[str], _Conferences],
    ) -> None:
        """Listen to the account's calls; ``conferences_of`` returns those of an account's SID."""
        self._account = account
        self._live_call = live_call
        self._conferences_of = conferences_of
        self.on_change: Callable[[str, CallMeasures | None], object] = lambda sid, measures: None
        """Called with the SID of a call and its measures when it has ended, None once they go."""
        self.processing_ns = 0
        """How long summaries stay partial after their calls' ends, in nanoseconds."""
        self._active: dict[str, _Active] = {}
        self._started_ns: dict[str, int] = {}
        """When each active conference started, by SID."""
        self._measures: dict[str, CallMeasures] = {}
        self._annotations: dict[str, AnnotationRecord] = {}
        self._settings: dict[str, InsightsSettings] = {}
        account.exchange.events.on("event", self._on_event)

    # -- records ----------------------------------------------------------------------------

    def all(self) -> list[CallMeasures]:
        """Return the measures of all ended calls, in order of their ends."""
        return list(self._measures.values())

    def add(self, measures: CallMeasures) -> None:
        """Add the measures of an ended call."""
        self._measures[measures.call_sid] = measures

    def find(self, call_sid: str) -> CallMeasures:
        """Return the measures of an ended call. Raises KeyError if there are none."""
        return self._measures[call_sid]

    def remove(self, call_sid: str) -> None:
        """Forget a call's measures, if there are any."""
        if self._measures.pop(call_sid, None) is not None:
            self.on_change(call_sid, None)

    def annotations(self) -> list[AnnotationRecord]:
        """Return the annotations of all calls, oldest first."""
        return list(self._annotations.values())

    def annotate(self, record: AnnotationRecord) -> None:
        """Set the annotation of a call."""
        self._annotations[record.call_sid] = record

    def annotation(self, call_sid: str) -> AnnotationRecord:
        """Return the annotation of a call. Raises KeyError if it has none."""
        return self._annotations[call_sid]

    def annotation_of(self, call_sid: str) -> AnnotationRecord | None:
        """Return the annotation of a call; None if it has none."""
        return self._annotations.get(call_sid)

    def all_settings(self) -> list[InsightsSettings]:
        """Return the settings of accounts that have been asked for or changed theirs."""
        return list(self._settings.values())

    def add_settings(self, settings: InsightsSettings) -> None:
        """Set the settings of an account."""
        self._settings[settings.account_sid] = settings

    def settings(self, account_sid: str) -> InsightsSettings:
        """Return the settings of an account."""
        return self._settings.setdefault(account_sid, InsightsSettings(account_sid))

    # -- measuring --------------------------------------------------------------------------

    def of_call(self, call_sid: str) -> CallMeasures | None:
        """Return the measures of a call, up to now for one in progress.

        None for a call whose process has died, and for one in progress in another process.
        """
        if (ended := self._measures.get(call_sid)) is not None:
            return ended
        call, noted = self._live_call(call_sid), self._active.get(call_sid)
        if call is None or noted is None:
            return None
        return measure(call, noted.progress, noted.participations)

    def legs(self, record: CallRecord) -> list[tuple[CallRecord, CallMeasures]]:
        """Return the legs that a call stands for, each with its measures, if it has any.

        A call over a trunk stands for two: the one that came in, and the one that went on.
        """
        legs = [record]
        if record.direction.startswith("trunking"):
            children = self._account.catalogue.calls(parent=record.sid)
            legs += [each for each in children if each.resource_sid == record.sid]
        found = [(each, self.of_call(each.sid)) for each in legs]
        return [(each, measures) for each, measures in found if measures is not None]

    def participations(self, conference_sid: str) -> list[tuple[CallMeasures, Participation]]:
        """Return who took part in a conference, in the order of joining, with its call's measures.

        A participant that is inside has the measures up to now.
        """
        calls = [*self._measures.values(), *(self.of_call(sid) for sid in list(self._active))]
        found = [
            (measures, each)
            for measures in calls
            if measures is not None
            for each in measures.participations
            if each.conference_sid == conference_sid
        ]
        return sorted(found, key=lambda pair: pair[1].joined_ns)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, CallEvent):
            self._on_call(event)
        elif isinstance(event, ConferenceEvent):
            self._on_conference(event)

    def _on_call(self, event: CallEvent) -> None:
        word, sid = event.kind.removeprefix("call."), event.call_sid
        noted = self._active.setdefault(sid, _Active())
        if word in _HOLDS:
            self._act(sid, None, Moment(_HOLDS[word], event.at_ns))
        elif word in _PROGRESS:
            noted.progress.append(Moment(word, event.at_ns))
        call = self._live_call(sid)
        if call is None or not CALL.is_final(call.record.status) or word != call.record.status:
            return
        del self._active[sid]
        left = [
            each if each.left_ns is not None else self._left(each, event.at_ns)
            for each in noted.participations
        ]
        measures = measure(call, noted.progress, left)
        self.add(measures)
        self.on_change(sid, measures)

    def _on_conference(self, event: ConferenceEvent) -> None:
        word, conference = event.kind.removeprefix("conference."), event.conference_sid
        if word == "started":
            self._started_ns[conference] = event.at_ns
        elif word == "ended":
            self._started_ns.pop(conference, None)
        if event.call_sid is None or (noted := self._active.get(event.call_sid)) is None:
            return
        if word == "joined":
            conferences = self._conferences_of(
                self._account.catalogue.conference(conference).account_sid
            )
            participant = conferences.found(conference, event.call_sid)[1]
            noted.participations.append(self._joined(conference, participant, event.at_ns))
        elif word in _MUTES:
            self._act(event.call_sid, conference, Moment(_MUTES[word], event.at_ns))
        elif word == "left":
            noted.participations = [
                self._left(each, event.at_ns)
                if each.conference_sid == conference and each.left_ns is None
                else each
                for each in noted.participations
            ]

    def _joined(self, conference: str, participant: Participant, at_ns: int) -> Participation:
        label = f"participant/{conference}/{participant.call.sid}/{at_ns}"
        return Participation(
            conference_sid=conference,
            participant_sid="CP" + self._account.exchange.seeds.digest(label, 16).hex(),
            label=participant.label,
            joined_ns=at_ns,
            left_ns=None,
            started_ns=None,
            start_on_enter=participant.options.start_on_enter,
            end_on_exit=participant.end_on_exit,
            muted=participant.muted,
            beep_on_enter=participant.beeps_on_enter,
            beep_on_exit=participant.beep_on_exit,
            coaches=participant.coaches,
        )

    def _left(self, participation: Participation, at_ns: int) -> Participation:
        started_ns = self._started_ns.get(participation.conference_sid)
        return replace(participation, left_ns=at_ns, started_ns=started_ns)

    def _act(self, call_sid: str, conference: str | None, moment: Moment) -> None:
        """Note an action on a participant; None for whatever conference the call is in."""
        noted = self._active[call_sid]
        noted.participations = [
            replace(each, actions=(*each.actions, moment))
            if each.left_ns is None and conference in (None, each.conference_sid)
            else each
            for each in noted.participations
        ]

    def started_ns(self, conference_sid: str) -> int | None:
        """Return the loop time at which a conference started; None if it has not."""
        begun = self._started_ns.get(conference_sid)
        if begun is not None:
            return begun
        starts = [each.started_ns for _, each in self.participations(conference_sid)]
        return min((at for at in starts if at is not None), default=None)
