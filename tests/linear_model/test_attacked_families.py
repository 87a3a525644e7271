"""Inputs at which regressions of amounts and counts, and of several classes, once failed."""

import warnings

import numpy as np
import pandas as pd
import pytest
from conftest import needs_jit

import fastreg
from fastreg import (
    GammaRegressor,
    LogisticRegression,
    NegativeBinomialRegressor,
    TweedieRegressor,
)
from fastreg.cli import main

pytestmark = needs_jit
M = 200


@pytest.fixture
def data():
    rng = np.random.default_rng(11)
    X = rng.standard_normal((M, 3))
    mean = np.exp(0.5 * X[:, 0] + 1.0)
    return X, rng.gamma(2.0, mean / 2.0), rng.poisson(mean * rng.gamma(2.0, 0.5, M)) * 1.0


@pytest.mark.parametrize("power", [1.1, 1.5, 1.9, 2, 2.5, 3, 4])
@pytest.mark.parametrize("unit", [1e-20, 1e-8, 1e6, 1e8, 1e12])
def test_units_of_y_change_no_share(data, power, unit):
    X, y, _ = data
    tol = 1e-7 if power <= 2 else 1e-5  # of what is stationary, which rounding may stop
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one, other = (
            TweedieRegressor(power=power, alpha=0.0, tol=tol).fit(X, y * size)
            for size in (1.0, unit)
        )
    score = one.score(X, y)
    assert other.score(X, y * unit) == pytest.approx(score, abs=2e-4)
    assert other.summary(X, y * unit).explained == pytest.approx(score, abs=2e-4)
    np.testing.assert_allclose(
        other.residuals(X, y * unit, kind="pearson") * unit ** (power / 2 - 1),
        one.residuals(X, y, kind="pearson"), rtol=2e-2, atol=2e-2,
    )  # fmt: skip


