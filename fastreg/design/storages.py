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

from fastreg._jit import operation

BLOCK_ENTRIES = 1 << 18  # least entries of a block of rows
_UNROLLED, _STRIP = 8, 64  # rows that dense loops take at once, by rows and by columns


NEAR = 800_000  # bytes that stay in a second-level cache
# Bytes of sixteen rows above which a gradient reads rows while it adds up the rows before. float32,
# 20 000 × 5000: 16.5 ms, tile by tile 20.5; 100 000 × 1000: 24.5 and 20.2. float64: no difference.
ADVANCING = 130_000
SHORT = 16_384  # rows whose predictions do


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
    """Rows a tile should have: a multiple of eight, whatever `n_rows` is."""


@operation(exact=True)
def predict_tile(X, start, stop, shift, theta, offset, out):
    """out[i] = offset + Σ_j (x_ij − shift_j)·θ_j for rows start ≤ i < stop, counted from 0.

    θ is (n,), or (n, K) with a row of `out` and of `offset` (K,) for each of K right-hand
    sides, a multiple of eight.
    """


@operation(exact=True)
def accumulate_tile(X, start, stop, shift, residual, out):
    """out_j += Σ_i residual_i·(x_ij − shift_j) over rows start ≤ i < stop.

    `out` is (n,) rounded up to a multiple of eight, or (n, K) where the residual is (…, K).
    """


@operation(exact=True)
def advance_tile(X, before, start, stop, shift, theta, offset, residual, out, gradient):
    """`accumulate_tile` of rows before ≤ i < start and `predict_tile` of start ≤ i < stop at once,
    where `is_wide`: a row comes from memory while another comes from the cache."""


@operation(exact=True)
def predict_columns(X, first, last, shift, theta, out):
    """out_i += Σ_j (x_ij − shift_j)·θ_j over columns first ≤ j < last, for all rows."""


@operation(exact=True)
def project_columns(X, first, last, shift, residual, out):
    """out_j = Σ_i residual_i·(x_ij − shift_j) for columns first ≤ j < last."""


@operation(exact=True)  # reordered, a + (x − x), which finds what is not finite, would be a
def survey_tile(X, start, stop, origin, weights, residual, out):
    """Least and greatest stored value of each column over rows of positive weight, Σ w z, Σ w r z
    and Σ w z², z = x − origin_j: into the rows of `out`, (5, n) rounded up to a multiple of
    eight. 0 where all values, of any row, are finite.

    Rows start ≤ i < stop, or columns where X `lies_by_columns`; a sparse X ignores `origin`.
    """


@operation
def fill_tile(X, start, stop, columns, out):
    """out[i, k] = x_{start+i, columns[k]} as float64, unshifted."""


@operation(exact=True)
def project_strip(X, first, last, shift, residual, out):
    """out_j += Σ_i (x_ij − shift_j)·r_i for first ≤ j < last of a dense X; `residual` is
    (m, K), `out` (n, K), with K a multiple of eight. By columns it overwrites `out`."""


@operation(exact=True)
def pack_tile(X, order, start, stop, columns, shift, scale, roots, out, into):
    """out[k//8, into + i, k%8] = root·(x − shift_k)·scale_k of the i-th row, column columns[k].

    Rows are order[start:stop], or start ≤ i < stop where `order` is None; `roots` is (m,) or
    None for ones, `shift` and `scale` are those of the columns packed, `columns` is None for
    all. Dense storages only.
    """


@operation(exact=True)  # reordered, roots of 1e-200 and entries of 1e200 overflow in pairs
def add_sparse_gram(X, first, last, roots, scale, left, right, lower, out):
    """out[left_j, right_k] += Σ_i z_ij·z_ik, z_ij = roots_i·x_ij·scale_j, None for ones.

    Over rows first ≤ i < last, or of a CSC for columns first ≤ k < last. `left` and `right` are
    (n,) places in `out`, −1 for none; with `lower` only those on and below the diagonal.
    """


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


def is_wide(X) -> bool:
    """Whether a gradient reads some dense rows while it adds up those before: `ADVANCING`."""
    return isinstance(X, DenseRows) and 16 * X.values.shape[1] * X.values.itemsize > ADVANCING


