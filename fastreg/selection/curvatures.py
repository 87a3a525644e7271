"""How a loss bends at a fit: rows of the columns in use, block by block in NumPy.

    z = o + b + xᵀβ,   v = w ℓ″(z),   x̄ = Σ v x/Σ v,   G = Σ v (x − x̄)(x − x̄)ᵀ

With an intercept G is what is left of the second derivative of Σ w ℓ for β when b is at its best;
without one x̄ = 0. Entries are taken about their means by w first, so that a column far from zero
does not lose its spread.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fastreg.certificate import losses
from fastreg.design import Design
from fastreg.objectives import Objective

Array = np.ndarray
_ENTRIES = 1 << 19  # of a block of rows: 4 MB


class Block(NamedTuple):
    """Some rows: X less the origin (h, p), predictions, targets and weights (h,)."""

    X: Array
    z: Array
    y: Array
    w: Array


class Bend(NamedTuple):
    """Σ v, x̄ − origin (p,) and G (p, p)."""

    total: float
    mean: Array
    gram: Array


class Rows:
    """The rows of positive weight of some columns (p,) of X.

    Attributes
    ----------
    origin : (p,) means by weight; zeros without an intercept
    weight : Σ w; count : rows
    """

    def __init__(self, X: Design, y: Array, objective: Objective, columns: Array) -> None:
        m = X.shape[0]
        w = np.ones(m) if objective.weights is None else objective.weights
        self._rows, self._columns, self._sparse = np.flatnonzero(w), columns, X.is_sparse
        # A CSC gives rows of a few columns only after these are by themselves.
        self._X = X.matrix[:, columns].tocsr() if X.is_sparse else X.matrix
        self._y, self._w, self._loss = y, w, objective.loss
        self._offset = np.zeros(m) if objective.offset is None else objective.offset
        self.centred = bool(objective.fit_intercept)
        self.weight, self.count = float(w.sum()), len(self._rows)
        self.origin = np.zeros(len(columns))
        if self.centred:
            sums = sum(w[some] @ A for some, A in self._entries())
            self.origin = sums / self.weight

    def _entries(self) -> Iterator[tuple[Array, Array]]:
        """Row numbers, and their entries in float64."""
        height = max(1, _ENTRIES // max(1, len(self._columns)))
        for some in np.array_split(self._rows, -(-self.count // height)):
            part = self._X[some].toarray() if self._sparse else self._dense(some)
            yield some, np.asarray(part, float)

    def _dense(self, some: Array) -> Array:
        return self._X[np.ix_(some, self._columns)]

    def blocks(self, coef: Array, intercept: float) -> Iterator[Block]:
        """At coefficients (p,) of the columns: one read of them."""
        level = intercept + float(self.origin @ coef)
        for some, A in self._entries():
            A = A - self.origin
            z = A @ coef + (level + self._offset[some])
            yield Block(A, z, self._y[some], self._w[some])

    def lost(self, coef: Array, intercept: float) -> float:
        """Σ w [ℓ(z) − min ℓ]."""
        total = 0.0
        for block in self.blocks(coef, intercept):
            value = losses.value(self._loss, block.z, block.y)
            total += float(block.w @ (value - losses.saturated(self._loss, block.y)))
        return total

    def bend(self, coef: Array, intercept: float) -> Bend:
        """Σ v, x̄ and G at coefficients (p,) of the columns."""
        p = len(coef)
        total, first, second = 0.0, np.zeros(p), np.zeros((p, p))
        for block in self.blocks(coef, intercept):
            v = block.w * losses.curvature(self._loss, block.z, block.y)
            root = np.sqrt(v)[:, None] * block.X
            total, first = total + float(v.sum()), first + v @ block.X
            second += root.T @ root
        mean = first / total if self.centred and total > 0.0 else np.zeros(p)
        return Bend(total, mean, second - total * np.outer(mean, mean))

    def kernel(self, coef: Array, intercept: float, size: Array) -> Array:
        """(m, m): V^½ (X − x̄) diag(size²) (X − x̄)ᵀ V^½, for columns that outnumber the rows."""
        blocks = list(self.blocks(coef, intercept))
        A, z, y, w = (np.concatenate(part) for part in zip(*blocks, strict=True))
        v = w * losses.curvature(self._loss, z, y)
        A -= (v @ A) / v.sum() if self.centred else 0.0
        A *= np.sqrt(v)[:, None]
        A *= size
        out: Array = A @ A.T
        return out
