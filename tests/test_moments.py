"""Moments of any split, added up in any order, are those of the whole; and part again."""

import numpy as np
import pytest
from conftest import STORAGES, matrix
from hypothesis import given, settings
from hypothesis import strategies as st

from fastreg import moments
from fastreg.design import as_design
from fastreg.moments import Frame, gather


def direct(A, y, w):
    """(weight, mean, scatter) in extended precision."""
    V = np.column_stack([A, y]).astype(np.longdouble)
    w = np.asarray(w, np.longdouble)
    mean = w @ V / w.sum()
    D = V - mean
    return w.sum(), mean, (w[:, None] * D).T @ D


def collected(X, y, w, folds, n_folds, frame=None):
    X = as_design(X)
    frame = frame or Frame.of(X, y[:, None], w)
    return gather(X, y[:, None], w, folds, n_folds, frame)


def check(found, A, y, w, rtol=1e-12):
    """Relative to the lengths of the centred columns."""
    weight, mean, scatter = direct(A, y, np.ones(len(y)) if w is None else w)
    unit = found.frame.unit
    np.testing.assert_allclose(found.weight, float(weight), rtol=1e-13)
    length = np.sqrt(np.diag(scatter)).astype(float)
    length[length == 0] = 1.0
    error = found.scatter * np.outer(unit, unit) - scatter
    assert np.abs(error / np.outer(length, length)).max() <= rtol
    place = found.frame.origin + unit * found.mean - mean
    assert np.all(np.abs(place) <= 1e-12 * length / np.sqrt(float(weight)) + 1e-15 * np.abs(mean))


@given(
    seed=st.integers(0, 2**20),
    m=st.integers(1, 80),
    n_folds=st.integers(1, 6),
    offset=st.sampled_from([0.0, 1e3, 1e8]),
    weighted=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_parts_in_any_order_make_the_whole(seed, m, n_folds, offset, weighted):
    rng = np.random.default_rng(seed)
    A = rng.integers(-64, 64, (m, 4)) / 16.0 + offset
    y = rng.integers(-64, 64, m) / 16.0 - offset
    w = rng.integers(0, 4, m).astype(float) + np.eye(m)[0] if weighted else None
    folds = rng.integers(0, n_folds, m)
    parts = collected(A, y, w, folds, n_folds)
    check(moments.total(parts), A, y, w)
    check(moments.total(parts[::-1]), A, y, w)
    # Each from a frame of its own, as of files that know nothing of one another.
    lone = [
        collected(A[folds == f], y[folds == f], None if w is None else w[folds == f], None, 1)[0]
        for f in np.unique(folds)
    ]
    check(moments.total(lone), A, y, w)


@pytest.mark.parametrize("name", ["C", "F", "csr", "csc", "float32", "strided"])
def test_every_storage_has_the_same_moments(name, rng):
    A, y, w = matrix(), rng.standard_normal(37), rng.random(37)
    check(collected(STORAGES[name](A), y, w, None, 1)[0], A, y, w, rtol=1e-11)


@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_subtracting_a_fold_is_computing_without_it(offset, rng):
    A, y = rng.standard_normal((500, 5)) + offset, rng.standard_normal(500) - offset
    folds = rng.integers(0, 5, 500)
    parts = collected(A, y, None, folds, 5)
    whole = moments.total(parts)
    for f in range(5):
        rest = folds != f
        check(whole - parts[f], A[rest], y[rest], None, rtol=1e-9)
        check(moments.without(parts, whole, [f]), A[rest], y[rest], None, rtol=1e-9)


def test_a_difference_that_rounding_outweighs_is_refused_and_added_up_instead(rng):
    """All of a column's spread lies in one fold: beside it the rest is 1e-16 of its scatter."""
    A = rng.standard_normal((300, 3))
    folds = np.repeat([0, 1, 2], 100)
    A[folds == 0, 1] *= 1e9
    y = rng.standard_normal(300)
    parts = collected(A, y, None, folds, 3)
    whole = moments.total(parts)
    with pytest.raises(ValueError, match="so little is left"):
        whole - parts[0]
    check(moments.without(parts, whole, [0]), A[100:], y[100:], None, rtol=1e-9)


def test_what_was_never_in_cannot_be_taken_out(rng):
    A, y = rng.standard_normal((20, 2)), rng.standard_normal(20)
    small, large = (collected(A[:k], y[:k], None, None, 1)[0] for k in (5, 20))
    with pytest.raises(ValueError, match="no part of these statistics"):
        small - large
    nothing = large - large
    assert nothing.count == 0 and nothing.weight == 0.0
    assert (nothing + small).count == 5


def test_units_from_1e_minus_200_to_1e200(rng):
    A, y = rng.standard_normal((50, 3)), rng.standard_normal(50)
    units = np.array([1e-200, 1.0, 1e200])
    plain, far = collected(A, y, None, None, 1)[0], collected(A * units, y, None, None, 1)[0]
    ratio = far.frame.unit[:3] / plain.frame.unit[:3] / units
    scale = np.append(ratio, 1.0)
    np.testing.assert_allclose(
        far.scatter * np.outer(scale, scale), plain.scatter, rtol=1e-10, atol=1e-12
    )
