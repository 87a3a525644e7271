"""Sweeps of θ and the loop of descent agree with the reference."""

import itertools

import numpy as np
import pytest
from conftest import PENALTIES, matrix

from fastreg import kernels, losses, penalties, reference
from fastreg.design import as_design, storages


def test_update_agrees_with_reference(penalty, rng):
    theta = np.abs(rng.standard_normal(6))
    theta[2] = 0.0
    g = rng.standard_normal(6)
    ours, theirs = theta.copy(), theta.copy()
    found = kernels.update(ours, g, 0.1, 0.3, penalty)
    expected = reference.update(theirs, g, 0.1, 0.3, penalty)
    np.testing.assert_allclose(ours, theirs, rtol=1e-14)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize("n", [1, 6, 520, 1031])
def test_update_with_momentum_agrees_with_reference(n, rng):
    penalty = penalties.L1(rng.random(n))
    theta, previous, g = rng.standard_normal((3, n))
    ours, theirs = [theta.copy(), previous.copy()], [theta.copy(), previous.copy()]
    found = kernels.update(ours[0], g, 0.1, 0.3, penalty, 0.7, ours[1])
    expected = reference.update(theirs[0], g, 0.1, 0.3, penalty, 0.7, theirs[1])
    np.testing.assert_allclose(ours, theirs, rtol=1e-13)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_momentum_speeds_up_an_ill_conditioned_descent():
    curvature = np.geomspace(1e-3, 1.0, 40)
    plain, point, previous = np.ones(40), np.ones(40), np.ones(40)
    none = penalties.L1(0.0)
    for _ in range(200):
        kernels.update(plain, curvature * plain, 1.0, 0.0, none)
        kernels.update(point, curvature * point, 1.0, 0.0, none, 0.94, previous)
    assert curvature @ previous**2 < 1e-3 * (curvature @ plain**2)


def test_update_of_length_zero_moves_nothing(penalty, rng):
    theta = np.abs(rng.standard_normal(6))
    before = theta.copy()
    kernels.update(theta, rng.standard_normal(6), 0.0, 0.3, penalty)
    np.testing.assert_array_equal(theta, before)


def test_prox_minimises_its_definition(penalty):
    grid = np.linspace(-3, 3, 60001)
    for z in (-2.0, -0.1, 0.0, 0.05, 1.3):
        w = penalties.prox(penalty, 1, z, 0.7)
        values = [penalties.value(penalty, 1, g) + (g - z) ** 2 / 1.4 for g in grid[::100]]
        assert penalties.value(penalty, 1, w) + (w - z) ** 2 / 1.4 <= min(values) + 1e-12


def test_distance_is_zero_exactly_at_the_minimiser(penalty):
    for z in (-2.0, 0.05, 1.3):
        w = penalties.prox(penalty, 1, z, 1.0)
        assert penalties.distance(penalty, 1, w, w - z) < 1e-15
        assert penalties.distance(penalty, 1, w + 0.5, w + 0.5 - z) > 0.1


def test_slope_is_the_derivative_of_value(penalty):
    h = 1e-6
    difference = penalties.value(penalty, 1, 0.8 + h) - penalties.value(penalty, 1, 0.8 - h)
    assert abs(difference / (2 * h) - penalties.slope(penalty, 1, 0.8)) < 1e-8


SIDES = (-2.0, -0.3, 0.3, 2.0)  # of zero, where the kinks are


def test_a_piece_is_where_the_penalty_is_linear(penalty):
    for j, w in itertools.product((1, 2), (0.0, *SIDES)):
        if not np.isfinite(penalties.value(penalty, j, w)):
            continue
        low, high = penalties.segment(penalty, j, w)
        assert low <= w <= high and (low == high or low < w < high)
        for other in np.clip(SIDES, low, high):
            change = penalties.value(penalty, j, other) - penalties.value(penalty, j, w)
            slope = penalties.slope(penalty, j, w)
            assert change == pytest.approx(slope * (other - w), abs=1e-15)


def test_a_piece_ends_where_linearity_does(penalty):
    for j, w in itertools.product((1, 2), (0.0, *SIDES)):
        if not np.isfinite(penalties.value(penalty, j, w)):
            continue
        for end in penalties.segment(penalty, j, w):
            if np.isfinite(end):
                before, after = (penalties.value(penalty, j, end + h) for h in (-1.0, 1.0))
                assert before + after > 2 * penalties.value(penalty, j, end)


def test_critical_strength_is_the_least_multiple_that_keeps_zero(penalty):
    for j, gradient in itertools.product((1, 2), SIDES):
        held = penalties.critical_strength(penalty, j, gradient)
        enough = penalties.times(penalty, held * (1 + 1e-12))
        less = penalties.times(penalty, held * (1 - 1e-6))
        none = held == 0.0 and penalties.distance(enough, j, 0.0, gradient) > 0.0
        assert none == (penalties.value(penalty, j, -np.sign(gradient)) == 0.0)
        if not none:
            assert penalties.distance(enough, j, 0.0, gradient) == 0.0
            assert penalties.prox(enough, j, -gradient, 1.0) == 0.0
        if held > 0.0:
            assert penalties.distance(less, j, 0.0, gradient) > 0.0


@pytest.mark.parametrize("factor", [0.0, 0.5, 4.0])
def test_times_multiplies_the_penalty(penalty, factor):
    many = penalties.times(penalty, factor)
    assert type(many) is type(penalty)
    for j, w in itertools.product((1, 2), SIDES):
        value = penalties.value(penalty, j, w)
        if np.isfinite(value):
            assert penalties.value(many, j, w) == pytest.approx(factor * value)
            assert penalties.slope(many, j, w) == factor * penalties.slope(penalty, j, w)
        assert penalties.prox(many, j, w, 0.7) == penalties.prox(penalty, j, w, 0.7 * factor)


def test_distances_agree_with_reference(penalty, rng):
    theta, g = np.abs(rng.standard_normal(6)), rng.standard_normal(6)
    theta[1] = 0.0
    np.testing.assert_allclose(
        kernels.distances(penalty, theta, g), reference.distances(penalty, theta, g)
    )


@pytest.mark.parametrize("points", [1, 3])
def test_critical_strength_agrees_with_reference(penalty, points, rng):
    correlations, factors = rng.standard_normal((6, points)), 0.1 + rng.random(points)
    np.testing.assert_allclose(
        kernels.critical_strength(penalty, correlations, factors),
        reference.critical_strength(penalty, correlations, factors),
        rtol=1e-15,
    )


@pytest.mark.parametrize("name", ["none", "l1"])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("rows", [37, 400], ids=["one block", "many blocks"])
def test_descent_agrees_with_reference(store, name, fit_intercept, rng, rows, monkeypatch):
    if rows == 400:
        monkeypatch.setattr(storages, "BLOCK_ENTRIES", 64)
    X, y = as_design(store(matrix(rows))).storage, rng.standard_normal(rows)
    states = []
    for module in (kernels, reference):
        theta, intercept, history = np.full(6, 0.5), np.zeros(1), np.zeros((20, 2))
        status = module.descent_steps(
            X,
            y,
            theta,
            intercept,
            eta=0.01,
            loss=losses.Squared(),
            l2=0.2,
            penalty=PENALTIES[name],
            fit_intercept=fit_intercept,
            history=history,
            first=0,
            last=20,
            scratch=np.empty(6),
        )
        states.append((status, theta, intercept, history))
    assert states[0][0] == states[1][0] == -1
    for ours, theirs in zip(states[0][1:], states[1][1:], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-12)
