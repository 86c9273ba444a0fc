"""A scenario's model turned into what the exchange carries out."""

from __future__ import annotations

from typing import Final, Literal

from mediasim.audio.frames import FRAME_NS
from mediasim.documents.durations import Duration
from mediasim.exchange.message import MessageRequest
from mediasim.exchange.phone import Answering
from mediasim.media.recorder import PauseBehavior
from mediasim.parties.party import Party
from mediasim.scenario.model import call as model_call
from mediasim.scenario.model import conference as model_conference
from mediasim.scenario.model import recording as model_recording
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.model.steps import listens
from mediasim.scenario.running.apps import Apps
from mediasim.scenario.running.call_plans import (
    AppPlan,
    ConferencePlan,
    DialPlan,
    Moment,
    MutePlan,
    ParticipantPlan,
    PausePlan,
    RecordingPlan,
    TransferPlan,
    VoicemailPlan,
)
from mediasim.scenario.running.sounds import GREETER, ScenarioSounds
from mediasim.truth.faults.order import FaultOrder, parse_fault
from mediasim.twilio.requests import StreamRequest

__all__ = [
    "app_plan",
    "conference_plan",
    "dial_plan",
    "listeners_of",
    "ordered_faults",
    "parties_of",
    "voicemail_plan",
]


_LONGEST_CALL: Final = Duration.of("4h")


def parties_of(scenario: Scenario) -> dict[str, Party]:
    """The simulated parties of a scenario, by name."""
    numbers = scenario.numbers
    found = {}
    for name, party in scenario.parties.items():
        network = party.network
        found[name] = Party(
            name=name,
            number=numbers[name],
            codec=party.codec,
            ptime_ms=party.ptime,
            dtx=party.dtx,
            noise_dbfs=party.noise,
            line=party.line,
            reaction_frames=-(-party.reaction // FRAME_NS),
            up=network.towards_server,
            down=network.towards_party,
            depth=network.jitter_buffer // FRAME_NS,
            conceal=network.conceal == "repeat",
        )
    return found


def listeners_of(scenario: Scenario) -> frozenset[str]:
    """Parties whose scripts wait for something heard."""
    return frozenset(name for name, it in scenario.parties.items() if listens(it.script))


def ordered_faults(scenario: Scenario) -> dict[str, tuple[FaultOrder, ...]]:
    """How recordings are to be broken, by their names."""
    return {
        plan.name: tuple(parse_fault(text) for text in plan.asked.faults)
        for plan in scenario.recordings
        if plan.asked.faults
    }


def dial_plan(call: model_call.Call, parties: dict[str, Party]) -> DialPlan:
    """A call to a party."""
    assert call.to is not None
    return DialPlan(
        name=call.name,
        caller=parties[call.from_],
        callee=parties[call.to],
        answering=_answering(call.answer),
        timeout_ns=int(call.timeout),
        time_limit_ns=None if call.time_limit is None else int(call.time_limit),
        answer_on_bridge=call.answer_on_bridge,
        dial_after_ns=int(call.dial_after),
        transfers=tuple(
            TransferPlan(
                when=_moment(transfer),
                to=parties[transfer.to],
                answering=_answering(transfer.answer),
                timeout_ns=int(transfer.timeout),
            )
            for transfer in call.transfers
        ),
        recordings=tuple(_recording(recording) for recording in call.recordings),
    )


def voicemail_plan(
    call: model_call.Call, parties: dict[str, Party], sounds: ScenarioSounds
) -> VoicemailPlan:
    """A call that the Record verb answers."""
    mail = call.voicemail
    assert mail is not None
    greeting = None if mail.greeting is None else sounds.clip(mail.greeting.sound, GREETER)[0]
    return VoicemailPlan(
        name=call.name,
        caller=parties[call.from_],
        recording=mail.name,
        greeting=greeting,
        request=MessageRequest(
            beep=mail.beep,
            timeout_ns=int(mail.timeout),
            finish_on_key=mail.finish_on_key,
            max_length_ns=int(mail.max_length),
        ),
        trim=mail.trim,
        also=tuple(_recording(recording) for recording in call.recordings),
    )


def app_plan(call: model_call.Call, parties: dict[str, Party], apps: Apps) -> AppPlan:
    """A call to an app."""
    assert call.app is not None
    parameters = dict(call.app.parameters)
    return AppPlan(
        name=call.name,
        caller=parties[call.from_],
        ask=StreamRequest(url=apps.urls[call.name], parameters=parameters),
        auth_token=apps.auth_token,
        time_limit_ns=int(_LONGEST_CALL if call.time_limit is None else call.time_limit),
        recordings=tuple(_recording(recording) for recording in call.recordings),
    )


def conference_plan(
    conference: model_conference.ConferenceSpec, parties: dict[str, Party]
) -> ConferencePlan:
    """A conference."""
    asked = conference.recording
    recording = None
    if asked is not None:
        recording = RecordingPlan(
            name=asked.name,
            channels=asked.channels,
            trim=asked.trim,
            source="Conference",
            pauses=_pauses(asked),
            stop=_moment(asked.stop) if asked.stop else None,
        )
    return ConferencePlan(
        name=conference.name,
        participants=tuple(
            ParticipantPlan(
                party=parties[who.party],
                join_ns=int(who.join),
                leave_ns=None if who.leave is None else int(who.leave),
                mutes=tuple(
                    MutePlan(int(mute.at), None if mute.for_ is None else int(mute.for_))
                    for mute in who.mutes
                ),
            )
            for who in conference.participants
        ),
        recording=recording,
        end_ns=None if conference.end is None else int(conference.end),
    )


def _answering(answer: model_call.AnswerSpec) -> Answering:
    return Answering(answer.outcome, int(answer.after))


def _moment(moment: model_recording.MomentSpec) -> Moment:
    return Moment(None if moment.at is None else int(moment.at), moment.event)


def _recording(asked: model_recording.RecordingSpec) -> RecordingPlan:
    start = asked.start
    return RecordingPlan(
        name=asked.name,
        start=_moment(start) if start.on is None else _stage(asked),
        channels=asked.channels,
        track=asked.track,
        trim=asked.trim,
        source=asked.source,
        pauses=_pauses(asked),
        stop=_moment(asked.stop) if asked.stop else None,
    )


def _stage(asked: model_recording.RecordingSpec) -> Literal["leg", "answer", "ringing"]:
    """Whose answer is meant: Dial records from the callee's, the others from the leg's own."""
    if asked.start.on == "answer" and asked.of in ("call", "api"):
        return "leg"
    return asked.start.on or "answer"


def _pauses(
    asked: model_recording.RecordingSpec | model_recording.ConferenceRecording,
) -> tuple[PausePlan, ...]:
    return tuple(
        PausePlan(
            begin=_moment(pause),
            for_ns=None if pause.for_ is None else int(pause.for_),
            until=_moment(pause.until) if pause.until else None,
            behavior=PauseBehavior(pause.behavior),
        )
        for pause in asked.pauses
    )
