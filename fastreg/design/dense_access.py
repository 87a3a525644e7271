"""Dense storages: ranges, copies, and panels for products."""

import numpy as np

from fastreg._jit import (
    at,
    chosen,
    fma,
    gather,
    greater,
    inner,
    lanes,
    lesser,
    one_or,
    prefetch,
    read,
    total,
    turned,
    write,
)
from fastreg.design import storages
from fastreg.design.storages import DenseColumns, DenseRows

_ONES = np.ones(8)


@inner
def _weights(weights, i, count):
    """Eight weights, zero from the `count`-th on."""
    return read(_ONES, 0, count) if weights is None else read(weights, i, count)


# ---------------------------------------------------------------- ranges and copies


@storages.survey_tile.register(DenseRows)
def _(X, start, stop, origin, weights, residual, out):
    V = X.values
    whole = V.shape[1] // 8 * 8
    after = start + (stop - start) // 4 * 4
    bad = lanes(0.0)
    for i in range(start, after, 4):
        for j in range(0, whole, 8):
            bad = _survey_rows(V, i, 4, j, None, origin, weights, residual, out, bad)
        if whole < V.shape[1]:
            rest = V.shape[1] - whole
            bad = _survey_rows(V, i, 4, whole, rest, origin, weights, residual, out, bad)
    for i in range(after, stop):
        for j in range(0, V.shape[1], 8):
            count = min(8, V.shape[1] - j)
            bad = _survey_rows(V, i, 1, j, count, origin, weights, residual, out, bad)
    return 0 if total(bad) == 0.0 else 1


@inner
def _survey_rows(V, first, n_rows, j, count, origin, weights, residual, out, bad):
    """A few rows of eight columns from j on: sums stay in registers."""
    o = read(origin, j, count)
    least, most = read(out, (0, j)), read(out, (1, j))
    seen = bad, least, most, read(out, (2, j)), read(out, (3, j)), read(out, (4, j))
    for i in range(first, first + n_rows):
        w = one_or(weights, i)
        r = lanes(w * at(residual, i))
        seen = _widened(read(V, (i, j), count), weights, lanes(w), r, o, seen)
    for k in range(5):
        write(out, (k, j), seen[k + 1])
    return seen[0]


@inner
def _widened(v, weights, w, r, o, seen):
    """(Σ (v − v), least, greatest, Σ w z, Σ r z, Σ w z²) with one more value a lane, z = v − o;
    lanes of weight zero count in the first only. v − v is 0 or no number; no `weights`: w = 1."""
    bad, low, high, sums, products, squares = seen
    z = _counted(v, weights, w, o) - o
    return (
        bad + (v - v),
        lesser(_counted(v, weights, w, low), low),
        greater(_counted(v, weights, w, high), high),
        sums + _weighted(weights, w, z),
        fma(r, z, products),
        fma(_weighted(weights, w, z), z, squares),
    )


@inner
def _counted(v, weights, w, instead):
    """v where the weight is positive, `instead` where it is zero."""
    if weights is None:
        return v
    return chosen(w, v, instead)


@inner
def _weighted(weights, w, z):
    if weights is None:
        return z
    return w * z


@storages.fill_tile.register(DenseRows)
def _(X, start, stop, columns, out):
    V = X.values
    for i in range(start, stop):
        for k in range(columns.shape[0]):
            out[i - start, k] = V[i, columns[k]]


@storages.survey_tile.register(DenseColumns)
def _(X, start, stop, origin, weights, residual, out):
    V = X.values.T
    m = V.shape[1]
    whole = m // 8 * 8
    bad, ends = lanes(0.0), np.empty((2, 8))
    for j in range(start, stop):
        o, none = lanes(at(origin, j)), lanes(0.0)
        seen = bad, lanes(np.inf), lanes(-np.inf), none, none, none
        for i in range(0, whole, 8):
            w = _weights(weights, i, 8)
            seen = _widened(read(V, (j, i)), weights, w, w * read(residual, i), o, seen)
        if whole < m:
            w = _weights(weights, whole, m - whole)
            r = w * read(residual, whole, m - whole)
            seen = _widened(read(V, (j, whole), m - whole), w, w, r, o, seen)
        bad = seen[0]
        write(ends, (0, 0), seen[1])
        write(ends, (1, 0), seen[2])
        out[0, j], out[1, j] = ends[0].min(), ends[1].max()
        out[2, j], out[3, j], out[4, j] = total(seen[3]), total(seen[4]), total(seen[5])
    return 0 if total(bad) == 0.0 else 1


