"""(z − y)²/2: ℓ*(u) = uy + u²/2."""

from __future__ import annotations

import numpy as np

from fastreg.certificate.losses.operations import (
    conjugate,
    curvature,
    divergence,
    ends,
    mean,
    roundness,
    slope,
    value,
)
from fastreg.losses import Squared

Array = np.ndarray


@value.register
def _(loss: Squared, z: Array, y: Array) -> Array:
    return 0.5 * (z - y) ** 2


@slope.register
def _(loss: Squared, z: Array, y: Array) -> Array:
    return z - y


@curvature.register
def _(loss: Squared, z: Array, y: Array) -> Array:
    return np.ones(z.shape)


@conjugate.register
def _(loss: Squared, u: Array, y: Array) -> Array:
    return u * y + 0.5 * u * u


@divergence.register
def _(loss: Squared, z: Array, u: Array, y: Array) -> Array:
    return 0.5 * (z - y - u) ** 2


@mean.register
def _(loss: Squared, z: Array) -> Array:
    return z


@roundness.register
def _(loss: Squared) -> float:
    return 0.5


@ends.register
def _(loss: Squared, y: Array) -> tuple[Array, Array]:
    return -np.ones(y.shape), np.ones(y.shape)
