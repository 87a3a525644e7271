"""The page of what combines with what: a "no" is an error in words, a certificate of its kind."""

import numpy as np
import pytest

import fastreg

rng = np.random.default_rng(0)
X = rng.standard_normal((80, 4))
Y = X[:, 0] + rng.standard_normal(80)
WON = (Y > 0) * 1.0
FAMILIES = {"binomial": WON, "poisson": np.round(np.exp(0.5 * Y))}


def blocks(y):
    return fastreg.read([(X[:40], y[:40]), (X[40:], y[40:])])


@pytest.mark.parametrize(("family", "y"), FAMILIES.items(), ids=FAMILIES)
def test_what_families_have_not_is_said(family, y):
    path = fastreg.path(X, y, family=family, alphas=3)
    with pytest.raises(ValueError, match="rss"):
        _ = path.rss
    with pytest.raises(ValueError, match="cp"):
        path.select("cp")
    of_source = fastreg.path(blocks(y), family=family, alphas=3)
    for ask in (lambda: of_source.select("bic"), of_source.relax):
        with pytest.raises(ValueError, match="rows"):
            ask()
    model = fastreg.LogisticRegression() if family == "binomial" else fastreg.PoissonRegressor()
    with pytest.raises(ValueError, match="y"):
        model.fit(X, np.column_stack([y, y]))


def test_what_squares_have_not_is_said():
    with pytest.raises(ValueError, match="offset"):
        fastreg.path(X, Y, offset=WON)
    with pytest.raises(ValueError, match="SufficientStatistics"):
        fastreg.path(blocks(Y), alphas=3)
    stats = fastreg.SufficientStatistics.collect(blocks(Y))
    path = stats.path(alphas=3)
    assert path.select("bic").index >= 0 and path.relax().coefs.shape == (4, 3)


@pytest.mark.parametrize(
    ("model", "y", "kind"),
    [
        (fastreg.Ridge(), Y, "gap"), (fastreg.Lasso(alpha=0.1), Y, "gap"),
        (fastreg.ElasticNet(alpha=0.1, positive=True), Y, "gap"),
        (fastreg.LinearRegression(), Y, "stationarity"),
        (fastreg.LogisticRegression(), WON, "gap"),
        (fastreg.LogisticRegression(C=np.inf), WON, "stationarity"),
        (fastreg.PoissonRegressor(), FAMILIES["poisson"], "gap"),
        (fastreg.PoissonRegressor(alpha=0.0), FAMILIES["poisson"], "stationarity"),
    ],
    ids=repr,
)  # fmt: skip
def test_certificates_are_of_the_kind_of_the_page(model, y, kind):
    assert model.fit(X, y).certificate_.kind == kind
