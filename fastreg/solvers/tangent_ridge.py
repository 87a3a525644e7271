"""A quadratic with ridge terms alone, at many strengths s and scales κ:

    (κG + s·diag(l2)) δ = c − s·l2∘β

One eigendecomposition of L^−½ G L^−½ serves them all, L = diag(l2); a few have a Cholesky factor
each.
"""

from __future__ import annotations

import numpy as np

from fastreg import _factor

Array = np.ndarray
_MANY = 8  # points from which an eigendecomposition takes less time: it is worth 25 factors


class RidgeSteps:
    """Minima of a quadratic G (n, n) with ridge terms l2 (n,) > 0."""

    def __init__(self, gram: Array, l2: Array, n_points: int) -> None:
        self.gram, self.l2 = gram, l2
        self._values: Array | None = None
        if n_points >= _MANY:
            self._root = 1.0 / np.sqrt(l2)
            self._values, self._vectors = _factor.eigh(self._root[:, None] * gram * self._root)

    def step(self, c: Array, beta: Array, strength: float, kappa: float) -> Array:
        """δ (n,)."""
        right = c - strength * self.l2 * beta
        if self._values is not None:
            along = self._vectors.T @ (self._root * right)
            along /= kappa * np.maximum(self._values, 0.0) + strength
            return self._root * (self._vectors @ along)
        A = kappa * self.gram
        np.fill_diagonal(A, A.diagonal() + strength * self.l2)
        factor = _factor.definite(A)
        return _factor.solve_cholesky(factor, right)
