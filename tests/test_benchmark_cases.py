"""What the benchmarks time is right: fastreg and the NumPy reference agree on every case."""

from __future__ import annotations

import pytest

from benchmarks import cases


@pytest.mark.parametrize("name", cases.CASES)
def test_fastreg_agrees_with_reference(name):
    case = cases.CASES[name]
    data = case.data("quick")
    error = cases.difference(case.fastreg(data), case.reference(data))
    assert error <= case.tolerance


@pytest.mark.parametrize("name", cases.CASES)
def test_every_call_returns_the_same(name):
    case = cases.CASES[name]
    for side in cases.SIDES:
        run = getattr(case, side)
        first = run(case.data("quick"))
        assert cases.difference(run(case.data("quick")), first) <= 1e-12


def test_every_case_has_every_size():
    assert all(set(case.sizes) == set(cases.SIZES) for case in cases.CASES.values())


def test_difference_sees_shape_and_nan():
    assert cases.difference([1.0, 2.0], [1.0, 4.0]) == 0.5
    assert cases.difference([[1.0]], [1.0]) == float("inf")
    assert not cases.difference((1.0, float("nan")), (1.0, 2.0)) <= 1.0
