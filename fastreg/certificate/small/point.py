"""A point to judge, in its units or in others."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastreg.certificate.small.box import Box
from fastreg.certificate.small.judge import judge, work
from fastreg.losses import traits

Array = np.ndarray


class Point(NamedTuple):
    """X (m, n) C-contiguous float64, y (m,), w (m,) of sum 1; loss, penalty and ridge terms,
    whether there is an intercept; θ (n,) and the intercept."""

    X: Array
    y: Array
    w: Array
    loss: Any
    box: Box
    l2: Array
    centred: bool
    theta: Array
    intercept: float


def judged(point: Point, tol: float) -> tuple[Array, float, Array]:
    """(verdict (5, 1) as `Target.judge` has it, the least loss of any prediction, the unit (1,) of
    y in which they are)."""
    *verdict, least = _judge(point, tol)
    unit = 1.0
    if not np.isfinite(verdict[0]):
        point, unit = _in_units(point)
        *verdict, least = _judge(point, tol)
    return np.array(verdict)[:, None], least, np.array([unit])


def _judge(point: Point, tol: float) -> tuple[float, ...]:
    X, y, w, loss, box, l2, centred, theta, intercept = point
    ridge = np.empty(len(theta))
    ridge[:] = l2
    found: tuple[float, ...] = judge(
        X, y, w, loss, box, ridge, centred, traits(loss).quadratic, theta, intercept, tol,
        work(*X.shape),
    )  # fmt: skip
    return found


def _in_units(point: Point) -> tuple[Point, float]:
    """(the point in units near 1, powers of two, the unit of y): squares of 1e-200 are no zeros."""
    seen = point.w > 0.0
    column = _exponent(point.X[seen], point.centred)
    row = int(_exponent(point.y[seen], point.centred)) if traits(point.loss).quadratic else 0
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        box = Box(
            np.ldexp(point.box.l1, -column - row),
            np.ldexp(point.box.low, column - row),
            np.ldexp(point.box.high, column - row),
        )
        scaled = point._replace(
            X=np.ldexp(point.X, -column),
            y=np.ldexp(point.y, -row),
            box=box,
            l2=np.ldexp(point.l2, -2 * column),
            theta=np.ldexp(point.theta, column - row),
            intercept=float(np.ldexp(point.intercept, -row)),
        )
    scaled.X.flags.writeable = False  # one type for the compiler
    return scaled, float(np.ldexp(1.0, row))


def _exponent(values: Array, centred: bool) -> Array:
    """Of the spreads of columns, or of their sizes."""
    with np.errstate(over="ignore", invalid="ignore"):
        high, low = values.max(axis=0), values.min(axis=0)
        whole = np.maximum(high, -low)
        size = high / 2 - low / 2 if centred else whole
        size = np.where(size > 0.0, size, whole)
        exponent: Array = np.frexp(np.where(size > 0.0, size, 1.0))[1]
    return exponent
