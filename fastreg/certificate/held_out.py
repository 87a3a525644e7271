"""Training fits and their errors on test rows, judged from X by NumPy: see `training`.

Where columns are many, the correlations of all are read at every few strengths. Between them c_j
changes by no more than ‖v_j‖ times the change of the residuals, which leaves few columns to be
looked at (the sphere test of El Ghaoui, Viallon & Rabbani 2012, from one fit to the next).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastreg.certificate import Target, normalise, reads
from fastreg.certificate.gap import Points, relative_to
from fastreg.certificate.reads import Data
from fastreg.certificate.terms import Terms
from fastreg.certificate.training import (
    Distance,
    Shape,
    Slopes,
    change_of_error,
    distance,
    enough_move,
    slopes,
)
from fastreg.design import Design

Array = np.ndarray
_EPS = float(np.finfo(np.float64).eps)
_EVERY = 5  # strengths from one whose correlations are all read to the next
_ALL = 2048  # columns up to which all are looked at
_MOST = 4096  # columns whose second moments are kept
_ROOM = 1 << 22  # entries of residuals at once: 32 MB
_ENTRIES = 1 << 17  # of a block of rows: 1 MB
_MARGIN = 1e-5  # of the size of y: a sphere that is expected to be enough


@dataclass(frozen=True, eq=False)
class Fold:
    """A training set and a test set of the rows of X, weights (m,) ≥ 0 of each, and what a solver
    knows of the columns of the training set: see `certify`."""

    X: Design
    y: Array
    train: Array
    test: Array
    shift: Array | None
    scale: Array
    constant: Array | None
    lengths: Array | None


class Judged(NamedTuple):
    """Of K fits, (K,) each: errors on test rows, how wrong their sums may be, how far residuals
    may be from those of the minimum, and gaps over the null objective of the training set; and
    the mean square of y on test rows."""

    mse: Array
    lost: Array
    move: Array
    gap: Array
    mean_square: float


def judge(fold: Fold, terms: Terms, coef: Array, intercept: Array, certain: Any) -> Judged:
    """Of coef (n, K), intercept (K,) at the strengths of `terms`.

    Parameters
    ----------
    certain : (mse, mean square) ↦ by how much an error may be wrong before bounds are sharpened
    """
    K, m = coef.shape[1], fold.X.shape[0]
    step = max(1, min(K, max(_ROOM, fold.X.nnz // 25) // m))
    strengths = np.ones(K) if terms.strength is None else terms.strength
    parts = []
    for first in range(0, K, step):
        some = slice(first, min(first + step, K))
        own = dataclasses.replace(terms, weights=fold.train, strength=strengths[some])
        parts.append(_judge(fold, own, coef[:, some], intercept[some], certain))
    one: Judged = parts[0]
    names = [name for name in one._fields if name != "mean_square"]
    whole = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return one._replace(**whole)


def errors(fold: Fold, terms: Terms, coef: Array, intercept: Array) -> tuple[Array, Array, float]:
    """(mse (K,), how wrong its sums may be (K,), mean square of y) on the test rows."""
    read = _Residuals.of(fold, terms, coef, intercept)
    lengths = np.zeros(len(coef))
    used = np.flatnonzero(coef.any(axis=1))
    for _, values in _blocks(read.data, used, read.v):
        lengths[used] = np.maximum(lengths[used], np.abs(values).max(axis=0, initial=0.0))
    size = np.abs(coef[used] / fold.scale[used, None] / read.unit)
    square = read.unit**2
    mse, lost = read.errors(lengths[used] @ size)
    return mse * square, lost * square, read.mean_square * square


class _Residuals(NamedTuple):
    """Of K fits, on the rows of either set, in units of the training rows; v (m,) of test rows."""

    data: Data
    R: Array
    v: Array

    @classmethod
    def of(cls, fold: Fold, terms: Terms, coef: Array, intercept: Array) -> _Residuals:
        w, v = _shares(fold.train), _shares(fold.test)
        mean, unit, Y = normalise(fold.y[:, None], w, terms.fit_intercept)
        shift = np.zeros(fold.X.shape[1]) if fold.shift is None else fold.shift
        data = Data(
            fold.X, Y, w, shift, fold.scale, fold.constant, terms, coef, intercept, mean, unit
        )
        # Rows of neither set are not read, whatever they hold.
        either = dataclasses.replace(data, w=np.maximum(w, v))
        level = reads.levels(data, range(coef.shape[1]))
        return cls(data, Y - level - reads.products(either, coef / unit), v)

    @property
    def unit(self) -> float:
        return float(self.data.unit[0])

    @property
    def mean_square(self) -> float:
        """Of y on the test rows."""
        rows = self.v > 0
        return float(self.v[rows] @ self.data.Y[rows, 0] ** 2)

    def errors(self, spread: Array) -> tuple[Array, Array]:
        """(mse, how wrong it may be) where the terms of a prediction are as large as `spread`."""
        rows = self.v > 0
        mse = self.v[rows] @ self.R[rows] ** 2
        return mse, change_of_error(mse, 4 * _EPS * (spread + np.sqrt(self.mean_square)))


def _shares(weights: Array) -> Array:
    """Over their sum: weights of 1e300 do not overflow."""
    weights = weights / weights.max()
    out: Array = weights / weights.sum()
    return out


def _judge(fold: Fold, terms: Terms, coef: Array, intercept: Array, certain: Any) -> Judged:
    read = _Residuals.of(fold, terms, coef, intercept)
    look = _Look(read.data, read.R, fold.lengths)
    found = look.slopes()
    some = np.flatnonzero(found.used.any(axis=1))
    some = some if len(some) <= _MOST else some[:0]
    look.known &= ~found.used.any(axis=0) | (len(some) > 0)
    shape = _shape(read.data, look, some, read.v)
    mse, lost = read.errors(np.sqrt(np.diag(shape.T)) @ np.abs(look.beta(look.columns[some])))
    enough = enough_move(mse, certain(mse, read.mean_square) - lost)
    far = look.distance(found, some, shape, enough)
    gap = np.minimum(found.gap, 0.5 * far.epsilon**2) + 0.5 * look.off**2
    move, square = far.move + np.abs(look.off), read.unit**2
    relative = relative_to(gap, look.target.null)
    return Judged(
        mse * square, lost * square, move * read.unit, relative, read.mean_square * square
    )


class _Look:
    """The second look at the correlations of K points of a path."""

    def __init__(self, data: Data, R: Array, lengths: Array | None) -> None:
        n, K = data.coef.shape
        self.data = data
        assert data.terms.strength is not None
        self.strengths: Array = data.terms.strength
        self.off = data.w @ R if data.terms.fit_intercept else np.zeros(K)
        self.R = R - self.off
        self.rho2 = data.w @ self.R**2
        every = 1 if n <= _ALL else _EVERY
        self.groups = [slice(a, min(a + every, K)) for a in range(0, K, every)]
        anchors = np.array([(some.start + some.stop - 1) // 2 for some in self.groups])
        seen = reads.with_residuals(data, self.R[:, anchors], lengths)
        self.seen, self.norms = seen.c, seen.norms
        self.target = Target(data, 0, seen.c0[0], seen)
        self.level = float(np.sqrt(2.0 * self.target.null))
        anchor_of = np.repeat(anchors, [some.stop - some.start for some in self.groups])
        self.moved = np.sqrt(data.w @ (self.R - self.R[:, anchor_of]) ** 2)
        used = np.flatnonzero(data.coef.any(axis=1))
        self.blur = 4 * _EPS * (self.norms[used] @ np.abs(self.beta(used)) + self.level)
        self.columns, self.known = np.arange(0), np.zeros(K, bool)

    def beta(self, columns: Array) -> Array:
        """(p, K) in units near 1."""
        data = self.data
        scaled: Array = data.coef[columns] / data.scale[columns, None] / float(data.unit[0])
        return scaled

    def slopes(self) -> Slopes:
        """Of the columns that count at any point, or may: `columns`; and at which points these are
        all of them: `known`."""
        margin = _MARGIN * self.level
        found = self._slopes(self._touched(margin))
        radius = np.sqrt(2.0 * found.gap)
        self.known = radius <= margin
        if not self.known.all() and len(self.norms) <= _ALL:
            found = self._slopes(self._touched(float(radius.max())))
            self.known[:] = True
        return found

    def _touched(self, margin: float) -> Array:
        """Columns that may count where residuals move by `margin` more."""
        n = len(self.norms)
        highest, lowest = np.zeros(n), np.zeros(n)
        with np.errstate(divide="ignore", invalid="ignore"):
            for row, some in zip(self.seen, self.groups, strict=True):
                reach = float((self.moved[some] + self.blur[some]).max()) + margin
                room, least = self.norms * reach, self.strengths[some].min()
                np.maximum(highest, (row + room) / least, out=highest)
                np.minimum(lowest, (row - room) / least, out=lowest)
        outside = self.target.is_outside(highest) | self.target.is_outside(lowest)
        return np.flatnonzero(self.data.coef.any(axis=1) | outside)

    def _slopes(self, columns: Array) -> Slopes:
        self.columns = columns
        if len(self.groups) == len(self.rho2):
            c = self.seen[:, columns].T
        else:
            c = reads.correlations_on(self.data, columns, self.R)
        doubt = 2 * _EPS * self.norms[columns, None] * np.sqrt(self.rho2)
        points: Points = self.target.points(range(len(self.rho2)), columns, c, self.rho2)
        with np.errstate(invalid="ignore", over="ignore"):
            return slopes(points, doubt, self.norms[columns], self.blur)

    def distance(self, found: Slopes, some: Array, shape: Shape, enough: Array) -> Distance:
        """Of the points from their minima, from the columns that may be used."""
        own = Slopes(found.g[some], found.used[some], found.gap)
        far = distance(own, shape, self.blur, enough)
        return Distance(*(np.where(self.known, each, np.inf) for each in far))


def _shape(data: Data, look: _Look, some: Array, v: Array) -> Shape:
    """Second moments of the training rows, and of the test rows of weights v."""
    columns = look.columns[some]
    p = len(columns)
    G, T = np.zeros((p, p)), np.zeros((p, p))
    for rows, values in _blocks(data, columns, np.maximum(data.w, v)):
        G += values.T @ (data.w[rows, None] * values)
        T += values.T @ (v[rows, None] * values)
    l2 = look.target.l2[columns, None] * look.strengths

    def rows_of(U: Array) -> Array:
        R: Array = np.zeros((0, len(U)))
        for rows, values in _blocks(data, columns[U], data.w):
            stacked = np.vstack([R, np.sqrt(data.w[rows, None]) * values])
            R = np.linalg.qr(stacked, mode="r")  # type: ignore[assignment]
        return R

    return Shape(G, T, l2, rows_of)


def _blocks(data: Data, columns: Array, w: Array) -> Iterator[tuple[slice, Array]]:
    """Rows and entries (b, p) of some columns of V, zero in rows of weight zero."""
    m, p = data.X.shape[0], max(1, len(columns))
    own, step = dataclasses.replace(data, w=w), max(p, _ENTRIES // p)
    for start in range(0, m, step):
        rows = slice(start, min(start + step, m))
        yield rows, reads.entries(own, rows, columns)
