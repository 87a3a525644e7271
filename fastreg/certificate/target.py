"""A target: gaps and KKT residuals of the points of its path, from their correlations."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastreg.certificate.gap import (
    Points,
    few_of,
    gap_and_objective,
    kkt_residual,
    mapped,
    points_of,
)
from fastreg.certificate.penalties import in_units, nearest_subgradient, penalty_value
from fastreg.certificate.reads import Data
from fastreg.penalties import times

Array = np.ndarray
_EPS = float(np.finfo(np.float64).eps)
_ENTRIES = 1 << 16  # of a block of features at all points: 512 kB, as many arrays as there are
_FEW = 64  # features of which none is left out: to find out which matter takes longer
_ROUNDING = 2.0  # of a sum, in units of eps and of what is summed
_NOTHING = 64 * _EPS  # of a sum, what is rounding of losses


class Target:
    """A target, and what does not change from one point of its path to the next."""

    def __init__(self, data: Data, t: int, c0: Array, seen: Any, null: float | None = None) -> None:
        self._data = data
        self._unit, self._mean = data.of(data.unit, t), data.of(data.mean, t)
        self.l2 = data.of(data.objective.l2, t) * data.scale * data.scale
        self._penalty = in_units(data.objective.penalty, float(self._unit))
        self._norms, self._sizes = seen.norms, seen.sizes
        self._length = _least_length(seen.norms, seen.sizes)
        self.most = float(np.max(np.abs(c0) / self._length))
        self._lightest = self._least_penalty()
        exponent = np.frexp(self._unit)[1] - np.frexp(data.scale)[1]
        self._down = np.ldexp(1.0, np.clip(exponent, -1000, 1000))  # a filter only
        if null is None:
            null = 0.5 * float(data.w @ data.of(data.Y, t) ** 2)
        self.null = null

    def judge(self, points: range, c: Array, fit: Any, off: Array, doubt: float = 0.0) -> Array:
        """`judge_together` of this target alone."""
        return judge_together([self], points, [c], fit, off, doubt)

    def strengths(self, points: range) -> Array:
        """(g,) of some points, ones where there are none."""
        strength = self._data.objective.strength
        return np.ones(len(points)) if strength is None else strength[points.start : points.stop]

    def looked(
        self, points: range, c: Array, fit: Any, doubt: float
    ) -> list[Callable[[float], tuple[Points, Array, Array]]]:
        """What the formulas need of features that count, block by block, for a largest slope
        `most` of the null model: points, KKT residuals (g,), and sizes behind rounding (2, g)."""
        coef = self._data.coef[:, points.start : points.stop]
        touched = self.touched(coef, c, self.strengths(points), doubt)
        count = len(touched) * len(points) // _ENTRIES
        blocks = np.array_split(touched, count) if count > 1 else [touched]

        def look(part: Array, most: float) -> tuple[Points, Array, Array]:
            found = self.points(points, part, c[:, part].T, fit)
            if doubt:
                found = found.at(found.c + np.copysign(doubt, found.c))
            kkt = kkt_residual(found, self._length[part, None], most)
            size = np.abs(found.beta)
            return found, kkt, np.stack([self._sizes[part] @ size, size.sum(axis=0)])

        return [functools.partial(look, part) for part in blocks]

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
        strength = self.strengths(points)
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

    def unknown(self, stretched: Array, rho2: Array, most: float) -> Array:
        """What rounding may hide of the KKT residual at each point: that of the sums behind c,
        and of Xθ behind r, in units of `stretched`."""
        if most == 0.0:
            return np.zeros(len(rho2))
        stretch = float(np.max(self._sizes / self._length, initial=0.0))
        spread = stretched + np.sqrt(2.0 * self.null)
        unknown: Array = _ROUNDING * _EPS * (stretch * np.sqrt(rho2) + spread) / most
        return unknown

    def is_free(self, points: range) -> Array:
        """(g,): whether some feature is penalised so little that rounding of c hides it."""
        with np.errstate(invalid="ignore", over="ignore"):  # ∞·0, of bounds: a gap is known
            return self._lightest * self.strengths(points) < 1.0

    def settled(self, gap: Array) -> Array:
        """Gaps of a constant target, which is met as closely as its mean can be rounded."""
        if self.null != 0.0:
            return gap
        return np.where(gap <= (8 * _EPS * abs(self._mean) / self._unit) ** 2, 0.0, gap)

    def touched(self, coef: Array, c: Array, strength: Array, doubt: float) -> Array:
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


def judge_together(
    targets: Sequence[Target], points: range, correlations: Sequence[Array], fit: Any, off: Array,
    doubt: float = 0.0,
) -> Array:  # fmt: skip
    """Rows of gap, objective, null, KKT residual, and whether a feature is free, (5, g).

    They are of a sum over targets, one alone or those of several classes, whose rows are one `fit`.
    Each target has c (g, n), whose every entry may be wrong by `doubt`."""
    first, most = targets[0], max(target.most for target in targets)
    looks = [
        look
        for target, c in zip(targets, correlations, strict=True)
        for look in target.looked(points, c, fit, doubt)
    ]
    few = few_of(sum(c.size for c in correlations))
    parts, residuals, sums = zip(*mapped(lambda look: look(most), looks, few), strict=True)
    stretched, size = sum(sums[1:], sums[0])
    gap, value = gap_and_objective(*parts)
    gap = first.settled(gap + 0.5 * off**2 + 2.0 * doubt * size)
    hidden = np.maximum.reduce([each.unknown(stretched, fit.rho2, most) for each in targets])
    free = np.logical_or.reduce([target.is_free(points) for target in targets])
    null = np.full(len(points), first.null)
    return np.stack([gap, value + 0.5 * off**2, null, np.maximum.reduce(residuals) + hidden, free])


def beside_rounding(verdict: Array, size: float) -> Array:
    """A verdict where the null model leaves nothing but the rounding of sums of `size`: a constant
    y. What is as near to the least loss is exact."""
    gap, objective, null, kkt, free = verdict
    nothing = _NOTHING * size
    if not null[0] <= nothing:
        return verdict
    exact = np.abs(objective) <= nothing
    none = np.zeros(len(gap))
    return np.stack([np.where(exact, none, gap), objective, none, np.where(exact, none, kkt), free])


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
