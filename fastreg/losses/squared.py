"""Half the squared residual, (z − y)²/2: derivative z − y, curvature 1."""

import math
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


class Squared(NamedTuple):
    """Half the squared residual, (z − y)²/2."""


@traits.register(Squared)
def _(loss):
    return Traits(quadratic=True, attained=True, dispersed=True)


@value.register(Squared)
def _(loss, z, y):
    return 0.5 * (z - y) * (z - y)


@derivative.register(Squared)
def _(loss, z, y):
    return z - y


@curvature.register(Squared)
def _(loss, z, y):
    return 1.0 + 0.0 * z


@link.register(Squared)
def _(loss, mean):
    return mean


@domain.register(Squared)
def _(loss):
    return -math.inf, math.inf


@steepest.register(Squared)
def _(loss):
    return 1.0
