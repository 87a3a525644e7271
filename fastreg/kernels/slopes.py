"""Value, slope and curvature of a loss at the predictions of all rows, in one sweep of them."""

from __future__ import annotations

import numpy as np

from fastreg import losses
from fastreg._jit import inner, jit, one_or


@jit
def slopes(loss, z, y):
    """(3, m): ℓ, ℓ′ and ℓ″ of each row.

    Parameters
    ----------
    loss : tuple of `fastreg.losses`
    z, y : (m,) float64
    """
    m = z.shape[0]
    out = np.empty((3, m))
    for i in range(m):
        out[0, i] = losses.value(loss, z[i], y[i])
        out[1, i] = losses.derivative(loss, z[i], y[i])
        out[2, i] = losses.curvature(loss, z[i], y[i])
    return out


@jit
def weighted_slopes(loss, Z, y, weights, sums):
    """Z ← w∘ℓ′(Z, y), and Σ_i w_i ℓ and Σ_i w_i ℓ″ are added to `sums`, for k predictions of each
    row.

    Parameters
    ----------
    loss : tuple of `fastreg.losses`
    Z : (m, k) float64, in C order; y : (m,) float64
    weights : (m,) float64 or None for ones
    sums : (2, k) float64
    """
    for i in range(Z.shape[0]):
        _row_of_slopes(loss, Z[i], y[i], one_or(weights, i), sums[0], sums[1])


@inner
def _row_of_slopes(loss, z, y, w, values, bends):
    for t in range(z.shape[0]):
        value = w * losses.value(loss, z[t], y)
        slope = w * losses.derivative(loss, z[t], y)
        bend = w * losses.curvature(loss, z[t], y)
        # Whatever a row of weight zero holds: 0·∞ is no number.
        values[t] += value if w != 0.0 else 0.0
        bends[t] += bend if w != 0.0 else 0.0
        z[t] = slope if w != 0.0 else 0.0
