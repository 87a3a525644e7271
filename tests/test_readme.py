"""The README's commands are those that CI runs, and work; `docs/test_pages.py` runs its Python."""

import re
from pathlib import Path

import numpy as np

from fastreg.cli import main
from tests.docs.pages import code

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
GENERATED = ("auto_gallery/", "generated/")  # parts of the site


def commands():
    return code(TEXT, "bash")


def test_it_has_the_two_commands():
    demo, tests = (block for block in commands() if "venv" in block)
    assert demo.endswith(".venv/bin/python -m fastreg demo\n") and demo.count("\n") == 1
    assert tests.endswith(".venv/bin/python -m pytest -n auto --dist loadfile\n")
    assert tests.count("\n") == 1


def test_the_command_line_example_works(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name in ("houses.csv", "new.csv"):
        table = np.c_[rng.standard_normal((50, 3)), rng.standard_normal(50)]
        np.savetxt(name, table, delimiter=",", header="a,b,c,price", comments="")
    for command in commands()[0].strip().splitlines():
        assert main(command.removeprefix("python -m fastreg ").split()) == 0
    assert len((tmp_path / "predictions.csv").read_text().split()) == 51
    capsys.readouterr()


def test_links_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            if not target.startswith(GENERATED):
                assert (page.parent / target).exists(), (page, target)
