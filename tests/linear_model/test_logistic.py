"""`LogisticRegression`: scikit-learn's objective, offsets, counts, routing, what separates."""

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
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastreg
from fastreg import LogisticRegression

pytestmark = needs_jit
RECENT = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 9)
as_in_1_9 = pytest.mark.skipif(not RECENT, reason="as scikit-learn 1.9 has it")


def problem(m=120, n=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n))
    y = np.where(rng.random(m) < 1 / (1 + np.exp(0.4 - X[:, 0])), "yes", "no")
    return X, y, rng.uniform(0.5, 2.0, m), rng.standard_normal(m)


def separable(estimator):
    """Checks whose data have three classes that separate: without a penalty nothing is the best."""
    if np.isfinite(estimator.C):
        return {}
    kinds = ("dense", "sparse")
    names = [f"check_sample_weight_equivalence_on_{kind}_data" for kind in kinds]
    return dict.fromkeys(names, "the classes separate, and there is no minimum")


@parametrize_with_checks(
    [LogisticRegression(), LogisticRegression(l1_ratio=1.0), LogisticRegression(C=np.inf)],
    expected_failed_checks=separable,
)
@pytest.mark.thorough
def test_scikit_learns_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@as_in_1_9
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"C": 0.01},
        {"C": np.inf},
        {"fit_intercept": False},
        {"class_weight": "balanced"},
        {"class_weight": {"no": 0.2, "yes": 3.0}},
    ],
    ids=str,
)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_minimum_is_scikit_learns(options, weighted):
    X, y, w, _ = problem()
    w = w if weighted else None
    ours = LogisticRegression(tol=1e-12, **options).fit(X, y, w)
    theirs = peers.LogisticRegression(solver="newton-cholesky", tol=1e-12, **options).fit(X, y, w)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-8, atol=1e-10)
    assert ours.certificate_.converged
    for name in ("predict_proba", "predict_log_proba", "decision_function"):
        mine, other = (getattr(each, name)(X) for each in (ours, theirs))
        np.testing.assert_allclose(mine, other, rtol=1e-7, atol=1e-9)
    assert ours.score(X, y, w) == pytest.approx(theirs.score(X, y, w))


def objective(X, y, model, C, ratio):
    z = model.decision_function(X)
    w = model.coef_[0]
    penalty = ratio * np.abs(w).sum() + (1 - ratio) / 2 * w @ w
    return C * np.logaddexp(0.0, np.where(y == "yes", -z, z)).sum() + penalty


@as_in_1_9
@pytest.mark.parametrize("ratio", [0.3, 1.0])
def test_l1_goes_no_higher_than_saga(ratio):
    X, y, _, _ = problem()
    ours = LogisticRegression(C=0.1, l1_ratio=ratio, tol=1e-12).fit(X, y)
    theirs = peers.LogisticRegression(
        C=0.1, l1_ratio=ratio, solver="saga", tol=1e-12, max_iter=20_000
    ).fit(X, y)
    mine, other = (objective(X, y, each, 0.1, ratio) for each in (ours, theirs))
    assert mine == pytest.approx(other, rel=1e-9)


def test_the_old_names_of_penalties():
    X, y, _, _ = problem()
    for old, new in (
        ({"penalty": "l1"}, {"l1_ratio": 1.0}),
        ({"penalty": "l2"}, {}),
        ({"penalty": "elasticnet", "l1_ratio": 0.5}, {"l1_ratio": 0.5}),
        ({"penalty": None}, {"C": np.inf}),
    ):
        first, second = (LogisticRegression(**each).fit(X, y) for each in (old, new))
        np.testing.assert_array_equal(first.coef_, second.coef_)
    with pytest.warns(UserWarning, match="l1_ratio=0.5 has no effect"):
        LogisticRegression(penalty="l2", l1_ratio=0.5).fit(X, y)
    with pytest.warns(UserWarning, match="will ignore the C"):
        LogisticRegression(penalty=None, C=0.1).fit(X, y)


