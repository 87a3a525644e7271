"""Regressors of amounts, of powers of the mean and of counts that vary more than Poisson's."""

import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from conftest import needs_jit
from sklearn import linear_model as peers
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastreg
from fastreg import (
    GammaRegressor,
    GammaRegressorCV,
    NegativeBinomialRegressor,
    NegativeBinomialRegressorCV,
    TweedieRegressor,
    TweedieRegressorCV,
)

pytestmark = needs_jit
SINGLE = [
    GammaRegressor(),
    TweedieRegressor(),
    TweedieRegressor(power=1.5),
    TweedieRegressor(power=3),
    NegativeBinomialRegressor(),
    NegativeBinomialRegressor(theta=1.5),
]
CHOOSING = [
    GammaRegressorCV(alphas=4, cv=3),
    TweedieRegressorCV(power=1.5, alphas=4, cv=3),
    TweedieRegressorCV(alphas=4, cv=3),
    NegativeBinomialRegressorCV(alphas=4, cv=3),
]
by_name = {"ids": lambda each: str(each).replace("\n", "").replace(" ", "")}


def problem(model, m=150, n=4, seed=0):
    """(X, y, weights, offset) of a model's family."""
    rng = np.random.default_rng(seed)
    X, offset = rng.standard_normal((m, n)), 0.3 * rng.standard_normal(m)
    mean = np.exp(0.4 * X[:, 0] - 0.3 * X[:, 1] + 0.5 + offset)
    name, power = type(model).__name__, getattr(model, "power", None)
    if name.startswith("NegativeBinomial"):
        y = rng.poisson(mean * rng.gamma(1.5, 1 / 1.5, m)).astype(float)
    elif power is not None and 1.0 < power < 2.0:
        count = rng.poisson(mean)
        y = np.where(count > 0, rng.gamma(np.maximum(count, 1)), 0.0)
    else:
        y = mean * rng.gamma(4.0, 0.25, m)
    return X, y, rng.uniform(0.5, 2.0, m), offset


@parametrize_with_checks([*SINGLE, *CHOOSING])
@pytest.mark.thorough
def test_scikit_learns_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@pytest.mark.parametrize("power", [0, 1, 1.3, 1.5, 2, 3])
@pytest.mark.parametrize("options", [{}, {"alpha": 0.0}, {"fit_intercept": False}], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_minimum_is_scikit_learns(power, options, weighted):
    model = TweedieRegressor(power=power, tol=1e-10, **options)
    X, y, w, _ = problem(model)
    w = w if weighted else None
    ours = model.fit(X, y, w)
    theirs = peers.TweedieRegressor(power=power, solver="newton-cholesky", tol=1e-12, **options)
    theirs.fit(X, y, w)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6, atol=1e-8)
    assert ours.intercept_ == pytest.approx(theirs.intercept_, rel=1e-6)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-6)
    assert ours.score(X, y, w) == pytest.approx(theirs.score(X, y, w), rel=1e-7)
    if power == 2:
        same = GammaRegressor(tol=1e-10, **options).fit(X, y, w)
        np.testing.assert_array_equal(same.coef_, ours.coef_)


@pytest.mark.parametrize("model", SINGLE, **by_name)
def test_storages_clones_and_pickles(model):
    X, y, w, _ = problem(model)
    X = np.where(np.abs(X) < 0.3, 0.0, X)
    model = clone(model).set_params(tol=1e-9).fit(X, y, w)
    for given in (sp.csr_array(X), sp.csc_matrix(X), np.asfortranarray(X)):
        again = clone(model).fit(given, y, w)
        np.testing.assert_allclose(again.coef_, model.coef_, rtol=1e-6, atol=1e-7)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize("model", SINGLE, **by_name)
def test_an_offset_shifts_the_prediction(model):
    X, y, w, offset = problem(model)
    plain = clone(model).set_params(alpha=0.0, tol=1e-10).fit(X, y, w)
    shifted = clone(plain).fit(X, y, w, offset=np.full(len(y), 0.7))
    np.testing.assert_allclose(shifted.coef_, plain.coef_, rtol=1e-5, atol=1e-7)
    assert shifted.intercept_ == pytest.approx(plain.intercept_ - 0.7, abs=1e-6)
    np.testing.assert_allclose(
        shifted.predict(X, np.full(len(y), 0.7)), plain.predict(X), rtol=1e-6, atol=1e-7
    )
    exposed = clone(plain).fit(X, y, w, offset)
    assert exposed.score(X, y, w, offset) <= 1.0


@pytest.mark.parametrize("model", [GammaRegressor(), NegativeBinomialRegressor(theta=1.5)])
def test_integer_weights_are_repetition(model):
    X, y, _, _ = problem(model)
    w = np.random.default_rng(1).integers(0, 3, len(y))
    weighted = clone(model).set_params(tol=1e-12).fit(X, y, w)
    repeated = clone(weighted).fit(np.repeat(X, w, axis=0), np.repeat(y, w))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("model", [*SINGLE, *CHOOSING], **by_name)
