"""Moments of rows (x, y): what least squares needs of them, mergeable.

For rows v = (x, y) with weights w: W = Σ w, the mean v̄ = Σ w v/W and the scatter
S = Σ w (v − v̄)(v − v̄)ᵀ. Two sets a and b make one (Chan, Golub & LeVeque 1983), δ = v̄_b − v̄_a:

    W = W_a + W_b,   v̄ = v̄_a + (W_b/W) δ,   S = S_a + S_b + (W_a W_b/W) δδᵀ

and one is taken out of their union by the same lines read backwards, as long as enough is
left. Rows are measured from an origin near the data in units that are powers of two, so that
neither an offset of 1e8 nor a unit of 1e200 costs a digit; a sparse X from zero. A set of rows
that lies far from the origin of the others has one of its own. Beside the scatter stands its
echo, a product with it that NumPy sums by itself (`fastreg.probes`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg.blas import dger

from fastreg import kernels, probes
from fastreg.design import Design, as_design

Array = np.ndarray
_SAMPLE = 255  # rows that the origin is the median of: odd, so that it is an entry of its column
_EPS = float(np.finfo(np.float64).eps)
_FAR = 1e4  # spreads: with a mean farther from the origin scatter has eight digits
_NEAR = 64.0  # spreads: a mean this far from the origin costs scatter less than four digits
_SURE = 1e-6  # of the mean: a spread that is less may be rounding alone
_LOST = 1e-6  # of a column's scatter: with less left, a difference is known to nine digits at best


@dataclass(frozen=True, eq=False)
class Frame:
    """Where v is measured from, and in which units: v = origin + unit·(what is stored), (p,)."""

    origin: Array
    unit: Array

    @classmethod
    def of(cls, X: Design, Y: Array, weights: Array | None) -> Frame:
        """From a few rows that count, first to last; a sparse X is measured from zero."""
        rows = np.arange(len(Y)) if weights is None else np.flatnonzero(weights > 0)
        rows = rows if len(rows) else np.arange(1)
        count = (min(len(rows), _SAMPLE) - 1) // 2 * 2 + 1
        rows = rows[np.linspace(0, len(rows) - 1, count).astype(np.intp)]
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
    echo : (p,) of `fastreg.probes`, or None where sums of other directions were added
    """

    frame: Frame
    count: int
    weight: float
    mean: Array
    scatter: Array
    echo: Array | None = None

    def __add__(self, other: Moments) -> Moments:
        other = other.seen_from(self.frame)
        if other.weight == 0.0 or self.weight == 0.0:
            return other if self.weight == 0.0 else self
        weight, step = self.weight + other.weight, other.mean - self.mean
        shared = self.weight / weight * other.weight
        scatter = add_outer(self.scatter + other.scatter, shared, step)
        mean = self.mean + other.weight / weight * step
        echo = _merged(self.echo, other.echo, 1.0, shared, step)
        return Moments(self.frame, self.count + other.count, weight, mean, scatter, echo)

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
        echo = _merged(self.echo, other.echo, -1.0, -shared, apart)
        return Moments(self.frame, count, weight, mean, scatter, echo)

    def is_far(self) -> bool:
        """Whether some mean dwarfs its spread, which an origin elsewhere leaves few digits of."""
        return bool(np.any(self.far()[:-1]))

    def far(self) -> Array:
        """(p,) bool: which; a constant column has no spread to dwarf."""
        spread = np.sqrt(np.diag(self.scatter) / max(self.weight, 1e-300))
        size = np.abs(self.mean)
        return (size > _FAR * spread) & (spread > 4 * _EPS * size)

    def means_dwarf_spreads(self) -> Array:
        """(p,) bool: by so much that the origin costs the scatter digits, constant or not."""
        weight = max(self.weight, 1e-300)
        return np.abs(self.mean) > _NEAR * np.sqrt(np.diag(self.scatter) / weight)

    def seen_from(self, frame: Frame) -> Moments:
        """The same in another frame."""
        if frame is self.frame:
            return self
        ratio = self.frame.unit / frame.unit
        mean = self.mean * ratio + (self.frame.origin - frame.origin) / frame.unit
        if (ratio == 1.0).all():
            return dataclasses.replace(self, frame=frame, mean=mean)
        scatter = self.scatter * ratio * ratio[:, None]
        return Moments(frame, self.count, self.weight, mean, scatter)

    def doubts(self) -> Array:
        """(p,): how long each row of the error of `scatter` may be, by its echo; rounding of its
        own size where there is none."""
        size = np.sqrt(np.diag(self.scatter))
        rounding = 4 * _EPS * size * np.sqrt(size @ size)
        if self.echo is None:
            return rounding
        return rounding + probes.doubts(self.scatter, self.echo)


