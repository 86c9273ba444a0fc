"""Products of long arrays: the same sums, on one thread."""

from __future__ import annotations

import numpy as np
import pytest

from mediasim.audio.products import dot, rows_times


@pytest.mark.parametrize("rows", [1, 700, 20_000])
def test_pieces_of_a_matrix_give_its_product(rows: int) -> None:
    generator = np.random.default_rng(rows)
    left, right = generator.integers(-99, 99, (rows, 13)), generator.integers(-99, 99, (13, 16))
    product = rows_times(left.astype(float), right.astype(float))
    assert np.array_equal(product, left @ right)


def test_the_sum_of_products_of_long_arrays() -> None:
    one = np.arange(50_000, dtype=np.float64)
    assert dot(one, one) == float((one * one).sum())
