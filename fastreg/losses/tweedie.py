"""Minus the log-likelihood of amounts with mean μ = eᶻ and variance φμᵖ, times φ.

With δ = 2 − p and ε = p − 1, but for what does not depend on z,

    ℓ = μ^δ/δ + y μ^−ε/ε,   ℓ′ = μ^δ − y μ^−ε,   ℓ″ = δ μ^δ + ε y μ^−ε

Near the limits δ = 0 and ε = 0 the term over it is (μ^δ − 1)/δ or y (μ^−ε − 1)/ε, which tends to z
or −yz. Elsewhere the constant would swamp what depends on z, in units of y that are far from 1.

ℓ is convex for 1 ≤ p ≤ 2. For another p the curvature is ℓ″, or a fiftieth of its mean μ^δ where
that is more: Fisher's scoring, which is μ^δ everywhere, took 1700 steps where this takes 39. Rows
of zero are possible for p < 2; y may have any sign for p ≤ 0. p = 3 is the inverse Gaussian. p = 1
and p = 2 have losses of their own, `Poisson` and `Gamma`.
"""

import math
from typing import NamedTuple

from fastreg.elementary import exp, expm1
from fastreg.losses.operations import (
    Traits,
    as_number,
    curvature,
    derivative,
    domain,
    link,
    sound,
    steepest,
    traits,
    value,
)

_LEAST = 0.02  # of Fisher's information
NEAR = 0.25  # of a limit, δ or ε
_MOST = 1e300  # 0·∞ is no number
_NAMED = {1.0: "Poisson()", 2.0: "Gamma()"}


class Tweedie(NamedTuple):
    """The Tweedie loss, z the log of the mean.

    power : p, any number but 1 and 2
    """

    power: float


@traits.register(Tweedie)
def _(loss):
    convex = 1.0 <= loss.power <= 2.0
    return Traits(
        affine=True, self_concordant=convex, is_open=loss.power >= 2.0, convex=convex,
        dispersed=True,
    )  # fmt: skip


@sound.register(Tweedie)
def _(loss):
    power = as_number("power", loss.power)
    if power in _NAMED:
        raise ValueError(f"the loss of power={power:g} is fastreg.losses.{_NAMED[power]}")
    return Tweedie(power)


@value.register(Tweedie)
def _(loss, z, y):
    delta, epsilon = 2.0 - loss.power, loss.power - 1.0
    first = (expm1(delta * z) if abs(delta) < NEAR else exp(delta * z)) / delta
    second = (expm1(-epsilon * z) if abs(epsilon) < NEAR else exp(-epsilon * z)) / epsilon
    return first + y * min(second, _MOST)


@derivative.register(Tweedie)
def _(loss, z, y):
    return exp((2.0 - loss.power) * z) - y * min(exp((1.0 - loss.power) * z), _MOST)


@curvature.register(Tweedie)
def _(loss, z, y):
    delta, epsilon = 2.0 - loss.power, loss.power - 1.0
    mean = exp(delta * z)
    return max(delta * mean + epsilon * y * min(exp(-epsilon * z), _MOST), _LEAST * mean)


@link.register(Tweedie)
def _(loss, mean):
    return math.log(mean)


@domain.register(Tweedie)
def _(loss):
    return (0.0 if loss.power > 0.0 else -math.inf), math.inf


@steepest.register(Tweedie)
def _(loss):
    return math.inf
