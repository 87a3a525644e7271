"""Twice the working precision, checked against rational numbers."""

from fractions import Fraction

import numpy as np
from conftest import JIT, matrix
from hypothesis import given, settings
from hypothesis import strategies as st

from fastreg import kernels, reference
from fastreg.design import as_design

numbers = st.floats(-1e100, 1e100).filter(lambda x: x == 0 or abs(x) > 1e-100)


@given(a=numbers, b=numbers)
@settings(max_examples=300, deadline=None)
def test_sum_and_product_are_free_of_error(a, b):
    s, e = kernels.two_sum(a, b)
    assert Fraction(s) + Fraction(e) == Fraction(a) + Fraction(b)
    p, e = kernels.two_product(a, b)
    assert Fraction(p) + Fraction(e) == Fraction(a) * Fraction(b)
    assert reference.two_sum(a, b) == kernels.two_sum(a, b)
    assert reference.two_product(a, b) == kernels.two_product(a, b)


@given(seed=st.integers(0, 2**20))
@settings(max_examples=20 if JIT else 5, deadline=None)
def test_gradient_is_right_to_the_last_bit_despite_cancellation(seed):
    rng = np.random.default_rng(seed)
    A = matrix(11, 4, seed) + rng.random((11, 4)) + 1e8
    theta, w = rng.standard_normal(4), rng.random(11)
    y = A @ theta + 1e-9 * rng.standard_normal(11)
    out, exact = np.empty((2, 5)), np.empty((2, 5))
    X = as_design(A).storage
    kernels.compensated_gradient(X, y, theta, offset=0.25, weights=w, out=out)
    reference.compensated_gradient(X, y, theta, offset=0.25, weights=w, out=exact)
    np.testing.assert_allclose(out.sum(axis=0), exact.sum(axis=0), rtol=1e-13)


def test_compensated_gradient_agrees_for_every_storage(store, rng):
    X = as_design(store(matrix())).storage
    y, theta = rng.standard_normal(37), rng.standard_normal(6)
    out, exact = np.empty((2, 7)), np.empty((2, 7))
    kernels.compensated_gradient(X, y, theta, out=out)
    reference.compensated_gradient(X, y, theta, out=exact)
    np.testing.assert_allclose(out.sum(axis=0), exact.sum(axis=0), rtol=1e-14)
