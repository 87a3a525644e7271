"""Certificates of losses that are no squares: from the predictions of every row.

With u = ℓ′(z) at the best intercept, c = −Vᵀ(w∘u), h = ½ l2 β² + p and 0 ≤ s ≤ 1,

    gap ≤ Σ w [ℓ(z) + ℓ*(su) − suz] + Σ_j [h_j(β_j) + h_j*(s c_j) − s c_j β_j]

where every bracket is ≥ 0 and computed as a divergence, and Σ w u = 0 is a matter of `mixture`.
What the intercept given is worth less than the best one is added.

The first sum takes two logarithms an entry. Before them stands a bound, which decides where it is a
fifth of the gap asked or less:

    φ(s) = Σ w [ℓ + ℓ*(su) − suz] ≤ (1 − s)² r Σ w u²/ℓ″

with an r of the loss: log x ≤ x − 1 gives 1 for classes and counts.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg.certificate import losses, mixture, reads
from fastreg.certificate.intercept import CLOSE, null_model, shifted, summed
from fastreg.certificate.mixture import Mixed
from fastreg.certificate.reads import Data
from fastreg.certificate.target import Target

Array = np.ndarray
_ROOM = 1 << 22  # entries of predictions of a group of points: 32 MB
_CLOSEST = 1e-5  # a step of an intercept that is the last
_SQUARE = 1e-3  # of √tol, such a step: its square is a millionth of the gap asked
_TAYLOR = 1e-4  # a change of the intercept to whose third power values are known
_SHARE = 0.2  # of the gap asked, a bound that need be no better


@dataclass(frozen=True, eq=False)
class RowsFit(Mixed):
    """A loss at g points: predictions z at the best intercepts, slopes u there (m, g), targets y
    (m, 1), weights (m,) of sum 1.

    value, rho2, chi : (g,) Σ w ℓ at the intercepts given, Σ w u², Σ w u²/ℓ″
    t, end, cost : (g,) of `mixture`
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

    def rows(self, s: Array) -> Array:
        """Σ w [ℓ + ℓ*(su′) − su′z], or a bound that is near enough."""
        r = losses.roundness(self.loss) * self.chi
        out = mixture.bound(s, self.t, self.cost, lambda own: (1.0 - own) ** 2 * r)
        loose = np.flatnonzero(~(out <= self.enough))
        if len(loose):
            out[loose] = self._exact(loose, s[loose])
        return out

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


def judge(data: Data, lengths: Array | None, tol: float) -> tuple[Array, float, int]:
    """(verdict, least loss, reads of X): as `Target.judge` has it, objectives less the least loss
    that any prediction has; `tol` is the gap asked."""
    loss, (m, _), k = data.objective.loss, data.X.shape, data.coef.shape[1]
    y, least = data.Y, float(data.w @ losses.saturated(loss, data.Y)[:, 0])
    objective = data.objective
    _, z = null_model(loss, data.Y, data.w, objective.offset, objective.fit_intercept)
    start, null = losses.slope(loss, z, data.Y), float(data.w @ losses.value(loss, z, data.Y)[:, 0])
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
        close = min(max(_SQUARE * math.sqrt(tol), CLOSE), _CLOSEST)
        above, slope = shifted(loss, z, y, w, close)
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
    loss, w = data.objective.loss, data.w
    if not data.objective.fit_intercept:
        return np.zeros(len(total)), np.zeros(len(total), int), np.zeros(len(total))
    ends = losses.ends(loss, y)
    t, which = mixture.shares(total, np.array([float(w @ e[:, 0]) for e in ends]))
    costs = [w @ losses.conjugate(loss, e, y) - (w * e[:, 0]) @ z for e in ends]
    return t, which, value + np.where(which == 0, *costs)


def _residuals(fit: RowsFit) -> Array:
    """−u′ (m, g)."""
    out = np.empty(fit.u.shape)

    def work(i: slice) -> Array:
        np.negative(fit.dual(i), out=out[i])
        return np.zeros(1)

    summed(work, out)
    return out


def _offset(data: Data) -> Array | float:
    offset = data.objective.offset
    return 0.0 if offset is None else offset[:, None]
