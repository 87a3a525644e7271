"""Certificates of the multinomial loss: K predictions a row, NumPy code of its own.

With p = softmax(z), shares y, q any probabilities, u = q − y and c_k = −Vᵀ(w∘u_k),

    ℓ(z) = log Σ_k e^{z_k} − yᵀz,   ℓ*(u) = Σ_k q_k log q_k,   ℓ + ℓ* − uᵀz = Σ_k q_k log(q_k/p_k)
    gap ≤ Σ w Σ_k q_k log(q_k/p_k) + Σ_k Σ_j [h_j(β_jk) + h_j*(c_jk) − c_jk β_jk]

where every bracket is ≥ 0. Dual points are q = s p′ + (1 − s) y, 0 ≤ s ≤ 1. Free intercepts demand
Σ w u_k = 0, which p′ = (1 − t) p + t π sees to, with probabilities π that are the same in all rows:

    π_k = (Σ w y_k − (1 − t) Σ w p_k)/t,   t = max_k (Σ w p_k − Σ w y_k)₊/Σ w p_k   (Σ w = 1)

The intercepts are first brought to their best, by Newton's method, and what they gain is added.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special

from fastreg.certificate import reads
from fastreg.certificate.gap import mapped
from fastreg.certificate.losses.relative import relative
from fastreg.certificate.reads import Correlations, Data
from fastreg.certificate.target import Target, judge_together

Array = np.ndarray
_ROOM = 1 << 22  # entries of predictions of a group of points: 32 MB
_PIECE = 1 << 16  # of them at a time, whose terms stay in cache
_MIXED = 0.05  # of the gap asked, what mixing may cost before intercepts are made better
_STEPS = 50
_EPS = float(np.finfo(np.float64).eps)
_CLOSE = 1e-14  # of a slope by an intercept, that is none
_SINGULAR = 1e-12  # of the largest eigenvalue
_NOTHING = 1e-100  # slopes over smaller ones overflow


def saturated(Y: Array) -> Array:
    """(m,): min ℓ, zero of labels."""
    out: Array = scipy.special.entr(Y).sum(axis=1)
    return out


def softmax(Z: Array) -> Array:
    """Of the last axis."""
    out = Z - _largest(Z)
    np.exp(out, out=out)
    out /= _total(out)
    return out


def _largest(Z: Array) -> Array:
    """Of the last axis, which stays: over four classes `max` takes seven times as long."""
    out = Z[..., :1].copy()
    for k in range(1, Z.shape[-1]):
        np.maximum(out, Z[..., k : k + 1], out=out)
    return out


def _total(Z: Array) -> Array:
    """The sum over the last axis, which stays."""
    return Z @ np.ones((Z.shape[-1], 1))


def values(Z: Array, Y: Array) -> Array:
    """ℓ, of predictions (m, g, K) and shares (m, K): each term is ≥ 0."""
    away = _largest(Z) - Z
    along = np.einsum("ik,igk->ig", Y, away)
    np.negative(away, out=away)
    out: Array = along + np.log(_total(np.exp(away, out=away)))[..., 0]
    return out


def null_levels(Y: Array, w: Array, offset: Array | None, fit_intercept: bool) -> Array:
    """(K,) the best intercepts beside the offsets (m, K), of sum zero."""
    if not fit_intercept:
        return np.zeros(Y.shape[1])
    w = w / w.max()  # weights of 1e308 have no sum
    w = w / w.sum()
    with np.errstate(divide="ignore"):
        level = np.log(w @ Y)
    if not np.isfinite(level).all():
        raise ValueError(
            f"class {int(np.argmin(level))} of the target has no row whose weight counts beside "
            "the others: no intercept is the best; leave its rows out, or raise its weights"
        )
    level -= level.mean()
    if offset is None:
        return level
    Z = (offset + level)[:, None, :]
    moved, _ = shifted(Z, Y, w)
    out: Array = level + moved[0]
    return out - out.mean()


def shifted(Z: Array, Y: Array, w: Array) -> tuple[Array, Array]:
    """(δ (g, K) that minimises Σ w ℓ(z + δ), of sum zero; by how much that is less, at most), of
    Z (m, g, K), by Newton's method with steps halved until they gain."""
    g, K = Z.shape[1:]
    best, target = np.zeros((g, K)), w @ Y
    first = np.einsum("i,igk->gk", w, softmax(Z)) - target
    for t in range(g):
        z, level = Z[:, t], np.zeros(K)
        now = float(w @ values(z[:, None], Y)[:, 0])
        for _ in range(_STEPS):
            P = softmax(z + level)
            slope = w @ P - target
            if np.abs(slope).max() <= _CLOSE:
                break
            bend = np.diag(w @ P) - (P * w[:, None]).T @ P
            eigen, vectors = np.linalg.eigh(bend)
            kept = eigen > max(_SINGULAR * eigen[-1], _NOTHING)
            step = vectors[:, kept] @ ((vectors[:, kept].T @ slope) / eigen[kept])
            if slope @ step <= _EPS * now:  # what there is to gain is rounding
                level = level - step
                break
            size, after = 1.0, np.inf
            for _ in range(40):
                after = float(w @ values((z + level - size * step)[:, None], Y)[:, 0])
                if after <= now:
                    break
                size *= 0.5
            if not after <= now:
                break
            level, now = level - size * step, after
        best[t] = level
    # F is convex: it lies above its tangent.
    return best, np.maximum(-(first * best).sum(axis=1), 0.0)


