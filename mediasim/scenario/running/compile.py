"""Compiles a scenario's models to the plans that calls and conferences carry out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from mediasim.audio.frames import FRAME_NS
from mediasim.documents.durations import Duration
from mediasim.exchange.message import MessageRequest
from mediasim.exchange.phone import Answering
from mediasim.media.recorder import PauseBehavior
from mediasim.parties.party import Party
from mediasim.scenario.model import call as model_call
from mediasim.scenario.model import conference as model_conference
from mediasim.scenario.model import recording as model_recording
from mediasim.scenario.model.app import App
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.model.steps import listens
from mediasim.scenario.running import call_plans as plans
from mediasim.scenario.running.sounds import GREETER, ScenarioSounds
from mediasim.truth.faults.order import FaultOrder, parse_fault

if TYPE_CHECKING:
    from mediasim.scenario.running.apps import Apps

__all__ = [
    "app_plan",
    "conference_plan",
    "connection_plan",
    "dial_plan",
    "listeners_of",
    "ordered_faults",
    "parties_of",
    "voicemail_plan",
]


_LONGEST_CALL: Final = Duration.of("4h")
"""Time limit of a call to an app that sets none."""


def parties_of(scenario: Scenario) -> dict[str, Party]:
    """Return the simulated parties of a scenario, by name."""
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
            line=party.telephone_line,
            # Rounded up: a party never reacts sooner than was asked for.
            reaction_frames=-(-party.reaction // FRAME_NS),
            up=network.towards_server,
            down=network.towards_party,
            depth=network.jitter_buffer // FRAME_NS,
            conceal=network.conceal == "repeat",
        )
    return found


def listeners_of(scenario: Scenario) -> frozenset[str]:
    """Return the names of the parties whose scripts wait for something heard."""
    return frozenset(name for name, each in scenario.parties.items() if listens(each.script))


def ordered_faults(scenario: Scenario) -> dict[str, tuple[FaultOrder, ...]]:
    """Return the faults that are ordered for recordings, by their names."""
    return {
        plan.name: tuple(parse_fault(text) for text in plan.spec.faults)
        for plan in scenario.recordings
        if plan.spec.faults
    }


def dial_plan(call: model_call.Call, parties: dict[str, Party]) -> plans.DialPlan:
    """Return the plan of a call to a party."""
    assert call.to is not None
    return plans.DialPlan(
        name=call.name,
        caller=parties[call.from_],
        callee=parties[call.to],
        answering=_answering(call.answer),
        timeout_ns=int(call.timeout),
        time_limit_ns=None if call.time_limit is None else int(call.time_limit),
        answer_on_bridge=call.answer_on_bridge,
        dial_after_ns=int(call.dial_after),
        transfers=tuple(
            plans.TransferPlan(
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
) -> plans.VoicemailPlan:
    """Return the plan of a call that the Record verb answers."""
    mail = call.voicemail
    assert mail is not None
    plan = plans.VoicemailPlan(
        name=call.name,
        caller=parties[call.from_],
        recording=mail.name,
        request=MessageRequest(
            beep=mail.beep,
            timeout_ns=int(mail.timeout),
            finish_on_key=mail.finish_on_key,
            max_length_ns=int(mail.max_length),
        ),
        trim=mail.trim,
        also=tuple(_recording(recording) for recording in call.recordings),
    )
    if mail.greeting is None:
        return plan
    step = mail.greeting.sound
    clip = sounds.clip(step, GREETER)
    return replace(
        plan,
        greeting=clip.pcm,
        greeting_text=step.text or " ".join(word.text for word in clip.words),
        greeting_words=clip.words,
    )


def app_plan(call: model_call.Call, parties: dict[str, Party], apps: Apps) -> plans.AppPlan:
    """Return the plan of a call to an app."""
    assert call.app is not None
    return replace(
        connection_plan(call.app, call.name, call.name, parties[call.from_], apps),
        time_limit_ns=int(_LONGEST_CALL if call.time_limit is None else call.time_limit),
        recordings=tuple(_recording(recording) for recording in call.recordings),
    )


def connection_plan(app: App, key: str, name: str, caller: Party, apps: Apps) -> plans.AppPlan:
    """Return the plan of connecting a caller to an app, whose URL is found by its key."""
    from mediasim.twilio.relay.attributes import relay_request
    from mediasim.twilio.requests import StreamRequest

    parameters, relay = dict(app.parameters), None
    if app.relay is not None:
        relay, _ = relay_request({**app.relay, "url": apps.urls[key]}, parameters=parameters)
    return plans.AppPlan(
        name=name,
        caller=caller,
        request=StreamRequest(url=apps.urls[key], parameters=parameters),
        relay=relay,
        auth_token=apps.auth_token,
        time_limit_ns=int(_LONGEST_CALL),
    )


def conference_plan(
    conference: model_conference.ConferenceSpec, parties: dict[str, Party]
) -> plans.ConferencePlan:
    """Return the plan of a conference."""
    return plans.ConferencePlan(
        name=conference.name,
        participants=tuple(
            plans.ParticipantPlan(
                party=parties[participant.party],
                join_ns=int(participant.join),
                leave_ns=None if participant.leave is None else int(participant.leave),
                mutes=tuple(
                    plans.MutePlan(int(mute.at), None if mute.for_ is None else int(mute.for_))
                    for mute in participant.mutes
                ),
            )
            for participant in conference.participants
        ),
        recording=None if conference.recording is None else _recording(conference.recording),
        end_ns=None if conference.end is None else int(conference.end),
    )


def _answering(answer: model_call.AnswerSpec) -> Answering:
    return Answering(answer.outcome, int(answer.after))


def _moment(moment: model_recording.MomentSpec) -> plans.Moment:
    return plans.Moment(None if moment.at is None else int(moment.at), moment.event)


def _recording(
    spec: model_recording.RecordingSpec | model_recording.ConferenceRecording,
) -> plans.RecordingPlan:
    plan = plans.RecordingPlan(
        name=spec.name,
        channels=spec.channels,
        trim=spec.trim,
        source="Conference",
        pauses=tuple(
            plans.PausePlan(
                begin=_moment(pause),
                for_ns=None if pause.for_ is None else int(pause.for_),
                until=_moment(pause.until) if pause.until else None,
                behavior=PauseBehavior(pause.behavior),
            )
            for pause in spec.pauses
        ),
        stop=_moment(spec.stop) if spec.stop else None,
    )
    if isinstance(spec, model_recording.ConferenceRecording):
        return plan
    start: plans.Moment | Literal["leg", "answer", "ringing"]
    start = _moment(spec.start) if spec.start.on is None else spec.start.on
    # Dial records from the callee's answer, the other requesters from that of the leg itself.
    if start == "answer" and spec.of in ("call", "api"):
        start = "leg"
    return replace(plan, start=start, track=spec.track, source=spec.source)
