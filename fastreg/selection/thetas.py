"""The most likely θ of negative binomial counts at given means, and its standard error.

    S(θ) = Σ w [ψ(y + θ) − ψ(θ) + log θ + 1 − log(θ + μ) − (y + θ)/(θ + μ)]
    I(θ) = Σ w [ψ′(θ) − ψ′(y + θ) − 1/θ + 2/(θ + μ) − (y + θ)/(θ + μ)²] = −S′(θ)

ψ is the digamma function. The estimate is the root of S, the standard error 1/√I there: those of
theta.ml of R's MASS. Counts that vary no more than Poisson's have no root: S > 0 everywhere. For
large θ each bracket of S is a difference of what is large beside it, so that no root is looked for
beyond `MOST` times the mean.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.optimize
from scipy.special import polygamma, psi

Array = np.ndarray
MOST = 1e6  # of the mean of y: the variance is then that of Poisson to a millionth
_LEAST = 1e-6


class Theta(NamedTuple):
    """θ, its standard error, and whether it is the most likely one: not the end of the range."""

    value: float
    error: float
    found: bool


def most_likely(y: Array, mu: Array, w: Array | None) -> Theta:
    """θ at the means mu (m,) of counts y (m,) with weights (m,) or None for ones."""
    weights = np.ones(len(y)) if w is None else w
    seen = weights > 0.0
    y, mu, weights = y[seen], np.maximum(mu[seen], 1e-300), weights[seen]
    size = float(weights @ y / weights.sum())
    low, high = np.log(_LEAST * min(size, 1.0)), np.log(MOST * max(size, 1.0))

    def score(log_theta: float) -> float:
        return _score(y, mu, weights, float(np.exp(log_theta)))

    if score(high) >= 0.0:
        return Theta(float(np.exp(high)), np.nan, found=False)
    if score(low) <= 0.0:
        return Theta(float(np.exp(low)), np.nan, found=False)
    root = scipy.optimize.brentq(score, low, high, xtol=1e-14, rtol=1e-14, maxiter=500)
    theta = float(np.exp(root))
    return Theta(theta, float(_information(y, mu, weights, theta) ** -0.5), found=True)


def _score(y: Array, mu: Array, w: Array, theta: float) -> float:
    # log θ − log(θ + μ) and 1 − (y + θ)/(θ + μ), each without a difference of what is near 1.
    each = psi(y + theta) - psi(theta) - np.log1p(mu / theta) + (mu - y) / (theta + mu)
    return float(w @ each)


def _information(y: Array, mu: Array, w: Array, theta: float) -> float:
    each = polygamma(1, theta) - polygamma(1, y + theta) - 1.0 / theta
    each = each + 2.0 / (theta + mu) - (y + theta) / (theta + mu) ** 2
    return float(w @ each)
