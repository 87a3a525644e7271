"""What the certificate asks of every loss: value, slope, curvature and conjugate, of arrays."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

Array = np.ndarray


def _unknown(loss: Any) -> TypeError:
    return TypeError(f"no certificate is known for the loss {type(loss).__name__}")


@functools.singledispatch
def value(loss: Any, z: Array, y: Array) -> Array:
    """ℓ(z; y)."""
    raise _unknown(loss)


@functools.singledispatch
def slope(loss: Any, z: Array, y: Array) -> Array:
    """u = ℓ′(z; y)."""
    raise _unknown(loss)


@functools.singledispatch
def curvature(loss: Any, z: Array, y: Array) -> Array:
    """ℓ″(z; y)."""
    raise _unknown(loss)


@functools.singledispatch
def derivatives(loss: Any, z: Array, y: Array) -> tuple[Array, Array]:
    """ℓ′ and ℓ″, in less time than one after the other."""
    return slope(loss, z, y), curvature(loss, z, y)


@functools.singledispatch
def conjugate(loss: Any, u: Array, y: Array) -> Array:
    """ℓ*(u; y) = sup_z uz − ℓ(z; y), ∞ outside its domain, in which 0 lies."""
    raise _unknown(loss)


@functools.singledispatch
def divergence(loss: Any, z: Array, u: Array, y: Array) -> Array:
    """ℓ(z) + ℓ*(u) − uz ≥ 0 without a difference of what is large."""
    return value(loss, z, y) + conjugate(loss, u, y) - u * z


@functools.singledispatch
def balanced(loss: Any, u: Array, y: Array, w: Array) -> Array:
    """u (m, g) changed within the domain of ℓ*, as little as it takes for Σ w u = 0: what weighs
    more is shrunk."""
    up, down = (w @ np.maximum(side, 0.0) for side in (u, -u))
    with np.errstate(divide="ignore", invalid="ignore"):
        more, less = (np.where(a > b, b / a, 1.0) for a, b in ((up, down), (down, up)))
    out: Array = u * np.where(u > 0.0, more, less)
    return out


@functools.singledispatch
def ends(loss: Any, y: Array) -> tuple[Array, Array]:
    """Two dual points in the domain of ℓ*, one ≤ 0 and one ≥ 0 everywhere, that do not depend on
    z: what certificates by blocks mix with u."""
    raise _unknown(loss)


@functools.singledispatch
def saturated(loss: Any, y: Array) -> Array:
    """min_z ℓ(z; y) = −ℓ*(0; y)."""
    return -conjugate(loss, np.zeros(y.shape), y)


@functools.singledispatch
def mean(loss: Any, z: Array) -> Array:
    """The mean of y at a prediction z: what `Path.predict(type="response")` gives.

    Raises
    ------
    ValueError
        The loss has registered none.
    """
    raise ValueError(f"{type(loss).__name__} has no mean: register certificate.losses.mean for it")


@functools.singledispatch
def log_constant(loss: Any, y: Array, w: Array) -> Array:
    """c in log p(y; z) = c − w ℓ(z; y): what makes exp(−wℓ) a probability of y, of weight w.

    Criteria by likelihood, such as AIC, need it. Where y has a scale of its own, which ℓ does not
    know, there is none.

    Raises
    ------
    ValueError
        The loss has registered none.
    """
    raise ValueError(
        f"{type(loss).__name__} has no likelihood: register certificate.losses.log_constant for it"
    )
