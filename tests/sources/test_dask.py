"""dask on threads: the answers of memory, and errors that say what to do."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from conftest import needs_jit

import fastreg

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
pytestmark = needs_jit  # minutes of plain Python without
M, N = 1000, 7


def data():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((M, N)) + 3.0
    return X, X[:, 0] - X[:, 1] + rng.standard_normal(M), rng.random(M)


def chunked(X, y):
    return da.from_array(X, chunks=(150, -1)), da.from_array(y, chunks=150)


def test_arrays():
    X, y, w = data()
    dX, dy = chunked(X, y)
    found = fastreg.LassoCV(cv=4).fit(dX, dy, da.from_array(w, chunks=150))
    expected = fastreg.LassoCV(cv=4).fit(X, y, w)
    np.testing.assert_allclose(found.mse_path_, expected.mse_path_, rtol=1e-9)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-9, atol=1e-12)
    for model in (fastreg.Ridge(), fastreg.RidgeCV(), fastreg.RidgeCV(cv=4)):
        coef = model.fit(dX, y).coef_  # y in memory is cut as X is
        np.testing.assert_allclose(coef, model.fit(X, y).coef_, rtol=1e-9)


def test_several_targets_are_predicted_as_lazily_as_x_is_made():
    X, y, _ = data()
    Y = np.stack([y, -2 * y], axis=1)
    dX = da.from_array(X, chunks=(150, -1))
    model = fastreg.Ridge().fit(dX, da.from_array(Y, chunks=(150, 2)))
    found = model.predict(dX)
    assert isinstance(found, da.Array) and found.shape == (M, 2)
    np.testing.assert_allclose(found.compute(), model.predict(X), rtol=1e-12)


def test_unknown_sizes():
    X, y, _ = data()
    dX, dy = chunked(X, y)
    kept = X[:, 0] > 3.0
    mask = dX[:, 0] > 3.0
    found = fastreg.Ridge().fit(dX[mask], dy[mask])
    np.testing.assert_allclose(found.coef_, fastreg.Ridge().fit(X[kept], y[kept]).coef_, rtol=1e-9)
    assert np.isnan(found.predict(dX[mask]).shape[0])
    with pytest.raises(ValueError, match=r"X has chunks of unknown sizes.*compute_chunk_sizes"):
        fastreg.Ridge().fit(dX[mask], y[kept])
    with pytest.raises(ValueError, match=r"chunk \d, row 0 to .*: X has .* rows .* but y has"):
        fastreg.Ridge().fit(dX[mask], dy[dX[:, 1] > 3.0])


def test_chunks_that_do_not_fit():
    X, y, _ = data()
    dX, dy = chunked(X, y)
    for bad, target, message in [
        (dX.rechunk((150, 3)), dy, r"X is cut into 3 chunks of columns.*X\.rechunk"),
        (dX, dy.rechunk(100), r"y has chunks of 100, .* rows, X of 150, .*y\.rechunk"),
        (dX, dy[:-1], "y has chunks of"),
        (dX, y[:-1], "X has 1000 rows .* but y has 999"),
        (dX[:, 0], dy, "X must have rows and columns"),
    ]:
        with pytest.raises(ValueError, match=message):
            fastreg.Ridge().fit(bad, target)


def test_a_bad_value_is_told_with_its_chunk():
    X, y, _ = data()
    X[512, 2] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN: chunk 3, row 512, column 2"):
        fastreg.Ridge().fit(*chunked(X, y))
    X[512, 2], y[613] = 0.0, np.inf
    with pytest.raises(ValueError, match=r"Input y contains infinity.*: chunk 4, row 613"):
        fastreg.Lasso().fit(*chunked(X, y))


def test_sparse_chunks():
    X, y, _ = data()
    X = np.where(np.abs(X) > 3.5, X, 0.0)
    dX = da.from_array(X, chunks=(150, -1)).map_blocks(scipy.sparse.csr_matrix)
    found = fastreg.Lasso(alpha=0.01).fit(dX, da.from_array(y, chunks=150))
    np.testing.assert_allclose(found.coef_, fastreg.Lasso(alpha=0.01).fit(X, y).coef_, rtol=1e-8)


def test_delayed_blocks():
    X, y, w = data()
    rows = [slice(i, i + 130) for i in range(0, M, 130)]
    blocks = [dask.delayed((X[r], y[r], w[r])) for r in rows]
    found = fastreg.Ridge().fit(blocks)
    np.testing.assert_allclose(found.coef_, fastreg.Ridge().fit(X, y, w).coef_, rtol=1e-9)
    with pytest.raises(ValueError, match="block 1 must be"):
        fastreg.Ridge().fit([blocks[0], dask.delayed(3.0)])


@pytest.fixture
def frames():
    pd = pytest.importorskip("pandas")
    dd = pytest.importorskip("dask.dataframe")
    X, y, _ = data()
    frame = pd.DataFrame(X[:, :3], columns=list("abc"))
    frame["kind"] = np.array(["x", "y", "z"])[np.arange(M) % 3]
    frame["when"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(M), unit="h")
    frame["y"] = y + (np.arange(M) % 3 == 1)
    return frame, dd.from_pandas(frame, npartitions=6)


def test_data_frames(frames):
    frame, chunks = frames
    found = fastreg.Lasso(alpha=0.01).fit(chunks, "y")
    expected = fastreg.Lasso(alpha=0.01).fit(frame, "y")
    assert list(found.feature_names_in_) == list(expected.feature_names_in_)
    assert found.encoding_ == expected.encoding_
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(found.predict(chunks).compute(), expected.predict(frame), rtol=1e-8)
    beside = fastreg.Ridge().fit(chunks[["a", "b"]], chunks["y"])
    np.testing.assert_allclose(
        beside.coef_, fastreg.Ridge().fit(frame[["a", "b"]], frame["y"]).coef_, rtol=1e-9
    )


def test_data_frames_that_cannot_be_read(frames):
    frame, chunks = frames
    frame.loc[500, "a"] = np.nan
    broken = pytest.importorskip("dask.dataframe").from_pandas(frame, npartitions=6)
    with pytest.raises(ValueError, match="Input X contains NaN: partition 2, row 166, 'a'"):
        fastreg.Ridge().fit(broken, "y")
    found = fastreg.Ridge().fit(fastreg.read(broken, "y", missing="drop"))
    assert found.coef_.shape == (3 + 3 + 1 + 12 + 7 + 24,)
    with pytest.raises(ValueError, match="has no column 'z'"):
        fastreg.Ridge().fit(chunks, "z")
    with pytest.raises(ValueError, match="name the column to predict"):
        fastreg.read(chunks)
    with pytest.raises(ValueError, match="cache must be False"):
        fastreg.read(chunks, "y", cache=True)
