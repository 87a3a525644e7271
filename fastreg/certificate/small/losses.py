"""Losses as the small certificate sees them, an entry at a time: code of its own, as that of
`fastreg.certificate.losses` is, for the same losses."""

import math

from fastreg._jit import inner, operation
from fastreg.losses import Logistic, Poisson, Squared


@operation
def value(loss, z, y):
    """ℓ(z; y)."""


@operation
def slope(loss, z, y):
    """ℓ′(z; y)."""


@operation
def curvature(loss, z, y):
    """ℓ″(z; y)."""


@operation
def divergence(loss, z, u, y):
    """ℓ(z) + ℓ*(u) − uz ≥ 0, ∞ outside the domain of ℓ*."""


@operation
def ends(loss, y):
    """Two dual points in the domain of ℓ*, one ≤ 0 and one ≥ 0."""


@operation
def natural(loss, mean):
    """The prediction whose mean it is: the null model."""


@operation
def saturated(loss, y):
    """min_z ℓ(z; y)."""


def knows(loss):
    """Whether all of it is here. Called from Python only."""
    every = (value, slope, curvature, divergence, ends, natural, saturated)
    return all(type(loss) in each.implementations for each in every)


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
    return _relative(a, p, z) + _relative(b, q, -z)


@inner
def _relative(a, p, z):
    """a log(a/p) − a + p, with log p = z where p underflows."""
    if a == 0.0:
        return p
    if p < 1e-290:
        return a * (math.log(a) - z) - a + p
    return max(a * math.log(a / p) - a + p, 0.0)


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


@inner
def _mean(z):
    """eᶻ, ∞ beyond float64, where Python's own raises an error."""
    return math.exp(z) if z < 709.0 else math.inf


@value.register(Poisson)
def _(loss, z, y):
    return _mean(z) - y * z


@slope.register(Poisson)
def _(loss, z, y):
    return _mean(z) - y


@curvature.register(Poisson)
def _(loss, z, y):
    return _mean(z)


@divergence.register(Poisson)
def _(loss, z, u, y):
    v = y + u
    return math.inf if v < 0.0 else _relative(v, _mean(z), z)


@ends.register(Poisson)
def _(loss, y):
    return -y, y


@natural.register(Poisson)
def _(loss, mean):
    return math.log(mean)


@saturated.register(Poisson)
def _(loss, y):
    return y - y * math.log(y) if y > 0.0 else 0.0
