"""Generalised linear models beside R's numbers: `fixtures/r_families.json`, made by the script
beside it from the data of `fixtures/family_data.py`."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import needs_jit

import fastreg
from fastreg import losses

FIXTURES = Path(__file__).resolve().parent / "fixtures"
sys.path.insert(0, str(FIXTURES))
import family_data  # noqa: E402

R = json.loads((FIXTURES / "r_families.json").read_text(encoding="utf-8"))
SETS = family_data.sets()
VARIANTS = ("plain", "weights", "offset", "both")
EXACT = {"tol": 1e-13, "alpha": 0.0}
MODELS = {
    "gamma": lambda: fastreg.GammaRegressor(**EXACT),
    "gamma_diabetes": lambda: fastreg.GammaRegressor(**EXACT),
    "inverse_gaussian": lambda: fastreg.TweedieRegressor(power=3, alpha=0.0, tol=1e-10),
    "tweedie_1.2": lambda: fastreg.TweedieRegressor(power=1.2, **EXACT),
    "tweedie_1.5": lambda: fastreg.TweedieRegressor(power=1.5, **EXACT),
    "tweedie_1.9": lambda: fastreg.TweedieRegressor(power=1.9, **EXACT),
    "tweedie_2.5": lambda: fastreg.TweedieRegressor(power=2.5, alpha=0.0, tol=1e-10),
    "poisson": lambda: fastreg.PoissonRegressor(**EXACT),
    "negative_binomial_0.7": lambda: fastreg.NegativeBinomialRegressor(theta=0.7, **EXACT),
    "negative_binomial_3": lambda: fastreg.NegativeBinomialRegressor(theta=3.0, **EXACT),
    "binomial": lambda: fastreg.LogisticRegression(C=np.inf, tol=1e-12, target="proportions"),
}
pytestmark = needs_jit


def given(name, variant):
    """(X, y, what else `fit` takes, clusters)."""
    data = SETS[name]
    more = {}
    if variant in ("weights", "both"):
        more["sample_weight"] = data["weights"]
    if variant in ("offset", "both"):
        more["offset"] = data["offset"]
    return data["X"], np.asarray(data["y"], float), more, data["cluster"]


def test_the_data_are_those_that_r_had():
    for name, known in R["sets"].items():
        X = SETS[name]["X"]
        assert X.shape == (known["rows"], known["columns"])
        np.testing.assert_allclose(
            X.sum(axis=0), known["column_sums"][: X.shape[1]], rtol=1e-12, atol=1e-9
        )


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", MODELS)
def test_glm(name, variant):
    theirs = R["glm"][name][variant]
    X, y, more, _ = given(R["glm"][name]["set"], variant)
    model = MODELS[name]().fit(X, y, **more)
    table = model.summary(X, y, **more)
    np.testing.assert_allclose(table.coef, theirs["coef"], rtol=1e-6, atol=1e-9)
    scale = 1.0 if "se_dispersion_1" not in theirs else theirs["dispersion"]
    np.testing.assert_allclose(table.standard_error * np.sqrt(scale), theirs["se"], rtol=1e-6)
    for own, other in (
        (table.deviance, theirs["deviance"]),
        (table.null_deviance, theirs["null_deviance"]),
        (table.pearson, theirs["pearson_chisq"]),
        (table.residual_dof, theirs["df_residual"]),
        (table.null_dof, theirs["df_null"]),
    ):
        assert own == pytest.approx(other, rel=1e-9)
    if scale == 1.0:
        assert table.dispersion == pytest.approx(theirs["dispersion"], rel=1e-9)
        np.testing.assert_allclose(table.p_value, theirs["p"], rtol=1e-5)
    if theirs["loglik"] is not None:
        assert table.log_likelihood == pytest.approx(theirs["loglik"], rel=1e-9)
        assert table.aic == pytest.approx(theirs["aic"], rel=1e-9)
        assert table.bic == pytest.approx(theirs["bic"], rel=1e-9)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", MODELS)
def test_robust_standard_errors(name, variant):
    theirs = R["glm"][name][variant]["robust_se"]
    X, y, more, cluster = given(R["glm"][name]["set"], variant)
    model = MODELS[name]().fit(X, y, **more)
    for method, known in (("HC0", "vcovHC_HC0"), ("HC1", "vcovHC_HC1")):
        table = model.summary(X, y, **more, method=method)
        np.testing.assert_allclose(table.standard_error, theirs[known], rtol=1e-6)
    table = model.summary(X, y, **more, cluster=cluster)
    assert table.method.startswith("clustered")
    np.testing.assert_allclose(table.standard_error, theirs["vcovCL"], rtol=1e-6)


@pytest.mark.parametrize("power", ["1.2", "1.5", "1.9"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_density_of_tweedie(power, variant):
    theirs = R["glm"][f"tweedie_{power}"][variant]["log_density"]["frequency"]
    X, y, more, _ = given("tweedie", variant)
    model = MODELS[f"tweedie_{power}"]().fit(X, y, **more)
    assert model.summary(X, y, **more).log_likelihood == pytest.approx(theirs["loglik"], rel=1e-9)


@pytest.mark.parametrize("variant", VARIANTS)
def test_glm_nb(variant):
    theirs = R["glm_nb"][variant]
    X, y, more, _ = given("counts", variant)
    model = fastreg.NegativeBinomialRegressor(**EXACT).fit(X, y, **more)
    assert model.theta_ == pytest.approx(theirs["theta"], rel=1e-7)
    assert model.theta_se_ == pytest.approx(theirs["se_theta"], rel=1e-6)
    table = model.summary(X, y, **more)
    np.testing.assert_allclose(table.coef, theirs["coef"], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(table.standard_error, theirs["se"], rtol=1e-5)
    assert table.deviance == pytest.approx(theirs["deviance"], rel=1e-8)
    assert 2.0 * table.log_likelihood == pytest.approx(theirs["twologlik"], rel=1e-9)
    assert table.aic == pytest.approx(theirs["aic"], rel=1e-9)
    assert table.bic == pytest.approx(theirs["bic"], rel=1e-9)


PATHS = {
    "gamma": losses.Gamma(),
    "tweedie_1.5": losses.Tweedie(1.5),
    "negative_binomial_3": losses.NegativeBinomial(3.0),
    "poisson": losses.Poisson(),
    "binomial": losses.Logistic(),
}


@pytest.mark.parametrize("variant", ["plain", "both"])
@pytest.mark.parametrize("penalty", ["lasso", "elastic_net"])
@pytest.mark.parametrize("name", PATHS)
def test_paths_are_those_of_glmnet(name, penalty, variant):
    theirs = R["glmnet"][name][penalty][variant]
    X, y, more, _ = given(theirs["set"], variant)
    path = fastreg.path(
        X, y, family=PATHS[name], l1_ratio=theirs["alpha"], alphas=theirs["lambda"], tol=1e-14,
        **more,
    )  # fmt: skip
    np.testing.assert_allclose(path.coefs.T, theirs["coef"], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(path.intercepts, theirs["intercept"], rtol=1e-6, atol=1e-8)
    assert path.certificate.converged


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", MODELS)
def test_residuals_and_tests_of_two_coefficients(name, variant):
    theirs = R["glm"][name][variant]
    X, y, more, _ = given(R["glm"][name]["set"], variant)
    model = MODELS[name]().fit(X, y, **more)
    for kind in ("deviance", "pearson", "working"):
        found = model.residuals(X, y, **more, kind=kind)[:10]
        np.testing.assert_allclose(found, theirs[f"{kind}_residuals"], rtol=1e-6, atol=1e-8)
    table, tested = model.summary(X, y, **more), theirs["drop_last_two"]
    small = MODELS[name]().fit(X[:, :-2], y, **more).summary(X[:, :-2], y, **more)
    ratio = table.compare(small)
    assert ratio.dof == tested["df"]
    assert ratio.statistic * table.dispersion == pytest.approx(
        tested["deviance_difference"], rel=1e-6
    )
    wald, scale = table.wald(table.names[-2:]), 1.0
    if "se_dispersion_1" in theirs:
        scale = theirs["dispersion"]
    assert wald.statistic / scale == pytest.approx(tested["wald_chisq"], rel=1e-5)
    if scale == 1.0:
        assert ratio.p_value == pytest.approx(tested["p_lrt"], rel=1e-5)
        assert wald.p_value == pytest.approx(tested["p_wald"], rel=1e-4)
