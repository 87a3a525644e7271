"""Texts of tables: as a person reads them, or refused with the column, the line, the option."""

from __future__ import annotations

import datetime as dt
import gzip
import re
import sys
import types

import numpy as np
import pytest
from conftest import needs_jit

import fastreg
from fastreg.sources import csv_files
from fastreg.sources.suspects import reading_of
from fastreg.sources.text import number_of

pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")
pytestmark = needs_jit


def csv(folder, text, name="t.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def rows(header, lines):
    return "\n".join([header, *lines]) + "\n"


def features(source):
    """{feature: values}."""
    X = source.whole()[0]
    X = X.toarray() if hasattr(X, "toarray") else X
    return dict(zip(source.feature_names, X.T, strict=True))


# ---------------------------------------------------------------- what is said


def test_thousands_and_percent_are_no_levels(tmp_path):
    lines = [f'"{1000 + 37 * i:,}",{i % 97}.5%,{i}' for i in range(400)]
    path = csv(tmp_path, rows("price,pct,y", lines))
    message = (
        r"t\.csv has 2 faults:\n  column 'price' is text such as '1,000' \(line 2\) that looks "
        r"like numbers: numbers=\['price'\] and thousands=',' reads it as numbers; categories="
    )
    with pytest.raises(ValueError, match=message):
        fastreg.Ridge().fit(path, "y")
    with pytest.raises(ValueError, match=r"t\.csv: column 'pct' is .*: numbers=\['pct'\] reads"):
        fastreg.read(path, "y", numbers=["price"], thousands=",")
    found = features(fastreg.read(path, "y", numbers=["price", "pct"], thousands=","))
    np.testing.assert_array_equal(found["price"], 1000.0 + 37 * np.arange(400))
    np.testing.assert_array_equal(found["pct"], np.arange(400) % 97 + 0.5)


@pytest.mark.parametrize("mark", ["?", "-", ".", "none", "n.a.", "*", "missing"])
@pytest.mark.parametrize("kind", ["csv", "frame"])
def test_one_mark_makes_no_column_of_texts(mark, kind, tmp_path):
    values = [mark if i == 7 else str(50 + i) for i in range(200)]
    frame = pd.DataFrame({"hp": values, "y": np.arange(200.0)})
    path = tmp_path / "t.csv"
    frame.to_csv(path, index=False)
    data, place = (path, "line 9") if kind == "csv" else (frame, "row 7")
    with pytest.raises(ValueError, match=rf"'hp' is text for '{re.escape(mark)}' \({place}\)"):
        fastreg.read(data, "y")
    options = {"numbers": ["hp"], "na_values": [mark], "missing": "indicator"}
    found = features(fastreg.read(data, "y", **options))
    assert list(found) == ["hp", "hp (missing)"] and found["hp (missing)"][7] == 1
    np.testing.assert_array_equal(np.delete(found["hp"], 7), np.delete(50.0 + np.arange(200), 7))


@pytest.mark.parametrize("blank", ["", " ", "    ", "None", "NA", "<NA>"])
def test_a_blank_is_missing(blank, tmp_path):
    path = csv(tmp_path, rows("hp,y", [f"{blank if i == 7 else i},{i}" for i in range(50)]))
    with pytest.raises(ValueError, match=r"contains NaN: .*t\.csv, line 9, 'hp'"):
        fastreg.Ridge().fit(path, "y")
    assert fastreg.read(path, "y", missing="indicator").feature_names == ["hp", "hp (missing)"]


def test_a_target_with_a_mark_is_told_with_its_line(tmp_path):
    path = csv(tmp_path, rows("a,y", [*(f"{i},{i}" for i in range(30)), "1,?"]))
    message = r"column 'y' is text for '\?' \(line 32\), and .*na_values=\['\?'\] reads it"
    with pytest.raises(ValueError, match=message):
        fastreg.Ridge().fit(path, "y")


def test_dates_of_other_countries(tmp_path):
    days = [dt.date(2023, 1, 1) + dt.timedelta(days=i) for i in range(300)]
    path = csv(tmp_path, rows("d,y", [f"{day:%d/%m/%Y},{i}" for i, day in enumerate(days)]))
    with pytest.raises(ValueError, match=r"like dates: date_format=\{'d': '%d/%m/%Y'\} reads"):
        fastreg.Ridge().fit(path, "y")
    found = features(fastreg.read(path, "y", date_format={"d": "%d/%m/%Y"}))
    np.testing.assert_array_equal(found["d days"], np.arange(300))
    path = csv(tmp_path, rows("d,y", ["30/01/2023,1", "30/02/2023,2"]))
    with pytest.raises(ValueError, match=r"line 3, 'd': '30/02/2023' is not a date of the format"):
        fastreg.read(path, "y", date_format={"d": "%d/%m/%Y"})
    either = reading_of("d", {"05/04/2020": 1, "06/04/2020": 1})
    assert either.options == ("date_format={'d': '%d/%m/%Y'} or date_format={'d': '%m/%d/%Y'}",)


def test_a_text_for_each_row_is_no_category():
    frame = pd.DataFrame({"id": [f"k{i}" for i in range(50)], "y": np.arange(50.0)})
    with pytest.raises(ValueError, match=r"'id', such as 'k0' \(row 0\), has 50 different"):
        fastreg.read(frame, "y")
    assert fastreg.read(frame, "y", categories=["id"]).n_features == 50


def test_numbers_that_are_texts_are_asked_about():
    table = pa.table({"a": ["1", "2", "3"] * 4, "y": np.arange(12.0)})
    with pytest.raises(ValueError, match=r"column 'a' is text such as '1' \(row 0\)"):
        fastreg.read(table, "y")
    assert fastreg.read(table, "y", categories=["a"]).feature_names == ["a=1", "a=2", "a=3"]
    assert fastreg.read(table, "y", numbers=["a"]).feature_names == ["a"]
    coded = table.set_column(0, "a", table["a"].dictionary_encode())
    assert fastreg.read(coded, "y").n_features == 3


@pytest.mark.parametrize(
    ("text", "options", "value"),
    [
        ("$1,234.5", {"thousands": ","}, 1234.5), ("(3)", {}, -3.0), ("12.5 %", {}, 12.5),
        ("-€5", {}, -5.0), ("€-5", {}, -5.0), ("−7", {}, -7.0), ("1.2.3", {}, None),
        ("1.234,5", {"decimal": ",", "thousands": "."}, 1234.5),
        ("12,34,567", {"thousands": ","}, 1234567.0), ("1e-3", {}, 1e-3), (".5", {}, 0.5),
        ("1,5", {"thousands": ","}, None), ("1,5", {}, None), ("5 apples", {}, None),
    ],
)  # fmt: skip
def test_what_a_person_reads_as_a_number(text, options, value):
    assert number_of(text, **options) == value


# ---------------------------------------------------------------- codes and levels


def test_postcodes_of_a_csv_and_of_parquet_are_the_same(tmp_path):
    codes = ["01234", "10115", "99999"] * 5
    frame = pd.DataFrame({"zip": codes, "y": np.arange(15.0)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    models = [fastreg.Ridge().fit(tmp_path / name, "y") for name in ("t.csv", "t.parquet")]
    for model in models:
        assert list(model.feature_names_in_) == ["zip=01234", "zip=10115", "zip=99999"]
        for data in (tmp_path / "t.csv", tmp_path / "t.parquet", frame):
            np.testing.assert_array_equal(model.predict(data), models[0].predict(frame))
    path = csv(tmp_path, rows("k,y", ["7,1", "12,2", "007,3"]))
    with pytest.raises(ValueError, match=r"column 'k' is text such as '7' \(line 2\)"):
        fastreg.read(path, "y")
    found = features(fastreg.read(path, "y", numbers=["k"]))
    np.testing.assert_array_equal(found["k"], [7.0, 12.0, 7.0])


@pytest.mark.parametrize(
    "values",
    [[True, False, True, False, True], [1.0, 2.0, 1.0, 2.5, 1.0], [3, 4, 3, 4, 5]],
    ids=["truths", "fractions", "whole"],
)
def test_levels_are_the_same_from_everywhere(values, tmp_path):
    frame = pd.DataFrame({"f": values, "y": [1.0, 2.0, 1.5, 2.5, 1.2]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    places = [frame, tmp_path / "t.csv", tmp_path / "t.parquet"]
    models = [fastreg.Ridge().fit(fastreg.read(p, "y", categories=["f"])) for p in places]
    for model in models:
        assert list(model.feature_names_in_) == list(models[0].feature_names_in_)
        for place in places:
            np.testing.assert_array_equal(model.predict(place), models[0].predict(frame))
    upper = csv(tmp_path, (tmp_path / "t.csv").read_text().upper().replace("F,Y", "f,y"))
    np.testing.assert_array_equal(models[0].predict(upper), models[0].predict(frame))


def test_namibia(tmp_path):
    lines = [f"{c},{n},{i}" for i, (c, n) in enumerate([("NA", 1), ("DE", "NA"), ("ZA", 3)] * 4)]
    path = csv(tmp_path, rows("c,n,y", lines))
    with pytest.raises(ValueError, match=r"'c' holds 'NA' among .*'DE': keep_default_na=False"):
        fastreg.read(path, "y")
    levels = fastreg.read(path, "y", categories={"c": ["NA", "DE", "ZA"]}, missing="indicator")
    assert levels.feature_names[:3] == ["c=NA", "c=DE", "c=ZA"]
    kept = fastreg.read(
        path, "y", keep_default_na=False, na_values={"n": ["NA"]}, missing="indicator"
    )
    for source in (levels, kept):
        found = features(source)
        np.testing.assert_array_equal(found["c=NA"], [1, 0, 0] * 4)
        np.testing.assert_array_equal(found["n (missing)"], [0, 1, 0] * 4)
    model = fastreg.Ridge().fit(kept)
    np.testing.assert_array_equal(model.predict(path), model.predict(kept))
    lost = features(fastreg.read(path, "y", na_values=["NA"], missing="indicator"))
    np.testing.assert_array_equal(lost["c=(missing)"], [1, 0, 0] * 4)


def test_words_of_one_column_are_no_words_of_another(tmp_path):
    path = csv(tmp_path, rows("age,b,y", ["999,999,1", "5,7,2", "7,8,3"]))
    found = features(fastreg.read(path, "y", na_values={"age": ["999"]}, missing="indicator"))
    np.testing.assert_array_equal(found["age"], [6.0, 5.0, 7.0])
    np.testing.assert_array_equal(found["b"], [999.0, 7.0, 8.0])
    lines = ["01234,2020-01-01,true,1", "?,2020-01-03,?,2", "10115,?,false,3"]
    path = csv(tmp_path, rows("zip,d,f,y", lines))
    words = {name: ["?"] for name in ("zip", "d", "f")} | {"y": []}
    found = features(fastreg.read(path, "y", na_values=words, missing="indicator"))
    np.testing.assert_array_equal(found["zip=01234"], [1, 0, 0])
    np.testing.assert_array_equal(found["d days"], [0, 2, 1])
    np.testing.assert_array_equal(found["f"], [1, 0.5, 0])
    for name in ("zip=(missing)", "d (missing)", "f (missing)"):
        assert found[name].sum() == 1


# ---------------------------------------------------------------- files


def test_a_european_file(tmp_path):
    path = csv(tmp_path, "a;b;y\n1.234,5;2,5;3,5\n2.000,5;1,5;4,0\n")
    with pytest.raises(ValueError, match="give sep=';' and decimal=','"):
        fastreg.read(path, "y")
    given = {"sep": ";", "decimal": ",", "numbers": ["a"], "thousands": "."}
    model = fastreg.Ridge().fit(fastreg.read(path, "y", **given))
    found = features(fastreg.read(path, "y", **given))
    np.testing.assert_array_equal(found["a"], [1234.5, 2000.5])
    np.testing.assert_array_equal(found["b"], [2.5, 1.5])
    for name in ("m.json", "m.npz"):  # what was given to the fit is known to a saved model
        fastreg.save_model(model, tmp_path / name)
        loaded = fastreg.load_model(tmp_path / name)
        assert loaded.encoding_ == model.encoding_
        plain = pd.DataFrame({"a": [1234.5, 2000.5], "b": [2.5, 1.5]})
        np.testing.assert_array_equal(loaded.predict(path), model.predict(plain))


@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "cp1252"])
def test_other_charsets(charset, tmp_path):
    path = csv(tmp_path, "c,y\nMünchen,1\nKöln,2\n".encode(charset))
    with pytest.raises(ValueError, match="charset='"):
        fastreg.read(path, "y")
    source = fastreg.read(path, "y", charset=charset)
    assert source.feature_names == ["c=Köln", "c=München"]
    head = csv(tmp_path, "ü,y\n1,2\n3,4\n".encode(charset))
    with pytest.raises(ValueError, match="charset='"):
        fastreg.read(head, "y")
    assert fastreg.read(head, "y", charset=charset).feature_names == ["ü"]


def test_comments_blank_lines_and_their_lines(tmp_path):
    path = csv(tmp_path, '# made by X\na,c,y\n\n1,u,1\n   \n# again\n3,"x\ny",2\n,u,3\n')
    with pytest.raises(ValueError, match="first line is '# made by X': comment='#' leaves"):
        fastreg.read(path, "y")
    with pytest.raises(ValueError, match=r"contains NaN: .*t\.csv, line 9, 'a'"):
        fastreg.Ridge().fit(fastreg.read(path, "y", comment="#"))
    found = features(fastreg.read(path, "y", comment="#", missing="drop"))
    np.testing.assert_array_equal(found["a"], [1.0, 3.0])
    broken = csv(tmp_path, b"# of X\nc,y\nM\xfcnchen,1\n")
    with pytest.raises(ValueError, match="charset="):
        fastreg.read(broken, "y", comment="#")
    excel = csv(tmp_path, "sep=;\na;y\n1;2\n3;4\n")
    with pytest.raises(ValueError, match="comment='sep=' leaves such lines out"):
        fastreg.read(excel, "y")
    assert fastreg.read(excel, "y", sep=";", comment="sep=").feature_names == ["a"]


def test_packed_files(tmp_path):
    text = rows("a,y", [f"{i},{2 * i}" for i in range(50)])
    path = csv(tmp_path, gzip.compress(text.encode()), "t.csv.gz")
    model = fastreg.Ridge(alpha=1e-9).fit(path, "y")
    np.testing.assert_allclose(model.predict(path), 2.0 * np.arange(50), atol=1e-6)
    lost = csv(tmp_path, gzip.compress((text + ",1\n").encode()), "t.csv.gz")
    with pytest.raises(ValueError, match=r"t\.csv\.gz, line 52, 'a'"):
        fastreg.Ridge().fit(lost, "y")
    with pytest.raises(ValueError, match=r"compressed by gzip: let its name end in \.csv\.gz"):
        fastreg.read(csv(tmp_path, gzip.compress(text.encode())), "y")
    with pytest.raises(ValueError, match="zip archive, or a sheet of Excel"):
        fastreg.read(csv(tmp_path, b"PK\x03\x04 and more"), "y")


@pytest.mark.parametrize("late", ["word", "2020-01-01"])
def test_a_column_that_changes_later(late, tmp_path, monkeypatch):
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 200)
    lines = [f"{i},{i},{i % 2},2020-01-{i % 9 + 1:02d}" for i in range(100)]
    path = csv(tmp_path, rows("y,a,b,d", [*lines, f"7,{late},1,2020-01-01"]))
    message = rf"line 102, 'a': '{late}' is no double, as what is before it: na_values=\['{late}'\]"
    with pytest.raises(ValueError, match=message):
        fastreg.Ridge().fit(path, "y")
    timed = csv(tmp_path, rows("y,a,b,d", [*lines, "7,1.5,1,2020-01-03 12:00:00.5"]))
    found = features(fastreg.read(timed, "y"))
    assert found["a"][-1] == 1.5 and found["d days"][-1] == pytest.approx(2.5 + 0.5 / 86400)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sep": ";;"}, "sep must be one character"),
        ({"decimal": ",", "thousands": ","}, "must be different characters"),
        ({"charset": "klingon"}, "charset must be one that Python knows"),
        ({"encoding": "latin-1"}, "set charset for the text of a file"),
        ({"comment": ""}, "comment must be what a line begins with"),
        ({"na_values": [1]}, "na_values must be texts"),
        ({"numbers": ["b"]}, "no column 'b'"),
        ({"numbers": 3}, "numbers must be names of columns"),
        ({"date_format": "%d/%m/%Y"}, "date_format must be {column: format}"),
        ({"date_format": {"a": "%d"}, "numbers": ["a"]}, "'a' is in numbers and in date_format"),
        ({"keep_default_na": "no"}, "keep_default_na must be True or False"),
    ],
)
def test_options_of_texts_are_checked(options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        fastreg.read(csv(tmp_path, "a,y\n1,2\n"), "y", **options)


def test_options_of_files_are_for_files():
    with pytest.raises(ValueError, match="sep is for CSV files, the frame is none"):
        fastreg.read(pd.DataFrame({"a": [1.0], "y": [1.0]}), "y", sep=";")
    with pytest.raises(ValueError, match="numbers needs a table, and ndarray is not one"):
        fastreg.read(np.ones((3, 2)), np.ones(3), numbers=["a"])


# ---------------------------------------------------------------- frames


def test_intervals_are_levels_by_their_names():
    frame = pd.DataFrame({"age": pd.cut(pd.Series(np.arange(20.0)), 4), "y": np.arange(20.0)})
    model = fastreg.Ridge().fit(frame, "y")
    assert "age=(-0.019, 4.75]" in model.feature_names_in_ and model.n_features_in_ == 4
    assert len(np.unique(model.predict(frame))) == 4


KINDS = {
    "periods": (pd.period_range("2020-01", periods=4, freq="M"), "v days"),
    "whole": (pd.array([1, 2, 3, 4], dtype="Int64"), "v"),
    "truths": (pd.array([True, False] * 2, dtype="boolean"), "v"),
    "durations": (pd.to_timedelta([1, 2, 3, 4], "h"), "v"),
    "zones": (pd.date_range("2020", periods=4, tz="UTC"), "v days"),
    "sparse": (pd.arrays.SparseArray([0.0, 0.0, 1.0, 0.0]), "v"),
    "half": (np.arange(4, dtype=np.float16), "v"),
    "texts": (pd.array(["u", "v"] * 2, dtype="string"), "v=u"),
    "codes": (pd.Categorical([1, 2, 1, 2]), "v=1"),
    "complex": (np.arange(4) * 1j, None),
    "mixed": (np.array([1, "a", 2, 3], dtype=object), None),
    "lists": ([[1], [2], [3], [4]], None),
}


@pytest.mark.parametrize("name", KINDS)
def test_any_type_of_pandas_is_read_or_refused_by_its_name(name):
    values, feature = KINDS[name]
    frame = pd.DataFrame({"v": values, "y": np.arange(4.0)})
    if feature is None:
        with pytest.raises(ValueError, match="column 'v' holds"):
            fastreg.Ridge().fit(frame, "y")
        frame["w"] = np.arange(4.0)
        assert fastreg.read(frame, "y", drop=["v"]).feature_names == ["w"]
        return
    model = fastreg.Ridge().fit(frame, "y")
    assert model.feature_names_in_[0] == feature and np.isfinite(model.predict(frame)).all()


def test_objects_of_dask_are_refused_by_their_name_or_read():
    dask, dd = pytest.importorskip("dask"), pytest.importorskip("dask.dataframe")
    values = np.array([f"{i},000" for i in range(40)], dtype=object)
    frame = dd.from_pandas(pd.DataFrame({"v": values, "y": np.arange(40.0)}), npartitions=3)
    with pytest.raises(ValueError, match=r"column 'v' is text .*numbers=\['v'\] and thousands=','"):
        fastreg.read(frame, "y")
    source = fastreg.read(frame, "y", numbers=["v"], thousands=",")
    np.testing.assert_array_equal(source.whole()[0].ravel(), 1000.0 * np.arange(40))
    for values in ([1, "a"] * 20, list(range(40)), [dt.date(2020, 1, 1), dt.date(2020, 1, 3)] * 20):
        mixed = pd.DataFrame({"v": np.array(values, dtype=object), "y": np.arange(40.0)})
        with dask.config.set({"dataframe.convert-string": False}):
            given = dd.from_pandas(mixed, npartitions=2)
            with pytest.raises(ValueError, match=r"column 'v' (holds object|is text)"):
                fastreg.Ridge().fit(given, "y")


def test_a_pyarrow_that_cannot_be_imported_is_not_missing(monkeypatch):
    class Broken(types.ModuleType):
        def find_spec(self, name, path=None, target=None):
            if name == "pyarrow.csv":
                raise ImportError("numpy.core.multiarray failed to import")

    monkeypatch.delitem(sys.modules, "pyarrow.csv", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken("broken"), *sys.meta_path])
    with pytest.raises(ImportError, match=r"installed but cannot be imported: numpy\.core"):
        fastreg.read(pd.DataFrame({"a": [1.0], "y": [1.0]}), "y")


