"""Certificates of losses that are no squares: from the predictions of every row.

With u = ℓ′(z) at the best intercept, c = −Vᵀ(w∘u), h = ½ l2 β² + p and 0 ≤ s ≤ 1,

    gap ≤ Σ w [ℓ(z) + ℓ*(su) − suz] + Σ_j [h_j(β_j) + h_j*(s c_j) − s c_j β_j]

where every bracket is ≥ 0 and computed as a divergence. A free intercept demands Σ w u = 0: what
rounding leaves of it is mixed with an end e of the domain of ℓ*, whose sum has the other sign,
u′ = (1 − t)u + te. What the intercept given is worth less than the best one is added.

The first sum takes two logarithms an entry. Before them stand two bounds, which decide where they
are a fifth of the gap asked or less: with φ(s) the sum at su, which is convex,

    Σ w [ℓ + ℓ*(su′) − su′z] ≤ (1 − st) φ(s(1 − t)/(1 − st)) + st Σ w [ℓ + ℓ*(e) − ez]
    φ(s) ≤ (1 − s)² r Σ w u²/ℓ″,   r from the loss: log x ≤ x − 1 gives 1 for classes and counts
"""

from __future__ import annotations

import dataclasses
import functools
import math
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
_CLOSE, _CLOSEST = 1e-8, 1e-5  # steps of an intercept that are the last
_SQUARE = 1e-3  # of √tol, such a step: its square is a millionth of the gap asked
_TAYLOR = 1e-4  # a change of the intercept to whose third power values are known
_SHARE = 0.2  # of the gap asked, a bound that need be no better
_QUICK = 0.3  # of a slope, which Newton's method leaves where it may go on
_ENTRIES = 1 << 14  # of a block of rows: 128 kB, of which a few stay in cache
_PARTS = 8  # sums over blocks


@dataclass(frozen=True, eq=False)
class RowsFit:
    """A loss at g points: predictions z at the best intercepts, slopes u there (m, g), targets y
    (m, 1), weights (m,) of sum 1.

    value, rho2, chi : (g,) Σ w ℓ at the intercepts given, Σ w u², Σ w u²/ℓ″
    t, end : (g,) share of an end e in the dual point, and which; cost : Σ w [ℓ + ℓ*(e) − ez]
    enough : float, a bound that is no larger need be no better
    """

    loss: Any
    z: Array
    u: Array
    y: Array
    w: Array
    value: Array
    rho2: Array
    chi: Array
    t: Array
    end: Array
    cost: Array
    enough: float

    @functools.cached_property
    def left(self) -> Array:
        """Σ w [ℓ + ℓ* − uz]."""
        return self.scaled(np.ones(self.z.shape[1]), 0.0)

    def objective(self, ridge: Any) -> Any:
        """Σ w ℓ at the intercepts given, and the ridge terms."""
        return self.value + 0.5 * ridge

    def scaled(self, s: Any, ridge: Any) -> Any:
        """Σ w [ℓ + ℓ*(su′) − su′z] and the brackets of the ridge terms."""
        s = np.broadcast_to(s, self.t.shape)
        share = s * self.t
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            own = np.where(share < 1.0, s * (1.0 - self.t) / (1.0 - share), 0.0)
            inner = (1.0 - own) ** 2 * losses.roundness(self.loss) * self.chi
            rows = (1.0 - share) * inner + np.where(share > 0.0, share * self.cost, 0.0)
        loose = np.flatnonzero(~(rows <= self.enough))
        if len(loose):
            rows[loose] = self._exact(loose, s[loose])
        return rows + 0.5 * (1 - s) ** 2 * ridge

    def dual(self, rows: slice, points: Any = slice(None)) -> Array:
        """u′ of some rows and points."""
        t, end = self.t[points], self.end[points]
        low, high = losses.ends(self.loss, self.y[rows])
        out: Array = (1.0 - t) * self.u[rows][:, points] + t * np.where(end == 0, low, high)
        return out

    def _exact(self, points: Array, s: Array) -> Array:
        def work(i: slice) -> Array:
            u = s * self.dual(i, points)
            bracket = losses.divergence(self.loss, self.z[i][:, points], u, self.y[i])
            out: Array = self.w[i] @ bracket
            return out

        return summed(work, self.z)


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


