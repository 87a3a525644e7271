"""The divergence of Kullback and Leibler, v log(v/μ) − v + μ, and the exponential for it."""

from __future__ import annotations

import numpy as np
import scipy.special

Array = np.ndarray
_TINY = 1e-290
_NEAR = 0.1  # of r: s² is then below 3e-3, whose seventh power is rounding


def exp(z: Array) -> Array:
    """eᶻ, ∞ beyond float64."""
    with np.errstate(over="ignore"):
        out: Array = np.exp(z)
    return out


def relative(v: Array, mu: Array, log_mu: Array) -> Array:
    """v log(v/μ) − v + μ ≥ 0, ∞ for v < 0.

    Near μ = v it is v (r − log(1 + r)) with r = μ/v − 1: as it stands it would lose all digits of
    what is small beside v. Where μ or v/μ leave float64, v log(v/μ) is v (log v − log μ).
    """
    v, mu, log_mu = np.broadcast_arrays(v, mu, log_mu)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        r = (mu - v) / v
        near = np.abs(r) < _NEAR
        out = np.empty(v.shape)
        out[near] = v[near] * _excess_of_log(r[near])
        far = ~near
        own, other = v[far], mu[far]
        each = scipy.special.kl_div(own, other)
        tiny = ~(other > _TINY)
        if tiny.any():
            less = own[tiny]
            each[tiny] = -scipy.special.entr(less) - less * log_mu[far][tiny] - less
        each[~(own >= 0.0)] = np.inf
        out[far] = np.maximum(each, 0.0)
    return out


def _excess_of_log(r: Array) -> Array:
    """r − log(1 + r) for small r. With s = r/(2 + r), log(1 + r) = 2 (s + s³/3 + s⁵/5 + …)."""
    s = r / (2.0 + r)
    q = s * s
    tail = q * (1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q * (1 / 11 + q / 13)))))
    out: Array = s * (r - 2.0 * tail)
    return out