@storages.fill_tile.register(DenseColumns)
def _(X, start, stop, columns, out):
    V = X.values.T
    for k in range(columns.shape[0]):
        x = V[columns[k], start:stop]
        for i in range(x.shape[0]):
            out[i, k] = x[i]


# ---------------------------------------------------------------- panels for products


@storages.pack_tile.register(DenseRows)
def _(X, order, start, stop, columns, shift, scale, roots, out, into):
    V = X.values
    n = V.shape[1]
    for i in range(start, stop):
        row = _row(order, i)
        later = _row(order, min(i + 4, stop - 1))  # of rows in any order none is foreseen
        root = lanes(one_or(roots, row))
        if columns is None:
            for j in range(0, n, 8):
                prefetch(V, (later, j))
                count = min(8, n - j)
                z = read(V, (row, j), count) - read(shift, j, count)
                write(out, (j // 8, into + i - start, 0), z * read(scale, j, count) * root)
        else:
            # Asked for two rows ahead, one by one: 1.15 ns an entry instead of 2.5.
            x, later = V[row], _row(order, min(i + 2, stop - 1))
            for k in range(0, columns.shape[0], 8):
                count = min(8, columns.shape[0] - k)
                for q in range(k, k + count):
                    prefetch(V, (later, columns[q]))
                z = gather(x, columns, k, count) - read(shift, k, count)
                write(out, (k // 8, into + i - start, 0), z * read(scale, k, count) * root)


@storages.pack_tile.register(DenseColumns)
def _(X, order, start, stop, columns, shift, scale, roots, out, into):
    V = X.values.T
    place = into - start
    for k in range(0, shift.shape[0], 8):
        width = min(8, shift.shape[0] - k)
        i = start
        while i < stop:
            if width == 8 and i + 8 <= stop and _are_neighbours(order, i):
                _pack_block(V, order, i, columns, k, shift, scale, roots, out, place, stop - start)
                i += 8
            else:
                row = _row(order, i)
                for q in range(k, k + width):
                    z = (V[_row(columns, q), row] - shift[q]) * scale[q]
                    out[k // 8, place + i, q - k] = z * one_or(roots, row)
                i += 1


@inner
def _are_neighbours(order, i):
    """Whether the i-th row and the next seven are neighbours in X."""
    if order is None:
        return True
    apart = 0
    for q in range(1, 8):
        apart |= order[i + q] - order[i] - q
    return apart == 0


@inner
def _pack_block(V, order, i, columns, k, shift, scale, roots, out, place, ahead):
    """Eight rows that are neighbours, of eight columns: turned in registers. Entry by entry the
    columns of 200 000 × 200 took 3.3 ns an entry more than rows do."""
    row = _row(order, i)
    for q in range(k, k + 8):
        prefetch(V, (_row(columns, q), row + ahead))
    x = turned(
        read(V, (_row(columns, k), row)),
        read(V, (_row(columns, k + 1), row)),
        read(V, (_row(columns, k + 2), row)),
        read(V, (_row(columns, k + 3), row)),
        read(V, (_row(columns, k + 4), row)),
        read(V, (_row(columns, k + 5), row)),
        read(V, (_row(columns, k + 6), row)),
        read(V, (_row(columns, k + 7), row)),
    )
    s, c = read(shift, k), read(scale, k)
    for r in range(8):
        write(out, (k // 8, place + i + r, 0), (x[0] - s) * c * one_or(roots, row + r))
        x = (x[1], x[2], x[3], x[4], x[5], x[6], x[7], x[0])


@inner
def _row(order, i):
    return i if order is None else order[i]
