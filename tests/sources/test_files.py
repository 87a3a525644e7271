"""Data files: what is read, and the one line about what cannot be."""

from __future__ import annotations

import io
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse

import fastreg
from fastreg import sources
from fastreg.sources import svmlight

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def _read(path, target=None, weights=None, drop=(), **more):
    source = fastreg.read(path, target, weights=weights, drop=drop, **more)
    X, y, w = source.whole()
    return SimpleNamespace(X=X, y=y, weights=w, names=source.feature_names, source=source.kind)


def _features(path, names, n_features):
    return sources.as_features(path, None, names, n_features).map(lambda X: X)


def _write(path, content):
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content, encoding="utf-8")
    return path


def _one_line(caught, path):
    message = str(caught.value)
    assert str(path) in message
    return message


# ---------------------------------------------------------------- tables


def test_csv(tmp_path):
    path = _write(tmp_path / "d.csv", "b,y,a,w,skip\n1,2.5,true,1,x\n3,4.5,false,2,\n")
    data = _read(path, "y", "w", ["skip"])
    assert data.names == ["b", "a"]
    np.testing.assert_array_equal(data.X, [[1, 1], [3, 0]])
    np.testing.assert_array_equal(data.y, [2.5, 4.5])
    np.testing.assert_array_equal(data.weights, [1, 2])
    assert data.source == "CSV"
    assert data.X.flags.f_contiguous and data.X.dtype == np.float64


def test_csv_with_byte_order_mark_and_unicode(tmp_path):
    path = _write(tmp_path / "d.CSV", b"\xef\xbb\xbf" + "größe,y\n1,2\n2,3\n".encode())
    assert _read(path, "y").names == ["größe"]


def test_parquet(tmp_path):
    table = pa.table(
        {
            "f": pa.array([1.0, 2.0], pa.float32()),
            "i": pa.array([3, 4], pa.int8()),
            "d": pa.array([1, 2], pa.decimal128(10, 2)),
            "y": [0.5, 1.5],
        }
    )
    parquet.write_table(table, tmp_path / "d.parquet")
    data = _read(tmp_path / "d.parquet", "y")
    np.testing.assert_array_equal(data.X, [[1, 3, 1], [2, 4, 2]])
    assert data.source == "Parquet"
    parquet.write_table(table.select(["f", "y"]), tmp_path / "e.pq")
    assert _read(tmp_path / "e.pq", "y").X.dtype == np.float32


def test_the_index_of_pandas_is_no_feature(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1.0, 2.0], "y": [1.0, 3.0]}, index=[7, 9])
    frame.to_parquet(tmp_path / "d.parquet")
    assert _read(tmp_path / "d.parquet", "y").names == ["a"]


CSV_FAULTS = {
    "missing": ("a,b,y\n,1,1\n3,1,2\n", "y", "X contains NaN: .*line 2, 'a'; missing='drop'"),
    "infinite": ("a,y\ninf,1\n3,2\n", "y", "X contains infinity.*line 2, 'a'"),
    "empty column": ("a,b,y\n,1,1\n,2,2\n", "y", "X contains NaN: .*line 2, 'a'"),
    "target text": ("a,y\n1,no\n2,yes\n", "y", "column 'y' holds string; it must be numbers"),
    "target missing": ("a,y\n1,\n2,2\n", "y", "Input y contains NaN.*line 2"),
    "near": ("a,price\n1,1\n", "pric", "no column 'pric'; did you mean 'price'"),
    "case": ("a,Price\n1,1\n", "price", "did you mean 'Price'"),
    "nothing near": ("a,b\n1,1\n", "target", "no column 'target'; there is 'a', 'b'"),
    "semicolons": ("a;y\n1;2\n", "y", "one column, 'a;y': give sep=';'"),
    "no rows": ("a,y\n", "y", "has no rows"),
    "no file": ("", "y", "cannot be read as CSV"),
    "no features": ("y\n1\n2\n", "y", "has no feature column beside 'y'"),
    "repeated": ("a,a,y\n1,2,3\n", "y", "columns of the same name: 'a'"),
    "ragged": ("a,y\n1,2\n3\n", "y", "cannot be read as CSV"),
    "not text": (b"a,y\n\xff\xfe,1\n", "y", "holds|cannot be read"),
    "name is not text": (b"\xff\xfe,y\n1,1\n", "y", "cannot be read"),
    "no target": ("a,y\n1,2\n", None, "name the column to predict"),
}


