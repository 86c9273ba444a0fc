"""A scenario compiled to TwiML and to requests to the REST API, as far as they can express it.

Features that only one side has, refused here with :class:`CannotSay`:

* a Dial's own recording ends with that Dial, a scenario's continues through transfers; so with
  transfers only recordings by request are compiled;
* each Dial has a time limit of its own, a scenario's call has one for all its legs; so transfers
  exclude a time limit;
* a scenario's call waits for its transfers; in a sandbox, a party at the end of its script hangs up
  before a request it cannot know of; so drawn scenarios keep a party busy until then;
* Dial and Record count their times, and Pause its length, in whole seconds;
* a number answers in one way: no party is dialled twice with different answers;
* REST and ``<Start><Recording>`` act on answered calls: where the caller is answered with the
  bridge, no request comes at that very moment;
* moments are times: a request that waits for an event would need logic in the app;
* participants leave a conference by hanging up in their scripts: a request that removes a
  participant is no hang-up;
* noise, telephone lines and bad networks are drawn under a leg's name, and a conference's legs have
  other names in a sandbox: there only noise that has a label of its own, lines of a given level
  without noise, and networks that only delay.

A transfer is a request that gives the active call another Dial. ``<Number url>``, screening, exists
in TwiML only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.documents.diagnostics import Diagnostic, ScenarioError
from mediasim.scenario.model.call import AnswerSpec, Call, Transfer, Voicemail
from mediasim.scenario.model.conference import ConferenceSpec
from mediasim.scenario.model.party import PartySpec
from mediasim.scenario.model.recording import MomentSpec, RecordingPause, RecordingSpec
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.model.steps import walk

__all__ = [
    "APP",
    "OVER",
    "CannotSay",
    "Change",
    "answers_of",
    "call_twiml",
    "changes_of",
    "conference_twiml",
    "moment_ns",
    "recording_form",
    "transfer_twiml",
]

APP: Final = "+15005550006"
"""The app's own number."""
OVER: Final = "http://127.0.0.1/over"
"""URL at which the app ends a call."""


class CannotSay(ScenarioError):
    """TwiML and REST cannot express a scenario; the message says which part."""

    def __init__(self, words: str) -> None:
        super().__init__([Diagnostic(f"cannot be said in TwiML and REST: {words}")])


@dataclass(frozen=True, slots=True)
class Change:
    """A request that pauses, resumes or stops a recording."""

    at_ns: int
    """Time of the request, counted as the scenario's moments are."""
    form: tuple[tuple[str, str], ...]


_ADDED: Final = 5
"""Seconds that Twilio adds to a Dial's timeout, which is 5 to 600 itself."""
_SHORTEST_RING: Final = 5 + _ADDED
_LONGEST_RING: Final = 600 + _ADDED


