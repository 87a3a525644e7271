"""Products of the columns, or of the rows, of X with one another.

Dense columns are multiplied by `products`, sparse ones entry by entry, rows by BLAS, panel
by panel. Everything is cut by shape and added in order, so the bits do not depend on the
number of threads.
"""

from __future__ import annotations

import itertools

import numpy as np

from fastreg._jit import at, jit, one_or, run_blocks, single_threaded_blas
from fastreg.design import storages
from fastreg.kernels import products
from fastreg.kernels.rows import predict, project

_BUFFER = 1 << 19  # entries of a filled block: 4 MB, read again from cache by BLAS
_PANEL = 128  # least columns of the product a task computes
_SHARES = 32  # of the columns of a sparse product


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
    weights : (m,) float64 ≥ 0 or None for ones
    by_blocks : bool, expand a sparse storage block by block as well: slower, but a shift
        that dwarfs the spread is subtracted before the product, not after it

    Returns
    -------
    (len(left), len(right)) float64
    """
    if not (len(left) and len(right)):
        return np.zeros((len(left), len(right)))
    if storages.is_sparse(X):
        if by_blocks:
            return _gram_by_blocks(X, left, right, shift, scale, weights)
        out = np.zeros((len(left), len(right)))
        return _sparse_gram(X, left, right, shift, scale, weights, out)
    roots = None if weights is None else np.sqrt(weights)
    options = {"shift": shift, "scale": scale, "roots": roots}
    if left is right:
        every = len(left) == storages.shape(X)[1] and np.array_equal(left, np.arange(len(left)))
        packing = products.Packing(X, None if every else left, **options)
        return products.mirror(products.all_rows(packing))[: len(left), : len(left)]
    if len(right) < len(left):
        return cross_gram(X, right, left, shift=shift, scale=scale, weights=weights).T
    filled = np.full(products.panels(len(left)) * 8, -1)
    filled[: len(left)] = left
    both = np.concatenate([filled, right])
    out = products.all_rows(products.Packing(X, both, split=len(filled), **options))
    return out[: len(left), len(filled) : len(both)]


def _gram_by_blocks(X, left, right, shift, scale, weights):
    """The product of a sparse storage, rows expanded before they are shifted."""
    columns = np.unique(np.concatenate([left, right]))  # `fill` knows one place of each
    rows = max(64, _BUFFER // len(columns))
    m = storages.shape(X)[0]
    out, block = np.zeros((len(left), len(right))), np.empty((min(rows, m), len(columns)))
    first, second = (np.searchsorted(columns, side) for side in (left, right))
    for start in range(0, m, rows):
        stop = min(start + rows, m)
        dense = block[: stop - start]
        fill(X, start, stop, columns=columns, shift=shift, scale=scale, out=dense)
        some = None if weights is None else weights[start:stop]
        storage = storages.DenseRows(dense)
        out += cross_gram(storage, first, first if left is right else second, weights=some)
    return out


def moments(X, Y, *, folds=None, n_folds=1, shift=None, scale=None, weights=None):
    """Everything least squares needs, for each fold, in one read of X.

        M_f = Σ_{i in fold f} w_i a_i a_iᵀ,   a_i = ((x_i − shift)∘scale, y_i, 1)

    Its blocks are the Gram matrix ZᵀWZ, ZᵀWy, YᵀWY and the sums of each. Folds add up, so
    the training moments of a fold are the total less its own.

    Parameters
    ----------
    X : storage, (m, n)
    Y : (m, k) float64
    folds : (m,) integers 0 ≤ f < n_folds, the fold of each row; None for a single one
    n_folds : int
    shift, scale : (n,) float64 or None
    weights : (m,) float64 ≥ 0 or None for ones

    Returns
    -------
    (n_folds, n + k + 1, n + k + 1) float64
    """
    m, n = storages.shape(X)
    if storages.is_sparse(X):
        return _sparse_moments(X, Y, folds, n_folds, shift, scale, weights)
    p = n + Y.shape[1] + 1
    order, starts = None, np.array([0, m])
    if folds is not None:
        order = np.argsort(folds, kind="stable")
        starts = np.searchsorted(folds[order], np.arange(n_folds + 1))
    packing = products.Packing(
        X,
        shift=shift,
        scale=scale,
        roots=None if weights is None else np.sqrt(weights),
        order=order,
        extra=np.column_stack([Y, np.ones(m)]),
    )
    if n_folds == 1:
        return products.mirror(products.all_rows(packing))[None, :p, :p]
    pieces = products.row_pieces(packing, n_folds)
    bounds = [np.linspace(a, b, pieces + 1)[:-1] for a, b in itertools.pairwise(starts)]
    bounds = np.append(np.concatenate(bounds), m).astype(np.int64)
    parts = products.by_rows(packing, bounds)
    out = parts[::pieces]

    def finish(first, last):
        for f in range(first, last):
            products.add_in_order(parts[f * pieces : (f + 1) * pieces])
            products.mirror(out[f])

    run_blocks(finish, n_folds, step=1)
    return out[:, :p, :p]


def _sparse_moments(X, Y, folds, n_folds, shift, scale, weights):
    """`moments` of a sparse storage: a product of the stored entries for each fold."""
    m, n = storages.shape(X)
    base = np.ones(m) if weights is None else weights
    columns = np.arange(n)
    out = np.empty((n_folds, n + Y.shape[1] + 1, n + Y.shape[1] + 1))
    right = np.column_stack([Y, np.ones(m)])
    for f in range(n_folds):
        inside = base if folds is None else np.where(folds == f, base, 0.0)
        out[f, :n, :n] = cross_gram(X, columns, columns, shift=shift, scale=scale, weights=inside)
        weighted = right * inside[:, None]
        project(X, weighted, shift=shift, out=(mixed := np.empty((n, right.shape[1]))))
        out[f, :n, n:] = mixed if scale is None else scale[:, None] * mixed
        out[f, n:, :n] = out[f, :n, n:].T
        out[f, n:, n:] = right.T @ weighted
    return out


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
        _add_lower(block, block.T, out)
    return products.mirror(out)


def _add_lower(A, B, out):
    """out += A B, on and below the diagonal panels."""
    n = out.shape[1]
    panels = max(1, min(32, n // _PANEL))
    cuts = [n * k // panels for k in range(panels + 1)]

    def work(first, last):
        for k in range(first, last):
            a, b = cuts[k], cuts[k + 1]
            out[a:, a:b] += A[a:] @ B[:, a:b]

    with single_threaded_blas:
        run_blocks(work, panels)


def _sparse_gram(X, left, right, shift, scale, weights, out):
    """Products of the stored entries, then the shift as a correction of rank two."""
    m, n = storages.shape(X)
    places = [_places(left, n)]
    places.append(places[0] if left is right else _places(right, n))
    roots = None if weights is None else np.sqrt(weights)
    _add_products(X, roots, scale, places[0], places[1], out)
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


def _places(columns, n):
    """(n,): where each column stands, −1 if nowhere."""
    place = np.full(n, -1)
    place[columns] = np.arange(len(columns))
    return place


def _add_products(X, roots, scale, left, right, out):
    """Threads share the columns of a CSC that are asked for, and blocks of the rows of a CSR, each
    with a matrix of its own."""
    lower, by_columns = left is right, storages.by_columns(X)
    if by_columns:
        chosen = np.flatnonzero(right >= 0)
        count = max(1, min(_SHARES, len(chosen) // 8))
        starts = np.linspace(0, len(chosen), count + 1).astype(int)[:-1]
        cuts = np.append(chosen[starts], len(right))
    else:
        cuts = storages.row_bounds(X, out.size / len(left))
        count = len(cuts) - 1
    sums = out[None] if by_columns or count == 1 else np.zeros((count, *out.shape))

    def work(first, last):
        for k in range(first, last):
            own = sums[min(k, len(sums) - 1)]
            _add_sparse_gram(X, cuts[k], cuts[k + 1], roots, scale, left, right, lower, own)

    run_blocks(work, count, step=1)
    if len(sums) > 1:
        out += products.add_in_order(sums)
    if lower:
        products.mirror(out)


def _sparse_row_gram(X, shift, scale, out):
    """Products of the rows; (x_i − s)·(x_k − s) = x_i·x_k − x_i·s − x_k·s + s·s."""
    rows = np.arange(len(out))
    _add_products(storages.transposed(X), scale, None, rows, rows, out)
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
def _add_sparse_gram(X, first, last, roots, scale, left, right, lower, out):
    storages.add_sparse_gram(X, first, last, roots, scale, left, right, lower, out)
