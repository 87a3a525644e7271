"""Certificates of the multinomial loss bound what is left, wherever the coefficients are."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import needs_jit

from fastreg import losses
from fastreg.certificate import certify_coupled
from fastreg.design import as_design
from fastreg.grids import Grid
from fastreg.objectives import Objective
from fastreg.penalties import L1, Bounded
from fastreg.solvers import solve

pytestmark = needs_jit


def problem(seed):
    """(X, Y, objective, strengths) at random: shapes, units, weights, offsets, shares, bounds."""
    rng = np.random.default_rng([seed, 22])
    m, n, K = int(rng.integers(12, 80)), int(rng.integers(1, 9)), int(rng.integers(2, 6))
    X = rng.standard_normal((m, n)) * 10.0 ** rng.uniform(-3, 3, n) + (rng.random() < 0.3) * 5.0
    z = (X - X.mean(axis=0)) / X.std(axis=0) @ rng.standard_normal((n, K))
    labels = (z * rng.choice([0.3, 1.0, 3.0]) + rng.gumbel(size=(m, K))).argmax(axis=1)
    labels[:K] = np.arange(K)
    Y = np.eye(K)[labels] if rng.random() < 0.7 else rng.dirichlet(np.full(K, 0.5), m)
    ratio = float(rng.choice([1.0, 0.5, 0.0]))
    penalty = L1(np.full(n, ratio))
    if rng.random() < 0.2:
        penalty = Bounded(np.full(n, ratio), np.full(n, -0.5), np.full(n, 0.5))
    own = Objective(
        np.full((1, 1), 1.0 - ratio), penalty,
        rng.choice([0.5, 1.0, 2.0], m) if rng.random() < 0.4 else None,
        bool(rng.random() < 0.8), None, losses.Multinomial(K),
        0.5 * rng.standard_normal((m, K)) if rng.random() < 0.3 else None,
    )  # fmt: skip
    return (sp.csr_matrix(X) if rng.random() < 0.3 else X), Y, own, rng


def check(seed):
    X, Y, own, rng = problem(seed)
    design, n = as_design(X), X.shape[1]
    grid = Grid(3, 0.05, L1(np.full(n, max(float(np.max(own.penalty.l1)), 1e-2))))
    found = solve(design, Y, own, tol=1e-4, grid=grid)
    assert found.certificate.converged, seed
    own = dataclasses.replace(own, strength=found.strength)
    sharp = solve(design, Y, own, tol=1e-11).certificate.objective
    for size in (0.0, 1e-3, 0.3):
        coef = found.coef * (1.0 + size * rng.standard_normal(found.coef.shape))
        level = found.intercept + size * own.fit_intercept * rng.standard_normal(
            found.intercept.shape
        )
        if isinstance(own.penalty, Bounded):
            coef = np.clip(coef, -0.5, 0.5)
        worth = certify_coupled(
            design, Y, coef, level, own, tol=1e-4, method="", passes=0
        )  # fmt: skip
        left = worth.objective - sharp
        assert (left <= worth.gap + 1e-13 * (1.0 + np.abs(worth.objective))).all(), (seed, size)
        assert (left >= -1e-10 * worth.null).all(), (seed, size)


@pytest.mark.parametrize("seed", range(25))
def test_no_certificate_is_false(seed):
    check(seed)


@pytest.mark.thorough
def test_no_certificate_of_many_is_false():
    for seed in range(1000, 1300):
        check(seed)


def test_two_classes_are_the_logistic_loss_of_twice_the_coefficients():
    """p = σ(z₂ − z₁): with a ridge β₂ = −β₁, each half of the logistic one at half the strength."""
    import fastreg

    rng = np.random.default_rng(0)
    X = rng.standard_normal((100, 4))
    y = (X[:, 0] + rng.logistic(size=100) > 0) * 1
    own = Objective(np.ones((1, 1)), L1(0.0), None, True, np.array([0.02]), losses.Multinomial(2))
    both = solve(as_design(X), np.eye(2)[y], own, tol=1e-13)
    one = fastreg.path(X, y, family="binomial", l1_ratio=0.0, alphas=[0.01], tol=1e-13)
    np.testing.assert_allclose(both.coef[:, 1, 0] - both.coef[:, 0, 0], one.coefs[:, 0], rtol=1e-7)
    np.testing.assert_allclose(both.coef[:, 1], -both.coef[:, 0], atol=1e-9)
