"""Σ l1_j·│θ_j│: p* is 0 where │u_j│ ≤ l1_j, else ∞."""

from __future__ import annotations

import numpy as np

from fastreg.certificate.penalties.operations import dual_projection, penalty_value
from fastreg.penalties import L1

Array = np.ndarray


@penalty_value.register
def _(penalty: L1, theta: Array) -> Array:
    return penalty.l1 * np.abs(theta)


@dual_projection.register
def _(penalty: L1, u: Array) -> Array:
    return np.clip(u, -penalty.l1, penalty.l1)
