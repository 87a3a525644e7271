"""Folds as cells: the least sets of rows that every split trains on, or tests on, as a whole.

A split of rows into training and test is a union of cells each. With k-fold splits the cells are
the folds; with growing windows of time they are the windows. Moments of cells, gathered in one
read of X, add up to those of any split.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
Split = tuple[Array, Array]  # row numbers to train on, and to test on
MOST_CELLS = 64


@dataclass(frozen=True, eq=False)
class Cells:
    """(m,) cell of each row, and of each split the cells to train on and to test on."""

    of_row: Array
    count: int
    training: list[Array]
    test: list[Array]


def as_splits(splits: Iterable[Split], m: int) -> list[Split]:
    """Checked: row numbers within range, some to train on and some to test on in each.

    A part of a split may be a mask of the m rows as well.

    Raises
    ------
    ValueError
        There is no split, or one is empty, out of range, or neither integers nor a mask.
    """
    out = []
    for train, test in splits:
        pair = tuple(_rows(part, m) for part in (train, test))
        if not len(pair[0]) or not len(pair[1]):
            raise ValueError("cv gives a split without rows to train on or to test on")
        out.append(pair)
    if not out:
        raise ValueError("cv gives no split")
    return out  # type: ignore[return-value]


def _rows(part: Array, m: int) -> Array:
    part = np.asarray(part)
    if part.dtype == bool:
        if part.shape != (m,):
            raise ValueError(f"cv gives a mask of shape {part.shape} for the {m} rows of X")
        return np.flatnonzero(part)
    if part.ndim != 1 or (part.size and part.dtype.kind not in "iu"):
        raise ValueError(
            f"cv must give row numbers, a list of integers or a mask, got {part.dtype} numbers of "
            f"shape {part.shape}"
        )
    if part.size and (part.min() < 0 or part.max() >= m):
        raise ValueError(f"cv gives row numbers beyond the {m} rows of X")
    return part.astype(np.intp, copy=False)


def check_weights(weights: Array | None, splits: list[Split]) -> None:
    """Some weight in every part of a split.

    Raises
    ------
    ValueError
    """
    for part, name in ((0, "training set"), (1, "test fold")):
        if weights is not None and not all(weights[split[part]].any() for split in splits):
            raise ValueError(f"sample_weight is zero in all rows of a {name}")


def cells(splits: list[Split], m: int) -> Cells | None:
    """None where rows are repeated, or there are too many cells."""
    of_row, count = np.zeros(m, np.int64), 1
    for train, test in splits:
        role = np.zeros(m, np.int64)
        role[train] += 1
        role[test] += 2
        if np.count_nonzero(role & 1) != len(train) or np.count_nonzero(role & 2) != len(test):
            return None  # a row more than once
        of_row, count = _numbered(of_row * 4 + role, 4 * count)
        if count > MOST_CELLS:
            return None
    first = np.full(count, m)
    np.minimum.at(first, of_row, np.arange(m))
    training: list[Array] = []
    test_cells: list[Array] = []
    for train, test in splits:
        for rows, out in ((train, training), (test, test_cells)):
            inside = np.zeros(m, bool)
            inside[rows] = True
            out.append(np.flatnonzero(inside[first]))
    return Cells(of_row, count, training, test_cells)


def _numbered(codes: Array, bound: int) -> tuple[Array, int]:
    """Codes below a bound as 0, 1, … in their order, and how many there are."""
    present = np.bincount(codes, minlength=bound) > 0
    return (np.cumsum(present) - 1)[codes], int(np.count_nonzero(present))


def neighbours(cv: object, m: int) -> Iterable[Split]:
    """Splits as they are, or from a number of folds of neighbouring rows, of about equal size.

    Raises
    ------
    ValueError
        The number is less than 2, or more than there are rows.
    """
    if not isinstance(cv, int | np.integer) or isinstance(cv, bool):
        return cv  # type: ignore[return-value]
    if not 2 <= cv <= m:
        raise ValueError(f"cv must be from 2 to the number of rows, {m}, got {cv}")
    cuts = np.cumsum(np.append(0, np.full(cv, m // cv) + (np.arange(cv) < m % cv)))
    rows = np.arange(m)
    return [(np.concatenate([rows[:a], rows[b:]]), rows[a:b]) for a, b in itertools.pairwise(cuts)]
