"""Half the squared residual, (z − y)²/2: derivative z − y."""

from typing import NamedTuple

from fastreg.losses.operations import derivative, value


class Squared(NamedTuple):
    """Half the squared residual, (z − y)²/2."""


@value.register(Squared)
def _(loss, z, y):
    return 0.5 * (z - y) * (z - y)


@derivative.register(Squared)
def _(loss, z, y):
    return z - y
