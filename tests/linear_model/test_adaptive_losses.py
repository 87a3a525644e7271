"""Strengths by the held-out deviance: its gradient, what is found, and what is certified."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import needs_jit
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastreg
from fastreg import AdaptiveLogisticRegression, AdaptivePoissonRegressor, LogisticRegression
from fastreg.design import as_design
from fastreg.losses import Logistic, Poisson
from fastreg.objectives import Objective
from fastreg.penalties import L1
from fastreg.problems.in_memory import standardise
from fastreg.selection.adaptive_losses import HeldOutDeviance, LossFold

pytestmark = needs_jit
GROUPS = np.repeat([0, 1], [3, 9])
LOSSES = {"binomial": Logistic(), "poisson": Poisson()}
STORAGES = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "csr": sp.csr_matrix,
    "csc": sp.csc_matrix,
    "float32": lambda X: X.astype(np.float32),
}


def data(family="binomial", m=150, n=12, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n)).astype(np.float32) * 10.0 ** rng.uniform(-1, 1, n)
    X = X.astype(np.float32).astype(float)
    z = X[:, :3] / X[:, :3].std(axis=0) @ [1.0, -0.8, 0.6]
    y = rng.poisson(np.exp(z - 0.5)) * 1.0
    if family == "binomial":
        y = (rng.random(m) < 1 / (1 + np.exp(-z))) * 1.0
    return X, y, rng.uniform(0.5, 2.0, m), 0.3 * rng.standard_normal(m)


def held_out(family, ratio, storage, intercept=True):
    X, y, w, offset = data(family)
    loss, design = LOSSES[family], as_design(STORAGES[storage](X))

    def make(alpha, own):
        l2 = (alpha * (1 - ratio))[:, None]
        return Objective(l2, L1(alpha * ratio), own, intercept, None, loss, offset)

    fold = np.arange(len(y)) % 3
    problem = standardise(design, np.zeros((len(y), 1)), make(np.ones(12), None))
    parts = [
        LossFold(design, y, w * (fold != f), w * (fold == f), problem, make, 1000) for f in range(3)
    ]
    return HeldOutDeviance(parts, GROUPS, 0.2, ratio > 0)


@pytest.mark.parametrize("storage", list(STORAGES))
@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("family", list(LOSSES))
def test_the_gradient_is_that_of_the_deviance(family, ratio, storage):
    error, rho = held_out(family, ratio, storage), np.log([0.05, 0.2])
    gradient, h = error(rho)[1], 1e-4
    for g in range(2):
        ends = [error(rho + h * step * (np.arange(2) == g))[0] for step in (1, -1)]
        assert gradient[g] == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-4, abs=1e-9)
    assert np.abs(gradient).min() > 1e-4  # or nothing has been seen


def test_the_gradient_without_an_intercept():
    error, rho, h = held_out("poisson", 0.5, "C", intercept=False), np.log([0.05, 0.2]), 1e-4
    gradient = error(rho)[1]  # first: fits from its answer are nearer than their tolerance
    ends = [error(rho + h * step * np.array([1, 0]))[0] for step in (1, -1)]
    assert gradient[0] == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-4)


def test_the_error_is_the_mean_deviance_of_refits():
    X, y, w, offset = data()
    model = AdaptiveLogisticRegression(GROUPS, cv=KFold(3), l1_ratio=0.5)
    model.fit(X, y, w, offset)
    deviances = []
    for train, test in KFold(3).split(X):
        C = 1 / w[train].sum()
        plain = LogisticRegression(C=C, l1_ratio=0.5, penalty_factor=model.alpha_, tol=1e-12)
        plain.fit(X[train], y[train], w[train], offset[train])
        z = plain.decision_function(X[test], offset[test])
        deviances.append(2 * np.average(np.logaddexp(0, z) - y[test] * z, weights=w[test]))
    assert model.error_ == pytest.approx(np.mean(deviances), rel=1e-6)
    whole = LogisticRegression(
        C=1 / w.sum(), l1_ratio=0.5, penalty_factor=model.alpha_, tol=1e-12
    ).fit(X, y, w, offset)
    np.testing.assert_allclose(model.coef_, whole.coef_, rtol=1e-4, atol=1e-6)
    assert model.certificate_.converged and model.cv_certificate_.converged
    assert model.cv_certificate_.gap.shape == (1, 3)
    assert model.cv_certificate_.bound.max() < 1e-6  # of the deviance of every fold


@pytest.mark.parametrize("kind", [AdaptiveLogisticRegression, AdaptivePoissonRegressor])
@pytest.mark.parametrize("ratio", [0.0, 1.0])
@pytest.mark.thorough
def test_groups_part_and_the_deviance_falls(kind, ratio):
    X, y, _, _ = data("binomial" if kind is AdaptiveLogisticRegression else "poisson")
    X = X / X.std(axis=0)
    model = kind(GROUPS, l1_ratio=ratio, cv=4).fit(X, y)
    assert model.error_ < model.equal_error_ and len(model.history_) > 20
    assert model.group_alphas_[0] < model.group_alphas_[1]
    np.testing.assert_array_equal(model.alpha_, model.group_alphas_[GROUPS])
    again = kind(GROUPS, l1_ratio=ratio, cv=4).fit(sp.csc_matrix(X), y)
    assert again.error_ == pytest.approx(model.error_, rel=1e-6)


def test_labels_shares_and_counts_are_one_target():
    X, y, _, _ = data()
    options = {"cv": 3, "tol": 1e-6}
    one = AdaptiveLogisticRegression(GROUPS, **options).fit(X, np.where(y > 0, "yes", "no"))
    two = AdaptiveLogisticRegression(GROUPS, target="counts", **options)
    two.fit(X, np.stack([y, 1 - y], axis=1).astype(int))
    assert one.classes_.tolist() == ["no", "yes"]
    assert one.error_ == pytest.approx(two.error_, rel=1e-6)
    assert one.score(X, np.where(y > 0, "yes", "no")) == two.score(X, np.stack([y, 1 - y], axis=1))


def test_the_folds_of_classes_have_both():
    X, y, _, _ = data(m=60)
    order = np.argsort(y)
    model = AdaptiveLogisticRegression(cv=3).fit(X[order], y[order])
    split = list(StratifiedKFold(3).split(X, y[order]))
    again = AdaptiveLogisticRegression(cv=split).fit(X[order], y[order])
    assert model.error_ == again.error_


def test_a_summary_says_that_the_strengths_are_chosen():
    X, y, _, offset = data("poisson")
    model = AdaptivePoissonRegressor(GROUPS, cv=3).fit(X, y, None, offset)
    found = model.summary(X, y, None, offset, method="bayesian")
    assert (found.standard_error > 0).all() and "chosen" in found.assumes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": [0, 1]}, "groups must have shape"),
        ({"alpha_bounds": (1.0, 0.5)}, "alpha_bounds must be"),
        ({"max_features": 5}, "max_features=5 is less than"),
        ({"l1_ratio": 1.5}, "l1_ratio"),
    ],
)
def test_what_is_refused(options, message):
    X, y, _, _ = data()
    with pytest.raises(ValueError, match=message):
        AdaptivePoissonRegressor(**options).fit(X, y)


def test_groups_of_rows_go_to_the_splitter():
    X, y, _, _ = data()
    rows = np.repeat(np.arange(15), 10)
    model = AdaptiveLogisticRegression(cv=GroupKFold(3)).fit(X, y, groups=rows)
    split = list(GroupKFold(3).split(X, y, rows))
    assert model.error_ == AdaptiveLogisticRegression(cv=split).fit(X, y).error_


@parametrize_with_checks([
    AdaptiveLogisticRegression(cv=2, tol=1e-2), AdaptivePoissonRegressor(cv=2, tol=1e-2),
])  # fmt: skip
@pytest.mark.thorough
def test_scikit_learns_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


def test_a_source_past_memory_is_refused_in_words(tmp_path):
    X, y, _, _ = data()
    np.savez(tmp_path / "rows.npz", X=X, y=y)
    blocks = fastreg.read(lambda: iter([(X[:70], y[:70]), (X[70:], y[70:])]))
    with pytest.raises(ValueError, match="needs all rows in memory"):
        AdaptivePoissonRegressor().fit(blocks)
