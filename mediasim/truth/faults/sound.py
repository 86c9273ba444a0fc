"""Faults of what is heard: channels mixed up, ends lost or spoilt, levels and bands wrong.

The last ones change the bytes of the finished WAV file, so they are applied after all others.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.levels import downmix
from mediasim.audio.wav import WAV_HEADER_SIZE
from mediasim.truth.faults.material import FaultError, Material

__all__ = [
    "amplified",
    "band_limited",
    "click_at_end",
    "crosstalk",
    "crushed",
    "dc_offset",
    "dead",
    "echo",
    "extra",
    "far_echo",
    "header_only",
    "inverted",
    "lost_tail",
    "mixed",
    "noisy",
    "swapped",
    "wrong_length",
]

_ECHO_DB = -15.0
_FAR_ECHO_DB = -20.0
_TAPS = 201
"""Taps of the low-pass filter."""


def _linear(db: float) -> float:
    return float(10 ** (db / 20))


# -- which channel holds whom ---------------------------------------------------------------


def swapped(material: Material) -> None:
    """Put the channels in the opposite order."""
    material.pcm = np.ascontiguousarray(material.pcm[::-1])
    material.note(0, material.samples, all_channels=True)


def mixed(material: Material) -> None:
    """Put the mix of all parties in every channel."""
    material.pcm = np.repeat(downmix(material.pcm)[np.newaxis], material.channels, axis=0)
    material.note(0, material.samples, all_channels=True)


def extra(material: Material) -> None:
    """Add a channel with the mix of all parties."""
    material.note(0, material.samples, all_channels=True)
    material.pcm = np.concatenate((material.pcm, downmix(material.pcm)[np.newaxis]))


def dead(material: Material) -> None:
    """Silence a channel from a time on; from its middle if no value is given."""
    value = material.value
    start = material.samples // 2 if value is None else round(value * material.rate)
    if start >= material.samples:
        raise FaultError(f"the recording has ended before {value:g} s")
    material.replace_channel(material.original[:start])
    material.note(start, material.samples)


def crosstalk(material: Material) -> None:
    """Add the other channel to this one at a level."""
    material.overwrite(material.original + material.other * _linear(material.number))


def far_echo(material: Material) -> None:
    """Add the other channel to this one, later and 20 dB softer: its far side hears itself."""
    _add_late(material, material.other * _linear(_FAR_ECHO_DB))


# -- ends -----------------------------------------------------------------------------------


def lost_tail(material: Material) -> None:
    """Cut the last milliseconds off, as a recorder that is not flushed does."""
    kept = material.samples - material.samples_of_ms(material.number)
    if kept <= 0:
        raise FaultError("nothing would be left of the recording")
    material.note(kept, material.samples, all_channels=True)
    material.pcm = np.ascontiguousarray(material.pcm[:, :kept])


def click_at_end(material: Material) -> None:
    """Fill the last milliseconds with a burst of noise."""
    width = min(material.samples_of_ms(material.number), material.samples)
    start = material.samples - width
    burst = material.generator.integers(-30_000, 30_000, (material.channels, width), np.int16)
    material.pcm = np.concatenate((material.pcm[:, :start], burst), axis=1)
    material.note(start, material.samples, all_channels=True)


# -- sound of one channel -------------------------------------------------------------------


def amplified(material: Material) -> None:
    """Change the level of a channel; samples beyond full scale are clipped."""
    material.overwrite(material.original * _linear(material.number))


def inverted(material: Material) -> None:
    """Invert the polarity of a channel."""
    material.overwrite(-np.maximum(material.original, -32767))  # -(-32768) would overflow


def echo(material: Material) -> None:
    """Add a channel's own sound to it, later and 15 dB softer."""
    _add_late(material, material.original * _linear(_ECHO_DB))


def _add_late(material: Material, signal: NDArray[np.floating[Any]]) -> None:
    moved = material.samples_of_ms(material.number)
    samples = material.original.astype(np.float64)
    samples[moved:] += signal[: material.samples - moved]
    material.overwrite(samples, moved)


def band_limited(material: Material) -> None:
    """Remove all frequencies above a limit from a channel."""
    # A windowed-sinc low-pass: ``share`` is the cutoff as a share of the Nyquist frequency.
    share = 2 * material.number / material.rate
    at = np.arange(_TAPS) - _TAPS // 2
    taps = share * np.sinc(share * at) * np.hamming(_TAPS)
    material.overwrite(np.convolve(material.original, taps, "same"))


def noisy(material: Material) -> None:
    """Add white noise to a channel."""
    noise = material.generator.standard_normal(material.samples)
    material.overwrite(material.original + 32768 * _linear(material.number) * noise)


def dc_offset(material: Material) -> None:
    """Add a constant to all samples of a channel."""
    material.overwrite(material.original + material.number)


def crushed(material: Material) -> None:
    """Clip a channel at a share of its largest sample, well below full scale."""
    samples = material.original.astype(np.float64)
    top = float(np.abs(samples).max(initial=0.0)) * material.number / 100
    material.overwrite(np.clip(samples, -top, top))


# -- the file itself ------------------------------------------------------------------------


_RIFF_SIZE = 4
_DATA_SIZE = 40
"""Offsets in bytes of the sizes in a WAV header."""


def header_only(wav: bytes, value: float | None) -> bytes:
    """Return the header of a file to which no samples were written."""
    return _announcing(wav[:WAV_HEADER_SIZE], 0)


def wrong_length(wav: bytes, value: float | None) -> bytes:
    """Return the file with a header that announces ``value`` per cent of its samples."""
    assert value is not None
    frame = struct.unpack_from("<H", wav, 32)[0]
    frames = (len(wav) - WAV_HEADER_SIZE) // frame
    return _announcing(wav, min(round(frames * value / 100) * frame, 0xFFFFFFFF - 36))


def _announcing(wav: bytes, data: int) -> bytes:
    changed = bytearray(wav)
    struct.pack_into("<I", changed, _RIFF_SIZE, data + WAV_HEADER_SIZE - 8)
    struct.pack_into("<I", changed, _DATA_SIZE, data)
    return bytes(changed)
