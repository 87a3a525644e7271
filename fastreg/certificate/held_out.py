"""Training fits and their errors on test rows, judged from X by NumPy: see `training`.

Where columns are many, the correlations of all are those that a solver claims, if a few random
combinations of them are as read from X. Else they are read at every few strengths: a path is nearly
linear in the strength between two of them, so c_j is a mean of those at the ends, but for ‖v_j‖
times the distance of the residuals from theirs. A column that is that far inside of the
subdifferential at zero at both ends counts for nothing between them.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastreg import _factor
from fastreg.certificate import reads
from fastreg.certificate.gap import Points, SquaredFit, relative_to
from fastreg.certificate.reads import Columns, Data
from fastreg.certificate.target import Target, normalise
from fastreg.certificate.training import (
    Distance,
    Shape,
    Slopes,
    change_of_error,
    distance,
    distance_by_ridge,
    enough_move,
    gaps,
    slopes,
)
from fastreg.design import Design
from fastreg.objectives import Objective

Array = np.ndarray
_ROUNDING = 8 * float(np.finfo(np.float64).eps)  # of a sum, in terms of its terms
_PROBES, _DOUBT = 4, 100.0  # combinations of claims; their error over the largest seen
_TOGETHER = 32  # strengths of which columns that may count are looked at together
_EVERY = 8  # strengths from one whose correlations are all read to the next
_ALL = 2048  # columns up to which all are looked at
_MOST = 4096  # columns whose second moments are kept
_ROOM = 1 << 22  # entries of residuals at once: 32 MB
_ENTRIES = 1 << 17  # of a block of rows: 1 MB
_MARGIN = 1e-5  # of the size of y: a sphere that is expected to be enough


@dataclass(frozen=True, eq=False)
class Fold:
    """A training set and a test set of the rows of X, weights (m,) ≥ 0 of each, and what a solver
    says of the columns of the training set."""

    X: Design
    y: Array
    train: Array
    test: Array
    columns: Columns


class Judged(NamedTuple):
    """Of K fits, (K,) each: errors on test rows, how wrong their sums may be, how far residuals
    may be from those of the minimum, and gaps over the null objective of the training set; and
    the mean square of y on test rows."""

    mse: Array
    lost: Array
    move: Array
    gap: Array
    mean_square: float


def judge(
    fold: Fold, objective: Objective, coef: Array, certain: Any, tol: float,
    claims: Array | None = None,
) -> Judged:  # fmt: skip
    """Of coef (n, K) at the strengths of `objective`, each with the intercept that is best for it.

    Parameters
    ----------
    certain : (mse, mean square) ↦ by how much an error may be wrong before bounds are sharpened
    tol : relative gap that is enough, where `move` is not asked for; 0 asks for it everywhere
    claims : (n, K) or None, Vᵀ(w∘r) as somebody claims, in the user's units of y
    """
    K, m = coef.shape[1], fold.X.shape[0]
    step = max(1, min(K, max(_ROOM, fold.X.nnz // 25) // m))
    strengths = np.ones(K) if objective.strength is None else objective.strength
    parts = []
    for first in range(0, K, step):
        some = slice(first, min(first + step, K))
        own = dataclasses.replace(objective, weights=fold.train, strength=strengths[some])
        claimed = None if claims is None else claims[:, some]
        parts.append(_judge(fold, own, coef[:, some], certain, tol, claimed))
    one: Judged = parts[0]
    names = [name for name in one._fields if name != "mean_square"]
    whole = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return one._replace(**whole)  # type: ignore[arg-type]


def errors(fold: Fold, objective: Objective, coef: Array) -> tuple[Array, Array, float]:
    """(mse (K,), how wrong its sums may be (K,), mean square of y) on the test rows."""
    read = _Residuals.of(fold, objective, coef)
    mse, lost = read.errors()
    square = read.unit**2
    return mse * square, lost * square, read.mean_square * square


class _Residuals(NamedTuple):
    """Of K fits, on the rows of either set, in units of the training rows and at the intercepts
    that are best there; v (m,) of test rows. Of the p columns in use: these, β (p, K) in units
    near 1, and Σ v x'²."""

    data: Data
    R: Array
    v: Array
    used: Array
    beta: Array
    squares: Array

    @classmethod
    def of(cls, fold: Fold, objective: Objective, coef: Array) -> _Residuals:
        w, v = shares_of(fold.train), shares_of(fold.test)
        mean, unit, Y = normalise(fold.y[:, None], w, objective.fit_intercept)
        known = fold.columns.filled(fold.X.shape[1])
        none = np.zeros(coef.shape[1])  # residuals need no intercept: the best one is taken
        data = Data(fold.X, Y, w, *known, objective, coef, none, mean, unit)
        used = np.flatnonzero(coef.any(axis=1))
        beta = coef[used] / data.scale[used, None] / float(unit[0])
        R, squares = np.repeat(Y, coef.shape[1], axis=1), np.zeros(len(used))
        # Rows of neither set are not read, whatever they hold.
        for rows, values in blocks_of(data, used, np.maximum(w, v)):
            R[rows] -= values @ beta
            squares += v[rows] @ values**2
        # One that is given may dwarf the spread of y, and is rounded.
        return cls(data, R - w @ R if objective.fit_intercept else R, v, used, beta, squares)

    @property
    def unit(self) -> float:
        return float(self.data.unit[0])

    @property
    def mean_square(self) -> float:
        """Of y on the test rows."""
        rows = self.v > 0
        return float(self.v[rows] @ self.data.Y[rows, 0] ** 2)

    def errors(self) -> tuple[Array, Array]:
        """(mse, how wrong its sums may be), (K,): terms of predictions are as large as
        Σ_j │β_j│ √(Σ v x'²)."""
        rows = self.v > 0
        mse = self.v[rows] @ self.R[rows] ** 2
        spread = np.sqrt(self.squares) @ np.abs(self.beta) + np.sqrt(self.mean_square)
        return mse, change_of_error(mse, _ROUNDING * spread)


