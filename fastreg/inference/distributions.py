"""Distribution functions: P(Y < y) and P(Y ≤ y) of the families, at a prediction z.

Both agree but where a value has a probability of its own: counts, classes, a cost of zero.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import scipy.special
from scipy.special import bdtr, betainc, gammainc, ndtr, pdtr

from fastreg.certificate import losses
from fastreg.losses import Gamma, Logistic, NegativeBinomial, Poisson, Tweedie

Array = np.ndarray
_NORMAL = 1e10  # of a mean number, from which it is normal to 1e-5; of θ/y, Poisson to 1e-10
_FAR = 10.0  # standard deviations of a Poisson number, beyond which its terms are rounding


@functools.singledispatch
def below(loss: Any, z: Array, y: Array, w: Array, scale: float) -> tuple[Array, Array]:
    """(P(Y < y), P(Y ≤ y)) (m,) of a mean at z, weights w and a scale φ of the variance.

    A weight divides the scale of its row, as in R's qresiduals.

    Raises
    ------
    ValueError
        The loss is no likelihood.
    """
    raise ValueError(f"{type(loss).__name__} has no distribution: take other residuals")


@below.register
def _(loss: Logistic, z: Array, y: Array, w: Array, scale: float) -> tuple[Array, Array]:
    """Of wy successes in w trials, or of one trial where w is no count of them."""
    trials = np.where((y == 0.0) | (y == 1.0), 1.0, np.round(w))
    found, p = np.round(trials * y), losses.mean(loss, z)
    under = np.where(found > 0.0, bdtr(np.maximum(found - 1.0, 0.0), trials.astype(int), p), 0.0)
    return under, bdtr(found, trials.astype(int), p)


@below.register
def _(loss: Poisson, z: Array, y: Array, w: Array, scale: float) -> tuple[Array, Array]:
    mu, y = losses.mean(loss, z), np.floor(y)
    return np.where(y > 0.0, pdtr(np.maximum(y - 1.0, 0.0), mu), 0.0), pdtr(y, mu)


@below.register
def _(loss: NegativeBinomial, z: Array, y: Array, w: Array, scale: float) -> tuple[Array, Array]:
    """P(Y ≤ y) = I_p(θ, y + 1) with p = θ/(θ + μ)."""
    if loss.theta > _NORMAL * max(1.0, float(y.max(initial=0.0))):
        return below(Poisson(), z, y, w, scale)
    p, y = loss.theta / (loss.theta + losses.mean(loss, z)), np.floor(y)
    under = np.where(y > 0.0, betainc(loss.theta, np.maximum(y, 1.0), p), 0.0)
    return under, betainc(loss.theta, y + 1.0, p)


@below.register
def _(loss: Gamma, z: Array, y: Array, w: Array, scale: float) -> tuple[Array, Array]:
    shape = 1.0 / _scale_of(scale, w)
    each = gammainc(shape, shape * y * np.exp(-z))
    return each, each


@below.register
def _(loss: Tweedie, z: Array, y: Array, w: Array, scale: float) -> tuple[Array, Array]:
    if loss.power == 3.0:
        each = _inverse_gaussian(np.exp(z), y, 1.0 / _scale_of(scale, w))
        return each, each
    if not 1.0 < loss.power < 2.0:
        raise ValueError(
            f"Tweedie(power={loss.power:g}) has no distribution function here: take other residuals"
        )
    each = _compound(loss.power, np.exp(z), y, _scale_of(scale, w))
    return np.where(y > 0.0, each, 0.0), each


def _scale_of(scale: float, w: Array) -> Array:
    """φ/w of each row; rows of weight zero, which count for nothing, have φ."""
    return scale / np.where(w > 0.0, w, 1.0)


def _inverse_gaussian(mu: Array, y: Array, shape: Array) -> Array:
    """Φ(√(λ/y)(y/μ − 1)) + e^{2λ/μ} Φ(−√(λ/y)(y/μ + 1))."""
    root = np.sqrt(shape / y)
    far = 2.0 * shape / mu + scipy.special.log_ndtr(-root * (y / mu + 1.0))
    return np.minimum(ndtr(root * (y / mu - 1.0)) + np.exp(far), 1.0)


def _compound(power: float, mu: Array, y: Array, scale: Array) -> Array:
    """A Poisson number N of Gamma amounts: e^−λ + Σ_j P(N = j) P(jα, y/γ)."""
    delta, epsilon = 2.0 - power, power - 1.0
    rate, shape = mu**delta / (scale * delta), delta / epsilon
    unit = scale * epsilon * mu**epsilon
    out = np.exp(-rate)
    large = rate > _NORMAL
    out[large] = ndtr((y[large] - mu[large]) / np.sqrt(scale[large] * mu[large] ** power))
    for i in np.flatnonzero((y > 0.0) & ~large):
        reach = _FAR * np.sqrt(rate[i]) + 20.0
        j = np.arange(max(1.0, np.floor(rate[i] - reach)), np.ceil(rate[i] + reach) + 1.0)
        log_p = j * np.log(rate[i]) - rate[i] - scipy.special.gammaln(j + 1.0)
        out[i] += np.exp(log_p) @ gammainc(shape * j, y[i] / unit[i])
    return np.minimum(out, 1.0)
