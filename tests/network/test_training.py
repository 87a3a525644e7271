"""The kernels against the NumPy objective, and the optimisers against their formulas."""

import numpy as np
import pytest
from conftest import needs_jit
from sklearn.neural_network import MLPRegressor as Peer
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer

from fastreg._jit import set_num_threads
from fastreg.network import kernels, training
from fastreg.network.calculus import Objective, jacobian_penalty
from fastreg.network.layers import ACTIVATIONS, Layout, initial
from fastreg.network.training import Gradient, Problem, Trainer, lbfgs, value_and_gradient


def problem(sizes=(3, 5, 4, 4, 2), activation="tanh", m=24, dtype=float, **options):
    rng = np.random.default_rng(0)
    L = len(sizes) - 1
    X = rng.standard_normal((m, sizes[0])).astype(dtype)
    Y = rng.standard_normal((m, sizes[-1])).astype(dtype)
    weights = rng.uniform(0.5, 2.0, m)
    weights *= m / weights.sum()
    given = {"l2": rng.uniform(0.1, 2.0, L), "l1": np.zeros(L)} | options
    one = Problem(X, Y, weights, 1.7 * m, Layout(sizes), activation, **given)
    theta = initial(one.layout, activation, "auto", np.random.RandomState(0))
    return one, (theta + 0.1 * rng.standard_normal(len(theta))).astype(dtype)


def trainer(one, theta, **options):
    given = {"adam": False, "learning_rate": 0.1, "momentum": 0.0, "batch": 10**6, "clip": 0.0}
    return Trainer(one, theta, **(given | options))


