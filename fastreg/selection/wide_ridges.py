"""Folds of a ridge with more columns than rows, in as many columns as there are rows.

Zγ = X'β and ‖γ‖² = Σ l2 β² for the rows of every fold: one rotation (`problems.rotated`) serves
them all. What it slips by is known, |Zγ − X'β|, and counts as rounding of the predictions.
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


@dataclass(frozen=True, eq=False)
class WideRidge:
    """X : Design, (m, f + r), in place of (m, n); slip : (m, f + r), what a unit of γ slips by in
    the predictions."""

    X: Design
    slip: Array
    rotation: Rotation
    problem: SmoothProblem

    @classmethod
    def of(cls, X: Design, y: Array, objective: Objective) -> WideRidge | None:
        """None of what is no such ridge."""
        if min(X.shape) < 1 or X.shape[0] >= X.shape[1]:
            return None
        problem = smooth(X, y, objective)
        if not problem.is_wide_ridge:
            return None
        rotation = Rotation.of(problem)
        return cls(as_design(rotation.columns), np.abs(rotation.slip()), rotation, problem)

    def maker(
        self, make: Callable[[Array | None, Array | None], Objective]
    ) -> Callable[[Array | None, Array | None], Objective]:
        """`make` in terms of γ."""
        return lambda weights, strengths: self.rotation.objective(make(weights, strengths))

    def back(self, gamma: Array, intercept: Array) -> tuple[Array, Array]:
        """coef (n, K), intercept (K,) of X."""
        coef, beside = self.problem.unscale(self.rotation.beta(gamma))
        return coef, intercept + beside
