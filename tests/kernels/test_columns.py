"""Norms of columns and descent on them agree with the reference."""

import numpy as np
import pytest
from conftest import STORAGES, matrix

from fastreg import kernels, reference
from fastreg.design import as_design
from fastreg.design import storages as kinds
from fastreg.kernels.active_set import Quadratic

BY_COLUMNS = sorted(name for name in STORAGES if not name.startswith(("csr", "coo")))


@pytest.fixture(params=BY_COLUMNS)
def X(request):
    return as_design(STORAGES[request.param](matrix())).storage


@pytest.mark.parametrize("weighted", [False, True])
def test_norms_agree_with_reference(X, weighted, rng):
    options = {"weights": rng.random(37) if weighted else None}
    if not kinds.is_sparse(X):
        options["shift"] = rng.standard_normal(6)
    out, expected = np.empty(6), np.empty(6)
    kernels.norms(X, out=out, **options)
    reference.norms(X, out=expected, **options)
    np.testing.assert_allclose(out, expected, rtol=1e-12)


def test_descent_agrees_with_reference_and_keeps_the_residual(X, penalty, rng):
    y, l2 = rng.standard_normal(37), np.full(6, 0.1)
    shift = None if kinds.is_sparse(X) else np.full(6, 0.5)
    curvature = np.empty(6)
    kernels.norms(X, shift=shift, out=curvature)
    found = []
    for module in (kernels, reference):
        residual, coef = y.copy(), np.zeros(6)
        most = module.residual_descent(X, residual, coef, curvature, l2, penalty, 4, shift)
        found.append((coef, residual, most))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    coef, residual, _ = found[0]
    fitted = np.empty(37)
    reference.predict(X, coef, shift=shift, out=fitted)
    np.testing.assert_allclose(residual, y - fitted, atol=1e-12)


def test_descent_reaches_the_minimum_that_the_gram_form_reaches(penalty, rng):
    X = as_design(np.asfortranarray(matrix())).storage
    y, l2, columns = rng.standard_normal(37), np.full(8, 0.1), np.arange(6)
    gram, gradient = np.zeros((6, 8)), np.zeros(8)
    gram[:, :6] = kernels.cross_gram(X, columns, columns)
    kernels.project(X, -y, out=gradient[:6])
    by_gram, by_columns = np.zeros(6), np.zeros(6)
    factor = kernels.factor(6, 6)
    form = Quadratic(gram, gradient, by_gram, l2)
    kernels.minimise(form, penalty, factor, 1e-12, 100)
    curvature = np.diag(gram).copy()
    kernels.residual_descent(X, y.copy(), by_columns, curvature, l2[:6], penalty, 400)
    np.testing.assert_allclose(by_columns, by_gram, atol=1e-10)


def test_sparse_columns_refuse_a_shift_and_rows_have_no_columns():
    shift, out = np.ones(6), np.empty(6)
    with pytest.raises(ValueError, match="shift must be None for a sparse X"):
        kernels.norms(as_design(STORAGES["csc"](matrix())).storage, shift=shift, out=out)
    with pytest.raises(Exception, match="column_squares"):
        kernels.norms(as_design(STORAGES["csr"](matrix())).storage, out=out)
