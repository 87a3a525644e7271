"""Pages are true and easy to read: code runs and prints what they show; sentences are short."""

import importlib.util
import re
import shlex
import tomllib
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from conftest import needs_jit
from sklearn.datasets import load_diabetes

import fastreg
import fastreg.network
from fastreg.cli import main
from tests.docs import pages, readability, site

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
# The pages of "coming from" run beside the packages that they speak of, in a test of their own.
APART = {"_build", "auto_gallery", "coming-from", "decisions", "generated"}
PAGES = [ROOT / "README.md"] + [
    page for page in sorted(DOCS.rglob("*.md")) if not APART & set(page.relative_to(DOCS).parts)
]
PLAIN = [page for page in PAGES if page.name not in {"releasing.md", "support.md"}]


def name(page):
    return str(page.relative_to(ROOT))


@needs_jit
@pytest.mark.thorough
@pytest.mark.parametrize("page", PAGES, ids=name)
def test_code_runs_and_prints_what_the_page_shows(page, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    for block, printed in pages.run(page.read_text(encoding="utf-8"), name(page)):
        if block.shown is not None:
            assert pages.agrees(printed, block.shown), printed
    plt.close("all")


@pytest.mark.parametrize("page", PLAIN, ids=name)
def test_no_sentence_is_long(page):
    for words in readability.sentences(page.read_text(encoding="utf-8")):
        assert len(words) <= 30, " ".join(words)


def commands(page):
    """The commands of the `console` blocks of a page, in words."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        yield from (shlex.split(line[2:], comments=True) for line in block.splitlines())


def test_commands_name_what_there_is():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = extras["project"]["optional-dependencies"]
    sessions = re.findall(r"^def (\w+)\(session", (ROOT / "noxfile.py").read_text(), re.MULTILINE)
    seen = 0
    for page in PAGES:
        for words in commands(page):
            seen += 1
            if words[:2] == ["python", "-m"]:
                assert importlib.util.find_spec(words[2]), words
            elif words[0] == "pip":
                named = re.search(r"\[(.*)\]", words[-1])
                assert named is None or named[1] in extras, words
            elif words[0] == "nox":
                assert words[2] in sessions, words
            else:
                assert words[0] == "asv", words
    assert seen > 12


def test_the_commands_of_the_quickstart_work(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    frame = load_diabetes(as_frame=True).frame.rename(columns={"target": "progression"})
    frame.to_csv("patients.csv", index=False)
    frame.drop(columns="progression").to_csv("new.csv", index=False)
    for words in commands(DOCS / "quickstart.md"):
        assert main(words[3:]) == 0
    assert len(Path("predictions.csv").read_text().split()) == 1 + len(frame)
    capsys.readouterr()


def test_the_readme_is_short():
    assert (ROOT / "README.md").read_text(encoding="utf-8").count("\n") < 120


def test_the_reference_lists_every_public_name():
    text = (DOCS / "api" / "index.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^   (\w+)$", text, re.MULTILINE))
    returned = {"ClassPath", "Relaxed", "Selected", "Table"}
    assert listed == {*fastreg.__all__, *fastreg.network.__all__} | returned


def test_a_page_that_prints_something_else_is_noticed():
    text = "```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n"
    ((block, printed),) = pages.run(text, "page")
    assert (block.shown, printed) == ("3\n", "2\n") and not pages.agrees(printed, block.shown)
    assert pages.agrees("gap 1.2e-16; reached\n", "gap …; reached\n")
    assert pages.agrees("gap 3e-17, 0.5\n", "gap 1.2e-16, 0.5\n")
    assert not pages.agrees("gap 1.2e-16, 0.6\n", "gap 1.2e-16, 0.5\n")
    assert pages.written(text, "page") == text.replace("3\n", "2\n")


def test_sentences_are_counted_as_a_reader_would():
    text = "# Title\n\nOne two. Three `four()` five!\n\n- Six\n  seven.\n\n| a | b |\n"
    text += "\n```text\nx\n```\n"
    assert [len(words) for words in readability.sentences(text)] == [2, 3, 2]
    easy = readability.ease("The cat sat. The dog ran.")
    assert easy.score > readability.ease("Regularisation necessitates considerations.").score


def test_links_and_anchors_of_a_site_are_checked(tmp_path):
    (tmp_path / "a.html").write_text('<a href="b.html#here">x</a><a href="https://x.org">y</a>')
    (tmp_path / "b.html").write_text('<p id="here"><a href="#gone">z</a><img src="no.png"></p>')
    assert site.broken(tmp_path) == ["b.html: #gone", "b.html: no.png"]
