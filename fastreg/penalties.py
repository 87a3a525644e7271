"""Separable penalties p(w) = Σ_j p_j(w_j): what needs a proximal step.

The ridge term ½ Σ l2_j w_j² is no penalty here: it is smooth, changes only the
curvature, and is an argument of its own to kernels and solvers.

| penalty | p_j(w) | slope, w ≠ 0 | prox of step t at z |
|---|---|---|---|
| `L1` | l1_j·│w│ | l1_j·sign(w) | sign(z)·max(│z│ − t·l1_j, 0) |
| `NonNegative` | l1_j·w, ∞ if w < 0 | l1_j | max(z − t·l1_j, 0) |

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


class NonNegative(NamedTuple):
    """Σ l1_j·w_j over w ≥ 0; `l1` ≥ 0, a float or an (n,) array."""

    l1: float | np.ndarray


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


@value.register(NonNegative)
def _(penalty, j, w):
    return at(penalty.l1, j) * w if w >= 0.0 else np.inf


@slope.register(NonNegative)
def _(penalty, j, w):
    return at(penalty.l1, j)


@piece.register(NonNegative)
def _(penalty, j, w):
    return 0.0, (np.inf if w > 0.0 else 0.0)


@prox.register(NonNegative)
def _(penalty, j, z, step):
    return max(z - step * at(penalty.l1, j), 0.0)


@distance.register(NonNegative)
def _(penalty, j, w, gradient):
    if w > 0.0:
        return abs(gradient + at(penalty.l1, j))
    return max(-gradient - at(penalty.l1, j), 0.0)


@holding.register(NonNegative)
def _(penalty, j, gradient):
    l1 = at(penalty.l1, j)
    return max(-gradient, 0.0) / l1 if l1 > 0.0 else 0.0


@rescale.register(L1)
def _(penalty, scale, unit):
    return L1(_rescaled(penalty.l1, scale, unit))


@rescale.register(NonNegative)
def _(penalty, scale, unit):
    return NonNegative(_rescaled(penalty.l1, scale, unit))


@times.register(L1)
def _(penalty, factor):
    return L1(penalty.l1 * factor)


@times.register(NonNegative)
def _(penalty, factor):
    return NonNegative(penalty.l1 * factor)


def _rescaled(l1, scale, unit):
    # Exponents are added first, and the result kept finite: in extreme units l1·scale or
    # its quotient may overflow on the way to a sensible value; 1e300 is as good as ∞.
    exponent = np.frexp(scale)[1] - np.frexp(unit)[1]
    with np.errstate(over="ignore"):
        return np.minimum(np.ldexp(np.broadcast_to(l1, exponent.shape), exponent), 1e300)
