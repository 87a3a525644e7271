"""Separable penalties p(w) = Σ_j p_j(w_j): what needs a proximal step.

The ridge term ½ Σ l2_j w_j² is no penalty here: it is smooth, changes only the
curvature, and is an argument of its own to kernels and solvers.

| penalty | p_j(w) | slope, w ≠ 0 | prox of step t at z |
|---|---|---|---|
| `L1` | l1_j·│w│ | l1_j·sign(w) | sign(z)·max(│z│ − t·l1_j, 0) |
| `Bounded` | l1_j·│w│, ∞ outside [low_j, high_j] | l1_j·sign(w) | the same, clipped to the bounds |

A penalty is a NamedTuple of scalars or (n,) arrays with eight operations registered for
its class. No kernel and no solver names a penalty. Each is linear on pieces, which end at
kinks: on a piece the objective is quadratic, and a Newton step finds its minimum.
"""

from typing import NamedTuple

import numpy as np

from fastreg._jit import at, operation


class L1(NamedTuple):
    """The lasso's penalty, Σ l1_j·│w_j│; `l1` ≥ 0, a float or an (n,) array."""

    l1: float | np.ndarray


class Bounded(NamedTuple):
    """Σ l1_j·│w_j│ over low ≤ w ≤ high, low ≤ 0 ≤ high; floats or (n,) arrays, ∞ for no bound."""

    l1: float | np.ndarray
    low: float | np.ndarray
    high: float | np.ndarray


def non_negative(l1: float | np.ndarray) -> Bounded:
    """Σ l1_j·w_j over w ≥ 0."""
    return Bounded(l1, 0.0, np.inf)


@operation
def value(penalty, j, w):
    """p_j(w)."""


@operation
def slope(penalty, j, w):
    """p_j′(w) for w ≠ 0."""


@operation
def piece(penalty, j, w):
    """(low, high): the largest interval around w on which p_j is linear; (w, w) on a kink."""


@operation
def prox(penalty, j, z, step):
    """argmin_w p_j(w) + (w − z)²/(2·step)."""


@operation
def distance(penalty, j, w, gradient):
    """min │gradient + s│ over s in ∂p_j(w): zero exactly at a minimiser."""


@operation
def holding(penalty, j, gradient):
    """The least f ≥ 0 with which f·p holds w_j = 0 against a gradient; 0 if none does."""


@operation
def rescale(penalty, scale, unit):
    """The penalty of β where θ = β·scale·unit and the objective is divided by unit².

    `scale` (n,) and `unit` are powers of two. Called from Python only.
    """


@operation
def times(penalty, factor):
    """factor·p, factor ≥ 0. Called from Python only."""


@value.register(L1)
def _(penalty, j, w):
    return at(penalty.l1, j) * abs(w)


@slope.register(L1)
def _(penalty, j, w):
    return at(penalty.l1, j) if w > 0.0 else -at(penalty.l1, j)


@piece.register(L1)
def _(penalty, j, w):
    if at(penalty.l1, j) == 0.0:
        return -np.inf, np.inf
    return (0.0 if w >= 0.0 else -np.inf), (0.0 if w <= 0.0 else np.inf)


@prox.register(L1)
def _(penalty, j, z, step):
    threshold = step * at(penalty.l1, j)
    if z > threshold:
        return z - threshold
    if z < -threshold:
        return z + threshold
    return 0.0 * z


@distance.register(L1)
def _(penalty, j, w, gradient):
    l1 = at(penalty.l1, j)
    if w > 0.0:
        return abs(gradient + l1)
    if w < 0.0:
        return abs(gradient - l1)
    return max(abs(gradient) - l1, 0.0)


@holding.register(L1)
def _(penalty, j, gradient):
    l1 = at(penalty.l1, j)
    return abs(gradient) / l1 if l1 > 0.0 else 0.0


@value.register(Bounded)
def _(penalty, j, w):
    inside = at(penalty.low, j) <= w <= at(penalty.high, j)
    return at(penalty.l1, j) * abs(w) if inside else np.inf


@slope.register(Bounded)
def _(penalty, j, w):
    return at(penalty.l1, j) if w > 0.0 or at(penalty.low, j) == 0.0 else -at(penalty.l1, j)


@piece.register(Bounded)
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


@holding.register(Bounded)
def _(penalty, j, gradient):
    l1, end = at(penalty.l1, j), at(penalty.low, j) if gradient > 0.0 else at(penalty.high, j)
    return abs(gradient) / l1 if l1 > 0.0 and end != 0.0 else 0.0


@rescale.register(L1)
def _(penalty, scale, unit):
    return L1(_rescaled(penalty.l1, scale, unit))


@rescale.register(Bounded)
def _(penalty, scale, unit):
    exponent = 2 - np.frexp(scale)[1] - np.frexp(unit)[1]  # of 1/(scale·unit)
    with np.errstate(over="ignore"):
        low, high = (
            np.ldexp(np.broadcast_to(end, exponent.shape), exponent)
            for end in (penalty.low, penalty.high)
        )
    return Bounded(_rescaled(penalty.l1, scale, unit), low, high)


@times.register(L1)
def _(penalty, factor):
    return L1(penalty.l1 * factor)


@times.register(Bounded)
def _(penalty, factor):
    # One shape, and so one type for kernels.
    parts = penalty.l1 * factor, penalty.low, penalty.high
    shape = np.broadcast_shapes(*(np.shape(each) for each in parts))
    return Bounded(*(_of_shape(each, shape) for each in parts))


def _of_shape(value, shape):
    if np.shape(value) == shape:
        return value
    return np.ascontiguousarray(np.broadcast_to(value, shape))


def _rescaled(l1, scale, unit):
    # Exponents are added first, and the result kept finite: in extreme units l1·scale or
    # its quotient may overflow on the way to a sensible value; 1e300 is as good as ∞.
    exponent = np.frexp(scale)[1] - np.frexp(unit)[1]
    with np.errstate(over="ignore"):
        return np.minimum(np.ldexp(np.broadcast_to(l1, exponent.shape), exponent), 1e300)
