"""The article's example, every pinned number to 12 digits."""

from types import SimpleNamespace

import numpy as np
import pytest
from conftest import matrix

import fastreg
from fastreg import losses


@pytest.fixture(scope="module")
def article():
    state = np.random.RandomState(0)
    X = state.randn(100, 1)
    y = 2 * X + 1 + 0.5 * state.randn(100, 1)
    return SimpleNamespace(X=X, y=y[:, 0], theta0=state.randn(1, 1)[0])


def digits(value, expected, count=12):
    return abs(value - expected) <= 0.5 * 10.0**-count * 10 ** np.ceil(np.log10(abs(expected)))


def test_the_start_is_the_articles(article):
    assert digits(article.theta0[0], -0.369181837942)


@pytest.mark.parametrize(
    ("eta", "intercept", "theta", "b", "prediction"),
    [
        # The article's 2/m is the gradient of 2J: twice the eta.
        (0.02, False, 2.118015657870, 0.0, 4.236031315741),
        (0.01, False, 2.117927487255, 0.0, 4.235854974510),
        (0.01, True, 2.057069484296, 1.037596960492, 5.151735929084),
        (0.02, True, 2.057146703975, 1.037588656397, 5.151882064347),
    ],
)
def test_a_thousand_steps(article, eta, intercept, theta, b, prediction):
    run = fastreg.descend(
        article.X, article.y, lam=0.01, eta=eta, theta0=article.theta0, fit_intercept=intercept
    )
    assert digits(run.theta[0], theta)
    assert run.intercept == 0.0 if not intercept else digits(run.intercept, b)
    assert digits(2 * run.theta[0] + run.intercept, prediction)


def test_the_number_that_the_article_prints(article):
    run = fastreg.descend(article.X, article.y, lam=0.01, eta=0.02, theta0=article.theta0)
    assert abs(2 * run.theta[0] - 4.23603131574075) < 1e-14


@pytest.mark.parametrize(
    ("intercept", "theta", "b", "prediction", "optimum"),
    [
        (False, 2.118015660682, 0.0, 4.236031321363, 0.668764557428),
        (True, 2.057146707145, 1.037588654225, 5.151882068516, 0.132358095232),
    ],
)
def test_the_exact_minimisers(article, intercept, theta, b, prediction, optimum):
    run = fastreg.descend(article.X, article.y, lam=0.01, n_iter=1, fit_intercept=intercept)
    assert digits(run.optimum.theta[0], theta)
    assert digits(2 * run.optimum.theta[0] + run.optimum.intercept, prediction)
    assert digits(run.optimum.objective, optimum)
    value = fastreg.objective(article.X, article.y, [theta], 0.01, intercept=b)
    assert digits(value, optimum, 11)
    model = fastreg.Ridge(alpha=0.01, fit_intercept=intercept).fit(article.X, article.y)
    assert digits(model.coef_[0], theta)
    assert not intercept or digits(model.intercept_, b)


def test_gradient_is_the_slope_of_the_objective(rng):
    X, y, theta = matrix(), rng.standard_normal(37), rng.standard_normal(6)
    g, g0 = fastreg.gradient(X, y, theta, 0.7, intercept=0.3)
    h = 1e-6
    for j in range(6):
        e = h * np.eye(6)[j]
        up = fastreg.objective(X, y, theta + e, 0.7, intercept=0.3)
        down = fastreg.objective(X, y, theta - e, 0.7, intercept=0.3)
        assert abs((up - down) / (2 * h) - g[j]) < 1e-7
    up = fastreg.objective(X, y, theta, 0.7, intercept=0.3 + h)
    down = fastreg.objective(X, y, theta, 0.7, intercept=0.3 - h)
    assert abs((up - down) / (2 * h) - g0) < 1e-7


def test_the_articles_formulas(store, rng):
    A = matrix()
    y, theta, m = rng.standard_normal(37), rng.standard_normal(6), 37
    r = A @ theta - y
    out = np.empty(6)
    g = fastreg.gradient(store(A), y, theta, 0.7, out=out)
    assert g is out
    np.testing.assert_allclose(g, (A.T @ r + 0.7 * theta) / m, rtol=1e-12)
    J = r @ r / (2 * m) + 0.7 * theta @ theta / (2 * m) + 0.4 * np.abs(theta).sum() / m
    np.testing.assert_allclose(fastreg.objective(store(A), y, theta, 0.7, l1=0.4), J, rtol=1e-12)


def test_descent_records_every_step_and_never_rises(rng):
    X, y = rng.standard_normal((50, 4)), rng.standard_normal(50)
    run = fastreg.descend(X, y, lam=0.1, l1=2.0, n_iter=200, fit_intercept=True)
    assert run.objectives.shape == run.gradient_norms.shape == (201,)
    assert np.all(np.diff(run.objectives) <= 1e-15)
    J = fastreg.objective(X, y, run.theta, 0.1, l1=2.0, intercept=run.intercept)
    np.testing.assert_allclose(run.objectives[-1], J, rtol=1e-13)
    assert run.gradient_norms[-1] < 1e-6
    assert run.certificate.gap[0] >= run.objectives[-1] - run.optimum.objective - 1e-15
    np.testing.assert_allclose(run.theta, run.optimum.theta, atol=1e-8)


