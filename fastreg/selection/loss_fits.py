"""Training fits of losses that are no squares, and what held-out rows lose by them.

    error = 2 Σ_test w [ℓ(z; y) − min ℓ(·; y)]/Σ_test w,   z = o + b + xᵀθ

the mean deviance, of squares the mean squared error. A fit brings a certificate of its own, whose
gap says what it is worth; by how much an error may be off is not known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fastreg.certificate import losses
from fastreg.design import Design
from fastreg.objectives import Objective, check_target
from fastreg.selection.fold_fits import Verdict
from fastreg.solvers import solve

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class LossFits:
    """The fits of one fold: attributes as those of `row_fits.RowFits`."""

    X: Design
    y: Array
    train: Array
    test: Array
    make: Callable[[Array | None, Array | None], Objective]
    tol: float
    max_iter: int

    def verdict(self, strengths: Array, gamma: float | None) -> Verdict:
        """At descending strengths; `gamma` is None: `Path.relax` is of squares."""
        objective = self.make(self.train, strengths)
        check_target(objective, self.y)
        found = solve(
            self.X, self.y[:, None], objective, tol=self.tol, max_iter=self.max_iter
        )  # fmt: skip
        deviance = self._deviance(objective, found.coef, found.intercept)
        gap = found.certificate.relative_gap
        unknown = np.full(len(gap), np.inf)
        return Verdict(deviance, unknown, gap, (gap <= self.tol) & np.isfinite(deviance))

    def _deviance(self, objective: Objective, coef: Array, intercept: Array) -> Array:
        """(K,) on the test rows, by NumPy."""
        rows = np.flatnonzero(self.test)
        w, y = self.test[rows], self.y[rows, None]
        z = self.X.matrix[rows] @ coef + intercept
        if objective.offset is not None:
            z = z + objective.offset[rows, None]
        lost = losses.value(objective.loss, z, y) - losses.saturated(objective.loss, y)
        out: Array = 2.0 * (w @ np.maximum(lost, 0.0)) / w.sum()
        return out
