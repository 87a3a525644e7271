"""Value, slope and curvature of a loss at the predictions of all rows, in one sweep of them."""

from __future__ import annotations

import numpy as np

from fastreg import losses
from fastreg._jit import jit


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