def _merged(
    a: Array | None, b: Array | None, sign: float, shared: float, step: Array
) -> Array | None:
    """The echo of S_a ± S_b + shared·step stepᵀ."""
    if a is None or b is None:
        return None
    return a + sign * b + shared * float(step @ probes.direction(len(step))) * step


def add_outer(A: Array, factor: float, v: Array) -> Array:
    """A += factor·v vᵀ in place, for a symmetric A (p, p) in C order: 0.4 ms with the difference
    that it corrects at p = 1000, where NumPy's temporaries make it 2.7."""
    dger(factor, v, v, a=A.T, overwrite_a=1)
    return A


def empty(frame: Frame) -> Moments:
    """Of no rows."""
    p = len(frame.origin)
    return Moments(frame, 0, 0.0, np.zeros(p), np.zeros((p, p)), np.zeros(p))


def gather(
    X: Design,
    Y: Array,
    weights: Array | None,
    folds: Array | None,
    n_folds: int,
    frame: Frame,
) -> list[Moments]:
    """The moments of each fold, in one read of X; a fold far from the origin of the frame is read
    once more, and has an origin of its own.

    Parameters
    ----------
    X : Design, (m, n)
    Y : (m, k) float64
    weights : (m,) or None for ones
    folds : (m,) integers 0 ≤ f < n_folds, or None for fold 0
    """
    found = _in_frame(X, Y, weights, folds, n_folds, frame)
    for f, part in enumerate(found):
        far = part.means_dwarf_spreads()
        far[: X.shape[1] if X.is_sparse else 0] = False
        if part.count and far.any():
            found[f] = _Rows.of(X, Y, weights, folds, f).looked_at(part, far)
    return found


def _in_frame(
    X: Design, Y: Array, weights: Array | None, folds: Array | None, n_folds: int, frame: Frame
) -> list[Moments]:
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
    found = [_from_sums(frame, int(count), each) for count, each in zip(counts, sums, strict=True)]
    means = np.stack([part.mean for part in found])
    echoes = probes.Rows(X, Y, weights, folds, origin, unit).echoes(means)
    return [
        dataclasses.replace(part, echo=echo) if part.weight else part
        for part, echo in zip(found, echoes, strict=True)
    ]


class _Rows(NamedTuple):
    """The rows of one fold, and those between them, of weight zero."""

    X: Design
    Y: Array
    weights: Array | None

    @classmethod
    def of(cls, X: Design, Y: Array, weights: Array | None, folds: Array | None, f: int) -> _Rows:
        if folds is None:
            return cls(X, Y, weights)
        inside = folds == f
        first, last = int(inside.argmax()), len(inside) - int(inside[::-1].argmax())
        some = slice(first, last)
        if not inside[some].all():
            weights = np.where(inside, 1.0 if weights is None else weights, 0.0)
        return cls(X, Y, weights)._between(some)

    def _between(self, some: slice) -> _Rows:
        weights = None if self.weights is None else self.weights[some]
        if some == slice(0, len(self.Y)):
            return self
        return _Rows(as_design(self.X.matrix[some]), self.Y[some], weights)

    def looked_at(self, part: Moments, far: Array) -> Moments:
        """Their moments where some means are far from the origin: from one of their own, unless
        those columns do not vary, whose scatter is nothing but rounding."""
        sure = np.diag(part.scatter) > _SURE**2 * part.weight * part.mean**2
        if (far & sure).any() or any(self._varies(int(j)) for j in np.flatnonzero(far)):
            return self._from_their_own(part)
        scatter, echo = part.scatter.copy(), part.echo
        if echo is not None:  # as that of a scatter without them
            echo = np.where(far, 0.0, echo - scatter[:, far] @ probes.direction(len(far))[far])
        scatter[far], scatter[:, far] = 0.0, 0.0
        return dataclasses.replace(part, scatter=scatter, echo=echo)

    def _varies(self, j: int) -> bool:
        n = self.X.shape[1]
        values = self.X.matrix[:, j] if j < n else self.Y[:, j - n]
        values = values if self.weights is None else values[self.weights > 0]
        return bool((values != values[0]).any())

    def _from_their_own(self, part: Moments) -> Moments:
        """From an origin that is a row or two of theirs: columns that do not vary become zero."""
        origin = Frame.of(*self).origin
        (found,) = _in_frame(*self, None, 1, Frame(origin, part.frame.unit))
        return found


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
    scatter, echo = part.scatter[np.ix_(keep, keep)], None
    if part.echo is not None:  # what the whole scatter is off by, of the rows that are kept
        error = part.echo - part.scatter @ probes.direction(n + n_targets)
        echo = scatter @ probes.direction(n + 1) + error[keep]
    return Moments(frame, part.count, part.weight, part.mean[keep], scatter, echo)


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
