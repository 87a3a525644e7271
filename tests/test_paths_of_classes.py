"""`path(family="multinomial")`: glmnet's coefficients, choices, and what is refused."""

import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import needs_jit
from scipy.special import log_softmax, softmax
from sklearn.datasets import load_iris, load_wine
from sklearn.model_selection import StratifiedKFold

import fastreg
from fastreg.losses import Multinomial
from fastreg.paths import ClassPath

FIXTURES = Path(__file__).resolve().parent / "fixtures"
sys.path.insert(0, str(FIXTURES))
import family_data  # noqa: E402

R = json.loads((FIXTURES / "r_families.json").read_text(encoding="utf-8"))
pytestmark = needs_jit


def flowers(load=load_iris):
    X, y = load(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), np.array(["c", "a", "b"])[y]


@pytest.mark.parametrize("penalty", ["lasso", "elastic_net"])
@pytest.mark.parametrize("variant", ["plain", "both"])
def test_the_coefficients_are_glmnets(penalty, variant):
    theirs = R["glmnet"]["multinomial_ungrouped"][penalty][variant]
    data, more = family_data.sets()["three_classes"], {}
    if variant == "both":
        more = {"sample_weight": data["weights"], "offset": data["offset"]}
    path = fastreg.path(
        data["X"], data["y"].astype(int), family="multinomial", l1_ratio=theirs["alpha"],
        alphas=theirs["lambda"], tol=1e-13, **more,
    )  # fmt: skip
    for k in range(len(theirs["lambda"])):
        coef = np.array(theirs["coef"][f"lambda_{k + 1}"])
        np.testing.assert_allclose(path.coefs[:, :, k].T, coef, rtol=1e-6, atol=1e-7)
        level = np.array(theirs["intercept"])[k]
        np.testing.assert_allclose(path.intercepts[:, k], level - level.mean(), atol=1e-7)


@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
def test_every_point_is_the_fit_of_its_strength(ratio):
    X, y = flowers()
    path = fastreg.path(X, y, family="multinomial", l1_ratio=ratio, alphas=12, tol=1e-10)
    assert isinstance(path, ClassPath)
    assert path.certificate.converged
    assert path.classes.tolist() == ["a", "b", "c"]
    for t in (0, 5, 11):
        C = 1.0 / (path.alphas[t] * len(y))
        model = fastreg.LogisticRegression(C=C, l1_ratio=ratio, tol=1e-10, max_iter=1000)
        model.fit(X, y)
        np.testing.assert_allclose(path.coefs[:, :, t].T, model.coef_, atol=2e-4)
        p = path.predict(X, type="response")[:, :, t]
        np.testing.assert_allclose(p, model.predict_proba(X), atol=1e-4)
        logs = log_softmax(path.predict(X)[:, :, t], axis=1)
        lost = -logs[np.arange(len(y)), np.searchsorted(path.classes, y)].sum()
        assert path.deviance[t] == pytest.approx(2.0 * lost, rel=1e-9)
    assert path.null_deviance == pytest.approx(2.0 * len(y) * np.log(3.0))
    if ratio == 1.0:
        assert not path.coefs[:, :, 0].any()
        assert path.dof[0] == 2.0


def test_the_grid_starts_where_the_first_coefficient_enters():
    X, y = flowers(load_wine)
    path = fastreg.path(X, y, family="multinomial", alphas=5)
    above = path.at([1.001 * path.alphas[0], 0.99 * path.alphas[0]])
    assert not above.coefs[:, :, 0].any()
    assert above.coefs[:, :, 1].any()


def test_shares_labels_and_storages_are_one_problem():
    X, y = flowers()
    X[np.abs(X) < 0.4] = 0.0
    options = {"alphas": [0.1, 0.01], "tol": 1e-10}
    path = fastreg.path(X, y, family="multinomial", **options)
    shares = (y[:, None] == path.classes) * 1.0
    for given, target, family in (
        (X, shares, "multinomial"),
        (sp.csr_array(X), y, Multinomial(3)),
        (np.asfortranarray(X), y, "multinomial"),
    ):
        again = fastreg.path(given, target, family=family, **options)
        np.testing.assert_allclose(again.coefs, path.coefs, atol=1e-4)
    again = pickle.loads(pickle.dumps(path))
    np.testing.assert_array_equal(again.predict(X), path.predict(X))
    np.testing.assert_array_equal(again.select("cv").values, path.select("cv").values)


