"""A judge of answers that shares no code with fastreg: 80-bit arithmetic, formulas of its own.

In units in which every column of X, centred and weighted, and y have length 1,

    P(θ) = ½‖y − Aθ‖² + ½e² + ½ Σ l2_j θ_j² + Σ l1_j │θ_j│        e: error of the intercept

`Point.value` is P. `Point.lower` is a bound on min P from the best multiple of the residual:
D(u) = yᵀu − ½‖u‖² − Σ (│a_jᵀu│ − l1_j)₊²/(2 l2_j), for u without a part along free columns.
`refine` goes on from any θ to (nearly) the minimum, by steps on the coefficients in use with an
exact search along each: whatever it finds is feasible, so P there is an upper bound on min P.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

LD = np.longdouble
# 64 bits of mantissa at least: not so on Windows and on Apple's processors.
HAS_EXTENDED = bool(np.finfo(LD).eps < 2e-19)
_NOTHING = LD(1e-25)  # length of a column over that before centring: float64 knows 1e-16
_SMOOTH = 1e-13  # added to the curvature of a step, so that flat directions have one
_ZERO = 1e-17  # a correlation with a free column that rounding leaves
_DONE = LD(1e-17)  # distance of the two bounds, of the null objective's ½


def dense(X) -> np.ndarray:
    """Any matrix that fastreg takes, in longdouble; repeated sparse entries add up."""
    if not sp.issparse(X):
        return np.asarray(X).astype(LD)
    out = np.zeros(X.shape, LD)
    if X.format == "coo":
        np.add.at(out, (X.row, X.col), X.data.astype(LD))
        return out
    major = np.repeat(np.arange(len(X.indptr) - 1), np.diff(X.indptr))
    where = (major, X.indices) if X.format == "csr" else (X.indices, major)
    np.add.at(out, where, X.data.astype(LD))
    return out


def _centre(V, w):
    """(V − mean, mean as two addends); the second pass removes the rounding of the first."""
    first = w @ V
    V = V - first
    second = w @ V
    return V - second, first, second


class Data:
    """X, y (m, k) and weights in the judge's units."""

    def __init__(self, X, Y, weights, fit_intercept):
        X, Y = dense(X), np.asarray(Y).astype(LD)
        Y = Y[:, None] if Y.ndim == 1 else Y
        w = np.ones(len(Y), LD) if weights is None else np.asarray(weights).astype(LD)
        alive = w > 0
        X, Y, w = X[alive], Y[alive], w[alive] / w[alive].sum()
        self.weight = np.ones(len(alive)).sum() if weights is None else np.sum(LD(1) * weights)
        self.fit_intercept = fit_intercept
        self.raw_x = np.sqrt(w @ X**2)
        self.raw_y = np.sqrt(w @ Y**2)
        self.means = self.y_means = None
        if fit_intercept:
            X, *self.means = _centre(X, w)
            Y, *self.y_means = _centre(Y, w)
        root = np.sqrt(w)[:, None]
        self.A, self.length = _normalise(root * X, self.raw_x)
        self.Y, self.unit = _normalise(root * Y, self.raw_y)
        self.A64 = self.A.astype(float)

    def offset(self):
        """The largest offset of a column, or of y, over its spread."""
        if not self.fit_intercept:
            return 1.0
        x = self.raw_x[self.live] / self.length[self.live]
        y = self.raw_y / self.unit
        return float(max(np.max(x, initial=1), np.max(y, initial=1)))

    @property
    def live(self):
        return self.A64.any(axis=0)

    def condition(self):
        """Of the columns at length 1; infinity if rank is missing."""
        m, n = self.A64[:, self.live].shape
        sigma = np.linalg.svd(self.A64[:, self.live], compute_uv=False)
        rank = min(m - self.fit_intercept, n)
        if n < len(self.live) or rank < 1 or sigma[rank - 1] <= 0:
            return np.inf
        return float(sigma[0] / sigma[rank - 1])

    def largest_alpha(self, t, factor):
        """The least strength of Σ factor_j │θ_j│ that holds all at zero, free columns aside."""
        c = np.abs(self.A.T @ self.Y[:, t]) * self.length * self.unit[t]
        held = factor > 0
        return np.max(c[held] / factor[held], initial=LD(0))

    def point(self, t, l1, l2, positive):
        """The problem of target t with penalties in the user's units."""
        unit = self.unit[t]
        l1 = np.broadcast_to(np.asarray(l1, LD), self.length.shape) / self.length / unit
        l2 = np.broadcast_to(np.asarray(l2, LD), self.length.shape) / self.length**2
        return Point(self.A, self.A64, self.Y[:, t], l1, l2, positive)

    def theta(self, t, coef):
        return np.asarray(coef).astype(LD) * self.length / self.unit[t]

    def coef(self, t, theta):
        """To the user's units, rounded to float64."""
        return (theta / self.length * self.unit[t]).astype(float)

    def level(self, t, coef, intercept):
        """e, the weighted mean residual in units of y."""
        if not self.fit_intercept:
            return LD(0) if intercept == 0 else LD(np.inf)
        coef = np.asarray(coef).astype(LD)
        parts = [LD(intercept), -self.y_means[0][t], -self.y_means[1][t]]
        parts += [self.means[0] @ coef, self.means[1] @ coef]
        return sum(parts) / self.unit[t]


