"""What is minimised: a loss of predictions, a penalty and a ridge term of coefficients.

    P(β, b) = (1/M) Σ_i w_i ℓ(z_i; y_i) + s·(½ Σ_j l2_j β_j² + p(β)),   z_i = o_i + b + x_iᵀβ

with weights w of sum M, offsets o and a strength s. Everything that fits, certifies or chooses
takes an `Objective`; what differs from one loss or penalty to another stands in `fastreg.losses`
and `fastreg.penalties`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg import penalties
from fastreg.losses import Squared

Array = np.ndarray
_SQUARED = Squared()


@dataclass(frozen=True, eq=False)
class Objective:
    """In the user's units, for each of k points: targets, or strengths on a path.

    Attributes
    ----------
    l2 : 2-D array that broadcasts to (n, k): ridge strength of each feature and point
    penalty : tuple of `fastreg.penalties`, shared by all points
    weights : (m,) or None for ones
    fit_intercept : whether a free, unpenalised intercept is part of the model
    strength : (k,) ≥ 0, what multiplies l2 and penalty at each point; None for ones
    loss : tuple of `fastreg.losses`
    offset : (m,), what is added to every prediction; None for zeros
    """

    l2: Array
    penalty: Any
    weights: Array | None = None
    fit_intercept: bool = True
    strength: Array | None = None
    loss: Any = _SQUARED
    offset: Array | None = None

    def at(self, t: int) -> tuple[Array, Any]:
        """(l2, penalty) of point t, l2 of shape (n,) or (1,)."""
        l2 = self.l2[:, t if self.l2.shape[1] > 1 else 0]
        if self.strength is None:
            return l2, self.penalty
        return l2 * self.strength[t], penalties.times(self.penalty, self.strength[t])

    def ridges(self) -> Array:
        """The ridge strengths of all points, an array that broadcasts to (n, k)."""
        return self.l2 if self.strength is None else self.l2 * self.strength
