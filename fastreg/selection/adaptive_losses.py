"""Adaptive strengths of losses that are no squares: the mean deviance of folds along its gradient.

One strength a group of features, ρ_g = log α_g, and a share r of L1:

    F(β, b) + Σ_j α_g(j) (r │β_j│ + ½(1 − r) β_j²),   F = Σ w ℓ(o + b + xᵀβ)/Σ w      a training fit
    V = 2 Σ_test w [ℓ − min ℓ]/Σ_test w                                       its held-out deviance

On the columns S in use, whose signs are s and stay what they are, the fit moves with ρ as

    (G_SS + diag α(1 − r)) ∂β_S/∂ρ_g = −[α(r s + (1 − r) β_S)]_g,   ∂b/∂ρ_g = −x̄ᵀ ∂β_S/∂ρ_g

with G and x̄ of `curvatures`, so that one solution z = (G_SS + diag α(1 − r))⁻¹ (∇_β V − x̄ ∂V/∂b)
serves all groups:

    ∂V/∂ρ_g = −Σ_{j in g and S} z_j α_j (r s_j + (1 − r) β_j)

(the formula of `adaptive`, for the loss at hand: Foo, Do & Ng 2007, for log-linear models).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from fastreg import _factor, kernels
from fastreg.certificate import losses
from fastreg.design import Design
from fastreg.objectives import Objective
from fastreg.problems.in_memory import InMemoryProblem
from fastreg.selection import curvatures
from fastreg.selection.adaptive import HeldOut
from fastreg.solvers import solve

Array = np.ndarray
_STARTS = 20  # common strengths to try
_MOST_HELD, _LEAST = 0.9, 1e-4  # between which, in the unit
_EXACT = 1e-12  # relative gap of training fits
_EPS = float(np.finfo(float).eps)


@dataclass(eq=False)
class LossFold:
    """A training set and a test set: weights (m,) of the rows of either.

    problem : standard form of X, for its shifts and scales
    make : (α (n,), weights (m,)) ↦ the objective of a training fit
    max_iter : steps of a fit
    """

    X: Design
    y: Array
    train: Array
    test: Array
    problem: InMemoryProblem
    make: Callable[[Array, Array], Objective]
    max_iter: int
    _start: Array | None = field(default=None, repr=False)  # the fit before

    def error(self, alpha: Array) -> tuple[float, Array]:
        """(V, ∂V/∂log α_j) at strengths (n,)."""
        objective = self.make(alpha, self.train)
        found = solve(
            self.X,
            self.y[:, None],
            objective,
            tol=_EXACT,
            max_iter=self.max_iter,
            start=self._start,
        )
        self._start = found.coef
        coef, intercept = found.coef[:, 0], float(found.intercept[0])
        S = np.flatnonzero(coef)
        z = curvatures.predictions(self.problem, objective, S, coef[S], intercept)
        value, slope, tilt = self._held_out(objective, z)
        out = np.zeros(len(coef))
        if len(S):
            scale = self.problem.scale[S]
            G, mean = curvatures.bent(self.problem, self.y, objective, S, z)
            l2 = objective.l2[S, 0] * scale * scale
            A = G / self.train.sum() + np.diag(l2)
            move = _factor.least_norm(A, (slope * self.problem.scale)[S] - mean * tilt, _EPS)
            pull = objective.penalty.l1[S] * np.sign(coef[S]) + objective.l2[S, 0] * coef[S]
            out[S] = -move * scale * pull
        return value, out

    def _held_out(self, objective: Objective, z: Array) -> tuple[float, Array, float]:
        """(V, ∇_β V (n,) about the shift of the problem, ∂V/∂b)."""
        loss, rows = objective.loss, np.flatnonzero(self.test)
        w, own, y = 2.0 * self.test[rows] / self.test.sum(), z[rows, None], self.y[rows, None]
        value = float(w @ (losses.value(loss, own, y) - losses.saturated(loss, y))[:, 0])
        u = np.zeros(len(z))
        u[rows] = w * losses.slope(loss, own, y)[:, 0]
        slope = np.empty(self.problem.n_features)
        kernels.project(self.X.storage, u, shift=self.problem.shift, out=slope)
        return value, slope, float(u.sum())


class HeldOutDeviance(HeldOut):
    """V(ρ) and its gradient, the mean over folds; strengths in a `unit`, the least that holds all
    coefficients at zero. With a share of L1 it has kinks, where a feature enters or leaves."""

    def __init__(self, folds: list[LossFold], groups: Array, unit: float, has_kinks: bool) -> None:
        super().__init__(folds, np.ones(1 + len(groups)), groups)
        self.units, self.has_kinks = unit, has_kinks

    def starts(self, low: float, high: float) -> Iterable[Array]:
        """Falling, as each fit starts from the one before."""
        top, end = np.clip(np.log([_MOST_HELD, _LEAST]), low, high)
        count = _STARTS if top > end else 1
        return np.linspace(top, end, count)[:, None]

    def _error(self, fold: LossFold, alphas: Array) -> tuple[float, Array]:
        value, slopes = fold.error(alphas[self.groups] * self.units)
        return value, self._by_group(slopes)
