"""`fastreg demo`: it runs through, its libraries agree, its figure is a figure."""

from __future__ import annotations

import os
import re
import sys

import numpy as np
import pytest

from fastreg.cli import demo, demo_diabetes, main

NO_JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("0", "")


@pytest.fixture
def small(monkeypatch):
    """Fewer rows than --quick, and few looks at the descent."""
    monkeypatch.setattr(demo, "_SIZES", {False: (2_000, 20), True: (2_000, 20)})
    monkeypatch.setattr(demo_diabetes, "_LOOKS", (1, 10, 100))


@pytest.mark.skipif(NO_JIT, reason="too slow without the compiler")
def test_quick_demo(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    path = tmp_path / "figure.png"
    assert main(["demo", "--quick", "--out", str(path)]) == 0
    out, err = capsys.readouterr()
    for name in ("NumPy", "Numba", "scikit-learn", "cores"):
        assert name in out
    assert "5 000 × 50" in out
    assert float(re.search(r"Max abs difference (\S+),", out)[1]) < 1e-10
    assert "First fit, compiling or loading" in out
    for name in ("Ridge, scikit-learn", "Lasso, scikit-learn"):
        row = next(line for line in out.splitlines() if name in line)
        apart = float(row.split()[-2] if "<" not in row.split()[-2] else row.split()[-3])
        assert apart < 1e-4
    for name in ("Ridge, 0.1", "Lasso, 0.1", "ElasticNet, 0.001"):
        assert name in out
    assert "certified bound on it" in out and "J* = " in out
    assert err == ""  # no bar where there is no terminal
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n") and content.endswith(b"IEND\xaeB`\x82")
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_without_plot_rich_or_matplotlib(small, tmp_path, capsys, monkeypatch):
    for name in ("rich", "rich.console", "rich.table", "rich.progress", "matplotlib"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--quick", "--no-plot"]) == 0
    out, err = capsys.readouterr()
    assert "Ridge, fastreg" in out and err == ""
    assert not list(tmp_path.iterdir())
    assert main(["demo", "--quick"]) == 1
    assert "pip install 'fastreg[cli]'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["figure.gif", "nowhere/figure.png"])
def test_the_output_is_checked_first(name, tmp_path, capsys):
    assert main(["demo", "--quick", "--out", str(tmp_path / name)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("fastreg: error: --out")


def test_short_memory_makes_it_smaller(small, capsys, monkeypatch):
    sizes = []

    def measure(m, n):
        sizes.append(m)
        if m > 1000:
            raise MemoryError
        return demo.Results()

    monkeypatch.setattr(demo, "_measure", measure)
    demo._large_problem(2_000, 20)
    assert sizes == [2_000, 1_000]
    assert "Memory is short: 1 000 rows instead of 2 000" in capsys.readouterr().out
    sizes.clear()
    monkeypatch.setattr(demo, "_available_memory", lambda: 1e5)
    demo._large_problem(2_000, 20)
    assert sizes == [1_000]


def test_the_problem_is_the_same_each_time(capsys):
    (X, y), (again, y_again) = demo.generate(3_000, 7), demo.generate(3_000, 7)
    np.testing.assert_array_equal(X, again)
    np.testing.assert_array_equal(y, y_again)
    assert np.abs(np.corrcoef(X.T) - np.eye(7)).max() > 0.1