def judge(data: Data, lengths: Array | None, tol: float) -> tuple[Array, float, int]:
    """(verdict, least loss, reads of X): as `Target.judge` has it, objectives less the least loss
    that any prediction has; `tol` is the gap asked."""
    loss, (m, _), k = data.objective.loss, data.X.shape, data.coef.shape[1]
    y, least = data.Y, float(data.w @ losses.saturated(loss, data.Y)[:, 0])
    start, null = _null(data)
    data = dataclasses.replace(data, Y=-start)  # c⁰ of the null model
    step = max(1, min(k, max(_ROOM, data.X.nnz // 25) // m))
    verdicts, passes = [], 0
    for first in range(0, k, step):
        points = range(first, min(first + step, k))
        fit, worse = _fit(data, y, points, tol, null - least)
        seen = reads.with_residuals(data, _residuals(fit), lengths)
        target = Target(data, 0, seen.c0[0], seen, null - least)
        verdict = target.judge(points, seen.c, fit, np.zeros(len(points)))
        verdict[0] += worse
        verdict[1] -= least
        verdicts.append(verdict)
        passes += 2
    return np.concatenate(verdicts, axis=1), least, passes


def _fit(data: Data, y: Array, points: range, tol: float, null: float) -> tuple[RowsFit, Array]:
    """(at the best intercepts, by how much those given are worse, at most)."""
    some, loss, w = slice(points.start, points.stop), data.objective.loss, data.w
    z = reads.products(data, data.coef[:, some])
    z += reads.levels(data, points) + _offset(data)
    u, above, worse = np.empty(z.shape), np.zeros(len(points)), np.zeros(len(points))
    if data.objective.fit_intercept:
        close = min(max(_SQUARE * math.sqrt(tol), _CLOSE), _CLOSEST)
        above, slope = _best_intercept(loss, z, y, w, close)
        z += above
        worse = np.maximum(-slope * above, 0.0)  # F is convex: it lies above its tangent

    def work(i: slice) -> Array:
        value, own, h = losses.together(loss, z[i], y[i])
        u[i], square = own, own * own
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            chi = np.where(square > 0.0, square / h, 0.0)
        return np.stack([w[i] @ each for each in (value, own, h, square, chi)])

    value, total, bend, rho2, chi = summed(work, z)
    t, end, cost = _mixture(data, z, y, value, total)
    given = value - total * above + 0.5 * bend * above**2  # but for above³
    far = np.flatnonzero(np.abs(above) > _TAYLOR)
    if len(far):
        own = z[:, far] - above[far]
        given[far] = summed(lambda i: w[i] @ losses.value(loss, own[i], y[i]), own)
    enough = _SHARE * tol * null
    return RowsFit(loss, z, u, y, w, given, rho2, chi, t, end, cost, enough), worse


def _mixture(
    data: Data, z: Array, y: Array, value: Array, total: Array
) -> tuple[Array, Array, Array]:
    """(t, which end, its cost) at g points, from Σ w ℓ and Σ w u."""
    end, loss, w = np.where(total > 0.0, 0, 1), data.objective.loss, data.w
    if not data.objective.fit_intercept or not total.any():
        return np.zeros(len(total)), end, np.zeros(len(total))
    ends = losses.ends(loss, y)
    sums = np.array([float(w @ e[:, 0]) for e in ends])[end]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(total == 0.0, 0.0, total / (total - sums))
    costs = [w @ losses.conjugate(loss, e, y) - (w * e[:, 0]) @ z for e in ends]
    return t, end, value + np.where(end == 0, *costs)


def _residuals(fit: RowsFit) -> Array:
    """−u′ (m, g)."""
    out = np.empty(fit.u.shape)

    def work(i: slice) -> Array:
        np.negative(fit.dual(i), out=out[i])
        return np.zeros(1)

    summed(work, out)
    return out


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
    return _best_intercept(loss, z, y, w, _CLOSE)[0]


def _best_intercept(loss: Any, z: Array, y: Array, w: Array, close: float) -> tuple[Array, Array]:
    """(δ (g,), Σ w ℓ′(z) (g,)) by Newton's method; by halving, or doubling where there is no bound
    yet, where a step leaves the bounds. A step of Newton's as short as `close` is the last: the
    next would be its square."""
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
        near = np.where(inside, close, 4e-16)
        if (moved <= near * np.maximum(1.0, np.abs(best))).all():
            break
    return best, first