def test_blocks_are_memory(model):
    if type(model).__name__.startswith("NegativeBinomial"):
        X, y, _, _ = problem(model, 600)
        if model.theta is None:
            with pytest.raises(ValueError, match="theta=None needs rows in memory"):
                clone(model).fit(fastreg.read([(X, y)]))
        model = clone(model).set_params(theta=1.5)
    if getattr(model, "power", 1.5) == 0.0:
        X, y, _, _ = problem(model, 600)
        with pytest.raises(ValueError, match="power=0 is least squares"):
            clone(model).fit(fastreg.read([(X, y)]))
        return
    X, y, w, _ = problem(model, 600)
    parts = [(X[i : i + 200], y[i : i + 200], w[i : i + 200]) for i in range(0, 600, 200)]
    model = clone(model).set_params(tol=1e-9)
    read = clone(model).fit(fastreg.read(parts))
    if hasattr(model, "cv"):
        fold = np.arange(600) % 3
        splits = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(3)]
        model.set_params(cv=splits)
    held = model.fit(X, y, w)
    np.testing.assert_allclose(read.coef_, held.coef_, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(read.predict(X), held.predict(X), rtol=1e-4)
    assert read.certificate_.converged


@pytest.mark.parametrize("model", CHOOSING, **by_name)
def test_the_choice_is_that_of_a_search_by_deviance(model):
    X, y, _, _ = problem(model)
    model = clone(model).set_params(tol=1e-8).fit(X, y)
    assert model.certificate_.converged and model.cv_certificate_.converged
    given = {"power": model.power} if hasattr(model, "power") else {}
    given |= {"theta": model.theta_} if hasattr(model, "theta_") else {}
    kind = getattr(fastreg, type(model).__name__.removesuffix("CV"))
    means = []
    for alpha in model.alphas_:
        parts = []
        for rows in np.array_split(np.arange(len(y)), 3):
            rest = np.setdiff1d(np.arange(len(y)), rows)
            fit = kind(alpha=alpha, tol=1e-9, **given).fit(X[rest], y[rest])
            own = (
                fit.residuals(X[rows], y[rows])
                if given.get("power") != 0.0
                else y[rows] - fit.predict(X[rows])
            )
            parts.append(np.mean(own**2))
        means.append(np.mean(parts))
    np.testing.assert_allclose(model.deviance_path_.mean(axis=1), means, rtol=1e-5)
    assert model.alpha_ == model.alphas_[int(np.argmin(means))]


def test_theta_is_found_and_its_lack_is_told():
    X, y, _, offset = problem(NegativeBinomialRegressor(), 4000)
    model = NegativeBinomialRegressor(alpha=0.0).fit(X, y, offset=offset)
    assert abs(model.theta_ - 1.5) < 3 * model.theta_se_
    given = NegativeBinomialRegressor(alpha=0.0, theta=model.theta_, tol=1e-10)
    np.testing.assert_allclose(given.fit(X, y, offset=offset).coef_, model.coef_, atol=1e-4)
    assert np.isnan(given.theta_se_) and given.theta_ == model.theta_
    alike = np.round(np.exp(0.4 * X[:, 0] + 2.0))
    with pytest.warns(ConvergenceWarning, match="no theta is the most likely.*PoissonRegressor"):
        model = NegativeBinomialRegressor(alpha=0.0).fit(X, alike)
    poisson = fastreg.PoissonRegressor(alpha=0.0).fit(X, alike)
    np.testing.assert_allclose(model.coef_, poisson.coef_, atol=1e-4)


@pytest.mark.parametrize(
    ("model", "y", "message"),
    [
        (GammaRegressor(), np.zeros(150), "y must be above 0.*'Gamma'"),
        (TweedieRegressor(power=1.5), -np.ones(150), "y must be ≥ 0.*power=1.5"),
        (TweedieRegressor(power=1.5), np.zeros(150), "y is zero in all rows"),
        (TweedieRegressor(power=3), np.zeros(150), "y must be above 0.*power=3"),
        (TweedieRegressor(power=0.5), np.ones(150), "power must be at most 0 or at least 1"),
        (TweedieRegressor(power=1.5, link="identity"), np.ones(150), "link='identity' is for"),
        (TweedieRegressor(power=-1), np.ones(150), "link='identity' is for power=0 alone"),
        (NegativeBinomialRegressor(), -np.ones(150), "y must be ≥ 0"),
        (NegativeBinomialRegressor(theta=0.0), np.ones(150), "'theta' parameter"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said(model, y, message):
    X = problem(model)[0]
    with pytest.raises(ValueError, match=message):
        clone(model).fit(X, y)


@pytest.mark.parametrize("least", [0.0, -1.0])
def test_what_is_wrong_in_blocks_is_said_and_nothing_warned(least):
    X, y = problem(GammaRegressor())[:2]
    y = np.where(np.arange(len(y)) == 7, least, y)
    parts = [(X[:70], y[:70]), (X[70:], y[70:])]
    with pytest.raises(ValueError, match=r"y of Gamma must lie in \(0, inf\), got"):
        GammaRegressor().fit(fastreg.read(parts))


def test_a_search_finds_the_power():
    X, y, _, _ = problem(TweedieRegressor(power=1.5))
    search = GridSearchCV(TweedieRegressor(), {"power": [1.2, 1.5, 1.8], "alpha": [0.01, 0.1]})
    assert search.fit(X, y).best_params_["power"] in (1.2, 1.5, 1.8)
    with sklearn.config_context(enable_metadata_routing=True):
        model = GammaRegressor().set_fit_request(offset=True)
        assert model.get_metadata_routing().consumes("fit", {"offset"}) == {"offset"}


def test_stationarity_is_told_by_the_kind():
    X, y, _, _ = problem(TweedieRegressor(power=3))
    model = TweedieRegressor(power=3).fit(X, y)
    assert model.certificate_.kind == "stationarity" and model.certificate_.converged
    assert "KKT residual" in str(model.certificate_) and np.isinf(model.dual_gap_)
    assert GammaRegressor().fit(X, y).certificate_.kind == "gap"
