"""Value and slopes of the multinomial loss at the predictions of all rows, in one sweep of them."""

from __future__ import annotations

import math

import numpy as np

from fastreg._jit import jit, one_or, run_blocks
from fastreg.elementary import exp

_ROWS = 512  # of a block: 1 MB at 256 predictions a row


def softmax(Z, Y, weights, offset):
    """Z ← w∘(p − y), and (d,) of Σ_i w_i ℓ, for d points of K predictions of each row.

    Parameters
    ----------
    Z : (m, d·K) float64, in C order, the K of a point side by side
    Y : (m, K) float64 shares
    weights : (m,) float64 or None for ones
    offset : (m, K) float64 or None for zeros
    """
    m, d = Z.shape[0], Z.shape[1] // Y.shape[1]
    count = -(-m // _ROWS)
    sums = np.zeros((count, d))
    run_blocks(lambda first, last: _blocks(Z, Y, weights, offset, first, last, sums), count)
    return np.add.reduce(sums, axis=0)


@jit
def _blocks(Z, Y, weights, offset, first, last, sums):
    K = Y.shape[1]
    for b in range(first, last):
        for i in range(b * _ROWS, min((b + 1) * _ROWS, Z.shape[0])):
            w = one_or(weights, i)
            for t in range(sums.shape[1]):
                z = Z[i, t * K : (t + 1) * K]
                if w == 0.0:  # whatever a row that does not count holds
                    z[:] = 0.0
                else:
                    sums[b, t] += w * _row(z, Y[i], w, _of_row(offset, i))


@jit
def _of_row(offset, i):
    return None if offset is None else offset[i]


@jit
def _row(z, y, w, offset):
    """ℓ of a row; z becomes w(p − y)."""
    K, most = z.shape[0], -np.inf
    for k in range(K):
        if offset is not None:
            z[k] += offset[k]
        most = max(most, z[k])
    along, total = 0.0, 0.0
    for k in range(K):
        along += y[k] * (most - z[k])  # ≥ 0: nothing large cancels
        z[k] = exp(z[k] - most)
    for k in range(K):
        total += z[k]
    for k in range(K):
        z[k] = w * (z[k] / total - y[k])
    return along + math.log(total)
