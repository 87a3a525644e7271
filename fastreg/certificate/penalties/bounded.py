"""Σ l1_j·│θ_j│ between bounds: p*(u) = sup θu − l1│θ│, at 0 or at one of the bounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastreg.certificate.penalties.operations import (
    dual_part,
    dual_projection,
    dual_value,
    in_units,
    nearest_subgradient,
    penalty_value,
)
from fastreg.penalties import Bounded

Array = np.ndarray


@penalty_value.register
def _(penalty: Bounded, theta: Array) -> Array:
    inside = (penalty.low <= theta) & (theta <= penalty.high)
    return np.where(inside, penalty.l1 * np.abs(theta), np.inf)


@dual_projection.register
def _(penalty: Bounded, u: Array) -> Array:
    least = np.where(np.isinf(penalty.low), -np.asarray(penalty.l1), -np.inf)
    return np.clip(u, least, np.where(np.isinf(penalty.high), penalty.l1, np.inf))


@dual_part.register
def _(penalty: Bounded, u: Array, l2: Any) -> Array:
    """u − l2 θ at the minimiser θ of h(θ) − uθ."""
    slope = u - np.clip(u, -penalty.l1, penalty.l1)
    least, most = (
        np.multiply(l2, end, out=np.zeros(u.shape) + end, where=np.isfinite(end) & (end != 0))
        for end in (penalty.low, penalty.high)
    )
    held = np.where(slope > most, u - most, u - least)
    return np.where((slope > most) | (slope < least), held, np.clip(u, -penalty.l1, penalty.l1))


@dual_value.register
def _(penalty: Bounded, u: Array) -> Array:
    """sup θu − l1│θ│ over the bounds, at 0 or at one of them; u lies in the domain but for
    rounding, which an infinite bound is not to multiply."""
    above, below = np.maximum(u - penalty.l1, 0.0), np.maximum(-u - penalty.l1, 0.0)
    up = np.multiply(
        penalty.high, above, out=np.zeros(np.shape(above)), where=np.isfinite(penalty.high)
    )
    return up - np.multiply(
        penalty.low, below, out=np.zeros(np.shape(below)), where=np.isfinite(penalty.low)
    )


@nearest_subgradient.register
def _(penalty: Bounded, theta: Array, u: Array) -> Array:
    least = np.where(theta > 0, penalty.l1, -np.asarray(penalty.l1))
    most = np.where(theta < 0, -np.asarray(penalty.l1), penalty.l1)
    at_low, at_high = theta == penalty.low, theta == penalty.high
    return np.clip(u, np.where(at_low, -np.inf, least), np.where(at_high, np.inf, most))


@in_units.register
def _(penalty: Bounded, unit: float) -> Bounded:
    with np.errstate(over="ignore", under="ignore"):
        return Bounded(penalty.l1, penalty.low / unit, penalty.high / unit)
