"""Sums over rows that a ridge has not seen, against plain NumPy."""

import numpy as np
import pytest

from fastreg import kernels, reference


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_sums_are_those_of_numpy(k, level):
    rng = np.random.default_rng(k)
    b, K = 37, 16
    w = rng.integers(0, 3, b).astype(float)
    kept = np.where(rng.random(b) < 0.2, 0.0, w)
    fits, Y = rng.standard_normal((b, k * K + 2)), rng.standard_normal((b, k))
    leverages = rng.random((b, K))
    leverages[3] = 1e3  # H beyond 1
    found, expected = [], []
    for into, module in ((found, kernels), (expected, reference)):
        own = fits.copy(), leverages.copy(), np.empty((b, k * K))
        sums = module.left_out(own[0], own[1], Y, w, kept, w.sum(), level, own[2])
        into += [sums, *own]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-13)
    assert (found[1][:, k * K :] == fits[:, k * K :]).all()


def test_rows_of_weight_zero_count_for_nothing():
    fits, leverages, e = np.full((1, 8), np.inf), np.ones((1, 8)), np.empty((1, 8))
    none = np.zeros(1)
    sums = kernels.left_out(fits, leverages, np.ones((1, 1)), none, none, 1.0, 0.0, e)
    assert (sums[:5] == 0.0).all() and (sums[5] == 1.0).all()
