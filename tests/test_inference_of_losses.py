"""Standard errors of logistic and Poisson fits: closed forms, R's example, 80 bits, coverage."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.stats
from conftest import needs_jit

import fastreg
from fastreg import LogisticRegression, LogisticRegressionCV, PoissonRegressor, PoissonRegressorCV
from fastreg.inference import LIKELIHOOD_METHODS

pytestmark = needs_jit
LD = np.longdouble


def counts(seed=0, m=120, n=3):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n)) * [1.0, 5.0, 0.2][:n] + [0.0, 30.0, 1.0][:n]
    offset = 0.3 * rng.standard_normal(m)
    y = rng.poisson(np.exp(0.4 * X[:, 0] + 0.5 + offset)).astype(float)
    return X, y, rng.integers(1, 4, m).astype(float), offset


def trials(seed=0, m=120, n=3):
    """(X, shares, trials, offset)"""
    X, _, w, offset = counts(seed, m, n)
    rng = np.random.default_rng(seed + 1)
    p = 1 / (1 + np.exp(-0.8 * X[:, 0] - 0.3 - offset))
    return X, rng.binomial(w.astype(int), p) / w, w, offset


def oracle(X, y, w, offset, family, intercept, l2=0.0, steps=40):
    """(θ with the intercept first, H, J, the meat) by Newton's method in 80 bits, l2 beside Σ w ℓ;
    columns in units of their own, for the sake of the equations, which are solved in 64 bits."""
    A = np.column_stack([np.ones(len(y)), X])[:, (0 if intercept else 1) :].astype(LD)
    size = np.sqrt((A**2).sum(axis=0))
    ridge = np.full(A.shape[1], LD(l2))
    if intercept:
        ridge[0] = 0.0
    theta = np.zeros(A.shape[1], LD)
    for _ in range(steps):
        z = A @ theta + offset
        mu = np.exp(z) if family == "poisson" else 1 / (1 + np.exp(-z))
        v = w * (mu if family == "poisson" else mu * (1 - mu))
        J = (A * v[:, None]).T @ A
        H = J + np.diag(ridge)
        g = A.T @ (w * (y - mu)) - ridge * theta
        inner = (H / np.outer(size, size)).astype(float)
        theta = theta + np.linalg.solve(inner, (g / size).astype(float)) / size
    meat = (A * ((w * (y - mu)) ** 2)[:, None]).T @ A
    return (np.asarray(part, float) for part in (theta, H, J, meat))


CASES = [("poisson", 0.0), ("poisson", 2.0), ("binomial", 0.0), ("binomial", 2.0)]


@pytest.mark.parametrize(("family", "l2"), CASES)
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("storage", [np.asarray, sp.csr_array])
def test_errors_are_those_of_the_formulas(family, l2, intercept, storage):
    X, y, w, offset = counts() if family == "poisson" else trials()
    if family == "poisson":
        model = PoissonRegressor(alpha=l2 / w.sum(), fit_intercept=intercept, tol=1e-12)
    else:
        C = 1.0 / l2 if l2 else np.inf
        model = LogisticRegression(C=C, fit_intercept=intercept, tol=1e-12, target="proportions")
    given = {"sample_weight": w, "offset": offset}
    model.fit(storage(X), y, **given)
    theta, H, J, meat = oracle(X, y, w, offset, family, intercept, l2)
    inverse, m = np.linalg.inv(H), len(y)
    used = np.trace(inverse @ J)
    z = X @ theta[int(intercept) :] + (theta[0] if intercept else 0.0) + offset
    mu = np.exp(z) if family == "poisson" else 1 / (1 + np.exp(-z))
    A = np.column_stack([np.ones(m), X])[:, (0 if intercept else 1) :]
    groups = np.arange(m) % 10
    sums = np.array([(w * (mu - y) * (groups == g)) @ A for g in range(10)])
    expected = {
        "classical": inverse @ J @ inverse,
        "HC0": inverse @ meat @ inverse,
        "HC1": inverse @ meat @ inverse * m / (m - used),
        "sandwich": inverse @ meat @ inverse * m / (m - used),
        "clustered": inverse @ (sums.T @ sums) @ inverse * 10 / 9,
        "bayesian": inverse,
    }
    assert set(expected) == set(LIKELIHOOD_METHODS)
    for method, covariance in expected.items():
        more = {"cluster": groups} if method == "clustered" else {}
        found = model.summary(storage(X), y, **given, **more, method=method, level=0.9)
        error = np.sqrt(np.diag(covariance))
        np.testing.assert_allclose(found.coef, theta, rtol=1e-6)
        np.testing.assert_allclose(found.covariance, covariance, rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(found.standard_error, error, rtol=1e-7, err_msg=method)
        np.testing.assert_allclose(found.p_value, 2 * scipy.stats.norm.sf(abs(found.statistic)))
        reach = scipy.stats.norm.ppf(0.95) * error
        np.testing.assert_allclose(found.upper - found.lower, 2 * reach, rtol=1e-7)
        np.testing.assert_allclose(found.ratio_upper, np.exp(theta + reach), rtol=1e-6)
    if family == "poisson":
        whole = w @ scipy.stats.poisson.logpmf(y, mu)
        variance = mu
    else:
        whole = scipy.stats.binom.logpmf(np.rint(w * y), w, mu).sum()
        variance = mu * (1 - mu)
    assert found.log_likelihood == pytest.approx(whole, rel=1e-10)
    assert found.aic == pytest.approx(2 * used - 2 * whole, rel=1e-10)
    assert found.pearson == pytest.approx(w @ ((y - mu) ** 2 / variance), rel=1e-7)
    assert found.residual_dof == pytest.approx(m - used, rel=1e-9)
    assert found.null_dof == m - intercept
    assert np.isnan(found.likelihood_ratio_p) == (l2 > 0)
    if l2 == 0:
        tested = found.null_deviance - found.deviance
        assert found.likelihood_ratio == tested
        assert found.likelihood_ratio_p == pytest.approx(scipy.stats.chi2.sf(tested, 3), rel=1e-9)


def test_deviances_are_those_of_the_path():
    X, y, w, offset = counts()
    model = PoissonRegressor(alpha=0.05, tol=1e-12).fit(X, y, w, offset)
    found = model.summary(X, y, w, offset)
    path = fastreg.path(
        X, y, family="poisson", l1_ratio=0.0, alphas=[0.05], sample_weight=w, offset=offset,
        tol=1e-12,
    )  # fmt: skip
    assert found.deviance == pytest.approx(path.deviance[0], rel=1e-10)
    assert found.null_deviance == pytest.approx(path.null_deviance, rel=1e-10)
    assert found.explained == pytest.approx(path.explained[0], rel=1e-10)
    assert found.n_samples - found.residual_dof == pytest.approx(path.dof[0], rel=1e-9)
    assert found.aic == pytest.approx(path.select("aic").values[0], rel=1e-10)


def test_a_table_of_four_counts_has_errors_in_closed_form():
    """log(ad/bc) ± √(1/a + 1/b + 1/c + 1/d), Woolf 1955."""
    a, b, c, d = 21, 9, 14, 30
    model = LogisticRegression(C=np.inf, target="counts", tol=1e-12)
    y = [[c, d], [a, b]]
    found = model.fit([[0.0], [1.0]], y).summary([[0.0], [1.0]], y)
    assert found.ratio[1] == pytest.approx(a * d / (b * c), rel=1e-7)
    expected = np.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    assert found.standard_error[1] == pytest.approx(expected, rel=1e-7)
    assert found.standard_error[0] == pytest.approx(np.sqrt(1 / c + 1 / d), rel=1e-7)
    assert found.ratio_name == "odds ratio" and found.deviance == pytest.approx(0.0, abs=1e-9)


def test_rates_of_two_exposures_have_errors_in_closed_form():
    """log of a rate ratio ± √(1/a + 1/b)."""
    y, years, X = [12.0, 30.0], np.array([100.0, 150.0]), [[0.0], [1.0]]
    model = PoissonRegressor(alpha=0.0, tol=1e-12).fit(X, y, offset=np.log(years))
    found = model.summary(X, y, offset=np.log(years))
    assert found.ratio[1] == pytest.approx((30 / 150) / (12 / 100), rel=1e-9)
    assert found.standard_error[1] == pytest.approx(np.sqrt(1 / 12 + 1 / 30), rel=1e-9)
    assert found.ratio_name == "rate ratio"


def test_the_example_of_glm_in_r():
    """Dobson's counts (1990), p. 93, as help(glm) of R has them, and what R prints."""
    y = [18, 17, 15, 20, 10, 20, 25, 13, 12]
    outcome, treatment = np.tile([1, 2, 3], 3), np.repeat([1, 2, 3], 3)
    X = np.column_stack([outcome == 2, outcome == 3, treatment == 2, treatment == 3]).astype(float)
    found = PoissonRegressor(alpha=0.0, tol=1e-12).fit(X, y).summary(X, y)
    np.testing.assert_allclose(found.coef, [3.0445, -0.4543, -0.2930, 0, 0], atol=5e-5)
    np.testing.assert_allclose(found.standard_error, [0.1709, 0.2022, 0.1927, 0.2, 0.2], atol=5e-5)
    np.testing.assert_allclose(found.statistic[:3], [17.815, -2.247, -1.520], atol=5e-4)
    assert found.null_deviance == pytest.approx(10.5814, abs=5e-5) and found.null_dof == 8
    assert found.deviance == pytest.approx(5.1291, abs=5e-5)
    assert found.residual_dof == pytest.approx(4)
    assert found.aic == pytest.approx(56.76, abs=5e-3)


