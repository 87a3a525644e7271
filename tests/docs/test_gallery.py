"""Every example of the gallery runs without a warning, draws, and keeps to plain prose."""

import ast
import re
import runpy
from pathlib import Path

import matplotlib
import pytest
from conftest import needs_jit
from matplotlib import pyplot

GALLERY = Path(__file__).resolve().parents[2] / "docs" / "gallery"
STYLE = GALLERY.parent / "gallery.mplstyle"
EXAMPLES = sorted(GALLERY.rglob("plot_*.py"))
MOST_WORDS = 30

each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)


def prose(text):
    """The paragraphs below the title, and those that open a cell."""
    yield ast.get_docstring(ast.parse(text)).split("\n", 2)[2]
    for cell in re.findall(r"^# %%\n((?:#.*\n)+)", text, re.MULTILINE):
        yield re.sub(r"^# ?", "", cell, flags=re.MULTILINE)


def too_long(paragraph):
    sentences = re.split(r"(?<=[.!?:])\s+", paragraph.strip())
    return [each for each in sentences if len(each.split()) > MOST_WORDS]


@needs_jit
@pytest.mark.thorough
@each_example
def test_it_runs_and_draws(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some write files
    matplotlib.use("Agg")
    monkeypatch.setattr(pyplot, "show", lambda: None)
    with pyplot.style.context(STYLE):
        try:
            runpy.run_path(str(example), run_name="__main__")
            assert pyplot.get_fignums()
            for number in pyplot.get_fignums():
                pyplot.figure(number).canvas.draw()
        finally:
            pyplot.close("all")


@each_example
def test_it_has_a_title_and_cells(example):
    text = example.read_text(encoding="utf-8")
    title, line, *_ = ast.get_docstring(ast.parse(text)).splitlines()
    assert line == "=" * len(title)
    assert text.count("\n# %%\n") >= 2 and "plt.show()" in text


@each_example
def test_its_sentences_are_short(example):
    for paragraph in prose(example.read_text(encoding="utf-8")):
        assert not too_long(paragraph)


def test_a_long_sentence_is_found():
    assert too_long("One. " + "word " * 31 + "end.") and not too_long("Short. " * 40)


def test_every_folder_has_a_header():
    folders = {example.parent for example in EXAMPLES} | {GALLERY}
    assert len(EXAMPLES) >= 20 and all((folder / "README.txt").exists() for folder in folders)
