"""Sketches: a penalty that ties features together and a loss of several outputs fit the house.

Each is solved and certified on ten rows with the formulas that stand; what the house lacks for them
is written in decision 14. The gap is compared with what is left to a minimum from elsewhere.
"""

from typing import NamedTuple

import numpy as np
import pytest
import scipy.optimize
import scipy.special
from conftest import needs_jit

from fastreg import certificate, losses
from fastreg.certificate.gap import SquaredFit, gap_and_objective, points_of
from fastreg.design import as_design
from fastreg.objectives import Objective
from fastreg.penalties import L1
from fastreg.solvers import approach, select_solver

ROWS = np.random.default_rng(3).standard_normal((10, 6))


# ---------------------------------------------------------------- groups of features


class Group(NamedTuple):
    """Σ_g l1_g ‖w_g‖: l1 (n,) of each feature's group, group (n,) its number."""

    l1: np.ndarray
    group: np.ndarray

    def lengths(self, u):
        """(n,) ‖u_g‖ of each feature's group."""
        return np.sqrt(np.bincount(self.group, u * u))[self.group]


@certificate.penalty_value.register
def _(penalty: Group, theta: np.ndarray) -> np.ndarray:
    """Of each feature its share: a group's is its sum."""
    share = np.bincount(penalty.group)[penalty.group]
    return penalty.l1 * penalty.lengths(theta) / share


@certificate.dual_projection.register
def _(penalty: Group, u: np.ndarray) -> np.ndarray:
    """Onto the ball of each group."""
    return u * np.minimum(1.0, penalty.l1 / np.maximum(penalty.lengths(u), 1e-300))


def by_blocks(G, c0, penalty, rounds):
    """min ½ βᵀGβ − c0ᵀβ + p(β), a group after the other, each by steps of its own length."""
    beta = np.zeros(len(c0))
    for _ in range(rounds):
        for g in range(penalty.group.max() + 1):
            own = np.flatnonzero(penalty.group == g)
            step = 1.0 / np.linalg.eigvalsh(G[np.ix_(own, own)])[-1]
            z = beta[own] + step * (c0[own] - G[own] @ beta)
            length = np.linalg.norm(z)
            shrunk = max(0.0, 1.0 - step * penalty.l1[own[0]] / length) if length else 0.0
            beta[own] = shrunk * z
    return beta


def test_groups_are_certified_by_the_gap_that_stands():
    X = ROWS - ROWS.mean(axis=0)
    y = X @ [1.0, -1.0, 0.5, 0.0, 0.0, 0.1]
    G, c0, square = X.T @ X / 10, X.T @ y / 10, y @ y / 10
    penalty = Group(np.full(6, 0.2), np.array([0, 0, 1, 1, 2, 2]))

    def certified(beta):
        c = c0 - G @ beta
        fit = SquaredFit(square - (c0 + c) @ beta)
        return gap_and_objective(points_of(penalty, c, beta, beta, fit, np.zeros(6)))

    best = by_blocks(G, c0, penalty, 4000)
    gap, least = certified(best)
    assert gap <= 1e-14 and not best[4:].any() and best[:4].all()
    for rounds in (1, 3, 10):
        gap, value = certified(by_blocks(G, c0, penalty, rounds))
        assert value - least <= gap + 1e-15
    assert certified(by_blocks(G, c0, penalty, 10))[0] <= 0.1 * square


# ---------------------------------------------------------------- a loss of several outputs


class Multinomial(NamedTuple):
    """log Σ_k exp z_k − z_y of classes y, z (m, C)."""

    outputs: int


@losses.traits.register(Multinomial)
def _(loss):
    return losses.Traits(outputs=loss.outputs)


class MultinomialFit(NamedTuple):
    """What `Points.fit` has to answer, of z and Y (m, C), Y of zeros and ones; w = 1/m."""

    z: np.ndarray
    Y: np.ndarray

    @property
    def u(self):
        """ℓ′(z), (m, C)."""
        return scipy.special.softmax(self.z, axis=1) - self.Y

    @property
    def left(self):
        return self.scaled(1.0, 0.0, np.inf)

    def objective(self, ridge):
        return (scipy.special.logsumexp(self.z, axis=1) - (self.z * self.Y).sum(axis=1)).mean()

    def scaled(self, s, ridge, most):
        """Of Y + su and softmax(z), the divergence of Kullback and Leibler, which is
        ℓ + ℓ* − suᵀz."""
        p = scipy.special.softmax(self.z, axis=1)
        return scipy.special.rel_entr(self.Y + s * self.u, p).sum(axis=1).mean()


def multinomial(X, Y, strength, rounds):
    """B (n, C): for each class in turn a Newton step by the exact inner solver, halved until the
    objective falls."""
    m, (n, C) = len(X), (X.shape[1], Y.shape[1])
    B = np.zeros((n, C))

    def value(B):
        return MultinomialFit(X @ B, Y).objective(0.0) + strength * np.abs(B).sum()

    for _ in range(rounds):
        for k in range(C):
            p = scipy.special.softmax(X @ B, axis=1)[:, k]
            h = np.maximum(p * (1.0 - p), 1e-12)
            t = X @ B[:, k] - (p - Y[:, k]) / h
            ridge, share = np.zeros((1, 1)), np.array([strength * m / h.sum()])
            inner = Objective(ridge, L1(1.0), h, False, share)
            _, coef, _, _ = approach(as_design(X), t[:, None], inner, tol=1e-13, max_iter=1000)
            step, share = coef[:, 0] - B[:, k], 1.0
            while share > 1e-6:
                new = B.copy()
                new[:, k] += share * step
                if value(new) <= value(B) + 1e-16:
                    B = new
                    break
                share *= 0.5
    return B


@needs_jit
def test_a_loss_of_several_outputs_is_certified_by_the_gap_that_stands():
    classes = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
    Y, strength = np.eye(3)[classes], 0.05

    def certified(B):
        fit = MultinomialFit(ROWS @ B, Y)
        c, beta = (-ROWS.T @ fit.u / 10).ravel(), B.ravel()  # outputs are features beside features
        return gap_and_objective(points_of(L1(strength), c, beta, beta, fit, np.zeros(18)))

    best = multinomial(ROWS, Y, strength, 200)
    gap, least = certified(best)
    assert gap <= 1e-9 and 0 < np.count_nonzero(best) < 18
    for rounds in (1, 2, 5):
        gap, value = certified(multinomial(ROWS, Y, strength, rounds))
        assert value - least <= gap + 1e-12
    other = scipy.optimize.minimize(  # B = A − D, both ≥ 0
        lambda v: (
            MultinomialFit(ROWS @ (v[:18] - v[18:]).reshape(6, 3), Y).objective(0.0)
            + strength * v.sum()
        ),
        np.zeros(36), bounds=[(0.0, None)] * 36, method="L-BFGS-B",
        options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 5000, "maxfun": 10**6},
    )  # fmt: skip
    assert least <= other.fun + 1e-12 and other.fun - least <= 1e-6


def test_no_solver_takes_another_loss_of_several_outputs_and_says_so():
    objective = Objective(np.zeros((1, 1)), L1(0.1), loss=Multinomial(3))
    with pytest.raises(ValueError, match="of one output or multinomial: Multinomial is not"):
        select_solver(objective, (10, 6))
