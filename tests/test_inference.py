"""Standard errors and intervals: textbook formulas, brute force, and how often they cover."""

import numpy as np
import pytest
import scipy.sparse
import scipy.stats
from conftest import needs_jit

import fastreg
from benchmarks import intervals
from fastreg.design import as_design
from fastreg.inference import selective
from fastreg.inference.selective import _interval, _share
from fastreg.problems.in_memory import standardise


def regression(rng, m=120, n=6, noise=1.0, offset=intervals.OFFSET):
    X, w = intervals.design(rng, m, n)
    X += offset - intervals.OFFSET
    return X, X @ w + 2.0 + noise * rng.standard_normal(m), w


def with_ones(X):
    return np.column_stack([np.ones(len(X)), X])


@pytest.mark.parametrize("weighted", [False, True])
def test_least_squares_is_the_table_of_a_textbook(weighted, rng):
    X, y, _ = regression(rng)
    w = rng.random(len(y)) + 0.5 if weighted else None
    model = fastreg.Ridge(alpha=0.0).fit(X, y, w)
    Z, W = with_ones(X), np.diag(np.ones(len(y)) if w is None else w)
    inverse = np.linalg.inv(Z.T @ W @ Z)
    coef = inverse @ Z.T @ W @ y
    r, dof = y - Z @ coef, len(y) - Z.shape[1]
    noise2 = r @ W @ r / dof
    classical = model.summary(X, y, w)
    np.testing.assert_allclose(classical.coef, coef, rtol=1e-9)
    np.testing.assert_allclose(
        classical.standard_error, np.sqrt(noise2 * np.diag(inverse)), rtol=1e-9
    )
    np.testing.assert_allclose(classical.noise, np.sqrt(noise2), rtol=1e-9)
    p = 2 * scipy.stats.t.sf(np.abs(coef) / classical.standard_error, dof)
    np.testing.assert_allclose(classical.p_value, p, rtol=1e-6)
    assert classical.residual_dof == pytest.approx(dof)
    meat = Z.T @ W @ np.diag(r**2) @ W @ Z
    robust = np.sqrt(np.diag(inverse @ meat @ inverse) * len(y) / dof)
    sandwich = model.summary(X, y, w, method="sandwich", level=0.9)
    np.testing.assert_allclose(sandwich.standard_error, robust, rtol=1e-9)
    reach = scipy.stats.t.ppf(0.95, dof) * robust
    np.testing.assert_allclose(sandwich.upper - sandwich.lower, 2 * reach, rtol=1e-9)


@pytest.mark.parametrize("storage", [np.asarray, scipy.sparse.csr_matrix, scipy.sparse.csc_matrix])
def test_ridge_is_what_the_formulas_say(storage, rng):
    X, y, _ = regression(rng, offset=0.0)
    X[rng.random(X.shape) < 0.5] = 0.0
    alpha, m = 20.0, len(y)
    model = fastreg.Ridge(alpha=alpha).fit(storage(X), y)
    Xc = X - X.mean(axis=0)
    A, G = Xc.T @ Xc + alpha * np.eye(6), Xc.T @ Xc
    inverse = np.linalg.inv(A)
    H = Xc @ inverse @ Xc.T
    r = y - model.predict(X)
    sampling = r @ r / (m - np.trace(2 * H - H @ H) - 1) * inverse @ G @ inverse
    posterior = r @ r / (m - np.trace(H) - 1) * inverse
    for method, covariance in (("classical", sampling), ("bayesian", posterior)):
        found = model.summary(storage(X), y, method=method)
        np.testing.assert_allclose(
            found.standard_error[1:], np.sqrt(np.diag(covariance)), rtol=1e-8
        )
    influence = inverse @ (Xc * r[:, None]).T
    correction = m / (m - np.trace(H) - 1)
    found = model.summary(storage(X), y, method="sandwich")
    np.testing.assert_allclose(
        found.standard_error[1:], np.sqrt(correction * (influence**2).sum(axis=1)), rtol=1e-8
    )
    own = r / m - X.mean(axis=0) @ influence
    np.testing.assert_allclose(found.standard_error[0], np.sqrt(correction * own @ own), rtol=1e-8)


