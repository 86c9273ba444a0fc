"""The parts of a scenario: what each reads, what it refuses, and what parts say of each other."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mediasim.documents.diagnostics import ScenarioError
from mediasim.documents.durations import Duration
from mediasim.exchange import events
from mediasim.exchange.events import EXCHANGE_EVENTS
from mediasim.net.network import GilbertElliott, Impairments, Jitter, Loss, Network, Stall
from mediasim.scenario.model.call import AnswerSpec, Call, Greeting, Transfer, Voicemail
from mediasim.scenario.model.conference import Muted, ParticipantSpec
from mediasim.scenario.model.expect import (
    ExpectAligned,
    ExpectChannels,
    ExpectDownload,
    ExpectDuration,
    ExpectEvents,
    ExpectHeard,
    ExpectNoCrosstalk,
    ExpectSilent,
    ExpectStatus,
)
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.model.party import PartySpec
from mediasim.scenario.model.recording import (
    ConferenceRecording,
    MomentSpec,
    RecordingPause,
    RecordingSpec,
    Start,
)
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.model.steps import (
    Dtmf,
    Emit,
    Hangup,
    Hold,
    Mute,
    Noise,
    Pause,
    Play,
    Repeat,
    Resume,
    Say,
    Together,
    Tone,
    Unmute,
    WaitFor,
    walk,
)

SECOND = 1_000_000_000
TALKERS: dict[str, Any] = {
    "alice": {"script": [{"say": "Hello there, Bob"}, {"play": "ring.wav"}, {"emit": "offered"}]},
    "bob": None,
    "carol": None,
}


def scenario(tmp_path: Path | None = None, **parts: Any) -> Scenario:
    """A scenario of alice, bob and carol; alice calls bob where nothing else is said."""
    data: dict[str, Any] = {"parties": TALKERS, **parts}
    if not {"call", "calls", "conference", "conferences"} & data.keys():
        data["call"] = {"from": "alice", "to": "bob", "recording": True}
    if tmp_path is None:
        steps = [{"say": "Hello there, Bob"}, {"emit": "offered"}]
        data["parties"] = {**data["parties"], "alice": {"script": steps}}
    return parse_scenario(data, base=tmp_path or ".")


def wrong(**parts: Any) -> list[str]:
    """The problems of such a scenario, each with its path."""
    with pytest.raises(ScenarioError) as caught:
        scenario(**parts)
    return [str(problem) for problem in caught.value.problems]


def script(*steps: Any) -> tuple[Any, ...]:
    return tuple(PartySpec.model_validate({"script": steps}).script)


# -- durations ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "nanoseconds"),
    [
        ("1.5", 1_500_000_000),
        ("1.5s", 1_500_000_000),
        (".5", 500_000_000),
        ("500ms", 500_000_000),
        ("20us", 20_000),
        ("2m", 120 * SECOND),
        ("1h", 3600 * SECOND),
        ("1m30s", 90 * SECOND),
        ("1h 2m 3s", 3723 * SECOND),
        ("1:30", 90 * SECOND),
        ("1:02:03", 3723 * SECOND),
        ("0:01.25", 1_250_000_000),
        (" 7s ", 7 * SECOND),
        ("24h", 86_400 * SECOND),
        (0.1, 100_000_000),
        (3, 3 * SECOND),
        (1e-6, 1000),
    ],
)
def test_durations_are_read_as_people_write_them(written: object, nanoseconds: int) -> None:
    assert Duration.of(written) == nanoseconds


@pytest.mark.parametrize(
    "written",
    ["", "s", "soon", "-1", "1:99", "1 parsec", "25h", "1s2m", -1, True, None, float("nan"), [1]],
)
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        Duration.of(written)


@given(st.integers(0, 86_400 * SECOND))
def test_a_duration_reads_what_it_writes(nanoseconds: int) -> None:
    duration = Duration(nanoseconds)
    assert Duration.of(str(duration)) == nanoseconds
    assert Duration.of(duration) == nanoseconds
    assert pickle.loads(pickle.dumps(duration)) == nanoseconds


def test_a_duration_is_a_number_of_nanoseconds() -> None:
    assert Duration.of("20ms") // 20_000_000 == 1
    assert Duration.of("1.5s").seconds == 1.5
    assert f"{Duration.of('1.5')} {Duration.of('20ms')!r}" == "1.5s Duration.of('20ms')"


# -- steps --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "step"),
    [
        ({"say": "Hello"}, Say(text="Hello")),
        (
            {"say": {"text": "Hi", "voice": "amy", "level": "-20dB", "at": "4s"}},
            Say(text="Hi", voice="amy", level=-20, at=Duration.of(4)),
        ),
        ({"say": "0123"}, Say(text="0123")),
        ({"play": "a.wav"}, Play(file=Path("a.wav"))),
        ({"play": {"file": "a.wav", "level": -12}}, Play(file=Path("a.wav"), level=-12)),
        ({"tone": {"hz": "440Hz", "for": "2s"}}, Tone(hz=440, for_=Duration.of(2))),
        ({"tone": {"hz": ["440", 480], "for": 2}}, Tone(hz=[440, 480], for_=Duration.of(2))),
        ({"noise": {"for": "3s"}}, Noise(for_=Duration.of(3))),
        (
            {"noise": {"kind": "babble", "for": "3s", "level": "-30"}},
            Noise(kind="babble", for_=Duration.of(3), level=-30),
        ),
        ({"dtmf": "0123"}, Dtmf(digits="0123")),
        ({"dtmf": 12}, Dtmf(digits="12")),
        (
            {"dtmf": {"digits": "*#", "in_band": "yes", "tone": "80ms", "gap": "60ms"}},
            Dtmf(digits="*#", in_band=True, tone=Duration.of(0.08), gap=Duration.of(0.06)),
        ),
        ({"pause": "1:30"}, Pause(for_=Duration.of(90))),
        ({"pause": {"for": "1s"}}, Pause(for_=Duration.of(1))),
        ({"wait_for": "other-stops"}, WaitFor(quiet=Duration.of("600ms"))),
        (
            {"wait_for": {"quiet": "700ms", "timeout": "10s"}},
            WaitFor(quiet=Duration.of("700ms"), timeout=Duration.of(10)),
        ),
        ({"wait_for": {"speech": "true"}}, WaitFor(speech=True)),
        ({"wait_for": {"digit": "1"}}, WaitFor(digit="1")),
        ({"wait_for": {"event": "call.bridged"}}, WaitFor(event="call.bridged")),
        ({"wait_for": {"time": "12s"}}, WaitFor(time=Duration.of(12))),
        ("mute", Mute()),
        ("unmute", Unmute()),
        ("hold", Hold()),
        ("resume", Resume()),
        ("hangup", Hangup()),
        ({"hangup": None}, Hangup()),
        ({"emit": "offered"}, Emit(name="offered")),
        ({"repeat": {"times": "3", "steps": ["mute"]}}, Repeat(times=3, steps=[Mute()])),
        (
            {"together": [[{"say": "a"}], [{"say": "b"}]]},
            Together(lines=[[Say(text="a")], [Say(text="b")]]),
        ),
    ],
)
def test_every_step_in_every_form(written: object, step: object) -> None:
    assert script(written) == (step,)


@pytest.mark.parametrize(
    ("written", "where", "message"),
    [
        ({"sya": "x"}, "[0].sya", "did you mean 'say'?"),
        ({"press": 1}, "[0].press", "unknown step; expected one of say, play, tone"),
        ("hang-up", "[0]", "unknown step 'hang-up'; expected one of say,"),
        (3, "[0]", "expected a step: one of say, play"),
        ([], "[0]", "expected a step"),
        ({}, "[0]", "expected a step"),
        ("say", "[0]", "'text' is missing"),
        ({"say": None}, "[0].say", "'text' is missing"),
        ({"say": "x", "level": -3}, "[0].level", "belongs inside say: write say: {..., level: ..."),
        ({"say": "x", "pause": 1}, "[0].pause", "a step has one key, found say and pause"),
        ({"say": {"txt": "x"}}, "[0].say.txt", "did you mean 'text'?"),
        ({"say": "  "}, "[0].say", "expected text, found '  '"),
        ({"say": {"text": "x", "level": 3}}, "[0].say.level", "from -100 to 0, found '3'"),
        ({"play": "none.wav"}, "[0].play", "there is no file 'none.wav'"),
        ({"tone": {"hz": [440, 4000], "for": 1}}, "[0].tone.hz[1]", "from 20 to 3999"),
        ({"tone": {"hz": [], "for": 1}}, "[0].tone.hz", "expected a frequency or a list"),
        ({"tone": {"hz": 440, "for": 0}}, "[0].tone.for", "expected longer than 0s, found 0s"),
        ({"tone": {"hz": 440}}, "[0].tone", "'for' is missing"),
        ({"noise": {"kind": "whit", "for": 1}}, "[0].noise.kind", "did you mean 'white'?"),
        ({"dtmf": "12e"}, "[0].dtmf", "expected keys among 0-9"),
        ({"dtmf": {"digits": "1", "gap": "10ms"}}, "[0].dtmf.gap", "expected at least 40ms"),
        ({"pause": "soon"}, "[0].pause", "expected a duration such as 1.5s"),
        ({"wait_for": "silence"}, "[0].wait_for", "expected other-stops or a mapping"),
        ({"wait_for": {"timeout": 1}}, "[0].wait_for", "exactly one of quiet, speech, digit"),
        ({"wait_for": {"quiet": 1, "time": 2}}, "[0].wait_for.time", "found quiet and time"),
        ({"wait_for": {"speech": "no"}}, "[0].wait_for.speech", "expected true"),
        ({"mute": {"at": 1}}, "[0].mute.at", "unknown key"),
        ({"emit": "a.b"}, "[0].emit", "expected a name"),
        ({"repeat": {"times": 0, "steps": []}}, "[0].repeat.times", "a whole number from 1"),
        ({"repeat": {"times": 2.5, "steps": []}}, "[0].repeat.times", "found '2.5'"),
        ({"answer_as": {"who": "fax", "text": "x"}}, "[0].answer_as.text", "none of a fax"),
        ({"together": [["hold"]]}, "[0].together[0][0]", "cannot run beside other talk"),
        ({"together": [{"say": "x"}]}, "[0].together[0]", "expected a list"),
    ],
)
def test_a_wrong_step_is_one_clear_mistake(written: object, where: str, message: str) -> None:
    problems = wrong(parties={"bob": {"script": [written]}, "carol": None, "alice": None})
    assert len(problems) == 1
    path, _, text = problems[0].partition(": ")
    assert path == f"parties.bob.script{where}"
    assert message in text


def test_a_step_mistake_inside_others_is_found_in_its_place() -> None:
    inner = {"repeat": {"times": 2, "steps": [{"together": [[{"pause": 1}, {"say": ""}]]}]}}
    assert wrong(parties={**TALKERS, "bob": {"script": [inner]}}) == [
        "parties.bob.script[0].repeat.steps[0].together[0][1].say: expected text, found ''"
    ]


def test_walk_finds_the_steps_inside_steps() -> None:
    steps = script(
        {"repeat": {"times": 2, "steps": ["mute", {"together": [[{"say": "a"}], [{"say": "b"}]]}]}}
    )
    found = {".".join(map(str, at)): step.keyword for at, step in walk(steps)}
    assert found == {
        "0.repeat": "repeat",
        "0.repeat.steps.0.mute": "mute",
        "0.repeat.steps.1.together": "together",
        "0.repeat.steps.1.together.lines.0.0.say": "say",
        "0.repeat.steps.1.together.lines.1.0.say": "say",
    }


def test_repeats_cannot_multiply_without_bound() -> None:
    steps: object = {"pause": 1}
    for _ in range(3):
        steps = {"repeat": {"times": 1000, "steps": [steps]}}
    (problem,) = wrong(parties={**TALKERS, "bob": {"script": [steps]}})
    assert problem.startswith("parties.bob.script: runs more than 100,000 steps")


# -- parties and networks -----------------------------------------------------------------------


def test_an_empty_party_has_the_defaults() -> None:
    party = scenario().parties["bob"]
    assert party == PartySpec()
    assert (party.codec, party.ptime, party.dtx, party.noise) == ("PCMU", 20, "off", None)
    assert party.reaction == 200_000_000
    assert party.network.jitter_buffer == 60_000_000
    assert party.network.towards_server == party.network.towards_party == Impairments()


@pytest.mark.parametrize(
    ("party", "problem"),
    [
        ({"codec": "pcmu"}, "codec: expected one of PCMU, PCMA, G722, OPUS, found 'pcmu'; did you"),
        ({"ptime": 25}, "ptime: expected a multiple of 10"),
        ({"ptime": "70ms"}, "ptime: expected a whole number from 10 to 60"),
        ({"ptime": 30, "codec": "OPUS"}, "ptime: expected 20 for OPUS"),
        ({"dtx": "comfort-noise", "codec": "OPUS"}, "dtx: expected off or silence"),
        ({"reaction": "100ms"}, "reaction: expected at least 200ms, found 100ms"),
        ({"number": "911"}, "number: expected a number such as +14155550100, found '911'"),
        ({"network": {"loss": 5}}, "network.loss: expected a share such as 1% or 0.01, found '5'"),
        ({"network": {"loss": "101%"}}, "network.loss: expected a share"),
        ({"network": {"jitter_buffer": "50ms"}}, "network.jitter_buffer: expected a multiple of 2"),
        ({"network": {"jitter": {}}}, "network.jitter: expected exactly one of uniform, normal"),
        ({"network": {"skew": "1%"}}, "network.skew: expected parts per million"),
        ({"network": {"one_way": True}}, "network.one_way: say which way is blocked"),
        ({"network": {"up": {}, "delay": 1}}, "network.delay: write it under up or down"),
        (
            {"network": {"up": {"stalls": [{"at": 1, "for": 2}, {"at": 2, "for": 1}]}}},
            "network.up.stalls[1].at: begins before",
        ),
        ("alice", "expected a mapping with one of number, voice"),
    ],
)
def test_what_a_party_cannot_be(party: object, problem: str) -> None:
    problems = wrong(parties={**TALKERS, "bob": party})
    assert len(problems) == 1
    assert problems[0].removeprefix("parties.bob").lstrip(".: ").startswith(problem)


def test_a_network_of_two_ways() -> None:
    network = Network.model_validate(
        {
            "up": {
                "delay": "20ms",
                "jitter": {"normal": "5ms"},
                "loss": {"gilbert_elliott": {"enter": "1%", "leave": "30%", "loss_bad": "80%"}},
                "skew": "120ppm",
                "stalls": [{"at": "5s", "for": "2s", "kind": "pause"}],
            },
            "jitter_buffer": "100ms",
            "conceal": "repeat",
        }
    )
    up = network.towards_server
    assert up.jitter is not None
    assert (up.jitter.kind, up.jitter.scale) == ("normal", 5_000_000)
    assert up.loss == Loss(gilbert_elliott=GilbertElliott(enter=0.01, leave=0.3, loss_bad=0.8))
    assert up.skew == 120
    assert up.stalls == (Stall(at=Duration.of(5), for_=Duration.of(2), kind="pause"),)
    assert network.towards_party == Impairments()


def test_a_network_without_ways_is_both() -> None:
    network = Network.model_validate({"delay": 0.03, "jitter": "10ms", "loss": 0.02})
    assert network.towards_server == network.towards_party
    assert network.towards_party == Impairments(
        delay=Duration.of("30ms"),
        jitter=Jitter(uniform=Duration.of("10ms")),
        loss=Loss(random=0.02),
    )


def test_numbers_are_made_up_from_the_range_for_fiction() -> None:
    parties: dict[str, Any] = {f"p{number}": None for number in range(120)}
    parties["p5"] = {"number": "+14155550100"}
    numbers = scenario(parties=parties, call={"from": "p0", "to": "p1"}).numbers
    assert numbers["p0"] == "+14155550101"
    assert numbers["p5"] == "+14155550100"
    assert numbers["p119"] == "+14165550119"
    assert len(set(numbers.values())) == len(numbers)


# -- calls, recordings, conferences -------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("2s", AnswerSpec(after=Duration.of(2))),
        ({"after": 2}, AnswerSpec(after=Duration.of(2))),
        ("no-answer", AnswerSpec(outcome="no-answer")),
        ("busy", AnswerSpec(outcome="busy")),
        ({"outcome": "reject", "after": "3s"}, AnswerSpec(outcome="reject", after=Duration.of(3))),
    ],
)
def test_answers(written: object, answer: AnswerSpec) -> None:
    (call,) = scenario(call={"from": "alice", "to": "bob", "answer": written}).calls
    assert call.answer == answer


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (True, [RecordingSpec(name="main", of="dial")]),
        ("on", [RecordingSpec(name="main", of="dial")]),
        ("dual", [RecordingSpec(name="main", channels="dual", of="dial")]),
        (False, []),
        ("no", []),
        (
            [True, {"start": {"at": 5}, "track": "inbound"}],
            [
                RecordingSpec(name="main", of="dial"),
                RecordingSpec(
                    name="recording-2", start=Start(at=Duration.of(5)), track="inbound", of="api"
                ),
            ],
        ),
        (
            {
                "name": "later",
                "start": "ringing",
                "pause": {"at": 3, "for": "2s", "behavior": "skip"},
                "stop": "9s",
            },
            [
                RecordingSpec(
                    name="later",
                    start=Start(on="ringing"),
                    pauses=[
                        RecordingPause(at=Duration.of(3), for_=Duration.of(2), behavior="skip")
                    ],
                    stop=MomentSpec(at=Duration.of(9)),
                    of="dial",
                )
            ],
        ),
    ],
)
def test_recordings(written: object, expected: list[RecordingSpec]) -> None:
    (call,) = scenario(call={"from": "alice", "to": "bob", "recording": written}).calls
    assert call.recordings == tuple(expected)
    assert call.recording is None


def test_names_are_given_where_there_are_none() -> None:
    made = scenario(
        calls=[
            {"from": "alice", "to": "bob", "recordings": [True, {"name": "mine"}]},
            {"from": "alice", "voicemail": True, "at": "60s"},
        ],
        conference={"participants": ["carol"], "recording": True},
    )
    assert [call.name for call in made.calls] == ["main", "call-2"]
    assert [room.name for room in made.conferences] == ["room"]
    plans = made.recordings
    assert [plan.name for plan in plans] == ["main", "mine", "recording-3", "recording-4"]
    assert [plan.kind for plan in plans] == ["dial", "dial", "record-verb", "conference"]
    assert [plan.parties for plan in plans] == [
        ("alice", "bob"),
        ("alice", "bob"),
        ("alice",),
        ("carol",),
    ]
    assert [plan.layout(made.profile).stored_channels for plan in plans] == [2, 2, 1, 2]


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        ({"from": "alice"}, "call: expected exactly one of to, voicemail, app, found none"),
        ({"to": "bob"}, "call: 'from' is missing"),
        ({"form": "alice", "to": "bob"}, "call.form: unknown key; expected one of name, from"),
        ({"from": "alice", "to": "bob", "voicemail": True}, "call.voicemail: expected exactly one"),
        ({"from": "alcie", "to": "bob"}, "call.from: unknown party 'alcie'; expected one of alice"),
        ({"from": "alice", "to": "alice"}, "call.to: alice cannot call itself"),
        ({"from": "alice", "to": "bob", "answer": "bussy"}, "call.answer: expected one of answer,"),
        (
            {"from": "alice", "to": "bob", "answer_on_bridge": True, "dial_after": 2},
            "call.dial_after: expected nothing beside answer_on_bridge: true",
        ),
        (
            {"from": "alice", "to": "bob", "transfer": {"at": 3, "to": "bob"}},
            "call.transfer.to: bob is in the call already",
        ),
        (
            {"from": "alice", "to": "bob", "transfers": [{"at": 3, "to": "alice"}]},
            "call.transfers[0].to: alice is the caller",
        ),
        (
            {"from": "alice", "to": "bob", "transfer": {"event": "offred", "to": "carol"}},
            "call.transfer.event: no script emits 'offred'; expected one of offered, call.queued",
        ),
        (
            {"from": "alice", "to": "bob", "transfer": "10s"},
            "call.transfer: expected a mapping with one of at, event, to, answer, timeout",
        ),
        (
            {"from": "alice", "voicemail": {"greeting": {"say": {"text": "x", "at": 3}}}},
            "call.voicemail.greeting.say.at: a greeting is played when",
        ),
        (
            {"from": "alice", "voicemail": {"finish_on_key": "x"}},
            "call.voicemail.finish_on_key: expected keys among",
        ),
        (
            {"from": "alice", "voicemail": True, "recording": {"start": "ringing"}},
            "call.recording.start: expected answer: nobody is dialled here",
        ),
        (
            {"from": "alice", "voicemail": True, "dial_after": 1},
            "call.dial_after: expected a call to a party",
        ),
    ],
)
def test_what_a_call_cannot_be(call: object, problem: str) -> None:
    problems = wrong(call=call)
    assert len(problems) == 1
    assert problems[0].startswith(problem)


@pytest.mark.parametrize(
    ("recording", "problem"),
    [
        ("daul", ": expected true, false, mono, dual or a mapping"),
        ({"start": "ringin"}, ".start: expected one of answer, ringing, found 'ringin'; did you m"),
        ({"start": {"at": 1, "event": "offered"}}, ".start.event: expected exactly one of on, at"),
        ({"of": "dial", "start": {"at": 1}}, ".of: expected api"),
        ({"of": "call", "start": "ringing"}, ".of: expected dial"),
        ({"pause": {"at": 1, "for": 1, "until": "3s"}}, ".pause.until: expected for or until"),
        ({"pause": {"at": 3, "until": "2s"}}, ".pause.until: expected a time after"),
        ({"pauses": [{"at": 1}, {"at": 2}]}, None),
        ({"pauses": [{"at": 1, "for": 3}, {"at": 2}]}, ".pauses[1].at: begins before"),
        ({"start": {"at": 5}, "pause": {"at": 2, "for": 1}}, ".pause.at: is before the recording"),
        ({"start": {"at": 5}, "stop": "4s"}, ".stop: is not after the recording starts at 5s"),
        (
            {"pause": {"at": 1}, "pauses": [{"at": 2}]},
            ".pause: expected pause or pauses, found bot",
        ),
        ({"stop": {"event": "ofered"}}, ".stop.event: no script emits 'ofered'"),
    ],
)
def test_what_a_recording_cannot_be(recording: object, problem: str | None) -> None:
    call = {"from": "alice", "to": "bob", "recording": recording}
    if problem is None:
        scenario(call=call)
        return
    problems = wrong(call=call)
    assert len(problems) == 1
    assert problems[0].startswith(f"call.recording{problem}")


@pytest.mark.parametrize(
    ("of", "start", "source"),
    [
        (None, "answer", "DialVerb"),
        (None, {"at": 3}, "StartCallRecordingAPI"),
        ("call", "answer", "OutboundAPI"),
        ("api", "answer", "StartCallRecordingAPI"),
    ],
)
def test_what_asked_for_a_recording(of: str | None, start: object, source: str) -> None:
    recording = {"start": start} | ({"of": of} if of else {})
    (call,) = scenario(call={"from": "alice", "to": "bob", "recording": recording}).calls
    assert call.recordings[0].source == source


def test_voicemail_and_its_greetings() -> None:
    (call,) = scenario(call={"from": "alice", "voicemail": {"greeting": "Speak now"}}).calls
    assert call.voicemail == Voicemail(name="main", greeting=Greeting(say=Say(text="Speak now")))
    assert call.voicemail.finish_on_key == "1234567890*#"
    (call,) = scenario(
        call={"from": "alice", "voicemail": {"finish_on_key": "", "beep": "off"}}
    ).calls
    assert call.voicemail == Voicemail(name="main", finish_on_key="", beep=False)


def test_transfers_one_or_several() -> None:
    one = {"at": 10, "to": "carol", "answer": "no-answer"}
    (call,) = scenario(call={"from": "alice", "to": "bob", "transfer": one}).calls
    transfer = Transfer(at=Duration.of(10), to="carol", answer=AnswerSpec(outcome="no-answer"))
    assert call.transfers == (transfer,)
    assert call.parties == ("alice", "bob", "carol")
    (call,) = scenario(
        call={
            "from": "alice",
            "to": "bob",
            "transfers": [one, {"event": "call.bridged", "to": "bob"}],
        }
    ).calls
    assert [each.to for each in call.transfers] == ["carol", "bob"]


def test_conferences() -> None:
    (room,) = scenario(
        conference={
            "participants": [
                "alice",
                {"party": "bob", "join": "2s", "leave": "9s", "muted": {"at": "3s", "for": "1s"}},
                {"party": "carol", "muted": "true"},
            ],
            "recording": {"channels": "dual"},
            "end": "1m",
        }
    ).conferences
    alice, bob, carol = room.participants
    assert alice == ParticipantSpec(party="alice")
    assert (bob.join, bob.leave) == (2 * SECOND, 9 * SECOND)
    assert bob.mutes == (Muted(at=Duration.of(3), for_=Duration.of(1)),)
    assert carol.mutes == (Muted(),)
    assert room.recording == ConferenceRecording(name="main", channels="dual")
    assert room.recording.trim == "trim-silence"
    assert scenario(conference={"participants": ["bob"], "recording": "no"}).recordings == ()


@pytest.mark.parametrize(
    ("conference", "problem"),
    [
        ({"participants": []}, "conference.participants: expected somebody"),
        ({"participants": ["dave"]}, "conference.participants[0]: unknown party 'dave'"),
        ({"participants": ["bob", "bob"]}, "conference.participants[1]: bob is in the conference"),
        (
            {"participants": [{"party": "bob", "join": 3, "leave": 2}]},
            "conference.participants[0].leave: expected a time after it joins at 3s, found 2s",
        ),
        ({"participants": ["bob"], "end": 0}, "conference.participants[0]: joins when"),
        ({"participants": ["bob"], "record": True}, "conference.record: unknown key; expected"),
        ({"participants": ["bob"], "recording": {"track": "both"}}, "conference.recording.track: "),
    ],
)
def test_what_a_conference_cannot_be(conference: object, problem: str) -> None:
    problems = wrong(conference=conference)
    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_a_party_may_leave_a_conference_and_come_back() -> None:
    scenario(
        conference={"participants": [{"party": "bob", "leave": 2}, {"party": "bob", "join": 2}]}
    )


# -- between parts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({"calls": []}, "nothing happens"),
        (
            {"calls": [{"from": "alice", "to": "bob"}, {"from": "carol", "to": "bob"}]},
            "calls[1].to: bob is in call main at that time",
        ),
        (
            {
                "calls": [
                    {"from": "carol", "to": "bob", "answer": "5s"},
                    {"from": "carol", "to": "alice", "at": "4s"},
                ]
            },
            "calls[1].from: carol is in call main at that time",
        ),
        (
            {
                "call": {"from": "alice", "to": "bob"},
                "conference": {"participants": [{"party": "bob", "join": "500ms"}]},
            },
            "conference.participants[0]: bob is in call main at that time",
        ),
        (
            {
                "calls": [
                    {"name": "main", "from": "alice", "to": "bob"},
                    {"name": "main", "from": "alice", "to": "bob", "at": "60s"},
                ]
            },
            "calls[1].name: 'main' is the name of another call already",
        ),
        (
            {"call": {"from": "alice", "to": "bob", "recordings": [True, {"name": "main"}]}},
            "call.recordings[1].name: 'main' is the name of another recording already",
        ),
        (
            {
                "parties": {
                    **TALKERS,
                    "bob": {"number": "+14155550199"},
                    "carol": {"number": "+14155550199"},
                }
            },
            "parties.carol.number: '+14155550199' is the number of another party already",
        ),
        (
            {"parties": {**TALKERS, "bob": {"script": [{"wait_for": {"event": "offer"}}]}}},
            "parties.bob.script[0].wait_for.event: no script emits 'offer'; expected",
        ),
        ({"profile": "2022"}, "profile: expected one of 2016-legacy, 2022-05"),
        ({"seed": "-1"}, "seed: expected a whole number"),
        ({"name": "my scenario"}, "name: expected a name"),
        (
            {"call": {"from": "alice", "to": "bob"}, "calls": [{"from": "alice", "to": "bob"}]},
            "call",
        ),
    ],
)
def test_what_does_not_fit_together(parts: Mapping[str, object], problem: str) -> None:
    problems = wrong(**parts)
    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_calls_one_after_the_other_may_share_parties() -> None:
    scenario(
        calls=[
            {"from": "alice", "to": "bob", "answer": "busy"},
            {"from": "alice", "to": "bob", "at": "5s"},
        ]
    )


def test_a_caller_that_gives_up_may_call_again() -> None:
    parties = {"bob": None, "alice": None, "carol": {"script": [{"pause": 2}, "hangup"]}}
    scenario(
        parties=parties,
        calls=[
            {"from": "carol", "to": "bob", "answer": "no-answer"},
            {"from": "carol", "to": "alice", "at": "10s"},
        ],
    )


def test_the_events_of_the_exchange_are_the_documented_ones() -> None:
    documented = events.__doc__ or ""
    for kind in EXCHANGE_EVENTS:
        noun, _, word = kind.partition(".")
        if word not in ("queued", "transferred"):
            assert kind in documented or f"``.{word}``" in documented, kind
        assert noun in documented


# -- expectations -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"channels": "2"}, ExpectChannels(is_=2)),
        ({"channels": {"recording": "main", "is": 1}}, ExpectChannels(recording="main", is_=1)),
        ({"duration": "12s"}, ExpectDuration(is_=Duration.of(12))),
        (
            {"duration": {"is": "1:00", "within": "40ms"}},
            ExpectDuration(is_=Duration.of(60), within=Duration.of("40ms")),
        ),
        ({"status": "absent"}, ExpectStatus(is_="absent")),
        ({"status": {"call": "main", "is": "busy"}}, ExpectStatus(call="main", is_="busy")),
        ({"heard": "bob"}, ExpectHeard(party="bob")),
        (
            {
                "heard": {
                    "party": "alice",
                    "channel": "1",
                    "text": "hello there",
                    "clip": "ring.wav",
                    "between": ["0s", "5s"],
                }
            },
            ExpectHeard(
                party="alice",
                channel=1,
                text="hello there",
                clip="ring.wav",
                between=(Duration.of(0), Duration.of(5)),
            ),
        ),
        ({"silent": 2}, ExpectSilent(channel=2)),
        (
            {"silent": {"between": [3, 4], "below": "-70"}},
            ExpectSilent(between=(Duration.of(3), Duration.of(4)), below=-70),
        ),
        ("no_crosstalk", ExpectNoCrosstalk()),
        ({"no_crosstalk": "-60"}, ExpectNoCrosstalk(above=-60)),
        ("aligned", ExpectAligned()),
        ({"aligned": 0}, ExpectAligned()),
        (
            {"aligned": {"within": "8 samples", "party": "bob"}},
            ExpectAligned(within=8, party="bob"),
        ),
        (
            {"events": ["call.answered", "offered"]},
            ExpectEvents(names=["call.answered", "offered"]),
        ),
        ({"download": {}}, ExpectDownload()),
        ({"download": {"requested_channels": "absent"}}, ExpectDownload()),
        (
            {"download": {"requested_channels": "2", "format": "mp3", "channels": 2}},
            ExpectDownload(requested_channels=2, format="mp3", channels=2),
        ),
        (
            {"download": {"requested_channels": 3, "status": "400"}},
            ExpectDownload(requested_channels=3, status=400),
        ),
    ],
)
def test_every_expectation_in_every_form(tmp_path: Path, written: object, expected: object) -> None:
    (tmp_path / "ring.wav").touch()
    assert scenario(tmp_path, expect=[written]).expect == (expected,)


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({"channel": 2}, ".channel: unknown check; expected one of channels, duration"),
        ({"channels": 3}, ".channels: expected a whole number from 1 to 2, found '3'"),
        ({"duration": None}, ".duration: 'is' is missing"),
        ({"duration": {"is": "x"}}, ".duration.is: expected a duration"),
        ({"status": "done"}, ".status: expected one of completed, absent"),
        ({"status": "busy"}, ".status: a recording is never busy"),
        ({"status": {"call": "main", "is": "absent"}}, ".status.is: a call is never absent"),
        ({"status": {"call": "mian", "is": "busy"}}, ".status.call: unknown call 'mian'; expected"),
        ({"status": {"call": "main", "recording": "main", "is": "busy"}}, ".status.recording: exp"),
        (
            {"channels": {"recording": "min", "is": 2}},
            ".channels.recording: unknown recording 'min",
        ),
        ({"heard": "bobb"}, ".heard: unknown party 'bobb'; expected one of alice, bob, carol; did"),
        ({"heard": "carol"}, ".heard: carol has no part in what recording main records"),
        ({"heard": {"party": "alice", "text": "help"}}, ".heard.text: alice's script never says"),
        ({"heard": {"party": "alice", "clip": "x.wav"}}, ".heard.clip: alice's script never plays"),
        ({"heard": {"party": "bob", "between": [5, 3]}}, ".heard.between: expected the earlier"),
        ({"heard": {"party": "bob", "between": 5}}, ".heard.between: expected two times"),
        ({"aligned": {"party": "carol"}}, ".aligned.party: carol has no part"),
        ({"events": []}, ".events: expected names of events"),
        ({"events": ["call.anwsered"]}, ".events[0]: no script emits 'call.anwsered'"),
        ({"download": {"status": 404, "channels": 1}}, ".download.channels: status 404 comes with"),
        ({"download": {"format": "ogg"}}, ".download.format: expected one of wav, mp3"),
        (
            {"download": {"requested_channels": "many"}},
            ".download.requested_channels: expected a w",
        ),
    ],
)
def test_what_cannot_be_expected(written: object, problem: str) -> None:
    problems = wrong(expect=[written])
    assert len(problems) == 1
    assert problems[0].startswith(f"expect[0]{problem}")


def test_an_expectation_must_say_which_of_several_recordings() -> None:
    call = {"from": "alice", "to": "bob", "recordings": ["dual", {"name": "caller"}]}
    assert wrong(call=call, expect=[{"channels": 2}]) == [
        "expect[0].channels: which recording? Write recording: and one of main, caller"
    ]
    assert wrong(call={"from": "alice", "to": "bob"}, expect=[{"channels": 2}]) == [
        "expect[0].channels: nothing is recorded"
    ]


def test_a_channel_that_the_layout_cannot_have() -> None:
    call = {"from": "alice", "to": "bob", "recording": {"track": "inbound"}}
    (problem,) = wrong(call=call, expect=[{"silent": 2}])
    assert problem.startswith("expect[0].silent: recording main has one channel: One track was")
    room = {"participants": ["alice", "bob"], "recording": True}
    expect = [{"heard": {"party": "bob", "channel": 2}}]
    (problem,) = wrong(conference=room, expect=expect, profile="2022-05")
    assert problem.startswith("expect[0].heard.channel: recording main has one channel")
    scenario(conference=room, expect=expect)


def test_the_status_of_the_only_call_needs_no_name() -> None:
    scenario(call={"from": "alice", "to": "bob", "answer": "busy"}, expect=[{"status": "busy"}])


# -- in Python ----------------------------------------------------------------------------------


def test_the_same_scenario_from_objects_and_from_a_dict() -> None:
    built = Scenario(
        name="scenario",
        parties={"alice": PartySpec(script=[Say(text="Hello"), Hangup()]), "bob": PartySpec()},
        call=Call(from_="alice", to="bob", recording=RecordingSpec(channels="dual")),
        expect=[ExpectChannels(is_=2)],
    )
    read = parse_scenario(
        {
            "parties": {"alice": {"script": [{"say": "Hello"}, "hangup"]}, "bob": None},
            "call": {"from": "alice", "to": "bob", "recording": "dual"},
            "expect": [{"channels": 2}],
        }
    )
    assert built == read
    assert built.source is None
    assert built.label == ""


def test_a_dict_may_hold_parts_already_built() -> None:
    made = parse_scenario(
        {
            "parties": {"a": PartySpec(script=[Say(text="Hi")]), "b": PartySpec()},
            "call": Call(from_="a", to="b", at=Duration.of("2s")),
        }
    )
    assert made.calls[0].at == 2 * SECOND


def test_numbers_in_python_are_seconds_and_durations_are_themselves() -> None:
    assert Pause.model_validate({"for": 2}).for_ == 2 * SECOND
    assert Pause(for_=Duration(2)).for_ == 2


def test_parts_are_immutable_and_travel_between_processes() -> None:
    made = scenario(expect=["aligned"])
    with pytest.raises(ValidationError):
        made.seed = 3
    assert pickle.loads(pickle.dumps(made)) == made
    assert made.model_copy(update={"seed": 3}).seed == 3


def test_a_scenario_dumps_in_the_shape_it_is_written_in(tmp_path: Path) -> None:
    (tmp_path / "ring.wav").touch()
    made = scenario(
        tmp_path,
        call={"from": "alice", "to": "bob", "recording": {"pause": {"at": 1, "for": 2}}},
        expect=["aligned", {"heard": "bob"}],
    )
    dumped = made.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert dumped["parties"]["alice"]["script"][0] == {"say": {"text": "Hello there, Bob"}}
    assert dumped["calls"][0]["recordings"][0]["pauses"][0]["for"] == "2s"
    assert parse_scenario(dumped, base=tmp_path) == made


def test_wrong_arguments_in_python_say_what_is_right() -> None:
    with pytest.raises(ValidationError, match="unknown party 'bob'; expected alice"):
        Scenario(parties={"alice": PartySpec()}, call=Call(from_="alice", to="bob"))
    with pytest.raises(ValidationError, match="did you mean 'text'"):
        Say(txt="hello")  # type: ignore[call-arg]


def test_a_problem_found_later_is_told_by_its_path() -> None:
    problem = Scenario(
        parties={"alice": PartySpec(voice="nobody"), "bob": PartySpec()},
        call=Call(from_="alice", to="bob"),
    ).problem(("parties", "alice", "voice"), "unknown voice")
    assert str(problem) == "parties.alice.voice: unknown voice"