@dataclass(frozen=True, eq=False)
class CoupledFit:
    """At g points: Σ w ℓ of the intercepts given; p and the mixed p′ (m, g, K)."""

    value: Array
    P: Array
    logs: Array
    mixed: Array
    Y: Array
    w: Array

    @functools.cached_property
    def rho2(self) -> Array:
        """(g,) Σ w ‖u‖²."""
        out: Array = np.einsum("i,igk->g", self.w, (self.mixed - self.Y[:, None, :]) ** 2)
        return out

    @functools.cached_property
    def left(self) -> Array:
        return self._rows(np.ones(self.value.shape))

    def objective(self, ridge: Array) -> Array:
        out: Array = self.value + 0.5 * ridge
        return out

    def scaled(self, s: Array, ridge: Array, most: Array) -> Array:
        """Σ w [ℓ + ℓ* − uz] of su, and the brackets of the ridge terms."""
        s = np.broadcast_to(s, self.value.shape)
        out: Array = self._rows(s) + 0.5 * (1.0 - s) ** 2 * ridge
        return out

    def _rows(self, s: Array) -> Array:
        out, s = np.zeros(len(s)), s[:, None]
        height = max(16, _PIECE // self.P[0].size)
        for start in range(0, len(self.w), height):
            rows = slice(start, start + height)
            Q = s * self.mixed[rows] + (1.0 - s) * self.Y[rows, None, :]
            lost = relative(Q, self.P[rows], self.logs[rows])
            out += np.einsum("i,igk->g", self.w[rows], lost)
        return out


def judge(
    data: Data, Y: Array, offset: Array | None, coef: Array, intercept: Array,
    lengths: Array | None, tol: float,
) -> tuple[Array, float, int]:  # fmt: skip
    """(verdict (5, k), least loss, reads of X): as `Target.judge` has it, objectives less the least
    loss.

    Parameters
    ----------
    data : of X, with coefficients and targets of no matter
    Y : (m, K); offset : (m, K) or None
    coef : (n, K, k); intercept : (K, k)
    tol : the relative gap asked
    """
    (m, K), k = Y.shape, coef.shape[2]
    least = float(data.w @ saturated(Y))
    levels = null_levels(Y, data.w, offset, data.objective.fit_intercept)
    start = np.tile(levels, (m, 1)) + (0.0 if offset is None else offset)
    null = float(data.w @ values(start[:, None], Y)[:, 0]) - least
    data = dataclasses.replace(data, Y=Y - softmax(start))  # c⁰ of the null model
    step = max(1, _ROOM // (max(m, len(coef)) * K))
    groups = [range(first, min(first + step, k)) for first in range(0, k, step)]
    judged = functools.partial(_judge_some, data, Y, offset, coef, intercept, lengths, tol, null)
    verdict = np.concatenate(mapped(judged, groups), axis=1)
    verdict[1] -= least
    return verdict, least, 2 * len(groups)


def _judge_some(
    data: Data, Y: Array, offset: Array | None, coef: Array, intercept: Array,
    lengths: Array | None, tol: float, null: float, points: range,
) -> Array:  # fmt: skip
    """`judge` of some points, whose null model loses `null` more than the least."""
    (m, K), g, w = Y.shape, len(points), data.w
    centred = data.objective.fit_intercept
    some = np.ascontiguousarray(coef[:, :, points.start : points.stop].transpose(0, 2, 1))
    flat = dataclasses.replace(
        data, coef=some.reshape(len(coef), g * K),
        intercept=intercept[:, points.start : points.stop].T.reshape(-1),
        objective=data.objective.of_points(np.arange(points.start, points.stop)),
    )  # fmt: skip
    Z = reads.products(flat, flat.coef) + reads.levels(flat, range(g * K))
    Z = Z.reshape(m, g, K)
    Z += 0.0 if offset is None else offset[:, None, :]
    Z[w == 0.0] = 0.0
    value, worse = w @ values(Z, Y), np.zeros(g)
    fit = _fit(Z, Y, w, value, centred)
    loose = np.flatnonzero(~(fit.left <= _MIXED * tol * null))
    if centred and len(loose):
        above, worse[loose] = shifted(Z[:, loose], Y, w)
        Z[:, loose] += above
        fit = _fit(Z, Y, w, value, True)
    R = (Y[:, None, :] - fit.mixed).reshape(m, g * K)
    verdict = of_classes(flat, reads.with_residuals(flat, R, lengths), fit, null, K)
    verdict[0] += worse
    return verdict


def of_classes(data: Data, found: Correlations, fit: Any, null: float, K: int) -> Array:
    """`judge_together` of K classes, with coefficients and correlations of the classes of a point
    side by side, and c⁰ of each class."""
    g = data.coef.shape[1] // K
    targets = [
        Target(dataclasses.replace(data, coef=data.coef[:, c::K]), 0, found.c0[c], found, null)
        for c in range(K)
    ]
    each = [found.c[c : g * K : K] for c in range(K)]
    return judge_together(targets, range(g), each, fit, np.zeros(g))


def mixing(have: Array, want: Array) -> tuple[Array, Array]:
    """(t (g,), π (g, K)) for which (1 − t) p + tπ has the shares of y, from means of p (g, K) and
    of y (K,); zeros where p has them."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(have > 0.0, np.maximum(have - want, 0.0) / have, 0.0).max(axis=1)
        pi = np.maximum(want - (1.0 - t[:, None]) * have, 0.0) / t[:, None]
    return t, np.where(t[:, None] > 0.0, pi, 0.0)


def _fit(Z: Array, Y: Array, w: Array, value: Array, centred: bool) -> CoupledFit:
    logs = Z - _largest(Z)
    P = np.exp(logs)
    total = _total(P)
    P /= total
    logs -= np.log(total)
    mixed = P
    if centred:
        t, pi = mixing(np.einsum("i,igk->gk", w, P), w @ Y)
        mixed = (1.0 - t[:, None]) * P + t[:, None] * pi
    return CoupledFit(value, P, logs, mixed, Y, w)
