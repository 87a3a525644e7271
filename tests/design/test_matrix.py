"""The validator: what it lets in unchanged, what it converts, what it refuses."""

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import STORAGES, matrix

import fastreg
from fastreg.design import as_design, storages, transposed


def shares(X, design):
    """Whether the kernels read the caller's own memory."""
    source = X.data if sp.issparse(X) else X
    held = design.storage.data if sp.issparse(X) else design.storage.values
    return np.shares_memory(source, held)


@pytest.mark.parametrize("name", sorted(set(STORAGES) - {"coo"}))
def test_no_storage_is_copied_or_changed(name):
    X = STORAGES[name](matrix())
    writeable = [getattr(X, part).flags.writeable for part in ("data", "indices") if sp.issparse(X)]
    design = as_design(X)
    assert shares(X, design)
    if sp.issparse(X):
        assert [X.data.flags.writeable, X.indices.flags.writeable] == writeable
        np.testing.assert_array_equal(X.toarray(), matrix())
    else:
        np.testing.assert_array_equal(X, matrix())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("C", storages.DenseRows),
        ("strided", storages.DenseRows),
        ("negative", storages.DenseRows),
        ("F", storages.DenseColumns),
        ("strided-F", storages.DenseColumns),
        ("csr-int64", storages.CSR),
        ("csc", storages.CSC),
        ("coo", storages.CSR),
    ],
)
def test_the_storage_follows_the_layout(name, kind):
    assert type(as_design(STORAGES[name](matrix())).storage) is kind


@pytest.mark.parametrize(
    "dtype",
    [np.float16, np.longdouble, np.int8, np.int64, np.uint16, bool, ">f8", ">f4", "<i4", object],
)
def test_other_real_types_become_float64(dtype):
    A = np.round(matrix())
    held = as_design(A.astype(dtype)).storage.values
    assert held.dtype == np.float64 and held.dtype.isnative
    np.testing.assert_array_equal(held, A.astype(dtype).astype(float))


@pytest.mark.parametrize("make", [sp.csr_matrix, sp.csc_array])
def test_integer_sparse_values_become_float64(make):
    X = make(np.round(matrix()).astype(int))
    assert as_design(X).storage.data.dtype == np.float64


def test_a_memory_map_is_read_in_place(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, matrix())
    X = np.load(path, mmap_mode="r")
    assert shares(X, as_design(X)) and shares(X[2:9], as_design(X[2:9]))


def test_a_truncated_memory_map_is_an_error_not_a_crash(tmp_path):
    path = tmp_path / "x.dat"
    for dtype in (np.float64, np.int16):  # read in place, and converted
        matrix(5000, 6).astype(dtype).tofile(path)
        X = np.memmap(path, dtype, mode="r", shape=(5000, 6))[10:]
        as_design(X)
        with open(path, "r+b") as stream:
            stream.truncate(4096)
        with pytest.raises(OSError, match=r"X maps .* has 4096 bytes where .* are needed"):
            as_design(X)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (1.0, "Expected 2D array, got 0D"),
        ([1.0, 2.0], "Expected 2D array, got 1D array"),
        (np.ones((2, 2, 2)), "Expected 2D array, got 3D"),
        (np.empty((0, 3)), r"0 sample\(s\)"),
        (np.empty((3, 0)), r"0 feature\(s\)"),
        ([[1.0, 2.0], [3.0]], "X is not a rectangular array"),
        (np.ones((2, 2), complex), "Complex data not supported: X"),
        (np.zeros((2, 2), "datetime64[D]"), "X has dtype datetime64"),
        (np.zeros((2, 2), "timedelta64[D]"), "X has dtype timedelta64"),
        (np.zeros(2, [("a", float), ("b", float)]), "X has dtype"),
        (np.ma.masked_array(np.ones((2, 2)), [[0, 1], [0, 0]]), "X is a masked array"),
        (np.array([["1", "2"], ["3", "4"]]), "X has dtype <U1"),
        (np.array([["1", 2.0], [3, 4]], object), "X holds text"),
        (sp.csr_array((0, 3)), r"0 sample\(s\)"),
        (sp.csr_array(np.eye(2, dtype=complex)), "Complex data not supported: X"),
    ],
)
def test_unfit_input_is_refused_by_name(X, message):
    with pytest.raises(ValueError, match=message):
        as_design(X)


def _broken(make, **parts):
    X = make(sp.csr_array(matrix()) if make is sp.csr_array else sp.csc_array(matrix()))
    for name, change in parts.items():
        array = getattr(X, name).copy()
        change(array)
        setattr(X, name, array)
    return X


def _set(index, value):
    def change(array):
        array[index] = value

    return change


@pytest.mark.parametrize("make", [sp.csr_array, sp.csc_array])
@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"indices": _set(3, 10_000)}, "an index is negative or too large"),
        ({"indices": _set(0, -1)}, "an index is negative or too large"),
        ({"indices": _set(-1, 2**31 - 1)}, "an index is negative or too large"),
        ({"indptr": _set(2, 10_000)}, "indptr decreases"),
        ({"indptr": _set(-1, 10_000)}, "indptr ends beyond"),
        ({"indptr": _set(0, 1)}, "indptr does not start at 0"),
        ({"indptr": _set(0, -5)}, "indptr does not start at 0"),
    ],
)
def test_a_hostile_sparse_structure_is_refused(make, parts, message):
    with pytest.raises(ValueError, match=message):
        as_design(_broken(make, **parts))


def test_hostile_lengths_are_refused():
    X = sp.csr_array(matrix())
    X.indptr = X.indptr[:-3]
    with pytest.raises(ValueError, match="indptr has 35 entries where 38 are needed"):
        as_design(X)
    X = sp.csr_array(matrix())
    X.data = X.data[:-1]
    with pytest.raises(ValueError, match=r"indices .* and data"):
        as_design(X)


@pytest.mark.parametrize("name", ["C", "F", "csr", "csc"])
def test_blocks_cover_the_matrix(name, monkeypatch):
    monkeypatch.setattr("fastreg.design.matrix._BLOCK_BYTES", 256)
    A = matrix()
    rebuilt = np.zeros_like(A)
    for rows, columns, block in as_design(STORAGES[name](A)).blocks():
        rebuilt[rows, columns] += block.toarray() if sp.issparse(block) else block
    np.testing.assert_array_equal(rebuilt, A)


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csc_matrix])
def test_windows_take_indices_of_two_widths(kind, rng):
    """scipy makes such matrices, and its own loops refuse them."""
    plain = kind(sp.random(50, 40, 0.3, random_state=0))
    mixed = kind(plain.shape)
    mixed.data, mixed.indices = plain.data, plain.indices.astype(np.int32)
    mixed.indptr = plain.indptr.astype(np.int64)
    keep = rng.random(50) < 0.5
    for _, _, block in as_design(mixed).blocks():
        thinned = block.multiply(np.ones((block.shape[0], 1)))
        assert (transposed(block) @ np.ones(block.shape[0])).shape == (block.shape[1],)
        np.testing.assert_array_equal(thinned.toarray(), block.toarray())
    y = rng.standard_normal(50)
    found = fastreg.Ridge().fit(mixed, y, keep.astype(float))
    expected = fastreg.Ridge().fit(plain.toarray(), y, keep.astype(float))
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-6, atol=1e-9)
