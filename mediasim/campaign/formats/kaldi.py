"""A Kaldi data directory: a recording is one channel of a call, an utterance a segment of it.

Names of utterances begin with their speaker and ``+``, which sorts below every character of a name:
so files that are sorted by utterance are sorted by speaker too, as Kaldi demands.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from mediasim.campaign.formats.format import Call, Lines, Places, TextFile
from mediasim.campaign.formats.rows import CallRow, side, token
from mediasim.campaign.formats.sound import channels_as_wav

__all__ = ["KALDI_TEXTS", "kaldi_files", "kaldi_lines", "write_spk2utt"]

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

    Utterances whose text is unknown are left out: Kaldi wants a text for each.
    """
    for channel in range(call.audio.channels):
        recording = f"{call.id}-{side(channel)}"
        yield "wav.scp", f"{recording} {places.rooted(places.audio(f'{recording}.wav'))}"
        yield "reco2file_and_channel", f"{recording} {call.id} {side(channel)}"
        yield "reco2dur", f"{recording} {call.clock(call.audio.samples)}"
    for it in call.spoken:
        if not it.said:
            continue
        speaker, recording = token(call.who(it)), f"{call.id}-{side(it.channel)}"
        name = f"{speaker}+{recording}-{it.start_sample:09d}-{it.end_sample:09d}"
        start, end = call.clock(it.start_sample), call.clock(it.end_sample)
        yield "segments", f"{name} {recording} {start} {end}"
        yield "text", f"{name} {it.said}"
        yield "utt2spk", f"{name} {speaker}"
        yield "utt2lang", f"{name} {it.language or 'und'}"


def kaldi_files(call: Call, places: Places) -> Iterator[tuple[str, bytes]]:
    """Yield a WAV file for each channel of a call: Kaldi reads that without other programs."""
    for channel, wav in enumerate(channels_as_wav(call.flac)):
        yield places.audio(f"{call.row.id}-{side(channel)}.wav"), wav


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
