"""The lasso's penalty, Σ l1_j·│w_j│."""

from typing import NamedTuple

import numpy as np

from fastreg._jit import at
from fastreg.penalties.bounded import Bounded
from fastreg.penalties.operations import (
    as_bounded,
    critical_strength,
    distance,
    is_absolute,
    is_zero,
    prox,
    rescale,
    rescaled,
    segment,
    slope,
    times,
    value,
)


class L1(NamedTuple):
    """The lasso's penalty, Σ l1_j·│w_j│; `l1` ≥ 0, a float or an (n,) array."""

    l1: float | np.ndarray


@value.register(L1)
def _(penalty, j, w):
    return at(penalty.l1, j) * abs(w)


@slope.register(L1)
def _(penalty, j, w):
    return at(penalty.l1, j) if w > 0.0 else -at(penalty.l1, j)


@segment.register(L1)
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


@critical_strength.register(L1)
def _(penalty, j, gradient):
    l1 = at(penalty.l1, j)
    return abs(gradient) / l1 if l1 > 0.0 else 0.0


@rescale.register(L1)
def _(penalty, scale, unit):
    return L1(rescaled(penalty.l1, scale, unit))


@as_bounded.register(L1)
def _(penalty, n):
    free = np.full(n, np.inf)
    return Bounded(np.full(n, penalty.l1, float), -free, free)


@times.register(L1)
def _(penalty, factor):
    return L1(penalty.l1 * factor)


@is_zero.register
def _(penalty: L1):
    return not np.any(penalty.l1)


@is_absolute.register
def _(penalty: L1):
    return True
