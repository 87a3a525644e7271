"""Losses: value and derivatives at a prediction z for a target y. One a file.

| loss | value ℓ(z, y) | ∂ℓ/∂z | ∂²ℓ/∂z² |
|---|---|---|---|
| `Squared` | (z − y)²/2 | z − y | 1 |
| `Logistic`, y in [0, 1] | log(1 + eᶻ) − yz | σ(z) − y | σ(z) σ(−z) |
| `Poisson`, y ≥ 0 | eᶻ − yz | eᶻ − y | eᶻ |
| `Gamma`, y > 0 | z + y e⁻ᶻ | 1 − y e⁻ᶻ | y e⁻ᶻ |
| `Tweedie(p)` | μ^δ/δ + y μ^−ε/ε | μ^δ − y μ^−ε | δ μ^δ + ε y μ^−ε |
| `NegativeBinomial(θ)` | (y + θ) log(1 + eᵗ) − yt | (y + θ) σ(t) − y | (y + θ) σ(t) σ(−t) |
| `SquaredHinge` | ½ y a² + ½ (1 − y) b² | (1 − y) b − ya | y [a > 0] + (1 − y)[b > 0] |

with μ = eᶻ, δ = 2 − p, ε = p − 1; t = z − log θ; y in [0, 1], a = (1 − z)₊, b = (1 + z)₊.

A loss is a NamedTuple of its parameters, with the `operations` registered for its class. Its
conjugate is of the certificate: `fastreg.certificate.losses`.
"""

from fastreg.losses.gamma import Gamma
from fastreg.losses.logistic import Logistic
from fastreg.losses.multinomial import Multinomial
from fastreg.losses.negative_binomial import NegativeBinomial
from fastreg.losses.operations import (
    Traits,
    curvature,
    derivative,
    domain,
    link,
    sound,
    steepest,
    traits,
    value,
)
from fastreg.losses.poisson import Poisson
from fastreg.losses.squared import Squared
from fastreg.losses.squared_hinge import SquaredHinge
from fastreg.losses.tweedie import Tweedie

__all__ = [
    "Gamma",
    "Logistic",
    "Multinomial",
    "NegativeBinomial",
    "Poisson",
    "Squared",
    "SquaredHinge",
    "Traits",
    "Tweedie",
    "curvature",
    "derivative",
    "domain",
    "link",
    "sound",
    "steepest",
    "traits",
    "value",
]
