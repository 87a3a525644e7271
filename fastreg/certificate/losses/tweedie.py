"""μ^δ/δ + y μ^−ε/ε, δ = 2 − p, ε = p − 1, less 1/δ or y/ε near δ = 0 or ε = 0. With
g(x) = eˣ − 1 − x ≥ 0,

    ℓ(z) − ℓ(z′) − ℓ′(z′)(z − z′) = μ′^δ g(δd)/δ + y μ′^−ε g(−εd)/ε,   d = z − z′

is ℓ(z) + ℓ*(u) − uz where ℓ′(z′) = u, each half of it ≥ 0 for 1 < p < 2. For y = 0 it is the
divergence of Kullback and Leibler of u and μ^δ, over δ. Else z′ is no formula: since │ℓ‴│ ≤ ℓ″,

    log(1 + r) ≤ │z′ − x│ ≤ −log(1 − r),   r = │ℓ′(x) − u│/ℓ″(x)

so that steps of log(1 + r) never go too far, and at the last x

    ℓ(z) + ℓ*(u) − uz ≤ ℓ(z) − ℓ(x) − ℓ′(x)(z − x) + (ℓ′(x) − u)(z − x) − │ℓ′(x) − u│ log(1 − r)

For p outside of [1, 2] ℓ is not convex, and there is no conjugate; of u = 0 alone, which is
`saturated`, it is the same formula.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.special

from fastreg.certificate.losses.operations import (
    conjugate,
    curvature,
    derivatives,
    divergence,
    ends,
    level,
    log_constant,
    mean,
    roundness,
    saturated,
    slope,
    together,
    value,
)
from fastreg.certificate.losses.relative import exp, relative
from fastreg.certificate.losses.tweedie_series import log_density
from fastreg.losses import Tweedie
from fastreg.losses.tweedie import NEAR

Array = np.ndarray
_STEPS = 100  # log(1 + r) halves │log u│ at least once the start is far; seven are usual
_MOST = 1e300  # 0·∞ is no number
_CLOSE = 1e-9  # of r: what is left of the bound is its square


def _powers(loss: Tweedie) -> tuple[float, float]:
    return 2.0 - loss.power, loss.power - 1.0


def _one(share: float) -> float:
    """What the value has less of, times `share`, δ or ε: 1 near its limit, else nothing."""
    return 1.0 if abs(share) < NEAR else 0.0


def _parts(loss: Tweedie, z: Array, y: Array) -> tuple[Array, Array]:
    """(μ^δ, y μ^−ε)."""
    delta, epsilon = _powers(loss)
    return exp(delta * z), y * np.minimum(exp(-epsilon * z), _MOST)


@value.register
def _(loss: Tweedie, z: Array, y: Array) -> Array:
    delta, epsilon = _powers(loss)
    with np.errstate(over="ignore"):
        first, second = (
            (np.expm1(s * z) if abs(s) < NEAR else np.exp(s * z)) / s for s in (delta, -epsilon)
        )
        return first + y * np.minimum(-second, _MOST)


@slope.register
def _(loss: Tweedie, z: Array, y: Array) -> Array:
    first, second = _parts(loss, z, y)
    return first - second


@curvature.register
def _(loss: Tweedie, z: Array, y: Array) -> Array:
    return derivatives(loss, z, y)[1]


@derivatives.register
def _(loss: Tweedie, z: Array, y: Array) -> tuple[Array, Array]:
    delta, epsilon = _powers(loss)
    first, second = _parts(loss, z, y)
    return first - second, delta * first + epsilon * second


@together.register
def _(loss: Tweedie, z: Array, y: Array) -> tuple[Array, Array, Array]:
    return (value(loss, z, y), *derivatives(loss, z, y))


@roundness.register
def _(loss: Tweedie) -> float:
    return 1.0


def _excess(x: Array) -> Array:
    """eˣ − 1 − x ≥ 0; near 0 by its series, ½x² (1 + x/3 (1 + x/4 (1 + …)))."""
    near = np.abs(x) < 0.2
    t = np.where(near, x, 0.0)
    series = np.ones(t.shape)
    for k in range(13, 2, -1):
        series = 1.0 + series * t / k
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(near, 0.5 * t * t * series, np.expm1(x) - x)


def _apart(loss: Tweedie, z: Array, x: Array, y: Array) -> Array:
    """ℓ(z) − ℓ(x) − ℓ′(x)(z − x)."""
    delta, epsilon = _powers(loss)
    first, second = _parts(loss, x, y)
    d = z - x
    return first * _excess(delta * d) / delta + second * _excess(-epsilon * d) / epsilon


def _root(loss: Tweedie, u: Array, y: Array, start: Array) -> tuple[Array, Array, Array]:
    """(x near the z′ with ℓ′(z′) = u, of y > 0; ℓ′(x) − u; −log(1 − r))."""
    x = np.array(np.broadcast_to(start, np.broadcast_shapes(u.shape, y.shape)))
    for _ in range(_STEPS):
        slope, bend = derivatives(loss, x, y)
        rest = slope - u
        r = np.abs(rest) / bend
        if (r <= _CLOSE).all():
            break
        x -= np.sign(rest) * np.log1p(r)
    with np.errstate(divide="ignore", invalid="ignore"):
        return x, rest, np.where(r < 1.0, -np.log1p(-r), np.inf)


@conjugate.register
def _(loss: Tweedie, u: Array, y: Array) -> Array:
    """An upper bound, which rounding is larger than."""
    delta, _ = _powers(loss)
    u, y = np.broadcast_arrays(u, y)
    none = y == 0.0
    safe = np.where(none, 1.0, y)
    x, rest, away = _root(loss, u, safe, np.log(safe))
    out = u * x - value(loss, x, safe) + np.abs(rest) * away
    with np.errstate(invalid="ignore", divide="ignore"):
        zero = (_one(delta) - u - scipy.special.entr(np.maximum(u, 0.0))) / delta
    return np.where(none, np.where(u >= 0.0, zero, np.inf), out)


@divergence.register
def _(loss: Tweedie, z: Array, u: Array, y: Array) -> Array:
    delta, _ = _powers(loss)
    z, u, y = np.broadcast_arrays(z, u, y)
    none = y == 0.0
    safe = np.where(none, 1.0, y)
    x, rest, away = _root(loss, np.where(none, 0.0, u), safe, np.where(none, 0.0, z))
    out = _apart(loss, z, x, safe) + (rest * (z - x) + np.abs(rest) * away)
    if none.any():
        out = np.where(none, relative(u, exp(delta * z), delta * z) / delta, out)
    return np.maximum(out, 0.0)


@saturated.register
def _(loss: Tweedie, y: Array) -> Array:
    """At μ = y."""
    delta, _ = _powers(loss)
    none = y <= 0.0
    z = np.log(np.where(none, 1.0, y))
    return np.where(none, -_one(delta) / delta, value(loss, z, y))


@ends.register
def _(loss: Tweedie, y: Array) -> tuple[Array, Array]:
    """The slopes at μ = y/2 and 2y."""
    delta, epsilon = _powers(loss)
    size = y**delta
    low, high = 2.0**-delta - 2.0**epsilon, 2.0**delta - 2.0**-epsilon
    return low * size, high * size


@level.register
def _(loss: Tweedie, mean: float) -> float | None:
    return math.log(mean) if mean > 0.0 else None


@mean.register
def _(loss: Tweedie, z: Array) -> Array:
    return exp(z)


@log_constant.register
def _(loss: Tweedie, y: Array, w: Array, scale: float = 1.0) -> Array:
    """w [log a(y; φ) − (1/δ + y/ε)/φ]: the density is a(y; φ) exp{[y μ^−ε/−ε − μ^δ/δ]/φ}."""
    delta, epsilon = _powers(loss)
    away = _one(delta) / delta + _one(epsilon) * y / epsilon
    out: Array = w * (log_density(loss.power, y, scale) - away / scale)
    return out
