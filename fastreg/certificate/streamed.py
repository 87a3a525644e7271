"""The certificate of rows that arrive in blocks: one read of them, NumPy on each."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastreg.certificate.reads import Data, about_means, sums_over_rows
from fastreg.objectives import Objective
from fastreg.sources.blocks import Source
from fastreg.sources.rows import Block, Layout

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Sums:
    """What a block contributes to the correlations of all points."""

    layout: Layout
    coef: Array
    intercept: Array
    shift: Array
    scale: Array
    mean: Array  # (T,)
    unit: Array  # (T,)
    objective: Objective

    def __call__(self, block: Block, row: int) -> Array:
        rows = self.layout.check(block)
        w = np.ones(len(rows.Y)) if rows.weights is None else rows.weights
        return sums_over_rows(self.data(rows.X, (rows.Y - self.mean) / self.unit, w))

    def data(self, X: Any, Y: Array, w: Array) -> Data:
        return Data(
            X, Y, w, self.shift, self.scale, None, self.objective, self.coef, self.intercept,
            self.mean, self.unit,
        )  # fmt: skip


class _Absent(NamedTuple):
    """A matrix of which no more is known."""

    is_sparse: bool


class Read(NamedTuple):
    """What one read of a source says of k points and T targets."""

    data: Data
    c: Array  # (k, n)
    c0: Array  # (T, n)
    norms: Array  # (n,)
    sizes: Array  # (n,)
    off: Array  # (k,)
    rho2: Array  # (k,)
    null: Array  # (T,)


def read(source: Source, work: Sums, constant: Array | None) -> Read:
    """Correlations, lengths and null objectives of a source."""
    sums: Array = source.reduce(work, operator.add)
    k, T, centred = work.coef.shape[1], len(work.mean), work.objective.fit_intercept
    sums = sums / sums[-2, -2]
    level, square = sums[k : k + T, -2], sums[k : k + T, -1]
    data = work.data(_Absent(source.is_sparse), np.zeros((1, T)), np.ones(1))
    data.constant = constant
    means = sums[-2, :-2] * work.scale - data.late * work.scale
    found = about_means(data, sums, k, None)
    null = 0.5 * (square - level**2 if centred else square)
    c0 = found.c0 - np.outer(level, means) if centred else found.c0
    if constant is not None:
        c0[:, constant] = 0.0
    return Read(
        data, found.c, c0, found.norms, found.sizes, found.off, found.rho2, np.maximum(null, 0.0)
    )
