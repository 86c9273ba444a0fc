"""Three tiny calls, laid out as a campaign lays them, to export and to load.

In the audio each utterance is a constant: its number in the call, from 1, times a thousand. So a
loader that has the wrong channel, or is a sample off, is seen.
"""

from __future__ import annotations

import io
import json
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediasim.campaign.flac import encode_flac

RATE = 8000


class Said(NamedTuple):
    """One utterance: who says what, from which sample to which."""

    party: str
    channel: int
    start: int
    end: int
    text: str
    kind: str = "turn"
    cut: bool = False


class Tiny(NamedTuple):
    """One call."""

    speakers: dict[str, str | None]
    languages: dict[str, str]
    codec: str
    channels: int
    samples: int
    said: tuple[Said, ...]
    draws: dict[str, Any]


CALLS = (
    Tiny(
        {"caller": "amy", "agent": "bob"},
        {"caller": "en-US", "agent": "en-US"},
        "PCMU",
        2,
        32000,
        (
            Said("caller", 0, 4000, 12001, "Hello, is my order on its way?"),
            Said("agent", 1, 10000, 11000, "Mm-hm.", "backchannel"),
            Said("agent", 1, 14000, 30000, "It left this morning."),
        ),
        {"codec": "PCMU", "turn/1/gap": -0.250125, "turn/2/gap": 0.249875, "loss": 0.0},
    ),
    # Names that no line of text may hold as they are, a syntax of scoring, and one cut short.
    Tiny(
        {"caller": "Zoë B", "agent": "amy-2"},
        {"caller": "pt-BR", "agent": "en-US"},
        "G722",
        2,
        24000,
        (
            Said("caller", 0, 800, 8800, "(Olá) {bom}\ndia"),
            Said("agent", 1, 6000, 14000, "We are closed, please call again", "interruption", True),
            Said("caller", 0, 15000, 16000, ""),
        ),
        {"codec": "G722", "turn/1/gap": -0.35, "loss": 0.02},
    ),
    Tiny(
        {"caller": "amy", "agent": None},
        {"caller": "en-US"},
        "PCMU",
        1,
        16000,
        (
            Said("caller", 0, 0, 8000, "Good bye."),
            Said("agent", 0, 7000, 9000, "Bye!"),
        ),
        {"codec": "PCMU", "turn/1/gap": -0.125, "loss": 0.0},
    ),
)
SHARD = 2


def pcm_of(call: Tiny) -> NDArray[np.int16]:
    """The audio of a call, (channels, samples)."""
    pcm = np.zeros((call.channels, call.samples), np.int16)
    for number, it in enumerate(call.said, 1):
        pcm[it.channel, it.start : it.end] += number * 1000
    return pcm


def row_of(index: int, call: Tiny, pcm: NDArray[np.int16]) -> dict[str, Any]:
    """The row of a call."""
    name = f"{index:09d}"
    return {
        "schema": 1,
        "id": name,
        "index": index,
        "seed": 1000 + index,
        "spec_digest": "5bec",
        "audio": {
            "file": f"{name}.flac",
            "sample_rate": RATE,
            "channels": call.channels,
            "samples": call.samples,
            "duration": call.samples / RATE,
            "pcm_sha256": sha256(np.ascontiguousarray(pcm.T, "<i2").data).hexdigest(),
        },
        "channels": [
            {
                "channel": min(number, call.channels - 1),
                "party": party,
                "speaker": speaker,
                "language": call.languages.get(party),
                "voice": None,
                "codec": call.codec,
                "line": None,
                "role": party,
            }
            for number, (party, speaker) in enumerate(call.speakers.items())
        ],
        "utterances": [
            {
                "id": number,
                "channel": it.channel,
                "party": it.party,
                "speaker": call.speakers[it.party],
                "language": call.languages.get(it.party),
                "text": it.text,
                "start_sample": it.start,
                "end_sample": it.end,
                "kind": it.kind,
                "clip": f"c{index}{number}",
                "cut": it.cut,
                "words": words_of(it),
            }
            for number, it in enumerate(call.said)
        ],
        "draws": call.draws,
        "network": {},
        "noise": {},
        "recording": {},
        "faults": [],
        "loss": [{"channel": 0, "start_sample": 160, "end_sample": 320}] if index == 1 else [],
        "conversation": "planned",
    }


def words_of(it: Said) -> list[dict[str, Any]]:
    """The words of an utterance, each as long as the others; of a cut one all but the last."""
    words = it.text.split()
    said = words[:-1] if it.cut else words
    step = (it.end - it.start) // max(1, len(said))
    return [
        {
            "text": word,
            "start_sample": it.start + number * step,
            "end_sample": it.start + (number + 1) * step,
            "estimated": False,
        }
        for number, word in enumerate(said)
    ]


SPEC = {
    "calls": len(CALLS),
    "shard": SHARD,
    "conversation": {"texts": ["Hello."], "gaps": {"normal": {"mean": "-100ms", "sd": "300ms"}}},
}


def write_tiny_campaign(folder: Path, calls: tuple[Tiny, ...] = CALLS) -> Path:
    """Write the calls as a campaign's folder, and return it."""
    (folder / "shards").mkdir(parents=True)
    document = {
        "schema": 1,
        "mediasim": "0",
        "name": "tiny",
        "spec": {**SPEC, "calls": len(calls)},
        "spec_digest": "5bec",
        "seed": 7,
        "calls": len(calls),
        "shard": SHARD,
        "first_call": "f125",
    }
    (folder / "campaign.json").write_text(json.dumps(document))
    for first in range(0, len(calls), SHARD):
        lines = []
        stem = folder / f"shards/calls-{first // SHARD:06d}"
        with tarfile.open(f"{stem}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
            for index, call in list(enumerate(calls))[first : first + SHARD]:
                pcm = pcm_of(call)
                row = row_of(index, call, pcm)
                line = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
                lines.append(line)
                for name, content in (
                    (f"{row['id']}.flac", encode_flac(pcm)),
                    (f"{row['id']}.json", line.encode()),
                ):
                    member = tarfile.TarInfo(name)
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
        Path(f"{stem}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return folder