def test_weights_are_repeated_rows_and_offsets_move_predictions():
    X, y = flowers()
    rng = np.random.default_rng(0)
    counts, offset = rng.integers(0, 3, len(y)), rng.standard_normal((len(y), 3))
    rows = np.repeat(np.arange(len(y)), counts)
    options = {"family": "multinomial", "alphas": [0.1, 0.01], "tol": 1e-10}
    weighted = fastreg.path(X, y, sample_weight=counts, offset=offset, **options)
    repeated = fastreg.path(X[rows], y[rows], offset=offset[rows], **options)
    np.testing.assert_allclose(weighted.coefs, repeated.coefs, atol=1e-4)
    np.testing.assert_allclose(weighted.deviance, repeated.deviance, rtol=1e-8)
    z = weighted.predict(X, offset)
    np.testing.assert_allclose(z, weighted.predict(X) + offset[:, :, None])
    np.testing.assert_allclose(
        weighted.predict(X, offset, type="response"), softmax(z, axis=1), rtol=1e-12
    )


def test_between_points_and_beyond():
    X, y = flowers()
    path = fastreg.path(X, y, family="multinomial", alphas=10, tol=1e-10)
    alpha = 0.3 * path.alphas[4] + 0.7 * path.alphas[5]
    exact = path.coef(alpha, exact=True)
    assert exact.shape == (4, 3)
    assert np.abs(path.coef(alpha) - exact).max() < 0.1 * np.abs(exact).max()
    again = path.coef([alpha, path.alphas[2]], exact=True, X=X[::-1], y=y[::-1])
    np.testing.assert_allclose(again[:, :, 0], exact, atol=1e-4)
    assert path.predict(X[:2], alpha=alpha).shape == (2, 3)
    assert path.predict(X[:2], alpha=[alpha, alpha], exact=True).shape == (2, 3, 2)


def test_a_choice_by_folds_is_that_of_logistic_regression_cv():
    X, y = flowers()
    cv = StratifiedKFold(4)
    path = fastreg.path(X, y, family="multinomial", alphas=8, tol=1e-9)
    chosen = path.select("cv", cv=cv)
    assert chosen.certificate.converged
    assert chosen.coef.shape == (4, 3) and chosen.intercept.shape == (3,)
    splits = list(cv.split(X, y))
    scores = []
    for train, test in splits:
        fit = fastreg.path(X[train], y[train], family="multinomial", alphas=path.alphas, tol=1e-9)
        logs = log_softmax(fit.predict(X[test]), axis=1)
        codes = np.searchsorted(path.classes, y[test])
        scores.append(-2.0 * logs[np.arange(len(test)), codes].mean(axis=0))
    np.testing.assert_allclose(chosen.values, np.mean(scores, axis=0), rtol=1e-5)
    assert path.select("1se", cv=cv).alpha >= chosen.alpha


def test_a_choice_by_a_formula_counts_coefficients_and_intercepts():
    X, y = flowers()
    path = fastreg.path(X, y, family="multinomial", alphas=8)
    count = np.count_nonzero(path.coefs, axis=(0, 1)) + 2.0
    np.testing.assert_array_equal(path.dof, count)
    bic = path.select("bic")
    np.testing.assert_allclose(bic.values, path.deviance + np.log(len(y)) * count)
    ridge = fastreg.path(X, y, family="multinomial", l1_ratio=0.5, alphas=8)
    with pytest.raises(ValueError, match="choose by cross-validation"):
        ridge.select("bic")


def test_standardised_columns_bounds_and_factors():
    X, y = load_wine(return_X_y=True)
    spread = X.std(axis=0)
    raw = fastreg.path(X, y, family="multinomial", alphas=[0.1, 0.01], standardize=True, tol=1e-11)
    unit = fastreg.path(X / spread, y, family="multinomial", alphas=[0.1, 0.01], tol=1e-11)
    np.testing.assert_allclose(raw.coefs * spread[:, None, None], unit.coefs, atol=1e-4)
    bounded = fastreg.path(
        X / spread, y, family="multinomial", alphas=[0.01], positive=True,
        penalty_factor=np.arange(13.0) + 1.0,
    )  # fmt: skip
    assert bounded.coefs.min() >= 0.0 and bounded.certificate.converged


def test_it_is_shown_and_drawn():
    import matplotlib

    matplotlib.use("Agg")
    X, y = flowers()
    path = fastreg.path(X, y, family="multinomial", alphas=8)
    text = str(path)
    assert "multinomial, 3 classes" in text and "4 features of 3 classes" in text
    assert "of 12 coefficients" in path.select("cv")._repr_html_()
    assert path.table().non_zero.tolist() == np.count_nonzero(path.coefs, axis=(0, 1)).tolist()
    ax = path.plot(path.select("bic"))
    labels = [each.get_text() for each in ax.texts]
    assert any(each.endswith((", a", ", b")) for each in labels)


