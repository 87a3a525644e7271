"""(z − y)²/2."""

from fastreg.certificate.small.losses.operations import (
    curvature,
    divergence,
    ends,
    natural,
    saturated,
    slope,
    value,
)
from fastreg.losses import Squared


@value.register(Squared)
def _(loss, z, y):
    return 0.5 * (z - y) * (z - y)


@slope.register(Squared)
def _(loss, z, y):
    return z - y


@curvature.register(Squared)
def _(loss, z, y):
    return 1.0


@divergence.register(Squared)
def _(loss, z, u, y):
    return 0.5 * (z - y - u) * (z - y - u)


@ends.register(Squared)
def _(loss, y):
    return -1.0, 1.0


@natural.register(Squared)
def _(loss, mean):
    return mean


@saturated.register(Squared)
def _(loss, y):
    return 0.0
