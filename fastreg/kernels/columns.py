"""Coordinate descent on the columns of X themselves, the residual kept current.

For problems whose Gram matrix does not fit: an epoch reads X twice at most, once where few
coefficients move. Columns should be contiguous (Fortran order, CSC); a CSR has none.
"""

from __future__ import annotations

import numpy as np

from fastreg import penalties
from fastreg._jit import at, exact, run_blocks
from fastreg.design import storages
from fastreg.kernels.rows import CALL_ENTRIES

_FLAT = 1e-280  # curvature below which a column is zero: 1/curvature is to be a number


def norms(X, *, shift=None, weights=None, out):
    """out_j ← Σ_i w_i (x_ij − shift_j)², (n,): one pass, threads sharing the columns."""
    _refuse_shift(X, shift)
    n = storages.shape(X)[1]
    count = max(1, min(64, storages.stored(X) // storages.BLOCK_ENTRIES, n // 8))
    if storages.lies_by_columns(X):
        cuts = storages.column_bounds(X, count)
    else:
        cuts = np.linspace(0, n, count + 1).astype(np.int64)
    step = max(1, (len(cuts) - 1) * CALL_ENTRIES // max(1, storages.stored(X)))
    run_blocks(
        lambda first, last: _norm_blocks(X, cuts[first], cuts[last], shift, weights, out),
        len(cuts) - 1,
        step=step,
    )


@exact
def _norm_blocks(X, first, last, shift, weights, out):
    storages.column_squares(X, first, last, shift, weights, out)


def residual_descent(X, residual, coef, curvature, l2, penalty, n_epochs, shift=None):
    """Cyclic descent on ½‖r‖² + ½ Σ l2_j b_j² + p(b), r = y − (X − 1 shiftᵀ)b.

    Parameters
    ----------
    X : storage, (m, n)
    residual : (m,) float64, r at `coef`, kept current in place
    coef : (n,) float64, changed in place
    curvature : (n,) float64, `norms` of the columns
    l2 : (n,) float64
    penalty : tuple of `fastreg.penalties`
    n_epochs : int
    shift : (n,) float64 or None; None for a sparse X

    Returns
    -------
    Largest decrease of the objective by one coordinate in the last epoch, in its unit.
    """
    _refuse_shift(X, shift)
    return _descend(X, residual, coef, curvature, l2, penalty, n_epochs, shift)


def _refuse_shift(X, shift):
    if shift is not None and storages.is_sparse(X):
        raise ValueError("shift must be None for a sparse X: fit the intercept as a column")


@exact
def _descend(X, residual, coef, curvature, l2, penalty, n_epochs, shift):
    most = 0.0
    for _ in range(n_epochs):
        most = 0.0
        for j in range(coef.shape[0]):
            slope = curvature[j] + l2[j]
            if slope < _FLAT:
                continue
            step = 1.0 / slope
            old = coef[j]
            s = at(shift, j)
            gradient = l2[j] * old - storages.column_dot(X, j, s, residual)
            new = penalties.prox(penalty, j, old - gradient * step, step)
            change = new - old
            if change != 0.0:
                coef[j] = new
                storages.column_add(X, j, s, -change, residual)
                most = max(most, 0.5 * slope * change * change)
    return most
