"""`fit` and `predict` of amounts, and of counts that vary more than Poisson's."""

from __future__ import annotations

import csv
import re
from xml.etree import ElementTree

import numpy as np
import pytest

import fastreg
from fastreg import warming
from fastreg.cli import main
from fastreg.cli.known_families import FAMILIES, names
from fastreg.cli.options import parser

pytest.importorskip("pyarrow")
ROWS = 90
# The target, options, the estimator and its parameters of each family.
CASES = {
    "gamma": ("cost", (), "GammaRegressor", {}),
    "tweedie": ("bill", (), "TweedieRegressor", {"power": 1.5}),
    "tweedie of a power": ("bill", ("--power", "1.7"), "TweedieRegressor", {"power": 1.7}),
    "inverse-gaussian": ("cost", (), "TweedieRegressor", {"power": 3.0}),
    "negative-binomial": ("visits", (), "NegativeBinomialRegressor", {}),
    "negative-binomial of a theta": (
        "visits", ("--theta", "2"), "NegativeBinomialRegressor", {"theta": 2.0},
    ),
}  # fmt: skip
KNOWN = [name for name in CASES if name != "negative-binomial"]  # before the rows are read
TARGETS = ("cost", "bill", "visits")


@pytest.fixture(scope="module")
def table():
    """X (m, 2), an offset, an exposure, and targets."""
    rng = np.random.default_rng(6)
    X, prior = rng.standard_normal((ROWS, 2)), 0.3 * rng.standard_normal(ROWS)
    years = rng.uniform(0.5, 3.0, ROWS)
    mean = years * np.exp(0.5 * X[:, 1])
    claims = rng.poisson(2.0 * np.sqrt(mean))
    bill = np.where(claims > 0, rng.gamma(np.maximum(claims, 1), 0.5 * np.sqrt(mean)), 0.0)
    visits = rng.poisson(3.0 * mean * rng.gamma(1.5, 1.0 / 1.5, ROWS))
    return X, prior, years, {"cost": rng.gamma(2.0, mean / 2.0), "bill": bill, "visits": visits}


