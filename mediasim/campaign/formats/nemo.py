"""Manifests of NVIDIA NeMo: an utterance a line for recognition, a call a line for diarisation.

NeMo mixes the channels of a file when it reads it, so recognition gets a file for each channel, and
diarisation one with all of them mixed. Its manifest for recognition has paths that are relative to
it, where NeMo looks; for diarisation NeMo takes paths as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from mediasim.campaign.formats.format import Call, Lines, Places, TextFile
from mediasim.campaign.formats.rows import CallRow, side
from mediasim.campaign.formats.sound import Sound
from mediasim.campaign.formats.text import rttm_lines

__all__ = ["NEMO_TEXTS", "nemo_files", "nemo_lines"]

_UTTERANCES: Final = "manifest.json"
_CALLS: Final = "diarization_manifest.json"
NEMO_TEXTS: Final = (TextFile(_UTTERANCES), TextFile(_CALLS))


def nemo_lines(call: CallRow, places: Places) -> Lines:
    """Yield a line for each utterance that has a text, and one for the whole call."""
    for it in call.spoken:
        if it.said:
            yield (
                _UTTERANCES,
                _json(
                    audio_filepath=places.audio(f"{call.id}-{side(it.channel)}.wav"),
                    offset=call.time(it.start_sample),
                    duration=call.time(it.samples),
                    text=it.said,
                    lang=it.language or "und",
                    speaker=call.who(it),
                    call=call.id,
                    channel=it.channel,
                    kind=it.kind,
                ),
            )
    yield (
        _CALLS,
        _json(
            audio_filepath=places.rooted(places.audio(f"{call.id}.wav")),
            offset=0,
            duration=call.seconds,
            label="infer",
            text="-",
            num_speakers=len({call.who(it) for it in call.spoken}),
            rttm_filepath=places.rooted(places.audio(f"{call.id}.rttm")),
            uem_filepath=None,
            ctm_filepath=None,
        ),
    )


def nemo_files(call: Call, places: Places) -> Iterator[tuple[str, bytes]]:
    """Yield a call's mixed WAV, the WAV of each channel, and its RTTM."""
    name = call.row.id
    sound = Sound(call)
    yield places.audio(f"{name}.wav"), sound.mixed()
    for channel in range(sound.channels):
        yield places.audio(f"{name}-{side(channel)}.wav"), sound.channel(channel)
    # NeMo scores the mixed file, which has one channel.
    lines = (_of_one_channel(line) for _, line in rttm_lines(call.row, places))
    yield places.audio(f"{name}.rttm"), "".join(f"{line}\n" for line in lines).encode()


def _of_one_channel(line: str) -> str:
    kind, call, _, rest = line.split(" ", 3)
    return f"{kind} {call} 1 {rest}"


def _json(**fields: Any) -> str:
    return json.dumps(fields, ensure_ascii=False)
