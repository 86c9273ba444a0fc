"""A Kaldi data directory: a recording is one channel of a call, an utterance a segment of it.

Names of utterances begin with their speaker and ``+``, which sorts below every character of a name:
so files that are sorted by utterance are sorted by speaker too, as Kaldi demands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from mediasim.campaign.formats.format import Call, Lines, Places, TextFile
from mediasim.campaign.formats.rows import CallRow, Utterance, side, token
from mediasim.campaign.formats.sound import Sound

__all__ = ["KALDI_TEXTS", "kaldi_files", "kaldi_lines", "write_spk2utt"]

_SIDES: Final = 2
_SYMBOLS: Final = re.compile(r"</?s>|#0\b")
KALDI_TEXTS: Final = tuple(
    TextFile(name, sorted=True)
    for name in (
        "wav.scp",
        "reco2file_and_channel",
        "reco2dur",
        "segments",
        "text",
        "utt2spk",
        "utt2lang",
    )
)


def kaldi_lines(call: CallRow, places: Places) -> Lines:
    """Yield a call's lines of all files but spk2utt.

    Utterances whose text is unknown are left out: Kaldi wants a text for each. So are channels
    without utterances: its recordings must be just those that have segments.
    """
    for channel in _channels(call):
        recording = f"{call.id}-{side(channel)}"
        yield "wav.scp", f"{recording} {places.rooted(places.audio(f'{recording}.wav'))}"
        # Kaldi knows channels A and B; a third is a file of its own.
        of_file = call.id if channel < _SIDES else recording
        letter = side(channel) if channel < _SIDES else side(0)
        yield "reco2file_and_channel", f"{recording} {of_file} {letter}"
        yield "reco2dur", f"{recording} {call.clock(call.audio.samples)}"
    for it in call.spoken:
        if not _text(it):
            continue
        speaker, recording = token(call.who(it)), f"{call.id}-{side(it.channel)}"
        name = f"{speaker}+{recording}-{it.start_sample:09d}-{it.end_sample:09d}"
        start, end = call.clock(it.start_sample), call.clock(it.end_sample)
        yield "segments", f"{name} {recording} {start} {end}"
        yield "text", f"{name} {_text(it)}"
        yield "utt2spk", f"{name} {speaker}"
        yield "utt2lang", f"{name} {it.language or 'und'}"


def kaldi_files(call: Call, places: Places) -> Iterator[tuple[str, bytes]]:
    """Yield a WAV file for each channel of a call: Kaldi reads that without other programs."""
    sound = Sound(call)
    for channel in _channels(call.row):
        yield places.audio(f"{call.row.id}-{side(channel)}.wav"), sound.channel(channel)


def _channels(call: CallRow) -> list[int]:
    """Return the channels of a call that have utterances with a text."""
    return sorted({it.channel for it in call.spoken if _text(it)})


def _text(it: Utterance) -> str:
    """Return what is said in an utterance, without the symbols that Kaldi keeps for itself."""
    return " ".join(_SYMBOLS.sub(" ", it.said).split())


def write_spk2utt(folder: Path) -> None:
    """Write spk2utt from the sorted utt2spk."""
    with (
        (folder / "utt2spk").open(encoding="utf-8") as utterances,
        (folder / "spk2utt").open("w", encoding="utf-8", newline="\n") as out,
    ):
        pairs = (line.split() for line in utterances)
        for speaker, found in groupby(pairs, key=lambda pair: pair[1]):
            out.write(speaker)
            out.writelines(f" {utterance}" for utterance, _ in found)
            out.write("\n")