@pytest.fixture
def path(table, tmp_path):
    X, prior, years, targets = table
    out = tmp_path / "d.csv"
    with open(out, "w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["a", "b", "prior", "years", *targets])
        writer.writerows(zip(*X.T, prior, years, *targets.values(), strict=True))
    return out


def _fit(path, case, *options):
    target, own, _, _ = CASES[case]
    used = {target, *options}
    dropped = [name for name in (*TARGETS, "prior", "years") if name not in used]
    family = case.partition(" ")[0]
    asked = ["fit", path, "--target", target, "--family", family, "--drop", *dropped]
    return list(map(str, [*asked, *own, *options]))


def _predicted(argv, capsys):
    assert main(list(map(str, ["predict", *argv]))) == 0
    return np.array(capsys.readouterr().out.split(), float)


def _refused(argv, capsys, *parts, status):
    assert main(list(map(str, argv))) == status
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    for part in parts:
        assert part in err


# ---------------------------------------------------------------- fits


@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize("case", CASES)
def test_a_fit_is_that_of_the_library(case, cv, table, path, tmp_path, capsys):
    X, _, years, targets = table
    name, _, estimator, given = CASES[case]
    model, X, y = tmp_path / "m.json", np.asfortranarray(X), targets[name]
    choice = ("--alpha", "0.02") if cv is None else ("--cv", cv)
    options = ("--model", "lasso", "--exposure", "years", "--save", model, *choice)
    assert main(_fit(path, case, *options)) == 0
    said, err = capsys.readouterr()
    assert err == ""
    strength = {"alpha": 0.02} if cv is None else {"cv": cv}
    own = getattr(fastreg, estimator + ("" if cv is None else "CV"))
    own = own(l1_ratio=1.0, **strength, **given).fit(X, y, offset=np.log(years))
    loaded = fastreg.load_model(model)
    np.testing.assert_array_equal(loaded.coef_, own.coef_)
    assert np.count_nonzero(own.coef_) > 0
    assert type(own).__name__ in said and "years; give --exposure" in said
    assert f"{own.score(X, y, offset=np.log(years)):.6f}" in said
    found = _predicted([model, path, "--exposure", "years"], capsys)
    np.testing.assert_array_equal(found, own.predict(X, np.log(years)))


def test_an_offset_is_added_to_log_means(table, path, tmp_path, capsys):
    X, prior, _, targets = table
    model = tmp_path / "m.npz"
    assert main(_fit(path, "gamma", "--alpha", "0.1", "--offset", "prior", "--save", model)) == 0
    assert "prior; give --offset" in capsys.readouterr().out
    own = fastreg.GammaRegressor(alpha=0.1)
    own.fit(np.asfortranarray(X), targets["cost"], offset=prior)
    found = _predicted([model, path, "--offset", "prior"], capsys)
    np.testing.assert_array_equal(found, own.predict(np.asfortranarray(X), prior))


@pytest.mark.parametrize("case", KNOWN)
def test_more_rows_than_memory_holds(case, path, tmp_path, capsys):
    said, predicted = [], []
    for memory in ((), ("--memory", "1e-6")):
        model = tmp_path / f"m{len(memory)}.json"
        options = ("--offset", "prior", "--weights", "years", "--alpha", "0.05", "--tol", "1e-9")
        assert main(_fit(path, case, *options, *memory, "--save", model)) == 0
        said.append(capsys.readouterr().out)
        predicted.append(_predicted([model, path, "--offset", "prior"], capsys))
    for line in ("prediction", "D²", "non-zero", "offset", "power", "theta"):
        texts = [[each for each in text.splitlines() if line in each] for text in said]
        assert texts[0] == texts[1]
    np.testing.assert_allclose(*predicted, rtol=1e-6)
    assert "blocks" in said[1] and "blocks" not in said[0]


def test_folds_of_blocks_choose_a_strength(path, capsys):
    assert main(_fit(path, "gamma", "--cv", "3", "--memory", "1e-6")) == 0
    out = capsys.readouterr().out
    assert re.search("chosen .* held out", out) and "blocks" in out


def test_identity_links_of_the_library_predict_themselves(path, tmp_path, capsys):
    model = fastreg.TweedieRegressor(power=0.0).fit(path, "prior")
    fastreg.save_model(model, tmp_path / "m.json")
    found = _predicted([tmp_path / "m.json", path], capsys)
    np.testing.assert_array_equal(found, model.predict(path))
    assert found.min() < 0.0  # as no exponential is
    asked = ["predict", tmp_path / "m.json", path, "--exposure", "years"]
    _refused(asked, capsys, "this is a TweedieRegressor", status=2)


# ---------------------------------------------------------------- words


def test_numbers_of_families_are_told(table, path, capsys):
    X, _, _, targets = table
    assert main(_fit(path, "negative-binomial", "--alpha", "0.1")) == 0
    own = fastreg.NegativeBinomialRegressor(alpha=0.1)
    own.fit(np.asfortranarray(X), targets["visits"])
    out = capsys.readouterr().out
    assert f"{own.theta_:.6g}, estimated with a standard error of {own.theta_se_:.3g}" in out
    assert "mean count; the variance is mean + mean²/theta" in out
    assert main(_fit(path, "negative-binomial of a theta")) == 0
    out = capsys.readouterr().out
    assert re.search(r"^theta +2$", out, re.MULTILINE) and "estimated" not in out
    assert main(_fit(path, "tweedie of a power")) == 0
    out = capsys.readouterr().out
    assert re.search(r"^power +1.7$", out, re.MULTILINE) and "power=1.7" in out


def test_counts_without_more_variance_than_their_mean_are_told(tmp_path, capsys):
    path = tmp_path / "d.csv"
    path.write_text("\n".join(["a,y", *(f"{i % 5},2" for i in range(40))]) + "\n")
    argv = ["fit", str(path), "--target", "y", "--family", "negative-binomial"]
    assert main(argv) == 3
    out, err = capsys.readouterr()
    assert "take --family poisson" in err and "theta is the end of the range" in err
    assert "none is the most likely" in out


def _page(path, tmp_path, case, *options):
    pytest.importorskip("matplotlib")
    page, plot = tmp_path / "p.html", tmp_path / "p.svg"
    assert main(_fit(path, case, "--report", page, "--plot", plot, *options)) == 0
    assert plot.read_bytes().startswith(b"<?xml")
    return ElementTree.fromstring(page.read_text("utf-8").removeprefix("<!DOCTYPE html>\n"))


def _text(root, name):
    (part,) = (each for each in root.iter("section") if each.get("id") == name)
    return " ".join("".join(part.itertext()).split())


@pytest.mark.parametrize("case", CASES)
def test_the_page_says_what_the_family_is(case, path, tmp_path, capsys):
    root = _page(path, tmp_path, case, "--cv", "3")
    family = FAMILIES[case.partition(" ")[0]]
    data = _text(root, "data")
    assert family.prediction in data and "target, " in data
    assert (f"{family.number}" in data) if family.number else ("theta" not in data)
    assert "mean deviance" in _text(root, "choice")
    assert "what the log of the mean gains" in _text(root, "coefficients")
    assert "predicted mean of 3 is 3 on average" in _text(root, "residuals")
    assert any("the mean observed" in each.get("alt") for each in root.iter("img"))
    words = _text(root, "certificate")
    assert "The tolerance was reached" in words
    stationary = case == "inverse-gaussian"
    assert ("is not convex" in words) == ("KKT residual" in words) == stationary
    assert ("duality gap. It was computed" in words) != stationary
    assert ("no gap is known of" in words) == stationary and "gap inf" not in words


def test_blocks_have_a_page(path, tmp_path, capsys):
    words = _text(_page(path, tmp_path, "tweedie", "--memory", "1e-6"), "data")
    assert "power1.5" in words


# ---------------------------------------------------------------- refusals

REFUSED = {
    "power of another": ("gamma", ("--power", "1.5"), 2, "belongs to --family tweedie"),
    "theta of another": (
        "tweedie", ("--theta", "1.5"), 2, "belongs to --family negative-binomial",
    ),
    "power of squares": ("tweedie", ("--power", "0"), 2, "--power: must be a finite number ≥ 1"),
    "no theta": (
        "negative-binomial", ("--theta", "0"), 2, "--theta: must be a finite number above 0",
    ),
    "theta in blocks": (
        "negative-binomial", ("--memory", "1e-6"), 1, "--theta 2 gives one",
    ),
    "exposure in blocks": (
        "gamma", ("--memory", "1e-6", "--exposure", "years"), 1, "--memory 0.1 allows it",
    ),
    "both": (
        "gamma", ("--offset", "prior", "--exposure", "years"), 2, "give --offset or --exposure",
    ),
    "not above zero": ("gamma", ("--exposure", "prior"), 1, "must be above 0"),
    "alpha and cv": ("gamma", ("--alpha", "1", "--cv", "3"), 2, "give one of them"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused(name, path, capsys):
    case, options, status, part = REFUSED[name]
    _refused(_fit(path, case, *options), capsys, part, status=status)


@pytest.mark.parametrize("memory", [(), ("--memory", "1e-6")])
@pytest.mark.parametrize("family", ["gamma", "inverse-gaussian"])
def test_amounts_of_zero_are_refused_where_there_are_none(family, memory, path, capsys):
    asked = ["fit", path, "--target", "bill", "--drop", "cost,visits", "--family", family]
    part = "must lie in (0, inf), got 0 to" if memory else "y must be above 0"
    _refused([*asked, *memory], capsys, part, status=1)


def test_an_exposure_is_refused_in_words_that_name_the_families(path, capsys):
    asked = ["fit", path, "--target", "cost", "--exposure", "years"]
    _refused(asked, capsys, f"--family {names(lambda each: each.has_exposure)}", status=2)


def test_the_table_of_families_is_what_the_commands_know():
    (of,) = (each for each in parser()._actions if isinstance(each.choices, dict))
    for command in ("fit", "warmup"):
        (option,) = (
            each for each in of.choices[command]._actions if "--family" in each.option_strings
        )
        assert list(option.choices) == list(FAMILIES)
    known = [name for name in warming.FAMILIES if name not in warming._WITHOUT_CV]
    assert [name.replace("-", "_") for name in FAMILIES] == known
    for family in FAMILIES.values():
        assert family.of_squares or hasattr(fastreg, f"{family.estimator}CV")
