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
        self._root = 1.0 / np.sqrt(l2)
        self._spectrum: tuple[Array, Array] | None = None
        self._is_shared = n_points >= _MANY

    def step(self, c: Array, beta: Array, strength: float, kappa: float) -> Array:
        """δ (n,)."""
        right = c - strength * self.l2 * beta
        if not self._is_shared:
            A = kappa * self.gram
            np.fill_diagonal(A, A.diagonal() + strength * self.l2)
            try:
                return _factor.solve_cholesky(_factor.definite(A), right)
            except np.linalg.LinAlgError:  # s is less than the rounding of a singular G
                self._is_shared = True
        values, vectors = self._eigen()
        along = vectors.T @ (self._root * right)
        along /= kappa * np.maximum(values, 0.0) + strength
        return self._root * (vectors @ along)

    def _eigen(self) -> tuple[Array, Array]:
        if self._spectrum is None:
            self._spectrum = _factor.eigh(self._root[:, None] * self.gram * self._root)
        return self._spectrum
