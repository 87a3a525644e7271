"""Blocks of CSV files that two threads parse: what pyarrow's own reader gives, or its error."""

from __future__ import annotations

import datetime as dt
import gzip
import threading
import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import fastreg
from fastreg.sources import csv_blocks, csv_files, formats, scan, suspects, tables
from fastreg.sources.text import PLAIN

pa = pytest.importorskip("pyarrow")

VALUES = ("a", "b c", "é", "NA", "", " ", "12", "007", "1.5", "2020-01-01", '"x,y"', '"p""q"')
ODD = ("?", '"a\nb"', '"', 'c"d', "1,2")


@st.composite
def files(draw):
    """(bytes of a CSV file, bytes of a block)."""
    width = draw(st.integers(1, 3))
    each = st.sampled_from(VALUES + (ODD if draw(st.booleans()) else ()))
    rows = draw(st.lists(st.lists(each, min_size=width, max_size=width), max_size=40))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    lines = [",".join(f"c{j}" for j in range(width)), *map(",".join, rows)]
    blank = draw(st.sampled_from(["", end, " " + end]))
    text = draw(st.sampled_from(["", "\ufeff", end])) + end.join(lines)
    text += draw(st.sampled_from(["", end])) + blank
    charset = draw(st.sampled_from(["utf-8", "utf-8", "latin-1"]))
    return text.encode(charset, "replace"), draw(st.integers(20, 300))


def outcome(path):
    """The batches of a file, or the error of its read."""
    try:
        how = csv_files.inspect(str(path), PLAIN, csv_files.Known({}))
        columns = list(how.schema.names)
        return [b.to_pydict() for b in how.batches(str(path), columns, lambda rows, size: None)]
    except ValueError as error:
        return str(error)


def values(batches, name):
    return [value for batch in batches for value in batch[name]]


def refused(*arguments):
    raise ValueError("not this reader")
    yield  # at the first block, not before


# pyarrow tells of a row that is not UTF-8 so, and goes on.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@given(files())
@example((b'c0,c1\na,a\na,a\na,"\na,a', 20))  # a value goes on behind a block
@example((b'c0,c1\na,a\na,a\na,a\naaaa,"x\ny"\na,a\na,a\n', 20))  # in a line of two blocks
@settings(deadline=None, max_examples=300)
def test_blocks_are_those_of_one_reader(tmp_path_factory, given_):
    content, size = given_
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_files, "BLOCK_BYTES", size)
        found = outcome(path)
        patch.setattr(csv_blocks, "parsed", refused)
        assert found == outcome(path)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_two_threads_read_what_is_sound(packed, end, tmp_path, monkeypatch):
    text = end.join(["a,c,y", *(f'{i},"l {i % 3}",0{i}' for i in range(200))])
    path = tmp_path / ("t.csv.gz" if packed else "t.csv")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 256)
    monkeypatch.setattr(csv_files, "_opened", refused)
    found = outcome(path)
    assert len(found) > 5 and values(found, "a") == list(range(200))
    assert found[-1]["c"][-1] == "l 1" and found[-1]["y"][-1] == "0199"


def test_a_line_that_is_longer_than_the_room_for_it(tmp_path, monkeypatch):
    lines = [f"{i} {'x' * (10 + 80 * (i == 30))}" for i in range(60)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["c", *lines]))
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 150)
    monkeypatch.setattr(csv_blocks, "_MOST", 50)
    assert values(outcome(path), "c") == lines


def test_files_of_a_folder_have_headings_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 64)
    monkeypatch.setattr(csv_files, "_opened", refused)
    rows = range(40)
    (tmp_path / "a.csv").write_text("x,c,y\n" + "".join(f"{i},u,{-i}\n" for i in rows))
    (tmp_path / "b.csv").write_text("y,more,x,c\n" + "".join(f"{-i},7,{i},v\n" for i in rows))
    source = fastreg.read(tmp_path, "y")
    X, y, _ = source.whole()
    assert source.feature_names == ["x", "c=u", "c=v"]
    np.testing.assert_array_equal(X[:, 0], [*rows, *rows])
    np.testing.assert_array_equal(y, -X[:, 0])


