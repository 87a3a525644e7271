"""What the certificate asks of every loss: value, slope, curvature and conjugate, of arrays."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from fastreg.losses import traits

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
def together(loss: Any, z: Array, y: Array) -> tuple[Array, Array, Array]:
    """ℓ, ℓ′ and ℓ″, in less time than one after the other."""
    return (value(loss, z, y), *derivatives(loss, z, y))


@functools.singledispatch
def roundness(loss: Any) -> float:
    """The least r with ℓ(z) + ℓ*(u) − uz ≤ r (u − ℓ′)²/ℓ″ for u between 0 and ℓ′; ∞ if it is not
    known."""
    return math.inf


@functools.singledispatch
def conjugate(loss: Any, u: Array, y: Array) -> Array:
    """ℓ*(u; y) = sup_z uz − ℓ(z; y), ∞ outside its domain, in which 0 lies."""
    raise _unknown(loss)


@functools.singledispatch
def divergence(loss: Any, z: Array, u: Array, y: Array) -> Array:
    """ℓ(z) + ℓ*(u) − uz ≥ 0 without a difference of what is large."""
    return value(loss, z, y) + conjugate(loss, u, y) - u * z


@functools.singledispatch
def ends(loss: Any, y: Array) -> tuple[Array, Array]:
    """Two dual points in the domain of ℓ*, one ≤ 0 and one ≥ 0 everywhere, that do not depend on
    z: what is mixed with u for Σ w u = 0."""
    raise _unknown(loss)


@functools.singledispatch
def saturated(loss: Any, y: Array) -> Array:
    """min_z ℓ(z; y) = −ℓ*(0; y)."""
    return -conjugate(loss, np.zeros(y.shape), y)


def excess(loss: Any, z: Array, y: Array) -> Array:
    """ℓ(z) − min ℓ ≥ 0; of a convex loss the divergence of 0, no difference of what is large."""
    if traits(loss).convex:
        return divergence(loss, z, np.zeros(z.shape), y)
    return np.maximum(value(loss, z, y) - saturated(loss, y), 0.0)


@functools.singledispatch
def level(loss: Any, mean: float) -> float | None:
    """The z with ℓ′(z; mean) = 0, where it is known: a search may not find its way to it."""
    return None


@functools.singledispatch
def mean(loss: Any, z: Array) -> Array:
    """The mean of y at a prediction z: what `Path.predict(type="response")` gives.

    Raises
    ------
    ValueError
        The loss has registered none.
    """
    raise ValueError(f"{type(loss).__name__} has no mean: register certificate.losses.mean for it")


def information(loss: Any, z: Array) -> Array:
    """The mean of ℓ″(z; y) over y of mean μ(z): Fisher's information. ℓ″ is affine in y."""
    return curvature(loss, z, mean(loss, z))


@functools.singledispatch
def log_constant(loss: Any, y: Array, w: Array, scale: float = 1.0) -> Array:
    """c in log p(y; z) = c − w ℓ(z; y)/φ: what makes exp(−wℓ/φ) a probability of y, of weight w.

    Criteria by likelihood, such as AIC, need it. The scale φ is 1 unless the loss is `dispersed`.

    Raises
    ------
    ValueError
        The loss has registered none.
    """
    raise ValueError(
        f"{type(loss).__name__} has no likelihood: register certificate.losses.log_constant for it"
    )
