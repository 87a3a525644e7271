"""What the certificate asks of every penalty: its value, its conjugate and its subgradients."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

Array = np.ndarray


@functools.singledispatch
def penalty_value(penalty: Any, theta: Array) -> Array:
    """p_j(θ_j)."""
    raise TypeError(f"no certificate is known for the penalty {type(penalty).__name__}")


@functools.singledispatch
def dual_projection(penalty: Any, u: Array) -> Array:
    """The point nearest to u_j in the domain of p_j*."""
    raise TypeError(f"no certificate is known for the penalty {type(penalty).__name__}")


@functools.singledispatch
def dual_part(penalty: Any, u: Array, l2: Any) -> Array:
    """The k with h*(u) = (u − k)²/(2 l2) + p*(k), h = ½ l2 θ² + p: for a homogeneous p the point
    of the domain of p* next to u."""
    return dual_projection(penalty, u)


@functools.singledispatch
def dual_value(penalty: Any, u: Array) -> Any:
    """p_j*(u_j) in its domain: 0 for a positively homogeneous p, p(tθ) = t·p(θ) for t > 0."""
    return 0.0


@functools.singledispatch
def nearest_subgradient(penalty: Any, theta: Array, u: Array) -> Array:
    """The subgradient of p_j at θ_j that is nearest to u_j: for a homogeneous p the slope
    p(θ)/θ, which is that of its sign, at 0 a point of the domain of p*."""
    side = np.sign(theta)
    return np.where(side != 0, penalty_value(penalty, side) * side, dual_projection(penalty, u))


@functools.singledispatch
def in_units(penalty: Any, unit: float) -> Any:
    """The penalty q with q(θ/unit) = p(θ)/unit: the same for a homogeneous one."""
    return penalty