@pytest.mark.parametrize("shift_unit", [(0.0, 1.0), (1e6, 1e-9), (-1e4, 1e12)])
def test_units_change_nothing_but_units(shift_unit, rng):
    shift, unit = shift_unit
    X, y, _ = regression(rng)
    plain = fastreg.Lasso(alpha=0.2).fit(X, y).summary(X, y)
    Z = (X + shift) * unit
    other = fastreg.Lasso(alpha=0.2 * unit).fit(Z, y).summary(Z, y)
    np.testing.assert_allclose(other.lower * unit, plain.lower, rtol=1e-5)
    np.testing.assert_allclose(other.p_value, plain.p_value, rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize("ratio", [1.0, 0.5])
def test_truncation_ends_where_the_selection_changes(ratio, rng):
    """y moved along η_j: the same features and signs inside the interval, others just outside."""
    X, y, _ = regression(rng, m=40, n=8, noise=2.0)
    alpha = 0.3
    objective = fastreg.ElasticNet(alpha=alpha, l1_ratio=ratio)._fitted_objective(None, len(y))

    def signs(target):
        model = fastreg.ElasticNet(alpha=alpha, l1_ratio=ratio, tol=1e-12)
        return np.sign(model.fit(X, target).coef_)

    now = signs(y)
    S = np.flatnonzero(now)
    problem = standardise(as_design(X), y[:, None], objective)
    chosen = selective._Selected(problem, S, now[S])
    size = problem.scale[S] * problem.unit[0]
    Xs = (X - X.mean(axis=0))[:, S]
    checked = 0
    for j in range(len(S)):
        eta = Xs @ np.linalg.inv(Xs.T @ Xs)[:, j]
        t0 = eta @ y
        np.testing.assert_allclose(chosen.least_squares[j] * size[j], t0, rtol=1e-8)
        for end in np.array(chosen.truncation(j)) * size[j]:
            for share, same in ((0.999, True), (1.001, False)):
                if np.isfinite(end):
                    step = share * (end - t0)
                    moved = signs(y + eta / (eta @ eta) * step)
                    assert np.array_equal(moved, now) == same
                    checked += 1
    assert checked >= 4


def test_shares_of_a_truncated_normal(rng):
    for _ in range(50):
        a, b = np.sort(4 * rng.standard_normal(2))
        z = a + rng.random() * (b - a)
        true = scipy.stats.truncnorm.cdf(z, a, b)
        np.testing.assert_allclose(_share(a, z, b), true, rtol=1e-7, atol=1e-12)
        true = scipy.stats.t(7).cdf([a, z, b])
        np.testing.assert_allclose(
            _share(a, z, b, 7), (true[1] - true[0]) / (true[2] - true[0]), rtol=1e-7, atol=1e-12
        )
    assert 0.0 < _share(30.0, 30.01, np.inf) < 0.5
    # Far out, where F of Student's t underflows: as good as its asymptotes say.
    for dof, x, y in ((1000.0, 100.0, 25.0), (20.0, 1e17, 1e10), (1e5, 60.0, 15.0)):
        far, near = (selective._log_cdf(-value, dof) for value in (x * 1.001, x))
        slope = -dof * x * x / (dof + x * x)  # of log F by log x, about
        np.testing.assert_allclose((far - near) / np.log(1.001), slope, rtol=0.02)
        inside = selective._log_cdf(-y, dof)
        np.testing.assert_allclose(inside, scipy.stats.t(dof).logcdf(-y), rtol=1e-9)
    assert 0.0 < _share(98.0, 100.0, np.inf, 1000.0) < 1.0
    *_, p = _interval(100.0, 1.0, (98.0, np.inf), 0.95, 1000.0)
    assert p < 1e-3
    lower, upper, p = _interval(1.0, 1.0, (-np.inf, np.inf), 0.95, np.inf)
    np.testing.assert_allclose(
        [lower, upper], 1.0 + np.array([-1, 1]) * scipy.stats.norm.isf(0.025)
    )
    np.testing.assert_allclose(p, 2 * scipy.stats.norm.sf(1.0))


# ---------------------------------------------------------------- coverage


@needs_jit
@pytest.mark.parametrize("name", intervals.ROWS)
@pytest.mark.thorough
def test_intervals_cover_as_often_as_they_say(name):
    hits, total = intervals.ROWS[name](500)
    assert total >= 1000
    assert 0.93 <= hits / total <= 0.97


# ---------------------------------------------------------------- what is told


def test_a_table_prints_names_and_what_it_takes_for_granted(rng):
    pandas = pytest.importorskip("pandas")
    X, y, _ = regression(rng)
    frame = pandas.DataFrame(X, columns=list("abcdef"))
    text = str(fastreg.Ridge(alpha=1.0).fit(frame, y).summary(frame, y))
    assert "intercept" in text and "\nf " in text and "97.5 %" in text and "independent" in text
    widths = {len(line) for line in text.splitlines()[1:-1]}
    assert len(widths) == 1
    kept = fastreg.LassoCV().fit(frame, y).summary(frame, y)
    assert set(kept.names) <= set("abcdef")
    assert "chosen with these data" in str(kept)
    many = fastreg.Ridge().fit(rng.standard_normal((200, 90)), rng.standard_normal(200))
    with pytest.raises(ValueError, match="features"):
        many.summary(X, y)


def test_constant_columns_have_no_statistic_and_cost_no_degree_of_freedom(rng):
    X, y, _ = regression(rng, m=60)
    wide = np.column_stack([X, np.ones((60, 30))])
    ridge = fastreg.Ridge(alpha=1.0).fit(wide, y).summary(wide, y)
    assert np.isnan(ridge.p_value[-1]) and "–" in str(ridge).splitlines()[-4]
    plain = fastreg.Lasso(alpha=0.1).fit(X, y).summary(X, y)
    found = fastreg.Lasso(alpha=0.1).fit(wide, y).summary(wide, y)
    assert found.noise == pytest.approx(plain.noise)
    flat = np.ones((20, 2))
    only = fastreg.Ridge().fit(flat, y[:20]).summary(flat, y[:20])
    assert only.standard_error[0] > 0 and np.isnan(only.p_value[1:]).all()


@pytest.mark.parametrize("kind", [scipy.sparse.csr_matrix, scipy.sparse.csc_matrix])
def test_every_feature_may_be_selected(kind, rng):
    X, y, _ = regression(rng, offset=0.0)
    table = fastreg.ElasticNet(alpha=1e-3).fit(kind(X), y).summary(kind(X), y)
    assert len(table.names) == 6


def test_nothing_selected_is_an_empty_table(rng):
    X, y, _ = regression(rng)
    table = fastreg.Lasso(alpha=1e3).fit(X, y).summary(X, y)
    assert table.coef.shape == (0,)
    assert "0 features" in str(table)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "huber"}, "method must be one of"),
        ({"level": 1.0}, "level must be between"),
        ({"noise": 1.0}, "noise must be None"),
        ({"noise": -1.0}, "noise must be positive"),
    ],
)
def test_what_is_not_acceptable_is_named(options, message, rng):
    X, y, _ = regression(rng)
    with pytest.raises(ValueError, match=message):
        fastreg.Ridge().fit(X, y).summary(X, y, **options)


