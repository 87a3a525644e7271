"""log(1 + eᶻ) − yz."""

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
from fastreg.certificate.small.losses.relative import relative
from fastreg.losses import Logistic


@value.register(Logistic)
def _(loss, z, y):
    return (z if z > 0.0 else 0.0) - y * z + math.log1p(math.exp(-abs(z)))


@slope.register(Logistic)
def _(loss, z, y):
    e = math.exp(-abs(z))
    return (1.0 if z >= 0.0 else e) / (1.0 + e) - y


@curvature.register(Logistic)
def _(loss, z, y):
    e = math.exp(-abs(z))
    return e / ((1.0 + e) * (1.0 + e))


@divergence.register(Logistic)
def _(loss, z, u, y):
    a, b = y + u, (1.0 - y) - u
    if a < 0.0 or b < 0.0:
        return math.inf
    e = math.exp(-abs(z))
    near, far = 1.0 / (1.0 + e), e / (1.0 + e)
    p, q = (near, far) if z >= 0.0 else (far, near)
    return relative(a, p, z) + relative(b, q, -z)


@ends.register(Logistic)
def _(loss, y):
    return -y, 1.0 - y


@natural.register(Logistic)
def _(loss, mean):
    return math.log(mean / (1.0 - mean))


@saturated.register(Logistic)
def _(loss, y):
    out = 0.0
    if y > 0.0:
        out -= y * math.log(y)
    if y < 1.0:
        out -= (1.0 - y) * math.log(1.0 - y)
    return out
