"""Damage to recordings as real recorders and networks do it, made without ``mediasim break``.

Each damage is drawn anew for a recording, changes its samples, and says as which kinds of failure
``verify`` is to name it. The damaged recording may then pass through a format, as recorders store
them: other rates begun at any sample, MP3, Opus or AMR.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.int16]
Draw = np.random.Generator


@dataclass(frozen=True, slots=True)
class Damage:
    """One kind of damage."""

    name: str
    kinds: tuple[str, ...]
    """Any one of them names it."""
    apply: Callable[[Samples, int, Draw], Samples]
    """Of (channels, samples), the channel struck, and the draw."""
    also: tuple[str, ...] = ()
    """Kinds that it brings along."""


def to_int(signal: NDArray[Any]) -> Samples:
    samples: Samples = np.clip(np.rint(signal), -32768, 32767).astype(np.int16)
    return samples


def sounding(samples: Samples) -> NDArray[np.int64]:
    """Samples from which on 20 ms are loud enough to be missed."""
    energy = np.convolve(samples.astype(np.float64) ** 2, np.ones(160), "valid") / 160
    return np.flatnonzero(energy > (32768 * 10 ** (-38 / 20)) ** 2)


def places(samples: Samples, draw: Draw, share: float, apart: int = 480) -> list[int]:
    """Packets in speech, on the grid of a recorder that began at any sample."""
    phase = int(draw.integers(160))
    there = sounding(samples)
    grid = np.unique((there - phase) // 160) * 160 + phase
    grid = grid[(grid >= 2000) & (grid + 2000 < len(samples))]
    count = max(1, round(share * len(grid)))
    chosen: list[int] = []
    for at in draw.permutation(grid).tolist():
        if all(abs(at - other) >= apart for other in chosen):
            chosen.append(at)
        if len(chosen) == count:
            break
    return sorted(chosen)


def holes(pcm: Samples, channel: int, draw: Draw) -> Samples:
    for at in places(pcm[channel], draw, 0.03):
        pcm[channel, at : at + 160] = 0
    return pcm


def burst(pcm: Samples, channel: int, draw: Draw) -> Samples:
    (at,) = places(pcm[channel], draw, 0.0)
    pcm[channel, at : at + 160 * int(draw.integers(2, 12))] = 0
    return pcm


def repeats(pcm: Samples, channel: int, draw: Draw) -> Samples:
    for at in places(pcm[channel], draw, 0.05):
        pcm[channel, at : at + 160] = pcm[channel, at - 160 : at].copy()
    return pcm


def swaps(pcm: Samples, channel: int, draw: Draw) -> Samples:
    for at in places(pcm[channel], draw, 0.05, apart=800):
        pair = pcm[channel, at : at + 320].copy()
        pcm[channel, at : at + 320] = np.roll(pair, 160)
    return pcm


def inverted(pcm: Samples, channel: int, draw: Draw) -> Samples:
    pcm[channel] = -np.maximum(pcm[channel], -32767)
    return pcm


def echo_of_other(pcm: Samples, channel: int, draw: Draw) -> Samples:
    lag = int(draw.integers(1200, 4000))
    level = 10 ** (draw.uniform(-30, -12) / 20)
    late = np.concatenate((np.zeros(lag), pcm[1 - channel][:-lag] * level))
    pcm[channel] = to_int(pcm[channel] + late)
    return pcm


def own_echo(pcm: Samples, channel: int, draw: Draw) -> Samples:
    lag = int(draw.integers(400, 4000))
    level = 10 ** (draw.uniform(-25, -8) / 20)
    late = np.concatenate((np.zeros(lag), pcm[channel][:-lag] * level))
    pcm[channel] = to_int(pcm[channel] + late)
    return pcm


def lowpass(pcm: Samples, channel: int, draw: Draw) -> Samples:
    return filtered(pcm, channel, 0.0, float(draw.uniform(1400, 2800)))


def telephone_band(pcm: Samples, channel: int, draw: Draw) -> Samples:
    return filtered(pcm, channel, float(draw.uniform(300, 450)), 3400.0)


def filtered(pcm: Samples, channel: int, low: float, high: float) -> Samples:
    at = np.arange(-100, 101) / 8000
    taps = 2 * high / 8000 * np.sinc(2 * high * at) - 2 * low / 8000 * np.sinc(2 * low * at)
    pcm[channel] = to_int(np.convolve(pcm[channel], taps * np.hamming(201), "same"))
    return pcm


def noise(pcm: Samples, channel: int, draw: Draw) -> Samples:
    level = 32768 * 10 ** (draw.uniform(-55, -40) / 20)
    signal: NDArray[Any] = np.asarray(draw.standard_normal(pcm.shape[1]))
    if draw.random() < 0.5:
        decay = np.exp(np.arange(60.0) * np.log(0.9))
        signal = np.convolve(signal, decay, "same")
        signal = np.divide(signal, signal.std())
    pcm[channel] = to_int(pcm[channel] + level * signal)
    return pcm


def hum(pcm: Samples, channel: int, draw: Draw) -> Samples:
    time = np.arange(pcm.shape[1]) / 8000
    level = 32768 * 10 ** (draw.uniform(-50, -38) / 20)
    pcm[channel] = to_int(pcm[channel] + level * np.sin(2 * np.pi * 50 * time) * 1.414)
    return pcm


def offset(pcm: Samples, channel: int, draw: Draw) -> Samples:
    pcm[channel] = to_int(pcm[channel] + int(draw.integers(60, 1500)) * draw.choice([-1.0, 1.0]))
    return pcm


def clipped_and_softened(pcm: Samples, channel: int, draw: Draw) -> Samples:
    loud = np.abs(pcm[channel].astype(np.float64))
    top = float(np.quantile(loud[loud > 300], draw.uniform(0.85, 0.96)))
    cut = np.clip(pcm[channel].astype(np.float64), -top, top)
    pcm[channel] = to_int(cut * draw.uniform(0.5, 1.0))
    return pcm


def third_channel(pcm: Samples, channel: int, draw: Draw) -> Samples:
    return np.concatenate((pcm, to_int(pcm.sum(axis=0, dtype=np.int32) * 0.5)[np.newaxis]))


def late(pcm: Samples, channel: int, draw: Draw) -> Samples:
    by = int(draw.integers(20, 3000))
    pcm[channel] = np.concatenate((np.zeros(by, np.int16), pcm[channel][:-by]))
    return pcm


def cut_out(pcm: Samples, channel: int, draw: Draw) -> Samples:
    (at,) = places(pcm[channel], draw, 0.0)
    width = int(draw.integers(160, 4000))
    rest = np.delete(pcm[channel], np.s_[at : at + width])
    pcm[channel] = np.concatenate((rest, np.zeros(width, np.int16)))
    return pcm


def leak(pcm: Samples, channel: int, draw: Draw) -> Samples:
    level = 10 ** (draw.uniform(-35, -12) / 20)
    pcm[channel] = to_int(pcm[channel] + level * pcm[1 - channel])
    return pcm


def swapped(pcm: Samples, channel: int, draw: Draw) -> Samples:
    return pcm[::-1].copy()


def softer(pcm: Samples, channel: int, draw: Draw) -> Samples:
    pcm[channel] = to_int(pcm[channel] * 10 ** (draw.uniform(-14, -2) / 20))
    return pcm


DAMAGES = (
    Damage("holes", ("missing",), holes),
    Damage("burst", ("missing",), burst),
    Damage("repeats", ("repeated",), repeats, ("click",)),
    Damage("swaps", ("reordered",), swaps, ("click", "repeated")),
    Damage("inverted", ("polarity",), inverted),
    Damage("echo of other", ("echo",), echo_of_other),
    Damage("own echo", ("echo",), own_echo),
    Damage("low-pass", ("bandwidth",), lowpass),
    Damage("telephone band", ("bandwidth",), telephone_band),
    Damage("noise", ("noise",), noise),
    Damage("hum", ("noise",), hum),
    Damage("offset", ("dc",), offset),
    Damage("clipped, softer", ("clipping",), clipped_and_softened, ("level",)),
    Damage("third channel", ("channels",), third_channel),
    Damage("late", ("misaligned",), late),
    Damage("cut out", ("missing",), cut_out),
    Damage("leak", ("crosstalk",), leak),
    Damage("swapped", ("swapped",), swapped),
    Damage("softer", ("level",), softer),
)
CONFINED = ("third channel", "offset", "hum")
"""Damage that not every format keeps: MP3 knows two channels, AMR no offset."""


# -- formats -----------------------------------------------------------------------------------


def wav(pcm: Samples, rate: int = 8000) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="wav") as container:
        encode(container, "pcm_s16le", rate, pcm)
    return out.getvalue()


def encode(container: Any, codec: str, rate: int, pcm: Samples, bit_rate: int = 0) -> None:
    layout = {1: "mono", 2: "stereo", 3: "2.1"}[len(pcm)]
    stream = container.add_stream(codec, rate=rate, layout=layout)
    if bit_rate:
        stream.bit_rate = bit_rate
    for start in range(0, pcm.shape[1], 8000):
        piece = np.ascontiguousarray(pcm[:, start : start + 8000].T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(piece, format="s16", layout=layout)
        frame.sample_rate, frame.pts = rate, start
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def resampled(pcm: Samples, rate: int, begin: int) -> Samples:
    """At another rate, less so many of that rate's samples at the front."""
    high = np.stack([to_int(soxr.resample(each.astype(np.float64), 8000, rate)) for each in pcm])
    return high[:, begin:]


def file_of(form: str, pcm: Samples, draw: Draw) -> tuple[bytes, str]:
    """The bytes of a file in a format, and how its name ends."""
    if form == "wav":
        return wav(pcm), "wav"
    if form.startswith("wav-"):
        rate = int(form.removeprefix("wav-"))
        return wav(resampled(pcm, rate, int(draw.integers(rate // 100))), rate), "wav"
    out = io.BytesIO()
    if form == "alaw":
        with av.open(out, "w", format="wav") as container:
            encode(container, "pcm_alaw", 8000, pcm)
        return out.getvalue(), "wav"
    name, _, bits = form.partition("-")
    made = {"mp3": ("mp3", "libmp3lame"), "opus": ("ogg", "libopus")}
    wrapper, codec = made.get(name, ("amr", "libopencore_amrnb"))
    with av.open(out, "w", format=wrapper) as container:
        encode(container, codec, 8000, pcm, int(bits))
    return out.getvalue(), wrapper


FORMATS = ("wav", "wav-44100", "wav-16000", "alaw", "mp3-32000", "mp3-64000", "opus-32000", "amr")
"""As recorders store them; AMR is a file for each channel, at 12.2 kbit/s."""
