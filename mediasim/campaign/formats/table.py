"""The formats that a campaign can be exported in: a row each.

A new format is a row here, and the functions that it names.
"""

from __future__ import annotations

from typing import Final

from mediasim.campaign.formats.format import Format, TextFile
from mediasim.campaign.formats.huggingface import (
    AUDIO_FOLDER_CONFIGS,
    PARQUET_CONFIGS,
    has_parquet,
    join_metadata,
    write_audio_folder,
    write_parquet,
)
from mediasim.campaign.formats.kaldi import KALDI_TEXTS, kaldi_files, kaldi_lines, write_spk2utt
from mediasim.campaign.formats.lhotse import LHOTSE_TEXTS, flac_files, lhotse_lines, write_shar
from mediasim.campaign.formats.nemo import NEMO_TEXTS, nemo_files, nemo_lines
from mediasim.campaign.formats.text import (
    CTM,
    RTTM,
    STM,
    UEM,
    ctm_lines,
    rttm_lines,
    stm_lines,
    uem_lines,
)
from mediasim.campaign.formats.webdataset import count_samples, write_webdataset

__all__ = ["FORMATS", "PARQUET", "format_named"]

_HUGGING_FACE: Final = 'datasets.load_dataset("DIR", split="train")'
PARQUET: Final = Format(
    "huggingface",
    "Hugging Face datasets, as Parquet with the audio in it (needs pyarrow)",
    loads=_HUGGING_FACE,
    shard=write_parquet,
    configs=PARQUET_CONFIGS,
)
_ROWS: Final = (
    Format(
        "webdataset",
        "WebDataset: tars of a FLAC and a JSON file for each call",
        loads='webdataset.WebDataset("DIR/calls-{000000..LAST}.tar", shardshuffle=False)',
        shard=write_webdataset,
        finish=count_samples,
    ),
    Format(
        "huggingface",
        "Hugging Face datasets, as Parquet where pyarrow is installed, else as an audio folder",
        loads=_HUGGING_FACE,
        shard=write_audio_folder,
        finish=join_metadata,
        configs=AUDIO_FOLDER_CONFIGS,
    ),
    Format(
        "lhotse",
        "Lhotse: manifests of recordings and supervisions beside FLAC files",
        loads='lhotse.CutSet.from_manifests(lhotse.load_manifest("DIR/recordings.jsonl.gz"),\n'
        '    lhotse.load_manifest("DIR/supervisions.jsonl.gz"))',
        texts=LHOTSE_TEXTS,
        lines=lhotse_lines,
        files=flac_files,
        rooted=True,
    ),
    Format(
        "shar",
        "Lhotse Shar: cuts and tars of their recordings, to be read in sequence",
        loads='lhotse.CutSet.from_shar(in_dir="DIR")',
        shard=write_shar,
        prefix="cuts.",  # lhotse takes each other name in the folder for a field of the cuts
    ),
    Format(
        "nemo",
        "NVIDIA NeMo: manifests for recognition and diarisation, WAV and RTTM files",
        loads="model.train_ds.manifest_filepath=DIR/manifest.json\n"
        "diarizer.manifest_filepath=DIR/diarization_manifest.json",
        texts=NEMO_TEXTS,
        lines=nemo_lines,
        files=nemo_files,
        rooted=True,
        needs_text=True,
    ),
    Format(
        "kaldi",
        "Kaldi: a data directory, and a WAV file for each channel",
        loads="utils/validate_data_dir.sh --no-feats DIR",
        texts=KALDI_TEXTS,
        lines=kaldi_lines,
        files=kaldi_files,
        needs_text=True,
        rooted=True,
        finish=write_spk2utt,
    ),
    Format(
        "rttm",
        "RTTM: who speaks when",
        loads=f'pyannote.database.util.load_rttm("DIR/{RTTM}")',
        texts=(TextFile(RTTM),),
        lines=rttm_lines,
    ),
    Format(
        "stm",
        "STM: who says what when, as references for sclite and meeteval",
        loads=f'meeteval.io.load("DIR/{STM}")',
        texts=(TextFile(STM),),
        lines=stm_lines,
    ),
    Format(
        "ctm",
        "CTM: each word and its time",
        loads=f"sctk sclite -r DIR/{CTM} ctm -h HYPOTHESIS.ctm ctm",
        texts=(TextFile(CTM),),
        lines=ctm_lines,
    ),
    Format(
        "uem",
        "UEM: what of each channel is to be scored",
        loads=f'pyannote.database.util.load_uem("DIR/{UEM}")',
        texts=(TextFile(UEM),),
        lines=uem_lines,
    ),
)
FORMATS: Final[dict[str, Format]] = {row.name: row for row in _ROWS}


def format_named(name: str) -> Format:
    """Return a format by its name. Raises KeyError.

    Whether ``huggingface`` is Parquet or an audio folder depends on what is installed.
    """
    if name == "huggingface" and has_parquet():
        return PARQUET
    return FORMATS[name]
