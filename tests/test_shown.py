"""What notebooks show: well formed, self-contained, with every name escaped."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pytest
import sklearn

import fastreg

HOSTILE = ["<script>alert(1)</script>", "a & b", "\"quoted\" 'name'", "</td></table>"]
WITHOUT_END = {"br", "input", "img", "meta", "link", "hr"}


class Checked(HTMLParser):
    """Tags that close in their order, and the texts between them."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.texts = [], [], []
        self.feed(html)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in WITHOUT_END:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"{tag} closes another"

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def frame():
    pandas = pytest.importorskip("pandas")
    values = np.random.default_rng(0).standard_normal((80, 4))
    return pandas.DataFrame(values, columns=HOSTILE)


@pytest.fixture(scope="module")
def shown(frame):
    """Everything that has HTML of its own."""
    y = frame.iloc[:, 0] - 0.5 * frame.iloc[:, 1] + np.random.default_rng(1).standard_normal(80)
    path = fastreg.path(frame, y, alphas=20)
    odds = fastreg.LogisticRegression().fit(frame, y > 0.0)
    chosen = path.select("1se")
    return {
        "path": path,
        "relaxed": path.relax(0.5),
        "table": path.table(),
        "selected": chosen,
        "bic": path.select("bic"),
        "certificate": path.certificate,
        "choice": chosen.certificate,
        "inference": fastreg.Ridge().fit(frame, y).summary(frame, y),
        "likelihood": odds.summary(frame, y > 0.0),
    }


WHAT = ["path", "relaxed", "table", "selected", "bic", "certificate", "choice", "inference",
        "likelihood"]  # fmt: skip


@pytest.mark.parametrize("what", WHAT)
def test_html_is_well_formed_and_needs_nothing_else(shown, what):
    found = Checked(shown[what]._repr_html_())
    assert {tag for tag, _ in found.tags} <= {
        "div", "table", "thead", "tbody", "tr", "th", "td", "details", "summary",
    }  # fmt: skip
    styles = " ".join(own.get("style") or "" for _, own in found.tags)
    assert "url(" not in styles and "class" not in {key for _, own in found.tags for key in own}
    # the reader's own colours: light and dark
    assert "#" not in styles and "rgb(" not in styles and "black" not in styles


@pytest.mark.parametrize("what", ["inference", "likelihood"])
def test_hostile_names_are_texts(shown, what):
    html = shown[what]._repr_html_()
    assert "<script" not in html
    texts = Checked(html).texts
    assert all(name in texts for name in HOSTILE)
    rows = len(shown[what].names) + 1
    assert html.count("<tr") == rows


def test_html_says_what_the_text_says(shown):
    texts = " ".join(Checked(shown["inference"]._repr_html_()).texts)
    for word in str(shown["inference"]).replace("─", "").split():
        assert word in texts
    texts = " ".join(Checked(shown["path"]._repr_html_()).texts)
    for word in repr(shown["path"]).split():
        assert word in texts
    assert repr(shown["inference"]) == str(shown["inference"])
    for what in ("certificate", "choice"):
        assert str(shown[what]) in repr(shown[what]) and "\n" not in repr(shown[what])


@pytest.mark.parametrize("make", [fastreg.Lasso, fastreg.LassoCV, fastreg.LogisticRegression])
def test_estimators_show_their_certificates_below_the_diagram(frame, make):
    y = (frame.iloc[:, 0] > 0.0) * 1.0
    model = make()
    before = model._repr_html_()
    assert "relative duality gap" not in before and "sk-" in before
    model.fit(frame, y)
    for html in (model._repr_html_(), model._repr_mimebundle_()["text/html"]):
        assert html.startswith("<style") and "relative duality gap" in html
        assert ("ChoiceCertificate: errors that choose" in html) == hasattr(
            model, "cv_certificate_"
        )
    assert model._repr_mimebundle_()["text/plain"] == repr(model)
    with sklearn.config_context(display="text"):
        assert not hasattr(model, "_repr_html_")
        assert set(model._repr_mimebundle_()) == {"text/plain"}


def test_paths_name_their_loss_and_what_their_certificate_bounds():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 2)), rng.gamma(2.0, 1.0, 40)
    for family, words in (
        ("gamma", ("Path: gamma,", "worst gap ")),
        ("inverse_gaussian", ("Path: inverse_gaussian,", "worst KKT residual ", "asked 1e-07")),
        (fastreg.losses.Tweedie(2.5), ("Path: Tweedie(power=2.5),", "worst KKT residual ")),
        (fastreg.losses.Tweedie(1.5), ("Path: Tweedie(power=1.5),", "worst gap ")),
        (fastreg.losses.NegativeBinomial(2), ("Path: NegativeBinomial(theta=2.0),",)),
    ):
        shown = str(fastreg.path(X, y, family=family, alphas=3))
        assert all(each in shown for each in words), shown
