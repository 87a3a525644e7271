"""Standard deviations of columns, in one read of X.

    s_j² = Σ w (x_ij − x̄_j)²/Σ w,   x̄_j = Σ w x_ij/Σ w

Each block of rows is measured from its own means; two sets of rows make one (Chan, Golub & LeVeque
1983), with δ = x̄_b − x̄_a and S = Σ w (x − x̄)²:

    x̄ = x̄_a + (W_b/W) δ,   S = S_a + S_b + (W_a W_b/W) δ²
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from fastreg.design.matrix import Design, nonfinite_message

Array = np.ndarray


class Spreads(NamedTuple):
    """Of rows of weight W: means, S, and least and greatest entries, (n,) each."""

    weight: float
    mean: Array
    scatter: Array
    low: Array
    high: Array


def merge(a: Spreads, b: Spreads) -> Spreads:
    """Of both sets of rows."""
    if not a.weight or not b.weight:
        return a if a.weight else b
    weight, step = a.weight + b.weight, b.mean - a.mean
    share = b.weight / weight
    scatter = a.scatter + b.scatter + a.weight * share * step**2
    low, high = np.minimum(a.low, b.low), np.maximum(a.high, b.high)
    return Spreads(weight, a.mean + share * step, scatter, low, high)


def spreads(X: Design, weights: Array | None) -> Spreads:
    """Of all rows of X (m, n), with weights (m,) ≥ 0 or None for ones.

    Raises
    ------
    ValueError
        X contains NaN or infinity.
    """
    w = np.ones(X.shape[0]) if weights is None else weights
    measure = _of_sparse if X.is_sparse else _of_dense
    with np.errstate(over="ignore", invalid="ignore"):
        parts = [measure(values, w[rows]) for rows, _, values in X.blocks()]
        by_columns = len(parts) > 1 and X.pieces()[0][0] == slice(0, X.shape[0])
        found = _beside(parts) if by_columns else functools.reduce(merge, parts)
    if not np.isfinite(found.scatter).all():
        message = nonfinite_message(X)
        if message:
            raise ValueError(message)
    return found


def deviations(found: Spreads) -> Array:
    """(n,) standard deviations, 0 of columns that are constant.

    Raises
    ------
    ValueError
        One is no number of float64.
    """
    varies = found.low < found.high
    out = np.where(varies, np.sqrt(found.scatter / (found.weight or 1.0)), 0.0)
    wrong = np.flatnonzero(varies & ~((out > 0.0) & np.isfinite(out)))
    if len(wrong):
        raise ValueError(
            f"standardize needs squares of X, and those of column {wrong[0]} leave float64: "
            "change its unit"
        )
    return out


def _beside(parts: list[Spreads]) -> Spreads:
    """Of all columns, from those of some each."""
    weight, *_ = parts[0]
    _, *arrays = zip(*parts, strict=True)
    return Spreads(weight, *(np.concatenate(each) for each in arrays))


def _of_dense(values: Array, w: Array) -> Spreads:
    if not w.all():
        values, w = values[w > 0.0], w[w > 0.0]
    if not len(w):
        return _of_nothing(values.shape[1])
    weight = float(w.sum())
    mean = w @ values / weight
    away = values - mean
    drift = w @ away / weight  # what rounding of the mean leaves
    scatter = np.maximum(w @ np.square(away) - weight * drift**2, 0.0)
    return Spreads(weight, mean + drift, scatter, values.min(axis=0), values.max(axis=0))


def _of_sparse(values: Any, w: Array) -> Spreads:
    values = values.copy()
    values.sum_duplicates()
    row, column, entry = _entries(values, w > 0.0)
    n, rows, weight = values.shape[1], np.count_nonzero(w), float(w.sum())
    if not rows:
        return _of_nothing(n)
    own = w[row]
    full = np.bincount(column, minlength=n) == rows
    zeros = np.where(full, 0.0, weight - np.bincount(column, own, n))  # weight of what is not there
    mean = np.bincount(column, own * entry, n) / weight
    away = entry - mean[column]
    drift = (np.bincount(column, own * away, n) - zeros * mean) / weight
    scatter = np.bincount(column, own * away**2, n) + zeros * mean**2 - weight * drift**2
    low, high = np.where(full, np.inf, 0.0), np.where(full, -np.inf, 0.0)
    np.minimum.at(low, column, entry)
    np.maximum.at(high, column, entry)
    return Spreads(weight, mean + drift, np.maximum(scatter, 0.0), low, high)


def _entries(values: Any, counts: Array) -> tuple[Array, Array, Array]:
    """Row, column and value of the stored entries in rows that count."""
    every = values.tocoo()
    kept = slice(None) if counts.all() else counts[every.row]
    return every.row[kept], every.col[kept], every.data[kept].astype(np.float64, copy=False)


def _of_nothing(n: int) -> Spreads:
    return Spreads(0.0, np.zeros(n), np.zeros(n), np.full(n, np.inf), np.full(n, -np.inf))