def test_weights_are_counts_of_rows():
    X, y, w, offset = counts()
    many = np.repeat(np.arange(len(y)), w.astype(int))
    one = PoissonRegressor(alpha=0.0, tol=1e-12).fit(X, y, w, offset).summary(X, y, w, offset)
    two = PoissonRegressor(alpha=0.0, tol=1e-12).fit(X[many], y[many], offset=offset[many])
    two = two.summary(X[many], y[many], offset=offset[many])
    for name in ("standard_error", "deviance", "null_deviance", "aic", "pearson"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-8, err_msg=name)


@pytest.mark.parametrize("model", [LogisticRegression(C=1e-3), PoissonRegressor(alpha=3.0)])
def test_a_fit_that_tol_has_left_early_goes_on(model):
    """Many rows tell a small gap from none."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40_000, 4))
    y = (rng.random(len(X)) < 1 / (1 + np.exp(-X[:, 0]))) * 1.0
    early = model.set_params(tol=1e-2).fit(X, y).summary(X, y)
    exact = model.set_params(tol=1e-12).fit(X, y).summary(X, y)
    assert (np.abs(early.coef - exact.coef) < 0.1 * exact.standard_error).all()
    with pytest.raises(ValueError, match="further than tol explains: give summary the X, y"):
        model.set_params(tol=1e-4).fit(X, y).summary(X[::-1], y)


@pytest.mark.parametrize("method", ["classical", "sandwich"])
@pytest.mark.thorough
def test_intervals_cover_as_often_as_they_say(method):
    """Counts of variance 2μ for the sandwich, of which a Poisson's errors would be too small."""
    rng = np.random.default_rng(3)
    X, covered, repeats = rng.standard_normal((200, 2)), 0, 400
    mean = np.exp(0.3 * X[:, 0] + 1.0)
    for _ in range(repeats):
        y = rng.poisson(mean) if method == "classical" else rng.negative_binomial(mean, 0.5)
        found = PoissonRegressor(alpha=0.0, tol=1e-8).fit(X, y).summary(X, y, method=method)
        truth = np.array([1.0, 0.3, 0.0])
        covered += ((found.lower <= truth) & (truth <= found.upper)).sum()
    assert 0.93 <= covered / (3 * repeats) <= 0.97


