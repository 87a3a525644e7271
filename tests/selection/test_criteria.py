"""Degrees of freedom and criteria against their definitions; `select` and `plot`."""

import numpy as np
import pytest

import fastreg
from fastreg.selection import criteria


def data(m=80, n=12, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n)) + 1.0
    return X, X[:, 0] - 2.0 * X[:, 1] + rng.standard_normal(m), rng


def test_rss_is_the_sum_of_squared_residuals():
    X, y, rng = data()
    w = rng.random(80)
    for options in ({}, {"l1_ratio": 0.3}, {"l1_ratio": 0.0}, {"positive": True}):
        found = fastreg.path(X, y, alphas=8, sample_weight=w, **options)
        residual = y[:, None] - found.predict(X)
        np.testing.assert_allclose(found.rss, w @ residual**2, rtol=1e-9)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("source", ["rows", "statistics"])
def test_degrees_of_freedom_are_the_trace_of_the_hat_matrix_on_the_support(l1_ratio, source):
    X, y, _ = data()
    if source == "rows":
        found = fastreg.path(X, y, l1_ratio=l1_ratio, alphas=9)
    else:
        found = fastreg.SufficientStatistics(12).update(X, y).path(l1_ratio=l1_ratio, alphas=9)
    Z = X - X.mean(axis=0)
    for k, alpha in enumerate(found.alphas):
        S = Z[:, found.coefs[:, k] != 0]
        ridge = 80 * alpha * (1 - l1_ratio) * np.eye(S.shape[1])
        hat = S @ np.linalg.solve(S.T @ S + ridge, S.T)
        np.testing.assert_allclose(found.dof[k], 1.0 + np.trace(hat), rtol=1e-8)


def test_degrees_of_freedom_of_the_lasso_are_unbiased():
    """df = Σ cov(ŷ_i, y_i)/σ² (Efron 2004), by simulation."""
    rng = np.random.default_rng(1)
    X, n_draws = rng.standard_normal((40, 6)), 4000
    mean = X[:, 0]
    Y = mean[:, None] + rng.standard_normal((40, n_draws))
    model = fastreg.Lasso(alpha=0.15).fit(X, Y)
    fitted = X @ model.coef_.T + model.intercept_
    covariance = (fitted * (Y - mean[:, None])).sum(axis=0).mean()
    sizes = np.count_nonzero(model.coef_, axis=1) + 1.0
    assert abs(covariance - sizes.mean()) < 4 * sizes.std() / np.sqrt(n_draws) + 0.15


def test_criteria_are_their_formulas():
    rss, dof, m, n = np.array([50.0, 20.0, 10.0]), np.array([1.0, 3.0, 6.0]), 30, 8
    fit = m * np.log(rss / m)
    expected = {
        "aic": fit + 2 * dof,
        "aicc": fit + 2 * dof + 2 * dof * (dof + 1) / (m - dof - 1),
        "bic": fit + np.log(m) * dof,
        "ebic": fit + np.log(m) * dof + 2 * np.log([1, 28, 56]),
        "cp": rss / (10 / 24) - m + 2 * dof,
        "gcv": rss / m / (1 - dof / m) ** 2,
    }
    assert set(expected) == set(criteria.CRITERIA)
    for name, value in expected.items():
        np.testing.assert_allclose(criteria.values(name, rss, dof, m, n), value, rtol=1e-12)
    with pytest.raises(ValueError, match="criterion must be one of"):
        criteria.values("cic", rss, dof, m, n)


def test_a_saturated_fit_is_never_chosen():
    X, y, _ = data(m=20, n=60)
    found = fastreg.path(X, y, alphas=40, eps=1e-4)
    assert found.dof.max() >= 20
    for name in criteria.CRITERIA:
        if name != "cp":
            assert found.dof[found.select(name).index] < 20


def test_cross_validation_of_a_path_is_that_of_the_estimator():
    X, y, _ = data()
    model = fastreg.LassoCV(cv=5, alphas=20).fit(X, y)
    found = fastreg.path(X, y, alphas=20, eps=1e-3)
    least, within = found.select("cv"), found.select("1se")
    np.testing.assert_allclose(least.values, model.mse_path_.mean(axis=1), rtol=1e-6)
    assert least.alpha == pytest.approx(model.alpha_min_)
    assert within.alpha == pytest.approx(model.alpha_1se_)
    np.testing.assert_array_equal(least.coef, found.coefs[:, least.index])


def test_penalty_factors_and_bounds_take_part_in_cross_validation():
    X, y, _ = data()
    factor = np.ones(12)
    factor[3] = 0.0
    found = fastreg.path(X, y, alphas=10, penalty_factor=factor, bounds=(-1.0, 1.0))
    chosen = found.select("cv", cv=4)
    assert chosen.coef[3] != 0.0 and np.abs(chosen.coef).max() <= 1.0


@pytest.mark.parametrize("cv", [1, 0, 81])
def test_a_faulty_number_of_folds_is_refused(cv):
    X, y, _ = data()
    with pytest.raises(ValueError, match="cv must be from 2 to the number of rows, 80"):
        fastreg.path(X, y, alphas=3).select("cv", cv=cv)


def test_statistics_cross_validate_by_themselves():
    X, y, _ = data()
    found = fastreg.SufficientStatistics(12).update(X, y).path(alphas=5)
    assert found.select("bic").alpha > 0
    with pytest.raises(ValueError, match="call their cross_validate"):
        found.select("cv")


def test_a_path_without_coefficients_has_criteria():
    X, y, _ = data()
    found = fastreg.path(X, y, l1_ratio=0.5, alphas=[1e6])
    np.testing.assert_array_equal(found.dof, [1.0])
    assert found.select("bic").index == 0


def test_cp_is_refused_where_nothing_is_left_to_estimate_the_noise():
    X, y, _ = data(m=12, n=40)
    with pytest.raises(ValueError, match="cp has no σ²"):
        fastreg.path(X, y, alphas=40, eps=1e-6).select("cp")
