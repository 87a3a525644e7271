"""Fits to training sets and their errors on test sets, each with a bound from a second look.

    mse = Σ_test w (y − b − xᵀθ)²/Σ w,   (b, θ) fitted to the training rows

From moments, r = y − b − xᵀθ has mean (ȳ_t − ȳ) − (x̄_t − x̄)ᵀθ over the test rows, and its scatter
there is dᵀSd with d = (−θ, 1). What the second look is: `fastreg.certificate.training`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastreg.certificate import points_of_moments, relative_to
from fastreg.certificate.training import (
    CERTAIN,
    Shape,
    Slopes,
    change_of_error,
    distance,
    enough_move,
    gaps,
    slopes,
)
from fastreg.design import Design
from fastreg.moments import Moments
from fastreg.objectives import Objective
from fastreg.problems.from_moments import MomentProblem
from fastreg.selection.relaxed import relax

Array = np.ndarray
_ROUNDING = 1e-20  # of the mean square of y: squared residuals below are rounding of y itself
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Fits:
    """What is fitted to the rows of one fold.

    X : Design, (m, n); y : (m,); train, test : (m,) weights of the rows of either set
    make : (weights, strengths) ↦ Objective
    """

    X: Design
    y: Array
    train: Array
    test: Array
    make: Callable[[Array | None, Array | None], Objective]
    tol: float
    max_iter: int


class Verdict(NamedTuple):
    """Of K fits, (K,) each: mean squared errors on test rows, by how much they may be wrong, the
    relative gaps of the training fits, and whether these and the sums are what was asked."""

    mse: Array
    bound: Array
    gap: Array
    met: Array

    def with_points(self, k: Array, other: Verdict) -> Verdict:
        """With those of other fits at points k."""
        for mine, theirs in zip(self, other, strict=True):
            mine[k] = theirs
        return self


class Test(NamedTuple):
    """Moments of a test set beside those of a training set, in units of the problem: means less
    those of training, or means without an intercept, and scatter over weight."""

    part: Moments
    problem: MomentProblem
    step: Array  # (n,), in the user's units
    step_y: float

    @classmethod
    def of(cls, part: Moments, training: Moments, problem: MomentProblem) -> Test:
        """Means less means, from one origin to the other: as numbers of their own they are rounded
        where they dwarf the spread."""
        n, step = problem.n_features, part.frame.unit * part.mean
        if problem.shift is None:
            step = step + part.frame.origin
        else:
            own = training.frame
            step = (part.frame.origin - own.origin) + (step - own.unit * training.mean)
        return cls(part, problem, step[:n], float(step[n]))

    def errors(self, coef: Array) -> tuple[Array, Array]:
        """(mse (K,), by how much their sums may be wrong (K,)) of coef (n, K)."""
        part, unit = self.part, self.part.frame.unit
        n = len(coef)
        d = np.vstack([-unit[:n, None] * coef, np.full((1, coef.shape[1]), unit[n])])
        level = self.step_y - self.step @ coef
        spread = np.einsum("pk,pk->k", d, part.scatter @ d) / part.weight
        length = np.sqrt(np.einsum("pk,pk->k", d, d))
        doubt = part.doubts() @ np.abs(d) * length / part.weight
        blur = 4 * _EPS * (abs(self.step_y) + np.abs(self.step) @ np.abs(coef))
        mse = np.maximum(spread, 0.0) + level**2
        return mse, doubt + change_of_error(mse, blur)

    @property
    def second(self) -> Array:
        """T (n, n) in units of the problem."""
        n, unit, scale = len(self.step), self.part.frame.unit, self.problem.scale
        own = unit[:n] * scale
        step = self.step * scale
        T = self.part.scatter[:n, :n] * own / self.part.weight
        T *= own[:, None]
        T += np.outer(step, step)
        return T

    @property
    def mean_square(self) -> float:
        """Of y less its training mean."""
        spread = float(self.part.scatter[-1, -1]) * float(self.part.frame.unit[-1]) ** 2
        return spread / self.part.weight + self.step_y**2


def from_moments(problem: MomentProblem, coef: Array, test: Test, tol: float) -> Verdict:
    """Of fits to moments, coef (n, K) at the strengths of the problem."""
    mse, lost = test.errors(coef)
    limit = certain(mse, test.mean_square)
    gap, move = _distance(problem, coef, test, enough_move(mse, limit - lost), tol)
    return verdict(mse, lost, move, gap, limit, tol)


def relaxed_from_moments(
    plain: MomentProblem, problem: MomentProblem, coef: Array, gamma: float, test: Test, tol: float
) -> Verdict:
    """Of fits that are relaxed on their supports; `plain` is the problem without strengths."""
    relaxed = relax(plain, coef, gamma).coefs
    mse, lost = test.errors(relaxed)
    limit = certain(mse, test.mean_square)
    enough = enough_move(mse, limit - lost)
    gap, move = _distance(problem, coef, test, enough, tol)
    if gamma < 1.0:
        least = (relaxed - gamma * coef) / (1.0 - gamma)
        free = _distance_on_supports(plain, least, coef != 0.0, test, enough)
        move = mixed(gamma, move, free)
    return verdict(mse, lost, move, gap, limit, tol)


def _distance(
    problem: MomentProblem, coef: Array, test: Test, enough: Array, tol: float
) -> tuple[Array, Array]:
    """(relative gaps, τε in the user's units) of fits to moments; no τε, which costs as much as a
    fit where columns are many, where all gaps are within `tol` > 0."""
    beta, unit = problem.scaled(coef), float(problem.unit[0])
    strengths = np.array([problem.strength(t) for t in range(problem.n_points)])
    points = points_of_moments(
        problem.products, problem.start, problem.square, beta, problem.base_ridge(0),
        problem.base_penalty(0), strengths,
    )  # fmt: skip
    doubt, lengths = problem.doubt(beta), np.sqrt(np.diag(problem.products))
    with np.errstate(invalid="ignore", over="ignore"):
        gap = gaps(points, doubt, lengths)
        relative = relative_to(gap, problem.null(0))
        if tol > 0.0 and (relative <= tol).all():
            return relative, np.full(len(gap), np.inf)
        found = slopes(points, doubt, lengths)
    l2 = problem.base_ridge(0)[:, None] * strengths
    far = distance(found, _shape(problem, test, l2), np.zeros(len(enough)), enough / unit)
    gap = np.minimum(gap, 0.5 * far.epsilon**2)
    return relative_to(gap, problem.null(0)), far.move * unit


def _distance_on_supports(
    problem: MomentProblem, coef: Array, supports: Array, test: Test, enough: Array
) -> Array:
    """τε of least squares on the supports (n, K)."""
    beta, unit = problem.scaled(coef), float(problem.unit[0])
    c = problem.start[:, None] - problem.products @ beta
    g, doubt = (np.where(supports, each, 0.0) for each in (c, problem.doubt(beta)))
    slack = np.where(supports, -1.0, np.inf)
    found = Slopes(g, doubt, slack, np.ones(len(coef)))
    shape = _shape(problem, test, np.zeros((len(coef), 1)))
    return distance(found, shape, np.zeros(len(enough)), enough / unit).move * unit


def _shape(problem: MomentProblem, test: Test, l2: Array) -> Shape:
    G = problem.products.copy()
    G[problem.constant, problem.constant] = 1.0
    return Shape(G, test.second, l2)


def verdict(mse: Array, lost: Array, move: Array, gap: Array, limit: Array, tol: float) -> Verdict:
    """An error is certain, or rounding is less than that and the training fit within `tol`."""
    bound = lost + change_of_error(mse, move)
    return Verdict(mse, bound, gap, (bound <= limit) | ((gap <= tol) & (lost <= limit)))


def mixed(gamma: float, move: Array, free: Array) -> Array:
    """By how much γ·(a fit) + (1 − γ)·(least squares on its support) may be off: of γ = 0 whatever
    is known of the fit says nothing."""
    return (gamma * move if gamma > 0.0 else 0.0) + (1.0 - gamma) * free


def certain(mse: Array, mean_square: Any) -> Array:
    """By how much errors may be wrong without a word: of one that is rounding of y alone no more is
    known than that."""
    floor = _ROUNDING * mean_square
    return np.where(mse <= floor, floor, CERTAIN * mse)
