"""What users of scikit-learn count on: routing, types, folds, warnings."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from sklearn import linear_model as peers
from sklearn.metrics import get_scorer, make_scorer, r2_score
from sklearn.model_selection import GroupKFold, cross_validate

import fastreg
from fastreg import AdaptiveElasticNet, AdaptiveLasso, AdaptiveRidge, ElasticNetCV, LassoCV, RidgeCV
from fastreg.network import MLPRegressor, MLPRegressorCV

CHOOSING = [
    LassoCV(alphas=5),
    ElasticNetCV(alphas=5),
    RidgeCV(),
    AdaptiveRidge(),
    AdaptiveElasticNet(tol=1e-2),
    AdaptiveLasso("cv", n_reweightings=0),
    MLPRegressorCV(lams=[0.1, 1.0], estimator=MLPRegressor((2,), max_iter=2), random_state=0),
]
pytestmark = pytest.mark.filterwarnings("ignore:MLPRegressor")
by_name = {"ids": lambda each: type(each).__name__}
RECENT = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 9)


def data(m=60, k=None):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((m, 4))
    Y = X @ rng.standard_normal((4, k or 1)) + rng.standard_normal((m, k or 1))
    return X, Y if k else Y[:, 0]


# ---------------------------------------------------------------- routing


@pytest.mark.parametrize("model", CHOOSING, **by_name)
@pytest.mark.thorough
def test_groups_reach_a_nested_splitter_unasked(model):
    X, y = data()
    groups = np.repeat(np.arange(12), 5)
    model = sklearn.clone(model).set_params(cv=GroupKFold(3))
    outer = GroupKFold(4)
    with sklearn.config_context(enable_metadata_routing=True):
        found = cross_validate(
            model, X, y, params={"groups": groups}, cv=outer, error_score="raise"
        )
        assert model.get_metadata_routing().consumes("fit", {"groups"}) == {"groups"}
        with pytest.raises(TypeError, match="groups"):
            model.set_fit_request(groups=True)
    for score, (train, test) in zip(found["test_score"], outer.split(X, y, groups), strict=True):
        again = sklearn.clone(model).fit(X[train], y[train], groups=groups[train])
        assert again.score(X[test], y[test]) == score


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("model", CHOOSING, **by_name)
def test_what_nobody_asked_for_is_refused(model, routing):
    X, y = data()
    with sklearn.config_context(enable_metadata_routing=routing):
        model = sklearn.clone(model).set_params(cv=3)
        with pytest.raises((TypeError, ValueError), match="sample_weigth"):
            model.fit(X, y, sample_weigth=np.ones(60))


def spread(y, given, sample_weight=None, tilt=None):
    """A score that takes weights, and something else."""
    tilt = 1.0 if tilt is None else np.mean(tilt)
    return -np.average(np.abs(y - given), weights=sample_weight) * tilt


@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize("scoring", [None, "neg_mean_absolute_error", spread])
def test_weights_of_inner_fits_and_scores_are_scikit_learns(cv, scoring):
    X, y = data()
    w = np.random.default_rng(1).random(60) + 0.1
    alphas = [0.1, 1.0, 30.0]
    with sklearn.config_context(enable_metadata_routing=True):
        asked, params = scoring, {}
        if scoring is spread:
            asked = make_scorer(spread).set_score_request(sample_weight=True, tilt=True)
            params = {"tilt": np.linspace(1.0, 3.0, 60)}
        elif scoring is not None:
            asked = get_scorer(scoring).set_score_request(sample_weight=True)
        fits = [
            kind.RidgeCV(alphas, cv=cv, scoring=asked).fit(X, y, sample_weight=w, **params)
            for kind in (fastreg, peers)
        ]
    ours, theirs = fits
    assert ours.alpha_ == theirs.alpha_
    np.testing.assert_allclose(ours.best_score_, theirs.best_score_, rtol=1e-7)


# ---------------------------------------------------------------- types and shapes


@pytest.mark.skipif(not RECENT, reason="as scikit-learn 1.9 has them")
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("targets", [None, 1, 2])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Lasso", {}),
        ("ElasticNet", {}),
        ("Ridge", {}),
        ("Ridge", {"solver": "lsqr"}),
        ("LassoCV", {"cv": 3}),
        ("ElasticNetCV", {"cv": 3, "l1_ratio": [0.5, 1.0]}),
        ("RidgeCV", {}),
        ("RidgeCV", {"cv": 3}),
        ("RidgeCV", {"alpha_per_target": True}),
        ("RidgeCV", {"store_cv_results": True}),
    ],
)
def test_attributes_are_of_scikit_learns_types(name, options, targets, intercept):
    X, y = data(k=targets)
    if name in ("LassoCV", "ElasticNetCV") and targets:
        pytest.skip("of one target")
    ours, theirs = (
        getattr(kind, name)(fit_intercept=intercept, **options).fit(X, y)
        for kind in (fastreg, peers)
    )
    common = {each for each in vars(theirs) if each.endswith("_")}
    assert common <= vars(ours).keys()
    for each in common:
        found, expected = getattr(ours, each), getattr(theirs, each)
        if each == "n_iter_" and expected is None:  # fastreg counts its refinements
            continue
        assert type(found) is type(expected), each
        assert np.shape(found) == np.shape(expected), each
        assert np.asarray(found).dtype == np.asarray(expected).dtype, each


@pytest.mark.skipif(not RECENT, reason="scikit-learn before 1.9 has no sparse_interface")
@pytest.mark.parametrize(("asked", "kind"), [("spmatrix", sp.spmatrix), ("sparray", sp.sparray)])
def test_sparse_coefficients_are_of_the_configured_kind(asked, kind):
    model = fastreg.Lasso(alpha=0.1).fit(*data())
    with sklearn.config_context(sparse_interface=asked):
        assert isinstance(model.sparse_coef_, kind) and model.sparse_coef_.shape == (1, 4)


def test_scikit_learns_arguments_are_taken():
    X, y = data()
    fastreg.Lasso(alpha=0.1).fit(X, y, None, False)
    fastreg.ElasticNet(alpha=0.1).fit(X, y, check_input=False)
    assert LassoCV(eps=1.0, alphas=2).fit(X, y).alphas_.shape == (2,)
    assert fastreg.lasso_path(X, y, eps=1.0, n_alphas=1)[0].shape == (1,)
    flat = LassoCV(alphas=3).fit(X, np.ones(60))
    np.testing.assert_array_equal(flat.alphas_, np.finfo(float).resolution)


def test_paths_take_weights_and_one_target():
    X, y = data()
    w = np.arange(60) % 3
    weighted = fastreg.lasso_path(X, y, alphas=[0.1, 0.05], sample_weight=w, tol=1e-12)
    repeated = fastreg.lasso_path(
        np.repeat(X, w, 0), np.repeat(y, w), alphas=[0.1, 0.05], tol=1e-12
    )
    np.testing.assert_allclose(weighted[1], repeated[1], atol=1e-10)
    with pytest.raises(ValueError, match="fit a path for each target"):
        fastreg.lasso_path(X, np.stack([y, y], axis=1))


def test_a_scorer_sees_all_targets_at_once():
    seen = []

    def together(y, given):
        seen.append((y.shape, given.shape))
        return r2_score(y, given, multioutput="variance_weighted")

    X, Y = data(k=3)
    Y = Y * [1.0, 10.0, 0.1]
    options = {"scoring": make_scorer(together), "alphas": [0.1, 10.0, 1e3]}
    ours, theirs = RidgeCV(**options).fit(X, Y), peers.RidgeCV(**options).fit(X, Y)
    assert set(seen) == {((60, 3), (60, 3))}
    assert ours.alpha_ == theirs.alpha_
    np.testing.assert_allclose(ours.best_score_, theirs.best_score_, rtol=1e-9)


# ---------------------------------------------------------------- folds


ROWS = np.arange(60)


@pytest.mark.parametrize("model", CHOOSING, **by_name)
@pytest.mark.parametrize(
    ("split", "message"),
    [
        ((np.ones(30, bool), ROWS[30:]), r"a mask of shape \(30,\) for the 60 rows"),
        ((ROWS[:30].astype(float), ROWS[30:]), "must give row numbers.*got float64"),
        ((ROWS[:30], ROWS[30:] + 1), "beyond the 60 rows"),
    ],
)
def test_faulty_splits_are_refused(model, split, message):
    model = sklearn.clone(model).set_params(cv=[split, (ROWS[30:], ROWS[:30])])
    with pytest.raises(ValueError, match=message):
        model.fit(*data())


@pytest.mark.parametrize("model", CHOOSING, **by_name)
@pytest.mark.parametrize(
    ("idle", "message"), [(ROWS < 20, "zero in all rows of a test"), (ROWS >= 20, "training set")]
)
def test_folds_without_weight_are_refused(model, idle, message):
    model = sklearn.clone(model).set_params(cv=3)
    with pytest.raises(ValueError, match=f"sample_weight is {message}|{message}"):
        model.fit(*data(), sample_weight=np.where(idle, 0.0, 1.0))


def test_one_row_is_no_choice():
    X, y = data()
    for rows, w in ((1, None), (3, [0.0, 2.0, 0.0])):
        with pytest.warns(UserWarning, match="leave-one-out needs two rows with weight"):
            model = RidgeCV().fit(X[:rows], y[:rows], w)
        assert np.isnan(model.best_score_)
    alone = RidgeCV(fit_intercept=False).fit(X[:1], y[:1])
    np.testing.assert_allclose(alone.best_score_, -(y[0] ** 2))


# ---------------------------------------------------------------- warnings


def test_there_is_one_class_of_convergence_warnings_at_the_callers_line():
    assert fastreg.ConvergenceWarning is sklearn.exceptions.ConvergenceWarning
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 40)), rng.standard_normal(60)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fastreg.Lasso(alpha=1e-3, tol=1e-12, max_iter=1).fit(X, y)
        fastreg.LassoCV(alphas=[1e-3], tol=1e-14, max_iter=1).fit(X, y)
        fastreg.path(X, y, alphas=[1e-3], tol=1e-14, max_iter=1)
        fastreg.lasso_path(X, y, alphas=[1e-3], tol=1e-14, max_iter=1)
    assert {each.category for each in caught} == {fastreg.ConvergenceWarning}
    assert len(caught) == 5  # LassoCV tells of its choice as well
    assert {each.filename for each in caught} == {__file__}
