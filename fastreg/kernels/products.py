"""Products of columns with columns, Zᵀ W Z, in one read of X: the arithmetic of every Gram matrix.

Rows are packed tile by tile into panels of eight columns, shifted, scaled and weighted on
the way; blocks of 8 × 16 entries, 4 × 8 where registers are narrow, are then summed in registers
(Goto & van de Geijn, ACM TOMS 34, 2008). Faster than a BLAS that picks its kernels for an older
processor, and what BLAS cannot do costs nothing: centring, weights, a matrix for each fold.

| work | shared out by | where |
|---|---|---|
| folds, or pieces with a matrix of their own | rows | these are small beside X |
| one matrix | strips of its rows, tile by tile | n is large |

Both cuts depend on the shape alone: the same bits for any number of threads.
"""

from __future__ import annotations

import numpy as np

from fastreg._jit import WIDE, exact, fma, inner, lanes, prefetch, read, run_blocks, write
from fastreg.design import storages

# Columns of a panel, panels of a block: 16 sums in registers, room for what they multiply. With
# three panels the sums spilt to memory and took 1.3 times as long.
_PANEL, _GROUP = 8, 2
_CHUNK = 8  # panels a that stay in a second-level cache while all panels b pass by
_SERIAL = 1 << 26  # multiplications below which threads are not worth waking: 0.6 ms
_PIECE = _SERIAL // 2  # multiplications of a piece at least
_LITTLE = 1 << 20  # entries of the matrices of pieces: 8 MB
_CALL = 1 << 29  # multiplications between two looks for an interrupt: 10 ms