# ---------------------------------------------------------------- targets


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 1.0, 1: 2.5}], ids=str)
@pytest.mark.parametrize("C", [1.0, np.inf])
def test_counts_proportions_and_repeated_rows_are_one(C, class_weight):
    rng = np.random.default_rng(0)
    X, counts = rng.standard_normal((25, 3)), rng.integers(0, 6, (25, 2))
    counts[3] = 0
    trials = counts.sum(axis=1)
    options = {"C": C, "tol": 1e-13, "class_weight": class_weight}
    by_counts = LogisticRegression(target="counts", **options).fit(X, counts)
    share = counts[:, 0] / np.maximum(trials, 1)
    by_share = LogisticRegression(target="proportions", **options).fit(X, share, trials)
    rows = np.repeat(np.repeat(X, 2, axis=0), counts.ravel(), axis=0)
    labels = np.repeat(np.tile([1, 0], 25), counts.ravel())
    repeated = LogisticRegression(**options).fit(rows, labels)
    for model in (by_counts, by_share):
        np.testing.assert_allclose(model.coef_, repeated.coef_, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(model.intercept_, repeated.intercept_, rtol=1e-8, atol=1e-8)
        np.testing.assert_array_equal(model.classes_, [0, 1])
    assert by_counts.score(X, counts) == pytest.approx(repeated.score(rows, labels))
    assert by_share.score(X, share, trials) == pytest.approx(repeated.score(rows, labels))


@pytest.mark.parametrize("labels", [["a", "b"], [False, True], [-1, 1], [2.0, 7.0]], ids=str)
def test_labels_of_any_kind(labels):
    X, y, _, _ = problem()
    y = np.array(labels)[(y == "yes").astype(int)]
    model = LogisticRegression().fit(X, y)
    np.testing.assert_array_equal(model.classes_, labels)
    assert model.predict(X).dtype == y.dtype and set(model.predict(X)) == set(labels)
    assert model.predict(X[:1]).shape == (1,) and model.predict_proba(X[:1]).shape == (1, 2)


def test_labels_in_objects_and_columns():
    X, y, _, _ = problem()
    truth = y == "yes"
    plain = LogisticRegression().fit(X, truth)
    for given in (truth.astype(object), pd.Series(truth), pd.Series(truth).astype("Int64")):
        model = LogisticRegression().fit(X, given)
        np.testing.assert_array_equal(model.coef_, plain.coef_)
        assert model.score(X, given) == plain.score(X, truth)
    for given in (np.where(truth, "yes", None), pd.Series(y).where(truth), [1, "no"] * 60):
        with pytest.raises(ValueError, match="labels of one type"):
            LogisticRegression().fit(X, np.asarray(given, object))


def test_shapes_are_scikit_learns():
    X, y, _, _ = problem()
    ours, theirs = (each.LogisticRegression().fit(X, y) for each in (fastreg, peers))
    for name in ("coef_", "intercept_", "n_iter_", "classes_"):
        assert getattr(ours, name).shape == getattr(theirs, name).shape
        assert getattr(ours, name).dtype == getattr(theirs, name).dtype


@pytest.mark.parametrize(
    ("options", "y", "message"),
    [
        ({}, np.zeros(120), "y has one class"),
        ({}, np.linspace(0.1, 0.9, 120), "continuous.*target='proportions'"),
        ({}, np.eye(2)[np.arange(120) % 2], "target='counts'"),
        ({"target": "proportions"}, np.arange(120) % 3, r"must lie in \[0, 1\]"),
        ({"target": "proportions"}, np.ones(120), "one class: 1"),
        ({"target": "counts"}, np.arange(120) % 2, r"\(120, 2\) numbers ≥ 0"),
        ({"target": "counts"}, -np.eye(2)[np.arange(120) % 2], "some below 0"),
        ({"target": "counts"}, np.zeros((120, 2)), "y has no counts"),
        ({"class_weight": {3: 1.0}}, np.arange(120) % 2, "keys of the classes"),
        ({"class_weight": {1: -1.0}}, np.arange(120) % 2, "finite weights ≥ 0"),
        ({"class_weight": {1: 0.0}}, np.arange(120) % 2, "one class: 0"),
        ({"penalty_factor": [1.0]}, np.arange(120) % 2, "penalty_factor must hold 4"),
        ({"bounds": (1.0, 2.0)}, np.arange(120) % 2, "low ≤ 0 ≤ high"),
        ({"positive": True, "bounds": (0.0, 1.0)}, np.arange(120) % 2, "set one of them"),
        ({"C": 0.0}, np.arange(120) % 2, "'C' parameter"),
        ({"solver": "magic"}, np.arange(120) % 2, "'solver' parameter"),
    ],
)
def test_what_is_wrong_is_said(options, y, message):
    X, *_ = problem()
    with pytest.raises(ValueError, match=message):
        LogisticRegression(**options).fit(X, y)


def test_more_classes_go_one_by_one():
    X, _, _, _ = problem()
    y = np.digitize(X[:, 0], [-0.5, 0.5])
    found = OneVsRestClassifier(LogisticRegression()).fit(X, y)
    assert found.score(X, y) > 0.6


# ---------------------------------------------------------------- offset, bounds, factors


def test_an_offset_is_part_of_the_log_odds():
    X, y, w, offset = problem()
    model = LogisticRegression(tol=1e-12).fit(X, y, w, offset)
    z = model.decision_function(X, offset=offset)
    np.testing.assert_allclose(z, X @ model.coef_[0] + model.intercept_ + offset)
    slope = X.T @ (w * (1 / (1 + np.exp(-z)) - (y == "yes")))  # C·gradient + w = 0
    np.testing.assert_allclose(-slope, model.coef_[0], atol=1e-8)
    np.testing.assert_array_equal(model.predict(X, offset) == "yes", z > 0)
    np.testing.assert_allclose(model.predict_proba(X, offset).sum(axis=1), 1.0)
    assert model.score(X, y, offset=offset) != model.score(X, y)


def test_a_constant_offset_is_taken_off_the_intercept():
    X, y, _, _ = problem()
    plain = LogisticRegression(tol=1e-12).fit(X, y)
    shifted = LogisticRegression(tol=1e-12).fit(X, y, offset=np.full(120, 2.5))
    np.testing.assert_allclose(shifted.coef_, plain.coef_, atol=1e-8)
    np.testing.assert_allclose(shifted.intercept_ + 2.5, plain.intercept_, atol=1e-8)


@pytest.mark.parametrize("offset", [np.ones(3), np.full(120, np.nan), "no"], ids=str)
def test_faulty_offsets_are_refused(offset):
    X, y, _, _ = problem()
    with pytest.raises(ValueError, match="offset must hold 120 finite numbers"):
        LogisticRegression().fit(X, y, offset=offset)


def test_bounds_and_factors():
    X, y, _, _ = problem()
    assert (LogisticRegression(positive=True).fit(X, -X[:, 0] > 0).coef_ >= 0).all()
    bounded = LogisticRegression(bounds=(-0.1, 0.1)).fit(X, y).coef_
    assert np.abs(bounded).max() <= 0.1
    free = LogisticRegression(C=1e-9, l1_ratio=1.0, penalty_factor=[0, 1, 1, 1]).fit(X, y)
    np.testing.assert_array_equal(np.flatnonzero(free.coef_), [0])


# ---------------------------------------------------------------- routing


def test_offsets_are_routed():
    X, y, w, offset = problem()
    with sklearn.config_context(enable_metadata_routing=True):
        model = LogisticRegression().set_fit_request(offset=True, sample_weight=True)
        model.set_predict_request(offset=True).set_score_request(offset=True, sample_weight=True)
        pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model)
        pipe.set_score_request(sample_weight=True)  # scikit-learn asks for it before 1.8
        pipe.fit(X, y, sample_weight=w, offset=offset)
        alone = LogisticRegression().fit(StandardScaler().fit_transform(X), y, w, offset)
        np.testing.assert_allclose(pipe[-1].coef_, alone.coef_)
        expected = alone.predict(StandardScaler().fit_transform(X), offset)
        np.testing.assert_array_equal(pipe.predict(X, offset=offset), expected)
        scores = cross_val_score(
            pipe, X, y, params={"offset": offset, "sample_weight": w}, error_score="raise"
        )
        search = GridSearchCV(pipe, {"logisticregression__C": [0.01, 1.0]}, error_score="raise")
        search.fit(X, y, offset=offset, sample_weight=w)
        assert scores.max() <= 1.0 and search.best_score_ >= scores.mean()


