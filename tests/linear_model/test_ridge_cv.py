"""RidgeCV: the errors of leaving out each row are those of leaving it out."""

import numpy as np
import pytest
from conftest import STORAGES
from sklearn.linear_model import RidgeCV as SklearnRidgeCV
from sklearn.model_selection import KFold

from fastreg import Ridge, RidgeCV

ALPHAS = np.geomspace(1e-2, 1e3, 9)


def data(m, n, k=None, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n)) + rng.standard_normal(n)
    Y = X[:, :3] @ rng.standard_normal((3, k or 1)) + rng.standard_normal((m, k or 1))
    return X, Y if k else Y[:, 0], rng.random(m) + 0.2


@pytest.mark.parametrize("shape", [(40, 6), (12, 30)])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("storage", ["C", "F", "csr", "csc", "float32"])
def test_errors_are_those_of_leaving_out_each_row(shape, intercept, weighted, storage):
    X, y, w = data(*shape)
    X = X.astype(np.float32).astype(float)
    w = w if weighted else None
    options = {"store_cv_results": True, "fit_intercept": intercept}
    found = RidgeCV(ALPHAS, **options).fit(STORAGES[storage](X), y, w)
    for q in (0, 4, 8):
        for i in (0, 5, 11):
            rest = np.arange(len(y)) != i
            part = None if w is None else w[rest]
            model = Ridge(ALPHAS[q], fit_intercept=intercept, tol=1e-12).fit(X[rest], y[rest], part)
            error = y[i] - model.predict(X[i : i + 1])[0]
            squared = error**2 * (1.0 if w is None else w[i])
            np.testing.assert_allclose(found.cv_results_[i, q], squared, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("shape", [(60, 5), (15, 40)])
@pytest.mark.parametrize("per_target", [False, True])
def test_choice_and_fit_are_those_of_scikit_learn(shape, per_target):
    X, Y, w = data(*shape, k=3)
    for weights in (None, w):
        options = {"alphas": ALPHAS, "alpha_per_target": per_target}
        ours = RidgeCV(**options).fit(X, Y, weights)
        theirs = SklearnRidgeCV(**options).fit(X, Y, weights)
        np.testing.assert_allclose(ours.alpha_, theirs.alpha_)
        np.testing.assert_allclose(ours.best_score_, theirs.best_score_, rtol=1e-8)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-9)
        np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-9)
        assert ours.certificate_.converged


@pytest.mark.parametrize("scoring", ["neg_mean_absolute_error", "r2"])
def test_other_scores(scoring):
    X, y, _ = data(50, 4)
    options = {"alphas": ALPHAS, "scoring": scoring, "store_cv_results": True}
    ours, theirs = RidgeCV(**options).fit(X, y), SklearnRidgeCV(**options).fit(X, y)
    np.testing.assert_allclose(ours.best_score_, theirs.best_score_, rtol=1e-9)
    assert ours.alpha_ == theirs.alpha_


def test_folds_are_a_grid_search():
    X, y, _ = data(50, 4)
    options = {"alphas": ALPHAS, "cv": KFold(4)}
    ours, theirs = RidgeCV(**options).fit(X, y), SklearnRidgeCV(**options).fit(X, y)
    assert ours.alpha_ == theirs.alpha_
    np.testing.assert_allclose(ours.best_score_, theirs.best_score_, rtol=1e-8)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-8)


@pytest.mark.parametrize("shape", [(40, 5), (12, 30)])
def test_degrees_of_freedom_are_the_trace_of_the_hat_matrix(shape):
    X, y, _ = data(*shape)
    found = RidgeCV(ALPHAS, gcv_mode="gcv").fit(X, y)
    Z = X - X.mean(axis=0)
    for q, alpha in enumerate(ALPHAS):
        hat = Z @ np.linalg.solve(Z.T @ Z + alpha * np.eye(shape[1]), Z.T)
        np.testing.assert_allclose(found.dof_[q], 1.0 + np.trace(hat), rtol=1e-9)
    m, dof = len(y), found.dof_[np.flatnonzero(found.alpha_ == ALPHAS)[0]]
    residual = y - Ridge(found.alpha_, tol=1e-12).fit(X, y).predict(X)
    np.testing.assert_allclose(-found.best_score_, (residual**2).mean() / (1 - dof / m) ** 2)


def test_the_article_s_example():
    """λ of the least leave-one-out error: 0.0717 (to the grid)."""
    np.random.seed(0)  # noqa: NPY002 (as the article has it)
    X = np.random.randn(100, 1)  # noqa: NPY002
    y = (2 * X + 1 + 0.5 * np.random.randn(100, 1))[:, 0]  # noqa: NPY002
    grid = np.linspace(0.05, 0.09, 401)
    assert RidgeCV(grid).fit(X, y).alpha_ == pytest.approx(0.0717, abs=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alphas": [0.0, 1.0]}, r"alphas\[0\] == 0.0, must be > 0"),
        ({"alphas": []}, "alphas must be one or several numbers"),
        ({"alphas": [1.0, np.nan]}, r"alphas\[1\] == nan, must be finite"),
        ({"alpha_per_target": True, "cv": 3}, "cv!=None and alpha_per_target=True"),
        ({"store_cv_results": True, "cv": 3}, "cv!=None and store_cv_results=True"),
    ],
)
def test_faulty_parameters_are_refused(options, message):
    X, y, _ = data(30, 3)
    with pytest.raises(ValueError, match=message):
        RidgeCV(**options).fit(X, y)


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize(("size", "rtol"), [(1e3, 1e-5), (1e5, 0.05)])
def test_errors_of_nearly_interpolating_ridges(intercept, size, rtol):
    """1 − H_ii is 1e-10, then 1e-14: it may neither cancel nor be rounded up to 1e-12."""
    X, y, _ = data(20, 200)
    X = X * size
    found = RidgeCV([0.1], fit_intercept=intercept, store_cv_results=True).fit(X, y)
    for i in (0, 7):
        rest = np.arange(20) != i
        model = Ridge(0.1, fit_intercept=intercept, tol=1e-12).fit(X[rest], y[rest])
        error = y[i] - model.predict(X[i : i + 1])[0]
        np.testing.assert_allclose(found.cv_results_[i, 0], error**2, rtol=rtol)


def test_scores_take_weights():
    X, y, w = data(50, 4)
    options = {"alphas": ALPHAS, "scoring": "neg_mean_absolute_error"}
    ours, theirs = (cls(**options).fit(X, y, w) for cls in (RidgeCV, SklearnRidgeCV))
    np.testing.assert_allclose(ours.best_score_, theirs.best_score_, rtol=1e-9)


def test_folds_may_do_without_a_ridge():
    X, y, _ = data(50, 4)
    assert RidgeCV([0.0, 1e6], cv=4).fit(X, y).alpha_ == 0.0
