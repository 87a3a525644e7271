"""A table with several faults: one message tells all of them, and nothing else."""

from __future__ import annotations

import io
import re
import sys

import numpy as np
import pytest
from conftest import needs_jit

import fastreg
from fastreg.cli import main
from fastreg.sources import csv_files, tables

pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")
pytestmark = needs_jit
M = 40
DAYS = [f"{1 + i % 28:02d}/01/2023" for i in range(M)]
NA = "; keep_default_na=False keeps words such as NA as they are"
GAP = "missing='drop' leaves such rows out, missing='indicator' marks them"


def _with(values, i, value):
    return [value if k == i else each for k, each in enumerate(values)]


WHOLE = [i % 7 for i in range(M)]
# {column: (its values, options, the message alone behind the name of the file)}
FAULTS = {
    "price": ([f"{1000 + i:,}" for i in range(M)], {},
        ": column 'price' is text such as '1,000' (line 2) that looks like numbers: "
        "numbers=['price'] and thousands=',' reads it as numbers; categories=['price'] keeps a "
        "feature for each text, drop=['price'] leaves it out"),
    "key": ([f"k{i}" for i in range(M)], {},
        ": column 'key', such as 'k0' (line 2), has 40 different texts in 40 rows: "
        "categories=['key'] keeps a feature for each text, drop=['key'] leaves it out"),
    "when": (DAYS, {},
        ": column 'when' is text such as '01/01/2023' (line 2) that looks like dates: "
        "date_format={'when': '%d/%m/%Y'} reads it as dates; categories=['when'] keeps a feature "
        "for each text, drop=['when'] leaves it out"),
    "gap": (_with(WHOLE, 7, ""), {}, f", line 9, 'gap'; {GAP}{NA}"),
    "city": (_with(["Oslo", "Rome"] * (M // 2), 8, ""), {},
        f", line 10, 'city': the value is missing (NaN); {GAP}{NA}"),
    "code": (["NA", "DE", "ZA", "NA"] * (M // 4), {},
        " cannot be read as CSV: column 'code' holds 'NA' among codes such as 'DE': "
        "keep_default_na=False makes it one of them, na_values=['NA'] what is missing"),
    "huge": (_with(WHOLE, 3, "inf"), {}, ", line 5, 'huge'"),
    "day": (_with(DAYS, 5, "31/02/2023"), {"date_format": {"day": "%d/%m/%Y"}},
        ", line 7, 'day': '31/02/2023' is not a date of the format '%d/%m/%Y'; "
        "if it stands for what is missing: na_values=['31/02/2023']"),
    "size": (_with(["S", "M"] * (M // 2), 6, "L"), {"categories": {"size": ["S", "M"]}},
        ", line 8, 'size': 'L' is none of its levels; read it with unknown='ignore' to let no "
        "level stand for it"),
    "weight": (_with(np.ones(M).tolist(), 9, "-1.0"), {"weights": "weight"},
        ", line 2 to 41: sample_weight has a negative entry"),
    "y": (_with(WHOLE, 11, ""), {}, f", line 13; {GAP}{NA}"),
    "nowhere": (None, {"drop": ["nowhere"]}, " has no column 'nowhere'; there is"),
}  # fmt: skip


def _table(folder, faulty, name="t.csv"):
    """A file with sound columns and these, and the options to read it with."""
    columns = {"a": [i % 5 for i in range(M)], "b": ["u", "v"] * (M // 2), "y": list(range(M))}
    options = {}
    for each in faulty:
        values, given, _ = FAULTS[each]
        columns |= {} if values is None else {each: values}
        options |= given
    path = folder / name
    pd.DataFrame(columns, dtype=object).to_csv(path, index=False)
    return path, options


def _message(path, options):
    with pytest.raises(ValueError, match=r".+") as caught:
        fastreg.Ridge().fit(fastreg.read(path, "y", **options))
    return str(caught.value)


def _about(line):
    """The columns that a line is about."""
    return {name for name in FAULTS if re.search(rf"\b(column|line \d+,) '{name}'", line)}


@pytest.mark.parametrize("name", FAULTS)
def test_one_fault_reads_as_it_did(name, tmp_path):
    path, options = _table(tmp_path, [name])
    assert f"{path}{FAULTS[name][2]}" in _message(path, options)


@pytest.mark.parametrize("seed", range(25))
def test_of_any_faults_all_and_nothing_else_are_told(seed, tmp_path):
    rng = np.random.default_rng(seed)
    count = rng.integers(2, len(FAULTS) + 1)
    faulty = rng.choice(list(FAULTS), count, replace=False).tolist()
    path, options = _table(tmp_path, faulty)
    heading, *lines = _message(path, options).splitlines()
    assert heading == f"{path} has {count} faults:"
    told = [_about(line) for line in lines]
    assert all(len(each) == 1 for each in told), lines
    assert sorted(name for each in told for name in each) == sorted(faulty)
    assert not any(str(path) in line for line in lines)


@pytest.mark.parametrize("seed", range(6))
def test_the_command_line_tells_them_with_flags(seed, tmp_path, capsys):
    rng = np.random.default_rng(seed)
    plain = [name for name, (_, options, _) in FAULTS.items() if not options]
    faulty = rng.choice(plain, rng.integers(2, len(plain) + 1), replace=False).tolist()
    path, _ = _table(tmp_path, faulty)
    assert main(["fit", str(path), "--target", "y"]) == 1
    out, err = capsys.readouterr()
    heading, *lines = err.splitlines()
    assert out == "" and heading == f"fastreg: error: {path} has {len(faulty)} faults:"
    assert sorted(name for line in lines for name in _about(line)) == sorted(faulty)
    assert all(line.startswith("  ") for line in lines)
    assert all("--" in line for line in lines) and not re.search(r"\w=\[", err)


def test_standard_input_tells_them_too(tmp_path, capsys, monkeypatch):
    path, _ = _table(tmp_path, ["gap", "city"])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    assert main(["fit", "-", "--target", "y"]) == 1
    heading, *lines = capsys.readouterr().err.splitlines()
    assert heading == "fastreg: error: standard input has 2 faults:" and len(lines) == 2


def test_rows_are_counted_and_the_first_is_placed(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,c,y\n" + "".join(f"{i or ''},{i % 2 or ''},x,{i}\n" for i in range(9)))
    told = _message(path, {}).splitlines()[1:]
    assert told[0].startswith("  line 2, 'a': the value is missing (NaN); missing=")
    assert told[1].startswith("  line 2, 'b': the value is missing (NaN), and in 4 more rows; ")
    assert len(told) == 2


def test_faults_of_any_block_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 200)
    lines = [f"{i},{i},{i % 3},{i}" for i in range(200)]
    lines[120], lines[150], lines[199] = "1,word,1,1", "1,1,,1", "other,1,1,1"
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["a,b,c,y", *lines]) + "\n")
    told = _message(path, {}).splitlines()[1:]
    assert [re.findall(r"line (\d+), '(\w)'", line)[0] for line in told] == [
        ("122", "b"), ("201", "a"), ("152", "c"),
    ]  # fmt: skip


def test_a_source_in_blocks_tells_all(tmp_path):
    path, options = _table(tmp_path, ["gap", "city", "y"])
    source = fastreg.read(path, "y", memory=0, **options)
    for work in (fastreg.Ridge().fit, fastreg.SufficientStatistics.collect):
        with pytest.raises(ValueError, match="has 3 faults"):
            work(source)
    with pytest.raises(ValueError, match="has 3 faults"):
        fastreg.Ridge().fit(fastreg.read(path, "y", cache=True))


def test_what_missing_allows_is_no_fault(tmp_path):
    path, options = _table(tmp_path, ["gap", "city", "y", "huge", "size"])
    for missing in ("drop", "indicator"):
        told = _message(path, {**options, "missing": missing}).splitlines()[1:]
        assert [_about(line) for line in told] == [{"huge"}, {"size"}]


def test_a_prediction_tells_all_that_is_wrong(tmp_path):
    frame = pd.DataFrame({"a": [1.0, 2, 3], "b": list("uvu"), "c": list("xyx"), "y": [1.0, 2, 3]})
    model = fastreg.Ridge().fit(frame, "y")
    wrong = frame.assign(a=[1.0, np.nan, 3], b=["u", "z", "u"], c=["x", None, None])
    with pytest.raises(ValueError, match="the frame has 3 faults") as caught:
        model.predict(wrong)
    _, *lines = str(caught.value).splitlines()
    assert lines[0].startswith("  row 1, 'a': the value is missing (NaN); fill it")
    assert lines[1].startswith("  row 1, 'b': 'z' is none of its levels; read it with unknown")
    assert lines[2].startswith("  row 1, 'c': the value is missing (NaN), and in 1 more row; fill")
    with pytest.raises(ValueError, match="has 2 faults") as caught:
        model.predict(wrong[["c"]].assign(a="one", b=["u", "v", "u"], c=["x", "y", "x"])[["a"]])
    assert "no columns 'b', 'c'" in str(caught.value) and "'a' holds" in str(caught.value)


def test_columns_of_a_frame_that_cannot_be_read():
    mixed = np.array([1, "a"] * 20, dtype=object)
    frame = pd.DataFrame({"v": mixed, "w": mixed, "k": [f"k{i}" for i in range(40)], "y": 1.0})
    with pytest.raises(ValueError, match="the frame has 3 faults") as caught:
        fastreg.read(frame, "y")
    assert [line.split("'")[1] for line in str(caught.value).splitlines()[1:]] == ["v", "w", "k"]


def test_a_name_that_is_written_nearly_so_spares_its_column(tmp_path):
    path, _ = _table(tmp_path, ["price", "gap"])
    told = _message(path, {"numbers": ["prise"]}).splitlines()[1:]
    assert told[0] == "  it has no column 'prise'; did you mean 'price'?"
    assert [_about(line) for line in told[1:]] == [{"gap"}]


def test_a_wrong_name_for_a_large_file_is_told_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "_QUICK", 10)
    monkeypatch.setattr(tables.Table, "_seen", None)  # nothing is read
    path, options = _table(tmp_path, ["price", "nowhere"])
    assert _message(path, options).startswith(f"{path} has no column 'nowhere'")


def test_a_target_of_one_text_is_told_with_others(tmp_path):
    path, _ = _table(tmp_path, ["gap", "price"])
    frame = pd.read_csv(path).assign(y="r")
    frame.to_csv(path, index=False)
    told = _message(path, {"labels": True}).splitlines()[1:]
    assert "'y' holds 1 different labels, 'r': 2 to 1000 are needed" in told[0]
    assert [_about(line) for line in told[1:]] == [{"price"}, {"gap"}]


def test_too_many_levels_do_not_hide_others(tmp_path):
    count = 10_050
    frame = pd.DataFrame(
        {"k": [f"k{i}" for i in range(count)], "p": [f"{i}%" for i in range(count)], "y": 1.0}
    )
    told = _message(frame, {}).splitlines()[1:]
    assert "'k' has more than 10000 different values" in told[0]
    assert "numbers=['p'] reads it as numbers" in told[1]
