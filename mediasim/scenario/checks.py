"""Expectations held against what a run left: files, truth, records and events.

Audio is measured in the published file, not believed from the truth: the truth says what to look
for and where.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.files import decode_audio
from mediasim.audio.frames import FRAME_SAMPLES, NS_PER_SECOND, SAMPLE_RATE
from mediasim.audio.wav import read_wav
from mediasim.exchange.download import download
from mediasim.exchange.recording_control import LiveRecording
from mediasim.scenario.model_expect import (
    ExpectAligned,
    Expectation,
    ExpectChannels,
    ExpectDownload,
    ExpectDuration,
    ExpectEvents,
    ExpectHeard,
    ExpectNoCrosstalk,
    ExpectSilent,
    ExpectStatus,
)
from mediasim.scenario.runner import Run
from mediasim.truth.measure import crosstalk_db, find_offset, match_at
from mediasim.truth.reference import coded
from mediasim.truth.sidecar import Interval, RecordingTruth

__all__ = ["Verdict", "check"]

_REACH: Final = 4000
"""Samples around its place in which a clip is looked for."""
_HEARD: Final = 0.5
"""The correlation from which on a clip counts as heard."""
_FULL_SCALE: Final = 32768.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an expectation holds, and what was found."""

    ok: bool
    check: str
    wanted: str
    found: str
    where: dict[str, Any] | None = None
    """file, channel and time (seconds in the file) to listen at."""


class _Failed(Exception):
    """The expectation does not hold; says what was found."""

    def __init__(self, found: str, where: dict[str, Any] | None = None) -> None:
        super().__init__(found)
        self.where = where


def check(run: Run, expectation: Expectation) -> Verdict:
    """Hold one expectation against a run."""
    judge, wanted = _JUDGES[type(expectation)], _wanted(expectation)
    try:
        found = judge(run, expectation)
    except _Failed as failure:
        return Verdict(False, expectation.keyword, wanted, str(failure), failure.where)
    return Verdict(True, expectation.keyword, wanted, found)


# -- what was recorded ----------------------------------------------------------------------


def _recording(run: Run, name: str | None) -> LiveRecording:
    recording = run.recording(name)
    if recording is None:
        known = ", ".join(each.name for each in run.exchange.recordings) or "none"
        wanted = f"recording {name}" if name else "a recording"
        raise _Failed(f"{wanted} was never started (there is: {known})")
    return recording


def _media(run: Run, recording: LiveRecording) -> tuple[NDArray[np.int16], RecordingTruth]:
    """The published file's channels, and their truth."""
    if recording.record.status != "completed":
        raise _Failed(f"recording {recording.name} is {recording.record.status}: it has no media")
    path = run.exchange.store.wav_path(recording.sid)
    return _read(path, path.stat().st_mtime_ns), run.truths[recording.sid]


@lru_cache(maxsize=2)
def _read(path: Path, changed: int) -> NDArray[np.int16]:
    return read_wav(path).pcm


def _where(recording: LiveRecording, channel: int | None, sample: int | float) -> dict[str, Any]:
    return {
        "file": f"recordings/{recording.sid}.wav",
        "channel": channel or 1,
        "time": round(sample / SAMPLE_RATE, 3),
    }


def _channels(run: Run, wanted: ExpectChannels) -> str:
    recording = _recording(run, wanted.recording)
    pcm, _ = _media(run, recording)
    found = f"{len(pcm)} ({recording.record.layout.rule.reason})"
    if len(pcm) != wanted.is_:
        raise _Failed(found, _where(recording, 1, 0))
    return found


def _duration(run: Run, wanted: ExpectDuration) -> str:
    recording = _recording(run, wanted.recording)
    seconds = (recording.record.samples or 0) / SAMPLE_RATE
    found = f"{seconds:.3f} s"
    if abs(seconds - wanted.is_ / NS_PER_SECOND) > wanted.within / NS_PER_SECOND + 1e-9:
        raise _Failed(found, _where(recording, 1, recording.record.samples or 0))
    return found


def _status(run: Run, wanted: ExpectStatus) -> str:
    if wanted.call is not None:
        call = run.call(wanted.call)
        if call is None:
            raise _Failed(f"call {wanted.call} was never dialled")
        found = _outcome(run, wanted.call)
    else:
        found = _recording(run, wanted.recording).record.status
    if found != wanted.is_:
        raise _Failed(found)
    return found


