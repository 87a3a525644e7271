"""A second look at moments: the product of their scatter with one vector, summed by NumPy.

For a direction d (p,) that is drawn before any row is read, and rows v of weight w about their
mean v̄, the *echo* of a scatter matrix S is

    S d = Σ w (v − v̄) t,    t = dᵀ(v − v̄)

Echoes add up as scatter does, so a stream is read once for both. Where S is wrong by E, S d less
the echo is E d (Freivalds 1977): in every row about as large as that row of E, along whatever
direction it is wrong. Entries of d lie between 1/2 and 3/2, with random signs, so that the error
of a single column is seen in all rows.
"""

from __future__ import annotations

import functools
from collections.abc import Generator, Iterator
from typing import Any

import numpy as np

from fastreg._jit import run_blocks
from fastreg.design import Design, transposed

Array = np.ndarray
# A row of E that is a hundred times as long as its product with d is seen too short by chance
# once in a hundred; all rows together are not. A second direction would cost as much again.
_DOUBT = 100.0
_ENTRIES = 1 << 18  # of a block of rows: 2 MB, which its second product finds in the cache
_PARTS = 16  # sums, whatever the number of threads: the same bits for any
_CELLS = 8  # whose sums a sparse X is read for at once
_NEAR = 8.0  # units that an origin may be long to be taken off products, not entries

Sums = tuple[Any, Array, Array]  # cells (c,), their Σ w v t (c, p) and Σ w t (c,)


@functools.lru_cache(maxsize=8)
def direction(p: int) -> Array:
    """d (p,), the same for every p columns."""
    rng = np.random.default_rng(20_231)
    d: Array = rng.uniform(0.5, 1.5, p) * rng.choice([-1.0, 1.0], p)
    d.setflags(write=False)
    return d


def doubts(scatter: Array, echo: Array) -> Array:
    """(p,): how long each row of the error of `scatter` may be."""
    return _DOUBT * np.abs(scatter @ direction(len(scatter)) - echo)


class Rows:
    """Rows v = ((x, y) − origin)/unit whose echoes are asked for.

    Parameters
    ----------
    X, Y, weights : (m, n), (m, k) and (m,) or None
    cells : (m,) integers from 0 to F − 1, or None where F = 1
    origin, unit : (p,)
    """

    def __init__(
        self, X: Design, Y: Array, weights: Array | None, cells: Array | None, origin: Array,
        unit: Array,
    ) -> None:  # fmt: skip
        n, d = X.shape[1], direction(len(unit))
        self.X, self.weights, self.cells, self.unit = X, weights, cells, unit[:n]
        self.Y = (Y - origin[n:]) / unit[n:]
        self.along = d[:n] / unit[:n]  # of x as it is
        far = not X.is_sparse and bool(np.any(np.abs(origin[:n]) > _NEAR * unit[:n]))
        self.early = origin[:n] if far else None
        self.late = np.zeros(n) if far else origin[:n]
        self.constant = self.Y @ d[n:] - self.late @ self.along

    def echoes(self, means: Array) -> Array:
        """(F, p), of cells whose v have these means (F, p): an error of theirs shows as well."""
        n, (F, p) = self.X.shape[1], means.shape
        levels = means @ direction(p)
        sums, slips = np.zeros((F, p)), np.zeros(F)
        read = self._sparse if self.X.is_sparse else self._dense
        for cells, product, slip in read(levels):
            sums[cells] += product
            slips[cells] += slip
        sums[:, :n] -= self.late * slips[:, None]
        sums[:, :n] /= self.unit
        out = sums - means * slips[:, None]
        # A mean that is off by slip/W along d: as if S were off by that many of its spreads.
        spread = np.sqrt(np.abs(out) / np.maximum(self._totals(F), 1e-300)[:, None])
        return out + spread * np.abs(slips)[:, None]

    def _totals(self, F: int) -> Array:
        cells = np.zeros(len(self.Y), np.intp) if self.cells is None else self.cells
        return np.bincount(cells, self.weights, minlength=F).astype(float)

    def _dense(self, levels: Array) -> list[Sums]:
        m, n = self.X.shape
        step = max(16, _ENTRIES // n)
        blocks = [slice(a, min(a + step, m)) for a in range(0, m, step)]
        cuts = np.linspace(0, len(blocks), min(_PARTS, len(blocks)) + 1).astype(int)
        found: list[Sums] = [()] * (len(cuts) - 1)  # type: ignore[list-item]

        def work(first: int, last: int) -> Iterator[None]:
            for part in range(first, last):
                found[part] = yield from self._of_blocks(
                    blocks[cuts[part] : cuts[part + 1]], levels
                )

        run_blocks(work, len(found), step=1)
        return found

    def _of_blocks(self, blocks: list[slice], levels: Array) -> Generator[None, None, Sums]:
        """Of a part of the rows, which may be interrupted between blocks."""
        n, F = self.X.shape[1], len(levels)
        sums, slips = np.zeros((F, n + self.Y.shape[1])), np.zeros(F)
        for rows in blocks:
            values = self.X.matrix[rows].astype(np.float64, copy=False)
            values = values if self.early is None else values - self.early
            t = values @ self.along
            t += self.constant[rows]
            cells, side = self._by_cell(rows, t, levels)
            sums[cells, :n] += side @ values
            sums[cells, n:] += side @ self.Y[rows]
            slips[cells] += side.sum(axis=-1)
            yield
        return slice(0, F), sums, slips

    def _by_cell(self, rows: slice, t: Array, levels: Array) -> tuple[Any, Array]:
        """(the cell or cells of some rows, w∘(t − d·v̄) of each beside zeros: (b,) or (c, b))."""
        own = np.zeros(1, np.intp) if self.cells is None else self.cells[rows]
        alone = bool((own == own[0]).all())
        t -= levels[own[0]] if alone else levels[own]
        if self.weights is not None:
            t *= self.weights[rows]
        if alone:
            return own[0], t
        some, which = np.unique(own, return_inverse=True)
        side = np.zeros((len(some), len(t)))
        side[which, np.arange(len(t))] = t
        return some, side

    def _sparse(self, levels: Array) -> Iterator[Sums]:
        m, F = len(self.Y), len(levels)
        cells = np.zeros(m, np.intp) if self.cells is None else self.cells
        t = self.X.matrix @ self.along + self.constant - levels[cells]
        t = t if self.weights is None else self.weights * t
        turned = transposed(self.X.matrix)
        for first in range(0, F, _CELLS):
            some = np.arange(first, min(first + _CELLS, F))
            rows = np.flatnonzero((cells >= first) & (cells < first + len(some)))
            side = np.zeros((m, len(some)))
            side[rows, cells[rows] - first] = t[rows]
            yield some, np.vstack([turned @ side, self.Y.T @ side]).T, side.sum(axis=0)
