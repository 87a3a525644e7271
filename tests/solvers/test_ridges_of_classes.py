"""Ridges of several classes: the metric of L-BFGS, its end, and what comes after."""

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import needs_jit
from sklearn.datasets import load_digits

from fastreg import LogisticRegression, penalties
from fastreg.design import as_design
from fastreg.losses import Multinomial
from fastreg.objectives import Objective
from fastreg.problems.coupled import coupled
from fastreg.solvers import ridges_of_classes
from fastreg.solvers.ridges_of_classes import Axes, Metric

pytestmark = needs_jit


def problem(rng, *, free=True, storage=np.asarray, m=60, n=4, K=3):
    X, Y = rng.standard_normal((m, n)), np.eye(K)[rng.integers(0, K, m)]
    objective = Objective(
        l2=rng.uniform(0.5, 2.0, (n, 1)), penalty=penalties.L1(0.0), fit_intercept=free,
        weights=rng.uniform(0.5, 2.0, m), strength=np.array([0.3]), loss=Multinomial(K),
    )  # fmt: skip
    return coupled(as_design(storage(X)), Y, objective)


def hessian(found, P):
    """Of the loss by (β, b), equal probabilities P (K,) in all rows, and the ridge terms."""
    base, K = found.base, len(P)
    X = base.X.matrix.toarray() if base.X.is_sparse else base.X.matrix
    A = (X - (0.0 if base.shift is None else base.shift)) * base.scale
    w = base.weights / base.total
    S = np.diag(P) - np.outer(P, P)
    H = np.kron(S, A.T @ (w[:, None] * A)) + np.diag(found.base_ridge(0) * found.strength(0))
    assert H.shape[0] == K * A.shape[1]
    return H, S


@pytest.mark.parametrize("storage", [np.asarray, sp.csc_array])
def test_coordinates_are_those_of_the_second_derivative_where_rows_are_alike(rng, storage):
    found = problem(rng, storage=storage)
    S = found.spread(np.zeros(found.n_features), found.level)
    H, same = hessian(found, np.exp(found.level) / np.exp(found.level).sum())
    np.testing.assert_allclose(S, same, atol=1e-12)
    metric = Metric.of(Axes(found), S, found.strength(0), True)
    N, K = found.n_features, found.n_classes
    T = np.stack([metric.step(z)[0] for z in np.eye(N + K - 1)[:N]], axis=1)
    np.testing.assert_allclose(T.T @ H @ T, np.eye(N), atol=1e-10)
    L = np.stack([metric.step(z)[1] for z in np.eye(N + K - 1)[N:]], axis=1)
    np.testing.assert_allclose(L.T @ S @ L, np.eye(K - 1), atol=1e-10)


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize("wide", [True, False])
def test_slopes_are_turned_as_steps_are(rng, free, wide, monkeypatch):
    monkeypatch.setattr(ridges_of_classes, "_WIDE", 1 if wide else 1000)
    found = problem(rng, free=free)
    S = found.spread(np.zeros(found.n_features), found.level)
    metric = Metric.of(Axes(found), S, 0.3, free)
    z = rng.standard_normal(found.n_features + (found.n_classes - 1) * free)
    g, tilt = rng.standard_normal(found.n_features), rng.standard_normal(found.n_classes)
    beta, level = metric.step(z)
    assert metric.slope(g, tilt) @ z == pytest.approx(g @ beta + tilt @ level)


@pytest.mark.parametrize(("C", "tol"), [(1.0, 1e-4), (100.0, 1e-4), (1.0, 1e-12)])
@pytest.mark.parametrize("is_cut", [False, True])
def test_the_end_is_certified_and_newton_goes_on_where_it_is_not_reached(
    C, tol, is_cut, monkeypatch
):
    X, y = load_digits(return_X_y=True)
    X, y = (X[:400] / 16.0)[:, X[:400].any(axis=0)], y[:400]
    sharp = LogisticRegression(C=C, tol=1e-13, max_iter=300).fit(X, y)
    if is_cut:
        monkeypatch.setattr(ridges_of_classes, "_rounds", lambda steps: iter([3]))
    found = LogisticRegression(C=C, tol=tol, max_iter=300).fit(X, y)
    assert found.certificate_.converged
    assert found.certificate_.method == ("L-BFGS, Newton" if is_cut else "L-BFGS")
    np.testing.assert_allclose(found.coef_, sharp.coef_, atol=3e-2 if tol > 1e-6 else 1e-6)


def test_a_metric_of_its_own_for_each_round_of_steps(monkeypatch):
    assert list(ridges_of_classes._rounds(400)) == [60, 120, 220]
    assert list(ridges_of_classes._rounds(50)) == [50]
    assert list(ridges_of_classes._rounds(0)) == []
    X, y = load_digits(return_X_y=True)
    whole = LogisticRegression(tol=1e-6, max_iter=300).fit(X, y)
    monkeypatch.setattr(ridges_of_classes, "_ROUND", 5)
    parts = LogisticRegression(tol=1e-6, max_iter=300).fit(X, y)
    assert parts.certificate_.converged
    np.testing.assert_allclose(parts.coef_, whole.coef_, atol=1e-4)
