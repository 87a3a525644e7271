"""The gradient of least squares in twice the working precision.

Error-free transformations (Dekker 1971, Knuth 1969; Ogita, Rump & Oishi, SIAM J. Sci.
Comput. 26, 2005): a sum or product of two floats is a float plus an error that is itself
a float. A value is carried as an unevaluated pair (high, low), about 32 digits.

Compiled without reordering: in exact algebra every error term here is zero.
"""

from __future__ import annotations

import numpy as np

from fastreg._jit import exact
from fastreg.design import storages
from fastreg.kernels.gram import fill

_SPLITTER = 134217729.0  # 2²⁷ + 1 cuts a 53-bit significand into two halves


@exact
def two_sum(a, b):
    """(s, e) with s = fl(a + b) and s + e = a + b exactly."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@exact
def two_product(a, b):
    """(p, e) with p = fl(a·b) and p + e = a·b exactly, for │a│, │b│ < 1e290."""
    p = a * b
    t = _SPLITTER * a
    ah = t - (t - a)
    al = a - ah
    t = _SPLITTER * b
    bh = t - (t - b)
    bl = b - bh
    return p, al * bl - (((p - ah * bh) - al * bh) - ah * bl)


def compensated_gradient(X, y, theta, *, offset=0.0, weights=None, out):
    """out ← Xᵀ(w ∘ (offset + Xθ − y)) and Σ_i w_i (offset + Xθ − y)_i, as pairs.

    Parameters
    ----------
    X : storage, (m, n)
    y : (m,) float64
    theta : (n,) float64
    offset : float
    weights : (m,) float64 or None for ones
    out : (2, n + 1) float64, overwritten: high and low parts of the gradient, and in the
        last place those of the sum of the weighted residuals

    Notes
    -----
    X is read unshifted: with 32 digits an offset of 1e10 spreads costs nothing.
    """
    m, n = storages.shape(X)
    columns = np.arange(n)
    rows = max(1, min(m, (1 << 17) // n))
    block = np.empty((rows, n))
    out[:] = 0.0
    for start in range(0, m, rows):
        stop = min(start + rows, m)
        piece = block[: stop - start]
        fill(X, start, stop, columns=columns, out=piece)
        w = np.ones(stop - start) if weights is None else weights[start:stop]
        _add_block(piece, y[start:stop], w, theta, float(offset), out)


@exact
def _add_block(X, y, weights, theta, offset, out):
    n = theta.shape[0]
    for i in range(X.shape[0]):
        w = weights[i]
        if w == 0.0:  # whatever a row of weight zero holds: 0·∞ is no number
            continue
        # residual = offset − y_i + Σ_j x_ij θ_j
        high, low = two_sum(offset, -y[i])
        for j in range(n):
            p, e = two_product(X[i, j], theta[j])
            high, f = two_sum(high, p)
            low += e + f
        high, low = two_sum(high, low)
        p, e = two_product(w, high)
        high, low = two_sum(p, e + w * low)
        for j in range(n):
            p, e = two_product(X[i, j], high)
            out[0, j], f = two_sum(out[0, j], p)
            out[1, j] += e + f + X[i, j] * low
        out[0, n], f = two_sum(out[0, n], high)
        out[1, n] += f + low
