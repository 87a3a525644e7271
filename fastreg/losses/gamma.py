"""Minus the log-likelihood of amounts y > 0 with mean μ = eᶻ and variance φμ², times φ.

ℓ = z + y e⁻ᶻ,   ℓ′ = 1 − y e⁻ᶻ,   ℓ″ = y e⁻ᶻ
"""

import math
from typing import NamedTuple

from fastreg.elementary import exp
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


class Gamma(NamedTuple):
    """The Gamma loss of y > 0, z the log of the mean."""


@traits.register(Gamma)
def _(loss):
    return Traits(affine=True, self_concordant=True, is_open=True, dispersed=True)


@value.register(Gamma)
def _(loss, z, y):
    return z + y * exp(-z)


@derivative.register(Gamma)
def _(loss, z, y):
    return 1.0 - y * exp(-z)


@curvature.register(Gamma)
def _(loss, z, y):
    return y * exp(-z)


@link.register(Gamma)
def _(loss, mean):
    return math.log(mean)


@domain.register(Gamma)
def _(loss):
    return 0.0, math.inf


@steepest.register(Gamma)
def _(loss):
    return math.inf
