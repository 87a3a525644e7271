"""`MLPRegressor`, its report and `MLPRegressorCV` as users meet them."""

import warnings

import numpy as np
import pytest
from conftest import needs_jit
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastreg import Ridge
from fastreg.network import GradientReport, MLPRegressor, MLPRegressorCV, gradient_report


def data(m=120, n=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n))
    return X, np.sin(X[:, 0]) + X[:, 1] + 0.1 * rng.standard_normal(m)


@needs_jit
@parametrize_with_checks(
    [
        MLPRegressor((8,), max_iter=100, learning_rate=0.05),
        MLPRegressor((8,), activation="tanh", solver="lbfgs", max_iter=100),
        MLPRegressorCV((0.1, 1.0), estimator=MLPRegressor((8,), solver="lbfgs", max_iter=50), cv=3),
    ]
)
@pytest.mark.thorough
def test_follows_scikit_learn(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@needs_jit
def test_without_a_hidden_layer_it_is_ridge():
    X, y = data()
    weights = np.random.default_rng(1).uniform(0.0, 2.0, len(y))
    net = MLPRegressor(
        (), solver="lbfgs", lam=3.0, tol=1e-10, max_iter=1000, random_state=0
    )  # how near a step ends depends on where it began: 1e-13 to 2e-9
    net.fit(X, y, sample_weight=weights)
    ridge = Ridge(alpha=3.0, tol=1e-12).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(net.coefs_[0][:, 0], ridge.coef_, rtol=1e-7)
    np.testing.assert_allclose(net.intercepts_[0][0], ridge.intercept_, atol=1e-8)
    assert net.stationarity_ < 1e-9


def test_the_articles_update():
    """θ ← θ − η∇J on y = 2x + 1, from zero: as written out."""
    rng = np.random.RandomState(0)
    X = rng.randn(100, 1)
    y = 2.0 * X[:, 0] + 1.0 + 0.5 * rng.randn(100)
    net = MLPRegressor(
        (), solver="gd", batch_size=None, learning_rate=0.01, lam=0.01, max_iter=300, tol=0,
        init=0.0,
    ).fit(X, y)  # fmt: skip
    w = b = 0.0
    for _ in range(300):
        r = w * X[:, 0] + b - y
        w, b = w - 0.01 * (r @ X[:, 0] + 0.01 * w) / 100, b - 0.01 * r.sum() / 100
    assert net.coefs_[0][0, 0] == pytest.approx(w, rel=1e-12)
    assert net.intercepts_[0][0] == pytest.approx(b, rel=1e-12)


@needs_jit
def test_the_same_bits_again_and_warm_starts():
    X, y = data()
    net = MLPRegressor((6, 6), activation="tanh", max_iter=20, tol=0, random_state=3)
    first, second = clone(net).fit(X, y), clone(net).fit(X, y)
    assert all(np.array_equal(a, b) for a, b in zip(first.coefs_, second.coefs_, strict=True))
    loss = first.loss_
    first.set_params(warm_start=True).fit(X, y)
    assert first.loss_ < loss
    assert first.t_ == 20


@needs_jit
def test_outputs_are_summed_and_rows_of_weight_zero_absent():
    X, y = data()
    Y = np.column_stack([y, -y, y**2])
    options = {"activation": "tanh", "solver": "lbfgs", "max_iter": 5000, "lam": 0.5, "tol": 1e-7}
    net = MLPRegressor((5,), random_state=0, **options).fit(X, Y)
    assert net.predict(X).shape == Y.shape and net.n_outputs_ == 3
    weights = np.ones(len(y))
    weights[::3] = 0.0
    some = MLPRegressor((5,), random_state=0, **options).fit(X, y, sample_weight=weights)
    kept = weights > 0
    rest = MLPRegressor((5,), random_state=0, **options).fit(X[kept], y[kept])
    np.testing.assert_allclose(some.coefs_[0], rest.coefs_[0], rtol=1e-9)


@needs_jit
@pytest.mark.thorough
def test_float32_and_early_stopping():
    X, y = data(400)
    net = MLPRegressor(
        (16,), activation="tanh", learning_rate=0.02, early_stopping=True, max_iter=500,
        random_state=0,
    ).fit(X.astype(np.float32), y)  # fmt: skip
    assert (
        net.coefs_[0].dtype == np.float32 and net.predict(X.astype(np.float32)).dtype == np.float32
    )
    assert net.best_validation_score_ == max(net.validation_scores_) > 0.8
    assert net.n_iter_ < 500 and net.score(X, y) > 0.9


@needs_jit
def test_l1_takes_features_out():
    X, y = data(300, 6)
    net = MLPRegressor(
        (4,), activation="tanh", solver="gd", learning_rate=0.05, lam=[20.0, 10.0], l1_ratio=0.9,
        max_iter=20000, tol=0, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert not net.coefs_[0][2:].any()
    assert net.coefs_[0][:2].any(axis=1).all()
    assert net.stationarity_ < 1e-6


CASES = [
    ({"activation": "sine"}, "activation must be one of"),
    ({"init": "zeros"}, "init must be one of"),
    ({"lam": -1.0}, "lam must be"),
    ({"lam": [1.0, 2.0, 3.0]}, "lam has 3 entries for 2 weight matrices"),
    ({"l1_ratio": 0.5}, 'needs solver="gd" or "sgd"'),
    ({"l1_ratio": 2.0, "solver": "gd"}, "l1_ratio must be"),
    ({"gradient_penalty": "omega", "solver": "lbfgs"}, "not the gradient of a function"),
    ({"early_stopping": True, "solver": "lbfgs"}, "early_stopping must be False"),
    ({"learning_rate": 0.0}, "learning_rate must be a number above 0"),
    ({"momentum": 1.0}, "momentum must be"),
    ({"clip_norm": -1.0}, "clip_norm must be"),
    ({"batch_size": 0}, "batch_size must be"),
    ({"max_iter": True}, "max_iter must be"),
    ({"monitor": 0}, "monitor must be"),
    ({"tol": np.nan}, "tol must be"),
    ({"hidden_layer_sizes": (4, 0)}, "hidden_layer_sizes must be"),
    ({"validation_fraction": 1.0}, "validation_fraction must be"),
]


@pytest.mark.parametrize(("options", "message"), CASES)
def test_errors_name_their_argument(options, message):
    X, y = data(20)
    with pytest.raises(ValueError, match=message):
        MLPRegressor(**({"hidden_layer_sizes": (4,)} | options)).fit(X, y)


@needs_jit
def test_leaving_the_numbers_is_an_error_that_says_what_to_do():
    X, y = data()
    net = MLPRegressor((8,), solver="gd", learning_rate=1e12, max_iter=200, random_state=0)
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="lower learning_rate"):
        net.fit(X, y)


def square(seed=1):
    """The case of scikit-learn's issue 31235."""
    rng = np.random.RandomState(seed)
    X = rng.random_sample((500, 2))
    return X, (X[:, 0] + (2.0 * (X[:, 1] - 0.5)) ** 2 - 0.75 >= 0).astype(float)


@needs_jit
def test_a_stuck_network_says_so_and_the_remedy_works():
    X, y = square()
    stuck = MLPRegressor((20, 20), activation="logistic", random_state=42)
    with pytest.warns(ConvergenceWarning, match=r'logistic layer .* Remedy: take solver="lbfgs"'):
        stuck.fit(X, y)
    assert np.mean((stuck.predict(X) > 0.5) == y) < 0.8
    for activation in ("logistic", "tanh"):
        mended = clone(stuck).set_params(solver="lbfgs", activation=activation, max_iter=500)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # of max_iter
            mended.fit(X, y)
        assert np.mean((mended.predict(X) > 0.5) == y) >= 0.95
        assert not mended.gradient_report_.is_stuck


DEEP = {
    "hidden_layer_sizes": (32,) * 10, "solver": "gd", "learning_rate": 0.05, "momentum": 0.9,
    "clip_norm": 1.0, "max_iter": 200, "tol": 0, "random_state": 0, "monitor": 50,
}  # fmt: skip


@needs_jit
@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"activation": "logistic", "lam": 0.0}, "φ′ ≤ ¼"),
        ({"activation": "tanh", "init": 0.05, "lam": 0.0, "max_iter": 5}, "weights are small"),
        ({"activation": "tanh", "init": 0.1, "lam": 300.0}, "penalty has pulled"),
        ({"activation": "tanh", "init": 1.0, "lam": 0.0, "max_iter": 5}, "saturated"),
    ],
)
def test_the_report_names_the_cause(options, cause):
    X, y = data(256)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        net = MLPRegressor(**(DEEP | options)).fit(X, y)
    report = net.gradient_report_
    assert cause in report.findings[0][0]
    assert cause in report.summary() and "Remedy" in report.summary()
    again = gradient_report(net, X, y)
    assert isinstance(again, GradientReport)
    assert again.vanishing_ratio == pytest.approx(report.vanishing_ratio, rel=1e-9)
    assert len(report.history) == 1 + net.t_ // 50 + (net.t_ % 50 > 0)
    ax = report.plot()
    assert ax.get_yscale() == "log"