def _normalise(V, raw):
    """Columns at length 1, and the lengths; columns that are but rounding become zero."""
    length = np.sqrt((V**2).sum(axis=0))
    nothing = length <= _NOTHING * raw
    V[:, nothing] = 0
    length[nothing] = 1
    return V / length, length


@dataclass(eq=False)
class Point:
    """One problem in the judge's units."""

    A: np.ndarray
    A64: np.ndarray = field(repr=False)
    y: np.ndarray
    l1: np.ndarray
    l2: np.ndarray
    positive: bool

    @property
    def free(self):
        return (self.l1 == 0) & (self.l2 == 0)

    def residual(self, theta):
        used = np.flatnonzero(theta)
        return self.y - (self.A[:, used] @ theta[used] if len(used) else 0)

    def value(self, theta, level=0):
        """P, infinite outside the domain."""
        if self.positive and (theta < 0).any():
            return LD(np.inf)
        r = self.residual(theta)
        penalty = self.l1 @ np.abs(theta) + self.l2 @ theta**2 / 2
        return r @ r / 2 + LD(level) ** 2 / 2 + penalty

    def lower(self, theta):
        """The best D(s·u) with u the residual at θ."""
        u = self._without_free(self.residual(theta), theta)
        c = self.A.T @ u
        size = c if self.positive else np.abs(c)
        hard = (self.l2 == 0) & (size > 0) & ~(self.free & (np.abs(c) < _ZERO))
        most = np.min(self.l1[hard] / size[hard], initial=LD(1))
        soft = (self.l2 > 0) & (size * most > self.l1)
        return self._best_multiple(self.y @ u, u @ u, size[soft], soft, most)

    def _best_multiple(self, yu, uu, size, soft, most):
        """max D(s·u) over 0 ≤ s ≤ most: D is concave, bisection on D'; any s gives a bound."""
        l1, l2 = self.l1[soft], self.l2[soft]

        def excess(s):
            return np.maximum(s * size - l1, 0)

        def rising(s):
            return yu - s * uu - size @ (excess(s) / l2) >= 0

        high = most
        low = most if rising(most) else np.min(l1 / size, initial=most)  # no excess there
        for _ in range(64 if rising(low) and low < high else 0):
            s = (low + high) / 2
            low, high = (s, high) if rising(s) else (low, s)
        if not rising(low):
            low = yu / uu
        return max(low * yu - low * low * uu / 2 - (excess(low) ** 2 / l2).sum() / 2, LD(0))

    def _without_free(self, u, theta):
        """u less its part along free columns; of θ ≥ 0 along those only that it points to."""
        free = np.flatnonzero(self.free & self.A64.any(axis=0))
        live = theta[free] > 0 if self.positive else np.ones(len(free), bool)
        for _ in range(6 if len(free) else 0):
            if self.positive:
                live |= self.A[:, free].T @ u > _ZERO
            # From the correlations in longdouble: u itself in float64 would not hold them.
            c = self.A[:, free[live]].T @ u
            _, sigma, Vt = np.linalg.svd(self.A64[:, free[live]], full_matrices=False)
            Vt = Vt[sigma > 1e-10] / sigma[sigma > 1e-10, None]
            u = u - self.A[:, free[live]] @ (Vt.T @ (Vt @ c))
        return u

    def kkt(self, theta):
        """The largest violation of optimality over the largest slope at zero."""
        u = self.A.T @ self.residual(theta) - self.l2 * theta
        most = np.abs(self.A.T @ self.y).max(initial=LD(0))
        slack = np.maximum((u if self.positive else np.abs(u)) - self.l1, 0)
        distance = np.where(theta != 0, np.abs(u - self.l1 * np.sign(theta)), slack)
        return float(distance.max(initial=LD(0)) / most) if most > 0 else 0.0


