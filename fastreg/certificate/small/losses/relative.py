"""v log(v/μ) − v + μ, and eᶻ, of one entry."""

import math

from fastreg._jit import inner

_TINY = 1e-290
_NEAR = 0.1  # of r = μ/v − 1


@inner
def exp(z):
    """eᶻ, ∞ beyond float64, where Python's own raises an error."""
    return math.exp(z) if z < 709.0 else math.inf


@inner
def relative(v, mu, log_mu):
    """v log(v/μ) − v + μ ≥ 0, with log μ given where μ underflows; v ≥ 0.

    Near μ = v it is v (r − log(1 + r)), by a series: log(1 + r) = 2 (s + s³/3 + …), s = r/(2 + r).
    """
    if v == 0.0:
        return mu
    r = (mu - v) / v
    if abs(r) < _NEAR:
        s = r / (2.0 + r)
        q = s * s
        tail = q * (1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q * (1 / 11 + q / 13)))))
        return v * (s * (r - 2.0 * tail))
    if mu < _TINY:
        return v * (math.log(v) - log_mu) - v + mu
    return max(v * math.log(v / mu) - v + mu, 0.0)
