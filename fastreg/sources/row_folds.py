"""The folds of rows that arrive in blocks.

Where the number of rows is known, fold f of k holds the rows that scikit-learn's `KFold(k)` gives
it: neighbours, the first folds one row longer. Where it is not, rows are dealt out in turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Folds:
    """Which of k folds a row belongs to."""

    count: int
    n_rows: int | None = None

    def of(self, row: int, size: int) -> list[tuple[int, slice]] | Array:
        """Of `size` rows from number `row` on: ranges of neighbours, or a fold for each."""
        if self.count == 1:
            return [(0, slice(0, size))]
        if self.n_rows is None:
            return np.arange(row, row + size) % self.count
        short, longer = divmod(self.n_rows, self.count)
        cuts = np.cumsum([0] + [short + (f < longer) for f in range(self.count)]) - row
        ends = np.clip(cuts, 0, size)
        return [
            (f, slice(int(ends[f]), int(ends[f + 1])))
            for f in range(self.count)
            if ends[f] < ends[f + 1]
        ]

    def of_rows(self, row: int, size: int) -> Array:
        """(size,): the fold of each row from number `row` on."""
        found = self.of(row, size)
        if isinstance(found, np.ndarray):
            return found
        out = np.empty(size, np.int64)
        for f, some in found:
            out[some] = f
        return out
