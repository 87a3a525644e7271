"""The relaxed path is least squares on supports, and is chosen by errors of relaxed fits."""

import numpy as np
import pytest
import scipy.sparse
from conftest import needs_jit

import fastreg


def problem(rng, m=60, n=10):
    X = rng.standard_normal((m, n)) + 2.0
    return X, X[:, :3] @ [2.0, -1.0, 1.0] + 1.0 + rng.standard_normal(m)


def least_squares(X, y, w, support):
    root = np.sqrt(np.ones(len(y)) if w is None else w)[:, None]
    Z = np.column_stack([np.ones(len(y)), X[:, support]])
    return np.linalg.lstsq(root * Z, root[:, 0] * y, rcond=None)[0]


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("storage", [np.asarray, np.asfortranarray, scipy.sparse.csc_matrix])
def test_supports_are_fitted_by_least_squares(storage, weighted, gamma, rng):
    X, y = problem(rng)
    w = rng.random(len(y)) + 0.1 if weighted else None
    path = fastreg.path(storage(X), y, alphas=15, sample_weight=w, tol=1e-9)
    found = path.relax(gamma)
    for k in range(15):
        S = np.flatnonzero(path.coefs[:, k])
        b, *free = least_squares(X, y, w, S)
        coef = np.zeros(10)
        coef[S] = free
        expected = gamma * path.coefs[:, k] + (1 - gamma) * coef
        np.testing.assert_allclose(found.coefs[:, k], expected, rtol=1e-9, atol=1e-11)
        intercept = gamma * path.intercepts[k] + (1 - gamma) * b
        np.testing.assert_allclose(found.intercepts[k], intercept, rtol=1e-8)
        r = y - X @ found.coefs[:, k] - found.intercepts[k]
        np.testing.assert_allclose(found.rss[k], r @ (r if w is None else w * r), rtol=1e-8)
        assert found.dof[k] == len(S) + 1
    assert found.kkt.max() < 1e-12


def test_columns_that_depend_on_one_another_share(rng):
    X, y = problem(rng)
    twice = np.column_stack([X, X[:, 0]])
    found = fastreg.path(twice, y, l1_ratio=0.5, alphas=10).relax()
    plain = fastreg.path(X, y, l1_ratio=0.5, alphas=found.alphas).relax()
    k = 9
    np.testing.assert_allclose(twice @ found.coefs[:, k], X @ plain.coefs[:, k], rtol=1e-8)
    assert found.kkt[k] < 1e-10


@pytest.mark.parametrize("wide", [False, True])
def test_folds_are_relaxed_too(wide, rng):
    X, y = problem(rng, m=40, n=60 if wide else 10)
    path = fastreg.path(X, y, alphas=8, tol=1e-9).relax(0.25)
    errors = path.select("cv", cv=4).values
    expected = np.zeros((8, 4))
    for f, test in enumerate(np.split(np.arange(40), 4)):
        train = np.setdiff1d(np.arange(40), test)
        own = fastreg.path(X[train], y[train], alphas=path.alphas, tol=1e-9).relax(0.25)
        expected[:, f] = ((y[test, None] - own.predict(X[test])) ** 2).mean(axis=0)
    np.testing.assert_allclose(errors, expected.mean(axis=1), rtol=1e-6)


@needs_jit
def test_relaxed_fits_shrink_less_and_choose_fewer(rng):
    X = rng.standard_normal((200, 40))
    y = 3.0 * X[:, 0] - 3.0 * X[:, 1] + rng.standard_normal(200)
    path = fastreg.path(X, y)
    plain, free = path.select("cv"), path.relax().select("cv")
    assert np.count_nonzero(free.coef) < np.count_nonzero(plain.coef)
    np.testing.assert_allclose(free.coef[:2], [3.0, -3.0], atol=0.25)
    assert path.relax().select("bic").alpha >= plain.alpha


def test_what_cannot_be_relaxed_says_so(rng):
    X, y = problem(rng)
    with pytest.raises(ValueError, match="gamma must be"):
        fastreg.path(X, y, alphas=3).relax(1.5)
    with pytest.raises(ValueError, match="bounds"):
        fastreg.path(X, y, alphas=3, positive=True).relax()


def test_statistics_relax_without_the_data(rng):
    X, y = problem(rng)
    found = fastreg.SufficientStatistics(10).update(X, y).path(alphas=8).relax()
    plain = fastreg.path(X, y, alphas=found.alphas).relax()
    np.testing.assert_allclose(found.coefs, plain.coefs, rtol=1e-8, atol=1e-11)
