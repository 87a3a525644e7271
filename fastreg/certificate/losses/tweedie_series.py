"""log a(y; φ) of the Tweedie densities, 1 < p < 2: a(y; φ) exp{[y μ^−ε/−ε − μ^δ/δ]/φ}.

With α = δ/ε the density of y > 0 is a Poisson sum of Gamma densities (Dunn & Smyth, Statistics and
Computing 15, 2005):

    a(y; φ) = (1/y) Σ_{j ≥ 1} W_j
    log W_j = jα (log y − log ε) − j(1 + α) log φ − j log δ − log j! − log Γ(jα)

The largest term lies near j = y^δ/(φδ). On both sides terms fall off as a Gaussian does: those are
summed whose logarithm is within 40 of the largest. p = 3 has a closed form. Other p have none here.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import gammaln

Array = np.ndarray
_FAR = 40.0  # e⁻⁴⁰ is 4e-18
_ENTRIES = 1 << 20  # of terms at a time: 8 MB


def log_density(power: float, y: Array, scale: float) -> Array:
    """log a(y; φ), of the shape of y.

    Raises
    ------
    ValueError
        There is no such formula: p is neither between 1 and 2 nor 3.
    """
    y = np.asarray(y, float)
    if power == 3.0:  # the inverse Gaussian: ½ log(1/(2πφy³)) − 1/(2φy)
        out: Array = -0.5 * np.log(2.0 * math.pi * scale * y**3) - 0.5 / (scale * y)
        return out
    if not 1.0 < power < 2.0:
        raise ValueError(
            f"the density of Tweedie(power={power:g}) has no formula here: a likelihood, which AIC "
            "and BIC need, is known for 1 <= power <= 2 and for 3"
        )
    flat = y.ravel()
    found = np.zeros(flat.shape)
    some = np.flatnonzero(flat > 0.0)
    found[some] = _series(power, flat[some], scale)
    return found.reshape(y.shape)


def _series(power: float, y: Array, scale: float) -> Array:
    """Of y (k,) > 0, rows of alike lengths together."""
    first, last = _range(power, y, scale)
    out, order = np.empty(y.shape), np.argsort(last - first)
    start = 0
    while start < len(order):
        width = int((last - first)[order[start]]) + 1
        stop = start + 1
        while stop < len(order):
            wider = int((last - first)[order[stop]]) + 1
            if wider * (stop + 1 - start) > max(_ENTRIES, wider):
                break
            width, stop = wider, stop + 1
        rows = order[start:stop]
        j = first[rows, None] + np.arange(width)
        terms = _log_terms(power, y[rows, None], scale, j)
        most = terms.max(axis=1)
        out[rows] = most + np.log(np.exp(terms - most[:, None]).sum(axis=1)) - np.log(y[rows])
        start = stop
    return out


def _log_terms(power: float, y: Array, scale: float, j: Array) -> Array:
    delta, epsilon = 2.0 - power, power - 1.0
    alpha = delta / epsilon
    each = alpha * (np.log(y) - math.log(epsilon)) - (1.0 + alpha) * math.log(scale)
    out: Array = j * (each - math.log(delta)) - gammaln(j + 1.0) - gammaln(j * alpha)
    return out


def _range(power: float, y: Array, scale: float) -> tuple[Array, Array]:
    """(first, last) j (k,): outside, log W_j is 40 below the largest.

    log W_j is concave in j. Away from its top it falls by d²(1 + α)/2j at a distance d, to second
    order; the steps double until it has fallen far enough.
    """
    delta = 2.0 - power
    top = np.maximum(np.round(y**delta / (scale * delta)), 1.0)
    most = _log_terms(power, y, scale, top)
    ends = []
    for side in (-1.0, 1.0):
        step = np.sqrt(2.0 * _FAR * top) + 8.0
        for _ in range(60):
            j = np.maximum(top + side * step, 1.0)
            near = (_log_terms(power, y, scale, j) > most - _FAR) & (j > 1.0)
            if not near.any():
                break
            step = np.where(near, 1.5 * step, step)
        ends.append(np.maximum(np.floor(top + side * step), 1.0))
    return ends[0], ends[1]
