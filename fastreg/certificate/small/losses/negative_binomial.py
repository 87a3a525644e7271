"""(y + θ) log(1 + eᵗ) − yt, t = z − log θ: y + θ times the logistic loss of y/(y + θ)."""

import math

from fastreg._jit import inner
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
from fastreg.losses import NegativeBinomial


@inner
def _odds(t):
    """(σ(t), σ(−t), log(1 + e^−│t│))."""
    e = math.exp(-abs(t))
    near, far, soft = 1.0 / (1.0 + e), e / (1.0 + e), math.log1p(e)
    return (near, far, soft) if t >= 0.0 else (far, near, soft)


@value.register(NegativeBinomial)
def _(loss, z, y):
    t, total = z - math.log(loss.theta), y + loss.theta
    return (loss.theta * max(t, 0.0) + y * max(-t, 0.0)) + total * math.log1p(math.exp(-abs(t)))


@slope.register(NegativeBinomial)
def _(loss, z, y):
    p, q, _ = _odds(z - math.log(loss.theta))
    return loss.theta * p - y * q


@curvature.register(NegativeBinomial)
def _(loss, z, y):
    p, q, _ = _odds(z - math.log(loss.theta))
    return (y + loss.theta) * (p * q)


@divergence.register(NegativeBinomial)
def _(loss, z, u, y):
    first, second = y + u, loss.theta - u
    if first < 0.0 or second < 0.0:
        return math.inf
    t, total = z - math.log(loss.theta), y + loss.theta
    p, q, soft = _odds(t)
    size = math.log(total) - soft
    return relative(first, total * p, size + min(t, 0.0)) + relative(
        second, total * q, size - max(t, 0.0)
    )


@ends.register(NegativeBinomial)
def _(loss, y):
    return -y, min(y, loss.theta)


@natural.register(NegativeBinomial)
def _(loss, mean):
    return math.log(mean)


@saturated.register(NegativeBinomial)
def _(loss, y):
    if y == 0.0:
        return 0.0
    t, total = math.log(y) - math.log(loss.theta), y + loss.theta
    return (loss.theta * max(t, 0.0) + y * max(-t, 0.0)) + total * math.log1p(math.exp(-abs(t)))
