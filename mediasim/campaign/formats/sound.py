"""The audio of a call in the shape that a format wants."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.levels import downmix
from mediasim.audio.wav import write_wav_to
from mediasim.campaign.flac import decode_flac
from mediasim.campaign.formats.format import Call

__all__ = ["Sound"]


class Sound:
    """The decoded audio of a call."""

    def __init__(self, call: Call) -> None:
        """Decode the FLAC file of a call. Raises AudioFileError."""
        self._rate = call.row.rate
        self._pcm = decode_flac(call.flac)

    def channel(self, number: int) -> bytes:
        """Return a channel as a WAV file."""
        return self._wav(self._pcm[number])

    def mixed(self) -> bytes:
        """Return all channels, mixed to one, as a WAV file."""
        return self._wav(downmix(self._pcm))

    @property
    def channels(self) -> int:
        """How many channels there are."""
        return len(self._pcm)

    def _wav(self, pcm: NDArray[np.int16]) -> bytes:
        file = BytesIO()
        write_wav_to(file, pcm[np.newaxis], rate=self._rate)
        return file.getvalue()
