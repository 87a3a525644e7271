"""Paths of losses that are no squares: deviances, degrees of freedom, criteria, relaxing, scores.

The oracles are of this file: densities of scipy, a hat matrix in full, Newton's method in 80 bits.
"""

import matplotlib
import matplotlib.pyplot
import numpy as np
import pytest
import scipy.sparse as sp
import scipy.stats
from conftest import needs_jit
from sklearn.metrics import roc_auc_score

import fastreg
from fastreg.certificate import losses
from fastreg.losses import Tweedie
from fastreg.objectives import FAMILIES as FAMILY_OF
from fastreg.selection import likelihoods

matplotlib.use("Agg")
pytestmark = needs_jit
LD = np.longdouble
FAMILIES = ["binomial", "poisson"]


def problem(family, seed=0, m=80, n=6):
    """X, y, whole weights, offset."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n)) + 1.0
    offset = 0.3 * rng.standard_normal(m)
    z = 0.7 * X[:, 0] - 0.7 * X[:, 1] + offset
    w = rng.integers(1, 5, m).astype(float)
    if family == "poisson":
        return X, rng.poisson(np.exp(z)).astype(float), w, offset
    return X, rng.binomial(w.astype(int), 1 / (1 + np.exp(-z))) / w, w, offset


def fitted(family, **options):
    X, y, w, offset = problem(family)
    options = {"alphas": 6, "tol": 1e-10, "sample_weight": w, "offset": offset} | options
    return fastreg.path(X, y, family=family, **options)


def log_likelihood(family, y, mu, w):
    """(K,) by scipy: of w·y successes in w trials, or of w rows alike."""
    if family == "poisson":
        return w @ scipy.stats.poisson.logpmf(y[:, None], mu)
    return scipy.stats.binom.logpmf(np.rint(w * y)[:, None], w[:, None], mu).sum(axis=0)


def newton(X, y, w, offset, family, intercept=True, steps=60):
    """(coefficients with the intercept first, the inverse of XᵀVX) of a fit without a penalty, in
    80 bits but for the equations, which are solved again for what is left."""
    A = np.column_stack([np.ones(len(y)), X])[:, (0 if intercept else 1) :].astype(LD)
    theta = np.zeros(A.shape[1], LD)
    for _ in range(steps):
        z = A @ theta + offset
        mu = np.exp(z) if family == "poisson" else 1 / (1 + np.exp(-z))
        v = w * (mu if family == "poisson" else mu * (1 - mu))
        H = (A * v[:, None]).T @ A
        g = A.T @ (w * (y - mu))
        theta = theta + np.linalg.solve(H.astype(float), g.astype(float))
    return theta, np.linalg.inv(H.astype(float))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("l1_ratio", [1.0, 0.4, 0.0])
def test_deviances_and_criteria_are_those_of_the_densities(family, l1_ratio):
    X, y, w, offset = problem(family)
    path = fitted(family, l1_ratio=l1_ratio)
    mu = path.predict(X, offset, type="response")
    of_path = log_likelihood(family, y, mu, w)
    saturated = log_likelihood(family, y, y[:, None], w)
    np.testing.assert_allclose(path.deviance, 2 * (saturated - of_path), rtol=1e-10)
    m, n, dof = len(y), X.shape[1], path.dof
    aic = -2 * of_path + 2 * dof
    bic = -2 * of_path + np.log(m) * dof
    gcv = path.deviance / m / (1 - dof / m) ** 2
    for name, expected in (
        ("aic", aic),
        ("aicc", aic + 2 * dof * (dof + 1) / (m - dof - 1)),
        ("bic", bic),
        ("ebic", bic - 2 * (scipy.special.betaln(dof, n - dof + 2) + np.log(n + 1))),
        ("gcv", gcv),
    ):
        chosen = path.select(name)
        np.testing.assert_allclose(chosen.values, expected, rtol=1e-10, err_msg=name)
        assert chosen.index == np.argmin(expected)
    assert path.select("bic").unit == "−2 log-likelihood + penalty"
    assert path.select("gcv").unit == "mean deviance"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("intercept", [True, False])
def test_the_null_deviance_is_that_of_intercept_and_offset(family, intercept):
    X, y, w, offset = problem(family)
    path = fitted(family, fit_intercept=intercept)
    b = newton(X[:, :0], y, w, offset, family)[0][0] if intercept else 0.0
    z = (b + offset).astype(float)
    mu = np.exp(z) if family == "poisson" else 1 / (1 + np.exp(-z))
    expected = 2 * (
        log_likelihood(family, y, y[:, None], w) - log_likelihood(family, y, mu[:, None], w)
    )
    np.testing.assert_allclose(path.null_deviance, expected[0], rtol=1e-12)
    np.testing.assert_allclose(path.explained, 1 - path.deviance / expected[0], atol=1e-12)


def test_the_deviance_of_squares_is_the_sum_of_squared_residuals():
    X, y, w, _ = problem("poisson")
    for options in ({}, {"fit_intercept": False}, {"l1_ratio": 0.3}):
        path = fastreg.path(X, y, alphas=5, sample_weight=w, **options)
        mean = np.average(y, weights=w) if options != {"fit_intercept": False} else 0.0
        residual = y[:, None] - path.predict(X, type="response")
        np.testing.assert_allclose(path.deviance, w @ residual**2, rtol=1e-9)
        assert path.null_deviance == pytest.approx(w @ (y - mean) ** 2, rel=1e-12)
        explained = 1 - w @ residual**2 / (w @ (y - mean) ** 2)
        np.testing.assert_allclose(path.explained, explained, atol=1e-9)
        np.testing.assert_array_equal(path.rss, path.deviance)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("l1_ratio", [0.5, 0.0])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("storage", [np.asarray, sp.csr_array, sp.csc_array])
def test_degrees_of_freedom_are_the_trace_of_the_weighted_hat_matrix(
    family, l1_ratio, intercept, storage
):
    X, y, w, offset = problem(family, m=40, n=8)
    factor = np.array([0.0, 1, 1, 1, 2, 1, 1, 1])
    path = fastreg.path(
        storage(X), y, family=family, l1_ratio=l1_ratio, alphas=5, sample_weight=w, offset=offset,
        penalty_factor=factor, fit_intercept=intercept,
    )  # fmt: skip
    z = path.predict(X, offset)
    for k, alpha in enumerate(path.alphas):
        S = np.flatnonzero(path.coefs[:, k])
        mu = losses.mean(path.data.objective.loss, z[:, k])
        v = w * (mu if family == "poisson" else mu * (1 - mu))
        A = np.column_stack([np.ones(40), X[:, S]])[:, (0 if intercept else 1) :]
        ridge = w.sum() * alpha * (1 - l1_ratio) * factor[S]
        ridge = np.append(0.0, ridge) if intercept else ridge
        hat = np.linalg.solve((A * v[:, None]).T @ A + np.diag(ridge), (A * v[:, None]).T @ A)
        assert path.dof[k] == pytest.approx(np.trace(hat), rel=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_degrees_of_freedom_of_more_columns_than_rows_take_the_kernel(family):
    X, y, w, _ = problem(family, m=30, n=50)
    path = fastreg.path(X, y, family=family, l1_ratio=0.0, alphas=4, sample_weight=w)
    z = path.predict(X)
    for k, alpha in enumerate(path.alphas):
        mu = losses.mean(path.data.objective.loss, z[:, k])
        v = w * (mu if family == "poisson" else mu * (1 - mu))
        Z = X - (v @ X) / v.sum()
        G = (Z * v[:, None]).T @ Z
        hat = np.linalg.solve(G + w.sum() * alpha * np.eye(50), G)
        assert path.dof[k] == pytest.approx(1 + np.trace(hat), rel=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("gamma", [0.0, 0.3])
def test_relaxed_points_mix_fits_without_a_penalty(family, gamma):
    X, y, w, offset = problem(family)
    path = fitted(family)
    found = path.relax(gamma)
    assert found.kkt.max() <= 1e-8 and found.gamma == gamma
    for k in range(len(path.alphas)):
        S = np.flatnonzero(path.coefs[:, k])
        free = newton(X[:, S], y, w, offset, family)[0].astype(float)
        coef, b = path.coefs[S, k], path.intercepts[k]
        np.testing.assert_allclose(
            found.coefs[S, k], gamma * coef + (1 - gamma) * free[1:], rtol=1e-7
        )
        assert found.intercepts[k] == pytest.approx(gamma * b + (1 - gamma) * free[0], rel=1e-7)
        assert found.dof[k] == len(S) + 1
    mu = found.predict(X, offset, type="response")
    expected = -2 * log_likelihood(family, y, mu, w)
    np.testing.assert_allclose(found.select("aic").values, expected + 2 * found.dof, rtol=1e-10)
    assert (found.deviance <= path.deviance * (1 + 1e-9)).all()


def test_relaxed_points_without_an_intercept_start_at_the_offset():
    X, y, w, offset = problem("poisson")
    found = fitted("poisson", fit_intercept=False).relax()
    assert (found.intercepts == 0.0).all() and found.dof[0] == 0.0
    S = np.flatnonzero(found.coefs[:, -1])
    free = newton(X[:, S], y, w, offset, "poisson", intercept=False)[0]
    np.testing.assert_allclose(found.coefs[S, -1], free.astype(float), rtol=1e-7)


def test_a_support_that_separates_keeps_the_points_of_the_path():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 60))
    y = (X[:, 0] + X[:, 1] > 0) * 1.0
    path = fastreg.path(X, y, family="binomial", alphas=20)
    with pytest.warns(fastreg.ConvergenceWarning, match="as they are in the path.*separable"):
        found = path.relax()
    kept = np.isnan(found.kkt)
    assert kept.any() and not kept.all()
    np.testing.assert_array_equal(found.coefs[:, kept], path.coefs[:, kept])
    np.testing.assert_array_equal(found.intercepts[kept], path.intercepts[kept])
    np.testing.assert_allclose(found.deviance[kept], path.deviance[kept], rtol=1e-8)
    assert np.abs(found.coefs).max() < 1e3


def test_what_is_of_squares_says_so():
    path = fitted("binomial")
    with pytest.raises(ValueError, match="criterion 'cp' is for family='gaussian'"):
        path.select("cp")
    with pytest.raises(ValueError, match="criterion must be one of aic"):
        path.select("cic")
    with pytest.raises(ValueError, match="rss is for family='gaussian'"):
        _ = path.rss
    with pytest.raises(ValueError, match="relax needs a path without bounds"):
        fitted("poisson", positive=True).relax()


def splits_of(m, folds=3):
    fold = np.arange(m) % folds
    return [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(folds)]


@pytest.mark.parametrize("score", ["misclassification", "auc"])
def test_scores_of_classes_are_those_of_refits(score):
    X, _, w, offset = problem("binomial")
    y = (np.random.default_rng(1).random(80) < 1 / (1 + np.exp(-X[:, 0]))) * 1.0
    path = fastreg.path(
        X, y, family="binomial", alphas=5, tol=1e-10, sample_weight=w, offset=offset
    )
    splits, expected = splits_of(80), []
    for train, test in splits:
        own = fastreg.path(
            X[train], y[train], family="binomial", alphas=path.alphas, tol=1e-10,
            sample_weight=w[train], offset=offset[train],
        )  # fmt: skip
        z = own.predict(X[test], offset[test])
        if score == "auc":
            area = [roc_auc_score(y[test], each, sample_weight=w[test]) for each in z.T]
            expected.append(1 - np.array(area))
        else:
            expected.append(w[test] @ ((z > 0) != y[test, None]) / w[test].sum())
    chosen = path.select("cv", cv=splits, score=score)
    np.testing.assert_allclose(chosen.values, np.mean(expected, axis=0), rtol=1e-9)
    assert chosen.unit == {
        "misclassification": "misclassification rate", "auc": "1 − area under the ROC curve",
    }[score]  # fmt: skip
    assert path.select("1se", cv=splits, score=score).alpha >= chosen.alpha


def test_scores_of_proportions_count_both_sides():
    """A row of share p and weight w is w·p successes and w·(1 − p) failures."""
    X, y, w, _ = problem("binomial")
    y[5] = 0.5
    whole = fastreg.path(X, y, family="binomial", alphas=4, sample_weight=w, tol=1e-10)
    both = fastreg.path(
        np.vstack([X, X]), np.repeat([1.0, 0.0], 80), family="binomial", alphas=whole.alphas,
        sample_weight=np.append(w * y, w * (1 - y)), tol=1e-10,
    )  # fmt: skip
    splits = splits_of(80)
    twice = [tuple(np.append(part, part + 80) for part in split) for split in splits]
    for score in ("misclassification", "auc", "deviance"):
        one, two = (
            p.select("cv", cv=cv, score=score).values for p, cv in ((whole, splits), (both, twice))
        )
        if score != "deviance":  # whose least is that of the rows as they are
            np.testing.assert_allclose(one, two, rtol=1e-8)


def test_scores_that_make_no_sense_are_refused():
    counts, odds = fitted("poisson"), fitted("binomial")
    with pytest.raises(ValueError, match=r"score='auc' is for y in \[0, 1\].*Poisson"):
        counts.select("cv", score="auc")
    with pytest.raises(ValueError, match="score must be one of deviance, misclassification, auc"):
        odds.select("cv", score="brier")
    with pytest.raises(ValueError, match="score='auc' needs criterion 'cv' or '1se'"):
        odds.select("bic", score="auc")
    X, y, _, _ = problem("binomial")
    path = fastreg.path(X, (y > 0.5) * 1.0, family="binomial", alphas=3)
    ones = np.flatnonzero(y > 0.5)
    with pytest.raises(ValueError, match="split 0 of cv tests on rows of one class"):
        path.select("cv", cv=[(np.delete(np.arange(80), ones[:3]), ones[:3])], score="auc")
    with pytest.raises(ValueError, match=r"score='misclassification' is for y in \[0, 1\]"):
        fastreg.path(X, y, alphas=3).select("cv", score="misclassification")


def test_predictions_have_offsets_and_types():
    X, _, _, offset = problem("poisson")
    path = fitted("poisson")
    z = path.predict(X, offset)
    np.testing.assert_allclose(z, X @ path.coefs + path.intercepts + offset[:, None], rtol=1e-12)
    np.testing.assert_array_equal(path.predict(X, offset, type="response"), np.exp(z))
    np.testing.assert_array_equal(path.predict(X), path.predict(X, type="link"))
    with pytest.raises(ValueError, match="type must be 'link' or 'response'"):
        path.predict(X, type="mean")
    with pytest.raises(ValueError, match="offset must hold 80 finite numbers"):
        path.predict(X, offset[:3])


def test_rows_of_weight_zero_count_for_nothing():
    X, y, w, offset = problem("poisson")
    w[:7] = 0.0
    some = np.arange(7, 80)
    whole, part = (
        fastreg.path(
            X[rows], y[rows], family="poisson", l1_ratio=0.5, alphas=[0.1, 0.01], tol=1e-12,
            sample_weight=w[rows], offset=offset[rows],
        )
        for rows in (np.arange(80), some)
    )  # fmt: skip
    np.testing.assert_allclose(whole.deviance, part.deviance, rtol=1e-9)
    np.testing.assert_allclose(whole.dof, part.dof, rtol=1e-9)
    np.testing.assert_allclose(whole.select("bic").values, part.select("bic").values, rtol=1e-9)
    np.testing.assert_allclose(whole.relax().deviance, part.relax().deviance, rtol=1e-9)


def test_constants_of_likelihoods_are_those_of_the_densities():
    y, w = np.array([0.0, 1.0, 3.0, 40.0]), np.array([1.0, 2.0, 1.0, 3.0])
    z, poisson = np.array([0.1, -0.3, 1.0, 3.0]), FAMILY_OF["poisson"]
    found = losses.log_constant(poisson, y, w) - w * losses.value(poisson, z, y)
    np.testing.assert_allclose(found, w * scipy.stats.poisson.logpmf(y, np.exp(z)), rtol=1e-12)
    binomial, trials = FAMILY_OF["binomial"], np.array([1.0, 4.0, 7.0, 900.0])
    share = np.array([0.0, 2.0, 3.0, 450.0]) / trials
    found = losses.log_constant(binomial, share, trials)
    found = found - trials * losses.value(binomial, z, share)
    expected = scipy.stats.binom.logpmf(share * trials, trials, 1 / (1 + np.exp(-z)))
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    labels = losses.log_constant(binomial, np.array([0.0, 1.0]), np.array([0.3, 2.7]))
    assert (labels == 0.0).all()  # of any weight


def test_a_loss_without_a_likelihood_says_what_it_wants():
    from fastreg.losses import Squared

    with pytest.raises(ValueError, match="no likelihood: register certificate"):
        losses.log_constant(Squared(), np.zeros(2), np.ones(2))
    with pytest.raises(ValueError, match="no mean: register certificate"):
        losses.mean(object(), np.zeros(2))


def test_criteria_are_infinite_where_no_degree_of_freedom_is_left():
    dof, one = np.array([2.0, 9.5, 10.0]), np.ones(3)
    for name, finite in (("aic", 2), ("aicc", 1), ("gcv", 2)):
        found = likelihoods.values(name, one, one, dof, 10, 20, True)
        assert np.isfinite(found).sum() == finite, name


@pytest.mark.parametrize("family", FAMILIES)
def test_pictures_of_paths_and_choices(family):
    path = fitted(family)
    chosen = path.select("1se", cv=4)
    assert path.plot(chosen).get_ylabel() == "coefficient"
    assert chosen.plot().get_ylabel() == "mean deviance"
    assert path.select("bic").plot().get_ylabel() == "bic"
    matplotlib.pyplot.close("all")


def test_a_path_that_nothing_holds_says_what_separates():
    rng = np.random.default_rng(3)
    X = rng.standard_normal((60, 4))
    y = (X[:, 2] > 0.0) * 1.0
    factor = np.array([1.0, 1.0, 0.0, 1.0])
    with pytest.warns(fastreg.ConvergenceWarning, match="falls for ever as coefficients of x2"):
        fastreg.path(X, y, family="binomial", alphas=[0.1, 0.01], penalty_factor=factor)
    with pytest.warns(fastreg.ConvergenceWarning, match="the data is separable"):
        fastreg.path(X, y, family="binomial", alphas=[0.1, 0.0])
    assert fastreg.path(X, y, family="binomial", alphas=[0.1, 0.01]).certificate.converged


@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_points_that_miss_are_solved_and_certified_alone(family, rng, monkeypatch):
    """Points 3 and 7 are left far from their minima: only they are done again, and the
    certificate of all is that of the answers as they are."""
    from fastreg.solvers import tangents

    X = rng.standard_normal((200, 12))
    y = (X[:, 0] + rng.standard_normal(200) > 0).astype(float)
    whole, seen = tangents.solve, []

    def spoiled(problem, betas, *arguments, **options):
        steps = whole(problem, betas, *arguments, **options)
        if not seen:
            betas[:, [3, 7]] += 0.1
        seen.append(problem.objective.strength)
        return steps

    monkeypatch.setattr(tangents, "solve", spoiled)
    found = fastreg.path(X, y, family=family, alphas=10, tol=1e-7)
    assert len(seen) == 2 and seen[1].tolist() == seen[0][[3, 7]].tolist()
    assert found.certificate.converged
    monkeypatch.setattr(tangents, "solve", whole)
    straight = fastreg.path(X, y, family=family, alphas=10, tol=1e-7)
    some = np.arange(10) % 4 != 3
    np.testing.assert_array_equal(found.coefs[:, some], straight.coefs[:, some])
    np.testing.assert_allclose(found.gaps[some], straight.gaps[some], rtol=1e-6, atol=1e-14)
    np.testing.assert_allclose(found.coefs, straight.coefs, atol=1e-3)
    assert found.certificate.passes > straight.certificate.passes


def amounts(spread=0.5):
    """X, y > 0."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 4))
    return X, rng.gamma(2.0, np.exp(spread * X[:, 0]) / 2.0)


