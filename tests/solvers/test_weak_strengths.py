"""Paths of weak strengths, where each point wants a tangent of its own."""

import warnings

import numpy as np
import pytest
from conftest import needs_jit
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

import fastreg
from tests import weak

pytestmark = needs_jit


def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def test_folds_that_are_separable_take_as_few_steps_as_single_fits():
    """One of them took 1000 steps, and another 175."""
    X, y = cancer()
    for train, _ in StratifiedKFold(5).split(X, y):
        alphas = 1 / (np.logspace(-4, 4, 20) * len(train))
        path = fastreg.path(X[train], y[train] * 1.0, family="binomial", alphas=alphas)
        assert path.certificate.converged and path.n_iter <= 30


def test_a_choice_of_c_up_to_ten_thousand_converges():
    X, y = cancer()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fastreg.LogisticRegressionCV(Cs=20, l1_ratios=[1.0]).fit(X, y)
    assert np.max(model.n_iter_) <= 30
    assert np.mean(model.predict(X) == y) > 0.97


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(33, id="weights of six decades: rows as flat as the floor of curvature, 1556"),
        pytest.param(225, id="one draws the tangent away from another, 1000"),
        pytest.param(237, id="a secant is kept while its steps are long"),
        pytest.param(302, id="separable, 1000"),
        pytest.param(367, id="a ridge of weights of six decades, 965"),
        pytest.param(146, id="offsets, 1979"),
    ],
)
def test_a_path_takes_no_more_steps_than_its_points_alone(seed):
    """The last number of a name is the steps that it took."""
    found = weak.attack(seed)
    assert not found.is_slow and not found.misses
    assert found.steps <= 80 and found.steps_alone <= 80


def test_offsets_of_a_thousand_take_few_steps(rng):
    X = rng.standard_normal((120, 8))
    y = (X[:, 0] > 0) * 1.0
    offset = rng.choice([-1000.0, 1000.0], 120)
    path = fastreg.path(X, y, family="binomial", offset=offset, alphas=np.logspace(1, -7, 9))
    assert path.certificate.converged and path.n_iter <= 150


def test_a_ridge_weaker_than_the_rounding_of_a_singular_gram_matrix(rng):
    """The factor of such a matrix does not exist."""
    X = rng.standard_normal((100, 4))
    X = np.column_stack([X, X[:, 0]])
    y = (rng.random(100) < 1 / (1 + np.exp(-X[:, 1]))) * 1.0
    options = {"family": "binomial", "l1_ratio": 0.0, "alphas": [1e-19], "offset": 0.1 * X[:, 2]}
    path, once = (fastreg.path(A, y, **options) for A in (X, X[:, :4]))
    assert path.certificate.converged
    np.testing.assert_allclose(path.predict(X), once.predict(X[:, :4]), rtol=1e-6, atol=1e-8)


def test_bits_of_parted_points_do_not_depend_on_threads(rng):
    X = rng.standard_normal((4000, 30))
    y = (X[:, :5].sum(axis=1) > 0) * 1.0
    found = []
    for threads in (1, 2):
        fastreg.set_num_threads(threads)
        path = fastreg.path(X, y, family="binomial", alphas=np.logspace(-1, -7, 16))
        found.append(path.coefs)
    fastreg.set_num_threads(None)
    assert path.certificate.converged
    np.testing.assert_array_equal(*found)


def test_the_length_that_lessens_most_is_the_step():
    from fastreg.solvers.walkers import Stand, Walker
    from fastreg.solvers.working_set import Point

    stand = Stand(np.zeros(1), 0.0, 1.0, 0.0, np.zeros(1))
    walker = Walker(Point(0), stand, 1.0)
    walker.objective, walker.lost, walker.target = 1.0, 0.5, (np.ones(1), 0.0)
    assert walker.shares(4) == [1.0] and walker.choose([1.0], [2.0], 1.0) is None
    assert walker.shares(3) == [0.5, 0.25, 0.125] and walker.shares(1) == [0.5]
    assert walker.choose(walker.shares(3), [1.5, 0.7, 0.9], 1.0) == 1
    assert walker.choose(walker.shares(3), [np.inf, np.inf, np.inf], 1.0) is None
    assert walker.halved == 4 and walker.share == pytest.approx(0.0125)
