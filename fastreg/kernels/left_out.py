"""Errors of rows that a ridge has not seen, at many strengths, and their sums: one sweep of a block
whose products are at hand."""

import numpy as np

from fastreg._jit import exact, fma, greater, inner, lanes, lesser, read, write

LEAST = 2e-16  # of 1 − H_ii: with less, nothing is known


@exact
def left_out(fits, leverages, Y, w, kept, total, level, e):
    """Sums over b rows, at K strengths, a multiple of 8, for k targets.

        H = w (T²D⁻¹ + level)/total,   r = y − ŷ,   e = r/max(1 − H, LEAST)

    Parameters
    ----------
    fits : (b, ≥ kK) float64, ŷ of target t at strength s in column tK + s; becomes r
    leverages : (b, K) float64, T²D⁻¹; becomes H
    Y : (b, k) float64
    w, kept : (b,) float64 ≥ 0, weights of rows, and of those that are not left to others
    total : float, Σ w of all rows
    level : float, 1 with an intercept, else 0
    e : (b, kK) float64, filled

    Returns
    -------
    (3k + 3, K): Σ kept e², Σ w r² and Σ w r of each target; Σ H; Σ H/(1 − H)² and the least 1 − H
    of the rows that are kept.
    """
    b, K = leverages.shape
    k = Y.shape[1]
    sums = np.zeros((3 * k + 3, K))
    one, least_left = lanes(1.0), lanes(LEAST)
    for s in range(0, K, 8):
        dof, spread, least = lanes(0.0), lanes(0.0), lanes(1.0)
        for i in range(b):
            H = (read(leverages, (i, s)) + lanes(level)) * lanes(w[i] / total)
            left = greater(one - H, least_left)
            over = one / left
            write(leverages, (i, s), H)
            dof = dof + H
            if kept[i] > 0.0:
                spread = fma(H * over, over, spread)
                least = lesser(left, least)
            for t in range(k):
                r = lanes(Y[i, t]) - read(fits, (i, t * K + s))
                write(fits, (i, t * K + s), r)
                write(e, (i, t * K + s), r * over)
                if w[i] > 0.0:
                    _add(sums, t, s, kept[i], r * over, r * over)
                    _add(sums, k + t, s, w[i], r, r)
                    _add(sums, 2 * k + t, s, w[i], r, one)
        write(sums, (3 * k, s), dof)
        write(sums, (3 * k + 1, s), spread)
        write(sums, (3 * k + 2, s), least)
    return sums


@inner
def _add(sums, row, s, w, a, b):
    """sums[row, s:] += w·a·b."""
    write(sums, (row, s), fma(lanes(w) * a, b, read(sums, (row, s))))
