"""Lhotse: manifests of recordings and supervisions beside FLAC files, and Shar, which is tars.

Fields without a value are left out, as lhotse itself does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from mediasim.campaign.formats.format import Call, Lines, Places, TextFile
from mediasim.campaign.formats.packing import TarFile, gzipped
from mediasim.campaign.formats.rows import CallRow, Utterance

__all__ = ["LHOTSE_TEXTS", "flac_files", "lhotse_lines", "write_shar"]

_RECORDINGS: Final = "recordings.jsonl.gz"
_SUPERVISIONS: Final = "supervisions.jsonl.gz"
LHOTSE_TEXTS: Final = (TextFile(_RECORDINGS), TextFile(_SUPERVISIONS))


def lhotse_lines(call: CallRow, places: Places) -> Lines:
    """Yield a call's recording and its supervisions."""
    source = {"type": "file", "source": places.rooted(places.audio(f"{call.id}.flac"))}
    yield _RECORDINGS, _json(_recording(call, source))
    for it in call.spoken:
        yield _SUPERVISIONS, _json(_supervision(call, it))


def flac_files(call: Call, places: Places) -> Iterator[tuple[str, bytes]]:
    """Yield a call's FLAC file as it was stored."""
    yield places.audio(f"{call.row.id}.flac"), call.flac


def write_shar(calls: Iterable[Call], places: Places, folder: Path) -> None:
    """Write a shard as lhotse's Shar has it: the cuts, and a tar of their recordings."""
    cuts: list[str] = []
    with TarFile(folder / f"recording.{places.shard:06d}.tar") as tar:
        for call in calls:
            recording = _recording(call.row, {"type": "shar", "source": ""})
            tar.add(f"{call.row.id}.flac", call.flac)
            tar.add(f"{call.row.id}.json", f"{_json(recording)}\n".encode())
            cuts.append(_json(_cut(call.row, recording)))
    text = "".join(f"{line}\n" for line in cuts).encode()
    (folder / f"cuts.{places.shard:06d}.jsonl.gz").write_bytes(gzipped(text))


def _recording(call: CallRow, source: dict[str, str]) -> dict[str, Any]:
    channels = list(range(call.audio.channels))
    return {
        "id": call.id,
        "sources": [{"type": source["type"], "channels": channels, "source": source["source"]}],
        "sampling_rate": call.rate,
        "num_samples": call.audio.samples,
        "duration": call.audio.samples / call.rate,
        "channel_ids": channels,
    }


def _supervision(call: CallRow, it: Utterance) -> dict[str, Any]:
    custom = {"party": it.party, "kind": it.kind, "clip": it.clip, "cut": it.cut}
    fields = {
        "id": f"{call.id}-{it.id}",
        "recording_id": call.id,
        "start": call.time(it.start_sample),
        "duration": call.time(it.samples),
        "channel": it.channel,
        "text": it.said,
        "language": it.language,
        "speaker": call.who(it),
        "custom": _present(custom),
    }
    if it.words:
        fields["alignment"] = {
            "word": [
                [
                    word.text,
                    call.time(word.start_sample),
                    call.time(word.end_sample - word.start_sample),
                    None,
                ]
                for word in it.words
            ]
        }
    return _present(fields)


def _cut(call: CallRow, recording: dict[str, Any]) -> dict[str, Any]:
    mono = call.audio.channels == 1
    return {
        "id": call.id,
        "start": 0,
        "duration": recording["duration"],
        "channel": 0 if mono else recording["channel_ids"],
        "supervisions": [_supervision(call, it) for it in call.spoken],
        "recording": recording,
        "custom": {"seed": call.seed, "conversation": call.conversation, "draws": call.draws},
        "type": "MonoCut" if mono else "MultiCut",
    }


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False)