def test_it_is_cloned_and_pickled():
    X, y, _, _ = problem()
    model = LogisticRegression(C=0.5, bounds=(-1.0, 1.0)).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert clone(model).get_params() == model.get_params()


# ---------------------------------------------------------------- storages


def test_storages(store):
    X, y, _, _ = problem()
    X = np.round(X * 8) / 8
    X[np.abs(X) < 0.3] = 0.0
    given = store(X)
    plain, model = (LogisticRegression(tol=1e-10).fit(each, y) for each in (X, given))
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-7)
    np.testing.assert_allclose(model.predict_proba(given), plain.predict_proba(X), atol=1e-7)


def test_frames_and_memory_maps(tmp_path):
    X, y, _, _ = problem()
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = LogisticRegression().fit(frame, pd.Series(y))
    assert list(model.feature_names_in_) == list("abcd")
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("dcba")])
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    again = LogisticRegression().fit(mapped, y)
    np.testing.assert_allclose(again.coef_, model.coef_, rtol=1e-9)
    with pytest.raises(ValueError, match="needs rows: it cannot be fitted to statistics"):
        LogisticRegression().fit(fastreg.SufficientStatistics(4))


def test_sparse_coefficients_predict_the_same():
    X, y, _, _ = problem()
    model = LogisticRegression(C=0.1, l1_ratio=1.0, warm_start=True, tol=1e-8).fit(X, y)
    expected = model.predict_proba(X)
    np.testing.assert_array_equal(model.sparsify().predict_proba(X), expected)
    assert sp.issparse(model.coef_)
    assert model.fit(X, y).n_iter_[0] <= 2  # from where it was
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-4)