def test_tol_stops_at_the_certified_gap(rng):
    X, y = rng.standard_normal((500, 4)), rng.standard_normal(500)
    run = fastreg.descend(X, y, lam=0.1, n_iter=10_000, tol=1e-9)
    assert run.n_iter < 10_000
    assert run.certificate.converged and run.certificate.relative_gap[0] <= 1e-9


def test_a_divergent_step_names_the_longest_safe_one(rng):
    X, y = rng.standard_normal((200, 5)), rng.standard_normal(200)
    L = np.linalg.eigvalsh(X.T @ X / 200 + 0.1 / 200 * np.eye(5))[-1]
    with pytest.raises(fastreg.DivergenceError, match="largest safe eta is 2/L") as caught:
        fastreg.descend(X, y, lam=0.1, eta=2.2 / L, n_iter=100_000)
    stated = float(str(caught.value).split("2/L = ")[1].split(",")[0])
    np.testing.assert_allclose(stated, 2 / L, rtol=1e-3)
    assert int(str(caught.value).split("at step ")[1].split(".")[0]) < 50
    fastreg.descend(X, y, lam=0.1, eta=1.95 / L, n_iter=200)


@pytest.mark.parametrize("n_iter", [1, 5])
@pytest.mark.parametrize("factor", [100.0, 1e308])
def test_a_wild_step_is_noticed_even_as_the_last(n_iter, factor, rng):
    X, y = rng.standard_normal((200, 5)), rng.standard_normal(200)
    with pytest.raises(fastreg.DivergenceError, match=r"with eta=\d"):
        fastreg.descend(X, y, lam=0.1, eta=factor, n_iter=n_iter)


@pytest.mark.parametrize("unit", [1e200, 1e-200])
def test_a_curvature_beyond_float64_is_named(unit, rng):
    X, y = unit * rng.standard_normal((20, 3)), rng.standard_normal(20)
    with pytest.raises(ValueError, match="change the unit of X"):
        fastreg.descend(X, y, lam=0.0)


def test_a_callback_hears_of_the_steps_it_is_told(rng):
    X, y = rng.standard_normal((200, 5)), rng.standard_normal(200)
    heard = []
    run = fastreg.descend(
        X, y, lam=0.1, n_iter=100, callback=lambda *step: heard.append(step), tol=1e-300
    )
    assert [step[0] for step in heard] == [63, 99]
    for k, J, norm in heard:
        assert run.objectives[k] == J and norm == run.gradient_norms[k]


def test_descending_on_nothing_at_all_stays_where_it_is():
    import scipy.sparse as sp

    run = fastreg.descend(sp.csr_array((4, 2)), np.ones(4), lam=0.0, n_iter=3, tol=1e-3)
    assert (run.theta == 0).all() and run.eta == 1.0


def test_gradient_may_overwrite_theta(rng):
    X, y, theta = matrix(), rng.standard_normal(37), rng.standard_normal(6)
    expected = fastreg.gradient(X, y, theta, 0.7)
    np.testing.assert_array_equal(fastreg.gradient(X, y, theta, 0.7, out=theta), expected)
    with pytest.raises(ValueError, match="out must not share memory with y"):
        fastreg.gradient(X, y, np.zeros(6), 0.7, out=y[:6])


def test_arguments_are_left_alone(rng):
    X, y, theta0 = rng.standard_normal((20, 3)), rng.standard_normal(20), np.ones(3)
    before = [each.copy() for each in (X, y, theta0)]
    fastreg.descend(X, y, lam=0.1, theta0=theta0, n_iter=5)
    for each, old in zip((X, y, theta0), before, strict=True):
        np.testing.assert_array_equal(each, old)
        assert each.flags.writeable


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lam": -1}, "lam must be a finite number ≥ 0"),
        ({"lam": "1"}, "lam must be"),
        ({"lam": np.nan}, "lam must be"),
        ({"l1": np.inf}, "l1 must be"),
        ({"eta": 0}, "eta must be positive"),
        ({"eta": -1}, "eta must be"),
        ({"n_iter": 0}, "n_iter must be an integer"),
        ({"n_iter": 2.5}, "n_iter must be an integer"),
        ({"tol": np.nan}, "tol must be"),
        ({"callback": 3}, "callback must be callable"),
        ({"fit_intercept": "no"}, "fit_intercept must be True or False"),
        ({"theta0": [1.0, 2.0]}, "theta0 must have shape"),
        ({"theta0": [1.0, np.nan, 0.0]}, "theta0 contains NaN"),
        ({"y": np.ones(4)}, "X has 5 rows .* y has 4"),
        ({"y": np.ones((5, 1))}, "y must have shape"),
        ({"X": np.full((5, 3), np.nan)}, "X contains NaN. The first is in row 0, column 0"),
    ],
)
def test_a_bad_argument_is_named(change, message):
    arguments = {"X": np.eye(5, 3), "y": np.arange(5.0), "lam": 0.1, **change}
    with pytest.raises(ValueError, match=message):
        fastreg.descend(arguments.pop("X"), arguments.pop("y"), **arguments)


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.empty(2), "out must be a float64 array of shape"),
        (np.empty(3, np.float32), "out must be a float64"),
        (np.empty(6)[::2], "out must be contiguous"),
        ([0.0] * 3, "out must be"),
    ],
)
def test_gradient_refuses_an_unfit_out(out, message):
    with pytest.raises(ValueError, match=message):
        fastreg.gradient(np.eye(5, 3), np.ones(5), np.ones(3), 0.1, out=out)


