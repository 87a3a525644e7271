"""The squared hinge loss of two classes, that of support vector machines, and of shares y of them.

With s₊ = max(s, 0), y = 1 of the second class and 0 of the first,

    ℓ = ½ y (1 − z)₊² + ½ (1 − y)(1 + z)₊²,   ℓ′ = (1 − y)(1 + z)₊ − y (1 − z)₊
    ℓ″ = y [z < 1] + (1 − y)[z > −1]
"""

from typing import NamedTuple

from fastreg.losses.operations import (
    Traits,
    curvature,
    derivative,
    domain,
    link,
    steepest,
    traits,
    value,
)


class SquaredHinge(NamedTuple):
    """The squared hinge loss of y in [0, 1], z the signed distance in units of the margin."""


@traits.register(SquaredHinge)
def _(loss):
    return Traits(affine=True, attained=True)


@value.register(SquaredHinge)
def _(loss, z, y):
    above, below = max(1.0 - z, 0.0), max(1.0 + z, 0.0)
    return 0.5 * (y * (above * above) + (1.0 - y) * (below * below))


@derivative.register(SquaredHinge)
def _(loss, z, y):
    return (1.0 - y) * max(1.0 + z, 0.0) - y * max(1.0 - z, 0.0)


@curvature.register(SquaredHinge)
def _(loss, z, y):
    return (y if z < 1.0 else 0.0) + ((1.0 - y) if z > -1.0 else 0.0)


@link.register(SquaredHinge)
def _(loss, mean):
    return 2.0 * mean - 1.0


@domain.register(SquaredHinge)
def _(loss):
    return 0.0, 1.0


@steepest.register(SquaredHinge)
def _(loss):
    return 1.0
