"""The audio of a call in the shape that a format wants."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.levels import downmix
from mediasim.audio.wav import write_wav_to
from mediasim.campaign.flac import decode_flac
from mediasim.campaign.formats.data import CampaignDataError
from mediasim.campaign.formats.format import Call

__all__ = ["Sound"]


class Sound:
    """The decoded audio of a call."""

    def __init__(self, call: Call) -> None:
        """Decode a call's FLAC file. Raises CampaignDataError if it is not what the row says."""
        self._rate = call.row.rate
        try:
            self._pcm = decode_flac(call.flac)
        except ValueError as error:
            raise CampaignDataError(f"the audio of call {call.row.id}: {error}") from None
        if self._pcm.shape != (call.row.audio.channels, call.row.audio.samples):
            raise CampaignDataError(
                f"the audio of call {call.row.id} has channels and samples {self._pcm.shape}, its "
                f"row says {(call.row.audio.channels, call.row.audio.samples)}"
            )

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