def shares_of(weights: Array) -> Array:
    """Over their sum: weights of 1e300 do not overflow."""
    weights = weights / weights.max()
    out: Array = weights / weights.sum()
    return out


def _judge(
    fold: Fold, objective: Objective, coef: Array, certain: Any, tol: float,
    claims: Array | None,
) -> Judged:  # fmt: skip
    read = _Residuals.of(fold, objective, coef)
    look = _Look(read, fold.columns.lengths, claims)
    gap = look.gaps()
    mse, lost = read.errors()
    epsilon, move = np.full((2, len(mse)), np.inf)
    asked = ~(gap <= tol * look.target.null) | (tol == 0.0)
    if asked.any():
        enough = enough_move(mse, certain(mse, read.mean_square) - lost)
        far = look.distance(read.v, enough)
        epsilon, move = (np.where(asked, each, np.inf) for each in far)
    gap, square = np.minimum(gap, 0.5 * epsilon**2), read.unit**2
    relative = relative_to(gap, look.target.null)
    return Judged(
        mse * square, lost * square, move * read.unit, relative, read.mean_square * square
    )


class _Look:
    """The second look at the correlations of K points of a path, some neighbours at a time.

    seen : (e, n) correlations at the points `ends`, times `unit`
    """

    def __init__(
        self, read: _Residuals, lengths: Array | None, claims: Array | None = None
    ) -> None:
        self.data, self.R, self.used, self.beta = read.data, read.R, read.used, read.beta
        n = len(self.data.coef)
        assert self.data.objective.strength is not None
        self.strengths: Array = self.data.objective.strength
        self.rho2 = self.data.w @ self.R**2
        if n <= _ALL or claims is None or not self._believe(claims, lengths):
            self._read_ends(lengths, 1 if n <= _ALL else _EVERY)
        self.level = float(np.sqrt(2.0 * self.target.null))
        # Of a near column, whose mean is taken off products, entries are as long as that.
        shift = np.abs(self.data.shift[self.used]) * self.data.scale[self.used]
        size = (self.norms[self.used] + np.minimum(shift, reads.NEAR)) @ np.abs(self.beta)
        self.blur = _ROUNDING * (size + self.level)
        self.margin = _MARGIN * self.level
        self.touched = [self._touched(g) for g in range(len(self.groups))]
        self.parts = [self._on(g, columns) for g, columns in enumerate(self.touched)]

    def _believe(self, claims: Array, lengths: Array | None) -> bool:
        """Whether claimed correlations are right: c is taken to be wrong by a hundred
        times the largest difference of `_PROBES` combinations of all points."""
        K, unit = claims.shape[1], float(self.data.unit[0])
        self.ends, self.groups = np.arange(K), _together(K)
        fits = float(self.strengths.max()) * unit < np.inf  # strengths are compared in that unit
        if K <= 2 * _PROBES or not self.data.is_near or not fits:
            return False
        signs = np.random.default_rng(0).standard_normal((K, _PROBES))
        seen = reads.with_residuals(self.data, self.R @ signs, lengths)
        error = seen.c - (claims @ signs).T / unit
        self.doubt = _DOUBT * float(np.sqrt((error * error).sum(axis=1)).max())
        self.seen, self.norms, self.unit = claims.T, seen.norms, unit
        self.target = Target(self.data, 0, seen.c0[0], seen)
        return self.doubt <= 1e-3 * _MARGIN * float(np.sqrt(2.0 * self.target.null))

    def _read_ends(self, lengths: Array | None, every: int) -> None:
        """Correlations from X, at every few strengths and the last."""
        K = len(self.rho2)
        self.ends, self.doubt = np.unique(np.append(np.arange(0, K, every), K - 1)), 0.0
        cuts = np.append(self.ends[: max(1, len(self.ends) - (every > 1))], K)
        between = [slice(int(a), int(b)) for a, b in itertools.pairwise(cuts)]
        self.groups = between if every > 1 else _together(K)
        seen = reads.with_residuals(self.data, self.R[:, self.ends], lengths)
        self.seen, self.norms, self.unit = seen.c, seen.norms, 1.0
        self.target = Target(self.data, 0, seen.c0[0], seen)

    def gaps(self) -> Array:
        """(K,), in units near 1."""
        with np.errstate(invalid="ignore", over="ignore"):
            return np.concatenate([gaps(*each) for each in self.parts])

    def _slopes(self) -> tuple[Slopes, Array]:
        """(of the columns that may be used at some point, these), where residuals move by no more
        than `margin`."""
        with np.errstate(invalid="ignore", over="ignore"):
            found = [slopes(*each) for each in self.parts]
        both = list(zip(self.touched, found, strict=True))
        near = [own[each.used(self.margin).any(axis=1)] for own, each in both]
        columns = np.unique(np.concatenate(near))
        shape = len(columns), len(self.rho2)
        g, doubt, slack = np.zeros(shape), np.zeros(shape), np.full(shape, np.inf)
        for some, (own, each) in zip(self.groups, both, strict=True):
            where = np.flatnonzero(np.isin(own, columns))
            rows = np.searchsorted(columns, own[where])
            g[rows, some], doubt[rows, some] = each.g[where], each.doubt[where]
            slack[rows, some] = each.slack[where]
        return Slopes(g, doubt, slack, self.norms[columns]), columns

    def _touched(self, group: int) -> Array:
        """Columns that may count where residuals move by `margin` more."""
        some = self.groups[group]
        ends = slice(group, group + 2) if self._between else some
        far = self._bend(group) + float(self.blur[some].max()) + self.margin
        room = (self.norms * far + self.doubt) * self.unit
        strengths = self.strengths[self.ends[ends]] * self.unit
        outside = self.target.is_outside(self.seen[ends], room, strengths)
        outside[self.used] |= self.beta[:, some].any(axis=1)
        return np.flatnonzero(outside)

    @property
    def _between(self) -> bool:
        """Whether groups lie between ends, not at ends of their own."""
        return len(self.ends) < len(self.rho2)

    def _bend(self, group: int) -> float:
        """How far residuals of a group are from the line between its ends."""
        if not self._between:
            return 0.0
        some, (a, b) = self.groups[group], self.ends[group : group + 2]
        high, low = self.strengths[a], self.strengths[b]
        share = (self.strengths[some] - low) / max(high - low, 1e-300)
        line = share * self.R[:, a, None] + (1.0 - share) * self.R[:, b, None]
        return float(np.sqrt((self.data.w @ (self.R[:, some] - line) ** 2).max()))

    def _on(self, group: int, columns: Array) -> tuple[Points, Array, Array, Array]:
        """What `gaps` and `slopes` take of a group and some columns."""
        some = self.groups[group]
        if not self._between:
            c = self.seen[some][:, columns].T / self.unit
        else:
            c = reads.correlations_on(self.data, columns, self.R[:, some])
        rho2 = self.rho2[some]
        doubt = _ROUNDING * self.norms[columns, None] * np.sqrt(rho2) + self.doubt
        points: Points = self.target.points(
            range(some.start, some.stop), columns, c, SquaredFit(rho2)
        )
        return points, doubt, self.norms[columns], self.blur[some]

    def distance(self, v: Array, enough: Array) -> Distance:
        """Of the points from their minima; v (m,) of test rows."""
        found, columns = self._slopes()
        l2 = (self.target.l2[columns, None] * self.strengths).min(axis=0, initial=np.inf)
        trace = float(_squares(self.data, columns, v).sum()) if l2.all() else np.inf
        far = distance_by_ridge(found, l2, trace, self.blur)
        if len(columns) <= _MOST and not (far.move <= enough).all():
            shape = _shape(self.data, self, columns, v)
            far = distance(found, shape, self.blur, enough)
        known = far.epsilon <= self.margin
        return Distance(*(np.where(known, each, np.inf) for each in far))