def _outcome(run: Run, name: str) -> str:
    """How a call ended: as its dialled leg did, if that was never answered."""
    legs = [call for call in run.exchange.calls if call.name.split("/")[0] == name]
    children = [leg for leg in legs if leg.record.parent_call_sid]
    return (children[-1] if children else legs[0]).record.status


# -- what is heard --------------------------------------------------------------------------


def _heard(run: Run, wanted: ExpectHeard) -> str:
    recording = _recording(run, wanted.recording)
    pcm, truth = _media(run, recording)
    low, high = _between(wanted.between, pcm.shape[1])
    candidates = [
        (channel.channel, interval)
        for channel in truth.channels
        for interval in channel.intervals
        if interval.party == wanted.party
        and interval.start < high
        and interval.end > low
        and _is_wanted(interval, wanted)
    ]
    in_channel = [
        (number, interval)
        for number, interval in candidates
        if wanted.channel is None or number == wanted.channel
    ]
    best = 0.0
    for number, interval in in_channel:
        match = find_offset(pcm[number - 1], _reference(interval), interval.start, _REACH)
        if match is not None and abs(match.correlation) >= _HEARD:
            at = match.offset / SAMPLE_RATE
            return (
                f"{wanted.party} says {interval.text!r} in channel {number} at {at:.3f} s, "
                f"correlation {match.correlation:.3f}"
            )
        best = max(best, 0.0 if match is None else match.correlation)
    place = _where(recording, wanted.channel, low)
    if in_channel:
        raise _Failed(
            f"{wanted.party} should be there, but nothing in the file is like it "
            f"(best correlation {best:.3f})",
            _where(recording, in_channel[0][0], in_channel[0][1].start),
        )
    if candidates:
        others = ", ".join(str(number) for number, _ in candidates)
        raise _Failed(f"{wanted.party} is heard in channel {others} instead", place)
    raise _Failed(f"nothing of the kind was recorded of {wanted.party}", place)


def _is_wanted(interval: Interval, wanted: ExpectHeard) -> bool:
    if wanted.text is not None and wanted.text.casefold() not in interval.text.casefold():
        return False
    return wanted.clip is None or (interval.kind == "play" and interval.text == wanted.clip)


def _reference(interval: Interval) -> NDArray[np.int16]:
    return coded(interval.pcm, interval.codec) if interval.codec in _G711 else interval.pcm


_G711: Final = ("PCMU", "PCMA")


def _between(between: tuple[Any, Any] | None, samples: int) -> tuple[int, int]:
    if between is None:
        return 0, samples
    return tuple(round(at * SAMPLE_RATE / NS_PER_SECOND) for at in between)  # type: ignore[return-value]


def _silent(run: Run, wanted: ExpectSilent) -> str:
    recording = _recording(run, wanted.recording)
    pcm, _ = _media(run, recording)
    low, high = _between(wanted.between, pcm.shape[1])
    loudest, where = -96.0, (1, low)
    for number, channel in enumerate(pcm, 1):
        if wanted.channel is not None and number != wanted.channel:
            continue
        level, at = _loudest_frame(channel[low:high])
        if level > loudest:
            loudest, where = level, (number, low + at)
    found = f"{loudest:.1f} dBFS at its loudest"
    if loudest >= wanted.below:
        raise _Failed(f"{found}, in channel {where[0]}", _where(recording, *where))
    return found


def _loudest_frame(pcm: NDArray[np.int16]) -> tuple[float, int]:
    """The level of the loudest 20 ms, and its first sample."""
    count = len(pcm) // FRAME_SAMPLES
    if not count:
        return -96.0, 0
    frames = pcm[: count * FRAME_SAMPLES].reshape(count, FRAME_SAMPLES).astype(np.float64)
    energy = np.einsum("ij,ij->i", frames, frames) / FRAME_SAMPLES
    at = int(energy.argmax())
    if not energy[at]:
        return -96.0, 0
    return float(10 * np.log10(energy[at] / _FULL_SCALE**2)), at * FRAME_SAMPLES


