"""Certificates of losses that are no squares: from the predictions of every row.

With u = ℓ′(z) at the intercept given, or the best one, c = −Vᵀ(w∘u), h = ½ l2 β² + p and 0 ≤ s ≤ 1,

    gap ≤ Σ w [ℓ(z) + ℓ*(su) − suz] + Σ_j [h_j(β_j) + h_j*(s c_j) − s c_j β_j]

where every bracket is ≥ 0 and computed as a divergence, and Σ w u = 0 is a matter of `mixture`.
What the intercept given is worse than the best one is added.

The first sum takes two logarithms an entry. Before them stands a bound, which decides where it is a
fifth of the gap asked or less:

    φ(s) = Σ w [ℓ + ℓ*(su) − suz] ≤ (1 − s)² r Σ w u²/ℓ″

with an r of the loss: log x ≤ x − 1 gives 1 for classes and counts.

A loss that is not convex has no conjugate. Of it the certificate is the KKT residual, that of the
intercept included, and the gap is ∞.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastreg.certificate import losses, mixture, reads
from fastreg.certificate.intercept import CLOSE, null_model, shifted, summed
from fastreg.certificate.mixture import Mixed
from fastreg.certificate.reads import Data
from fastreg.certificate.target import Target, beside_rounding
from fastreg.losses import traits

Array = np.ndarray
_ROOM = 1 << 22  # entries of predictions of a group of points: 32 MB
_CLOSEST = 1e-5  # a step of an intercept that is the last
_SQUARE = 1e-3  # of √tol, such a step: its square is a millionth of the gap asked
_MIXED = 0.05  # of the gap asked, what `mixture` may cost before intercepts are made better
_SHARE = 0.2  # of the gap asked, a bound that need be no better


@dataclass(frozen=True, eq=False)
class RowsFit(Mixed):
    """A loss at g points: predictions z, slopes u there (m, g), targets y (m, 1), weights (m,) of
    sum 1.

    value, rho2, chi : (g,) Σ w ℓ at the intercepts given; Σ w u², Σ w u²/ℓ″ at z
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

    def rows(self, s: Array, most: Any) -> Array:
        """Σ w [ℓ + ℓ*(su′) − su′z], or a bound that is near enough; ∞ where no sum, none of whose
        terms is negative, is below `most`, (g,) or a number."""
        r = losses.roundness(self.loss) * self.chi
        out = mixture.bound(s, self.t, self.cost, lambda own: (1.0 - own) ** 2 * r)
        far = ~(out <= self.enough)
        out[far] = np.inf
        loose = np.flatnonzero(far & ~(most <= 0.0))
        if len(loose):
            out[loose] = self._exact(loose, s[loose])
        return out

    def dual(self, rows: slice, points: Any = slice(None)) -> Array:
        """u′ of some rows and points."""
        low, high = losses.ends(self.loss, self.y[rows])
        out: Array = np.where(self.end[points] == 0, low, high)
        own = self.u[rows][:, points]
        out -= own  # u′ = u + t(e − u)
        out *= self.t[points]
        out += own
        return out

    def mixed(self, c: Array) -> Array:
        """(g, n) correlations of −u′, in place of those of −u of g points, which stand in c above
        those of −e of both ends."""
        g = len(self.t)
        if len(c) > g:
            for row, t, end in zip(c, self.t, g + self.end.astype(int), strict=False):
                row *= 1.0 - t
                row += t * c[end]
        return c[:g]

    def _exact(self, points: Array, s: Array) -> Array:
        def work(i: slice) -> Array:
            u = s * self.dual(i, points)
            bracket = losses.divergence(self.loss, self.z[i][:, points], u, self.y[i])
            out: Array = self.w[i] @ bracket
            return out

        return summed(work, self.z)


class Ends(NamedTuple):
    """What `mixture` mixes with, of the end below and above, none without an intercept: e (m,)
    times w; Σ w e and Σ w ℓ*(e)."""

    weighted: tuple[Array, ...]
    total: Array
    conjugate: Array

    @staticmethod
    def of(data: Data, y: Array) -> Ends:
        loss, w = data.objective.loss, data.w
        free = data.objective.fit_intercept and traits(loss).convex
        ends = losses.ends(loss, y) if free else ()
        weighted = tuple(w * e[:, 0] for e in ends)
        conjugate = np.array([float((w @ losses.conjugate(loss, e, y))[0]) for e in ends])
        return Ends(weighted, np.array([float(e.sum()) for e in weighted]), conjugate)