def panels(count: int) -> int:
    """Panels that hold `count` columns, a whole number of blocks."""
    return -(-count // (_PANEL * _GROUP)) * _GROUP


def tile_rows(n_panels: int) -> int:
    """Rows packed at once: 96 keep narrow panels in a second-level cache (200 000 × 200: 59 ms,
    68 with 192), 512 spare sweeps of a wide result (20 000 × 2000: 485 ms, 524 with 256)."""
    return 96 if n_panels * _PANEL <= 680 else 512


class Packing:
    """What is multiplied: columns of X as they are to be packed, and more columns from Y.

    Parameters
    ----------
    X : dense storage, (m, n)
    columns : integer array, None for all; −1 for a column of zeros
    shift, scale : (n,) float64 or None
    roots : (m,) float64, square roots of weights, or None
    order : (m,) int64, the rows in the order of their folds, or None
    extra : (m, e) float64 or None, columns to follow those of X, neither shifted nor scaled
    split : int, where not 0 the first `split` columns, a multiple of 16, are only multiplied
        with the others
    """

    def __init__(
        self,
        X,
        columns=None,
        *,
        shift=None,
        scale=None,
        roots=None,
        order=None,
        extra=None,
        split=0,
    ):
        m, n = storages.shape(X)
        chosen = np.arange(n) if columns is None else columns
        self.X, self.roots, self.order, self.extra = X, roots, order, extra
        self.columns = None if columns is None else np.maximum(columns, 0)
        self.shift = np.zeros(len(chosen)) if shift is None else shift[chosen]
        self.scale = np.ones(len(chosen)) if scale is None else scale[chosen]
        if columns is not None and np.any(columns < 0):
            self.scale = np.where(columns < 0, 0.0, self.scale)
        self.count = len(chosen) + (0 if extra is None else extra.shape[1])
        self.n_panels = panels(self.count)
        self.rows = tile_rows(self.n_panels)
        self.n_rows = m
        # Panels b from the first to the last are multiplied with panels a from top to bottom.
        left = split // _PANEL
        self.region = (left, self.n_panels, 0, left or self.n_panels, not split)

    def fill(self, start, stop, tile, into=0):
        """Pack rows start ≤ i < stop of the order to rows `into`, … of the tile."""
        _pack(
            self.X, self.order, start, stop, self.columns, self.shift, self.scale,
            self.roots, self.extra, tile, into,
        )  # fmt: skip

    def add(self, start, stop, out):
        """out += products of these rows, serially; a generator, for interrupts."""
        tile = np.zeros((self.n_panels, self.rows, _PANEL))
        piece = max(1, _CALL // (self.count**2 * self.rows)) * self.rows
        for a in range(start, stop, piece):
            _add_tiles(
                self.X, self.order, a, min(a + piece, stop), self.columns, self.shift,
                self.scale, self.roots, self.extra, tile, self.region, out,
            )  # fmt: skip
            yield


def by_rows(packing: Packing, bounds) -> np.ndarray:
    """(K, p, p): the products of each range bounds[k] ≤ i < bounds[k + 1] of the rows."""
    size = _PANEL * packing.n_panels
    out = np.zeros((len(bounds) - 1, size, size))

    def work(first, last):
        for k in range(first, last):
            yield from packing.add(bounds[k], bounds[k + 1], out[k])

    run_blocks(work, len(out), step=1)
    return out


def by_strips(packing: Packing) -> np.ndarray:
    """(p, p): the products of all rows, threads sharing the rows of the result."""
    size = _PANEL * packing.n_panels
    out = np.zeros((size, size))
    height = min(512, packing.n_rows)
    tile = np.zeros((packing.n_panels, height, _PANEL))
    left, right, top, bottom, lower = packing.region
    tasks = -(-(bottom - top) // _CHUNK)
    for start in range(0, packing.n_rows, height):
        stop = min(start + height, packing.n_rows)
        cuts = np.linspace(start, stop, 9).astype(np.int64)

        def pack(first, last, cuts=cuts, start=start):
            packing.fill(cuts[first], cuts[last], tile, cuts[first] - start)

        def multiply(first, last, rows=stop - start):
            a, b = top + _CHUNK * first, min(top + _CHUNK * last, bottom)
            _add_products(tile, rows, (left, right, a, b, lower), out)

        run_blocks(pack, 8, step=2)
        run_blocks(multiply, tasks, step=max(1, tasks // 64))
    return out


def all_rows(packing: Packing) -> np.ndarray:
    """The products of all rows: the lower triangle, or the part that `split` asks for."""
    p = packing.count
    pieces = row_pieces(packing)
    if pieces > 1 or packing.n_rows * p * p < _SERIAL:
        bounds = np.linspace(0, packing.n_rows, pieces + 1).astype(np.int64)
        return add_in_order(by_rows(packing, bounds))
    return by_strips(packing)


def row_pieces(packing: Packing, n_folds: int = 1) -> int:
    """Pieces of the rows, each with a matrix of its own: 1/25 of the memory of X at most, or what
    is little anyway. They beat strips wherever there is room (10 000 × 100: 1.3 ms for 6.6 with
    two threads, 2.0 for 3.3 with one)."""
    p, m = packing.count, packing.n_rows
    room = max(m * storages.shape(packing.X)[1] // (25 * p * p), _LITTLE // (p * p))
    return max(1, min(16 // n_folds, room // n_folds, m * p * p // _PIECE))


def add_in_order(matrices: np.ndarray) -> np.ndarray:
    """The sum of matrices along the first axis, in place of the first."""
    total = matrices[0]
    for each in matrices[1:]:
        total += each
    return total


def mirror(lower: np.ndarray) -> np.ndarray:
    """The symmetric matrix of a lower triangle, in place."""
    for a in range(0, len(lower), 512):
        b = a + 512
        lower[a:b, b:] = lower[b:, a:b].T
        square = lower[a:b, a:b]
        square[...] = np.tril(square) + np.tril(square, -1).T
    return lower


@exact
def _pack(X, order, start, stop, columns, shift, scale, roots, extra, tile, into):
    storages.pack_tile(X, order, start, stop, columns, shift, scale, roots, tile, into)
    if extra is not None:
        n = shift.shape[0]
        for i in range(start, stop):
            row = i if order is None else order[i]
            root = 1.0 if roots is None else roots[row]
            for e in range(extra.shape[1]):
                tile[(n + e) // 8, into + i - start, (n + e) % 8] = root * extra[row, e]


@exact
def _add_tiles(X, order, start, stop, columns, shift, scale, roots, extra, tile, region, out):
    """out += products of rows start ≤ i < stop of the order."""
    height = tile.shape[1]
    for first in range(start, stop, height):
        last = min(first + height, stop)
        _pack(X, order, first, last, columns, shift, scale, roots, extra, tile, 0)
        _add_products(tile, last - first, region, out)


@exact
def _add_products(tile, rows, region, out):
    """out[8a:, 8b:] += panel_aᵀ panel_b, two panels b at a time; from the diagonal on where
    `lower`."""
    first, last, top, bottom, lower = region
    for chunk in range(top, bottom, _CHUNK):
        end = min(chunk + _CHUNK, bottom)
        for b in range(first, min(last, end) if lower else last, 2):
            for a in range(max(chunk, b) if lower else chunk, end):
                _add_block(tile, rows, a, b, out)


@inner
def _add_block(tile, rows, a, b, out):
    """out[8a:, 8b:] += panel_aᵀ (panel_b, panel_b+1): as many sums at a time as registers hold."""
    for k in range(8):
        prefetch(out, (8 * a + k, 8 * b))
        prefetch(out, (8 * a + k, 8 * b + 8))
    if WIDE:
        _add_wide_block(tile, rows, a, b, out)
    else:
        for k in range(0, 8, 4):
            _add_narrow_block(tile, rows, a, k, b, out)
            _add_narrow_block(tile, rows, a, k, b + 1, out)


@inner
def _add_wide_block(tile, rows, a, b, out):
    """8 × 16 sums in 16 registers of eight."""
    u, v, w, z = _zeros(), _zeros(), _zeros(), _zeros()
    for i in range(np.uintp(rows)):
        prefetch(tile, (a, i + np.uintp(32), 0))
        first, second = read(tile, (b, i, 0)), read(tile, (b + 1, i, 0))
        u, v = _add_outer(tile, a, 0, i, first, u), _add_outer(tile, a, 0, i, second, v)
        w, z = _add_outer(tile, a, 4, i, first, w), _add_outer(tile, a, 4, i, second, z)
    _add_to(out, 8 * a, 8 * b, u)
    _add_to(out, 8 * a, 8 * b + 8, v)
    _add_to(out, 8 * a + 4, 8 * b, w)
    _add_to(out, 8 * a + 4, 8 * b + 8, z)


@inner
def _add_narrow_block(tile, rows, a, k, b, out):
    """4 × 8 sums in 8 registers of four, from entry k of panel a on."""
    sums = _zeros()
    for i in range(np.uintp(rows)):
        sums = _add_outer(tile, a, k, i, read(tile, (b, i, 0)), sums)
    _add_to(out, 8 * a + k, 8 * b, sums)


@inner
def _zeros():
    z = lanes(0.0)
    return z, z, z, z


@inner
def _add_outer(tile, a, k, i, row, sums):
    """sums_q + x_q·row for four entries x of row i of panel a, from k on."""
    return (
        fma(lanes(tile[a, i, k]), row, sums[0]),
        fma(lanes(tile[a, i, k + 1]), row, sums[1]),
        fma(lanes(tile[a, i, k + 2]), row, sums[2]),
        fma(lanes(tile[a, i, k + 3]), row, sums[3]),
    )


@inner
def _add_to(out, i, j, sums):
    write(out, (i, j), read(out, (i, j)) + sums[0])
    write(out, (i + 1, j), read(out, (i + 1, j)) + sums[1])
    write(out, (i + 2, j), read(out, (i + 2, j)) + sums[2])
    write(out, (i + 3, j), read(out, (i + 3, j)) + sums[3])
