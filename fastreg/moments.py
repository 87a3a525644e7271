"""Moments of rows (x, y): what least squares needs of them, mergeable.

For rows v = (x, y) with weights w: W = Σ w, the mean v̄ = Σ w v/W and the scatter
S = Σ w (v − v̄)(v − v̄)ᵀ. Two sets a and b make one (Chan, Golub & LeVeque 1983), δ = v̄_b − v̄_a:

    W = W_a + W_b,   v̄ = v̄_a + (W_b/W) δ,   S = S_a + S_b + (W_a W_b/W) δδᵀ

and one is taken out of their union by the same lines read backwards, as long as enough is
left. Rows are measured from an origin near the data in units that are powers of two, so that
neither an offset of 1e8 nor a unit of 1e200 costs a digit; a sparse X from zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg.blas import dger

from fastreg import kernels
from fastreg.design import Design

Array = np.ndarray
_SAMPLE = 255  # rows that the origin is the median of: odd, so that it is an entry of its column
_EPS = float(np.finfo(np.float64).eps)
_FAR = 1e4  # spreads: with a mean farther from the origin scatter has eight digits
_LOST = 1e-6  # of a column's scatter: with less left, a difference is known to nine digits at best


@dataclass(frozen=True, eq=False)
class Frame:
    """Where v is measured from, and in which units: v = origin + unit·(what is stored), (p,)."""

    origin: Array
    unit: Array

    @classmethod
    def of(cls, X: Design, Y: Array, weights: Array | None) -> Frame:
        """From a few rows that count; a sparse X is measured from zero."""
        rows = np.arange(len(Y)) if weights is None else np.flatnonzero(weights > 0)
        rows = rows if len(rows) else np.arange(1)
        rows = rows[: (min(len(rows), _SAMPLE) - 1) // 2 * 2 + 1]
        if X.is_sparse:
            some = np.zeros((1, X.shape[1]))
            size = _largest_stored(X, rows)
        else:
            some = np.array(X.matrix[rows], float)
            size = np.zeros(X.shape[1])
        values = np.hstack([np.broadcast_to(some, (len(rows), X.shape[1])), Y[rows]])
        origin = np.median(values, axis=0)
        spread = np.abs(values - origin).max(axis=0)
        spread[: len(size)] = np.maximum(spread[: len(size)], size)
        largest = np.where(spread > 0, spread, np.abs(origin))
        usable = (largest > 0) & np.isfinite(largest)
        return cls(origin, np.ldexp(1.0, np.frexp(np.where(usable, largest, 1.0))[1]))


def _largest_stored(X: Design, rows: Array) -> Array:
    some = abs(X.matrix[rows].astype(np.float64)).max(axis=0)
    return np.asarray(some.todense() if hasattr(some, "todense") else some).ravel()


@dataclass(frozen=True, eq=False)
class Moments:
    """Of one set of rows; `mean` (p,) and `scatter` (p, p) as the `frame` has it.

    count : rows that count, weight : W; the last k of the p columns are targets.
    """

    frame: Frame
    count: int
    weight: float
    mean: Array
    scatter: Array

    def __add__(self, other: Moments) -> Moments:
        other = other.seen_from(self.frame)
        if other.weight == 0.0 or self.weight == 0.0:
            return other if self.weight == 0.0 else self
        weight, step = self.weight + other.weight, other.mean - self.mean
        shared = self.weight / weight * other.weight
        scatter = add_outer(self.scatter + other.scatter, shared, step)
        mean = self.mean + other.weight / weight * step
        return Moments(self.frame, self.count + other.count, weight, mean, scatter)

    def __sub__(self, other: Moments) -> Moments:
        """What is left without `other`.

        Raises
        ------
        ValueError
            More is taken away than there is, or so much that rounding outweighs what is left.
        """
        other = other.seen_from(self.frame)
        weight, count = self.weight - other.weight, self.count - other.count
        if other.weight == 0.0:
            return self
        if count == 0 and abs(weight) <= 1e-9 * self.weight:
            return empty(self.frame)
        if count < 0 or weight < 0.0 or (count > 0) != (weight > 0.0):
            raise ValueError("what is subtracted is no part of these statistics")
        if count == 0:
            return empty(self.frame)
        step = (self.mean - other.mean) * (other.weight / weight)
        mean = self.mean + step
        shared = weight / self.weight * other.weight
        apart = other.mean - mean
        scatter = add_outer(self.scatter - other.scatter, -shared, apart)
        whole, left = np.diag(self.scatter), np.diag(scatter)
        if weight < _LOST * self.weight or np.any(left < _LOST * whole):
            raise ValueError(
                "so little is left that rounding outweighs it: add up what remains instead"
            )
        return Moments(self.frame, count, weight, mean, scatter)

    def is_far(self) -> bool:
        """Whether some mean dwarfs its spread, which an origin elsewhere leaves few digits of."""
        return bool(np.any(self.far()[:-1]))

    def far(self) -> Array:
        """(p,) bool: which; a constant column has no spread to dwarf."""
        spread = np.sqrt(np.diag(self.scatter) / max(self.weight, 1e-300))
        size = np.abs(self.mean)
        return (size > _FAR * spread) & (spread > 4 * _EPS * size)

    def seen_from(self, frame: Frame) -> Moments:
        """The same in another frame."""
        if frame is self.frame:
            return self
        ratio = self.frame.unit / frame.unit
        mean = self.mean * ratio + (self.frame.origin - frame.origin) / frame.unit
        scatter = self.scatter * ratio * ratio[:, None]
        return Moments(frame, self.count, self.weight, mean, scatter)


def add_outer(A: Array, factor: float, v: Array) -> Array:
    """A += factor·v vᵀ in place, for a symmetric A (p, p) in C order: 0.4 ms with the difference
    that it corrects at p = 1000, where NumPy's temporaries make it 2.7."""
    dger(factor, v, v, a=A.T, overwrite_a=1)
    return A


