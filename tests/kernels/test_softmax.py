"""The multinomial loss of rows: the reference, extreme predictions, rows that do not count."""

import numpy as np
import pytest
from conftest import needs_jit

from fastreg import kernels, reference

pytestmark = needs_jit


@pytest.mark.parametrize("points", [1, 3])
@pytest.mark.parametrize("classes", [2, 3, 11])
@pytest.mark.parametrize("more", [False, True])
def test_it_is_the_reference(rng, points, classes, more):
    m = 11_000  # several blocks of rows
    Z = 3.0 * rng.standard_normal((m, points * classes))
    Y = rng.dirichlet(np.ones(classes), m)
    weights = rng.integers(0, 3, m) * 1.0 if more else None
    offset = rng.standard_normal((m, classes)) if more else None
    ours, theirs = Z.copy(), Z.copy()
    found = kernels.softmax(ours, Y, weights, offset)
    np.testing.assert_allclose(found, reference.softmax(theirs, Y, weights, offset), rtol=1e-12)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-14)


def test_large_predictions_and_rows_of_weight_zero():
    Z = np.array([[1e300, 0.0, -1e300], [np.nan, np.inf, 1.0], [-700.0, 700.0, 0.0]])
    Y = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    value = kernels.softmax(Z, Y, np.array([1.0, 0.0, 1.0]), None)
    np.testing.assert_array_equal(value, [0.0])
    np.testing.assert_allclose(Z, 0.0, atol=1e-300)


def test_any_number_of_threads_gives_the_same_bits(rng):
    import fastreg

    Z, Y = rng.standard_normal((9000, 8)), np.eye(4)[rng.integers(0, 4, 9000)]
    values, slopes = [], []
    before = fastreg.get_num_threads()
    try:
        for threads in (1, 2):
            fastreg.set_num_threads(threads)
            own = Z.copy()
            values.append(kernels.softmax(own, Y, None, None))
            slopes.append(own)
    finally:
        fastreg.set_num_threads(before)
    np.testing.assert_array_equal(*values)
    np.testing.assert_array_equal(*slopes)


@needs_jit
@pytest.mark.parametrize("weighted", [True, False])
def test_bends_are_those_of_the_reference(weighted, rng):
    Y = np.eye(3)[rng.integers(3, size=40)]
    Z, w = rng.standard_normal((40, 6)), rng.random(40) + 0.1 if weighted else None
    kernels.softmax(Z, Y, w, None)
    found = kernels.bends(Z, Y, w)
    np.testing.assert_allclose(found, reference.bends(Z, Y, w), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(found, found.swapaxes(1, 2))
    np.testing.assert_allclose(found.sum(axis=2), 0.0, atol=1e-12)
