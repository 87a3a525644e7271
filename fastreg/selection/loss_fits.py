"""Training fits of losses that are no squares, and what held-out rows lose by them.

    error = 2 Σ_test w [ℓ(z; y) − min ℓ(·; y)]/Σ_test w,   z = o + b + xᵀθ

the mean deviance, of squares the mean squared error. A fit has a certificate of its own, and its
gap says what it is worth; how far an error moves with it is not known. Rounding moves z by δ at
most, and a convex loss changes most at one of the ends z ± δ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fastreg.certificate import KKT, losses
from fastreg.objectives import Objective, check_target
from fastreg.selection.fold_fits import Fits, Verdict, certain
from fastreg.solvers import solve

Array = np.ndarray
_ROUNDING = 8 * float(np.finfo(np.float64).eps)  # of a sum, in terms of its terms
_ENTRIES = 1 << 17  # of a block of rows: 1 MB


@dataclass(frozen=True, eq=False)
class LossFits(Fits):
    """The fits of one fold; `seen` is called with them, coef (n, K) and intercept (K,)."""

    seen: Callable[[Array, Array], None] | None = None

    def verdict(self, strengths: Array, gamma: float | None) -> Verdict:
        """At descending strengths; `gamma` is None: `Path.relax` is of squares."""
        objective = self.make(self.train, strengths)
        check_target(objective, self.y)
        found = solve(self.X, self.y[:, None], objective, tol=self.tol, max_iter=self.max_iter)
        if self.seen is not None:
            self.seen(found.coef, found.intercept)
        deviance, lost, null = self._deviance(objective, found.coef, found.intercept)
        worth = found.certificate
        gap, near = worth.relative_gap, worth.relative_gap <= self.tol
        if worth.by_kkt:  # without a penalty no gap is known
            near |= worth.kkt <= min(self.tol, KKT)
        met = near & (lost <= certain(deviance, null))
        return Verdict(deviance, np.full(len(gap), np.inf), gap, met)

    def _deviance(
        self, objective: Objective, coef: Array, intercept: Array
    ) -> tuple[Array, Array, float]:
        """(deviance (K,), by how much rounding may change it (K,), that of z = 0), by NumPy."""
        rows, loss, n = np.flatnonzero(self.test), objective.loss, max(1, self.X.shape[1])
        offset = np.zeros(len(self.y)) if objective.offset is None else objective.offset
        deviance, lost, null = np.zeros(len(intercept)), np.zeros(len(intercept)), 0.0
        for some in np.array_split(rows, max(1, len(rows) * n // _ENTRIES)):
            w, y, o = self.test[some], self.y[some, None], offset[some, None]
            X, least = self.X.matrix[some], losses.saturated(loss, y)
            z = X @ coef + (intercept + o)
            delta = _ROUNDING * (abs(X) @ np.abs(coef) + np.abs(intercept) + np.abs(o))
            value, *ends = (losses.value(loss, z + move, y) for move in (0.0, delta, -delta))
            deviance += w @ np.maximum(value - least, 0.0)
            lost += w @ np.maximum(np.maximum(*ends) - value, 0.0)
            null += float(w @ (losses.value(loss, np.zeros(y.shape), y) - least)[:, 0])
        share = 2.0 / self.test[rows].sum()
        return share * deviance, share * lost, share * null
