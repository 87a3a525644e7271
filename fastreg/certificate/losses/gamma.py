"""z + y e⁻ᶻ: ℓ*(u) = v log(v/y) − v with v = 1 − u ≥ 0.

    ℓ(z) + ℓ*(u) − uz = v log(v/r) − v + r,   r = y e⁻ᶻ:

the divergence of Kullback and Leibler again, of ratios of y to its mean.
"""

from __future__ import annotations

import numpy as np
import scipy.special

from fastreg.certificate.losses.operations import (
    conjugate,
    curvature,
    derivatives,
    divergence,
    ends,
    log_constant,
    mean,
    roundness,
    slope,
    together,
    value,
)
from fastreg.certificate.losses.relative import exp, relative
from fastreg.losses import Gamma

Array = np.ndarray


def _ratio(z: Array, y: Array) -> Array:
    with np.errstate(over="ignore"):
        return y * exp(-z)


@value.register
def _(loss: Gamma, z: Array, y: Array) -> Array:
    return z + _ratio(z, y)


@slope.register
def _(loss: Gamma, z: Array, y: Array) -> Array:
    return 1.0 - _ratio(z, y)


@curvature.register
def _(loss: Gamma, z: Array, y: Array) -> Array:
    return _ratio(z, y)


@derivatives.register
def _(loss: Gamma, z: Array, y: Array) -> tuple[Array, Array]:
    ratio = _ratio(z, y)
    return 1.0 - ratio, ratio


@together.register
def _(loss: Gamma, z: Array, y: Array) -> tuple[Array, Array, Array]:
    ratio = _ratio(z, y)
    return z + ratio, 1.0 - ratio, ratio


@roundness.register
def _(loss: Gamma) -> float:
    return 1.0


@conjugate.register
def _(loss: Gamma, u: Array, y: Array) -> Array:
    v = 1.0 - u
    return -scipy.special.entr(v) - v * np.log(y) - v


@divergence.register
def _(loss: Gamma, z: Array, u: Array, y: Array) -> Array:
    log_y = np.log(y)
    return relative(1.0 - u, exp(log_y - z), log_y - z)


@ends.register
def _(loss: Gamma, y: Array) -> tuple[Array, Array]:
    """v = 2 and v = 0."""
    return -np.ones(y.shape), np.ones(y.shape)


@mean.register
def _(loss: Gamma, z: Array) -> Array:
    return exp(z)


@log_constant.register
def _(loss: Gamma, y: Array, w: Array, scale: float = 1.0) -> Array:
    """w [k log k − log Γ(k) + (k − 1) log y] with the shape k = 1/φ."""
    k = 1.0 / scale
    out: Array = w * (k * np.log(k) - scipy.special.gammaln(k) + (k - 1.0) * np.log(y))
    return out
