"""A file that is not what it was when it was opened is refused at the next read, by its name."""

from __future__ import annotations

import os
import re
import threading

import numpy as np
import pytest
import scipy.sparse
from conftest import needs_jit
from sklearn.datasets import dump_svmlight_file

import fastreg

pytestmark = needs_jit
pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")


def data(m=400):
    X = np.random.default_rng(0).standard_normal((m, 3))
    return X, X @ [1.0, -2.0, 0.5]


def table(X, y):
    return pd.DataFrame(X, columns=list("abc")).assign(y=y)


def hdf5(path, X, y):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file["X"], file["y"] = X, y


def zarr(path, X, y):
    group = pytest.importorskip("zarr").open_group(str(path), mode="w")
    group["X"], group["y"] = X, y


def sparse_npz(path, X, y):
    matrix = scipy.sparse.csr_array(X)
    parts = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
    np.savez(path, **parts, shape=matrix.shape, format=np.bytes_("csr"), y=y)


WRITERS = {
    "d.npz": lambda path, X, y: np.savez(path, X=X, y=y),
    "s.npz": sparse_npz,
    "d.h5": hdf5,
    "d.zarr": zarr,
    "d.svm": lambda path, X, y: dump_svmlight_file(X, y, str(path)),
    "d.csv": lambda path, X, y: table(X, y).to_csv(path, index=False),
    "d.parquet": lambda path, X, y: table(X, y).to_parquet(path, index=False),
    "d.arrow": lambda path, X, y: table(X, y).to_feather(path, compression="uncompressed"),
    "d.npy": lambda path, X, y: np.save(path, X),
}


def opened(path, y, **options):
    return fastreg.read(path, y if path.suffix == ".npy" else "y", **options)


def rewrite(path, write, change):
    X, y = data(300 if change == "shorter" else 500 if change == "longer" else 400)
    if change == "in place":
        write(path, -X, y)
    else:
        aside = path.with_name("new-" + path.name)
        write(aside, -X, y)
        if path.is_dir():
            path.rename(path.with_name("old-" + path.name))
        os.replace(aside, path)


@pytest.mark.parametrize("memory", [0, 1 << 29])
@pytest.mark.parametrize("change", ["replaced", "shorter", "longer", "in place"])
@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_changed_is_refused(tmp_path, name, change, memory):
    if name == "d.h5" and change == "in place":
        pytest.skip("HDF5 locks what is open")
    path, write, (X, y) = tmp_path / name, WRITERS[name], data()
    write(path, X, y)
    source = opened(path, y, memory=memory)
    expected = fastreg.Ridge(alpha=0.0).fit(source).coef_
    np.testing.assert_allclose(expected, [1.0, -2.0, 0.5], atol=1e-10)
    before = expected.copy()
    rewrite(path, write, change)
    model = fastreg.Ridge(alpha=0.0)
    with pytest.raises(OSError, match=re.escape(name)):
        model.fit(source)
    assert not hasattr(model, "coef_")
    np.testing.assert_allclose(
        -before,
        fastreg.Ridge(alpha=0.0).fit(opened(path, data(len_of(change))[1])).coef_,
        atol=1e-9,
    )


def len_of(change):
    return {"shorter": 300, "longer": 500}.get(change, 400)


def test_a_file_of_a_folder_that_changed_is_refused(tmp_path):
    X, y = data()
    for number in range(3):
        table(X, y).to_parquet(tmp_path / f"{number}.parquet", index=False)
    source = fastreg.read(tmp_path, "y", memory=0)
    table(-X, y).to_parquet(tmp_path / "1.parquet", index=False)
    with pytest.raises(OSError, match=r"1\.parquet .* since it was opened"):
        fastreg.LassoCV(cv=3).fit(source)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path):
    X, y = data()
    table(X, y).to_csv(tmp_path / "d.csv", index=False)
    source = fastreg.read(tmp_path / "d.csv", "y", memory=0)
    blocks = source.read()
    next(blocks)
    with open(tmp_path / "d.csv", "a") as file:
        file.write("1,2,3,4\n")
    with pytest.raises(OSError, match=r"d\.csv grew"):
        list(blocks)


def test_the_target_of_a_file_of_its_own_has_a_mark(tmp_path):
    X, y = data()
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    source = fastreg.read(tmp_path / "X.npy", tmp_path / "y.npy", memory=0)
    np.save(tmp_path / "y.npy", -y)
    with pytest.raises(OSError, match=r"y\.npy was written to"):
        fastreg.Ridge().fit(source)


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="Linux tells what is mapped")
@pytest.mark.parametrize("part", [slice(None), slice(50, 300), slice(None, None, 2)])
def test_a_map_of_a_file_that_was_replaced_is_refused(tmp_path, part):
    X, y = data()
    path = tmp_path / "X  1.npy"  # names with blanks are one name
    np.save(path, X)
    mapped = np.load(path, mmap_mode="r")[part]
    source = fastreg.read(mapped, y[part], memory=0)
    np.testing.assert_allclose(fastreg.Ridge(alpha=0.0).fit(source).coef_, [1.0, -2.0, 0.5])
    replacement = tmp_path / "other.npy"
    np.save(replacement, -X)
    os.replace(replacement, path)
    with pytest.raises(OSError, match=r"X  1\.npy was replaced since it was opened"):
        fastreg.Ridge().fit(source)
    with pytest.raises(OSError, match=r"X  1\.npy was replaced since it was mapped"):
        fastreg.read(mapped, y[part], memory=0)
    in_place = fastreg.Ridge(alpha=0.0).fit(mapped, y[part])  # which reads what was mapped
    np.testing.assert_allclose(in_place.coef_, [1.0, -2.0, 0.5])
    path.unlink()
    with pytest.raises(OSError, match="was removed since it was mapped"):
        fastreg.read(mapped, y[part], memory=0)


def test_a_cache_asks_for_its_file_only_once(tmp_path):
    X, y = data()
    np.save(tmp_path / "X.npy", X)
    source = fastreg.read(tmp_path / "X.npy", y, memory=0, cache=True)
    before = fastreg.Ridge().fit(source).coef_
    (tmp_path / "X.npy").unlink()
    np.testing.assert_array_equal(fastreg.Ridge().fit(source).coef_, before)


def test_nothing_reads_on_after_a_fault(tmp_path):
    X, y = data()
    np.save(tmp_path / "X.npy", X)
    source = fastreg.read(tmp_path / "X.npy", y, memory=0)
    np.save(tmp_path / "X.npy", X[:100])
    with pytest.raises(OSError, match=r"X\.npy"):
        fastreg.Ridge().fit(source)
    assert not [each for each in threading.enumerate() if each.name == "fastreg-reader"]
