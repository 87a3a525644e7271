"""Cells of splits: what every split takes or leaves as a whole."""

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, KFold, RepeatedKFold, ShuffleSplit, TimeSeriesSplit

from fastreg.selection.folds import as_splits, cells


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