class Refined(NamedTuple):
    theta: np.ndarray
    value: np.longdouble  # P(θ) ≥ min P
    lower: np.longdouble  # ≤ min P


def refine(point: Point, theta, steps: int = 400) -> Refined:
    """Go on from θ until the bounds on min P meet, or no step helps either of them."""
    theta = np.maximum(theta, 0) if point.positive else theta.copy()
    best = Refined(theta, point.value(theta), point.lower(theta))
    for _ in range(steps):
        better = _improved(point, theta, best) if best.value - best.lower > _DONE else None
        if better is None:
            break
        theta = better.theta
        best = Refined(theta, min(best.value, better.value), max(best.lower, better.lower))
    return best


def _improved(point, theta, best):
    """A step that helps; where many entering columns do not, one, then none. The bound from
    below is of first order in what is wrong with θ, P of second, and stands still before."""
    for width in (8, 1, 0):
        new = _step(point, theta, width)
        value = point.value(new)
        if value < best.value - 0.1 * _DONE:
            return Refined(new, value, LD(0))
        lower = point.lower(new) if value < best.value + 0.1 * _DONE else LD(0)
        if lower > best.lower + 0.1 * (best.value - best.lower):
            return Refined(new, value, lower)
    return None


def _step(point, theta, width):
    """A Newton step on the coefficients in use and on up to `width` that should be."""
    g = point.A.T @ point.residual(theta) - point.l2 * theta
    sign = np.sign(theta)
    slack = (g if point.positive else np.abs(g)) - point.l1
    outside = np.flatnonzero((sign == 0) & (slack > 0))
    entering = outside[np.argsort(-slack[outside])[:width]]
    sign[entering] = np.sign(g[entering])
    used = np.flatnonzero(sign)
    if not len(used):
        return theta
    A = point.A64[:, used]
    H = A.T @ A + np.diag(np.minimum(point.l2[used], 1e300).astype(float) + _SMOOTH)
    force = g[used] - point.l1[used] * sign[used]
    size = np.abs(force).max()
    if size == 0:
        return theta
    root = 1.0 / np.sqrt(np.diag(H))
    scaled = np.linalg.solve(H * np.outer(root, root), root * (force / size).astype(float))
    d = np.zeros_like(theta)
    d[used] = size * LD(1) * (root * scaled)
    return _search(point, theta, d)


def _search(point, theta, d):
    """The minimum of P along d: convex, quadratic between the kinks where signs change."""
    Ad, r = point.A @ d, point.residual(theta)
    slope = -(r @ Ad) + (point.l2 * theta) @ d
    curve = Ad @ Ad + point.l2 @ d**2
    slope += point.l1 @ np.where(theta != 0, np.sign(theta) * d, np.abs(d))
    crossing = np.flatnonzero(theta * d < 0)
    times = -theta[crossing] / d[crossing]
    if point.positive and ((theta == 0) & (d < 0)).any():
        return theta
    order = np.argsort(times)
    crossing, times = crossing[order], times[order]
    jumps = 2 * point.l1[crossing] * np.abs(d[crossing])
    for j, t, jump in zip(crossing, times, jumps, strict=True):
        if slope + curve * t >= 0:
            break
        if point.positive or slope + curve * t + jump >= 0:
            return _at(theta, d, t, j)
        slope += jump
    return theta - (slope / curve) * d if slope < 0 and curve > 0 else theta


def _at(theta, d, t, j):
    new = theta + t * d
    new[j] = 0
    return new
