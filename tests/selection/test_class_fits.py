"""Held-out deviances of several classes: what they are, and the bounds that certify them."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import JIT
from scipy.special import log_softmax

from fastreg import penalties
from fastreg.design import as_design
from fastreg.losses import Multinomial
from fastreg.objectives import Objective
from fastreg.selection.class_fits import ClassFits
from fastreg.solvers import solve

LOOSE = (0.1, 1e-2, 1e-4, 1e-7)
COUNT = 40 if JIT else 6
STRENGTHS = np.array([1.0, 0.1, 0.01])


def problem(seed):
    """(X, shares, weights of training and of test rows, make) of a random kind."""
    rng = np.random.default_rng(seed)
    m, n, K = int(rng.integers(20, 90)), int(rng.integers(1, 12)), int(rng.integers(3, 6))
    X = rng.standard_normal((m, n)) * 10.0 ** rng.uniform(-2, 2, n) + rng.uniform(-3, 3, n)
    Y = np.eye(K)[np.append(np.arange(K), rng.integers(0, K, m - K))]
    if seed % 4 == 1:
        Y = rng.dirichlet(np.ones(K), m)
    train = (rng.random(m) < 0.7) * rng.uniform(0.5, 2.0, m)
    train[: 2 * K] = np.maximum(train[: 2 * K], 0.5)
    test = np.where(train > 0.0, 0.0, rng.uniform(0.5, 2.0, m))
    test[-1] = 1.0
    offset = rng.standard_normal((m, K)) if seed % 3 == 1 else None
    l1 = float(rng.choice([0.0, 0.5, 1.0])) * 0.05
    objective = Objective(
        l2=np.full((1, 1), 0.05 - l1), penalty=penalties.L1(np.full(n, l1)),
        fit_intercept=seed % 5 != 2, loss=Multinomial(K), offset=offset,
    )  # fmt: skip
    X = sp.csc_array(np.where(rng.random((m, n)) < 0.5, X, 0.0)) if seed % 4 == 3 else X

    def make(weights, strengths):
        return dataclasses.replace(objective, weights=weights, strength=strengths)

    return as_design(X), Y, train, test, make


def bounds(seed, tol):
    """(deviances, their bounds) of fits to a tolerance."""
    X, Y, train, test, make = problem(seed)
    fits, objective = ClassFits(X, Y, train, test, make, tol, 1000), make(train, STRENGTHS)
    fit = solve(X, Y, objective, tol=tol, max_iter=1000)
    deviance, rounding, _ = fits._deviance(objective, fit.coef, fit.intercept, np.zeros(3))
    return deviance, rounding + fits._bounds(
        objective, fit.coef, fit.intercept, np.arange(len(STRENGTHS))
    )


def faults(share=1.0):
    """How many deviances are farther from the minimum's than that share of their bound."""
    wrong = known = judged = 0
    for seed in range(COUNT):
        best, sure = bounds(seed, 0.0)
        for tol in LOOSE:
            deviance, bound = bounds(seed, tol)
            off = np.abs(deviance - best) - sure
            wrong += int((off > share * bound).sum())
            known += int(np.isfinite(bound).sum())
            judged += len(bound)
    return wrong, known / judged


def test_no_deviance_is_outside_of_its_bound():
    wrong, known = faults()
    assert wrong == 0
    assert known > 0.8


def test_a_smaller_bound_is_seen_to_be_wrong():
    assert faults(0.01)[0] > 0


def test_the_deviance_is_that_of_the_formula():
    X, Y, train, test, make = problem(0)
    objective = make(train, STRENGTHS)
    fit = solve(X, Y, objective, tol=1e-8, max_iter=1000)
    fits = ClassFits(X, Y, train, test, make, 1e-8, 1000)
    found, rounding, null = fits._deviance(objective, fit.coef, fit.intercept, np.zeros(3))
    for t in range(3):
        logs = log_softmax(X.matrix @ fit.coef[:, :, t] + fit.intercept[:, t], axis=1)
        want = -2.0 * test @ (Y * logs).sum(axis=1) / test.sum()
        assert found[t] == pytest.approx(want, rel=1e-12)
        assert rounding[t] < 1e-11
    np.testing.assert_allclose(null, 2.0 * np.log(Y.shape[1]))
