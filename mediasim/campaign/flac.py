"""FLAC: the recording of a call as campaigns store it."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE

__all__ = ["encode_flac"]


def encode_flac(pcm: NDArray[np.int16]) -> bytes:
    """Return samples (channels, samples) at 8 kHz as FLAC of 16 bits, losslessly."""
    import av

    layout = "mono" if len(pcm) == 1 else "stereo" if len(pcm) == 2 else f"{len(pcm)}c"
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=SAMPLE_RATE, layout=layout)
        packed = np.ascontiguousarray(pcm.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="s16", layout=layout)
        frame.sample_rate, frame.pts = SAMPLE_RATE, 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return buffer.getvalue()
