"""The first look at X: ranges, sums and correlations of its columns, in one read."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastreg._jit import exact, run_blocks
from fastreg.design import storages
from fastreg.kernels.rows import CALL_ENTRIES, LANES


class Survey(NamedTuple):
    """(n,) each: least and greatest stored entry, ∞ and −∞ where nothing is stored, Σ w z, Σ w r z
    and Σ w z² with z = x − origin; whether all entries are finite.

    An entry of a sparse X that is stored in parts counts as several.
    """

    low: np.ndarray
    high: np.ndarray
    sums: np.ndarray
    products: np.ndarray
    squares: np.ndarray
    finite: bool


def survey(X, residual=None, *, weights=None, origin=None):
    """One pass over X before anything is known of it.

    Parameters
    ----------
    X : storage, (m, n)
    residual : (m,) float64 r, or None for zeros
    weights : (m,) float64 w ≥ 0, or None for ones
        Rows of weight zero count for `finite` only. Zeros that a sparse storage leaves out
        are not counted.
    origin : (n,) float64, subtracted from the columns of a dense X, or None for zeros
        Any row will do for sums that lose nothing to an offset.

    Returns
    -------
    `Survey`
    """
    n, disjoint = storages.shape(X)[1], storages.lies_by_columns(X)
    # Blocks of rows have five sums each, in the memory of three and a bit: 1/30 of X.
    cuts = storages.column_bounds(X) if disjoint else storages.row_bounds(X, 3)
    count = len(cuts) - 1
    blocks = 1 if disjoint else count
    seen = np.zeros((blocks, 5, -(-n // LANES) * LANES))
    seen[:, 0], seen[:, 1] = np.inf, -np.inf
    nonfinite = np.zeros(count, np.int64)
    step = max(1, count * CALL_ENTRIES // max(1, storages.stored(X)))
    run_blocks(
        lambda first, last: _survey_blocks(
            X, cuts, first, last, origin, weights, residual, seen, nonfinite
        ),
        count,
        step=step,
    )
    low, high = seen[:, 0, :n].min(axis=0), seen[:, 1, :n].max(axis=0)
    sums = np.add.reduce(seen[:, 2:, :n], axis=0)
    return Survey(low, high, *sums, not nonfinite.any())


@exact
def _survey_blocks(X, cuts, first, last, origin, weights, residual, seen, nonfinite):
    for k in range(first, last):
        out = seen[min(k, seen.shape[0] - 1)]  # blocks of columns share one
        nonfinite[k] = storages.survey_tile(X, cuts[k], cuts[k + 1], origin, weights, residual, out)
