"""The page of a fit: whole, by itself, and safe from names in files."""

from __future__ import annotations

import base64
import csv
import re
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

import fastreg
from fastreg.cli import main
from fastreg.cli.choice import choice_of
from fastreg.cli.markup import element, written
from fastreg.cli.report_style import STYLE

pytest.importorskip("pyarrow")
pytest.importorskip("matplotlib")

HOSTILE = ["<script>alert(1)</script>", 'b" onload="x', "$\\frac{$ & co", "</style><b>\x1b[31m"]
_VOID = {"meta", "img", "br"}


class _Balance(HTMLParser):
    """Elements that are open, and all that there were, with their attributes."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in _VOID, f"<{tag} /> stays open in HTML"
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    rng = np.random.default_rng(2)
    X = rng.standard_normal((120, 4))
    y = X @ [2.0, -1.0, 0.5, 0.0] + rng.standard_normal(120)
    won, claims = np.where(y > 0, "<i>won</i>", "lost"), rng.poisson(np.exp(0.3 * X[:, 0]))
    path = tmp_path_factory.mktemp("page") / "<data>.csv"
    with open(path, "w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*HOSTILE, "place", "price", "won", "claims"])
        for i, row in enumerate(X.tolist()):
            first = "" if i == 7 else row[0]
            place = ["Oslo", "<b>", "Łódź"][i % 3]
            writer.writerow([first, *row[1:], place, y[i], won[i], claims[i]])
    return path


def _page(path, tmp_path, target, *options, status=0):
    page = tmp_path / "page.html"
    others = [name for name in ("price", "won", "claims") if name != target]
    argv = ["fit", path, "--target", target, "--drop", *others, "--report", page, *options]
    assert main(list(map(str, argv))) == status
    return page.read_text(encoding="utf-8")


def _text(root, name):
    (part,) = (each for each in root.iter("section") if each.get("id") == name)
    return " ".join("".join(part.itertext()).split())


CASES = {
    "price": ("--missing", "indicator", "--model", "lasso", "--cv", "3"),
    "won": ("--family", "binomial", "--missing", "drop", "--cv", "3"),
    "claims": ("--family", "poisson", "--missing", "drop", "--alpha", "0.1"),
}


@pytest.mark.parametrize("target", CASES)
def test_the_page_is_sound_and_by_itself(target, path, tmp_path, capsys):
    text = _page(path, tmp_path, target, *CASES[target])
    root = ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>\n"))
    found = _Balance()
    found.feed(text)
    assert found.open == [] and "script" not in {tag for tag, _ in found.seen}
    assert not any(name.startswith("on") for _, attrs in found.seen for name in attrs)
    assert "\x1b" not in text
    for _, attrs in found.seen:
        for name in ("src", "href"):
            assert attrs.get(name, "#").startswith(("#", "data:image/svg+xml;base64,"))
    assert "http" not in re.sub(r"base64,[\w+/=]+", "", text) and "@import" not in text
    ids = [each.get("id") for each in root.iter() if each.get("id")]
    assert len(ids) == len(set(ids))
    assert {a.get("href")[1:] for a in root.iter("a")} <= set(ids)
    levels = [each.tag for each in root.iter() if each.tag in ("h1", "h2", "h3")]
    assert levels == ["h1", "h2", "h2", "h2", "h2", "h2"] and root.get("lang") == "en"
    for image in root.iter("img"):
        assert len(image.get("alt")) > 30
        ElementTree.fromstring(base64.b64decode(image.get("src").partition(",")[2]))


def test_what_it_says_of_squares(path, tmp_path, capsys):
    text = _page(path, tmp_path, "price", *CASES["price"])
    root = ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>\n"))
    data = _text(root, "data")
    assert "rows used120" in data and "features8" in data and "1 (0.8 %)" in data
    assert "target, price" in data and "placecategory30" in data
    assert "100 strengths" in _text(root, "choice") and "3 folds" in _text(root, "choice")
    coefficients = _text(root, "coefficients")
    assert coefficients.index("<script>alert(1)</script>") < coefficients.index('b" onload="x')
    assert "The tolerance was reached" in _text(root, "certificate")
    assert "duality gap" in _text(root, "certificate")
    assert len(list(root.iter("img"))) == 3
    assert "page.html" in capsys.readouterr().out


def test_what_it_says_of_classes_and_rows_left_out(path, tmp_path, capsys):
    root = ElementTree.fromstring(_page(path, tmp_path, "won", *CASES["won"]).partition("\n")[2])
    data = _text(root, "data")
    assert "rows used119" in data and "rows left out1" in data and "<i>won</i>" in data
    assert "mean deviance" in _text(root, "choice") and "calibrated" in _text(root, "residuals")
    assert "log odds" in _text(root, "coefficients")


def test_a_ridge_is_chosen_by_what_the_page_shows(path, tmp_path, capsys):
    options = ("--missing", "drop", "--cv", "3")
    root = ElementTree.fromstring(_page(path, tmp_path, "price", *options).partition("\n")[2])
    assert "101 strengths" in _text(root, "choice") and "largest mean R²" in _text(root, "choice")


@pytest.mark.parametrize("target", ["price", "won"])
def test_rows_in_blocks_have_the_same_pictures(target, path, tmp_path, capsys):
    family = ("--family", "binomial") if target == "won" else ()
    options = (*family, "--missing", "drop", "--tol", "1e-10", "--alpha", "0.5")
    pages = [
        _page(path, tmp_path, target, *options, *memory) for memory in ((), ("--memory", "1e-6"))
    ]
    captions = [re.findall(r"<figcaption>(.*?)</figcaption>", page) for page in pages]
    assert captions[0] == captions[1] and len(captions[0]) == 2


def test_a_tolerance_that_was_not_reached_is_told(path, tmp_path, capsys):
    options = ("--missing", "drop", "--model", "lasso", "--alpha", "1e-3")
    limits = ("--tol", "1e-15", "--max-iter", "1")
    text = _page(path, tmp_path, "price", *options, *limits, status=3)
    assert "The tolerance was not reached" in text and "raise --max-iter" in text
    text = _page(path, tmp_path, "price", "--missing", "drop", "--alpha", "0")
    assert "KKT residual" in text


def test_arrays_have_a_page(tmp_path, capsys):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "d.npz", X=rng.standard_normal((20, 40)), y=rng.standard_normal(20))
    assert main(["fit", str(tmp_path / "d.npz"), "--report", str(tmp_path / "p.html")]) == 0
    text = (tmp_path / "p.html").read_text()
    assert "column 7" in text and "15 more" in text and "arrays of numbers" in text


@pytest.mark.parametrize(
    ("suffix", "begin"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")]
)
def test_the_plot_is_a_picture(suffix, begin, path, tmp_path, capsys):
    out = tmp_path / f"plot{suffix}"
    argv = ["fit", path, "--target", "price", "--drop", "won,claims", "--missing", "drop"]
    for _ in range(2):
        assert main([*map(str, argv), "--plot", str(out)]) == 0
        assert out.read_bytes().startswith(begin)


def test_outputs_are_checked_first(path, tmp_path, monkeypatch, capsys):
    argv = ["fit", str(path), "--target", "price"]
    for option, name, part in (
        ("--report", "page.pdf", "must end in .html"),
        ("--plot", "plot.gif", "must end in .png"),
    ):
        assert main([*argv, option, str(tmp_path / name)]) == 2
        assert part in capsys.readouterr().err
    same = str(tmp_path / "same.json")
    assert main([*argv, "--save", same, "--plot", str(tmp_path / "p.svg"), "--report", same]) == 2
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    capsys.readouterr()
    assert main([*argv, "--report", str(tmp_path / "page.html")]) == 1
    assert "pip install 'fastreg[plot]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


CHOOSERS = {
    "lasso": lambda: fastreg.LassoCV(cv=3, alphas=20),
    "ridge": lambda: fastreg.RidgeCV(np.geomspace(1e-3, 1e3, 15), cv=3),
    "classes": lambda: fastreg.LogisticRegressionCV(cv=3, Cs=np.geomspace(1e-3, 10.0, 9)),
    "counts": lambda: fastreg.PoissonRegressorCV(cv=3, alphas=9),
}


@pytest.mark.parametrize("name", CHOOSERS)
def test_the_chosen_alpha_has_the_best_error(name):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((90, 4))
    z = X @ [0.5, -0.3, 0.2, 0.0]
    y = {"classes": z + rng.logistic(size=90) > 0, "counts": rng.poisson(np.exp(z))}
    model = CHOOSERS[name]().fit(X, y.get(name, z + rng.standard_normal(90)))
    choice = choice_of(model, 3)
    best = np.argmax(choice.mean) if choice.larger else np.argmin(choice.mean)
    assert choice.alphas[best] == pytest.approx(choice.chosen)
    assert choice.best == choice.mean[best] and choice.alphas.shape == choice.mean.shape
    if name == "classes":
        np.testing.assert_allclose(choice.mean, -2.0 * model.scores_[:, 0].mean(axis=0))
    assert choice.at_end == (best in (0, len(choice.mean) - 1))


def test_markup_escapes():
    assert written(element("p", "a\x00b\x1b ", "c")).endswith("<p>a b  c</p>\n")
    text = written(element("p", "a < b & c", element("b", "</b>"), '"d"', title='"<x>'))
    assert text.endswith('<p title="&quot;&lt;x&gt;">a &lt; b &amp; c<b>&lt;/b&gt;</b>"d"</p>\n')


def test_the_style_is_the_same_as_html_and_as_xml():
    assert not set("<>&") & set(STYLE)  # HTML reads no references there
