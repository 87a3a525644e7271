"""The storages of X, and the few operations through which every kernel sees them.

| storage | holds | made from |
|---|---|---|
| `DenseRows` | (m, n) array, rows contiguous or nearest to it | C order, strided, memory maps |
| `DenseColumns` | (m, n) array, columns contiguous or nearest to it | Fortran order |
| `CSR` | rows of (index, value) pairs | scipy CSR, COO and the rest |
| `CSC` | columns of (index, value) pairs | scipy CSC |

Values are float32 or float64 and read-only; sums are float64. Sparse entries may be
unsorted, repeated (they add up) or zero. `docs/decisions/0003-storages.md` has the why.

A tile is a range of rows that stays in cache between the two products of a gradient, so
X leaves memory once. `shift` (None or (n,)) is subtracted from the columns of a dense
storage while reading; sparse storages ignore it and kernels correct by rank one.
"""

from typing import NamedTuple

import numpy as np

from fastreg._jit import at, one_or, operation

_LARGEST = float(np.finfo(np.float64).max)
BLOCK_ENTRIES = 1 << 18  # least entries of a block of rows
_UNROLLED = 8  # rows a dense tile takes at once: 41 GB/s against 37 with four, of 48 read


class DenseRows(NamedTuple):
    """A dense matrix to be read row by row."""

    values: np.ndarray


class DenseColumns(NamedTuple):
    """A dense matrix to be read column by column."""

    values: np.ndarray


class CSR(NamedTuple):
    """Compressed sparse rows: `indptr` (m + 1,) int64, `indices` int32 or int64."""

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    n_columns: int


class CSC(NamedTuple):
    """Compressed sparse columns: `indptr` (n + 1,) int64, `indices` int32 or int64."""

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    n_rows: int


@operation
def tile_height(X, n_rows):
    """Rows a tile should have, at most `n_rows`."""


@operation
def predict_tile(X, start, stop, shift, theta, offset, out):
    """out[i] = offset + Σ_j (x_ij − shift_j)·θ_j for rows start ≤ i < stop, counted from 0."""


@operation
def accumulate_tile(X, start, stop, shift, residual, out):
    """out_j += Σ_i residual_i·(x_ij − shift_j) over rows start ≤ i < stop."""


@operation
def scan_tile(X, start, stop, weights, low, high):
    """Widen [low_j, high_j] to the stored values of column j in rows of positive weight;
    the number of values, in any row, that are not finite."""


@operation
def fill_tile(X, start, stop, columns, out):
    """out[i, k] = x_{start+i, columns[k]} as float64, unshifted."""


@operation(exact=True)  # reordered, roots of 1e-200 and entries of 1e200 overflow in pairs
def add_sparse_gram(X, roots, scale, left, right, out):
    """out[left_j, right_k] += Σ_i z_ij·z_ik, z_ij = roots_i·x_ij·scale_j, None for ones.

    `left` and `right` are (n,) places in `out`, −1 for none.
    """


# ---------------------------------------------------------------- dense, by rows


@tile_height.register(DenseRows)
def _(X, n_rows):
    return _UNROLLED


@predict_tile.register(DenseRows)
def _(X, start, stop, shift, theta, offset, out):
    V = X.values
    if stop - start == 8:
        z0 = z1 = z2 = z3 = z4 = z5 = z6 = z7 = 0.0
        for j in range(theta.shape[0]):
            t = theta[j]
            s = at(shift, j)
            z0 += (V[start, j] - s) * t
            z1 += (V[start + 1, j] - s) * t
            z2 += (V[start + 2, j] - s) * t
            z3 += (V[start + 3, j] - s) * t
            z4 += (V[start + 4, j] - s) * t
            z5 += (V[start + 5, j] - s) * t
            z6 += (V[start + 6, j] - s) * t
            z7 += (V[start + 7, j] - s) * t
        out[0] = offset + z0
        out[1] = offset + z1
        out[2] = offset + z2
        out[3] = offset + z3
        out[4] = offset + z4
        out[5] = offset + z5
        out[6] = offset + z6
        out[7] = offset + z7
    else:
        for i in range(start, stop):
            z = 0.0
            for j in range(theta.shape[0]):
                z += (V[i, j] - at(shift, j)) * theta[j]
            out[i - start] = offset + z


@accumulate_tile.register(DenseRows)
def _(X, start, stop, shift, residual, out):
    V = X.values
    n = V.shape[1]
    if stop - start == 8:
        r0, r1, r2, r3 = residual[0], residual[1], residual[2], residual[3]
        r4, r5, r6, r7 = residual[4], residual[5], residual[6], residual[7]
        for j in range(n):
            s = at(shift, j)
            out[j] += (
                (V[start, j] - s) * r0
                + (V[start + 1, j] - s) * r1
                + (V[start + 2, j] - s) * r2
                + (V[start + 3, j] - s) * r3
                + (V[start + 4, j] - s) * r4
                + (V[start + 5, j] - s) * r5
                + (V[start + 6, j] - s) * r6
                + (V[start + 7, j] - s) * r7
            )
    else:
        for i in range(start, stop):
            r = residual[i - start]
            for j in range(n):
                out[j] += (V[i, j] - at(shift, j)) * r


