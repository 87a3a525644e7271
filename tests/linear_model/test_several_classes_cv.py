"""`LogisticRegressionCV` of more than two classes: scores, choice, shapes, and what is refused."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import needs_jit
from sklearn import linear_model as peers
from sklearn.datasets import load_iris, load_wine
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.preprocessing import StandardScaler

from fastreg import LogisticRegression, LogisticRegressionCV, load_model, save_model

pytestmark = needs_jit
CS = np.logspace(-2, 1, 4)


def flowers(load=load_iris):
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), np.array(["c", "a", "b"])[y]


@pytest.mark.parametrize("load", [load_iris, load_wine])
@pytest.mark.parametrize("intercept", [True, False])
def test_scores_choice_and_coefficients_are_scikit_learns(load, intercept):
    X, y = flowers(load)
    same = {"Cs": CS, "fit_intercept": intercept, "tol": 1e-10, "l1_ratios": (0.0,)}
    ours = LogisticRegressionCV(**same, max_iter=1000).fit(X, y)
    theirs = peers.LogisticRegressionCV(
        **same, cv=5, scoring="neg_log_loss", max_iter=10_000, use_legacy_attributes=False
    ).fit(X, y)
    assert ours.C_ == theirs.C_
    for name in ("scores_", "coefs_paths_", "coef_", "intercept_", "classes_"):
        mine, their = getattr(ours, name), getattr(theirs, name)
        assert mine.shape == their.shape, name
        if name != "classes_":
            np.testing.assert_allclose(mine, their, atol=1e-4, err_msg=name)
    np.testing.assert_allclose(ours.scores_, theirs.scores_, rtol=1e-5)
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), rel=1e-5)
    assert ours.cv_certificate_.converged


@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("scoring", ["neg_log_loss", "accuracy", "f1_macro"])
def test_scores_are_those_of_a_search(ratio, scoring):
    X, y = flowers()
    cv = KFold(4, shuffle=True, random_state=0)
    ours = LogisticRegressionCV(
        Cs=CS, l1_ratios=[ratio], cv=cv, scoring=scoring, tol=1e-10, max_iter=1000
    ).fit(X, y)
    model = LogisticRegression(l1_ratio=ratio, tol=1e-10, max_iter=1000)
    search = GridSearchCV(model, {"C": CS}, cv=cv, scoring=scoring).fit(X, y)
    means = search.cv_results_["mean_test_score"]
    np.testing.assert_allclose(ours.scores_[:, 0].mean(axis=0), means, rtol=1e-5)
    if ratio < 1.0:
        np.testing.assert_allclose(ours.coef_, search.best_estimator_.coef_, atol=1e-4)


def test_weights_are_repeated_rows_and_class_weights_are_weights():
    X, y = flowers()
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 3, len(y))
    rows = np.repeat(np.arange(len(y)), counts)
    group = np.arange(len(y)) % 4
    options = {"Cs": CS, "tol": 1e-12, "max_iter": 1000}

    def splits(place):
        return [(np.flatnonzero(place != f), np.flatnonzero(place == f)) for f in range(4)]

    weighted = LogisticRegressionCV(cv=splits(group), **options).fit(X, y, counts)
    repeated = LogisticRegressionCV(cv=splits(group[rows]), **options).fit(X[rows], y[rows])
    np.testing.assert_allclose(weighted.scores_, repeated.scores_, rtol=1e-8)
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-5)
    by_class = {"a": 2.0, "b": 1.0, "c": 0.5}
    ours = LogisticRegressionCV(class_weight=by_class, **options).fit(X, y)
    same = LogisticRegressionCV(**options).fit(X, y, np.array([by_class[each] for each in y]))
    np.testing.assert_array_equal(ours.scores_, same.scores_)


def test_every_storage_gives_the_same_and_models_are_saved(tmp_path):
    X, y = flowers()
    X[np.abs(X) < 0.5] = 0.0
    options = {"Cs": CS, "l1_ratios": [0.5], "tol": 1e-10, "max_iter": 1000}
    dense = LogisticRegressionCV(**options).fit(X, y)
    for other in (sp.csr_array(X), sp.csc_matrix(X), np.asfortranarray(X)):
        found = LogisticRegressionCV(**options).fit(other, y)
        np.testing.assert_allclose(found.scores_, dense.scores_, rtol=1e-7)
    save_model(dense, tmp_path / "m.json")
    again = load_model(tmp_path / "m.json")
    for model in (again, pickle.loads(pickle.dumps(dense))):
        np.testing.assert_array_equal(model.predict_proba(X), dense.predict_proba(X))
        assert model.score(X, y) == dense.score(X, y)


def test_an_offset_has_a_column_for_each_class():
    X, y = flowers()
    offset = np.random.default_rng(0).standard_normal((len(y), 3))
    options = {"Cs": CS, "tol": 1e-10, "max_iter": 1000}
    found = LogisticRegressionCV(**options).fit(X, y, offset=offset)
    moved = LogisticRegressionCV(**options).fit(X, y, offset=offset + 7.0)
    np.testing.assert_allclose(found.scores_, moved.scores_, rtol=1e-7)
    direct = found.score(X, y, offset=offset)
    assert direct == pytest.approx(found.score(X, y, offset=offset - 3.0))
    by_name = LogisticRegressionCV(scoring="accuracy", **options).fit(X, y, offset=offset)
    assert by_name.scores_.min() >= 0.5
    with pytest.raises(ValueError, match="offset"):
        LogisticRegressionCV().fit(X, y, offset=offset[:, 0])


def test_means_of_folds_and_shapes_before():
    X, y = flowers()
    options = {"Cs": CS, "l1_ratios": [0.0, 0.5], "refit": False, "cv": StratifiedKFold(3)}
    new = LogisticRegressionCV(**options).fit(X, y)
    old = LogisticRegressionCV(**options, use_legacy_attributes=True).fit(X, y)
    assert set(old.scores_) == set(old.coefs_paths_) == {"a", "b", "c"}
    for k, name in enumerate("abc"):
        np.testing.assert_array_equal(old.scores_[name].swapaxes(1, 2), new.scores_)
        same = old.coefs_paths_[name].swapaxes(1, 2)
        np.testing.assert_array_equal(same, new.coefs_paths_[:, :, :, k])
    best = [np.unravel_index(each.argmax(), each.shape) for each in new.scores_]
    mean = np.mean([new.coefs_paths_[(f, *place)] for f, place in enumerate(best)], axis=0)
    np.testing.assert_allclose(new.coef_, mean[:, :4], rtol=1e-12)
    np.testing.assert_allclose(new.intercept_, mean[:, 4], rtol=1e-12)
    assert old.plot().get_ylabel() == new.plot().get_ylabel() == "mean deviance"


def test_errors_are_certified_to_rounding_where_all_is_asked():
    X, y = flowers(load_wine)
    found = LogisticRegressionCV(
        Cs=CS, l1_ratios=[0.0, 0.5, 1.0], tol=0.0, max_iter=1000, penalty_factor=np.arange(13.0)
    ).fit(X, y)
    assert found.cv_certificate_.converged
    assert found.cv_certificate_.bound.max() < 1e-8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y: (X, np.where(np.arange(len(y)) == 3, "d", y), 5), "no row of class 'd'"),
        (lambda X, y: (X, y[:-1], 5), "rows"),
        (lambda X, y: (X, y, [(np.arange(50), np.arange(50, 150))]), "no row of class"),
    ],
)
@pytest.mark.filterwarnings("ignore:The least populated class")
def test_what_is_wrong_is_said(change, message):
    X, y = flowers()
    X, y, cv = change(X, y)
    with pytest.raises(ValueError, match=message):
        LogisticRegressionCV(cv=cv).fit(X, y)
    model = LogisticRegressionCV(Cs=2).fit(*flowers())
    with pytest.raises(ValueError, match=r"y must be of the classes .*, got \['z'\]"):
        model.score(flowers()[0][:2], ["a", "z"])
    with pytest.raises(ValueError, match="fit has 3"):
        model.residuals(*flowers())
