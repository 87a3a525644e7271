"""Input that is not sound: a ValueError that says what and where, never a wrong answer."""

from __future__ import annotations

import json

import numpy as np
import pytest
import scipy.sparse
from conftest import needs_jit

import fastreg

pytestmark = needs_jit
pd = pytest.importorskip("pandas")
pa = pytest.importorskip("pyarrow")
M = 60


def data():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((M, 4))
    return X, X[:, 0] + 0.1 * rng.standard_normal(M)


@pytest.mark.parametrize("form", ["csr", "csc"])
@pytest.mark.parametrize("array", ["indices", "indptr"])
def test_unsound_sparse_matrices_are_refused_before_they_are_followed(form, array):
    X, y = data()
    matrix = getattr(scipy.sparse, f"{form}_matrix")(X)
    getattr(matrix, array)[3] = 10**7
    with pytest.raises(ValueError, match="not a sound"):
        fastreg.read(matrix, y, memory=0)


def test_a_column_of_another_kind_is_refused():
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "c": list("aba"), "y": [1.0, 2.0, 4.0]})
    model = fastreg.Ridge().fit(frame, "y")
    for wrong in (pd.to_datetime(["2020-01-01"]), ["one"]):
        with pytest.raises(ValueError, match=r"column 'x' holds .*, where the fit had a number"):
            model.predict(pd.DataFrame({"c": ["a"], "x": wrong}))
    dated = pd.DataFrame({"d": pd.date_range("2020-01-01", periods=9), "y": np.arange(9.0)})
    model = fastreg.Ridge().fit(dated, "y")
    with pytest.raises(ValueError, match=r"column 'd' holds .*, where the fit had a date"):
        model.predict(pd.DataFrame({"d": [1.0]}))
    texts = pd.DataFrame({"d": ["2020-01-02"]})
    with pytest.raises(
        ValueError, match=r"'2020-01-02' \(row 0\) that looks like dates: date_format"
    ):
        model.predict(texts)
    again = fastreg.read(texts, encoding=model.encoding_, date_format={"d": "ISO8601"})
    np.testing.assert_array_equal(model.predict(again), model.predict(dated[1:2]))


def test_other_names_are_no_silent_answer():
    frame = pd.DataFrame(data()[0], columns=list("abcd")).assign(y=data()[1])
    turned = frame[["b", "a", "c", "d", "y"]]
    model = fastreg.Ridge().fit(frame, "y")
    with pytest.raises(ValueError, match="the features of X are 'b', 'a'"):
        model.predict(fastreg.read(turned, "y"))
    np.testing.assert_allclose(model.predict(turned), model.predict(frame), rtol=1e-12)
    online = fastreg.Ridge().partial_fit(fastreg.read(frame, "y"))
    with pytest.raises(ValueError, match="statistics of other features"):
        online.partial_fit(fastreg.read(turned, "y"))
    blocks = [(f[list(f.columns[:4])], f["y"]) for f in (frame, turned)]
    with pytest.raises(ValueError, match="block 1 has the columns 'b', 'a'"):
        fastreg.Ridge().fit(fastreg.read(blocks))
    clash = pd.DataFrame({"c=x": [1.0, 2.0], "c": ["x", "z"], "y": [0.0, 1.0]})
    with pytest.raises(ValueError, match="columns of the same name: 'c=x'"):
        fastreg.read(clash, "y")


def test_a_small_wide_dask_array_keeps_rows_with_their_targets():
    da = pytest.importorskip("dask.array")
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 200)), np.arange(40.0)
    found, target, _ = fastreg.read(da.from_array(X, chunks=(4, -1)), y).whole()
    np.testing.assert_array_equal(found, X)
    np.testing.assert_array_equal(target, y)


def test_a_prediction_of_later_is_of_the_fit_of_now():
    da = pytest.importorskip("dask.array")
    X, y = data()
    model = fastreg.Ridge().fit(X, y)
    expected = model.predict(X)
    later = model.predict(da.from_array(X, chunks=(20, -1)))
    model.fit(X, -y)
    np.testing.assert_allclose(later.compute(), expected, rtol=1e-12)


