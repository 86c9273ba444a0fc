"""Makes one clip of an utterance: decoded, resampled, trimmed, at a level, with its words.

- All channels of a recording, or the one that is named, become one at 8 kHz. Telephones of every
  codec are fed with 8 kHz here, those of G.722 and Opus too, so no other rate is kept.
- The level is the recording's own unless a spec asks for another; the row says what it is, and by
  how much it was changed.
- Silence at both ends is cut off unless a spec says otherwise, because a gap between two turns is
  the gap between their sounds; the row says how much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.files import DecodedAudio, decode_file, to_clip
from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.levels import to_samples
from mediasim.audio.wav import AudioFileError
from mediasim.audio.word_files import read_word_times, word_times
from mediasim.audio.word_time import WordTime
from mediasim.campaign.clips.source import LeftOut, Source
from mediasim.parties.voices.level import DEFAULT_LEVEL_DBFS, active_dbfs, heard_span
from mediasim.parties.voices.speech import Speaker
from mediasim.parties.voices.word_times import times_by_letters

__all__ = ["ClipMaker", "MadeClip", "index_row"]

_SLACK: Final = SAMPLE_RATE // 2
"""Samples at 8 kHz by which words may end after their sound, and rows say that a file is longer:
aligners count in frames, and durations are rounded."""
_FULL_SCALE: Final = 32768.0


class _Unusable(ValueError):
    """An utterance of which no clip can be made; the message says why."""


@dataclass(frozen=True, slots=True)
class MadeClip:
    """A clip and its row in the index."""

    row: dict[str, Any]
    pcm: NDArray[np.int16]
    """Its samples, int16 (samples,) at 8 kHz."""


class ClipMaker:
    """Makes clips, one after the other: utterances of one recording read it once."""

    def __init__(self, level_dbfs: float | None = None, *, trim: bool = True) -> None:
        """``level_dbfs`` is the active-speech level of all clips; None keeps recorded ones as they
        are."""
        self._level = level_dbfs
        self._trim = trim
        self._speaker: Speaker | None = None
        self._decoded: tuple[Path, DecodedAudio] | None = None

    def clip(self, source: Source) -> MadeClip | LeftOut:
        """Return the clip of an utterance, or why there is none."""
        try:
            return self._spoken(source) if source.voice is not None else self._recorded(source)
        except AudioFileError as error:
            return LeftOut(source.name, f"{error.path} {error.problem}")
        except ValueError as error:
            return LeftOut(source.name, str(error))
        except MemoryError:
            return LeftOut(source.name, "is too long to be decoded in this machine's memory")
        except Exception as error:  # of a decoder: one odd file is to cost no other
            words = str(error).strip() or "no message"
            return LeftOut(source.name, f"cannot be decoded ({type(error).__name__}: {words})")

    def _spoken(self, source: Source) -> MadeClip:
        assert source.voice is not None
        if self._speaker is None:
            self._speaker = Speaker()
        level = DEFAULT_LEVEL_DBFS if self._level is None else self._level
        said = self._speaker.say(source.text, source.voice, level_dbfs=level)
        made = {"voice": source.voice, "engine": said.engine}
        return MadeClip(index_row(source, said.pcm, said.words, **made), said.pcm)

    def _recorded(self, source: Source) -> MadeClip:
        pcm = self._samples(source)
        words = self._words(source, len(pcm))
        start, end = heard_span(pcm / _FULL_SCALE)
        if start == end:
            raise _Unusable("is silent" if len(pcm) else "has no samples")
        more: dict[str, Any] = {}
        if self._trim:
            more["trimmed"] = [start, len(pcm) - end]
            pcm = pcm[start:end]
            words = tuple(_moved(word, start, len(pcm)) for word in words)
        if self._level is not None:
            gain = self._level - active_dbfs(pcm / _FULL_SCALE)
            louder = pcm.astype(np.float64) * 10 ** (gain / 20)
            more["gain_db"] = round(gain, 2)
            clipped = int(np.count_nonzero(np.abs(louder) > _FULL_SCALE))
            if clipped:
                more["clipped"] = clipped
            pcm = to_samples(louder)
        if not words:
            words = times_by_letters(source.text, pcm / _FULL_SCALE)
        return MadeClip(index_row(source, pcm, words, **more), pcm)

    def _samples(self, source: Source) -> NDArray[np.int16]:
        """Return the samples of an utterance at 8 kHz."""
        assert source.audio is not None
        if self._decoded is None or self._decoded[0] != source.audio:
            self._decoded = None  # two long recordings need not fit into memory
            self._decoded = source.audio, decode_file(source.audio)
        found = self._decoded[1]
        if found.damaged:
            raise _Unusable(f"{found.damaged} damaged packets of {source.audio} were passed over")
        channels, rate = found.channels, found.rate
        first = round(source.offset * rate)
        last, short = channels.shape[1], False
        if source.duration is not None:
            end = first + round(source.duration * rate)
            short = end - last > _SLACK * rate // SAMPLE_RATE
            last = min(last, end)
        if first >= last or short:
            raise _Unusable(
                f"begins at {source.offset:g} s and lasts "
                f"{'to the end' if source.duration is None else f'{source.duration:g} s'}, but "
                f"{source.audio} has {channels.shape[1] / rate:.3f} s"
            )
        if source.channel is not None:
            if source.channel >= len(channels):
                raise _Unusable(f"{source.audio} has no channel {source.channel}")
            channels = channels[source.channel : source.channel + 1]
        return to_clip(channels[:, first:last], rate)

    def _words(self, source: Source, samples: int) -> tuple[WordTime, ...]:
        words = word_times(source.words)
        if not words and source.word_file is not None and source.audio is not None:
            words = read_word_times(source.word_file, recording=source.audio.stem)
        last = max((word.end for word in words), default=0)
        if last > samples + _SLACK:
            raise _Unusable(
                f"its words end at {last / SAMPLE_RATE:.3f} s, its sound at "
                f"{samples / SAMPLE_RATE:.3f} s"
            )
        return words


def _moved(word: WordTime, by: int, samples: int) -> WordTime:
    """Return a word as it stands in what is left of its clip."""
    start, end = (min(max(0, at - by), samples) for at in (word.start, word.end))
    return WordTime(word.text, start, end, word.estimated)


def index_row(
    source: Source, pcm: NDArray[np.int16], words: tuple[WordTime, ...], **more: Any
) -> dict[str, Any]:
    """Return a clip's row: what is known of the utterance, and what was made of it."""
    level = active_dbfs(pcm / _FULL_SCALE)
    known = {"gender": source.gender, "split": source.split, "licence": source.licence}
    return {
        "digest": blake2b(pcm.astype("<i2").tobytes(), digest_size=16).hexdigest(),
        "text": source.text,
        "speaker": source.speaker,
        "language": source.language,
        "samples": len(pcm),
        "source": source.name,
        **{name: value for name, value in known.items() if value is not None},
        "level_dbfs": None if math.isinf(level) else round(level, 2),
        **more,
        "words": [
            {
                "text": word.text,
                "start_sample": word.start,
                "end_sample": word.end,
                "estimated": word.estimated,
            }
            for word in words
        ],
    }
