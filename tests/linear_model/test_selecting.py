"""AdaptiveLasso and StabilitySelection: who is kept, and that they follow scikit-learn."""

import warnings

import numpy as np
import pytest
from conftest import STORAGES, needs_jit
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastreg
from fastreg import AdaptiveLasso, ElasticNetCV, Lasso, StabilitySelection


def data(m=100, n=40, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n))
    X = (X + 0.4 * np.roll(X, 1, axis=1)).astype(np.float32).astype(float)
    return X, X[:, :3] @ [3.0, -3.0, 2.0] + noise * rng.standard_normal(m), rng


# ---------------------------------------------------------------- reweighted


@pytest.mark.parametrize("weighted", [False, True])
def test_a_round_is_a_lasso_on_scaled_columns(weighted):
    X, y, rng = data()
    w = rng.random(len(y)) + 0.1 if weighted else None
    model = AdaptiveLasso(0.3, n_reweightings=1, gamma=0.5, epsilon=0.01, tol=1e-10).fit(X, y, w)
    first = Lasso(0.3, tol=1e-10).fit(X, y, w).coef_
    size = np.abs(first)
    factor = ((size / size.max() + 0.01) / 1.01) ** -0.5
    np.testing.assert_allclose(model.penalty_factor_, factor, rtol=1e-4)
    again = Lasso(0.3, tol=1e-12).fit(X / model.penalty_factor_, y, w)
    np.testing.assert_allclose(model.coef_, again.coef_ / model.penalty_factor_, atol=1e-5)
    assert model.n_selected_[0] == np.count_nonzero(first)
    assert model.alpha_ == 0.3 and model.certificate_.converged


def test_without_reweighting_it_is_the_lasso():
    X, y, _ = data()
    model = AdaptiveLasso(0.2, n_reweightings=0).fit(X, y)
    np.testing.assert_array_equal(model.coef_, Lasso(0.2, tol=1e-6).fit(X, y).coef_)
    np.testing.assert_array_equal(model.penalty_factor_, 1.0)


@needs_jit
@pytest.mark.parametrize("storage", ["C", "csc", "float32"])
@pytest.mark.parametrize("alpha", ["ebic", "bic", "cv", "1se"])
def test_reweighting_drops_what_the_lasso_keeps_for_nothing(alpha, storage):
    X, y, _ = data()
    model = AdaptiveLasso(alpha, cv=4).fit(STORAGES[storage](X), y)
    assert np.all(model.coef_[:3] != 0)
    assert model.n_selected_[-1] <= model.n_selected_[0]
    assert model.n_selected_[-1] == np.count_nonzero(model.coef_)
    np.testing.assert_allclose(model.coef_[:3], [3.0, -3.0, 2.0], atol=0.6)
    assert "selective" in str(model.summary(STORAGES[storage](X), y))


def test_nothing_kept_stays_nothing():
    X, y, _ = data()
    model = AdaptiveLasso(1e3).fit(X, y)
    np.testing.assert_array_equal(model.coef_, 0.0)
    np.testing.assert_array_equal(model.penalty_factor_, 1.0)


# ---------------------------------------------------------------- stability


@needs_jit
def test_signal_is_stable_and_noise_is_not():
    X, y, _ = data(m=120, n=150)
    model = StabilitySelection(random_state=0, n_pairs=15).fit(X, y)
    np.testing.assert_array_equal(model.get_support(indices=True), [0, 1, 2])
    assert model.frequencies_[4:].max() < 0.5  # the fourth leans on the third
    assert model.n_first_ == 8 and model.error_bound_ == pytest.approx(64 / 75)
    assert 0.0 <= model.gap_ <= 1e-4
    assert model.frequencies_.sum() <= model.n_first_ + 1e-9


@needs_jit
def test_a_half_is_a_path_of_its_rows():
    X, y, _ = data(m=60, n=12)
    model = StabilitySelection(3, random_state=3, n_pairs=4).fit(X, y)
    random, counts = np.random.RandomState(3), np.zeros(12)
    for _ in range(4):
        for half in np.array_split(random.permutation(60), 2):
            found = fastreg.path(X[half], y[half], alphas=50)
            inside = found.coefs != 0
            order = sorted(
                (int(inside[j].argmax()), -abs(found.coefs[j, inside[j].argmax()]), j)
                for j in np.flatnonzero(inside.any(axis=1))
            )
            counts[[j for _, _, j in order[:3]]] += 1
    np.testing.assert_array_equal(model.frequencies_, counts / 8)


@needs_jit
def test_false_selections_keep_their_bound():
    """Pure noise, exchangeable: Meinshausen & Bühlmann's bound, on average."""
    false = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X, y = rng.standard_normal((60, 40)), rng.standard_normal(60)
        model = StabilitySelection(10, threshold=0.6, n_pairs=10, alphas=20, random_state=seed)
        false.append(model.fit(X, y).get_support().sum())
    assert model.error_bound_ == pytest.approx(100 / (0.2 * 40))
    assert 0.5 < np.mean(false) <= model.error_bound_


@needs_jit
def test_it_works_in_a_pipeline_and_says_what_is_wrong():
    X, y, _ = data()
    steps = make_pipeline(StabilitySelection(6, random_state=0, n_pairs=5), Lasso(0.01))
    assert steps.fit(X, y).score(X, y) > 0.9
    with pytest.raises(ValueError, match="4 rows or more"):
        StabilitySelection().fit(X[:3], y[:3])
    with pytest.raises(ValueError, match="threshold"):
        StabilitySelection(threshold=0.5).fit(X, y)


@needs_jit
@parametrize_with_checks([AdaptiveLasso(), AdaptiveLasso(0.1), StabilitySelection(n_pairs=3)])
@pytest.mark.thorough
def test_they_follow_scikit_learn(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


# ---------------------------------------------------------------- progress


class Recorder:
    """Follows scikit-learn's protocol of callbacks."""

    def __init__(self):
        self.seen = []

    def setup(self, estimator, context):
        self.seen.append("setup")

    def teardown(self, estimator, context):
        self.seen.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.seen.append(("begin", context.task_name))

    def on_fit_task_end(self, estimator, context):
        self.seen.append(("end", context.task_name))


@pytest.mark.parametrize(
    ("model", "task", "count"),
    [
        (ElasticNetCV(l1_ratio=[0.5, 1.0], cv=3, alphas=5), "fold", 6),
        (StabilitySelection(2, n_pairs=2), "half", 4),
    ],
)
def test_progress_is_told_to_callbacks_and_drawn(model, task, count, capsys):
    X, y, _ = data()
    model.set_params(verbose=True).fit(X, y)
    assert f"{count}/{count}\n" in capsys.readouterr().err
    model.set_params(verbose=False)
    if not hasattr(model, "set_callbacks"):
        pytest.skip("scikit-learn before 1.9 has no callbacks")
    recorder = Recorder()
    model.set_callbacks(recorder).fit(X, y)
    inner = [("begin", task), ("end", task)] * count
    assert recorder.seen == ["setup", ("begin", "fit"), *inner, ("end", "fit"), "teardown"]
    assert capsys.readouterr().err == ""
