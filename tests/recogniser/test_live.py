"""Recognisers on calls in progress: what is heard, when, and of whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.events import Event
from mediasim.exchange.live_call import LiveCall
from mediasim.media.recorder import Track
from mediasim.recogniser.live import LiveRecogniser, LiveResult, real_ear
from mediasim.recogniser.settings import PERFECT, RecogniserSettings
from mediasim.recogniser.spec import parse_recogniser
from mediasim.recogniser.tracks import track_words
from mediasim.recogniser.transcript import TranscriptWord
from mediasim.truth.analysis.transcription import plain_words

SAID = "Hello, is my order on its way?"
AGAIN = "I would like to know."
GATHER = (
    '<Response><Gather input="speech" speechTimeout="1" action="/heard"'
    ' partialResultCallback="/so-far"/></Response>'
)
APP = {"/voice": GATHER, "/heard": "<Response/>", "/so-far": "<Response/>"}


def results(sandbox: Any) -> list[tuple[str, float, int]]:
    """What Gathers told: the words, the confidence, and when, in nanoseconds."""
    return [
        (form["SpeechResult"], float(form["Confidence"]), each.queued_ns)
        for each in sandbox.deliveries
        if "SpeechResult" in (form := each.form)
    ]


def ask(sandbox: Any, **call: Any) -> int:
    """Call an app that gathers speech; return when the call began, in nanoseconds."""
    script = [{"pause": "1s"}, {"say": SAID}, {"pause": "9s"}]
    placed = sandbox.call(script=script, **call)
    sandbox.run_until_idle()
    return int(placed.record.created_ns)


def test_a_gather_hears_through_the_recogniser_of_the_test(mediasim_sandbox: Any) -> None:
    mediasim_sandbox.app(APP)
    began = ask(mediasim_sandbox)
    ((text, confidence, first),) = results(mediasim_sandbox)
    assert (text, confidence) == (SAID, 1.0)
    mediasim_sandbox.recogniser("realistic", word_error_rate=0.5, final_delay="900ms")
    again = ask(mediasim_sandbox)
    _, (text, confidence, second) = results(mediasim_sandbox)
    assert text != SAID
    assert confidence < 0.95
    assert (second - again) - (first - began) == 900_000_000


@pytest.mark.parametrize("whose", ["call", "party", "plan"])
def test_a_call_a_party_and_a_plan_have_recognisers(mediasim_sandbox: Any, whose: str) -> None:
    deaf = {"deletions": "100%"}
    if whose == "call":
        call: dict[str, Any] = {"recogniser": deaf}
    elif whose == "party":
        mediasim_sandbox.party("alice", recogniser=deaf)
        call = {"from_": "alice"}
    else:
        mediasim_sandbox.recogniser(deletions="100%")
        call = {}
    mediasim_sandbox.app(APP)
    ask(mediasim_sandbox, **call)
    assert not results(mediasim_sandbox)


# -- on a track -----------------------------------------------------------------------------


def heard_live(
    sandbox: Any,
    settings: RecogniserSettings,
    track: Track = Track.INBOUND,
    twiml: str = '<Pause length="20"/>',
    **more: Any,
) -> list[tuple[LiveResult, float]]:
    """The results of a recogniser on a call from its answer on, each with its time in seconds."""
    found: list[tuple[LiveResult, float]] = []
    service = sandbox.service

    def follow(event: Event) -> None:
        if event.kind != "call.answered":
            return
        call = next(each for each in service.exchange.calls if each.sid == event.subject)
        recogniser = LiveRecogniser(
            call,
            track,
            settings,
            lambda result: found.append((result, service.now_ns / 1e9)),
            **more,
        )
        task = service.spawn(recogniser.run())
        service.spawn(_cancelled_at_end(call, task))

    sandbox.on_engine(lambda: service.exchange.events.on("event", follow))
    sandbox.app({"/voice": f"<Response>{twiml}</Response>"})
    sandbox.call(script=[{"pause": "1s"}, {"say": SAID}, {"pause": "3s"}, {"say": AGAIN}])
    sandbox.run_until_idle()
    return found


async def _cancelled_at_end(call: LiveCall, task: asyncio.Task[None]) -> None:
    await call.ended.wait()
    task.cancel()


def test_each_utterance_has_a_final_result_after_its_silence(mediasim_sandbox: Any) -> None:
    delay = NS_PER_SECOND // 2
    settings = RecogniserSettings(end_of_utterance_ns=NS_PER_SECOND, final_delay_ns=delay)
    found = heard_live(mediasim_sandbox, settings)
    assert [result.text for result, _ in found] == [SAID, AGAIN]
    assert all(result.final and result.track is Track.INBOUND for result, _ in found)
    for result, at in found:
        # Silence, what the server takes to notice it, and the delay; babble may end in a pause.
        assert 1.5 <= at - result.utterance.end / 8000 < 2.0


def test_partial_results_grow_until_the_final_one(mediasim_sandbox: Any) -> None:
    found = [result for result, _ in heard_live(mediasim_sandbox, PERFECT, partials=True)]
    first = found[: next(at for at, each in enumerate(found) if each.final) + 1]
    assert len(first) > 2
    assert all(SAID.startswith(each.text) for each in first)
    assert [each.final for each in first] == [False] * (len(first) - 1) + [True]
    assert [len(each.text) for each in first] == sorted(len(each.text) for each in first)
    assert all(each.stability < 1 for each in first[:-1])


def test_what_the_server_says_is_heard_on_the_outbound_track(mediasim_sandbox: Any) -> None:
    twiml = '<Pause length="2"/><Say>Please hold the line.</Say><Pause length="9"/>'
    found = heard_live(mediasim_sandbox, PERFECT, Track.OUTBOUND, twiml)
    assert [(result.text, result.utterance.party) for result, _ in found] == [
        ("Please hold the line.", None)
    ]


def test_swapped_channels_are_swapped_in_live_results(mediasim_sandbox: Any) -> None:
    settings = parse_recogniser({"swapped_channels": True, "language": "en-GB"})
    found = heard_live(mediasim_sandbox, settings)
    assert {(result.track, result.utterance.language) for result, _ in found} == {
        (Track.OUTBOUND, "en-GB")
    }


def test_the_words_of_both_ends_of_a_conference_are_heard(mediasim_sandbox: Any) -> None:
    sandbox, heard = mediasim_sandbox, []
    room = "<Response><Dial><Conference>room</Conference></Dial></Response>"
    sandbox.app({"/voice": room})
    sandbox.call(from_="+15005550011", script=[{"pause": "3s"}, {"say": SAID}, {"pause": "4s"}])
    listener = sandbox.call(from_="+15005550012", script=[{"pause": "12s"}])
    sandbox.run_until_idle()
    call = sandbox.answered_calls[listener.sid]
    calls = list(sandbox.answered_calls.values())
    heard = sandbox.on_engine(lambda: track_words(call, Track.OUTBOUND, calls=calls))
    assert plain_words(" ".join(word.text for word in heard)) == plain_words(SAID)


def test_the_words_that_cross_an_own_line_are_heard(mediasim_sandbox: Any) -> None:
    sandbox = mediasim_sandbox
    answers: dict[str, str | Callable[..., str]] = {
        "/voice": "<Response><Dial>+15005550007</Dial></Response>",
        "/other": f'<Response><Say>{AGAIN}</Say><Pause length="9"/></Response>',
    }
    served = sandbox.app(answers)
    sandbox.app(served.url, number="+15005550007", voice="/other")
    sandbox.call(to="+15005550006", script=[{"pause": "4s"}, {"say": SAID}, "hangup"])
    sandbox.run_until_idle()
    lines, calls = {}, list(sandbox.answered_calls.values())
    for call in calls:
        for track in Track:
            words = sandbox.on_engine(partial(track_words, call, track, calls=calls))
            lines[call.record.direction, track.value] = " ".join(word.text for word in words)
    assert lines["outbound-dial", "inbound"] == AGAIN
    assert lines["inbound", "inbound"] == SAID
    assert lines["inbound", "outbound"] == AGAIN


def test_real_parties_are_heard_by_a_real_recogniser(
    mediasim_sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words of a line that is taken for a real one come from its sound."""
    lengths = []

    def hear(pcm: Any, party: str) -> list[TranscriptWord]:
        lengths.append(len(pcm))
        return [TranscriptWord("heard", 0, 100, party, "heard")]

    monkeypatch.setattr("mediasim.recogniser.real_audio.heard_words", hear)
    monkeypatch.setattr("mediasim.recogniser.live.knows_words", lambda call: False)
    settings = RecogniserSettings(real_audio="transcribe")
    ear = real_ear(mediasim_sandbox.service.studio.apart)
    found = heard_live(mediasim_sandbox, settings, ear=ear)
    assert [result.text for result, _ in found] == ["heard"] * 2
    spoken = [len(SAID), len(AGAIN)]
    assert lengths[0] > lengths[1] > 0.5 * 8000
    assert len(spoken) == len(lengths)
