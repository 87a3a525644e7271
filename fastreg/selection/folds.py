"""Folds as cells: the least sets of rows that every split trains on, or tests on, as a whole.

A split of rows into training and test is a union of cells each. With k-fold splits the cells are
the folds; with growing windows of time they are the windows. Moments of cells, gathered in one
read of X, add up to those of any split.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

Array = np.ndarray
Split = tuple[Any, Any]  # row numbers to train on, and to test on; see `as_splits`
MOST_CELLS = 64
_MANY = 1 << 18  # rows from which splits are kept as cells: a byte a row, not ten row numbers


@dataclass(frozen=True, eq=False)
class Cells:
    """(m,) uint8 cell of each row, and of each split the cells to train on and to test on."""

    of_row: Array
    count: int
    training: list[Array]
    test: list[Array]

    def rows(self, some: Array) -> Array:
        """The rows of some cells, in order."""
        chosen = np.zeros(self.count, bool)
        chosen[some] = True
        return np.flatnonzero(chosen[self.of_row])

    def split(self, f: int) -> Split:
        """Rows to train on, and to test on."""
        return self.rows(self.training[f]), self.rows(self.test[f])


class CellSplits(Sequence[Split]):
    """Splits that are made from their cells when they are asked for."""

    def __init__(self, found: Cells) -> None:
        self.cells = found

    def __len__(self) -> int:
        return len(self.cells.test)

    @overload
    def __getitem__(self, f: int) -> Split: ...
    @overload
    def __getitem__(self, f: slice) -> list[Split]: ...
    def __getitem__(self, f: int | slice) -> Split | list[Split]:
        if isinstance(f, slice):
            return [self.cells.split(k) for k in range(*f.indices(len(self)))]
        if not -len(self) <= f < len(self):
            raise IndexError(f)
        return self.cells.split(f)


def as_splits(splits: Iterable[Split], m: int) -> Sequence[Split]:
    """Checked: row numbers within range, some to train on and some to test on in each.

    A part of a split may be a mask of the m rows as well, or a slice of them to test on beside None
    for all others. Of many rows the splits are `CellSplits`, as far as cells can say what they are.

    Raises
    ------
    ValueError
        There is no split, or one is empty, out of range, or neither integers nor a mask.
    """
    kept: list[Split] = []
    coder = _Coder(m) if m >= _MANY else None
    for train, test in splits:
        if coder is not None and train is None and coder.add(slice(0, m), test):
            continue
        pair = _others(test, m) if train is None else (_rows(train, m), _rows(test, m))
        if not len(pair[0]) or not len(pair[1]):
            raise ValueError("cv gives a split without rows to train on or to test on")
        if coder is None or not coder.add(*pair):
            if coder is not None:
                kept, coder = list(CellSplits(coder.cells())), None
            kept.append(pair)
    if coder is not None and coder.n_splits:
        return CellSplits(coder.cells())
    if not kept:
        raise ValueError("cv gives no split")
    return kept


def _others(test: slice, m: int) -> Split:
    rows = np.arange(m)
    return np.concatenate([rows[: test.start], rows[test.stop :]]), rows[test]


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


def check_weights(weights: Array | None, splits: Sequence[Split]) -> None:
    """Some weight in every part of a split.

    Raises
    ------
    ValueError
    """
    if weights is None:
        return
    for train, test in splits:
        for rows, name in ((train, "training set"), (test, "test fold")):
            if not weights[rows].any():
                raise ValueError(f"sample_weight is zero in all rows of a {name}")


class _Coder:
    """Cells of the splits so far."""

    def __init__(self, m: int) -> None:
        # Codes of rows stay below 4 MOST_CELLS = 256: a byte each, 8 times less to be moved.
        self._of_row, self._role = np.zeros(m, np.uint8), np.empty(m, np.uint8)
        self._roles = np.zeros((1, 0), np.uint8)  # of each cell in the splits: 1 training, 2 test

    @property
    def n_splits(self) -> int:
        return self._roles.shape[1]

    def add(self, train: Array | slice, test: Array | slice) -> bool:
        """Rows to train on, and to test on; where both are slices, those to test on are no others.
        False, and nothing is added, where a row is repeated or there are too many cells."""
        role = self._role
        role.fill(0)
        role[train] = 1
        if isinstance(train, slice):
            role[test] = 2
        else:
            if np.count_nonzero(role) != len(train):
                return False  # a row more than once
            role[test] += 2
            if np.count_nonzero(role & 2) != len(test):  # type: ignore[arg-type]
                return False
        codes = 4 * self._of_row
        codes += role
        present = np.bincount(codes, minlength=4 * MOST_CELLS) > 0
        found = np.flatnonzero(present)
        if len(found) > MOST_CELLS:
            return False
        self._of_row = np.take((np.cumsum(present) - 1).astype(np.uint8), codes)
        self._roles = np.column_stack([self._roles[found // 4], found % 4])
        return True

    def cells(self) -> Cells:
        training, test = ([np.flatnonzero(role & bit) for role in self._roles.T] for bit in (1, 2))
        return Cells(self._of_row, len(self._roles), training, test)


def cells(splits: Sequence[Split], m: int) -> Cells | None:
    """None where rows are repeated, or there are too many cells."""
    if isinstance(splits, CellSplits):
        return splits.cells
    coder = _Coder(m)
    return coder.cells() if all(coder.add(*split) for split in splits) else None


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
    cuts = np.cumsum(np.append(0, np.full(cv, m // cv) + (np.arange(cv) < m % cv))).tolist()
    return [(None, slice(a, b)) for a, b in itertools.pairwise(cuts)]


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
