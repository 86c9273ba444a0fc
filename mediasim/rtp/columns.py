"""Tables of numpy columns with a row per stream."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

__all__ = ["Columns"]


class Columns(ABC):
    """Columns, grown as rows are opened; each attribute that is an array is one."""

    def __init__(self) -> None:
        self._rows = 0
        self._columns(0)

    @abstractmethod
    def _columns(self, rows: int) -> None:
        """Make all columns anew, of so many empty rows."""

    def ensure(self, rows: int) -> None:
        """Have at least this many rows; those there were keep what they hold."""
        have = self._rows
        if rows <= have:
            return
        old = {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        self._columns(rows)
        for name, column in old.items():
            getattr(self, name)[:have] = column
        self._rows = rows
