"""Cells of splits: what every split takes or leaves as a whole."""

import tracemalloc

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, KFold, RepeatedKFold, ShuffleSplit, TimeSeriesSplit

from fastreg.selection import folds
from fastreg.selection.folds import as_splits, cells, neighbours


@pytest.mark.parametrize(
    ("splitter", "count"),
    [
        (KFold(7), 7),
        (KFold(5, shuffle=True, random_state=0), 5),
        (TimeSeriesSplit(6), 7),
        (GroupKFold(4), 4),
        (RepeatedKFold(n_splits=3, n_repeats=2, random_state=0), 9),
    ],
)
def test_cells_make_up_every_split(splitter, count):
    m = 100
    groups = np.arange(m) // 5 if isinstance(splitter, GroupKFold) else None
    splits = as_splits(splitter.split(np.zeros((m, 1)), np.zeros(m), groups), m)
    found = cells(splits, m)
    assert found.count == count
    for (train, test), own, held in zip(splits, found.training, found.test, strict=True):
        np.testing.assert_array_equal(np.flatnonzero(np.isin(found.of_row, own)), np.sort(train))
        np.testing.assert_array_equal(np.flatnonzero(np.isin(found.of_row, held)), np.sort(test))


def test_too_many_cells_and_repeated_rows_have_none():
    many = as_splits(ShuffleSplit(20, random_state=0).split(np.zeros((500, 1))), 500)
    assert cells(many, 500) is None
    assert cells(as_splits([(np.array([0, 0, 1]), np.array([2]))], 3), 3) is None


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ([], "cv gives no split"),
        ([(np.array([0]), np.array([], int))], "without rows to train on or to test on"),
        ([(np.array([0]), np.array([9]))], "row numbers beyond the 5 rows"),
        ([(np.array([-1]), np.array([1]))], "row numbers beyond the 5 rows"),
    ],
)
def test_faulty_splits_are_refused(splits, message):
    with pytest.raises(ValueError, match=message):
        as_splits(splits, 5)


SPLITTERS = {
    "neighbours": lambda m: neighbours(4, m),
    "KFold": lambda m: KFold(4).split(np.zeros((m, 1))),
    "shuffled": lambda m: KFold(4, shuffle=True, random_state=0).split(np.zeros((m, 1))),
    "time": lambda m: TimeSeriesSplit(4).split(np.zeros((m, 1))),
    "more folds than cells": lambda m: neighbours(80, m),
    "halves at random": lambda m: ShuffleSplit(20, random_state=0).split(np.zeros((m, 1))),
    "a row twice": lambda m: [(None, slice(0, 9)), ([1, 1, 2], [3]), (np.arange(m) > 5, [0])],
}


@pytest.mark.parametrize("name", SPLITTERS)
def test_splits_of_many_rows_are_those_of_few(name, monkeypatch):
    """Kept as cells, as far as cells can say what they are, or as row numbers."""
    plain = as_splits(SPLITTERS[name](200), 200)
    monkeypatch.setattr(folds, "_MANY", 1)
    coded = as_splits(SPLITTERS[name](200), 200)
    assert len(coded) == len(plain) == len(coded[:]) and isinstance(plain, list)
    for own, other in zip(coded, plain, strict=True):
        for mine, theirs in zip(own, other, strict=True):
            np.testing.assert_array_equal(np.sort(mine), np.sort(theirs))
    kept = name in ("neighbours", "KFold", "shuffled", "time")
    assert isinstance(coded, folds.CellSplits) == kept
    assert (cells(coded, 200) is not None) == (cells(plain, 200) is not None)


def test_splits_of_many_rows_take_a_few_bytes_a_row():
    m = 1 << 20
    tracemalloc.start()
    splits = as_splits(neighbours(10, m), m)
    held, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(splits) == 10 and held < 3 * m and most < 24 * m  # ten lists of rows take 80
