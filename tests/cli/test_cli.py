"""The commands: reports, predictions, and one line for whatever is wrong."""

from __future__ import annotations

import csv
import re
import subprocess
import sys

import numpy as np
import pytest

import fastreg
from fastreg import persistence
from fastreg.cli import main

pytest.importorskip("pyarrow")

NAMES = ["age", "income", "[bold]odd[/bold]"]


@pytest.fixture
def table(tmp_path):
    """A CSV of three features, a target, weights and a text column."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((50, 3)) * [1.0, 100.0, 0.01]
    y = X @ [2.0, 0.05, 300.0] + 1.0 + 0.01 * rng.standard_normal(50)
    w = rng.uniform(0.5, 2.0, 50)
    path = tmp_path / "data.csv"
    with open(path, "w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*NAMES, "price", "w", "city"])
        numbers = np.column_stack([X, y, w]).tolist()
        writer.writerows([*map(repr, row), "x"] for row in numbers)
    return path, X, y, w


def _fit(path, *options):
    return ["fit", str(path), "--target", "price", "--drop", "city", *map(str, options)]


def _fails(argv, capsys, *parts, status=1):
    """argv ends with this status and one line on stderr, which is returned."""
    err = _fails_in_lines(argv, capsys, *parts, status=status)
    assert err.count("\n") == 1
    return err


def _fails_in_lines(argv, capsys, *parts, status=1):
    """The same, in any number of lines."""
    assert main(list(map(str, argv))) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("fastreg: error: ")
    assert err.endswith("\n")
    for part in parts:
        assert part in err
    return err


def _misused(argv, capsys, *parts):
    """The same, where the command line is at fault."""
    return _fails(argv, capsys, *parts, status=2)


@pytest.fixture(params=["rich", "plain"])
def look(request, monkeypatch):
    """With rich, and as if it were not installed."""
    if request.param == "rich":
        pytest.importorskip("rich")
    else:
        for name in ("rich", "rich.console", "rich.table", "rich.progress", "rich.text"):
            monkeypatch.setitem(sys.modules, name, None)
    return request.param


# ---------------------------------------------------------------- fit


def test_the_report_says_what_was_done(table, capsys, look):
    path, X, y, w = table
    assert main(_fit(path, "--alpha", 0.5, "--weights", "w")) == 0
    out, err = capsys.readouterr()
    X = np.asfortranarray(X)  # as a table is read: the same sums, to the last bit
    model = fastreg.Ridge(alpha=0.5).fit(X, y, w)
    assert err == ""
    assert "50 rows × 3 features, CSV" in out and str(path) in out
    assert "Ridge, alpha=0.5, tol=0.0001, with intercept" in out
    assert str(model.certificate_) in out
    assert f"{model.score(X, y, w):.6f}" in out
    assert "3 of 3 coefficients" in out
    assert re.search(r"time +[\d.]+ m?s: [\d.]+ m?s to read, [\d.]+ m?s to fit", out)
    assert "saved" not in out
    rows = [line for line in out.splitlines() if any(f" {n} " in f" {line} " for n in NAMES)]
    order = np.argsort(-np.abs(model.coef_) * X.std(axis=0))
    assert [row.strip().split()[0] for row in rows] == [NAMES[j] for j in order]
    assert f"{model.coef_[1]:+.6g}" in rows[0]
    assert f"{abs(model.coef_[1]) * X[:, 1].std():.6g}" in rows[0]


def test_top_limits_the_table(table, capsys):
    assert main(_fit(table[0], "--drop", "w", "--top", 1)) == 0
    out, _ = capsys.readouterr()
    assert "income" in out and "age" not in out
    assert main(_fit(table[0], "--drop", "w", "--top", 0)) == 0
    assert "income" not in capsys.readouterr().out


OPTIONS = {
    "ridge": ([], lambda: fastreg.Ridge()),
    "lasso": (["--model", "lasso", "--alpha", "0.1"], lambda: fastreg.Lasso(0.1)),
    "elasticnet": (
        ["--model", "elasticnet", "--alpha", "0.1", "--l1-ratio", "0.3"],
        lambda: fastreg.ElasticNet(0.1, l1_ratio=0.3),
    ),
    "the rest": (
        ["--model", "lasso", "--no-intercept", "--positive", "--tol", "1e-8", "--max-iter", "500"],
        lambda: fastreg.Lasso(fit_intercept=False, positive=True, tol=1e-8, max_iter=500),
    ),
}


@pytest.mark.parametrize("suffix", [".npz", ".json"])
@pytest.mark.parametrize("name", OPTIONS)
def test_the_saved_model_is_the_fitted_one(name, suffix, table, capsys):
    path, X, y, _ = table
    options, model = OPTIONS[name]
    out = path.with_name(f"model{suffix}")
    assert main(_fit(path, "--drop", "w", "--save", out, *options)) == 0
    assert re.search(f"saved +{re.escape(str(out))}", capsys.readouterr().out)
    loaded, expected = fastreg.load_model(out), model().fit(np.asfortranarray(X), y)
    assert type(loaded) is type(expected)
    assert loaded.get_params() == expected.get_params()
    np.testing.assert_array_equal(loaded.coef_, expected.coef_)
    assert list(loaded.feature_names_in_) == NAMES
    assert not list(path.parent.glob("*.tmp"))


def test_a_warning_is_one_line(table, capsys):
    argv = _fit(table[0], "--model", "lasso", "--alpha", 1e-3, "--tol", 1e-15, "--max-iter", 1)
    assert main(argv) == 3
    out, err = capsys.readouterr()
    assert "NOT reached" in out
    assert err.startswith("fastreg: warning: Lasso reached a relative duality gap of ")
    assert err.count("\n") == 1 and "raise --max-iter, now 1" in err


def test_a_constant_target_has_no_r_squared(tmp_path, capsys):
    path = tmp_path / "d.csv"
    path.write_text("a,y\n1,5\n2,5\n3,5\n")
    assert main(["fit", str(path), "--target", "y"]) == 0
    assert "not defined" in capsys.readouterr().out


def test_npz_and_svmlight_are_fitted(tmp_path, capsys):
    X, y = np.eye(3), np.arange(3.0)
    np.savez(tmp_path / "d.npz", X=X, y=y)
    assert main(["fit", str(tmp_path / "d.npz")]) == 0
    assert "column 2" in capsys.readouterr().out
    (tmp_path / "d.svm").write_text("0 1:1\n1 2:1\n2 3:1\n")
    assert main(["fit", str(tmp_path / "d.svm")]) == 0
    assert "3 rows × 3 features, svmlight" in capsys.readouterr().out


BAD_OPTIONS = {
    "alpha": (["--alpha", "-1"], "--alpha"),
    "alpha text": (["--alpha", "much"], "--alpha"),
    "alpha nan": (["--alpha", "nan"], "--alpha"),
    "alpha inf": (["--alpha", "inf"], "--alpha"),
    "tol": (["--tol", "-1e-3"], "--tol"),
    "max-iter": (["--max-iter", "0"], "--max-iter"),
    "max-iter text": (["--max-iter", "1.5"], "--max-iter"),
    "top": (["--top", "-1"], "--top"),
    "l1-ratio": (["--model", "elasticnet", "--l1-ratio", "1.5"], "--l1-ratio"),
    "l1-ratio of ridge": (["--l1-ratio", "0.5"], "--l1-ratio"),
    "model": (["--model", "forest"], "--model"),
    "unknown": (["--frobnicate"], "--frobnicate"),
    "drop nothing there": (["--drop", "ages"], "did you mean 'age'"),
    "weights": (["--weights", "weight"], "no column 'weight'"),
    "negative weights": (["--weights", "age"], "sample_weight has a negative entry"),
    "suffix": (["--save", "model.pkl"], ".npz or .json"),
    "folder": (["--save", "nowhere/model.npz"], "there is no folder nowhere"),
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_bad_options_of_fit(name, table, capsys, monkeypatch):
    monkeypatch.chdir(table[0].parent)
    options, part = BAD_OPTIONS[name]
    before = sorted(table[0].parent.iterdir())
    of_file = name in ("drop nothing there", "weights", "negative weights")
    _fails(_fit(table[0], *options), capsys, part, status=1 if of_file else 2)
    assert sorted(table[0].parent.iterdir()) == before


@pytest.mark.parametrize(
    "argv", [["frobnicate"], ["fit"], ["predict", "model.npz"], ["demo", "--out"]]
)
def test_bad_commands(argv, capsys):
    _misused(argv, capsys, "--help shows the options")


def test_bad_columns(table, capsys):
    path = table[0]
    _fails(["fit", path, "--target", "prise"], capsys, "'prise'", "'price'")
    _misused(["fit", path], capsys, "--target")
    _fails(["fit", path.with_name("none.csv"), "--target", "y"], capsys, "no such file")


def test_names_cannot_break_the_line(tmp_path, capsys):
    path = tmp_path / "d.csv"
    path.write_text('"a\nb\x1b[31m",y\n1,1\n,2\n')
    assert "\x1b" not in _fails(["fit", path, "--target", "y"], capsys, "contains NaN")


def test_outputs_are_checked_before_fitting(table, capsys, monkeypatch):
    def never(*_, **__):
        raise AssertionError("fitted")

    monkeypatch.setattr(fastreg.Ridge, "fit", never)
    path = table[0]
    _misused(_fit(path, "--save", path.parent / "m.txt"), capsys, "m.txt")
    _fails(
        _fit(path, "--save", path.parent / "no" / "m.npz"), capsys, "there is no folder", status=2
    )
    (path.parent / "f.npz").mkdir()
    _misused(_fit(path, "--save", path.parent / "f.npz"), capsys, "this is a folder")


def test_the_input_is_not_overwritten(tmp_path, capsys):
    path = tmp_path / "d.npz"
    np.savez(path, X=np.eye(2), y=np.ones(2))
    before = path.read_bytes()
    _misused(["fit", path, "--save", path], capsys, "overwrite the input")
    assert path.read_bytes() == before


ALIASES = {
    "itself": lambda path, alias: path,
    "a link": lambda path, alias: alias.symlink_to(path),
    "a hard link": lambda path, alias: alias.hardlink_to(path),
    "a link to its folder": lambda path, alias: alias.symlink_to(path.parent),
}


@pytest.mark.parametrize("kind", ALIASES)
@pytest.mark.parametrize("option", ["predict", "fit"])
def test_no_output_goes_onto_a_file_of_an_input_folder(tmp_path, capsys, option, kind):
    folder, model = tmp_path / "t", tmp_path / "m.npz"
    folder.mkdir()
    for name in ("p1.csv", "p2.csv"):
        rows = "".join(f"{i},{i * i % 7},{3 * i}\n" for i in range(20))
        (folder / name).write_text("a,b,y\n" + rows)
    assert main(["fit", str(folder), "--target", "y", "--save", str(model)]) == 0
    capsys.readouterr()
    before = {path: path.read_bytes() for path in (model, *folder.iterdir())}
    suffix, onto = (".csv", folder / "p1.csv") if option == "predict" else (".npz", model)
    alias = tmp_path / f"alias{suffix if kind != 'a link to its folder' else ''}"
    found = ALIASES[kind](onto, alias) or alias
    found = found / onto.name if kind == "a link to its folder" else found
    if option == "predict":
        _misused(["predict", model, folder, "--out", found], capsys, "overwrite the input")
    else:
        _misused(["fit", model, "--save", found], capsys, "overwrite the input")
    assert {path: path.read_bytes() for path in before} == before


def test_no_output_becomes_an_input(saved, capsys):
    model, path, _ = saved
    folder = path.parent
    before = sorted(folder.iterdir())
    _fails(
        ["predict", model, folder, "--out", folder / "new.csv"],
        capsys,
        "name a file outside",
        status=2,
    )
    (folder / "deeper").mkdir()
    _fails(
        ["predict", model, folder, "--out", folder / "deeper" / "p.csv"],
        capsys,
        "name a file outside",
        status=2,
    )
    assert sorted(folder.iterdir()) == sorted([*before, folder / "deeper"])


def test_a_model_in_the_folder_of_its_data_is_saved_again(table, capsys):
    folder = table[0].parent
    for _ in range(2):  # it is not read with the tables
        assert main(_fit(folder, "--save", folder / "m.npz")) == 0


def test_predictions_keep_the_permissions_of_their_file(saved, capsys):
    model, path, _ = saved
    target = path.with_name("p.csv")
    target.write_text("old")
    target.chmod(0o600)
    assert main(["predict", str(model), str(path), "--out", str(target)]) == 0
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_save_that_fails_leaves_nothing(table, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "m.npz")

    monkeypatch.setattr(persistence.os, "fsync", full)
    _fails(_fit(table[0], "--save", table[0].parent / "m.npz"), capsys, "no space left")
    assert [item.name for item in table[0].parent.iterdir()] == ["data.csv"]


def test_an_interrupt_is_130(table, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(fastreg.Ridge, "fit", interrupted)
    assert main(_fit(table[0], "--save", table[0].parent / "m.npz")) == 130
    assert capsys.readouterr().err == "fastreg: interrupted\n"
    assert not (table[0].parent / "m.npz").exists()


def test_short_memory_is_an_error(table, capsys, monkeypatch):
    def short(*_, **__):
        raise MemoryError

    monkeypatch.setattr(fastreg.Ridge, "fit", short)
    _fails(_fit(table[0]), capsys, "not enough memory")


def test_a_european_file_is_read_by_its_options_and_predicted_without(tmp_path, capsys):
    path, model = tmp_path / "t.csv", tmp_path / "m.npz"
    lines = [f"{i}.000,5;{i + 1:02d}/01/2023;{'?' if i == 3 else i};{i},5" for i in range(1, 20)]
    path.write_text("# of X\n" + "\n".join(["a;d;b;y", *lines]) + "\n")
    argv = ["fit", path, "--target", "y", "--sep", ";", "--decimal", ",", "--comment", "#"]
    _fails_in_lines(argv, capsys, "has 3 faults", "--numbers a", "--thousands .", "line 3")
    argv += [
        "--numbers",
        "a",
        "b",
        "--thousands",
        ".",
        "--na-values",
        "?",
        "--missing",
        "indicator",
    ]
    _misused([*argv, "--date-format", "d"], capsys, "--date-format: must be COL=TEXT")
    _misused([*argv, "--keep-default-na", "no"], capsys, "must be true or false")
    argv += ["--date-format", "d=%d/%m/%Y", "--alpha", "1e-9", "--save", model]
    assert main(list(map(str, argv))) == 0
    capsys.readouterr()
    assert main(["predict", str(model), str(path)]) == 0
    found = np.array(capsys.readouterr().out.split(), float)
    np.testing.assert_allclose(found, np.arange(1, 20) + 0.5, atol=0.05)
    _fails(["predict", model, path, "--sep", "|"], capsys, "give --sep ';'")


# ---------------------------------------------------------------- predict


@pytest.fixture
def saved(table, capsys):
    path, X, y, _ = table
    out = path.with_name("model.npz")
    assert main(_fit(path, "--drop", "w", "--save", out)) == 0
    capsys.readouterr()
    return out, path, fastreg.Ridge().fit(np.asfortranarray(X), y).predict(np.asfortranarray(X))


def test_predictions_are_the_models(saved, capsys):
    model, path, expected = saved
    assert main(["predict", str(model), str(path)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    np.testing.assert_array_equal(np.array(out.split(), float), expected)


def test_predictions_to_a_file(saved, capsys):
    model, path, expected = saved
    target = path.with_name("p.csv")
    target.write_text("old")
    assert main(["predict", str(model), str(path), "--out", str(target)]) == 0
    assert f"50 predictions written to {target}" in capsys.readouterr().out
    header, *lines = target.read_text().splitlines()
    assert header == "prediction"
    np.testing.assert_array_equal(np.array(lines, float), expected)


def test_order_and_extra_columns_do_not_matter(saved, capsys):
    import pyarrow.csv

    model, path, expected = saved
    table = pyarrow.csv.read_csv(path)
    shuffled = path.with_name("shuffled.csv")
    pyarrow.csv.write_csv(table.select(list(reversed(table.column_names))), shuffled)
    assert main(["predict", str(model), str(shuffled)]) == 0
    np.testing.assert_array_equal(np.array(capsys.readouterr().out.split(), float), expected)
    pyarrow.csv.write_csv(table.drop_columns(["income"]), shuffled)
    _fails(["predict", model, shuffled], capsys, "no column 'income'")


def test_bad_calls_of_predict(saved, capsys):
    model, path, _ = saved
    folder = path.parent
    _fails(["predict", folder / "none.npz", path], capsys, "none.npz", "no such file")
    _fails(["predict", path, path], capsys, "data.csv", ".npz or .json")
    _fails(["predict", model, folder / "none.csv"], capsys, "no such file")
    _fails(
        ["predict", model, path, "--out", folder / "p.txt"], capsys, "must end in .csv", status=2
    )
    _fails(
        ["predict", model, path, "--out", folder / "no" / "p.csv"], capsys, "no folder", status=2
    )
    _misused(["predict", model, path, "--out", path], capsys, "overwrite the input")
    content = model.read_bytes()
    model.write_bytes(content[: len(content) // 2])
    _fails(["predict", model, path], capsys, "model.npz", "not a sound fastreg model")
    model.write_bytes(content)
    path.write_text("age,income,[bold]odd[/bold]\n1,2,3\n4,,6\n")
    _fails(
        ["predict", model, path, "--out", folder / "p.csv"],
        capsys,
        "line 3, 'income'; fill it",
    )
    assert sorted(item.name for item in folder.iterdir()) == ["data.csv", "model.npz"]


def test_several_targets_are_several_columns(tmp_path, capsys):
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((8, 2)), rng.standard_normal((8, 2))
    model = fastreg.Ridge().fit(X, Y)
    fastreg.save_model(model, tmp_path / "m.json")
    np.savez(tmp_path / "d.npz", X=X)
    argv = ["predict", tmp_path / "m.json", tmp_path / "d.npz", "--out", tmp_path / "p.csv"]
    assert main(list(map(str, argv))) == 0
    header, *lines = (tmp_path / "p.csv").read_text().splitlines()
    assert header == "prediction_0,prediction_1"
    np.testing.assert_array_equal([list(map(float, r.split(","))) for r in lines], model.predict(X))


def test_svmlight_from_fit_to_predict(tmp_path, capsys):
    (tmp_path / "d.svm").write_text("".join(f"{i} {i % 3}:1 3:{i}\n" for i in range(9)))
    model = str(tmp_path / "m.npz")
    assert main(["fit", str(tmp_path / "d.svm"), "--save", model]) == 0
    capsys.readouterr()
    (tmp_path / "e.svm").write_text("0 1:1\n0 3:2 9:5\n")  # counts from 0, though nothing says so
    assert main(["predict", model, str(tmp_path / "e.svm")]) == 0
    loaded = fastreg.load_model(model)
    expected = [[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0]] @ loaded.coef_ + loaded.intercept_
    predicted = np.array(capsys.readouterr().out.split(), float)
    np.testing.assert_allclose(predicted, expected, rtol=1e-14)


# ---------------------------------------------------------------- the process


def test_as_a_process(table):
    path = table[0]
    command = [sys.executable, "-m", "fastreg"]
    model = path.with_name("m.json")
    done = subprocess.run(
        [*command, *_fit(path, "--drop", "w", "--save", model)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**__import__("os").environ, "PYTHONIOENCODING": "ascii"},  # "²" must not end it
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "R\\xb2 (training)" in done.stdout
    done = subprocess.run([*command, "predict", model, "none.csv"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "fastreg: error: none.csv: no such file\n"


def test_version_and_help(capsys):
    for option, text in (("--version", fastreg.__version__), ("--help", "predict")):
        with pytest.raises(SystemExit) as caught:
            main([option])
        assert caught.value.code == 0
        assert text in capsys.readouterr().out


def test_warmup_says_how_long_each_part_took(monkeypatch, capsys):
    asked = []

    def warmup(families, processes):
        asked.append((families, processes))
        return {"gaussian small": 2.0}

    monkeypatch.setattr("fastreg.warming.warmup", warmup)
    assert main(["warmup", "--family", "gaussian", "--processes", "2"]) == 0
    assert asked == [(["gaussian"], 2)] and capsys.readouterr().out.split()[-2:] == ["2.0", "s"]
    monkeypatch.undo()
    monkeypatch.setattr("fastreg._jit.cache.cache_directory", lambda: None)
    assert main(["warmup"]) == 1
    assert "set NUMBA_CACHE_DIR" in capsys.readouterr().err