@pytest.mark.parametrize("power", [-1, -3, 0, 3])
def test_an_offset_far_away_is_found(data, power):
    X, y, _ = data
    model = TweedieRegressor(power=power, link="log", alpha=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = model.fit(X, y).predict(X)
        found = model.fit(X, y, offset=np.full(M, -400.0))
    np.testing.assert_allclose(found.predict(X, np.full(M, -400.0)), plain, rtol=1e-2)


def test_summary_goes_on_to_the_minimum_in_units_of_its_own_errors(data):
    X, _, _ = data
    rng = np.random.default_rng(0)
    y = np.exp(0.5 * X[:, 0] + 1.0) * (1.0 + 1e-3 * rng.standard_normal(M))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        early = GammaRegressor(alpha=0.0, max_iter=2).fit(X, y)
    late = GammaRegressor(alpha=0.0, max_iter=1000).fit(X, y)
    table, exact = early.summary(X, y), late.summary(X, y)
    assert (np.abs(table.coef - exact.coef) <= 0.11 * exact.standard_error).all()


def test_fits_of_an_estimated_theta_compare_by_likelihoods(data):
    X, y, counts = data
    full, small = (
        NegativeBinomialRegressor(alpha=0.0, tol=1e-10).fit(Z, counts).summary(Z, counts)
        for Z in (X, X[:, :1])
    )
    tested = full.compare(small)
    assert tested.statistic == pytest.approx(
        2.0 * (full.log_likelihood - small.log_likelihood), rel=1e-9
    )
    gamma = GammaRegressor(alpha=0.0).fit(X[:, :1], y).summary(X[:, :1], y)
    with pytest.raises(ValueError, match="fits of one loss"):
        full.compare(gamma)
    own = GammaRegressor(alpha=0.0).fit(X, y + 1.0).summary(X, y + 1.0)
    with pytest.raises(ValueError, match="same target"):
        own.compare(gamma)
    with pytest.raises(ValueError, match="smaller must be a table"):
        own.compare(None)


def test_the_loss_of_a_fit_stays_that_of_the_fit(data):
    X, y, counts = data
    model = TweedieRegressor(power=1.5, alpha=0.1).fit(X, y)
    before = model.predict(X), model.score(X, y)
    model.set_params(power=0)
    np.testing.assert_array_equal(model.predict(X), before[0])
    assert model.score(X, y) == before[1] and model.power_ == 1.5 and model.link_ == "log"
    assert model.fit(X, y).power_ == 0.0 and model.link_ == "identity"
    model = NegativeBinomialRegressor(alpha=0.0).fit(X, counts)
    score, aic = model.score(X, counts), model.summary(X, counts).aic
    model.set_params(theta=0.1)
    assert model.score(X, counts) == score and model.summary(X, counts).aic == aic


def test_what_a_weight_is_is_said(data):
    X, y, counts = data
    w = np.full(M, 4.0)
    of_amounts = GammaRegressor(alpha=0.0).fit(X, y, w).summary(X, y, w)
    assert "a weight divides the variance" in of_amounts.assumes
    of_counts = fastreg.PoissonRegressor(alpha=0.0).fit(X, counts, w).summary(X, counts, w)
    assert "weights count rows" in of_counts.assumes


def test_tests_of_too_many_coefficients_are_refused(data):
    X, y, _ = data
    table = GammaRegressor(alpha=0.0).fit(X, y).summary(X, y, cluster=np.repeat([0, 1], M // 2))
    for which in (None, ["x0", "x0"]):
        with pytest.raises(ValueError, match="has no inverse"):
            table.wald(which)
    for which in ([0.5], [None], 3.5, ["x9"]):
        with pytest.raises(ValueError, match="which"):
            table.wald(which)
    assert table.wald("x0").dof == 1


@pytest.mark.parametrize("alpha", [0.0, 1e-3, 1.0])
@pytest.mark.parametrize(
    "model",
    [
        TweedieRegressor(power=1.5),
        TweedieRegressor(power=3),
        NegativeBinomialRegressor(theta=2.0),
        fastreg.PoissonRegressor(),
        GammaRegressor(),
    ],
    ids=str,
)
def test_a_constant_target_is_met(data, model, alpha):
    X = data[0]
    for value in (3.0, 7.3):
        y = np.full(M, np.round(value) if "theta" in model.get_params() else value)
        fitted = model.set_params(alpha=alpha).fit(X, y)
        assert fitted.certificate_.converged
        np.testing.assert_allclose(fitted.coef_, 0.0, atol=1e-7)


def test_rows_of_weight_zero_count_for_nothing(data):
    X, y, _ = data
    X, y, w = X.copy(), y.copy(), np.ones(M)
    X[-5:], y[-5:], w[-5:] = 1e3, 1e300, 0.0
    for model in (TweedieRegressor(power=0, link="log"), GammaRegressor()):
        fitted = model.fit(X, y, w)
        alone = model.score(X[:-5], y[:-5])
        assert fitted.score(X, y, w) == pytest.approx(alone, rel=1e-9)


def test_quantile_residuals_of_extreme_means_take_no_room(data):
    X, y, counts = data
    model = TweedieRegressor(power=1.5, alpha=0.1).fit(X, y)
    far = X.copy()
    far[0] = 1e3
    with np.errstate(over="ignore"):
        model.residuals(far, y, kind="quantile", dispersion=1.0)
    poisson = fastreg.PoissonRegressor(alpha=0.0, tol=1e-9).fit(X, counts)
    varied = NegativeBinomialRegressor(alpha=0.0, theta=1e18, tol=1e-9).fit(X, counts)
    found = (m.residuals(X, counts, kind="quantile", random_state=0) for m in (poisson, varied))
    np.testing.assert_allclose(*found, atol=1e-4)
    for dispersion in (0.0, -1.0, np.nan, "a"):
        with pytest.raises(ValueError, match="dispersion must be a number above 0"):
            model.residuals(X, y, kind="quantile", dispersion=dispersion)


@pytest.mark.parametrize("cluster", [[None] * M, np.full(M, np.nan), np.full(M, 1j)])
def test_odd_clusters_are_refused(data, cluster):
    X, y, _ = data
    model = GammaRegressor(alpha=0.0).fit(X, y)
    with pytest.raises(ValueError, match="cluster"):
        model.summary(X, y, cluster=cluster)


def test_classes_without_weight_are_named(data):
    X, k = data[0], np.array(["a", "b", "c"])[np.arange(M) % 3]
    for weight in ({"a": 0.0}, {"a": 0.0, "b": 0.0, "c": 0.0}):
        with pytest.raises(ValueError, match="leaves no weight to class 'a'"):
            LogisticRegression(class_weight=weight).fit(X, k)
    with pytest.raises(ValueError, match="NaN or infinity"):
        LogisticRegression().fit(X, k, offset=np.full((M, 3), np.nan))


@pytest.mark.parametrize("suffix", ["npz", "json"])
def test_the_command_line_predicts_several_classes(tmp_path, suffix, capsys):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.standard_normal((60, 3)), columns=["u", "v", "w"])
    model = LogisticRegression().fit(frame, np.array(["a", "b", "c"])[rng.integers(0, 3, 60)])
    fastreg.save_model(model, tmp_path / f"m.{suffix}")
    frame.to_csv(tmp_path / "x.csv", index=False)
    out = tmp_path / "p.csv"
    arguments = [str(tmp_path / f"m.{suffix}"), str(tmp_path / "x.csv"), "--classes"]
    assert main(["predict", *arguments, "--out", str(out)]) == 0
    found = pd.read_csv(out)
    assert found.columns.tolist() == ["probability_a", "probability_b", "probability_c", "class"]
    np.testing.assert_allclose(found.iloc[:, :3], model.predict_proba(frame), rtol=1e-9)
    assert found["class"].tolist() == model.predict(frame).tolist()
    with pytest.raises(ValueError, match="this is for two classes"):
        model._linear()