def step(one, theta, **options):
    """What one step of plain descent at η = 1 subtracts."""
    after = theta.copy()
    trainer(one, after, learning_rate=1.0, **options).epoch(np.arange(len(one.X)))
    return theta - after


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", [(3, 2), (3, 5, 1), (3, 5, 4, 4, 2)])
def test_value_and_gradient_equal_the_reference(sizes, activation):
    one, theta = problem(sizes, activation, orthogonal=0.2)
    value, gradient = value_and_gradient(one)(theta)
    assert value == pytest.approx(one.referee().value(theta), rel=1e-13)
    np.testing.assert_allclose(gradient, one.referee().gradient(theta), rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_step_follows_the_gradient(activation):
    one, theta = problem(activation=activation)
    np.testing.assert_allclose(step(one, theta), one.referee().gradient(theta), atol=1e-13)


def test_mini_batches_average_to_the_gradient():
    one, theta = problem()
    whole = one.referee().gradient(theta)
    rows = np.random.default_rng(1).permutation(len(one.X))
    found = []
    for part in rows.reshape(4, 6):
        after = theta.copy()
        moved = trainer(one, after, learning_rate=1.0, batch=6)
        moved._advance(np.concatenate([part, part]), 0, 1)
        found.append(theta - after)
    np.testing.assert_allclose(np.mean(found, axis=0), whole, atol=1e-14)


def test_omega_is_added():
    one, theta = problem(omega=0.3)
    referee = one.referee()
    W = one.layout.split(theta)[0]
    _, extra = jacobian_penalty("tanh", W, referee.signals(theta))
    zeros = [np.zeros(b) for b in one.layout.sizes[1:]]
    expected = referee.gradient(theta) + 0.3 * one.layout.join(extra, zeros)
    assert max(np.abs(each).max() for each in extra) > 1e-3
    np.testing.assert_allclose(step(one, theta), expected, atol=1e-13)


def test_clipping_shortens_the_whole_gradient():
    one, theta = problem()
    whole = one.referee().gradient(theta)
    norm = np.linalg.norm(whole)
    np.testing.assert_allclose(step(one, theta, clip=0.5 * norm), 0.5 * whole, atol=1e-13)
    np.testing.assert_allclose(step(one, theta, clip=2.0 * norm), whole, atol=1e-13)


def test_momentum_and_the_last_update():
    one, theta = problem()
    after, rows = theta.copy(), np.arange(len(one.X))
    moved = trainer(one, after, momentum=0.9)
    expected, velocity = theta.copy(), np.zeros_like(theta)
    for _ in range(5):
        moved.epoch(rows)
        velocity = 0.9 * velocity - 0.1 * one.referee().gradient(expected)
        expected = expected + velocity
    np.testing.assert_allclose(after, expected, atol=1e-13)
    np.testing.assert_allclose(moved.last_update(), velocity, atol=1e-13)


def test_adam_equals_scikit_learns():
    one, theta = problem()
    after, rows = theta.copy(), np.arange(len(one.X))
    moved = trainer(one, after, adam=True, learning_rate=0.01)
    expected = theta.copy()
    peer = AdamOptimizer([expected], 0.01)
    for _ in range(7):
        before = after.copy()
        moved.epoch(rows)
        peer.update_params([expected], [one.referee().gradient(expected)])
    np.testing.assert_allclose(after, expected, atol=1e-12)
    np.testing.assert_allclose(moved.last_update(), after - before, atol=1e-14)


def test_the_prox_of_l1_gives_exact_zeros_and_its_stationary_point():
    one, theta = problem((3, 6, 1), l1=np.full(2, 3.0), l2=np.zeros(2), m=60)
    moved = trainer(one, theta, learning_rate=0.3)
    for _ in range(20000 if kernels.train.__class__.__name__ != "function" else 200):
        moved.epoch(np.arange(60))
    W = one.layout.split(theta)[0]
    assert any((w == 0).any() for w in W)
    if kernels.train.__class__.__name__ != "function":
        assert one.stationarity(theta) < 1e-7


@needs_jit
def test_lbfgs_reaches_a_stationary_point():
    one, theta = problem((3, 6, 1), m=60)
    theta, _, converged, losses = lbfgs(one, theta, tol=1e-9, max_iter=3000)
    assert converged and one.stationarity(theta) < 1e-8
    assert losses[-1] == pytest.approx(one.referee().value(theta), rel=1e-12)


def test_loss_and_gradient_equal_scikit_learns():
    """One output: at the same θ, its alpha is λ."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((50, 4)), rng.standard_normal(50)
    peer = Peer(hidden_layer_sizes=(6, 5), activation="tanh", alpha=0.7, solver="lbfgs", max_iter=3)
    with pytest.warns(Warning, match="lbfgs"):
        peer.fit(X, y)
    one = Problem(
        X, y[:, None], np.ones(50), 50.0, Layout((4, 6, 5, 1)), "tanh", np.full(3, 0.7), np.zeros(3)
    )
    theta = one.layout.join(peer.coefs_, peer.intercepts_)
    value, gradient = value_and_gradient(one)(theta)
    flat = np.hstack([each.ravel() for each in peer.coefs_ + peer.intercepts_])
    shapes = (
        [np.empty_like(each) for each in peer.coefs_],
        [np.empty_like(each) for each in peer.intercepts_],
    )
    layers = [X] + [np.empty((50, k)) for k in (6, 5, 1)]
    deltas = [np.empty_like(each) for each in layers[1:]]
    units = [4, 6, 5, 1]
    grad = _peer_gradient(peer, flat, X, y[:, None], layers, deltas, shapes)
    assert value == pytest.approx(grad[0], rel=1e-12)
    ours = one.layout.split(gradient)
    found = np.hstack([each.ravel() for each in ours[0] + ours[1]])
    assert len(units) == 4
    np.testing.assert_allclose(found, grad[1], rtol=1e-12, atol=1e-15)


def _peer_gradient(peer, flat, X, y, layers, deltas, shapes):
    """scikit-learn's private loss and gradient; its signature has gained weights in 1.7."""
    import inspect

    known = inspect.signature(peer._loss_grad_lbfgs).parameters
    given = {
        "packed_coef_inter": flat,
        "X": X,
        "y": y,
        "sample_weight": None,
        "activations": layers,
        "deltas": deltas,
        "coef_grads": shapes[0],
        "intercept_grads": shapes[1],
    }
    return peer._loss_grad_lbfgs(**{name: given[name] for name in known})


@needs_jit
def test_float32_stays_float32():
    one, theta = problem(dtype=np.float32)
    exact, _ = problem()
    assert one.X.dtype == np.float32
    expected = exact.referee().gradient(theta.astype(float))
    np.testing.assert_allclose(step(one, theta), expected, rtol=1e-4, atol=1e-5)
    assert step(one, theta).dtype == np.float32
    assert value_and_gradient(one)(theta)[1].dtype in (np.float32, np.float64)


def test_referee_of_some_rows():
    one, theta = problem()
    rows = np.arange(0, 24, 2)
    some = one.referee(rows)
    expected = Objective(
        one.X[rows], one.Y[rows], one.weights[rows], one.layout, "tanh",
        one.l2 * some.total / one.total,
    )  # fmt: skip
    assert some.value(theta) < np.inf
    np.testing.assert_allclose(
        some.gradients(theta)[0], expected.gradients(theta)[0], rtol=1e-12, atol=1e-15
    )
    full = one.referee().gradients(theta)[1]
    np.testing.assert_allclose(some.gradients(theta)[1], full, rtol=1e-12)


@needs_jit
def test_large_batches_in_parts_give_the_same_bits_for_any_threads():
    one, theta = problem((20, 90, 80, 1), m=2500, omega=0.1, orthogonal=0.2)
    found = []
    for threads in (1, 2, 3):
        set_num_threads(threads)
        after = theta.copy()
        moved = trainer(one, after, batch=2400, adam=True, clip=1.0)
        assert moved._gradient.count > 1
        moved.epoch(np.arange(2500))
        found.append(after)
    set_num_threads(None)
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])
    whole = trainer(one, theta.copy(), batch=2400, adam=True, clip=1.0)
    whole._gradient = Gradient(one, 1)  # one part
    whole._gradient.scratch = np.zeros((1, 2, 2400 * sum(one.layout.sizes)))
    whole.epoch(np.arange(2500))
    np.testing.assert_allclose(whole.theta, found[0], rtol=1e-6, atol=1e-9)
    value, gradient = value_and_gradient(one)(theta)
    assert value == pytest.approx(one.referee().value(theta), rel=1e-12)
    np.testing.assert_allclose(gradient, one.referee().gradient(theta), rtol=1e-8, atol=1e-12)


def test_stationarity_is_the_same_by_blocks(monkeypatch):
    one, theta = problem(orthogonal=0.2)
    whole = one.stationarity(theta)
    assert whole == pytest.approx(np.abs(one.referee().gradient(theta)).max(), rel=1e-12)
    monkeypatch.setattr(training, "_BLOCK", 5)
    assert one.stationarity(theta) == pytest.approx(whole, rel=1e-12)
