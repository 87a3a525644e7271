"""Dense storages: the products of a tile in blocks of eight rows by eight columns.

Sums are kept in registers: eight of eight lanes for Xθ, whose totals are eight predictions;
eight residuals spread over their lanes for Xᵀr. While one tile is multiplied, half of the
cache lines of the next are asked for in each product, so memory never rests: eight rows are
64 entries for each eight columns, in the order in which they lie.
"""

import numpy as np

from fastreg._jit import at, fma, inner, lanes, prefetch, prefetch_half, read, total, totals, write
from fastreg.design import storages
from fastreg.design.storages import DenseColumns, DenseRows

_WIDE_AHEAD = 256  # columns
_STRIP = 64  # rows of a column-major tile: eight registers of eight


# ---------------------------------------------------------------- by rows


@storages.tile_height.register(DenseRows)
def _(X, n_rows):
    # Eight rows, or 32 kB of narrow ones: the losses of a tile are then one long loop.
    return max(8, min(128, 4096 // X.values.shape[1] // 8 * 8))


@storages.predict_tile.register(DenseRows)
def _(X, start, stop, shift, theta, offset, out):
    if theta.ndim == 2:
        _predict_many(X.values, start, stop, shift, theta, offset, out)
    else:
        _predict_rows(X.values, start, stop, shift, theta, offset, out)


@storages.accumulate_tile.register(DenseRows)
def _(X, start, stop, shift, residual, out):
    if residual.ndim == 2:
        _accumulate_many(X.values, start, stop, 0, X.values.shape[1], shift, residual, out)
    else:
        _accumulate_rows(X.values, start, stop, shift, residual, out)


@storages.advance_tile.register(DenseRows)
def _(X, before, start, stop, shift, theta, offset, residual, out, gradient):
    if start - before == 4 and stop - start == 4:
        _advance_rows(X.values, before, start, shift, theta, offset, residual, out, gradient)
    else:
        _accumulate_rows(X.values, before, start, shift, residual, gradient)
        _predict_rows(X.values, start, stop, shift, theta, offset, out)


@inner
def _eight(v):
    return v, v, v, v, v, v, v, v


@inner
def _ahead(V, start, stop):
    """How many rows on to fetch: to the next tile, nowhere if it would not stay in cache."""
    height = stop - start
    return height if 2 * height * V.shape[1] * V.itemsize <= storages.NEAR else 0


@inner
def _fetch_next(V, i, j, half, ahead):
    """Ask for half of what eight rows of the next tile hold in columns j to j + 8: row by
    row, or in the order of memory where rows are short or a line holds 16 entries."""
    if ahead > 0:
        if V.shape[1] < 64 or V.itemsize == 4:
            prefetch_half(V, (i + ahead, 8 * j), half)
        else:
            for k in range(4):
                prefetch(V, (i + ahead + 4 * half + k, j))


@inner
def _predict_rows(V, start, stop, shift, theta, offset, out):
    n = V.shape[1]
    whole = n // 8 * 8
    ahead = _ahead(V, start, stop)
    after = start + (stop - start) // 8 * 8
    for i in range(start, after, 8):
        z = _eight(lanes(0.0))
        for j in range(0, whole, 8):
            _fetch_next(V, i, j, 0, ahead)
            z = _add_products(V, i, j, None, shift, theta, z)
        if whole < n:
            _fetch_next(V, i, whole, 0, ahead)
            z = _add_products(V, i, whole, n - whole, shift, theta, z)
        write(out, i - start, totals(z[0], z[1], z[2], z[3], z[4], z[5], z[6], z[7]) + offset)
    for i in range(after, stop):
        sums = lanes(0.0)
        for j in range(0, n, 8):
            count = min(8, n - j)
            sums = fma(_shifted(V, i, j, count, shift), read(theta, j, count), sums)
        out[i - start] = total(sums) + offset


@inner
def _shifted(V, i, j, count, shift):
    return read(V, (i, j), count) - read(shift, j, count)


@inner
def _add_products(V, i, j, count, shift, theta, z):
    """z_k + x_{i+k}∘θ for eight rows, over eight columns from j on."""
    first = _add_four(V, i, j, count, shift, theta, z[:4])
    return first + _add_four(V, i + 4, j, count, shift, theta, z[4:])


@inner
def _add_four(V, i, j, count, shift, theta, z):
    """z_k + x_{i+k}∘θ for four rows, over eight columns from j on."""
    t = read(theta, j, count)
    return (
        fma(_shifted(V, i, j, count, shift), t, z[0]),
        fma(_shifted(V, i + 1, j, count, shift), t, z[1]),
        fma(_shifted(V, i + 2, j, count, shift), t, z[2]),
        fma(_shifted(V, i + 3, j, count, shift), t, z[3]),
    )


@inner
def _accumulate_rows(V, start, stop, shift, residual, out):
    n = V.shape[1]
    whole = n // 8 * 8
    ahead = _ahead(V, start, stop)
    after = start + (stop - start) // 8 * 8
    for i in range(start, after, 8):
        r = _spread(residual, i - start)
        for j in range(0, whole, 8):
            _fetch_next(V, i, j, 1, ahead)
            write(out, j, _weighted_rows(V, i, j, None, shift, r, read(out, j)))
        if whole < n:
            rest = n - whole
            _fetch_next(V, i, whole, 1, ahead)
            write(out, whole, _weighted_rows(V, i, whole, rest, shift, r, read(out, whole)))
    for i in range(after, stop):
        for j in range(0, n, 8):
            x = _shifted(V, i, j, min(8, n - j), shift)
            write(out, j, fma(x, lanes(residual[i - start]), read(out, j)))


@inner
def _advance_rows(V, i, k, shift, theta, offset, residual, out, gradient):
    """Four rows from i on, which wait in a third-level cache, while four from k on come from
    memory: neither waits for the other (2000 × 50 000: 20 ms, 25 one after the other)."""
    n = V.shape[1]
    r = (lanes(residual[0]), lanes(residual[1]), lanes(residual[2]), lanes(residual[3]))
    z = (lanes(0.0), lanes(0.0), lanes(0.0), lanes(0.0))
    whole = n // 8 * 8
    for j in range(0, whole, 8):
        for row in range(k, k + 4):
            prefetch(V, (row, j + _WIDE_AHEAD))
        z = _add_four(V, k, j, None, shift, theta, z)
        write(gradient, j, _weighted_four(V, i, j, None, shift, r, read(gradient, j)))
    if whole < n:
        count = n - whole
        z = _add_four(V, k, whole, count, shift, theta, z)
        g = _weighted_four(V, i, whole, count, shift, r, read(gradient, whole))
        write(gradient, whole, g)
    for row in range(4):
        out[row] = offset
    out[0] += total(z[0])
    out[1] += total(z[1])
    out[2] += total(z[2])
    out[3] += total(z[3])


@inner
def _weighted_four(V, i, j, count, shift, r, g):
    """g + Σ_k r_k·x_{i+k} over four rows; two chains, for the latency of a sum."""
    h = _shifted(V, i + 1, j, count, shift) * r[1]
    g = fma(_shifted(V, i, j, count, shift), r[0], g)
    h = fma(_shifted(V, i + 3, j, count, shift), r[3], h)
    g = fma(_shifted(V, i + 2, j, count, shift), r[2], g)
    return g + h


@inner
def _spread(residual, i):
    """Eight residuals, each in all lanes of a register."""
    return (
        lanes(residual[i]),
        lanes(residual[i + 1]),
        lanes(residual[i + 2]),
        lanes(residual[i + 3]),
        lanes(residual[i + 4]),
        lanes(residual[i + 5]),
        lanes(residual[i + 6]),
        lanes(residual[i + 7]),
    )


@inner
def _weighted_rows(V, i, j, count, shift, r, g):
    """g + Σ_k r_k·x_{i+k} over eight rows, eight columns from j on."""
    g = _weighted_four(V, i, j, count, shift, r[:4], g)
    return _weighted_four(V, i + 4, j, count, shift, r[4:], g)


# ---------------------------------------------------------------- by columns
# V below is the transposed matrix: its rows, the columns of X, are contiguous.


@storages.tile_height.register(DenseColumns)
def _(X, n_rows):
    return _STRIP


@storages.predict_tile.register(DenseColumns)
def _(X, start, stop, shift, theta, offset, out):
    if theta.ndim == 2:
        _predict_sixteen(X.values, start, stop, shift, theta, offset, out)
    else:
        _predict_columns(X.values.T, start, stop, shift, theta, offset, out)


@storages.accumulate_tile.register(DenseColumns)
def _(X, start, stop, shift, residual, out):
    if residual.ndim == 2:
        _accumulate_sixteen(X.values, start, stop, shift, residual, out)
    else:
        _accumulate_columns(X.values.T, start, stop, shift, residual, out)


@inner
def _predict_columns(V, start, stop, shift, theta, offset, out):
    after = start + (stop - start) // _STRIP * _STRIP
    for i in range(start, after, _STRIP):
        z = _eight(lanes(offset))
        for j in range(V.shape[0]):
            t, s = lanes(theta[j]), lanes(at(shift, j))
            prefetch_half(V, (j + _COLUMNS_AHEAD, i), 0)
            prefetch_half(V, (j + _COLUMNS_AHEAD, i), 1)
            z = (
                fma(read(V, (j, i)) - s, t, z[0]),
                fma(read(V, (j, i + 8)) - s, t, z[1]),
                fma(read(V, (j, i + 16)) - s, t, z[2]),
                fma(read(V, (j, i + 24)) - s, t, z[3]),
                fma(read(V, (j, i + 32)) - s, t, z[4]),
                fma(read(V, (j, i + 40)) - s, t, z[5]),
                fma(read(V, (j, i + 48)) - s, t, z[6]),
                fma(read(V, (j, i + 56)) - s, t, z[7]),
            )
        write(out, i - start, z[0])
        write(out, i - start + 8, z[1])
        write(out, i - start + 16, z[2])
        write(out, i - start + 24, z[3])
        write(out, i - start + 32, z[4])
        write(out, i - start + 40, z[5])
        write(out, i - start + 48, z[6])
        write(out, i - start + 56, z[7])
    for i in range(after, stop):
        z = np.float64(offset)
        for j in range(V.shape[0]):
            z = fma(V[j, i] - at(shift, j), theta[j], z)
        out[i - start] = z


_COLUMNS_AHEAD = 16


@inner
def _accumulate_columns(V, start, stop, shift, residual, out):
    after = start + (stop - start) // _STRIP * _STRIP
    eights = V.shape[0] // 8 * 8
    for i in range(start, after, _STRIP):
        k = i - start
        r = (
            read(residual, k),
            read(residual, k + 8),
            read(residual, k + 16),
            read(residual, k + 24),
            read(residual, k + 32),
            read(residual, k + 40),
            read(residual, k + 48),
            read(residual, k + 56),
        )
        for j in range(0, eights, 8):
            for later in range(j + _COLUMNS_AHEAD, j + _COLUMNS_AHEAD + 8):
                prefetch_half(V, (later, i), 0)
                prefetch_half(V, (later, i), 1)
            g = totals(
                _column_dot(V, j, i, shift, r),
                _column_dot(V, j + 1, i, shift, r),
                _column_dot(V, j + 2, i, shift, r),
                _column_dot(V, j + 3, i, shift, r),
                _column_dot(V, j + 4, i, shift, r),
                _column_dot(V, j + 5, i, shift, r),
                _column_dot(V, j + 6, i, shift, r),
                _column_dot(V, j + 7, i, shift, r),
            )
            write(out, j, read(out, j) + g)
        for j in range(eights, V.shape[0]):
            out[j] += total(_column_dot(V, j, i, shift, r))
    if after < stop:
        for j in range(V.shape[0]):
            sums, s = lanes(0.0), at(shift, j)
            for i in range(after, stop, 8):
                count = min(8, stop - i)
                r_part = read(residual, i - start, count)  # zero where the column has no row
                sums = fma(read(V, (j, i), count) - s, r_part, sums)
            out[j] += total(sums)


@inner
def _column_dot(V, j, i, shift, r):
    """Lanes that add up to Σ r·x_j over a strip of 64 rows from i on."""
    s = lanes(at(shift, j))
    g, h = (read(V, (j, i)) - s) * r[0], (read(V, (j, i + 8)) - s) * r[1]
    g, h = fma(read(V, (j, i + 16)) - s, r[2], g), fma(read(V, (j, i + 24)) - s, r[3], h)
    g, h = fma(read(V, (j, i + 32)) - s, r[4], g), fma(read(V, (j, i + 40)) - s, r[5], h)
    g, h = fma(read(V, (j, i + 48)) - s, r[6], g), fma(read(V, (j, i + 56)) - s, r[7], h)
    return g + h


# ---------------------------------------------------------------- several right-hand sides
# One entry of X meets eight right-hand sides, which lie side by side in the lanes: no
# totals, any shape, either layout. `t` counts the groups of eight.


@inner
def _times_eight(V, i, j, s, q, z):
    """z_k + (x_{i+k,j} − s) q for eight rows."""
    return (
        fma(lanes(V[i, j] - s), q, z[0]),
        fma(lanes(V[i + 1, j] - s), q, z[1]),
        fma(lanes(V[i + 2, j] - s), q, z[2]),
        fma(lanes(V[i + 3, j] - s), q, z[3]),
        fma(lanes(V[i + 4, j] - s), q, z[4]),
        fma(lanes(V[i + 5, j] - s), q, z[5]),
        fma(lanes(V[i + 6, j] - s), q, z[6]),
        fma(lanes(V[i + 7, j] - s), q, z[7]),
    )


@inner
def _write_eight(out, k, t, z):
    write(out, (k, t), z[0])
    write(out, (k + 1, t), z[1])
    write(out, (k + 2, t), z[2])
    write(out, (k + 3, t), z[3])
    write(out, (k + 4, t), z[4])
    write(out, (k + 5, t), z[5])
    write(out, (k + 6, t), z[6])
    write(out, (k + 7, t), z[7])


@inner
def _read_eight(residual, k, t):
    return (
        read(residual, (k, t)),
        read(residual, (k + 1, t)),
        read(residual, (k + 2, t)),
        read(residual, (k + 3, t)),
        read(residual, (k + 4, t)),
        read(residual, (k + 5, t)),
        read(residual, (k + 6, t)),
        read(residual, (k + 7, t)),
    )


@inner
def _add_eight(V, i, j, s, r, g):
    """g + Σ_k (x_{i+k,j} − s) r_k over eight rows; two chains, for the latency of a sum."""
    g = fma(lanes(V[i, j] - s), r[0], g)
    h = lanes(V[i + 1, j] - s) * r[1]
    g = fma(lanes(V[i + 2, j] - s), r[2], g)
    h = fma(lanes(V[i + 3, j] - s), r[3], h)
    g = fma(lanes(V[i + 4, j] - s), r[4], g)
    h = fma(lanes(V[i + 5, j] - s), r[5], h)
    g = fma(lanes(V[i + 6, j] - s), r[6], g)
    h = fma(lanes(V[i + 7, j] - s), r[7], h)
    return g + h


@inner
def _predict_many(V, start, stop, shift, theta, offset, out):
    ahead = _ahead(V, start, stop)
    after = start + (stop - start) // 8 * 8
    for t in range(0, theta.shape[1], 8):
        b = read(offset, t)
        for i in range(start, after, 8):
            z = _eight(b)
            for j in range(V.shape[1]):
                if j % 8 == 0:
                    _fetch_next(V, i, j, 0, ahead)
                z = _times_eight(V, i, j, at(shift, j), read(theta, (j, t)), z)
            _write_eight(out, i - start, t, z)
        for i in range(after, stop):
            z = b
            for j in range(V.shape[1]):
                z = fma(lanes(V[i, j] - at(shift, j)), read(theta, (j, t)), z)
            write(out, (i - start, t), z)


@storages.project_strip.register(DenseRows)
def _(X, first, last, shift, residual, out):
    for start in range(0, residual.shape[0], 8):
        stop = min(start + 8, residual.shape[0])
        _accumulate_many(X.values, start, stop, first, last, shift, residual[start:stop], out)


@inner
def _accumulate_many(V, start, stop, first, last, shift, residual, out):
    """`accumulate_tile` of the columns from `first` to `last`."""
    ahead = _ahead(V, start, stop)
    after = start + (stop - start) // 8 * 8
    for t in range(0, residual.shape[1], 8):
        for i in range(start, after, 8):
            r = _read_eight(residual, i - start, t)
            for j in range(first, last):
                if j % 8 == 0:  # both halves: there may have been no product before this
                    _fetch_next(V, i, j, 0, ahead)
                    _fetch_next(V, i, j, 1, ahead)
                write(out, (j, t), _add_eight(V, i, j, at(shift, j), r, read(out, (j, t))))
        for i in range(after, stop):
            for j in range(first, last):
                x = lanes(V[i, j] - at(shift, j))
                write(out, (j, t), fma(x, read(residual, (i - start, t)), read(out, (j, t))))


# Of a matrix by columns sixteen rows are two cache lines of each column, and every column lies in a
# page of its own: with eight rows a visit the table of pages is what is waited for (200 000 × 100,
# eight right-hand sides of the logistic loss: 46 ms a pass on one core, 31 with sixteen).


@inner
def _predict_sixteen(V, start, stop, shift, theta, offset, out):
    after = start + (stop - start) // 16 * 16
    for t in range(0, theta.shape[1], 8):
        b = read(offset, t)
        for i in range(start, after, 16):
            z, y = _eight(b), _eight(b)
            for j in range(V.shape[1]):
                prefetch(V, (i + _STRIP, j))
                prefetch(V, (i + _STRIP + 8, j))
                q, s = read(theta, (j, t)), at(shift, j)
                z = _times_eight(V, i, j, s, q, z)
                y = _times_eight(V, i + 8, j, s, q, y)
            _write_eight(out, i - start, t, z)
            _write_eight(out, i - start + 8, t, y)
    if after < stop:
        _predict_many(V, after, stop, shift, theta, offset, out[after - start :])


@inner
def _accumulate_sixteen(V, start, stop, shift, residual, out):
    after = start + (stop - start) // 16 * 16
    for t in range(0, residual.shape[1], 8):
        for i in range(start, after, 16):
            r, p = _read_eight(residual, i - start, t), _read_eight(residual, i - start + 8, t)
            for j in range(V.shape[1]):
                s = at(shift, j)
                g = _add_eight(V, i, j, s, r, read(out, (j, t)))
                write(out, (j, t), _add_eight(V, i + 8, j, s, p, g))
    if after < stop:
        columns = V.shape[1]
        _accumulate_many(V, after, stop, 0, columns, shift, residual[after - start :], out)