def test_a_generator_may_fill_one_array_again_and_again():
    X, y = data()

    def blocks():
        buffer = np.empty((10, 4))
        for start in range(0, M, 10):
            buffer[:] = X[start : start + 10]
            yield buffer, y[start : start + 10]

    found = fastreg.Ridge().fit(fastreg.read(blocks))
    np.testing.assert_allclose(found.coef_, fastreg.Ridge().fit(X, y).coef_, rtol=1e-10)


def test_blocks_without_rows_and_weights_of_another_length():
    X, y = data()
    some = [(X[:20], y[:20]), (X[:0], y[:0]), (X[20:], y[20:])]
    found = fastreg.Ridge().fit(fastreg.read(some))
    np.testing.assert_allclose(found.coef_, fastreg.Ridge().fit(X, y).coef_, rtol=1e-10)
    with pytest.raises(ValueError, match=r"block 0.*sample_weight has 7"):
        fastreg.Ridge().fit(fastreg.read([(X, y, np.zeros(7)), (X, y)]))


def test_nulls_among_large_whole_numbers_and_nanoseconds():
    dates = pd.to_datetime(["2024-01-01", None, "2024-03-04"]).astype("datetime64[ns]")
    source = fastreg.read(pd.DataFrame({"d": dates, "y": [1.0, 2.0, 3.0]}), "y", missing="drop")
    assert source.whole()[0].shape[0] == 2
    table = pa.table({"i": [2**60, None, 3], "y": [1.0, 2.0, 3.0]})
    assert fastreg.read(table, "y", missing="indicator").n_features == 2


def test_a_constant_column_of_a_sparse_source_gets_zero():
    X, y = data()
    ones = scipy.sparse.csr_matrix(np.column_stack([np.ones(M), X]))
    found = fastreg.Ridge().fit(fastreg.read(ones, y, memory=0))
    np.testing.assert_allclose(found.coef_[1:], fastreg.Ridge().fit(X, y).coef_, rtol=1e-9)
    assert found.coef_[0] == 0.0


def test_a_word_for_what_is_missing_is_missing(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("c,y\n(missing),1\n,2\nb,3\n")
    source = fastreg.read(path, "y", missing="indicator")
    assert source.feature_names == ["c=b", "c=(missing)"]
    np.testing.assert_array_equal(source.whole()[0], [[0, 1], [0, 1], [1, 0]])
    with pytest.raises(ValueError, match="line 3, 'c': the value is missing"):
        fastreg.read(path, "y").whole()


def test_codes_of_a_csv_keep_their_zeros(tmp_path):
    path = tmp_path / "z.csv"
    path.write_text("zip,y\n01,1\n02,2\n10,4\n")
    model = fastreg.Ridge().fit(fastreg.read(path, "y", categories=["zip"]))
    assert list(model.feature_names_in_) == ["zip=01", "zip=02", "zip=10"]
    assert model.predict(path).shape == (3,)
    levels = {"a": [1.0, 2.0]}
    frame = pd.DataFrame({"a": [1.0, 2.0, 1.0], "y": [0.0, 1.0, 0.0]})
    assert fastreg.read(frame, "y", categories=levels).n_features == 2


def test_fractions_in_a_later_file(tmp_path):
    for name, values in (("1", [1, 2]), ("2", [1.5, 2.5])):
        frame = pd.DataFrame({"b": values, "y": [0.0, 1.0]})
        frame.to_parquet(tmp_path / f"{name}.parquet", index=False)
    np.testing.assert_array_equal(
        fastreg.read(tmp_path, "y").whole()[0].ravel(), [1.0, 2.0, 1.5, 2.5]
    )
    files = sorted(str(path) for path in tmp_path.iterdir())
    assert fastreg.Ridge().fit(files, "y").coef_.shape == (1,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit": float("nan")}, "NaN is no JSON"),
        ({"unit": 0.0}, "out of range"),
        ({"origin": float("inf")}, "Infinity is no JSON"),
        ({"origin": 1e400}, "Infinity is no JSON"),
        ({"unit": -1.0}, "out of range"),
        ({"fill": True}, "is no number"),
    ],
)
def test_a_changed_encoding_is_refused(change, message, tmp_path):
    frame = pd.DataFrame({"a": [1.0, np.nan, 3.0], "y": [1.0, 2.0, 3.0]})
    model = fastreg.Ridge().fit(fastreg.read(frame, "y", missing="indicator"))
    path = tmp_path / "m.json"
    fastreg.save_model(model, path)
    state = json.loads(path.read_text())
    state["attributes"]["encoding_"]["Encoding"]["columns"][0] |= change
    path.write_text(json.dumps(state))
    with pytest.raises(ValueError, match=message):
        fastreg.load_model(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory": None}, "memory must be"),
        ({"memory": -1}, "memory must be"),
        ({"drop": 3}, "drop must be names"),
        ({"categories": 3}, "categories must be names"),
        ({"weights": np.ones(3)}, "sample_weight of a table must be the name"),
        ({"encoding": {}}, "encoding must be the encoding_ of a model"),
    ],
)
def test_options_are_named(options, message):
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.0]})
    with pytest.raises(ValueError, match=message):
        fastreg.read(frame, "y", **options)
    encoding = fastreg.read(frame, "y").encoding
    with pytest.raises(ValueError, match="standardize is decided by the encoding"):
        fastreg.read(frame, "y", encoding=encoding, standardize=True)