@pytest.mark.parametrize("packed", [False, True])
def test_tsv_files_are_read_by_tabs(packed, tmp_path):
    text = "a\tb\ty\n" + "".join(f"{i}\t{i % 3}\t{i}\n" for i in range(9))
    name = "t.tsv.gz" if packed else "t.tsv"
    path = csv(tmp_path, gzip.compress(text.encode()) if packed else text, name)
    model = fastreg.Ridge(1e-9).fit(path, "y")
    assert list(model.feature_names_in_) == ["a", "b"]
    commas = csv(tmp_path, text.replace("\t", ","), "t.csv")
    np.testing.assert_array_equal(model.predict(commas), model.predict(path))
    assert (
        fastreg.read(csv(tmp_path, text.replace("\t", "|"), "t.tsv"), "y", sep="|").n_features == 2
    )
    csv(tmp_path, text, "t.tsv")
    if not packed:
        with pytest.raises(ValueError, match=r"mixes \.csv and \.tsv"):
            fastreg.read(tmp_path, "y")


def test_words_of_missing_values_add_up_in_a_prediction(tmp_path):
    path = tmp_path / "fit.csv"
    path.write_text("a,y\n" + "\n".join(f"{i if i % 5 else '?'},{i}" for i in range(1, 60)))
    source = fastreg.read(path, "y", na_values=["?"], missing="indicator")
    model = fastreg.Ridge().fit(source)
    new = tmp_path / "new.csv"
    new.write_text("a\n1\n?\nn/k\n")
    found = model.predict(fastreg.read(new, encoding=model.encoding_, na_values=["n/k"]))
    assert found[1] == found[2] != found[0]
