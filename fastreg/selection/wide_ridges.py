"""Folds of a ridge with more columns than rows, in as many columns as there are rows.

Zγ = X'β and ‖γ‖² = Σ l2 β² for the rows of every fold: one rotation (`problems.rotated`) serves
them all. Predictions are K α with α = −w∘u/(M s), so that an error E of the kernel K moves them by
about ‖E‖ ‖w∘u‖/(M s), u the slopes. That, at the null model and the least strength s, and what
arithmetic shows, |Zγ − Kα|, count as rounding of the predictions. Where it is no small number, as
beside a column of 1e8, there is no rotation: folds are fitted to X.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fastreg.design import Design, as_design
from fastreg.objectives import Objective
from fastreg.problems.rotated import Rotation
from fastreg.problems.smooth import SmoothProblem, smooth

Array = np.ndarray
_SMALL = 1e-7  # of z: a deviance is certain to 1e-6 beside it


@dataclass(frozen=True, eq=False)
class WideRidge:
    """X : Design, (m, f + r), in place of (m, n); slip : (m, f + r), what a unit of γ slips by in
    the predictions; moved : what E moves them by, about."""

    X: Design
    slip: Array
    moved: float
    rotation: Rotation
    problem: SmoothProblem

    @classmethod
    def of(cls, X: Design, y: Array, objective: Objective) -> WideRidge | None:
        """At the strengths of `objective`; None of what is no such ridge, or cannot be rotated."""
        weights, strengths = objective.weights, objective.strength
        every = weights is None or bool((weights > 0.0).all())  # others would be in the kernel
        if X.shape[0] >= X.shape[1] or not every or strengths is None or not strengths.min() > 0.0:
            return None
        problem = smooth(X, y, objective)
        if not problem.is_wide_ridge:
            return None
        rotation = Rotation.of(problem, with_slip=True)
        assert rotation.slip is not None
        w = np.ones(len(y)) if weights is None else weights
        size = float(np.linalg.norm(w / w.sum() * problem.target[:, 0]))
        moved = rotation.lost * size / float(strengths.min())
        if not (moved <= _SMALL and rotation.columns.shape[1]):
            return None
        return cls(as_design(rotation.columns), np.abs(rotation.slip), moved, rotation, problem)

    def slips(self, rows: Array, gamma: Array) -> Array:
        """(b, K): by what predictions of some rows may be wrong."""
        out: Array = self.slip[rows] @ np.abs(gamma) + self.moved
        return out

    def maker(
        self, make: Callable[[Array | None, Array | None], Objective]
    ) -> Callable[[Array | None, Array | None], Objective]:
        """`make` in terms of γ."""
        return lambda weights, strengths: self.rotation.objective(make(weights, strengths))

    def back(self, gamma: Array, intercept: Array) -> tuple[Array, Array]:
        """coef (n, K), intercept (K,) of X."""
        coef, beside = self.problem.unscale(self.rotation.beta(gamma))
        return coef, intercept + beside
