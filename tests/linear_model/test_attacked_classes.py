"""What an attack on models of several classes found."""

import warnings

import numpy as np
import pytest
from conftest import needs_jit
from sklearn.exceptions import ConvergenceWarning

import fastreg
from fastreg.certificate.gap import relative_to

pytestmark = needs_jit


def saturated(seed, m=20, n=3, spread=0.0, size=0.0):
    """Rows of wild weights, or of offsets that decide nearly every row."""
    rng = np.random.default_rng(seed)
    X, w = rng.standard_normal((m, n)), 10.0 ** rng.uniform(-spread, spread, m)
    offset = size * rng.standard_normal((m, 4)) if size else None
    return X, np.arange(m) % 4, w, offset


@pytest.mark.parametrize("seed", [8, 13])
def test_the_last_step_of_intercepts_never_raises_the_objective(seed):
    X, y, w, _ = saturated(seed, spread=8.0)
    model = fastreg.LogisticRegression(C=1e4, max_iter=1000).fit(X, y, sample_weight=w)
    assert model.certificate_.converged
    assert model.certificate_.objective[0] < 1e-3


def test_offsets_that_decide_rows_leave_finite_honest_fits():
    missed = 0
    for seed in range(20):
        X, y, _, offset = saturated(seed, m=30, n=6, size=500.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = fastreg.LogisticRegression(max_iter=1000).fit(X, y, offset=offset)
        missed += not model.certificate_.converged
        assert model.certificate_.relative_gap[0] < 1.0
    assert missed <= 4


def test_nothing_of_numpys_own_is_raised_where_weights_and_offsets_are_wild():
    for seed in range(40):
        X, y, w, offset = saturated(seed, m=15, n=4, spread=8.0, size=20.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fastreg.LogisticRegression(C=100.0, max_iter=1000).fit(X, y, w, offset)


@pytest.mark.parametrize("n", [900, 1001])
def test_the_metric_of_many_columns_is_in_their_units(n):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((1500, n)), rng.integers(0, 3, 1500)
    model = fastreg.LogisticRegression().fit(X, y)
    assert model.certificate_.converged
    assert model.n_iter_[0] < 70


def test_newtons_method_starts_afresh_where_rounding_ends_the_other():
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((50, 6)), rng.integers(0, 3, 50)
    X[:, 0], X[:, 1] = 3e5, 1e5 + X[:, 1]
    model = fastreg.LogisticRegression(fit_intercept=False, tol=1e-2, max_iter=1000).fit(X, y)
    assert model.certificate_.converged


def test_a_gap_that_is_no_number_is_not_reached():
    np.testing.assert_array_equal(
        relative_to([np.nan, 0.0, 1.0, np.nan], [0.0, 0.0, 0.0, np.nan]),
        [np.inf, 0, np.inf, np.inf],
    )
    rng = np.random.default_rng(0)
    offset = 1.5e308 * np.sign(rng.standard_normal((60, 3)))
    with pytest.raises(ValueError, match="offset has rows"):
        fastreg.LogisticRegression().fit(
            rng.standard_normal((60, 5)), np.arange(60) % 3, offset=offset
        )


def test_a_path_names_split_and_class_of_a_training_set_without_it():
    X = np.random.default_rng(0).standard_normal((60, 5))
    y = np.array(list("abc"))[np.r_[np.arange(40) % 2, np.full(20, 2)]]
    path = fastreg.path(X, y, family="multinomial", alphas=4)
    with pytest.raises(ValueError, match="split 0 of cv trains on no row of class 'c'"):
        path.select("cv", cv=[(np.arange(40), np.arange(40, 60))])


@pytest.mark.parametrize("classes", [2, 3])
def test_extreme_arguments_are_named(classes):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 5)), np.arange(60) % classes
    with pytest.raises(ValueError, match="C must be at least"):
        fastreg.LogisticRegression(C=1e-310).fit(X, y)
    with pytest.raises(ValueError, match="Cs must be at least"):
        fastreg.LogisticRegressionCV(Cs=[1e-310, 1.0]).fit(X, y)
    model = fastreg.LogisticRegression(warm_start=True).fit(X, y)
    model.coef_ = np.full(model.coef_.shape, np.nan)
    assert model.fit(X, y).certificate_.converged
    with pytest.raises(ValueError, match="labels of one type"):
        fastreg.path(X, np.array(["a", 1, 2], object)[np.arange(60) % 3], family="multinomial")
    w = np.where(np.arange(60) % 3 == 0, 1e-300, 1e300)
    with pytest.raises(ValueError, match="no row whose weight counts"):
        fastreg.LogisticRegression().fit(X, np.arange(60) % 3, w)
