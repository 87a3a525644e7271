"""Losses: value and derivative at a prediction z for a target y. One a file.

| loss | value ℓ(z, y) | derivative ∂ℓ/∂z |
|---|---|---|
| `Squared` | (z − y)²/2 | z − y |

A loss is a NamedTuple of its parameters, with the `operations` registered for its class. Its
conjugate is of the certificate: `fastreg.certificate.losses`.
"""

from fastreg.losses.operations import derivative, value
from fastreg.losses.squared import Squared

__all__ = ["Squared", "derivative", "value"]
