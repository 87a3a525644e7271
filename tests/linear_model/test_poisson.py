"""`PoissonRegressor`: scikit-learn's objective, exposure, D², what separates."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from conftest import needs_jit
from sklearn import linear_model as peers
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastreg
from fastreg import PoissonRegressor

pytestmark = needs_jit


def problem(m=120, n=4, seed=0):
    rng = np.random.default_rng(seed)
    X, exposure = rng.standard_normal((m, n)), rng.uniform(0.5, 3.0, m)
    y = rng.poisson(exposure * np.exp(0.4 * X[:, 0] - 0.2)).astype(float)
    return X, y, rng.uniform(0.5, 2.0, m), exposure


@parametrize_with_checks([PoissonRegressor(), PoissonRegressor(alpha=0.01, l1_ratio=1.0)])
@pytest.mark.thorough
def test_scikit_learns_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@pytest.mark.parametrize("options", [{}, {"alpha": 0.0}, {"fit_intercept": False}], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_minimum_is_scikit_learns(options, weighted):
    X, y, w, _ = problem()
    w = w if weighted else None
    ours = PoissonRegressor(tol=1e-12, **options).fit(X, y, w)
    theirs = peers.PoissonRegressor(solver="newton-cholesky", tol=1e-12, **options).fit(X, y, w)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-8, atol=1e-10)
    assert ours.intercept_ == pytest.approx(theirs.intercept_, rel=1e-8)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-8)
    assert ours.score(X, y, w) == pytest.approx(theirs.score(X, y, w), rel=1e-9)
    for name in ("coef_", "intercept_", "n_iter_"):
        assert np.shape(getattr(ours, name)) == np.shape(getattr(theirs, name))


def test_exposure_is_an_offset():
    """Rates weighted by exposure have the same gradient as counts with its log as an offset."""
    X, y, _, exposure = problem()
    by_offset = PoissonRegressor(alpha=1e-3, tol=1e-13).fit(X, y, offset=np.log(exposure))
    share = exposure.sum() / len(y)  # the penalty stands beside a mean over other weights
    by_rate = PoissonRegressor(alpha=1e-3 / share, tol=1e-13).fit(X, y / exposure, exposure)
    np.testing.assert_allclose(by_offset.coef_, by_rate.coef_, rtol=1e-8, atol=1e-9)
    assert by_offset.intercept_ == pytest.approx(by_rate.intercept_, rel=1e-8)
    rate = by_offset.predict(X)
    np.testing.assert_allclose(by_offset.predict(X, np.log(exposure)), rate * exposure)
    score = by_offset.score(X, y, offset=np.log(exposure))
    assert score == pytest.approx(by_rate.score(X, y / exposure, exposure), rel=1e-8)


def test_l1_bounds_and_factors():
    X, y, _, _ = problem()
    sparse = PoissonRegressor(alpha=0.3, l1_ratio=1.0).fit(X, y)
    assert np.count_nonzero(sparse.coef_) < 4 and sparse.certificate_.converged
    path = fastreg.path(X, y, family="poisson", alphas=[0.3])
    np.testing.assert_allclose(sparse.coef_, path.coefs[:, 0], atol=1e-8)
    assert (PoissonRegressor(positive=True).fit(X, y).coef_ >= 0).all()
    assert np.abs(PoissonRegressor(alpha=0, bounds=(-0.1, 0.1)).fit(X, y).coef_).max() <= 0.1
    free = PoissonRegressor(alpha=1e6, l1_ratio=1.0, penalty_factor=[1, 0, 1, 1]).fit(X, y)
    np.testing.assert_array_equal(np.flatnonzero(free.coef_), [1])


@pytest.mark.parametrize(
    ("options", "change", "message"),
    [
        ({}, {"y": -np.ones(120)}, "y must be ≥ 0"),
        ({}, {"y": np.zeros(120)}, "y is zero in all rows"),
        ({}, {"offset": np.ones(119)}, "offset must hold 120"),
        ({"penalty_factor": -np.ones(4)}, {}, "penalty_factor must hold 4"),
        ({"l1_ratio": 2.0}, {}, "'l1_ratio' parameter"),
        ({"alpha": np.inf}, {}, "'alpha' parameter"),
    ],
)
def test_what_is_wrong_is_said(options, change, message):
    X, y, _, _ = problem()
    with pytest.raises(ValueError, match=message):
        PoissonRegressor(**options).fit(X, **({"y": y} | change))


def test_offsets_are_routed():
    X, y, w, exposure = problem()
    offset = np.log(exposure)
    with sklearn.config_context(enable_metadata_routing=True):
        model = PoissonRegressor().set_fit_request(offset=True, sample_weight=True)
        model.set_predict_request(offset=True).set_score_request(offset=True, sample_weight=True)
        pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model)
        pipe.set_score_request(sample_weight=True)  # scikit-learn asks for it before 1.8
        search = GridSearchCV(pipe, {"poissonregressor__alpha": [0.01, 1.0]}, error_score="raise")
        search.fit(X, y, sample_weight=w, offset=offset)
        Z = StandardScaler().fit_transform(X)
        alpha = search.best_params_["poissonregressor__alpha"]
        alone = PoissonRegressor(alpha=alpha).fit(Z, y, w, offset)
        found = search.best_estimator_.predict(X, offset=offset)
        np.testing.assert_allclose(found, alone.predict(Z, offset))


def test_storages_clones_and_pickles(tmp_path):
    X, y, _, _ = problem()
    X[np.abs(X) < 0.3] = 0.0
    model = PoissonRegressor(tol=1e-10).fit(X, y)
    frame = pd.DataFrame(X, columns=list("abcd"))
    for given in (sp.csr_array(X), sp.csc_matrix(X), np.asfortranarray(X), frame):
        again = PoissonRegressor(tol=1e-10).fit(given, y)
        np.testing.assert_allclose(again.coef_, model.coef_, atol=1e-8)
        np.testing.assert_allclose(again.predict(given[:1]), model.predict(X[:1]))
    narrow = PoissonRegressor().fit(X.astype(np.float32), y)
    np.testing.assert_allclose(narrow.coef_, model.coef_, atol=1e-3)
    back = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    assert clone(model).get_params() == model.get_params()
    with pytest.raises(ValueError, match="y is 0 everywhere: no intercept is the best"):
        PoissonRegressor().fit(fastreg.read([(X, 0.0 * y)]))
    with pytest.raises(ValueError, match=r"y of Poisson must lie in \[0, inf\]"):
        PoissonRegressor().fit(fastreg.read([(X, -y)]))


def test_zeros_that_a_feature_tells_apart_are_told():
    X, y, _, _ = problem()
    X[:, 1] = 0.0
    X[:7, 1], y[:7] = 1.0, 0.0
    with pytest.warns(fastreg.ConvergenceWarning, match="separable.*coefficients of x1 grow"):
        model = PoissonRegressor(alpha=0.0).fit(X, y)
    assert np.isfinite(model.coef_).all()
    PoissonRegressor(alpha=1e-3).fit(X, y)
    PoissonRegressor(alpha=0.0, bounds=(-3.0, np.inf)).fit(X, y)


def test_a_warm_start_begins_where_it_was():
    X, y, _, _ = problem()
    model = PoissonRegressor(warm_start=True, tol=1e-10).fit(X, y)
    cold, coef = model.n_iter_, model.coef_
    assert model.fit(X, y).n_iter_ < cold
    np.testing.assert_allclose(model.coef_, coef, atol=1e-8)