@pytest.mark.parametrize("name", CSV_FAULTS)
def test_faults_of_a_csv(name, tmp_path):
    content, target, message = CSV_FAULTS[name]
    path = _write(tmp_path / "d.csv", content)
    with pytest.raises(ValueError, match=message) as caught:
        _read(path, target)
    _one_line(caught, path)


def test_weights_and_drop_are_checked(tmp_path):
    path = _write(tmp_path / "d.csv", "a,b,y\n1,2,3\n4,5,6\n")
    with pytest.raises(ValueError, match="no column 'w'"):
        _read(path, "y", "w")
    with pytest.raises(ValueError, match="no columns 'p', 'q'"):
        _read(path, "y", None, ["p", "q"])
    with pytest.raises(ValueError, match="different columns"):
        _read(path, "y", "a", ["a"])


def test_a_broken_parquet_file(tmp_path):
    path = _write(tmp_path / "d.parquet", b"PAR1 and no more")
    with pytest.raises(ValueError, match="cannot be read as Parquet"):
        _read(path, "y")
    parquet.write_table(pa.table({"a": [[1.0], [2.0]], "y": [1.0, 2.0]}), path)
    with pytest.raises(ValueError, match=r"column 'a' holds list<.*>, not numbers"):
        _read(path, "y")


def test_without_pyarrow_the_way_to_get_it_is_told(tmp_path, monkeypatch):
    path = _write(tmp_path / "d.csv", "a,y\n1,2\n")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.csv", None)
    with pytest.raises(ImportError, match=r"pip install 'fastreg\[cli\]'"):
        _read(path, "y")


@pytest.mark.parametrize("name", ["d.xlsx", "d", "d.gz"])
def test_other_suffixes(name, tmp_path):
    path = _write(tmp_path / name, "a,y\n1,2\n")
    with pytest.raises(ValueError, match=r"\.csv, \.tsv, \.parquet"):
        _read(path, "y")


def test_no_file(tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        _read(tmp_path / "d.csv", "y")
    (tmp_path / "f.csv").mkdir()
    with pytest.raises(ValueError, match=r"has no file that ends in \.csv"):
        _read(tmp_path / "f.csv", "y")
    (tmp_path / "f.npz").mkdir()
    with pytest.raises(ValueError, match="is not a file"):
        _read(tmp_path / "f.npz", "y")


# ---------------------------------------------------------------- .npz


def _npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def _sparse_arrays(X):
    stream = io.BytesIO()
    scipy.sparse.save_npz(stream, X)
    stream.seek(0)
    with np.load(stream) as archive:
        return dict(archive)


def test_npz(tmp_path):
    X = np.arange(6.0).reshape(3, 2)
    path = _npz(tmp_path / "d.npz", X=X, y=X[:, :1], price=X[:, 1], w=np.ones(3))
    data = _read(path, None)
    np.testing.assert_array_equal(data.X, X)
    np.testing.assert_array_equal(data.y, X[:, 0])
    assert data.names is None
    data = _read(path, "price", "w")
    np.testing.assert_array_equal(data.y, X[:, 1])
    np.testing.assert_array_equal(data.weights, np.ones(3))


def test_npz_with_names(tmp_path):
    X = np.arange(6.0).reshape(2, 3)
    path = _npz(tmp_path / "d.npz", X=X, y=np.ones(2), feature_names=["a", "b", "c"])
    data = _read(path, None, None, ["b"])
    assert data.names == ["a", "c"]
    np.testing.assert_array_equal(data.X, X[:, [0, 2]])


@pytest.mark.parametrize("kind", ["csr_matrix", "csc_matrix", "coo_matrix", "csr_array"])
def test_sparse_npz(kind, tmp_path):
    dense = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]])
    X = getattr(scipy.sparse, kind)(dense)
    names = ["a", "b", "c"]
    path = _npz(tmp_path / "d.npz", **_sparse_arrays(X), y=np.ones(2), feature_names=names)
    data = _read(path, None)
    assert scipy.sparse.issparse(data.X)
    np.testing.assert_array_equal(data.X.toarray(), dense)
    np.testing.assert_array_equal(_read(path, None, None, ["a"]).X.toarray(), dense[:, 1:])


