"""Minus the log-likelihood of y = 1 with probability σ(z), y = 0 otherwise; of proportions too.

ℓ = log(1 + eᶻ) − yz = max(z, 0) + log(1 + e⁻│z│) − yz,   ℓ′ = σ(z) − y,   ℓ″ = σ(z) σ(−z)
"""

import math
from typing import NamedTuple

from fastreg.elementary import exp, log1p, sigmoid
from fastreg.losses.operations import (
    Traits,
    curvature,
    derivative,
    domain,
    link,
    steepest,
    traits,
    value,
)


class Logistic(NamedTuple):
    """The logistic loss of y in [0, 1], z the log of the odds."""


@traits.register(Logistic)
def _(loss):
    return Traits(affine=True, self_concordant=True)


@value.register(Logistic)
def _(loss, z, y):
    return (max(z, 0.0) - y * z) + log1p(exp(-abs(z)))


@derivative.register(Logistic)
def _(loss, z, y):
    return sigmoid(z) - y


@curvature.register(Logistic)
def _(loss, z, y):
    return sigmoid(z) * sigmoid(-z)


@link.register(Logistic)
def _(loss, mean):
    return math.log(mean / (1.0 - mean))


@domain.register(Logistic)
def _(loss):
    return 0.0, 1.0


@steepest.register(Logistic)
def _(loss):
    return 0.25
