"""How well a stream was received: loss, bursts and jitter (RFC 3550 A.3, A.8), and what a
listener would think of it (the E-model, ITU-T G.107).

Statistics are those of the packets as they arrived. Cutting the arrivals into other blocks
changes none of the counts, and the jitter by less than one part in 10^9.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import NS_PER_SECOND, SAMPLE_RATE

__all__ = ["LossBursts", "Opinion", "ReceptionStats", "emodel_mos"]

_WINDOW: Final = 1024
"""A packet this many sequence numbers behind the highest is not asked any more whether it is a
duplicate or fills a gap: 20 s, far beyond any jitter buffer."""
_GAIN: Final = 1.0 / 16.0  # RFC 3550 A.8
_DECAY: Final = (1.0 - _GAIN) ** np.arange(_WINDOW, -1, -1)
"""What is left of a difference after 1024 .. 0 packets; 1024 packets leave 2e-29 of it."""


@dataclass(frozen=True, slots=True)
class LossBursts:
    """Runs of consecutive lost packets."""

    count: int = 0
    packets: int = 0
    """Packets lost in all of them."""
    longest: int = 0

    @property
    def mean(self) -> float | None:
        """Packets per run; None if nothing was lost."""
        return self.packets / self.count if self.count else None

    def plus(self, gaps: NDArray[np.int64]) -> LossBursts:
        """With more runs, given as lengths; those of 0 are none."""
        runs = gaps[gaps > 0]
        if not len(runs):
            return self
        return LossBursts(
            self.count + len(runs),
            self.packets + int(runs.sum()),
            max(self.longest, int(runs.max())),
        )


class ReceptionStats:
    """The statistics of one stream, fed in order of arrival."""

    def __init__(self, clock_rate: int = SAMPLE_RATE) -> None:
        self.clock_rate = clock_rate
        """RTP timestamp units per second."""
        self.received = 0
        """Packets that arrived, copies among them."""
        self.duplicates = 0
        self.reordered = 0
        """Packets that a later one had overtaken."""
        self.jitter = 0.0
        """Interarrival jitter in timestamp units."""
        self._base = 0
        self._highest = 0
        self._recent: NDArray[np.int64] = np.empty(0, np.int64)
        """Sequence numbers received within the window, and the highest before it; ascending."""
        self._bursts = LossBursts()
        """Those that have left the window."""
        self._last_timestamp = 0
        self._last_arrival = 0

    def update(
        self,
        ext_seq: NDArray[np.int64],
        rtp_ts: NDArray[np.int64],
        arrival_ns: NDArray[np.int64],
    ) -> None:
        """Take packets (n,) in order of arrival, numbers and timestamps unwrapped."""
        if not len(ext_seq):
            return
        if not self.received:
            self._base = int(ext_seq[0])
            self._highest = self._base - 1
            self._last_timestamp = int(rtp_ts[0])
            self._last_arrival = int(arrival_ns[0])
        self.received += len(ext_seq)
        self._take_jitter(rtp_ts, arrival_ns)
        self._take_sequence(ext_seq)

    def _take_jitter(self, rtp_ts: NDArray[np.int64], arrival_ns: NDArray[np.int64]) -> None:
        passed = _steps(arrival_ns, self._last_arrival) * (self.clock_rate / NS_PER_SECOND)
        change = np.abs(passed - _steps(rtp_ts, self._last_timestamp))
        self._last_timestamp = int(rtp_ts[-1])
        self._last_arrival = int(arrival_ns[-1])
        # J = J * 15/16 + |D| / 16, unrolled; what lies further back than the window is nothing.
        change = change[-_WINDOW:]
        decay = _DECAY[_WINDOW - len(change) :]
        self.jitter = self.jitter * float(decay[0]) + float(change @ decay[1:]) * _GAIN

    def _take_sequence(self, sequence: NDArray[np.int64]) -> None:
        before = np.empty_like(sequence)
        before[0] = self._highest
        np.maximum(np.maximum.accumulate(sequence[:-1]), self._highest, out=before[1:])
        late = sequence <= before
        self._highest = max(int(before[-1]), int(sequence[-1]))
        if late.any():
            known = self._with_late(sequence, before, late)
        else:
            known = np.concatenate((self._recent, sequence))
        # Gaps that no packet can fill any more are counted for good.
        settled = int(np.searchsorted(known, self._highest - _WINDOW, side="right")) - 1
        if settled > 0:
            self._bursts = self._bursts.plus(_gaps(known[: settled + 1]))
            known = known[settled:]
        self._recent = known

    def _with_late(
        self, sequence: NDArray[np.int64], before: NDArray[np.int64], late: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Count overtaken packets and copies; returns the numbers known now, ascending."""
        asked = sequence[sequence > before - _WINDOW]
        known = np.sort(np.concatenate((self._recent, asked)), kind="stable")
        first = np.ones(len(known), np.bool_)
        np.not_equal(known[1:], known[:-1], out=first[1:])
        duplicates = len(known) - int(np.count_nonzero(first))
        if duplicates:
            known = known[first]
        self.duplicates += duplicates
        self.reordered += int(np.count_nonzero(late)) - duplicates
        # The first to arrive need not be the first that was sent.
        if len(asked):
            self._base = min(self._base, int(asked.min()))
        return known

    @property
    def expected(self) -> int:
        """Packets sent, as far as the sequence numbers tell."""
        return self._highest - self._base + 1 if self.received else 0

    @property
    def lost(self) -> int:
        """Packets that never came."""
        return self.bursts.packets

    @property
    def fraction(self) -> float:
        """Share of the expected packets that never came, 0 to 1."""
        return self.lost / self.expected if self.received else 0.0

    @property
    def highest_seq(self) -> int | None:
        """The highest sequence number, unwrapped; None before the first packet."""
        return self._highest if self.received else None

    @property
    def bursts(self) -> LossBursts:
        """The losses as runs."""
        return self._bursts.plus(_gaps(self._recent))

    @property
    def burst_ratio(self) -> float:
        """Mean run of losses over that of as many random losses (G.107's BurstR).

        1 if losses are independent of each other, more if they come in bursts.
        """
        mean = self.bursts.mean
        return 1.0 if mean is None else mean * (1.0 - self.fraction)


