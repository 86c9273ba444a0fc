"""Expectations judged on a run: on its files, truth, records and events.

Each function returns what it found, or raises Failed with it; ``CHECKS`` has the function of each
kind of expectation. Those about audio are in ``audio.py``, those about apps in ``conversation.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mediasim.audio.frames import NS_PER_SECOND, SAMPLE_RATE
from mediasim.audio.wav import AudioFileError, read_wav
from mediasim.documents.diagnostics import counted
from mediasim.scenario.expectations.audio import after_beep, aligned, heard, no_crosstalk, silent
from mediasim.scenario.expectations.conversation import (
    conversing,
    judge_barge_in,
    judge_dead_air,
    judge_greeting,
    judge_response,
    judge_talk_over,
)
from mediasim.scenario.expectations.forbidden_audio import (
    first_match,
    search_target,
    utterances_of,
)
from mediasim.scenario.expectations.verdicts import (
    Failed,
    PublishedMedia,
    Verdict,
    media_of,
    place,
    recording_of,
)
from mediasim.scenario.model import app_expectations as of_apps
from mediasim.scenario.model import expect
from mediasim.scenario.model.expectation import Expect
from mediasim.scenario.running.runner import Run
from mediasim.twilio.download import Download, download

__all__ = ["CHECKS", "Verdict", "check"]


def check(run: Run, expectation: Expect) -> Verdict:
    """Judge a run by one expectation."""
    judge, wanted = CHECKS[type(expectation)], _wanted(expectation)
    try:
        found = judge(run, expectation)
    except Failed as failure:
        return Verdict(False, expectation.keyword, wanted, str(failure), failure.where)
    except AudioFileError as error:  # it was broken on purpose
        return Verdict(False, expectation.keyword, wanted, f"the file {error.problem}")
    return Verdict(True, expectation.keyword, wanted, found)


def _channels(run: Run, wanted: expect.ExpectChannels) -> str:
    media = media_of(run, wanted.recording)
    found = f"{len(media.pcm)} ({media.record.layout.rule.reason})"
    if len(media.pcm) != wanted.is_:
        raise Failed(found, place(media.record))
    return found


def _duration(run: Run, wanted: expect.ExpectDuration) -> str:
    recording = recording_of(run, wanted.recording)
    completed = recording.record.status == "completed"
    samples = media_of(run, recording.name).samples if completed else 0
    found = f"{samples / SAMPLE_RATE:.3f} s"
    if abs(samples * NS_PER_SECOND // SAMPLE_RATE - wanted.is_) > wanted.within:
        raise Failed(found, place(recording.record, 1, samples))
    return found


def _status(run: Run, wanted: expect.ExpectStatus) -> str:
    if wanted.call is not None or not run.scenario.recordings:
        found: str = _outcome(run, wanted.call)
    else:
        found = recording_of(run, wanted.recording).record.status
    if found != wanted.is_:
        raise Failed(found)
    return found


def _outcome(run: Run, name: str | None) -> str:
    """Return how a call ended: completed if any leg was answered, else as the leg that was
    dialled."""
    name = name or run.scenario.calls[0].name
    legs = [call for call in run.exchange.calls if call.flow == name]
    if not legs:
        raise Failed(f"call {name} was never dialled")
    dialled = [leg.record for leg in legs if leg.record.parent_call_sid]
    if not dialled or any(leg.answered_ns is not None for leg in dialled):
        return legs[0].record.status
    return dialled[-1].status


def _events(run: Run, wanted: expect.ExpectEvents) -> str:
    kinds = [event.kind for event in sorted(run.exchange.events.log, key=lambda each: each.at_ns)]
    position = 0
    for number, name in enumerate(wanted.names):
        try:
            position = kinds.index(name, position) + 1
        except ValueError:
            before = f" after {wanted.names[number - 1]}" if number else ""
            raise Failed(f"no {name}{before}; there were: {', '.join(kinds)}") from None
    return "in this order"


def _never_contains(run: Run, wanted: expect.ExpectNeverContains) -> str:
    try:
        target = search_target(wanted.text, utterances_of(run.exchange.calls))
    except ValueError as error:
        raise Failed(str(error)) from None
    searched = [each for each in run.exchange.recordings if each.record.status == "completed"]
    for recording in searched:
        match = first_match(media_of(run, recording.name), target)
        if match is not None:
            where = place(recording.record, match.channel, match.at)
            raise Failed(f"recording {recording.name}: {match.found}", where)
    return f"in none of {counted(len(searched), 'recording')}"


def _download(run: Run, wanted: expect.ExpectDownload) -> str:
    recording = recording_of(run, wanted.recording)
    answer = download(
        run.exchange.store,
        recording.record,
        requested_channels=wanted.requested_channels,
        format=wanted.format,
    )
    channels = _channels_in(answer, wanted.format)
    found = f"{answer.status}, {counted(channels, 'channel')}" if channels else str(answer.status)
    if answer.status != wanted.status or wanted.channels not in (None, channels):
        raise Failed(f"{found}: {answer.message}", place(recording.record))
    return found


def _channels_in(answer: Download, format: str) -> int:
    """Return the number of channels in the file of a download; 0 if it has none."""
    if answer.path is None:
        return 0
    if format == "wav":
        return len(read_wav(answer.path).pcm)
    from mediasim.audio.files import decode_audio

    return len(decode_audio(answer.path.read_bytes())[1])


def _wanted(expectation: Expect) -> str:
    """Return an expectation in words, as it was written."""
    given = expectation.model_dump(exclude_unset=True, by_alias=True)
    return ", ".join(f"{name} {_plain(value)}" for name, value in given.items()) or "always"


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_plain(each) for each in value) + "]"
    return "absent" if value is None else str(value)


def _listening(judge: Callable[[PublishedMedia, Any], str]) -> Callable[[Run, Any], str]:
    return lambda run, wanted: judge(media_of(run, wanted.recording), wanted)


CHECKS: Final[dict[type[Expect], Callable[[Run, Any], str]]] = {
    expect.ExpectAfterBeep: _listening(after_beep),
    expect.ExpectAligned: _listening(aligned),
    of_apps.ExpectBargeIn: conversing(lambda found, wanted: judge_barge_in(found, wanted.within)),
    expect.ExpectChannels: _channels,
    of_apps.ExpectDeadAir: conversing(lambda found, wanted: judge_dead_air(found, wanted.most)),
    expect.ExpectDownload: _download,
    expect.ExpectDuration: _duration,
    expect.ExpectEvents: _events,
    of_apps.ExpectGreeting: conversing(lambda found, wanted: judge_greeting(found, wanted.within)),
    expect.ExpectHeard: _listening(heard),
    expect.ExpectNeverContains: _never_contains,
    expect.ExpectNoCrosstalk: _listening(no_crosstalk),
    of_apps.ExpectResponse: conversing(
        lambda found, wanted: judge_response(found, wanted.within, wanted.unanswered)
    ),
    expect.ExpectSilent: _listening(silent),
    expect.ExpectStatus: _status,
    of_apps.ExpectTalkOver: conversing(lambda found, wanted: judge_talk_over(found, wanted.most)),
}
"""The function that judges a run by each kind of expectation."""