@pytest.mark.parametrize("power", [3.0, 2.5, -1.0])
def test_paths_of_losses_that_are_not_convex_have_deviances_and_degrees_of_freedom(power):
    X, y = amounts()
    relaxed = fastreg.path(X, y, family=Tweedie(power), alphas=4).relax()
    free = fastreg.TweedieRegressor(power=power, link="log", alpha=0.0).fit(X, y)
    assert relaxed.deviance[-1] == pytest.approx(free.summary(X, y).deviance, rel=1e-9)
    ridge = fastreg.path(X, y, family=Tweedie(power), alphas=[0.1], l1_ratio=0.0)
    v = ridge.predict(X, type="response")[:, 0] ** (2.0 - power)  # Fisher's information
    A = np.column_stack([np.ones(80), X])
    G = (A * v[:, None]).T @ A
    hat = np.linalg.solve(G + np.diag([0.0, 8.0, 8.0, 8.0, 8.0]), G)
    assert ridge.dof[0] == pytest.approx(np.trace(hat), rel=1e-6)


def test_points_without_a_gap_are_warned_of_by_their_residual():
    X, y = amounts()
    y[:3] *= 1e9
    with pytest.warns(fastreg.ConvergenceWarning, match="did not reach a KKT residual of 1.00e-07"):
        fastreg.path(X, y, family="inverse_gaussian", alphas=[0.1], l1_ratio=0.0, max_iter=1)
