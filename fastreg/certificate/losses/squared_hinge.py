"""½ y (1 − z)₊² + ½ (1 − y)(1 + z)₊²: a sum of two, whose conjugates are −1·u + u²/2y for u ≤ 0 …

With a = (1 − z)₊ and b = (1 + z)₊, u = (1 − y) b − y a, and the z′ at which the slope is u,

    z′ = 1 + u/y for u < −2y,   u − 1 + 2y between,   u/(1 − y) − 1 for u > 2 (1 − y)
    ℓ*(u) = uz′ − ℓ(z′),   domain −∞ < u < ∞, u ≤ 0 for y = 1, u ≥ 0 for y = 0
    ℓ(z) + ℓ*(u) − uz = y [½ (a − a′)² + a′ (a − 1 + z)] + (1 − y) [½ (b − b′)² + b′ (b − 1 − z)]

where every term is ≥ 0.
"""

from __future__ import annotations

import numpy as np

from fastreg.certificate.losses.operations import (
    conjugate,
    curvature,
    divergence,
    ends,
    roundness,
    slope,
    value,
)
from fastreg.losses import SquaredHinge

Array = np.ndarray


def _margins(z: Array) -> tuple[Array, Array]:
    """((1 − z)₊, (1 + z)₊)."""
    return np.maximum(1.0 - z, 0.0), np.maximum(1.0 + z, 0.0)


def _steep(u: Array, y: Array) -> tuple[Array, Array]:
    """(a′, b′) at slopes u; ∞ outside of the domain."""
    u, y = np.broadcast_arrays(u, y)
    low, high = u < -2.0 * y, u > 2.0 * (1.0 - y)
    with np.errstate(divide="ignore", invalid="ignore"):
        above = np.where(low, -u / y, np.where(high, 0.0, 2.0 * (1.0 - y) - u))
        below = np.where(high, u / (1.0 - y), np.where(low, 0.0, 2.0 * y + u))
    return above, below


@value.register
def _(loss: SquaredHinge, z: Array, y: Array) -> Array:
    above, below = _margins(z)
    return 0.5 * (y * above**2 + (1.0 - y) * below**2)


@slope.register
def _(loss: SquaredHinge, z: Array, y: Array) -> Array:
    above, below = _margins(z)
    return (1.0 - y) * below - y * above


@curvature.register
def _(loss: SquaredHinge, z: Array, y: Array) -> Array:
    return np.where(z < 1.0, y, 0.0) + np.where(z > -1.0, 1.0 - y, 0.0)


@roundness.register
def _(loss: SquaredHinge) -> float:
    return 0.5


@conjugate.register
def _(loss: SquaredHinge, u: Array, y: Array) -> Array:
    above, below = _steep(u, y)
    with np.errstate(invalid="ignore"):
        first = np.where(y > 0.0, y * (0.5 * above**2 - above), np.where(above > 2.0, np.inf, 0.0))
        second = np.where(
            y < 1.0, (1.0 - y) * (0.5 * below**2 - below), np.where(below > 2.0, np.inf, 0.0)
        )
    return first + second


@divergence.register
def _(loss: SquaredHinge, z: Array, u: Array, y: Array) -> Array:
    (a, b), (a1, b1) = _margins(z), _steep(u, y)
    with np.errstate(invalid="ignore"):
        first = 0.5 * (a - a1) ** 2 + a1 * np.maximum(z - 1.0, 0.0)
        second = 0.5 * (b - b1) ** 2 + b1 * np.maximum(-1.0 - z, 0.0)
        outside = ((y == 0.0) & (u < 0.0)) | ((y == 1.0) & (u > 0.0))
        out = np.where(y > 0.0, y * first, 0.0) + np.where(y < 1.0, (1.0 - y) * second, 0.0)
    return np.where(outside, np.inf, out)


@ends.register
def _(loss: SquaredHinge, y: Array) -> tuple[Array, Array]:
    return -y, 1.0 - y
