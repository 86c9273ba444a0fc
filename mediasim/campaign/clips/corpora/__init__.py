"""Corpora of recorded speech, a module each: what their files say of each utterance."""

from mediasim.campaign.clips.corpora.common_voice import CommonVoice
from mediasim.campaign.clips.corpora.corpus import CORPORA, AnyCorpus, Corpus, CorpusError
from mediasim.campaign.clips.corpora.lhotse import Lhotse
from mediasim.campaign.clips.corpora.librispeech import LibriSpeech
from mediasim.campaign.clips.corpora.nemo import Nemo

__all__ = [
    "CORPORA",
    "AnyCorpus",
    "CommonVoice",
    "Corpus",
    "CorpusError",
    "Lhotse",
    "LibriSpeech",
    "Nemo",
]
