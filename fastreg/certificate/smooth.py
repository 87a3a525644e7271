"""Certificates of losses that are no squares: from the predictions of every row.

With u = ℓ′(z) at the best intercept, c = −Vᵀ(w∘u), h = ½ l2 β² + p and 0 ≤ s ≤ 1,

    gap ≤ Σ w [ℓ(z) + ℓ*(su) − suz] + Σ_j [h_j(β_j) + h_j*(s c_j) − s c_j β_j]

where every bracket is ≥ 0 and computed as a divergence. A free intercept demands Σ w u = 0: what
rounding leaves of it is taken off within the domain of ℓ* (`losses.balanced`). What the intercept
given is worth less than the best one is added.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg._jit import run_blocks
from fastreg.certificate import losses, reads
from fastreg.certificate.reads import Data
from fastreg.certificate.target import Target

Array = np.ndarray
_ROOM = 1 << 22  # entries of predictions of a group of points: 32 MB
_STEPS = 200  # of an intercept: doubling reaches 1e30, halving comes back
_CLOSE = (
    1e-8  # a step of Newton's method as short as that is the last: the next would be its square
)
_QUICK = 0.3  # of a slope, which Newton's method leaves where it may go on
_ENTRIES = 1 << 14  # of a block of rows: 128 kB, of which a few stay in cache
_PARTS = 8  # sums over blocks


@dataclass(frozen=True, eq=False)
class RowsFit:
    """A loss at g points: predictions z at the best intercepts and dual points u (m, g), targets y
    (m, 1), weights (m,) of sum 1; by how much the best intercepts exceed those given (g,)."""

    loss: Any
    z: Array
    u: Array
    y: Array
    w: Array
    above: Array

    @property
    def rho2(self) -> Array:
        """Σ w u²: the size of what c is summed from."""
        return summed(lambda i: self.w[i] @ self.u[i] ** 2, self.z)

    @functools.cached_property
    def left(self) -> Array:
        """Σ w [ℓ + ℓ* − uz]."""
        return self.scaled(1.0, 0.0)

    def objective(self, ridge: Any) -> Any:
        """Σ w ℓ at the intercepts given, and the ridge terms."""

        def work(i: slice) -> Array:
            out: Array = self.w[i] @ losses.value(self.loss, self.z[i] - self.above, self.y[i])
            return out

        return summed(work, self.z) + 0.5 * ridge

    def scaled(self, s: Any, ridge: Any) -> Any:
        """Σ w [ℓ + ℓ* − suz] and the brackets of the ridge terms."""

        def work(i: slice) -> Array:
            bracket = losses.divergence(self.loss, self.z[i], s * self.u[i], self.y[i])
            out: Array = self.w[i] @ bracket
            return out

        return summed(work, self.z) + 0.5 * (1 - s) ** 2 * ridge


def summed(work: Callable[[slice], Array], like: Array) -> Array:
    """Σ of `work(rows)` over blocks of rows of an array (m, g), on all threads, in order."""
    m, g = like.shape
    height = max(1, _ENTRIES // g)
    count = -(-m // height)
    parts = min(_PARTS, count)
    cuts = [count * p // parts for p in range(parts + 1)]
    sums: list[Any] = [0.0] * parts

    def run(first: int, last: int) -> None:
        for p in range(first, last):
            for k in range(cuts[p], cuts[p + 1]):
                sums[p] = sums[p] + work(slice(k * height, min((k + 1) * height, m)))

    run_blocks(run, parts, step=1)
    out: Array = sum(sums[1:], sums[0])
    return out


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
        verdict[0] += worse
        verdict[1] -= least
        verdicts.append(verdict)
        passes += 2
    return np.concatenate(verdicts, axis=1), least, passes


def _fit(data: Data, y: Array, points: range) -> tuple[RowsFit, Array]:
    """(at the best intercepts, by how much those given are worse, at most)."""
    some, loss, w = slice(points.start, points.stop), data.objective.loss, data.w
    z = reads.products(data, data.coef[:, some])
    z += reads.levels(data, points)
    z += _offset(data)
    u, above, worse = np.empty(z.shape), np.zeros(len(points)), np.zeros(len(points))
    if data.objective.fit_intercept:
        above, slope = _best_intercept(loss, z, y, w)
        z += above
        worse = np.maximum(-slope * above, 0.0)  # F is convex: it lies above its tangent

    def work(i: slice) -> Array:
        u[i] = losses.slope(loss, z[i], y[i])
        return np.zeros(1)

    summed(work, z)
    if data.objective.fit_intercept:
        u = losses.balanced(loss, u, y, w)
    return RowsFit(loss, z, u, y, w, above), worse


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
    """(g,): δ that minimises Σ w ℓ(z + δ)."""
    return _best_intercept(loss, z, y, w)[0]


def _best_intercept(loss: Any, z: Array, y: Array, w: Array) -> tuple[Array, Array]:
    """(δ (g,), Σ w ℓ′(z) (g,)) by Newton's method; by halving, or doubling where there is no bound
    yet, where a step leaves the bounds."""
    g = z.shape[1]
    low, high, best, width = np.full(g, -np.inf), np.full(g, np.inf), np.zeros(g), np.ones(g)
    first, before = best, np.full(g, np.inf)

    def work(i: slice) -> Array:
        u, h = losses.derivatives(loss, z[i] + best, y[i])
        return np.stack([w[i] @ u, w[i] @ h])

    for step in range(_STEPS):
        slope, bend = summed(work, z)
        first = slope if step == 0 else first
        low, high = np.where(slope < 0.0, best, low), np.where(slope > 0.0, best, high)
        bounded = np.isfinite(low) & np.isfinite(high)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            new = best - slope / bend
            quick = (new > low) & (new < high) & (np.abs(slope) <= _QUICK * before)
            inside = np.where(bounded, quick, np.abs(new - best) <= width)
            other = np.where(bounded, 0.5 * (low + high), best - np.sign(slope) * width)
        width = np.where(inside, width, 2.0 * width)
        new = np.where(slope == 0.0, best, np.where(inside, new, other))
        moved, best, before = np.abs(new - best), new, np.abs(slope)
        near = np.where(inside, _CLOSE, 4e-16)
        if (moved <= near * np.maximum(1.0, np.abs(best))).all():
            break
    return best, first