def test_gradient_names_a_nan_in_X():
    X = np.eye(5, 3)
    X[4, 2] = np.nan
    with pytest.raises(ValueError, match="row 4, column 2"):
        fastreg.gradient(X, np.ones(5), np.ones(3), 0.1)


LOSSES = {
    "squared": ("gaussian", losses.Squared(), lambda z, y: (z - y) ** 2 / 2),
    "logistic": ("binomial", losses.Logistic(), lambda z, y: np.logaddexp(0.0, z) - y * z),
    "poisson": ("poisson", losses.Poisson(), lambda z, y: np.exp(z) - y * z),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_goes_by_its_names(name, rng):
    family, loss, formula = LOSSES[name]
    X, y, theta = rng.standard_normal((40, 3)), rng.random(40), rng.standard_normal(3)
    expected = formula(X @ theta + 0.3, y).mean() + 0.7 * theta @ theta / 80
    ways = ({"loss": name}, {"loss": loss}, {"family": family}, {"family": loss})
    for way in (*ways, {"loss": name, "family": family}):
        value = fastreg.objective(X, y, theta, 0.7, intercept=0.3, **way)
        np.testing.assert_allclose(value, expected, rtol=1e-13)
        g, slope = fastreg.gradient(X, y, theta, 0.7, intercept=0.3, **way)
        run = fastreg.descend(X, y, lam=0.7, eta=0.05, n_iter=3, **way)
        if way == ways[0]:
            first, descended = (g, slope), run.theta
        np.testing.assert_array_equal(g, first[0])
        np.testing.assert_array_equal(run.theta, descended)
    h = 1e-6
    up, down = (
        fastreg.objective(X, y, theta, 0.7, intercept=0.3 + step, loss=name) for step in (h, -h)
    )
    assert abs((up - down) / (2 * h) - first[1]) < 1e-7


@pytest.mark.parametrize(
    ("way", "message"),
    [
        ({"loss": "logistic", "family": "poisson"}, "loss='logistic' and family='poisson' are"),
        (
            {"loss": "binomial"},
            "loss must be one of squared, logistic, poisson, gamma, squared_hinge, or a loss",
        ),
        ({"loss": 3}, "loss must be a loss of fastreg.losses"),
        ({"family": "logistic"}, "family must be one of gaussian"),
        ({"loss": "logistic"}, r"y of Logistic must lie in \[0, 1\]"),
    ],
)
def test_a_bad_loss_is_named(way, message):
    X, y = np.eye(5, 3), np.arange(5.0)
    y = y if "family" not in way else y / 4
    for call in (
        lambda: fastreg.objective(X, y, np.zeros(3), 0.1, **way),
        lambda: fastreg.gradient(X, y, np.zeros(3), 0.1, **way),
        lambda: fastreg.descend(X, y, lam=0.1, **way),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_a_loss_without_a_bound_needs_a_step(rng):
    X, y = rng.standard_normal((50, 2)), rng.poisson(1.0, 50)
    with pytest.raises(ValueError, match="eta must be a number: the curvature of Poisson"):
        fastreg.descend(X, y, lam=0.1, loss="poisson")
    with pytest.raises(fastreg.DivergenceError, match=r"eta=60: J rose.*take a smaller one"):
        fastreg.descend(X, y, lam=0.1, eta=60.0, loss="poisson")


def test_a_loss_below_zero_may_end_in_steps_that_gain_nothing(rng):
    X = rng.standard_normal((100, 2))
    y = rng.poisson(np.exp(2.0 + 0.2 * X[:, 0]))
    run = fastreg.descend(X, y, lam=0.1, eta=0.05, n_iter=2000, fit_intercept=True, loss="poisson")
    assert run.objectives[-1] < 0.0
    np.testing.assert_allclose(run.theta, run.optimum.theta, atol=1e-9)