def in_strips(X) -> bool:
    """Whether Xᵀr of eight residuals goes by strips of columns: of a dense X by columns, or so
    wide that the sums of all columns leave the second-level cache."""
    wide = isinstance(X, DenseRows) and 64 * X.values.shape[1] > NEAR // 2
    return wide or isinstance(X, DenseColumns)


def abreast(X) -> int:
    """Right-hand sides from which eight abreast take less time than one after the other."""
    if not is_sparse(X):
        return 2
    # Random lines of sums or of residuals, one for each entry, from cache or from memory:
    # 20 000 x 200 000 with 3 million entries 26 ms by columns, 80 by rows, 5 and 10 with one.
    length = shape(X)[1] if isinstance(X, CSR) else shape(X)[0]
    return 4 if 64 * length < 4 * NEAR else 8


def transposed(X):
    """The storage of Xᵀ, sharing the arrays of X (sparse storages only)."""
    if isinstance(X, CSR):
        return CSC(X.data, X.indices, X.indptr, X.n_columns)
    return CSR(X.data, X.indices, X.indptr, X.n_rows)


def by_columns(X) -> bool:
    """Whether passes go column by column, X being read for each product: a CSC, whose rows
    cannot be entered in the middle, or a large dense X of columns so short that predictions of
    all rows stay in a second-level cache."""
    if isinstance(X, DenseColumns):
        return X.values.shape[0] <= SHORT and X.values.size >= 4 * BLOCK_ENTRIES
    return isinstance(X, CSC)


def lies_by_columns(X) -> bool:
    """Whether the entries of a column are neighbours in memory."""
    return isinstance(X, CSC | DenseColumns)


def row_bounds(X, width: float = 1) -> np.ndarray:
    """(K + 1,) int64 cuts of the rows into blocks that threads sum on their own.

    They depend on the matrix alone, never on the number of threads: the sums over
    blocks have the same bits for any. A block has 2¹⁸ entries or more (a thread is woken in
    30 µs, in which it reads as much), there are at most 64, and their K·n·width
    accumulators take at most 1/50 of the memory of X, of a sparse one 1/25.
    """
    m, n = shape(X)
    if isinstance(X, CSC):
        return np.array([0, m], np.int64)
    size = stored(X)
    share = 25 if is_sparse(X) else 50
    room = int(_bytes(X) / (share * 8 * n * width))
    most = 16 if is_sparse(X) else 64  # a sparse block finds its sums in no cache at first
    unit = _STRIP if isinstance(X, DenseColumns) and m >= 16 * _STRIP else _UNROLLED
    count = max(1, min(most, size // BLOCK_ENTRIES, room, m // unit, max(4, m // 128)))
    count = count if count > 8 else 1 << count.bit_length() - 1  # few are shared out evenly
    if count == 1:
        return np.array([0, m], np.int64)
    cuts = np.linspace(0, size, count + 1)
    if isinstance(X, CSR):
        bounds = np.searchsorted(X.indptr, cuts)
    else:
        bounds = (cuts / n).astype(np.int64) // unit * unit
    bounds[0], bounds[-1] = 0, m
    return bounds.astype(np.int64)


def _bytes(X) -> int:
    """Memory that the entries of X take."""
    if is_sparse(X):
        return stored(X) * (X.data.itemsize + X.indices.itemsize)
    return X.values.size * X.values.itemsize


def column_bounds(X: CSC | DenseColumns, most: int = 64) -> np.ndarray:
    """(K + 1,) int64 cuts of the columns, of about the same number of entries each."""
    size, n = stored(X), shape(X)[1]
    count = max(1, min(most, size // BLOCK_ENTRIES))
    if isinstance(X, CSC):
        bounds = np.searchsorted(X.indptr, np.linspace(0, size, count + 1))
    else:
        bounds = np.linspace(0, n, min(count, -(-n // 8)) + 1).astype(np.int64) // 8 * 8
    bounds[0], bounds[-1] = 0, n
    return bounds.astype(np.int64)
