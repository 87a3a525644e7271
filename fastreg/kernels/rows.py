"""Passes over X: each reads X once, or as often as its storage forces (CSC: twice).

| function | computes |
|---|---|
| `gradient` | residual, loss, data gradient, ridge and penalty, fused |
| `predict` | offset + Xθ |
| `project` | Xᵀr, the screening pass |

The first three take one right-hand side or k of them (folds, targets, strengths): up to
eight travel together in the lanes of a register and cost little more than one.

Rows are cut into blocks (`storages.row_bounds`); each block sums into accumulators of
its own, which are added in order: the same bits for any number of threads. A CSC has
blocks of columns instead.
"""

from __future__ import annotations

import numpy as np

from fastreg import losses, penalties
from fastreg._jit import (
    at,
    entry,
    exact,
    groups,
    inner,
    level,
    one_or,
    part,
    read,
    run_blocks,
    set_entry,
    total,
    write,
)
from fastreg.design import storages

LANES = 8
_STRIP = 512  # columns whose sums over eight residuals, 32 kB, stay in the nearest cache
_TOGETHER = 16  # residuals at a time, where threads share them
# Entries a call reads before an interrupt is looked for and the next blocks are taken: 3 ms.
CALL_ENTRIES = 1 << 23


def _rounded(count: int) -> int:
    """The multiple of eight next above."""
    return -(-count // LANES) * LANES


class Workspace:
    """The blocks of X and their accumulators for k right-hand sides, None for a plain vector.

    Made once, reused by every pass: passes with one allocate nothing of the size of X or θ.
    """

    def __init__(self, X, k: int | None = None) -> None:
        m, n = storages.shape(X)
        self.k = k
        side = () if k is None else (_rounded(k),)
        self.columns: np.ndarray | None = None
        if storages.by_columns(X):
            self._init_columns(X, m, n, side)
            return
        self.bounds = storages.row_bounds(X, *side)
        self.count = len(self.bounds) - 1
        self.partial = np.zeros((self.count, n if side else _rounded(n), *side))
        self.sums = np.zeros((self.count, 2, *(side or (LANES,))))
        self.theta = np.zeros((n, *side)) if side else None
        # Calls of 8 MB or more, up to 32 for the threads to share, more if interrupts need them.
        size = storages.stored(X)
        calls = max(1, min(32, size >> 20), size // CALL_ENTRIES)
        self.step = max(1, self.count // calls)

    def _init_columns(self, X, m, n, side) -> None:
        self.columns = storages.column_bounds(X)
        # Each block of columns predicts all rows on its own: few of them, to spare memory.
        room = storages.stored(X) // (20 * m * (side or (1,))[0])
        self.scatter = storages.column_bounds(X, max(1, min(8, room)))
        self.image = np.zeros((len(self.scatter) - 1, _rounded(m), *side))
        cuts = np.linspace(0, m, min(16, 1 + m // 4096) + 1).astype(np.int64)
        self.bounds = cuts // LANES * LANES
        self.bounds[-1] = m
        self.count = len(self.bounds) - 1
        self.sums = np.zeros((self.count, 2, *(side or (LANES,))))
        self.partial = np.zeros((1, n if side else _rounded(n), *side))
        self.theta = np.zeros((n, *side)) if side else None

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
    base=None,
    loss=losses.Squared(),
    scale=1.0,
    l2=0.0,
    penalty=penalties.L1(0.0),
    out,
    workspace=None,
):
    """One pass over X for objective, gradient and intercept gradient.

        z = base + offset + (X − 1 shiftᵀ)θ
        F = scale·Σ_i w_i ℓ(z_i, y_i) + ½ Σ_j l2_j θ_j² + Σ_j p_j(θ_j)
        out ← scale·(X − 1 shiftᵀ)ᵀ(w ∘ ℓ′(z, y)) + l2 ∘ θ

    Parameters
    ----------
    X : storage, (m, n)
    y : (m,) float64, or (m, k)
    theta : (n,) float64, or (n, k) for k right-hand sides, each with an F of its own
    offset : float, or (k,)
    shift : (n,) float64 or None
    weights : (m,) float64, or (m, k), or None for ones
    base : (m,) float64 or None for zeros
    loss, penalty : tuples of `fastreg.losses`, `fastreg.penalties`
    scale : float, or (k,); usually 1/Σw
    l2 : float, (n,) or (n, k) float64
    out : float64 of the shape of θ, overwritten with the gradient of the smooth part
    workspace : `Workspace` of X and k, made here if None

    Returns
    -------
    (F, g₀) : the objective, and scale·Σ_i w_i ℓ′(z_i, y_i); floats, or (k,) each
    """
    for name, item in ((losses.value, loss), (penalties.value, penalty)):
        name.lookup(type(item))  # an unknown type fails here in words, not in the compiler
    work = workspace or Workspace(X, None if theta.ndim == 1 else theta.shape[1])
    inside, start = _centred(X, shift, theta, offset)
    _residuals_and_slopes(X, (y, weights, base), theta, start, inside, loss, work)
    if theta.ndim == 1:
        value, slope = _finish(work.partial, work.sums, theta, scale, l2, penalty, out)
    else:
        value, slope = np.empty((2, theta.shape[1]))
        scales = np.broadcast_to(np.float64(scale), value.shape)
        _finish_many(work.partial, work.sums, theta, scales, l2, penalty, out, value, slope)
    if shift is not None and inside is None:
        out -= np.multiply.outer(shift, slope)
    return value, slope


def _centred(X, shift, theta, offset):
    """(shift, offset) for the loops: sparse storages are corrected by rank one instead."""
    if shift is not None and storages.is_sparse(X):
        return None, offset - shift @ theta
    return shift, offset


def _residuals_and_slopes(X, rows, theta, offset, shift, loss, work):
    """Fill `work.partial` with Xᵀ(w∘ℓ′) of each block and `work.sums` with Σwℓ, Σwℓ′; `rows` are
    (y, weights, base)."""
    theta, offset = _padded(theta, offset, work)
    if work.columns is not None:
        _gradient_by_columns(X, rows, theta, offset, shift, loss, work)
        return
    bounds, partial, sums = work.bounds, work.partial, work.sums
    kernel = _wide_blocks if theta.ndim == 1 and storages.is_wide(X) else _gradient_blocks
    work.run(
        lambda first, last: kernel(
            X, bounds, first, last, rows, theta, offset, shift, loss, partial, sums
        )
    )


def _padded(theta, offset, work):
    """θ and offset with k rounded up to whole registers, zeros beyond."""
    if work.theta is None:
        return theta, float(offset)
    work.theta[:, : work.k] = theta
    level = np.zeros(work.theta.shape[1])
    level[: work.k] = offset
    return work.theta, level


def _gradient_by_columns(X, rows, theta, offset, shift, loss, work):
    """Xθ by blocks of columns, residuals by blocks of rows, Xᵀr by blocks of columns."""
    _predict_by_columns(X, theta, shift, work)
    image, bounds, sums = work.image, work.bounds, work.sums
    run_blocks(
        lambda first, last: _residual_blocks(image, bounds, first, last, rows, offset, loss, sums),
        work.count,
    )
    _project_by_columns(X, image[0], shift, work)


def _predict_by_columns(X, theta, shift, work):
    cuts, image = work.scatter, work.image
    run_blocks(
        lambda a, b: _scatter_blocks(X, cuts, a, b, shift, theta, image), len(cuts) - 1, step=1
    )


def _project_by_columns(X, residual, shift, work):
    cuts, out = work.columns, work.partial[0]
    count = len(cuts) - 1
    step = max(1, count * CALL_ENTRIES // max(1, storages.stored(X)))
    run_blocks(lambda a, b: _column_blocks(X, cuts, a, b, shift, residual, out), count, step=step)


def predict(X, theta, *, offset=0.0, shift=None, out, workspace=None):
    """out ← offset + (X − 1 shiftᵀ)θ, (m,); or (m, k) for θ of (n, k)."""
    work = workspace or Workspace(X, None if theta.ndim == 1 else theta.shape[1])
    inside, start = _centred(X, shift, theta, offset)
    theta, start = _padded(theta, start, work)
    if work.columns is not None:
        _predict_by_columns(X, theta, inside, work)
        total = np.add.reduce(work.image, axis=0)[: len(out)]
        np.add(
            total if work.k is None else total[:, : work.k], _without_padding(start, work), out=out
        )
        return
    bounds = work.bounds
    work.run(lambda first, last: _predict_blocks(X, bounds, first, last, theta, start, inside, out))


def in_registers(values):
    """(m,), or (m, k) with k rounded up to whole registers, zeros beyond; contiguous."""
    if values.ndim == 1 or values.shape[1] % LANES == 0:
        return np.ascontiguousarray(values)
    padded = np.zeros((len(values), _rounded(values.shape[1])))
    padded[:, : values.shape[1]] = values
    return padded


def _without_padding(offset, work):
    return offset if work.k is None else offset[: work.k]


def project(X, residual, *, shift=None, out, workspace=None):
    """out ← (X − 1 shiftᵀ)ᵀ residual, (n,); or (n, k) for residuals of (m, k).

    Wide dense matrices go strip by strip of columns, whose sums stay in the nearest cache.
    """
    many = residual.ndim == 2
    inside = None if storages.is_sparse(X) else shift
    padded = in_registers(residual)
    if many and storages.in_strips(X):
        _project_strips(X, padded, inside, out)
        return
    if many and _shares_lanes(X, padded.shape[1]):
        _project_lanes(X, residual, inside, shift if inside is None else None, out)
        return
    work = workspace or Workspace(X, residual.shape[1] if many else None)
    if work.columns is not None:
        _project_by_columns(X, padded, inside, work)
    else:
        bounds, partial = work.bounds, work.partial
        work.run(
            lambda first, last: _project_blocks(X, bounds, first, last, padded, inside, partial)
        )
    if many:
        out[:] = np.add.reduce(work.partial, axis=0)[:, : out.shape[1]]
    else:
        np.add.reduce(work.partial[:, : len(out)], axis=0, out=out)
    _project_shift(shift if inside is None else None, residual, out)


def _project_shift(shift, residual, out):
    """What a shift that was left out takes off."""
    if shift is not None:
        out -= np.multiply.outer(shift, residual.sum(axis=0))


def _shares_lanes(X, k):
    """Whether threads share residuals, not rows: of many, whose sums have no room more than once.

    15 935 x 62 061 text, 160 residuals: 60 ms, not 160, and 320 where the sums are new memory.
    """
    if k <= _TOGETHER or storages.by_columns(X) or storages.stored(X) * k < CALL_ENTRIES:
        return False
    return len(storages.row_bounds(X, k)) == 2


def _project_lanes(X, residual, shift, after, out):
    """`project` of several residuals, `_TOGETHER` over all rows at a time."""
    m, n = storages.shape(X)
    bounds = np.array([0, m], np.int64)

    def work(first, last):
        for k in range(first, last):
            some = slice(k * _TOGETHER, (k + 1) * _TOGETHER)
            padded = in_registers(residual[:, some])
            sums = np.empty((1, n, padded.shape[1]))
            _project_blocks(X, bounds, 0, 1, padded, shift, sums)
            out[:, some] = sums[0, :, : residual[:, some].shape[1]]
            _project_shift(after, residual[:, some], out[:, some])

    run_blocks(work, -(-residual.shape[1] // _TOGETHER), step=1)


def _project_strips(X, residual, shift, out):
    """`project` of several residuals, a few columns over all rows at a time."""
    m, n = storages.shape(X)
    sums = np.empty((n, residual.shape[1])) if residual.shape[1] > out.shape[1] else out
    count = -(-n // _STRIP)
    run_blocks(
        lambda first, last: _strip_blocks(X, first, last, residual, shift, sums),
        count,
        step=max(1, min(count // 16, CALL_ENTRIES // (m * _STRIP))),
    )
    if sums is not out:
        out[:] = sums[:, : out.shape[1]]


# ---------------------------------------------------------------- blocks of rows


@inner
def _buffer(height, theta):
    """(height,), or (height, K) for K right-hand sides: predictions of a tile."""
    if theta.ndim == 2:
        return np.zeros((height, theta.shape[1]))
    return np.zeros(height)


@exact
def _gradient_blocks(X, bounds, first, last, rows, theta, offset, shift, loss, partial, sums):
    z = _buffer(storages.tile_height(X, bounds[-1]), theta)
    losses_of = np.zeros_like(z)
    for k in range(first, last):
        block = partial[k]
        block[:] = 0.0
        sums[k] = 0.0
        for start in range(bounds[k], bounds[k + 1], z.shape[0]):
            stop = min(start + z.shape[0], bounds[k + 1])
            storages.predict_tile(X, start, stop, shift, theta, offset, z)
            _residuals_of(z, losses_of, rows, start, stop, loss)
            _add_rows(losses_of, stop - start, sums[k, 0])
            _add_rows(z, stop - start, sums[k, 1])
            storages.accumulate_tile(X, start, stop, shift, z, block)


@exact
def _wide_blocks(X, bounds, first, last, rows, theta, offset, shift, loss, partial, sums):
    """`_gradient_blocks` for rows of which eight fill a cache: while four are predicted, the
    four before them are accumulated."""
    z, residual = np.zeros(8), np.zeros(8)
    losses_of = np.zeros(8)
    for k in range(first, last):
        block = partial[k]
        block[:] = 0.0
        sums[k] = 0.0
        before, start, end = bounds[k], bounds[k], bounds[k + 1]
        while before < end:  # in the last turn nothing is left to predict
            stop = min(start + 4, end)
            storages.advance_tile(X, before, start, stop, shift, theta, offset, residual, z, block)
            _residuals_of(z, losses_of, rows, start, stop, loss)
            _add_rows(losses_of, stop - start, sums[k, 0])
            _add_rows(z, stop - start, sums[k, 1])
            z, residual = residual, z
            before, start = start, stop


@inner
def _residuals_of(z, losses_of, rows, start, stop, loss):
    """`_residuals` of some rows of (y, weights, base)."""
    y, weights, base = rows
    y, weights = part(y, start, stop), part(weights, start, stop)
    _residuals(z, losses_of, y, weights, part(base, start, stop), loss)


@inner
def _residuals(z, losses_of, y, weights, base, loss):
    """z ← w∘ℓ′(z + base, y) of a tile and losses_of ← w∘ℓ; zero beyond its last row, that of y."""
    count = y.shape[0]
    _add_base(z, base, count)
    if z.ndim == 2:
        k = y.shape[1] if y.ndim == 2 else z.shape[1]
        for i in range(count):
            for t in range(k):
                w = one_or(weights, i, t)
                value = w * losses.value(loss, z[i, t], at(y, i, t))
                slope = w * losses.derivative(loss, z[i, t], at(y, i, t))
                # Whatever a row of weight zero holds: 0·∞ is no number.
                losses_of[i, t] = value if w != 0.0 else 0.0
                z[i, t] = slope if w != 0.0 else 0.0
    else:
        for i in range(count):
            w = one_or(weights, i)
            value = w * losses.value(loss, z[i], y[i])
            slope = w * losses.derivative(loss, z[i], y[i])
            losses_of[i] = value if w != 0.0 else 0.0
            z[i] = slope if w != 0.0 else 0.0
        for i in range(count, z.shape[0]):
            losses_of[i] = 0.0
            z[i] = 0.0


@inner
def _add_base(z, base, count):
    if base is None:
        return
    if z.ndim == 2:
        for i in range(count):
            for t in range(z.shape[1]):
                z[i, t] += base[i]
    else:
        for i in range(count):
            z[i] += base[i]


@inner
def _add_rows(values, count, sums):
    """sums += values: eight rows at a time, or row by row for K right-hand sides."""
    if values.ndim == 2:
        for t in range(0, values.shape[1], 8):
            g = read(sums, t)
            for i in range(count):
                g = g + read(values, (i, t))
            write(sums, t, g)
    else:
        g = read(sums, 0)
        for i in range(0, count, 8):
            g = g + read(values, i)
        write(sums, 0, g)


@inner
def _add_blocks(partial, sums, scale, out):
    """out ← scale·Σ_k partial_k, in order; (scale·loss, scale·slope)."""
    value = 0.0
    slope = 0.0
    for k in range(sums.shape[0]):
        value += total(read(sums, (k, 0, 0)))
        slope += total(read(sums, (k, 1, 0)))
    n = out.shape[0]
    for j in range(n):
        out[j] = partial[0, j]
    for k in range(1, partial.shape[0]):
        for j in range(n):
            out[j] += partial[k, j]
    for j in range(n):
        out[j] *= scale
    return scale * value, scale * slope


@exact
def _finish(partial, sums, theta, scale, l2, penalty, out):
    """Add the blocks, then ridge and penalty in one sweep of θ."""
    value, slope = _add_blocks(partial, sums, scale, out)
    for j in range(theta.shape[0]):
        w = theta[j]
        ridge = at(l2, j) * w
        out[j] += ridge
        value += 0.5 * ridge * w + penalties.value(penalty, j, w)
    return value, slope


@exact
def _finish_many(partial, sums, theta, scales, l2, penalty, out, values, slopes):
    """`_finish` for K right-hand sides."""
    for t in range(theta.shape[1]):
        value = 0.0
        slope = 0.0
        for k in range(sums.shape[0]):
            value += sums[k, 0, t]
            slope += sums[k, 1, t]
        values[t] = scales[t] * value
        slopes[t] = scales[t] * slope
    for j in range(theta.shape[0]):
        for t in range(theta.shape[1]):
            g = 0.0
            for k in range(partial.shape[0]):
                g += partial[k, j, t]
            w = theta[j, t]
            ridge = at(l2, j, t) * w
            out[j, t] = scales[t] * g + ridge
            values[t] += 0.5 * ridge * w + penalties.value(penalty, j, w)


@exact
def _predict_blocks(X, bounds, first, last, theta, offset, shift, out):
    height = storages.tile_height(X, bounds[-1])
    z = _buffer(height, theta)
    for k in range(first, last):
        for start in range(bounds[k], bounds[k + 1], height):
            stop = min(start + height, bounds[k + 1])
            storages.predict_tile(X, start, stop, shift, theta, offset, z)
            _copy_rows(z, stop - start, out[start:stop])


@inner
def _copy_rows(values, count, out):
    if values.ndim == 2:
        for i in range(count):
            for t in range(out.shape[1]):
                out[i, t] = values[i, t]
    else:
        for i in range(count):
            out[i] = values[i]


@exact
def _project_blocks(X, bounds, first, last, residual, shift, partial):
    height = storages.tile_height(X, bounds[-1])
    for k in range(first, last):
        block = partial[k]
        block[:] = 0.0
        for start in range(bounds[k], bounds[k + 1], height):
            stop = min(start + height, bounds[k + 1])
            storages.accumulate_tile(X, start, stop, shift, residual[start:stop], block)


@exact
def _strip_blocks(X, first, last, residual, shift, out):
    for k in range(first, last):
        a, b = k * _STRIP, min((k + 1) * _STRIP, out.shape[0])
        out[a:b] = 0.0
        storages.project_strip(X, a, b, shift, residual, out)


# ---------------------------------------------------------------- blocks of columns


@exact
def _scatter_blocks(X, cuts, first, last, shift, theta, image):
    for k in range(first, last):
        block = image[k]
        block[:] = 0.0
        storages.predict_columns(X, cuts[k], cuts[k + 1], shift, theta, block)


@exact
def _residual_blocks(image, bounds, first, last, rows, offset, loss, sums):
    """image_0 ← w∘ℓ′ at offset + Σ_k image_k, and the sums of each block of rows."""
    for b in range(first, last):
        start, stop = bounds[b], bounds[b + 1]
        z = image[0, start : start + (stop - start + 7) // 8 * 8]
        losses_of = np.zeros_like(z)
        _add_images(image, start, stop, offset)
        _residuals_of(z, losses_of, rows, start, stop, loss)
        sums[b] = 0.0
        _add_rows(losses_of, stop - start, sums[b, 0])
        _add_rows(z, stop - start, sums[b, 1])


@inner
def _add_images(image, start, stop, offset):
    for t in range(0, groups(image[0]), 8):
        for i in range(start, stop):
            z = entry(image[0], i, t)
            for k in range(1, image.shape[0]):
                z = z + entry(image[k], i, t)
            set_entry(image[0], i, t, z + level(offset, t))


@exact
def _column_blocks(X, cuts, first, last, shift, residual, out):
    for k in range(first, last):
        storages.project_columns(X, cuts[k], cuts[k + 1], shift, residual, out)
