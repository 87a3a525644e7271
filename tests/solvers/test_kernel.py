"""Ridges of tables with more columns than rows, in whatever units they come."""

import numpy as np
import pytest
import scipy.sparse as sp

import fastreg
from fastreg.design import as_design
from fastreg.objectives import Objective
from fastreg.penalties import L1
from fastreg.solvers import solve
from tests.judge import HAS_EXTENDED, Data, refine

SOLVERS = ("auto", "cholesky", "svd", "sparse_cg", "lsqr", "sag")


def table(rng, rows, far=0.0):
    """An id, a postcode and a price beside one-hot months and one-hot names."""
    postcode = rng.choice([1234.0, 2345.0, 99999.0], rows)
    price, month = rng.normal(90.0, 30.0, rows), rng.integers(0, 12, rows)
    numbers = np.column_stack([np.arange(rows) + far, postcode, price])
    X = sp.hstack([sp.csr_matrix(numbers), sp.csr_matrix(np.eye(12)[month]), sp.eye(rows)])
    return X.tocsr(), 50 * price + 300 * month + rng.normal(0, 800, rows) + 5000


def exact(X, y, alpha):
    """Ridge by least squares on columns scaled to length 1, penalised rows below."""
    A = X.toarray() if sp.issparse(X) else X
    A, b = A - A.mean(axis=0), y - y.mean()
    stacked = np.vstack([A, np.sqrt(alpha) * np.eye(A.shape[1])])
    length = np.linalg.norm(stacked, axis=0)
    right = np.append(b, np.zeros(A.shape[1]))
    return np.linalg.lstsq(stacked / length, right, rcond=None)[0] / length


@pytest.mark.parametrize("format", ["csr", "csc", "dense"])
@pytest.mark.parametrize("far", [0.0, 1e7])
def test_a_table_with_an_id_and_a_postcode(format, far, rng):
    X, y = table(rng, 150, far)
    expected = exact(X, y, 1.0)
    X = X.toarray() if format == "dense" else X.asformat(format)
    model = fastreg.Ridge().fit(X, y)
    assert model.certificate_.converged and model.certificate_.relative_gap < 1e-10
    np.testing.assert_allclose(model.coef_, expected, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("rows", [150, 450])
def test_such_a_table_takes_no_factor_of_its_columns(rows, rng, monkeypatch):
    from fastreg.solvers import ridge

    monkeypatch.setattr(ridge, "_by_orthogonal", None)
    assert fastreg.Ridge().fit(*table(rng, rows)).certificate_.converged


def raw_units(rng, m, n):
    """Columns in units from 1e-7 to 1e8, half of them far from zero."""
    Z = rng.standard_normal((m, n))
    offsets = 10.0 ** rng.uniform(-2, 4, n) * (rng.random(n) < 0.5)
    y = Z[:, :10] @ rng.standard_normal(10) + 0.3 * rng.standard_normal(m)
    return (Z + offsets) * 10.0 ** rng.uniform(-7, 8, n), y


@pytest.mark.parametrize("alpha", [1e-8, 1e-3, 1.0, 1e4, 1e10, 1e16])
def test_raw_units_are_certified_tightly(alpha, rng):
    X, y = raw_units(rng, 60, 180)
    model = fastreg.Ridge(alpha=alpha).fit(X, y)
    assert model.certificate_.converged and model.certificate_.relative_gap < 1e-8
    chosen = fastreg.RidgeCV(alphas=[alpha]).fit(X, y)
    np.testing.assert_allclose(chosen.predict(X), model.predict(X), atol=1e-6)
    if HAS_EXTENDED:
        data = Data(X, y, None, True)
        point = data.point(0, 0.0, alpha / len(y), False)
        value = float(point.value(data.theta(0, model.coef_)))
        assert value - float(refine(point, data.theta(0, model.coef_)).value) <= 1e-9


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("intercept", [False, True])
def test_the_answer_of_least_norm_by_any_solver(solver, intercept, rng):
    X, y = rng.standard_normal((20, 50)) * np.geomspace(1, 10, 50), rng.standard_normal(20)
    model = fastreg.Ridge(alpha=0.0, solver=solver, fit_intercept=intercept).fit(X, y)
    A, b = (X - X.mean(axis=0), y - y.mean()) if intercept else (X, y)
    np.testing.assert_allclose(model.coef_, np.linalg.pinv(A) @ b, atol=1e-6)


def test_the_last_fit_of_a_choice_is_as_exact_as_a_fit(rng):
    B = rng.standard_normal((50, 10))
    X, y = np.column_stack([B, B[:, 0]]), B[:, 1] + B[:, 0]
    chosen = fastreg.RidgeCV(alphas=[1e-16]).fit(X, y)
    np.testing.assert_allclose(chosen.coef_[[0, 10]], [0.5, 0.5], atol=1e-6)


def test_a_fit_that_explains_nearly_all_is_exact_beside_what_is_left(rng):
    """The gap is relative to the null objective: 1e-4 of it may be many times the minimum."""
    X = rng.standard_normal((40, 300)) @ np.diag(np.geomspace(1e4, 1e-2, 300))
    y = X[:, 0] + 0.1 * rng.standard_normal(40)
    for model in (fastreg.Ridge(1.0), fastreg.RidgeCV(alphas=[1.0])):
        worth = model.fit(X, y).certificate_
        assert worth.objective < 1e-9 * worth.null and worth.gap <= 1e-6 * worth.objective


def test_heavy_columns_with_weights_and_several_targets(rng):
    X, y = table(rng, 100)
    Y, w = np.column_stack([y, rng.standard_normal(100)]), rng.random(100) + 0.1
    w[::7] = 0.0
    objective = Objective(np.array([[1e-3, 1e-2]]), L1(0.0), w)
    found = solve(as_design(X), Y, objective, tol=1e-10)
    dense = solve(as_design(X.toarray()), Y, objective, tol=1e-10, method="orthogonal")
    assert found.certificate.converged and dense.certificate.converged
    np.testing.assert_allclose(found.coef, dense.coef, rtol=1e-6, atol=1e-6)
