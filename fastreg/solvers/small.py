"""One strength of one target on a small dense X: one call that fits, and one that certifies.

A fit of 100 rows is arithmetic of 10 µs; the passes, problems and points of what takes gigabytes
cost a hundred times as much.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastreg import penalties
from fastreg.certificate import Certificate, certify_small
from fastreg.certificate.small import knows
from fastreg.design import Design, counted
from fastreg.kernels import small
from fastreg.losses import traits
from fastreg.objectives import Objective
from fastreg.penalties import Bounded, as_bounded

Array = np.ndarray
_COLUMNS = 64
_ENTRIES = 1 << 17  # of X, of which a copy of 1 MB stays in cache
_LARGE = 1e60
_MOST = 10_000  # steps, 0.1 s at most: nobody can interrupt them
_NAMES = {True: "Cholesky factorisation of the Gram matrix", False: "coordinate and Newton steps"}


class Answer(NamedTuple):
    """coef (n,), the intercept, their certificate, and the steps taken."""

    coef: Array
    intercept: float
    certificate: Certificate
    steps: int


def suits(X: Design, Y: Array, objective: Objective) -> bool:
    """Whether a problem is worth a try: it may still be declined."""
    return (
        not X.is_sparse
        and X.nnz <= _ENTRIES
        and X.shape[1] <= _COLUMNS
        and Y.shape[1] == 1
        and objective.offset is None
        and objective.l2.shape[1] == 1
        and (objective.strength is None or len(objective.strength) == 1)
    )


def solve(X: Design, Y: Array, objective: Objective, tol: float, max_iter: int) -> Answer | None:
    """None where columns depend on one another, nothing holds a coefficient, or the certificate
    does not say what was asked: for solvers that refine."""
    (m, n), (strengths, penalty) = X.shape, objective.at(0)
    if type(penalty) not in as_bounded.implementations or not knows(objective.loss):
        return None
    box = as_bounded(penalty, n)
    l2 = np.zeros(-(-n // 8) * 8)
    l2[:n] = strengths
    if ((l2[:n] == 0.0) & (box.l1 == 0.0)).any():
        return None  # it asks for compensated sums, or may have no minimum
    y, weights = Y[:, 0].copy(), objective.weights
    if weights is None:
        w = np.full(m, 1.0 / m)
    else:
        w, y = weights / weights.max(), counted(y, weights)
        w /= w.sum()
    values = np.ascontiguousarray(X.matrix, np.float64)
    values.flags.writeable = False  # as views of the caller's are: one type for kernels
    most = min(max_iter, _MOST)
    found = _fit(values, y, w, objective, box, l2, tol, most)
    if found[0] == small.EXTREME:
        found = _fit_in_units(values, y, w, objective, penalty, l2, tol, most)
    status, theta, intercept, steps = found
    if status != small.DONE:
        return None
    certificate = certify_small(
        values, y, w, theta, intercept, objective, tol=tol, method=_method(objective, box)
    )
    if certificate is None or not certificate.converged:
        return None
    return Answer(theta, intercept, certificate, steps)


def _fit(
    X: Array,
    y: Array,
    w: Array,
    objective: Objective,
    box: Bounded,
    l2: Array,
    tol: float,
    most: int,
) -> tuple[int, Array, float, int]:
    """(status, θ (n,), b, steps)."""
    if not (l2.max() < _LARGE and np.max(box.l1) < _LARGE):
        return small.EXTREME, np.zeros(X.shape[1]), 0.0, 0
    room, centred, loss = small.room(*X.shape), bool(objective.fit_intercept), objective.loss
    if traits(loss).quadratic:
        found = small.fit_squares(X, y, w, box, l2, centred, most, room)
    else:
        found = small.fit_loss(X, y, w, loss, box, l2, centred, tol, most, room)
    status, intercept, steps = found
    return status, room.theta[: X.shape[1]].copy(), intercept, steps


def _fit_in_units(
    X: Array, y: Array, w: Array, objective: Objective, penalty: Any, l2: Array, tol: float,
    most: int,
) -> tuple[int, Array, float, int]:  # fmt: skip
    """`_fit` in units near 1, powers of two: the same bits."""
    n, seen, centred = X.shape[1], w > 0.0, objective.fit_intercept
    size, unit = _size(X[seen], centred), np.ones(1)
    if not np.isfinite(size).all():
        return small.DECLINED, np.zeros(n), 0.0, 0
    if traits(objective.loss).quadratic:
        unit = _size(y[seen, None], centred)
    scale, own = 1.0 / size, np.zeros(len(l2))
    varies = X[seen].any(axis=0)
    with np.errstate(over="ignore", under="ignore"):
        own[:n] = np.where(varies, l2[:n] * scale * scale, 1.0)  # a column of zeros has no size
        box = as_bounded(penalties.rescale(penalty, scale, unit[0]), n)
        box.l1[~varies] = 1.0
        scaled = X * scale
        scaled.flags.writeable = False
        status, theta, level, steps = _fit(scaled, y / unit[0], w, objective, box, own, tol, most)
        theta *= scale * unit[0]
        level *= unit[0]
    if not (np.isfinite(theta).all() and np.isfinite(level)):
        return small.DECLINED, theta, level, steps
    return status, theta, float(level), steps


def _size(X: Array, centred: bool) -> Array:
    """(n,): powers of two next to the size of each column, or of its spread."""
    whole = np.abs(X).max(axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        size = X.max(axis=0) / 2 - X.min(axis=0) / 2 if centred else whole
    size = np.where(size > 0.0, size, whole)
    return np.where(size > 0.0, np.ldexp(1.0, np.frexp(size)[1]), 1.0)


def _method(objective: Objective, box: Bounded) -> str:
    if not traits(objective.loss).quadratic:
        return "proximal Newton"
    plain = not np.any(box.l1) and np.max(box.low) == -np.inf and np.min(box.high) == np.inf
    return _NAMES[plain]
