"""Small dense fits go through a lane of their own: its answers, and its certificates, are those of
the solvers and of the certificate for every size."""

import numpy as np
import pytest
from conftest import JIT
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import fastreg
from fastreg import solvers
from fastreg.certificate import certify, certify_small
from fastreg.design import as_design
from fastreg.losses import Logistic, Poisson, Squared
from fastreg.objectives import Objective
from fastreg.penalties import L1, Bounded

EXAMPLES = 60 if JIT else 6
LOSSES = (Squared(), Logistic(), Poisson())
STORAGES = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "float32": lambda X: X.astype(np.float32),
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
}


def draw(seed, loss, *, penalty="l1", centred=True, weighted=False, offset=0.0):
    """(X, y, objective) of few rows and columns; rows of weight zero hold anything."""
    rng = np.random.default_rng(seed)
    m, n = int(rng.integers(3, 60)), int(rng.integers(1, 20))
    X = (rng.standard_normal((m, n)) @ np.diag(10.0 ** rng.uniform(-2, 2, n))).astype(np.float32)
    X = X.astype(np.float64) + offset
    X[:, rng.random(n) < 0.1] = 3.0  # a column that does not vary
    z = (X - X.mean(axis=0)) @ (rng.standard_normal(n) / (1e-9 + X.std(axis=0))) / np.sqrt(n)
    if isinstance(loss, Squared):
        y = z + rng.standard_normal(m)
    elif isinstance(loss, Logistic):
        y = 1.0 * (z + rng.logistic(size=m) > 0)
        y[:2] = 0.0, 1.0
    else:
        y = rng.poisson(np.exp(np.clip(z, -3, 3))).astype(float)
        y[0] += 1.0
    weights = None
    if weighted:
        weights = rng.integers(0, 4, m).astype(float)
        weights[:3] = 1.0
        X[weights == 0] *= 1e30  # which counts for nothing
        y[weights == 0] = 0.0
    w = np.ones(m) if weights is None else weights
    c = np.abs((X - X[0]).T @ (w * (y - y[w > 0].mean()))) / w.sum()
    level = 0.1 * np.median(c[c > 0]) if (c > 0).any() else 1.0
    l1, ridge = (level, 0.0) if penalty == "l1" else (0.0, level)
    if penalty == "mixed":
        l1, ridge = 0.5 * level, 0.1 * level
    kind = L1(l1)
    if penalty == "positive":
        kind = Bounded(level, 0.0, np.inf)
    if penalty == "box":
        kind = Bounded(level, np.full(n, -0.02), np.full(n, 0.03))
    return X, y, Objective(np.array([[ridge]]), kind, weights, centred, None, loss)


problems = {
    "seed": st.integers(0, 2**32 - 1),
    "loss": st.sampled_from(LOSSES),
    "penalty": st.sampled_from(["l1", "ridge", "mixed", "positive", "box"]),
    "centred": st.booleans(),
    "weighted": st.booleans(),
    "offset": st.sampled_from([0.0, 100.0]),
}


def found_with(size, seed, loss=LOSSES[2], **how):
    """An example that failed once."""
    plain = {"penalty": "l1", "centred": True, "weighted": False, "offset": 0.0}
    return {"size": size, "seed": seed, "loss": loss, **plain, **how}


def general(X, y, objective, tol):
    """What the solvers for every size answer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solvers.small, "suits", lambda *_: False)
        return solvers.solve(as_design(X), y[:, None], objective, tol=tol)


@given(storage=st.sampled_from(list(STORAGES)), **problems)
@settings(max_examples=EXAMPLES, deadline=None)
def test_answers_are_those_of_the_solvers_for_every_size(storage, **how):
    X, y, objective = draw(**how)
    X = STORAGES[storage](X)
    found = solvers.small.solve(as_design(X), y[:, None], objective, 1e-10, 1000)
    assume(found is not None)
    other = general(X, y, objective, 1e-12)
    null = found.certificate.null[0]
    assert found.certificate.relative_gap[0] <= 1e-10
    assert abs(found.certificate.objective[0] - other.certificate.objective[0]) <= 3e-10 * null
    if objective.l2.any():
        counts = slice(None) if objective.weights is None else objective.weights > 0
        spread = X[counts].astype(float).std(axis=0) + 1e-300
        moved = np.abs(found.coef - other.coef[:, 0]) * spread
        assert moved.max() <= 1e-4 * (np.abs(other.coef[:, 0]) * spread).max() + 1e-6


@given(size=st.sampled_from([0.0, 1e-6, 1e-2, 1.0]), **problems)
@example(**found_with(1.0, 943, offset=100.0))  # the best intercept is 640 away
@example(**found_with(0.0, 5477, weighted=True, offset=100.0))  # 0·∞ in a row of weight zero
@example(**found_with(0.0, 38967, weighted=True))  # nothing to explain
@example(**found_with(0.01, 1000000, Squared(), penalty="positive", centred=False, weighted=True))
@settings(max_examples=3 * EXAMPLES, deadline=None, derandomize=True)  # 2700 others passed
def test_certificates_of_any_point_are_bounds_and_those_for_every_size(size, **how):
    X, y, objective = draw(**how)
    (m, n), penalty = X.shape, objective.penalty
    best = general(X, y, objective, 1e-12)
    assume(best.certificate.converged)
    rng = np.random.default_rng(how["seed"])
    theta = best.coef[:, 0] * (1.0 + size * rng.standard_normal(n))
    theta = np.clip(theta, getattr(penalty, "low", -np.inf), getattr(penalty, "high", np.inf))
    level = float(best.intercept[0]) * (1.0 + 0.1 * size) if objective.fit_intercept else 0.0
    w = np.full(m, 1.0 / m) if objective.weights is None else objective.weights
    z = X @ theta + level
    far = max(np.abs(z[w > 0]).max(), abs(level))
    assume(isinstance(objective.loss, Squared) or far < 500.0)  # else eᶻ is ∞
    found = certify_small(X, y, w / w.sum(), theta, level, objective, tol=1e-6, method="given")
    other = certify(
        as_design(X), y[:, None], theta[:, None], np.array([level]), objective, tol=1e-6,
        method="given", passes=0,
    )  # fmt: skip
    null = other.null[0]
    assume(null > 0.0)  # else there is nothing to explain, which is left to the other one
    np.testing.assert_allclose(found.null, other.null, rtol=1e-9)
    np.testing.assert_allclose(found.objective, other.objective, rtol=1e-7, atol=1e-12 * null)
    if size == 0.0:  # elsewhere it depends on the intercept, which is as near as `tol` asks
        assert found.kkt[0] <= 1.1 * other.kkt[0] + 1e-6
    assert found.by_kkt == other.by_kkt
    above = found.objective[0] - best.certificate.objective[0]  # no more than it is above the least
    assert found.gap[0] >= above - 1e-11 * null
    if isinstance(objective.loss, Squared):
        np.testing.assert_allclose(found.kkt, other.kkt, rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose(found.gap, other.gap, rtol=1e-5, atol=1e-10 * null)
    else:
        assert found.gap[0] <= 1.01 * other.gap[0] + 3e-9 * null


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_no_row_may_hold_what_is_not_finite(value, weight, rng):
    X, y, weights = rng.standard_normal((30, 3)), rng.standard_normal(30), np.ones(30)
    X[7, 1], weights[7] = value, weight
    with pytest.raises(ValueError, match="The first is in row 7, column 1"):
        fastreg.Lasso().fit(X, y, weights)


def test_a_gap_that_is_planted_is_seen():
    """The solver's word counts for nothing."""
    X, y, objective = draw(5, Squared())
    found = solvers.small.solve(as_design(X), y[:, None], objective, 1e-8, 1000)
    w = np.full(len(y), 1.0 / len(y))
    worse = certify_small(
        X, y, w, found.coef * 1.01, found.intercept, objective, tol=1e-8, method=""
    )
    assert not worse.converged and worse.relative_gap[0] > 1e-6


