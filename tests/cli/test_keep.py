"""`fastreg predict --keep` writes columns of the input before the predictions, as they stand."""

from __future__ import annotations

import csv
import gzip
import io
import sys

import numpy as np
import pytest

import fastreg
from fastreg.cli import lines, main, options
from fastreg.sources import csv_files, kept

pa = pytest.importorskip("pyarrow")
ODD = ["007", " 1.50 ", "NA", "", 'say "x", y', "1e3", "2023-01-05", "true", "two\nlines", "é"]
M = 30


def _rows(m=M):
    """[a, side, odd, day, y] of each."""
    return [
        [i, "uv"[i % 2], ODD[i % len(ODD)], f"{1 + i % 28:02d}/01/2023", 2 * i] for i in range(m)
    ]


HEADER = ["a", "side", "odd", "day", "y"]


def _written(path, rows, delimiter=",", charset="utf-8"):
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows([HEADER, *rows])
    content = stream.getvalue().encode(charset)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def model(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    _written(tmp_path / "d.csv", _rows())
    assert main(["fit", "d.csv", "--target", "y", "--drop", "odd,day", "--save", "m.json"]) == 0
    capsys.readouterr()
    return fastreg.load_model("m.json")


def _kept(name="p.csv"):
    with open(name, newline="", encoding="utf-8") as stream:
        header, *rows = csv.reader(stream)
    return header, rows


def _expected(model, rows=None):
    rows = _rows() if rows is None else rows
    frame = pytest.importorskip("pandas").DataFrame(rows, columns=HEADER)
    return model.predict(frame[["a", "side"]])


@pytest.mark.parametrize("name", ["d.csv", "d.csv.gz", "d.tsv", "d.tsv.gz", "-"])
def test_texts_stay_as_they_are(name, model, tmp_path, monkeypatch, capsys):
    if name == "-":
        content = (tmp_path / "d.csv").read_bytes()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    else:
        _written(tmp_path / name, _rows(), "\t" if ".tsv" in name else ",")
    assert main(["predict", "m.json", name, "--keep", "odd,day", "--out", "p.csv"]) == 0
    assert "30 predictions written to p.csv" in capsys.readouterr().out
    header, rows = _kept()
    assert header == ["odd", "day", "prediction"]
    assert [row[:2] for row in rows] == [row[2:4] for row in _rows()]
    np.testing.assert_array_equal([float(row[2]) for row in rows], _expected(model))


@pytest.mark.parametrize(
    "given", [["odd,a"], ["odd", "a"], ["odd", "--keep", "a"], ["odd,a", "odd"]]
)
def test_columns_stand_between_commas_or_apart(given, model, capsys):
    assert main(["predict", "m.json", "d.csv", "--keep", *given]) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out, newline="")))
    assert [row[:2] for row in rows] == [[row[2], str(row[0])] for row in _rows()]
    assert {len(row) for row in rows} == {3}


def test_a_name_that_is_not_there_is_told_with_near_ones(model, tmp_path, capsys):
    assert main(["predict", "m.json", "d.csv", "--keep", "od", "--out", "p.csv"]) == 1
    out, err = capsys.readouterr()
    assert out == "" and not (tmp_path / "p.csv").exists()
    assert err == "fastreg: error: d.csv has no column 'od'; did you mean 'odd'?\n"


def test_a_name_of_the_predictions_is_refused(model, tmp_path, capsys):
    rows = (tmp_path / "d.csv").read_text().replace("odd", "prediction")
    (tmp_path / "d.csv").write_text(rows)
    assert main(["predict", "m.json", "d.csv", "--keep", "prediction", "--out", "p.csv"]) == 2
    assert "--keep prediction: the predictions have this name" in capsys.readouterr().err
    assert not (tmp_path / "p.csv").exists()


def test_what_is_no_table_has_nothing_to_keep(tmp_path, capsys):
    np.savez(tmp_path / "d.npz", X=np.eye(3), y=np.arange(3.0))
    given, out = str(tmp_path / "d.npz"), str(tmp_path / "m.npz")
    assert main(["fit", given, "--save", out]) == 0
    capsys.readouterr()
    assert main(["predict", out, given, "--keep", "id"]) == 2
    assert "--keep is for tables, which have names of columns" in capsys.readouterr().err


def test_options_of_reading_hold_for_what_is_kept(model, tmp_path):
    _written(tmp_path / "e.csv", _rows(), ";", "utf-16")
    argv = ["predict", "m.json", "e.csv", "--sep", ";", "--charset", "utf-16", "--keep", "odd"]
    assert main([*argv, "--na-values", "007", "--out", "p.csv"]) == 0
    assert [row[0] for row in _kept()[1]] == [row[2] for row in _rows()]


def test_lines_that_are_left_out_move_nothing(model, tmp_path):
    head, *rest = (tmp_path / "d.csv").read_text().split("\n")
    (tmp_path / "e.csv").write_text(
        "\n".join(["# of X", head, "", "# more", *rest[:4], "  ", *rest[4:]])
    )
    argv = ["predict", "m.json", "e.csv", "--comment", "#", "--keep", "a", "--out", "p.csv"]
    assert main(argv) == 0
    assert [row[0] for row in _kept()[1]] == [str(i) for i in range(M)]