# ---------------------------------------------------------------- what a first read looks at


def looked_at(monkeypatch):
    """The columns of each look."""
    looks, look = [], tables.Table._look

    def looked(self, complaints, kinds):
        looks.append([*kinds])
        return look(self, complaints, kinds)

    monkeypatch.setattr(tables.Table, "_look", looked)
    return looks


def flights(folder, levels):
    path = folder / f"{levels}.csv"
    lines = [f"{1e6 + i},{i % 7},l{i % levels},{i}" for i in range(600)]
    path.write_text("far,near,c,y\n" + "\n".join(lines) + "\n")
    return path


def test_numbers_are_looked_at_where_their_means_may_count(tmp_path, monkeypatch):
    looks = looked_at(monkeypatch)
    for levels in (3, 90):
        source = fastreg.read(flights(tmp_path, levels), "y")
        assert source.is_sparse == (levels == 90) and looks.pop() == ["far", "c"]
    fastreg.read(tmp_path / "3.csv", "y", standardize=True)
    fastreg.read(tmp_path / "3.csv", "y", missing="indicator")
    assert looks == [["far", "near", "c"]] * 2


def test_sparse_rows_are_the_same_where_fewer_columns_are_looked_at(tmp_path, monkeypatch):
    path = flights(tmp_path, 90)
    found = fastreg.read(path, "y").encoding
    assert found.columns[0].origin == 1e6 + 299.5 and found.columns[1].origin == 0.0
    monkeypatch.setattr(formats.Found, "near", set())
    assert fastreg.read(path, "y").encoding == found


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20),
    st.floats(-1e6, 1e6),
    st.floats(0.0, 1.0),
)
def test_a_column_that_begins_near_zero_stays_there(begin, other, share):
    most = scan.near_up_to(pa.array(begin))
    more = int(share * max(min(most, 1e5) - len(begin), 0))
    if len(begin) + more <= most:
        seen = scan.Numbers("a")
        seen.add(pa.array([*begin, *[other] * more]))
        assert abs(seen.mean) <= scan._FAR * seen.spread


def test_a_first_read_draws_a_bar_where_one_is_asked_for(tmp_path, capsys, monkeypatch):
    path = flights(tmp_path, 3)
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 400)
    fastreg.read(path, "y")
    assert capsys.readouterr().err == ""
    fastreg.read(path, "y", progress=True)
    size = f"{path.stat().st_size / 1000:.3g} kB"
    told = capsys.readouterr().err
    assert told.startswith(f"[{'#' * 40}] 100 % 600 rows, {size} of {size}, ")
    assert told.count("\n") == 1


def test_a_format_needs_what_stands_between_its_parts():
    moment = dt.datetime(2023, 5, 12, 13, 14, 15, 160000, dt.UTC)
    for form, points in suspects._FORMATS.items():
        text = moment.isoformat() if form == suspects.ISO else moment.strftime(form)
        assert points <= set(text), form
    assert suspects._FORMATS["%d/%m/%Y %H:%M"] == {"/", ":"}
    found = suspects.reading_of("d", {f"{day}.5.23 8:15": 1 for day in range(1, 20)})
    assert found.options[0].startswith("date_format={'d': '%d.%m.%y %H:%M'}")


def test_the_race_of_a_first_read_runs(capsys):
    pytest.importorskip("pandas")
    from benchmarks import tables as race

    race.main(["--megabytes", "0.5"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and all(line.endswith(" s") for line in lines[1:])


def test_no_thread_outlives_a_read_that_stops(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "1,2\n" * 100)

    def parse(block, length, heading):
        time.sleep(0.2)
        return []

    blocks = csv_blocks.parsed(str(path), 40, parse)
    next(blocks)
    blocks.close()
    assert not [t for t in threading.enumerate() if t.name == "fastreg-parser"]
