"""Minus the log-likelihood of counts with mean μ = eᶻ and variance μ + μ²/θ.

With t = z − log θ and σ the logistic function, but for what does not depend on z,

    ℓ = (y + θ) log(1 + eᵗ) − yt,   ℓ′ = (y + θ) σ(t) − y,   ℓ″ = (y + θ) σ(t) σ(−t)

It is the logistic loss of y/(y + θ), y + θ times.
"""

import math
from typing import NamedTuple

from fastreg.elementary import exp, log1p, sigmoid
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


class NegativeBinomial(NamedTuple):
    """The loss of counts y ≥ 0 that vary more than Poisson's, z the log of the mean.

    theta : θ > 0, the number of failures; for θ → ∞ it is `Poisson`
    """

    theta: float


@traits.register(NegativeBinomial)
def _(loss):
    return Traits(affine=True, self_concordant=True)


@sound.register(NegativeBinomial)
def _(loss):
    theta = as_number("theta", loss.theta)
    if not theta > 0.0:
        raise ValueError(f"theta must be above 0, got {theta:g}")
    return NegativeBinomial(theta)


@value.register(NegativeBinomial)
def _(loss, z, y):
    t = z - math.log(loss.theta)
    total = y + loss.theta
    return (loss.theta * max(t, 0.0) + y * max(-t, 0.0)) + total * log1p(exp(-abs(t)))


@derivative.register(NegativeBinomial)
def _(loss, z, y):
    t = z - math.log(loss.theta)
    return loss.theta * sigmoid(t) - y * sigmoid(-t)


@curvature.register(NegativeBinomial)
def _(loss, z, y):
    t = z - math.log(loss.theta)
    return (y + loss.theta) * (sigmoid(t) * sigmoid(-t))


@link.register(NegativeBinomial)
def _(loss, mean):
    return math.log(mean)


@domain.register(NegativeBinomial)
def _(loss):
    return 0.0, math.inf


@steepest.register(NegativeBinomial)
def _(loss):
    return math.inf
