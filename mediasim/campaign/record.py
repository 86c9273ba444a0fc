"""Makes a composed call: runs its scenario, and returns its row and its audio."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.wav import read_wav
from mediasim.campaign.clip import Clips
from mediasim.campaign.compose import ComposedCall, Planned
from mediasim.campaign.flac import encode_flac
from mediasim.campaign.scratch import scratch_folder
from mediasim.parties.voices.speech import Speaker
from mediasim.scenario.model.steps import Play, Say
from mediasim.scenario.running.runner import Run, run_scenario
from mediasim.scenario.running.sounds import ScenarioSounds, SoundClip
from mediasim.seeds import Seeds
from mediasim.truth.documents import Interval, RecordingTruth

__all__ = ["RecordedCall", "record"]

SCHEMA = 1
"""Version of the row of a call."""


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call of a campaign, made and recorded."""

    index: int
    row: dict[str, Any]
    """Its JSON: channels, utterances, draws, and what the network lost."""
    pcm: NDArray[np.int16]
    """The recording, int16 (channels, samples) at 8 kHz."""
    flac: bytes
    """The recording as FLAC."""

    @property
    def json(self) -> bytes:
        """The row as it is stored."""
        return json.dumps(self.row, ensure_ascii=False, separators=(",", ":")).encode()


class _ClipSounds(ScenarioSounds):
    """The sounds of a call, whose files are clips by their digests."""

    def __init__(self, seeds: Seeds, base: Path, clips: Clips) -> None:
        super().__init__(seeds, Speaker(), base)
        self._clips = clips

    def clip_steps(self, step: Say | Play, voice: str) -> Generator[None, None, SoundClip]:
        if isinstance(step, Play):
            digest = str(step.file)
            try:
                clip = self._clips.clip(digest)
            except LookupError:
                pass
            else:
                return SoundClip(self._clips.pcm(digest), digest, clip.words)
        return (yield from super().clip_steps(step, voice))


def record(call: ComposedCall, clips: Clips, spec_digest: str) -> RecordedCall:
    """Run a composed call in virtual time and return it recorded. Raises RunFailed."""
    with scratch_folder() as folder:
        run = run_scenario(
            call.scenario,
            folder,
            seed=call.seed,
            sounds=lambda seeds: _ClipSounds(seeds, call.scenario.base, clips),
        )
        if run.cut_ns is not None:  # by Ctrl-C: it is not the call that it was to be
            raise KeyboardInterrupt
        recording = run.exchange.recordings[0]
        pcm = read_wav(run.exchange.store.wav_path(recording.sid)).pcm
        truth = run.truths[recording.sid]
    row = _row(call, run, truth, pcm, clips, spec_digest)
    return RecordedCall(call.index, row, pcm, encode_flac(pcm))


def _row(
    call: ComposedCall,
    run: Run,
    truth: RecordingTruth,
    pcm: NDArray[np.int16],
    clips: Clips,
    spec_digest: str,
) -> dict[str, Any]:
    name = f"{call.index:09d}"
    recording = run.exchange.recordings[0]
    parties = call.scenario.parties
    lines = {name: (each.codec, each.telephone_line.kind) for name, each in parties.items()}
    return {
        "schema": SCHEMA,
        "id": name,
        "index": call.index,
        "seed": call.seed,
        "spec_digest": spec_digest,
        "audio": {
            "file": f"{name}.flac",
            "sample_rate": SAMPLE_RATE,
            "channels": len(pcm),
            "samples": pcm.shape[1],
            "duration": pcm.shape[1] / SAMPLE_RATE,
            "pcm_sha256": sha256(np.ascontiguousarray(pcm.T, "<i2").data).hexdigest(),
        },
        "channels": [
            {
                "channel": entry.channel - 1,
                "party": entry.party,
                "speaker": call.speakers.get(entry.party or ""),
                "language": None,
                "voice": call.speakers.get(entry.party or ""),
                "codec": codec,
                "line": line,
                "role": entry.role,
            }
            for entry in recording.record.channel_map
            for codec, line in (lines.get(entry.party or "", (None, None)),)
        ],
        "utterances": list(_utterances(call, truth, clips)),
        "draws": {label: _plain(value) for label, value in call.drawn.items()},
        "network": {
            name: party.network.model_dump(mode="json", exclude_defaults=True)
            for name, party in parties.items()
        },
        "noise": {name: party.noise for name, party in parties.items() if party.noise is not None},
        "recording": {
            "stored_channels": recording.record.layout.stored_channels,
            "track": recording.record.layout.requested_track,
        },
        "faults": list(truth.faults),
        "loss": [
            {
                "channel": channel.channel - 1,
                "start_sample": gap.start,
                "end_sample": gap.end,
                "why": gap.why,
                "party": gap.party,
            }
            for channel in truth.channels
            for gap in channel.missing
        ],
        "conversation": "planned",
    }


def _utterances(
    call: ComposedCall, truth: RecordingTruth, clips: Clips
) -> Iterator[dict[str, Any]]:
    """Yield what was said, in the order of the file."""
    waiting = {name: list[Planned]() for name in call.scenario.parties}
    for each in call.planned:
        waiting[each.party].append(each)
    found: list[dict[str, Any]] = []
    for channel in truth.channels:
        for pieces in _grouped(channel.intervals):
            first, last = pieces[0], pieces[-1]
            clip = clips.clip(first.digest)
            plan = next((each for each in waiting[first.party or ""] if each.clip is clip), None)
            found.append(
                {
                    "channel": channel.channel - 1,
                    "party": first.party,
                    "speaker": clip.speaker,
                    "language": clip.language,
                    "text": clip.text,
                    "start_sample": first.start,
                    "end_sample": last.end,
                    "kind": "turn" if plan is None else plan.kind,
                    "clip": clip.digest,
                    "cut": sum(len(each.pcm) for each in pieces) < clip.samples,
                    "words": [
                        {
                            "text": word.text,
                            "start_sample": word.start,
                            "end_sample": word.end,
                            "estimated": word.estimated,
                        }
                        for piece in pieces
                        for word in piece.words
                    ],
                }
            )
    found.sort(key=lambda each: (each["start_sample"], each["channel"]))
    for number, said in enumerate(found):
        yield {"id": number, **said}


def _grouped(intervals: Sequence[Interval]) -> Iterator[list[Interval]]:
    """Yield the pieces of each utterance: a clip may be heard in several."""
    open_of: dict[str, list[Interval]] = {}
    done: list[list[Interval]] = []
    for each in intervals:
        if each.party is None or not each.digest:
            continue
        pieces = open_of.get(each.party)
        if pieces and pieces[-1].digest == each.digest and each.offset > pieces[-1].offset:
            pieces.append(each)
            continue
        open_of[each.party] = pieces = [each]
        done.append(pieces)
    yield from done


def _plain(value: Any) -> Any:
    """Return a drawn value as JSON has it: times in seconds."""
    from mediasim.documents.durations import Duration

    return value.seconds if isinstance(value, Duration) else value
