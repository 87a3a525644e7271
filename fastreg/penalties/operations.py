"""What is registered for every penalty, and helpers of those that are linear on segments."""

import functools

import numpy as np

from fastreg._jit import operation


@operation
def value(penalty, j, w):
    """p_j(w)."""


@operation
def slope(penalty, j, w):
    """p_j′(w) for w ≠ 0."""


@operation
def segment(penalty, j, w):
    """(low, high): the largest interval around w on which p_j is linear; (w, w) on a breakpoint."""


@operation
def prox(penalty, j, z, step):
    """argmin_w p_j(w) + (w − z)²/(2·step)."""


@operation
def distance(penalty, j, w, gradient):
    """min │gradient + s│ over s in ∂p_j(w): zero exactly at a minimiser."""


@operation
def critical_strength(penalty, j, gradient):
    """The least f ≥ 0 with which f·p holds w_j = 0 against a gradient; 0 if none does."""


@operation
def rescale(penalty, scale, unit):
    """The penalty of β where θ = β·scale·unit and the objective is divided by unit².

    `scale` (n,) and `unit` are powers of two. Called from Python only.
    """


@operation
def times(penalty, factor):
    """factor·p, factor ≥ 0. Called from Python only."""


@operation
def as_bounded(penalty, n):
    """The penalty as `Bounded` with (n,) arrays, where it is one. Called from Python only."""


def of_shape(value, shape):
    if np.shape(value) == shape:
        return value
    return np.ascontiguousarray(np.broadcast_to(value, shape))


@functools.singledispatch
def is_zero(penalty):
    """Whether p is zero for every coefficient. Called from Python only."""
    return False


@functools.singledispatch
def is_absolute(penalty):
    """Whether p is Σ l1_j·│w_j│ and no more. Called from Python only."""
    return False


def rescaled(l1, scale, unit):
    # Exponents are added first, and the result kept finite: in extreme units l1·scale or
    # its quotient may overflow on the way to a sensible value; 1e300 is as good as ∞.
    exponent = np.frexp(scale)[1] - np.frexp(unit)[1]
    with np.errstate(over="ignore"):
        return np.minimum(np.ldexp(np.broadcast_to(l1, exponent.shape), exponent), 1e300)
