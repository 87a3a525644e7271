"""What is registered for every loss, and what the rest of the package asks of one."""

import math
from numbers import Real
from typing import Any, NamedTuple

from fastreg._jit import operation


class Traits(NamedTuple):
    """outputs : predictions a row
    quadratic : whether ℓ is (z − y)²/2 but for a constant, so that moments say all
    smooth : whether ℓ″ exists everywhere
    separable : whether the loss is a sum over rows
    convex : whether it is, for every y; where not there is no duality gap
    affine : whether ℓ is A(z) − y B(z) but for what does not depend on z
    self_concordant : whether │ℓ‴│ ≤ ℓ″, so that ℓ″ changes by eᵗ at most where z changes by t
    is_open : whether y may not be at the ends of its domain
    attained : whether ℓ has a minimum where y is at an end of its domain
    dispersed : whether the variance of y has a scale of its own, which ℓ does not know
    """

    outputs: int = 1
    quadratic: bool = False
    smooth: bool = True
    separable: bool = True
    convex: bool = True
    affine: bool = False
    self_concordant: bool = False
    is_open: bool = False
    attained: bool = False
    dispersed: bool = False


def as_number(name: str, value: Any) -> float:
    """A finite float, of what a user gave by this name."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {value!r}")
    return float(value)


@operation(entry=True)
def value(loss, z, y):
    """ℓ(z, y), in units of the objective before division by the total weight."""


@operation(entry=True)
def derivative(loss, z, y):
    """∂ℓ/∂z."""


@operation(entry=True)
def curvature(loss, z, y):
    """∂²ℓ/∂z²; of a loss that is not convex a positive stand-in for it."""


@operation
def link(loss, mean):
    """The z with ∂ℓ/∂z = 0 at y = `mean`: of an affine loss the best intercept beside nothing else,
    where `mean` is that of y."""


@operation
def traits(loss):
    """`Traits`. Called from Python only."""


@operation
def sound(loss):
    """The loss with its numbers as floats. Called from Python only; a loss without numbers needs
    none.

    Raises
    ------
    ValueError
        A number is out of range.
    """


@operation
def domain(loss):
    """(low, high) of y. Called from Python only."""


@operation
def steepest(loss):
    """sup ℓ″, ∞ if there is none. Called from Python only."""
