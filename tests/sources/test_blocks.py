"""Rows in blocks: the same answers as in memory, whatever they are read from."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import scipy.sparse
from conftest import needs_jit

import fastreg
from fastreg import SufficientStatistics
from fastreg.sources.arrays import Arrays, file_of
from fastreg.sources.cache import Cached
from fastreg.sources.streams import Stream

pytestmark = needs_jit  # minutes of plain Python without
M, N = 900, 6
SMALL = 8 * N * 70  # bytes of a block: 70 rows, so that folds and blocks end at different rows


def data(m=M, n=N, k=None, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n)) * np.geomspace(0.1, 10, n) + rng.standard_normal(n)
    Y = X[:, :2] @ rng.standard_normal((2, k or 1)) + rng.standard_normal((m, k or 1))
    return X, Y if k else Y[:, 0], rng.random(m)


def _npy(X, folder):
    np.save(folder / "X.npy", X)
    return np.load(folder / "X.npy", mmap_mode="r")


def _map_of_a_part(X, folder):
    np.save(folder / "X.npy", np.vstack([np.full((3, N), np.nan), X]))
    return np.load(folder / "X.npy", mmap_mode="r")[3:]


def _hdf5(X, folder):
    file = pytest.importorskip("h5py").File(folder / "X.h5", "w")
    return file.create_dataset("X", data=X)


def _zarr(X, folder):
    zarr = pytest.importorskip("zarr")
    found = zarr.open(str(folder / "X.zarr"), mode="w", shape=X.shape, chunks=(100, N), dtype="f8")
    found[:] = X
    return found


KINDS = {
    "C": lambda X, _: X,
    "F": lambda X, _: np.asfortranarray(X),
    "strided": lambda X, _: np.repeat(X, 2, axis=1)[:, ::2],
    "map": _npy,
    "map of a part": _map_of_a_part,
    "csr": lambda X, _: scipy.sparse.csr_matrix(X),
    "csc": lambda X, _: scipy.sparse.csc_array(X),
    "hdf5": _hdf5,
    "zarr": _zarr,
}


def streamed(X, y, w=None, **options):
    source = Arrays(X, y, w, block_bytes=SMALL, **options)
    source.memory = 0
    return source


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_blocks_give_the_answer_of_memory(kind, weighted, tmp_path):
    X, y, w = data()
    w = w if weighted else None
    source = streamed(KINDS[kind](X, tmp_path), y, w)
    found, expected = fastreg.Ridge(alpha=2.0).fit(source), fastreg.Ridge(alpha=2.0).fit(X, y, w)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-10)
    assert found.certificate_.converged and found.certificate_.passes == 1
    found, expected = fastreg.LassoCV(cv=4).fit(source), fastreg.LassoCV(cv=4).fit(X, y, w)
    np.testing.assert_allclose(found.mse_path_, expected.mse_path_, rtol=1e-9)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.predict(source), expected.predict(X), rtol=1e-10)


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_the_same_bits_for_any_number_of_threads(n_threads):
    X, y, w = data(40_000, 12)
    try:
        fastreg.set_num_threads(n_threads)
        found = fastreg.LassoCV(cv=3).fit(fastreg.read(X, y, weights=w, memory=0))
    finally:
        fastreg.set_num_threads(None)
    expected = fastreg.LassoCV(cv=3).fit(fastreg.read(X, y, weights=w, memory=0))
    assert found.mse_path_.tobytes() == expected.mse_path_.tobytes()
    assert found.coef_.tobytes() == expected.coef_.tobytes()


def test_what_fits_into_memory_is_the_fit_in_memory(tmp_path):
    X, y, w = data()
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    found = fastreg.Lasso(alpha=0.1).fit(str(tmp_path / "X.npy"), tmp_path / "y.npy")
    assert found.coef_.tobytes() == fastreg.Lasso(alpha=0.1).fit(X, y).coef_.tobytes()
    for model in (fastreg.AdaptiveLasso(), fastreg.AdaptiveRidge(), fastreg.RidgeCV()):
        coef = model.fit(fastreg.read(tmp_path / "X.npy", y, weights=w)).coef_.copy()
        assert coef.tobytes() == model.fit(X, y, w).coef_.tobytes()


def test_what_needs_rows_and_has_too_many_says_so():
    X, y, _ = data()
    with pytest.raises(ValueError, match=r"AdaptiveLasso needs all rows in memory.*memory=…"):
        fastreg.AdaptiveLasso().fit(streamed(X, y))
    with pytest.raises(ValueError, match="cv must be a number of folds"):
        fastreg.LassoCV(cv=[([0, 1], [2])]).fit(streamed(X, y))
    with pytest.raises(ValueError, match="y must have one target, array has 2"):
        fastreg.LassoCV().fit(streamed(X, np.stack([y, y], axis=1)))
    with pytest.raises(ValueError, match="X is a source, which has y"):
        fastreg.Ridge().fit(streamed(X, y), y)


def test_several_targets_and_a_column():
    X, Y, w = data(k=3)
    found = fastreg.Ridge(alpha=[1.0, 2.0, 3.0]).fit(streamed(X, Y, w))
    expected = fastreg.Ridge(alpha=[1.0, 2.0, 3.0]).fit(X, Y, w)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-10)
    np.testing.assert_allclose(found.predict(streamed(X, Y)), expected.predict(X), rtol=1e-10)
    column = fastreg.Ridge().fit(streamed(X, Y[:, :1]))
    assert column.coef_.shape == (N,) and column.intercept_.shape == (1,)


# ---------------------------------------------------------------- streams


def blocks_of(X, y, w=None, step=110):
    for start in range(0, len(y), step):
        rows = slice(start, start + step)
        yield (X[rows], y[rows]) if w is None else (X[rows], y[rows], w[rows])


@pytest.mark.parametrize("kind", ["list", "function", "iterator", "class"])
def test_streams(kind):
    X, y, w = data()

    class Blocks:
        def __iter__(self):
            return blocks_of(X, y, w)

    made = {
        "list": list(blocks_of(X, y, w)),
        "function": lambda: blocks_of(X, y, w),
        "iterator": blocks_of(X, y, w),
        "class": Blocks(),
    }[kind]
    given = fastreg.read(made) if kind == "class" else made
    found = fastreg.Ridge(alpha=2.0).fit(given)
    np.testing.assert_allclose(found.coef_, fastreg.Ridge(alpha=2.0).fit(X, y, w).coef_, rtol=1e-10)


def test_an_iterator_is_read_once_only():
    X, y, _ = data()
    source = fastreg.read(blocks_of(X, y))
    fastreg.Ridge().fit(source)
    with pytest.raises(ValueError, match="read once only: give a function"):
        fastreg.Ridge().fit(source)


def test_faulty_blocks_are_named():
    X, y, _ = data(300)
    for bad, message in [
        ([(X, y), (X[:, :3], y)], "block 1, row 0 to 299: 3 features and 1 targets where 6"),
        ([(X, y), (X, y[:9])], "block 1, row 0 to 299: X has 300 rows"),
        ([(X, y), X], "block 1 must be"),
        ([(X, y), (X, np.where(np.arange(300) == 7, np.nan, y))], "y contains NaN: block 1, row 7"),
        ([(X, y), (X, y, -y)], "block 1, row 0 to 299: sample_weight has a negative entry"),
        ([], r"data must be|the stream has no blocks"),
    ]:
        with pytest.raises(ValueError, match=message):
            fastreg.Ridge().fit(fastreg.read(bad))


def test_rows_dealt_out_where_their_number_is_not_known():
    X, y, _ = data()
    found = SufficientStatistics.collect(fastreg.read(lambda: blocks_of(X, y)), cv=4)
    expected = SufficientStatistics(N, n_folds=4).update(X, y, fold=np.arange(M) % 4)
    np.testing.assert_allclose(
        found.cross_validate(alphas=7).mse, expected.cross_validate(alphas=7).mse, rtol=1e-9
    )


# ---------------------------------------------------------------- reading


def test_a_bad_value_is_told_with_its_place(tmp_path):
    X, y, _ = data()
    X[615, 4] = np.inf
    np.save(tmp_path / "X.npy", X)
    source = fastreg.read(tmp_path / "X.npy", y, memory=0)
    with pytest.raises(ValueError, match=r"X contains infinity.*X\.npy, row 615, column 4"):
        fastreg.Ridge().fit(source)
    with pytest.raises(ValueError, match=r"X contains infinity.*X\.npy, row 615, column 4"):
        fastreg.Ridge().fit(fastreg.read(tmp_path / "X.npy", y))
    X[615, 4] = 1e200
    with pytest.raises(ValueError, match="row 560 to 629: squares of X or y leave float64"):
        fastreg.Ridge().fit(streamed(X, y))


def test_a_file_that_is_cut_while_it_is_read_is_told(tmp_path):
    X, y, _ = data()
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    source = streamed(mapped, y)
    with open(tmp_path / "X.npy", "r+b") as file:
        file.truncate(20_000)
    with pytest.raises(OSError, match=r"X maps .*X\.npy, which has 20000 bytes"):
        fastreg.Ridge().fit(source)


def test_a_map_that_was_changed_in_memory_is_read_from_memory(tmp_path):
    X, y, _ = data()
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="c")
    mapped[:] *= 2.0
    assert file_of(mapped) is None
    found = fastreg.Ridge(alpha=0).fit(streamed(mapped, y))
    expected = fastreg.Ridge(alpha=0).fit(2.0 * X, y)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-9)


def test_what_is_the_callers_stays_as_it_is():
    X, y, w = data()
    before = X.copy(), y.copy(), w.copy()
    fastreg.LassoCV(cv=3).fit(streamed(X, y, w))
    fastreg.Ridge().fit(fastreg.read(X, y, weights=w))
    for now, then in zip((X, y, w), before, strict=True):
        assert now.tobytes() == then.tobytes()


def test_the_reader_ends_with_the_read():
    X, y, _ = data()
    X[800] = np.nan
    before = threading.active_count()
    with pytest.raises(ValueError, match="NaN"):
        fastreg.Ridge().fit(streamed(X, y))

    def broken():
        yield X[:100], y[:100]
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError, match="the disk is gone"):
        fastreg.Ridge().fit(fastreg.read(broken))
    assert threading.active_count() == before


def test_progress_is_told(capsys):
    X, y, _ = data()
    fastreg.Ridge().fit(fastreg.read(X, y, memory=0, progress=True))
    assert "900 of 900 rows" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["C", "csr"])
def test_a_cache_reads_once_and_rounds_to_float32(kind, tmp_path):
    X, y, w = data()
    reads = []

    class Counting(Arrays):
        def blocks(self, first=0):
            reads.append(1)
            return super().blocks(first)

    source = Cached(Counting(KINDS[kind](X, tmp_path), y, w, block_bytes=SMALL))
    source.memory = 0
    found = fastreg.RidgeCV().fit(source)
    fastreg.Ridge().fit(source)
    assert len(reads) == 1
    rounded = X.astype(np.float32).astype(np.float64)
    expected = fastreg.RidgeCV().fit(rounded, y, w)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-9)


def test_options_that_mean_nothing_are_refused():
    X, y, _ = data()
    with pytest.raises(ValueError, match="missing needs a table"):
        fastreg.read(X, y, missing="drop")
    with pytest.raises(ValueError, match="blocks are"):
        fastreg.read(lambda: blocks_of(X, y), y)
    with pytest.raises(ValueError, match="data must be an array, a path or blocks"):
        fastreg.read(3.0)
    with pytest.raises(ValueError, match="no such file"):
        fastreg.Ridge().fit("none.npy", y)
    assert Stream([(X, y)]).fingerprint != Stream([(X[:, :2], y)]).fingerprint
