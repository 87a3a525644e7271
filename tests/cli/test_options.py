"""Options: help, values between commas, standard input, what is printed, and exit statuses."""

from __future__ import annotations

import gzip
import io
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest

import fastreg
from fastreg._progress import Meter, draw_bar
from fastreg.cli import console, main
from fastreg.cli.options import parser
from fastreg.cli.warned import Warned
from fastreg.cli.wording import as_flags

pytest.importorskip("pyarrow")
ROWS = [f"{i},{i % 3},{'NRS'[i % 3]},{2 * i + (i % 3)}" for i in range(30)]
TABLE = "\n".join(["a,b,side,y", *ROWS]) + "\n"


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.csv").write_text(TABLE)
    return tmp_path / "d.csv"


def _commands():
    """{name: parser} of the commands."""
    (of,) = (each for each in parser()._actions if isinstance(each.choices, dict))
    return of.choices


def _given(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


# ---------------------------------------------------------------- help


def test_alone_it_prints_its_help(capsys):
    assert main([]) == 0
    out, err = capsys.readouterr()
    assert err == "" and "usage: fastreg" in out and "exit status:" in out
    for name in ("fit", "predict", "demo", "warmup"):
        assert re.search(rf"^    {name} ", out, re.MULTILINE)


@pytest.mark.parametrize("name", ["fit", "predict"])
def test_help_groups_options_and_says_the_exit_status(name, capsys):
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    titles = re.findall(r"^([a-z][^:\n]*).*:$", out, re.MULTILINE)
    wanted = ("data", "model", "choice", "output") if name == "fit" else ("data", "output")
    assert [title for title in titles if title in wanted] == list(wanted)
    assert "%%" not in out and all(f"\n  {status} " in out for status in (0, 1, 2, 3))


@pytest.mark.parametrize("name", ["fit", "predict", "demo", "warmup"])
def test_each_option_says_what_it_does_and_its_default(name):
    for action in _commands()[name]._actions:
        assert action.help, action.option_strings
        if action.option_strings and action.dest not in ("help", "target"):
            assert "(default" in action.help, action.option_strings
        if action.metavar and ("=" in action.metavar or action.metavar == "C"):
            assert any(word in action.help for word in ("such as", "'")), action.option_strings


def test_the_parser_needs_no_numpy():
    code = "import sys, fastreg.cli.options as o; o.parser(); print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# ---------------------------------------------------------------- values


def test_columns_stand_between_commas_or_apart(path, capsys):
    for drop in (["--drop", "b,side"], ["--drop", "b", "side"], ["--drop", "b", "--drop", "side"]):
        assert main(["fit", "d.csv", "--target", "y", *drop]) == 0
        assert "30 rows × 1 features" in capsys.readouterr().out


def test_a_name_with_a_comma_stands_between_quotes(tmp_path, capsys):
    path = tmp_path / "d.csv"
    path.write_text('"a, b",c,y\n1,2,3\n2,1,5\n')
    assert main(["fit", str(path), "--target", "y", "--drop", '"a, b"']) == 0
    assert "2 rows × 1 features" in capsys.readouterr().out


def test_words_of_missing_values_are_those_of_the_reader(tmp_path, capsys):
    path = tmp_path / "d.csv"
    lines = [f"{'?' if i == 3 else i},{'-1' if i == 4 else i % 5},{i}" for i in range(30)]
    path.write_text("\n".join(["a,b,y", *lines]) + "\n")
    asked = ["fit", str(path), "--target", "y", "--missing", "drop"]
    assert main([*asked, "--na-values", "NA,?"]) == 0
    assert "29 rows" in capsys.readouterr().out
    assert main([*asked, "--na-values-of", "b=-1,999", "a=?"]) == 0
    assert "28 rows" in capsys.readouterr().out
    assert main([*asked, "--na-values", "?", "--na-values-of", "b=-1"]) == 2
    assert "give one" in capsys.readouterr().err


def test_levels_are_given_beforehand(path, capsys):
    assert main(["fit", "d.csv", "--target", "y", "--levels", "side=N,R,S,T"]) == 0
    assert "30 rows × 6 features" in capsys.readouterr().out
    assert main(["fit", "d.csv", "--target", "y", "--levels", "side=N", "--categories", "b"]) == 2
    assert "--categories and --levels" in capsys.readouterr().err


@pytest.mark.parametrize("sep", [r"\t", "tab", "\t"])
def test_tabs(sep, path, capsys):
    path.write_text(TABLE.replace(",", "\t"))
    assert main(["fit", "d.csv", "--target", "y", "--sep", sep]) == 0
    path.rename(path.with_suffix(".tsv"))
    assert main(["fit", "d.tsv", "--target", "y"]) == 0
    reports = capsys.readouterr().out.split("data ")[1:]
    assert [each.split(",")[0].split()[0] for each in reports] == ["30", "30"]


# ---------------------------------------------------------------- standard input


@pytest.mark.parametrize("pack", [lambda text: text, gzip.compress], ids=["plain", "gzip"])
def test_standard_input_is_a_table(pack, path, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    argv = ["fit", "--target", "y", "--alpha", "1e-6", "--save", "m.json"]
    assert main([*argv, "d.csv"]) == 0
    expected = fastreg.load_model("m.json").coef_
    _given(monkeypatch, pack(TABLE.encode()))
    assert main([*argv, "-"]) == 0
    np.testing.assert_array_equal(fastreg.load_model("m.json").coef_, expected)
    assert "CSV, standard input" in capsys.readouterr().out
    _given(monkeypatch, pack(TABLE.encode()))
    assert main(["predict", "m.json", "-"]) == 0
    assert len(capsys.readouterr().out.split()) == 30
    assert not list(tmp_path.glob("fastreg-*"))


def test_a_fault_of_standard_input_names_it(path, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    _given(monkeypatch, TABLE.replace("\n4,1", "\n4,").encode())
    assert main(["fit", "-", "--target", "y"]) == 1
    err = capsys.readouterr().err
    assert "standard input, line 6, 'b'" in err and "fastreg-" not in err
    assert not list(tmp_path.glob("fastreg-*"))


# ---------------------------------------------------------------- unknown categories


def test_a_category_that_the_fit_has_not_seen(path, capsys):
    argv = ["fit", "d.csv", "--target", "y", "--save", "m.json"]
    assert main(argv) == 0
    capsys.readouterr()
    path.with_name("new.csv").write_text("a,b,side\n1,2,N\n1,2,X\n")
    for option in ([], ["--unknown", "error"]):
        assert main(["predict", "m.json", "new.csv", *option]) == 1
        out, err = capsys.readouterr()
        assert out == "" and "new.csv, line 3, 'side': 'X'" in err and "--unknown ignore" in err
    assert main(["predict", "m.json", "new.csv", "--unknown", "ignore"]) == 0
    model = fastreg.load_model("m.json")
    found = np.array(capsys.readouterr().out.split(), float)
    assert found[1] == pytest.approx(model.intercept_ + model.coef_[:2] @ [1, 2])
    assert found[0] != found[1]


def test_unknown_is_for_models_of_tables(tmp_path, capsys):
    np.savez(tmp_path / "d.npz", X=np.eye(3), y=np.arange(3.0))
    model, data = str(tmp_path / "m.npz"), str(tmp_path / "d.npz")
    assert main(["fit", data, "--save", model]) == 0
    capsys.readouterr()
    assert main(["predict", model, data, "--unknown", "ignore"]) == 2
    assert "--unknown: the model was not fitted to a table" in capsys.readouterr().err


# ---------------------------------------------------------------- warnings, progress, words


def test_a_warning_is_shown_once(capsys):
    with Warned() as warned:
        for gap in range(80):
            warnings.warn(f"a gap of {gap}.5e-3 is too large", UserWarning, stacklevel=1)
        warnings.warn("something else", UserWarning, stacklevel=1)
    assert not warned.unfinished
    first, second, more = capsys.readouterr().err.splitlines()
    assert first.endswith("a gap of 0.5e-3 is too large") and second.endswith("something else")
    assert "79 more of this kind: a gap of" in more


def test_a_model_that_is_not_finished_is_written(path, capsys):
    argv = ["fit", "d.csv", "--target", "y", "--model", "lasso", "--alpha", "1e-3"]
    assert main([*argv, "--tol", "1e-15", "--max-iter", "1", "--save", "m.json"]) == 3
    assert "NOT reached" in capsys.readouterr().out
    assert not fastreg.load_model("m.json").certificate_.converged


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def test_bars_end_at_all_of_it(monkeypatch):
    stream = _Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with Meter(None, 1000, shown=True) as meter:
        meter.advance(10, 400)  # what is read is less than the size says
    assert stream.getvalue().endswith("\n") and "] 100 %" in stream.getvalue()
    meter = Meter(None, 1000, shown=True)
    meter.advance(10, 400)
    meter.__exit__(KeyError, KeyError(), None)
    assert "]  40 %" in stream.getvalue().splitlines()[-1]
    draw_bar(5, 5)
    assert "100 % 5/5\n" in stream.getvalue()


@pytest.mark.parametrize("rich", [True, False])
def test_progress_is_for_terminals(rich, monkeypatch, capsys):
    if rich:
        pytest.importorskip("rich")
    else:
        monkeypatch.setitem(sys.modules, "rich.console", None)
    with console.progress("work", 3) as advance:
        advance(1)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys, "stderr", _Terminal())
    with console.progress("work", 3) as advance:
        advance(1)
    assert re.findall(r"\d+ ?%", sys.stderr.getvalue())[-1].startswith("100")


def test_cross_validation_draws_a_bar_on_a_terminal(path, monkeypatch):
    monkeypatch.setattr(sys, "stderr", _Terminal())
    assert main(["fit", "d.csv", "--target", "y", "--model", "lasso", "--cv", "3"]) == 0
    assert "100 % 3/3\n" in sys.stderr.getvalue()


WORDS = {
    "give sep=';' and decimal=','": "give --sep ';' and --decimal ,",
    "numbers=['a b'] and na_values=['?', '-'] reads": "--numbers 'a b' and --na-values '?,-' reads",
    "na_values={'a': ['NA', 'x, y']}": "--na-values-of 'a=NA,\"x, y\"'",
    "date_format={'day': '%d/%m/%Y'}": "--date-format day=%d/%m/%Y",
    "keep_default_na=False keeps": "--keep-default-na false keeps",
    'drop=["it\'s"] leaves': "--drop 'it'\"'\"'s' leaves",
    "na_values=['a', 'b' and 3 more]": "--na-values a,b",
    "rounding stopped it: raise tol": "rounding stopped it: raise --tol",
    "the column 'missing' is odd": "the column 'missing' is odd",
}


@pytest.mark.parametrize("text", WORDS)
def test_messages_name_flags(text):
    assert as_flags(text) == WORDS[text]


def test_a_row_of_another_length_is_told_by_its_line(tmp_path, capsys):
    path = tmp_path / "d.csv"
    path.write_text("# about\na,b,y\n1,2,3\n\n4,5,6\n7,8\n")
    assert main(["fit", str(path), "--target", "y", "--comment", "#"]) == 1
    assert "line 6 has 2 values, the header has 3" in capsys.readouterr().err
