"""Value and slopes of the multinomial loss at the predictions of all rows, in one sweep of them."""

from __future__ import annotations

import math

import numpy as np

from fastreg._jit import jit, one_or, part, run_blocks
from fastreg.elementary import exp

_ENTRIES = 1 << 14  # predictions of a block, 0.05 ms: waking a thread takes as long


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
    height = max(1, _ENTRIES // Z.shape[1])
    count = -(-m // height)
    sums = np.zeros((count, d))
    run_blocks(lambda first, last: _blocks(Z, Y, weights, offset, height, first, last, sums), count)
    return np.add.reduce(sums, axis=0)


def bends(slopes, Y, weights):
    """Σ_i w_i (diag(p) − ppᵀ) of each point, (d, K, K), from slopes w∘(p − y), (m, d·K).

    No row has a weight of zero. One thread: blocks of rows have theirs.
    """
    sums = np.zeros((slopes.shape[1] // Y.shape[1], Y.shape[1], Y.shape[1]))
    _add_bends(slopes, Y, weights, np.empty(Y.shape[1]), sums)
    return sums


@jit
def _add_bends(slopes, Y, weights, p, sums):
    K = Y.shape[1]
    for i in range(slopes.shape[0]):
        w = one_or(weights, i)
        for t in range(sums.shape[0]):
            for k in range(K):
                p[k] = slopes[i, t * K + k] / w + Y[i, k]
            for k in range(K):
                a = w * p[k]
                sums[t, k, k] += a
                for j in range(k + 1):
                    sums[t, k, j] -= a * p[j]
    for t in range(sums.shape[0]):
        for k in range(K):
            for j in range(k):
                sums[t, j, k] = sums[t, k, j]


@jit
def _blocks(Z, Y, weights, offset, height, first, last, sums):
    for b in range(first, last):
        start, stop = b * height, min((b + 1) * height, Z.shape[0])
        some, y, w = Z[start:stop], Y[start:stop], part(weights, start, stop)
        _shift(some, y, w, part(offset, start, stop), sums[b])
        flat = some.reshape(-1)
        for j in range(len(flat)):  # of one row at a time it took twice as long
            flat[j] = exp(flat[j])
        _normalise(some, y, w, sums[b])


@jit
def _shift(Z, Y, weights, offset, sums):
    """z ← z + o − max z ≤ 0, 0 in rows that do not count, whatever they hold; sums += −w yᵀz."""
    K = Y.shape[1]
    for i in range(Z.shape[0]):
        w = one_or(weights, i)
        for t in range(sums.shape[0]):
            z, most, along = Z[i, t * K : (t + 1) * K], -np.inf, 0.0
            if w == 0.0:
                z[:] = 0.0
                continue
            for k in range(K):
                if offset is not None:
                    z[k] += offset[i, k]
                most = max(most, z[k])
            for k in range(K):
                z[k] -= most
                along -= Y[i, k] * z[k]  # ≥ 0: nothing large cancels
            sums[t] += w * along


@jit
def _normalise(Z, Y, weights, sums):
    """z ← w(p − y) of eᶻ; sums += w log Σ eᶻ."""
    K = Y.shape[1]
    for i in range(Z.shape[0]):
        w = one_or(weights, i)
        for t in range(sums.shape[0]):
            z, total = Z[i, t * K : (t + 1) * K], 0.0
            if w == 0.0:
                z[:] = 0.0
                continue
            for k in range(K):
                total += z[k]
            for k in range(K):
                z[k] = w * (z[k] / total - Y[i, k])
            sums[t] += w * math.log(total)
