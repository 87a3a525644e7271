"""Losses: value and derivatives at a prediction z for a target y. One a file.

| loss | value ℓ(z, y) | ∂ℓ/∂z | ∂²ℓ/∂z² |
|---|---|---|---|
| `Squared` | (z − y)²/2 | z − y | 1 |
| `Logistic`, y in [0, 1] | log(1 + eᶻ) − yz | σ(z) − y | σ(z) σ(−z) |
| `Poisson`, y ≥ 0 | eᶻ − yz | eᶻ − y | eᶻ |

A loss is a NamedTuple of its parameters, with the `operations` registered for its class. Its
conjugate is of the certificate: `fastreg.certificate.losses`.
"""

from fastreg.losses.logistic import Logistic
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
from fastreg.losses.poisson import Poisson
from fastreg.losses.squared import Squared

__all__ = [
    "Logistic",
    "Poisson",
    "Squared",
    "Traits",
    "curvature",
    "derivative",
    "domain",
    "link",
    "steepest",
    "traits",
    "value",
]