def _steps(values: NDArray[np.int64], last: int) -> NDArray[np.int64]:
    """How far each value is from the one before it."""
    steps = np.empty_like(values)
    steps[0] = values[0] - last
    np.subtract(values[1:], values[:-1], out=steps[1:])
    return steps


def _gaps(ascending: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many numbers are missing between each two."""
    return ascending[1:] - ascending[:-1] - 1


class Opinion(NamedTuple):
    """What the E-model says of a connection."""

    r: float
    """Transmission rating, 0 to 93.2 here; below 60 nearly all users are dissatisfied."""
    mos: float
    """Mean opinion score of a conversation, estimated (MOS-CQE): 1 to 4.5."""


class _Codec(NamedTuple):
    impairment: float
    """Ie: how much the codec itself takes off."""
    robustness: float
    """Bpl, with silence for what is missing: the higher, the less a loss takes off."""
    concealed_robustness: float
    """Bpl with concealment."""


_BEST: Final = 93.2
"""R of a connection whose every parameter has its default (G.107 section 7.7)."""

# On the narrowband scale: whatever the codec, what is heard and recorded here has 8 kHz.
_G711: Final = _Codec(0.0, 4.3, 25.1)  # G.113 appendix I
_CODECS: Final = {
    "PCMU": _G711,
    "PCMA": _G711,
    # G.113 rates G.722 better than G.711 (Ie,wb 13 against 36), so it takes nothing off
    # narrowband speech. It has no narrowband Bpl; a packet missing is taken to hurt as in G.711.
    "G722": _G711,
    # Not in G.113. Instrumental estimates for narrowband Opus by AlAhmadi, Pocta and Melvin
    # (2021): Ie falls to 2 at 11 kbit/s, Bpl is about 16. Its decoder conceals in any case.
    "OPUS": _Codec(0.0, 16.0, 16.0),
}


def emodel_mos(
    loss_rate: float,
    burst_ratio: float,
    one_way_delay_ms: float,
    codec: str,
    *,
    concealed: bool = False,
) -> Opinion:
    """Rate a connection by ITU-T G.107 with all but loss and delay at their defaults.

    ``loss_rate`` (0 to 1) counts every packet that was not played, late ones too;
    ``one_way_delay_ms`` is from mouth to ear, buffers included; ``concealed`` says whether
    missing packets are concealed rather than silent. Echo is taken to be cancelled.
    ValueError for a codec without figures, and for numbers out of range.
    """
    figures = _CODECS.get(codec)
    if figures is None:
        raise ValueError(f"no figures for codec {codec!r}: expected one of {', '.join(_CODECS)}")
    if not 0.0 <= loss_rate <= 1.0:
        raise ValueError(f"a loss rate of {loss_rate}: expected 0 to 1")
    if not burst_ratio > 0.0:
        raise ValueError(f"a burst ratio of {burst_ratio}: expected more than 0")
    percent = 100.0 * loss_rate
    robustness = figures.concealed_robustness if concealed else figures.robustness
    lossy = (95.0 - figures.impairment) * percent / (percent / burst_ratio + robustness)
    r = max(0.0, _BEST - _delay_impairment(one_way_delay_ms) - figures.impairment - lossy)
    # Annex B. The cubic dips below 1 for very small R.
    mos = max(1.0, 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6)
    return Opinion(r, mos)


def _delay_impairment(delay_ms: float) -> float:
    """Idd of G.107 section 7.4: nothing up to 100 ms, 24 at 400 ms."""
    if delay_ms <= 100.0:
        return 0.0
    x = log2(delay_ms / 100.0)
    return float(25.0 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2))