def _unsound():
    arrays = _sparse_arrays(scipy.sparse.csr_matrix(np.eye(3)))
    return arrays | {"indices": np.array([0, 10**6, -5], np.int32)}


NPZ_FAULTS = {
    "no X": ({"Z": np.eye(2), "y": np.ones(2)}, "neither the key 'X'"),
    "no y": ({"X": np.eye(2), "target": np.ones(2)}, "no key 'y'"),
    "rows": ({"X": np.eye(2), "y": np.ones(3)}, "'y' has shape"),
    "two targets": ({"X": np.eye(2), "y": np.ones((2, 2))}, "'y' has shape"),
    "flat": ({"X": np.ones(2), "y": np.ones(2)}, "its shape is"),
    "empty": ({"X": np.ones((0, 2)), "y": np.ones(0)}, "its shape is"),
    "objects": ({"X": np.array([[{}]], dtype=object), "y": np.ones(1)}, "cannot be read"),
    "names": ({"X": np.eye(2), "y": np.ones(2), "feature_names": ["a"]}, "feature_names"),
    "same": ({"X": np.eye(2), "y": np.ones(2), "feature_names": ["a", "a"]}, "feature_names"),
    "number names": ({"X": np.eye(2), "y": np.ones(2), "feature_names": [1, 2]}, "feature_names"),
    "bsr": (_sparse_arrays(scipy.sparse.bsr_matrix(np.eye(2))) | {"y": np.ones(2)}, "bsr"),
    "format": (
        {"data": np.ones(1), "shape": np.array([1, 1]), "format": np.array("zip")},
        "format is 'zip'",
    ),
    "format list": (
        {"data": np.ones(1), "shape": np.array([1, 1]), "format": np.ones(3)},
        "sparse matrix",
    ),
    "no indices": (
        {"data": np.ones(1), "shape": np.array([1, 1]), "format": np.array("csr")},
        "sparse matrix",
    ),
}


@pytest.mark.parametrize("name", NPZ_FAULTS)
def test_faults_of_an_npz(name, tmp_path):
    arrays, message = NPZ_FAULTS[name]
    path = _npz(tmp_path / "d.npz", **arrays)
    with pytest.raises(ValueError, match=message) as caught:
        _read(path, None)
    _one_line(caught, path)


def test_unsound_indices_are_refused_before_they_are_followed(tmp_path):
    names = ["a", "b", "c"]
    path = _npz(tmp_path / "d.npz", **_unsound(), y=np.ones(3), feature_names=names)
    with pytest.raises(ValueError, match="index"):
        _read(path, None, None, ["a"])


@pytest.mark.parametrize("content", [b"", b"PK\3\4 broken", pickle.dumps([1])])
def test_a_broken_npz(content, tmp_path):
    path = _write(tmp_path / "d.npz", content)
    with pytest.raises(ValueError, match=r"cannot be read as a \.npz archive"):
        _read(path, None)


def test_drop_needs_names(tmp_path):
    path = _npz(tmp_path / "d.npz", X=np.eye(2), y=np.ones(2))
    with pytest.raises(ValueError, match="feature_names"):
        _read(path, None, None, ["a"])
    path = _npz(tmp_path / "d.npz", X=np.eye(2), y=np.ones(2), feature_names=["a", "b"])
    with pytest.raises(ValueError, match="no feature 'c'"):
        _read(path, None, None, ["c"])
    with pytest.raises(ValueError, match="no feature beside"):
        _read(path, None, None, ["a", "b"])