def _seconds(duration: int, what: str) -> str:
    """Return a duration in whole seconds. Raises CannotSay for a fraction."""
    if duration % NS_PER_SECOND:
        raise CannotSay(f"{what}: TwiML counts whole seconds")
    return str(duration // NS_PER_SECOND)


def moment_ns(moment: MomentSpec, what: str) -> int:
    """Return the time of a moment in the call. Raises CannotSay for an event."""
    if moment.at is None:
        raise CannotSay(f"{what}: a request comes at a time, not with an event")
    return int(moment.at)


# -- answers --------------------------------------------------------------------------------


def answers_of(call: Call) -> dict[str, AnswerSpec]:
    """Return how each party that the call dials answers.

    Raises CannotSay for a party that answers in several ways.
    """
    if call.to is None:
        return {}
    answers = {call.to: call.answer}
    for transfer in call.transfers:
        if answers.setdefault(transfer.to, transfer.answer) != transfer.answer:
            raise CannotSay(f"{transfer.to} answers now so, now so")
    return answers


# -- documents ------------------------------------------------------------------------------


def call_twiml(scenario: Scenario, call: Call) -> str:
    """Return the document of a call. Raises CannotSay."""
    response = Element("Response")
    for recording in call.recordings:
        if recording.start.on == "answer" and recording.of == "api":
            if call.answer_on_bridge:
                raise CannotSay("a request at the moment of the bridge")
            _recording_element(SubElement(response, "Start"), recording)
    if call.to is not None:
        _add_dial(response, scenario, call)
    elif call.voicemail is not None:
        _add_record(response, call.voicemail)
    else:
        raise CannotSay(f"call {call.name} goes to an app")
    return tostring(response, "unicode")


def _add_record(response: Element, mail: Voicemail) -> None:
    """Add the Record verb of a voicemail. Raises CannotSay."""
    if mail.greeting is not None:
        raise CannotSay("a greeting: Say has voices of its own")
    SubElement(
        response,
        "Record",
        action=OVER,
        timeout=_seconds(mail.timeout, "timeout"),
        maxLength=_seconds(mail.max_length, "max_length"),
        finishOnKey=mail.finish_on_key,
        playBeep=str(mail.beep).lower(),
        trim=mail.trim,
    )


def _add_dial(response: Element, scenario: Scenario, call: Call) -> None:
    """Add the Dial verb of a call. Raises CannotSay."""
    assert call.to is not None
    if call.transfers and call.time_limit is not None:
        raise CannotSay("a time limit beside transfers: each Dial has its own")
    if call.dial_after:
        SubElement(response, "Pause", length=_seconds(call.dial_after, "dial_after"))
    dial = _dial(response, scenario.numbers[call.to], call.timeout)
    if call.time_limit is not None:
        dial.set("timeLimit", _seconds(call.time_limit, "time_limit"))
    if call.answer_on_bridge:
        dial.set("answerOnBridge", "true")
    own = [recording for recording in call.recordings if recording.of == "dial"]
    if len(own) > 1:
        raise CannotSay("several recordings of one Dial")
    for recording in own:
        if call.transfers:
            raise CannotSay("a Dial's recording beside transfers: it ends with its Dial")
        dual = "-dual" if recording.channels == "dual" else ""
        dial.set("record", f"record-from-{recording.start.on}{dual}")
        dial.set("recordingTrack", recording.track)
        dial.set("trim", recording.trim)


def transfer_twiml(scenario: Scenario, transfer: Transfer) -> str:
    """Return the document that transfers an active call to a party. Raises CannotSay."""
    response = Element("Response")
    _dial(response, scenario.numbers[transfer.to], transfer.timeout)
    return tostring(response, "unicode")


def _dial(response: Element, number: str, timeout: int) -> Element:
    """Add a Dial verb with a number. Raises CannotSay."""
    whole = int(_seconds(timeout, "timeout"))
    if not _SHORTEST_RING <= whole <= _LONGEST_RING:
        raise CannotSay(f"timeout: a Dial rings {_SHORTEST_RING} to {_LONGEST_RING} s")
    dial = SubElement(response, "Dial", timeout=str(whole - _ADDED))
    SubElement(dial, "Number").text = number
    return dial


def _recording_element(start: Element, recording: RecordingSpec) -> None:
    """Add the Recording noun of a Start verb."""
    SubElement(
        start,
        "Recording",
        channels=recording.channels,
        track=recording.track,
        trim=recording.trim,
    )


def conference_twiml(scenario: Scenario, conference: ConferenceSpec) -> str:
    """Return the document of a call that takes part in a conference. Raises CannotSay."""
    for participant in conference.participants:
        if _has_leg_draws(scenario.parties[participant.party]):
            raise CannotSay(f"what is drawn under the name of {participant.party}'s leg")
    response = Element("Response")
    noun = SubElement(SubElement(response, "Dial"), "Conference", beep="false", waitUrl="")
    noun.text = conference.name
    if conference.recording is not None:
        noun.set("record", "record-from-start")
        noun.set("trim", conference.recording.trim)
    return tostring(response, "unicode")


def _has_leg_draws(party: PartySpec) -> bool:
    """Return whether something of a party is drawn at random under the name of its leg."""
    network = party.network
    links = (network.towards_server, network.towards_party)
    return (
        party.noise is not None
        or party.telephone_line.drawn_by_leg
        or party.telephone_line.echoes
        or party.dtx == "comfort-noise"
        or any(link.jitter or link.loss or link.reorder or link.duplicate for link in links)
        or any(step.drawn_by_leg for _, step in walk(party.script))
    )


# -- recordings by request ------------------------------------------------------------------


def recording_form(recording: RecordingSpec) -> dict[str, str]:
    """Return the parameters of a request to record."""
    return {
        "RecordingChannels": recording.channels,
        "RecordingTrack": recording.track,
        "Trim": recording.trim,
    }


def changes_of(pauses: Sequence[RecordingPause], stop: MomentSpec | None) -> Iterator[Change]:
    """Yield the requests that change an active recording, in order. Raises CannotSay."""
    for pause in pauses:
        begin_ns = moment_ns(pause, "a pause")
        behavior = ("PauseBehavior", pause.behavior)
        yield Change(begin_ns, (("Status", "paused"), behavior))
        if pause.for_ is not None:
            yield Change(begin_ns + int(pause.for_), (("Status", "in-progress"),))
        elif pause.until is not None:
            yield Change(moment_ns(pause.until, "a pause"), (("Status", "in-progress"),))
    if stop is not None:
        yield Change(moment_ns(stop, "a stop"), (("Status", "stopped"),))
