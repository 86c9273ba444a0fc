"""Estimated quality of a stream for a listener: the E-model (ITU-T G.107)."""

from __future__ import annotations

from math import log2
from typing import Final, NamedTuple

from mediasim.audio.codecs import CODECS

__all__ = ["Opinion", "emodel_mos"]


class Opinion(NamedTuple):
    """The E-model's rating of a connection."""

    r: float
    """Transmission rating, 0 to 93.2 here; below 60 nearly all users are dissatisfied."""
    mos: float
    """Mean opinion score of a conversation, estimated (MOS-CQE): 1 to 4.5."""


_BEST: Final = 93.2
"""R of a connection whose every parameter has its default (G.107 section 7.7)."""


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
    ``one_way_delay_ms`` is from mouth to ear, buffers included; ``concealed`` says whether missing
    packets are concealed rather than silent. Echo is taken to be cancelled. Raises ValueError for
    an unknown codec, and for numbers out of range.
    """
    if codec not in CODECS:
        raise ValueError(f"no figures for codec {codec!r}: expected one of {', '.join(CODECS)}")
    factors = CODECS[codec].factors
    if not 0.0 <= loss_rate <= 1.0:
        raise ValueError(f"a loss rate of {loss_rate}: expected 0 to 1")
    if not burst_ratio > 0.0:
        raise ValueError(f"a burst ratio of {burst_ratio}: expected more than 0")
    percent = 100.0 * loss_rate
    robustness = factors.concealed_bpl if concealed else factors.bpl
    lossy = (95.0 - factors.ie) * percent / (percent / burst_ratio + robustness)
    r = max(0.0, _BEST - _delay_impairment(one_way_delay_ms) - factors.ie - lossy)
    # Annex B. The cubic dips below 1 for very small R.
    mos = max(1.0, 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6)
    return Opinion(r, mos)


def _delay_impairment(delay_ms: float) -> float:
    """Return Idd of G.107 section 7.4: 0 up to 100 ms, 24 at 400 ms."""
    if delay_ms <= 100.0:
        return 0.0
    x = log2(delay_ms / 100.0)
    return float(25.0 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2))
