"""Σ l1_j·│w_j│ between bounds."""

from typing import NamedTuple

import numpy as np

from fastreg._jit import at
from fastreg.penalties.operations import (
    as_bounded,
    critical_strength,
    distance,
    of_shape,
    prox,
    rescale,
    rescaled,
    segment,
    slope,
    times,
    value,
)


class Bounded(NamedTuple):
    """Σ l1_j·│w_j│ over low ≤ w ≤ high, low ≤ 0 ≤ high; floats or (n,) arrays, ∞ for no bound."""

    l1: float | np.ndarray
    low: float | np.ndarray
    high: float | np.ndarray


def non_negative(l1: float | np.ndarray) -> Bounded:
    """Σ l1_j·w_j over w ≥ 0."""
    return Bounded(l1, 0.0, np.inf)


@value.register(Bounded)
def _(penalty, j, w):
    inside = at(penalty.low, j) <= w <= at(penalty.high, j)
    return at(penalty.l1, j) * abs(w) if inside else np.inf


@slope.register(Bounded)
def _(penalty, j, w):
    return at(penalty.l1, j) if w > 0.0 or at(penalty.low, j) == 0.0 else -at(penalty.l1, j)


@segment.register(Bounded)
def _(penalty, j, w):
    low, high = at(penalty.low, j), at(penalty.high, j)
    if w <= low:
        return low, low
    if w >= high:
        return high, high
    if at(penalty.l1, j) == 0.0:
        return low, high
    return (0.0 if w >= 0.0 else low), (0.0 if w <= 0.0 else high)


@prox.register(Bounded)
def _(penalty, j, z, step):
    threshold = step * at(penalty.l1, j)
    shrunk = max(z - threshold, 0.0) + min(z + threshold, 0.0)
    return min(max(shrunk, at(penalty.low, j)), at(penalty.high, j))


@distance.register(Bounded)
def _(penalty, j, w, gradient):
    l1, low, high = at(penalty.l1, j), at(penalty.low, j), at(penalty.high, j)
    # What pushes w up, and what pushes it down, is held where it cannot go.
    up = -gradient - (l1 if w >= 0.0 else -l1)
    down = gradient - (l1 if w <= 0.0 else -l1)
    return max(up if w < high else 0.0, down if w > low else 0.0, 0.0)


@critical_strength.register(Bounded)
def _(penalty, j, gradient):
    l1, end = at(penalty.l1, j), at(penalty.low, j) if gradient > 0.0 else at(penalty.high, j)
    return abs(gradient) / l1 if l1 > 0.0 and end != 0.0 else 0.0


@rescale.register(Bounded)
def _(penalty, scale, unit):
    exponent = 2 - np.frexp(scale)[1] - np.frexp(unit)[1]  # of 1/(scale·unit)
    with np.errstate(over="ignore"):
        low, high = (
            np.ldexp(np.broadcast_to(end, exponent.shape), exponent)
            for end in (penalty.low, penalty.high)
        )
    return Bounded(rescaled(penalty.l1, scale, unit), low, high)


@as_bounded.register(Bounded)
def _(penalty, n):
    return Bounded(*(np.full(n, each, float) for each in penalty))


@times.register(Bounded)
def _(penalty, factor):
    # One shape, and so one type for kernels.
    parts = penalty.l1 * factor, penalty.low, penalty.high
    shape = np.broadcast_shapes(*(np.shape(each) for each in parts))
    return Bounded(*(of_shape(each, shape) for each in parts))
