"""Targets, weights and coefficients."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from fastreg.design import as_target, as_vector, as_weights

N = np.nan


@pytest.mark.parametrize("make", [list, np.array, pd.Series, pl.Series, pa.array])
def test_any_column_of_numbers_is_a_target(make):
    np.testing.assert_array_equal(as_target(make([1.0, 2.0, 3.0]), 3), [1, 2, 3])
    np.testing.assert_array_equal(as_weights(make([1, 0, 3]), 3), [1, 0, 3])


def test_float64_is_not_copied():
    y = np.ones(3)
    assert as_target(y, 3) is y and as_weights(y, 3) is y


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed, but the target y is None"),
        ([1.0, 2.0], r"X has 3 rows \(samples\) but y has 2"),
        ([[1.0, 2.0, 3.0]], "X has 3 rows .* but y has 1, in shape"),
        (1.0, "y should be a 1d or 2d array"),
        (np.ones((3, 1, 1)), "y should be a 1d or 2d array"),
        (np.ones((3, 0)), "y has no column"),
        ([1.0, N, 2.0], r"Input y contains NaN. The first is at index \(1,\)"),
        ([1.0, np.inf, 2.0], "Input y contains infinity"),
        (["a", "b", "c"], "y has dtype"),
        (np.ones(3, complex), "Complex data not supported: y"),
    ],
)
def test_an_unfit_target_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        as_target(y, 3)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, 2.0], "but sample_weight has 2"),
        ([[1.0, 2.0, 3.0]], "sample_weight must be a 1D array"),
        ([1.0, -0.5, 1.0], "sample_weight has a negative entry, -0.5 at index 1"),
        ([-1.0, -1.0, -1.0], "negative entry"),
        ([1.0, N, 1.0], "Input sample_weight contains NaN"),
        ([1.0, np.inf, 1.0], "Input sample_weight contains infinity"),
        ([0.0, 0.0, 0.0], "sample_weight is zero everywhere"),
    ],
)
def test_unfit_weights_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        as_weights(weights, 3)


def test_a_number_is_a_weight_for_every_row():
    np.testing.assert_array_equal(as_weights(2, 3), [2, 2, 2])
    assert as_weights(None, 3) is None


def test_a_vector_has_the_length_asked():
    np.testing.assert_array_equal(as_vector([1, 2], 2, "theta"), [1.0, 2.0])
    with pytest.raises(ValueError, match=r"theta must have shape \(3,\)"):
        as_vector([1, 2], 3, "theta")