# ---------------------------------------------------------------- svmlight


@pytest.mark.parametrize("suffix", svmlight.SUFFIXES)
def test_svmlight(suffix, tmp_path):
    path = _write(tmp_path / f"d{suffix}", "1.5 1:2 3:4\n-1 2:0.5 # note\n")
    data = _read(path, "ignored")
    np.testing.assert_array_equal(data.X.toarray(), [[2, 0, 4], [0, 0.5, 0]])
    np.testing.assert_array_equal(data.y, [1.5, -1])
    assert data.names == ["1", "2", "3"]


def test_svmlight_that_counts_from_0(tmp_path):
    data = _read(_write(tmp_path / "d.svm", "1 0:2 2:4\n0 1:1\n"), None)
    assert data.names == ["0", "1", "2"]
    assert data.X.shape == (2, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "cannot be read as svmlight"),
        ("1 1:x\n", "cannot be read as svmlight"),
        ("1 2:1 1:1\n", "cannot be read as svmlight"),
        ("", "has no"),
        ("1\n2\n", "has no features"),
        ("1 900000000:1\n", "names feature 900000000"),
        ("1 99999999999999999999:1\n", "svmlight"),
        (b"\0\xff\0", "cannot be read as svmlight"),
    ],
)
def test_faults_of_an_svmlight_file(content, message, tmp_path):
    path = _write(tmp_path / "d.svm", content)
    with pytest.raises(ValueError, match=message) as caught:
        _read(path, None)
    _one_line(caught, path)


def test_svmlight_has_no_columns_to_name(tmp_path):
    path = _write(tmp_path / "d.svm", "1 1:2\n")
    with pytest.raises(ValueError, match="weights and drop need a file with named columns"):
        _read(path, None, "w")


# ---------------------------------------------------------------- files to predict


def test_columns_are_matched_by_name(tmp_path):
    path = _write(tmp_path / "d.csv", "text,b,a\nx,2,1\nz,4,3\n")
    np.testing.assert_array_equal(_features(path, ["a", "b"], 2), [[1, 2], [3, 4]])
    with pytest.raises(ValueError, match="no column 'aa'; did you mean 'a'"):
        _features(path, ["aa", "b"], 2)
    with pytest.raises(ValueError, match="'text' holds string; it must be numbers"):
        _features(path, ["text", "b"], 2)
    with pytest.raises(ValueError, match="no feature names"):
        _features(path, None, 2)


def test_npz_by_name_or_by_position(tmp_path):
    X = np.array([[1.0, 2.0]])
    path = _npz(tmp_path / "d.npz", X=X, feature_names=["b", "a"])
    np.testing.assert_array_equal(_features(path, ["a", "b"], 2), X[:, ::-1])
    np.testing.assert_array_equal(_features(path, None, 2), X)
    path = _npz(tmp_path / "e.npz", X=X)
    np.testing.assert_array_equal(_features(path, ["a", "b"], 2), X)
    model = fastreg.Ridge().fit(np.eye(3), np.ones(3))
    with pytest.raises(ValueError, match="X has 2 features, but Ridge is expecting 3"):
        model.predict(path)


def test_svmlight_keeps_its_numbering(tmp_path):
    # Nothing is stored under 0 here, yet the model counts from 0: nothing may shift.
    path = _write(tmp_path / "d.svm", "1 1:5\n1 7:9\n")
    X = _features(path, ["0", "1", "2"], 3)
    np.testing.assert_array_equal(X.toarray(), [[0, 5, 0], [0, 0, 0]])
    X = _features(path, ["1", "2"], 2)
    np.testing.assert_array_equal(X.toarray(), [[5, 0], [0, 0]])
    X = _features(path, None, 8)
    assert X.shape == (2, 8) and X[0, 0] == 5
    with pytest.raises(ValueError, match="not fitted to an svmlight file"):
        _features(path, ["a", "b"], 2)
    with pytest.raises(ValueError, match="count from 1"):
        _features(_write(tmp_path / "e.svm", "1 0:5\n"), ["1", "2"], 2)
