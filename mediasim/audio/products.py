"""Products of long arrays on one thread.

Above some ten thousand multiplications ``@`` spreads over all cores (OpenBLAS). Its other threads
then wait busily for what may come next: 40 ms of CPU time for a product that takes 20 microseconds.
How many threads there are also decides the order of additions, and with it the last bits.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["dot", "rows_times"]

_ON_ONE_THREAD: Final = 150_000
"""Multiplications of two matrices that OpenBLAS does not spread."""


def dot(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the sum of the products of two arrays (n,)."""
    return float(np.einsum("i,i->", one, other))


def rows_times(rows: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix product of rows (n, k) and columns (k, m)."""
    some = max(1, _ON_ONE_THREAD // max(1, columns.size))
    if len(rows) <= some:
        return rows @ columns
    product = np.empty((len(rows), columns.shape[1]))
    for start in range(0, len(rows), some):
        np.matmul(rows[start : start + some], columns, out=product[start : start + some])
    return product
