"""LassoCV and ElasticNetCV choose what scikit-learn chooses, by the same errors."""

import warnings

import numpy as np
import pytest
import sklearn
from conftest import STORAGES
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNetCV as SklearnElasticNetCV
from sklearn.linear_model import LassoCV as SklearnLassoCV
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit, TimeSeriesSplit
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastreg import ElasticNetCV, Lasso, LassoCV, RidgeCV
from fastreg._jit import JIT_ENABLED
from fastreg.selection import cross_validation

RECENT = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 9)
TIGHT = {"tol": 1e-11, "max_iter": 200_000}


def data(m, n, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n)) + 3.0 * rng.standard_normal(n)
    return X, X[:, :3] @ [2.0, -1.0, 1.0] + 2.0 * rng.standard_normal(m), rng


SPLITTERS = [
    4,
    TimeSeriesSplit(3),
    ShuffleSplit(5, random_state=1),
    KFold(3, shuffle=True, random_state=2),
]


@pytest.mark.parametrize("shape", [(120, 12), (40, 60)])
@pytest.mark.parametrize("cv", SPLITTERS)
@pytest.mark.parametrize("weighted", [False, True])
def test_lasso_cv_is_that_of_scikit_learn(shape, cv, weighted):
    X, y, rng = data(*shape)
    w = rng.random(len(y)) + 0.1 if weighted else None
    options = {"cv": cv, "alphas": 15, **TIGHT}
    ours = LassoCV(**options).fit(X, y, w)
    theirs = SklearnLassoCV(**options).fit(X, y, w)
    np.testing.assert_allclose(ours.alphas_, theirs.alphas_, rtol=1e-9)
    np.testing.assert_allclose(ours.mse_path_, theirs.mse_path_, rtol=1e-5)
    assert ours.alpha_ == pytest.approx(theirs.alpha_)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-5)
    assert ours.certificate_.converged


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
def test_elastic_net_cv_is_that_of_scikit_learn(positive, intercept):
    X, y, _ = data(90, 7)
    options = {
        "l1_ratio": [0.3, 0.9], "cv": 3, "alphas": 12, "positive": positive,
        "fit_intercept": intercept, **TIGHT,
    }  # fmt: skip
    if positive and not RECENT:  # its grids started elsewhere
        options["alphas"] = np.geomspace(30.0, 0.03, 12)
    ours, theirs = (cls(**options).fit(X, y) for cls in (ElasticNetCV, SklearnElasticNetCV))
    np.testing.assert_allclose(ours.mse_path_, theirs.mse_path_, rtol=1e-6)
    assert ours.alphas_.shape == theirs.alphas_.shape
    assert ours.l1_ratio_ == theirs.l1_ratio_ and ours.alpha_ == pytest.approx(theirs.alpha_)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-7)


@pytest.mark.parametrize("name", ["F", "csr", "csc", "float32", "strided"])
@pytest.mark.parametrize("shape", [(120, 12), (40, 60)])
@pytest.mark.thorough
def test_storages_agree(name, shape):
    X, y, _ = data(*shape)
    X = X.astype(np.float32).astype(float)
    plain = LassoCV(cv=3, alphas=10, tol=1e-10).fit(X, y)
    other = LassoCV(cv=3, alphas=10, tol=1e-10).fit(STORAGES[name](X), y)
    np.testing.assert_allclose(other.mse_path_, plain.mse_path_, rtol=1e-6)
    np.testing.assert_allclose(other.coef_, plain.coef_, atol=1e-6)


def test_both_routes_give_the_same_errors(monkeypatch):
    X, y, rng = data(150, 9)
    w = rng.integers(0, 3, 150).astype(float)
    by_moments = LassoCV(cv=5, alphas=12, tol=1e-11).fit(X, y, w)
    monkeypatch.setattr(cross_validation, "_WIDEST", 0)
    by_weights = LassoCV(cv=5, alphas=12, tol=1e-11).fit(X, y, w)
    np.testing.assert_allclose(by_moments.mse_path_, by_weights.mse_path_, rtol=1e-8)
    np.testing.assert_allclose(by_moments.coef_, by_weights.coef_, atol=1e-8)


@pytest.mark.parametrize("offset", [1e6, 1e8])
def test_an_offset_changes_no_choice(offset):
    X, y, _ = data(200, 6)
    X = np.round(X * 64) / 64  # exact beside the offset
    plain, far = (LassoCV(cv=4, alphas=15, tol=1e-9).fit(X + b, y) for b in (0.0, offset))
    np.testing.assert_allclose(far.mse_path_, plain.mse_path_, rtol=1e-6)
    np.testing.assert_allclose(far.coef_, plain.coef_, atol=1e-5)


def test_units_change_no_choice():
    X, y, _ = data(150, 5)
    plain = LassoCV(cv=4, alphas=15).fit(X, y)
    for unit in (1e-150, 1e150):
        scaled = LassoCV(cv=4, alphas=15).fit(X * unit, y)
        np.testing.assert_allclose(scaled.mse_path_, plain.mse_path_, rtol=1e-8)
        np.testing.assert_allclose(scaled.coef_ * unit, plain.coef_, rtol=1e-7, atol=1e-9)