def _no_crosstalk(run: Run, wanted: ExpectNoCrosstalk) -> str:
    recording = _recording(run, wanted.recording)
    pcm, truth = _media(run, recording)
    if len(pcm) < 2:
        return "one channel: there is no other to leak into"
    worst, where = -96.0, (1, 0)
    for channel in truth.channels:
        spans = [(it.start, it.end) for it in channel.intervals if it.party is not None]
        other = 2 - channel.channel  # index of the other channel
        own_words = {it.digest or it.text for it in truth.channels[other].intervals}
        spans = [
            (it.start, it.end)
            for it in channel.intervals
            if it.party is not None and (it.digest or it.text) not in own_words
        ]
        for span in spans:
            level = crosstalk_db(pcm[other], pcm[channel.channel - 1], [span])
            if level is not None and level > worst:
                worst, where = level, (other + 1, span[0])
    found = f"{worst:.1f} dB at most"
    if worst > wanted.above:
        raise _Failed(f"{found}, into channel {where[0]}", _where(recording, *where))
    return found


def _aligned(run: Run, wanted: ExpectAligned) -> str:
    recording = _recording(run, wanted.recording)
    pcm, truth = _media(run, recording)
    measured, worst = 0, 0
    for channel in truth.channels:
        for interval in channel.intervals:
            if interval.party is None or (wanted.party and interval.party != wanted.party):
                continue
            reference = _reference(interval)
            match = find_offset(pcm[channel.channel - 1], reference, interval.due, _REACH)
            if match is None or match.correlation < _HEARD:
                continue
            measured += 1
            off = match.offset - interval.due
            # A periodic sound is like itself at many places: where it is due is the one meant.
            if off and match_at(pcm[channel.channel - 1], reference, interval.due, ()) >= (
                match.correlation - 1e-6
            ):
                off = 0
            worst = max(worst, off, key=abs)
            if abs(off) > wanted.within:
                raise _Failed(
                    f"{interval.party}'s {interval.text!r} stands {abs(off)} samples "
                    f"{'late' if off > 0 else 'early'} ({off / 8:.1f} ms)",
                    _where(recording, channel.channel, match.offset),
                )
    if not measured:
        raise _Failed("there is nothing to measure: nobody says anything that can be told apart")
    return f"{measured} clips, {worst} samples off at most"


# -- events and downloads -------------------------------------------------------------------


def _events(run: Run, wanted: ExpectEvents) -> str:
    kinds = [event.kind for event in sorted(run.exchange.events.log, key=lambda it: it.at_ns)]
    position = 0
    for number, name in enumerate(wanted.names):
        try:
            position = kinds.index(name, position) + 1
        except ValueError:
            before = f" after {wanted.names[number - 1]}" if number else ""
            raise _Failed(f"no {name}{before}; there were: {', '.join(kinds)}") from None
    return "in this order"


def _download(run: Run, wanted: ExpectDownload) -> str:
    recording = _recording(run, wanted.recording)
    answer = download(
        run.exchange.store,
        recording.record,
        requested_channels=wanted.requested_channels,
        format=wanted.format,
    )
    channels = None
    if answer.path is not None:
        channels = len(decode_audio(answer.path.read_bytes())[1])
    found = f"{answer.status}" + (f", {channels} channels" if channels else f": {answer.message}")
    if answer.status != wanted.status or (wanted.channels and channels != wanted.channels):
        raise _Failed(found, _where(recording, 1, 0))
    return found


def _wanted(expectation: Expectation) -> str:
    """The expectation in words, as it was written."""
    given = expectation.model_dump(exclude_unset=True, by_alias=True)
    return ", ".join(f"{name} {_plain(value)}" for name, value in given.items()) or "always"


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_plain(each) for each in value) + "]"
    return str(value)


_JUDGES: Final[dict[type[Any], Callable[[Run, Any], str]]] = {
    ExpectAligned: _aligned,
    ExpectChannels: _channels,
    ExpectDownload: _download,
    ExpectDuration: _duration,
    ExpectEvents: _events,
    ExpectHeard: _heard,
    ExpectNoCrosstalk: _no_crosstalk,
    ExpectSilent: _silent,
    ExpectStatus: _status,
}
