"""`LogisticRegression` of more than two classes: scikit-learn's minimum, glmnet's, certified."""

import json
import pickle
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import needs_jit
from sklearn import linear_model as peers
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastreg import LogisticRegression, load_model, save_model

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
sys.path.insert(0, str(FIXTURES))
import family_data  # noqa: E402

R = json.loads((FIXTURES / "r_families.json").read_text(encoding="utf-8"))
pytestmark = needs_jit


def problem(m=200, n=5, K=4, seed=0):
    rng = np.random.default_rng(seed)
    X, B = rng.standard_normal((m, n)), rng.standard_normal((n, K))
    y = (X @ B + rng.gumbel(size=(m, K))).argmax(axis=1)
    return X, np.array(["d", "a", "c", "b"])[y], rng.uniform(0.5, 2.0, m)


def objective(X, y, classes, coef, intercept, C, ratio=0.0, w=None, offset=0.0, factor=1.0):
    """P, by formulas of its own."""
    w = np.ones(len(y)) if w is None else w
    Z = X @ coef.T + intercept + offset
    most = Z.max(axis=1)
    loss = most + np.log(np.exp(Z - most[:, None]).sum(axis=1))
    loss -= Z[np.arange(len(y)), np.searchsorted(classes, y)]
    penalty = ratio * np.abs(coef) + 0.5 * (1.0 - ratio) * coef**2
    return float(w @ loss + (factor * penalty).sum() / C) / w.sum()


@parametrize_with_checks([LogisticRegression(), LogisticRegression(C=1.0, l1_ratio=1.0)])
@pytest.mark.thorough
def test_scikit_learns_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@pytest.mark.parametrize("C", [0.1, 100.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
def test_the_minimum_is_scikit_learns(C, weighted, intercept):
    X, y, w = problem()
    w = w if weighted else None
    options = {"C": C, "fit_intercept": intercept, "tol": 1e-12}
    ours = LogisticRegression(**options).fit(X, y, w)
    theirs = peers.LogisticRegression(**options, max_iter=10_000).fit(X, y, w)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.score(X, y, w) == pytest.approx(theirs.score(X, y, w))
    for name in ("coef_", "intercept_", "n_iter_", "classes_"):
        assert np.shape(getattr(ours, name)) == np.shape(getattr(theirs, name))
    P = objective(X, y, ours.classes_, ours.coef_, ours.intercept_, C, w=w)
    assert pytest.approx(ours.certificate_.objective[0], rel=1e-12) == P
    assert objective(X, y, ours.classes_, theirs.coef_, theirs.intercept_, C, w=w) + 1e-12 >= P
    np.testing.assert_allclose(np.exp(ours.predict_log_proba(X)), ours.predict_proba(X), rtol=1e-12)


@pytest.mark.parametrize("load", [load_iris, load_wine, load_digits])
@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
def test_nothing_beside_the_answer_is_less_by_more_than_its_gap(load, ratio):
    X, y = load(return_X_y=True)
    X = X / (X.std(axis=0) + 1e-9)
    model = LogisticRegression(C=0.5, l1_ratio=ratio).fit(X, y)
    assert model.certificate_.converged and model.certificate_.kind == "gap"
    parts = (X, y, model.classes_)
    best = objective(*parts, model.coef_, model.intercept_, 0.5, ratio)
    rng = np.random.default_rng(0)
    for size in (1e-1, 1e-3, 1e-5):
        for _ in range(20):
            coef = model.coef_ + size * rng.standard_normal(model.coef_.shape) * (
                model.coef_ != 0.0
            )
            level = model.intercept_ + size * rng.standard_normal(len(model.classes_))
            assert objective(*parts, coef, level, 0.5, ratio) >= best - model.dual_gap_
    sharp = LogisticRegression(C=0.5, l1_ratio=ratio, tol=1e-10).fit(X, y)
    least = objective(*parts, sharp.coef_, sharp.intercept_, 0.5, ratio)
    assert -1e-12 <= best - least <= model.dual_gap_ * (1 + 1e-9)


@pytest.mark.parametrize("variant", ["plain", "both"])
@pytest.mark.parametrize("penalty", ["lasso", "elastic_net"])
def test_it_is_glmnets(penalty, variant):
    theirs = R["glmnet"]["multinomial_ungrouped"][penalty][variant]
    data = family_data.sets()["three_classes"]
    X, y, more = data["X"], data["y"].astype(int), {}
    if variant == "both":
        more = {"sample_weight": data["weights"], "offset": data["offset"]}
    total = data["weights"].sum() if variant == "both" else len(y)
    for k, strength in enumerate(theirs["lambda"]):
        C = 1.0 / (strength * total)
        model = LogisticRegression(C=C, l1_ratio=theirs["alpha"], tol=1e-13).fit(X, y, **more)
        coef = np.array(theirs["coef"][f"lambda_{k + 1}"])
        np.testing.assert_allclose(model.coef_, coef, rtol=1e-6, atol=1e-7)
        level = np.array(theirs["intercept"])[k]
        np.testing.assert_allclose(model.intercept_, level - level.mean(), atol=1e-7)


def test_storages_files_and_pickles(tmp_path):
    X, y, w = problem()
    X = np.where(np.abs(X) < 0.4, 0.0, X)
    model = LogisticRegression(C=0.3, l1_ratio=0.7, tol=1e-10).fit(X, y, w)
    for given in (sp.csr_array(X), sp.csc_matrix(X), np.asfortranarray(X), X.astype("f4")):
        again = clone(model).fit(given, y, w)
        np.testing.assert_allclose(again.coef_, model.coef_, atol=1e-5)
    for path in (tmp_path / "m.json", tmp_path / "m.npz"):
        save_model(model, path)
        loaded = load_model(path)
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
        assert loaded.classes_.tolist() == list("abcd")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).coef_, model.coef_)
    np.testing.assert_array_equal(model.sparsify().predict(X), loaded.predict(X))