# ---------------------------------------------------------------- separation


def test_data_that_separates_is_told():
    X, y, _, _ = problem()
    with pytest.warns(fastreg.ConvergenceWarning, match=r"separable.*coefficients of x2 grow"):
        model = LogisticRegression(C=np.inf).fit(X, X[:, 2] > 0.1)
    assert np.isfinite(model.coef_).all() and model.score(X, X[:, 2] > 0.1) == 1.0
    X[:, 1] = (y == "yes") & (X[:, 1] > 0)  # one class alone has it: quasi-separable
    frame = pd.DataFrame(X, columns=["age", "rare", "c", "d"])
    with pytest.warns(fastreg.ConvergenceWarning, match="coefficients of rare grow"):
        LogisticRegression(C=np.inf).fit(frame, y)
    with pytest.warns(fastreg.ConvergenceWarning, match="coefficients of rare grow"):
        LogisticRegression(penalty_factor=[1, 0, 1, 1]).fit(frame, y)
    LogisticRegression(C=np.inf, bounds=(-5.0, 5.0)).fit(X, y)  # no warning
    LogisticRegression(C=np.inf, bounds=(-np.inf, 5.0)).fit(X, y)
    LogisticRegression(C=1e3).fit(X, y)


def test_large_data_that_one_feature_separates_is_told(monkeypatch):
    monkeypatch.setattr(fastreg.selection.separation, "_LARGEST", 10)
    X, y, _, _ = problem()
    X[:, 1] = (y == "yes") & (X[:, 1] > 0)
    for make in (np.asarray, sp.csc_array):
        with pytest.warns(fastreg.ConvergenceWarning, match="coefficients of x1 grow"):
            LogisticRegression(C=np.inf).fit(make(X), y)
    with pytest.warns(fastreg.ConvergenceWarning, match="as coefficients grow"):
        LogisticRegression(C=np.inf).fit(X, X[:, 2] + X[:, 3] > 0)


def test_the_fewest_features_that_separate_are_named():
    X, _, _, _ = problem()
    y = (X[:, 2] + X[:, 3] > 0) * 1.0
    with pytest.warns(fastreg.ConvergenceWarning, match="coefficients of x2, x3 grow"):
        LogisticRegression(C=np.inf).fit(X, y)
    y[0] = 1.0 - y[0]
    LogisticRegression(C=np.inf).fit(X, y)  # one row on the other side: a minimum


def test_a_failed_fit_leaves_the_one_before():
    X, y, _, _ = problem()
    model = LogisticRegression().fit(pd.DataFrame(X, columns=list("abcd")), y)
    before = {name: pickle.dumps(value) for name, value in vars(model).items()}
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.full((4, 2), np.nan), [0, 1, 0, 1])
    model.set_params(C=np.inf)
    with pytest.raises(fastreg.ConvergenceWarning):  # warnings are errors here
        model.fit(X, X[:, 0] > 0)
    model.set_params(C=1.0)
    assert {name: pickle.dumps(value) for name, value in vars(model).items()} == before


def test_a_fit_that_stops_early_is_told():
    X, y, _, _ = problem()
    with pytest.warns(fastreg.ConvergenceWarning, match="raise max_iter, now 1"):
        LogisticRegression(max_iter=1, tol=1e-12).fit(X, y)
