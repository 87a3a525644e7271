"""The first look at X agrees with the reference, whatever the storage and the weights."""

import numpy as np
import pytest
from conftest import matrix

from fastreg import kernels, reference
from fastreg.design import as_design
from fastreg.design import storages as kinds


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("with_residual", [False, True])
@pytest.mark.parametrize("rows", [1, 3, 37, 400])
def test_survey_agrees_with_reference(store, rows, weighted, with_residual, rng, monkeypatch):
    if rows == 400:
        monkeypatch.setattr(kinds, "BLOCK_ENTRIES", 64)  # several blocks
    X = as_design(store(matrix(rows))).storage
    options = {"weights": rng.integers(0, 3, rows) + np.eye(rows)[0] if weighted else None}
    if not kinds.is_sparse(X):
        options["origin"] = rng.standard_normal(6)
    residual = rng.standard_normal(rows) if with_residual else None
    found = kernels.survey(X, residual, **options)
    low, high, sums, products, squares, finite = reference.survey(X, residual, **options)
    assert found.finite
    assert finite
    np.testing.assert_array_equal(found.low, low)
    np.testing.assert_array_equal(found.high, high)
    np.testing.assert_allclose(found.sums, sums, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.products, products, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.squares, squares, rtol=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", [(0, 0), (-1, -1), (20, 3)])
def test_survey_sees_one_bad_entry_even_in_a_row_of_weight_zero(store, bad, where):
    A, weights = matrix(), np.ones(37)
    A[where], weights[where[0]] = bad, 0.0
    X = as_design(store(A)).storage
    assert not kernels.survey(X).finite
    assert not kernels.survey(X, weights=weights).finite


def test_huge_entries_in_rows_of_weight_zero_count_for_nothing(store):
    A, weights = matrix(), np.ones(37)
    weights[5] = 0.0
    bare = kernels.survey(as_design(store(A)).storage, weights, weights=weights)
    A[5] = 1e38  # within float32
    found = kernels.survey(as_design(store(A)).storage, weights, weights=weights)
    assert found.finite
    for ours, theirs in zip(found, bare, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_origin_spares_sums_the_rounding_of_an_offset(order, rng):
    small = rng.standard_normal((999, 11)).round(3) / 8
    A = np.array(small + 1e8, order=order)
    found = kernels.survey(as_design(A).storage, small[:, 0].copy(), origin=A[0])
    exact = A - A[0]
    np.testing.assert_allclose(found.sums, exact.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.products, small[:, 0] @ exact, rtol=1e-12)
