"""eᶻ − yz."""

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
from fastreg.losses import Poisson


@value.register(Poisson)
def _(loss, z, y):
    return exp(z) - y * z


@slope.register(Poisson)
def _(loss, z, y):
    return exp(z) - y


@curvature.register(Poisson)
def _(loss, z, y):
    return exp(z)


@divergence.register(Poisson)
def _(loss, z, u, y):
    v = y + u
    return math.inf if v < 0.0 else relative(v, exp(z), z)


@ends.register(Poisson)
def _(loss, y):
    return -y, y


@natural.register(Poisson)
def _(loss, mean):
    return math.log(mean)


@saturated.register(Poisson)
def _(loss, y):
    return y - y * math.log(y) if y > 0.0 else 0.0
