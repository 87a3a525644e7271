"""Data frames: read in place where they allow it, refused by the name of a column."""

import time

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conftest import matrix

from fastreg.design import as_design, feature_names

NAMES = list("abcdef")


def columns():
    return dict(zip(NAMES, matrix().T, strict=True))


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_numeric_frame_is_read(make):
    frame = make(columns())
    assert feature_names(frame) == NAMES
    np.testing.assert_array_equal(as_design(frame).storage.values, matrix())


def test_a_plain_pandas_frame_is_not_copied():
    A = matrix()
    frame = pd.DataFrame(A, columns=NAMES, copy=False)
    assert np.shares_memory(as_design(frame).storage.values, frame.to_numpy())


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_mixed_numbers_and_booleans_become_float64(make):
    frame = make({"a": [1, 2, 3], "b": [0.5, 1.5, 2.5], "c": [True, False, True]})
    expected = [[1, 0.5, 1], [2, 1.5, 0], [3, 2.5, 1]]
    np.testing.assert_array_equal(as_design(frame).storage.values, expected)


def test_float32_frames_stay_float32():
    frame = pl.DataFrame(columns()).cast(pl.Float32)
    assert as_design(frame).storage.values.dtype == np.float32


def test_a_sparse_pandas_frame_stays_sparse():
    A = matrix() * (matrix() > 0)
    frame = pd.DataFrame(A, columns=NAMES).astype(pd.SparseDtype(float, 0.0))
    found = as_design(frame)
    assert found.is_sparse and found.nnz == np.count_nonzero(A)
    np.testing.assert_array_equal(found.matrix.toarray(), A)
    flags = pd.get_dummies(pd.Series(["u", "v", "u"]), sparse=True)
    np.testing.assert_array_equal(as_design(flags).matrix.toarray(), [[1, 0], [0, 1], [1, 0]])


@pytest.mark.parametrize("kinds", [pd.SparseDtype(float, 1.0), {"a": pd.SparseDtype(float, 0.0)}])
def test_a_frame_that_is_sparse_in_part_or_around_ones_is_dense(kinds):
    frame = pd.DataFrame(columns()).astype(kinds)
    np.testing.assert_array_equal(as_design(frame).storage.values, matrix())


def test_a_lazy_frame_is_to_be_collected():
    with pytest.raises(ValueError, match=r"LazyFrame holds no rows yet: call \.collect\(\)"):
        as_design(pl.LazyFrame(columns()))


@pytest.mark.timed
def test_names_are_not_compared_in_pairs():
    wide = pd.DataFrame(np.ones((2, 20_000)), columns=[f"g{j}" for j in range(20_000)])
    wide["g7"] = [1, 2]
    start = time.perf_counter()
    assert as_design(wide).shape == (2, 20_000)
    assert time.perf_counter() - start < 1.5  # in pairs, or a column at a time: 6 s


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1.0, 2.0], "city": ["Rome", "Oslo"]}),
        pd.DataFrame({"a": [1.0, 2.0], "city": pd.Categorical(["x", "y"])}),
        pd.DataFrame({"a": [1.0, 2.0], "city": pd.to_datetime(["2020-01-01", "2021-01-01"])}),
        pd.DataFrame({"a": [1.0, 2.0], "city": [1j, 2j]}),
        pl.DataFrame({"a": [1.0, 2.0], "city": ["Rome", "Oslo"]}),
        pl.DataFrame({"a": [1.0, 2.0], "city": pl.Series(["x", "y"], dtype=pl.Categorical)}),
        pa.table({"a": [1.0, 2.0], "city": ["Rome", "Oslo"]}),
        pd.DataFrame({"a": [1.0, 2.0], "city": pd.array([1, None], dtype="Int64")}),
        pl.DataFrame({"a": [1.0, 2.0], "city": [1, None]}),
        pa.table({"a": [1.0, 2.0], "city": [1, None]}),
    ],
)
def test_a_column_that_is_not_numbers_is_named(frame):
    with pytest.raises(ValueError, match="column 'city'"):
        as_design(frame)


def test_repeated_names_are_named():
    frame = pd.DataFrame(np.eye(3), columns=["a", "b", "a"])
    with pytest.raises(ValueError, match="columns of the same name: a"):
        as_design(frame)
