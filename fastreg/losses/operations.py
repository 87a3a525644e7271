"""What is registered for every loss, and what the rest of the package asks of one."""

from typing import NamedTuple

from fastreg._jit import operation


class Traits(NamedTuple):
    """outputs : predictions a row
    quadratic : whether ℓ is (z − y)²/2 but for a constant, so that moments say all
    smooth : whether ℓ″ exists everywhere
    separable : whether the loss is a sum over rows
    canonical : whether ℓ is A(z) − yz but for what does not depend on z
    self_concordant : whether │ℓ‴│ ≤ ℓ″, so that ℓ″ changes by eᵗ at most where z changes by t
    """

    outputs: int = 1
    quadratic: bool = False
    smooth: bool = True
    separable: bool = True
    canonical: bool = False
    self_concordant: bool = False


@operation(entry=True)
def value(loss, z, y):
    """ℓ(z, y), in units of the objective before division by the total weight."""


@operation(entry=True)
def derivative(loss, z, y):
    """∂ℓ/∂z."""


@operation(entry=True)
def curvature(loss, z, y):
    """∂²ℓ/∂z²."""


@operation
def link(loss, mean):
    """The z with ∂ℓ/∂z = 0 at y = `mean`: of a canonical loss and of squares the best intercept
    beside nothing else, where `mean` is that of y."""


@operation
def traits(loss):
    """`Traits`. Called from Python only."""


@operation
def domain(loss):
    """(low, high) of y. Called from Python only."""


@operation
def steepest(loss):
    """sup ℓ″, ∞ if there is none. Called from Python only."""
