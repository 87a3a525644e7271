"""What rows lose by predictions, and how far rounding may have moved it: NumPy by itself.

    Σ w [ℓ(z; y) − min ℓ(·; y)],   z = o + b + xᵀθ

Rounding, and whatever else X θ slips by, moves z by δ at most, and a convex loss changes most at
one of the ends z ± δ.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastreg.certificate import losses

Array = np.ndarray
_ROUNDING = 8 * float(np.finfo(np.float64).eps)  # of a sum, in terms of its terms


def lost(
    loss: Any, X: Any, y: Array, w: Array, offset: Any, coef: Array, intercept: Array,
    slip: Any = 0.0,
) -> Array:  # fmt: skip
    """(3, K): the sum, by how much rounding may change it, and the sum at z = 0.

    Parameters
    ----------
    X : (b, n) array or sparse matrix; y : (b, 1); w : (b,)
    offset : (b, 1) or 0.0; coef : (n, K); intercept : (K,)
    slip : (K,) or 0.0, by which X coef may be wrong
    """
    least = losses.saturated(loss, y)
    z = X @ coef + (intercept + offset)
    delta = _ROUNDING * (abs(X) @ np.abs(coef) + np.abs(intercept) + np.abs(offset))
    delta += slip
    value, *ends = (losses.value(loss, z + move, y) for move in (0.0, delta, -delta))
    null = float(w @ (losses.value(loss, np.zeros(y.shape), y) - least)[:, 0])
    return np.stack([
        w @ np.maximum(value - least, 0.0),
        w @ np.maximum(np.maximum(*ends) - value, 0.0),
        np.full(coef.shape[1], null),
    ])  # fmt: skip
