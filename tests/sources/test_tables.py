"""Texts, dates and what is missing: features that are fixed by the first read."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from conftest import needs_jit

import fastreg
from fastreg.sources.columns import Options
from fastreg.sources.encoding import Encoding
from fastreg.sources.tables import Table

pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")
pq = pytest.importorskip("pyarrow.parquet")
feather = pytest.importorskip("pyarrow.feather")
pytestmark = needs_jit  # minutes of plain Python without
M = 500


def frame(m=M, seed=0):
    rng = np.random.default_rng(seed)
    out = pd.DataFrame(
        {
            "dist": rng.standard_normal(m) + 10.0,
            "stops": rng.integers(0, 4, m),
            "carrier": rng.choice(["AA", "DL", "UA"], m),
            "tail": rng.choice([f"N{i:03d}" for i in range(200)], m),
            "when": pd.Timestamp("2013-01-01") + pd.to_timedelta(rng.integers(0, 9000, m), "h"),
            "year": 2013,
        }
    )
    late = (out.carrier == "UA") * 5.0 + out.when.dt.hour * 0.1 + rng.standard_normal(m)
    return out.assign(delay=out.dist + late)


def written(data, folder, kind):
    path = folder / f"d.{kind}"
    if kind == "csv":
        data.to_csv(path, index=False)
    elif kind == "parquet":
        data.to_parquet(path, row_group_size=120)
    elif kind == "feather":
        feather.write_feather(pa.Table.from_pandas(data, preserve_index=False), path, chunksize=90)
    return path


def table(data, target="delay", rows=70, **options):
    width = Table(data, target, options=Options(**options))._reading.row_bytes
    source = Table(data, target, options=Options(**options), block_bytes=rows * width)
    source.memory = 0
    return source


def expected_X(data, names):
    """The features by pandas alone."""
    columns = []
    for name in names:
        column, _, level = name.partition("=")
        if not level:
            if name.endswith(" days"):
                days = (data["when"] - pd.Timestamp("2013-01-01")) / pd.Timedelta(days=1)
                columns.append(days - np.floor(days.min()))
            else:
                columns.append(data[name])
        elif " " in column:
            column, part = column.split()
            when = data[column].dt
            month, weekday = when.strftime("%b"), when.strftime("%a")
            value = {"month": month, "weekday": weekday, "hour": when.hour.astype(str)}[part]
            columns.append((value == level).astype(float))
        else:
            columns.append((data[column] == level).astype(float))
    return np.column_stack(columns).astype(float)


@pytest.mark.parametrize("kind", ["csv", "parquet", "feather", "frame"])
def test_columns_become_the_features_that_their_names_say(kind, tmp_path):
    data = frame().drop(columns="tail")
    source = fastreg.read(data if kind == "frame" else written(data, tmp_path, kind), "delay")
    X, y, _ = source.whole()
    np.testing.assert_allclose(X, expected_X(data, source.feature_names), rtol=1e-12)
    np.testing.assert_array_equal(y, data["delay"])
    assert source.n_features == 3 + 3 + 1 + 12 + 7 + 24 and not source.is_sparse


@pytest.mark.parametrize("kind", ["csv", "parquet", "feather", "frame"])
def test_many_levels_are_stored_sparse_and_fitted_in_blocks(kind, tmp_path):
    data = frame()
    source = table(data if kind == "frame" else written(data, tmp_path, kind))
    assert source.is_sparse and not source.fits
    found = fastreg.Lasso(alpha=0.01, tol=1e-8).fit(source)
    X = expected_X(data.assign(year=0.0), source.feature_names)  # the mean is taken out
    expected = fastreg.Lasso(alpha=0.01, tol=1e-8).fit(X, data["delay"])
    np.testing.assert_allclose(found.coef_, expected.coef_, atol=1e-6)
    by_name = dict(zip(found.feature_names_in_, found.coef_, strict=True))
    assert by_name["carrier=UA"] > 3.0 and by_name["year"] == 0.0
    path = written(data, tmp_path, "parquet")
    np.testing.assert_allclose(found.predict(path), found.predict(data), rtol=1e-12)
    np.testing.assert_allclose(found.predict(data), expected.predict(X), rtol=1e-5)


def test_other_rows_are_read_as_those_of_the_fit(tmp_path):
    data = frame()
    model = fastreg.Ridge().fit(data, "delay")
    some = data[data.carrier != "UA"].iloc[:50]
    np.testing.assert_allclose(model.predict(some), model.predict(data)[some.index], rtol=1e-9)
    strange = some.assign(carrier="ZZ")
    with pytest.raises(ValueError, match="row 0, 'carrier': 'ZZ' is none of its levels; read it"):
        model.predict(strange)
    ignoring = fastreg.read(strange, encoding=model.encoding_, unknown="ignore", target="delay")
    names = list(model.feature_names_in_)
    X, _, _ = ignoring.whole()
    assert X[:, [names.index(f"carrier={c}") for c in ("AA", "DL", "UA")]].sum() == 0
    lost = some.assign(dist=np.nan)
    with pytest.raises(ValueError, match="contains NaN: the frame, row 0, 'dist'; fill it, or fit"):
        model.predict(lost)


@pytest.mark.parametrize("missing", ["drop", "indicator"])
@pytest.mark.parametrize("kind", ["csv", "parquet", "frame"])
def test_what_is_missing(missing, kind, tmp_path):
    data = frame()
    data.loc[::7, "dist"] = np.nan
    data.loc[1::50, "carrier"] = None
    data.loc[2::60, "when"] = pd.NaT
    data.loc[3::90, "delay"] = np.nan
    given = data if kind == "frame" else written(data, tmp_path, kind)
    source = fastreg.read(given, "delay", missing=missing)
    X, y, _ = source.whole()
    names = source.feature_names
    kept = data.dropna() if missing == "drop" else data.dropna(subset="delay")
    assert X.shape == (len(kept), len(names))
    np.testing.assert_array_equal(y, kept["delay"])
    if missing == "drop":
        assert not any("missing" in name for name in names)
        return
    column = {name: np.asarray(X[:, [j]].todense()).ravel() for j, name in enumerate(names)}
    lost = kept["dist"].isna().to_numpy()
    np.testing.assert_array_equal(column["dist (missing)"], lost)
    np.testing.assert_allclose(column["dist"][lost], data["dist"].mean(), rtol=1e-12)
    np.testing.assert_array_equal(column["carrier=(missing)"], kept["carrier"].isna())
    np.testing.assert_array_equal(column["when (missing)"], kept["when"].isna())
    months = [name for name in names if name.startswith("when month")]
    whole = sum(column[name] for name in months)
    np.testing.assert_array_equal(whole, kept["when"].notna())


def test_a_missing_value_is_told_with_its_place(tmp_path):
    for column, value, message in [
        ("dist", np.nan, "Input X contains NaN: .*row 431, 'dist'; missing='drop'"),
        ("carrier", None, "row 431, 'carrier': the value is missing .*missing='drop'"),
        ("when", pd.NaT, "row 431, 'when': the value is missing"),
        ("delay", np.nan, "Input y contains NaN: .*row 431"),
    ]:
        data = frame()
        data.loc[431, column] = value
        path = written(data, tmp_path, "parquet")
        for source in (table(path), fastreg.read(path, "delay")):
            with pytest.raises(ValueError, match=message):
                fastreg.Ridge().fit(source)


def test_categories_are_what_the_caller_says():
    data = frame().drop(columns=["tail", "when"])
    source = fastreg.read(data, "delay", categories=["stops"])
    assert [name for name in source.feature_names if "stops" in name] == [
        f"stops={i}" for i in range(4)
    ]
    given = {"carrier": ["UA", "AA", "DL", "WN"]}
    source = fastreg.read(data, "delay", categories=given)
    assert "carrier=WN" in source.feature_names
    with pytest.raises(ValueError, match="has no feature column 'carier'; did you mean 'carrier'"):
        fastreg.read(data, "delay", categories=["carier"])
    with pytest.raises(ValueError, match="categories of 'carrier' holds a level twice"):
        fastreg.read(data, "delay", categories={"carrier": ["AA", "AA"]})
    with pytest.raises(ValueError, match="'DL' is none of its levels"):
        fastreg.read(data, "delay", categories={"carrier": ["AA", "UA"]}).whole()


def test_a_key_is_no_category(tmp_path):
    data = pd.DataFrame({"id": [f"k{i}" for i in range(10_050)], "y": np.arange(10_050.0)})
    with pytest.raises(ValueError, match="column 'id' has more than 10000 different values"):
        fastreg.read(data, "y")


@pytest.mark.parametrize(("name", "value"), [("missing", "skip"), ("unknown", "drop")])
def test_options_are_checked(name, value):
    with pytest.raises(ValueError, match=f"{name} must be 'error'"):
        fastreg.read(frame(), "delay", **{name: value})


def test_a_folder_of_files_is_one_table(tmp_path):
    data = frame()
    folder = tmp_path / "flights"
    for month, part in data.groupby(data.when.dt.month % 3):
        (folder / f"part={month}").mkdir(parents=True)
        part.to_parquet(folder / f"part={month}" / "rows.parquet", index=False)
    source = fastreg.read(folder, "delay", categories=["part"])
    assert {"part=0", "part=1", "part=2"} <= set(source.feature_names) and source.n_rows == M
    X, y, _ = source.whole()
    assert X.shape == (M, source.n_features) and np.sort(y) == pytest.approx(np.sort(data.delay))
    parts = sorted(folder.rglob("*.parquet"))
    assert fastreg.read(parts, "delay").n_rows == M
    bad = data.assign(dist=np.nan).iloc[:20]
    bad.to_parquet(parts[1], index=False)
    with pytest.raises(ValueError, match=r"part=1.rows\.parquet, row 0, 'dist'"):
        fastreg.Ridge().fit(folder, "delay")
    (folder / "x.csv").write_text("a\n1\n")
    with pytest.raises(ValueError, match="mixes CSV and Parquet"):
        fastreg.read(folder, "delay")


def test_columns_that_are_no_features():
    data = pa.table({"a": [[1.0], [2.0]], "b": [1.0, 2.0], "y": [1.0, 2.0]})
    with pytest.raises(ValueError, match="column 'a' holds list"):
        fastreg.read(data, "y")
    assert fastreg.read(data, "y", drop=["a"]).feature_names == ["b"]


def test_kinds_of_columns(tmp_path):
    t = datetime.time(1, 2, 3)
    data = pa.table(
        {
            "flag": [True, False, True],
            "day": pa.array([datetime.date(2020, 1, 1), datetime.date(2020, 3, 2), None]),
            "at": pa.array([t, t, t]),
            "took": pa.array([datetime.timedelta(seconds=90)] * 3),
            "large": pa.array(["a", "b", "a"], pa.large_string()),
            "coded": pa.array(["u", "v", "v"]).dictionary_encode(),
            "y": [1.0, 2.0, 3.0],
        }
    )
    source = fastreg.read(data, "y", missing="indicator")
    X = source.whole()[0]
    X = X.toarray() if source.is_sparse else X
    column = dict(zip(source.feature_names, X.T, strict=True))
    np.testing.assert_array_equal(column["flag"], [1, 0, 1])
    np.testing.assert_array_equal(column["day days"], [0, 61, 30.5])
    np.testing.assert_array_equal(column["day month=Mar"], [0, 1, 0])
    np.testing.assert_array_equal(column["day weekday=Wed"], [1, 0, 0])
    np.testing.assert_array_equal(column["at"] + (0 if column["at"].any() else 3723), [3723] * 3)
    np.testing.assert_array_equal(column["large=b"], [0, 1, 0])
    np.testing.assert_array_equal(column["coded=v"], [0, 1, 1])
    assert not any("hour" in name for name in source.feature_names)


def test_an_encoding_is_plain_data():
    encoding = fastreg.read(frame(), "delay", missing="indicator").encoding
    assert Encoding.from_plain(encoding.to_plain()) == encoding
    import json

    assert Encoding.from_plain(json.loads(json.dumps(encoding.to_plain()))) == encoding
    for broken in ({}, {"columns": [{"kind": "tree", "name": "a"}], "missing": "error"}, None):
        with pytest.raises(ValueError, match="its encoding is not sound"):
            Encoding.from_plain(broken)


def test_a_saved_model_keeps_its_encoding(tmp_path):
    data = frame()
    model = fastreg.Lasso(alpha=0.01).fit(data, "delay")
    for name in ("model.npz", "model.json"):
        fastreg.save_model(model, tmp_path / name)
        loaded = fastreg.load_model(tmp_path / name)
        assert loaded.encoding_ == model.encoding_
        assert loaded.predict(data).tobytes() == model.predict(data).tobytes()


def test_a_csv_whose_first_rows_mislead(tmp_path, monkeypatch):
    from fastreg.sources import csv_files

    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 64)
    path = tmp_path / "d.csv"
    lines = ["a,b,y", *("1,2,3" for _ in range(40)), "1.5,2,3", *("1,2,3" for _ in range(40))]
    path.write_text("\n".join(lines) + "\n")
    X, _, _ = fastreg.read(path, "y").whole()
    assert X[40, 0] == 1.5 and len(X) == 81
    path.write_text("\n".join([*lines, "word,2,3"]) + "\n")
    with pytest.raises(ValueError, match=r"d\.csv cannot be read as CSV: line 83, 'a': 'word'"):
        fastreg.read(path, "y").whole()


@pytest.mark.parametrize("missing", [None, "drop"])
def test_two_texts_are_a_target_where_labels_are_asked_for(missing):
    frame = pd.DataFrame(
        {"a": [1.0, 2.0, 3.0, 4.0], "o": [0.5, 1.5, 2.5, 3.5], "y": ["b", "a", "b", "a"]}
    )
    if missing:
        frame.loc[1, "y"] = None
    kept = frame.dropna()
    source = fastreg.read(frame, ["y", "o"], labels=True, missing=missing)
    _, y, _ = source.whole()
    assert source.labels == ("a", "b") and source.feature_names == ["a"]
    np.testing.assert_array_equal(y, np.c_[kept["y"] == "b", kept["o"]])
    with pytest.raises(ValueError, match=r"'y' holds .*it must be numbers"):
        fastreg.read(frame, "y")
    numbers = fastreg.read(frame.assign(y=[3.0, 1.0, 3.0, 1.0]), "y", labels=True)
    assert numbers.labels is None and numbers.whole()[1].tolist() == [3.0, 1.0, 3.0, 1.0]
    several = fastreg.read(frame.assign(y=list("dbca")), "y", labels=True)
    assert several.labels == tuple("abcd") and several.whole()[1].tolist() == [3.0, 1.0, 2.0, 0.0]
    with pytest.raises(ValueError, match="holds 1 different labels, 'a': 2 to 1000 are needed"):
        fastreg.read(frame.assign(y="a"), "y", labels=True)