def test_what_an_l1_penalty_left_out_has_no_intervals():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((150, 4))
    y = np.where(X[:, 0] + rng.logistic(size=150) > 0, "yes", "no")
    lasso = LogisticRegression(C=0.1, l1_ratio=1.0).fit(X, y)
    assert not lasso.coef_.all()
    with pytest.raises(ValueError, match=r"an L1 penalty has left out .*Fit the features that"):
        lasso.summary(X, y)
    kept = LogisticRegression(C=100.0, l1_ratio=1.0, tol=1e-12).fit(X, y)
    found = kept.summary(X, y)
    assert "An L1 penalty moves every coefficient towards zero" in str(found)
    assert np.isnan(found.likelihood_ratio_p)


def test_columns_that_depend_on_others_are_named():
    X, y, _, _ = counts()
    wider = np.column_stack([X, X[:, 0] - X[:, 2], X[:, 1]])
    model = PoissonRegressor(alpha=0.0).fit(wider, y)
    with pytest.raises(ValueError, match=r"x3, x4 depend on other columns.*leave these out"):
        model.summary(wider, y)
    ridge = PoissonRegressor(alpha=0.1).fit(wider, y).summary(wider, y)
    assert (ridge.standard_error > 0).all()


def test_constant_columns_have_no_statistic_and_cost_no_degree_of_freedom():
    X, y, _, _ = counts()
    X = np.column_stack([np.full(len(y), 0.1), X])
    found = PoissonRegressor(alpha=0.0, tol=1e-12).fit(X, y).summary(X, y)
    alone = PoissonRegressor(alpha=0.0, tol=1e-12).fit(X[:, 1:], y).summary(X[:, 1:], y)
    assert np.isnan(found.statistic[1]) and found.standard_error[1] == 0.0
    np.testing.assert_allclose(np.delete(found.standard_error, 1), alone.standard_error, rtol=1e-9)
    assert found.residual_dof == pytest.approx(alone.residual_dof)


