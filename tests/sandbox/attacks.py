"""How often the attacks of the tests are tried: a few times, or as often as a campaign does.

``MEDIASIM_ATTACKS=1 python -m pytest -s --timeout 0 -k attack`` prints what each has found.
"""

from __future__ import annotations

import os
from typing import Final

__all__ = ["CAMPAIGN", "figures", "times"]

CAMPAIGN: Final = bool(os.environ.get("MEDIASIM_ATTACKS"))


def times(short: int, campaign: int) -> int:
    """As often as this run tries an attack."""
    return campaign if CAMPAIGN else short


def figures(attack: str, **found: object) -> None:
    """Print what an attack has found."""
    print(f"\n{attack}: " + ", ".join(f"{name} {value}" for name, value in found.items()))