def test_weights_classes_bounds_and_factors():
    X, y, _ = problem()
    w = np.random.default_rng(1).integers(0, 3, len(y))
    weighted = LogisticRegression(tol=1e-12).fit(X, y, w)
    repeated = LogisticRegression(tol=1e-12).fit(np.repeat(X, w, axis=0), np.repeat(y, w))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-7)
    each = {"a": 2.0, "b": 1.0, "c": 0.5, "d": 1.0}
    by_class = LogisticRegression(tol=1e-12, class_weight=each).fit(X, y)
    by_row = LogisticRegression(tol=1e-12).fit(X, y, np.array([each[label] for label in y]))
    np.testing.assert_allclose(by_class.coef_, by_row.coef_, atol=1e-8)
    balanced = LogisticRegression(class_weight="balanced").fit(X, y)
    theirs = peers.LogisticRegression(class_weight="balanced", tol=1e-10).fit(X, y)
    np.testing.assert_allclose(balanced.coef_, theirs.coef_, atol=1e-3)
    assert (LogisticRegression(positive=True).fit(X, y).coef_ >= 0.0).all()
    assert np.abs(LogisticRegression(bounds=(-0.1, 0.1)).fit(X, y).coef_).max() <= 0.1
    free = LogisticRegression(C=1e-3, l1_ratio=1.0, penalty_factor=[1, 0, 1, 1, 1]).fit(X, y)
    assert np.flatnonzero(free.coef_.any(axis=0)).tolist() == [1]


@pytest.mark.parametrize("shape", [(60, 700), (900, 900)])
def test_large_ridges_are_certified(shape):
    X, y, _ = problem(*shape, K=4, seed=3)
    model = LogisticRegression(C=0.1, tol=1e-6).fit(X / np.sqrt(shape[1]), y)
    assert model.certificate_.converged
    assert ("L-BFGS" if shape[0] == 900 else "rows") in model.certificate_.method


def test_separable_classes_without_a_penalty_are_not_called_converged():
    X, y = load_iris(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="of class 0 are told apart with certainty"):
        LogisticRegression(C=np.inf, max_iter=50).fit(X, y)


@pytest.mark.parametrize(
    ("options", "change", "message"),
    [
        (
            {},
            {"offset": np.ones(200)},
            r"offset must hold \(200, 4\) finite numbers, one for each of 4 classes",
        ),
        ({"class_weight": {"z": 1.0}}, {}, "class_weight must have keys of the classes"),
        ({}, {"sample_weight": -np.ones(200)}, "sample_weight"),
    ],
)
def test_what_is_wrong_is_said(options, change, message):
    X, y, _ = problem()
    with pytest.raises(ValueError, match=message):
        LogisticRegression(**options).fit(X, y, **change)
    model = LogisticRegression().fit(X, y)
    for call in (model.residuals, model.plot_calibration):
        with pytest.raises(ValueError, match="this is for two classes"):
            call(X, y)