def test_what_the_lane_misses_is_solved_by_the_others(monkeypatch):
    X, y, objective = draw(5, Squared())
    fit = solvers.small._fit

    def spoiled(*given):
        status, theta, level, steps = fit(*given)
        return status, theta * 1.01, level, steps

    monkeypatch.setattr(solvers.small, "_fit", spoiled)
    found = solvers.solve(as_design(X), y[:, None], objective, tol=1e-8)
    assert found.certificate.converged and found.certificate.passes > 2


@pytest.mark.parametrize("make", [fastreg.Lasso, fastreg.Ridge, fastreg.ElasticNet])
def test_small_fits_take_two_reads(make, rng):
    X = rng.standard_normal((100, 10))
    y = X @ rng.standard_normal(10) + rng.standard_normal(100)
    assert make(alpha=0.1).fit(X, y).certificate_.passes == 2
    assert fastreg.LogisticRegression().fit(X, y > 0).certificate_.passes == 2
    assert make(alpha=0.1).fit(np.repeat(X, 20, axis=0), np.repeat(y, 20)).certificate_.passes == 2
    assert make(alpha=0.1).fit(np.repeat(X, 200, axis=0), np.repeat(y, 200)).certificate_.passes > 2


def test_columns_that_depend_on_one_another_go_to_the_other_solvers(rng):
    X = rng.standard_normal((30, 4))
    X = np.column_stack([X, X[:, 0]])
    y = X[:, 0] + rng.standard_normal(30)
    model = fastreg.Lasso(alpha=1e-3, tol=1e-10).fit(X, y)
    assert model.certificate_.converged and model.certificate_.passes > 2
    assert fastreg.Ridge(alpha=1.0).fit(X, y).certificate_.passes == 2


def test_the_same_bits_in_any_storage_and_in_any_units_of_two(rng):
    X = rng.standard_normal((40, 7)).astype(np.float32)
    y = X @ rng.standard_normal(7) + rng.standard_normal(40)
    plain = fastreg.Lasso(alpha=0.05).fit(X.astype(float), y)
    for own in (X, np.asfortranarray(X), X[:, ::-1][:, ::-1]):
        assert np.array_equal(fastreg.Lasso(alpha=0.05).fit(own, y).coef_, plain.coef_)
    for power in (-250, -30, 30, 250):
        unit = 2.0**power
        other = fastreg.Lasso(alpha=0.05 * unit).fit(X.astype(float), y * unit)
        assert np.array_equal(other.coef_, plain.coef_ * unit)
        assert other.certificate_.relative_gap == plain.certificate_.relative_gap


def test_a_loss_or_a_penalty_of_ones_own_goes_to_the_other_solvers(rng):
    class Half(L1):
        pass

    X, y = rng.standard_normal((40, 3)), rng.standard_normal(40)
    design, own = as_design(X), Objective(np.zeros((1, 1)), Half(0.1))
    assert solvers.small.solve(design, y[:, None], own, 1e-8, 100) is None

    class Counts(Poisson):
        pass

    other = Objective(np.ones((1, 1)), L1(0.0), loss=Counts())
    fastreg.losses.traits.register(Counts)(lambda loss: fastreg.losses.Traits(affine=True))
    assert solvers.small.solve(design, np.abs(y)[:, None], other, 1e-8, 100) is None