def _together(K: int) -> list[slice]:
    return [slice(k, min(k + _TOGETHER, K)) for k in range(0, K, _TOGETHER)]


def _squares(data: Data, columns: Array, v: Array) -> Array:
    """(p,): Σ v x'² of some columns."""
    out = np.zeros(len(columns))
    for rows, values in blocks_of(data, columns, v):
        out += v[rows] @ values**2
    return out


def _shape(data: Data, look: _Look, columns: Array, v: Array) -> Shape:
    """Second moments of the training rows, and of the test rows of weights v."""
    p = len(columns)
    G, T = np.zeros((p, p)), np.zeros((p, p))
    for rows, values in blocks_of(data, columns, np.maximum(data.w, v)):
        G += values.T @ (data.w[rows, None] * values)
        T += values.T @ (v[rows, None] * values)
    l2 = look.target.l2[columns, None] * look.strengths

    def rows_of(U: Array) -> tuple[Array, Array]:
        found = []
        for weights in (data.w, v):
            R: Array = np.zeros((0, len(U)))
            for rows, values in blocks_of(data, columns[U], weights):
                R = _factor.triangular_factor(np.vstack([R, np.sqrt(weights[rows, None]) * values]))
            found.append(R)
        return found[0], found[1]

    return Shape(G, T, l2, rows_of)


def blocks_of(data: Data, columns: Array, w: Array) -> Iterator[tuple[slice, Array]]:
    """Rows and entries (b, p) of some columns of V, zero in rows of weight zero."""
    m, p = data.X.shape[0], max(1, len(columns))
    own, step = dataclasses.replace(data, w=w), max(p, _ENTRIES // p)
    for start in range(0, m, step):
        rows = slice(start, min(start + step, m))
        yield rows, reads.entries(own, rows, columns)
