"""What a recording shows in a notebook: its waveform with the truth, a player, and a table."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.wav import write_wav_to
from mediasim.truth.svg import LEFT, PLOT, TimeAxis, box, speaker, svg, text

if TYPE_CHECKING:
    import pandas

    from mediasim.truth.documents import RecordingTruth

__all__ = ["Picture", "Shown"]

_AXIS: Final = 22
_LANE: Final = 64
_BARS: Final = 16
"""Height in pixels of the bars of truth under a lane."""
_LETTER: Final = 7
"""Width in pixels of a letter, about."""
_MOST_SOUND: Final = 16_000_000
"""Bytes of sound up to which a notebook gets a player: eight minutes in two channels."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as SVG: notebooks show it, and ``save`` writes it to a file."""

    svg: str

    def __repr__(self) -> str:
        return f"<Picture: {len(self.svg):,} characters of SVG>"

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> Path:
        """Write the picture to an .svg file and return its path. Raises OSError."""
        file = Path(path)
        file.write_text(self.svg, "utf-8")
        return file


class Shown:
    """A recording that shows itself in a notebook."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def name(self) -> str: ...

        @property
        def sid(self) -> str: ...

        @property
        def pcm(self) -> NDArray[np.int16]: ...

        @property
        def truth(self) -> RecordingTruth | None: ...

    def plot(self) -> Picture:
        """Return a picture: a waveform for each channel, and under it who said what, and what was
        lost.

        Raises MediaNotFound for a recording without media.
        """
        return Picture(self._picture(self.pcm))

    def to_dataframe(self) -> pandas.DataFrame:
        """Return the truth as a pandas table, a row for each thing said or played: channel, party,
        speaker, kind, text, start and end in seconds, and in samples.

        Raises ImportError where pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise ImportError("to_dataframe needs pandas: pip install pandas") from None
        return pandas.DataFrame(list(_rows(self.truth)), columns=list(_COLUMNS))

    def _repr_html_(self) -> str:
        pcm = self.pcm
        # Inside a page its styles must not reach other pictures.
        picture = self._picture(pcm).replace("<style>", "<style>.mediasim{")
        picture = picture.replace("</style>", "}</style>")
        return f'<div class="mediasim">{picture}{_player(pcm)}</div>'

    def _picture(self, pcm: NDArray[np.int16]) -> str:
        return _picture(pcm, self.truth, f"{self.name} {self.sid}")


_COLUMNS: Final = (
    "channel",
    "party",
    "speaker",
    "kind",
    "text",
    "start",
    "end",
    "start_sample",
    "end_sample",
)


def _rows(truth: RecordingTruth | None) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each interval of a truth, in the order of the channels and of time."""
    for channel in () if truth is None else truth.channels:
        for it in channel.intervals:
            seconds = it.start / SAMPLE_RATE, it.end / SAMPLE_RATE
            who = it.party, it.recorded.speaker
            yield channel.channel, *who, it.kind, it.text, *seconds, it.start, it.end


def _player(pcm: NDArray[np.int16]) -> str:
    """Return a player of the sound, or why there is none."""
    if pcm.nbytes > _MOST_SOUND:
        minutes = pcm.shape[1] / SAMPLE_RATE / 60
        return f"<p>{minutes:.0f} minutes are too long for a player here.</p>"
    file = io.BytesIO()
    write_wav_to(file, pcm)
    sound = base64.b64encode(file.getvalue()).decode()
    return f'<audio controls src="data:audio/wav;base64,{sound}"></audio>'


def _picture(pcm: NDArray[np.int16], truth: RecordingTruth | None, title: str) -> str:
    axis = TimeAxis(0, max(pcm.shape[1], 1))
    step = _LANE + _BARS
    height = _AXIS + step * len(pcm)
    loudest = float(np.abs(pcm.astype(np.int32)).max(initial=1))
    body = list(axis.marks(_AXIS, height))
    for number, samples in enumerate(pcm):
        body += _lane(axis, samples, number, _AXIS + number * step, 0.46 * _LANE / loudest, truth)
    return svg(body, height + 8, title)


def _lane(
    axis: TimeAxis,
    samples: NDArray[np.int16],
    number: int,
    top: int,
    scale: float,
    truth: RecordingTruth | None,
) -> Iterator[str]:
    """Yield a channel's waveform, and the bars of its truth."""
    channel = None if truth is None else truth.channels[number]
    intervals = () if channel is None else channel.intervals
    parties = list(dict.fromkeys(it.party for it in intervals if it.party is not None))
    middle = top + _LANE / 2
    yield text(8, middle, ", ".join(parties)[:16], f"by bold {speaker(number)}")
    yield text(8, middle + 15, f"channel {number + 1}", "quiet")
    yield f'<path class="axis" d="M{LEFT} {middle:.1f}h{PLOT}"/>'
    for it in intervals:
        left, right = axis.x(it.start), axis.x(it.end)
        words = f"{it.party or 'the server'}: {it.text or it.kind}"
        yield box(left, top, right - left, _LANE, f"by {speaker(number)}", words, 0.12)
        room = int((right - left) / _LETTER)
        if room > 3:
            told = it.text or it.kind
            shown = told if len(told) <= room else f"{told[: room - 1]}…"
            yield text(left, top + _LANE + _BARS - 4, shown, "quiet")
    for gap in () if channel is None else channel.missing:
        left, right = axis.x(gap.start), axis.x(gap.end)
        yield box(left, top, right - left, _LANE, "missing", gap.why)
    yield axis.waveform(samples, 0, middle, scale, speaker(number))
