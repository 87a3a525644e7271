"""How a loss bends at a fit.

    z = o + b + xᵀβ,   v = w ℓ″(z),   x̄ = Σ v x/Σ v,   G = Σ v (x − x̄)(x − x̄)ᵀ

With an intercept G is what is left of the second derivative of Σ w ℓ for β when b is at its best;
without one x̄ = 0. Where the loss is not convex, v has the mean of ℓ″ over y, which is above zero.
Entries are taken about their means by w first, so that a column far from zero does not lose its
spread. `gram` is G by the kernels, `Rows` are the rows themselves, in NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from fastreg import kernels
from fastreg.certificate import losses
from fastreg.design import Design
from fastreg.losses import traits
from fastreg.objectives import Objective
from fastreg.problems.in_memory import InMemoryProblem

Array = np.ndarray
_ENTRIES = 1 << 19  # of a block of rows: 4 MB
_ROOM = 1 << 22  # predictions of a group of points: 32 MB


class Block(NamedTuple):
    """Some rows: X less the origin (h, p), predictions, targets and weights (h,), row numbers."""

    X: Array
    z: Array
    y: Array
    w: Array
    rows: Array


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
        if len(self._columns) == self._X.shape[1]:  # all, in order
            return self._X[some]
        return self._X[np.ix_(some, self._columns)]

    def blocks(self, coef: Array, intercept: float) -> Iterator[Block]:
        """At coefficients (p,) of the columns: one read of them."""
        level = intercept + float(self.origin @ coef)
        for some, A in self._entries():
            A = A - self.origin
            z = A @ coef + (level + self._offset[some])
            yield Block(A, z, self._y[some], self._w[some], some)

    def kernel(self, coef: Array, intercept: float, size: Array) -> Array:
        """(m, m): V^½ (X − x̄) diag(size²) (X − x̄)ᵀ V^½, for columns that outnumber the rows."""
        blocks = list(self.blocks(coef, intercept))
        A, z, y, w, _ = (np.concatenate(part) for part in zip(*blocks, strict=True))
        v = w * _bend(self._loss, z, y)
        A -= (v @ A) / v.sum() if self.centred else 0.0
        A *= np.sqrt(v)[:, None]
        A *= size
        out: Array = A @ A.T
        return out


def _bend(loss: Any, z: Array, y: Array) -> Array:
    convex = traits(loss).convex
    return losses.curvature(loss, z, y) if convex else losses.information(loss, z)


def predictions(
    problem: InMemoryProblem, objective: Objective, S: Array, coef: Array, intercept: float
) -> Array:
    """z (m,) of coefficients of the columns S (p,), in the user's units: a read of X.

    problem : standard form of X, whose shifts and scales are used and nothing else
    """
    X, shift = problem.X, problem.shift
    m, n = X.shape
    theta, z = np.zeros(n), np.empty(m)
    theta[S] = coef
    level = intercept if shift is None else intercept + float(shift @ theta)
    kernels.predict(X.storage, theta, offset=level, shift=shift, out=z)
    return z if objective.offset is None else z + objective.offset


def gram(
    problem: InMemoryProblem, y: Array, objective: Objective, S: Array, coef: Array,
    intercept: float,
) -> Array:  # fmt: skip
    """`bent` at coefficients (p,) of these columns, in the user's units, and b: G alone."""
    z = predictions(problem, objective, S, coef, intercept)
    return bent(problem, y, objective, S, z)[0]


def bent(
    problem: InMemoryProblem, y: Array, objective: Objective, S: Array, z: Array
) -> tuple[Array, Array]:
    """(G times squared scales, x̄ less the shift times scales) of the columns S (p,), scales and
    shifts of the problem: a read of X and one of these columns."""
    shift, n = problem.shift, problem.n_features
    v = _bend(objective.loss, z, y)
    if objective.weights is not None:
        v = np.where(objective.weights > 0.0, objective.weights * v, 0.0)
    options = {"shift": shift, "scale": problem.scale, "by_blocks": problem.far}
    out: Array = kernels.cross_gram(problem.X.storage, S, S, weights=v, **options)
    if shift is None or not v.any():
        return out, np.zeros(len(S))
    first = np.empty(n)
    kernels.project(problem.X.storage, v, shift=shift, out=first)
    sums = (first * problem.scale)[S]
    return out - np.outer(sums, sums) / v.sum(), sums / v.sum()


def lost(X: Design, y: Array, objective: Objective, coefs: Array, intercepts: Array) -> Array:
    """(K,) Σ w [ℓ(z) − min ℓ] of points (n, K): a read of X for a group of points whose
    predictions are 32 MB."""
    m, out = X.shape[0], np.zeros(len(intercepts))
    w = np.ones(m) if objective.weights is None else objective.weights
    seen = np.flatnonzero(w)
    w, y = w[seen], y[seen, None]
    offset = 0.0 if objective.offset is None else objective.offset[seen, None]
    step = max(1, _ROOM // m)
    for first in range(0, len(out), step):
        some = slice(first, first + step)
        theta = np.ascontiguousarray(coefs[:, some])
        z = np.empty((m, theta.shape[1]))
        kernels.predict(X.storage, theta, offset=intercepts[some], out=z)
        z = z[seen] + offset
        out[some] = w @ losses.excess(objective.loss, z, y)
    return out