def test_a_column_of_features_is_kept_too(model):
    assert main(["predict", "m.json", "d.csv", "--keep", "a,side", "--out", "p.csv"]) == 0
    assert [row[:2] for row in _kept()[1]] == [[str(row[0]), row[1]] for row in _rows()]


def test_rows_are_kept_in_blocks(model, tmp_path, monkeypatch):
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 256)
    monkeypatch.setattr(lines, "_ROWS", 7)
    rows = [[i, "uv"[i % 2], f"k{i}", "x", 0] for i in range(300)]
    _written(tmp_path / "long.csv", rows)
    sizes = []
    blocks = kept.Kept.blocks

    def counted(self):
        for block in blocks(self):
            sizes.append(len(block[0]))
            yield block

    monkeypatch.setattr(kept.Kept, "blocks", counted)
    assert main(["predict", "m.json", "long.csv", "--keep", "odd", "--out", "p.csv"]) == 0
    assert sum(sizes) == 300 and max(sizes) < 60
    assert [row[0] for row in _kept()[1]] == [f"k{i}" for i in range(300)]
    expected = _expected(model, rows)
    np.testing.assert_array_equal([float(row[1]) for row in _kept()[1]], expected)
    assert main(["predict", "m.json", "long.csv", "--out", "p.csv"]) == 0  # seven at a time
    np.testing.assert_array_equal([float(row[0]) for row in _kept()[1]], expected)


@pytest.mark.parametrize("kind", ["parquet", "arrow", "folder"])
def test_columns_of_other_tables_are_kept_as_texts(kind, model, tmp_path, capsys):
    import pyarrow.feather
    import pyarrow.parquet

    columns = dict(zip(HEADER, map(list, zip(*_rows(), strict=True)), strict=True))
    table = pa.table({**columns, "odd": [None if i == 3 else i for i in range(M)]})
    table = table.append_column("list", [[[1.0]] * M])
    name = "t" if kind == "folder" else f"t.{kind}"
    if kind == "folder":
        (tmp_path / "t").mkdir()
        for k, part in enumerate((table[:10], table[10:])):
            pyarrow.parquet.write_table(part, tmp_path / "t" / f"{k}.parquet")
    elif kind == "arrow":
        pyarrow.feather.write_feather(table, tmp_path / name, compression="uncompressed")
    else:
        pyarrow.parquet.write_table(table, tmp_path / name)
    argv = ["predict", "m.json", name, "--out", "p.csv", "--keep"]
    assert main([*argv, "odd,day"]) == 0
    _, rows = _kept()
    assert [row[0] for row in rows] == ["" if i == 3 else str(i) for i in range(M)]
    assert [row[1] for row in rows] == columns["day"]
    np.testing.assert_array_equal([float(row[2]) for row in rows], _expected(model))
    capsys.readouterr()
    assert main([*argv, "list"]) == 1
    assert "column 'list' holds list" in capsys.readouterr().err


def test_probabilities_and_classes_stand_behind(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    _written(tmp_path / "d.csv", [[*row[:4], ["no", "yes"][row[0] % 3 == 0]] for row in _rows()])
    argv = ["fit", "d.csv", "--target", "y", "--family", "binomial", "--drop", "odd,day"]
    assert main([*argv, "--save", "m.json"]) == 0
    assert main(["predict", "m.json", "d.csv", "--classes", "--keep", "day", "--out", "p.csv"]) == 0
    header, rows = _kept()
    assert header == ["day", "probability", "class"]
    assert [row[0] for row in rows] == [row[3] for row in _rows()]


def test_a_file_that_changes_leaves_the_old_output(model, tmp_path, monkeypatch, capsys):
    (tmp_path / "p.csv").write_text("old")
    blocks = kept.Kept.blocks

    def changed(self):
        _written(tmp_path / "d.csv", _rows(M + 1))
        yield from blocks(self)

    monkeypatch.setattr(kept.Kept, "blocks", changed)
    assert main(["predict", "m.json", "d.csv", "--keep", "odd", "--out", "p.csv"]) == 1
    assert "changed" in capsys.readouterr().err
    assert (tmp_path / "p.csv").read_text() == "old"
    assert not list(tmp_path.glob("*.tmp"))
    monkeypatch.setattr(kept.Kept, "blocks", lambda self: (f(tmp_path) for f in (_touched,)))
    assert main(["predict", "m.json", "d.csv", "--keep", "odd", "--out", "p.csv"]) == 1
    assert (tmp_path / "p.csv").read_text() == "old"


def _touched(folder):
    raise OSError(f"{folder / 'd.csv'} was written to since it was opened")


def test_the_help_says_what_it_does(capsys):
    (of,) = (each for each in options.parser()._actions if isinstance(each.choices, dict))
    (keep,) = (a for a in of.choices["predict"]._actions if "--keep" in a.option_strings)
    assert "such as id,name" in keep.help and "(default: none)" in keep.help
