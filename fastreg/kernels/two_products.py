"""Xᵀr and a product with what is made of it, in one read of an X that lies by columns.

    v = base − factor ∘ (X − 1 shiftᵀ)ᵀr,    image = (X − 1 shiftᵀ)v

A few columns at a time: their entries of v are known as soon as they are read, and they are
still in cache when v multiplies them. A step of conjugate gradients reads X once this way, and
twice as `gradient` does (2000 × 20 000: 13 ms and 24).
"""

from __future__ import annotations

import numpy as np

from fastreg._jit import exact, inner, run_blocks
from fastreg.design import storages
from fastreg.kernels.rows import LANES, Workspace, in_registers

# Stored entries of the columns between the two products: 128 kB (2000 × 20 000: 12.7 ms, with eight
# times as many 16.0).
_NEAR = 1 << 14


def project_then_predict(X, residual, base, factor, *, shift=None, out, image, workspace=None):
    """out ← v, image ← (X − 1 shiftᵀ)v, as the module has them.

    Parameters
    ----------
    X : storage that `storages.by_columns`, (m, n)
    residual : (m,) float64, or (m, k)
    base, factor : float64 of the shape of `out`
    shift : (n,) float64 or None
    out : (n,) float64, or (n, k), overwritten
    image : float64 of the shape of `residual`, overwritten
    workspace : `Workspace` of X and k, made here if None
    """
    k = None if residual.ndim == 1 else residual.shape[1]
    work = workspace or Workspace(X, k)
    inside = shift
    if shift is not None and storages.is_sparse(X):  # by rank one
        inside = None
        base = base + factor * np.multiply.outer(shift, residual.sum(axis=0))
    whole = [in_registers(each) for each in (residual, base, factor)]
    v = work.partial[0]
    cuts, width = work.scatter, _width(X)
    run_blocks(
        lambda first, last: _blocks(X, cuts, first, last, width, inside, *whole, v, work.image),
        len(cuts) - 1,
        step=1,
    )
    n, total = len(out), np.add.reduce(work.image, axis=0)[: len(image)]
    out[:] = v[:n] if k is None else v[:n, :k]
    image[:] = total if k is None else total[:, :k]
    if shift is not inside:
        image -= shift @ out


def _width(X) -> int:
    """Columns whose entries stay in cache from one product to the next: a multiple of eight."""
    n = storages.shape(X)[1]
    return max(LANES, n * _NEAR // max(1, storages.stored(X)) // LANES * LANES)


@exact
def _blocks(X, cuts, first, last, width, shift, residual, base, factor, v, image):
    for k in range(first, last):
        image[k] = 0.0
        for start in range(cuts[k], cuts[k + 1], width):
            stop = min(start + width, cuts[k + 1])
            storages.project_columns(X, start, stop, shift, residual, v)
            _update(v, start, stop, base, factor)
            storages.predict_columns(X, start, stop, shift, v, image[k])


@inner
def _update(v, start, stop, base, factor):
    """v ← base − factor∘v on some rows."""
    if v.ndim == 2:
        for j in range(start, stop):
            for t in range(v.shape[1]):
                v[j, t] = base[j, t] - factor[j, t] * v[j, t]
    else:
        for j in range(start, stop):
            v[j] = base[j] - factor[j] * v[j]
