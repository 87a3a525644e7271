"""Pictures: what is drawn where, in words and colours that tell it apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastreg
from fastreg.plots.canvas import COLOURS
from fastreg.plots.coefficients import _apart

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
pyplot = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def closed():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 12))
    return X, X[:, :4] @ [2.0, -1.0, 0.5, 0.3] + rng.standard_normal(80)


@pytest.fixture(scope="module")
def path(data):
    return fastreg.path(*data, alphas=30)


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def tops(ax):
    """(places, texts) of the axis along the top."""
    (top,) = ax.child_axes
    return top.xaxis.get_ticklocs(), [tick.get_text() for tick in top.get_xticklabels()]


@pytest.mark.parametrize("x", ["log alpha", "norm", "explained"])
def test_a_path_is_drawn_against_what_is_asked_for(path, x):
    places = {
        "log alpha": path.alphas, "norm": np.abs(path.coefs).sum(axis=0),
        "explained": path.explained,
    }[x]  # fmt: skip
    chosen = path.select("1se")
    ax = path.plot(chosen, path.select("bic"), x=x)
    assert ax.get_ylabel() == "coefficient"
    assert {"log alpha": "alpha", "norm": "Σ│w│", "explained": "share"}[x] in ax.get_xlabel()
    np.testing.assert_allclose(ax.get_xlim(), places[[0, -1]])
    assert (ax.get_xscale() == "log") == (x == "log alpha")
    drawn = [line for line in ax.lines if len(line.get_xdata()) == 30]
    assert len(drawn) == np.count_nonzero(path.coefs.any(axis=1))
    for line in drawn:
        np.testing.assert_array_equal(line.get_xdata(), places)
        assert (path.coefs == line.get_ydata()).all(axis=1).any()
    assert legend(ax)[0] == f"1se: alpha = {chosen.alpha:.3g}" and len(legend(ax)) == 2
    mark = next(line for line in ax.lines if line.get_label().startswith("1se"))
    np.testing.assert_array_equal(mark.get_xdata(), [places[chosen.index]] * 2)
    at, texts = tops(ax)
    for where, text in zip(at, texts, strict=True):
        k = int(np.flatnonzero(places == where)[0])
        assert text == str(np.count_nonzero(path.coefs[:, k]))
    assert 3 <= len(texts) <= 7 and at[0] == places[0] and at[-1] == places[-1]


def test_the_largest_coefficients_have_names_and_colours_of_their_own(data, path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(data[0], columns=[f"a {j}$x_{{$" for j in range(11)] + ["long" * 20])
    named = fastreg.path(frame, data[1], alphas=30)
    order = np.argsort(-np.abs(named.coefs[:, -1]))[: len(COLOURS)]
    for ax, names in (
        (named.plot(), frame.columns),
        (named.plot(names=range(12)), list(map(str, range(12)))),
        (path.plot(), [f"x{j}" for j in range(12)]),
    ):
        texts = {text.get_text(): text.get_color() for text in ax.texts}
        expected = {names[j] if len(names[j]) < 25 else f"{names[j][:23]}…" for j in order}
        assert set(texts) == expected and set(texts.values()) == set(COLOURS)
        lines = [line for line in ax.lines if len(line.get_xdata()) == 30]
        by_colour = {line.get_color(): line.get_ydata() for line in lines}
        largest = by_colour[texts[names[order[0]]]]
        np.testing.assert_allclose(largest, named.coefs[order[0]], atol=1e-12)
        ax.figure.canvas.draw()  # a name that looks like a formula is none
    assert "the largest 7 in colour" in named.plot().get_title(loc="left")


def test_names_do_not_overlap_and_stay_inside():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100, 9))
    path = fastreg.path(X, X.sum(axis=1) + 0.3 * rng.standard_normal(100))  # ends lie close
    ax = path.plot(x="norm")
    ax.figure.canvas.draw()
    boxes = [matplotlib.text.Text.get_window_extent(text) for text in ax.texts]  # without arrows
    assert len(boxes) == 7
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    width, height = ax.figure.get_size_inches() * ax.figure.dpi
    assert all(box.x1 <= width and box.y0 >= 0 and box.y1 <= height for box in boxes)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8))
def test_places_are_apart_and_no_farther_than_they_must(wanted):
    wanted, room = np.sort(wanted)[::-1], 0.11
    out = _apart(wanted, room, 0.0, 1.0)
    assert np.all(np.diff(out) <= -room + 1e-12) and out[-1] >= -1e-12 and out[0] <= 1.0 + 1e-12
    if np.all(np.diff(wanted) <= -room):
        np.testing.assert_allclose(out, wanted, atol=1e-12)


def test_what_cannot_be_drawn_is_said(data, path):
    with pytest.raises(ValueError, match="x must be one of 'log alpha', 'norm', 'explained', got"):
        path.plot(x="alpha")
    with pytest.raises(ValueError, match="names must hold 12 names, got 2"):
        path.plot(names=["a", "b"])
    for alphas, x in (([1e6, 1e5], "norm"), ([0.1], "log alpha"), ([0.1, 0.0], "log alpha")):
        with pytest.raises(ValueError, match="needs two points at different places"):
            fastreg.path(*data, alphas=alphas).plot(x=x)
    with pytest.raises(ValueError, match="no alpha above 0 has a finite bic"):
        fastreg.path(*data, alphas=[0.0]).select("bic").plot()


def test_a_point_without_a_penalty_is_left_out(data):
    path = fastreg.path(*data, alphas=[0.5, 0.1, 0.0])
    np.testing.assert_array_equal(path.plot().get_xlim(), [0.5, 0.1])
    assert path.plot(x="norm").get_xlim()[1] == np.abs(path.coefs[:, 2]).sum()


def test_choices_are_drawn_with_standard_errors(path):
    chosen, (_, own) = path.select("1se"), pyplot.subplots()
    ax = chosen.plot(ax=own)
    assert ax is own and ax.get_ylabel() == "mean squared error"
    assert legend(ax) == [
        "mean of the folds", "± one standard error",
        f"min: alpha = {path.select('cv').alpha:.3g}", f"1se: alpha = {chosen.alpha:.3g}",
    ]  # fmt: skip
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), chosen.values)
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert np.isclose(band.max(), (chosen.values + chosen.standard_error).max())
    assert ax.get_xlim()[0] > ax.get_xlim()[1], "penalties fall to the right"
    assert tops(ax)[1][-1] == str(np.count_nonzero(path.coefs[:, -1]))
    bic = path.select("bic").plot()
    assert bic.get_ylabel() == "bic" and len(bic.collections) == 0


def test_models_that_cross_validate_draw_their_errors(data):
    X, y = data
    lasso = fastreg.LassoCV(cv=4, alphas=10).fit(X, y)
    net = fastreg.ElasticNetCV(l1_ratio=[0.5, 0.9], cv=3, alphas=10).fit(X, y)
    counts = fastreg.PoissonRegressorCV(l1_ratio=1.0, alphas=10).fit(X, np.abs(y).round())
    for model, label, errors in (
        (lasso, "mean squared error", lasso.mse_path_),
        (net, "mean squared error", net.mse_path_[[0.5, 0.9].index(net.l1_ratio_)]),
        (counts, "mean deviance", counts.deviance_path_),
    ):
        ax = model.plot()
        assert ax.get_ylabel() == label and len(ax.collections) == 1
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), errors.mean(axis=-1))
        assert legend(ax)[2] == f"min: alpha = {model.alpha_min_:.3g}"
        assert legend(ax)[3] == f"1se: alpha = {model.alpha_1se_:.3g}"
    assert "l1_ratio = " in legend(net.plot())[0]


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("scoring", ["neg_log_loss", "roc_auc", None])
def test_a_logistic_choice_is_drawn_against_C(data, legacy, scoring):
    X, y = data
    model = fastreg.LogisticRegressionCV(
        Cs=[1.0, 0.01, 0.1], l1_ratios=[0.5, 1.0], cv=3, scoring=scoring,
        use_legacy_attributes=legacy, tol=1e-8,
    ).fit(X, y > 0.0)  # fmt: skip
    ax = model.plot()
    label = {"neg_log_loss": "mean deviance", "roc_auc": "roc auc", None: "accuracy"}[scoring]
    assert ax.get_ylabel() == label and ax.get_xlabel().startswith("C,")
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [0.01, 0.1, 1.0])
    best = (np.argmin if scoring == "neg_log_loss" else np.argmax)(ax.lines[0].get_ydata())
    assert model.C_min_ == ax.lines[0].get_xdata()[best]
    assert legend(ax)[2] == f"min: C = {model.C_min_:.3g}"
    assert f"l1_ratio = {np.ravel(model.l1_ratio_)[0]:g}" in legend(ax)[0]


def test_a_ridge_choice_has_scores_of_all_its_alphas(data):
    X, y = data
    alphas = [10.0, 0.1, 100.0, 1.0]
    loo = fastreg.RidgeCV(alphas, store_cv_results=True).fit(X, y)
    np.testing.assert_allclose(-loo.scores_, loo.cv_results_.mean(axis=0), rtol=1e-12)
    spread = loo.cv_results_.std(axis=0, ddof=1) / np.sqrt(len(y))
    np.testing.assert_allclose(loo.scores_se_, spread, rtol=1e-12)
    assert loo.best_score_ == loo.scores_.max()
    ax = loo.plot()
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [100.0, 10.0, 1.0, 0.1])
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), -loo.scores_[[2, 0, 3, 1]])
    assert legend(ax)[0] == "each row left out once" and len(ax.collections) == 1
    assert fastreg.RidgeCV(alphas).fit(X, y).scores_se_ is None
    for model, label in (
        (fastreg.RidgeCV(alphas, cv=4), "R²"),
        (fastreg.RidgeCV(alphas, cv=4, scoring="neg_mean_squared_error"), "mean squared error"),
        (fastreg.RidgeCV(alphas, cv=4, scoring="neg_max_error"), "max error"),
    ):
        model.fit(X, y)
        assert model.plot().get_ylabel() == label and len(model.scores_se_) == 4
        assert model.alpha_ == alphas[int(np.argmax(model.scores_))]
    each = fastreg.RidgeCV(alphas, alpha_per_target=True).fit(X, np.column_stack([y, X[:, 5]]))
    assert each.scores_.shape == (4, 2) and len(legend(each.plot())) == 4


def test_standard_errors_of_folds_are_those_of_scikit_learn(data):
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import cross_val_score

    X, y = data
    model = fastreg.RidgeCV([0.1, 10.0], cv=4).fit(X, y)
    for alpha, score, spread in zip([0.1, 10.0], model.scores_, model.scores_se_, strict=True):
        own = cross_val_score(Ridge(alpha), X, y, cv=4)
        np.testing.assert_allclose(score, own.mean(), rtol=1e-9)
        np.testing.assert_allclose(spread, own.std(ddof=1) / 2.0, rtol=1e-9)


def test_without_matplotlib_the_extra_is_named(path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'fastreg\[plot\]'"):
        path.plot()
