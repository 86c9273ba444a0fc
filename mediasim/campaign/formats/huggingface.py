"""Hugging Face ``datasets``: Parquet where pyarrow is installed, else an audio folder.

Both have the same columns, each of one type in every row. What nests deeper, or is not there in
each call, is in ``truth``: the whole row as JSON text. (Types that are guessed from the first rows
break on fields that are sometimes absent.)
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mediasim.campaign.formats.format import Call, Places
from mediasim.campaign.formats.rows import CallRow, Utterance

if TYPE_CHECKING:
    import pyarrow

__all__ = ["AUDIO_FOLDER_CONFIGS", "PARQUET_CONFIGS", "has_parquet", "write_audio_folder"]
__all__ += ["join_metadata", "write_parquet"]

PARQUET_CONFIGS: Final = """\
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*.parquet
"""
AUDIO_FOLDER_CONFIGS: Final = """\
configs:
- config_name: default
  drop_labels: true
  data_files:
  - split: train
    path: data/train/**
"""
_TRAIN: Final = Path("data/train")
_PART: Final = ".metadata"
_UTTERANCE: Final[dict[str, Any]] = {
    "id": "int64",
    "channel": "int64",
    "party": "string",
    "speaker": "string",
    "language": "string",
    "text": "string",
    "kind": "string",
    "start": "float64",
    "end": "float64",
    "start_sample": "int64",
    "end_sample": "int64",
    "cut": "bool",
}
_COLUMNS: Final[dict[str, Any]] = {
    "id": "string",
    "index": "int64",
    "seed": "string",
    "duration": "float64",
    "samples": "int64",
    "channel_count": "int64",
    "parties": ["string"],
    "speakers": ["string"],
    "languages": ["string"],
    "codecs": ["string"],
    "utterances": [_UTTERANCE],
    "draws": "string",
    "truth": "string",
}
"""Name and type of each column beside the audio: a name of a type, a list of one, or a struct."""


def has_parquet() -> bool:
    """Return whether Parquet can be written here."""
    return find_spec("pyarrow") is not None


def write_audio_folder(calls: Iterable[Call], places: Places, folder: Path) -> None:
    """Write a shard as FLAC files, and its part of the folder's metadata."""
    home = folder / _TRAIN / f"{places.shard:06d}"
    home.mkdir(parents=True, exist_ok=True)
    lines = []
    for call in calls:
        name = f"{call.row.id}.flac"
        (home / name).write_bytes(call.flac)
        lines.append(
            json.dumps({"file_name": f"{home.name}/{name}", **_columns(call)}, ensure_ascii=False)
        )
    text = "".join(f"{line}\n" for line in lines)
    (folder / _TRAIN / f"{home.name}{_PART}").write_text(text, "utf-8")


def join_metadata(folder: Path) -> None:
    """Make one metadata.jsonl of the shards' parts: of several, ``datasets`` keeps no order."""
    whole = folder / _TRAIN / "metadata.jsonl"
    parts = sorted((folder / _TRAIN).glob(f"*{_PART}"))
    if not whole.exists():  # else an export was killed while its parts were removed
        written = whole.with_suffix(".new")
        with written.open("wb") as out:
            for part in parts:
                with part.open("rb") as file:
                    shutil.copyfileobj(file, out)
        written.replace(whole)
    for part in parts:
        part.unlink()


def write_parquet(calls: Iterable[Call], places: Places, folder: Path) -> None:
    """Write a shard as one Parquet file with the audio in it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    home = folder / "data"
    home.mkdir(parents=True, exist_ok=True)
    schema = _schema()
    rows = [
        {"audio": {"bytes": call.flac, "path": f"{call.row.id}.flac"}, **_columns(call)}
        for call in calls
    ]
    # Small groups of rows, so that one call can be looked at without reading the others' audio.
    pq.write_table(
        pa.Table.from_pylist(rows, schema=schema),
        home / f"train-{places.shard:06d}.parquet",
        row_group_size=50,
        compression="zstd",
    )


def _columns(call: Call) -> dict[str, Any]:
    row = call.row
    spoken = row.spoken
    return {
        "id": row.id,
        "index": row.index,
        "seed": str(row.seed),
        "duration": row.seconds,
        "samples": row.audio.samples,
        "channel_count": row.audio.channels,
        "parties": [each.party or "" for each in row.channels],
        "speakers": [row.who(each) for each in row.channels],
        "languages": [each.language or "und" for each in row.channels],
        "codecs": [each.codec or "" for each in row.channels],
        "utterances": [_utterance(row, it) for it in spoken],
        "draws": json.dumps(row.draws, ensure_ascii=False),
        "truth": call.json,
    }


def _utterance(call: CallRow, it: Utterance) -> dict[str, Any]:
    return {
        "id": it.id,
        "channel": it.channel,
        "party": it.party or "",
        "speaker": call.who(it),
        "language": it.language or "und",
        "text": it.said,
        "kind": it.kind,
        "start": call.time(it.start_sample),
        "end": call.time(it.end_sample),
        "start_sample": it.start_sample,
        "end_sample": it.end_sample,
        "cut": it.cut,
    }


def _schema() -> pyarrow.Schema:
    """Return the schema of the Parquet files, with what ``datasets`` wants to know of the audio."""
    import pyarrow as pa

    audio = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    fields = [("audio", audio), *((name, _arrow(kind)) for name, kind in _COLUMNS.items())]
    features = {"audio": {"_type": "Audio"}} | {
        name: _feature(kind) for name, kind in _COLUMNS.items()
    }
    told = json.dumps({"info": {"features": features}})
    return pa.schema(fields, metadata={"huggingface": told})


def _arrow(kind: Any) -> pyarrow.DataType:
    import pyarrow as pa

    if isinstance(kind, list):
        return pa.list_(_arrow(kind[0]))
    if isinstance(kind, dict):
        return pa.struct({name: _arrow(each) for name, each in kind.items()})
    return pa.bool_() if kind == "bool" else pa.type_for_alias(kind)


def _feature(kind: Any) -> Any:
    if isinstance(kind, list):
        return {"feature": _feature(kind[0]), "_type": "List"}
    if isinstance(kind, dict):
        return {name: _feature(each) for name, each in kind.items()}
    return {"dtype": kind, "_type": "Value"}