def test_the_rule_of_one_standard_error_takes_the_largest_alpha_within_reach():
    X, y = load_diabetes(return_X_y=True)
    model = LassoCV(cv=10, rule="1se").fit(X, y)
    mean, least = model.mse_path_.mean(axis=1), model.mse_path_.mean(axis=1).argmin()
    spread = model.mse_path_.std(axis=1, ddof=1) / np.sqrt(10)
    np.testing.assert_allclose(model.mse_se_, spread, rtol=1e-10)
    within = mean <= mean[least] + spread[least]
    assert model.alpha_ == model.alpha_1se_ == model.alphas_[within].max()
    assert model.alpha_ > model.alpha_min_
    np.testing.assert_allclose(
        model.coef_, Lasso(model.alpha_, tol=1e-10).fit(X, y).coef_, rtol=1e-3, atol=0.5
    )


def test_groups_stay_together():
    X, y, _ = data(90, 4)
    groups = np.arange(90) // 7
    ours = LassoCV(cv=GroupKFold(3), alphas=8).fit(X, y, groups=groups)
    pairs = list(GroupKFold(3).split(X, y, groups))
    listed = LassoCV(cv=pairs, alphas=8).fit(X, y)
    np.testing.assert_array_equal(ours.mse_path_, listed.mse_path_)


def test_integer_weights_of_the_final_fit_equal_repetition():
    X, y, rng = data(60, 5)
    w = rng.integers(1, 4, 60)
    weighted = LassoCV(cv=3, alphas=[0.3], tol=1e-12).fit(X, y, w)
    repeated = LassoCV(cv=3, alphas=[0.3], tol=1e-12).fit(np.repeat(X, w, axis=0), np.repeat(y, w))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alphas": [-1.0]}, r"alphas\[0\] == -1.0, must be >= 0"),
        ({"alphas": []}, "alphas must be one or several numbers"),
        ({"alphas": 0}, "'alphas' parameter"),
        ({"eps": 0.0}, "'eps' parameter"),
        ({"rule": "2se"}, "'rule' parameter"),
        ({"tol": np.inf}, "'tol' parameter"),
        ({"cv": 1}, "'cv' parameter"),
    ],
)
def test_faulty_parameters_are_refused_at_fit(options, message):
    X, y, _ = data(30, 3)
    with pytest.raises(ValueError, match=message):
        LassoCV(**options).fit(X, y)


def test_no_largest_alpha_without_l1():
    X, y, _ = data(30, 3)
    with pytest.raises(ValueError, match="l1_ratio=0 has no largest alpha"):
        ElasticNetCV(l1_ratio=0.0).fit(X, y)
    given = ElasticNetCV(l1_ratio=0.0, alphas=[1.0, 0.1], cv=3).fit(X, y)
    assert given.certificate_.converged


def test_a_fold_without_weight_is_refused():
    X, y, _ = data(30, 3)
    w = np.ones(30)
    w[:10] = 0.0
    with pytest.raises(ValueError, match="sample_weight is zero in all rows of a test fold"):
        LassoCV(cv=3).fit(X, y, w)


def test_nothing_is_copied_or_changed():
    import tracemalloc

    X, y, _ = data(60_000, 40) if JIT_ENABLED else data(200, 4)
    kept = X.copy()
    LassoCV(cv=5, alphas=20).fit(X, y)
    tracemalloc.start()
    LassoCV(cv=5, alphas=20).fit(X, y)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(X, kept)
    if JIT_ENABLED:
        rows = 8 * len(y) * 12  # splits, cells, targets: vectors of m, two for each fold
        assert peak <= 0.05 * X.nbytes + rows + 2e6


@parametrize_with_checks(
    [LassoCV(cv=3, alphas=5), ElasticNetCV(cv=3, alphas=5), RidgeCV(alphas=[0.1, 1.0])]
)
def test_estimator_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@pytest.mark.parametrize("make", [STORAGES["csr"], STORAGES["csc"]])
def test_a_sparse_offset_is_no_noise(make):
    X, y, _ = data(80, 4)
    X = np.round(X * 64) / 64
    plain, far = LassoCV(cv=4, alphas=10).fit(X, y), LassoCV(cv=4, alphas=10).fit(make(X + 1e6), y)
    np.testing.assert_allclose(far.mse_path_, plain.mse_path_, rtol=1e-3)
    assert far.alpha_ == pytest.approx(plain.alpha_, rel=1e-3)


def test_shapes_are_those_of_scikit_learn():
    X, y, _ = data(60, 4)
    for options in ({"l1_ratio": [0.5]}, {"l1_ratio": [0.5, 0.9], "alphas": [1.0, 0.1]}):
        ours, theirs = (
            cls(cv=3, **options).fit(X, y) for cls in (ElasticNetCV, SklearnElasticNetCV)
        )
        assert ours.alphas_.shape == theirs.alphas_.shape
        assert ours.mse_path_.shape == theirs.mse_path_.shape