@scan_tile.register(DenseRows)
def _(X, start, stop, weights, low, high):
    V = X.values
    nonfinite = 0
    for i in range(start, stop):
        counts = one_or(weights, i) > 0.0
        for j in range(V.shape[1]):
            v = np.float64(V[i, j])
            nonfinite += 0 if abs(v) <= _LARGEST else 1  # NaN compares false
            low[j] = v if counts and v < low[j] else low[j]
            high[j] = v if counts and v > high[j] else high[j]
    return nonfinite


@fill_tile.register(DenseRows)
def _(X, start, stop, columns, out):
    V = X.values
    for i in range(start, stop):
        for k in range(columns.shape[0]):
            out[i - start, k] = V[i, columns[k]]


# ---------------------------------------------------------------- dense, by columns


@tile_height.register(DenseColumns)
def _(X, n_rows):
    # Half a megabyte stays in a second-level cache between the two products. Below 1024
    # rows a piece of a column is too short to stream: then X is better read twice.
    return max(min(65536 // X.values.shape[1], 4096), 1024)


@predict_tile.register(DenseColumns)
def _(X, start, stop, shift, theta, offset, out):
    V = X.values.T  # slices of its rows are contiguous, which lets the loops vectorise
    z = out[: stop - start]
    z[:] = offset
    for j in range(theta.shape[0]):
        t = theta[j]
        s = at(shift, j)
        x = V[j, start:stop]
        for i in range(z.shape[0]):
            z[i] += (x[i] - s) * t


@accumulate_tile.register(DenseColumns)
def _(X, start, stop, shift, residual, out):
    V = X.values.T
    r = residual[: stop - start]
    for j in range(V.shape[0]):
        s = at(shift, j)
        x = V[j, start:stop]
        g = 0.0
        for i in range(r.shape[0]):
            g += (x[i] - s) * r[i]
        out[j] += g


@scan_tile.register(DenseColumns)
def _(X, start, stop, weights, low, high):
    V = X.values.T
    nonfinite = 0
    for j in range(V.shape[0]):
        least, most = low[j], high[j]
        x = V[j, start:stop]
        for i in range(x.shape[0]):
            v = np.float64(x[i])
            counts = one_or(weights, start + i) > 0.0
            nonfinite += 0 if abs(v) <= _LARGEST else 1  # NaN compares false
            least = v if counts and v < least else least
            most = v if counts and v > most else most
        low[j], high[j] = least, most
    return nonfinite


@fill_tile.register(DenseColumns)
def _(X, start, stop, columns, out):
    V = X.values.T
    for k in range(columns.shape[0]):
        x = V[columns[k], start:stop]
        for i in range(x.shape[0]):
            out[i, k] = x[i]


# ---------------------------------------------------------------- sparse, by rows
# Unsigned indices spare the test for negative ones: 0.4 ns a stored entry against 1.0.


@tile_height.register(CSR)
def _(X, n_rows):
    return 32


@predict_tile.register(CSR)
def _(X, start, stop, shift, theta, offset, out):
    for i in range(start, stop):
        z = 0.0
        for p in range(np.uintp(X.indptr[i]), np.uintp(X.indptr[i + 1])):
            z += X.data[p] * theta[np.uintp(X.indices[p])]
        out[i - start] = offset + z


@accumulate_tile.register(CSR)
def _(X, start, stop, shift, residual, out):
    for i in range(start, stop):
        r = residual[i - start]
        for p in range(np.uintp(X.indptr[i]), np.uintp(X.indptr[i + 1])):
            out[np.uintp(X.indices[p])] += X.data[p] * r


@scan_tile.register(CSR)
def _(X, start, stop, weights, low, high):
    nonfinite = 0
    for i in range(start, stop):
        counts = one_or(weights, i) > 0.0
        for p in range(np.uintp(X.indptr[i]), np.uintp(X.indptr[i + 1])):
            j = np.uintp(X.indices[p])
            v = np.float64(X.data[p])
            nonfinite += 0 if abs(v) <= _LARGEST else 1  # NaN compares false
            low[j] = v if counts and v < low[j] else low[j]
            high[j] = v if counts and v > high[j] else high[j]
    return nonfinite


@fill_tile.register(CSR)
def _(X, start, stop, columns, out):
    place = np.full(X.n_columns, -1)
    for k in range(columns.shape[0]):
        place[columns[k]] = k
    for i in range(start, stop):
        out[i - start, :] = 0.0
        for p in range(np.uintp(X.indptr[i]), np.uintp(X.indptr[i + 1])):
            k = place[np.uintp(X.indices[p])]
            if k >= 0:
                out[i - start, k] += X.data[p]


@add_sparse_gram.register(CSR)
def _(X, roots, scale, left, right, out):
    for i in range(X.indptr.shape[0] - 1):
        root = one_or(roots, i)
        for p in range(np.uintp(X.indptr[i]), np.uintp(X.indptr[i + 1])):
            j = np.uintp(X.indices[p])
            row = left[j]
            if row >= 0:
                z = root * (X.data[p] * one_or(scale, j))
                for q in range(np.uintp(X.indptr[i]), np.uintp(X.indptr[i + 1])):
                    k = np.uintp(X.indices[q])
                    column = right[k]
                    if column >= 0:
                        out[row, column] += z * (root * (X.data[q] * one_or(scale, k)))


# ---------------------------------------------------------------- sparse, by columns
# A tile is all of the rows: columns cannot be entered in the middle.


@tile_height.register(CSC)
def _(X, n_rows):
    return n_rows


@predict_tile.register(CSC)
def _(X, start, stop, shift, theta, offset, out):
    out[: stop - start] = offset
    for j in range(theta.shape[0]):
        t = theta[j]
        for p in range(np.uintp(X.indptr[j]), np.uintp(X.indptr[j + 1])):
            out[np.uintp(X.indices[p])] += X.data[p] * t


@accumulate_tile.register(CSC)
def _(X, start, stop, shift, residual, out):
    for j in range(X.indptr.shape[0] - 1):
        g = 0.0
        for p in range(np.uintp(X.indptr[j]), np.uintp(X.indptr[j + 1])):
            g += X.data[p] * residual[np.uintp(X.indices[p])]
        out[j] += g


@scan_tile.register(CSC)
def _(X, start, stop, weights, low, high):
    nonfinite = 0
    for j in range(X.indptr.shape[0] - 1):
        for p in range(np.uintp(X.indptr[j]), np.uintp(X.indptr[j + 1])):
            counts = one_or(weights, np.uintp(X.indices[p])) > 0.0
            v = np.float64(X.data[p])
            nonfinite += 0 if abs(v) <= _LARGEST else 1  # NaN compares false
            low[j] = v if counts and v < low[j] else low[j]
            high[j] = v if counts and v > high[j] else high[j]
    return nonfinite


@fill_tile.register(CSC)
def _(X, start, stop, columns, out):
    out[: stop - start, :] = 0.0
    for k in range(columns.shape[0]):
        j = columns[k]
        for p in range(np.uintp(X.indptr[j]), np.uintp(X.indptr[j + 1])):
            i = X.indices[p]
            if start <= i < stop:
                out[i - start, k] += X.data[p]


@add_sparse_gram.register(CSC)
def _(X, roots, scale, left, right, out):
    column = np.zeros(X.n_rows)
    for k in range(right.shape[0]):
        if right[k] < 0:
            continue
        for p in range(np.uintp(X.indptr[k]), np.uintp(X.indptr[k + 1])):
            i = np.uintp(X.indices[p])
            column[i] += one_or(roots, i) * (X.data[p] * one_or(scale, k))
        for j in range(left.shape[0]):
            if left[j] >= 0:
                product = 0.0
                for p in range(np.uintp(X.indptr[j]), np.uintp(X.indptr[j + 1])):
                    i = np.uintp(X.indices[p])
                    product += one_or(roots, i) * (X.data[p] * one_or(scale, j)) * column[i]
                out[left[j], right[k]] += product
        for p in range(np.uintp(X.indptr[k]), np.uintp(X.indptr[k + 1])):
            column[np.uintp(X.indices[p])] = 0.0


# ---------------------------------------------------------------- shape and cuts


def shape(X) -> tuple[int, int]:
    """(m, n) of a storage."""
    if isinstance(X, CSR):
        return len(X.indptr) - 1, X.n_columns
    if isinstance(X, CSC):
        return X.n_rows, len(X.indptr) - 1
    return X.values.shape


def stored(X) -> int:
    """Number of stored entries."""
    return X.values.size if isinstance(X, DenseRows | DenseColumns) else int(X.indptr[-1])


def is_sparse(X) -> bool:
    """Whether a storage leaves `shift` to a rank-one correction."""
    return isinstance(X, CSR | CSC)


def transposed(X):
    """The storage of Xᵀ, sharing the arrays of X (sparse storages only)."""
    if isinstance(X, CSR):
        return CSC(X.data, X.indices, X.indptr, X.n_columns)
    return CSR(X.data, X.indices, X.indptr, X.n_rows)


def row_bounds(X) -> np.ndarray:
    """(K + 1,) int64 cuts of the rows into blocks that threads sum on their own.

    They depend on the matrix alone, never on the number of threads: the sums over
    blocks have the same bits for any. A block has 65 536 entries or more (a thread is
    woken in 15 µs, in which it reads as much), there are at most 64, and their K·n
    accumulators take at most 1/50 of the memory of X.
    """
    m, n = shape(X)
    if isinstance(X, CSC):
        return np.array([0, m], np.int64)
    size = stored(X)
    count = max(1, min(64, size // BLOCK_ENTRIES, size // (50 * n), m // _UNROLLED))
    cuts = np.linspace(0, size, count + 1)
    if isinstance(X, CSR):
        bounds = np.searchsorted(X.indptr, cuts)
    else:
        bounds = (cuts / n).astype(np.int64) // _UNROLLED * _UNROLLED
    bounds[0], bounds[-1] = 0, m
    return bounds.astype(np.int64)
