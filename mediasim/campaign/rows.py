"""The row of a call: what its JSON says, taken from the truth of its recording."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.campaign.compose import ComposedCall
from mediasim.campaign.scripts import ClipName
from mediasim.campaign.spec.quantity import as_json
from mediasim.campaign.timing import Planned
from mediasim.exchange.recording_control import LiveRecording
from mediasim.scenario.running.sounds import voices_of
from mediasim.truth.documents import Interval, RecordingTruth

__all__ = ["SCHEMA", "call_row"]

SCHEMA: Final = 1
"""Version of the row of a call."""
_MIX: Final = {
    "channel": 0,
    **dict.fromkeys(("party", "speaker", "language", "voice", "codec", "line")),
    "role": "mix",
}
"""The one channel in which everybody is."""
_SPEECH: Final = ("say", "play")
_NAMED: Final = re.compile(r"^speaker/|/text(/|$)")
"""Labels under which a speaker or a clip is drawn, whose names may look like numbers."""


def call_row(
    call: ComposedCall,
    recording: LiveRecording,
    truth: RecordingTruth,
    pcm: NDArray[np.int16],
    spec_digest: str,
) -> dict[str, Any]:
    """Return the row of a call whose recording has these samples (channels, samples).

    With one channel where more are stored, everybody is in that.
    """
    mixed = len(pcm) < len(truth.channels)
    name = f"{call.index:09d}"
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
        "channels": [_MIX] if mixed else list(_channels(call, recording)),
        "utterances": list(_utterances(call, truth, mixed=mixed)),
        "draws": {
            label: value if _NAMED.search(label) else as_json(value)
            for label, value in call.drawn.items()
        },
        "network": {
            name: found
            for name, party in call.scenario.parties.items()
            if (found := party.network.model_dump(mode="json", exclude_defaults=True))
        },
        "noise": {
            name: party.noise
            for name, party in call.scenario.parties.items()
            if party.noise is not None
        },
        "recording": {
            **call.scenario.recordings[0].spec.model_dump(
                mode="json", exclude_defaults=True, by_alias=True
            ),
            "stored_channels": len(pcm),
        },
        "faults": list(_faults(truth, mixed=mixed)),
        "loss": [
            {
                "channel": 0 if mixed else channel.channel - 1,
                "start_sample": gap.start,
                "end_sample": gap.end,
                "why": gap.why,
                "party": gap.party,
            }
            for channel in truth.channels
            for gap in channel.missing
        ],
        "conversation": call.conversation,
    }


def _channels(call: ComposedCall, recording: LiveRecording) -> Iterator[dict[str, Any]]:
    voices = voices_of(call.scenario)
    for entry in recording.record.channel_map:
        party = call.scenario.parties.get(entry.party or "")
        speaker = call.speakers.get(entry.party or "", voices.get(entry.party or ""))
        yield {
            "channel": entry.channel - 1,
            "party": entry.party,
            "speaker": speaker,
            "language": next(
                (each.clip.language for each in call.planned if each.party == entry.party), None
            ),
            "voice": next(
                (each.clip.voice for each in call.planned if each.party == entry.party), speaker
            ),
            "codec": None if party is None else party.codec,
            "line": None if party is None else party.telephone_line.kind,
            "role": entry.role,
        }


# -- utterances ---------------------------------------------------------------------------------


def _utterances(
    call: ComposedCall, truth: RecordingTruth, *, mixed: bool
) -> Iterator[dict[str, Any]]:
    """Yield what was said, in the order of the file."""
    waiting: dict[str, list[Planned]] = {}
    for each in sorted(call.planned, key=lambda it: it.start):
        waiting.setdefault(each.party, []).append(each)
    voices = voices_of(call.scenario)
    found: list[dict[str, Any]] = []
    for channel in truth.channels:
        left = {party: list(them) for party, them in waiting.items()}
        for pieces in _grouped(channel.intervals):
            first = pieces[0]
            party = first.party or ""
            plan = _taken(left.get(party, []), first.digest)
            clip = None if plan is None else plan.clip
            found.append(
                {
                    "channel": 0 if mixed else channel.channel - 1,
                    "party": party,
                    "speaker": clip.speaker if clip is not None else voices.get(party),
                    "language": None if clip is None else clip.language,
                    "text": first.text if clip is None else clip.text,
                    "start_sample": first.start,
                    "end_sample": pieces[-1].end,
                    "kind": "turn" if plan is None else plan.kind,
                    "turn": None if plan is None else plan.turn,
                    "clip": first.digest if clip is None else clip.digest,
                    "cut": clip is not None and _said(pieces) < clip.samples,
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


def _said(pieces: Sequence[Interval]) -> int:
    """Return how much of a clip was said: up to the end of its last piece."""
    return pieces[-1].offset + pieces[-1].end - pieces[-1].start


def _taken(left: list[Planned], digest: str) -> Planned | None:
    """Take out of a party's plan the next utterance of a clip, and what was never heard before."""
    for number, each in enumerate(left):
        if digest.partition("@")[0] == str(ClipName.of(each.clip, each.samples)):
            del left[: number + 1]
            return each
    return None


def _grouped(intervals: Sequence[Interval]) -> Iterator[list[Interval]]:
    """Yield the pieces of each utterance: what the jitter buffer moved is heard in several."""
    latest: dict[str, list[Interval]] = {}
    done: list[list[Interval]] = []
    for each in intervals:
        if each.party is None or each.kind not in _SPEECH:
            continue
        pieces = latest.get(each.party)
        if pieces and pieces[-1].digest == each.digest and each.offset > pieces[-1].offset:
            pieces.append(each)
            continue
        latest[each.party] = pieces = [each]
        done.append(pieces)
    yield from done


def _faults(truth: RecordingTruth, *, mixed: bool) -> Iterator[dict[str, Any]]:
    """Yield each place at which the recorder was at fault."""
    for fault in truth.faults:
        for place in fault["places"]:
            yield {
                "kind": fault["fault"],
                "value": fault["value"],
                "unit": fault["unit"],
                "channel": None if mixed or place["channel"] is None else place["channel"] - 1,
                "start_sample": place["start"],
                "end_sample": place["end"],
            }