def test_separable_data_has_no_errors():
    X = np.arange(8.0)[:, None]
    y = X[:, 0] > 3.5
    with pytest.warns(fastreg.ConvergenceWarning, match="separable"):
        model = LogisticRegression(C=np.inf).fit(X, y)
    with pytest.raises(ValueError, match=r"separable.*there are no standard errors"):
        model.summary(X, y)


def test_weights_of_classes_want_a_sandwich():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 2))
    y = np.where(X[:, 0] + rng.logistic(size=200) > 1, "b", "a")
    model = LogisticRegression(C=np.inf, class_weight="balanced", tol=1e-12).fit(X, y)
    with pytest.raises(ValueError, match="class_weight is not a count: set method='sandwich'"):
        model.summary(X, y)
    own = len(y) / (2.0 * np.where(y == "b", (y == "b").sum(), (y == "a").sum()))
    theta, H, _, meat = oracle(X, y == "b", own, 0.0, "binomial", True)
    inverse = np.linalg.inv(H)
    found = model.summary(X, y, method="HC0")
    np.testing.assert_allclose(found.coef, theta, rtol=1e-6)
    expected = np.sqrt(np.diag(inverse @ meat @ inverse))
    np.testing.assert_allclose(found.standard_error, expected, rtol=1e-6)


def test_strengths_of_cross_validation_are_those_of_the_final_fit():
    X, y, w, offset = counts()
    chosen = PoissonRegressorCV(alphas=10, tol=1e-10).fit(X, y, w, offset)
    plain = PoissonRegressor(alpha=chosen.alpha_, tol=1e-10).fit(X, y, w, offset)
    one, two = (model.summary(X, y, w, offset) for model in (chosen, plain))
    np.testing.assert_allclose(one.standard_error, two.standard_error, rtol=1e-6)
    assert "Strengths were chosen with these data" in one.assumes
    assert "Strengths" not in two.assumes
    labels = y > 1
    for options in ({}, {"use_legacy_attributes": True}):
        chosen = LogisticRegressionCV(Cs=5, tol=1e-10, **options).fit(X, labels, w)
        C = float(np.ravel(chosen.C_)[0])
        plain = LogisticRegression(C=C, tol=1e-10).fit(X, labels, w)
        one, two = (model.summary(X, labels, w) for model in (chosen, plain))
        np.testing.assert_allclose(one.standard_error, two.standard_error, rtol=1e-6)
    mean = LogisticRegressionCV(Cs=5, refit=False).fit(X, labels, w)
    with pytest.raises(ValueError, match="refit=False averages fits"):
        mean.summary(X, labels, w)


def test_what_is_not_acceptable_is_named():
    X, y, _, _ = counts()
    model = PoissonRegressor(alpha=0.0).fit(X, y)
    for options, message in (
        ({"method": "HC3"}, "method must be one of classical, sandwich"),
        ({"level": 1.0}, "level must be between 0 and 1"),
        ({"offset": y[:3]}, "offset must hold 120 finite numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            model.summary(X, y, **options)
    with pytest.raises(ValueError, match="features"):
        model.summary(X[:, :2], y)
    with pytest.raises(ValueError, match="no intervals for coefficients between bounds"):
        PoissonRegressor(positive=True).fit(X, y).summary(X, y)
    odds = LogisticRegression().fit(X, y > 1)
    with pytest.raises(ValueError, match="y must be of the classes"):
        odds.summary(X, y)


def test_a_table_prints_names_deviances_and_what_it_takes_for_granted():
    pandas = pytest.importorskip("pandas")
    X, y, _, _ = counts()
    frame = pandas.DataFrame(X, columns=["age", "size", "rate"])
    text = str(PoissonRegressor(alpha=0.0).fit(frame, y).summary(frame, y))
    for part in ("intercept", "age", "rate ratio", "null deviance", "likelihood ratio", "AIC",
                 "Rows independent", "97.5 %"):  # fmt: skip
        assert part in text
    assert len({len(line) for line in text.splitlines()[1:8]}) == 1


def test_deviances_of_large_counts_keep_their_digits():
    """As a difference of what is large the deviance of counts of 1e9 has no more than ten."""
    X, _, _, _ = counts()
    y = np.random.default_rng(0).poisson(1e9 * np.exp(0.1 * X[:, 0])).astype(float)
    found = PoissonRegressor(alpha=0.0, tol=1e-12).fit(X, y).summary(X, y)
    start = np.log(1e9)
    theta = next(iter(oracle(X, y, np.ones(len(y)), start, "poisson", True)))
    z, long = X.astype(LD) @ theta[1:] + theta[0] + start, y.astype(LD)
    expected = 2 * (long * np.log(long) - long * z - long + np.exp(z)).sum()
    assert found.deviance == pytest.approx(float(expected), rel=1e-6)