def judge(data: Data, lengths: Array | None, tol: float) -> tuple[Array, float, int]:
    """(verdict, least loss, reads of X): as `Target.judge` has it, objectives less the least loss
    that any prediction has; `tol` is the gap asked."""
    loss, (m, _), k = data.objective.loss, data.X.shape, data.coef.shape[1]
    y, least = data.Y, float(data.w @ losses.saturated(loss, data.Y)[:, 0])
    objective = data.objective
    _, z = null_model(loss, data.Y, data.w, objective.offset, objective.fit_intercept)
    start, value = losses.slope(loss, z, data.Y), losses.value(loss, z, data.Y)[:, 0]
    null, size = float(data.w @ value), float(data.w @ np.abs(value)) + abs(least)
    data = dataclasses.replace(data, Y=-start)  # c⁰ of the null model
    step = max(1, min(k, max(_ROOM, data.X.nnz // 25) // m))
    ends, verdicts, passes = Ends.of(data, y), [], 0
    for first in range(0, k, step):
        points = range(first, min(first + step, k))
        fit, worse = _fit(data, y, ends, points, tol, null - least)
        slopes = functools.partial(_slopes, fit, ends)
        width = len(points) + len(ends.weighted)
        seen = reads.with_residuals_of(data, slopes, width, lengths)
        target = Target(data, 0, seen.c0[0], seen, max(null - least, 0.0))
        verdict = target.judge(points, fit.mixed(seen.c), fit, np.zeros(len(points)))
        verdict[0] += worse
        if not traits(loss).convex:
            own = data.w @ fit.u if objective.fit_intercept else np.zeros(len(points))
            verdict = target.stationary(verdict, own)
        verdict[1] -= least
        verdicts.append(beside_rounding(verdict, size))
        passes += 2
    return np.concatenate(verdicts, axis=1), least, passes


def _fit(
    data: Data, y: Array, ends: Ends, points: range, tol: float, null: float
) -> tuple[RowsFit, Array]:
    """(at the intercepts given, or the best ones where mixing costs; by how much those given are
    worse, at most)."""
    z = reads.products(data, data.coef[:, points.start : points.stop])
    z += reads.levels(data, points) + _offset(data)
    seen = data.w > 0.0
    z[~seen] = 0.0  # of rows of weight zero: 0·∞ is no number
    u, worse = np.empty(z.shape), np.zeros(len(points))
    sums = _sums(data, y, ends, z, u)
    parts = np.stack(_mixture(ends, sums))
    given, asked = sums[0].copy(), tol * null
    loose: Any = np.flatnonzero(~(parts[0] * parts[2] <= _MIXED * asked))
    if len(loose):
        loose = slice(None) if len(loose) == len(points) else loose  # which takes no copy
        own = z[:, loose]
        slopes = u if own.base is z else np.empty(own.shape)
        close = min(max(_SQUARE * math.sqrt(tol), CLOSE), _CLOSEST)
        above, slope = shifted(data.objective.loss, own, y, data.w, close)
        own += above
        own[~seen] = 0.0
        worse[loose] = np.maximum(-slope * above, 0.0)  # F is convex: it lies above its tangent
        sums[:, loose] = _sums(data, y, ends, own, slopes)
        parts[:, loose] = _mixture(ends, sums[:, loose])
        if slopes is not u:
            z[:, loose], u[:, loose] = own, slopes
    rho2, chi = sums[2:4]
    t, end, cost = parts
    enough = _SHARE * asked if traits(data.objective.loss).convex else np.inf
    fit = RowsFit(data.objective.loss, z, u, y, data.w, given, rho2, chi, t, end, cost, enough)
    return fit, worse


def _sums(data: Data, y: Array, ends: Ends, z: Array, u: Array) -> Array:
    """Σ w ℓ, Σ w u, Σ w u², Σ w u²/ℓ″ and, where there is an intercept, Σ w e z of both ends,
    (6, g); `u` receives the slopes."""
    loss, w = data.objective.loss, data.w

    def work(i: slice) -> Array:
        value, own, h = losses.together(loss, z[i], y[i])
        with np.errstate(over="ignore", invalid="ignore"):  # of points that are far off
            u[i], square, chi = own, own * own, mixture.square_over(own, h)
            sums = [w[i] @ each for each in (value, own, square, chi)]
        return np.stack([*sums, *(e[i] @ z[i] for e in ends.weighted)])

    return summed(work, z)


def _mixture(ends: Ends, sums: Array) -> tuple[Array, Array, Array]:
    """(t, which end, its cost) at g points, from `_sums`."""
    value, total, along = sums[0], sums[1], sums[4:]
    if not len(along):
        return np.zeros(len(total)), np.zeros(len(total)), np.zeros(len(total))
    t, which = mixture.shares(total, ends.total)
    return t, which, value + np.where(which == 0, *(ends.conjugate[:, None] - along))


def _slopes(fit: RowsFit, ends: Ends, rows: slice) -> Array:
    """−u of some rows, and −e of both ends where there is an intercept, (b, g + 2)."""
    given = losses.ends(fit.loss, fit.y[rows]) if ends.weighted else ()
    out = np.hstack([fit.u[rows], *given])
    return np.negative(out, out=out)


def _offset(data: Data) -> Array | float:
    offset = data.objective.offset
    return 0.0 if offset is None else offset[:, None]