@pytest.mark.parametrize("suffix", ["json", "npz"])
def test_a_saved_path_predicts_and_chooses_without_its_rows(tmp_path, suffix):
    X, y = flowers()
    path = fastreg.path(X, y, family="multinomial", alphas=8)
    fastreg.save_model(path, tmp_path / f"p.{suffix}")
    again = fastreg.load_model(tmp_path / f"p.{suffix}")
    assert type(again) is ClassPath and str(again) == str(path)
    np.testing.assert_array_equal(again.predict(X), path.predict(X))
    np.testing.assert_array_equal(again.classes, path.classes)
    assert again.select("bic").alpha == path.select("bic").alpha
    with pytest.raises(ValueError, match="a path loaded from a file has none"):
        again.select("cv")
    point = again.at(0.1, X=X, y=y)
    np.testing.assert_allclose(point.coefs, path.at(0.1).coefs, atol=1e-3)


def test_a_spoilt_file_is_refused(tmp_path):
    X, y = flowers()
    fastreg.save_model(fastreg.path(X, y, family="multinomial", alphas=3), tmp_path / "p.json")
    text = (tmp_path / "p.json").read_text()
    assert '"a"' in text
    for old, new in (('"a"', '"z"'), ('"ClassPath"', '"Path"')):
        (tmp_path / "q.json").write_text(text.replace(old, new))
        with pytest.raises(ValueError, match=r"q\.json"):
            fastreg.load_model(tmp_path / "q.json")


def test_rows_without_weight_say_nothing_of_the_classes():
    X, y = flowers()
    w = (y != "a") * 1.0
    path = fastreg.path(X, y, family="multinomial", alphas=[0.1], sample_weight=w, tol=1e-10)
    kept = y != "a"
    same = fastreg.path(X[kept], y[kept], family="multinomial", alphas=[0.1], tol=1e-10)
    assert path.classes.tolist() == same.classes.tolist() == ["b", "c"]
    np.testing.assert_allclose(path.coefs, same.coefs, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.zeros(150)}, "two classes or more"),
        ({"y": np.zeros(7, int)}, "y must hold 150 labels"),
        ({"y": np.full((150, 3), 0.5)}, "shares of the classes, of sum 1"),
        ({"y": np.full(150, np.nan)}, "NaN"),
        ({"y": np.linspace(0.0, 1.0, 150)}, "numbers with fractions"),
        ({"family": Multinomial(4)}, "must have 4 classes"),
        ({"offset": np.zeros(150)}, "offset"),
        ({"sample_weight": np.arange(150) >= 100.0}, "two classes or more"),
        ({"y": np.eye(4)[np.arange(150) % 3]}, "class 3 of y has no row with a weight"),
    ],
)
def test_what_is_wrong_is_said(change, message):
    X, y = flowers()
    y = np.array(["a", "b", "c"])[np.arange(150) // 50]
    with pytest.raises(ValueError, match=message):
        fastreg.path(X, **({"y": y, "family": "multinomial", "alphas": 3} | change))


def test_what_it_does_not_do_is_said():
    X, y = flowers()
    path = fastreg.path(X, y, family="multinomial", alphas=3)
    with pytest.raises(ValueError, match="no relaxed fits of classes"):
        path.relax()
    with pytest.raises(ValueError, match="scorers of scikit-learn"):
        path.select("cv", score="auc")
    with pytest.raises(ValueError, match="of the classes"):
        path.at(0.1, X=X, y=np.where(y == "a", "z", y))
    source = fastreg.read(X, (y == "a") * 1.0)
    with pytest.raises(ValueError, match="family='binomial' where rows are read in blocks"):
        fastreg.path(source, family="multinomial")
    with pytest.raises(ValueError, match="for rows in memory"):
        fastreg.objective(X, (y == "a") * 1.0, np.zeros(4), 1.0, family="multinomial")


def test_a_choice_by_the_rate_of_misclassification():
    from sklearn.model_selection import StratifiedKFold

    X, y = load_wine(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    w = 1.0 + np.arange(len(y)) % 3
    path = fastreg.path(X, y, family="multinomial", sample_weight=w, alphas=6, tol=1e-9)
    folds = list(StratifiedKFold(4).split(X, y))
    found = path.select("cv", cv=folds, score="misclassification")
    expected = np.zeros((6, 4))
    for f, (train, test) in enumerate(folds):
        own = fastreg.path(
            X[train], y[train], family="multinomial", sample_weight=w[train], alphas=path.alphas,
            tol=1e-9,
        )  # fmt: skip
        wrong = own.predict(X[test]).argmax(axis=1) != y[test][:, None]
        expected[:, f] = w[test] @ wrong / w[test].sum()
    np.testing.assert_allclose(found.values, expected.mean(axis=1), atol=1e-12)
    assert found.unit == "misclassification rate"
    with pytest.raises(ValueError, match="'misclassification' for several classes, got 'auc'"):
        path.select("cv", score="auc")
