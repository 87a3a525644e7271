"""Moments of the folds of a source, in one read of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastreg import moments
from fastreg._jit import single_threaded_blas
from fastreg.design import as_design
from fastreg.moments import Frame, Moments
from fastreg.sources.blocks import Source
from fastreg.sources.row_folds import Folds
from fastreg.sources.rows import Block, Layout, Rows

Array = np.ndarray
Parts = dict[int, Moments]  # of the folds that have rows


@dataclass
class Gather:
    """A function from a block, and the number of its first row, to the moments of its folds.

    All are measured in one frame, that of the first rows that count.
    """

    layout: Layout
    folds: Folds
    frame: Frame | None = field(default=None, compare=False)

    def __call__(self, block: Block, row: int) -> Parts:
        rows = self.layout.check(block)
        if rows.weights is not None and not rows.weights.any():
            return {}
        with np.errstate(over="ignore", invalid="ignore"):
            if self.frame is None:
                self.frame = Frame.of(*rows[:3])
            found = self._parts(rows, self.folds.of(row, block.n_rows), self.frame)
        if not all(np.isfinite(part.scatter).all() for part in found.values()):
            large = f"{block.rows()}: squares of X or y leave float64: change their units"
            raise self.layout.error(block, large)
        return found

    def _parts(self, rows: Rows, folds: list[tuple[int, slice]] | Array, frame: Frame) -> Parts:
        ranges: list[Any]
        if isinstance(folds, np.ndarray) and rows.X.is_sparse:
            ranges = [(f, np.flatnonzero(folds == f)) for f in np.unique(folds).tolist()]
        elif isinstance(folds, np.ndarray):
            every = moments.gather(*rows[:3], folds, self.folds.count, frame)
            return {f: part for f, part in enumerate(every) if part.count}
        else:
            ranges = folds
        found = {}
        for f, some in ranges:
            (part,) = moments.gather(*_of(rows, some)[:3], None, 1, frame)
            if part.count:
                found[f] = part
        return found


def _of(rows: Rows, some: slice | Array) -> Rows:
    """Some of the rows."""
    if isinstance(some, slice) and some == slice(0, len(rows.Y)):
        return rows
    weights = None if rows.weights is None else rows.weights[some]
    return Rows(as_design(rows.X.matrix[some]), rows.Y[some], weights)


def gather(source: Source, work: Gather, **position: Any) -> Parts:
    """The moments of a source; from a position on, see `Source.fold`."""
    read = source.fold if position else source.reduce
    with single_threaded_blas:  # once: to set the limit takes 4 ms
        return read(work, add, **position)


def add(a: Parts, b: Parts) -> Parts:
    """The moments of both, fold by fold."""
    both = {f: a[f] + b[f] for f in a.keys() & b.keys()}
    return dict(sorted((a | b | both).items()))
