"""Certificates of losses that are no squares: from the predictions of every row.

With u = ℓ′(z) at the best intercept, c = −Vᵀ(w∘u), h = ½ l2 β² + p and 0 ≤ s ≤ 1,

    gap ≤ Σ w [ℓ(z) + ℓ*(su) − suz] + Σ_j [h_j(β_j) + h_j*(s c_j) − s c_j β_j]

where every bracket is ≥ 0 and computed as a divergence. A free intercept demands Σ w u = 0: what
rounding leaves of it is taken off within the domain of ℓ* (`losses.balanced`). What the intercept
given is worth less than the best one is added.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg.certificate import losses, reads
from fastreg.certificate.reads import Data
from fastreg.certificate.target import Target

Array = np.ndarray
_ROOM = 1 << 22  # entries of predictions of a group of points: 32 MB
_STEPS = 200  # of an intercept: doubling reaches 1e30, halving comes back


@dataclass(frozen=True, eq=False)
class RowsFit:
    """A loss at g points: predictions z and dual points u (m, g), targets y (m, 1), weights (m,) of
    sum 1."""

    loss: Any
    z: Array
    u: Array
    y: Array
    w: Array

    @property
    def rho2(self) -> Array:
        """Σ w u²: the size of what c is summed from."""
        out: Array = self.w @ self.u**2
        return out

    @property
    def left(self) -> Array:
        """Σ w [ℓ + ℓ* − uz]."""
        return self.scaled(1.0, 0.0)

    def objective(self, ridge: Any) -> Any:
        return self.w @ losses.value(self.loss, self.z, self.y) + 0.5 * ridge

    def scaled(self, s: Any, ridge: Any) -> Any:
        bracket = losses.divergence(self.loss, self.z, s * self.u, self.y)
        return self.w @ bracket + 0.5 * (1 - s) ** 2 * ridge


def judge(data: Data, lengths: Array | None) -> tuple[Array, float, int]:
    """(verdict, least loss, reads of X): as `Target.judge` has it, objectives less the least loss
    that any prediction has."""
    loss, (m, _), k = data.objective.loss, data.X.shape, data.coef.shape[1]
    y, least = data.Y, float(data.w @ losses.saturated(loss, data.Y)[:, 0])
    start, null = _null(data)
    data = dataclasses.replace(data, Y=-start)  # c⁰ of the null model
    step = max(1, min(k, max(_ROOM, data.X.nnz // 25) // m))
    verdicts, passes = [], 0
    for first in range(0, k, step):
        points = range(first, min(first + step, k))
        fit, worse = _fit(data, y, points)
        seen = reads.with_residuals(data, -fit.u, lengths)
        target = Target(data, 0, seen.c0[0], seen, null - least)
        verdict = target.judge(points, seen.c, fit, np.zeros(len(points)))
        verdict[:2] += worse
        verdict[1] -= least
        verdicts.append(verdict)
        passes += 2
    return np.concatenate(verdicts, axis=1), least, passes


def _fit(data: Data, y: Array, points: range) -> tuple[RowsFit, Array]:
    """(at the best intercepts, by how much those given are worse)."""
    some, loss = slice(points.start, points.stop), data.objective.loss
    z = reads.levels(data, points) + reads.products(data, data.coef[:, some])
    z += _offset(data)
    if not data.objective.fit_intercept:
        return RowsFit(loss, z, losses.slope(loss, z, y), y, data.w), np.zeros(len(points))
    given = data.w @ losses.value(loss, z, y)
    z = z + best_intercept(loss, z, y, data.w)
    u = losses.balanced(loss, losses.slope(loss, z, y), y, data.w)
    return RowsFit(loss, z, u, y, data.w), np.maximum(
        given - data.w @ losses.value(loss, z, y), 0.0
    )


def _null(data: Data) -> tuple[Array, float]:
    """(u (m, 1), objective) of intercept and offset alone."""
    loss, z = data.objective.loss, np.zeros(data.Y.shape) + _offset(data)
    if data.objective.fit_intercept:
        z = z + best_intercept(loss, z, data.Y, data.w)
    return losses.slope(loss, z, data.Y), float(data.w @ losses.value(loss, z, data.Y)[:, 0])


def _offset(data: Data) -> Array | float:
    offset = data.objective.offset
    return 0.0 if offset is None else offset[:, None]


def best_intercept(loss: Any, z: Array, y: Array, w: Array) -> Array:
    """(g,): δ that minimises Σ w ℓ(z + δ), by Newton's method; by halving, or doubling where there
    is no bound yet, where a step leaves the bounds."""
    g = z.shape[1]
    low, high, best, width = np.full(g, -np.inf), np.full(g, np.inf), np.zeros(g), np.ones(g)
    for _ in range(_STEPS):
        slope = w @ losses.slope(loss, z + best, y)
        bend = w @ losses.curvature(loss, z + best, y)
        low, high = np.where(slope < 0.0, best, low), np.where(slope > 0.0, best, high)
        bounded = np.isfinite(low) & np.isfinite(high)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            new = best - slope / bend
            near = np.where(bounded, (new > low) & (new < high), np.abs(new - best) <= width)
            other = np.where(bounded, 0.5 * (low + high), best - np.sign(slope) * width)
        width = np.where(near, width, 2.0 * width)
        new = np.where(slope == 0.0, best, np.where(near, new, other))
        moved, best = np.abs(new - best), new
        if (moved <= 4e-16 * np.maximum(1.0, np.abs(best))).all():
            break
    return best
