"""Minus the log-likelihood of counts with mean eᶻ, but for log y!.

ℓ = eᶻ − yz,   ℓ′ = eᶻ − y,   ℓ″ = eᶻ
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


class Poisson(NamedTuple):
    """The Poisson loss of y ≥ 0, z the log of the mean."""


@traits.register(Poisson)
def _(loss):
    return Traits(affine=True, self_concordant=True)


@value.register(Poisson)
def _(loss, z, y):
    return exp(z) - y * z


@derivative.register(Poisson)
def _(loss, z, y):
    return exp(z) - y


@curvature.register(Poisson)
def _(loss, z, y):
    return exp(z)


@link.register(Poisson)
def _(loss, mean):
    return math.log(mean)


@domain.register(Poisson)
def _(loss):
    return 0.0, math.inf


@steepest.register(Poisson)
def _(loss):
    return math.inf