def empty(frame: Frame) -> Moments:
    """Of no rows."""
    p = len(frame.origin)
    return Moments(frame, 0, 0.0, np.zeros(p), np.zeros((p, p)))


def gather(
    X: Design,
    Y: Array,
    weights: Array | None,
    folds: Array | None,
    n_folds: int,
    frame: Frame,
) -> list[Moments]:
    """The moments of each fold, in one read of X.

    Parameters
    ----------
    X : Design, (m, n)
    Y : (m, k) float64
    weights : (m,) or None for ones
    folds : (m,) integers 0 ≤ f < n_folds, or None for fold 0
    """
    n = X.shape[1]
    origin, unit = frame.origin, frame.unit
    sums = kernels.moments(
        X.storage,
        (Y - origin[n:]) / unit[n:],
        folds=folds,
        n_folds=n_folds if folds is not None else 1,
        shift=origin[:n] if origin[:n].any() else None,
        scale=1.0 / unit[:n],
        weights=weights,
    )
    counted = np.ones(len(Y), bool) if weights is None else weights > 0
    which = np.zeros(len(Y), np.int64) if folds is None else folds
    counts = np.bincount(which[counted], minlength=len(sums))
    return [_from_sums(frame, int(count), each) for count, each in zip(counts, sums, strict=True)]


def _from_sums(frame: Frame, count: int, sums: Array) -> Moments:
    """From Σ w a aᵀ with a = (v, 1)."""
    weight = float(sums[-1, -1])
    if count == 0 or weight == 0.0:
        return empty(frame)
    mean = sums[-1, :-1] / weight
    scatter = sums[:-1, :-1]
    scatter -= np.outer(weight * mean, mean)
    np.fill_diagonal(scatter, np.maximum(np.diag(scatter), 0.0))
    return Moments(frame, count, weight, mean, scatter)


def of_target(part: Moments, target: int, n_targets: int) -> Moments:
    """The moments of all features and one of the targets."""
    if n_targets == 1:
        return part
    n = len(part.mean) - n_targets
    keep = np.append(np.arange(n), n + target)
    frame = Frame(part.frame.origin[keep], part.frame.unit[keep])
    return Moments(
        frame, part.count, part.weight, part.mean[keep], part.scatter[np.ix_(keep, keep)]
    )


def total(parts: Iterable[Moments]) -> Moments:
    """All of them together."""
    parts = list(parts)
    out = parts[0]
    for each in parts[1:]:
        out = out + each
    return out


def without(parts: list[Moments], whole: Moments, left_out: Any) -> Moments:
    """`whole` less the parts with the numbers `left_out`, added up where a difference is unsafe."""
    out = set(left_out)
    if 2 * len(out) <= len(parts):
        try:
            return whole - total([parts[f] for f in sorted(out)]) if out else whole
        except ValueError:
            pass
    return total([part for f, part in enumerate(parts) if f not in out])
