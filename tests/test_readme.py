"""What the README says is true: its Python runs, its commands are the ones that CI runs."""

import re
from pathlib import Path

import numpy as np
import pytest
from conftest import needs_jit

from fastreg.cli import main

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@needs_jit
@pytest.mark.thorough
def test_the_python_runs_and_prints_what_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)  # it writes files
    names = {}
    for block in blocks("python"):
        exec(block, names)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "[0 1 2]"
    assert re.fullmatch(
        r"relative duality gap \S+; asked 1e-04, reached; .*; X read \d+ times", printed[1]
    )
    table = TEXT[TEXT.index("selective intervals") :].splitlines()[:8]
    assert "[0 1 2] 1.0" in printed
    start = printed.index(table[0])
    assert printed[start : start + 7] == table[:7]
    assert names["run"].objectives.shape == (201,)


def test_it_opens_with_the_two_commands():
    demo, tests = blocks("bash")[:2]
    assert demo.endswith(".venv/bin/python -m fastreg demo\n") and demo.count("\n") == 1
    assert (
        tests.endswith(".venv/bin/python -m pytest -n auto --dist loadfile\n")
        and tests.count("\n") == 1
    )
    assert blocks("bash")[1].strip() in TEXT[: TEXT.index("## ")]


def test_the_command_line_example_works(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name in ("houses.csv", "new.csv"):
        table = np.c_[rng.standard_normal((50, 3)), rng.standard_normal(50)]
        np.savetxt(name, table, delimiter=",", header="a,b,c,price", comments="")
    for command in blocks("bash")[2].strip().splitlines():
        assert main(command.removeprefix("python -m fastreg ").split()) == 0
    assert len((tmp_path / "predictions.csv").read_text().split()) == 51
    capsys.readouterr()


def test_the_command_line_example_of_classes_works(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name in ("visits.csv", "new.csv"):
        numbers = rng.standard_normal((60, 3))
        bought = np.where(numbers[:, 0] + rng.logistic(size=60) > 0, "yes", "no")
        rows = [",".join([*map(str, row), word]) for row, word in zip(numbers, bought, strict=True)]
        (tmp_path / name).write_text("\n".join(["a,b,prior,bought", *rows]) + "\n")
    for command in blocks("bash")[3].strip().splitlines():
        assert main(command.removeprefix("python -m fastreg ").split()) == 0
    header, *lines = (tmp_path / "odds.csv").read_text().split()
    assert header == "probability,class" and len(lines) == 60
    assert "D² (training)" in capsys.readouterr().out


def test_links_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), (page, target)
