"""Products of the columns, or of the rows, of X with one another; descent on them.

Dense products belong to BLAS: a kernel fills blocks with shifted, scaled and weighted
values, BLAS multiplies them, panel by panel. Panels are cut by shape and blocks are
added in order, so the bits do not depend on the number of threads.
"""

from __future__ import annotations

import numpy as np

from fastreg import penalties
from fastreg._jit import at, jit, one_or, run_blocks, single_threaded_blas
from fastreg.design import storages
from fastreg.kernels.rows import predict, project

_BUFFER = 1 << 19  # entries of a filled block: 4 MB, read again from cache by BLAS
_FLAT = 1e-280  # curvature below which a column is zero: 1/curvature is to be a number
_PANEL = 128  # least columns of the product a task computes


def fill(X, start, stop, *, columns, shift=None, scale=None, weights=None, out):
    """out ← w_i·(x_ij − shift_j)·scale_j for rows start ≤ i < stop and the given columns.

    `out` is (stop − start, len(columns)) float64; `shift` and `scale` are (n,), `weights`
    (m,), each None for none.
    """
    rows = stop - start
    pieces = max(1, min(16, rows // 16))
    cuts = [start + rows * k // pieces for k in range(pieces + 1)]

    def work(first, last):
        a, b = cuts[first], cuts[last]
        _fill(X, a, b, columns, shift, scale, weights, out[a - start : b - start])

    run_blocks(work, pieces)


def cross_gram(X, left, right, *, shift=None, scale=None, weights=None, by_blocks=False):
    """Z_leftᵀ W Z_right with Z = (X − 1 shiftᵀ) diag(scale): one pass over X.

    Parameters
    ----------
    X : storage, (m, n)
    left, right : integer arrays of column numbers; the same object twice is recognised
        and half of the product saved
    shift, scale : (n,) float64 or None
    weights : (m,) float64 or None for ones
    by_blocks : bool, expand a sparse storage block by block as well: slower, but a shift
        that dwarfs the spread is subtracted before the product, not after it

    Returns
    -------
    (len(left), len(right)) float64
    """
    out = np.zeros((len(left), len(right)))
    if storages.is_sparse(X) and not by_blocks:
        return _sparse_gram(X, left, right, shift, scale, weights, out)
    m = storages.shape(X)[0]
    rows = max(64, min(m, _BUFFER // max(len(left), 1)))
    buffers = [np.empty((rows, len(left)))]
    symmetric = left is right
    if not symmetric or weights is not None:
        buffers.append(np.empty((rows, len(right))))
    for start in range(0, m, rows):
        stop = min(start + rows, m)
        L, R = (buffer[: stop - start] for buffer in (buffers[0], buffers[-1]))
        fill(X, start, stop, columns=left, shift=shift, scale=scale, out=L)
        if R.base is not L.base:
            fill(X, start, stop, columns=right, shift=shift, scale=scale, weights=weights, out=R)
        _add_product(L.T, R, out, lower=symmetric)
    return _mirror(out) if symmetric else out


def row_gram(X, *, shift=None, scale=None, by_blocks=False):
    """Z Zᵀ with Z = (X − 1 shiftᵀ) diag(scale), shape (m, m): one pass over X."""
    m, n = storages.shape(X)
    out = np.zeros((m, m))
    if storages.is_sparse(X) and not by_blocks:
        return _sparse_row_gram(X, shift, scale, out)
    width = max(64, min(n, _BUFFER // m))
    buffer = np.empty(m * width)
    for start in range(0, n, width):
        columns = np.arange(start, min(start + width, n))
        block = buffer[: m * len(columns)].reshape(m, len(columns))
        fill(X, 0, m, columns=columns, shift=shift, scale=scale, out=block)
        _add_product(block, block.T, out, lower=True)
    return _mirror(out)


def _add_product(A, B, out, *, lower):
    """out += A B, only on and below the diagonal panels where `lower`."""
    n = out.shape[1]
    panels = max(1, min(32, n // _PANEL))
    cuts = [n * k // panels for k in range(panels + 1)]

    def work(first, last):
        for k in range(first, last):
            a, b = cuts[k], cuts[k + 1]
            top = a if lower else 0
            out[top:, a:b] += A[top:] @ B[:, a:b]

    with single_threaded_blas:
        run_blocks(work, panels)


def _mirror(lower):
    """The symmetric matrix of a lower triangle, in place."""
    upper = np.triu_indices(len(lower), 1) if len(lower) < 512 else None
    if upper is not None:
        lower[upper] = lower.T[upper]
        return lower
    for a in range(0, len(lower), 512):
        b = a + 512
        lower[a:b, b:] = lower[b:, a:b].T
        square = lower[a:b, a:b]
        square[...] = np.tril(square) + np.tril(square, -1).T
    return lower


def _sparse_gram(X, left, right, shift, scale, weights, out):
    """Products of the stored entries, then the shift as a correction of rank two."""
    m, n = storages.shape(X)
    places = []
    for columns in (left, right):
        place = np.full(n, -1)
        place[columns] = np.arange(len(columns))
        places.append(place)
    roots = None if weights is None else np.sqrt(weights)
    _add_sparse_gram(X, roots, scale, places[0], places[1], out)
    if shift is not None:
        # Σ w (x_j − s_j)(x_k − s_k) = Σ w x_j x_k − s_j S_k − (S_j − s_j Σw) s_k,  S = Xᵀw
        row_weights = np.ones(m) if weights is None else weights
        sums = np.empty(n)
        project(X, row_weights, out=sums)
        stretch = np.ones(n) if scale is None else scale
        centre, sums = stretch * shift, stretch * sums
        out -= np.outer(centre[left], sums[right])
        out -= np.outer((sums - row_weights.sum() * centre)[left], centre[right])
    return out


def _sparse_row_gram(X, shift, scale, out):
    """Products of the rows; (x_i − s)·(x_k − s) = x_i·x_k − x_i·s − x_k·s + s·s."""
    rows = np.arange(len(out))
    _add_sparse_gram(storages.transposed(X), scale, None, rows, rows, out)
    if shift is not None:
        stretch = np.ones(len(shift)) if scale is None else scale
        centre = stretch * shift
        along = np.empty(len(out))
        predict(X, stretch * centre, out=along)
        out -= along[:, None]
        out -= along - centre @ centre
    return out


@jit
def _fill(X, start, stop, columns, shift, scale, weights, out):
    storages.fill_tile(X, start, stop, columns, out)
    for i in range(stop - start):
        w = one_or(weights, start + i)
        for k in range(columns.shape[0]):
            j = columns[k]
            out[i, k] = (out[i, k] - at(shift, j)) * (w * one_or(scale, j))


@jit
def _add_sparse_gram(X, roots, scale, left, right, out):
    storages.add_sparse_gram(X, roots, scale, left, right, out)


@jit
def coordinate_descent(gram, gradient, coef, l2, penalty, n_epochs):
    """Cyclic descent on ½bᵀGb − cᵀb + ½ Σ l2_j b_j² + p(b), exact in each coordinate.

    Parameters
    ----------
    gram : (n, n) float64, symmetric
    gradient : (n,) float64, Gb − c + l2∘b at `coef`, kept current in place
    coef : (n,) float64, changed in place
    l2 : (n,) float64
    penalty : tuple of `fastreg.penalties`
    n_epochs : int

    Returns
    -------
    Largest decrease of the objective by one coordinate in the last epoch, in its unit.
    """
    n = coef.shape[0]
    most = 0.0
    for _ in range(n_epochs):
        most = 0.0
        for j in range(n):
            curvature = gram[j, j] + l2[j]
            if curvature < _FLAT:
                continue
            step = 1.0 / curvature
            old = coef[j]
            new = penalties.prox(penalty, j, old - gradient[j] * step, step)
            change = new - old
            if change != 0.0:
                coef[j] = new
                for k in range(n):
                    gradient[k] += change * gram[j, k]
                gradient[j] += change * l2[j]
                most = max(most, 0.5 * curvature * change * change)
    return most
