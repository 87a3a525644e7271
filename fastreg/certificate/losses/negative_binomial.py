"""(y + θ) log(1 + eᵗ) − yt, t = z − log θ. With a = (y + u)/(y + θ) in [0, 1], σ = σ(t),

    ℓ*(u) = (y + θ) [a log a + (1 − a) log(1 − a)] + u log θ
    ℓ(z) + ℓ*(u) − uz = (y + θ) [a log(a/σ) + (1 − a) log((1 − a)/(1 − σ))]:

y + θ times what the logistic loss has. Its halves are computed as amounts, y + u of (y + θ)σ and
θ − u of (y + θ)(1 − σ), so that a large θ costs no digits.
"""

from __future__ import annotations

import numpy as np
import scipy.special

from fastreg.certificate.losses.logistic import log1p, odds
from fastreg.certificate.losses.operations import (
    conjugate,
    curvature,
    derivatives,
    divergence,
    ends,
    log_constant,
    mean,
    roundness,
    saturated,
    slope,
    together,
    value,
)
from fastreg.certificate.losses.relative import exp, relative
from fastreg.losses import NegativeBinomial

Array = np.ndarray


def _shifted(loss: NegativeBinomial, z: Array) -> Array:
    out: Array = z - np.log(loss.theta)
    return out


@value.register
def _(loss: NegativeBinomial, z: Array, y: Array) -> Array:
    t, total = _shifted(loss, z), y + loss.theta
    return (loss.theta * np.maximum(t, 0.0) + y * np.maximum(-t, 0.0)) + total * log1p(
        np.exp(-np.abs(t))
    )


@slope.register
def _(loss: NegativeBinomial, z: Array, y: Array) -> Array:
    p, q = odds(_shifted(loss, z))
    return loss.theta * p - y * q


@curvature.register
def _(loss: NegativeBinomial, z: Array, y: Array) -> Array:
    p, q = odds(_shifted(loss, z))
    return (y + loss.theta) * (p * q)


@derivatives.register
def _(loss: NegativeBinomial, z: Array, y: Array) -> tuple[Array, Array]:
    p, q = odds(_shifted(loss, z))
    return loss.theta * p - y * q, (y + loss.theta) * (p * q)


@together.register
def _(loss: NegativeBinomial, z: Array, y: Array) -> tuple[Array, Array, Array]:
    return (value(loss, z, y), *derivatives(loss, z, y))


@roundness.register
def _(loss: NegativeBinomial) -> float:
    return 1.0


@conjugate.register
def _(loss: NegativeBinomial, u: Array, y: Array) -> Array:
    total, first, second = y + loss.theta, y + u, loss.theta - u
    with np.errstate(divide="ignore", invalid="ignore"):
        out = u * np.log(loss.theta) + scipy.special.xlogy(first, first / total)
        out = out - np.where(second > 0.0, second * np.log1p(first / second), 0.0)
    return np.where((first >= 0.0) & (second >= 0.0), out, np.inf)


@divergence.register
def _(loss: NegativeBinomial, z: Array, u: Array, y: Array) -> Array:
    t, total = _shifted(loss, z), y + loss.theta
    p, q = odds(t)
    with np.errstate(divide="ignore"):
        log_total = np.log(total)
        soft = log1p(np.exp(-np.abs(t)))
        first = relative(y + u, total * p, log_total - np.maximum(-t, 0.0) - soft)
        second = relative(loss.theta - u, total * q, log_total - np.maximum(t, 0.0) - soft)
    return first + second


@ends.register
def _(loss: NegativeBinomial, y: Array) -> tuple[Array, Array]:
    """a = 0, and what Poisson's has, or a = 1."""
    return -y, np.minimum(y, loss.theta)


@saturated.register
def _(loss: NegativeBinomial, y: Array) -> Array:
    """At μ = y."""
    return np.where(y > 0.0, value(loss, np.log(np.where(y > 0.0, y, 1.0)), y), 0.0)


@mean.register
def _(loss: NegativeBinomial, z: Array) -> Array:
    return exp(z)


@log_constant.register
def _(loss: NegativeBinomial, y: Array, w: Array, scale: float = 1.0) -> Array:
    """w log [Γ(y + θ)/(Γ(θ) y!)], of w rows that are alike."""
    safe = np.where(y > 0.0, y, 1.0)
    chosen = -scipy.special.betaln(safe, loss.theta) - np.log(safe)  # 1/(y B(y, θ)) ways
    out: Array = w * np.where(y > 0.0, chosen, 0.0)
    return out
