"""z + y e⁻ᶻ: ℓ*(u) = v log(v/y) − v with v = 1 − u ≥ 0."""

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
from fastreg.certificate.small.losses.relative import exp, relative
from fastreg.losses import Gamma


@value.register(Gamma)
def _(loss, z, y):
    return z + y * exp(-z)


@slope.register(Gamma)
def _(loss, z, y):
    return 1.0 - y * exp(-z)


@curvature.register(Gamma)
def _(loss, z, y):
    return y * exp(-z)


@divergence.register(Gamma)
def _(loss, z, u, y):
    v = 1.0 - u
    return math.inf if v < 0.0 else relative(v, y * exp(-z), math.log(y) - z)


@ends.register(Gamma)
def _(loss, y):
    return -1.0, 1.0


@natural.register(Gamma)
def _(loss, mean):
    return math.log(mean)


@saturated.register(Gamma)
def _(loss, y):
    return 1.0 + math.log(y)