def test_what_has_no_intervals_says_so(rng):
    X, y, _ = regression(rng)
    with pytest.raises(ValueError, match="selective"):
        fastreg.Lasso().fit(X, y).summary(X, y, method="classical")
    with pytest.raises(ValueError, match="positive"):
        fastreg.Lasso(positive=True).fit(X, y).summary(X, y)
    twice = np.column_stack([X, X[:, 0]])
    for _ in range(10):  # rounding must not let any through
        twice[:, 0] = twice[:, -1] = rng.standard_normal(len(y))
        with pytest.raises(ValueError, match="depend on one another"):
            fastreg.Ridge(alpha=0.0).fit(twice, y).summary(twice, y)
        with pytest.raises(ValueError, match="depend on one another"):
            fastreg.ElasticNet(alpha=1e-3).fit(twice, y).summary(twice, y)
    with pytest.raises(ValueError, match="one target"):
        fastreg.Ridge().fit(X, np.column_stack([y, y])).summary(X, y)
    few = X[:6]
    with pytest.raises(ValueError, match="no degree of freedom"):
        fastreg.Ridge(alpha=0.0).fit(X[:7], y[:7]).summary(X[:7], y[:7])
    with pytest.raises(ValueError, match="set noise"):
        fastreg.Lasso(alpha=1e-5).fit(few, y[:6]).summary(few, y[:6])


@pytest.mark.parametrize(
    "model",
    [
        fastreg.Ridge(alpha=1.0), fastreg.LinearRegression(), fastreg.Lasso(alpha=0.05),
        fastreg.LassoCV(), fastreg.RidgeCV(),
    ],
    ids=repr,
)  # fmt: skip
def test_other_data_than_those_of_the_fit_are_refused(model):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 4))
    y = X @ [1.0, -1.0, 0.0, 0.5] + rng.standard_normal(80)
    model.fit(X, y)
    model.summary(X, y), model.summary(np.asfortranarray(X), y)
    for other in (2.0 * X + 1.0, X[::-1]):
        with pytest.raises(ValueError, match="are not those of the fit"):
            model.summary(other, y)


def test_a_summary_becomes_a_frame():
    pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 3))
    y = X[:, 0] + rng.standard_normal(50)
    table = fastreg.Ridge().fit(X, y).summary(X, y)
    frame = table.to_frame()
    assert list(frame.index) == list(table.names)
    np.testing.assert_array_equal(frame["coef"], table.coef)
    np.testing.assert_array_equal(frame["upper"], table.upper)
    odds = fastreg.LogisticRegression(l1_ratio=0.0).fit(X, y > 0).summary(X, y > 0)
    assert odds.to_frame().shape == (4, 6)
