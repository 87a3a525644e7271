"""`fit` and `predict` of classes and counts."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import fastreg
from fastreg.cli import main

pytest.importorskip("pyarrow")

COLUMNS = ["a", "b", "prior", "years", "won", "flag", "code", "claims"]


@pytest.fixture(scope="module")
def table():
    """X (80, 2), an offset, an exposure, and targets of all kinds."""
    rng = np.random.default_rng(5)
    X, prior, years = rng.standard_normal((80, 2)), rng.standard_normal(80), rng.uniform(0.5, 3, 80)
    up = (X[:, 0] + prior + rng.logistic(size=80) > 0).astype(int)
    return X, prior, years, up, rng.poisson(years * np.exp(0.5 * X[:, 1]))


@pytest.fixture
def path(table, tmp_path):
    X, prior, years, up, claims = table
    words, truth = np.array(["lost", "won, at last"])[up], np.array(["false", "true"])[up]
    columns = [*X.T, prior, years, words, truth, up * 3 - 1, claims]
    out = tmp_path / "d.csv"
    with open(out, "w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows(zip(*(column.tolist() for column in columns), strict=True))
    return out


def _fit(path, target, family, *options):
    kept = {"a", "b", target, *options}
    dropped = [name for name in COLUMNS if name not in kept]
    asked = ["fit", path, "--target", target, "--family", family, "--drop", *dropped, *options]
    return list(map(str, asked))


def _fails(argv, capsys, *parts, status=1):
    assert main(list(map(str, argv))) == status
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    for part in parts:
        assert part in err


def _misused(argv, capsys, *parts):
    """The same, where the command line is at fault."""
    return _fails(argv, capsys, *parts, status=2)


LABELS = {
    "won": np.array(["lost", "won, at last"]),
    "flag": np.array(["false", "true"]),
    "code": np.array([-1, 2]),
}


@pytest.mark.parametrize("target", LABELS)
def test_two_values_are_classes(target, table, path, tmp_path, capsys):
    X, prior, _, up, _ = table
    model, out = tmp_path / "m.json", tmp_path / "p.csv"
    options = ("--model", "elasticnet", "--alpha", "2", "--offset", "prior", "--save", model)
    assert main(_fit(path, target, "binomial", *options)) == 0
    said, err = capsys.readouterr()
    assert err == "" and "LogisticRegression, C=0.5, l1_ratio=0.5" in said
    X, labels = np.asfortranarray(X), LABELS[target][up]
    expected = fastreg.LogisticRegression(C=0.5, l1_ratio=0.5).fit(X, labels, offset=prior)
    loaded = fastreg.load_model(model)
    np.testing.assert_array_equal(loaded.coef_, expected.coef_)
    assert loaded.classes_.tolist() == LABELS[target].tolist()
    first, second = LABELS[target].tolist()
    assert f"{first!r} ({80 - up.sum()} rows), {second!r} ({up.sum()} rows)" in said
    z = expected.decision_function(X, prior)
    null = fastreg.LogisticRegression(C=1e-12).fit(X, labels, offset=prior)
    most = np.logaddexp(0.0, -(2 * up - 1) * null.decision_function(X, prior)).sum()
    share = 1.0 - np.logaddexp(0.0, -(2 * up - 1) * z).sum() / most
    (line,) = (line for line in said.splitlines() if line.startswith("D² (training)"))
    assert abs(float(line.split()[-1]) - share) < 1e-5
    asked = ["predict", model, path, "--offset", "prior", "--classes", "--out", out]
    assert main(list(map(str, asked))) == 0
    header, *rows = csv.reader(out.read_text().splitlines())
    assert header == ["probability", "class"]
    found = np.array([float(row[0]) for row in rows])
    np.testing.assert_array_equal(found, expected.predict_proba(X, prior)[:, 1])
    assert [row[1] for row in rows] == [str(each) for each in expected.predict(X, prior).tolist()]


@pytest.mark.parametrize("classes", [2, 3])
def test_a_model_without_probabilities_predicts_scores(classes, table, tmp_path):
    X, *_ = table
    model, out = (
        fastreg.LinearSVC().fit(X, np.digitize(X[:, 0], [0.0, 0.8][: classes - 1])),
        "p.csv",
    )
    np.savez(tmp_path / "d.npz", X=X)
    fastreg.save_model(model, tmp_path / "m.json")
    asked = [
        "predict",
        tmp_path / "m.json",
        tmp_path / "d.npz",
        "--classes",
        "--out",
        tmp_path / out,
    ]
    assert main(list(map(str, asked))) == 0
    header, *rows = csv.reader((tmp_path / out).read_text().splitlines())
    of_each = ["score"] if classes == 2 else ["score_0", "score_1", "score_2"]
    assert header == [*of_each, "class"]
    found, z = np.array(rows, float), model.decision_function(X)
    np.testing.assert_array_equal(found[:, :-1], z.reshape(len(X), -1))
    np.testing.assert_array_equal(found[:, -1], model.predict(X))


def test_without_an_offset_probabilities_are_the_models(table, path, tmp_path, capsys):
    X, _, _, up, _ = table
    model = tmp_path / "m.npz"
    assert main(_fit(path, "won", "binomial", "--cv", "3", "--save", model)) == 0
    assert "LogisticRegressionCV, C=" in capsys.readouterr().out
    assert main(["predict", str(model), str(path)]) == 0
    found = np.array(capsys.readouterr().out.split(), float)
    own = fastreg.LogisticRegressionCV(cv=3).fit(np.asfortranarray(X), LABELS["won"][up])
    np.testing.assert_array_equal(found, own.predict_proba(np.asfortranarray(X))[:, 1])


@pytest.mark.parametrize("cv", [None, 3])
def test_counts_with_an_exposure(cv, table, path, tmp_path, capsys):
    X, _, years, _, claims = table
    model, X = tmp_path / "m.json", np.asfortranarray(X)
    choice = ("--alpha", "0.1") if cv is None else ("--cv", cv)
    options = ("--model", "lasso", "--exposure", "years", "--save", model, *choice)
    assert main(_fit(path, "claims", "poisson", *options)) == 0
    said = capsys.readouterr().out
    if cv is None:
        own = fastreg.PoissonRegressor(alpha=0.1, l1_ratio=1.0)
    else:
        own = fastreg.PoissonRegressorCV(cv=3, l1_ratio=1.0)
    own.fit(X, claims, offset=np.log(years))
    assert f"{own.score(X, claims, offset=np.log(years)):.6f}" in said and "years; give" in said
    assert main(["predict", str(model), str(path), "--exposure", "years"]) == 0
    found = np.array(capsys.readouterr().out.split(), float)
    np.testing.assert_array_equal(found, own.predict(X, np.log(years)))


@pytest.mark.parametrize("cv", [None, 2])
@pytest.mark.parametrize(
    "offset", [(), ("--offset", "prior"), ("--offset", "prior", "--no-intercept")]
)
@pytest.mark.parametrize("target", ["won", "flag", "claims"])
def test_more_rows_than_memory_holds(target, offset, cv, path, tmp_path, capsys):
    """Block by block, the report says what it says of rows in memory, and predictions agree."""
    family = "poisson" if target == "claims" else "binomial"
    options = ("--model", "lasso", *(("--alpha", "2") if cv is None else ("--cv", cv)))
    options = (*options, *offset, "--weights", "years", "--tol", "1e-9")
    said, predicted = [], []
    for memory in ((), ("--memory", "1e-6")):
        model = tmp_path / f"m{len(memory)}.json"
        asked = _fit(path, target, family, *options, *memory, "--save", model)
        assert main(asked) in ((0,) if cv is None else (0, 3))  # training fits are told too
        said.append(capsys.readouterr().out)
        asked = [
            "predict",
            model,
            path,
            *(["--classes"] if family == "binomial" else []),
            *offset[:2],
        ]
        assert main(list(map(str, asked))) == 0
        predicted.append(capsys.readouterr().out.splitlines())
    if cv is None:  # folds of rows in memory have as many rows of each class
        for line in ("classes", "D²", "non-zero", "data", "offset"):
            texts = [[each for each in text.splitlines() if line in each] for text in said]
            assert texts[0] == texts[1]
        values = [[float(line.split(",")[0]) for line in lines] for lines in predicted]
        np.testing.assert_allclose(*values, rtol=1e-4)
        assert [line.partition(",")[2] for line in predicted[0]] == [
            line.partition(",")[2] for line in predicted[1]
        ]
    assert "80 rows" in said[1]


def test_arrays_are_fitted_too(table, tmp_path, capsys):
    X, _, _, up, _ = table
    np.savez(tmp_path / "d.npz", X=X, y=up)
    model = tmp_path / "m.json"
    asked = ["fit", tmp_path / "d.npz", "--family", "binomial", "--save", model]
    assert main(list(map(str, asked))) == 0
    assert main(["predict", str(model), str(tmp_path / "d.npz")]) == 0
    own = fastreg.LogisticRegression().fit(X, up)
    found = capsys.readouterr().out.split()[-80:]
    np.testing.assert_array_equal(np.array(found, float), own.predict_proba(X)[:, 1])
    asked = ["predict", model, tmp_path / "d.npz", "--offset", "b"]
    _misused(asked, capsys, "'b' must be a column of a table")


USAGE = {"offset of squares", "exposure of odds", "both", "alpha and cv", "family"}
BAD = {
    "three values": (("claims", "binomial"), "two different values for --family binomial"),
    "offset of squares": (("a", "gaussian", "--offset", "prior"), "subtract it from the target"),
    "exposure of odds": (("won", "binomial", "--exposure", "years"), "--family poisson"),
    "both": (
        ("claims", "poisson", "--offset", "prior", "--exposure", "years"),
        "give --offset or --exposure",
    ),
    "alpha and cv": (("won", "binomial", "--alpha", "1", "--cv", "3"), "give one of them"),
    "not above zero": (
        ("claims", "poisson", "--exposure", "prior"),
        "above 0, {path}, line",
    ),
    "memory": (
        ("claims", "poisson", "--memory", "1e-6", "--exposure", "years"),
        "--memory 0.1 allows it",
    ),
    "codes in blocks": (
        ("code", "binomial", "--memory", "1e-6"),
        "is -1 and 2: give two classes as 0 and 1",
    ),
    "counts in blocks": (
        ("claims", "binomial", "--memory", "1e-6"),
        "different labels: two are needed",
    ),
    "a text offset": (("flag", "binomial", "--offset", "won"), "'won' holds string"),
    "no such column": (("won", "binomial", "--offset", "priors"), "did you mean 'prior'"),
    "negative counts": (("a", "poisson", "--weights", "years"), "y must be ≥ 0"),
    "family": (("won", "cauchy"), "--family"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_combined_is_refused(name, path, capsys):
    arguments, part = BAD[name]
    status = 2 if name in USAGE else 1
    _fails(_fit(path, *arguments), capsys, part.format(path=path), status=status)


def test_a_label_that_is_missing_is_told_or_left_out(path, tmp_path, capsys):
    text = path.read_text().replace(",lost,", ",,", 1)
    path.write_text(text)
    _fails(_fit(path, "won", "binomial"), capsys, "y contains NaN", "line")
    assert main(_fit(path, "won", "binomial", "--missing", "drop")) == 0
    assert "79 rows" in capsys.readouterr().out
    path.write_text(text.replace(",lost,", ",drawn,", 1))
    _fails(_fit(path, "won", "binomial"), capsys, "3 different labels", "two are needed")


def test_bad_predictions_of_families(path, tmp_path, capsys):
    squares, odds = tmp_path / "s.json", tmp_path / "o.json"
    assert main(_fit(path, "claims", "gaussian", "--save", squares)) == 0
    assert main(_fit(path, "won", "binomial", "--save", odds, "--offset", "prior")) == 0
    capsys.readouterr()
    _misused(["predict", squares, path, "--classes"], capsys, "this is a Ridge")
    _misused(["predict", squares, path, "--offset", "prior"], capsys, "this is a Ridge")
    _fails(
        ["predict", odds, path, "--exposure", "years"],
        capsys,
        "models of --family poisson",
        status=2,
    )
    _fails(["predict", odds, path, "--offset", "priors"], capsys, "did you mean 'prior'")
    lines = path.read_text().splitlines()
    cells = lines[3].split(",")
    lines[3] = ",".join([*cells[:2], "", *cells[3:]])
    path.write_text("\n".join(lines) + "\n")
    _fails(["predict", odds, path, "--offset", "prior"], capsys, "'prior' contains NaN", "line 4")
