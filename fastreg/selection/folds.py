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
    # Codes of rows stay below 4 MOST_CELLS = 256: a byte each, 8 times less to be moved.
    of_row, role = np.zeros(m, np.uint8), np.empty(m, np.uint8)
    roles = np.zeros((1, 0), np.uint8)  # of each cell in the splits so far: 1 training, 2 test
    for train, test in splits:
        role.fill(0)
        role[train] = 1
        if np.count_nonzero(role) != len(train):
            return None  # a row more than once
        role[test] += 2
        if np.count_nonzero(role & 2) != len(test):
            return None
        codes = 4 * of_row + role
        present = np.bincount(codes, minlength=4 * MOST_CELLS) > 0
        found = np.flatnonzero(present)
        if len(found) > MOST_CELLS:
            return None
        of_row = np.take((np.cumsum(present) - 1).astype(np.uint8), codes)
        roles = np.column_stack([roles[found // 4], found % 4])
    training, test_cells = ([np.flatnonzero(role & bit) for role in roles.T] for bit in (1, 2))
    return Cells(of_row.astype(np.int64), len(roles), training, test_cells)


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


def stratified(cv: object, classes: Array) -> Iterable[Split]:
    """`neighbours` with as many rows of each class in every fold, or one more.

    As scikit-learn's StratifiedKFold has it: among all rows in the order of their classes, those
    first that come first, fold f of k counts how many of each class come at places f, f + k,
    f + 2k, …; and takes as many of them, the first ones to fold 0.

    Raises
    ------
    ValueError
        The number is less than 2, or more than there are rows of any class.
    """
    if not isinstance(cv, int | np.integer) or isinstance(cv, bool):
        return cv  # type: ignore[return-value]
    first, of_row = np.unique(classes, return_index=True, return_inverse=True)[1:]
    of_row = np.argsort(np.argsort(first))[of_row]  # by where they come first
    sizes = np.bincount(of_row)
    if not 2 <= cv <= sizes.min():
        raise ValueError(
            f"cv must be from 2 to {sizes.min()}, the rows of the smaller class, got {cv}"
        )
    ordered, fold = np.sort(of_row), np.empty(len(classes), np.int64)
    taken = np.array([np.bincount(ordered[f::cv], minlength=len(sizes)) for f in range(cv)])
    for k in range(len(sizes)):
        fold[of_row == k] = np.repeat(np.arange(cv), taken[:, k])
    return [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(cv)]
