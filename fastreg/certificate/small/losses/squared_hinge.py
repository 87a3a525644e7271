"""½ y (1 − z)₊² + ½ (1 − y)(1 + z)₊², y in [0, 1]."""

import math

from fastreg.certificate.small.losses.operations import (
    curvature,
    divergence,
    ends,
    natural,
    saturated,
    slope,
    value,
)
from fastreg.losses import SquaredHinge


@value.register(SquaredHinge)
def _(loss, z, y):
    above, below = max(1.0 - z, 0.0), max(1.0 + z, 0.0)
    return 0.5 * (y * (above * above) + (1.0 - y) * (below * below))


@slope.register(SquaredHinge)
def _(loss, z, y):
    return (1.0 - y) * max(1.0 + z, 0.0) - y * max(1.0 - z, 0.0)


@curvature.register(SquaredHinge)
def _(loss, z, y):
    return (y if z < 1.0 else 0.0) + ((1.0 - y) if z > -1.0 else 0.0)


@divergence.register(SquaredHinge)
def _(loss, z, u, y):
    """y [½ (a − a′)² + a′ (z − 1)₊] + (1 − y) [½ (b − b′)² + b′ (−1 − z)₊]."""
    if (u < 0.0 and y == 0.0) or (u > 0.0 and y == 1.0):
        return math.inf
    a, b = max(1.0 - z, 0.0), max(1.0 + z, 0.0)
    if u < -2.0 * y:
        own, other = -u / y, 0.0
    elif u > 2.0 * (1.0 - y):
        own, other = 0.0, u / (1.0 - y)
    else:
        own, other = 2.0 * (1.0 - y) - u, 2.0 * y + u
    first = 0.5 * (a - own) * (a - own) + own * max(z - 1.0, 0.0)
    second = 0.5 * (b - other) * (b - other) + other * max(-1.0 - z, 0.0)
    return y * first + (1.0 - y) * second


@ends.register(SquaredHinge)
def _(loss, y):
    return -y, 1.0 - y


@natural.register(SquaredHinge)
def _(loss, mean):
    return 2.0 * mean - 1.0


@saturated.register(SquaredHinge)
def _(loss, y):
    return 2.0 * y * (1.0 - y)