def test_calls_that_make_no_sense():
    X, y = data()
    dask = pytest.importorskip("dask")
    source = fastreg.read(X, y, memory=0)
    for call, message in [
        (lambda: fastreg.SufficientStatistics.collect(X), "what fastreg.read returns"),
        (lambda: fastreg.SufficientStatistics.collect(source, every=None), "every must be"),
        (lambda: fastreg.SufficientStatistics.collect(source, checkpoint=5), "checkpoint must be"),
        (lambda: fastreg.SufficientStatistics.collect(source, cv=61), "cv must be from 2 to 60"),
        (lambda: fastreg.RidgeCV(cv=60).fit(source), "R² needs two rows in every fold"),
        (lambda: fastreg.read(lambda: None), "a stream must give blocks"),
        (lambda: fastreg.Ridge().fit(dask.delayed((X, y))), "a dask array, data frame or"),
        (lambda: fastreg.Ridge().fit([dask.delayed((X, None))]), "block 0: fit requires y"),
        (lambda: fastreg.path(source, y), r"SufficientStatistics\.collect"),
        (lambda: fastreg.read(X + 1j, y), "holds complex128, not real numbers"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    weights = np.repeat([1.0, 0.0], [30, 30])
    with pytest.raises(ValueError, match="cv=4 needs as many folds with rows of positive weight"):
        fastreg.LassoCV(cv=4).fit(fastreg.read(X, y, weights=weights, memory=0))
    streamed = fastreg.Ridge(positive=True).partial_fit(X, -y)
    np.testing.assert_allclose(
        streamed.coef_, fastreg.Ridge(positive=True).fit(X, -y).coef_, atol=1e-9
    )


def test_changed_weights_are_another_checkpoint(tmp_path):
    X, y = data()
    path = tmp_path / "sums.npz"
    collect = fastreg.SufficientStatistics.collect
    collect(fastreg.read(X, y, weights=np.ones(M)), checkpoint=path)
    with pytest.raises(ValueError, match="a checkpoint of other data"):
        collect(fastreg.read(X, y, weights=np.full(M, 2.0)), checkpoint=path)
    frame = pd.DataFrame({"a": X[:, 0], "y": y})
    path.unlink()
    collect(fastreg.read(frame, "y"), checkpoint=path)
    with pytest.raises(ValueError, match="a checkpoint of other data"):
        collect(fastreg.read(3 * frame, "y"), checkpoint=path)


def test_a_csv_is_not_taken_to_be_smaller_than_it_becomes(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("c,y\n" + "".join(f"{chr(97 + i % 6)},1\n" for i in range(2600)))
    source = fastreg.read(path, "y")
    assert source.size >= source.whole()[0].nbytes == 2600 * 6 * 8


def test_a_time_zone_that_nobody_knows_is_told_with_its_column():
    when = pa.array([0, 1], pa.timestamp("us", "Mars/Olympus"))
    with pytest.raises(ValueError, match=r"row 0 or later, 'd': .*Mars"):
        fastreg.read(pa.table({"d": when, "y": [1.0, 2.0]}), "y").whole()