@needs_jit
def test_gains_at_the_start_are_those_of_the_table():
    """q of 10 × 32, mean of a few seeds: `OBJECTIVE.md` gives .23, .87, .54."""
    X, y = data(256, 4)
    for activation, init, expected in (
        ("logistic", "glorot", 0.23),
        ("tanh", "glorot", 0.87),
        ("tanh", 0.1, 0.54),
    ):
        gains = []
        for seed in range(5):
            net = MLPRegressor(
                **(DEEP | {"activation": activation, "init": init, "max_iter": 1, "lam": 0.0,
                           "random_state": seed})
            )  # fmt: skip
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                gains.append(net.fit(X, y).gradient_report_.history[0].gain)
        assert np.mean(gains) == pytest.approx(expected, rel=0.12)


def test_a_report_needs_matching_data():
    X, y = data(30)
    net = MLPRegressor((3,), solver="gd", max_iter=2, tol=0, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="X has 2 features, the network takes 3"):
        gradient_report(net, X[:, :2], y)
    with pytest.raises(ValueError, match="y must be"):
        gradient_report(net, X, y[:-1])


@needs_jit
@pytest.mark.thorough
def test_both_ways_of_choosing_lam():
    X, y = data(60)
    y = y + np.random.default_rng(5).standard_normal(60)
    net = MLPRegressor((8,), activation="tanh", solver="lbfgs", max_iter=300)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        grid = MLPRegressorCV((1e-3, 1.0, 10.0, 1e4), estimator=net, cv=4, random_state=0)
        grid.fit(X, y)
        assert grid.lam_ in (1.0, 10.0) and grid.mse_path_.shape == (4, 4)
        for per_layer in (False, True):
            along = MLPRegressorCV(
                estimator=net, method="adaptive", per_layer=per_layer, random_state=0
            ).fit(X, y)
            values = [each.value for each in along.history_]
            assert min(values) < values[0]
            assert np.shape(along.lam_) == ((2,) if per_layer else ())
    with pytest.raises(ValueError, match="l1_ratio=0"):
        MLPRegressorCV(
            estimator=MLPRegressor(solver="gd", l1_ratio=0.5), method="adaptive"
        ).fit(X, y)  # fmt: skip
    with pytest.raises(ValueError, match="lams must be"):
        MLPRegressorCV((0.0, 1.0)).fit(X, y)
    with pytest.raises(ValueError, match="per_layer"):
        MLPRegressorCV(per_layer=True).fit(X, y)


def test_a_network_that_starts_at_zero_says_so():
    X, y = data(30)
    net = MLPRegressor((3, 3), solver="gd", init=0.0, max_iter=2, tol=0)
    with pytest.warns(ConvergenceWarning, match="weights are small"):
        net.fit(X, y)


def test_the_report_takes_scikit_learns_network():
    from sklearn.neural_network import MLPRegressor as Peer

    X, y = data()
    peer = Peer(hidden_layer_sizes=(20,) * 6, activation="logistic", random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        peer.fit(X, y)
    report = gradient_report(peer, X, y)
    assert report.gain < 0.6 and "logistic" in report.summary()


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_edges_of_data(solver):
    net = MLPRegressor((3,), solver=solver, max_iter=3, random_state=0)
    X, y = data(20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert np.isfinite(net.fit(X, np.ones(20)).predict(X)).all()
        assert np.isfinite(net.fit(X[:1], y[:1]).predict(X)).all()
        assert np.isfinite(net.fit(X[:, :1], y).loss_)
    with pytest.raises(ValueError, match="sample_weight"):
        net.fit(X, y, sample_weight=np.zeros(20))
    with pytest.raises(ValueError, match="NaN"):
        net.fit(np.where(X > 1, np.nan, X), y)
