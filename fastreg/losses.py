"""Losses: value and derivative at a prediction z for a target y.

| loss | value ℓ(z, y) | derivative ∂ℓ/∂z |
|---|---|---|
| `Squared` | (z − y)²/2 | z − y |

A loss is a NamedTuple of its parameters; `value` and `derivative` are registered for it.
"""

from typing import NamedTuple

from fastreg._jit import operation


class Squared(NamedTuple):
    """Half the squared residual, (z − y)²/2."""


@operation
def value(loss, z, y):
    """ℓ(z, y), in units of the objective before division by the total weight."""


@operation
def derivative(loss, z, y):
    """∂ℓ/∂z."""


@value.register(Squared)
def _(loss, z, y):
    return 0.5 * (z - y) * (z - y)


@derivative.register(Squared)
def _(loss, z, y):
    return z - y
