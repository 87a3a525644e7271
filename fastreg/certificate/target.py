"""A target: gaps and KKT residuals of the points of its path, from their correlations."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from fastreg.certificate.gap import Points, gap_and_objective, kkt_residual, mapped, points_of
from fastreg.certificate.penalties import in_units, nearest_subgradient, penalty_value
from fastreg.certificate.reads import Data
from fastreg.penalties import times

Array = np.ndarray
_EPS = float(np.finfo(np.float64).eps)
_ENTRIES = 1 << 16  # of a block of features at all points: 512 kB, as many arrays as there are
_FEW = 64  # features of which none is left out: to find out which matter takes longer
_ROUNDING = 2.0  # of a sum, in units of eps and of what is summed


class Target:
    """A target, and what does not change from one point of its path to the next."""

    def __init__(self, data: Data, t: int, c0: Array, seen: Any, null: float | None = None) -> None:
        self._data = data
        self._unit, self._mean = data.of(data.unit, t), data.of(data.mean, t)
        self.l2 = data.of(data.objective.l2, t) * data.scale * data.scale
        self._penalty = in_units(data.objective.penalty, float(self._unit))
        self._norms, self._sizes = seen.norms, seen.sizes
        self.length = _least_length(seen.norms, seen.sizes)
        self.most = float(np.max(np.abs(c0) / self.length))
        self.lightest = self._least_penalty()
        exponent = np.frexp(self._unit)[1] - np.frexp(data.scale)[1]
        self._down = np.ldexp(1.0, np.clip(exponent, -1000, 1000))  # a filter only
        if null is None:
            null = 0.5 * float(data.w @ data.of(data.Y, t) ** 2)
        self.null = null

    def judge(self, points: range, c: Array, fit: Any, off: Array, doubt: float = 0.0) -> Array:
        """Rows of gap, objective, null, KKT residual, and whether a feature is free, (5, g), from
        c (g, n) whose every entry may be wrong by `doubt`."""
        data, objective = self._data, self._data.objective
        coef = data.coef[:, points.start : points.stop]
        strength = np.ones(len(points))
        if objective.strength is not None:
            strength = objective.strength[points.start : points.stop]
        touched = self.touched(coef, c, strength, doubt)
        count = len(touched) * len(points) // _ENTRIES
        blocks = np.array_split(touched, count) if count > 1 else [touched]

        def looked(part: Array) -> tuple[Points, Array, Array]:
            found = self.points(points, part, c[:, part].T, fit)
            if doubt:
                found = found.at(found.c + np.copysign(doubt, found.c))
            kkt = kkt_residual(found, self.length[part, None], self.most)
            size = np.abs(found.beta)
            return found, kkt, np.stack([self._sizes[part] @ size, size.sum(axis=0)])

        parts, residuals, sums = zip(*mapped(looked, blocks), strict=True)
        stretched, size = sum(sums[1:], sums[0])
        gap, value = gap_and_objective(*parts)
        gap = gap + 0.5 * off**2 + 2.0 * doubt * size
        if self.null == 0.0:  # a constant target, met as closely as its mean can be rounded
            gap = np.where(gap <= (8 * _EPS * abs(self._mean) / self._unit) ** 2, 0.0, gap)
        kkt = np.maximum.reduce(residuals) + self._unknown(stretched, fit.rho2)
        with np.errstate(invalid="ignore", over="ignore"):  # ∞·0, of bounds: a gap is known
            free = self.lightest * strength < 1.0
        null = np.full(len(points), self.null)
        return np.stack([gap, value + 0.5 * off**2, null, kkt, free])

    def stationary(self, verdict: Array, slope: Array) -> Array:
        """A verdict (5, g) of a loss that is not convex, with Σ w u (g,) of a free intercept: no
        gap, and every coefficient counts as free."""
        gap, objective, null, kkt, free = verdict
        if self.most > 0.0:
            kkt = np.maximum(kkt, np.abs(slope) / self.most)
        return np.stack([np.full_like(gap, np.inf), objective, null, kkt, np.ones_like(free)])

    def points(self, points: range, part: Array, c: Array, fit: Any) -> Points:
        """What the formulas need of some points and features, c (p, g)."""
        data, unit, scale = self._data, self._unit, self._data.scale[part, None]
        coef = data.coef[part, points.start : points.stop]
        strength = np.ones(len(points))
        if data.objective.strength is not None:
            strength = data.objective.strength[points.start : points.stop]
        return points_of(
            some_of(self._penalty, part, strength),
            c=c,
            beta=coef / scale / unit,
            theta=coef,
            fit=fit,
            l2=self.l2[part, None] * strength,
            scale=scale,
            unit=unit,
        )

    def _unknown(self, stretched: Array, rho2: Array) -> Array:
        """What rounding may hide of the KKT residual at each point: that of the sums behind c,
        and of Xθ behind r, in units of `stretched`."""
        if self.most == 0.0:
            return np.zeros(len(rho2))
        stretch = float(np.max(self._sizes / self.length, initial=0.0))
        spread = stretched + np.sqrt(2.0 * self.null)
        unknown: Array = _ROUNDING * _EPS * (stretch * np.sqrt(rho2) + spread) / self.most
        return unknown

    def touched(self, coef: Array, c: Array, strength: Array, doubt: float = 0.0) -> Array:
        """Features that count: where θ = 0 and c is a subgradient there every term is zero."""
        if len(coef) <= _FEW:
            return np.flatnonzero(self._data.scale)  # 0: a column of blocks that does not vary
        return np.flatnonzero(coef.any(axis=1) | self.is_outside(c, doubt, strength))

    @functools.cached_property
    def _held(self) -> tuple[Array, Array]:
        """(n,) each: ends of the subdifferential of p at 0, in units of c. It is where p* is 0,
        and that of f·p is f times as long."""
        zero = np.zeros(len(self._down))
        ends = (nearest_subgradient(self._penalty, zero, zero + end) for end in (-np.inf, np.inf))
        with np.errstate(over="ignore"):
            low, high = (end / self._down for end in ends)
        return low, high

    def is_outside(self, c: Array, room: Array | float, strength: Array) -> Array:
        """(n,) bool: where c (g, n), at strengths (g,), may be no subgradient at 0 at one of them
        if it moves by `room`."""
        low, high = self._held
        least, most, each = np.full((3, c.shape[1]), [[np.inf], [-np.inf], [0.0]])
        # ∞·0 and 0/0: at no strength nothing is held.
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for row, factor in zip(c, strength, strict=True):  # one by one: c is as large as θ
                np.divide(row, factor, out=each)
                np.minimum(least, each, out=least)
                np.maximum(most, each, out=most)
            room = room / strength.min()
            out: Array = ~((most + room <= high) & (least - room >= low))
        return out

    def _least_penalty(self) -> float:
        """Below 1 where a feature is penalised so little that rounding of c hides it.

        With c known to ε‖x‖‖y‖ the gap cannot be shown to be below ε²/l1² or ε²/l2 of the null
        objective; below 1e-12 and 1e-24 that is no proof of four digits.
        """
        live = self._norms > 0
        length = self._norms[live]
        with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
            sides = (self._data.scale, -self._data.scale)
            l1 = (
                np.minimum(*(penalty_value(self._penalty, side) for side in sides))[live]
                / self._unit
            )
            l2 = np.broadcast_to(self.l2, live.shape)[live]
            by_l1 = np.where(l1 > 0, l1 / (1e-12 * self.most * length), 0.0)
            by_l2 = l2 / (1e-24 * length**2)
        return float(np.min(np.maximum(by_l1, by_l2), initial=np.inf))


def _least_length(norms: Array, sizes: Array) -> Array:
    """What the length of a column is at least, from a square less that of its mean, whose sum
    rounds in units of `sizes`; infinite for a column of zeros."""
    least = np.sqrt(np.maximum(norms**2 - 8.0 * _EPS * sizes**2, (_EPS * sizes) ** 2))
    return np.where(least > 0, least, np.inf)


def some_of(penalty: Any, part: Array, strength: Array) -> Any:
    """The penalty of some of the features at each strength: entries of (p, g)."""
    each = (value[part, None] if np.ndim(value) else value for value in penalty)
    return times(type(penalty)(*each), strength)


def normalise(Y: Array, w: Array, centred: bool) -> tuple[Array, Array, Array]:
    """(mean, unit, (Y − mean)/unit): spread near 1, zero where the rest is rounding."""
    unit = _power_of_two(np.abs(Y).max(axis=0))
    mean = (w @ (Y / unit)) * unit if centred else np.zeros(Y.shape[1])
    deviation = Y - mean
    spread = np.abs(deviation).max(axis=0)
    constant = spread <= 4 * _EPS * np.abs(mean)
    deviation[:, constant] = 0.0
    unit = _power_of_two(np.where(constant, np.abs(mean), spread))
    return mean, unit, deviation / unit


def _power_of_two(size: Array) -> Array:
    """The power of two next above each size, 1 for 0."""
    return np.ldexp(1.0, np.frexp(np.where(size > 0, size, 1.0))[1])
