"""Data that no penalty holds: directions along which the loss falls for ever.

A loss whose y is at an end of its domain falls as its prediction goes that way, and has no minimum:
log(1 + e⁻ᶻ) of a success, eᶻ of a count of zero. With x̃ the features that nothing holds and the
intercept, the data is separable if some d satisfies

    x̃ᵀd ≥ 0 where y is at the upper end,   x̃ᵀd ≤ 0 at the lower end,   x̃ᵀd = 0 elsewhere,

and not all of these as equalities (Albert & Anderson, Biometrika 71, 1984). Ranges tell where one
feature does so alone. Else, where X is small enough, a linear programme finds the d of least Σ│d_j│
for which they are 1 on average, if there is one: few features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from scipy.special import softmax

from fastreg import losses
from fastreg.certificate.losses import slope
from fastreg.design import Design
from fastreg.objectives import Objective
from fastreg.sources.blocks import Source
from fastreg.sources.rows import Block, Layout

Array = np.ndarray
_MET = 1e-6  # a slope of a row that nothing is left to gain from
_LARGEST = 1_000_000  # entries of X up to which the programme is solved
_SECONDS = 5.0
_STEEPEST = 1e6  # an entry of d, of columns no larger than 1: beyond it 1 is rounding
_NOTHING = 1e-9  # of the largest entry of d: one that is rounding
_BLOCK = 1 << 17  # entries of a block of rows: 1 MB
_NAMED = 10  # features in a message


def complaint(
    X: Design, y: Array, z: Array, objective: Objective, exhausted: bool, names: Any
) -> str:
    """What to warn of after a fit with predictions z, empty where there is a minimum, or no sign of
    there being none.

    names : (n,) of the features, or None
    """
    free = _free(objective, X.shape[1])
    if not free.any() or losses.traits(objective.loss).attained:
        return ""
    counts = np.ones(len(y), bool) if objective.weights is None else objective.weights > 0
    low, high = losses.domain(objective.loss)
    ends = counts & ((y == low) | (y == high))
    met = np.abs(slope(objective.loss, z, y)) < _MET
    if not ends.any() or not (exhausted or (met & ends).any()):
        return ""
    found = _alone(X, y, counts, free, objective)
    if not len(found):
        if X.nnz > _LARGEST:
            return words() if (met & ends)[counts].all() else ""
        found = _together(X, y, counts, free, objective)
        if not len(found):
            return ""
    shown = [f"x{j}" if names is None else str(names[j]) for j in found[:_NAMED]]
    return words(", ".join(shown) + (", …" if len(found) > _NAMED else ""))


def is_free(objective: Objective, n: int) -> bool:
    """Whether some of n coefficients have no penalty at the first point, and no bounds from both
    sides, of a loss that may fall for ever."""
    return not losses.traits(objective.loss).attained and bool(_free(objective, n).any())


def certain(source: Source, loss: Any, coef: Array, intercept: Array, labels: Any) -> list[int]:
    """Classes whose rows are all met, of coef (n, K) and intercept (K,), labels (K,) or None; or 0
    where all rows of one prediction are. It takes a read, in which no programme is solved: data
    that only some rows separate stays unseen."""
    work = _Met(source.layout, loss, coef, intercept, labels)
    met, rows = source.reduce(work, np.add)
    return np.flatnonzero((rows > 0) & (met == rows)).tolist()


@dataclass(frozen=True, eq=False)
class _Met:
    """(2, K) of a block: rows that nothing is left to gain from, and rows that count."""

    layout: Layout
    loss: Any
    coef: Array
    intercept: Array
    labels: Array | None

    def __call__(self, block: Block, row: int) -> Array:
        rows = self.layout.check(block)
        counts = np.ones(len(rows.Y), bool) if rows.weights is None else rows.weights > 0.0
        z = np.asarray(rows.X.matrix @ self.coef)[counts] + self.intercept
        y = rows.Y[counts]
        if self.labels is None:
            z += 0.0 if rows.offset is None else rows.offset[counts, None]
            ends = np.isin(y, losses.domain(self.loss))
            place = np.zeros(len(y), int)
            met = (ends & (np.abs(slope(self.loss, z, y)) < _MET))[:, 0]
        else:
            place = np.searchsorted(self.labels, y[:, 0])
            met = 1.0 - softmax(z, axis=1)[np.arange(len(y)), place] < _MET
        K = self.coef.shape[1]
        return np.stack([np.bincount(place, met, K), np.bincount(place, minlength=K)])


def words_of_class(label: Any) -> str:
    """What to warn of where all rows of a class are met."""
    return (
        f"all rows of class {label!r} are told apart with certainty: coefficients that nothing "
        "holds may grow for ever, and are then arbitrary; penalise them, or bound them"
    )


def words(features: str = "") -> str:
    which = f"coefficients of {features}" if features else "coefficients"
    return (
        f"the data is separable and the loss has no minimum: it falls for ever as {which} grow, "
        "which are therefore arbitrary; penalise them, or bound them"
    )


def _free(objective: Objective, n: int) -> Array:
    """(n,): what no penalty holds, and no bounds from both sides."""
    l2, penalty = objective.at(0)
    low, high = _ways(penalty, n)
    held = np.broadcast_to(l2 != 0.0, n) | np.broadcast_to(np.asarray(penalty.l1) != 0.0, n)
    return ~held & ((low < 0.0) | (high > 0.0))


def _ways(penalty: Any, n: int) -> tuple[Array, Array]:
    """(n,) each: −1 and 1 where a coefficient may go to −∞ and ∞, else 0."""
    low, high = getattr(penalty, "low", -np.inf), getattr(penalty, "high", np.inf)
    return (
        np.where(np.broadcast_to(low, n) == -np.inf, -1.0, 0.0),
        np.where(np.broadcast_to(high, n) == np.inf, 1.0, 0.0),
    )


def _alone(X: Design, y: Array, counts: Array, free: Array, objective: Objective) -> Array:
    """The features each of which separates by itself."""
    low, high = losses.domain(objective.loss)
    least, above = _range(X, np.flatnonzero(counts & (y != low)))
    below, most = _range(X, np.flatnonzero(counts & (y != high)))
    varies = np.minimum(least, below) < np.maximum(above, most)
    down, up = _ways(objective.at(0)[1], len(free))
    zero = not objective.fit_intercept
    rising = (least >= most) & ((least >= 0.0) & (most <= 0.0) if zero else True)
    falling = (above <= below) & ((above <= 0.0) & (below >= 0.0) if zero else True)
    found = (rising & (up > 0.0)) | (falling & (down < 0.0))
    return np.flatnonzero(free & varies & found)


def _range(X: Design, rows: Array) -> tuple[Array, Array]:
    """(n,) each: least and largest of each column in some rows."""
    low, high = np.full(X.shape[1], np.inf), np.full(X.shape[1], -np.inf)
    pieces = 1 if X.is_sparse else max(1, len(rows) * X.shape[1] // _BLOCK)
    for some in np.array_split(rows, min(pieces, max(1, len(rows)))):
        if len(some):
            part = X.matrix[some]
            np.minimum(low, _dense(part.min(axis=0)), out=low)
            np.maximum(high, _dense(part.max(axis=0)), out=high)
    return low, high


def _dense(row: Any) -> Array:
    """(n,) of a row that may be sparse."""
    out: Array = np.asarray(row.toarray() if scipy.sparse.issparse(row) else row, float).ravel()
    return out


def _together(X: Design, y: Array, counts: Array, free: Array, objective: Objective) -> Array:
    """The features of a direction that separates, none if there is none."""
    from scipy.optimize import linprog  # slow to import

    columns, rows = np.flatnonzero(free), np.flatnonzero(counts)
    A = _scaled(X.matrix[rows][:, columns], objective.fit_intercept)
    low, high = losses.domain(objective.loss)
    seen = y[rows]
    sign = np.where(seen == high, 1.0, np.where(seen == low, -1.0, 0.0))
    ends = sign != 0.0
    toward = A[ends].multiply(sign[ends, None]).tocsr()
    mean = scipy.sparse.csr_array(toward.mean(axis=0).reshape(1, -1))
    level = scipy.sparse.vstack([mean, A[~ends]])
    # d is a difference of two parts ≥ 0, each 0 where a bound stands in its way.
    down, up = (each[free] for each in _ways(objective.at(0)[1], len(free)))
    most = [up, -down]
    if objective.fit_intercept:
        most = [np.append(each, np.inf) for each in most]
    cost = np.append(np.ones(len(columns)), np.zeros(int(objective.fit_intercept)))
    found = linprog(
        np.tile(cost, 2),
        A_ub=scipy.sparse.hstack([-toward, toward]),
        b_ub=np.zeros(toward.shape[0]),
        A_eq=scipy.sparse.hstack([level, -level]),
        b_eq=np.append(1.0, np.zeros(level.shape[0] - 1)),
        bounds=np.column_stack([np.zeros(2 * len(cost)), _STEEPEST * np.concatenate(most)]),
        options={"time_limit": _SECONDS},
    )
    if found.status != 0:
        return np.zeros(0, int)
    size = np.abs(np.subtract(*np.split(found.x, 2)))[: len(columns)]
    return columns[size > _NOTHING * size.max()]


def _scaled(X: Any, intercept: bool) -> Any:
    """The rows of the programme: columns no larger than 1, about their means where an intercept
    takes these up, and one of ones for it."""
    X = X.astype(np.float64)
    if intercept and not scipy.sparse.issparse(X):
        X = X - X.mean(axis=0)
    most = _dense(abs(X).max(axis=0))
    scale = np.divide(1.0, most, out=np.zeros(len(most)), where=most > 0.0)
    A = scipy.sparse.csr_array(X) @ scipy.sparse.diags_array(scale)
    ones = scipy.sparse.csr_array(np.ones((X.shape[0], 1)))
    return scipy.sparse.hstack([A, ones] if intercept else [A], format="csr")
