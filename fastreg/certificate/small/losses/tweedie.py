"""μ^δ/δ + y μ^−ε/ε: the divergence by steps that never go too far, and what is left."""

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
from fastreg.certificate.small.losses.relative import exp, relative
from fastreg.losses import Tweedie
from fastreg.losses.tweedie import NEAR

_STEPS = 100
_CLOSE = 1e-9


@inner
def _excess(x):
    """eˣ − 1 − x."""
    if abs(x) >= 0.2:
        return (math.expm1(x) if x < 709.0 else math.inf) - x
    series = 1.0
    for k in range(13, 2, -1):
        series = 1.0 + series * x / k
    return 0.5 * x * x * series


@inner
def _expm1(x):
    return math.expm1(x) if x < 709.0 else math.inf


@inner
def _term(share, z):
    """e^(share z)/share, less 1/share near 0."""
    return (_expm1(share * z) if abs(share) < NEAR else exp(share * z)) / share


@value.register(Tweedie)
def _(loss, z, y):
    delta, epsilon = 2.0 - loss.power, loss.power - 1.0
    first = _term(delta, z)
    return first - y * _term(-epsilon, z) if y != 0.0 else first


@slope.register(Tweedie)
def _(loss, z, y):
    first = exp((2.0 - loss.power) * z)
    return first - y * exp((1.0 - loss.power) * z) if y != 0.0 else first


@curvature.register(Tweedie)
def _(loss, z, y):
    delta, epsilon = 2.0 - loss.power, loss.power - 1.0
    first = delta * exp(delta * z)
    return first + epsilon * y * exp(-epsilon * z) if y != 0.0 else first


@divergence.register(Tweedie)
def _(loss, z, u, y):
    delta, epsilon = 2.0 - loss.power, loss.power - 1.0
    if y == 0.0:
        return math.inf if u < 0.0 else relative(u, exp(delta * z), delta * z) / delta
    x, rest, r = z, 0.0, math.inf
    for _ in range(_STEPS):
        first, second = exp(delta * x), y * exp(-epsilon * x)
        rest = first - second - u
        r = abs(rest) / (delta * first + epsilon * second)
        if r <= _CLOSE:
            break
        x -= math.copysign(math.log1p(r), rest)
    if not r < 1.0:
        return math.inf
    d = z - x
    out = first * _excess(delta * d) / delta + second * _excess(-epsilon * d) / epsilon
    return max(out + rest * d - abs(rest) * math.log1p(-r), 0.0)


@ends.register(Tweedie)
def _(loss, y):
    if y == 0.0:
        return 0.0, 0.0
    delta, epsilon = 2.0 - loss.power, loss.power - 1.0
    size = y**delta
    return size * (2.0**-delta - 2.0**epsilon), size * (2.0**delta - 2.0**-epsilon)


@natural.register(Tweedie)
def _(loss, mean):
    return math.log(mean)


@saturated.register(Tweedie)
def _(loss, y):
    delta, epsilon = 2.0 - loss.power, loss.power - 1.0
    if y <= 0.0:
        return -1.0 / delta if abs(delta) < NEAR else 0.0
    z = math.log(y)
    return _term(delta, z) - y * _term(-epsilon, z)
