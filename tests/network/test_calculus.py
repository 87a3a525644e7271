"""J, its derivatives and those of the penalties, against complex steps, differences and torch."""

import numpy as np
import pytest

from fastreg.network.adaptive import hypergradient, minimum
from fastreg.network.calculus import (
    Objective,
    Signals,
    activate,
    curvature,
    jacobian_penalty,
    slope,
)
from fastreg.network.layers import ACTIVATIONS, Layout, initial

STEP = 1e-30
LAYOUTS = [(3, 1), (3, 5, 2), (3, 4, 4, 5, 1)]


def objective(sizes, activation, seed=0, m=23, weighted=True):
    rng = np.random.default_rng(seed)
    X, Y = rng.standard_normal((m, sizes[0])), rng.standard_normal((m, sizes[-1]))
    weights = rng.uniform(0.5, 2.0, m) if weighted else None
    l2 = rng.uniform(0.1, 2.0, len(sizes) - 1)
    one = Objective(X, Y, weights, Layout(sizes), activation, l2, orthogonal=0.3)
    theta = initial(one.layout, activation, "auto", np.random.RandomState(seed))
    return one, theta + 0.1 * rng.standard_normal(len(theta)), rng


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", LAYOUTS)
def test_gradients_equal_complex_steps(sizes, activation):
    one, theta, _ = objective(sizes, activation)
    steps = STEP * 1j * np.eye(len(theta))
    expected = np.array([one.value(theta + each).imag / STEP for each in steps])
    np.testing.assert_allclose(one.gradient(theta), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", LAYOUTS)
def test_hessian_products_equal_complex_steps(sizes, activation):
    one, theta, rng = objective(sizes, activation)
    one = Objective(one.X, one.Y, one.weights, one.layout, activation, one.l2)
    v = rng.standard_normal(len(theta))
    expected = one.gradient(theta + STEP * 1j * v).imag / STEP
    np.testing.assert_allclose(one.times_hessian(theta, v), expected, rtol=1e-12, atol=1e-13)
    w = rng.standard_normal(len(theta))
    there, back = w @ one.times_hessian(theta, v), v @ one.times_hessian(theta, w)
    assert there == pytest.approx(back, rel=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_slopes_and_curvatures(activation):
    z = np.linspace(-4.0, 4.0, 40)
    A = activate(activation, z)
    for found, of in ((slope(activation, A), activate), (curvature(activation, A), None)):
        if of is None:
            expected = slope(activation, activate(activation, z + STEP * 1j)).imag / STEP
        else:
            expected = activate(activation, z + STEP * 1j).imag / STEP
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)


def test_jacobian_penalty_equals_differences():
    one, theta, rng = objective((3, 5, 4, 6, 1), "tanh")
    A, deltas = one.signals(theta)
    W = [each.copy() for each in one.layout.split(theta)[0]]
    value, gradients = jacobian_penalty("tanh", W, Signals(A, deltas))
    assert value > 0 and not gradients[0].any() and not gradients[-1].any()
    for l in (1, 2):
        D, h = rng.standard_normal(W[l].shape), 1e-5
        ends = []
        for side in (1.0, -1.0):
            moved = [w + side * h * D if k == l else w for k, w in enumerate(W)]
            ends.append(jacobian_penalty("tanh", moved, Signals(A, deltas))[0])
        expected = (ends[0] - ends[1]) / (2 * h)
        assert np.sum(gradients[l] * D) == pytest.approx(expected, rel=1e-8)


def test_autograd_agrees():
    torch = pytest.importorskip("torch")
    one, theta, rng = objective((3, 4, 4, 5, 2), "tanh")
    one = Objective(one.X, one.Y, one.weights, one.layout, "tanh", one.l2)
    t = torch.tensor(theta, requires_grad=True)
    A, start, held = torch.tensor(one.X), 0, 0.0
    for l, (a, b) in enumerate(zip(one.layout.sizes[:-1], one.layout.sizes[1:], strict=True)):
        W, c = t[start : start + a * b].reshape(a, b), t[start + a * b : start + (a + 1) * b]
        Z = A @ W + c
        A = torch.tanh(Z) if l + 1 < one.layout.depth else Z
        held = held + 0.5 * one.l2[l] / one.total * (W * W).sum()
        start += (a + 1) * b
    J = 0.5 * (torch.tensor(one.share) * (A - torch.tensor(one.Y)) ** 2).sum() + held
    (gradient,) = torch.autograd.grad(J, t, create_graph=True)
    v = rng.standard_normal(len(theta))
    (product,) = torch.autograd.grad(gradient @ torch.tensor(v), t)
    size = np.abs(gradient.detach().numpy()).max()
    np.testing.assert_allclose(
        one.gradient(theta), gradient.detach(), rtol=1e-12, atol=1e-14 * size
    )
    np.testing.assert_allclose(one.times_hessian(theta, v), product, rtol=1e-12, atol=1e-13)


def test_hypergradients_equal_differences_of_refits():
    one, theta, rng = objective((3, 4, 3, 1), "tanh", m=40, weighted=False)
    lam = np.array([0.5, 0.7, 0.4])
    held_out = Objective(
        rng.standard_normal((30, 3)), rng.standard_normal((30, 1)), None, one.layout, "tanh",
        np.zeros(3),
    )  # fmt: skip

    def at(lam, start):
        each = Objective(one.X, one.Y, None, one.layout, "tanh", lam)
        return each, minimum(each, start)

    base, theta = at(lam, theta)
    assert np.abs(base.gradient(theta)).max() < 1e-9
    found = hypergradient(base, theta, held_out)
    for l in range(3):
        ends = []
        for side in (1.0, -1.0):
            moved = at(lam + side * 1e-3 * np.eye(3)[l], theta)[1]
            ends.append(held_out.value(moved))
        assert found[l] == pytest.approx((ends[0] - ends[1]) / 2e-3, rel=1e-5)


@pytest.mark.parametrize("init", ["glorot", "he", "orthogonal", 0.1])
def test_starts(init):
    layout = Layout((60, 40, 80, 3))
    weights, biases = layout.split(initial(layout, "tanh", init, np.random.RandomState(0)))
    assert not any(each.any() for each in biases)
    for W in weights[:2]:
        a, b = W.shape
        if init == "orthogonal":
            small = W.T @ W if a >= b else W @ W.T
            np.testing.assert_allclose(small, np.eye(min(a, b)), atol=1e-13)
        else:
            size = {"glorot": np.sqrt(2 / (a + b)), "he": np.sqrt(2 / a), 0.1: 0.1}[init]
            assert W.std() == pytest.approx(size, rel=0.06)
