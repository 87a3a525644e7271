"""Passes over the rows of X: each reads X once.

| function | computes |
|---|---|
| `gradient` | residual, loss, data gradient, ridge and penalty, fused |
| `predict` | offset + Xθ |
| `project` | Xᵀr |
| `column_range` | least and greatest entry of each column |

Rows are cut into blocks (`storages.row_bounds`); each block sums into accumulators of
its own, which are added in order: the same bits for any number of threads.
"""

from __future__ import annotations

import functools

import numpy as np

from fastreg import losses, penalties
from fastreg._jit import at, jit, one_or, run_blocks
from fastreg.design import storages

_PAD = 8  # one cache line of float64 after each accumulator, which also holds the sums
# Entries a call reads before an interrupt is looked for and the next blocks are taken: 3 ms.
CALL_ENTRIES = 1 << 23


class Workspace:
    """The blocks of X and their accumulators: made once, reused by every pass."""

    def __init__(self, X) -> None:
        self.bounds = storages.row_bounds(X)
        self.count = len(self.bounds) - 1
        n = storages.shape(X)[1]
        self.partial = np.zeros((self.count, -(-(n + 2) // _PAD) * _PAD + _PAD))
        per_block = max(1, storages.stored(X) // self.count)
        self.step = max(1, CALL_ENTRIES // per_block)

    def run(self, work) -> None:
        """`work(first, last)` over all blocks."""
        run_blocks(work, self.count, step=self.step)


def gradient(
    X,
    y,
    theta,
    *,
    offset=0.0,
    shift=None,
    weights=None,
    loss=losses.Squared(),
    scale=1.0,
    l2=0.0,
    penalty=penalties.L1(0.0),
    out,
    workspace=None,
):
    """One pass over X for objective, gradient and intercept gradient.

        z = offset + (X − 1 shiftᵀ)θ
        F = scale·Σ_i w_i ℓ(z_i, y_i) + ½ Σ_j l2_j θ_j² + Σ_j p_j(θ_j)
        out ← scale·(X − 1 shiftᵀ)ᵀ(w ∘ ℓ′(z, y)) + l2 ∘ θ

    Parameters
    ----------
    X : storage, (m, n)
    y : (m,) float64
    theta : (n,) float64
    offset : float
    shift : (n,) float64 or None
    weights : (m,) float64 or None for ones
    loss, penalty : tuples of `fastreg.losses`, `fastreg.penalties`
    scale : float, usually 1/Σw
    l2 : float or (n,) float64
    out : (n,) float64, overwritten with the gradient of the smooth part

    Returns
    -------
    (F, g₀) : the objective, and scale·Σ_i w_i ℓ′(z_i, y_i)
    """
    work = workspace or Workspace(X)
    by_rank_one = shift is not None and storages.is_sparse(X)
    inside = None if by_rank_one else shift
    start = offset - shift @ theta if by_rank_one else offset

    def blocks(first, last):
        _gradient_blocks(
            X, work.bounds, first, last, y, theta, start, inside, weights, loss, work.partial
        )

    for name, item in ((losses.value, loss), (penalties.value, penalty)):
        name.lookup(type(item))  # an unknown type fails here in words, not in the compiler
    work.run(blocks)
    value, slope = _finish(work.partial, theta, scale, l2, penalty, out)
    if by_rank_one:
        out -= slope * shift
    return value, slope


def predict(X, theta, *, offset=0.0, shift=None, out, workspace=None):
    """out ← offset + (X − 1 shiftᵀ)θ, shape (m,)."""
    work = workspace or Workspace(X)
    by_rank_one = shift is not None and storages.is_sparse(X)
    inside = None if by_rank_one else shift
    start = float(offset - shift @ theta if by_rank_one else offset)
    work.run(
        lambda first, last: _predict_blocks(X, work.bounds, first, last, theta, start, inside, out)
    )


def project(X, residual, *, shift=None, out, workspace=None):
    """out ← (X − 1 shiftᵀ)ᵀ residual, shape (n,)."""
    work = workspace or Workspace(X)
    inside = None if storages.is_sparse(X) else shift
    work.run(
        lambda first, last: _project_blocks(
            X, work.bounds, first, last, residual, inside, work.partial
        )
    )
    np.add.reduce(work.partial[:, : len(out)], axis=0, out=out)
    if shift is not None and inside is None:
        out -= shift * residual.sum()


def column_range(X, *, weights=None):
    """(low, high, finite): each column's least and greatest stored entry, (n,) each.

    Rows of weight zero count for `finite` only. A column with nothing stored has low = ∞,
    high = −∞; zeros that a sparse storage leaves out are not counted.
    """
    work = Workspace(X)
    n = storages.shape(X)[1]
    low, high = np.full((work.count, n), np.inf), np.full((work.count, n), -np.inf)
    nonfinite = np.zeros(work.count, np.int64)
    work.run(
        lambda first, last: _scan_blocks(X, work.bounds, first, last, weights, low, high, nonfinite)
    )
    return low.min(axis=0), high.max(axis=0), not nonfinite.any()


@jit
def _gradient_blocks(X, bounds, first, last, y, theta, offset, shift, weights, loss, partial):
    n = theta.shape[0]
    m = bounds[-1]
    z = np.empty(storages.tile_height(X, m))
    for k in range(first, last):
        block = partial[k]
        block[:] = 0.0
        total = 0.0
        slope = 0.0
        for start in range(bounds[k], bounds[k + 1], z.shape[0]):
            stop = min(start + z.shape[0], bounds[k + 1])
            storages.predict_tile(X, start, stop, shift, theta, offset, z)
            added, steeper = _residuals(z, y, start, stop, weights, loss)
            total += added
            slope += steeper
            storages.accumulate_tile(X, start, stop, shift, z, block)
        block[n] = total
        block[n + 1] = slope


# In the next two, and in `update`, sums stand in a loop that stores: the compiler makes a
# vector and a scalar version of it and picks one by where the arrays lie in memory. Reordered
# sums would then differ from call to call; exact ones do not.


@functools.partial(jit, exact=True)
def _residuals(z, y, start, stop, weights, loss):
    """z ← w∘ℓ′(z, y) of a tile; (Σ w ℓ, Σ w ℓ′)."""
    total = 0.0
    slope = 0.0
    for i in range(start, stop):
        w = one_or(weights, i)
        if w == 0.0:  # whatever the row holds: 0·∞ is no number
            z[i - start] = 0.0
            continue
        prediction = z[i - start]
        total += w * losses.value(loss, prediction, y[i])
        residual = w * losses.derivative(loss, prediction, y[i])
        slope += residual
        z[i - start] = residual
    return total, slope


@jit
def _add_blocks(partial, scale, out):
    """out ← scale·Σ_k partial_k, in order; (scale·loss, scale·slope)."""
    n = out.shape[0]
    value = 0.0
    slope = 0.0
    for k in range(partial.shape[0]):
        value += partial[k, n]
        slope += partial[k, n + 1]
    for j in range(n):
        g = 0.0
        for k in range(partial.shape[0]):
            g += partial[k, j]
        out[j] = scale * g
    return scale * value, scale * slope


@functools.partial(jit, exact=True)
def _finish(partial, theta, scale, l2, penalty, out):
    """Add the blocks, then ridge and penalty in one sweep of θ."""
    value, slope = _add_blocks(partial, scale, out)
    for j in range(theta.shape[0]):
        w = theta[j]
        ridge = at(l2, j) * w
        out[j] += ridge
        value += 0.5 * ridge * w + penalties.value(penalty, j, w)
    return value, slope


@jit
def _predict_blocks(X, bounds, first, last, theta, offset, shift, out):
    height = storages.tile_height(X, bounds[-1])
    for k in range(first, last):
        for start in range(bounds[k], bounds[k + 1], height):
            stop = min(start + height, bounds[k + 1])
            storages.predict_tile(X, start, stop, shift, theta, offset, out[start:stop])


@jit
def _project_blocks(X, bounds, first, last, residual, shift, partial):
    height = storages.tile_height(X, bounds[-1])
    for k in range(first, last):
        partial[k, :] = 0.0
        for start in range(bounds[k], bounds[k + 1], height):
            stop = min(start + height, bounds[k + 1])
            storages.accumulate_tile(X, start, stop, shift, residual[start:stop], partial[k])


@jit
def _scan_blocks(X, bounds, first, last, weights, low, high, nonfinite):
    for k in range(first, last):
        nonfinite[k] = storages.scan_tile(X, bounds[k], bounds[k + 1], weights, low[k], high[k])
